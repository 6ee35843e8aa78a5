/* SPDX-License-Identifier: Apache-2.0
 * The emulated libraries, as plain C calls them, against sums in double precision: cublasLt with
 * both transposes, both orders, strides, batches, epilogues and dtypes; the localized filter as one
 * product on paired rows, as two accumulating ones, and by cuDNN's convolutions with their
 * gradients; NCCL between two processes, also when these disagree.
 * Read next: blas.cpp, cudnn.cpp, nccl.cpp. */
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <math.h>
#include <nccl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int n_checks, n_wrong;

static void expect(int result, const char *what, int line) {
    if (result == 0) return;
    printf("line %d: %s = %d\n", line, what, result);
    exit(1);
}
#define OK(x) expect((int)(x), #x, __LINE__)

static float bf16_to_float(uint16_t b) {
    const uint32_t u = (uint32_t)b << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}
static uint16_t float_to_bf16(float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static double uniform(void) { /* in (-1, 1) */
    static uint64_t state = 99;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-52 - 1;
}

/* An array of n numbers of one dtype, on the host as double and on the device. */
struct array {
    cudaDataType_t type;
    int64_t n;
    double *values;
    void *device;
};
static int64_t size_of(cudaDataType_t type) {
    return type == CUDA_R_32F ? 4 : 2;
}
static void upload(struct array *a) {
    unsigned char *bytes = malloc((size_t)(a->n * size_of(a->type)));
    for (int64_t i = 0; i < a->n; i++) {
        const float f = (float)a->values[i];
        const uint16_t b = float_to_bf16(f);
        if (a->type == CUDA_R_32F)
            memcpy(bytes + 4 * i, &f, 4);
        else
            memcpy(bytes + 2 * i, &b, 2);
        a->values[i] = a->type == CUDA_R_32F ? (double)f : (double)bf16_to_float(b);
    }
    OK(cudaMemcpy(a->device, bytes, (size_t)(a->n * size_of(a->type)), cudaMemcpyHostToDevice));
    free(bytes);
}
static struct array array(cudaDataType_t type, int64_t n, double scale) {
    struct array a = {type, n, malloc((size_t)n * sizeof(double)), NULL};
    for (int64_t i = 0; i < n; i++) a.values[i] = scale * uniform();
    OK(cudaMalloc(&a.device, (size_t)(n * size_of(type))));
    upload(&a);
    return a;
}
static void release(struct array *a) {
    OK(cudaFree(a->device));
    free(a->values);
}
/* The largest difference between what the device holds and `want`, of `want`'s largest. */
static double difference(const struct array *a, const double *want) {
    unsigned char *bytes = malloc((size_t)(a->n * size_of(a->type)));
    double off = 0, most = 0;
    OK(cudaMemcpy(bytes, a->device, (size_t)(a->n * size_of(a->type)), cudaMemcpyDeviceToHost));
    for (int64_t i = 0; i < a->n; i++) {
        float f;
        uint16_t b;
        memcpy(&f, bytes + size_of(a->type) * i, a->type == CUDA_R_32F ? 4 : 0);
        memcpy(&b, bytes + size_of(a->type) * i, 2);
        const double got = a->type == CUDA_R_32F ? (double)f : (double)bf16_to_float(b);
        off = fmax(off, fabs(got - want[i]));
        most = fmax(most, fabs(want[i]));
    }
    free(bytes);
    return most > 0 ? off / most : off;
}
/* bf16 results are rounded `roundings` times. */
static void check(const char *what, const struct array *a, const double *want, int roundings) {
    const double allowed = a->type == CUDA_R_32F ? 1e-5 : roundings * 0x1p-8;
    const double off = difference(a, want);
    n_checks++;
    if (off <= allowed) return;
    n_wrong++;
    printf("%s: off by %.3g of the largest, allowed %.3g\n", what, off, allowed);
}

/* ---- cublasLt ---- */
struct product { /* d = alpha op(a) op(b) + beta d (+ bias by row), `batch` times */
    cudaDataType_t type, out_type;
    bool transa, transb, row_major;
    int m, n, k, pad, batch; /* pad: what leading dimensions have more */
    float alpha, beta;
    cublasLtEpilogue_t epilogue;
};
struct operand {
    struct array array;
    cublasLtMatrixLayout_t layout;
    int64_t rows, cols, ld, stride;
    bool row_major;
};
static cublasLtHandle_t blas;

static struct operand operand(const struct product *p, cudaDataType_t type, int rows, int cols) {
    struct operand o = {.rows = rows, .cols = cols, .row_major = p->row_major};
    const cublasLtOrder_t order = CUBLASLT_ORDER_ROW;
    o.ld = (p->row_major ? cols : rows) + p->pad;
    o.stride = o.ld * (p->row_major ? rows : cols) + p->pad;
    o.array = array(type, o.stride * p->batch, 1);
    OK(cublasLtMatrixLayoutCreate(&o.layout, type, (uint64_t)rows, (uint64_t)cols, o.ld));
    if (p->row_major)
        OK(cublasLtMatrixLayoutSetAttribute(o.layout, CUBLASLT_MATRIX_LAYOUT_ORDER, &order,
                                            sizeof order));
    OK(cublasLtMatrixLayoutSetAttribute(o.layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &p->batch,
                                        sizeof p->batch));
    OK(cublasLtMatrixLayoutSetAttribute(o.layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                        &o.stride, sizeof o.stride));
    return o;
}
static int64_t at(const struct operand *o, int batch, int64_t row, int64_t col) {
    return batch * o->stride + (o->row_major ? row * o->ld + col : col * o->ld + row);
}
static double element(const struct operand *o, bool transposed, int batch, int64_t row,
                      int64_t col) {
    return o->array.values[transposed ? at(o, batch, col, row) : at(o, batch, row, col)];
}
static void call_blas(const struct product *p, const struct operand *a, const struct operand *b,
                      const struct operand *d, const struct array *bias) {
    const cublasOperation_t ta = p->transa ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t tb = p->transb ? CUBLAS_OP_T : CUBLAS_OP_N;
    const uint64_t room = 4 << 20;
    const uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
    cublasLtMatmulDesc_t desc;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t found;
    int n_found = 0;
    void *workspace;
    OK(cudaMalloc(&workspace, room));
    OK(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    OK(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &ta, sizeof ta));
    OK(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSB, &tb, sizeof tb));
    OK(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &p->epilogue,
                                      sizeof p->epilogue));
    OK(cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias->device,
                                      sizeof bias->device));
    OK(cublasLtMatmulPreferenceCreate(&preference));
    OK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                            &room, sizeof room));
    OK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                            &scheme, sizeof scheme));
    OK(cublasLtMatmulAlgoGetHeuristic(blas, desc, a->layout, b->layout, d->layout, d->layout,
                                      preference, 1, &found, &n_found));
    OK(n_found != 1);
    OK(cublasLtMatmul(blas, desc, &p->alpha, a->array.device, a->layout, b->array.device, b->layout,
                      &p->beta, d->array.device, d->layout, d->array.device, d->layout, &found.algo,
                      workspace, found.workspaceSize, NULL));
    OK(cublasLtMatmulPreferenceDestroy(preference));
    OK(cublasLtMatmulDescDestroy(desc));
    OK(cudaFree(workspace));
}
static void check_product(const struct product *p, const char *what) {
    struct operand a = operand(p, p->type, p->transa ? p->k : p->m, p->transa ? p->m : p->k);
    struct operand b = operand(p, p->type, p->transb ? p->n : p->k, p->transb ? p->k : p->n);
    struct operand d = operand(p, p->out_type, p->m, p->n);
    const bool to_bias =
        p->epilogue == CUBLASLT_EPILOGUE_BGRADA || p->epilogue == CUBLASLT_EPILOGUE_BGRADB;
    const int n_bias = p->epilogue == CUBLASLT_EPILOGUE_BGRADB ? p->n : p->m;
    struct array bias = array(p->out_type, n_bias, 1);
    call_blas(p, &a, &b, &d, &bias);
    for (int i = 0; i < p->batch; i++)
        for (int64_t r = 0; r < p->m; r++)
            for (int64_t c = 0; c < p->n; c++) {
                double sum = 0;
                for (int64_t x = 0; x < p->k; x++)
                    sum += element(&a, p->transa, i, r, x) * element(&b, p->transb, i, x, c);
                double *to = &d.array.values[at(&d, i, r, c)];
                *to = (double)p->alpha * sum + (double)p->beta * *to;
                if (p->epilogue == CUBLASLT_EPILOGUE_BIAS) *to += bias.values[r];
            }
    check(what, &d.array, d.array.values, 1);
    for (int j = 0; j < n_bias && to_bias; j++) {
        bias.values[j] = 0;
        for (int64_t x = 0; x < p->k; x++)
            bias.values[j] += p->epilogue == CUBLASLT_EPILOGUE_BGRADA
                                  ? element(&a, p->transa, 0, j, x)
                                  : element(&b, p->transb, 0, x, j);
    }
    check(to_bias ? "bias gradient" : what, &bias, bias.values, 1);
    struct operand *all[] = {&a, &b, &d};
    for (int i = 0; i < 3; i++) {
        release(&all[i]->array);
        OK(cublasLtMatrixLayoutDestroy(all[i]->layout));
    }
    release(&bias);
}
static void check_products(void) {
    static const cudaDataType_t types[][2] = {
        {CUDA_R_32F, CUDA_R_32F}, {CUDA_R_16BF, CUDA_R_16BF}, {CUDA_R_16BF, CUDA_R_32F}};
    for (int i = 0; i < 3 * 16; i++) {
        struct product p = {.type = types[i / 16][0],
                            .out_type = types[i / 16][1],
                            .m = 37,
                            .n = 21,
                            .k = 50,
                            .batch = 1,
                            .alpha = 1,
                            .epilogue = CUBLASLT_EPILOGUE_DEFAULT};
        p.transa = i & 1, p.transb = i >> 1 & 1, p.row_major = i >> 2 & 1;
        if (i >> 3 & 1) p.pad = 3, p.batch = 3, p.alpha = 0.5f, p.beta = 2;
        check_product(&p, "product");
    }
    static const cublasLtEpilogue_t epilogues[] = {CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BGRADA,
                                                   CUBLASLT_EPILOGUE_BGRADB};
    for (int i = 0; i < 6; i++) {
        const cudaDataType_t type = i < 3 ? CUDA_R_32F : CUDA_R_16BF;
        struct product p = {.type = type,
                            .out_type = type,
                            .transa = true,
                            .m = 19,
                            .n = 33,
                            .k = 70,
                            .batch = 1,
                            .alpha = 1,
                            .epilogue = epilogues[i % 3]};
        check_product(&p, "product with epilogue");
    }
    struct product one = {.type = CUDA_R_32F,
                          .out_type = CUDA_R_32F,
                          .m = 1,
                          .n = 1,
                          .k = 1,
                          .batch = 1,
                          .alpha = 1,
                          .epilogue = CUBLASLT_EPILOGUE_DEFAULT};
    check_product(&one, "one by one");
}

