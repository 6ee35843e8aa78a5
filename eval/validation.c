/* SPDX-License-Identifier: Apache-2.0
 * Validation rows through a model (eval/validation.h). No packing and no shuffle: a row's loss must
 * not depend on which other rows there are.
 * Read next: model/batch.h for isolation. */
#include "eval/validation.h"
#include "data/dataset/dataset.h"

err validation_open(struct validation *v, const struct dataset *d, const struct loader_options *how,
                    enum isolate isolate) {
    struct loader_options rows = *how;
    *v = (struct validation){.isolate = isolate};
    if (d == NULL || dataset_n_rows(d, SPLIT_VALID) == 0) return ERR_OK;
    rows.rows_per_step = 1;
    rows.epochs = 1;
    rows.max_steps = 0;
    rows.packing = PACKING_NONE;
    rows.in_order = true;
    TRY(loader_open(&v->rows, d, SPLIT_VALID, &rows));
    err result = batch_init(&v->batch, loader_max_row_tokens(v->rows));
    if (result != ERR_OK) validation_close(v);
    return result;
}

void validation_close(struct validation *v) {
    if (v->rows != NULL) loader_close(v->rows);
    batch_release(&v->batch);
    *v = (struct validation){0};
}

int64_t validation_max_tokens(const struct validation *v) {
    return v->rows != NULL ? loader_max_row_tokens(v->rows) : 0;
}

static err add_row(struct validation *v, struct model *m, const struct loader_row *row,
                   struct validation_sums *sums) {
    double loss = 0.0;
    int64_t trained = 0;
    batch_clear(&v->batch);
    TRY(batch_add_row(&v->batch, row->n, row->ids, row->targets, row->doc_start, m->config.eod,
                      v->isolate));
    struct model_call call = {.batch = &v->batch};
    TRY(model_forward(m, &call));
    TRY(model_loss(m, &call, 0.0, &loss, &trained, NULL));
    sums->loss += loss;
    sums->n_tokens += trained;
    sums->n_rows++;
    return ERR_OK;
}

err validation_run(struct validation *v, struct model *m, struct validation_sums *out) {
    *out = (struct validation_sums){0};
    int64_t n_steps = v->rows != NULL ? loader_n_steps(v->rows) : 0;
    for (int64_t step = 0; step < n_steps; step++) {
        const struct loader_row *row = NULL;
        int64_t n = 0;
        err result = loader_rows(v->rows, step, &row, &n);
        for (int64_t i = 0; i < n && result == ERR_OK; i++) result = add_row(v, m, &row[i], out);
        if (result != ERR_OK) return fail_in(result, "validation row %lld", (long long)(step + 1));
    }
    return ERR_OK;
}
