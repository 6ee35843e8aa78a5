/* SPDX-License-Identifier: Apache-2.0
 * Holding a recipe's gates (cli/gate_stage.h). What they say is written down whatever it is: a
 * release carries it, and a maintainer whose run was stopped looks there for the items.
 * Read next: eval/gates.c. */
#include "cli/gate_stage.h"

#include "cli/command.h"
#include "eval/gates.h"
#include "eval/report.h"

static err hold(const struct opt_list *gates, const char *before_path, const char *after_path,
                json_t **out) {
    json_t *before = NULL, *after = NULL;
    err result = report_read(before_path, &before);
    if (result == ERR_OK) result = report_read(after_path, &after);
    if (result == ERR_OK) result = gates_hold(gates, before, after, out);
    json_decref(before);
    json_decref(after);
    return result;
}

static err show(const json_t *outcomes, bool json) {
    struct str text = {0};
    if (json) {
        json_t *value = json_pack("{s:O}", "gates", outcomes);
        if (value == NULL) return fail(ERR_MEMORY, "out of memory for the result");
        err result = print_json(value);
        json_decref(value);
        return result;
    }
    err result = gates_text(outcomes, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

err gate_stage(const struct chain *c, const struct work *w, bool json) {
    json_t *outcomes = NULL;
    TRY(hold(&c->eval.gates, w->before, w->after, &outcomes));
    err result = json_write_file(w->gates, outcomes);
    if (result == ERR_OK) result = gates_verdict(outcomes);
    if (result == ERR_GATE) {
        struct err_kept verdict;
        err_keep(&verdict);
        err shown = show(outcomes, json);
        if (shown == ERR_OK) {
            err_put_back(&verdict);
            (void)fail_hint(result, "'%s' has every item that was lost", w->gates);
        }
        result = shown == ERR_OK ? result : shown;
    }
    json_decref(outcomes);
    return result;
}

err gate_stage_possible(const struct chain *c, const struct work *w) {
    json_t *outcomes = NULL;
    TRY(hold(&c->eval.gates, w->before, w->before, &outcomes));
    json_decref(outcomes);
    return ERR_OK;
}

err gate_stage_read(const struct work *w, json_t **out) {
    return json_parse_file(w->gates, out);
}