/* ---- cuDNN: the localized filter, y[t] = W0 x[t-1] + W1 x[t], one document of T rows ---- */
enum { T = 37, C = 64, OUT = 32, WORKSPACE_BYTES = 4096 };
struct filter {
    cudnnHandle_t handle;
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t convolution;
    void *workspace;
};
static struct filter filter_open(cudnnDataType_t type) {
    struct filter f;
    OK(cudaMalloc(&f.workspace, WORKSPACE_BYTES));
    OK(cudnnCreate(&f.handle));
    OK(cudnnCreateTensorDescriptor(&f.x));
    OK(cudnnCreateTensorDescriptor(&f.y));
    OK(cudnnCreateFilterDescriptor(&f.w));
    OK(cudnnCreateConvolutionDescriptor(&f.convolution));
    OK(cudnnSetTensor4dDescriptorEx(f.x, type, 1, C, T, 1, T * C, 1, C, C));
    OK(cudnnSetTensor4dDescriptorEx(f.y, type, 1, OUT, T + 1, 1, (T + 1) * OUT, 1, OUT, OUT));
    OK(cudnnSetFilter4dDescriptor(f.w, type, CUDNN_TENSOR_NCHW, OUT, C, 2, 1));
    OK(cudnnSetConvolution2dDescriptor(f.convolution, 1, 0, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION,
                                       CUDNN_DATA_FLOAT));
    return f;
}
static void filter_close(struct filter *f) {
    OK(cudnnDestroyConvolutionDescriptor(f->convolution));
    OK(cudnnDestroyFilterDescriptor(f->w));
    OK(cudnnDestroyTensorDescriptor(f->y));
    OK(cudnnDestroyTensorDescriptor(f->x));
    OK(cudnnDestroy(f->handle));
    OK(cudaFree(f->workspace));
}
static void check_convolutions(cudaDataType_t type) {
    const float one = 1, zero = 0;
    struct filter f = filter_open(type == CUDA_R_32F ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16);
    struct array x = array(type, T * C, 1), w = array(type, OUT * C * 2, 0.1);
    struct array y = array(type, (T + 1) * OUT, 1), dy = array(type, (T + 1) * OUT, 1);
    struct array dx = array(type, T * C, 1), dw = array(type, OUT * C * 2, 1);
    memset(y.values, 0, sizeof(double) * (T + 1) * OUT);
    memset(dx.values, 0, sizeof(double) * T * C);
    memset(dw.values, 0, sizeof(double) * OUT * C * 2);
    for (int t = 0; t <= T; t++)
        for (int o = 0; o < OUT; o++)
            for (int c = 0; c < C; c++)
                for (int tap = 0; tap < 2; tap++) { /* tap 0 meets the row before */
                    const int from = t - 1 + tap, iw = (o * C + c) * 2 + tap;
                    if (from < 0 || from >= T) continue;
                    y.values[t * OUT + o] += x.values[from * C + c] * w.values[iw];
                    dx.values[from * C + c] += dy.values[t * OUT + o] * w.values[iw];
                    dw.values[iw] += dy.values[t * OUT + o] * x.values[from * C + c];
                }
    OK(cudnnConvolutionForward(f.handle, &one, f.x, x.device, f.w, w.device, f.convolution,
                               CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, f.workspace,
                               WORKSPACE_BYTES, &zero, f.y, y.device));
    OK(cudnnConvolutionBackwardData(f.handle, &one, f.w, w.device, f.y, dy.device, f.convolution,
                                    CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, f.workspace, WORKSPACE_BYTES,
                                    &zero, f.x, dx.device));
    OK(cudnnConvolutionBackwardFilter(f.handle, &one, f.x, x.device, f.y, dy.device, f.convolution,
                                      CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, f.workspace,
                                      WORKSPACE_BYTES, &zero, f.w, dw.device));
    check("convolution", &y, y.values, 1);
    check("convolution, gradient of x", &dx, dx.values, 1);
    check("convolution, gradient of w", &dw, dw.values, 1);
    struct array *all[] = {&x, &w, &y, &dy, &dx, &dw};
    for (int i = 0; i < 6; i++) release(all[i]);
    filter_close(&f);
}

