/* SPDX-License-Identifier: Apache-2.0
 * Filling flat batches. The three kinds of isolation differ only in row_place_next, which the
 * decoder shares, so that what is trained and what is decoded cannot disagree about a border.
 * Read next: model/batch.h, the contract. */
#include "model/batch.h"
#include "base/mem.h"
#include <string.h>

static const char *const isolate_names[] = {"all", "attention", "none"};

err isolate_parse(const char *name, enum isolate *out) {
    for (int i = 0; i < 3; i++)
        if (strcmp(name, isolate_names[i]) == 0) {
            *out = (enum isolate)i;
            return ERR_OK;
        }
    return fail(ERR_USAGE, "unknown isolation '%s', there are all, attention, none", name);
}

err batch_init(struct batch *b, int64_t capacity) {
    *b = (struct batch){.capacity = capacity};
    if (capacity < 0 || capacity >= INT32_MAX)
        return fail(ERR_LIMIT, "a batch of %lld tokens, fewer than %d are possible",
                    (long long)capacity, INT32_MAX);
    size_t n = (size_t)capacity + 1;
    b->ids = mem_zalloc(n, sizeof *b->ids);
    b->targets = mem_zalloc(n, sizeof *b->targets);
    b->position = mem_zalloc(n, sizeof *b->position);
    b->first = mem_zalloc(n, sizeof *b->first);
    b->link = mem_zalloc(n, sizeof *b->link);
    b->row = mem_zalloc(n, sizeof *b->row);
    b->length = mem_zalloc(n, sizeof *b->length);
    if (b->ids && b->targets && b->position && b->first && b->link && b->row && b->length)
        return ERR_OK;
    batch_release(b);
    return ERR_MEMORY;
}

void batch_clear(struct batch *b) {
    b->n = 0;
    b->n_blind = 0;
    b->row_base = 0;
}

void batch_release(struct batch *b) {
    mem_free(b->ids);
    mem_free(b->targets);
    mem_free(b->position);
    mem_free(b->first);
    mem_free(b->link);
    mem_free(b->row);
    mem_free(b->length);
    mem_free(b->blind);
    *b = (struct batch){0};
}

void row_place_next(struct row_place *p, bool doc_start, enum isolate isolate, int32_t *position,
                    int32_t *first, uint8_t *link) {
    if (doc_start) p->document = p->n;
    *position = (int32_t)(isolate == ISOLATE_ALL ? p->n - p->document : p->n);
    *first = (int32_t)(isolate == ISOLATE_NONE ? 0 : p->document);
    *link = p->n > 0 && !(isolate == ISOLATE_ALL && p->document == p->n);
    p->n++;
}

static void end_document(struct batch *b, int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; t++) b->length[t] = (int32_t)(end - begin);
}

err batch_add_row(struct batch *b, int64_t n, const int32_t *ids, const int32_t *targets,
                  const uint8_t *doc_start, int64_t eod, enum isolate isolate) {
    if (n <= 0) return fail(ERR_RANGE, "a row without tokens");
    if (n > b->capacity - b->n)
        return fail(ERR_LIMIT, "a row of %lld tokens where the batch has room for %lld",
                    (long long)n, (long long)(b->capacity - b->n));
    if (b->row_base < 0 || b->row_base > INT32_MAX - b->n - n)
        return fail(ERR_LIMIT, "a training step of over %d tokens", INT32_MAX);
    struct row_place place = {0};
    const int64_t begin = b->n;
    int64_t document = begin;
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = begin + i;
        bool starts = doc_start ? doc_start[i] != 0 : i > 0 && ids[i - 1] == eod;
        if (starts) {
            end_document(b, document, at);
            document = at;
        }
        row_place_next(&place, starts, isolate, &b->position[at], &b->first[at], &b->link[at]);
        b->first[at] += (int32_t)begin;
        b->ids[at] = ids[i];
        b->targets[at] = targets ? targets[i] : TARGET_IGNORE;
        b->row[at] = (int32_t)(b->row_base + at);
    }
    b->n += n;
    end_document(b, document, b->n);
    return ERR_OK;
}

err batch_hide(struct batch *b, int64_t n, const uint8_t *seen) {
    const int64_t begin = b->n - n;
    int64_t first = 0, end = n;
    BUG_IF(begin < 0);
    while (first < n && !seen[first]) first++;
    while (end > first && !seen[end - 1]) end--;
    for (int64_t i = first; i < end; i++)
        if (!seen[i])
            return fail(ERR_UNSUPPORTED,
                        "token %lld is hidden between seen ones, only padding at an end is handled",
                        (long long)i);
    if (first == 0) return ERR_OK; /* padding at the end is behind every token that counts */
    struct blind *grown = mem_resize(b->blind, (size_t)b->n_blind + 1, sizeof *grown);
    if (!grown) return ERR_MEMORY;
    b->blind = grown;
    b->blind[b->n_blind++] = (struct blind){begin, begin + first, begin + n};
    for (int64_t i = begin; i < begin + n; i++) {
        int64_t seen_from = i < begin + first ? i : begin + first;
        if (b->first[i] < seen_from) b->first[i] = (int32_t)seen_from;
    }
    return ERR_OK;
}
