/* SPDX-License-Identifier: Apache-2.0
 * Decisions into files and commits. The record is written before the commit; a run that is killed
 * between the two finds the decision made and commits it, with the same message and date.
 * Read next: issues/review.h, the contract. */
#include "issues/review.h"

#include "base/file.h"
#include <string.h>

enum { CASES_MAX_BYTES = 16 << 20, CASE_MAX_BYTES = 1 << 20 };

/* Every line is {"prompt": ..., "response": ...}. */
static err check_cases(const char *path) {
    struct line_reader reader;
    bool more = true;
    TRY(line_reader_open(&reader, path, CASE_MAX_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK) {
        json_t *value = NULL;
        const char *text;
        e = line_reader_next(&reader, &more);
        if (e != ERR_OK || !more) break;
        e = json_parse(reader.line, reader.len, "case", &value);
        if (e == ERR_OK) e = json_need_string(value, "prompt", &text);
        if (e == ERR_OK) e = json_need_string(value, "response", &text);
        if (e != ERR_OK) e = fail_in(e, "'%s' line %lld", path, (long long)reader.line_number);
        json_decref(value);
    }
    bool none = e == ERR_OK && reader.line_number == 0;
    line_reader_close(&reader);
    return none ? fail(ERR_MISSING, "'%s' holds no case", path) : e;
}

/* Copies a decision's cases beside the record; `*out_path` is relative to the program, NULL when it
 * has none. */
static err take_cases(const struct program *p, const struct decision *d, const struct record *r,
                      struct arena *a, const char **out_path) {
    struct str text = {0};
    const char *stem;
    *out_path = NULL;
    if (!d->cases) return ERR_OK;
    TRY(check_cases(d->cases));
    TRY(record_stem(r->id, a, &stem));
    *out_path = arena_printf(a, PROGRAM_REQUESTS "/%s/%s.cases.jsonl", r->month, stem);
    if (!*out_path) return ERR_MEMORY;
    err e = file_read(d->cases, CASES_MAX_BYTES, &text);
    if (e == ERR_OK) e = program_write(p, *out_path, &text);
    str_release(&text);
    return e;
}

static err commit(struct program *p, const struct decision *d, const struct record *r,
                  const char *cases, struct arena *a) {
    bool edit = strcmp(d->decision, "edit") == 0;
    const char *stem, *verb = edit ? "edited" : state_rows[record_state(r)].word;
    TRY(record_stem(r->id, a, &stem));
    struct program_step step = {.by = d->by, .on = d->date};
    step.message = arena_printf(a, "review: %s %s\n\n%s%s%s", verb, stem, record_name(r),
                                d->reason ? "\n" : "", d->reason ? d->reason : "");
    if (!step.message) return ERR_MEMORY;
    TRY(program_step_add(&step, a, r->path));
    if (cases) TRY(program_step_add(&step, a, cases));
    return program_commit(p, &step);
}

err review_decide(struct program *p, const struct decision *d, struct record_list *all,
                  bool *out_changed) {
    struct record *r;
    struct decision here = *d;
    const char *cases;
    TRY(record_find(all, d->id, &r));
    TRY(take_cases(p, d, r, &all->arena, &cases));
    if (cases) here.cases = path_base(cases);
    TRY(review_apply(&here, all, &all->arena, r, out_changed));
    if (*out_changed) TRY(record_write(p, r));
    return commit(p, d, r, cases, &all->arena);
}

/* Whether HEAD has the file; `changed` are the paths whose bytes are others than HEAD's. */
static err edited_since(struct program *p, const struct name_list *changed, const char *path,
                        bool *out) {
    *out = false;
    return name_list_has(changed, path) ? program_committed(p, path, out) : ERR_OK;
}

static err collect_edits(struct program *p, const struct record_list *all, struct arena *a,
                         struct program_step *step) {
    struct name_list changed;
    TRY(git_repo_changed(p->repo, &changed));
    err e = ERR_OK;
    for (int64_t i = 0; i < all->n && e == ERR_OK; i++) {
        bool edited;
        e = edited_since(p, &changed, all->items[i].path, &edited);
        if (e != ERR_OK || !edited) continue;
        e = review_check(&all->items[i], all);
        if (e == ERR_OK) e = program_step_add(step, a, all->items[i].path);
    }
    name_list_release(&changed);
    return e;
}

err review_take_edits(struct program *p, const struct record_list *all, const char *by,
                      const char *on, int64_t *out_n) {
    struct arena a = {0};
    struct program_step step = {.by = by, .on = on};
    err e = collect_edits(p, all, &a, &step);
    *out_n = step.paths.n;
    if (e == ERR_OK && *out_n > 0) {
        step.message = arena_printf(&a, "review: %lld request file%s edited", (long long)*out_n,
                                    *out_n == 1 ? "" : "s");
        e = step.message ? program_commit(p, &step) : ERR_MEMORY;
    }
    arena_release(&a);
    return e;
}
