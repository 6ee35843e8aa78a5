/* SPDX-License-Identifier: Apache-2.0
 * What can only be learnt on a GPU, as JSON on stdout, so that it can be worked with elsewhere:
 * the properties of every device, how fast its memory is copied, what cuBLASLt answers for the
 * shapes of products that training is made of (status, and the algorithm that it would choose), and
 * cuDNN's description of the device, from which its plans can be compiled without one.
 * A part that is not there says why. Exit code 1: no device, or cuBLASLt refuses a shape.
 * Read next: tools/gpu.py, tests/gpu/allreduce.c. */
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<cudnn.h>)
#include <cudnn.h>
#define HAS_CUDNN 1
#else
#define HAS_CUDNN 0
#endif

/* Absent from the emulator's library. */
extern cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t *,
                                                           cublasLtMatmulAlgoConfigAttributes_t,
                                                           void *, size_t, size_t *)
    __attribute__((weak));
extern size_t cublasLtGetVersion(void) __attribute__((weak));

static void string(const char *name, const char *value, const char *end) {
    printf("\"%s\": \"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            printf("\\%c", *value);
        else if ((unsigned char)*value < ' ')
            printf("\\u%04x", (unsigned char)*value);
        else
            putchar(*value);
    }
    printf("\"%s", end);
}

/* ---- devices ---- */

#define SIZES(FIELD)                                                                               \
    FIELD(totalGlobalMem)                                                                          \
    FIELD(sharedMemPerBlock)                                                                       \
    FIELD(sharedMemPerBlockOptin)                                                                  \
    FIELD(sharedMemPerMultiprocessor)                                                              \
    FIELD(reservedSharedMemPerBlock)                                                               \
    FIELD(totalConstMem)                                                                           \
    FIELD(memPitch)
#define NUMBERS(FIELD)                                                                             \
    FIELD(major)                                                                                   \
    FIELD(minor)                                                                                   \
    FIELD(multiProcessorCount)                                                                     \
    FIELD(warpSize)                                                                                \
    FIELD(regsPerBlock)                                                                            \
    FIELD(regsPerMultiprocessor)                                                                   \
    FIELD(maxThreadsPerBlock)                                                                      \
    FIELD(maxThreadsPerMultiProcessor)                                                             \
    FIELD(maxBlocksPerMultiProcessor)                                                              \
    FIELD(l2CacheSize)                                                                             \
    FIELD(persistingL2CacheMaxSize)                                                                \
    FIELD(accessPolicyMaxWindowSize)                                                               \
    FIELD(memoryBusWidth)                                                                          \
    FIELD(asyncEngineCount)                                                                        \
    FIELD(concurrentKernels)                                                                       \
    FIELD(ECCEnabled)                                                                              \
    FIELD(integrated)                                                                              \
    FIELD(managedMemory)                                                                           \
    FIELD(unifiedAddressing)                                                                       \
    FIELD(canMapHostMemory)                                                                        \
    FIELD(pageableMemoryAccess)                                                                    \
    FIELD(memoryPoolsSupported)                                                                    \
    FIELD(cooperativeLaunch)                                                                       \
    FIELD(streamPrioritiesSupported)                                                               \
    FIELD(globalL1CacheSupported)                                                                  \
    FIELD(localL1CacheSupported)                                                                   \
    FIELD(tccDriver)                                                                               \
    FIELD(isMultiGpuBoard)                                                                         \
    FIELD(pciBusID)                                                                                \
    FIELD(pciDeviceID)                                                                             \
    FIELD(pciDomainID)

static int show_devices(int n) {
    printf("\"devices\": [");
    for (int i = 0; i < n; i++) {
        struct cudaDeviceProp p;
        const cudaError_t e = cudaGetDeviceProperties(&p, i);
        printf("%s\n {", i ? "," : "");
        if (e != cudaSuccess) {
            string("error", cudaGetErrorName(e), "}");
            continue;
        }
#define FIELD(name) printf("\"%s\": %zu, ", #name, p.name);
        SIZES(FIELD)
#undef FIELD
#define FIELD(name) printf("\"%s\": %d, ", #name, p.name);
        NUMBERS(FIELD)
#undef FIELD
        string("name", p.name, "}");
    }
    printf("],\n");
    return n > 0;
}

