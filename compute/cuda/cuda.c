/* SPDX-License-Identifier: Apache-2.0
 * The GPU backend's host side: the device and its stream, scratch, errors, and the tables of its
 * variants.
 * Read next: compute/cuda/cuda.h; memory.c for memory and copies. */
#include "compute/cuda/cuda.h"

#include "base/mem.h"
#include "compute/cuda/memory.h"
#include "compute/cuda/product.h"
#include "compute/cuda_scratch.h"
#include "compute/module.h"

#include <stdio.h>

/* After these the context is gone: nothing on this GPU works until a new process opens it. */
static bool is_lost(cudaError_t result) {
    switch (result) {
    case cudaErrorECCUncorrectable:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorAssert:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
    case cudaErrorContained:
    case cudaErrorUnknown: return true;
    default: return false;
    }
}

err cuda_check(const struct compute *c, cudaError_t result, const char *call) {
    if (result == cudaSuccess) return ERR_OK;
    const err code = result == cudaErrorMemoryAllocation ? ERR_MEMORY
                     : is_lost(result)                   ? ERR_DEVICE
                                                         : ERR_IO;
    return fail(code, "%s on GPU %d: %s (%s)", call, c->state ? cuda_state(c)->device : 0,
                cudaGetErrorString(result), cudaGetErrorName(result));
}

static void version_text(int version, char out[16]) {
    snprintf(out, 16, "%d.%d", version / 1000, version % 1000 / 10);
}

/* The driver's answer to the first call: one that is too old says so there. */
static err check_driver(const struct compute *c, cudaError_t result) {
    int driver = 0, runtime = 0;
    char has[16], needs[16];
    if (result != cudaErrorInsufficientDriver)
        return result == cudaErrorNoDevice ? fail(ERR_UNSUPPORTED, "no GPU on this machine")
                                           : cuda_check(c, result, "cudaGetDeviceCount");
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&runtime);
    version_text(driver, has);
    version_text(runtime, needs);
    if (driver == 0) return fail(ERR_UNSUPPORTED, "no NVIDIA driver on this machine that answers");
    err e = fail(ERR_UNSUPPORTED,
                 "the NVIDIA driver is too old: it knows CUDA %s, and the GPU backend needs %s",
                 has, needs);
    return fail_hint(e, "update the driver, or train on the processor with --device cpu");
}

static void cuda_close(struct compute *c) {
    struct cuda_state *s = cuda_state(c);
    if (!s) return;
    if (s->stream) (void)cudaStreamSynchronize(s->stream);
    cuda_copies_close(c);
    filter_close(s);
    blas_release(s);
    if (s->own.at) (void)cudaFree(s->own.at);
    if (s->blas) (void)cublasLtDestroy(s->blas);
    if (s->stream) (void)cudaStreamDestroy(s->stream);
    mem_free(s);
    c->state = NULL;
}

static err cuda_open(struct compute *c) {
    int n_devices = 0;
    c->state = NULL;
    TRY(check_driver(c, cudaGetDeviceCount(&n_devices)));
    if (n_devices < 1) return fail(ERR_UNSUPPORTED, "no GPU on this machine");
    struct cuda_state *s = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    c->state = s;
    err e = cuda_check(c, cudaSetDevice(s->device), "cudaSetDevice");
    if (!e)
        e = cuda_check(c, cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking),
                       "cudaStreamCreate");
    if (!e && cublasLtCreate(&s->blas) != CUBLAS_STATUS_SUCCESS)
        e = fail(ERR_IO, "cublasLtCreate failed on GPU %d", s->device);
    if (!e) e = cuda_copies_open(c);
    if (e) cuda_close(c);
    return e;
}

static err cuda_open_cudnn(struct compute *c) {
    TRY(cuda_open(c));
    err e = filter_open(c);
    if (e) cuda_close(c);
    return e;
}

static void cuda_lend(struct compute *c, void *memory, size_t bytes) {
    struct cuda_state *s = cuda_state(c);
    if (s->n_lent < COMPUTE_LENDERS) s->lent[s->n_lent++] = (struct cuda_memory){memory, bytes};
}

static void cuda_take_back(struct compute *c, const void *memory) {
    struct cuda_state *s = cuda_state(c);
    int n = 0;
    for (int i = 0; i < s->n_lent; i++)
        if (s->lent[i].at != memory) s->lent[n++] = s->lent[i];
    s->n_lent = n;
}

err cuda_scratch(struct compute *c, size_t bytes, void **out) {
    struct cuda_state *s = cuda_state(c);
    for (int i = s->n_lent; i-- > 0;) {
        *out = s->lent[i].at;
        if (bytes <= s->lent[i].bytes) return ERR_OK;
    }
    if (bytes > s->own.bytes) {
        TRY(cuda_wait(c)); /* an operation before may still use it */
        if (s->own.at) TRY(cuda_check(c, cudaFree(s->own.at), "cudaFree"));
        s->own = (struct cuda_memory){0};
        TRY(cuda_alloc(c, bytes, &s->own.at));
        s->own.bytes = bytes;
    }
    *out = s->own.at;
    return ERR_OK;
}

/* Hidden, so that one that is missing is an error of the linker, not of the program that loads. */
#define OP(name)                                                                                   \
    extern err cuda_##name(struct compute *, const struct name##_args *)                           \
        __attribute__((visibility("hidden")));
#include "compute/ops.def"
#undef OP

#define CUDA_FUNCTIONS(variant_name, dtype)                                                        \
    .name = "cuda", .variant = variant_name, .act_dtype = dtype, .close = cuda_close,              \
    .alloc = cuda_alloc, .free = cuda_free, .upload = cuda_upload, .download = cuda_download,      \
    .zero = cuda_zero, .wait = cuda_wait, .memory_left = cuda_memory_left, .pin = cuda_pin,        \
    .unpin = cuda_unpin, .fetch = cuda_fetch, .use = cuda_use, .store = cuda_store,                \
    .give = cuda_give, .lend = cuda_lend, .take_back = cuda_take_back

static const struct backend bf16 = {
    CUDA_FUNCTIONS("bf16", DTYPE_BF16),
    .open = cuda_open,
    .scratch_bytes = cuda_scratch_bf16,
#define OP(name) .name = cuda_##name,
#include "compute/ops.def"
#undef OP
};
static const struct backend f32 = {
    CUDA_FUNCTIONS("f32", DTYPE_F32),
    .open = cuda_open,
    .scratch_bytes = cuda_scratch_f32,
#define OP(name) .name = cuda_##name,
#include "compute/ops.def"
#undef OP
};
static const struct backend cudnn = {
    CUDA_FUNCTIONS("cudnn", DTYPE_BF16),
    .open = cuda_open_cudnn,
    .scratch_bytes = cuda_scratch_bf16,
#define OP(name) .name = cuda_##name,
#include "compute/ops.def"
#undef OP
};
static const struct backend *const variants[] = {&bf16, &f32, &cudnn};

extern const struct backend_module cotrain_backend_module;
const struct backend_module cotrain_backend_module = {
    COTRAIN_VERSION, COTRAIN_BACKEND_INTERFACE, variants, sizeof variants / sizeof variants[0]};
