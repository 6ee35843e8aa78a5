/* SPDX-License-Identifier: Apache-2.0
 * The steps of a reproduction: their rows first, all of them, since that needs no training and a
 * changed row shows there; then the training, looked at after every step and ended at the first
 * that is another.
 * Read next: cli/reproduce_int.h, release/reproduce.h. */
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "cli/reproduce_int.h"
#include "cli/train_rows.h"
#include "cli/train_stage.h"
#include "data/dataset/dataset.h"
#include "trainer/record.h"
#include <string.h>

/* ---- rows ---- */

struct batches {
    struct dataset *dataset;
    struct train_rows rows;
    struct record record;
};

static err open_batches(struct batches *b, const struct again *a) {
    *b = (struct batches){0};
    TRY(dataset_open(&b->dataset, a->work.data));
    return train_rows_open(&b->rows, b->dataset, SPLIT_TRAIN, &a->recipe.train);
}

static void close_batches(struct batches *b) {
    train_rows_close(&b->rows);
    dataset_close(b->dataset);
}

/* The rows of step `step` (from 1): their digest, and what the record says of them beside it. */
static err take_batch(struct batches *b, int64_t step, struct step_record *out) {
    const struct train_row *rows;
    TRY(b->rows.source.rows(b->rows.source.ctx, step - 1, &rows, &out->rows));
    TRY(record_batch(&b->record, rows, out->rows));
    out->tokens = 0;
    for (int64_t i = 0; i < out->rows; i++) out->tokens += rows[i].n;
    memcpy(out->batch, b->record.batch, sizeof out->batch);
    return ERR_OK;
}

/* Marks every row of the dataset that stands in a step with the right rows: it is not the one that
 * was changed. */
static err mark_good(struct batches *b, const struct again *a, bool *good, bool *any) {
    int64_t n = a->record.n < b->rows.source.n_steps ? a->record.n : b->rows.source.n_steps;
    for (int64_t step = 1; step <= n; step++) {
        struct step_record ours;
        TRY(take_batch(b, step, &ours));
        if (strcmp(ours.batch, a->record.items[step - 1].batch) != 0) continue;
        *any = true;
        for (int64_t i = 0, row = 0; row >= 0; i++) {
            TRY(loader_document(b->rows.loader, step - 1, i, &row));
            if (row >= 0) good[row] = true;
        }
    }
    return ERR_OK;
}

/* Adds the place of a row, unless another source is known to have changed. */
static err add_suspect(const struct batches *b, const struct again *a, int64_t row, json_t *out) {
    const char *changed = difference_source(a->their_data, a->our_data);
    const struct dataset_row *of = &dataset_rows(b->dataset, SPLIT_TRAIN)[row];
    struct str place = {0};
    if (changed && strcmp(changed, dataset_source(b->dataset, of->source)->name) != 0)
        return ERR_OK;
    err e = dataset_describe(b->dataset, SPLIT_TRAIN, row, &place);
    if (e == ERR_OK) e = json_push(out, json_string(str_text(&place)));
    str_release(&place);
    return e;
}

/* Rows of the step that stand in no step that is right. */
static err name_suspects(struct batches *b, const struct again *a, bool *good, json_t *out) {
    for (int64_t i = 0, row = 0; row >= 0; i++) {
        TRY(loader_document(b->rows.loader, a->different_step - 1, i, &row));
        if (row < 0 || good[row]) continue;
        good[row] = true; /* once */
        TRY(add_suspect(b, a, row, out));
    }
    return ERR_OK;
}

static err name_samples(struct batches *b, struct again *a, bool *good) {
    struct str samples = {0};
    json_t *suspects = json_array(), *item;
    size_t i;
    TRY(json_put(a->report, "rows", suspects));
    err e = loader_describe(b->rows.loader, a->different_step - 1, &samples);
    if (e == ERR_OK) e = json_put(a->report, "samples", json_string(str_text(&samples)));
    str_release(&samples);
    if (e == ERR_OK && a->why.some_rows) e = name_suspects(b, a, good, suspects);
    if (e == ERR_OK && json_array_size(suspects) > 0)
        e = str_add(&a->difference.says, "; what changed is among ");
    json_array_foreach(suspects, i, item) if (e == ERR_OK) e =
        str_printf(&a->difference.says, "%s%s", i > 0 ? ", " : "", json_string_value(item));
    return e;
}

