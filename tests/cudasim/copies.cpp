/* SPDX-License-Identifier: Apache-2.0
 * cudaMemcpy and cudaMemset: deferred in their stream like kernels, with CUDA's rules for what is
 * asynchronous: a pageable source is staged before the call returns, a pageable destination makes
 * the call wait, pinned memory does neither.
 * Read next: memory.cpp, streams.cpp. */
#include "tests/cudasim/emu.h"

namespace emu {
static void move(void *to, const void *from, size_t n) {
    if (is_device(to)) require(to, n, "cudaMemcpy destination", WRITE);
    if (is_device(from)) require(from, n, "cudaMemcpy source", is_device(to) ? WRITE : READ);
    memmove(to, from, n);
    if (!is_device(to)) return;
    if (is_device(from))
        copy_initialised(to, from, n);
    else
        mark_initialised(to, n, true);
}
static bool kind_fits(const void *to, const void *from, cudaMemcpyKind kind) {
    switch (kind) {
    case cudaMemcpyDefault: return true;
    case cudaMemcpyHostToDevice: return is_device(to) && !is_device(from);
    case cudaMemcpyDeviceToHost: return !is_device(to) && is_device(from);
    case cudaMemcpyDeviceToDevice: return is_device(to) && is_device(from);
    default: return !is_device(to) && !is_device(from);
    }
}
static void copy(void *to, const void *from, size_t n, cudaStream_t stream) {
    if (!is_device(from) && !is_pinned(from)) {
        auto staged =
            std::make_shared<std::vector<char>>((const char *)from, (const char *)from + n);
        enqueue(stream, [=] { move(to, staged->data(), n); });
        return;
    }
    std::shared_ptr<PinnedUse> use;
    if (!is_device(from))
        use = pinned_begin(from, n, READ);
    else if (is_pinned(to))
        use = pinned_begin(to, n, WRITE);
    enqueue(stream, [=] {
        pinned_end(use);
        move(to, from, n);
    });
}
} // namespace emu
using namespace emu;

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind kind,
                            cudaStream_t stream) {
    std::lock_guard lock(emu::mutex);
    (void)options();
    if (!kind_fits(to, from, kind)) return result(cudaErrorInvalidValue);
    copy(to, from, n, stream);
    if (!is_device(to) && !is_pinned(to)) drain_stream(stream);
    return cudaSuccess;
}
cudaError_t cudaMemcpy(void *to, const void *from, size_t n, cudaMemcpyKind kind) {
    std::lock_guard lock(emu::mutex);
    const cudaError_t e = cudaMemcpyAsync(to, from, n, kind, nullptr);
    if (!e) drain_stream(nullptr);
    return e;
}
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
    for (size_t i = 0; i < height; i++) {
        const cudaError_t e = cudaMemcpyAsync(
            (char *)to + i * to_pitch, (const char *)from + i * from_pitch, width, kind, stream);
        if (e) return e;
    }
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *to, int value, size_t n, cudaStream_t stream) {
    std::lock_guard lock(emu::mutex);
    (void)options();
    if (!is_device(to)) return result(cudaErrorInvalidValue);
    enqueue(stream, [=] {
        require(to, n, "cudaMemset", WRITE);
        mark_initialised(to, n, true);
        memset(to, value, n);
    });
    return cudaSuccess;
}
cudaError_t cudaMemset(void *to, int value, size_t n) {
    return cudaMemsetAsync(to, value, n, nullptr);
}
