/* SPDX-License-Identifier: Apache-2.0
 * cotrain program init: a new program repository, with program.yaml, the base of its recipes, the
 * issue form, and a first commit.
 * Read next: issues/program.h, docs/monthly-cycle.md. */
#include "cli/command.h"
#include "cli/programme.h"
#include "cli/relative.h"

#include "base/file.h"
#include "eval/gates.h"
#include <string.h>
#include <unistd.h>

struct init_options {
    const char *dir, *name, *repository, *label, *time_zone, *base_model, *base_name, *base_recipe;
    const char *retention_cases, *retention_gate, *today;
    int64_t issue, collect_day, capacity, memory;
    struct opt_list maintainers;
};

#define ROW(field, ...) OPT(struct init_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(dir, .positional = true, .required = true, .value = "DIR", .help = "folder to make"),
    ROW(name, .help = "of the programme (default: the folder's name)"),
    ROW(repository, .required = true, .value = "OWNER/REPO",
        .help = "GitHub repository that requests are collected from"),
    ROW(issue, .min = 0, .max = 1e15, .preset = "0",
        .help = "issue whose comments are read; 0: none"),
    ROW(label, .help = "issues with this label are read, too"),
    ROW(maintainers, .value = "A,B", .help = "logins whose posts are no requests"),
    ROW(base_model, .required = true, .value = "DIR", .help = "model that months start from"),
    ROW(base_name, .help = "what releases call it (default: its folder's name)"),
    ROW(base_recipe, .value = "FILE",
        .help = "what every month's recipe begins with (default: LoRA with common settings)"),
    ROW(retention_cases, .value = "FILE",
        .help = "cases that the base model answers, for requests that ask to keep its ability"),
    ROW(retention_gate, .preset = "not < -0 at 95%", .value = "CONDITION",
        .help = "what must hold of the share of them that is answered"),
    ROW(time_zone, .preset = "Asia/Shanghai", .help = "in which a month begins and ends"),
    ROW(collect_day, .min = 1, .max = 28, .preset = "6", .help = "day of the month"),
    ROW(capacity, .min = 1, .max = 1000, .preset = "6", .help = "most requests of a month"),
    ROW(memory, .size = true, .min = 1, .max = 9e18, .preset = "24GiB",
        .help = "memory of the machine that trains"),
    ROW(today, .value = "YYYY-MM-DD", .help = TODAY_HELP),
};

static const char *or_else(const char *text, const char *otherwise) {
    return text ? text : otherwise;
}

/* A path on the command line as program.yaml has it. */
static err named(const struct init_options *o, const char *path, struct arena *a,
                 const char **out) {
    struct str text = {0};
    err e = relative_path(o->dir, path, &text);
    if (e == ERR_OK) *out = arena_strdup(a, str_text(&text));
    str_release(&text);
    return e == ERR_OK && !*out ? ERR_MEMORY : e;
}

static err base_model(const struct init_options *o, struct arena *a, struct program_options *out) {
    char *real = arena_strdup(a, o->base_model);
    out->base_models.items = arena_alloc(a, 1, sizeof *out->base_models.items);
    if (!real || !out->base_models.items) return ERR_MEMORY;
    size_t n = strlen(real);
    while (n > 1 && real[n - 1] == '/') real[--n] = '\0';
    struct program_base *base = &out->base_models.items[out->base_models.n++];
    base->name = or_else(o->base_name, path_base(real));
    return named(o, o->base_model, a, &base->path);
}

/* What stands in program.yaml beside what was given. */
static err options_of(const struct init_options *o, struct arena *a, struct program_options *out) {
    TRY(opt_presets(program_options_table(), out, a));
    char *dir = arena_strdup(a, o->dir);
    if (!dir) return ERR_MEMORY;
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') dir[--n] = '\0';
    out->name = or_else(o->name, path_base(dir));
    out->repository = o->repository;
    out->issue = o->issue;
    out->label = o->label;
    out->maintainers = o->maintainers;
    out->time_zone = o->time_zone;
    out->collect_day = o->collect_day;
    out->capacity = o->capacity;
    out->memory = o->memory;
    if (o->retention_cases) {
        struct gate gate; /* told now, and not when a month has been trained */
        const char **gates = arena_alloc(a, 1, sizeof *gates);
        if (!gates) return ERR_MEMORY;
        gates[0] = arena_printf(a, "retention: %s", o->retention_gate);
        if (!gates[0]) return ERR_MEMORY;
        TRY(gate_parse(gates[0], &gate));
        TRY(named(o, o->retention_cases, a, &out->retention_cases));
        out->retention_gates = (struct opt_list){gates, 1};
    }
    return base_model(o, a, out);
}

static err init(const struct init_options *o, struct arena *a) {
    struct program_options options = {0};
    char today[DAY_SIZE];
    TRY(options_of(o, a, &options));
    TRY(programme_first_day(options.time_zone, o->today, today));
    return program_init(o->dir, &options, o->base_recipe, today);
}

static err show(const struct init_options *o) {
    struct program p;
    struct str text = {0};
    char head[GIT_ID_SIZE];
    int64_t time_s;
    TRY(program_open(o->dir, &p));
    err e = git_repo_head(p.repo, head, &time_s);
    if (e == ERR_OK)
        e = str_printf(&text, "%s: commit %.12s\nnext: cotrain program status --program ", o->dir,
                       head);
    if (e == ERR_OK) e = command_word(o->dir, &text);
    if (e == ERR_OK) e = str_add(&text, "\n");
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    program_close(&p);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct init_options *o = given;
    const bool is_new = !file_exists(o->dir);
    TRY(dir_make(o->dir)); /* other paths are named as seen from it */
    err e = init(o, arena);
    if (e != ERR_OK && is_new) (void)rmdir(o->dir); /* while there is nothing in it */
    return e == ERR_OK ? show(o) : e;
}

const struct command cmd_program_init = {
    .noun = "program",
    .verb = "init",
    .summary = "makes a program's repository, the memory of a co-training programme",
    .details = "The folder becomes a git repository with program.yaml, the base of every month's\n"
               "recipe, and GitHub's issue form. Everything in it may be edited; commit with git.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct init_options),
    .run = run,
};
