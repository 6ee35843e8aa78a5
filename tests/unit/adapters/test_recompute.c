/* SPDX-License-Identifier: Apache-2.0
 * Rows made again in the backward pass: for every number of layers that keep their input only, and
 * of feed-forwards that keep no inner rows, two updates of two micro-batches each have the
 * losses, gradients and weights, bit for bit, of a model that keeps everything; the plan is smaller
 * by what is not kept; and an observer sees each intermediate result once.
 * Under test: struct recompute of model/model.h, model/workspace.c, model/pass.c. */
#include "adapters/adapter.h"
#include "base/hash.h"
#include "base/par.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

#include <string.h>

enum { LAYERS = 4, MAX_TOKENS = 40, STEPS = 2, DOCUMENTS = 3 };
static const int64_t lengths[DOCUMENTS] = {11, 1, 19};

struct setting {
    const char *changes; /* of the config, beside the layers; NULL: none */
    const char *adapter; /* NULL: the base is trained */
    double dropout, noise;
    bool padded;      /* rows with hidden padding, else packed documents */
    int64_t n_frozen; /* lower layers that are not trained, with the embedding */
};

struct subject {
    struct small s;
    struct adapter *adapter;
    struct param *beside; /* the adapter's */
    int64_t n_beside, n_observed;
    bool observed_twice;
    struct str observed; /* "\n" before and after each name */
};

/* Frozen: the embedding and layers below n_frozen, of the base and of the adapter. */
static bool is_frozen(const struct setting *o, const char *name) {
    const char *at = strstr(name, "layers.");
    if (o->n_frozen == 0) return false;
    return at ? strtol(at + strlen("layers."), NULL, 10) < o->n_frozen
              : strstr(name, "embed_tokens") != NULL;
}

static void mark(const struct setting *o, struct param *params, int64_t n, bool trained) {
    for (int64_t i = 0; i < n; i++) params[i].trained = trained && !is_frozen(o, params[i].name);
}

static void subject_open(struct subject *k, const char *dir, const struct setting *o,
                         struct recompute recompute) {
    struct model *m = &k->s.model;
    const char *targets[] = {"all"};
    const struct adapter_options adapter = {.type = o->adapter,
                                            .r = 3,
                                            .lora_alpha = 6,
                                            .lora_dropout = o->dropout,
                                            .target_modules = {targets, 1}};
    *k = (struct subject){0};
    assert_ok(compute_open(&k->s.compute, NULL));
    assert_ok(model_open(m, dir, &k->s.compute));
    if (o->adapter) assert_ok(adapter_new(&k->adapter, m, &adapter, 1));
    if (k->adapter) k->beside = adapter_params(k->adapter, &k->n_beside);
    mark(o, m->params, m->n_params, !k->adapter);
    mark(o, k->beside, k->n_beside, true);
    const struct model_plan_options options = {.max_tokens = MAX_TOKENS,
                                               .backward = true,
                                               .embedding_noise = o->noise,
                                               .recompute = recompute};
    assert_ok(model_plan(m, &k->s.plan, &options));
    if (k->adapter) assert_ok(adapter_plan(k->adapter, &k->s.plan, true));
    assert_ok(plan_allocate(&k->s.plan, &k->s.compute));
    assert_ok(model_start(m, &k->s.plan));
    if (k->adapter) assert_ok(adapter_start(k->adapter, &k->s.plan));
    for (int64_t i = 0; i < k->n_beside; i++) { /* B away from 0, or A has no gradient */
        const struct rng rng = {.seed = 3, .purpose = RNG_TEST, .step = (uint64_t)i};
        for (int64_t j = 0; j < k->beside[i].count; j++)
            k->beside[i].value[j] += (float)(0.1 * rng_normal(&rng, (uint64_t)j));
    }
}

static void subject_close(struct subject *k) {
    str_release(&k->observed);
    adapter_free(k->adapter);
    small_close(&k->s);
}

