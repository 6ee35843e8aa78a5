/* SPDX-License-Identifier: Apache-2.0
 * Fewer points of a line that still looks the same: largest triangle, three buckets. The first and
 * the last point stay; those between are cut into equal buckets, and of each the point stays that
 * spans the largest triangle with the one that stayed before it and the mean of the next bucket. So
 * peaks stay where they are, which means and every n-th point would lose.
 * Source: Steinarsson, "Downsampling time series for visual representation" (2013).
 * Read next: base/chart.h. */
#ifndef COTRAIN_BASE_THIN_H
#define COTRAIN_BASE_THIN_H

#include <stdint.h>

/* Writes the numbers of the points that stay, ascending, into `out` (room for `keep`), and returns
 * how many they are: all n where n <= keep. `x` ascends; keep is 3 or more; all numbers finite. Of
 * equal triangles the first one stays. */
int64_t thin_line(const double *x, const double *y, int64_t n, int64_t keep, int64_t *out);

#endif
