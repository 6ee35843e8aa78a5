/* SPDX-License-Identifier: Apache-2.0
 * A small schema of every shape that a recipe may have, for the tests of recipes/: single keys of
 * each type, a needed map, a map within a map, lists of maps, a list within the items of a list.
 * Read next: recipes/schema.h. */
#ifndef COTRAIN_TESTS_UNIT_RECIPES_SCHEMA_H
#define COTRAIN_TESTS_UNIT_RECIPES_SCHEMA_H

#include "recipes/recipe.h"

struct step {
    const char *text;
    const char *file;
    int line;
};
struct job {
    const char *id, *input;
    double weight;
    struct section_items steps;
};
struct inner {
    int64_t depth;
    struct opt_list inputs;
};
struct work {
    int64_t seed;
    double rate;
    bool packed;
    const char *kind, *note;
    struct opt_list tasks, gates;
    struct inner inner;
};
struct base {
    const char *path;
};
struct sample {
    const char *name;
    struct base base;
    struct work work;
    struct section_items jobs;
};

#define ROW(type, field, ...) OPT(struct type, field, __VA_ARGS__)
static const struct opt sample_rows[] = {ROW(sample, name, .required = true)};
static const struct opt base_rows[] = {ROW(base, path, .required = true, .path = true)};
static const struct opt work_rows[] = {
    ROW(work, seed, .preset = "42", .min = 0, .max = 1000),
    ROW(work, rate, .preset = "0.5", .aliases = "lr,learn"),
    ROW(work, packed, .preset = "true"),
    ROW(work, kind, .preset = "plain", .choices = "plain,odd"),
    ROW(work, note, .help = "free text"),
    ROW(work, tasks, .preset = "a,b"),
    ROW(work, gates, .map = true),
};
static const struct opt inner_rows[] = {ROW(inner, depth, .preset = "3"),
                                        ROW(inner, inputs, .path = true)};
static const struct opt job_rows[] = {
    ROW(job, id, .required = true),
    ROW(job, input, .path = true),
    ROW(job, weight, .preset = "1"),
};
static const struct opt step_rows[] = {ROW(step, text, .required = true)};
#undef ROW

#define TABLE(name)                                                                                \
    static struct opt_table name##_table(void) {                                                   \
        return OPT_TABLE(name##_rows);                                                             \
    }
TABLE(sample)
TABLE(base)
TABLE(work)
TABLE(inner)
TABLE(job)
TABLE(step)
#undef TABLE

static const struct recipe_section sample_sections[] = {
    {.path = "base",
     .kind = SECTION_IS_MAP,
     .table = base_table,
     .required = true,
     .offset = offsetof(struct sample, base)},
    {.path = "work",
     .kind = SECTION_IS_MAP,
     .table = work_table,
     .offset = offsetof(struct sample, work)},
    {.path = "work.inner",
     .kind = SECTION_IS_MAP,
     .table = inner_table,
     .offset = offsetof(struct work, inner)},
    {.path = "jobs",
     .kind = SECTION_IS_LIST,
     .table = job_table,
     .offset = offsetof(struct sample, jobs),
     .item_size = sizeof(struct job)},
    {.path = "jobs[].steps",
     .kind = SECTION_IS_LIST,
     .table = step_table,
     .offset = offsetof(struct job, steps),
     .item_size = sizeof(struct step),
     .file_offset = offsetof(struct step, file),
     .line_offset = offsetof(struct step, line)},
};
static const struct recipe_schema sample_schema = {
    sample_table, sample_sections, sizeof(sample_sections) / sizeof(sample_sections[0]),
    "'cotrain recipe schema' lists every key"};

#endif