/* Documents of one micro-batch, packed; or rows of their own whose first third is padding. */
static void fill_batch(const struct setting *o, int number, struct batch *b) {
    int32_t ids[MAX_TOKENS], targets[MAX_TOKENS];
    uint8_t seen[MAX_TOKENS], starts[MAX_TOKENS] = {0};
    int64_t n = 0;
    for (int i = 0; i < DOCUMENTS; i++) {
        const int64_t length = lengths[i];
        starts[n] = 1;
        small_document((uint64_t)(number * DOCUMENTS + i), length, ids + n);
        for (int64_t t = 0; t < length; t++) {
            seen[n + t] = t >= length / 3;
            targets[n + t] = t + 1 == length || t % 5 == 0 ? TARGET_IGNORE : ids[n + t + 1];
        }
        if (o->padded) {
            assert_ok(
                batch_add_row(b, length, ids + n, targets + n, NULL, SMALL_EOD, ISOLATE_ATTENTION));
            assert_ok(batch_hide(b, length, seen + n));
        }
        n += length;
    }
    if (!o->padded) assert_ok(batch_add_row(b, n, ids, targets, starts, SMALL_EOD, ISOLATE_ALL));
}

static err note(void *ctx, const char *name, const float *values, int64_t rows, int64_t columns) {
    struct subject *k = ctx;
    char line[80];
    (void)values, (void)rows, (void)columns;
    snprintf(line, sizeof line, "\n%s\n", name);
    k->n_observed++;
    if (strstr(str_text(&k->observed), line)) k->observed_twice = true;
    return str_add(&k->observed, line);
}

static void pass(struct subject *k, const struct setting *o, int step, int number,
                 struct sha256 *bits) {
    struct batch b;
    struct model *m = &k->s.model;
    const struct model_call call = {.batch = &b,
                                    .training = true,
                                    .seed = 42,
                                    .step = (uint64_t)step,
                                    .observe = step + number == 0 ? note : NULL,
                                    .observe_ctx = k};
    float losses[MAX_TOKENS];
    double sum;
    int64_t trained;
    assert_ok(batch_init(&b, MAX_TOKENS));
    b.row_base = number * MAX_TOKENS;
    fill_batch(o, number, &b);
    assert_ok(model_forward(m, &call));
    assert_ok(model_loss(m, &call, 1.0 / 31, &sum, &trained, losses));
    assert_ok(model_backward(m, &call));
    assert_ok(sha256_add(bits, losses, (size_t)b.n * sizeof *losses));
    assert_ok(sha256_add(bits, &sum, sizeof sum));
    batch_release(&b);
}

/* Plain descent; gradients and new weights go into `bits`. */
static void update(struct param *params, int64_t n, struct sha256 *bits) {
    for (int64_t i = 0; i < n; i++) {
        struct param *p = &params[i];
        if (!p->trained) continue;
        assert_ok(sha256_add(bits, p->gradient, (size_t)p->count * sizeof *p->gradient));
        for (int64_t j = 0; j < p->count; j++) p->value[j] -= 0.05f * p->gradient[j];
        assert_ok(sha256_add(bits, p->value, (size_t)p->count * sizeof *p->value));
    }
}

static void train(struct subject *k, const struct setting *o, char digest[SHA256_HEX_SIZE]) {
    struct model *m = &k->s.model;
    struct sha256 bits;
    assert_ok(sha256_init(&bits));
    for (int step = 0; step < STEPS; step++) {
        assert_ok(model_zero_gradients(m));
        for (int64_t i = 0; i < k->n_beside; i++)
            if (k->beside[i].trained)
                memset(k->beside[i].gradient, 0, (size_t)k->beside[i].count * sizeof(float));
        for (int number = 0; number < 2; number++) pass(k, o, step, number, &bits);
        assert_ok(model_finish_gradients(m));
        update(m->params, m->n_params, &bits);
        update(k->beside, k->n_beside, &bits);
    }
    assert_ok(sha256_final(&bits, digest));
}

static size_t row_bytes(const struct plan *p, const char *name) {
    size_t bytes = 0;
    for (int64_t i = 0; i < p->n_rows; i++)
        if (!strcmp(p->rows[i].name, name)) bytes += p->rows[i].bytes;
    return bytes;
}

/* Memories of a row that all layers but `n_lost` of those that are entered keep. */
static size_t memories(const struct setting *o, int64_t n_lost) {
    const int64_t sharing = o->n_frozen + n_lost;
    return (size_t)(LAYERS - sharing + (sharing > 0));
}

