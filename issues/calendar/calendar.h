/* SPDX-License-Identifier: Apache-2.0
 * The programme's calendar: months and days where its team lives. What is posted in one month is
 * collected on a day of the next and stands on that month's plan: posted in January, collected on
 * February 6th, plan "2024-02". Times are seconds since 1970, UTC, as GitHub gives them.
 * Zones are read from the C library's files (issues/calendar/zone.c) without touching the process's
 * own zone; daylight saving and past changes are theirs. Days are counted from 1970-01-01, months
 * from year 0; both have functions to and from text. */
#ifndef COTRAIN_ISSUES_CALENDAR_CALENDAR_H
#define COTRAIN_ISSUES_CALENDAR_CALENDAR_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

/* Where the programme's months begin. */
struct zone;
/* "Asia/Shanghai", "UTC", or a fixed offset "+08:00", "-0330", "UTC+8". ERR_MISSING: this machine
 * knows no zone of that name; ERR_PARSE: it is neither a name nor an offset, or its file is
 * damaged.
 */
MUST_CHECK err zone_new(const char *name, struct zone **out);
void zone_free(struct zone *z); /* NULL is fine */
/* Seconds east of UTC at a moment. */
int64_t zone_offset_s(const struct zone *z, int64_t s);
/* A zone out of the bytes of a TZif file (RFC 8536), of any version. Any bytes: ERR_PARSE. */
MUST_CHECK err zone_read(const void *bytes, size_t n, const char *name, struct zone **out);

enum { MONTH_TEXT_SIZE = 24, DAY_TEXT_SIZE = 40, COLLECT_DAY = 6 };
/* "2024-02": years 1 to 9999. */
MUST_CHECK err month_parse(const char *text, int64_t *out);
MUST_CHECK err month_text(int64_t month, char out[MONTH_TEXT_SIZE]);
/* "2024-02-06": a day that there is. */
MUST_CHECK err day_parse(const char *text, int64_t *out);
MUST_CHECK err day_text(int64_t day, char out[DAY_TEXT_SIZE]);
/* Its number, for day 1 to 28. */
int64_t month_day(int64_t month, int day_of_month);

/* The day and the month of a moment there. The month after one is `month + 1`. */
int64_t day_of(int64_t s, const struct zone *z);
int64_t month_of(int64_t s, const struct zone *z);
/* The first second of a day there, also where clocks skip midnight. */
int64_t day_start_s(int64_t day, const struct zone *z);

/* The month on whose plan a post of that moment may stand. */
int64_t plan_month(int64_t created_s, const struct zone *z);
/* The day on which a plan's requests are collected. */
int64_t plan_collect_day(int64_t plan);
/* Posts of [from, to) belong to a plan. */
struct plan_window {
    int64_t from_s, to_s;
};
struct plan_window plan_window(int64_t plan, const struct zone *z);

#endif
