/* SPDX-License-Identifier: Apache-2.0
 * Schedule "constant", after the warm-up:  rate = max
 * For runs whose length is not known before, and for comparing settings.
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
