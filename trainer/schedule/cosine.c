/* SPDX-License-Identifier: Apache-2.0
 * Schedule "cosine", after the warm-up:  rate = min + (max - min) (1 + cos(pi progress)) / 2
 * The default: what the released model was trained with.
 * Read next: trainer/schedule/schedule.h. */
#include "trainer/schedule/schedule.h"

#include <math.h>

static double cosine_rate(double progress, double max, double min) {
    return min + 0.5 * (max - min) * (1 + cos(progress * M_PI));
}

extern const struct schedule_kind cosine_schedule;
const struct schedule_kind cosine_schedule = {
    .name = "cosine",
    .summary = "half a cosine from the largest rate to the smallest",
    .rate = cosine_rate,
};
