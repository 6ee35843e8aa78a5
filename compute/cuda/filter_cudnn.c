/* SPDX-License-Identifier: Apache-2.0
 * The localized filter's products through cuDNN, for the variant "cudnn". Its paired rows (N,2C),
 * element (t,2j) = x[t-1][j] and (t,2j+1) = x[t][j], are a tensor (N,C,2,1) in memory, its weights
 * (out,2C) the filter (out,C,2,1) of the checkpoints, so that with a kernel of 2 x 1 and no padding
 *     y (N,out,1,1)  = convolution of x                      c = a b, b the weights turned
 *     dx             = its gradient for the data             c = a b, b the weights
 *     dW             = its gradient for the filter           c = a b, a = dy turned
 * A gradient for the filter is made in bf16, cuDNN's only type beside bf16 operands, and added to
 * c. What is none of these, or whose operands are not bf16, stays with cuBLASLt.
 * The library is opened with the variant, never before; the emulator has its calls, too.
 * Read next: compute/cuda/product.c. */
#include "compute/cuda/product.h"

#include "base/mem.h"
#include "compute/cuda_scratch.h"
#include <cudnn.h>
#include <dlfcn.h>

#define LIBRARY "libcudnn.so.9"

#define CUDNN_CALLS(X)                                                                             \
    X(cudnnCreate)                                                                                 \
    X(cudnnDestroy)                                                                                \
    X(cudnnSetStream)                                                                              \
    X(cudnnGetErrorString)                                                                         \
    X(cudnnCreateTensorDescriptor)                                                                 \
    X(cudnnSetTensor4dDescriptorEx)                                                                \
    X(cudnnDestroyTensorDescriptor)                                                                \
    X(cudnnCreateFilterDescriptor)                                                                 \
    X(cudnnSetFilter4dDescriptor)                                                                  \
    X(cudnnDestroyFilterDescriptor)                                                                \
    X(cudnnCreateConvolutionDescriptor)                                                            \
    X(cudnnSetConvolution2dDescriptor)                                                             \
    X(cudnnSetConvolutionMathType)                                                                 \
    X(cudnnDestroyConvolutionDescriptor)                                                           \
    X(cudnnGetConvolutionForwardWorkspaceSize)                                                     \
    X(cudnnGetConvolutionBackwardDataWorkspaceSize)                                                \
    X(cudnnGetConvolutionBackwardFilterWorkspaceSize)                                              \
    X(cudnnConvolutionForward)                                                                     \
    X(cudnnConvolutionBackwardData)                                                                \
    X(cudnnConvolutionBackwardFilter)

/* Algorithms that give the same bits each time. */
#define FORWARD CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM
#define BACKWARD_DATA CUDNN_CONVOLUTION_BWD_DATA_ALGO_1
#define BACKWARD_FILTER CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1

struct filter {
#define X(name) __typeof__(name) *name;
    CUDNN_CALLS(X)
#undef X
    cudnnHandle_t handle;
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t convolution;
};

enum kind { NONE, DATA, DATA_GRADIENT, FILTER_GRADIENT };

static err check(const struct compute *c, cudnnStatus_t status, const char *call) {
    if (status == CUDNN_STATUS_SUCCESS) return ERR_OK;
    const struct cuda_state *s = cuda_state(c);
    return fail(ERR_IO, "%s on GPU %d: %s", call, s->device,
                s->filter->cudnnGetErrorString(status));
}
#define CUDNN(c, call, ...) check(c, cuda_state(c)->filter->call(__VA_ARGS__), #call)

/* A backend that is linked to the calls already, as the emulated one is, has them. */
static err open_library(void **out) {
    *out = RTLD_DEFAULT;
    if (dlsym(RTLD_DEFAULT, "cudnnCreate")) return ERR_OK;
    *out = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (*out) return ERR_OK;
    err e = fail(ERR_UNSUPPORTED, "'" LIBRARY "' does not open: %s", dlerror());
    return fail_hint(e, "the variant cuda:bf16 does without it");
}

