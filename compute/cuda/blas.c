/* SPDX-License-Identifier: Apache-2.0
 * cuBLASLt, and which of its algorithms a product runs with. The library's heuristics are asked
 * once for each (shape, types, layouts) of a process; the first algorithm that adds in one order is
 * kept together with its descriptors, so the bits of a product do not depend on what ran before it.
 *
 * The library counts by columns: a row-major c (M,N) is its (N,M), so it is given b as its first
 * and a as its second operand, and a bias over c's columns is its bias over rows.
 *
 * Reductions over parts of k are allowed where each part goes to the workspace in fp32 and is added
 * in a step of its own (COMPUTE_TYPE); those through c itself (INPLACE) finish in any order, those
 * in c's type lose bits. All products have the same workspace and promise the same alignment, which
 * an algorithm may depend on, too.
 * Read next: compute/cuda/product.h. */
#include "compute/cuda/product.h"

#include "base/log.h"
#include "base/mem.h"
#include "compute/cuda_scratch.h"
#include <inttypes.h>

enum { MAX_ANSWERS = 16, FIRST_CAPACITY = 64, POINTER_ALIGNMENT = 16 };

/* All that an algorithm may depend on; compared as bytes. */
struct key {
    int64_t m, n, k, a_stride, b_stride, c_stride, from_stride;
    int32_t type, c_type, a_turned, b_turned, bias, from;
};

struct algorithm {
    struct key key;
    bool used, found;
    cublasLtMatmulDesc_t product;
    cublasLtMatrixLayout_t a, b, c, from;
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace_bytes;
};

/* An open hash table, at most half full. */
struct blas {
    struct algorithm *entries;
    size_t capacity, n_used;
};

static err blas_check(const struct compute *c, cublasStatus_t status, const char *call) {
    if (status == CUBLAS_STATUS_SUCCESS) return ERR_OK;
    return fail(status == CUBLAS_STATUS_ALLOC_FAILED ? ERR_MEMORY : ERR_IO,
                "%s on GPU %d: status %d", call, cuda_state(c)->device, (int)status);
}
#define BLAS(c, call, ...) blas_check(c, call(__VA_ARGS__), #call)

static struct key key_of(const struct blas_product *p) {
    struct key key;
    memset(&key, 0, sizeof key);
    key.m = p->m, key.n = p->n, key.k = p->k;
    key.a_stride = p->a.stride, key.b_stride = p->b.stride, key.c_stride = p->c_stride;
    key.from_stride = p->from ? p->from_stride : p->c_stride;
    key.type = (int32_t)p->type, key.c_type = (int32_t)p->c_type;
    key.a_turned = p->a.turned, key.b_turned = p->b.turned;
    key.bias = p->bias != NULL, key.from = p->from != NULL;
    return key;
}

static struct algorithm *blas_slot(struct blas *b, const struct key *key) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < sizeof *key; i++)
        hash = (hash ^ ((const uint8_t *)key)[i]) * 0x100000001b3u;
    for (size_t i = hash % b->capacity;; i = (i + 1) % b->capacity) {
        struct algorithm *entry = &b->entries[i];
        if (!entry->used || memcmp(&entry->key, key, sizeof *key) == 0) return entry;
    }
}

static err blas_grow(struct blas *b) {
    if (2 * (b->n_used + 1) <= b->capacity) return ERR_OK;
    struct blas larger = {.capacity = b->capacity ? 2 * b->capacity : FIRST_CAPACITY,
                          .n_used = b->n_used};
    larger.entries = mem_zalloc(larger.capacity, sizeof *larger.entries);
    if (!larger.entries) return ERR_MEMORY;
    for (size_t i = 0; i < b->capacity; i++)
        if (b->entries[i].used) *blas_slot(&larger, &b->entries[i].key) = b->entries[i];
    mem_free(b->entries);
    *b = larger;
    return ERR_OK;
}

