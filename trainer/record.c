/* SPDX-License-Identifier: Apache-2.0
 * The run's record: digests of what went into a step and of what came out, chained, one line of
 * JSON a step in run.jsonl. After an interruption the file is cut back to the checkpoint, so that
 * each step stands in it once.
 * Read next: trainer/record.h for the chain's definition. */
#include "trainer/record.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "trainer/trainer_int.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 16 };

/* Settings that change how a run is kept or made, and none of its numbers. How weights and
 * gradients are kept is one of them, unless they are rounded for it; so is when it evaluates,
 * unless that decides something. */
static bool only_keeps(const char *name, const struct train_options *o) {
    const bool rounds = o->gradient_dtype && !strcmp(o->gradient_dtype, "bf16");
    const bool narrow = o->trained_weight_dtype && !strcmp(o->trained_weight_dtype, "bf16");
    const bool evaluates = !strcmp(name, "eval_steps") || !strcmp(name, "eval_strategy") ||
                           !strcmp(name, "eval_tasks");
    const bool logs = !strcmp(name, "report_to") || !strcmp(name, "logging_steps");
    return logs || !strcmp(name, "save_steps") || !strcmp(name, "save_total_limit") ||
           (evaluates && !best_wanted(o)) || !strcmp(name, "recompute") ||
           !strcmp(name, "offload") || (!narrow && !strcmp(name, "trained_weight_dtype")) ||
           (!rounds && (!strcmp(name, "gradient_dtype") || !strcmp(name, "optimizer_in_backward")));
}

static err add_options(const struct trainer *t, struct opt_table table, const void *options,
                       struct str *text) {
    for (size_t i = 0; i < table.n; i++) {
        const struct opt *row = &table.rows[i];
        const char *value;
        if (only_keeps(row->name, t->run.options) || opt_left_out(row, options)) continue;
        TRY(opt_text(row, options, &t->internal->arena, &value));
        TRY(str_printf(text, "%s=%s\n", row->name, value));
    }
    return ERR_OK;
}

static err identity_text(const struct trainer *t, struct str *text) {
    const struct train_run *run = &t->run;
    TRY(str_printf(text, "steps=%" PRId64 "\n", t->n_steps));
    TRY(add_options(t, train_options_table(), run->options, text));
    if (!run->adapter) return str_add(text, "type=none\n");
    return add_options(t, adapter_options_table(), adapter_settings(run->adapter), text);
}

static err copy_digest(const char *from, const char *what, char out[SHA256_HEX_SIZE]) {
    if (strlen(from) != SHA256_HEX_SIZE - 1)
        return fail(ERR_RANGE, "the %s has no SHA-256 but '%s'", what, from);
    memcpy(out, from, SHA256_HEX_SIZE);
    return ERR_OK;
}

err record_identity(const struct trainer *t, struct run_identity *out) {
    struct str text = {0};
    err e = identity_text(t, &text);
    if (e == ERR_OK) e = sha256_bytes(str_text(&text), text.len, out->options);
    if (e == ERR_OK) e = copy_digest(t->run.source->digest, "dataset", out->dataset);
    if (e == ERR_OK) e = copy_digest(t->run.base_digest, "base model", out->base);
    str_release(&text);
    return e;
}

