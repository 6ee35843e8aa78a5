/* SPDX-License-Identifier: Apache-2.0
 * trainer_log.jsonl, the progress file of LLaMA-Factory, which dashboards read while a run goes on:
 * a line a logged step, and one an evaluation, with its keys and its way of writing times. Where a
 * run goes on, lines of steps that are done again are taken away.
 * Read next: trainer/loggers/logger.h. */
#include "base/file.h"
#include "base/mem.h"
#include "trainer/loggers/logger.h"

#include <math.h>
#include <stdio.h>

/* "1:02:03", "2 days, 1:02:03", as Python writes a span of whole seconds */
enum { SPAN_SIZE = 48 };
static const char *span(double seconds, char out[SPAN_SIZE]) {
    const long long s = llround(floor(seconds)), days = s / 86400;
    int n = 0;
    if (days > 0) n = snprintf(out, SPAN_SIZE, "%lld day%s, ", days, days > 1 ? "s" : "");
    snprintf(out + n, SPAN_SIZE - (size_t)n, "%lld:%02lld:%02lld", s / 3600 % 24, s / 60 % 60,
             s % 60);
    return out;
}

static double two_places(double x) {
    return round(100 * x) / 100;
}

static err fill_common(const struct logger_run *run, const struct log_line *l, json_t *out) {
    const double left = (double)(run->n_steps - l->step) * l->seconds / (double)l->step;
    char elapsed[SPAN_SIZE], remaining[SPAN_SIZE];
    TRY(json_put(out, "epoch", json_real(two_places(l->epoch))));
    TRY(json_put(out, "percentage",
                 json_real(two_places(100 * (double)l->step / (double)run->n_steps))));
    TRY(json_put(out, "elapsed_time", json_string(span(l->seconds, elapsed))));
    return json_put(out, "remaining_time", json_string(span(left, remaining)));
}

static err fill_step(const struct logger_run *run, const struct log_line *l, json_t *out) {
    TRY(json_put(out, "current_steps", json_integer(l->step)));
    TRY(json_put(out, "total_steps", json_integer(run->n_steps)));
    TRY(json_put(out, "loss", json_real(l->loss_mean)));
    TRY(json_put(out, "lr", json_real(l->lr)));
    TRY(fill_common(run, l, out));
    TRY(json_put(out, "throughput",
                 json_real(l->seconds > 0 ? two_places((double)l->tokens / l->seconds) : 0)));
    return json_put(out, "total_tokens", json_integer(l->tokens));
}

static err fill_evaluation(const struct logger_run *run, const struct log_line *l, json_t *out) {
    TRY(json_put(out, "current_steps", json_integer(l->step)));
    TRY(json_put(out, "total_steps", json_integer(run->n_steps)));
    TRY(log_scores(l, log_put_score, out));
    return fill_common(run, l, out);
}

static err add_line(const struct logger_run *run, const struct log_line *l,
                    err (*fill)(const struct logger_run *, const struct log_line *, json_t *),
                    struct str *out) {
    json_t *line = json_object();
    err e = line ? fill(run, l, line) : fail(ERR_MEMORY, "out of memory for a line of the log");
    if (e == ERR_OK) e = json_text(line, 0, out);
    if (e == ERR_OK) e = str_add(out, "\n");
    json_decref(line);
    return e;
}

static err add_lines(const struct logger_run *run, const struct log_line *l, struct str *out) {
    if (l->logged) TRY(add_line(run, l, fill_step, out));
    return l->evaluated ? add_line(run, l, fill_evaluation, out) : ERR_OK;
}

struct rewriting {
    const struct logger_run *run;
    struct file_writer writer;
};

static err write_again(void *ctx, const struct log_line *l) {
    struct rewriting *w = ctx;
    struct str text = {0};
    err e = add_lines(w->run, l, &text);
    if (e == ERR_OK) e = file_writer_write(&w->writer, str_text(&text), text.len);
    str_release(&text);
    return e;
}

static err begin(struct logger *l, const struct log_line *newest) {
    struct rewriting w = {.run = l->run};
    struct log_fold fold;
    (void)newest;
    l->path = path_join(l->run->dir, "trainer_log.jsonl");
    if (!l->path) return ERR_MEMORY;
    TRY(file_writer_open(&w.writer, l->path));
    err e = log_replay(l->run, &fold, write_again, &w);
    if (e == ERR_OK) return file_writer_commit(&w.writer);
    file_writer_abort(&w.writer);
    return e;
}

static err step(struct logger *l, const struct log_line *line) {
    struct str text = {0};
    err e = add_lines(l->run, line, &text);
    if (e == ERR_OK && text.len > 0) e = file_append(l->path, str_text(&text), text.len);
    str_release(&text);
    return e;
}

static err flush(struct logger *l, const struct log_line *newest) {
    (void)newest;
    return file_flush(l->path);
}

const struct logger_kind trainer_log_logger = {
    .name = "trainer_log",
    .summary = "trainer_log.jsonl, a line a logged step, as LLaMA-Factory writes it",
    .always = true,
    .begin = begin,
    .step = step,
    .flush = flush,
};
