/* SPDX-License-Identifier: Apache-2.0
 * Schedule "linear", after the warm-up:  rate = max + (min - max) progress
 * What many recipes of other trainers ask for.
 * Read next: trainer/schedule/schedule.h. */
#include "trainer/schedule/schedule.h"

static double linear_rate(double progress, double max, double min) {
    return max + (min - max) * progress;
}

extern const struct schedule_kind linear_schedule;
const struct schedule_kind linear_schedule = {
    .name = "linear",
    .summary = "a straight line from the largest rate to the smallest",
    .rate = linear_rate,
};
