/* SPDX-License-Identifier: Apache-2.0
 * Drawing. Everything is placed by arithmetic on the numbers, in whole and half units, so that the
 * same numbers give the same bytes. Widths of labels are estimated: a Chinese character is as wide
 * as the font is high, others about half of it. The contract is base/chart.h. */
#include "base/chart.h"
#include "base/chart_int.h"
#include "base/html.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RIGHT = CHART_RIGHT, LABEL_UNITS = 60 };

double chart_step(double largest, int steps) {
    double least = largest / steps, power = 1;
    if (!(least > 0)) return 1;
    while (power * 10 <= least) power *= 10;
    while (power > least) power /= 10;
    if (power >= least) return power;
    return 2 * power >= least ? 2 * power : 5 * power >= least ? 5 * power : 10 * power;
}

void chart_number(double value, char out[32]) {
    char digits[32];
    if (value != floor(value) || value >= 1e15) {
        snprintf(out, 32, "%.3g", value);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", value), k = 0;
    for (int i = 0; i < n && k < 30; i++) {
        if (i > 0 && (n - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

err chart_figure_begin(struct str *out, const char *title, const char *summary) {
    TRY(str_add(out, "<figure><figcaption>"));
    TRY(html_add(out, title));
    if (summary && summary[0]) {
        TRY(str_add(out, "<span>"));
        TRY(html_add(out, summary));
        TRY(str_add(out, "</span>"));
    }
    return str_add(out, "</figcaption>\n");
}

err chart_figure_empty(struct str *out, const char *title) {
    TRY(chart_figure_begin(out, title, NULL));
    return str_add(out, "<p class=\"soft\">There is nothing to draw.</p></figure>\n");
}

err chart_svg_begin(struct str *out, int height, const char *title, const char *summary) {
    TRY(str_printf(out,
                   "<svg class=\"chart\" role=\"img\" width=\"%d\" height=\"%d\" "
                   "viewBox=\"0 0 %d %d\"><title>",
                   CHART_WIDTH, height, CHART_WIDTH, height));
    TRY(html_add(out, title));
    TRY(str_add(out, "</title>"));
    if (summary && summary[0]) {
        TRY(str_add(out, "<desc>"));
        TRY(html_add(out, summary));
        TRY(str_add(out, "</desc>"));
    }
    return str_add(out, "\n");
}

/* ---- bars ---- */

enum { BAR_LEFT = 8, BAR_HEIGHT = 14, BAR_PITCH = 40, VALUE_ROOM = 62 };

static err add_bar(struct str *out, const struct chart_bar *bar, int y, double scale) {
    char value[32];
    double width = bar->value * scale;
    chart_number(bar->value, value);
    TRY(str_printf(out, "<text x=\"%d\" y=\"%d\">", BAR_LEFT + 4, y + 12));
    TRY(html_label(out, bar->label, LABEL_UNITS));
    TRY(str_add(out, "</text>"));
    TRY(str_printf(out,
                   "<rect class=\"bar%d\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>",
                   bar->colour ? 1 : 0, BAR_LEFT, y + 17, width > 1 || bar->value <= 0 ? width : 1,
                   BAR_HEIGHT));
    TRY(html_add(out, bar->label));
    TRY(str_printf(out, ": %s</title></rect>", value));
    return str_printf(out, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", BAR_LEFT + width + 5, y + 29,
                      value);
}

static err add_value_axis(struct str *out, double end, double step, int bottom, const char *unit) {
    double scale = (RIGHT - VALUE_ROOM - BAR_LEFT) / end;
    for (int i = 0; step * i <= end * (1 + 1e-9); i++) {
        char text[32];
        double x = BAR_LEFT + step * i * scale;
        chart_number(step * i, text);
        TRY(str_printf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"0\" x2=\"%.1f\" y2=\"%d\"/>", x,
                       x, bottom));
        TRY(str_printf(out,
                       "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x,
                       bottom + 14, i == 0 ? "start" : "middle", text));
    }
    TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", RIGHT,
                   bottom + 14));
    TRY(html_add(out, unit));
    return str_add(out, "</text>\n");
}

static err draw_bars(struct str *out, const struct chart_bars *c, int64_t shown,
                     const struct chart_bar *rest) {
    int n = (int)shown + (rest ? 1 : 0), bottom = n * BAR_PITCH + 2;
    double largest = rest ? rest->value : 0;
    for (int64_t i = 0; i < shown; i++)
        if (c->bars[i].value > largest) largest = c->bars[i].value;
    double step = chart_step(largest, 4), end = step * ceil(largest / step);
    if (step < 1) step = 1; /* what is counted has no half */
    if (!(end > 0)) end = step;
    double scale = (RIGHT - VALUE_ROOM - BAR_LEFT) / end;
    TRY(chart_figure_begin(out, c->title, c->summary));
    TRY(chart_svg_begin(out, bottom + 20, c->title, c->summary));
    TRY(add_value_axis(out, end, step, bottom, c->unit));
    for (int64_t i = 0; i < shown; i++) TRY(add_bar(out, &c->bars[i], (int)i * BAR_PITCH, scale));
    if (rest) TRY(add_bar(out, rest, (int)shown * BAR_PITCH, scale));
    TRY(str_printf(out, "<line class=\"axis\" x1=\"%d\" y1=\"0\" x2=\"%d\" y2=\"%d\"/>\n", BAR_LEFT,
                   BAR_LEFT, bottom));
    return str_add(out, "</svg></figure>\n");
}

err chart_bars(struct str *out, const struct chart_bars *c) {
    char label[64];
    int64_t shown = c->most > 0 && c->n > c->most ? c->most - 1 : c->n;
    struct chart_bar rest = {.label = label};
    if (c->n == 0) return chart_figure_empty(out, c->title);
    for (int64_t i = shown; i < c->n; i++) rest.value += c->bars[i].value;
    snprintf(label, sizeof label, "%lld others", (long long)(c->n - shown));
    return draw_bars(out, c, shown, shown < c->n ? &rest : NULL);
}

/* ---- distributions ---- */

enum { LEFT = CHART_LEFT, TOP = 34, BOTTOM = 196, HEIGHT = 236, BINS = 25 };

struct bins {
    double width, end; /* end: where the axis ends; more lie in the last one */
    int64_t counts[4 * BINS];
    int n;
    int64_t n_beyond, most;
};

/* The value below or at which that share of the values lies (nearest rank). */
static double quantile(const struct chart_histogram *c, double share) {
    int64_t rank = (int64_t)ceil(share * (double)c->n);
    return c->values[rank > 0 ? rank - 1 : 0];
}

static void count_bins(const struct chart_histogram *c, struct bins *b) {
    double largest = c->full > 0 ? c->full : c->values[c->n - 1], most = quantile(c, 0.99);
    *b = (struct bins){0};
    if (!(c->full > 0) && largest > 2.5 * most && most > 0) largest = 1.25 * most;
    if (!(largest > 0)) largest = 1;
    b->width = chart_step(largest, BINS);
    if (!(c->full > 0) && b->width < 1) b->width = 1;
    b->n = (int)ceil(largest / b->width - 1e-9);
    if (!(c->full > 0) && largest >= b->n * b->width) b->n++; /* bins do not hold their end */
    b->end = b->n * b->width;
    for (int64_t i = 0; i < c->n; i++) {
        int bin = (int)fmin(floor(c->values[i] / b->width + 1e-9), b->n);
        if (bin >= b->n && c->values[i] > b->end) b->n_beyond++;
        if (bin >= b->n) bin = b->n - 1;
        if (++b->counts[bin] > b->most) b->most = b->counts[bin];
    }
}

static err add_y_axis(struct str *out, const struct bins *b, double *out_scale) {
    double step = fmax(1, chart_step((double)b->most, 4)),
           end = step * ceil((double)b->most / step);
    *out_scale = (BOTTOM - TOP) / end;
    for (int i = 0; step * i <= end * (1 + 1e-9); i++) {
        char text[32];
        double y = BOTTOM - step * i * *out_scale;
        chart_number(step * i, text);
        TRY(str_printf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>",
                       LEFT, y, RIGHT, y));
        TRY(str_printf(out,
                       "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                       LEFT - 5, y + 4, text));
    }
    return ERR_OK;
}

static err add_x_axis(struct str *out, const struct chart_histogram *c, const struct bins *b) {
    double step = chart_step(b->end, 5), scale = (RIGHT - LEFT) / b->end;
    TRY(str_printf(out, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT,
                   BOTTOM, RIGHT, BOTTOM));
    for (int i = 0; step * i <= b->end * (1 + 1e-9); i++) {
        char text[32];
        double x = LEFT + step * i * scale;
        chart_number(step * i, text);
        TRY(str_printf(out, "<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x,
                       BOTTOM, x, BOTTOM + 4));
        TRY(str_printf(out,
                       "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s%s</text>\n",
                       x, BOTTOM + 17, x > RIGHT - 14 ? "end" : "middle", text, c->suffix));
    }
    TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", RIGHT,
                   BOTTOM + 34));
    TRY(html_add(out, c->x_unit));
    TRY(str_add(out, "</text>"));
    TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\">", 2, 12));
    TRY(html_add(out, c->y_unit));
    return str_add(out, "</text>\n");
}

