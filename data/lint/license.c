/* SPDX-License-Identifier: Apache-2.0
 * Rows that nobody has given a licence: neither their record nor their source names one. A release
 * cannot say under which terms it may be used while there are any. Words of licences inside the
 * texts are data/lint/sensitive.c's. */
#include "base/mem.h"
#include "data/lint/lint.h"
#include <string.h>

static const char *license_of(const struct lint_run *run, int64_t row) {
    const struct sample *s = run->rows[row].sample;
    return s->license ? s->license : run->corpus->sources[s->source].license;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    (void)state;
    if (license_of(run, row)) return ERR_OK;
    mark->badness = 1;
    return lint_note(mark, "neither the row nor its source names a licence");
}

/* "licenses": {"apache-2.0": 12, ...}, in the order of the rows. */
static err facts(const struct lint_run *run, const void *state, json_t *out, double *share) {
    (void)state;
    (void)share;
    json_t *list = json_object();
    TRY(json_put(out, "licenses", list));
    for (int64_t i = 0; i < run->n; i++) {
        const char *license = license_of(run, i);
        if (!license) continue;
        int64_t before = (int64_t)json_integer_value(json_object_get(list, license));
        TRY(json_put(list, license, json_integer(before + 1)));
    }
    return ERR_OK;
}

const struct lint lint_license = {
    .name = "license",
    .summary = "no licence named by the row or its source",
    .look = look,
    .facts = facts,
};
