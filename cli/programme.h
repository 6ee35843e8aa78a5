/* SPDX-License-Identifier: Apache-2.0
 * What the commands around a program's repository share: opening it, which day it is, and who
 * works. Their options --program, --today and --by mean the same everywhere.
 * Read next: issues/program.h. */
#ifndef COTRAIN_CLI_PROGRAMME_H
#define COTRAIN_CLI_PROGRAMME_H

#include "issues/program.h"

#define PROGRAM_HELP "folder of the program"
#define TODAY_HELP "the day that it is, for a rehearsal (default: today)"
#define MONTH_HELP "plan month; default: the one that today is in"
#define BY_HELP "who decides (default: git's user.name)"

/* `today` as given, or the present day in the program's zone. */
MUST_CHECK err programme_today(const struct program *p, const char *given, char out[DAY_SIZE]);
/* The same before there is a program. */
MUST_CHECK err programme_first_day(const char *time_zone, const char *given, char out[DAY_SIZE]);
/* `month` as given, or today's. */
MUST_CHECK err programme_month(const char *given, const char *today, char out[MONTH_SIZE]);
/* Who works: as given, or git's user.name; ERR_USAGE when there is neither. */
MUST_CHECK err programme_person(const struct program *p, const char *given, struct arena *a,
                                const char **out);

#endif
