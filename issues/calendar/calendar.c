/* SPDX-License-Identifier: Apache-2.0
 * Days and months by the proleptic Gregorian calendar, and the programme's rule for which month
 * plans a post. Arithmetic alone; zones are issues/calendar/zone.c.
 * Read next: issues/calendar/calendar.h, the contract. */
#include "issues/calendar/calendar.h"

#include <stdio.h>
#include <stdbool.h>

enum { DAY_S = 86400, SEARCH_S = 2 * DAY_S, MONTHS = 12, YEAR_MAX = 9999 };

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to the first of a month. */
static int64_t first_day(int64_t month) {
    /* Years counted from March, so that the leap day is a year's last. */
    int64_t year = floor_div(month, MONTHS), m = month - year * MONTHS;
    int64_t y = m < 2 ? year - 1 : year, from_march = (m + 10) % MONTHS;
    return 365 * y + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) +
           (153 * from_march + 2) / 5 - 719468;
}

/* The month that holds a day: at most one off a guess by the mean length of months. */
static int64_t month_at(int64_t day) {
    int64_t month = floor_div((day + 719528) * 4800, 146097);
    while (first_day(month) > day) month--;
    while (first_day(month + 1) <= day) month++;
    return month;
}

/* Exactly `n` digits. */
static bool digits(const char **text, int n, int *out) {
    *out = 0;
    for (int i = 0; i < n; i++, ++*text) {
        if (**text < '0' || **text > '9') return false;
        *out = 10 * *out + (**text - '0');
    }
    return true;
}

static bool read_month(const char **text, int64_t *out) {
    int year, month;
    if (!digits(text, 4, &year) || *(*text)++ != '-' || !digits(text, 2, &month)) return false;
    if (year < 1 || month < 1 || month > MONTHS) return false;
    *out = (int64_t)year * MONTHS + month - 1;
    return true;
}

err month_parse(const char *text, int64_t *out) {
    const char *rest = text;
    if (read_month(&rest, out) && *rest == '\0') return ERR_OK;
    return fail(ERR_PARSE, "'%s' is no month as in 2024-02", text);
}

err month_text(int64_t month, char out[MONTH_TEXT_SIZE]) {
    int64_t year = floor_div(month, MONTHS);
    if (year < 1 || year > YEAR_MAX)
        return fail(ERR_RANGE, "no calendar here has the year %lld", (long long)year);
    snprintf(out, MONTH_TEXT_SIZE, "%04d-%02d", (int)year, (int)(month - year * MONTHS) + 1);
    return ERR_OK;
}

err day_parse(const char *text, int64_t *out) {
    const char *rest = text;
    int64_t month;
    int day;
    if (read_month(&rest, &month) && *rest++ == '-' && digits(&rest, 2, &day) && *rest == '\0' &&
        day >= 1 && day <= first_day(month + 1) - first_day(month)) {
        *out = first_day(month) + day - 1;
        return ERR_OK;
    }
    return fail(ERR_PARSE, "'%s' is no day as in 2024-02-06", text);
}

err day_text(int64_t day, char out[DAY_TEXT_SIZE]) {
    char month[MONTH_TEXT_SIZE];
    int64_t m = month_at(day);
    TRY(month_text(m, month));
    snprintf(out, DAY_TEXT_SIZE, "%s-%02d", month, (int)(day - first_day(m)) + 1);
    return ERR_OK;
}

int64_t month_day(int64_t month, int day_of_month) {
    return first_day(month) + day_of_month - 1;
}

int64_t day_of(int64_t s, const struct zone *z) {
    return floor_div(s + zone_offset_s(z, s), DAY_S);
}

int64_t month_of(int64_t s, const struct zone *z) {
    return month_at(day_of(s, z));
}

int64_t day_start_s(int64_t day, const struct zone *z) {
    /* No zone is two days off UTC. Between these two moments the day begins. */
    int64_t before = day * DAY_S - SEARCH_S, from = day * DAY_S + SEARCH_S;
    while (from - before > 1) {
        int64_t middle = before + (from - before) / 2;
        if (day_of(middle, z) >= day)
            from = middle;
        else
            before = middle;
    }
    return from;
}

int64_t plan_month(int64_t created_s, const struct zone *z) {
    return month_of(created_s, z) + 1;
}

int64_t plan_collect_day(int64_t plan) {
    return month_day(plan, COLLECT_DAY);
}

struct plan_window plan_window(int64_t plan, const struct zone *z) {
    return (struct plan_window){day_start_s(first_day(plan - 1), z),
                                day_start_s(first_day(plan), z)};
}
