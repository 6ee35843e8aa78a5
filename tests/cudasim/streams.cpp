/* SPDX-License-Identifier: Apache-2.0
 * Streams and events. All work is deferred until the host waits for something; then it is run one
 * piece at a time in an order that CUDA allows and the test chooses (EMU_STREAMS): whoever relies
 * on more than events and stream order promise sees it.
 * Read next: emu.h. */
#include "tests/cudasim/emu.h"

#include <algorithm>
#include <deque>
#include <map>
#include <random>

struct CUstream_st {
    bool blocking; /* ordered against the legacy default stream */
};
struct CUevent_st {
    unsigned long recorded; /* the number of its marker; 0: never recorded */
};

namespace emu {
struct Work {
    unsigned long number;
    CUstream_st *stream;
    std::function<void()> run; /* none: a marker */
    unsigned long after;       /* the marker it waits for */
};
std::recursive_mutex mutex;
static CUstream_st legacy{true};
static std::deque<Work> queue;
static unsigned long last_number;
static int n_streams, n_events;
static std::mt19937 *random_bits;

static CUstream_st *stream_of(cudaStream_t s) {
    return !s || s == cudaStreamLegacy ? &legacy : s;
}
void enqueue(cudaStream_t stream, std::function<void()> run) {
    std::lock_guard lock(emu::mutex);
    (void)options();
    queue.push_back({++last_number, stream_of(stream), std::move(run), 0});
}
static bool is_pending(unsigned long number) {
    return std::any_of(queue.begin(), queue.end(), [=](Work &w) { return w.number == number; });
}
static bool ordered(const CUstream_st *a, const CUstream_st *b) {
    return a == b || (a == &legacy && b->blocking) || (b == &legacy && a->blocking);
}
static bool can_run(size_t i) {
    for (size_t j = 0; j < i; j++)
        if (ordered(queue[j].stream, queue[i].stream)) return false;
    return !queue[i].after || !is_pending(queue[i].after);
}
static size_t choose() {
    std::vector<size_t> ready;
    for (size_t i = 0; i < queue.size(); i++) {
        if (!can_run(i)) continue;
        if (options().streams == FORWARD) return i;
        ready.push_back(i);
    }
    if (ready.empty()) fault("deadlock: no work on any stream can go on");
    if (options().streams == REVERSE) return ready.back();
    if (!random_bits) random_bits = new std::mt19937(options().seed);
    return ready[(*random_bits)() % ready.size()];
}
template <class F> static void drain(F done) {
    static bool draining;
    if (draining || done()) return;
    draining = true;
    open_device_memory(true);
    while (!done()) {
        const size_t i = choose();
        auto run = std::move(queue[i].run);
        queue.erase(queue.begin() + (long)i);
        if (run) run();
    }
    open_device_memory(false);
    draining = false;
}
void drain_all() {
    drain([] { return queue.empty(); });
}
void drain_stream(cudaStream_t stream) {
    CUstream_st *s = stream_of(stream);
    drain([=] {
        return std::none_of(queue.begin(), queue.end(), [=](Work &w) {
            return w.stream == s || (s == &legacy && w.stream->blocking);
        });
    });
}
int live_streams() {
    return n_streams;
}
int live_events() {
    return n_events;
}
} // namespace emu
using namespace emu;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags) {
    std::lock_guard lock(emu::mutex);
    (void)options();
    n_streams++;
    *out = new CUstream_st{!(flags & cudaStreamNonBlocking)};
    return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t *out) {
    return cudaStreamCreateWithFlags(out, cudaStreamDefault);
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *out, unsigned flags, int) {
    return cudaStreamCreateWithFlags(out, flags);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    std::lock_guard lock(emu::mutex);
    lose("sync", cudaErrorECCUncorrectable);
    if (cudaError_t e = lost()) return result(e);
    drain_stream(stream);
    return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
    std::lock_guard lock(emu::mutex);
    CUstream_st *s = stream_of(stream);
    for (auto &w : queue)
        if (w.stream == s) return cudaErrorNotReady;
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    std::lock_guard lock(emu::mutex);
    drain_stream(stream);
    n_streams--;
    delete stream;
    return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void) {
    std::lock_guard lock(emu::mutex);
    drain_all();
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned) {
    std::lock_guard lock(emu::mutex);
    n_events++;
    *out = new CUevent_st{0};
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *out) {
    return cudaEventCreateWithFlags(out, cudaEventDefault);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    std::lock_guard lock(emu::mutex);
    n_events--;
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    std::lock_guard lock(emu::mutex);
    enqueue(stream, nullptr);
    event->recorded = last_number;
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    std::lock_guard lock(emu::mutex);
    enqueue(stream, nullptr);
    queue.back().after = event->recorded;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    std::lock_guard lock(emu::mutex);
    const unsigned long number = event->recorded;
    if (cudaError_t e = lost()) return result(e);
    drain([=] { return !number || !is_pending(number); });
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    std::lock_guard lock(emu::mutex);
    return event->recorded && is_pending(event->recorded) ? cudaErrorNotReady : cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t, cudaEvent_t) {
    *milliseconds = 1;
    return cudaSuccess;
}
