/* SPDX-License-Identifier: Apache-2.0
 * The month's recipe into its file: three texts, the one generated last, the one that a person may
 * have changed, and the new one. Where both changed the same lines a person must decide.
 * Read next: cli/month_recipe.h, the contract. */
#include "cli/month_recipe.h"

#include "base/file.h"
#include "cli/chain.h"
#include "issues/status.h"
#include <string.h>

struct texts {
    struct str base, mine, generated, merged;
    bool has_base, has_mine;
    const char *path, *base_path;
};

static void texts_release(struct texts *t) {
    str_release(&t->base);
    str_release(&t->mine);
    str_release(&t->generated);
    str_release(&t->merged);
}

static err read_texts(const struct month_recipe *m, const struct month_plan *plan, struct arena *a,
                      struct texts *t) {
    TRY(month_recipe_path(m->program, m->month, a, &t->path));
    t->base_path =
        arena_printf(a, PROGRAM_RECIPES "/%s/generated/%s", m->month, path_base(t->path));
    if (!t->base_path) return ERR_MEMORY;
    TRY(program_read(m->program, t->path, &t->mine, &t->has_mine));
    TRY(program_read(m->program, t->base_path, &t->base, &t->has_base));
    return month_recipe_text(m->program, plan, m->all, true, &t->generated);
}

/* The lines between conflict marks, with the marks. */
static err conflict_lines(const struct str *merged, struct str *out) {
    bool within = false;
    for (const char *at = str_text(merged); *at;) {
        size_t n = strcspn(at, "\n");
        within = within || strncmp(at, "<<<<<<< ", 8) == 0;
        if (within) TRY(str_append(out, at, n));
        if (within) TRY(str_add(out, "\n"));
        within = within && strncmp(at, ">>>>>>> ", 8) != 0;
        at += n + (at[n] == '\n');
    }
    return ERR_OK;
}

static err merge(const struct month_recipe *m, struct texts *t, struct str *conflicts) {
    int64_t n;
    if (!t->has_mine || (m->take && strcmp(m->take, "generated") == 0))
        return str_append(&t->merged, t->generated.data, t->generated.len);
    const struct git_texts texts = {.base = str_text(&t->base),
                                    .ours = str_text(&t->mine),
                                    .theirs = str_text(&t->generated),
                                    .ours_label = t->path,
                                    .theirs_label = "generated from the plan"};
    TRY(git_merge_texts(&texts, &t->merged, &n));
    if (n == 0) return ERR_OK;
    if (m->take) {
        str_clear(&t->merged);
        return str_append(&t->merged, t->mine.data, t->mine.len);
    }
    TRY(conflict_lines(&t->merged, conflicts));
    err e = fail(ERR_GATE, "recipe '%s' was changed where the plan changed, too (%lld place%s)",
                 t->path, (long long)n, n == 1 ? "" : "s");
    return fail_hint(e,
                     "--take mine keeps the recipe as it is, --take generated writes the plan's");
}

/* What is written must be a recipe without faults. */
static err check_recipe(const struct month_recipe *m, const char *path, struct arena *a) {
    struct chain chain;
    const char *whole;
    TRY(program_path(m->program, path, a, &whole));
    TRY(chain_read(&chain, whole, NULL));
    chain_release(&chain);
    return ERR_OK;
}

static err write_and_commit(const struct month_recipe *m, struct texts *t, struct arena *a) {
    char on[DAY_SIZE];
    struct program_step step = {.on = on};
    TRY(schedule_collect_day(&m->program->schedule, m->month, on));
    TRY(program_write(m->program, t->base_path, &t->generated));
    TRY(program_write(m->program, t->path, &t->merged));
    TRY(check_recipe(m, t->path, a));
    step.message = arena_printf(a, "recipe: %s", m->month);
    if (!step.message) return ERR_MEMORY;
    TRY(program_step_add(&step, a, t->path));
    TRY(program_step_add(&step, a, t->base_path));
    return program_commit(m->program, &step);
}

err month_recipe_write(const struct month_recipe *m, struct arena *a, const char **out_path,
                       struct str *conflicts) {
    struct month_plan plan;
    struct texts t = {0};
    bool found;
    *out_path = NULL;
    TRY(plan_read(m->program, m->month, a, &plan, &found));
    if (!found)
        return fail_hint(fail(ERR_MISSING, "there is no plan of %s", m->month),
                         "'cotrain issues plan --month %s' makes it", m->month);
    if (plan.requests.n == 0) return ERR_OK;
    err e = read_texts(m, &plan, a, &t);
    if (e == ERR_OK) e = merge(m, &t, conflicts);
    if (e == ERR_OK) e = write_and_commit(m, &t, a);
    if (e == ERR_OK) *out_path = t.path;
    texts_release(&t);
    return e;
}
