/* SPDX-License-Identifier: Apache-2.0
 * program.yaml, and commits dated by the calendar.
 * What a new program's files say is issues/program_new.c.
 * Read next: issues/program.h, the contract. */
#include "issues/program.h"

#include "base/file.h"
#include "base/mem.h"
#include "issues/program_int.h"
#include <ctype.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 64 << 20 };

#define ROW(field, ...) OPT(struct program_options, field, __VA_ARGS__)
struct opt_table program_options_table(void) {
    static const struct opt rows[] = {
        ROW(name, .required = true,
            .help = "of the programme; its recipes and work folders begin with it"),
        ROW(repository, .required = true, .value = "OWNER/REPO",
            .help = "GitHub repository that requests are collected from"),
        ROW(issue, .min = 0, .max = 1e15, .preset = "0",
            .help = "issue whose comments are read; 0: none"),
        ROW(label, .help = "issues with this label are read, too"),
        ROW(maintainers,
            .help = "logins whose posts are no requests, beside the repository's members"),
        ROW(time_zone, .preset = "Asia/Shanghai", .help = "in which a month begins and ends"),
        ROW(collect_day, .min = 1, .max = 28, .preset = "6",
            .help = "day of the month on which the last month's requests are collected"),
        ROW(capacity, .min = 1, .max = 1000, .preset = "6",
            .help = "most requests of a month's plan"),
        ROW(memory, .size = true, .min = 1, .max = 9e18, .preset = "24GiB",
            .help = "memory of the machine that trains, for the cost in a plan"),
        ROW(release_name, .preset = "{base}-{month}",
            .help = "of a month's model; {base}, {month}, {name} are filled in"),
        ROW(retention_cases, .value = "FILE",
            .help = "cases that the base model answers, for requests that ask to keep its ability"),
        ROW(retention_gates, .map = true, .value = "TASK: CONDITION",
            .help =
                "what must hold of a month with such a request; \"not < -0 at 95%\" stops what is "
                "worse beyond chance, where a bare bound would stop chance in a few cases"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct program_base, field, __VA_ARGS__)
static struct opt_table base_table(void) {
    static const struct opt rows[] = {
        ROW(name, .required = true, .help = "what releases call it"),
        ROW(path, .required = true, .value = "DIR",
            .help = "its folder, relative to the program's"),
    };
    return OPT_TABLE(rows);
}
#undef ROW

static const struct recipe_section sections[] = {
    {.path = "base_models",
     .kind = SECTION_IS_LIST,
     .table = base_table,
     .offset = offsetof(struct program_options, base_models),
     .item_size = sizeof(struct program_base)},
};
_Static_assert(sizeof(struct program_bases) == sizeof(struct section_items), "items and n");
const struct recipe_schema program_schema = {program_options_table, sections, 1, NULL};

/* "OWNER/REPO" */
static bool good_repository(const char *text) {
    const char *slash = strchr(text, '/');
    if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/')) return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_./", *c)) return false;
    return true;
}

static bool good_name(const char *text) {
    if (!isalnum((unsigned char)text[0])) return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_.", *c)) return false;
    return true;
}

err program_check(const struct program_options *o) {
    if (!good_name(o->name))
        return fail(ERR_RANGE, "'name': '%s' may hold letters, digits, '-', '_' and '.' only",
                    o->name);
    if (!good_repository(o->repository))
        return fail(ERR_RANGE, "'repository': '%s' is not OWNER/REPO", o->repository);
    if (o->issue == 0 && !o->label) {
        err e = fail(ERR_MISSING, "neither 'issue' nor 'label' says where requests are posted");
        return fail_hint(e,
                         "give the number of the collecting issue, or the label of request issues");
    }
    return ERR_OK;
}

static err fill(struct program *out, struct recipe *recipe) {
    char *path = path_join(out->dir, PROGRAM_FILE);
    if (!path) return ERR_MEMORY;
    err e = file_exists(path)
                ? ERR_OK
                : fail(ERR_MISSING, "'%s' is no program: it has no %s", out->dir, PROGRAM_FILE);
    if (e != ERR_OK)
        (void)fail_hint(e, "'cotrain program init DIR' makes one; name it by --program DIR");
    if (e == ERR_OK) e = recipe_read(recipe, path, NULL, &program_schema, &out->options);
    mem_free(path);
    if (e == ERR_OK) {
        e = program_check(&out->options);
        if (e != ERR_OK) e = fail_in(e, "%s", PROGRAM_FILE);
    }
    return e;
}

err program_open(const char *dir, struct program *out) {
    struct recipe recipe = {0};
    *out = (struct program){0};
    out->dir = arena_strdup(&out->arena, dir);
    if (!out->dir) return ERR_MEMORY;
    err e = fill(out, &recipe);
    arena_join(&out->arena, &recipe.arena);
    if (e == ERR_OK)
        e = schedule_open(&out->schedule, out->options.time_zone, (int)out->options.collect_day);
    if (e == ERR_OK) e = git_repo_open(dir, &out->repo);
    if (e != ERR_OK) program_close(out);
    return e;
}

void program_close(struct program *p) {
    git_repo_free(p->repo);
    schedule_close(&p->schedule);
    arena_release(&p->arena);
    *p = (struct program){0};
}

err program_path(const struct program *p, const char *path, struct arena *a, const char **out) {
    *out = path[0] == '/' || strcmp(p->dir, ".") == 0 ? arena_strdup(a, path)
                                                      : arena_printf(a, "%s/%s", p->dir, path);
    return *out ? ERR_OK : ERR_MEMORY;
}

err program_read(const struct program *p, const char *path, struct str *out, bool *out_found) {
    char *whole = path_join(p->dir, path);
    if (!whole) return ERR_MEMORY;
    *out_found = file_exists(whole);
    err e = *out_found ? file_read(whole, TEXT_MAX_BYTES, out) : ERR_OK;
    mem_free(whole);
    return e;
}

err program_load(const struct program *p, const char *path, const struct recipe_schema *schema,
                 struct arena *a, void *target, bool *out_found) {
    struct recipe recipe;
    const char *whole;
    TRY(program_path(p, path, a, &whole));
    *out_found = file_exists(whole);
    if (!*out_found) return ERR_OK;
    err e = recipe_read(&recipe, whole, NULL, schema, target);
    arena_join(a, &recipe.arena);
    return e;
}

err program_has(const struct program *p, const char *path, bool *out) {
    char *whole = path_join(p->dir, path);
    if (!whole) return ERR_MEMORY;
    *out = file_exists(whole);
    mem_free(whole);
    return ERR_OK;
}

err program_committed(const struct program *p, const char *path, bool *out) {
    struct str text = {0};
    err e = git_repo_read(p->repo, path, &text, out);
    str_release(&text);
    return e;
}

err program_write(const struct program *p, const char *path, const struct str *text) {
    struct str before = {0};
    bool found, changed = true;
    TRY(program_read(p, path, &before, &found));
    if (found)
        changed = before.len != text->len || memcmp(str_text(&before), str_text(text), text->len);
    str_release(&before);
    if (!changed) return ERR_OK;
    char *whole = path_join(p->dir, path), *dir = whole ? path_dir(whole) : NULL;
    err e = dir ? dir_make(dir) : ERR_MEMORY;
    if (e == ERR_OK) e = file_write(whole, str_text(text), text->len);
    mem_free(dir);
    mem_free(whole);
    return e;
}

err program_step_add(struct program_step *step, struct arena *a, const char *path) {
    const char *copy = arena_strdup(a, path);
    return copy ? opt_list_add(&step->paths, a, copy) : ERR_MEMORY;
}

/* Of whoever decided, in a form that git takes; no address is known of anybody. */
static err person(const struct program *p, const char *by, struct arena *a, const char **name,
                  const char **email) {
    char *clean = arena_strdup(a, by ? by : "cotrain");
    *email = arena_printf(a, "%s@%s.invalid", by ? "maintainer" : "cotrain", p->options.name);
    if (!clean || !*email) return ERR_MEMORY;
    for (char *c = clean; *c; c++)
        if (*c == '<' || *c == '>' || (unsigned char)*c < ' ') *c = '_';
    *name = *clean ? clean : "cotrain";
    return ERR_OK;
}

err program_commit(struct program *p, const struct program_step *step) {
    struct arena a = {0};
    char head[GIT_ID_SIZE];
    int64_t head_time_s;
    bool made;
    struct git_commit_of commit = {
        .message = step->message, .paths = step->paths.items, .n = step->paths.n};
    err e = person(p, step->by, &a, &commit.name, &commit.email);
    if (e == ERR_OK) e = git_repo_head(p->repo, head, &head_time_s);
    if (e == ERR_OK)
        e = schedule_noon(&p->schedule, step->on, &commit.time_s, &commit.offset_minutes);
    if (e == ERR_OK && head_time_s > commit.time_s) commit.time_s = head_time_s;
    if (e == ERR_OK) e = git_repo_commit(p->repo, &commit, &made);
    arena_release(&a);
    return e;
}
