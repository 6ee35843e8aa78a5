/* SPDX-License-Identifier: Apache-2.0
 * Texts as sets of shingles, and the sketch of a set. The sketch is that of S. Dahlgaard, M.
 * Knudsen and M. Thorup, "Fast similarity sketching" (FOCS 2017): like MinHash with 128
 * permutations an unbiased estimate, place by place, but each shingle is hashed about once instead
 * of 128 times, and sets of few shingles fill every place by being hashed again.
 * Read next: data/text/near_index.c, which finds similar texts by their sketches. */
#include "data/text/near.h"

#include "base/mem.h"
#include "data/text/near_int.h"
#include "data/text/normal.h"
#include <stdlib.h>
#include <string.h>

enum {
    SHINGLE_WEIGHT = 10, /* of a run, at least */
    BUCKET_MAX = 24,     /* of a bucket that is sorted by insertion */
    ROUND_BITS = 8,      /* rounds of hashing: at most 2 * NEAR_SKETCH */
};
#define GOLDEN_RATIO 0x9E3779B97F4A7C15u /* of 2^64: SplitMix64's step */

uint64_t near_mix(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static uint64_t run_hash(const uint32_t *points, int64_t n) {
    uint64_t hash = (uint64_t)n * GOLDEN_RATIO;
    for (int64_t i = 0; i < n; i++) {
        hash = (hash ^ points[i]) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    return near_mix(hash);
}

/* The shingles in the order of the text, equal ones each time. A text too short for one run is one
 * shingle, the empty text too. Returns how many; `out` has room for text->n, at least one. */
static int64_t cut(const struct normal *text, uint64_t *out) {
    int64_t n = 0, end = 0;
    int total = 0;
    for (int64_t begin = 0; begin < text->n; begin++) {
        while (total < SHINGLE_WEIGHT && end < text->n) total += normal_weight(text->points[end++]);
        if (total < SHINGLE_WEIGHT) break;
        out[n++] = run_hash(text->points + begin, end - begin);
        total -= normal_weight(text->points[begin]);
    }
    if (n == 0) out[n++] = run_hash(text->points, text->n);
    return n;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_few(uint64_t *a, int64_t n) {
    if (n > BUCKET_MAX) {
        qsort(a, (size_t)n, sizeof *a, compare);
        return;
    }
    for (int64_t i = 1; i < n; i++) {
        uint64_t x = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1] > x; j--) a[j] = a[j - 1];
        a[j] = x;
    }
}

err near_sort(const uint64_t *in, int64_t n, uint64_t *out, int64_t *out_n) {
    int bits = 1;
    while ((int64_t)1 << bits < n / 4 && bits < 32) bits++;
    int64_t n_buckets = (int64_t)1 << bits;
    int64_t *ends = mem_zalloc((size_t)n_buckets + 1, sizeof *ends);
    if (!ends) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) ends[(in[i] >> (64 - bits)) + 1]++;
    for (int64_t i = 0; i < n_buckets; i++) ends[i + 1] += ends[i];
    for (int64_t i = 0; i < n; i++) out[ends[in[i] >> (64 - bits)]++] = in[i];
    for (int64_t i = 0, begin = 0; i < n_buckets; begin = ends[i++])
        sort_few(out + begin, ends[i] - begin);
    mem_free(ends);
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (kept == 0 || out[kept - 1] != out[i]) out[kept++] = out[i];
    *out_n = kept;
    return ERR_OK;
}

/* In round r each shingle x throws the value (r, h(r, x)) at one place: a random one in the first
 * 128 rounds, then place 0, 1, ... in turn, so that after at most 256 rounds all are filled. A
 * place keeps the least value; later rounds cannot better earlier ones, so it ends with the first
 * round that leaves no place empty. */
struct sketching {
    uint64_t least[NEAR_SKETCH];
    int empty;
};

static void sketch_start(struct sketching *s) {
    memset(s->least, 0xFF, sizeof s->least);
    s->empty = NEAR_SKETCH;
}

