/* SPDX-License-Identifier: Apache-2.0
 * The share-qk variant, which has no golden numbers: its logits and the gradient of every parameter
 * against plain loops in double precision and their finite differences, decoding against full
 * recomputation, and the same bits from every vector unit. The released variant goes through the
 * same checks, which shows that the plain model is right where golden numbers say so too.
 * Tolerances are those of the golden files: logits 2e-4 where they are of order 10, gradients 5e-5
 * of each tensor's largest. Differences of the plain loss over 2e-5 are off by 1e-9.
 * Under test: model/block.c. Cuts and threads are in test_bits.c, each parameter alone in
 * test_trained.c. */
#include "model/generate.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/plain.h"
#include "tests/unit/model/small.h"

enum { N = 20, CHECKED = 25 };
static const double TOLERANCE_LOGITS = 2e-4, TOLERANCE_GRADIENTS = 5e-5;
static const char *const shareqk = "\"use_shareqk\": true";

struct subject {
    struct small s;
    struct batch batch;
    int32_t text[N + 1]; /* ids, and one step on, targets */
};

/* Everything away from its start: else scales of 1, shifts of 0 and norms of 1 would not show. */
static void stir(struct model *m) {
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        const struct rng rng = {.seed = 9, .purpose = RNG_TEST, .step = (uint64_t)i};
        for (int64_t j = 0; j < p->count; j++)
            p->value[j] += (float)(0.2 * rng_normal(&rng, (uint64_t)j));
    }
}

static void subject_open(struct subject *k, const char *changes, const char *device) {
    const char *dir = small_model(folder, changes, DTYPE_F32);
    struct small *s = &k->s;
    *k = (struct subject){0};
    assert_ok(compute_open(&s->compute, device));
    assert_ok(model_open(&s->model, dir, &s->compute));
    assert_ok(model_plan(
        &s->model, &s->plan,
        &(struct model_plan_options){.max_tokens = N, .train_base = true, .backward = true}));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
    stir(&s->model);
    small_document(0, N + 1, k->text); /* <eod> is a target only: it is the padding token too */
    assert_ok(batch_init(&k->batch, N));
    assert_ok(batch_add_row(&k->batch, N, k->text, k->text + 1, NULL, SMALL_EOD, ISOLATE_ALL));
}

static void subject_close(struct subject *k) {
    batch_release(&k->batch);
    small_close(&k->s);
}

/* Loss and gradients of the mean loss; the logits. */
static double run_step(struct subject *k, float *logits) {
    struct model *m = &k->s.model;
    const struct model_call call = {.batch = &k->batch};
    double sum;
    int64_t trained;
    assert_ok(model_zero_gradients(m));
    assert_ok(model_forward(m, &call));
    assert_ok(model_logits(m, 0, N, logits));
    assert_ok(model_loss(m, &call, 1.0 / N, &sum, &trained, NULL));
    assert_ok(model_backward(m, &call));
    assert_ok(model_finish_gradients(m));
    assert_int_equal(trained, N);
    return sum / N;
}

static void check_gradient(const struct plain *plain, int64_t i, const int32_t *text) {
    const double step = 1e-5;
    const struct param *p = &plain->model->params[i];
    double largest = 0, worst = 0;
    for (int64_t j = 0; j < p->count; j++) largest = fmax(largest, fabs((double)p->gradient[j]));
    for (int64_t j = 0; j < p->count; j += p->count / CHECKED + 1) {
        double *value = &plain->values[i][j], at = *value;
        *value = at + step;
        double above = plain_loss(plain, text, text + 1, N, NULL);
        *value = at - step;
        double below = plain_loss(plain, text, text + 1, N, NULL);
        *value = at;
        worst = fmax(worst, fabs((above - below) / (2 * step) - (double)p->gradient[j]));
    }
    if (!(largest > 1e-4 && worst <= TOLERANCE_GRADIENTS * largest))
        fail_msg("%s: the gradient is off by %.3g, its largest number is %.3g", p->name, worst,
                 largest);
}

static void check_numbers(const char *changes) {
    struct subject k;
    struct plain plain;
    static float logits[N * SMALL_V];
    static double want[N * SMALL_V];
    double worst = 0, largest = 0;
    subject_open(&k, changes, NULL);
    plain_open(&plain, &k.s.model);
    double loss = run_step(&k, logits);
    double wanted = plain_loss(&plain, k.text, k.text + 1, N, want);
    for (int i = 0; i < N * SMALL_V; i++) {
        worst = fmax(worst, fabs((double)logits[i] - want[i]));
        largest = fmax(largest, fabs(want[i]));
    }
    print_message("logits to %.3g off by %.3g, loss by %.3g\n", largest, worst, loss - wanted);
    assert_true(largest > 5 && worst < TOLERANCE_LOGITS);
    assert_true(fabs(loss - wanted) < 1e-4);
    for (int64_t i = 0; i < k.s.model.n_params; i++) check_gradient(&plain, i, k.text);
    plain_close(&plain);
    subject_close(&k);
}

static void numbers(void **state) {
    (void)state;
    check_numbers(shareqk);
    check_numbers("\"use_shareqk\": true, \"tie_word_embeddings\": false");
}

static void numbers_of_the_released_variant(void **state) {
    (void)state;
    check_numbers(NULL);
}

