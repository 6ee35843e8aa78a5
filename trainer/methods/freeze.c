/* SPDX-License-Identifier: Apache-2.0
 * Freezing: of the parameters that would be trained, only those stay that belong to the layers of
 * trainable_layers, match a pattern of train_only, and match none of freeze; each of the three says
 * nothing where it is not given. What would be trained is the whole model, or the adapter with what
 * it trains beside itself.
 * Read next: trainer/methods/names.h for the patterns. */
#include "trainer/methods/method.h"

#include "base/log.h"
#include "base/mem.h"
#include "trainer/methods/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct candidates {
    struct param **params;
    int64_t n;
    bool *matches;
};

static bool freeze_wanted(const struct train_run *run) {
    const struct train_options *o = run->options;
    return o->freeze.n > 0 || o->train_only.n > 0 || o->trainable_layers != 0;
}

static void add_trained(struct candidates *c, struct param *params, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (params[i].trained) c->params[c->n++] = &params[i];
}

static err find_candidates(const struct train_run *run, struct candidates *c) {
    int64_t n = 0;
    struct param *beside = run->adapter ? adapter_params(run->adapter, &n) : NULL;
    size_t most = (size_t)(n + run->model->n_params);
    c->params = mem_alloc(most, sizeof *c->params);
    c->matches = mem_alloc(most, sizeof *c->matches);
    if (!c->params || !c->matches) return ERR_MEMORY;
    add_trained(c, beside, n);
    add_trained(c, run->model->params, run->model->n_params);
    return ERR_OK;
}

/* The layer that a parameter is in; -1: outside the layers. */
static int64_t layer_of(const struct param *p) {
    const char *at = strstr(p->name, "layers.");
    return at ? strtoll(at + strlen("layers."), NULL, 10) : -1;
}

static err keep_layers(const struct train_run *run, const struct candidates *c) {
    const int64_t L = run->model->config.n_layers, wanted = run->options->trainable_layers;
    if (wanted == 0) return ERR_OK;
    if (wanted > L || wanted < -L)
        return fail(ERR_RANGE,
                    "train: 'trainable_layers' is %" PRId64 ", and the model has %" PRId64
                    " layers",
                    wanted, L);
    for (int64_t i = 0; i < c->n; i++) {
        int64_t layer = layer_of(c->params[i]);
        bool kept = wanted > 0 ? layer >= L - wanted : layer >= 0 && layer < -wanted;
        if (!kept) c->params[i]->trained = false;
    }
    return ERR_OK;
}

/* Unmarks what matches one of the patterns, or what matches none where `keep` is set. */
static err apply(const struct candidates *c, const char *key, const struct opt_list *patterns,
                 bool keep) {
    if (patterns->n == 0) return ERR_OK;
    memset(c->matches, 0, (size_t)c->n * sizeof *c->matches);
    for (int64_t i = 0; i < patterns->n; i++)
        TRY(names_match(key, patterns->items[i], c->params, c->n, c->matches));
    for (int64_t i = 0; i < c->n; i++)
        if (c->matches[i] != keep) c->params[i]->trained = false;
    return ERR_OK;
}

static err report(const struct candidates *c) {
    int64_t n = 0, numbers = 0;
    for (int64_t i = 0; i < c->n; i++) {
        n += c->params[i]->trained;
        numbers += c->params[i]->trained ? c->params[i]->count : 0;
    }
    if (n == 0) {
        err e = fail(ERR_RANGE, "train: everything is frozen, no parameter is left to train");
        return fail_hint(e, "see train.freeze, train.train_only and train.trainable_layers");
    }
    LOG(TRAINER, INFO, "training %" PRId64 " of %" PRId64 " parameters, %" PRId64 " numbers", n,
        c->n, numbers);
    return ERR_OK;
}

static err freeze_choose(const struct train_run *run) {
    const struct train_options *o = run->options;
    struct candidates c = {0};
    err e = find_candidates(run, &c);
    if (e == ERR_OK) e = keep_layers(run, &c);
    if (e == ERR_OK) e = apply(&c, "train_only", &o->train_only, true);
    if (e == ERR_OK) e = apply(&c, "freeze", &o->freeze, false);
    if (e == ERR_OK) e = report(&c);
    mem_free(c.params);
    mem_free(c.matches);
    return e;
}

extern const struct method freeze_method;
const struct method freeze_method = {
    .name = "freeze",
    .summary = "some parameters, by layer or name pattern, stay as they are",
    .keys = "train.freeze, train.train_only, train.trainable_layers",
    .wanted = freeze_wanted,
    .choose = freeze_choose,
};
