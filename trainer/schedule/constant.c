/* SPDX-License-Identifier: Apache-2.0
 * Schedule "constant", after the warm-up:  rate = max
 * Read next: trainer/schedule/schedule.h. */
#include "trainer/schedule/schedule.h"

static double constant_rate(double progress, double max, double min) {
    (void)progress;
    (void)min;
    return max;
}

extern const struct schedule_kind constant_schedule;
const struct schedule_kind constant_schedule = {
    .name = "constant",
    .summary = "the largest rate throughout",
    .rate = constant_rate,
};
