/* SPDX-License-Identifier: Apache-2.0
 * TZif files, version 2 and later: transitions with 64-bit times, and behind them the rule that
 * holds after the last one ("EST5EDT,M3.2.0,M11.1.0"), of which the forms with months are read.
 * Every count is held against the file's size before it is used.
 * Source: RFC 8536; POSIX.1 for the rule. */
#include "issues/zone.h"

#include "base/file.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILE_MAX_BYTES = 1 << 20, HEADER_BYTES = 44, TYPE_BYTES = 6, DAY_S = 86400 };
static const char *const database_dir = "/usr/share/zoneinfo";

/* "M3.2.0/2": month, week (5: the last), day of the week, seconds of the day. */
struct rule_day {
    int month, week, weekday, time_s;
};
struct zone {
    int64_t n, *times;      /* of transitions, ascending */
    int32_t *offsets;       /* behind each */
    int32_t first_offset_s; /* before the first */
    int32_t last_offset_s;  /* standard time behind the last transition */
    bool has_rule;          /* and, when true, summer time by these days */
    int32_t summer_offset_s;
    struct rule_day begins, ends;
};

/* ---- rules ---- */

/* Reads "[+-]hh[:mm[:ss]]" as seconds. */
static bool read_time(const char **at, int *out_s) {
    int sign = **at == '-' ? -1 : 1, parts[3] = {0}, n = 0;
    if (**at == '-' || **at == '+') ++*at;
    while (n < 3 && isdigit((unsigned char)**at)) {
        char *end;
        long value = strtol(*at, &end, 10);
        if (value > 167) return false;
        parts[n++] = (int)value;
        *at = end;
        if (**at != ':') break;
        ++*at;
    }
    *out_s = sign * ((parts[0] * 60 + parts[1]) * 60 + parts[2]);
    return n > 0;
}

static bool read_name(const char **at) {
    const char *from = *at;
    if (**at == '<') {
        *at = strchr(from, '>');
        if (!*at) return false;
        ++*at;
        return true;
    }
    while (isalpha((unsigned char)**at)) ++*at;
    return *at - from >= 3;
}

static bool read_day(const char **at, struct rule_day *out) {
    int used = 0;
    out->time_s = 2 * 3600;
    if (sscanf(*at, ",M%2d.%1d.%1d%n", &out->month, &out->week, &out->weekday, &used) != 3)
        return false;
    *at += used;
    if (**at != '/') return out->month >= 1 && out->month <= 12 && out->week >= 1;
    ++*at;
    return read_time(at, &out->time_s) && out->month >= 1 && out->month <= 12 && out->week >= 1;
}

/* "CST-8", "EST5EDT,M3.2.0,M11.1.0" */
static bool read_rule(const char *text, struct zone *z) {
    const char *at = text;
    int west_s;
    if (!read_name(&at) || !read_time(&at, &west_s)) return false;
    z->last_offset_s = -west_s;
    if (!*at) return true;
    z->summer_offset_s = z->last_offset_s + 3600;
    if (!read_name(&at)) return false;
    if (*at != ',') {
        if (!read_time(&at, &west_s)) return false;
        z->summer_offset_s = -west_s;
    }
    z->has_rule = read_day(&at, &z->begins) && read_day(&at, &z->ends) && !*at;
    return z->has_rule;
}

/* Seconds, on the clock before the change, of a rule's day in a year. */
static int64_t rule_moment(const struct rule_day *d, int year) {
    struct tm t = {.tm_year = year - 1900, .tm_mon = d->month - 1, .tm_mday = 1};
    int64_t first_s = (int64_t)timegm(&t);
    int day = (d->weekday - t.tm_wday + 7) % 7 + 7 * (d->week - 1);
    struct tm next = {.tm_year = year - 1900, .tm_mon = d->month, .tm_mday = 1};
    int n_days = (int)(((int64_t)timegm(&next) - first_s) / DAY_S);
    while (day >= n_days) day -= 7;
    return first_s + (int64_t)day * DAY_S + d->time_s;
}

static int offset_by_rule(const struct zone *z, int64_t s) {
    struct tm t;
    time_t when = (time_t)(s + z->last_offset_s);
    if (!z->has_rule || !gmtime_r(&when, &t)) return z->last_offset_s;
    int64_t begins_s = rule_moment(&z->begins, t.tm_year + 1900) - z->last_offset_s;
    int64_t ends_s = rule_moment(&z->ends, t.tm_year + 1900) - z->summer_offset_s;
    bool summer = begins_s < ends_s ? s >= begins_s && s < ends_s : s >= begins_s || s < ends_s;
    return summer ? z->summer_offset_s : z->last_offset_s;
}

int zone_offset_s(const struct zone *z, int64_t s) {
    if (z->n == 0) return offset_by_rule(z, s);
    if (s < z->times[0]) return z->first_offset_s;
    if (s >= z->times[z->n - 1]) return offset_by_rule(z, s);
    int64_t low = 0, high = z->n - 1; /* times[low] <= s < times[high] */
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (z->times[middle] <= s)
            low = middle;
        else
            high = middle;
    }
    return z->offsets[low];
}

