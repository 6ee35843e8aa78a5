/* SPDX-License-Identifier: Apache-2.0
 * The rest of the CUDA runtime that the project uses: the device and its attributes, errors, the
 * launch of a kernel; the emulator's options, its way to end a program that did something wrong,
 * and what is looked at when a program ends.
 * Read next: emu.h, threads.cpp. */
#include "tests/cudasim/emu.h"

#include <cstdarg>
#include <cstdlib>
#include <map>
#include <unistd.h>

namespace emu {
static thread_local cudaError_t last_error;
static std::map<const void *, int>
    shared_limit; /* by kernel, where cudaFuncSetAttribute was called */
constexpr int SHARED_DEFAULT = 48 << 10, N_MULTIPROCESSORS = 4;

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value && *value && strcmp(value, "0") != 0 ? value : nullptr;
}
static Order order_of(const char *variable_name, const char *reverse) {
    const char *value = variable(variable_name);
    if (!value) return FORWARD;
    return strcmp(value, reverse) == 0 ? REVERSE : strcmp(value, "random") == 0 ? RANDOM : FORWARD;
}
static unsigned long number_of(const char *name, unsigned long otherwise) {
    const char *value = variable(name);
    return value ? strtoul(value, nullptr, 10) : otherwise;
}
static Options read_options() {
    Options o;
    o.threads = order_of("EMU_ORDER", "reverse");
    o.streams = order_of("EMU_STREAMS", "lifo");
    o.seed = (unsigned)number_of("EMU_SEED", o.seed);
    o.protect = variable("EMU_PROTECT");
    o.leaks = variable("EMU_LEAKS");
    o.stats = variable("EMU_STATS");
    o.memory_bytes = number_of("EMU_MEMORY_MB", o.memory_bytes >> 20) << 20;
    return o;
}
void fault(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "cuda-emu: ");
    vfprintf(stderr, format, args);
    va_end(args);
    if (self)
        fprintf(stderr, "\n  in kernel %s block (%u,%u,%u) thread (%u,%u,%u)",
                kernel_name(running_kernel()).c_str(), blockIdx.x, blockIdx.y, blockIdx.z,
                self->index.x, self->index.y, self->index.z);
    fprintf(stderr, "\n");
    fflush(stderr);
    _exit(99);
}

/* When the program ends, or closes the backend for good. */
static void finish() {
    stats_report();
    if (options().leaks && (live_bytes() || live_streams() || live_events()))
        fault("leak: %zu bytes of device memory, %d streams and %d events were not given back",
              live_bytes(), live_streams(), live_events());
}

const Options &options() {
    static const Options read = [] {
        memory_init();
        atexit(finish); /* also when this library is closed before */
        return read_options();
    }();
    return read;
}

cudaError_t result(cudaError_t e) {
    if (e) last_error = e;
    return e;
}

static bool fits(dim3 grid, dim3 block) {
    if (!grid.x || !grid.y || !grid.z || !block.x || !block.y || !block.z) return false;
    if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535 || block.z > 64) return false;
    return (size_t)block.x * block.y * block.z <= BLOCK_MAX;
}
cudaError_t launch(const void *kernel, const cudaLaunchConfig_t *config, const void *args, size_t n,
                   void (*call)(void *)) {
    std::lock_guard lock(emu::mutex);
    (void)options();
    if (!fits(config->gridDim, config->blockDim)) return result(cudaErrorInvalidConfiguration);
    auto found = shared_limit.find(kernel);
    const int limit = found == shared_limit.end() ? SHARED_DEFAULT : found->second;
    if (config->dynamicSmemBytes > (size_t)limit) return result(cudaErrorInvalidValue);
    Launch l = {kernel,
                config->gridDim,
                config->blockDim,
                config->dynamicSmemBytes,
                {(const char *)args, (const char *)args + n},
                call};
    enqueue(config->stream, [l = std::move(l)] { run_kernel(l); });
    lose("launch", cudaErrorLaunchFailure); /* told to who waits for it */
    return cudaSuccess;
}
} // namespace emu
using namespace emu;

cudaError_t cudaFuncSetAttribute(const void *kernel, cudaFuncAttribute attribute, int value) {
    std::lock_guard lock(emu::mutex);
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || (size_t)value > SHARED_MAX) return result(cudaErrorInvalidValue);
    shared_limit[kernel] = value;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n) {
    if (fails("driver")) return result(cudaErrorInsufficientDriver);
    *n = 1;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
    return device == 0 ? cudaSuccess : result(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int *device) {
    *device = 0;
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int) {
    *p = {};
    snprintf(p->name, sizeof p->name, "emulated GPU");
    p->major = 9;
    p->totalGlobalMem = options().memory_bytes;
    p->multiProcessorCount = N_MULTIPROCESSORS;
    p->warpSize = 32;
    p->sharedMemPerBlock = SHARED_DEFAULT;
    p->sharedMemPerBlockOptin = SHARED_MAX;
    p->maxThreadsPerBlock = BLOCK_MAX;
    p->maxThreadsPerMultiProcessor = 2 * BLOCK_MAX;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int) {
    switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
    case cudaDevAttrMultiProcessorCount: *value = N_MULTIPROCESSORS; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)SHARED_MAX; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    default: return result(cudaErrorInvalidValue);
    }
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version) {
    *version = fails("driver") ? 11080 : CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void) {
    const cudaError_t e = last_error;
    last_error = cudaSuccess;
    return e;
}
cudaError_t cudaPeekAtLastError(void) {
    return last_error;
}
static const struct {
    cudaError_t error;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
};
const char *cudaGetErrorName(cudaError_t e) {
    for (auto &row : errors)
        if (row.error == e) return row.name;
    return "cudaErrorUnknown";
}
const char *cudaGetErrorString(cudaError_t e) {
    for (auto &row : errors)
        if (row.error == e) return row.text;
    return "unknown error";
}

/* Not CUDA's: for tests that hold a plan against what was asked for. */
extern "C" size_t emu_live_bytes(void) {
    return live_bytes();
}
