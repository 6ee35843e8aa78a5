/* SPDX-License-Identifier: Apache-2.0
 * The record of a release, written once.
 * A second run of the same month finds it and leaves it as it is, date included.
 * Read next: issues/release_record.h, the contract. */
#include "issues/release_record.h"

#include "issues/status.h"
#include <string.h>

#define ROW(field, ...) OPT(struct release_record, field, __VA_ARGS__)
static struct opt_table release_table(void) {
    static const struct opt rows[] = {
        ROW(month, .required = true, .help = "of the plan that it was trained by"),
        ROW(name, .required = true, .help = "of the released model"),
        ROW(hash, .required = true, .help = "of the release"),
        ROW(date, .required = true, .value = "YYYY-MM-DD", .help = "day of the release"),
        ROW(url, .help = "where it can be had"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct release_score, field, __VA_ARGS__)
static struct opt_table score_table(void) {
    static const struct opt rows[] = {
        ROW(id, .required = true, .help = "of the request"),
        ROW(cases, .min = 0, .max = 1e9, .preset = "0", .help = "held-out cases"),
        ROW(before, .min = 0, .max = 1, .preset = "0", .help = "share answered before training"),
        ROW(after, .min = 0, .max = 1, .preset = "0", .help = "share answered after it"),
    };
    return OPT_TABLE(rows);
}
#undef ROW

static const struct recipe_section sections[] = {
    {.path = "requests",
     .kind = SECTION_IS_LIST,
     .table = score_table,
     .offset = offsetof(struct release_record, requests),
     .item_size = sizeof(struct release_score)},
};
_Static_assert(sizeof(struct release_scores) == sizeof(struct section_items), "items and n");
static const struct recipe_schema release_schema = {release_table, sections, 1, NULL};

err release_record_read(const struct program *p, const char *month, struct arena *a,
                        struct release_record *out, bool *out_found) {
    const char *path;
    *out = (struct release_record){.month = month};
    TRY(month_release_path(month, a, &path));
    return program_load(p, path, &release_schema, a, out, out_found);
}

static err write_files(struct program *p, const struct release_record *r,
                       const struct str *manifest, const char *path, const char *manifest_path) {
    struct str text = {0};
    err e = options_yaml(&release_schema, r, NULL, &text);
    if (e == ERR_OK) e = program_write(p, manifest_path, manifest);
    if (e == ERR_OK) e = program_write(p, path, &text);
    str_release(&text);
    return e;
}

err release_record_write(struct program *p, const struct release_record *r,
                         const struct str *manifest, struct arena *a) {
    struct release_record before;
    bool found;
    const char *path;
    TRY(month_release_path(r->month, a, &path));
    const char *manifest_path = arena_printf(a, PROGRAM_RELEASES "/%s/manifest.json", r->month);
    if (!manifest_path) return ERR_MEMORY;
    TRY(release_record_read(p, r->month, a, &before, &found));
    if (found && strcmp(before.hash, r->hash) != 0)
        return fail_hint(
            fail(ERR_EXISTS, "%s was released already, as %.12s", r->month, before.hash),
            "what was published stays; remove '%s' only if it never was", path);
    if (!found) TRY(write_files(p, r, manifest, path, manifest_path));
    struct program_step step = {.on = found ? before.date : r->date};
    step.message = arena_printf(a, "release: %s\n\n%s", r->name, r->hash);
    if (!step.message) return ERR_MEMORY;
    TRY(program_step_add(&step, a, path));
    TRY(program_step_add(&step, a, manifest_path));
    return program_commit(p, &step);
}
