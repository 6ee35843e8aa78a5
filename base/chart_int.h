/* SPDX-License-Identifier: Apache-2.0
 * What the pictures of base/chart.h have in common: the figure around them, and where the
 * drawing begins and ends. Nobody else includes this.
 * Read next: base/chart.c, base/chart_lines.c, base/chart_ranges.c, base/chart_graph.c. */
#ifndef COTRAIN_BASE_CHART_INT_H
#define COTRAIN_BASE_CHART_INT_H

#include "base/chart.h"

enum { CHART_WIDTH = 400, CHART_LEFT = 46, CHART_RIGHT = 390 };

/* <figure> with its caption; the summary may be NULL. */
MUST_CHECK err chart_figure_begin(struct str *out, const char *title, const char *summary);
/* A whole figure that says there is nothing. */
MUST_CHECK err chart_figure_empty(struct str *out, const char *title);
MUST_CHECK err chart_svg_begin(struct str *out, int height, const char *title, const char *summary);

#endif
