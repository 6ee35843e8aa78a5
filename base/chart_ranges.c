/* SPDX-License-Identifier: Apache-2.0
 * Shares with their intervals (base/chart.h): a dot is the share, the bar behind it the interval.
 * Two that overlap much are no difference, which a table of numbers hides.
 * Read next: base/chart.c. */
#include "base/chart_int.h"
#include "base/html.h"
#include <math.h>
#include <stdio.h>

enum { LEFT = 14, RIGHT = CHART_RIGHT - 6, TOP = 24, PITCH = 44, LABEL_UNITS = 38 };

static double place(double share) {
    return LEFT + (RIGHT - LEFT) * fmin(fmax(share, 0.0), 1.0);
}

struct moment {
    const char *class, *name;
    double share, low, high;
};

static err add_moment(struct str *out, const struct moment *m, double y) {
    TRY(str_printf(out, "<g class=\"%s\"><title>", m->class));
    TRY(html_add(out, m->name));
    TRY(str_printf(out, ": %.1f %% (%.1f to %.1f)</title>", 100 * m->share, 100 * m->low,
                   100 * m->high));
    TRY(str_printf(out, "<line class=\"span\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                   place(m->low), y, place(m->high), y));
    return str_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/></g>\n", place(m->share), y);
}

static err add_row(struct str *out, const struct chart_ranges *c, const struct chart_range *row,
                   int y) {
    const struct moment was = {"was", c->before, row->before, row->before_low, row->before_high};
    const struct moment is = {"is", c->after, row->after, row->after_low, row->after_high};
    TRY(str_printf(out, "<text x=\"%d\" y=\"%d\"><title>", LEFT - 6, y + 13));
    TRY(html_add(out, row->label));
    TRY(str_add(out, "</title>"));
    TRY(html_label(out, row->label, LABEL_UNITS));
    TRY(str_printf(out, "</text><text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">",
                   CHART_RIGHT, y + 13));
    if (row->has_before) TRY(str_printf(out, "%.1f \xE2\x86\x92 ", 100 * row->before));
    TRY(str_printf(out, "%.1f %%</text>\n", 100 * row->after));
    if (row->has_before) TRY(add_moment(out, &was, y + 22));
    return add_moment(out, &is, row->has_before ? y + 31 : y + 26);
}

static err add_axis(struct str *out, int bottom) {
    for (int i = 0; i <= 5; i++) {
        double x = place(0.2 * i);
        TRY(str_printf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x,
                       TOP, x, bottom));
        TRY(str_printf(out,
                       "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%d%s</text>\n",
                       i == 5 ? CHART_RIGHT : x, bottom + 15,
                       i == 0   ? "start"
                       : i == 5 ? "end"
                                : "middle",
                       20 * i, i == 5 ? " %" : ""));
    }
    return ERR_OK;
}

static err add_legend(struct str *out, const struct chart_ranges *c) {
    TRY(str_printf(out, "<g class=\"was\"><circle cx=\"%d\" cy=\"8\" r=\"3.5\"/></g>", LEFT));
    TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"12\">", LEFT + 9));
    TRY(html_add(out, c->before));
    TRY(str_printf(out, "</text><g class=\"is\"><circle cx=\"%d\" cy=\"8\" r=\"3.5\"/></g>",
                   LEFT + 126));
    TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"12\">", LEFT + 135));
    TRY(html_add(out, c->after));
    return str_add(out, "</text>\n");
}

err chart_ranges(struct str *out, const struct chart_ranges *c) {
    int64_t shown = c->most > 0 && c->n > c->most ? c->most : c->n;
    bool any_before = false;
    if (c->n == 0) return chart_figure_empty(out, c->title);
    for (int64_t i = 0; i < shown; i++) any_before |= c->rows[i].has_before;
    int bottom = TOP + (int)shown * PITCH;
    TRY(chart_figure_begin(out, c->title, c->summary));
    TRY(chart_svg_begin(out, bottom + 20, c->title, c->summary));
    TRY(add_axis(out, bottom));
    if (any_before) TRY(add_legend(out, c));
    for (int64_t i = 0; i < shown; i++) TRY(add_row(out, c, &c->rows[i], TOP + (int)i * PITCH));
    TRY(str_add(out, "</svg>"));
    if (shown < c->n)
        TRY(str_printf(out, "<p class=\"soft\">and %lld more, in the table.</p>",
                       (long long)(c->n - shown)));
    return str_add(out, "</figure>\n");
}
