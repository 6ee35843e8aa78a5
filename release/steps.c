/* SPDX-License-Identifier: Apache-2.0
 * Walking the chain of step records (release/steps.h), a line at a time: a long run has many.
 * The trainer cuts the file back where it resumes, so steps stand there once and in order.
 * Read next: trainer/record.c, which writes them. */
#include "release/steps.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 20 };

struct steps {
    char digest[SHA256_HEX_SIZE]; /* after the newest step */
    struct steps_found found;
};

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* What the evaluation of a step adds to its link: the value and the best step. */
static err add_choice(const json_t *line, const json_t *best, struct str *link) {
    const char *metric = NULL;
    double value = 0.0;
    int64_t step = 0;
    TRY(json_need_string(best, "metric", &metric));
    TRY(json_need_int(best, "step", &step));
    TRY(json_need_number(line, metric, &value));
    return str_printf(link, " %016" PRIx64 " %" PRId64, bits_of(value), step);
}

static err next_digest(const struct steps *s, const json_t *line, char out[SHA256_HEX_SIZE]) {
    const char *batch = NULL, *update = NULL;
    const json_t *best = json_object_get(line, "best");
    double loss = 0.0;
    struct str text = {0};
    TRY(json_need_string(line, "batch", &batch));
    TRY(json_need_string(line, "update", &update));
    TRY(json_need_number(line, "loss", &loss));
    err result =
        str_printf(&text, "%s %s %016" PRIx64 " %s", s->digest, batch, bits_of(loss), update);
    if (result == ERR_OK && best != NULL) result = add_choice(line, best, &text);
    if (result == ERR_OK) result = str_add(&text, "\n");
    if (result == ERR_OK) result = sha256_bytes(text.data, text.len, out);
    str_release(&text);
    return result;
}

static err take_line(void *ctx, const json_t *line) {
    struct steps *s = ctx;
    char digest[SHA256_HEX_SIZE];
    const char *stated = NULL;
    int64_t step = 0;
    TRY(json_need_int(line, "step", &step));
    TRY(json_need_string(line, "digest", &stated));
    if (!sha256_is_hex(stated)) return fail(ERR_GATE, "'digest' is no SHA-256");
    if (step != s->found.n_steps + 1)
        return fail(ERR_GATE, "step %lld stands where step %lld should", (long long)step,
                    (long long)s->found.n_steps + 1);
    if (s->found.n_steps > 0) {
        TRY(next_digest(s, line, digest));
        if (strcmp(digest, stated) != 0)
            return fail(ERR_GATE, "step %lld does not follow from the one before it",
                        (long long)step);
    }
    memcpy(s->digest, stated, sizeof s->digest);
    s->found.n_steps = step;
    if (json_object_get(line, "best") != NULL)
        return json_need_int(json_object_get(line, "best"), "step", &s->found.best_step);
    return ERR_OK;
}

/* Hands each line to `take`. */
static err walk(struct line_reader *r, err (*take)(void *ctx, const json_t *line), void *ctx) {
    for (bool more = true;;) {
        json_t *line = NULL;
        TRY(line_reader_next(r, &more));
        if (!more) return ERR_OK;
        err result = json_parse(r->line, r->len, "a step's record", &line);
        if (result == ERR_OK) result = take(ctx, line);
        json_decref(line);
        TRY(fail_in(result, "line %lld", (long long)r->line_number));
    }
}

static err walk_file(const char *path, err (*take)(void *ctx, const json_t *line), void *ctx) {
    struct line_reader r;
    TRY(line_reader_open(&r, path, MAX_LINE_BYTES));
    err result = walk(&r, take, ctx);
    line_reader_close(&r);
    return result;
}

err steps_check(const char *path, const char *training, struct steps_found *out) {
    struct steps s = {0};
    TRY(walk_file(path, take_line, &s));
    *out = s.found;
    if (strcmp(s.digest, training) == 0) return ERR_OK;
    return fail(ERR_GATE, "its last step is not the chain's 'training'");
}

static err take_hash(const json_t *line, const char *key, char out[SHA256_HEX_SIZE]) {
    const char *text = NULL;
    TRY(json_need_string(line, key, &text));
    if (!sha256_is_hex(text)) return fail(ERR_GATE, "'%s' is no SHA-256", key);
    memcpy(out, text, SHA256_HEX_SIZE);
    return ERR_OK;
}

static err list_line(void *ctx, const json_t *line) {
    struct step_list *l = ctx;
    struct step_record s;
    int64_t step = 0;
    TRY(json_need_int(line, "step", &step));
    if (step != l->n + 1)
        return fail(ERR_GATE, "step %lld stands where step %lld should", (long long)step,
                    (long long)l->n + 1);
    TRY(json_need_number(line, "loss", &s.loss));
    TRY(json_need_number(line, "lr", &s.lr));
    TRY(json_need_number(line, "grad_norm", &s.gradient_norm));
    TRY(json_need_int(line, "rows", &s.rows));
    TRY(json_need_int(line, "tokens", &s.tokens));
    TRY(json_need_int(line, "trained_tokens", &s.trained_tokens));
    TRY(take_hash(line, "batch", s.batch));
    TRY(take_hash(line, "update", s.update));
    TRY(take_hash(line, "digest", s.digest));
    TRY(mem_grow(&l->items, &l->capacity, l->n, sizeof *l->items));
    l->items[l->n++] = s;
    return ERR_OK;
}

struct beginning {
    const char *start;
    int64_t n;
    bool follows;
};

static err take_first(void *ctx, const json_t *line) {
    struct beginning *b = ctx;
    struct steps s = {0};
    char digest[SHA256_HEX_SIZE];
    if (b->n++ > 0) return ERR_OK;
    snprintf(s.digest, sizeof s.digest, "%s", b->start);
    TRY(next_digest(&s, line, digest));
    b->follows = strcmp(digest, json_text_of(line, "digest")) == 0;
    return ERR_OK;
}

err steps_begin_with(const char *path, const char *start, bool *out) {
    struct beginning b = {.start = start};
    TRY(walk_file(path, take_first, &b));
    *out = b.follows;
    return ERR_OK;
}

err steps_read(const char *path, struct step_list *out) {
    *out = (struct step_list){0};
    return fail_in(walk_file(path, list_line, out), "'%s'", path);
}

void step_list_release(struct step_list *l) {
    mem_free(l->items);
    *l = (struct step_list){0};
}
