/* SPDX-License-Identifier: Apache-2.0
 * Device memory: an address range of its own, each allocation behind a page that faults and flush
 * against the next, addresses never given twice. Pinned host memory. Copies and fills. Under
 * EMU_PROTECT the host cannot touch device memory, nor pinned memory that a copy it has not waited
 * for still writes (or, for writing, still reads).
 * Read next: streams.cpp, which runs what is deferred here. */
#include "tests/cudasim/emu.h"

#include <csignal>
#include <cstdlib>
#include <list>
#include <map>
#include <sys/mman.h>

namespace emu {
constexpr size_t ARENA_BYTES = 1ul << 38, ALIGNMENT = 256;

struct PinnedUse {
    char *at;
    size_t bytes;
    Use use;
};
char *arena, *arena_end;
static std::vector<Allocation> allocations;
static std::vector<uint32_t> page_owner; /* index in allocations + 1 */
static size_t n_live_bytes;
static bool is_open; /* device memory, for the host */
static std::map<const void *, size_t> pinned;
static std::list<std::shared_ptr<PinnedUse>> pinned_uses;

static char *page_of(const void *p) {
    return (char *)((uintptr_t)p & ~(PAGE - 1));
}
static size_t round_up(size_t n, size_t step) {
    return (n + step - 1) / step * step;
}
static char *end_of(const Allocation &a) { /* a page boundary */
    return a.at + round_up(a.bytes, ALIGNMENT);
}

void memory_init() {
    arena = arena_end =
        (char *)mmap((void *)0x200000000000, ARENA_BYTES, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (arena == MAP_FAILED) fault("no address range for device memory");
    handle_memory_faults();
}
Allocation *find_allocation(const void *p) {
    if ((const char *)p < arena || (const char *)p >= arena_end) return nullptr;
    const uint32_t owner = page_owner[(size_t)((const char *)p - arena) / PAGE];
    return owner ? &allocations[owner - 1] : nullptr;
}
bool is_device(const void *p) {
    return arena && (const char *)p >= arena && (const char *)p < arena + ARENA_BYTES;
}
size_t live_bytes() {
    return n_live_bytes;
}
void require(const void *p, size_t n, const char *what, Use use) {
    const Allocation *a = find_allocation(p);
    const char *at = (const char *)p;
    if (!a || !a->live) fault("%s: %p is not %s device memory", what, p, a ? "live" : "in");
    if (at < a->at || at + n > a->at + a->bytes)
        fault("%s: %zu bytes at %p leave their allocation (%p, %zu bytes)", what, n, p, a->at,
              a->bytes);
    if (use == READ && !all_initialised(p, n))
        fault("%s: reads uninitialised device memory (%zu bytes at %p)", what, n, p);
}
/* ---- pinned memory in use ---- */
static void protect_pinned() {
    if (!options().protect) return;
    for (auto &[p, n] : pinned) mprotect((void *)p, round_up(n, PAGE), PROT_READ | PROT_WRITE);
    if (is_open) return;
    for (auto &u : pinned_uses)
        mprotect(page_of(u->at), (size_t)(u->at + u->bytes - page_of(u->at)),
                 u->use == WRITE ? PROT_NONE : PROT_READ);
}
std::shared_ptr<PinnedUse> pinned_begin(const void *p, size_t n, Use use) {
    if (!options().protect || n == 0) return nullptr;
    auto u = std::make_shared<PinnedUse>(PinnedUse{(char *)p, n, use});
    pinned_uses.push_back(u);
    protect_pinned();
    return u;
}
void pinned_end(const std::shared_ptr<PinnedUse> &use) {
    if (!use) return;
    pinned_uses.remove(use);
}
/* Around deferred work, which alone may touch everything. */
void open_device_memory(bool open) {
    if (!options().protect || is_open == open) return;
    is_open = open;
    for (auto &a : allocations)
        if (a.live)
            mprotect(page_of(a.at), (size_t)(end_of(a) - page_of(a.at)),
                     open ? PROT_READ | PROT_WRITE : PROT_NONE);
    protect_pinned();
}
bool is_pinned(const void *p) {
    auto next = pinned.upper_bound(p);
    if (next == pinned.begin()) return false;
    const auto &[at, bytes] = *--next;
    return (const char *)p < (const char *)at + bytes;
}
/* Whether a fault at p may be ignored: a neighbour on a page that is protected. */
static bool pinned_fault(char *p) {
    if (!is_pinned(p)) return false;
    for (auto &u : pinned_uses)
        if (p >= u->at && p < u->at + u->bytes)
            fault("host code touched pinned memory %p that a copy not waited for %s", p,
                  u->use == WRITE ? "writes" : "reads");
    return mprotect(page_of(p), PAGE, PROT_READ | PROT_WRITE) == 0;
}

static void on_fault(int number, siginfo_t *info, void *) {
    char *p = (char *)info->si_addr;
    if (is_device(p)) {
        const Allocation *a = find_allocation(p);
        if (self)
            fault("kernel access outside device memory: %p%s", p, a && !a->live ? " (freed)" : "");
        fault("host code touched device memory: %p%s", p,
              !a         ? " (outside every allocation)"
              : !a->live ? " (freed)"
                         : "");
    }
    if (pinned_fault(p)) return;
    signal(number, SIG_DFL);
    raise(number);
}
static void on_trap(int number, siginfo_t *info, void *) {
    if (self)
        fault("undefined behaviour (misaligned pointer, array index, shift or overflow) at %s",
              place_of((const char *)info->si_addr + 1).c_str());
    signal(number, SIG_DFL);
    raise(number);
}
void handle_memory_faults() {
    static char stack[65536]; /* a fiber's may be what overflowed */
    stack_t alternate = {};
    alternate.ss_sp = stack, alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    action.sa_sigaction = on_trap;
    sigaction(SIGILL, &action, nullptr);
}

static void take_pages(char *from, char *to) {
    const bool hidden = options().protect && !is_open;
    mprotect(from, (size_t)(to - from), hidden ? PROT_NONE : PROT_READ | PROT_WRITE);
    page_owner.resize((size_t)(to - arena) / PAGE, 0);
    for (char *p = from; p < to; p += PAGE)
        page_owner[(size_t)(p - arena) / PAGE] = (uint32_t)allocations.size();
    arena_end = to;
}
static void fill_with_poison(const Allocation &a) {
    char *from = page_of(a.at), *to = end_of(a);
    mprotect(from, (size_t)(to - from), PROT_READ | PROT_WRITE);
    for (char *p = a.at; p < to; p += 4) memcpy(p, &POISON, 4);
    mark_initialised(a.at, a.bytes, false);
}
} // namespace emu
using namespace emu;

cudaError_t cudaMalloc(void **out, size_t n) {
    std::lock_guard lock(emu::mutex);
    *out = nullptr;
    (void)options();
    if (n == 0) return cudaSuccess;
    trace("cudaMalloc", n);
    if (fails("malloc")) return result(cudaErrorMemoryAllocation);
    if (n_live_bytes + n > options().memory_bytes) return result(cudaErrorMemoryAllocation);
    char *first = arena_end + PAGE, *end = first + round_up(round_up(n, ALIGNMENT), PAGE);
    if (end > arena + ARENA_BYTES) return result(cudaErrorMemoryAllocation);
    allocations.push_back({end - round_up(n, ALIGNMENT), n, true});
    fill_with_poison(allocations.back());
    take_pages(first, end);
    n_live_bytes += n;
    *out = allocations.back().at;
    return cudaSuccess;
}
cudaError_t cudaFree(void *p) {
    std::lock_guard lock(emu::mutex);
    if (!p) return cudaSuccess;
    Allocation *a = find_allocation(p);
    if (!a || a->at != p) fault("cudaFree: %p was never given by cudaMalloc", p);
    if (!a->live) fault("cudaFree: %p was freed already", p);
    if (cudaError_t e = lost()) return result(e);
    drain_all();
    a = find_allocation(p);
    a->live = false;
    n_live_bytes -= a->bytes;
    mmap(page_of(p), (size_t)(end_of(*a) - page_of(p)), PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    return cudaSuccess;
}
cudaError_t cudaMallocAsync(void **out, size_t n, cudaStream_t) {
    return cudaMalloc(out, n);
}
cudaError_t cudaFreeAsync(void *p, cudaStream_t) {
    return cudaFree(p);
}
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *all_bytes) {
    std::lock_guard lock(emu::mutex);
    *free_bytes = options().memory_bytes - n_live_bytes;
    *all_bytes = options().memory_bytes;
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t n) {
    std::lock_guard lock(emu::mutex);
    trace("cudaMallocHost", n);
    void *p = mmap(nullptr, round_up(n ? n : 1, PAGE), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *out = p == MAP_FAILED ? nullptr : p;
    if (!*out) return result(cudaErrorMemoryAllocation);
    pinned[p] = n ? n : 1;
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void **out, size_t n, unsigned) {
    return cudaMallocHost(out, n);
}
cudaError_t cudaFreeHost(void *p) {
    std::lock_guard lock(emu::mutex);
    if (!p) return cudaSuccess;
    auto found = pinned.find(p);
    if (found == pinned.end()) fault("cudaFreeHost: %p was never given, or freed already", p);
    drain_all();
    munmap(p, round_up(found->second, PAGE));
    pinned.erase(found);
    return cudaSuccess;
}