/* The steps that are right tell which rows are, and whether their order is. */
static err explain_step(struct batches *b, struct again *a, const struct step_record *ours) {
    const struct step_record *theirs = &a->record.items[a->different_step - 1];
    bool *good = mem_zalloc((size_t)dataset_n_rows(b->dataset, SPLIT_TRAIN) + 1, sizeof *good);
    err e = good ? mark_good(b, a, good, &a->why.some_rows) : ERR_MEMORY;
    if (e == ERR_OK) e = difference_find(&a->why, theirs, ours, &a->difference);
    if (e == ERR_OK) e = name_samples(b, a, good);
    mem_free(good);
    return e;
}

static err too_few_steps(struct batches *b, struct again *a) {
    a->difference.kind = "recipe";
    a->difference.part = "steps";
    return str_printf(&a->difference.says, "the recipe gives %lld steps, and the record has %lld",
                      (long long)b->rows.source.n_steps, (long long)a->record.n);
}

static err compare_batches(struct batches *b, struct again *a) {
    for (int64_t step = a->from + 1; step <= a->last; step++) {
        const struct step_record *theirs = &a->record.items[step - 1];
        struct step_record ours = *theirs;
        if (step <= b->rows.source.n_steps) TRY(take_batch(b, step, &ours));
        if (step <= b->rows.source.n_steps && strcmp(theirs->batch, ours.batch) == 0) continue;
        a->different_step = step;
        return step <= b->rows.source.n_steps ? explain_step(b, a, &ours) : too_few_steps(b, a);
    }
    return ERR_OK;
}

err again_batches(struct again *a) {
    struct batches b;
    err e = open_batches(&b, a);
    if (e == ERR_OK) e = compare_batches(&b, a);
    close_batches(&b);
    return e;
}

/* ---- training ---- */

static err on_start(void *ctx, const struct trainer *t) {
    struct again *a = ctx;
    struct run_identity id;
    char start[SHA256_HEX_SIZE];
    TRY(record_identity(t, &id));
    TRY(record_start(&id, start));
    return steps_begin_with(a->log, start, &a->why.same_settings);
}

static err compare_step(struct again *a, const struct train_report *r) {
    struct step_record ours = {.loss = r->loss,
                               .lr = r->lr,
                               .gradient_norm = r->gradient_norm,
                               .rows = r->rows,
                               .tokens = r->tokens,
                               .trained_tokens = r->trained_tokens};
    if (r->step > a->record.n) {
        a->different_step = r->step;
        a->difference.kind = "recipe";
        a->difference.part = "steps";
        return str_printf(&a->difference.says, "the record ends after step %lld of %lld",
                          (long long)a->record.n, (long long)r->n_steps);
    }
    memcpy(ours.batch, r->batch, sizeof ours.batch);
    memcpy(ours.update, r->update, sizeof ours.update);
    memcpy(ours.digest, r->digest, sizeof ours.digest);
    TRY(difference_find(&a->why, &a->record.items[r->step - 1], &ours, &a->difference));
    if (a->difference.kind)
        a->different_step = r->step;
    else
        a->compared = r->step;
    return ERR_OK;
}

static void on_step(void *ctx, const struct train_report *report) {
    struct again *a = ctx;
    if (a->watched == ERR_OK && a->different_step == 0) a->watched = compare_step(a, report);
}

static bool should_stop(void *ctx) {
    const struct again *a = ctx;
    const bool part = a->options->steps != NULL;
    return a->watched != ERR_OK || a->different_step > 0 || (part && a->compared >= a->last);
}

/* A state of other settings cannot be gone on from; that is the difference, then. */
static err other_settings(struct again *a) {
    a->different_step = a->from + 1;
    a->difference.kind = "recipe";
    a->difference.part = "settings";
    return str_add(&a->difference.says, "the training states are of other settings than the "
                                        "recipe's 'train' and 'adapter' give");
}

static err judge_end(struct again *a, err trained) {
    TRY(a->watched);
    if (trained == ERR_OK || trained == ERR_MEMORY) return trained;
    if (stop_asked())
        return fail(ERR_STOPPED,
                    "stopped after step %lld, which is equal; run again, it begins anew",
                    (long long)a->compared);
    if (a->different_step > 0 || (a->options->steps && a->compared >= a->last)) {
        err_clear();
        return ERR_OK;
    }
    if (trained != ERR_MISMATCH || a->from == 0 || a->why.same_settings) return trained;
    err_clear();
    return other_settings(a);
}

err again_train(struct again *a) {
    struct train_result result;
    const struct train_watch watch = {a, on_start, on_step, should_stop};
    struct train_stage stage = {.chain = &a->recipe,
                                .dataset_dir = a->work.data,
                                .dir = a->work.train,
                                .device = a->options->device,
                                .memory = a->options->memory,
                                .resume = a->from > 0,
                                .dataset_digest = json_text_of(a->chain, "dataset"),
                                .watch = &watch};
    return judge_end(a, train_stage(&stage, &result));
}
