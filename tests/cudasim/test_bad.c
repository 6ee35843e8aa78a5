/* SPDX-License-Identifier: Apache-2.0
 * The emulator's own suite of planted mistakes: `test_bad MODULE [NAME]`. Each runs in a process of
 * its own under EMU_PROTECT, EMU_LEAKS and EMU_STREAMS=lifo, and must end with exit status 99 and a
 * message of the right kind: those of bad.cu in a kernel, those below in the host's code.
 * Read next: bad.cu; check.cpp, memory.cpp, streams.cpp, which find them. */
#include "tests/cudasim/bad.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAUGHT = 99, TEXT_MAX = 8192 };

static const struct bad_kernels *bad;
static float host[BAD_N];

static void *device(size_t n) {
    void *p = NULL;
    if (cudaMalloc(&p, n)) _exit(1);
    return p;
}
static float *numbers(void) {
    float *p = device(sizeof host);
    cudaMemcpy(p, host, sizeof host, cudaMemcpyHostToDevice);
    return p;
}
static float *pinned(void) {
    void *p = NULL;
    if (cudaMallocHost(&p, sizeof host)) _exit(1);
    memset(p, 0, sizeof host);
    return p;
}
static cudaStream_t stream(void) {
    cudaStream_t s;
    if (cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking)) _exit(1);
    return s;
}
static cudaError_t run(const char *name, float *p, float *q, int n) {
    for (int i = 0; i < bad->n; i++)
        if (strcmp(bad->kernels[i].name, name) == 0) return bad->kernels[i].launch(p, q, n);
    _exit(1);
}
/* A call that must refuse: its error is the message. */
static void refused(cudaError_t e) {
    fprintf(stderr, "%s\n", cudaGetErrorName(e));
    _exit(e ? CAUGHT : 0);
}

/* ---- pointers ---- */
static void host_pointer_in_kernel(void) {
    run("uninitialised", device(sizeof host), host, BAD_N);
    cudaDeviceSynchronize();
}
static void host_reads_device(void) {
    host[0] = numbers()[3];
}
static void host_writes_device(void) {
    numbers()[3] = 1;
}
static void host_reads_freed(void) {
    float *p = numbers();
    cudaFree(p);
    host[0] = p[0];
}
static void kernel_reads_freed(void) {
    float *p = numbers();
    cudaFree(p);
    run("between_blocks", p, NULL, 0);
    cudaDeviceSynchronize();
}
static void kernel_writes_freed(void) {
    float *q = numbers();
    cudaFree(q);
    run("shared_unwritten", NULL, q, 0); /* thread 0 may read what it reads there */
    cudaDeviceSynchronize();
}
static void freed_twice(void) {
    float *p = numbers();
    cudaFree(p);
    cudaFree(p);
}
static void freed_inside(void) {
    cudaFree(numbers() + 64);
}
static void pinned_freed_twice(void) {
    float *p = pinned();
    cudaFreeHost(p);
    cudaFreeHost(p);
}
static void never_freed(void) {
    (void)numbers();
    exit(0);
}

/* ---- copies ---- */
static void copy_kind(void) {
    refused(cudaMemcpy(numbers(), host, sizeof host, cudaMemcpyDeviceToHost));
}
static void copy_past(void) {
    cudaMemcpy(numbers() + 1, host, sizeof host, cudaMemcpyHostToDevice);
}
static void fill_past(void) {
    cudaMemset(numbers(), 0, sizeof host + 1);
    cudaDeviceSynchronize();
}
static void copy_uninitialised(void) {
    cudaMemcpy(host, device(sizeof host), sizeof host, cudaMemcpyDeviceToHost);
}
static void pinned_read_early(void) {
    float *p = pinned();
    cudaMemcpyAsync(p, numbers(), sizeof host, cudaMemcpyDeviceToHost, stream());
    host[0] = p[5];
}
static void pinned_written_early(void) {
    float *p = pinned();
    cudaMemcpyAsync(numbers(), p, sizeof host, cudaMemcpyHostToDevice, stream());
    p[5] = 1;
}
/* Two streams, no event between: under EMU_STREAMS=lifo the second copy comes first. */
static void event_missing(void) {
    float *from = pinned(), *p = device(sizeof host), *q = device(sizeof host);
    cudaMemcpyAsync(p, from, sizeof host, cudaMemcpyHostToDevice, stream());
    cudaMemcpyAsync(q, p, sizeof host, cudaMemcpyDeviceToDevice, stream());
    cudaDeviceSynchronize();
    cudaMemcpy(host, q, sizeof host, cudaMemcpyDeviceToHost);
}

