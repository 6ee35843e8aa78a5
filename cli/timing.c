/* SPDX-License-Identifier: Apache-2.0
 * Expected and actual seconds as text and JSON (cli/timing.h). A step that is expected is one of
 * full rows; those that were done count as long as they were.
 * Read next: trainer/pace.c. */
#include "cli/timing.h"

#include <stdio.h>
#include <string.h>

err timing_start(struct timing *t, const struct trainer *trainer, int64_t planned_bytes) {
    *t = (struct timing){0};
    return pace_measure(&t->pace, trainer, planned_bytes);
}

double timing_step(struct timing *t, const struct trainer *trainer,
                   const struct train_report *report) {
    const struct pace_step step = {.rows = (double)trainer->run.source->max_rows,
                                   .tokens = (double)report->tokens,
                                   .trained_tokens = (double)report->trained_tokens};
    t->n_steps++;
    t->seconds += report->seconds;
    t->expected_s += pace_seconds(&t->pace, trainer, &step);
    t->done.rows += step.rows;
    t->done.tokens += step.tokens;
    t->done.trained_tokens += step.trained_tokens;
    return pace_of_peak(&t->pace, trainer, &step, report->seconds);
}

static struct pace_step full_step(const struct trainer *trainer) {
    const struct train_source *s = trainer->run.source;
    const double rows = (double)s->max_rows, tokens = rows * (double)s->max_row_tokens;
    return (struct pace_step){rows, tokens, tokens};
}

const char *time_span_text(double seconds, char out[TIME_TEXT_SIZE]) {
    if (seconds < 1)
        snprintf(out, TIME_TEXT_SIZE, "%.3g ms", 1000 * seconds);
    else if (seconds < 120)
        snprintf(out, TIME_TEXT_SIZE, "%.3g s", seconds);
    else if (seconds < 7200)
        snprintf(out, TIME_TEXT_SIZE, "%.0f min", seconds / 60);
    else
        snprintf(out, TIME_TEXT_SIZE, "%.1f h", seconds / 3600);
    return out;
}

double timing_tokens_per_second(const struct timing *t, const struct trainer *trainer) {
    const struct pace_step step = full_step(trainer);
    return step.tokens / pace_seconds(&t->pace, trainer, &step);
}

static double gigaflops(double multiplications) {
    return 2e-9 * multiplications; /* each with its addition */
}

/* The ratio is that of the products, docs/performance.md. */
static err portable_warning(const struct trainer *trainer, struct str *out) {
    const struct backend *b = trainer->run.compute->backend;
    if (strcmp(b->name, "cpu") != 0 || strcmp(b->variant, "portable") != 0) return ERR_OK;
    return str_add(out, "warning: products run on portable code, without AVX2 and FMA (or Neon): a "
                        "step takes about a hundred times as long, and gives the same bits\n");
}

err timing_plan_text(const struct timing *t, const struct trainer *trainer, struct str *out) {
    const struct pace_step step = full_step(trainer);
    const double seconds = pace_seconds(&t->pace, trainer, &step);
    char one[TIME_TEXT_SIZE], all[TIME_TEXT_SIZE];
    TRY(str_printf(out,
                   "%s of %.0f tokens, %.4g tokens/s; %lld steps in %s at most (measured: "
                   "products %.0f GFLOP/s)\n",
                   time_span_text(seconds, one), step.tokens, step.tokens / seconds,
                   (long long)trainer->n_steps,
                   time_span_text(seconds * (double)trainer->n_steps, all),
                   gigaflops(t->pace.products)));
    return portable_warning(trainer, out);
}

err timing_plan_json(const struct timing *t, const struct trainer *trainer, json_t *out) {
    const struct pace_step step = full_step(trainer);
    const double seconds = pace_seconds(&t->pace, trainer, &step);
    return json_put(out, "time",
                    json_pack("{s:f, s:f, s:I, s:f}", "step_seconds", seconds, "tokens_per_second",
                              step.tokens / seconds, "n_steps", (json_int_t)trainer->n_steps,
                              "product_gflops", gigaflops(t->pace.products)));
}

err timing_text(const struct timing *t, const struct trainer *trainer, struct str *out) {
    char took[TIME_TEXT_SIZE], expected[TIME_TEXT_SIZE];
    if (t->n_steps == 0) return ERR_OK;
    return str_printf(out,
                      "time: %s a step, predicted %s (%+.1f %%); %.4g tokens/s, %.2f of the "
                      "product peak\n",
                      time_span_text(t->seconds / (double)t->n_steps, took),
                      time_span_text(t->expected_s / (double)t->n_steps, expected),
                      100 * (t->seconds / t->expected_s - 1), t->done.tokens / t->seconds,
                      pace_of_peak(&t->pace, trainer, &t->done, t->seconds));
}

err timing_json(const struct timing *t, const struct trainer *trainer, json_t *out) {
    if (t->n_steps == 0) return ERR_OK;
    const double n = (double)t->n_steps;
    return json_put(out, "time",
                    json_pack("{s:f, s:f, s:f, s:f, s:f}", "step_seconds", t->seconds / n,
                              "predicted_step_seconds", t->expected_s / n, "tokens_per_second",
                              t->done.tokens / t->seconds, "product_gflops",
                              gigaflops(t->pace.products), "of_product_peak",
                              pace_of_peak(&t->pace, trainer, &t->done, t->seconds)));
}
