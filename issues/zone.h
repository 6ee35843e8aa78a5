/* SPDX-License-Identifier: Apache-2.0
 * A time zone's offsets, read from the tz database's own file (RFC 8536). The C library knows only
 * one zone at a time, the process's own, and a program does not change that under its libraries.
 * Read next: issues/calendar.h. */
#ifndef COTRAIN_ISSUES_ZONE_H
#define COTRAIN_ISSUES_ZONE_H

#include "base/err.h"
#include <stdint.h>

struct zone;
/* A name ("Asia/Shanghai"), "UTC", or an offset ("+08:00", "-03:30"). An unknown name is
 * ERR_MISSING; names that would leave the database's folder are ERR_RANGE. */
MUST_CHECK err zone_open(const char *name, struct zone **out);
void zone_free(struct zone *zone); /* NULL is fine */
/* Seconds east of UTC at a moment (seconds since 1970). */
int zone_offset_s(const struct zone *zone, int64_t s);

#endif
