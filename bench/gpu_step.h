/* SPDX-License-Identifier: Apache-2.0
 * One training step of a model of any size, counted on paper: the real trainer over a checkpoint
 * that is only a header and a hole (a sparse file), on the backend that computes nothing.
 * Read next: bench/paper.h, bench/trial.h. */
#ifndef COTRAIN_BENCH_GPU_STEP_H
#define COTRAIN_BENCH_GPU_STEP_H

#include "base/file.h"
#include "base/json.h"
#include "bench/paper.h"
#include "bench/trial.h"
#include "model/params_int.h"
#include "trainer/update.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct counted_step {
    const char *name, *method;
    const char *sets[4];
    int n_sets;
    struct recompute recompute;
    double plan_bytes;
    struct paper paper;
};

static inline err step_tensor(const struct param_spec *s, int64_t *at, json_t *header) {
    char name[128];
    if (s->layer < 0)
        snprintf(name, sizeof name, "%s", s->suffix);
    else
        snprintf(name, sizeof name, "model.layers.%lld.%s", (long long)s->layer, s->suffix);
    json_t *shape = json_array();
    int64_t bytes = dtype_bytes(DTYPE_BF16);
    err e = shape ? ERR_OK : fail(ERR_MEMORY, "out of memory for a shape");
    for (int d = 0; d < s->n_dims && !e; d++) {
        bytes *= s->shape[d];
        e = json_push(shape, json_integer(s->shape[d]));
    }
    if (e) {
        json_decref(shape);
        return e;
    }
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", "BF16", "shape", shape,
                              "data_offsets", (json_int_t)*at, (json_int_t)(*at + bytes));
    *at += bytes;
    return json_put(header, name, entry);
}

static inline err step_write_file(const char *path, const struct str *header, int64_t data_bytes) {
    const uint64_t length = header->len; /* little-endian, as every machine that has a GPU */
    const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0) return fail(ERR_IO, "'%s' cannot be written", path);
    const bool written = write(fd, &length, sizeof length) == (ssize_t)sizeof length &&
                         write(fd, header->data, header->len) == (ssize_t)header->len &&
                         ftruncate(fd, (off_t)(sizeof length + header->len) + data_bytes) == 0;
    close(fd);
    return written ? ERR_OK : fail(ERR_IO, "'%s' cannot be written", path);
}

/* DIR/config.json and DIR/model.safetensors, bf16, all zeros and taking no room. */
static inline err step_write_model(const struct model_config *c, const char *dir) {
    char path[512];
    struct str text = {0};
    int64_t at = 0;
    json_t *header = json_object();
    err e = header ? ERR_OK : fail(ERR_MEMORY, "out of memory for a header");
    for (int64_t i = 0; i < param_spec_count(c) && !e; i++) {
        const struct param_spec spec = param_spec_at(c, i);
        e = step_tensor(&spec, &at, header);
    }
    if (!e) e = json_text(header, 0, &text);
    while (!e && text.len % 8) e = str_add(&text, " ");
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    if (!e) e = step_write_file(path, &text, at);
    snprintf(path, sizeof path, "%s/config.json", dir);
    if (!e) e = json_write_file(path, c->json);
    json_decref(header);
    str_release(&text);
    return e;
}

/* As trainer/loop.c does it, without the record and the checkpoint, which read what is trained. */
static inline err step_pass(struct trial *t, struct batch *batch) {
    const struct model_call call = {.batch = batch, .training = true, .seed = 1};
    const struct train_row *row = &t->rows[0];
    struct model *m = &t->model;
    int64_t trained;
    double sum, norm;
    TRY(batch_add_row(batch, row->n, row->ids, row->targets, NULL, m->config.eod, ISOLATE_ALL));
    update_begin(&t->trainer, 0, row->n);
    TRY(model_zero_gradients(m));
    TRY(model_forward(m, &call));
    TRY(model_loss(m, &call, 1, &sum, &trained, NULL));
    TRY(model_backward(m, &call));
    TRY(model_finish_gradients(m));
    return update_end(&t->trainer, &norm);
}

static inline err step_run(struct counted_step *s, struct trial *t, struct compute *c,
                           const struct trial_options *options) {
    struct batch batch = {0};
    TRY(trial_open(t, options, c, ""));
    s->plan_bytes = (double)t->plan.total_bytes;
    TRY(plan_allocate(&t->plan, c));
    TRY(trainer_start(&t->trainer, &t->plan));
    TRY(batch_init(&batch, options->tokens));
    paper_clear(&s->paper);
    err e = step_pass(t, &batch);
    batch_release(&batch);
    return e;
}

/* One row of `tokens`, all of them trained. */
static inline err step_count(struct counted_step *s, const char *model, int64_t tokens,
                             const struct roofline *roofline) {
    struct compute c;
    struct trial trial;
    const struct trial_options options = {.model = model,
                                          .method = s->method,
                                          .tokens = tokens,
                                          .rows = 1,
                                          .steps = 1,
                                          .rank = 16,
                                          .recompute = s->recompute,
                                          .sets = s->sets,
                                          .n_sets = s->n_sets};
    TRY(paper_open(&s->paper, &c, roofline, tokens));
    err e = step_run(s, &trial, &c, &options);
    trial_close(&trial);
    compute_close(&c);
    return e;
}

#endif
