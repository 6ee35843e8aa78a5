/* SPDX-License-Identifier: Apache-2.0
 * The files of a new program, and its first commit. Their texts are here because a person reads
 * them first: program.yaml says at each key what it means (the help of its option row), README.md
 * how a month goes.
 * Read next: issues/program.h, docs/monthly-cycle.md. */
#include "issues/program.h"

#include "base/file.h"
#include "issues/form.h"
#include "issues/program_int.h"
#include <string.h>

static const char attributes_text[] = "# Files have the same bytes on every machine.\n"
                                      "* -text\n";
static const char ignore_text[] = "/" PROGRAM_WORK "/\n/" PROGRAM_CACHE "/\n";

static const char readme_text[] =
    "# Co-training programme\n"
    "\n"
    "This repository is the memory of a co-training programme, kept by `cotrain`: what developers\n"
    "asked for, what was decided, what each month trains and what came out of it. Every step is a\n"
    "commit. Two people may work at once; git merges what they did.\n"
    "\n"
    "| path | what |\n"
    "|---|---|\n"
    "| program.yaml | where requests are posted, when they are collected, how much is trained |\n"
    "| collections/MONTH/ | what was collected, as GitHub gave it |\n"
    "| requests/MONTH/ | one file a request: what was read in it, and what was decided |\n"
    "| plans/MONTH.yaml | what the month trains, in which order and why |\n"
    "| recipes/base.yaml, recipes/MONTH/ | what every recipe begins with; the month's recipe |\n"
    "| replies/MONTH/ | answers to requesters |\n"
    "| releases/MONTH/ | what was released |\n"
    "\n"
    "A month, from its collection to its release:\n"
    "\n"
    "```sh\n"
    "cotrain program status            # what is due, and what is late\n"
    "cotrain month run --month 2024-02 # everything, stopping where a person must decide\n"
    "cotrain issues review --month 2024-02\n"
    "```\n";

static const char base_recipe_text[] = "# SPDX-License-Identifier: CC0-1.0\n"
                                       "# What every month's recipe begins with. 'cotrain recipe "
                                       "schema' lists every key; what is not\n"
                                       "# written here has its default.\n"
                                       "cotrain: 1\n"
                                       "adapter:\n"
                                       "  type: lora\n"
                                       "  r: 16\n"
                                       "  lora_alpha: 32\n"
                                       "train:\n"
                                       "  sequence_len: 2048\n"
                                       "  gradient_accumulation_steps: 8\n"
                                       "  num_epochs: 3\n"
                                       "  learning_rate: 1.0e-4\n"
                                       "  warmup_ratio: 0.03\n"
                                       "  seed: 42\n"
                                       "eval:\n"
                                       "  gates: {requests: \">= +0.05\"}\n";

/* The help of each key above it. */
static const char *help_above(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "cotrain") == 0)
        return "SPDX-License-Identifier: CC0-1.0\n"
               "A co-training programme: who runs it, where requests are posted, and when.";
    if (strcmp(path, "base_models") == 0)
        return "models to start from; a month's recipe takes the first";
    const struct opt *row = opt_find(program_schema.table(), path, NULL);
    return row ? row->help : NULL;
}

static const struct {
    const char *path, *text;
} files[] = {
    {".gitattributes", attributes_text},
    {".gitignore", ignore_text},
    {"README.md", readme_text},
    {".github/ISSUE_TEMPLATE/cotrain-request.yml", form_issue_text},
    {".github/cotrain-comment.md", form_comment_text},
};
enum { N_FILES = sizeof files / sizeof files[0], RECIPE_MAX_BYTES = 4 << 20 };

/* A file that is there already is somebody's; it stays. */
static err write_new(const struct program *p, const char *path, const char *text) {
    struct str s = {0};
    bool there;
    TRY(program_has(p, path, &there));
    if (there) return ERR_OK;
    err e = str_add(&s, text);
    if (e == ERR_OK) e = program_write(p, path, &s);
    str_release(&s);
    return e;
}

static err first_commit(struct program *p, const char *today) {
    const char *paths[N_FILES + 2] = {PROGRAM_FILE, PROGRAM_BASE_RECIPE};
    for (size_t i = 0; i < N_FILES; i++) paths[i + 2] = files[i].path;
    struct program_step step = {.message = "program: begins",
                                .on = today,
                                .paths = {paths, sizeof paths / sizeof paths[0]}};
    return program_commit(p, &step);
}

static err write_base_recipe(const struct program *p, const char *from) {
    struct str text = {0};
    if (!from) return write_new(p, PROGRAM_BASE_RECIPE, base_recipe_text);
    err e = file_read(from, RECIPE_MAX_BYTES, &text);
    if (e == ERR_OK) e = program_write(p, PROGRAM_BASE_RECIPE, &text);
    str_release(&text);
    return e;
}

static err make(struct program *p, const struct program_options *options, const char *base_recipe,
                const char *today) {
    struct recipe_comments comments = {.above = help_above};
    struct str text = {0};
    for (size_t i = 0; i < N_FILES; i++) TRY(write_new(p, files[i].path, files[i].text));
    TRY(write_base_recipe(p, base_recipe));
    err e = options_yaml(&program_schema, options, &comments, &text);
    if (e == ERR_OK) e = program_write(p, PROGRAM_FILE, &text);
    str_release(&text);
    return e == ERR_OK ? first_commit(p, today) : e;
}

/* Whether a run that was killed left a repository without a commit there. */
static err half_made(const char *dir, bool *out) {
    struct git_repo *repo;
    char head[GIT_ID_SIZE];
    int64_t time_s;
    *out = false;
    if (git_repo_open(dir, &repo) != ERR_OK) {
        err_clear();
        return ERR_OK;
    }
    err e = git_repo_head(repo, head, &time_s);
    *out = e == ERR_OK && !head[0];
    git_repo_free(repo);
    return e;
}

err program_init(const char *dir, const struct program_options *options, const char *base_recipe,
                 const char *today) {
    struct program p = {.dir = dir, .options = *options};
    bool half;
    TRY(program_check(options));
    TRY(schedule_open(&p.schedule, options->time_zone, (int)options->collect_day));
    err e = half_made(dir, &half);
    if (e == ERR_OK) e = half ? git_repo_open(dir, &p.repo) : git_repo_init(dir, &p.repo);
    if (e == ERR_OK) e = make(&p, options, base_recipe, today);
    git_repo_free(p.repo);
    schedule_close(&p.schedule);
    return e;
}