static err find_calls(struct filter *f, void *library) {
#define X(name)                                                                                    \
    f->name = (__typeof__(f->name))(uintptr_t)dlsym(library, #name);                               \
    if (!f->name) return fail(ERR_UNSUPPORTED, "'" LIBRARY "' has no '%s'", #name);
    CUDNN_CALLS(X)
#undef X
    return ERR_OK;
}

err filter_open(struct compute *c) {
    void *library;
    TRY(open_library(&library));
    struct filter *f = mem_zalloc(1, sizeof *f);
    if (!f) return ERR_MEMORY;
    err e = find_calls(f, library);
    if (e) {
        mem_free(f);
        return e;
    }
    cuda_state(c)->filter = f;
    TRY(CUDNN(c, cudnnCreate, &f->handle));
    TRY(CUDNN(c, cudnnSetStream, f->handle, cuda_state(c)->stream));
    TRY(CUDNN(c, cudnnCreateTensorDescriptor, &f->x));
    TRY(CUDNN(c, cudnnCreateTensorDescriptor, &f->y));
    TRY(CUDNN(c, cudnnCreateFilterDescriptor, &f->w));
    TRY(CUDNN(c, cudnnCreateConvolutionDescriptor, &f->convolution));
    TRY(CUDNN(c, cudnnSetConvolution2dDescriptor, f->convolution, 0, 0, 1, 1, 1, 1,
              CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    return CUDNN(c, cudnnSetConvolutionMathType, f->convolution, CUDNN_TENSOR_OP_MATH);
}

void filter_close(struct cuda_state *s) {
    struct filter *f = s->filter;
    if (!f) return;
    if (f->convolution) (void)f->cudnnDestroyConvolutionDescriptor(f->convolution);
    if (f->w) (void)f->cudnnDestroyFilterDescriptor(f->w);
    if (f->y) (void)f->cudnnDestroyTensorDescriptor(f->y);
    if (f->x) (void)f->cudnnDestroyTensorDescriptor(f->x);
    if (f->handle) (void)f->cudnnDestroy(f->handle);
    mem_free(f);
    s->filter = NULL;
}

/* Rows without gaps, (rows,cols). */
static bool rows_dense(const struct mat *m, int64_t cols) {
    return m->dtype == DTYPE_BF16 && m->col_stride == 1 && m->row_stride == cols;
}

static struct mat turned(const struct mat *m) {
    return (struct mat){m->data, m->dtype, m->col_stride, m->row_stride};
}

/* Which of the three; the sizes have to be even where they are 2 C, and small enough for cuDNN. */
static enum kind kind_of(const struct product_args *p) {
    const struct mat a = turned(&p->a), b = turned(&p->b);
    const int64_t most = INT32_MAX;
    if (p->m * p->k > most || p->k * p->n > most || p->m * p->c_stride > most) return NONE;
    if (p->k % 2 == 0 && !p->c_is_gradient && rows_dense(&p->a, p->k) && rows_dense(&b, p->k))
        return DATA;
    if (p->n % 2 || !rows_dense(&p->b, p->n) || p->c_stride != p->n || p->add || p->bias.data)
        return NONE;
    if (!p->c_is_gradient && rows_dense(&p->a, p->k)) return DATA_GRADIENT;
    return rows_dense(&a, p->m) ? FILTER_GRADIENT : NONE;
}

/* Descriptors of n rows, 2 C wide on the side of x; rows of y are y_stride apart. */
static err describe(struct compute *c, int64_t n, int64_t pairs, int64_t out, int64_t y_stride) {
    const struct filter *f = cuda_state(c)->filter;
    TRY(CUDNN(c, cudnnSetTensor4dDescriptorEx, f->x, CUDNN_DATA_BFLOAT16, (int)n, (int)pairs, 2, 1,
              (int)(2 * pairs), 2, 1, 1));
    TRY(CUDNN(c, cudnnSetTensor4dDescriptorEx, f->y, CUDNN_DATA_BFLOAT16, (int)n, (int)out, 1, 1,
              (int)y_stride, 1, 1, 1));
    return CUDNN(c, cudnnSetFilter4dDescriptor, f->w, CUDNN_DATA_BFLOAT16, CUDNN_TENSOR_NCHW,
                 (int)out, (int)pairs, 2, 1);
}

static err workspace_bytes(struct compute *c, enum kind kind, size_t *out) {
    const struct filter *f = cuda_state(c)->filter;
    if (kind == DATA)
        return CUDNN(c, cudnnGetConvolutionForwardWorkspaceSize, f->handle, f->x, f->w,
                     f->convolution, f->y, FORWARD, out);
    if (kind == DATA_GRADIENT)
        return CUDNN(c, cudnnGetConvolutionBackwardDataWorkspaceSize, f->handle, f->w, f->y,
                     f->convolution, f->x, BACKWARD_DATA, out);
    return CUDNN(c, cudnnGetConvolutionBackwardFilterWorkspaceSize, f->handle, f->x, f->y,
                 f->convolution, f->w, BACKWARD_FILTER, out);
}

/* The bias and the residual go to c first. */
static err begin_c(struct compute *c, const struct product_args *p, bool *out_there) {
    *out_there = p->accumulate || p->bias.data || p->add;
    if (!p->bias.data && !p->add) return ERR_OK;
    struct product_args begin = *p;
    begin.k = begin.more_k = 0;
    return cuda_product_any(c, &begin);
}

/* c = [c +] the filter's gradient in bf16. */
static err end_gradient(struct compute *c, const struct product_args *p, const void *gradient) {
    struct product_args end = *p;
    end.k = end.more_k = 0;
    end.add = gradient;
    end.add_stride = p->n;
    return cuda_product_any(c, &end);
}

static err filter_gradient(struct compute *c, const struct product_args *p, void *workspace,
                           size_t bytes, void *gradient) {
    const struct filter *f = cuda_state(c)->filter;
    const float one = 1, zero = 0;
    TRY(CUDNN(c, cudnnConvolutionBackwardFilter, f->handle, &one, f->x, p->b.data, f->y, p->a.data,
              f->convolution, BACKWARD_FILTER, workspace, bytes, &zero, f->w, gradient));
    return end_gradient(c, p, gradient);
}

err filter_product(struct compute *c, const struct product_args *p, bool *out_taken) {
    const struct filter *f = cuda_state(c)->filter;
    const enum kind kind = kind_of(p);
    const float one = 1;
    *out_taken = kind != NONE;
    if (kind == NONE) return ERR_OK;
    if (kind == DATA) TRY(describe(c, p->m, p->k / 2, p->n, p->c_stride));
    if (kind == DATA_GRADIENT) TRY(describe(c, p->m, p->n / 2, p->k, p->k));
    if (kind == FILTER_GRADIENT) TRY(describe(c, p->k, p->n / 2, p->m, p->m));
    size_t bytes = 0;
    TRY(workspace_bytes(c, kind, &bytes));
    const size_t gradient_bytes =
        kind == FILTER_GRADIENT ? (size_t)(p->m * p->n * dtype_bytes(DTYPE_BF16)) : 0;
    void *workspace;
    TRY(cuda_scratch(c, cuda_scratch_part(bytes) + gradient_bytes, &workspace));
    if (kind == FILTER_GRADIENT)
        return filter_gradient(c, p, workspace, bytes,
                               (char *)workspace + cuda_scratch_part(bytes));
    bool there;
    TRY(begin_c(c, p, &there));
    const float beta = there ? 1 : 0;
    if (kind == DATA)
        return CUDNN(c, cudnnConvolutionForward, f->handle, &one, f->x, p->a.data, f->w, p->b.data,
                     f->convolution, FORWARD, workspace, bytes, &beta, f->y, p->c);
    return CUDNN(c, cudnnConvolutionBackwardData, f->handle, &one, f->w, p->b.data, f->y, p->a.data,
                 f->convolution, BACKWARD_DATA, workspace, bytes, &beta, f->x, p->c);
}
