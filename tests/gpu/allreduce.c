/* SPDX-License-Identifier: Apache-2.0
 * Two processes, a device each, sum vectors through NCCL: small whole numbers, whose sums are exact
 * whatever the order; then fp32 fractions several times over, which must give the same bits each
 * time and on both ranks; then the rate of a large one.
 *     allreduce [ELEMENTS]
 * Both processes are started before CUDA is: a context does not survive a fork.
 * Read next: tools/gpu.py. */
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RANKS = 2, REPEATS = 3, TIMED = 10 };

struct rank {
    int number;
    ncclComm_t comm;
    cudaStream_t stream;
    size_t n; /* elements */
    float *host, *device;
};

static int fault(const struct rank *r, const char *what, const char *why) {
    fprintf(stderr, "allreduce: rank %d: %s: %s\n", r->number, what, why);
    return 1;
}
#define CUDA(call)                                                                                 \
    do {                                                                                           \
        const cudaError_t e_ = (call);                                                             \
        if (e_ != cudaSuccess) return fault(r, #call, cudaGetErrorName(e_));                       \
    } while (0)
#define NCCL(call)                                                                                 \
    do {                                                                                           \
        const ncclResult_t e_ = (call);                                                            \
        char text_[32];                                                                            \
        snprintf(text_, sizeof text_, "NCCL result %d", (int)e_);                                  \
        if (e_ != ncclSuccess) return fault(r, #call, text_);                                      \
    } while (0)

static int open_rank(struct rank *r, const ncclUniqueId *id, int one_device) {
    CUDA(cudaSetDevice(one_device ? 0 : r->number));
    CUDA(cudaStreamCreateWithFlags(&r->stream, cudaStreamNonBlocking));
    CUDA(cudaMalloc((void **)&r->device, r->n * sizeof *r->device));
    NCCL(ncclCommInitRank(&r->comm, RANKS, *id, r->number));
    r->host = malloc(r->n * sizeof *r->host);
    return r->host ? 0 : fault(r, "memory", "out of host memory");
}

static int sum(struct rank *r) {
    const size_t bytes = r->n * sizeof *r->host;
    CUDA(cudaMemcpyAsync(r->device, r->host, bytes, cudaMemcpyHostToDevice, r->stream));
    NCCL(ncclAllReduce(r->device, r->device, r->n, ncclFloat, ncclSum, r->comm, r->stream));
    CUDA(cudaMemcpyAsync(r->host, r->device, bytes, cudaMemcpyDeviceToHost, r->stream));
    CUDA(cudaStreamSynchronize(r->stream));
    return 0;
}

static int exact(struct rank *r) {
    for (size_t i = 0; i < r->n; i++) r->host[i] = (float)(i % 1000 + (size_t)r->number);
    if (sum(r)) return 1;
    for (size_t i = 0; i < r->n; i++)
        if (r->host[i] != (float)(2 * (i % 1000) + 1)) return fault(r, "sum", "a wrong element");
    return 0;
}

static int same_bits(struct rank *r, uint64_t *digest) {
    uint64_t first = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint32_t bits = 1 + (uint32_t)r->number;
        *digest = 0xcbf29ce484222325u;
        for (size_t i = 0; i < r->n; i++) {
            bits = bits * 1664525u + 1013904223u;
            r->host[i] = (float)(bits >> 8) * 0x1p-24f - 0.5f;
        }
        if (sum(r)) return 1;
        for (size_t i = 0; i < r->n * sizeof *r->host; i++)
            *digest = (*digest ^ ((const uint8_t *)r->host)[i]) * 0x100000001b3u;
        if (repeat == 0) first = *digest;
        if (*digest != first) return fault(r, "sum", "other bits than the time before");
    }
    return 0;
}

static int timed(struct rank *r, double *seconds) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < TIMED; i++)
        NCCL(ncclAllReduce(r->device, r->device, r->n, ncclFloat, ncclSum, r->comm, r->stream));
    CUDA(cudaStreamSynchronize(r->stream));
    clock_gettime(CLOCK_MONOTONIC, &end);
    *seconds =
        ((double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec)) /
        TIMED;
    return 0;
}

/* Rank 0 makes the id and writes it; both send their digest to the parent. */
static int run(struct rank *r, int id_read, int id_write, int result, int one_device) {
    ncclUniqueId id;
    uint64_t digest = 0;
    double seconds = 0;
    if (r->number == 0) {
        NCCL(ncclGetUniqueId(&id));
        if (write(id_write, &id, sizeof id) != sizeof id) return fault(r, "id", "not sent");
    } else if (read(id_read, &id, sizeof id) != sizeof id) {
        return fault(r, "id", "not received");
    }
    if (open_rank(r, &id, one_device) || exact(r) || same_bits(r, &digest) || timed(r, &seconds))
        return 1;
    if (write(result, &digest, sizeof digest) != sizeof digest) return 1;
    if (r->number == 0)
        printf(
            "{\"bytes\": %zu, \"seconds\": %.6g, \"bytes_per_s\": %.6g, \"digest\": \"%016llx\"}\n",
            r->n * sizeof *r->host, seconds, (double)(r->n * sizeof *r->host) / seconds,
            (unsigned long long)digest);
    fflush(stdout);
    return ncclCommDestroy(r->comm) != ncclSuccess;
}

/* `allreduce ELEMENTS one`: both ranks on one device, which the emulator allows. */
int main(int argc, char **argv) {
    const size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : (size_t)64 << 20;
    const int one_device = argc > 2 && !strcmp(argv[2], "one");
    uint64_t digest[RANKS] = {0};
    int id[2], result[2], failed = 0;
    pid_t child[RANKS];
    if (pipe(id) || pipe(result) || n == 0) return 1;
    for (int i = 0; i < RANKS; i++) {
        child[i] = fork();
        if (child[i] < 0) return 1;
        struct rank r = {.number = i, .n = n};
        if (child[i] == 0) return run(&r, id[0], id[1], result[1], one_device);
    }
    close(id[0]);
    close(id[1]);
    close(result[1]);
    for (int i = 0; i < RANKS; i++)
        failed |= read(result[0], &digest[i], sizeof digest[i]) != sizeof digest[i];
    for (int i = 0; i < RANKS; i++) {
        int status = 0;
        waitpid(child[i], &status, 0);
        failed |= status != 0;
    }
    if (!failed && digest[0] != digest[1]) failed = fprintf(stderr, "allreduce: ranks differ\n");
    return failed != 0;
}
