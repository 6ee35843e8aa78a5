/* SPDX-License-Identifier: Apache-2.0
 * Lines over steps (base/chart.h). Points are thinned before they are drawn, so that a run of a
 * million steps is as light as one of a thousand, and few of them carry their numbers as a title.
 * Read next: base/thin.h. */
#include "base/chart_int.h"
#include "base/html.h"
#include "base/mem.h"
#include "base/thin.h"
#include <math.h>
#include <stdio.h>

enum { LEFT = CHART_LEFT, RIGHT = CHART_RIGHT, TOP = 26, BOTTOM = 196, HEIGHT = 236, TOLD = 60 };

struct axis {
    double low, high, step;
};

/* Where a line of values has its axis. */
static struct axis axis_of(double low, double high, int steps) {
    struct axis a = {.low = 0.0};
    if (low >= 0.0 && low < 0.6 * high) low = 0.0;
    double spread = high - low;
    a.step = chart_step(spread > 0.0 ? spread : fabs(high), steps);
    a.low = a.step * floor(low / a.step + 1e-9);
    a.high = a.step * ceil(high / a.step - 1e-9);
    if (!(a.high > a.low)) a.high = a.low + a.step;
    return a;
}

static struct axis y_axis_of(const struct chart_lines *c) {
    double low = c->lines[0].y[0], high = low;
    for (int k = 0; k < c->n_lines; k++) {
        for (int64_t i = 0; i < c->n; i++) {
            low = fmin(low, c->lines[k].y[i]);
            high = fmax(high, c->lines[k].y[i]);
        }
    }
    return axis_of(low, high, 4);
}

/* A number of an axis that ends at `end`. There is room for five digits: longer ones are all told
 * in thousands or millions. */
static void tick_number(double value, double step, double end, char out[32]) {
    if (fabs(value) < step / 1e6)
        snprintf(out, 32, "0");
    else if (end >= 1e6)
        snprintf(out, 32, "%.4gM", value / 1e6);
    else if (end >= 1e5)
        snprintf(out, 32, "%.4gk", value / 1e3);
    else if (value == floor(value))
        chart_number(value, out);
    else
        snprintf(out, 32, "%.4g", value);
}

static double place_x(const struct axis *a, double x) {
    return LEFT + (RIGHT - LEFT) * (x - a->low) / (a->high - a->low);
}

static double place_y(const struct axis *a, double y) {
    return BOTTOM - (BOTTOM - TOP) * (y - a->low) / (a->high - a->low);
}

static err add_axes(struct str *out, const struct chart_lines *c, const struct axis *x,
                    const struct axis *y) {
    char text[32];
    for (int i = 0; y->low + i * y->step <= y->high + y->step / 2; i++) {
        double at = place_y(y, y->low + i * y->step);
        tick_number(y->low + i * y->step, y->step, y->high, text);
        TRY(str_printf(out, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>",
                       LEFT, at, RIGHT, at));
        TRY(str_printf(out,
                       "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                       LEFT - 5, at + 4, text));
    }
    TRY(str_printf(out, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT,
                   BOTTOM, RIGHT, BOTTOM));
    double step = chart_step(x->high - x->low, 5);
    for (double v = step * ceil(x->low / step); v <= x->high; v += step) {
        tick_number(v, step, x->high, text);
        TRY(str_printf(
            out, "<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
            place_x(x, v), BOTTOM + 17, place_x(x, v) > RIGHT - 14 ? "end" : "middle", text));
    }
    TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"end\">", RIGHT,
                   BOTTOM + 34));
    TRY(html_add(out, c->x_unit));
    TRY(str_add(out, "</text><text class=\"tick\" x=\"2\" y=\"12\">"));
    TRY(html_add(out, c->y_unit));
    return str_add(out, "</text>\n");
}

/* "line0" is the one that counts. */
static const char *class_of(const struct chart_lines *c, int line) {
    if (c->lines[line].faint) return "faint";
    return line > 0 && !c->lines[0].faint ? "line1" : "line0";
}

static err add_legend(struct str *out, const struct chart_lines *c) {
    if (c->n_lines < 2) return ERR_OK;
    for (int k = 0; k < c->n_lines; k++) {
        int x = 190 + 100 * k;
        TRY(str_printf(out, "<polyline class=\"%s\" points=\"%d,8 %d,8\"/>", class_of(c, k), x,
                       x + 16));
        TRY(str_printf(out, "<text class=\"tick\" x=\"%d\" y=\"12\">", x + 21));
        TRY(html_add(out, c->lines[k].label));
        TRY(str_add(out, "</text>\n"));
    }
    return ERR_OK;
}

struct drawing {
    const struct chart_lines *c;
    struct axis x, y;
    int64_t *kept; /* room for `most`, or TOLD where that is more */
};

static err add_line(struct str *out, const struct drawing *d, int line) {
    const double *y = d->c->lines[line].y;
    int64_t n = thin_line(d->c->x, y, d->c->n, d->c->most, d->kept);
    TRY(str_printf(out, "<polyline class=\"%s\" points=\"", class_of(d->c, line)));
    for (int64_t i = 0; i < n; i++)
        TRY(str_printf(out, "%s%.1f,%.1f", i > 0 ? " " : "", place_x(&d->x, d->c->x[d->kept[i]]),
                       place_y(&d->y, y[d->kept[i]])));
    return str_add(out, "\"/>\n");
}

static err add_told(struct str *out, const struct drawing *d, int line) {
    const double *y = d->c->lines[line].y;
    int64_t n = thin_line(d->c->x, y, d->c->n, TOLD, d->kept);
    for (int64_t i = 0; i < n; i++) {
        char at[32];
        int64_t k = d->kept[i];
        chart_number(d->c->x[k], at);
        TRY(str_printf(out, "<circle class=\"hit\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>",
                       place_x(&d->x, d->c->x[k]), place_y(&d->y, y[k])));
        TRY(html_add(out, d->c->x_unit));
        TRY(str_printf(out, " %s: %.4g ", at, y[k]));
        TRY(html_add(out, d->c->y_unit));
        TRY(str_add(out, "</title></circle>\n"));
    }
    return ERR_OK;
}

static err draw(struct str *out, const struct drawing *d) {
    const struct chart_lines *c = d->c;
    TRY(chart_figure_begin(out, c->title, c->summary));
    TRY(chart_svg_begin(out, HEIGHT, c->title, c->summary));
    TRY(add_axes(out, c, &d->x, &d->y));
    for (int k = 0; k < c->n_lines; k++) TRY(add_line(out, d, k));
    TRY(add_legend(out, c));
    TRY(add_told(out, d, c->n_lines - 1));
    return str_add(out, "</svg></figure>\n");
}

err chart_lines(struct str *out, const struct chart_lines *c) {
    if (c->n == 0) return chart_figure_empty(out, c->title);
    struct drawing d = {.c = c, .y = y_axis_of(c)};
    d.x = (struct axis){.low = c->x[0], .high = c->x[c->n - 1]};
    if (!(d.x.high > d.x.low)) d.x.high = d.x.low + 1.0; /* one point */
    d.kept = mem_alloc((size_t)(c->most > TOLD ? c->most : TOLD), sizeof *d.kept);
    if (d.kept == NULL) return ERR_MEMORY;
    err e = draw(out, &d);
    mem_free(d.kept);
    return e;
}
