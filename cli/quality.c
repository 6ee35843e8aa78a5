/* SPDX-License-Identifier: Apache-2.0
 * Rows through the base model, one at a time: forward, then the loss of the trained tokens. A row
 * that is longer than train.sequence_len is not scored, since no plan has room for it.
 * The contract is cli/quality.h. */
#include "cli/quality.h"
#include "base/mem.h"
#include "model/batch.h"
#include <math.h>

static err open_model(struct quality *q) {
    const struct eval_subject_options options = {
        .model_dir = q->chain->base_model.path,
        .max_tokens = q->chain->train.sequence_len,
    };
    TRY(eval_subject_open(&q->subject, &options));
    q->is_open = true;
    return ERR_OK;
}

static err forward(struct eval_subject *s, double *out_sum, int64_t *out_trained) {
    const struct model_call call = {.batch = &s->batch};
    TRY(model_forward(&s->model, &call));
    return model_loss(&s->model, &call, 0, out_sum, out_trained, NULL);
}

/* A row's ids without the last one; its targets without the first. */
static err fill(struct eval_subject *s, const struct row_tokens *row) {
    int64_t n = row->ids.n - 1;
    int32_t *targets = mem_alloc((size_t)n, sizeof *targets);
    if (!targets) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++)
        targets[i] = row->answer.data[i + 1] ? row->ids.ids[i + 1] : TARGET_IGNORE;
    batch_clear(&s->batch);
    err e =
        batch_add_row(&s->batch, n, row->ids.ids, targets, NULL, s->model.config.eod, ISOLATE_ALL);
    mem_free(targets);
    return e;
}

static err score(void *ctx, const struct row_tokens *row, double *out_loss, int64_t *out_trained) {
    struct quality *q = ctx;
    *out_loss = 0;
    *out_trained = 0;
    if (row->ids.n < 2 || row->ids.n - 1 > q->chain->train.sequence_len) return ERR_OK;
    if (!q->is_open) TRY(open_model(q));
    TRY(fill(&q->subject, row));
    return forward(&q->subject, out_loss, out_trained);
}

struct data_score quality_score(struct quality *q, const struct chain *c) {
    *q = (struct quality){.chain = c};
    return (struct data_score){score, q};
}

void quality_close(struct quality *q) {
    if (q->is_open) eval_subject_close(&q->subject);
    q->is_open = false;
}
