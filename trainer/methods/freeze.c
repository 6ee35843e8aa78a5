/* SPDX-License-Identifier: Apache-2.0
 * Freezing: of the parameters that would be trained, only those stay that belong to the layers of
 * trainable_layers, match a pattern of train_only, and match none of freeze; each of the three says
 * nothing where it is not given. What would be trained is the whole model, or the adapter with what
 * it trains beside itself.
 * Read next: trainer/methods/names.h for the patterns. */
#include "trainer/methods/method.h"

#include "base/log.h"
#include "trainer/methods/names.h"
#include "trainer/trainer_int.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool freeze_wanted(const struct train_run *run) {
    const struct train_options *o = run->options;
    return o->freeze.n > 0 || o->train_only.n > 0 || o->trainable_layers != 0;
}

/* The layer that a parameter is in; -1: outside the layers. */
static int64_t layer_of(const struct param *p) {
    const char *at = strstr(p->name, "layers.");
    return at ? strtoll(at + strlen("layers."), NULL, 10) : -1;
}

static err keep_layers(const struct train_run *run, const struct trained_list *all) {
    const int64_t L = run->model->config.n_layers, wanted = run->options->trainable_layers;
    if (wanted == 0) return ERR_OK;
    if (wanted > L || wanted < -L)
        return fail(ERR_RANGE,
                    "train: 'trainable_layers' is %" PRId64 ", and the model has %" PRId64
                    " layers",
                    wanted, L);
    for (int64_t i = 0; i < all->n; i++) {
        int64_t layer = layer_of(all->params[i]);
        bool kept = wanted > 0 ? layer >= L - wanted : layer >= 0 && layer < -wanted;
        if (!kept) all->params[i]->trained = false;
    }
    return ERR_OK;
}

/* Unmarks what matches one of the patterns, or what matches none where `keep` is set. */
static err apply(const struct trained_list *all, const char *key, const struct opt_list *patterns,
                 bool keep, bool *matches) {
    if (patterns->n == 0) return ERR_OK;
    memset(matches, 0, (size_t)all->n * sizeof *matches);
    for (int64_t i = 0; i < patterns->n; i++)
        TRY(names_match(key, patterns->items[i], all->params, all->n, matches));
    for (int64_t i = 0; i < all->n; i++)
        if (matches[i] != keep) all->params[i]->trained = false;
    return ERR_OK;
}

static err report(const struct trained_list *all) {
    int64_t n = 0, numbers = 0;
    for (int64_t i = 0; i < all->n; i++) {
        n += all->params[i]->trained;
        numbers += all->params[i]->trained ? all->params[i]->count : 0;
    }
    if (n == 0) {
        err e = fail(ERR_RANGE, "train: everything is frozen, no parameter is left to train");
        return fail_hint(e, "see train.freeze, train.train_only and train.trainable_layers");
    }
    LOG(TRAINER, INFO, "training %" PRId64 " of %" PRId64 " parameters, %" PRId64 " numbers", n,
        all->n, numbers);
    return ERR_OK;
}

static err choose(const struct train_run *run, struct arena *arena) {
    const struct train_options *o = run->options;
    struct trained_list all;
    TRY(trained_list(run, arena, &all));
    bool *matches = arena_alloc(arena, (size_t)all.n, sizeof *matches);
    if (!matches) return ERR_MEMORY;
    TRY(keep_layers(run, &all));
    TRY(apply(&all, "train_only", &o->train_only, true, matches));
    TRY(apply(&all, "freeze", &o->freeze, false, matches));
    return report(&all);
}

static err freeze_choose(const struct train_run *run) {
    struct arena arena = {0};
    err e = choose(run, &arena);
    arena_release(&arena);
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