static void check_plan(const struct subject *k, const struct setting *o, struct recompute r) {
    const struct plan *p = &k->s.plan;
    const int64_t entered = LAYERS - o->n_frozen;
    const int64_t inputs = r.layers < entered ? r.layers : entered;
    const int64_t inner = r.feed_forwards < entered - inputs ? inputs + r.feed_forwards : entered;
    const size_t C = MAX_TOKENS * 24 * sizeof(float), F = MAX_TOKENS * 36 * sizeof(float);
    assert_int_equal(row_bytes(p, "x"), memories(o, 0) * C);
    assert_int_equal(row_bytes(p, "qk"), memories(o, inputs) * 2 * C);
    assert_int_equal(row_bytes(p, "up"), memories(o, inner) * F);
    assert_int_equal(row_bytes(p, "gate"), memories(o, inner) * F);
}

static void check_setting(const struct setting *o) {
    char changes[200], want[SHA256_HEX_SIZE], got[SHA256_HEX_SIZE];
    struct subject k;
    int64_t n_observed = 0;
    snprintf(changes, sizeof changes, "\"num_hidden_layers\": %d%s%s", LAYERS,
             o->changes ? ", " : "", o->changes ? o->changes : "");
    const char *dir = small_model(folder, changes, DTYPE_F32);
    for (int64_t layers = 0; layers <= LAYERS + 1; layers++)
        for (int64_t inner = 0; inner <= LAYERS - layers + 1; inner++) {
            const struct recompute r = {.layers = layers > LAYERS ? INT64_MAX : layers,
                                        .feed_forwards = inner > LAYERS ? INT64_MAX : inner};
            const bool first = layers == 0 && inner == 0;
            subject_open(&k, dir, o, r);
            check_plan(&k, o, r);
            train(&k, o, first ? want : got);
            if (first) n_observed = k.n_observed;
            if (!first && strcmp(got, want) != 0)
                fail_msg("other bits with %d layers and %d feed-forwards made again", (int)layers,
                         (int)inner);
            assert_false(k.observed_twice);
            assert_true(k.n_observed == n_observed && n_observed > 0);
            subject_close(&k);
        }
}

static void full(void **state) {
    (void)state;
    check_setting(&(struct setting){.noise = 5});
}

static void full_share_qk_padded(void **state) {
    (void)state;
    check_setting(&(struct setting){.changes = "\"use_shareqk\": true", .padded = true});
}

static void full_padded(void **state) {
    (void)state;
    check_setting(&(struct setting){.padded = true});
}

static void frozen_below(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 2; n++)
        check_setting(
            &(struct setting){.n_frozen = n, .changes = "\"tie_word_embeddings\": false"});
}

static void lora(void **state) {
    (void)state;
    check_setting(&(struct setting){.adapter = "lora"});
}

static void lora_dropout(void **state) {
    (void)state;
    check_setting(&(struct setting){.adapter = "lora", .dropout = 0.2, .noise = 5});
}

static void lora_frozen_below(void **state) {
    (void)state;
    check_setting(&(struct setting){.adapter = "lora", .dropout = 0.2, .n_frozen = 2});
}

static void lora_share_qk(void **state) {
    (void)state;
    check_setting(
        &(struct setting){.adapter = "lora", .dropout = 0.2, .changes = "\"use_shareqk\": true"});
}

static void dora(void **state) {
    (void)state;
    check_setting(&(struct setting){.adapter = "dora"});
}

static void dora_dropout_padded(void **state) {
    (void)state;
    check_setting(&(struct setting){.adapter = "dora", .dropout = 0.2, .padded = true});
}

int main(void) {
    par_set_threads(1); /* hundreds of small runs; test_bits.c compares numbers of threads */
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(full),
        FOLDER_TEST(full_share_qk_padded),
        FOLDER_TEST(full_padded),
        FOLDER_TEST(frozen_below),
        FOLDER_TEST(lora),
        FOLDER_TEST(lora_dropout),
        FOLDER_TEST(lora_frozen_below),
        FOLDER_TEST(lora_share_qk),
        FOLDER_TEST(dora),
        FOLDER_TEST(dora_dropout_padded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