/* ---- launches and memory ---- */
static void no_threads(void) {
    refused(bad->launch_shape(numbers(), 1, 0, 0));
}
static void too_many_threads(void) {
    refused(bad->launch_shape(numbers(), 1, 1025, 0));
}
static void no_blocks(void) {
    refused(bad->launch_shape(numbers(), 0, 32, 0));
}
static void shared_not_asked_for(void) {
    refused(bad->launch_shape(numbers(), 1, 32, 64 << 10));
}
static void shared_too_large(void) {
    refused(cudaFuncSetAttribute((const void *)bad, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 228 << 10));
}
static void out_of_memory(void) {
    void *p = NULL;
    refused(cudaMalloc(&p, 9ull << 30));
}

/* ---- cublasLt: d (m,n) = a (m,k) b (k,n), column by column ---- */
enum { M = 8, N = 16, K = 24 };
struct product {
    float *a, *b, *d, *workspace;
    int64_t ld_a;
    int cols_a;
    uint64_t workspace_bytes;
    uint32_t alignment;
    bool any_scheme;
};
static void multiply(struct product p) {
    cublasLtHandle_t handle;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, d;
    cublasLtMatmulPreference_t preference;
    cublasLtMatmulHeuristicResult_t found;
    int n_found = 0;
    const float one = 1, zero = 0;
    cublasLtCreate(&handle);
    cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F);
    cublasLtMatrixLayoutCreate(&a, CUDA_R_32F, M, (uint64_t)p.cols_a, p.ld_a);
    cublasLtMatrixLayoutCreate(&b, CUDA_R_32F, K, N, K);
    cublasLtMatrixLayoutCreate(&d, CUDA_R_32F, M, N, M);
    cublasLtMatmulPreferenceCreate(&preference);
    cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                         &p.workspace_bytes, sizeof p.workspace_bytes);
    if (!p.any_scheme)
        cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                             &(uint32_t){CUBLASLT_REDUCTION_SCHEME_NONE},
                                             sizeof(uint32_t));
    if (p.alignment)
        cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                                             &p.alignment, sizeof p.alignment);
    cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, desc, a, b, d, d, preference, 1, &found, &n_found);
    if (!status)
        status = cublasLtMatmul(handle, desc, &one, p.a, a, p.b, b, &zero, p.d, d, p.d, d,
                                &found.algo, p.workspace, found.workspaceSize, NULL);
    cudaDeviceSynchronize();
    fprintf(stderr, "%s\n", cublasLtGetStatusName(status));
    _exit(status ? CAUGHT : 0);
}
static float *zeros(size_t n) {
    float *p = device(n * sizeof *p);
    cudaMemset(p, 0, n * sizeof *p);
    return p;
}
static struct product product(void) {
    return (struct product){
        .a = zeros(M * K + 1), .b = zeros(K * N), .d = zeros(M * N), .ld_a = M, .cols_a = K};
}
static void blas_small_ld(void) {
    struct product p = product();
    p.ld_a = M - 1;
    multiply(p);
}
static void blas_shapes_differ(void) {
    struct product p = product();
    p.cols_a = K - 1;
    multiply(p);
}
static void blas_misaligned(void) {
    struct product p = product();
    p.a += 1;
    multiply(p);
}
static void blas_large_ld(void) {
    struct product p = product();
    p.ld_a = M + 1;
    multiply(p);
}
static void blas_out_of_bounds(void) {
    struct product p = product();
    p.a += 2;
    p.alignment = 4;
    multiply(p);
}
static void blas_uninitialised(void) {
    struct product p = product();
    p.b = device(K * N * sizeof *p.b);
    multiply(p);
}
static void blas_output_freed(void) {
    struct product p = product();
    cudaFree(p.d);
    multiply(p);
}
static void blas_no_workspace(void) {
    struct product p = product();
    p.workspace_bytes = 4 << 20;
    p.workspace = zeros(64);
    multiply(p);
}

static void blas_any_order(void) {
    struct product p = product();
    p.any_scheme = true;
    multiply(p);
}

