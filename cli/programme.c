/* SPDX-License-Identifier: Apache-2.0
 * Defaults of the options that all commands around a program share.
 * The present day is the only thing here that is not in the repository; --today stands for it.
 * Read next: cli/programme.h, the contract. */
#include "cli/programme.h"

#include <string.h>
#include <time.h>

static err day_in(const struct schedule *c, const char *given, char out[DAY_SIZE]) {
    if (!given) return schedule_day(c, (int64_t)time(NULL), out);
    TRY(day_check(given));
    memcpy(out, given, DAY_SIZE);
    return ERR_OK;
}

err programme_today(const struct program *p, const char *given, char out[DAY_SIZE]) {
    return day_in(&p->schedule, given, out);
}

err programme_first_day(const char *time_zone, const char *given, char out[DAY_SIZE]) {
    struct schedule c;
    TRY(schedule_open(&c, time_zone, 1));
    err e = day_in(&c, given, out);
    schedule_close(&c);
    return e;
}

err programme_month(const char *given, const char *today, char out[MONTH_SIZE]) {
    if (given && !month_is(given)) return fail(ERR_USAGE, "'%s' is no month as in 2024-02", given);
    memcpy(out, given ? given : today, MONTH_SIZE - 1);
    out[MONTH_SIZE - 1] = '\0';
    return ERR_OK;
}

err programme_person(const struct program *p, const char *given, struct arena *a,
                     const char **out) {
    const char *email;
    *out = given;
    if (!given) TRY(git_repo_person(p->repo, a, out, &email));
    if (*out) return ERR_OK;
    return fail_hint(fail(ERR_USAGE, "nobody says who decides"),
                     "give --by NAME, or 'git config user.name NAME'");
}
