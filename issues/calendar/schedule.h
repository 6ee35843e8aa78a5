/* SPDX-License-Identifier: Apache-2.0
 * A programme's calendar in texts, as files and commands have them: days "2024-02-06", months
 * "2024-02", which sort as they follow each other. Months begin and end in the programme's zone.
 * Read next: issues/calendar/calendar.h, which does the counting. */
#ifndef COTRAIN_ISSUES_CALENDAR_SCHEDULE_H
#define COTRAIN_ISSUES_CALENDAR_SCHEDULE_H

#include "issues/calendar/calendar.h"
#include <stdbool.h>

enum { MONTH_SIZE = 8, DAY_SIZE = 11 }; /* with NUL */

struct schedule {
    struct zone *zone;
    int collect_day;
};
/* `time_zone` as zone_new takes it. */
MUST_CHECK err schedule_open(struct schedule *s, const char *time_zone, int collect_day);
void schedule_close(struct schedule *s); /* a zeroed one is fine */

/* The day and the plan month of a moment (seconds since 1970). */
MUST_CHECK err schedule_day(const struct schedule *s, int64_t moment_s, char out[DAY_SIZE]);
MUST_CHECK err schedule_plan_month(const struct schedule *s, int64_t created_s,
                                   char out[MONTH_SIZE]);
/* When the posts of a plan month were made: the whole month before it. */
MUST_CHECK err schedule_window(const struct schedule *s, const char *month,
                               struct plan_window *out);
/* The day on which a plan month's requests are collected. */
MUST_CHECK err schedule_collect_day(const struct schedule *s, const char *month,
                                    char out[DAY_SIZE]);
/* Noon of a day, and the zone's offset then. */
MUST_CHECK err schedule_noon(const struct schedule *s, const char *day, int64_t *out_s,
                             int *out_offset_minutes);

bool month_is(const char *text);
MUST_CHECK err month_next(const char *month, char out[MONTH_SIZE]); /* out may be month */
MUST_CHECK err month_last_day(const char *month, char out[DAY_SIZE]);
/* Whether the text is a day that there is. */
MUST_CHECK err day_check(const char *text);

#endif
