/* SPDX-License-Identifier: Apache-2.0
 * Files of decisions: what a review meeting writes down, applied in one go by
 * `cotrain issues review --decisions FILE`. Read by the recipes' machinery, so every fault has its
 * place.
 * Read next: issues/review.h. */
#include "issues/review.h"

#include "base/mem.h"
#include <string.h>

struct decision_file {
    const char *by, *date;
    struct {
        struct decision *items;
        int64_t n;
    } decisions;
};

#define ROW(field, ...) OPT(struct decision_file, field, __VA_ARGS__)
static struct opt_table file_table(void) {
    static const struct opt rows[] = {
        ROW(by, .help = "who decided, where a decision does not say"),
        ROW(date, .value = "YYYY-MM-DD", .help = "when, where a decision does not say"),
    };
    return OPT_TABLE(rows);
}
#undef ROW
#define ROW(field, ...) OPT(struct decision, field, __VA_ARGS__)
static struct opt_table decision_table(void) {
    static const struct opt rows[] = {
        ROW(id, .required = true, .help = "of the request"),
        ROW(decision, .required = true, .choices = "accept,reject,needs-info,merge,edit",
            .help = "what is decided"),
        ROW(by, .help = "who decided"),
        ROW(date, .value = "YYYY-MM-DD", .help = "when"),
        ROW(reason, .help = "why; the requester reads it"),
        ROW(into, .help = "merge: id of the other request"),
        ROW(scenario, .help = "replaces what was read"),
        ROW(capability, .help = "replaces what was read"),
        ROW(input, .help = "replaces what was read"),
        ROW(output, .help = "replaces what was read"),
        ROW(constraints, .help = "replaces what was read"),
        ROW(remark, .help = "replaces what was read"),
        ROW(cases, .path = true, .value = "FILE",
            .help = "held-out cases, JSON Lines of prompt and response; copied beside the request"),
        ROW(weight, .min = 0, .max = 1e6, .help = "share of the month's data"),
        ROW(allow, .help = "finds that may be published ('cotrain list sensitive')"),
    };
    return OPT_TABLE(rows);
}
#undef ROW

static const struct recipe_section sections[] = {
    {.path = "decisions",
     .kind = SECTION_IS_LIST,
     .table = decision_table,
     .offset = offsetof(struct decision_file, decisions),
     .item_size = sizeof(struct decision)},
    {.path = "decisions[].examples",
     .kind = SECTION_IS_LIST,
     .table = example_options_table,
     .offset = offsetof(struct decision, examples),
     .item_size = sizeof(struct example),
     .file_offset = offsetof(struct example, file),
     .line_offset = offsetof(struct example, line)},
};
static const struct recipe_schema schema = {file_table, sections,
                                            sizeof sections / sizeof sections[0], NULL};

static err fill_in(const struct decision_file *file, struct decision *d) {
    if (!d->by) d->by = file->by;
    if (!d->date) d->date = file->date;
    if (!d->by) return fail(ERR_MISSING, "decision on '%s': 'by' does not say who decided", d->id);
    if (!d->date) return fail(ERR_MISSING, "decision on '%s': 'date' does not say when", d->id);
    return ERR_OK;
}

err decisions_read(const char *path, struct decision_list *out) {
    struct recipe recipe;
    struct decision_file file = {0};
    *out = (struct decision_list){0};
    err e = recipe_read(&recipe, path, NULL, &schema, &file);
    arena_join(&out->arena, &recipe.arena);
    for (int64_t i = 0; i < file.decisions.n && e == ERR_OK; i++)
        e = fill_in(&file, &file.decisions.items[i]);
    if (e != ERR_OK) return e;
    out->items = file.decisions.items;
    out->n = file.decisions.n;
    return ERR_OK;
}

void decision_list_release(struct decision_list *list) {
    arena_release(&list->arena);
    *list = (struct decision_list){0};
}