static const struct mistake {
    const char *name;
    void (*make)(void);
    const char *message;
} mistakes[] = {
#define ROW(name, message)                                                                         \
    { #name, name, message }
    ROW(host_pointer_in_kernel, "of host memory"),
    ROW(host_reads_device, "host code touched device memory"),
    ROW(host_writes_device, "host code touched device memory"),
    ROW(host_reads_freed, "(freed)"),
    ROW(kernel_reads_freed, "allocation was freed"),
    ROW(kernel_writes_freed, "4-byte write of"),
    ROW(freed_twice, "was freed already"),
    ROW(freed_inside, "was never given by cudaMalloc"),
    ROW(pinned_freed_twice, "cudaFreeHost: "),
    ROW(never_freed, "leak: 400 bytes of device memory"),
    ROW(copy_kind, "cudaErrorInvalidValue"),
    ROW(copy_past, "cudaMemcpy destination: 400 bytes"),
    ROW(fill_past, "cudaMemset: 401 bytes"),
    ROW(copy_uninitialised, "cudaMemcpy source: reads uninitialised"),
    ROW(pinned_read_early, "that a copy not waited for writes"),
    ROW(pinned_written_early, "that a copy not waited for reads"),
    ROW(event_missing, "cudaMemcpy source: reads uninitialised"),
    ROW(no_threads, "cudaErrorInvalidConfiguration"),
    ROW(too_many_threads, "cudaErrorInvalidConfiguration"),
    ROW(no_blocks, "cudaErrorInvalidConfiguration"),
    ROW(shared_not_asked_for, "cudaErrorInvalidValue"),
    ROW(shared_too_large, "cudaErrorInvalidValue"),
    ROW(out_of_memory, "cudaErrorMemoryAllocation"),
    ROW(blas_small_ld, "CUBLAS_STATUS_INVALID_VALUE"),
    ROW(blas_shapes_differ, "CUBLAS_STATUS_INVALID_VALUE"),
    ROW(blas_misaligned, "is not aligned to the 256 bytes"),
    ROW(blas_large_ld, "cublasLtMatmul A: "),
    ROW(blas_out_of_bounds, "leave their allocation"),
    ROW(blas_uninitialised, "cublasLtMatmul B: reads uninitialised"),
    ROW(blas_output_freed, "is not live device memory"),
    ROW(blas_any_order, "sums have no fixed order"),
    ROW(blas_no_workspace, "cublasLtMatmul workspace: "),
};

static void make_mistake(const struct bad_kernel *kernel, const struct mistake *mistake) {
    if (kernel) {
        if (kernel->launch(numbers(), device(sizeof host), BAD_N)) _exit(1);
        cudaDeviceSynchronize();
    } else {
        mistake->make();
    }
    _exit(0);
}
/* Whether a process of its own is stopped with that message. */
static int caught(const char *name, const char *message, const struct bad_kernel *kernel,
                  const struct mistake *mistake) {
    char said[TEXT_MAX];
    size_t n = 0;
    int ends[2], status = 0;
    if (pipe(ends)) return 0;
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        make_mistake(kernel, mistake);
    }
    close(ends[1]);
    for (ssize_t got;
         n < sizeof said - 1 && (got = read(ends[0], said + n, sizeof said - 1 - n)) > 0;)
        n += (size_t)got;
    close(ends[0]);
    said[n] = '\0';
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CAUGHT && strstr(said, message)) return 1;
    printf("%s: not caught as '%s' (status 0x%x); it said:\n%s\n", name, message, status, said);
    return 0;
}

int main(int argc, char **argv) {
    setenv("EMU_PROTECT", "1", 1);
    setenv("EMU_LEAKS", "1", 1);
    setenv("EMU_STREAMS", "lifo", 1);
    void *module = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    bad = module ? dlsym(module, BAD_KERNELS_SYMBOL) : NULL;
    if (!bad) {
        printf("usage: test_bad MODULE [NAME]: %s\n", argc > 1 ? dlerror() : "no module");
        return 1;
    }
    const char *only = argc > 2 ? argv[2] : NULL;
    int n = 0, n_caught = 0;
    for (int i = 0; i < bad->n; i++) {
        const struct bad_kernel *k = &bad->kernels[i];
        if (only && strcmp(only, k->name) != 0) continue;
        n++, n_caught += caught(k->name, k->message, k, NULL);
    }
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const struct mistake *m = &mistakes[i];
        if (only && strcmp(only, m->name) != 0) continue;
        n++, n_caught += caught(m->name, m->message, NULL, m);
    }
    printf("%d of %d planted mistakes caught\n", n_caught, n);
    return n == 0 || n_caught != n;
}
