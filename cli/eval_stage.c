/* SPDX-License-Identifier: Apache-2.0
 * From a recipe to one evaluation (cli/eval_stage.h): validation rows are formed as the recipe
 * trains them, and cases are encoded as its data is.
 * Read next: eval/run.c. */
#include "cli/eval_stage.h"
#include "base/mem.h"
#include "cli/eval_plan.h"
#include "cli/train_rows.h"
#include "eval/run.h"
#include <stdio.h>

struct evaluating {
    bool device; /* on a GPU */
    struct eval_memory planned;
    struct memory_use use;
};

static void on_memory(void *ctx, const struct eval_memory *planned) {
    ((struct evaluating *)ctx)->planned = *planned;
}

static void on_most(void *ctx) {
    if (memory_use_look(&((struct evaluating *)ctx)->use) != ERR_OK) err_clear();
}

static err fill(const struct eval_stage *s, struct evaluating *e, struct eval_run *run) {
    *run = (struct eval_run){
        .options = s->options,
        .subject = {.model_dir = s->model_dir, .adapter_dir = s->adapter_dir, .device = s->device},
        .datasets = s->datasets,
        .unsafe = s->unsafe,
        .generations = s->generations,
        .on_memory = on_memory,
        .on_most = on_most,
        .ctx = e,
    };
    if (run->datasets.folder == NULL) run->datasets.folder = s->options->datasets;
    struct memory_limit limit;
    TRY(memory_limit_find(s->memory, s->device, &limit));
    run->limit = eval_plan_limit(&limit);
    e->device = limit.device;
    TRY(train_loader_options(&s->chain->train, SPLIT_VALID, &run->loader, &run->isolate));
    return special_whitespace_parse(s->chain->data.special_whitespace, &run->whitespace);
}

/* What it took, against what was planned; nothing where no text was decoded. On a GPU the plan is
 * not of the memory that the system tells of. */
static err say_use(const struct evaluating *e) {
    const struct eval_memory *m = &e->planned;
    const int64_t planned = eval_memory_bytes(m);
    char a[MEMORY_TEXT_SIZE], b[MEMORY_TEXT_SIZE], c[MEMORY_TEXT_SIZE];
    struct str text = {0};
    if (m->n_texts == 0) return ERR_OK;
    err result =
        str_printf(&text, "evaluation: %lld text%s of at most %lld tokens side by side, ",
                   (long long)m->n_texts, m->n_texts == 1 ? "" : "s", (long long)m->text_tokens);
    if (result == ERR_OK)
        result = e->device || e->use.most_bytes == 0
                     ? str_printf(&text, "%s planned\n", memory_text(planned, a))
                     : str_printf(&text, "%s of %s planned, %s of it for the program itself\n",
                                  memory_text(e->use.most_bytes - e->use.before_bytes, a),
                                  memory_text(planned + FIT_PROGRAM_BYTES, b),
                                  memory_text(FIT_PROGRAM_BYTES, c));
    if (result == ERR_OK && fputs(str_text(&text), stderr) < 0)
        result = fail(ERR_IO, "cannot write to standard error");
    str_release(&text);
    return result;
}

static err evaluate(const struct eval_run *run, struct evaluating *e, json_t **out_report) {
    json_t *report = NULL;
    mem_trim();
    TRY(memory_use_start(&e->use));
    TRY(eval_run(run, &report));
    err result = say_use(e);
    if (result == ERR_OK)
        *out_report = report;
    else
        json_decref(report);
    return result;
}

err eval_stage(const struct eval_stage *s, json_t **out_report) {
    struct evaluating e = {0};
    struct eval_run run;
    struct eval_cases cases = {0};
    struct dataset *dataset = NULL;
    TRY(fill(s, &e, &run));
    err result = s->dataset_dir != NULL ? dataset_open(&dataset, s->dataset_dir) : ERR_OK;
    if (result == ERR_OK)
        result = eval_cases_load(&cases, &s->chain->requests, dataset, s->options->limit);
    if (result == ERR_OK) {
        run.cases = &cases;
        run.dataset = dataset;
        result = evaluate(&run, &e, out_report);
    }
    eval_cases_release(&cases);
    dataset_close(dataset);
    return result;
}