/* The first of the library's suggestions, best first, whose sums have one order. */
static err choose(struct compute *c, struct algorithm *entry,
                  cublasLtMatmulPreference_t preference) {
    cublasLtMatmulHeuristicResult_t *answers = mem_zalloc(MAX_ANSWERS, sizeof *answers);
    int n_answers = 0;
    if (!answers) return ERR_MEMORY;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        cuda_state(c)->blas, entry->product, entry->b, entry->a, entry->from, entry->c, preference,
        MAX_ANSWERS, answers, &n_answers);
    if (status != CUBLAS_STATUS_SUCCESS) n_answers = 0;
    for (int i = 0; i < n_answers && !entry->found; i++) {
        uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_INPLACE;
        size_t written;
        if (answers[i].state != CUBLAS_STATUS_SUCCESS ||
            answers[i].workspaceSize > CUDA_PRODUCT_WORKSPACE ||
            cublasLtMatmulAlgoConfigGetAttribute(&answers[i].algo,
                                                 CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme,
                                                 sizeof scheme, &written) != CUBLAS_STATUS_SUCCESS)
            continue;
        if (scheme != CUBLASLT_REDUCTION_SCHEME_NONE &&
            scheme != CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
            continue;
        entry->algorithm = answers[i].algo;
        entry->workspace_bytes = answers[i].workspaceSize;
        entry->found = true;
    }
    const struct key *k = &entry->key;
    LOG(COMPUTE, DEBUG,
        "product %" PRId64 "x%" PRId64 "x%" PRId64 ": %s, status %d, %d suggestions, %zu bytes of "
        "workspace",
        k->m, k->n, k->k, entry->found ? "cublasLt" : "no algorithm", (int)status, n_answers,
        entry->workspace_bytes);
    mem_free(answers);
    return status == CUBLAS_STATUS_SUCCESS || status == CUBLAS_STATUS_NOT_SUPPORTED
               ? ERR_OK
               : blas_check(c, status, "cublasLtMatmulAlgoGetHeuristic");
}

