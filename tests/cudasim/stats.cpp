/* SPDX-License-Identifier: Apache-2.0
 * Coalescing and bank conflicts, counted by source line in checked builds under EMU_STATS. A
 * request is what the lanes of one warp do at one instruction, the nth time each comes there.
 * Global memory: 32-byte sectors touched, and the fewest that could hold the bytes. Shared memory:
 * wavefronts, which are the most different words of one bank, by groups of lanes that go together
 * (32 for 4 bytes, 16 for 8, 8 for 16), and the groups. The report has one line a place:
 *     global|shared PLACE BYTES-A-LANE REQUESTS GOT IDEAL
 * Read next: tests/cudasim/coalescing.py, which holds hot kernels to it. */
#include "tests/cudasim/emu.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace emu {
struct Site {
    unsigned long requests = 0, got = 0, ideal = 0;
    size_t bytes = 0;
    bool shared = false;
};
static std::map<const void *, Site> sites;

struct Request {
    const void *pc;
    int warp;
    unsigned nth;
    bool operator==(const Request &o) const {
        return pc == o.pc && warp == o.warp && nth == o.nth;
    }
};
struct Hash {
    size_t operator()(const Request &r) const {
        return (size_t)r.pc * 31 + (size_t)r.warp * 0x9e3779b97f4a7c15 + r.nth * 0xc2b2ae3d27d4eb4f;
    }
};
struct Lanes {
    uint64_t at[32];
    unsigned mask = 0;
    size_t bytes = 0;
    bool shared = false;
};
static std::unordered_map<Request, Lanes, Hash> requests; /* of the running block */
static std::unordered_map<uint64_t, unsigned> n_executed; /* by place and thread */

void stats_access(const void *pc, const void *p, size_t n, bool shared) {
    const unsigned nth = n_executed[(uint64_t)pc * BLOCK_MAX + (uint64_t)self->number]++;
    Lanes &l = requests[{pc, self->warp, nth}];
    l.at[self->lane] = (uint64_t)p;
    l.mask |= 1u << self->lane;
    l.bytes = n, l.shared = shared;
}

static size_t n_different(std::vector<uint64_t> &v) {
    std::sort(v.begin(), v.end());
    return (size_t)(std::unique(v.begin(), v.end()) - v.begin());
}

static void add_global(const Lanes &l, Site &s) {
    std::vector<uint64_t> sectors, addresses;
    for (int i = 0; i < 32; i++) {
        if (!(l.mask >> i & 1)) continue;
        addresses.push_back(l.at[i]);
        for (uint64_t q = l.at[i] / 32; q <= (l.at[i] + l.bytes - 1) / 32; q++)
            sectors.push_back(q);
    }
    s.got += n_different(sectors);
    s.ideal += (n_different(addresses) * l.bytes + 31) / 32;
}

static void add_shared(const Lanes &l, Site &s) {
    const int together = l.bytes <= 4 ? 32 : l.bytes == 8 ? 16 : 8;
    for (int first = 0; first < 32; first += together) {
        std::vector<uint64_t> bank[32];
        bool any = false;
        for (int i = first; i < first + together; i++) {
            if (!(l.mask >> i & 1)) continue;
            any = true;
            for (uint64_t word = l.at[i] / 4; word <= (l.at[i] + l.bytes - 1) / 4; word++)
                bank[word & 31].push_back(word);
        }
        if (!any) continue;
        size_t most = 1;
        for (auto &words : bank) most = std::max(most, n_different(words));
        s.got += most;
        s.ideal++;
    }
}

void stats_end_block() {
    for (auto &[request, lanes] : requests) {
        Site &s = sites[request.pc];
        s.requests++, s.bytes = lanes.bytes, s.shared = lanes.shared;
        if (lanes.shared)
            add_shared(lanes, s);
        else
            add_global(lanes, s);
    }
    requests.clear();
    n_executed.clear();
}

void stats_report() {
    const char *path = options().stats;
    if (!path || sites.empty()) return;
    FILE *out = strcmp(path, "1") == 0 ? stderr : fopen(path, "w");
    if (!out) fault("EMU_STATS: '%s' cannot be written", path);
    std::vector<const void *> pcs;
    for (auto &[pc, site] : sites) pcs.push_back(pc);
    const auto places = places_of(pcs);
    for (size_t i = 0; i < pcs.size(); i++) {
        const Site &s = sites[pcs[i]];
        fprintf(out, "%s %s %zu %lu %lu %lu\n", s.shared ? "shared" : "global", places[i].c_str(),
                s.bytes, s.requests, s.got, s.ideal);
    }
    if (out != stderr) fclose(out);
}
} // namespace emu
