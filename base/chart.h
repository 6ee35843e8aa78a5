/* SPDX-License-Identifier: Apache-2.0
 * Pictures of numbers as inline SVG for a page of base/html.h: bars of named things, and the
 * distribution of one number over many. Each is a <figure> with its title and a sentence that says
 * in words what the picture shows; axes begin at zero, carry their unit, and have round ticks. The
 * width is 400 user units, so that texts keep their size on a telephone. */
#ifndef COTRAIN_BASE_CHART_H
#define COTRAIN_BASE_CHART_H

#include "base/err.h"
#include "base/str.h"
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

/* "1,234", "0.25": as charts write numbers. */
void chart_number(double value, char out[32]);
/* The least of 1, 2, 5 times a power of ten so that `steps` of them reach `largest`. */
double chart_step(double largest, int steps);

#endif
