/* SPDX-License-Identifier: Apache-2.0
 * cotrain model probe: one batch through the model, and every number that another implementation
 * can be compared with: logits, the loss of each token, the loss, and the gradient of every
 * trainable parameter under its checkpoint name (PEFT's for an adapter). */
#include "base/mem.h"
#include "cli/command.h"
#include "cli/loaded.h"
#include "cli/probe_batch.h"
#include "model/formats/safetensors.h"
#include <math.h>
#include <string.h>

struct probe_options {
    const char *model, *adapter, *batch, *out, *loss_mask, *isolate, *device;
    bool grads;
};

#define ROW(field, ...) OPT(struct probe_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR|FILE", .help = "model folder, or its one file"),
    ROW(adapter, .value = "DIR", .help = "PEFT adapter folder on top of it"),
    ROW(batch, .required = true, .value = "FILE",
        .help = "safetensors with input_ids, and labels, attention_mask, position_ids if wanted"),
    ROW(out, .required = true, .value = "FILE", .help = "safetensors file to write"),
    ROW(grads, .help = "also the gradients of the loss"),
    ROW(loss_mask, .choices = "all,yuan-hf,yuan-megatron,answer", .preset = "all",
        .help = "which labels the loss is over"),
    ROW(isolate, .choices = "all,attention,none", .preset = "none",
        .help = "what stops at a document's border"),
    ROW(device, .value = "NAME", .help = "backend; default: the first that works"),
};

struct probe {
    struct loaded loaded;
    struct probe_batch input;
    float *logits, *token_loss, *mask;
    float loss;
    struct tensor *tensors;
    int64_t n_tensors;
};

/* Loss of every token that has a label, then the loss over the masked ones and its gradient. */
static err run_losses(struct probe *p, bool grads) {
    struct batch *b = &p->input.batch;
    struct model_call call = {.batch = b};
    double sum;
    int64_t n;
    TRY(model_loss(&p->loaded.model, &call, 0, &sum, &n, p->token_loss));
    memcpy(b->targets, p->input.masked, (size_t)b->n * sizeof *b->targets);
    int64_t trained = 0;
    for (int64_t i = 0; i < b->n; i++) {
        p->mask[i] = b->targets[i] != TARGET_IGNORE;
        trained += b->targets[i] != TARGET_IGNORE;
    }
    if (!trained) return fail(ERR_RANGE, "the loss mask leaves no label to train on");
    TRY(model_loss(&p->loaded.model, &call, grads ? 1.0 / (double)trained : 0, &sum, &n, NULL));
    p->loss = (float)(sum / (double)trained);
    if (!grads) return ERR_OK;
    TRY(model_backward(&p->loaded.model, &call));
    return model_finish_gradients(&p->loaded.model);
}

static err run_model(struct probe *p, bool grads) {
    struct batch *b = &p->input.batch;
    const size_t n = (size_t)b->n, V = (size_t)p->loaded.model.config.vocab_size;
    struct model_call call = {.batch = b};
    if (n > SIZE_MAX / V) return fail(ERR_LIMIT, "logits of %zu tokens are too many", n);
    p->logits = mem_alloc(n * V, sizeof *p->logits);
    p->token_loss = mem_zalloc(n, sizeof *p->token_loss);
    p->mask = mem_zalloc(n, sizeof *p->mask);
    if (!p->logits || !p->token_loss || !p->mask) return ERR_MEMORY;
    if (grads) TRY(model_zero_gradients(&p->loaded.model));
    TRY(model_forward(&p->loaded.model, &call));
    TRY(model_logits(&p->loaded.model, 0, b->n, p->logits));
    return run_losses(p, grads);
}

static struct tensor *add_tensor(struct probe *p, const char *name, const float *data) {
    struct tensor *t = &p->tensors[p->n_tensors++];
    *t = (struct tensor){.name = name, .dtype = DTYPE_F32, .count = 1, .data = data};
    return t;
}

static void add_dim(struct tensor *t, int64_t size) {
    t->shape[t->n_dims++] = size;
    t->count *= size;
}

/* Under the parameters' own names. */
static err add_gradients(struct probe *p, struct arena *arena) {
    struct compute *c = &p->loaded.compute;
    for (int64_t i = 0; i < loaded_n_params(&p->loaded); i++) {
        const char *name;
        const struct param *param = loaded_param(&p->loaded, i, &name);
        float *gradient = arena_alloc(arena, (size_t)param->count, sizeof *gradient);
        if (!gradient) return ERR_MEMORY;
        TRY(c->backend->download(c, gradient, param->gradient,
                                 (size_t)param->count * sizeof *gradient));
        struct tensor *t = add_tensor(p, name, gradient);
        for (int d = 0; d < param->n_dims; d++) add_dim(t, param->shape[d]);
    }
    return ERR_OK;
}

static err write_out(struct probe *p, const struct probe_options *o, struct arena *arena) {
    const int64_t B = p->input.n_rows, T = p->input.row_tokens;
    p->tensors = arena_alloc(arena, (size_t)loaded_n_params(&p->loaded) + 4, sizeof *p->tensors);
    if (!p->tensors) return ERR_MEMORY;
    struct tensor *logits = add_tensor(p, "logits", p->logits);
    add_dim(logits, B);
    add_dim(logits, T);
    add_dim(logits, p->loaded.model.config.vocab_size);
    struct tensor *token_loss = add_tensor(p, "token_loss", p->token_loss);
    add_dim(token_loss, B);
    add_dim(token_loss, T);
    struct tensor *mask = add_tensor(p, "loss_mask", p->mask);
    add_dim(mask, B);
    add_dim(mask, T);
    add_dim(add_tensor(p, "loss", &p->loss), 1);
    if (o->grads) TRY(add_gradients(p, arena));
    return safetensors_write(o->out, p->tensors, p->n_tensors);
}

/* The batch is read before weights are: its size decides the memory. */
static err read_input(struct probe *p, const struct probe_options *o) {
    struct model_config config;
    enum loss_mask mask;
    enum isolate isolate;
    TRY(loss_mask_parse(o->loss_mask, &mask));
    TRY(isolate_parse(o->isolate, &isolate));
    TRY(model_read_config(&config, o->model));
    err e = probe_batch_read(&p->input, o->batch, &config, mask, isolate);
    model_config_release(&config);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct probe_options *o = given;
    struct probe p = {0};
    TRY(read_input(&p, o));
    const struct loaded_options options = {.model_dir = o->model,
                                           .adapter_dir = o->adapter,
                                           .device = o->device,
                                           .max_tokens = p.input.batch.n,
                                           .gradients = o->grads};
    err e = loaded_open(&p.loaded, &options);
    if (!e) {
        e = run_model(&p, o->grads);
        if (e) fail_in(e, "'%s'", o->batch);
        if (!e) e = write_out(&p, o, arena);
        loaded_close(&p.loaded);
    }
    mem_free(p.logits);
    mem_free(p.token_loss);
    mem_free(p.mask);
    probe_batch_release(&p.input);
    return e;
}

const struct command cmd_model_probe = {
    .noun = "model",
    .verb = "probe",
    .summary = "logits, token losses, loss and gradients of one batch",
    .details =
        "The batch holds input_ids [B,T] and may hold labels (already the next tokens, -100 "
        "is not\ntrained; default: each row's own next tokens), attention_mask (padding at "
        "either end) and\nposition_ids. The output holds logits, token_loss, loss_mask, loss "
        "and, with --grads, the gradient\nof every trainable parameter under its checkpoint "
        "name.",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct probe_options),
    .run = run,
};
