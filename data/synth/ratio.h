/* SPDX-License-Identifier: Apache-2.0
 * Exact fractions of 128-bit whole numbers, always reduced, the denominator over 0. What does not
 * fit is refused, never rounded; so there is no memory to run out of and no size to be feared.
 * Read next: data/synth/checks/arithmetic.c. */
#ifndef COTRAIN_DATA_SYNTH_RATIO_H
#define COTRAIN_DATA_SYNTH_RATIO_H

#include "base/str.h"
#include <stdbool.h>

struct ratio {
    __int128 over, under;
};
/* False: too large, a division by zero, or a power that is no whole number from -64 to 64. */
bool ratio_add(struct ratio a, struct ratio b, struct ratio *out);
bool ratio_subtract(struct ratio a, struct ratio b, struct ratio *out);
bool ratio_multiply(struct ratio a, struct ratio b, struct ratio *out);
bool ratio_divide(struct ratio a, struct ratio b, struct ratio *out);
bool ratio_power(struct ratio a, struct ratio b, struct ratio *out);
bool ratio_same(struct ratio a, struct ratio b);
/* "7", "-2/3"; appended. */
MUST_CHECK err ratio_text(struct ratio a, struct str *out);

#endif
