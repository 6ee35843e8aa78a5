/* SPDX-License-Identifier: Apache-2.0
 * POSIX's TZ: "CST-8", "EST5EDT,M3.2.0,M11.1.0", "<+0330>-3:30", "IST-2IDT,M3.4.4/26,M10.5.0".
 * Offsets there count west of Greenwich, here east.
 * Source: POSIX.1-2017 section 8.3, with the wider hours of RFC 8536 section 3.3.1. */
#include "issues/calendar/zone_int.h"

#include <string.h>

enum { DAY_S = 86400, HOUR_S = 3600, HOURS_MAX = 167, NAME_MIN = 3, WEEK_DAYS = 7 };

/* A name of a zone: letters, or anything short in <>. */
static bool skip_name(const char **text) {
    const char *at = *text;
    if (*at == '<') {
        const char *end = strchr(at, '>');
        if (!end || end - at < NAME_MIN) return false;
        *text = end + 1;
        return true;
    }
    while ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) at++;
    bool long_enough = at - *text >= NAME_MIN;
    *text = at;
    return long_enough;
}

static bool number(const char **text, int max, int *out) {
    int n = 0;
    for (*out = 0; **text >= '0' && **text <= '9' && n < 3; ++*text, n++)
        *out = 10 * *out + (**text - '0');
    return n > 0 && *out <= max;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool hours(const char **text, int64_t *out_s) {
    int64_t sign = **text == '-' ? -1 : 1;
    if (**text == '-' || **text == '+') ++*text;
    int h, m = 0, s = 0;
    if (!number(text, HOURS_MAX, &h)) return false;
    if (**text == ':' && (++*text, !number(text, 59, &m))) return false;
    if (**text == ':' && (++*text, !number(text, 59, &s))) return false;
    *out_s = sign * (int64_t)(h * HOUR_S + m * 60 + s);
    return true;
}

static bool change(const char **text, struct zone_change *out) {
    *out = (struct zone_change){.at_s = 2 * HOUR_S};
    if (*(*text)++ != ',') return false;
    if (**text == 'M') {
        ++*text;
        out->kind = CHANGE_MONTH_WEEK;
        if (!number(text, 12, &out->month) || *(*text)++ != '.') return false;
        if (!number(text, 5, &out->week) || *(*text)++ != '.') return false;
        if (!number(text, 6, &out->weekday) || out->month < 1 || out->week < 1) return false;
    } else {
        out->kind = **text == 'J' ? CHANGE_JULIAN : CHANGE_DAY;
        *text += **text == 'J';
        if (!number(text, 365, &out->day) || (out->kind == CHANGE_JULIAN && out->day < 1))
            return false;
    }
    return **text != '/' || (++*text, hours(text, &out->at_s));
}

bool zone_rule_parse(const char *text, struct zone_rule *out) {
    struct zone_rule rule = {.given = true};
    if (!skip_name(&text) || !hours(&text, &rule.standard_s)) return false;
    rule.standard_s = -rule.standard_s;
    rule.summer_s = rule.standard_s + HOUR_S;
    rule.has_summer = *text != '\0';
    if (rule.has_summer) {
        if (!skip_name(&text)) return false;
        if (*text != ',') {
            if (!hours(&text, &rule.summer_s)) return false;
            rule.summer_s = -rule.summer_s;
        }
        if (!change(&text, &rule.to_summer) || !change(&text, &rule.to_standard)) return false;
    }
    *out = rule;
    return *text == '\0';
}

/* The day, from 1970, on which a change falls in a year. */
static int64_t change_day(const struct zone_change *c, int64_t year) {
    int64_t january = month_day(year * 12, 1), march = month_day(year * 12 + 2, 1);
    bool leap = march - january == 60;
    if (c->kind == CHANGE_DAY) return january + c->day;
    if (c->kind == CHANGE_JULIAN) return january + c->day - 1 + (leap && c->day >= 60);
    int64_t month = year * 12 + c->month - 1, first = month_day(month, 1);
    int64_t weekday = ((first + 4) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS; /* 1970-01-01: Thursday */
    int64_t day =
        first + (c->weekday - weekday + WEEK_DAYS) % WEEK_DAYS + (c->week - 1) * WEEK_DAYS;
    while (day >= month_day(month + 1, 1)) day -= WEEK_DAYS; /* week 5: the last one */
    return day;
}

int64_t zone_rule_offset_s(const struct zone_rule *rule, int64_t s) {
    if (!rule->has_summer) return rule->standard_s;
    int64_t local_day = (s + rule->standard_s) / DAY_S, year = 1970 + local_day / 366 - 1;
    while (month_day((year + 1) * 12, 1) <= local_day) year++;
    int64_t summer =
        change_day(&rule->to_summer, year) * DAY_S + rule->to_summer.at_s - rule->standard_s;
    int64_t standard =
        change_day(&rule->to_standard, year) * DAY_S + rule->to_standard.at_s - rule->summer_s;
    bool inside = summer < standard ? s >= summer && s < standard : s >= summer || s < standard;
    return inside ? rule->summer_s : rule->standard_s;
}
