/* SPDX-License-Identifier: Apache-2.0
 * Texts around the counted days and months of issues/calendar/calendar.h.
 * Programmes run in years of four digits; others are refused.
 * Read next: issues/calendar/schedule.h, the contract. */
#include "issues/calendar/schedule.h"

#include <string.h>

enum { NOON_S = 43200 };

static err put_day(int64_t day, char out[DAY_SIZE]) {
    char text[DAY_TEXT_SIZE];
    TRY(day_text(day, text));
    if (strlen(text) != DAY_SIZE - 1) return fail(ERR_RANGE, "'%s' is no day of a programme", text);
    memcpy(out, text, DAY_SIZE);
    return ERR_OK;
}

static err put_month(int64_t month, char out[MONTH_SIZE]) {
    char text[MONTH_TEXT_SIZE];
    TRY(month_text(month, text));
    if (strlen(text) != MONTH_SIZE - 1)
        return fail(ERR_RANGE, "'%s' is no month of a programme", text);
    memcpy(out, text, MONTH_SIZE);
    return ERR_OK;
}

bool month_is(const char *text) {
    int64_t month;
    bool good = strlen(text) == MONTH_SIZE - 1 && month_parse(text, &month) == ERR_OK;
    if (!good) err_clear();
    return good;
}

err month_next(const char *text, char out[MONTH_SIZE]) {
    int64_t month;
    TRY(month_parse(text, &month));
    return put_month(month + 1, out);
}

err month_last_day(const char *text, char out[DAY_SIZE]) {
    int64_t month;
    TRY(month_parse(text, &month));
    return put_day(month_day(month + 1, 1) - 1, out);
}

err day_check(const char *text) {
    int64_t day;
    char again[DAY_SIZE];
    TRY(day_parse(text, &day));
    TRY(put_day(day, again));
    return strcmp(text, again) == 0 ? ERR_OK
                                    : fail(ERR_PARSE, "'%s' is not a day as in %s", text, again);
}

err schedule_open(struct schedule *s, const char *time_zone, int collect_day) {
    *s = (struct schedule){.collect_day = collect_day};
    return zone_new(time_zone, &s->zone);
}

void schedule_close(struct schedule *s) {
    zone_free(s->zone);
    *s = (struct schedule){0};
}

err schedule_day(const struct schedule *s, int64_t moment_s, char out[DAY_SIZE]) {
    return put_day(day_of(moment_s, s->zone), out);
}

err schedule_plan_month(const struct schedule *s, int64_t created_s, char out[MONTH_SIZE]) {
    return put_month(plan_month(created_s, s->zone), out);
}

err schedule_window(const struct schedule *s, const char *text, struct plan_window *out) {
    int64_t month;
    TRY(month_parse(text, &month));
    *out = plan_window(month, s->zone);
    return ERR_OK;
}

err schedule_collect_day(const struct schedule *s, const char *text, char out[DAY_SIZE]) {
    int64_t month;
    TRY(month_parse(text, &month));
    return put_day(month_day(month, s->collect_day), out);
}

err schedule_noon(const struct schedule *s, const char *text, int64_t *out_s,
                  int *out_offset_minutes) {
    int64_t day;
    TRY(day_check(text));
    TRY(day_parse(text, &day));
    *out_s = day_start_s(day, s->zone) + NOON_S;
    *out_offset_minutes = (int)(zone_offset_s(s->zone, *out_s) / 60);
    return ERR_OK;
}
