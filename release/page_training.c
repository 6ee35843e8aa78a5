/* SPDX-License-Identifier: Apache-2.0
 * Training's curves on a release's page, out of logs/run.jsonl: loss, learning rate, throughput,
 * and the loss of evaluations on the way where there were any. A line of the log is a step.
 * Read next: base/chart.h, trainer/record.h for what a line has. */
#include "base/chart.h"
#include "base/file.h"
#include "base/html.h"
#include "base/mem.h"
#include "release/pack.h"
#include "release/page_int.h"
#include <math.h>
#include <stdio.h>

enum { MAX_LINE_BYTES = 1 << 20, MOST_POINTS = 2000, SPANS = 40 };

/* One value over the steps that have it. */
struct series {
    double *x, *y, *smooth;
    int64_t n, capacity;
};
enum { LOSS, RATE, SPEED, EVALUATED, N_SERIES };
static const char *const keys[N_SERIES] = {"loss", "lr", "tokens_per_second", "eval_loss"};

struct curves {
    struct series series[N_SERIES];
    double seconds, tokens;
};

static err grow(double **values, int64_t n) {
    double *larger = mem_resize(*values, (size_t)n, sizeof **values);
    if (larger == NULL) return ERR_MEMORY;
    *values = larger;
    return ERR_OK;
}

static err series_add(struct series *s, double x, double y) {
    if (s->n == s->capacity) {
        int64_t capacity = s->capacity > 0 ? 2 * s->capacity : 1024;
        TRY(grow(&s->x, capacity));
        TRY(grow(&s->y, capacity));
        TRY(grow(&s->smooth, capacity));
        s->capacity = capacity;
    }
    s->x[s->n] = x;
    s->y[s->n] = y;
    s->n++;
    return ERR_OK;
}

/* The mean of a fortieth of the run around each step, so that it does not lag behind. */
static void smooth(struct series *s) {
    int64_t reach = s->n / (2 * SPANS), low = 0, end = 0;
    double sum = 0.0;
    for (int64_t i = 0; i < s->n; i++) {
        for (; end < s->n && end <= i + reach; end++) sum += s->y[end];
        for (; low < i - reach; low++) sum -= s->y[low];
        s->smooth[i] = sum / (double)(end - low);
    }
}

static void curves_release(struct curves *c) {
    for (int k = 0; k < N_SERIES; k++) {
        mem_free(c->series[k].x);
        mem_free(c->series[k].y);
        mem_free(c->series[k].smooth);
    }
}

static err take_line(struct curves *c, const json_t *line) {
    double step = json_number_value(json_object_get(line, "step"));
    for (int k = 0; k < N_SERIES; k++) {
        const json_t *value = json_object_get(line, keys[k]);
        const struct series *s = &c->series[k];
        bool ascends = s->n == 0 || step > s->x[s->n - 1];
        if (json_is_number(value) && isfinite(json_number_value(value)) && ascends)
            TRY(series_add(&c->series[k], step, json_number_value(value)));
    }
    c->seconds += json_number_value(json_object_get(line, "seconds"));
    c->tokens += json_number_value(json_object_get(line, "tokens"));
    return ERR_OK;
}

static err read_lines(struct line_reader *r, struct curves *c) {
    bool more = true;
    while (true) {
        json_t *line = NULL;
        TRY(line_reader_next(r, &more));
        if (!more) return ERR_OK;
        TRY(json_parse(r->line, r->len, PACK_LOG, &line));
        err result = take_line(c, line);
        json_decref(line);
        TRY(result);
    }
}

static err curves_read(const char *dir, struct curves *c) {
    struct line_reader r = {0};
    char *path = path_join(dir, PACK_LOG);
    if (path == NULL) return ERR_MEMORY;
    err result = line_reader_open(&r, path, MAX_LINE_BYTES);
    if (result == ERR_OK) {
        result = read_lines(&r, c);
        line_reader_close(&r);
    }
    mem_free(path);
    return result;
}

static err draw(const struct series *s, struct chart_lines chart, bool with_mean, struct str *out) {
    const struct chart_line lines[] = {{.label = "each step", .y = s->y, .faint = true},
                                       {.label = "smoothed", .y = s->smooth}};
    chart.x_unit = "step";
    chart.x = s->x;
    chart.n = s->n;
    chart.most = MOST_POINTS;
    chart.lines = with_mean ? lines : &(const struct chart_line){.y = s->y};
    chart.n_lines = with_mean ? 2 : 1;
    return chart_lines(out, &chart);
}

static err add_summary(const struct curves *c, struct str *out) {
    const struct series *loss = &c->series[LOSS];
    char steps[32], tokens[32];
    chart_number((double)loss->n, steps);
    chart_number(c->tokens, tokens);
    TRY(str_printf(out, "<p>%s steps over %s tokens", steps, tokens));
    if (loss->n > 0)
        TRY(str_printf(out, "; the loss, smoothed, went from %.4g to %.4g", loss->smooth[0],
                       loss->smooth[loss->n - 1]));
    if (c->seconds > 0.0)
        TRY(str_printf(out, "; %.0f tokens a second in %.4g s", c->tokens / c->seconds,
                       c->seconds));
    return str_add(out, ".</p>\n");
}

static err add_curves(const struct curves *c, struct str *out) {
    TRY(html_section(out, "training", "Training"));
    TRY(add_summary(c, out));
    TRY(str_add(out, "<div class=\"charts\">\n"));
    TRY(draw(&c->series[LOSS],
             (struct chart_lines){.title = "Loss",
                                  .summary = "Cross entropy of the trained tokens of each step.",
                                  .y_unit = "nats a token"},
             true, out));
    if (c->series[EVALUATED].n > 0)
        TRY(draw(&c->series[EVALUATED],
                 (struct chart_lines){.title = "Loss on validation rows",
                                      .summary = "As evaluated during training.",
                                      .y_unit = "nats a token"},
                 false, out));
    TRY(draw(&c->series[RATE], (struct chart_lines){.title = "Learning rate", .y_unit = "rate"},
             false, out));
    TRY(draw(&c->series[SPEED],
             (struct chart_lines){.title = "Throughput",
                                  .summary = "Of the machine that trained; it is in no hash.",
                                  .y_unit = "tokens a second"},
             true, out));
    return str_add(out, "</div>\n");
}

err release_page_training(const struct release_page *p, struct str *out) {
    struct curves c = {.seconds = 0.0};
    err result = curves_read(p->dir, &c);
    for (int k = 0; k < N_SERIES; k++) smooth(&c.series[k]);
    if (result == ERR_OK) result = add_curves(&c, out);
    curves_release(&c);
    return result;
}