/* Seconds of a call, the mean of ten; `ctx` is the call's. */
static double seconds_of(cudaStream_t stream, int (*call)(void *ctx), void *ctx) {
    enum { CALLS = 10 };
    cudaEvent_t begin, end;
    float ms = 0;
    if (cudaEventCreate(&begin) || cudaEventCreate(&end)) return 0;
    if (call(ctx)) return 0; /* loads what has to be loaded */
    (void)cudaEventRecord(begin, stream);
    for (int i = 0; i < CALLS; i++) (void)call(ctx);
    (void)cudaEventRecord(end, stream);
    const cudaError_t e = cudaStreamSynchronize(stream);
    if (e == cudaSuccess) (void)cudaEventElapsedTime(&ms, begin, end);
    (void)cudaEventDestroy(begin);
    (void)cudaEventDestroy(end);
    return 1e-3 * (double)ms / CALLS;
}

struct copy {
    void *to, *from;
    size_t bytes;
    cudaStream_t stream;
};

static int copy_call(void *ctx) {
    const struct copy *c = ctx;
    return cudaMemcpyAsync(c->to, c->from, c->bytes, cudaMemcpyDeviceToDevice, c->stream) != 0;
}

static void show_copy(cudaStream_t stream, size_t bytes) {
    struct copy c = {.bytes = bytes, .stream = stream};
    double s = 0;
    if (!cudaMalloc(&c.to, bytes) && !cudaMalloc(&c.from, bytes))
        s = seconds_of(stream, copy_call, &c);
    printf("\"copy\": {\"bytes_read_and_written\": %zu, \"bytes_per_s\": %.6g},\n", 2 * bytes,
           s > 0 ? 2 * (double)bytes / s : 0);
    (void)cudaFree(c.to);
    (void)cudaFree(c.from);
}

/* ---- products ---- */

/* As cuBLASLt sees it, by columns: out (m,n) = op(a) op(b) over k. */
struct shape {
    const char *name;
    uint64_t m, n, k;
    int turn_a, turn_b, gradient; /* fp32 results */
};

enum { C = 2048, F = 8192, N = 4096, V = 135040, ROWS = 1024, R = 16 };
static const struct shape shapes[] = {
    {"conv1", C / 2, N, 2 * C, 1, 0, 0},
    {"q, k, v, o, conv2", C, N, C, 1, 0, 0},
    {"up, gate", F, N, C, 1, 0, 0},
    {"down", C, N, F, 1, 0, 0},
    {"head, 1024 rows", V, ROWS, C, 1, 0, 0},
    {"LoRA A", R, N, C, 1, 0, 0},
    {"q dx", C, N, C, 0, 0, 0},
    {"up dx", C, N, F, 0, 0, 0},
    {"down dx", F, N, C, 0, 0, 0},
    {"head dx, 1024 rows", C, ROWS, V, 0, 0, 0},
    {"q dw", C, C, N, 0, 1, 1},
    {"up dw", C, F, N, 0, 1, 1},
    {"LoRA dA", C, R, N, 0, 1, 1},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes, WORKSPACE = 32 << 20 };

struct product {
    cublasLtHandle_t blas;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c;
    void *a_data, *b_data, *c_data, *workspace;
    cublasLtMatmulHeuristicResult_t chosen;
    cudaStream_t stream;
};

static int product_call(void *ctx) {
    const struct product *p = ctx;
    const float one = 1, zero = 0;
    return cublasLtMatmul(p->blas, p->desc, &one, p->a_data, p->a, p->b_data, p->b, &zero,
                          p->c_data, p->c, p->c_data, p->c, &p->chosen.algo, p->workspace,
                          WORKSPACE, p->stream) != CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t describe(struct product *p, const struct shape *s) {
    const cublasOperation_t turned = CUBLAS_OP_T, plain = CUBLAS_OP_N;
    const uint64_t a_rows = s->turn_a ? s->k : s->m, b_rows = s->turn_b ? s->n : s->k;
    cublasStatus_t e = cublasLtMatmulDescCreate(&p->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    if (!e)
        e = cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSA,
                                           s->turn_a ? &turned : &plain, sizeof plain);
    if (!e)
        e = cublasLtMatmulDescSetAttribute(p->desc, CUBLASLT_MATMUL_DESC_TRANSB,
                                           s->turn_b ? &turned : &plain, sizeof plain);
    if (!e)
        e = cublasLtMatrixLayoutCreate(&p->a, CUDA_R_16BF, a_rows, s->turn_a ? s->m : s->k,
                                       (int64_t)a_rows);
    if (!e)
        e = cublasLtMatrixLayoutCreate(&p->b, CUDA_R_16BF, b_rows, s->turn_b ? s->k : s->n,
                                       (int64_t)b_rows);
    if (!e)
        e = cublasLtMatrixLayoutCreate(&p->c, s->gradient ? CUDA_R_32F : CUDA_R_16BF, s->m, s->n,
                                       (int64_t)s->m);
    return e;
}

static cublasStatus_t choose(struct product *p) {
    const size_t workspace = WORKSPACE;
    const uint32_t one_order = CUBLASLT_REDUCTION_SCHEME_NONE; /* as the backend asks */
    cublasLtMatmulPreference_t preference;
    int found = 0;
    cublasStatus_t e = cublasLtMatmulPreferenceCreate(&preference);
    if (e) return e;
    e = cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &workspace, sizeof workspace);
    if (!e)
        e = cublasLtMatmulPreferenceSetAttribute(
            preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &one_order, sizeof one_order);
    if (!e)
        e = cublasLtMatmulAlgoGetHeuristic(p->blas, p->desc, p->a, p->b, p->c, p->c, preference, 1,
                                           &p->chosen, &found);
    if (!e && found == 0) e = CUBLAS_STATUS_NOT_SUPPORTED;
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return e;
}