static err prefer(struct compute *c, struct algorithm *entry) {
    static const cublasLtMatmulPreferenceAttributes_t alignments[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    const uint64_t workspace = CUDA_PRODUCT_WORKSPACE;
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, alignment = POINTER_ALIGNMENT;
    cublasLtMatmulPreference_t preference;
    TRY(BLAS(c, cublasLtMatmulPreferenceCreate, &preference));
    err e = BLAS(c, cublasLtMatmulPreferenceSetAttribute, preference,
                 CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
    if (!e)
        e = BLAS(c, cublasLtMatmulPreferenceSetAttribute, preference,
                 CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes);
    for (size_t i = 0; i < sizeof alignments / sizeof alignments[0] && !e; i++)
        e = BLAS(c, cublasLtMatmulPreferenceSetAttribute, preference, alignments[i], &alignment,
                 sizeof alignment);
    if (!e) e = choose(c, entry, preference);
    (void)cublasLtMatmulPreferenceDestroy(preference);
    return e;
}

static cudaDataType_t library_type(int32_t t) {
    return t == DTYPE_F32 ? CUDA_R_32F : CUDA_R_16BF;
}

static err make_layout(struct compute *c, int32_t type, int64_t dense, int64_t lines,
                       int64_t stride, cublasLtMatrixLayout_t *out) {
    return BLAS(c, cublasLtMatrixLayoutCreate, out, library_type(type), (uint64_t)dense,
                (uint64_t)lines, stride);
}

static err describe(struct compute *c, struct algorithm *entry) {
    const struct key *k = &entry->key;
    const cublasOperation_t turned_a = k->a_turned ? CUBLAS_OP_T : CUBLAS_OP_N,
                            turned_b = k->b_turned ? CUBLAS_OP_T : CUBLAS_OP_N;
    TRY(BLAS(c, cublasLtMatmulDescCreate, &entry->product, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    TRY(BLAS(c, cublasLtMatmulDescSetAttribute, entry->product, CUBLASLT_MATMUL_DESC_TRANSA,
             &turned_b, sizeof turned_b));
    TRY(BLAS(c, cublasLtMatmulDescSetAttribute, entry->product, CUBLASLT_MATMUL_DESC_TRANSB,
             &turned_a, sizeof turned_a));
    if (k->bias) {
        const uint32_t epilogue = CUBLASLT_EPILOGUE_BIAS;
        const cudaDataType_t type = library_type(k->c_type);
        TRY(BLAS(c, cublasLtMatmulDescSetAttribute, entry->product, CUBLASLT_MATMUL_DESC_EPILOGUE,
                 &epilogue, sizeof epilogue));
        TRY(BLAS(c, cublasLtMatmulDescSetAttribute, entry->product,
                 CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type, sizeof type));
    }
    TRY(make_layout(c, k->type, k->a_turned ? k->m : k->k, k->a_turned ? k->k : k->m, k->a_stride,
                    &entry->a));
    TRY(make_layout(c, k->type, k->b_turned ? k->k : k->n, k->b_turned ? k->n : k->k, k->b_stride,
                    &entry->b));
    TRY(make_layout(c, k->c_type, k->n, k->m, k->from_stride, &entry->from));
    return make_layout(c, k->c_type, k->n, k->m, k->c_stride, &entry->c);
}

static err set_bias(struct compute *c, const struct algorithm *entry, const void *bias) {
    if (!bias) return ERR_OK;
    return BLAS(c, cublasLtMatmulDescSetAttribute, entry->product,
                CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
}

static void forget(struct algorithm *entry) {
    if (entry->product) (void)cublasLtMatmulDescDestroy(entry->product);
    const cublasLtMatrixLayout_t layouts[] = {entry->a, entry->b, entry->c, entry->from};
    for (int i = 0; i < 4; i++)
        if (layouts[i]) (void)cublasLtMatrixLayoutDestroy(layouts[i]);
    *entry = (struct algorithm){0};
}

/* The bias' address has to be there when the library is asked. */
static err find(struct compute *c, const struct blas_product *p, struct algorithm **out) {
    struct cuda_state *s = cuda_state(c);
    if (!s->algorithms && !(s->algorithms = mem_zalloc(1, sizeof *s->algorithms)))
        return ERR_MEMORY;
    struct blas *b = s->algorithms;
    const struct key key = key_of(p);
    TRY(blas_grow(b));
    *out = blas_slot(b, &key);
    if ((*out)->used) return set_bias(c, *out, p->bias);
    (*out)->key = key;
    err e = describe(c, *out);
    if (!e) e = set_bias(c, *out, p->bias);
    if (!e) e = prefer(c, *out);
    if (e) {
        forget(*out);
        return e;
    }
    (*out)->used = true;
    b->n_used++;
    return ERR_OK;
}

err blas_product(struct compute *c, const struct blas_product *p, bool *out_taken) {
    const float one = 1, beta = p->from ? 1 : 0;
    struct algorithm *entry;
    TRY(find(c, p, &entry));
    *out_taken = entry->found;
    if (!entry->found) return ERR_OK;
    return BLAS(c, cublasLtMatmul, cuda_state(c)->blas, entry->product, &one, p->b.data, entry->b,
                p->a.data, entry->a, &beta, p->from ? p->from : p->c, entry->from, p->c, entry->c,
                &entry->algorithm, p->workspace, entry->workspace_bytes, cuda_state(c)->stream);
}

void blas_release(struct cuda_state *s) {
    if (!s->algorithms) return;
    for (size_t i = 0; i < s->algorithms->capacity; i++)
        if (s->algorithms->entries[i].used) forget(&s->algorithms->entries[i]);
    mem_free(s->algorithms->entries);
    mem_free(s->algorithms);
    s->algorithms = NULL;
}