/* ---- files ---- */

struct counts {
    uint32_t n_utc, n_std, n_leaps, n_times, n_types, n_chars;
};

static uint32_t big32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Reads a header at `at`; false when the block behind it, with times of `time_bytes`, would not fit
 * in what is left. */
static bool read_header(const uint8_t *at, size_t left, size_t time_bytes, struct counts *c,
                        size_t *out_block) {
    if (left < HEADER_BYTES || memcmp(at, "TZif", 4) != 0) return false;
    *c = (struct counts){big32(at + 20), big32(at + 24), big32(at + 28),
                         big32(at + 32), big32(at + 36), big32(at + 40)};
    const uint32_t most = FILE_MAX_BYTES;
    if (c->n_utc > most || c->n_std > most || c->n_leaps > most || c->n_times > most ||
        c->n_types > most || c->n_chars > most)
        return false;
    *out_block = c->n_times * (time_bytes + 1) + c->n_types * (size_t)TYPE_BYTES + c->n_chars +
                 c->n_leaps * (time_bytes + 4) + c->n_std + c->n_utc;
    return *out_block <= left - HEADER_BYTES && c->n_types > 0;
}

static bool read_transitions(const uint8_t *block, const struct counts *c, struct zone *z) {
    const uint8_t *kinds = block + 8 * (size_t)c->n_times, *types = kinds + c->n_times;
    z->n = c->n_times;
    z->first_offset_s = (int32_t)big32(types);
    for (int64_t i = 0; i < z->n; i++) {
        if (kinds[i] >= c->n_types) return false;
        z->times[i] = (int64_t)((uint64_t)big32(block + 8 * i) << 32 | big32(block + 8 * i + 4));
        z->offsets[i] = (int32_t)big32(types + (size_t)TYPE_BYTES * kinds[i]);
        if (i > 0 && z->times[i] <= z->times[i - 1]) return false;
    }
    z->last_offset_s = z->n > 0 ? z->offsets[z->n - 1] : z->first_offset_s;
    return true;
}

static bool read_file(const struct str *file, struct zone *z) {
    const uint8_t *at = (const uint8_t *)file->data;
    struct counts c;
    size_t block, left = file->len;
    if (!read_header(at, left, 4, &c, &block) || at[4] < '2') return false;
    at += HEADER_BYTES + block;
    left -= HEADER_BYTES + block;
    if (!read_header(at, left, 8, &c, &block)) return false;
    z->times = mem_alloc((size_t)c.n_times + 1, sizeof *z->times);
    z->offsets = mem_alloc((size_t)c.n_times + 1, sizeof *z->offsets);
    if (!z->times || !z->offsets || !read_transitions(at + HEADER_BYTES, &c, z)) return false;
    const char *footer = (const char *)at + HEADER_BYTES + block, *end;
    if (left == HEADER_BYTES + block || footer[0] != '\n') return false;
    end = memchr(footer + 1, '\n', left - HEADER_BYTES - block - 1);
    if (!end || end - footer > 100) return false;
    char rule[100] = "";
    memcpy(rule, footer + 1, (size_t)(end - footer - 1));
    return !rule[0] || read_rule(rule, z);
}

static err open_file(const char *name, struct zone *z) {
    struct str file = {0};
    char *path = path_join(database_dir, name);
    if (!path) return ERR_MEMORY;
    err e = ERR_OK;
    if (!file_exists(path) || dir_exists(path)) {
        e = fail(ERR_MISSING, "no time zone '%s' in '%s'", name, database_dir);
        (void)fail_hint(e, "install tzdata, or give an offset as in '+08:00'");
    }
    if (e == ERR_OK) e = file_read(path, FILE_MAX_BYTES, &file);
    if (e == ERR_OK) {
        err_clear();
        if (!read_file(&file, z))
            e = err_message()[0]
                    ? ERR_MEMORY
                    : fail(ERR_PARSE, "'%s' is no time zone file that is understood", path);
    }
    str_release(&file);
    mem_free(path);
    return e;
}

static bool good_name(const char *name) {
    if (!isalpha((unsigned char)name[0]) || strstr(name, "..")) return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("+-_/", *c)) return false;
    return true;
}

err zone_open(const char *name, struct zone **out) {
    struct zone *z = mem_zalloc(1, sizeof *z);
    *out = NULL;
    if (!z) return ERR_MEMORY;
    const char *at = name;
    int offset_s;
    bool is_offset = (name[0] == '+' || name[0] == '-') && strlen(name) == 6 &&
                     read_time(&at, &offset_s) && !*at && abs(offset_s) <= 14 * 3600;
    err e = ERR_OK;
    if (is_offset)
        z->last_offset_s = offset_s;
    else if (!good_name(name))
        e = fail(ERR_RANGE, "'%s' is neither a time zone's name nor an offset as in '+08:00'",
                 name);
    else
        e = open_file(name, z);
    if (e == ERR_OK)
        *out = z;
    else
        zone_free(z);
    return e;
}

void zone_free(struct zone *zone) {
    if (!zone) return;
    mem_free(zone->times);
    mem_free(zone->offsets);
    mem_free(zone);
}
