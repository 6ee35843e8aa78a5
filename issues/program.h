/* SPDX-License-Identifier: Apache-2.0
 * A programme's repository: a git work folder that is its whole memory.
 *   program.yaml                       who runs it, where it collects, when, and how much it trains
 *   collections/MONTH/                 what was collected, as GitHub gave it
 *   requests/MONTH/ISSUE-COMMENT.yaml  a file a request (issues/record.h)
 *   plans/MONTH.yaml                   what is trained, in which order and why (issues/plan.h)
 *   recipes/base.yaml, recipes/MONTH/  what every recipe begins with; the month's recipe
 *   replies/MONTH/                     answers to requesters, drafted and posted
 *   releases/MONTH/                what came out
 * Work folders and the cache of GitHub's answers lie there too, ignored by git. Every step writes
 * its files and makes one commit of them; its date comes from the calendar or from who decided, so
 * the same steps give the same ids. Steps may be repeated: what is done already changes nothing. */
#ifndef COTRAIN_ISSUES_PROGRAM_H
#define COTRAIN_ISSUES_PROGRAM_H

#include "issues/calendar/schedule.h"
#include "recipes/recipe.h"
#include "remote/git.h"

#define PROGRAM_FILE "program.yaml"
#define PROGRAM_COLLECTIONS "collections"
#define PROGRAM_REQUESTS "requests"
#define PROGRAM_PLANS "plans"
#define PROGRAM_RECIPES "recipes"
#define PROGRAM_BASE_RECIPE "recipes/base.yaml"
#define PROGRAM_REPLIES "replies"
#define PROGRAM_RELEASES "releases"
#define PROGRAM_WORK "work"
#define PROGRAM_CACHE ".cache"

struct program_base {
    const char *name, *path; /* "Yuan2-2B", and its folder, relative to the program's */
};
struct program_bases {
    struct program_base *items;
    int64_t n;
};

struct program_options {
    const char *name;            /* of the programme: recipes and work folders begin with it */
    const char *repository;      /* "OWNER/REPO" that requests are collected from */
    int64_t issue;               /* number of the collecting issue; 0: none */
    const char *label;           /* issues with this label are requests too; NULL: none */
    struct opt_list maintainers; /* logins whose posts are never requests */
    const char *time_zone;       /* in which a month begins and ends */
    int64_t collect_day;         /* of the month */
    int64_t capacity;            /* most requests of a month's plan */
    int64_t memory;              /* bytes of the machine that trains, for the plan's cost */
    const char *release_name;    /* of a month's model: {base}, {month} and {name} are filled in */
    const char *retention_cases; /* general cases that a release must keep answering; NULL: none */
    struct opt_list retention_gates; /* a map of task to condition, for requests that ask for it */
    struct program_bases base_models;
};

struct program {
    const char *dir;
    struct arena arena; /* owns every text below */
    struct program_options options;
    struct schedule schedule; /* of options.time_zone and collect_day */
    struct git_repo *repo;
};

struct opt_table program_options_table(void);
/* A new program in `dir`, with its first commit dated `today` ("2024-02-01"). `base_recipe`: a file
 * to become recipes/base.yaml, or NULL for one with common settings. A folder that is one already
 * is ERR_EXISTS; one that a killed run left half made is made whole. */
MUST_CHECK err program_init(const char *dir, const struct program_options *options,
                            const char *base_recipe, const char *today);
/* Fails with the fault's place in program.yaml, or when git is in the middle of something. */
MUST_CHECK err program_open(const char *dir, struct program *out);
void program_close(struct program *p);

/* One step's commit. */
struct program_step {
    const char *message;   /* "requests: ..." */
    const char *by;        /* who decided; NULL: the program itself, as the calendar says */
    const char *on;        /* "2024-02-06" */
    struct opt_list paths; /* relative to the folder */
};
/* Adds a path to the step's; it lives in the arena. */
MUST_CHECK err program_step_add(struct program_step *step, struct arena *a, const char *path);
/* Commits the step's paths. Dated noon of `on` in the programme's zone, or HEAD's time when that
 * is later, so that time never runs backwards. Where nothing changed there is no commit. */
MUST_CHECK err program_commit(struct program *p, const struct program_step *step);

/* Writes a file of the program; folders are made. One with these bytes already is left alone. */
MUST_CHECK err program_write(const struct program *p, const char *path, const struct str *text);
/* Appends a file's text; `*out_found` false when there is none. */
MUST_CHECK err program_read(const struct program *p, const char *path, struct str *out,
                            bool *out_found);
/* Reads a YAML file of the program by a schema into `target`; its texts live in the arena. Without
 * the file `*out_found` is false and the target stays as it is. */
MUST_CHECK err program_load(const struct program *p, const char *path,
                            const struct recipe_schema *schema, struct arena *a, void *target,
                            bool *out_found);
/* Whether the file lies in the folder. */
MUST_CHECK err program_has(const struct program *p, const char *path, bool *out);
/* Whether HEAD has a file: then the step that writes it is done. One that lies in the folder alone
 * may be half of what a killed run was about to commit. */
MUST_CHECK err program_committed(const struct program *p, const char *path, bool *out);
/* A path of the program as seen from the present folder, in the arena. */
MUST_CHECK err program_path(const struct program *p, const char *path, struct arena *a,
                            const char **out);

#endif
