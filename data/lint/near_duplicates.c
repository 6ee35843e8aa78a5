/* SPDX-License-Identifier: Apache-2.0
 * Samples that are nearly an earlier one: at least 0.8 of their shingles are common
 * (data/text/near.h). Thousands of rows may be made from one template and resemble each other
 * without being copies. They are found by what sets them apart: shingles that many samples have are
 * left out of the index, and what it finds (half of the rest is common) is then compared whole. A
 * sample of which hardly anything is left is not compared, and counted as such. So the time is
 * linear in the rows. Samples are looked up in blocks side by side, in what came before the block,
 * and within a block one after the other; the answer does not depend on the number of threads. What
 * was found is not added: of many alike only the first is compared with. Exact duplicates take no
 * part. */
#include "base/mem.h"
#include "base/par.h"
#include "data/lint/lint.h"
#include "data/text/near.h"

#define SIMILAR 0.8
#define SIMILAR_REST 0.5
enum {
    BLOCK = 2048,
    FOUND = 8,       /* candidates that are compared whole */
    LEAST_REST = 8,  /* shingles by which a sample can be told apart */
    SLOTS = 1 << 22, /* of counts; shingles that share one seem more common than they are */
    LEAST_COMMON = 64,
    MOST_COMMON = 1000,
};

struct candidate {
    struct near_text rest; /* shingles NULL: takes no part */
    struct near_match match;
    err result;
};
struct near_lint {
    const struct lint_run *run;
    struct near_match *match; /* of each row: the earlier one most like it; similarity 0: none */
    struct near_index *index;
    uint32_t *counts;     /* of shingles, in SLOTS: samples that have it */
    uint32_t common_from; /* a shingle of so many samples is common */
    int64_t n_not_compared;
    err *results;     /* of each thread */
    int64_t first, n; /* the present block */
    struct candidate *block;
};

/* The last row of a sample stands for all of it. */
static bool takes_part(const struct lint_run *run, int64_t row) {
    return lint_ends_sample(run, row) && run->first_same[row] == row;
}

static err make_ready(const struct lint_run *run, int64_t row, struct near_text *out) {
    struct str text = {0};
    err e = sample_text(run->rows[row].sample, &text);
    if (e == ERR_OK) e = near_text_init(out, str_text(&text), text.len);
    str_release(&text);
    return e;
}

static uint32_t *count_of(const struct near_lint *s, uint64_t shingle) {
    return &s->counts[shingle & (SLOTS - 1)];
}

static void count_some(void *ctx, int64_t begin, int64_t end, int thread) {
    struct near_lint *s = ctx;
    for (int64_t row = begin; row < end && s->results[thread] == ERR_OK; row++) {
        struct near_text text;
        if (!takes_part(s->run, row)) continue;
        s->results[thread] = make_ready(s->run, row, &text);
        if (s->results[thread] != ERR_OK) return;
        for (int64_t i = 0; i < text.n; i++)
            (void)__atomic_fetch_add(count_of(s, text.shingles[i]), 1, __ATOMIC_RELAXED);
        near_text_release(&text);
    }
}

static err count_shingles(struct near_lint *s) {
    int64_t common = s->run->n / 200;
    if (common < LEAST_COMMON) common = LEAST_COMMON;
    s->common_from = (uint32_t)(common < MOST_COMMON ? common : MOST_COMMON);
    par_for(s->run->n, 64, count_some, s);
    for (int i = 0; i < par_threads(); i++) TRY(s->results[i]);
    return ERR_OK;
}

static bool is_common(const void *ctx, uint64_t shingle) {
    const struct near_lint *s = ctx;
    return *count_of(s, shingle) >= s->common_from;
}

/* Of what the index has found, the one that is most like the sample as a whole. */
static err compare(const struct near_lint *s, const struct near_index *index, int64_t row,
                   struct candidate *c) {
    struct near_match found[FOUND];
    struct near_text whole, other;
    int64_t n;
    TRY(near_index_find(index, &c->rest, found, FOUND, &n));
    if (n == 0) return ERR_OK;
    TRY(make_ready(s->run, row, &whole));
    err e = ERR_OK;
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        e = make_ready(s->run, found[i].number, &other);
        if (e != ERR_OK) break;
        double similarity = near_text_similarity(&whole, &other);
        near_text_release(&other);
        if (similarity >= SIMILAR && similarity > c->match.similarity)
            c->match = (struct near_match){found[i].number, similarity};
    }
    near_text_release(&whole);
    return e;
}

