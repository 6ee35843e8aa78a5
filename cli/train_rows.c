/* SPDX-License-Identifier: Apache-2.0
 * The loader behind the trainer's source of rows. The two structs of a row have the same fields but
 * different names, since neither folder may know the other; each step copies its few pointers. The
 * contract is cli/train_rows.h. */
#include "cli/train_rows.h"
#include "base/mem.h"
#include "model/batch.h"
#include <string.h>

_Static_assert((int)LOADER_IGNORE == (int)TARGET_IGNORE, "both leave out the same targets");

err train_loader_options(const struct train_options *options, enum dataset_split split,
                         struct loader_options *out, enum isolate *out_isolate) {
    enum isolate isolate;
    bool next_fit = options->packing_strategy && !strcmp(options->packing_strategy, "next_fit");
    *out = (struct loader_options){
        .sequence_len = options->sequence_len,
        .rows_per_step = train_options_rows(options),
        .epochs = split == SPLIT_TRAIN ? (double)options->num_epochs : 1,
        .max_steps = split == SPLIT_TRAIN ? options->max_steps : 0,
        .seed = (uint64_t)options->seed,
        .packing = !options->sample_packing ? PACKING_NONE
                   : next_fit               ? PACKING_NEXT_FIT
                                            : PACKING_BEST_FIT,
        .in_order = split != SPLIT_TRAIN,
    };
    TRY(isolate_parse(options->isolate, &isolate));
    TRY(overlong_parse(options->overlong, &out->overlong));
    TRY(loss_mask_parse(options->loss_mask, &out->loss_mask));
    out->train_across_borders = isolate != ISOLATE_ALL;
    if (out_isolate) *out_isolate = isolate;
    return ERR_OK;
}

err train_loader_open(struct loader **out, const struct dataset *d, enum dataset_split split,
                      const struct train_options *options) {
    struct loader_options o;
    TRY(train_loader_options(options, split, &o, NULL));
    return loader_open(out, d, split, &o);
}

err train_epoch_text(struct loader *loader, const struct train_options *o, struct str *out) {
    struct loader_epoch e;
    TRY(loader_epoch(loader, 0, &e));
    return str_printf(out,
                      "%lld documents of %lld tokens in %lld rows of %lld an epoch, %.2f %% full, "
                      "%.1f %% trained\n",
                      (long long)e.n_documents, (long long)e.n_tokens, (long long)e.n_rows,
                      (long long)o->sequence_len, 100 * e.full,
                      100 * (double)e.n_trained / (double)e.n_tokens);
}

err train_epoch_json(struct loader *loader, json_t *out) {
    struct loader_epoch e;
    TRY(loader_epoch(loader, 0, &e));
    TRY(json_put(out, "documents", json_integer(e.n_documents)));
    TRY(json_put(out, "tokens", json_integer(e.n_tokens)));
    TRY(json_put(out, "trained_tokens", json_integer(e.n_trained)));
    TRY(json_put(out, "rows", json_integer(e.n_rows)));
    TRY(json_put(out, "positions", json_integer(e.n_positions)));
    return json_put(out, "packing_efficiency", json_real(e.full));
}

static err give_rows(void *ctx, int64_t step, const struct train_row **out, int64_t *out_n) {
    struct train_rows *t = ctx;
    const struct loader_row *rows;
    TRY(loader_rows(t->loader, step, &rows, out_n));
    for (int64_t r = 0; r < *out_n; r++)
        t->rows[r] = (struct train_row){rows[r].n, rows[r].ids, rows[r].targets, rows[r].doc_start};
    *out = t->rows;
    return ERR_OK;
}

static err give_names(void *ctx, int64_t step, struct str *out) {
    struct train_rows *t = ctx;
    return loader_describe(t->loader, step, out);
}

err train_rows_open(struct train_rows *t, const struct dataset *d, enum dataset_split split,
                    const struct train_options *options) {
    *t = (struct train_rows){0};
    TRY(train_loader_open(&t->loader, d, split, options));
    t->rows = mem_zalloc((size_t)loader_max_rows(t->loader), sizeof *t->rows);
    if (!t->rows) {
        train_rows_close(t);
        return ERR_MEMORY;
    }
    t->source = (struct train_source){
        .ctx = t,
        .n_steps = loader_n_steps(t->loader),
        .steps_per_epoch = loader_steps_per_epoch(t->loader),
        .max_row_tokens = loader_max_row_tokens(t->loader),
        .max_rows = loader_max_rows(t->loader),
        .digest = dataset_digest(d),
        .eod = dataset_eod(d),
        .rows = give_rows,
        .describe = give_names,
    };
    return ERR_OK;
}

void train_rows_close(struct train_rows *t) {
    loader_close(t->loader);
    mem_free(t->rows);
    *t = (struct train_rows){0};
}
