/* SPDX-License-Identifier: Apache-2.0
 * Memory of the GPU and copies to and from it.
 *
 * Uploads go through a ring of pinned pieces: the caller's memory is free when the call returns,
 * and the copy runs behind it in the stream's order. Downloads are complete on return; the pieces
 * of a large one follow each other without a gap.
 * What a plan keeps on the host is pinned. It comes and goes on two streams of its own, one each
 * way, so that copies, either way, and kernels overlap: compute/compute.h tells of the slots.
 * Read next: compute/cuda/cuda.h. */
#include "compute/cuda/memory.h"

#include "base/mem.h"

static err check_ahead(const struct compute *c, size_t bytes) {
    size_t left = 0, total = 0;
    const cudaError_t asked = cudaMemGetInfo(&left, &total);
    err e = fail(ERR_MEMORY, "GPU %d has no %zu bytes in one piece (cudaMalloc)",
                 cuda_state(c)->device, bytes);
    if (asked != cudaSuccess) return e;
    e = fail(ERR_MEMORY,
             "GPU %d has no %zu bytes in one piece (cudaMalloc): %zu of its %zu bytes are free%s",
             cuda_state(c)->device, bytes, left, total,
             left >= bytes ? ", but not side by side" : "");
    return fail_hint(e, "other programs may hold some (nvidia-smi shows them); 'cotrain plan "
                        "--device cuda' says what a recipe needs and what makes it smaller");
}

err cuda_alloc(struct compute *c, size_t bytes, void **out) {
    const cudaError_t result = cudaMalloc(out, bytes ? bytes : 1);
    if (result == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError(); /* it is told, and no fault of what comes after */
        return check_ahead(c, bytes);
    }
    TRY(cuda_check(c, result, "cudaMalloc"));
    return cuda_zero(c, *out, bytes);
}

void cuda_free(struct compute *c, void *p) {
    (void)cudaStreamSynchronize(cuda_state(c)->stream);
    (void)cudaFree(p);
}

err cuda_zero(struct compute *c, void *p, size_t bytes) {
    if (bytes == 0) return ERR_OK;
    return cuda_check(c, cudaMemsetAsync(p, 0, bytes, cuda_state(c)->stream), "cudaMemsetAsync");
}

err cuda_memory_left(struct compute *c, size_t *left, size_t *total) {
    return cuda_check(c, cudaMemGetInfo(left, total), "cudaMemGetInfo");
}

/* ---- copies ---- */

enum { PIECES = 4, PIECE_BYTES = 4 << 20 };

struct cuda_copies {
    char *pieces; /* pinned */
    cudaEvent_t copied[PIECES];
    int next;
    /* Of what a plan keeps on the host: */
    cudaStream_t in, out;
    struct {
        cudaEvent_t there, used; /* fetched; and free for the next fetch */
    } slots[COMPUTE_SLOTS];
    cudaEvent_t made; /* by the operations so far, for a store */
};

static err make_event(const struct compute *c, cudaEvent_t *out) {
    return cuda_check(c, cudaEventCreateWithFlags(out, cudaEventDisableTiming), "cudaEventCreate");
}

err cuda_copies_open(struct compute *c) {
    struct cuda_copies *k = cuda_state(c)->copies = mem_zalloc(1, sizeof *k);
    void *pieces = NULL;
    if (!k) return ERR_MEMORY;
    TRY(cuda_check(c, cudaMallocHost(&pieces, (size_t)PIECES * PIECE_BYTES), "cudaMallocHost"));
    k->pieces = pieces;
    for (int i = 0; i < PIECES; i++) TRY(make_event(c, &k->copied[i]));
    for (int i = 0; i < COMPUTE_SLOTS; i++) {
        TRY(make_event(c, &k->slots[i].there));
        TRY(make_event(c, &k->slots[i].used));
    }
    TRY(make_event(c, &k->made));
    TRY(cuda_check(c, cudaStreamCreateWithFlags(&k->in, cudaStreamNonBlocking),
                   "cudaStreamCreate"));
    return cuda_check(c, cudaStreamCreateWithFlags(&k->out, cudaStreamNonBlocking),
                      "cudaStreamCreate");
}

static void drop_event(cudaEvent_t e) {
    if (e) (void)cudaEventDestroy(e);
}

void cuda_copies_close(struct compute *c) {
    struct cuda_copies *k = cuda_state(c)->copies;
    if (!k) return;
    if (k->in) (void)cudaStreamDestroy(k->in);
    if (k->out) (void)cudaStreamDestroy(k->out);
    for (int i = 0; i < PIECES; i++) drop_event(k->copied[i]);
    for (int i = 0; i < COMPUTE_SLOTS; i++) {
        drop_event(k->slots[i].there);
        drop_event(k->slots[i].used);
    }
    drop_event(k->made);
    if (k->pieces) (void)cudaFreeHost(k->pieces);
    mem_free(k);
    cuda_state(c)->copies = NULL;
}

static size_t piece_of(size_t bytes, size_t at) {
    return bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
}

