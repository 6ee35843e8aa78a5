/* SPDX-License-Identifier: Apache-2.0
 * The table of schedules, from schedule.def, and the warm-up that they share.
 * A new one needs its file and its line there, and nothing here.
 * Read next: trainer/schedule/schedule.h. */
#include "trainer/schedule/schedule.h"

#include <string.h>

#define SCHEDULE(name) extern const struct schedule_kind name##_schedule;
#include "trainer/schedule/schedule.def"
#undef SCHEDULE

const struct schedule_kind *const schedule_kinds[] = {
#define SCHEDULE(name) &name##_schedule,
#include "trainer/schedule/schedule.def"
#undef SCHEDULE
};
const int n_schedule_kinds = sizeof schedule_kinds / sizeof schedule_kinds[0];

err schedule_find(const char *name, const struct schedule_kind **out) {
    for (int i = 0; i < n_schedule_kinds; i++)
        if (!strcmp(schedule_kinds[i]->name, name)) {
            *out = schedule_kinds[i];
            return ERR_OK;
        }
    return fail(ERR_UNSUPPORTED, "lr_scheduler '%s' is not known", name);
}

double schedule_rate(const struct schedule *s, int64_t done) {
    if (s->warmup_steps > 0 && done <= s->warmup_steps)
        return s->max * (double)done / (double)s->warmup_steps;
    if (done >= s->n_steps) return s->kind->rate(1, s->max, s->min);
    double progress = (double)(done - s->warmup_steps) / (double)(s->n_steps - s->warmup_steps);
    return s->kind->rate(progress, s->max, s->min);
}