err record_start(const struct run_identity *id, char chain[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err e = str_printf(&text, "%s %s %s\n", id->options, id->dataset, id->base);
    if (e == ERR_OK) e = sha256_bytes(str_text(&text), text.len, chain);
    str_release(&text);
    return e;
}

static err add_row(struct sha256 *h, const struct train_row *row) {
    size_t n = (size_t)row->n;
    TRY(sha256_add(h, &row->n, sizeof row->n));
    TRY(sha256_add(h, row->ids, n * sizeof *row->ids));
    TRY(sha256_add(h, row->targets, n * sizeof *row->targets));
    return row->doc_start ? sha256_add(h, row->doc_start, n) : ERR_OK;
}

err record_batch(struct record *r, const struct train_row *rows, int64_t n) {
    struct sha256 h;
    TRY(sha256_init(&h));
    err e = ERR_OK;
    for (int64_t i = 0; i < n && e == ERR_OK; i++) e = add_row(&h, &rows[i]);
    if (e == ERR_OK) e = sha256_final(&h, r->batch);
    sha256_release(&h);
    return e;
}

static err value_digest(struct compute *c, const struct param *p, char out[SHA256_HEX_SIZE]) {
    const struct mat value = param_value(p);
    const size_t bytes = (size_t)(p->count * dtype_bytes(value.dtype));
    if (c->backend->host_memory) return hash_large(value.data, bytes, out);
    void *copy = mem_alloc(bytes, 1);
    if (!copy) return ERR_MEMORY;
    err e = c->backend->download(c, copy, value.data, bytes);
    if (e == ERR_OK) e = hash_large(copy, bytes, out);
    mem_free(copy);
    return e;
}

err record_update(struct record *r, const struct trainer *t) {
    struct sha256 h;
    TRY(sha256_init(&h));
    err e = ERR_OK;
    for (int64_t i = 0; i < t->n_params && e == ERR_OK; i++) {
        char digest[SHA256_HEX_SIZE];
        e = value_digest(t->run.compute, t->params[i], digest);
        if (e == ERR_OK) e = sha256_add(&h, digest, sizeof digest - 1);
    }
    if (e == ERR_OK) e = sha256_final(&h, r->update);
    sha256_release(&h);
    return e;
}

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static err move_chain(const struct record *r, const struct record_line *l,
                      char chain[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err e = str_printf(&text, "%s %s %016" PRIx64 " %s", chain, r->batch, bits_of(l->report->loss),
                       r->update);
    if (e == ERR_OK && l->best)
        e = str_printf(&text, " %016" PRIx64 " %" PRId64, bits_of(l->value), l->best->step);
    if (e == ERR_OK) e = str_add(&text, "\n");
    if (e == ERR_OK) e = sha256_bytes(str_text(&text), text.len, chain);
    str_release(&text);
    return e;
}

static err put_evaluation(const struct train_evaluation *e, json_t *line) {
    if (!isnan(e->loss)) TRY(log_put_score(line, "loss", e->loss));
    for (int64_t i = 0; i < e->n_scores; i++)
        TRY(log_put_score(line, e->scores[i].name, e->scores[i].value));
    return ERR_OK;
}

static err put_best(const struct record_line *l, json_t *line) {
    return json_put(line, "best",
                    json_pack("{s:s+, s:I, s:f, s:I}", "metric", "eval_", l->metric, "step",
                              (json_int_t)l->best->step, "value", l->best->value, "waited",
                              (json_int_t)l->best->waited));
}

/* What is of the machine and the moment; it stands behind everything else. */
static err put_timings(const struct train_report *report, json_t *line) {
    const double rate = report->seconds > 0 ? (double)report->tokens / report->seconds : 0;
    TRY(json_put(line, "tokens_per_second", json_integer(llround(rate))));
    TRY(json_put(line, "seconds", json_real(report->seconds)));
    TRY(json_put(line, "time", json_real(clock_time())));
    if (report->of_peak > 0) TRY(json_put(line, "of_peak", json_real(report->of_peak)));
    if (report->memory_bytes > 0)
        TRY(json_put(line, "memory_bytes", json_integer(report->memory_bytes)));
    if (!report->evaluation) return ERR_OK;
    TRY(json_put(line, "eval_rows", json_integer(report->evaluation->rows)));
    return json_put(line, "eval_seconds", json_real(report->evaluation->seconds));
}

static err fill_line(const struct record *r, const struct record_line *l, const char *chain,
                     json_t *line) {
    const struct train_report *report = l->report;
    TRY(json_put(line, "step", json_integer(report->step)));
    TRY(json_put(line, "lr", json_real(report->lr)));
    TRY(json_put(line, "loss", json_real(report->loss)));
    TRY(json_put(line, "grad_norm", json_real(report->gradient_norm)));
    if (report->evaluation) TRY(put_evaluation(report->evaluation, line));
    if (l->best) TRY(put_best(l, line));
    TRY(json_put(line, "tokens", json_integer(report->tokens)));
    TRY(json_put(line, "trained_tokens", json_integer(report->trained_tokens)));
    TRY(json_put(line, "rows", json_integer(report->rows)));
    TRY(json_put(line, "batch", json_string(r->batch)));
    TRY(json_put(line, "update", json_string(r->update)));
    TRY(json_put(line, "digest", json_string(chain)));
    return put_timings(report, line);
}

err record_step(struct record *r, const struct record_line *l, char chain[SHA256_HEX_SIZE],
                json_t **out) {
    TRY(move_chain(r, l, chain));
    struct str text = {0};
    json_t *line = json_object();
    err e = line ? fill_line(r, l, chain, line) : fail(ERR_MEMORY, "out of memory for a record");
    if (e == ERR_OK) e = json_text(line, 0, &text);
    if (e == ERR_OK) e = str_add(&text, "\n");
    if (e == ERR_OK) e = file_append(r->path, str_text(&text), text.len);
    str_release(&text);
    *out = line;
    if (e == ERR_OK) return e;
    json_decref(line);
    return e;
}

/* The step of a line and its digest; false where the line is no whole record. */
static bool parse_line(const char *text, size_t n, int64_t *step, char digest[SHA256_HEX_SIZE]) {
    json_t *line = NULL;
    const char *found = NULL;
    bool good = json_parse(text, n, "run.jsonl", &line) == ERR_OK &&
                json_need_int(line, "step", step) == ERR_OK &&
                json_need_string(line, "digest", &found) == ERR_OK &&
                strlen(found) == SHA256_HEX_SIZE - 1;
    if (good) memcpy(digest, found, SHA256_HEX_SIZE);
    json_decref(line);
    return good;
}

/* Appends the first n_steps lines to `kept`; `digest` becomes that of the last one. */
static err keep_lines(const struct record *r, int64_t n_steps, struct str *kept,
                      char digest[SHA256_HEX_SIZE]) {
    struct line_reader reader;
    TRY(line_reader_open(&reader, r->path, MAX_LINE_BYTES));
    err e = ERR_OK;
    bool more = true;
    for (int64_t want = 1; want <= n_steps && e == ERR_OK; want++) {
        int64_t step = 0;
        e = line_reader_next(&reader, &more);
        if (e == ERR_OK &&
            (!more || !parse_line(reader.line, reader.len, &step, digest) || step != want))
            e = fail(ERR_MISMATCH, "'%s' line %" PRId64 ": no record of step %" PRId64, r->path,
                     want, want);
        if (e == ERR_OK) e = str_append(kept, reader.line, reader.len);
        if (e == ERR_OK) e = str_add(kept, "\n");
    }
    line_reader_close(&reader);
    return e;
}

err record_cut(const struct record *r, int64_t n_steps, const char *chain) {
    struct str kept = {0};
    char digest[SHA256_HEX_SIZE] = "";
    err e = n_steps > 0 ? keep_lines(r, n_steps, &kept, digest) : ERR_OK;
    if (e == ERR_OK && n_steps > 0 && strcmp(digest, chain) != 0)
        e = fail(ERR_MISMATCH, "'%s' line %" PRId64 ": the record is of another run", r->path,
                 n_steps);
    if (e == ERR_OK) e = file_write(r->path, str_text(&kept), kept.len);
    str_release(&kept);
    return e;
}
