/* SPDX-License-Identifier: Apache-2.0
 * From a recipe to one evaluation (cli/eval_stage.h): validation rows are formed as the recipe
 * trains them, and cases are encoded as its data is.
 * Read next: eval/run.c. */
#include "cli/eval_stage.h"
#include "cli/train_rows.h"
#include "eval/run.h"

static err fill(const struct eval_stage *s, struct eval_run *run) {
    *run = (struct eval_run){
        .options = s->options,
        .subject = {.model_dir = s->model_dir, .adapter_dir = s->adapter_dir, .device = s->device},
        .datasets = s->datasets,
        .unsafe = s->unsafe,
        .generations = s->generations,
    };
    if (run->datasets.folder == NULL) run->datasets.folder = s->options->datasets;
    TRY(train_loader_options(&s->chain->train, SPLIT_VALID, &run->loader, &run->isolate));
    return special_whitespace_parse(s->chain->data.special_whitespace, &run->whitespace);
}

err eval_stage(const struct eval_stage *s, json_t **out_report) {
    struct eval_run run;
    struct eval_cases cases = {0};
    struct dataset *dataset = NULL;
    TRY(fill(s, &run));
    err result = s->dataset_dir != NULL ? dataset_open(&dataset, s->dataset_dir) : ERR_OK;
    if (result == ERR_OK)
        result = eval_cases_load(&cases, &s->chain->requests, dataset, s->options->limit);
    if (result == ERR_OK) {
        run.cases = &cases;
        run.dataset = dataset;
        result = eval_run(&run, out_report);
    }
    eval_cases_release(&cases);
    dataset_close(dataset);
    return result;
}
