/* SPDX-License-Identifier: Apache-2.0
 * A zone as it is kept: a list of moments from which an offset holds, and the rule for the time
 * after its last known change.
 * Read next: issues/calendar/zone.c, which reads files; issues/calendar/zone_rule.c. */
#ifndef COTRAIN_ISSUES_CALENDAR_ZONE_INT_H
#define COTRAIN_ISSUES_CALENDAR_ZONE_INT_H

#include "issues/calendar/calendar.h"
#include <stdbool.h>

/* When a change happens in every year, by POSIX's TZ: "M3.2.0", "J60", "59", with "/2" for when on
 * that day. */
struct zone_change {
    enum { CHANGE_MONTH_WEEK, CHANGE_JULIAN, CHANGE_DAY } kind;
    int month, week, weekday, day;
    int64_t at_s; /* local time of the day, may lie outside of it */
};
struct zone_rule {
    bool given, has_summer;
    int64_t standard_s, summer_s; /* east of UTC */
    struct zone_change to_summer, to_standard;
};
struct zone {
    int64_t *moments, *offsets_s; /* from moments[i] on, offsets_s[i] holds */
    int64_t n, first_offset_s;    /* before the first */
    struct zone_rule rule;        /* from the last on, where given */
};

/* False: the text is no rule. */
bool zone_rule_parse(const char *text, struct zone_rule *out);
int64_t zone_rule_offset_s(const struct zone_rule *rule, int64_t s);

#endif