static void show_algorithm(const cublasLtMatmulHeuristicResult_t *r) {
    static const struct {
        const char *name;
        cublasLtMatmulAlgoConfigAttributes_t which;
    } parts[] = {{"id", CUBLASLT_ALGO_CONFIG_ID},
                 {"tile", CUBLASLT_ALGO_CONFIG_TILE_ID},
                 {"stages", CUBLASLT_ALGO_CONFIG_STAGES_ID},
                 {"split_k", CUBLASLT_ALGO_CONFIG_SPLITK_NUM},
                 {"reduction", CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME},
                 {"swizzling", CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING},
                 {"custom", CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION}};
    printf("\"workspace\": %zu, \"waves\": %.3g", r->workspaceSize, (double)r->wavesCount);
    if (!cublasLtMatmulAlgoConfigGetAttribute) return;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int value = 0;
        size_t written = 0;
        if (!cublasLtMatmulAlgoConfigGetAttribute(&r->algo, parts[i].which, &value, sizeof value,
                                                  &written))
            printf(", \"%s\": %d", parts[i].name, value);
    }
    printf(", \"bits\": \"");
    for (size_t i = 0; i < sizeof r->algo.data / sizeof *r->algo.data; i++)
        printf("%016llx", (unsigned long long)r->algo.data[i]);
    printf("\"");
}

/* 1 where it is refused. */
static int show_product(cublasLtHandle_t blas, cudaStream_t stream, struct shape s, int divide) {
    struct product p = {.blas = blas, .stream = stream};
    s.m = s.m / (uint64_t)divide > 16 ? s.m / (uint64_t)divide : 16;
    s.n = s.n / (uint64_t)divide > 16 ? s.n / (uint64_t)divide : 16;
    s.k = s.k / (uint64_t)divide > 16 ? s.k / (uint64_t)divide : 16;
    cublasStatus_t e = describe(&p, &s);
    if (!e) e = choose(&p);
    printf("  {");
    string("name", s.name, ", ");
    printf("\"m\": %llu, \"n\": %llu, \"k\": %llu, \"transposed\": \"%c%c\", \"out\": \"%s\", "
           "\"heuristic_status\": %d",
           (unsigned long long)s.m, (unsigned long long)s.n, (unsigned long long)s.k,
           s.turn_a ? 'T' : 'N', s.turn_b ? 'T' : 'N', s.gradient ? "f32" : "bf16", (int)e);
    const int there = !e && !cudaMalloc(&p.a_data, 2 * s.m * s.k) &&
                      !cudaMalloc(&p.b_data, 2 * s.n * s.k) &&
                      !cudaMalloc(&p.c_data, 4 * s.m * s.n) && !cudaMalloc(&p.workspace, WORKSPACE);
    if (there) {
        (void)cudaMemsetAsync(p.a_data, 0x3c, 2 * s.m * s.k, stream); /* 0.0115 in bf16 */
        (void)cudaMemsetAsync(p.b_data, 0x3c, 2 * s.n * s.k, stream);
        const double seconds = seconds_of(stream, product_call, &p);
        printf(", \"seconds\": %.6g, \"flops_per_s\": %.6g", seconds,
               seconds > 0 ? 2 * (double)s.m * (double)s.n * (double)s.k / seconds : 0);
        printf(", \"algorithm\": {");
        show_algorithm(&p.chosen);
        printf("}");
    }
    printf("}");
    (void)cudaFree(p.a_data);
    (void)cudaFree(p.b_data);
    (void)cudaFree(p.c_data);
    (void)cudaFree(p.workspace);
    if (p.desc) (void)cublasLtMatmulDescDestroy(p.desc);
    if (p.a) (void)cublasLtMatrixLayoutDestroy(p.a);
    if (p.b) (void)cublasLtMatrixLayoutDestroy(p.b);
    if (p.c) (void)cublasLtMatrixLayoutDestroy(p.c);
    return !there;
}

