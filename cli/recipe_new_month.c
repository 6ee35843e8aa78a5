/* SPDX-License-Identifier: Apache-2.0
 * The month's recipe from the command line.
 * A month that plans nothing has none, and that is no failure.
 * Read next: cli/month_recipe.h. */
#include "cli/recipe_new_month.h"

#include "cli/command.h"
#include "cli/month_recipe.h"
#include "cli/programme.h"

static err write(struct program *p, const char *month, const char *take, struct arena *a) {
    struct record_list all;
    struct str text = {0};
    const char *path;
    err e = records_read(p, NULL, &all);
    const struct month_recipe m = {.program = p, .month = month, .all = &all, .take = take};
    if (e == ERR_OK) e = month_recipe_write(&m, a, &path, &text);
    if (e == ERR_OK)
        e = str_printf(&text, "%s\n", path ? path : "no recipe: the month plans nothing");
    if (text.len > 0) {
        err told = print_text(&text);
        if (e == ERR_OK) e = told;
    }
    str_release(&text);
    record_list_release(&all);
    return e;
}

err recipe_new_month(const char *program, const char *month, const char *take,
                     struct arena *arena) {
    struct program p;
    char checked[MONTH_SIZE];
    TRY(programme_month(month, "", checked));
    TRY(program_open(program, &p));
    err e = write(&p, checked, take, arena);
    program_close(&p);
    return e;
}
