/* SPDX-License-Identifier: Apache-2.0
 * Months and days as texts, by the C library's own calendar in UTC; what a zone adds is an offset.
 * A local time that a zone skips or has twice is taken as the zone's offset at that moment says.
 * Read next: issues/calendar.h, the contract. */
#include "issues/calendar.h"

#include "issues/zone.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, NOON_S = DAY_S / 2, YEAR_MIN = 1970, YEAR_MAX = 9999 };

static bool digits(const char *text, int from, int n, int *out) {
    *out = 0;
    for (int i = from; i < from + n; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

static bool read_month(const char *text, int *year, int *month) {
    return strlen(text) == MONTH_SIZE - 1 && text[4] == '-' && digits(text, 0, 4, year) &&
           digits(text, 5, 2, month) && *year >= YEAR_MIN && *month >= 1 && *month <= 12;
}

static err need_month(const char *text, int *year, int *month) {
    if (read_month(text, year, month)) return ERR_OK;
    return fail(ERR_RANGE, "'%s' is not a month as in 2024-02", text);
}

bool calendar_is_month(const char *text) {
    int year, month;
    return read_month(text, &year, &month);
}

/* Seconds of midnight UTC; month 13 is the next year's first. */
static int64_t midnight(int year, int month, int day) {
    struct tm t = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&t);
}

static err split(int64_t s, struct tm *out) {
    time_t when = (time_t)s;
    if (gmtime_r(&when, out) && out->tm_year + 1900 >= YEAR_MIN && out->tm_year + 1900 <= YEAR_MAX)
        return ERR_OK;
    return fail(ERR_RANGE, "second %lld is in no year from %d to %d", (long long)s, YEAR_MIN,
                YEAR_MAX);
}

static err day_text(int64_t utc_s, char out[DAY_SIZE]) {
    struct tm t;
    TRY(split(utc_s, &t));
    (void)strftime(out, DAY_SIZE, "%Y-%m-%d", &t);
    return ERR_OK;
}

static err month_text(int year, int month, char out[MONTH_SIZE]) {
    char day[DAY_SIZE];
    TRY(day_text(midnight(year, month, 1), day));
    memcpy(out, day, MONTH_SIZE - 1);
    out[MONTH_SIZE - 1] = '\0';
    return ERR_OK;
}

err calendar_next_month(const char *text, char out[MONTH_SIZE]) {
    int year, month;
    TRY(need_month(text, &year, &month));
    return month_text(year, month + 1, out);
}

err calendar_last_day(const char *text, char out[DAY_SIZE]) {
    int year, month;
    TRY(need_month(text, &year, &month));
    return day_text(midnight(year, month + 1, 1) - DAY_S, out);
}

err calendar_day_parse(const char *text, int64_t *out_noon_s) {
    int year, month, day;
    char again[DAY_SIZE] = "";
    if (strlen(text) == DAY_SIZE - 1 && text[4] == '-' && text[7] == '-' &&
        digits(text, 0, 4, &year) && digits(text, 5, 2, &month) && digits(text, 8, 2, &day) &&
        year >= YEAR_MIN) {
        *out_noon_s = midnight(year, month, day) + NOON_S;
        TRY(day_text(*out_noon_s, again));
    }
    if (strcmp(again, text) == 0) return ERR_OK;
    return fail(ERR_RANGE, "'%s' is not a day as in 2024-02-06", text);
}

err calendar_open(struct calendar *c, const char *time_zone, int collect_day) {
    *c = (struct calendar){.collect_day = collect_day};
    return zone_open(time_zone, &c->zone);
}

void calendar_close(struct calendar *c) {
    zone_free(c->zone);
    *c = (struct calendar){0};
}

err calendar_day(const struct calendar *c, int64_t s, char out[DAY_SIZE]) {
    return day_text(s + zone_offset_s(c->zone, s), out);
}

err calendar_plan_month(const struct calendar *c, int64_t created_s, char out[MONTH_SIZE]) {
    char day[DAY_SIZE];
    TRY(calendar_day(c, created_s, day));
    day[MONTH_SIZE - 1] = '\0';
    return calendar_next_month(day, out);
}

/* The moment at which the zone's clocks show what UTC's show at `shown_s`. */
static int64_t moment(const struct calendar *c, int64_t shown_s) {
    int64_t s = shown_s - zone_offset_s(c->zone, shown_s);
    return shown_s - zone_offset_s(c->zone, s);
}

err calendar_window(const struct calendar *c, const char *text, int64_t *out_from_s,
                    int64_t *out_to_s) {
    int year, month;
    TRY(need_month(text, &year, &month));
    *out_from_s = moment(c, midnight(year, month - 1, 1));
    *out_to_s = moment(c, midnight(year, month, 1));
    return ERR_OK;
}

err calendar_collect_day(const struct calendar *c, const char *text, char out[DAY_SIZE]) {
    int year, month;
    TRY(need_month(text, &year, &month));
    return day_text(midnight(year, month, c->collect_day), out);
}

err calendar_noon(const struct calendar *c, const char *day, int64_t *out_s,
                  int *out_offset_minutes) {
    int64_t noon_s;
    TRY(calendar_day_parse(day, &noon_s));
    *out_s = moment(c, noon_s);
    *out_offset_minutes = zone_offset_s(c->zone, *out_s) / 60;
    return ERR_OK;
}