static void throw_value(struct sketching *s, uint64_t shingle, uint64_t round) {
    uint64_t hash = near_mix(shingle + (round + 1) * GOLDEN_RATIO);
    uint64_t place = round < NEAR_SKETCH ? hash % NEAR_SKETCH : round - NEAR_SKETCH;
    uint64_t value = round << (64 - ROUND_BITS) | hash >> ROUND_BITS;
    if (s->least[place] == UINT64_MAX) s->empty--;
    if (value < s->least[place]) s->least[place] = value;
}

static void sketch_end(const struct sketching *s, uint32_t out[NEAR_SKETCH]) {
    for (int i = 0; i < NEAR_SKETCH; i++) out[i] = (uint32_t)near_mix(s->least[i]);
}

void near_sketch(const uint64_t *hashes, int64_t n, uint32_t out[NEAR_SKETCH]) {
    static const uint64_t zero = 0;
    struct sketching s;
    if (n == 0) {
        hashes = &zero;
        n = 1;
    }
    sketch_start(&s);
    for (uint64_t round = 0; s.empty > 0; round++)
        for (int64_t i = 0; i < n; i++) throw_value(&s, hashes[i], round);
    sketch_end(&s, out);
}

static err make_shingles(struct near_text *t, const struct normal *text) {
    size_t room = text->n > 0 ? (size_t)text->n : 1;
    uint64_t *hashes = mem_alloc(room, sizeof *hashes);
    if (!hashes) return ERR_MEMORY;
    t->n = cut(text, hashes);
    t->shingles = mem_alloc((size_t)t->n, sizeof *t->shingles);
    err code = t->shingles ? near_sort(hashes, t->n, t->shingles, &t->n) : ERR_MEMORY;
    mem_free(hashes);
    return code;
}

err near_text_init(struct near_text *t, const char *text, size_t n) {
    *t = (struct near_text){0};
    struct normal normal = {0};
    err code = normal_set(&normal, text, n);
    if (code == ERR_OK) code = make_shingles(t, &normal);
    normal_release(&normal);
    if (code != ERR_OK) {
        near_text_release(t);
        return code;
    }
    near_sketch(t->shingles, t->n, t->sketch);
    return ERR_OK;
}

void near_text_release(struct near_text *t) {
    mem_free(t->shingles);
    *t = (struct near_text){0};
}

void near_text_leave_out(struct near_text *t, const struct near_text *common) {
    int64_t kept = 0;
    for (int64_t i = 0, j = 0; i < t->n; i++) {
        while (j < common->n && common->shingles[j] < t->shingles[i]) j++;
        if (j == common->n || common->shingles[j] != t->shingles[i])
            t->shingles[kept++] = t->shingles[i];
    }
    if (kept == 0) t->shingles[kept++] = run_hash(NULL, 0);
    t->n = kept;
    near_sketch(t->shingles, t->n, t->sketch);
}

int64_t near_text_leave_out_if(struct near_text *t,
                               bool (*is_common)(const void *ctx, uint64_t shingle),
                               const void *ctx) {
    int64_t kept = 0;
    for (int64_t i = 0; i < t->n; i++)
        if (!is_common(ctx, t->shingles[i])) t->shingles[kept++] = t->shingles[i];
    t->n = kept;
    if (kept == 0) t->shingles[t->n++] = run_hash(NULL, 0);
    near_sketch(t->shingles, t->n, t->sketch);
    return kept;
}

double near_text_similarity(const struct near_text *a, const struct near_text *b) {
    int64_t i = 0, j = 0, common = 0;
    while (i < a->n && j < b->n) {
        uint64_t x = a->shingles[i], y = b->shingles[j];
        common += x == y;
        i += x <= y;
        j += y <= x;
    }
    return (double)common / (double)(a->n + b->n - common);
}

err near_similarity(const char *a, const char *b, double *out) {
    struct near_text left, right;
    TRY(near_text_init(&left, a, strlen(a)));
    err code = near_text_init(&right, b, strlen(b));
    if (code == ERR_OK) {
        *out = near_text_similarity(&left, &right);
        near_text_release(&right);
    }
    near_text_release(&left);
    return code;
}
