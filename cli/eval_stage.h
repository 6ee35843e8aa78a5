/* SPDX-License-Identifier: Apache-2.0
 * An evaluation of a recipe: a model, the recipe's tasks, one report. Shared by `cotrain eval run`
 * and `cotrain run`.
 * Read next: eval/run.h, eval/report.h. */
#ifndef COTRAIN_CLI_EVAL_STAGE_H
#define COTRAIN_CLI_EVAL_STAGE_H

#include "base/json.h"
#include "cli/chain.h"
#include "eval/suite_files.h"

struct eval_stage {
    const struct chain *chain;
    const struct eval_options *options; /* the recipe's, or changed on the command line */
    const char *model_dir;
    const char *adapter_dir;  /* NULL: none */
    const char *dataset_dir;  /* NULL: cases from the requests' own files, no validation rows */
    struct datasets datasets; /* folder NULL: as the options say */
    bool unsafe;              /* run a model's programs even where nothing can hold them */
    const char *generations;  /* file that answers to published suites are kept in, or NULL */
    const char *device;       /* NULL: the first backend that works */
    int64_t memory;           /* most of it (cli/memory.h); 0: what the machine has left */
};

/* The caller json_decref()s the report. */
MUST_CHECK err eval_stage(const struct eval_stage *s, json_t **out_report);

#endif
