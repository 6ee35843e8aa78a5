/* SPDX-License-Identifier: Apache-2.0
 * Runs one kernel launch: a fiber per CUDA thread, blocks in turn, all on one thread of the
 * processor, always the same way. Threads of a warp meet in collectives, warps of a block at
 * barriers; which of several ready threads, warps and blocks goes on is the test's to choose
 * (EMU_ORDER).
 * Read next: emu.h; check.cpp, which sees what the threads do to memory. */
#include "tests/cudasim/emu.h"
#include "tests/cudasim/switch.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <link.h>
#include <numeric>
#include <random>
#include <sys/mman.h>
#include <unordered_map>

/* What kernels see as const variables. */
namespace emu {
extern uint3 thread_index asm("threadIdx"), block_index asm("blockIdx");
extern dim3 block_size asm("blockDim"), grid_size asm("gridDim");
extern int lane_now asm("_ZN3emu4laneE");
uint3 thread_index, block_index;
dim3 block_size, grid_size;
int lane_now;

enum { READY, AT_BARRIER, IN_COLLECTIVE, DONE };
constexpr size_t STACK = 64 << 10; /* of a thread, and a page below that faults */

Thread *self;
static std::vector<Thread> threads;
static const Launch *job;
static void *scheduler_stack;
static char *stacks;
static std::vector<int> free_stacks;
static int n_threads, n_alive, n_at_barrier, barrier_line;
static unsigned n_barriers;
static unsigned long block;
static SharedMemory memory;
static std::mt19937 random_bits;
static struct Warp { /* its lanes by state; those in none are at the barrier */
    unsigned ready, waiting, done;
} warps[BLOCK_MAX / 32];

bool is_builtin(const void *p) {
    auto in = [p](auto &v) {
        return (const char *)p >= (char *)&v && (const char *)p < (char *)(&v + 1);
    };
    return in(thread_index) || in(block_index) || in(block_size) || in(grid_size) || in(lane_now);
}
unsigned barrier_epoch() {
    return n_barriers;
}
unsigned long block_number() {
    return block;
}
const void *running_kernel() {
    return job->kernel;
}
const SharedMemory &shared_memory() {
    return memory;
}

/* ---- fibers ---- */
static char *stack_of(int i) {
    return stacks + (size_t)i * (STACK + PAGE) + PAGE;
}
static char *args_of(int i) { /* each thread's own copy, at the top; staggered, as all tops in one
                                 set of the cache would be slow */
    const size_t stagger = (size_t)(i * 7 % 32) * 128;
    return stack_of(i) + STACK - 64 - stagger - ((job->args.size() + 15) & ~15ul);
}
bool on_own_stack(const void *p) {
    if (!self) return false;
    const char *low = stack_of(self->stack);
    return (const char *)p >= low && (const char *)p < low + STACK;
}
bool on_other_stack(const void *p, int *thread) {
    const char *at = (const char *)p;
    if (!stacks || at < stacks || at >= stacks + BLOCK_MAX * (STACK + PAGE)) return false;
    const int stack = (int)((size_t)(at - stacks) / (STACK + PAGE));
    *thread = -1;
    for (auto &t : threads)
        if (t.stack == stack && t.state != DONE) *thread = t.number;
    return true;
}

static void park(int state) {
    self->state = state;
    emu_switch(&self->stack_pointer, scheduler_stack);
}
static void thread_main() {
    job->call(args_of(self->stack));
    n_alive--;
    park(DONE);
    abort();
}
static void start(Thread &t) {
    t.stack = free_stacks.back();
    free_stacks.pop_back();
    char *args = args_of(t.stack);
    memcpy(args, job->args.data(), job->args.size());
    void **top = (void **)args;
    *--top = nullptr; /* thread_main's return address: keeps the stack aligned */
    *--top = (void *)thread_main;
    t.stack_pointer = top - EMU_SWITCH_WORDS;
}
static void make_stacks() {
    const size_t bytes = BLOCK_MAX * (STACK + PAGE);
    stacks = (char *)mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (int i = BLOCK_MAX - 1; i >= 0; i--) {
        mprotect(stack_of(i) - PAGE, PAGE, PROT_NONE);
        free_stacks.push_back(i);
    }
    random_bits.seed(options().seed);
}

/* ---- barriers and collectives ---- */
void barrier(int line) {
    if (n_at_barrier && line != barrier_line)
        fault("__syncthreads of lines %d and %d meet", barrier_line, line);
    barrier_line = line;
    n_at_barrier++;
    park(AT_BARRIER);
}
void collective(unsigned mask, Op op, uint64_t in, WarpFn function) {
    Thread *me = self;
    if (!(mask >> me->lane & 1))
        fault("warp collective: mask %08x does not name the calling lane %d", mask, me->lane);
    me->mask = mask, me->op = op, me->in = in, me->function = function;
    park(IN_COLLECTIVE);
}
uint64_t lane_value(unsigned mask, int of) {
    if (!(mask >> (of & 31) & 1)) return (uint64_t)POISON << 32 | POISON; /* undefined on a GPU */
    return threads[(size_t)(self->warp * 32 + (of & 31))].out;
}

/* t has just come to a collective: completes it when t was the last of its mask. */
static void try_collective(Thread &t) {
    Warp &w = warps[t.warp];
    Thread *lanes = &threads[(size_t)t.warp * 32];
    if (t.mask & w.done) {
        const int i = __builtin_ctz(t.mask & w.done);
        fault("warp collective: mask %08x names lane %d, which %s", t.mask, i,
              t.warp * 32 + i < n_threads ? "has exited" : "does not exist");
    }
    if ((w.waiting & t.mask) != t.mask) return;
    uint64_t in[32] = {};
    for (unsigned left = t.mask; left; left &= left - 1) {
        const int i = __builtin_ctz(left);
        Thread &other = lanes[i];
        if (other.mask != t.mask || other.op != t.op)
            fault("warp collective mismatch: lane %d op %d mask %08x, lane %d op %d mask %08x",
                  t.lane, t.op, t.mask, i, other.op, other.mask);
        other.out = in[i] = other.in;
        other.warp_epoch += t.op == SYNCWARP;
    }
    if (t.function) t.function(t.mask, in);
    w.waiting &= ~t.mask;
    w.ready |= t.mask;
}

/* ---- one block ---- */
static void poison(char *from, char *to) {
    for (; from + 4 <= to; from += 4) memcpy(from, &POISON, 4);
}
static void poison_shared() {
    if (memory.dynamic < memory.begin || memory.dynamic >= memory.end)
        return poison(memory.begin, memory.end);
    poison(memory.begin, memory.dynamic + memory.dynamic_bytes / 4 * 4);
    poison(memory.dynamic + SHARED_MAX, memory.end);
}
static void make_threads() {
    const unsigned x = block_size.x, y = block_size.y;
    for (int i = 0; i < n_threads; i++) {
        Thread &t = threads[(size_t)i] = Thread{};
        const unsigned u = (unsigned)i;
        t.number = i, t.lane = i & 31, t.warp = i >> 5;
        t.index = {u % x, u / x % y, u / (x * y)};
    }
}
static int pick_lane(unsigned ready) {
    if (options().threads == FORWARD) return __builtin_ctz(ready);
    if (options().threads == REVERSE) return 31 - __builtin_clz(ready);
    const unsigned n = (unsigned)__builtin_popcount(ready);
    for (uint64_t skip = (uint64_t)random_bits() * n >> 32; skip; skip--) ready &= ready - 1;
    return __builtin_ctz(ready);
}
/* Lets one thread go on until it parks. */
static void step(Warp &w, Thread &t) {
    if (t.stack < 0) start(t);
    w.ready &= ~(1u << t.lane);
    self = &t, thread_index = t.index, lane_now = t.lane;
    emu_switch(&scheduler_stack, t.stack_pointer);
    if (t.state == DONE) {
        free_stacks.push_back(t.stack);
        t.stack = -1;
        w.done |= 1u << t.lane;
    } else if (t.state == IN_COLLECTIVE) {
        w.waiting |= 1u << t.lane;
        try_collective(t);
    }
    self = nullptr;
}
/* Whether any thread went on. */
static bool run_warp(int number) {
    Warp &w = warps[number];
    bool any = false;
    for (int n = 0; w.ready; n++, any = true) {
        if (options().threads == RANDOM && n == 40) break; /* finer interleaving of warps */
        step(w, threads[(size_t)(number * 32 + pick_lane(w.ready))]);
    }
    return any;
}
[[noreturn]] static void deadlock() {
    for (auto &t : threads)
        if (t.state == IN_COLLECTIVE || t.state == AT_BARRIER) self = &t;
    fault("deadlock: %d of %d live threads wait at __syncthreads, the others in a warp collective "
          "that cannot complete",
          n_at_barrier, n_alive);
}
static void end_of_block() {
    const size_t left = copies_in_flight(n_threads);
    if (left)
        fault("kernel %s ended with %zu cp.async copies never waited for",
              kernel_name(job->kernel).c_str(), left);
    end_block();
}
static void run_block() {
    n_alive = n_threads, n_at_barrier = 0, n_barriers = 0;
    poison_shared();
    copies_begin_block(n_threads);
    begin_block();
    make_threads();
    const int n_warps = (n_threads + 31) / 32;
    int order[BLOCK_MAX / 32];
    std::iota(order, order + n_warps, 0);
    if (options().threads == REVERSE) std::reverse(order, order + n_warps);
    for (int w = 0; w < n_warps; w++) {
        const unsigned missing = w * 32 + 32 > n_threads ? ~0u << (n_threads & 31) : 0;
        warps[w] = {~missing, 0, missing};
    }
    while (n_alive) {
        bool any = false;
        if (options().threads == RANDOM) std::shuffle(order, order + n_warps, random_bits);
        for (int i = 0; i < n_warps; i++) any |= run_warp(order[i]);
        if (n_alive && n_at_barrier == n_alive) {
            n_at_barrier = 0, n_barriers++, any = true;
            for (int w = 0; w < n_warps; w++) warps[w].ready = ~warps[w].done;
        }
        if (!any) deadlock();
    }
    end_of_block();
}

/* ---- one launch ---- */
static int find_image(dl_phdr_info *info, size_t, void *base) {
    if ((void *)info->dlpi_addr != base) return 0;
    for (int k = 0; k < info->dlpi_phnum; k++) {
        if (info->dlpi_phdr[k].p_type != PT_TLS || !info->dlpi_tls_data) continue;
        memory.begin = (char *)info->dlpi_tls_data;
        memory.end = memory.begin + info->dlpi_phdr[k].p_memsz;
    }
    return 1;
}
/* Shared memory is the thread-local image of the object that holds the kernel, which must have no
 * other thread-local variables. */
static SharedMemory find_shared(const void *kernel) {
    static thread_local std::unordered_map<const void *, SharedMemory> known;
    auto [found, is_new] = known.try_emplace(kernel);
    if (!is_new) return found->second;
    memory = {};
    Dl_info info;
    link_map *map = nullptr;
    if (!dladdr1(kernel, &info, (void **)&map, RTLD_DL_LINKMAP)) fault("%p is no kernel", kernel);
    void *object = dlopen(info.dli_fname, RTLD_NOLOAD | RTLD_LAZY);
    if (object) { /* the look-up makes this thread's image exist */
        memory.dynamic = (char *)dlsym(object, "smem");
        dlclose(object);
    }
    dl_iterate_phdr(find_image, (void *)map->l_addr);
    return found->second = memory;
}

void run_kernel(const Launch &l) {
    if (!stacks) make_stacks();
    job = &l;
    block_size = l.block, grid_size = l.grid;
    n_threads = (int)(l.block.x * l.block.y * l.block.z);
    threads.resize((size_t)n_threads);
    memory = find_shared(l.kernel);
    memory.dynamic_bytes = l.shared_bytes;
    begin_launch(l.kernel);
    const unsigned long n_blocks = (unsigned long)l.grid.x * l.grid.y * l.grid.z;
    std::vector<unsigned> order;
    if (options().threads == RANDOM) {
        order.resize(n_blocks);
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), random_bits);
    }
    for (unsigned long n = 0; n < n_blocks; n++) {
        block = options().threads == REVERSE ? n_blocks - 1 - n : order.empty() ? n : order[n];
        block_index = {(unsigned)(block % l.grid.x), (unsigned)(block / l.grid.x % l.grid.y),
                       (unsigned)(block / l.grid.x / l.grid.y)};
        run_block();
    }
}
} // namespace emu
