/* SPDX-License-Identifier: Apache-2.0
 * Asynchronous copies to shared memory (cuda_pipeline_primitives.h): each happens as late as
 * allowed, when its thread waits for its group; until then the destination holds no number, and the
 * checked build refuses to read it.
 * Read next: threads.cpp, which finds copies never waited for. */
#include "tests/cudasim/emu.h"

#include <algorithm>

namespace emu {
struct Copy {
    void *to;
    const void *from;
    size_t bytes, zero_bytes; /* the last zero_bytes are set to 0 */
    int group;
};
static struct {
    std::vector<Copy> copies;
    int group = 0; /* copies started now belong to it */
} of_thread[BLOCK_MAX];

size_t copies_in_flight(int n_threads) {
    size_t n = 0;
    for (int i = 0; i < n_threads; i++) n += of_thread[i].copies.size();
    return n;
}
void copies_begin_block(int n_threads) {
    for (int i = 0; i < n_threads; i++) of_thread[i].group = 0;
}
} // namespace emu

void __pipeline_memcpy_async(void *to, const void *from, size_t n, size_t zero_bytes) {
    if (n != 4 && n != 8 && n != 16) emu::fault("cp.async: %zu bytes, not 4, 8 or 16", n);
    if ((uintptr_t)to % n || (uintptr_t)from % n)
        emu::fault("cp.async: misaligned for %zu bytes: to %p, from %p", n, to, from);
    if (zero_bytes > n) emu::fault("cp.async: %zu of %zu bytes are zeroed", zero_bytes, n);
    const void *pc = __builtin_return_address(0);
    emu::check_access(from, n - zero_bytes, false, false, pc);
    emu::check_access(to, n, true, false, pc);
    for (size_t i = 0; i < n; i += 4) memcpy((char *)to + i, &emu::POISON, 4);
    emu::copy_pending(to, n, true);
    auto &mine = emu::of_thread[emu::self->number];
    mine.copies.push_back({to, from, n, zero_bytes, mine.group});
}

void __pipeline_commit() {
    emu::of_thread[emu::self->number].group++;
}

void __pipeline_wait_prior(size_t keep) {
    auto &mine = emu::of_thread[emu::self->number];
    auto due = [&](const emu::Copy &c) { return c.group < mine.group - (int)keep; };
    for (auto &c : mine.copies) {
        if (!due(c)) continue;
        memcpy(c.to, c.from, c.bytes - c.zero_bytes);
        memset((char *)c.to + c.bytes - c.zero_bytes, 0, c.zero_bytes);
        emu::copy_pending(c.to, c.bytes, false);
    }
    mine.copies.erase(std::remove_if(mine.copies.begin(), mine.copies.end(), due),
                      mine.copies.end());
}
