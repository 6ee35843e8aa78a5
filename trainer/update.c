/* SPDX-License-Identifier: Apache-2.0
 * The updates of a step. With s the number of its trained tokens:
 *   norm = |g| / s over all gradients
 *   each parameter is updated with g * min(1, max_grad_norm / (norm + 1e-6)) / s
 * What is taken in the backward pass is updated with g / s: the norm is not known yet.
 * Source: spec of Yuan 2.0 training (clipping). Read next: trainer/update.h. */
#include "trainer/update.h"

#include "compute/ops/adamw.h"
#include "trainer/trainer_int.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { MAX_DESCRIPTION_BYTES = 600 };

err step_fail(const struct trainer *t, int64_t step, err code, const char *what) {
    struct str samples = {0};
    err e = t->run.source->describe(t->run.source->ctx, step, &samples);
    if (e != ERR_OK) str_clear(&samples);
    if (samples.len > MAX_DESCRIPTION_BYTES) {
        size_t cut = MAX_DESCRIPTION_BYTES;
        while (cut > 0 && ((unsigned char)samples.data[cut] & 0xC0) == 0x80) cut--;
        samples.data[cut] = '\0';
    }
    e = fail(code, "step %" PRId64 ": %s; its samples: %s%s", step + 1, what, str_text(&samples),
             samples.len > MAX_DESCRIPTION_BYTES ? " ..." : "");
    str_release(&samples);
    return e;
}

err update_fail_numeric(const struct trainer *t, const char *what) {
    const struct trainer_internal *in = t->internal;
    err e = step_fail(t, in->update.step, ERR_NUMERIC, what);
    const char *spoilt = in->update.any_taken
                             ? "the weights in memory are spoilt, since some were updated before "
                               "it was found (train.optimizer_in_backward); "
                             : "";
    if (in->kept_step == 0)
        return fail_hint(e,
                         "%sthere is no checkpoint yet: start again; a lower learning_rate may "
                         "help",
                         spoilt);
    return fail_hint(
        e, "%sthe checkpoint of step %" PRId64 " in '%s' is good; a lower learning_rate may help",
        spoilt, in->kept_step, t->run.dir);
}

void update_begin(struct trainer *t, int64_t step, int64_t trained) {
    struct step_update *u = &t->internal->update;
    bool *taken = u->taken;
    memset(taken, 0, (size_t)t->n_params * sizeof *taken);
    *u = (struct step_update){.step = step,
                              .lr = schedule_rate(&t->internal->schedule, step),
                              .trained = trained,
                              .taken = taken};
}

static bool decays(const struct train_options *o, const struct param *p) {
    if (!strcmp(o->weight_decay_rule, "megatron"))
        return p->n_dims > 1 && !str_ends(p->name, ".bias");
    return p->n_dims == 2;
}

static err sum_squares(const struct trainer *t, int64_t n, struct mat x, double *sum) {
    double squares;
    const struct sum_squares_args args = {n, x, &squares};
    TRY(t->run.compute->backend->sum_squares(t->run.compute, &args));
    *sum += squares;
    return ERR_OK;
}

/* Elements [begin, begin + n) of trained parameter `i`. */
static err update_slice(const struct trainer *t, int64_t i, int64_t begin, int64_t n,
                        struct mat gradient, double clip) {
    const struct optimizer_kind *kind = t->internal->optimizer;
    const struct train_options *o = t->run.options;
    const struct step_update *s = &t->internal->update;
    struct optimizer_update u = {
        .param = t->params[i],
        .number = i,
        .begin = begin,
        .n = n,
        .gradient = gradient,
        .lr = s->lr * t->internal->rates[i],
        .weight_decay = decays(o, t->params[i]) ? o->weight_decay : 0,
        .gradient_scale = fmin(1, clip) / (double)s->trained,
        .step = s->step + 1,
        .options = o,
    };
    const struct optimizer_states *states = &t->internal->states[i];
    memcpy(u.state, states->data, sizeof u.state);
    if (t->internal->offload.optimizer)
        return offload_update(&t->internal->offload, t->run.compute, kind, &u, states->of,
                              states->n);
    return kind->update(t->run.compute, &u);
}

err update_take(void *ctx, struct param *p, int64_t begin, int64_t n, const float *values) {
    const struct trainer *t = ctx;
    struct step_update *s = &t->internal->update;
    const struct mat row = {values, DTYPE_F32, n, 1};
    int64_t i = t->internal->n_beside;
    double squares = 0;
    while (i < t->n_params && t->params[i] != p) i++;
    BUG_IF(i == t->n_params);
    TRY(sum_squares(t, n, row, &squares));
    if (!isfinite(squares)) {
        struct str what = {0};
        TRY(str_printf(&what, "the gradient of '%s' is not finite", p->name));
        err e = update_fail_numeric(t, str_text(&what));
        str_release(&what);
        return e;
    }
    s->squares += squares;
    s->taken[i] = s->any_taken = true;
    return update_slice(t, i, begin, n, row, 1);
}

err update_end(struct trainer *t, double *out_norm) {
    const struct step_update *s = &t->internal->update;
    const double most = t->run.options->max_grad_norm;
    double sum = s->squares;
    for (int64_t i = 0; i < t->n_params; i++)
        if (!s->taken[i])
            TRY(sum_squares(t, t->params[i]->count, param_gradient(t->params[i]), &sum));
    *out_norm = sqrt(sum) / (double)s->trained;
    if (!isfinite(*out_norm)) return update_fail_numeric(t, "the gradient is not finite");
    const double clip = most > 0 ? most / (*out_norm + 1e-6) : 1;
    for (int64_t i = 0; i < t->n_params; i++)
        if (!s->taken[i])
            TRY(update_slice(t, i, 0, t->params[i]->count, param_gradient(t->params[i]), clip));
    return t->run.compute->backend->wait(t->run.compute);
}