/* ---- NCCL ---- */
enum { N = 6, CHUNKS = 700000 }; /* CHUNKS floats: more than one message */
static void fill(float *to, float *from, int n, float first) {
    for (int i = 0; i < n; i++) from[i] = first + (float)(i % 1000);
    OK(cudaMemcpy(to, from, (size_t)n * sizeof *from, cudaMemcpyHostToDevice));
}
static float *fetch(float *to, const float *from, int n, cudaStream_t s) {
    OK(cudaMemcpyAsync(to, from, (size_t)n * sizeof *to, cudaMemcpyDeviceToHost, s));
    OK(cudaStreamSynchronize(s));
    return to;
}
/* Exit status 0, or the number of the check that failed. */
static void rank_main(int rank, ncclUniqueId id, bool disagree) {
    ncclComm_t c;
    cudaStream_t s;
    float *in, *out, *host = malloc(CHUNKS * sizeof *host);
    OK(ncclCommInitRank(&c, 2, id, rank));
    OK(cudaStreamCreate(&s));
    OK(cudaMalloc((void **)&in, CHUNKS * sizeof *in));
    OK(cudaMalloc((void **)&out, CHUNKS * sizeof *out));
    fill(in, host, CHUNKS, 10 * (float)rank);
    OK(ncclAllReduce(in, out, disagree && rank ? CHUNKS - 1 : CHUNKS, ncclFloat32, ncclSum, c, s));
    fetch(host, out, CHUNKS, s);
    for (int i = 0; i < CHUNKS; i++)
        if (host[i] != (float)(2 * (i % 1000) + 10)) exit(3);
    OK(ncclAllReduce(in, out, N, ncclFloat32, ncclMax, c, s));
    fetch(host, out, N, s);
    for (int i = 0; i < N; i++)
        if (host[i] != (float)(i + 10)) exit(4);
    OK(ncclGroupStart());
    OK(ncclSend(in, N, ncclFloat32, 1 - rank, c, s));
    OK(ncclRecv(out, N, ncclFloat32, 1 - rank, c, s));
    OK(ncclGroupEnd());
    fetch(host, out, N, s);
    for (int i = 0; i < N; i++)
        if (host[i] != (float)(i + 10 * (1 - rank))) exit(5);
    OK(ncclReduceScatter(in, out, N / 2, ncclFloat32, ncclSum, c, s));
    OK(ncclAllGather(out, in, N / 2, ncclFloat32, c, s));
    fetch(host, in, N, s);
    for (int i = 0; i < N; i++)
        if (host[i] != (float)(2 * i + 10)) exit(6);
    fill(in, host, N, 10 * (float)rank);
    OK(ncclBroadcast(in, out, N, ncclFloat32, 1, c, s));
    fetch(host, out, N, s);
    for (int i = 0; i < N; i++)
        if (host[i] != (float)(i + 10)) exit(7);
    OK(ncclCommDestroy(c));
    exit(0);
}
static void check_ranks(bool disagree) {
    ncclUniqueId id;
    OK(ncclGetUniqueId(&id));
    fflush(stdout);
    for (int r = 0; r < 2; r++) {
        if (fork()) continue;
        if (disagree && !freopen("/dev/null", "w", stderr)) exit(2);
        rank_main(r, id, disagree);
    }
    for (int status, want = disagree ? 99 : 0; wait(&status) > 0;) {
        n_checks++;
        if (WIFEXITED(status) && WEXITSTATUS(status) == want) continue;
        n_wrong++;
        printf("nccl%s: a rank ended with status 0x%x\n", disagree ? ", ranks disagree" : "",
               status);
    }
}

int main(void) {
    check_ranks(false);
    check_ranks(true);
    OK(cublasLtCreate(&blas));
    check_products();
    check_convolutions(CUDA_R_32F);
    check_convolutions(CUDA_R_16BF);
    OK(cublasLtDestroy(blas));
    printf("%d checks, %d wrong\n", n_checks, n_wrong);
    return n_wrong != 0;
}