static err add_columns(struct str *out, const struct chart_histogram *c, const struct bins *b,
                       double y_scale) {
    double scale = (RIGHT - LEFT) / b->end;
    for (int i = 0; i < b->n; i++) {
        char from[32], to[32], count[32];
        double x = LEFT + i * b->width * scale, height = (double)b->counts[i] * y_scale;
        if (b->counts[i] == 0) continue;
        chart_number(i * b->width, from);
        chart_number((i + 1) * b->width, to);
        chart_number((double)b->counts[i], count);
        bool open = i == b->n - 1 && b->n_beyond > 0;
        if (height < 1) height = 1;
        TRY(str_printf(out,
                       "<rect class=\"bar%d\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                       "height=\"%.1f\"><title>",
                       open ? 1 : 0, x + 0.5, BOTTOM - height, b->width * scale - 1, height));
        TRY(open ? str_printf(out, "%s%s and more: ", from, c->suffix)
                 : str_printf(out, "%s to %s%s: ", from, to, c->suffix));
        TRY(str_printf(out, "%s ", count));
        TRY(html_add(out, c->y_unit));
        TRY(str_add(out, "</title></rect>\n"));
    }
    return ERR_OK;
}

/* Lines at the quantiles; their labels stand one above the other where they would touch. */
static err add_quantiles(struct str *out, const struct chart_histogram *c, const struct bins *b) {
    static const struct {
        double share;
        const char *label;
    } marks[] = {{0.5, "median"}, {0.9, "90 %"}, {0.99, "99 %"}};
    double scale = (RIGHT - LEFT) / b->end, free_from = 0;
    int level = 0;
    for (int i = 0; i < 3; i++) {
        double x = LEFT + fmin(quantile(c, marks[i].share), b->end) * scale;
        bool at_end = x > RIGHT - 44;
        double begin = at_end ? x - 44 : x;
        level = begin < free_from ? level + 1 : 0;
        free_from = fmax(free_from, begin + 46);
        TRY(str_printf(out, "<line class=\"mark\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x,
                       TOP - 26 + 11 * level, x, BOTTOM));
        TRY(str_printf(out,
                       "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
                       at_end ? x - 3 : x + 3, TOP - 18 + 11 * level, at_end ? "end" : "start",
                       marks[i].label));
    }
    return ERR_OK;
}

