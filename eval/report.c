/* SPDX-License-Identifier: Apache-2.0
 * Evaluation reports: making, reading, looking up. A report that is read back is checked for its
 * outline first, so that the functions here may rely on it.
 * Read next: eval/show.c for how reports are shown. */
#include "eval/report.h"
#include "base/str.h"
#include <string.h>

err report_new(const char *model_digest, const char *adapter_digest,
               const struct eval_options *options, json_t **out) {
    json_t *adapter = adapter_digest != NULL ? json_string(adapter_digest) : json_null();
    *out = json_pack("{s:i, s:{s:s, s:o}, s:{s:s, s:I, s:I}, s:[]}", "cotrain_eval",
                     EVAL_REPORT_VERSION, "subject", "model", model_digest, "adapter", adapter,
                     "settings", "decoding", "greedy", "max_new_tokens",
                     (json_int_t)options->max_new_tokens, "limit", (json_int_t)options->limit,
                     "tasks");
    if (*out == NULL) return fail(ERR_MEMORY, "out of memory for an evaluation report");
    return ERR_OK;
}

err report_add_task(json_t *report, json_t *task) {
    json_t *tasks = NULL;
    err result = json_need_array(report, "tasks", &tasks);
    if (result != ERR_OK) {
        json_decref(task);
        return result;
    }
    return json_push(tasks, task);
}

static err check_outline(const json_t *report) {
    int64_t version = 0;
    json_t *member = NULL;
    if (!json_is_integer(json_object_get(report, "cotrain_eval")))
        return fail(ERR_PARSE, "this is none: it has no 'cotrain_eval', the version of its form");
    TRY(json_need_int(report, "cotrain_eval", &version));
    if (version != EVAL_REPORT_VERSION)
        return fail(ERR_UNSUPPORTED, "it is of version %lld (this program reads %d)",
                    (long long)version, EVAL_REPORT_VERSION);
    TRY(json_need_object(report, "subject", &member));
    TRY(json_need_object(report, "settings", &member));
    TRY(json_need_array(report, "tasks", &member));
    size_t i = 0;
    json_t *task = NULL, *scores = NULL;
    json_array_foreach(member, i, task) {
        const char *name = NULL;
        TRY(json_need_string(task, "task", &name));
        TRY(json_need_string(task, "metric", &name));
        TRY(json_need_object(task, "scores", &scores));
    }
    return ERR_OK;
}

err report_read(const char *path, json_t **out) {
    json_t *report = NULL;
    TRY(json_parse_file(path, &report));
    err result = check_outline(report);
    if (result != ERR_OK) {
        json_decref(report);
        return fail_in(result, "evaluation report '%s'", path);
    }
    *out = report;
    return ERR_OK;
}

const json_t *report_find(const json_t *report, const char *task) {
    size_t i = 0;
    json_t *part = NULL;
    json_array_foreach(json_object_get(report, "tasks"), i, part) {
        if (strcmp(json_text_of(part, "task"), task) == 0) return part;
    }
    return NULL;
}

static err no_task(const json_t *report, const char *task) {
    struct str names = {0};
    size_t i = 0;
    json_t *part = NULL;
    err result = ERR_OK;
    json_array_foreach(json_object_get(report, "tasks"), i, part) {
        if (result == ERR_OK)
            result =
                str_printf(&names, "%s%s", names.len > 0 ? ", " : "", json_text_of(part, "task"));
    }
    if (result == ERR_OK)
        result = fail(ERR_MISSING, "the evaluation has no task '%s' (it has: %s)", task,
                      names.len > 0 ? str_text(&names) : "none");
    str_release(&names);
    return result;
}

err report_task(const json_t *report, const char *task, const json_t **out) {
    *out = report_find(report, task);
    return *out != NULL ? ERR_OK : no_task(report, task);
}

err report_score(const json_t *report, const char *task, const char *score, double *out) {
    const json_t *part = NULL;
    json_t *scores = NULL;
    TRY(report_task(report, task, &part));
    TRY(json_need_object(part, "scores", &scores));
    if (score[0] == '\0') TRY(json_need_string(part, "metric", &score));
    const json_t *value = json_object_get(scores, score);
    if (!json_is_number(value))
        return fail(ERR_MISSING, "task '%s' has no score '%s'", task, score);
    *out = json_number_value(value);
    return ERR_OK;
}
