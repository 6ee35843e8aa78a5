/* SPDX-License-Identifier: Apache-2.0
 * Learning-rate schedules: one file and one line of schedule.def each. All warm up the same way and
 * differ in what follows:
 *   n = updates done so far;  n <= w: max n / w  (so the first update of a warm-up has rate 0);
 *   then the schedule's own shape of the progress (n - w) / (total - w) in (0,1), from max to min
 * Source: Megatron-LM's parameter scheduler; golden trajectories.
 * Read next: trainer/schedule/cosine.c. */
#ifndef COTRAIN_TRAINER_SCHEDULE_SCHEDULE_H
#define COTRAIN_TRAINER_SCHEDULE_SCHEDULE_H

#include "base/err.h"
#include <stdint.h>

struct schedule_kind {
    const char *name, *summary;
    double (*rate)(double progress, double max, double min);
};
extern const struct schedule_kind *const schedule_kinds[];
extern const int n_schedule_kinds;

struct schedule {
    const struct schedule_kind *kind;
    double max, min;
    int64_t warmup_steps, n_steps;
};

MUST_CHECK err schedule_find(const char *name, const struct schedule_kind **out);
/* The rate of the update that comes after `done` updates. */
double schedule_rate(const struct schedule *s, int64_t done);

#endif