static err summarise(const struct chart_histogram *c, const struct bins *b, struct str *out) {
    char median[32], ninety[32], most[32], end[32];
    chart_number(quantile(c, 0.5), median);
    chart_number(quantile(c, 0.9), ninety);
    chart_number(c->values[c->n - 1], most);
    chart_number(b->end, end);
    TRY(str_printf(out, "Half are at most %s%s, 90 %% at most %s%s, the largest is %s%s.", median,
                   c->suffix, ninety, c->suffix, most, c->suffix));
    if (b->n_beyond == 0) return ERR_OK;
    return str_printf(out, " The last column holds %lld above %s%s.", (long long)b->n_beyond, end,
                      c->suffix);
}

err chart_histogram(struct str *out, const struct chart_histogram *c) {
    struct bins b;
    struct str summary = {0};
    double y_scale;
    if (c->n == 0) return chart_figure_empty(out, c->title);
    count_bins(c, &b);
    err e = summarise(c, &b, &summary);
    if (e == ERR_OK) e = chart_figure_begin(out, c->title, str_text(&summary));
    if (e == ERR_OK) e = chart_svg_begin(out, HEIGHT, c->title, str_text(&summary));
    if (e == ERR_OK) e = add_y_axis(out, &b, &y_scale);
    if (e == ERR_OK) e = add_columns(out, c, &b, y_scale);
    if (e == ERR_OK) e = add_quantiles(out, c, &b);
    if (e == ERR_OK) e = add_x_axis(out, c, &b);
    if (e == ERR_OK) e = str_add(out, "</svg></figure>\n");
    str_release(&summary);
    return e;
}
