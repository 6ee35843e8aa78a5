/* SPDX-License-Identifier: Apache-2.0
 * The GPU backend's host side: the device, its stream, memory and copies, scratch, and the tables
 * of its two variants.
 * Read next: compute/cuda/cuda.h. */
#include "compute/cuda/cuda.h"

#include "base/mem.h"
#include "compute/cuda_scratch.h"
#include "compute/module.h"

err cuda_check(const struct compute *c, cudaError_t result, const char *call) {
    if (result == cudaSuccess) return ERR_OK;
    const int device = c->state ? cuda_state(c)->device : 0;
    return fail(result == cudaErrorMemoryAllocation ? ERR_MEMORY : ERR_IO, "%s on GPU %d: %s (%s)",
                call, device, cudaGetErrorString(result), cudaGetErrorName(result));
}

static err cuda_open(struct compute *c) {
    int n_devices = 0;
    c->state = NULL;
    TRY(cuda_check(c, cudaGetDeviceCount(&n_devices), "cudaGetDeviceCount"));
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
    return e;
}

static void cuda_close(struct compute *c) {
    struct cuda_state *s = cuda_state(c);
    if (!s) return;
    if (s->stream) (void)cudaStreamSynchronize(s->stream);
    if (s->own.at) (void)cudaFree(s->own.at);
    if (s->blas) (void)cublasLtDestroy(s->blas);
    if (s->stream) (void)cudaStreamDestroy(s->stream);
    mem_free(s);
    c->state = NULL;
}

static err cuda_wait(struct compute *c) {
    return cuda_check(c, cudaStreamSynchronize(cuda_state(c)->stream), "cudaStreamSynchronize");
}

static err cuda_zero(struct compute *c, void *p, size_t bytes) {
    if (bytes == 0) return ERR_OK;
    return cuda_check(c, cudaMemsetAsync(p, 0, bytes, cuda_state(c)->stream), "cudaMemsetAsync");
}

static err cuda_alloc(struct compute *c, size_t bytes, void **out) {
    TRY(cuda_check(c, cudaMalloc(out, bytes ? bytes : 1), "cudaMalloc"));
    return cuda_zero(c, *out, bytes);
}

static void cuda_free(struct compute *c, void *p) {
    (void)cudaStreamSynchronize(cuda_state(c)->stream);
    (void)cudaFree(p);
}

/* The host memory may be reused when these return: it is pageable. */
static err cuda_upload(struct compute *c, void *to, const void *from, size_t bytes) {
    if (bytes == 0) return ERR_OK;
    TRY(cuda_check(c,
                   cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda_state(c)->stream),
                   "cudaMemcpyAsync"));
    return cuda_wait(c);
}

static err cuda_download(struct compute *c, void *to, const void *from, size_t bytes) {
    if (bytes == 0) return ERR_OK;
    TRY(cuda_check(c,
                   cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, cuda_state(c)->stream),
                   "cudaMemcpyAsync"));
    return cuda_wait(c);
}

static void cuda_lend(struct compute *c, void *memory, size_t bytes) {
    cuda_state(c)->lent = (struct cuda_memory){memory, bytes};
}

static void cuda_take_back(struct compute *c, const void *memory) {
    if (cuda_state(c)->lent.at == memory) cuda_state(c)->lent = (struct cuda_memory){0};
}

err cuda_scratch(struct compute *c, size_t bytes, void **out) {
    struct cuda_state *s = cuda_state(c);
    *out = s->lent.at;
    if (bytes <= s->lent.bytes) return ERR_OK;
    if (bytes > s->own.bytes) {
        TRY(cuda_wait(c)); /* an operation before may still use it */
        if (s->own.at) TRY(cuda_check(c, cudaFree(s->own.at), "cudaFree"));
        s->own = (struct cuda_memory){0};
        TRY(cuda_check(c, cudaMalloc(&s->own.at, bytes), "cudaMalloc"));
        s->own.bytes = bytes;
    }
    *out = s->own.at;
    return ERR_OK;
}

/* While the backend is being written: an operation that is not there yet is NULL in the tables. */
#define OP(name)                                                                                   \
    extern err cuda_##name(struct compute *, const struct name##_args *) __attribute__((weak));
#include "compute/ops.def"
#undef OP

#define CUDA_FUNCTIONS(variant_name, dtype)                                                        \
    .name = "cuda", .variant = variant_name, .act_dtype = dtype, .open = cuda_open,                \
    .close = cuda_close, .alloc = cuda_alloc, .free = cuda_free, .upload = cuda_upload,            \
    .download = cuda_download, .zero = cuda_zero, .wait = cuda_wait, .lend = cuda_lend,            \
    .take_back = cuda_take_back

static const struct backend bf16 = {
    CUDA_FUNCTIONS("bf16", DTYPE_BF16),
    .scratch_bytes = cuda_scratch_bf16,
#define OP(name) .name = cuda_##name,
#include "compute/ops.def"
#undef OP
};
static const struct backend f32 = {
    CUDA_FUNCTIONS("f32", DTYPE_F32),
    .scratch_bytes = cuda_scratch_f32,
#define OP(name) .name = cuda_##name,
#include "compute/ops.def"
#undef OP
};
static const struct backend *const variants[] = {&bf16, &f32};

extern const struct backend_module cotrain_backend_module;
const struct backend_module cotrain_backend_module = {COTRAIN_VERSION, COTRAIN_BACKEND_INTERFACE,
                                                      variants, 2};
