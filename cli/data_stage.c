/* SPDX-License-Identifier: Apache-2.0
 * A recipe's dataset. What would stop the training later - a row that is too long, nothing to
 * train, a tokenizer that is not the model's - stops it here, before the dataset takes its
 * place. A dataset that is built from the same input already stays as it is. The contract is
 * cli/data_stage.h. */
#include "cli/data_stage.h"
#include "base/env.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/forbidden.h"
#include "cli/quality.h"
#include "cli/train_rows.h"
#include "data/build.h"
#include "data/lint.h"
#include "data/tokens/tokenizer.h"
#include "eval/digest.h"
#include "eval/fit.h"
#include "model/model.h"
#include <string.h>

static err check_rows(const struct chain *c, enum dataset_split split, const struct dataset *d) {
    struct loader *loader;
    TRY(train_loader_open(&loader, d, split, &c->train));
    if (loader_n_dropped(loader) > 0)
        LOG(DATA, WARN, "%lld rows are longer than train.sequence_len and left out",
            (long long)loader_n_dropped(loader));
    if (loader_n_truncated(loader) > 0)
        LOG(DATA, WARN, "the prompts of %lld rows are cut to fit train.sequence_len",
            (long long)loader_n_truncated(loader));
    loader_close(loader);
    return ERR_OK;
}

/* The recipe's limits held against what the lints found. */
static err check_lint(const struct chain *c, const struct dataset *d) {
    json_t *report = NULL;
    if (c->data.lint.n == 0) return ERR_OK;
    err e = lint_read(d, c->train.sequence_len, &report);
    if (e == ERR_OK) e = lint_gate(report, &c->data.lint);
    json_decref(report);
    return e;
}

/* Opening checks the hashes, the loader everything that depends on the `train` section. */
static err check_dataset(void *ctx, const char *dir) {
    const struct chain *c = ctx;
    struct dataset *d;
    TRY(dataset_open(&d, dir));
    err e = check_lint(c, d);
    if (e == ERR_OK) e = check_rows(c, SPLIT_TRAIN, d);
    if (e == ERR_OK && dataset_n_rows(d, SPLIT_VALID) > 0) e = check_rows(c, SPLIT_VALID, d);
    dataset_close(d);
    return e;
}

/* Generation stops at the model's <eod>, so it must be the one that ends the answers. */
static err check_tokenizer(const struct chain *c, const struct model_config *config) {
    struct tokenizer *t;
    TRY(tokenizer_open(&t, c->base_model.path));
    err e = tokenizer_fits_model(t, config);
    tokenizer_free(t);
    return e ? fail_in(e, "'%s'", c->base_model.path) : ERR_OK;
}

static err base_vocabulary(const struct chain *c, int64_t *out) {
    struct model_config config;
    TRY(model_read_config(&config, c->base_model.path));
    *out = config.vocab_size;
    err e = check_tokenizer(c, &config);
    model_config_release(&config);
    return e;
}

/* Whether `out_dir` holds, whole, what would be built again. */
static err is_current(const struct data_build *b, const char *out_dir, bool *out) {
    char input[SHA256_HEX_SIZE];
    struct dataset *d;
    *out = false;
    if (!dir_exists(out_dir)) return ERR_OK;
    TRY(data_build_input(b, input));
    err e = dataset_open(&d, out_dir);
    if (e == ERR_MEMORY) return e;
    if (e != ERR_OK) return ERR_OK; /* damaged: built again */
    *out = strcmp(dataset_input(d), input) == 0;
    dataset_close(d);
    return ERR_OK;
}

/* What a build is handed from other folders; it must live as long as the build. */
struct joined {
    struct forbidden_source sets;
    struct quality quality;
    struct data_score score;
    char digest[SHA256_HEX_SIZE];
};

static err describe_build(const struct chain *c, struct joined *j, struct data_build *out) {
    j->sets = forbidden_of(c);
    j->score = quality_score(&j->quality, c);
    j->digest[0] = '\0';
    if (opt_list_has(&c->data.filters, "quality")) TRY(digest_model(c->base_model.path, j->digest));
    *out = (struct data_build){
        .options = &c->data,
        .requests = &c->requests,
        .tokenizer_dir = c->base_model.path,
        .seed = (uint64_t)c->train.seed,
        .forbidden = &j->sets,
        .score = &j->score,
        .score_digest = j->digest,
    };
    return base_vocabulary(c, &out->vocab_size);
}

err data_stage_build(const struct chain *c, const char *out_dir) {
    struct joined j;
    struct data_build b;
    TRY(describe_build(c, &j, &b));
    err e = data_build(&b, out_dir);
    quality_close(&j.quality);
    return e;
}

err data_stage(const struct chain *c, const char *out_dir, const char *cache_dir) {
    struct joined j;
    struct data_build b;
    bool current;
    TRY(describe_build(c, &j, &b));
    b.cache_dir = cache_dir ? cache_dir : env_get(ENV_COTRAIN_CACHE);
    b.check = check_dataset;
    b.check_ctx = (void *)c;
    TRY(is_current(&b, out_dir, &current));
    if (!current) {
        err e = data_build(&b, out_dir);
        quality_close(&j.quality);
        return e;
    }
    LOG(DATA, INFO, "'%s' is up to date", out_dir);
    return check_dataset((void *)c, out_dir);
}