/* The next piece of the ring, once the copy that had it before is done. */
static err take_piece(struct compute *c, int *out) {
    struct cuda_copies *k = cuda_state(c)->copies;
    *out = k->next;
    k->next = (k->next + 1) % PIECES;
    return cuda_check(c, cudaEventSynchronize(k->copied[*out]), "cudaEventSynchronize");
}

static err copy_piece(struct compute *c, int piece, void *to, const void *from, size_t bytes,
                      enum cudaMemcpyKind kind) {
    struct cuda_state *s = cuda_state(c);
    TRY(cuda_check(c, cudaMemcpyAsync(to, from, bytes, kind, s->stream), "cudaMemcpyAsync"));
    return cuda_check(c, cudaEventRecord(s->copies->copied[piece], s->stream), "cudaEventRecord");
}

err cuda_upload(struct compute *c, void *to, const void *from, size_t bytes) {
    for (size_t at = 0, n; at < bytes; at += n) {
        int piece;
        n = piece_of(bytes, at);
        TRY(take_piece(c, &piece));
        char *pinned = cuda_state(c)->copies->pieces + (size_t)piece * PIECE_BYTES;
        memcpy(pinned, (const char *)from + at, n);
        TRY(copy_piece(c, piece, (char *)to + at, pinned, n, cudaMemcpyHostToDevice));
    }
    return ERR_OK;
}

/* Copies run up to PIECES - 1 pieces ahead of what is handed over. */
err cuda_download(struct compute *c, void *to, const void *from, size_t bytes) {
    struct cuda_copies *k = cuda_state(c)->copies;
    int pieces[PIECES];
    size_t asked = 0, given = 0;
    while (given < bytes) {
        while (asked < bytes && asked - given < (size_t)(PIECES - 1) * PIECE_BYTES) {
            const size_t number = asked / PIECE_BYTES % PIECES, n = piece_of(bytes, asked);
            TRY(take_piece(c, &pieces[number]));
            TRY(copy_piece(c, pieces[number], k->pieces + (size_t)pieces[number] * PIECE_BYTES,
                           (const char *)from + asked, n, cudaMemcpyDeviceToHost));
            asked += n;
        }
        const int piece = pieces[given / PIECE_BYTES % PIECES];
        const size_t n = piece_of(bytes, given);
        TRY(cuda_check(c, cudaEventSynchronize(k->copied[piece]), "cudaEventSynchronize"));
        memcpy((char *)to + given, k->pieces + (size_t)piece * PIECE_BYTES, n);
        given += n;
    }
    return ERR_OK;
}

/* ---- what is kept on the host ---- */

err cuda_pin(struct compute *c, size_t bytes, void **out) {
    TRY(cuda_check(c, cudaMallocHost(out, bytes ? bytes : 1), "cudaMallocHost"));
    memset(*out, 0, bytes);
    return ERR_OK;
}

void cuda_unpin(struct compute *c, void *p) {
    const struct cuda_copies *k = cuda_state(c)->copies;
    (void)cudaStreamSynchronize(k->in);
    (void)cudaStreamSynchronize(k->out);
    (void)cudaFreeHost(p);
}

err cuda_fetch(struct compute *c, int slot, void *to, const void *host, size_t bytes) {
    struct cuda_copies *k = cuda_state(c)->copies;
    if (bytes == 0) return ERR_OK;
    TRY(cuda_check(c, cudaStreamWaitEvent(k->in, k->slots[slot].used, 0), "cudaStreamWaitEvent"));
    TRY(cuda_check(c, cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, k->in),
                   "cudaMemcpyAsync"));
    return cuda_check(c, cudaEventRecord(k->slots[slot].there, k->in), "cudaEventRecord");
}

err cuda_use(struct compute *c, int slot) {
    struct cuda_state *s = cuda_state(c);
    return cuda_check(c, cudaStreamWaitEvent(s->stream, s->copies->slots[slot].there, 0),
                      "cudaStreamWaitEvent");
}

err cuda_store(struct compute *c, int slot, void *host, const void *from, size_t bytes) {
    struct cuda_state *s = cuda_state(c);
    struct cuda_copies *k = s->copies;
    if (bytes == 0) return ERR_OK;
    TRY(cuda_check(c, cudaEventRecord(k->made, s->stream), "cudaEventRecord"));
    TRY(cuda_check(c, cudaStreamWaitEvent(k->out, k->made, 0), "cudaStreamWaitEvent"));
    TRY(cuda_check(c, cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, k->out),
                   "cudaMemcpyAsync"));
    return cuda_check(c, cudaEventRecord(k->slots[slot].used, k->out), "cudaEventRecord");
}

err cuda_give(struct compute *c, int slot) {
    struct cuda_state *s = cuda_state(c);
    return cuda_check(c, cudaEventRecord(s->copies->slots[slot].used, s->stream),
                      "cudaEventRecord");
}

err cuda_wait(struct compute *c) {
    struct cuda_state *s = cuda_state(c);
    TRY(cuda_check(c, cudaStreamSynchronize(s->stream), "cudaStreamSynchronize"));
    return cuda_check(c, cudaStreamSynchronize(s->copies->out), "cudaStreamSynchronize");
}
