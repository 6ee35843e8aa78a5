/* SPDX-License-Identifier: Apache-2.0
 * Filter `exact_dup`: samples whose prompts and answers are the same once both are normalised
 * (data/text/normal.h: case, width, white space, punctuation), turn by turn. The first one stays. A
 * prompt that comes again with another answer is another sample: whether that is a fault is for
 * lint to say. */
#include "base/hash.h"
#include "base/mem.h"
#include "data/filters/filter.h"
#include "data/text/normal.h"
#include "data/text/text_map.h"
#include <string.h>

struct seen {
    struct arena arena;  /* of the keys */
    struct text_map map; /* digest of a sample -> its number */
};

/* A length and the kind before each text keep "ab" + "c" apart from "a" + "bc". */
static err add_text(struct sha256 *hash, struct span text, int64_t kind, struct normal *normal) {
    TRY(normal_set(normal, text.text, text.n));
    int64_t head[] = {kind, normal->n};
    TRY(sha256_add(hash, head, sizeof head));
    return normal->n == 0
               ? ERR_OK
               : sha256_add(hash, normal->points, (size_t)normal->n * sizeof *normal->points);
}

enum { PROMPT, ANSWER, CONTEXT, TRAINED };

static err add_sample(struct sha256 *hash, const struct sample *s, struct normal *normal) {
    for (int64_t i = 0; i < s->n; i++) {
        if (s->kind == SAMPLE_TURNS) {
            TRY(add_text(hash, s->turns[i].prompt, PROMPT, normal));
            TRY(add_text(hash, s->turns[i].answer, ANSWER, normal));
        } else {
            const struct segment *segment = &s->segments[i];
            TRY(add_text(hash, segment->text, segment->trained ? TRAINED : CONTEXT, normal));
        }
    }
    return ERR_OK;
}

static err look(void *ctx, struct filter_pass *p, int64_t number, struct filter_verdict *out) {
    struct normal normal = {0};
    struct sha256 hash;
    (void)ctx;
    out->found = mem_alloc(SHA256_HEX_SIZE, 1);
    if (!out->found) return ERR_MEMORY;
    TRY(sha256_init(&hash));
    err e = add_sample(&hash, filter_sample(p, number), &normal);
    normal_release(&normal);
    if (e == ERR_OK) return sha256_final(&hash, out->found);
    sha256_release(&hash);
    return e;
}

static err settle(void *ctx, struct filter_pass *p, int64_t number, void *found) {
    struct seen *seen = ctx;
    int64_t *first;
    struct span key = {arena_strndup(&seen->arena, found, SHA256_HEX_SIZE - 1),
                       SHA256_HEX_SIZE - 1};
    if (!key.text) return ERR_MEMORY;
    TRY(text_map_add(&seen->map, key, number, &first));
    if (*first == number) return ERR_OK;
    return filter_drop(p, number,
                       &(struct filter_drop){.reason = "the same sample", .related = *first});
}

static err run(struct filter_pass *p) {
    struct seen seen = {0};
    err e = filter_each(p, look, settle, &seen);
    text_map_release(&seen.map);
    arena_release(&seen.arena);
    return e;
}

const struct filter filter_exact_dup = {
    .name = "exact_dup",
    .summary = "samples that are the same but for case, width, white space and punctuation",
    .run = run,
};