static int show_products(cudaStream_t stream, int divide) {
    cublasLtHandle_t blas;
    int refused = 0;
    const cublasStatus_t e = cublasLtCreate(&blas);
    printf("\"cublaslt\": {\"version\": %zu, \"create_status\": %d, \"shapes\": [\n",
           cublasLtGetVersion ? cublasLtGetVersion() : 0, (int)e);
    for (int i = 0; i < N_SHAPES && !e; i++) {
        refused += show_product(blas, stream, shapes[i], divide);
        printf("%s\n", i + 1 < N_SHAPES ? "," : "");
    }
    printf(" ]},\n");
    if (!e) (void)cublasLtDestroy(blas);
    return e || refused;
}

/* ---- cuDNN ---- */

#if HAS_CUDNN
struct dnn {
    size_t (*version)(void);
    cudnnStatus_t (*create)(cudnnBackendDescriptorType_t, cudnnBackendDescriptor_t *);
    cudnnStatus_t (*set)(cudnnBackendDescriptor_t, cudnnBackendAttributeName_t,
                         cudnnBackendAttributeType_t, int64_t, const void *);
    cudnnStatus_t (*finalize)(cudnnBackendDescriptor_t);
    cudnnStatus_t (*get)(cudnnBackendDescriptor_t, cudnnBackendAttributeName_t,
                         cudnnBackendAttributeType_t, int64_t, int64_t *, void *);
};

static int dnn_open(struct dnn *d) {
    void *library = dlopen("libcudnn.so.9", RTLD_LAZY);
    if (!library) library = dlopen("libcudnn.so", RTLD_LAZY);
    if (!library) return 0;
    *(void **)&d->version = dlsym(library, "cudnnGetVersion");
    *(void **)&d->create = dlsym(library, "cudnnBackendCreateDescriptor");
    *(void **)&d->set = dlsym(library, "cudnnBackendSetAttribute");
    *(void **)&d->finalize = dlsym(library, "cudnnBackendFinalize");
    *(void **)&d->get = dlsym(library, "cudnnBackendGetAttribute");
    return d->version && d->create && d->set && d->finalize && d->get;
}

static void show_device_json(const struct dnn *d) {
    enum { MOST = 1 << 20 };
    cudnnBackendDescriptor_t device = NULL;
    const int32_t number = 0;
    int64_t n = 0;
    char *text = calloc(MOST, 1);
    cudnnStatus_t e = d->create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &device);
    if (!e) e = d->set(device, CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &number);
    if (!e) e = d->finalize(device);
    if (!e && text)
        e = d->get(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, MOST - 1, &n,
                   text);
    printf("\"cudnn\": {\"version\": %zu, \"status\": %d, ", d->version(), (int)e);
    string("device_json", !e && text ? text : "", "}");
    free(text);
}

static void show_cudnn(void) {
    struct dnn d;
    if (dnn_open(&d))
        show_device_json(&d);
    else
        printf("\"cudnn\": {\"error\": \"libcudnn.so.9 does not open here\"}");
}
#else
static void show_cudnn(void) {
    printf("\"cudnn\": {\"error\": \"built without cuDNN's headers\"}");
}
#endif

/* `facts DIVISOR`: products of sizes that much smaller, and a smaller copy. */
int main(int argc, char **argv) {
    const int divide = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1;
    int n = 0, driver = 0, runtime = 0, failed = 0;
    cudaStream_t stream = NULL;
    const cudaError_t e = cudaGetDeviceCount(&n);
    (void)cudaDriverGetVersion(&driver);
    (void)cudaRuntimeGetVersion(&runtime);
    printf("{\"driver\": %d, \"runtime\": %d, ", driver, runtime);
    if (e != cudaSuccess || n < 1 || divide < 1) {
        string("error", e ? cudaGetErrorName(e) : "no device", "}\n");
        return 1;
    }
    failed |= !show_devices(n);
    failed |= cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess;
    show_copy(stream, ((size_t)1 << 30) / (size_t)divide);
    failed |= show_products(stream, divide);
    show_cudnn();
    printf("}\n");
    return failed;
}
