/* SPDX-License-Identifier: Apache-2.0
 * Time zones out of TZif files, by RFC 8536: a list of moments from which an offset holds, and for
 * what comes after the last of them a rule in POSIX's notation ("EST5EDT,M3.2.0,M11.1.0"). The
 * files are the system's, yet every length is held against the end of the bytes.
 * The C library's own functions take the zone of the whole process, which a library must not
 * change.
 * Read next: issues/calendar/calendar.h, the contract; issues/calendar/zone_rule.c. */
#include "issues/calendar/zone_int.h"

#include "base/file.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char folder[] = "/usr/share/zoneinfo";
enum { FILE_MAX_BYTES = 1 << 18, HEAD_BYTES = 44, TYPE_BYTES = 6, NAME_MAX_BYTES = 64 };
enum { HOUR_S = 3600, OFFSET_MAX_S = 26 * HOUR_S };

/* Zones with one offset since 1992, for machines without the files: the sample programme's and
 * UTC. */
static const struct {
    const char *name;
    int64_t offset_s;
} known[] = {{"UTC", 0}, {"Etc/UTC", 0}, {"Asia/Shanghai", 8 * HOUR_S}};

static int64_t big(const uint8_t *from, int n) {
    uint64_t value = from[0] & 0x80 ? ~UINT64_C(0) : 0;
    for (int i = 0; i < n; i++) value = value << 8 | from[i];
    return (int64_t)value;
}

/* The parts of one block of a file: counts in the head's order, and how long a moment is. */
struct block {
    int64_t n_utc, n_standard, n_leaps, n_moments, n_types, n_names;
    int moment_bytes;
    const uint8_t *data;
};

static int64_t block_bytes(const struct block *b) {
    return b->n_moments * (b->moment_bytes + 1) + b->n_types * TYPE_BYTES + b->n_names +
           b->n_leaps * (b->moment_bytes + 4) + b->n_standard + b->n_utc;
}

/* The block whose head is at *at; moves *at behind it. */
static bool block_read(const uint8_t *bytes, size_t n, size_t *at, int moment_bytes,
                       struct block *out) {
    if (n - *at < HEAD_BYTES || memcmp(bytes + *at, "TZif", 4) != 0) return false;
    int64_t counts[6];
    for (int i = 0; i < 6; i++) {
        counts[i] = big(bytes + *at + 20 + 4 * i, 4);
        if (counts[i] < 0 || counts[i] > FILE_MAX_BYTES) return false;
    }
    *out = (struct block){counts[0], counts[1], counts[2],    counts[3],
                          counts[4], counts[5], moment_bytes, bytes + *at + HEAD_BYTES};
    size_t size = HEAD_BYTES + (size_t)block_bytes(out);
    if (n - *at < size || out->n_types < 1) return false;
    *at += size;
    return true;
}

static bool block_take(const struct block *b, struct zone *z) {
    const uint8_t *index = b->data + b->n_moments * b->moment_bytes;
    const uint8_t *types = index + b->n_moments;
    for (int64_t i = 0; i < b->n_moments; i++) {
        if (index[i] >= b->n_types) return false;
        z->moments[i] = big(b->data + i * b->moment_bytes, b->moment_bytes);
        z->offsets_s[i] = big(types + TYPE_BYTES * index[i], 4);
        if (i > 0 && z->moments[i] <= z->moments[i - 1]) return false;
        if (z->offsets_s[i] < -OFFSET_MAX_S || z->offsets_s[i] > OFFSET_MAX_S) return false;
    }
    z->first_offset_s = big(types, 4);
    for (int64_t i = 0; i < b->n_types;
         i++) /* before all: the first type without daylight saving */
        if (types[TYPE_BYTES * i + 4] == 0) {
            z->first_offset_s = big(types + TYPE_BYTES * i, 4);
            break;
        }
    z->n = b->n_moments;
    return z->first_offset_s >= -OFFSET_MAX_S && z->first_offset_s <= OFFSET_MAX_S;
}

static err zone_room(int64_t n, struct zone **out) {
    struct zone *z = mem_zalloc(1, sizeof *z);
    *out = z;
    if (!z) return ERR_MEMORY;
    z->moments = mem_zalloc((size_t)n + 1, sizeof *z->moments);
    z->offsets_s = mem_zalloc((size_t)n + 1, sizeof *z->offsets_s);
    if (z->moments && z->offsets_s) return ERR_OK;
    zone_free(z);
    *out = NULL;
    return ERR_MEMORY;
}