static void parameters_and_projections(void **state) {
    (void)state;
    struct subject k;
    subject_open(&k, shareqk, NULL);
    struct model *m = &k.s.model;
    const struct model_config *c = &m->config;
    const int64_t C = c->hidden_size, F = c->intermediate_size;
    assert_int_equal(m->n_params, 2 + 2 * 10);
    assert_int_equal(m->n_projections, 2 * 6);
    assert_int_equal(model_config_parameters(c),
                     SMALL_V * C + C + 2 * (3 * C * C + 4 * C + 3 * C * F + 2 * C));
    assert_non_null(model_projection(m, "model.layers.1.self_attn.qk_proj"));
    assert_null(model_projection(m, "model.layers.1.self_attn.q_proj"));
    assert_null(model_projection(m, "model.layers.0.self_attn.lf_gate.conv1"));
    subject_close(&k);
}

/* A share-qk checkpoint is none of the released variant, and the other way round. */
static void wrong_variant(void **state) {
    (void)state;
    struct model m;
    char path[300];
    const char *dir = small_model(folder, shareqk, DTYPE_F32);
    snprintf(path, sizeof path, "%s/config.json", dir);
    small_config(path, NULL);
    assert_fails(model_open(&m, dir, NULL), ERR_MISSING, "self_attn.q_proj.weight");
    dir = small_model(folder, NULL, DTYPE_F32);
    small_config(path, shareqk);
    assert_fails(model_open(&m, dir, NULL), ERR_MISSING, "self_attn.qk_proj.weight");
}

/* Token by token and in two pieces: the bits of the whole text at once. */
static void decoding(void **state) {
    (void)state;
    struct subject k;
    struct decoder *d;
    static float logits[N * SMALL_V];
    subject_open(&k, shareqk, NULL);
    run_step(&k, logits);
    assert_ok(decoder_new(&d, &k.s.model, &(struct decoder_options){1, N, ISOLATE_ALL}));
    for (int i = 0; i < N; i++) {
        assert_ok(decoder_feed(d, &(struct decoder_part){.text = 0, .ids = &k.text[i], .n = 1}, 1));
        assert_memory_equal(decoder_logits(d, 0), logits + i * SMALL_V, SMALL_V * sizeof *logits);
    }
    decoder_clear(d, 0);
    assert_ok(decoder_feed(d, &(struct decoder_part){.text = 0, .ids = k.text, .n = 7}, 1));
    assert_memory_equal(decoder_logits(d, 0), logits + 6 * SMALL_V, SMALL_V * sizeof *logits);
    assert_ok(decoder_feed(d, &(struct decoder_part){.text = 0, .ids = k.text + 7, .n = N - 7}, 1));
    assert_memory_equal(decoder_logits(d, 0), logits + (N - 1) * SMALL_V, SMALL_V * sizeof *logits);
    decoder_free(d);
    subject_close(&k);
}

static void every_vector_unit(void **state) {
    (void)state;
    struct subject first, k;
    static float want[N * SMALL_V], logits[N * SMALL_V];
    int n_units = 0;
    subject_open(&first, shareqk, "cpu:portable");
    run_step(&first, want);
    for (int i = 0; i < n_backends; i++) {
        struct compute c;
        char device[64];
        snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
        if (compute_open(&c, device) != ERR_OK) continue; /* not on this machine */
        compute_close(&c);
        subject_open(&k, shareqk, device);
        run_step(&k, logits);
        assert_memory_equal(logits, want, sizeof want);
        for (int64_t j = 0; j < k.s.model.n_params; j++)
            assert_memory_equal(k.s.model.params[j].gradient, first.s.model.params[j].gradient,
                                (size_t)k.s.model.params[j].count * sizeof(float));
        subject_close(&k);
        n_units++;
    }
    assert_true(n_units > 0);
    subject_close(&first);
}

/* The config's eps is in the input, post-attention and final norms; the filter's is 1e-6. */
static void norm_eps(void **state) {
    (void)state;
    struct subject k;
    struct plain plain;
    static float logits[N * SMALL_V];
    static double want[N * SMALL_V];
    double worst = 0, filter = 0, without = 0;
    subject_open(&k, "\"rms_norm_eps\": 0.05", NULL);
    plain_open(&plain, &k.s.model);
    run_step(&k, logits);
    for (int which = 0; which < 3; which++) {
        double *most = which == 0 ? &worst : which == 1 ? &filter : &without;
        plain.filter_eps = which == 1 ? 0.05 : 1e-6;
        plain.eps = which == 2 ? 1e-6 : 0.05;
        plain_loss(&plain, k.text, k.text + 1, N, want);
        for (int i = 0; i < N * SMALL_V; i++)
            *most = fmax(*most, fabs((double)logits[i] - want[i]));
    }
    print_message("off by %.3g; with the filter's eps %.3g, without the others' %.3g\n", worst,
                  filter, without);
    assert_true(worst < TOLERANCE_LOGITS);
    assert_true(filter > 100 * TOLERANCE_LOGITS && without > 100 * TOLERANCE_LOGITS);
    plain_close(&plain);
    subject_close(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(numbers),       FOLDER_TEST(numbers_of_the_released_variant),
        FOLDER_TEST(wrong_variant), FOLDER_TEST(parameters_and_projections),
        FOLDER_TEST(decoding),      FOLDER_TEST(every_vector_unit),
        FOLDER_TEST(norm_eps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
