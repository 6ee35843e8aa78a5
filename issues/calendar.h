/* SPDX-License-Identifier: Apache-2.0
 * The programme's calendar. Requests posted in a month are collected on a day of the next one,
 * which is their plan month; months begin and end in the programme's time zone (a post of
 * 2024-01-31T17:00:00Z is of February in Shanghai). Days are texts, "2024-02-06", months "2024-02":
 * both sort as they follow each other.
 * Read next: issues/zone.h. */
#ifndef COTRAIN_ISSUES_CALENDAR_H
#define COTRAIN_ISSUES_CALENDAR_H

#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { MONTH_SIZE = 8, DAY_SIZE = 11 }; /* with NUL */

struct calendar {
    struct zone *zone;
    int collect_day;
};
/* `time_zone`: a name of the tz database ("Asia/Shanghai") or an offset ("+08:00"). */
MUST_CHECK err calendar_open(struct calendar *c, const char *time_zone, int collect_day);
void calendar_close(struct calendar *c); /* a zeroed one is fine */

/* The day and the plan month of a moment (seconds since 1970). */
MUST_CHECK err calendar_day(const struct calendar *c, int64_t s, char out[DAY_SIZE]);
MUST_CHECK err calendar_plan_month(const struct calendar *c, int64_t created_s,
                                   char out[MONTH_SIZE]);
/* When the posts of a plan month were made: [from, to), the whole month before it. */
MUST_CHECK err calendar_window(const struct calendar *c, const char *month, int64_t *out_from_s,
                               int64_t *out_to_s);
/* The day on which a plan month's requests are collected. */
MUST_CHECK err calendar_collect_day(const struct calendar *c, const char *month,
                                    char out[DAY_SIZE]);
/* Noon of a day, and the zone's offset then. */
MUST_CHECK err calendar_noon(const struct calendar *c, const char *day, int64_t *out_s,
                             int *out_offset_minutes);

bool calendar_is_month(const char *text);
MUST_CHECK err calendar_next_month(const char *month, char out[MONTH_SIZE]); /* out may be month */
MUST_CHECK err calendar_last_day(const char *month, char out[DAY_SIZE]);
/* Whether the text is a day that there is; `*out_noon_s` is its noon in UTC. */
MUST_CHECK err calendar_day_parse(const char *text, int64_t *out_noon_s);

#endif