static err look_up(const struct near_lint *s, int64_t i) {
    struct candidate *c = &s->block[i];
    *c = (struct candidate){.match = {.similarity = 0}};
    if (!takes_part(s->run, s->first + i)) return ERR_OK;
    TRY(make_ready(s->run, s->first + i, &c->rest));
    int64_t n = c->rest.n, rest = near_text_leave_out_if(&c->rest, is_common, s);
    if (rest < n && rest < LEAST_REST) {
        near_text_release(&c->rest);
        c->match.number = -1;
        return ERR_OK;
    }
    return compare(s, s->index, s->first + i, c);
}

static void look_up_some(void *ctx, int64_t begin, int64_t end, int thread) {
    struct near_lint *s = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) s->block[i].result = look_up(s, i);
}

static err settle(struct near_lint *s, struct near_index *within, int64_t i) {
    struct candidate *c = &s->block[i];
    TRY(c->result);
    s->n_not_compared += c->match.number < 0;
    if (!c->rest.shingles) return ERR_OK;
    if (c->match.similarity <= 0) TRY(compare(s, within, s->first + i, c));
    s->match[s->first + i] = c->match;
    if (c->match.similarity > 0) return ERR_OK;
    TRY(near_index_add(within, &c->rest, s->first + i));
    return near_index_add(s->index, &c->rest, s->first + i);
}

static err look_at_block(struct near_lint *s) {
    struct near_index *within;
    TRY(near_index_new(SIMILAR_REST, &within));
    par_for(s->n, 16, look_up_some, s);
    err e = ERR_OK;
    for (int64_t i = 0; i < s->n && e == ERR_OK; i++) e = settle(s, within, i);
    for (int64_t i = 0; i < s->n; i++) near_text_release(&s->block[i].rest);
    near_index_free(within);
    return e == ERR_MEMORY ? fail(e, "out of memory") : e; /* of whichever thread */
}

static err prepare(const struct lint_run *run, void **out) {
    struct near_lint *s = mem_zalloc(1, sizeof *s);
    *out = s;
    if (!s) return ERR_MEMORY;
    s->run = run;
    s->match = mem_zalloc((size_t)run->n + 1, sizeof *s->match);
    s->counts = mem_zalloc(SLOTS, sizeof *s->counts);
    s->block = mem_zalloc(BLOCK, sizeof *s->block);
    s->results = mem_zalloc((size_t)par_threads(), sizeof *s->results);
    if (!s->match || !s->counts || !s->block || !s->results) return ERR_MEMORY;
    TRY(near_index_new(SIMILAR_REST, &s->index));
    err e = count_shingles(s);
    for (; e == ERR_OK && s->first < run->n; s->first += s->n) {
        s->n = run->n - s->first < BLOCK ? run->n - s->first : BLOCK;
        e = look_at_block(s);
    }
    return e == ERR_MEMORY ? fail(e, "out of memory") : e;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    const struct near_lint *s = state;
    mark->badness = s->match[row].similarity;
    if (mark->badness <= 0 || !mark->note) return ERR_OK;
    TRY(lint_note(mark, "%.2f like ", mark->badness));
    return lint_place(run, s->match[row].number, mark->note);
}

static err facts(const struct lint_run *run, const void *state, json_t *out, double *share) {
    const struct near_lint *s = state;
    (void)run;
    (void)share;
    return json_put(out, "not_compared", json_integer(s->n_not_compared));
}

static void release(void *state) {
    struct near_lint *s = state;
    near_index_free(s->index);
    mem_free(s->match);
    mem_free(s->counts);
    mem_free(s->block);
    mem_free(s->results);
    mem_free(s);
}

const struct lint lint_near_duplicates = {
    .name = "near_duplicates",
    .summary = "much like an earlier sample: 0.8 or more of their shingles are common",
    .prepare = prepare,
    .look = look,
    .facts = facts,
    .release = release,
};