/* "\nRULE\n" at the end of a file of version 2 or above. */
static bool footer_take(const uint8_t *bytes, size_t n, struct zone *z) {
    char text[NAME_MAX_BYTES];
    if (n < 2 || bytes[0] != '\n') return false;
    const uint8_t *end = memchr(bytes + 1, '\n', n - 1);
    if (!end || end - bytes - 1 >= NAME_MAX_BYTES) return false;
    size_t length = (size_t)(end - bytes) - 1;
    memcpy(text, bytes + 1, length);
    text[length] = '\0';
    return length == 0 || zone_rule_parse(text, &z->rule);
}

err zone_read(const void *bytes, size_t n, const char *name, struct zone **out) {
    const uint8_t *data = bytes;
    size_t at = 0;
    struct block block = {0};
    *out = NULL;
    bool good = n > HEAD_BYTES && block_read(data, n, &at, 4, &block);
    bool newer = good && data[4] >= '2';
    if (newer) good = block_read(data, n, &at, 8, &block);
    if (!good) return fail(ERR_PARSE, "time zone '%s': its file is no whole TZif file", name);
    TRY(zone_room(block.n_moments, out));
    good = block_take(&block, *out) && (!newer || footer_take(data + at, n - at, *out));
    if (good) return ERR_OK;
    zone_free(*out);
    *out = NULL;
    return fail(ERR_PARSE, "time zone '%s': its file contradicts itself", name);
}

static err zone_fixed(int64_t offset_s, struct zone **out) {
    TRY(zone_room(0, out));
    (*out)->first_offset_s = offset_s;
    return ERR_OK;
}

/* "+08:00", "+0800", "+8", with "UTC" or "GMT" before it or not. */
static bool fixed_offset(const char *text, int64_t *out_s) {
    int hours = 0, minutes = 0, n_digits = 0;
    if (strncmp(text, "UTC", 3) == 0 || strncmp(text, "GMT", 3) == 0) text += 3;
    char sign = *text++;
    if (sign != '+' && sign != '-') return false;
    for (; isdigit((unsigned char)*text) && n_digits < 4; text++, n_digits++) {
        hours = 10 * hours + (*text - '0');
    }
    if (n_digits == 4) {
        minutes = hours % 100;
        hours /= 100;
    } else if (*text == ':' && isdigit((unsigned char)text[1]) && isdigit((unsigned char)text[2])) {
        minutes = 10 * (text[1] - '0') + (text[2] - '0');
        text += 3;
    }
    if (n_digits == 0 || n_digits == 3 || *text || hours > 14 || minutes > 59) return false;
    *out_s = (sign == '-' ? -1 : 1) * (int64_t)(hours * 60 + minutes) * 60;
    return true;
}

/* Letters, digits and "+-_/", no way out of the folder. */
static bool is_name(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n > NAME_MAX_BYTES || !isalpha((unsigned char)name[0])) return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("+-_/", name[i])) return false;
    return name[n - 1] != '/';
}

static err zone_of_file(const char *name, struct zone **out) {
    char path[sizeof folder + NAME_MAX_BYTES + 2];
    struct str bytes = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (size_t i = 0; !file_exists(path) && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0) return zone_fixed(known[i].offset_s, out);
    if (!file_exists(path) || dir_exists(path)) {
        err e = fail(ERR_MISSING, "no time zone '%s' on this machine", name);
        return fail_hint(e,
                         "zones are files below %s (package tzdata), as in Asia/Shanghai; an "
                         "offset as in +08:00 does without",
                         folder);
    }
    err e = file_read(path, FILE_MAX_BYTES, &bytes);
    if (e == ERR_OK) e = zone_read(str_text(&bytes), bytes.len, name, out);
    str_release(&bytes);
    return e;
}

err zone_new(const char *name, struct zone **out) {
    int64_t offset_s;
    *out = NULL;
    if (fixed_offset(name, &offset_s)) return zone_fixed(offset_s, out);
    if (is_name(name)) return zone_of_file(name, out);
    return fail(ERR_PARSE, "'%s' is no time zone as in Asia/Shanghai or +08:00", name);
}

void zone_free(struct zone *z) {
    if (!z) return;
    mem_free(z->moments);
    mem_free(z->offsets_s);
    mem_free(z);
}

int64_t zone_offset_s(const struct zone *z, int64_t s) {
    if (z->n == 0 || s < z->moments[0])
        return z->n == 0 && z->rule.given ? zone_rule_offset_s(&z->rule, s) : z->first_offset_s;
    if (z->rule.given && s >= z->moments[z->n - 1]) return zone_rule_offset_s(&z->rule, s);
    int64_t low = 0, high = z->n;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (z->moments[middle] <= s)
            low = middle;
        else
            high = middle;
    }
    return z->offsets_s[low];
}
