/* SPDX-License-Identifier: Apache-2.0
 * Pictures of numbers as inline SVG for a page of base/html.h: bars of named things, the
 * distribution of one number over many, lines over steps, shares with their intervals, and what was
 * made of what. Each is a <figure> with its title and a sentence that says in words what the
 * picture shows; axes carry their unit and have round ticks, those of bars begin at zero. The width
 * is 400 user units, so that texts keep their size on a telephone. */
#ifndef COTRAIN_BASE_CHART_H
#define COTRAIN_BASE_CHART_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct chart_bar {
    const char *label; /* cut to fit; whole in the bar's own title */
    double value;      /* 0 or more */
    int colour;        /* 0, or 1 for a second kind */
};
struct chart_bars {
    const char *title, *summary; /* the summary may be NULL */
    const char *unit;            /* of the values: "rows" */
    const struct chart_bar *bars;
    int64_t n;
    int64_t most; /* bars that are drawn; the rest are one bar "12 others" (0: all) */
};
/* In the order given. None is a figure that says so. */
MUST_CHECK err chart_bars(struct str *out, const struct chart_bars *c);

struct chart_histogram {
    const char *title;
    const char *x_unit, *y_unit; /* "tokens", "rows" */
    const double *values;        /* 0 or more; sorted in ascending order */
    int64_t n;
    double full;        /* where the axis ends; 0: from the values */
    const char *suffix; /* behind the numbers of the axis: "%", or "" */
};
/* Columns of equal width, with lines at the median, at 90 and at 99 of a hundred. Where a few
 * values lie far out, the axis ends before them and the last column holds them all; the summary
 * says so. */
MUST_CHECK err chart_histogram(struct str *out, const struct chart_histogram *c);

/* Lines over one x, each thinned to `most` points (base/thin.h). The y axis begins at zero unless
 * all values lie far above it. Hovering over a line tells its numbers. */
struct chart_line {
    const char *label;
    const double *y; /* finite */
    bool faint;      /* behind the others: raw values under smoothed ones */
};
struct chart_lines {
    const char *title, *summary; /* the summary may be NULL */
    const char *x_unit, *y_unit;
    const double *x; /* ascending */
    int64_t n, most; /* points; `most` is 3 or more */
    const struct chart_line *lines;
    int n_lines; /* 1 or 2 */
};
MUST_CHECK err chart_lines(struct str *out, const struct chart_lines *c);

/* Shares from 0 to 1 with their intervals, of two moments; the axis is in percent. */
struct chart_range {
    const char *label; /* cut to fit; whole in its title */
    bool has_before;
    double before, before_low, before_high;
    double after, after_low, after_high;
};
struct chart_ranges {
    const char *title, *summary;
    const char *before, *after; /* what the two moments are called */
    const struct chart_range *rows;
    int64_t n, most; /* rows that are drawn; a line says how many are not (0: all) */
};
MUST_CHECK err chart_ranges(struct str *out, const struct chart_ranges *c);

/* Boxes in three columns and any number of rows, with arrows from one to another further down. */
struct chart_box {
    int column, row; /* from 0 */
    const char *title, *text;
    const char *hash; /* its first digits are shown, all of it in the box's title; NULL: none */
};
struct chart_arrow {
    int from, to; /* numbers of boxes */
};
struct chart_graph {
    const char *title, *summary;
    const struct chart_box *boxes;
    int n_boxes;
    const struct chart_arrow *arrows;
    int n_arrows;
};
MUST_CHECK err chart_graph(struct str *out, const struct chart_graph *c);

/* "1,234", "0.25": as charts write numbers. */
void chart_number(double value, char out[32]);
/* The least of 1, 2, 5 times a power of ten so that `steps` of them reach `largest`. */
double chart_step(double largest, int steps);

#endif
