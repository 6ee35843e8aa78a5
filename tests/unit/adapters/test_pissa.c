/* SPDX-License-Identifier: Apache-2.0
 * PiSSA: the pair that a site starts with is W's leading singular triples; the start is the base
 * within roundings; gradients agree with finite differences, dropout and all; the bits do not
 * depend on threads; a run that stops and goes on ends as one that did not; what is written is a
 * plain LoRA of twice the rank that does to the base as published what the adapter did.
 * Read next: adapters/inits/pissa.c, adapters/residual.c. */
#include "tests/unit/adapters/slopes.h"

#include "adapters/adapter_int.h"
#include "adapters/svd.h"
#include "base/par.h"

static void settings(struct fixture *f, const char *init, const char *target, int64_t r) {
    fixture_init(f, GOLDEN_NANO);
    f->adapter_options.type = init ? "lora" : "none";
    f->adapter_options.r = r;
    f->adapter_options.lora_alpha = 6;
    f->adapter_options.init_lora_weights = init;
    f->adapter_options.target_modules.items[0] = target;
    f->mask = LOSS_MASK_ALL;
}

/* ---- the decomposition ---- */

static void test_eigen(void **state) {
    (void)state;
    enum { N = 7 };
    double s[N * N], values[N], vectors[N * N];
    float q[N * N], t[N * N];
    const struct rng rng = {2, RNG_TEST, 0};
    for (int i = 0; i < N * N; i++) q[i] = (float)rng_normal(&rng, (uint64_t)i);
    svd_orthonormalise(q, N, N, values);
    for (int i = 0; i < N; i++) /* rows of length 7, 6, ... along orthonormal directions, mixed */
        for (int j = 0; j < N; j++) t[i * N + j] = (float)(N - (i * 3) % N) * q[i * N + j];
    svd_gram(t, N, N, s);
    svd_eigen(s, N, values, vectors);
    for (int k = 0; k < N; k++) assert_true(fabs(values[k] - (N - k) * (N - k)) < 1e-4);
    for (int k = 0; k < N; k++) { /* the vector names the row of that length */
        int row = 0;
        while ((row * 3) % N != k) row++;
        assert_true(fabs(fabs(vectors[k * N + row]) - 1) < 1e-5);
    }
    float dependent[3 * 4] = {1, 2, 3, 4, 2, 4, 6, 8, 0, 0, 0, 1};
    svd_orthonormalise(dependent, 3, 4, values);
    for (int j = 4; j < 8; j++) assert_true(dependent[j] == 0);
    assert_true(fabs((double)dependent[11]) > 0.1);
}

static double element(const struct projection *p, int64_t i, int64_t j) {
    float value;
    const char *at = p->weight.data;
    at += (i * p->weight.row_stride + j * p->weight.col_stride) * dtype_bytes(p->weight.dtype);
    dtype_to_f32(at, p->weight.dtype, 1, &value);
    return (double)value;
}

/* By A and B alone: with unit vectors u = B/|B| and v = A/|A| of a column and a row,
 * W v = sigma u and W^T u = sigma v, sigma = s |A| |B|; the columns are orthogonal, sigma falls. */
static double worst_triple(const struct adapter_site *site) {
    const struct projection *p = site->projection;
    const float *a = site->params[ADAPTER_A].value, *b = site->params[ADAPTER_B].value;
    double worst = 0, last = HUGE_VAL;
    for (int64_t k = 0; k < site->r; k++) {
        double squares_a = 0, squares_b = 0;
        for (int64_t j = 0; j < p->in; j++) squares_a += pow((double)a[k * p->in + j], 2);
        for (int64_t i = 0; i < p->out; i++) squares_b += pow((double)b[i * site->r + k], 2);
        const double sigma = site->scale * sqrt(squares_a * squares_b);
        assert_true(sigma > 0 && sigma <= last * (1 + 1e-6));
        last = sigma;
        for (int64_t i = 0; i < p->out; i++) {
            double sum = 0;
            for (int64_t j = 0; j < p->in; j++)
                sum += element(p, i, j) * (double)a[k * p->in + j] / sqrt(squares_a);
            worst = fmax(worst, fabs(sum / sigma - (double)b[i * site->r + k] / sqrt(squares_b)));
        }
        for (int64_t j = 0; j < p->in; j++) {
            double sum = 0;
            for (int64_t i = 0; i < p->out; i++)
                sum += element(p, i, j) * (double)b[i * site->r + k] / sqrt(squares_b);
            worst = fmax(worst, fabs(sum / sigma - (double)a[k * p->in + j] / sqrt(squares_a)));
        }
    }
    return worst;
}

/* No direction left in W - s B A may be longer than the last that was taken. */
static double longest_left(const struct adapter_site *site) {
    const struct projection *p = site->projection;
    const float *a = site->params[ADAPTER_A].value, *b = site->params[ADAPTER_B].value;
    float *rest = mem_alloc((size_t)(p->out * p->in), sizeof *rest);
    double *gram = mem_alloc((size_t)(p->out * p->out), sizeof *gram);
    double *values = mem_alloc((size_t)p->out, sizeof *values);
    double *vectors = mem_alloc((size_t)(p->out * p->out), sizeof *vectors);
    assert_true(rest && gram && values && vectors);
    for (int64_t i = 0; i < p->out; i++)
        for (int64_t j = 0; j < p->in; j++) {
            double sum = element(p, i, j);
            for (int64_t k = 0; k < site->r; k++)
                sum -= site->scale * (double)b[i * site->r + k] * (double)a[k * p->in + j];
            rest[i * p->in + j] = (float)sum;
        }
    svd_gram(rest, p->out, p->in, gram);
    svd_eigen(gram, p->out, values, vectors);
    const double longest = sqrt(values[0]);
    mem_free(rest);
    mem_free(gram);
    mem_free(values);
    mem_free(vectors);
    return longest;
}

static double shortest_taken(const struct adapter_site *site) {
    const struct projection *p = site->projection;
    const int64_t k = site->r - 1;
    double squares_a = 0, squares_b = 0;
    for (int64_t j = 0; j < p->in; j++)
        squares_a += pow((double)site->params[ADAPTER_A].value[k * p->in + j], 2);
    for (int64_t i = 0; i < p->out; i++)
        squares_b += pow((double)site->params[ADAPTER_B].value[i * site->r + k], 2);
    return site->scale * sqrt(squares_a * squares_b);
}

/* The iteration stops when values stand still to 2^-20, which vectors follow as the root of it over
 * the gap to the next value: allowed 2e-2 of a unit vector's length. Fresh weights have no gaps to
 * speak of, the worst case there is. */
static void test_triples(void **state) {
    (void)state;
    struct fixture f;
    settings(&f, "pissa", "all", 4);
    fixture_start(&f);
    assert_int_equal(f.adapter->n_sites, 18);
    for (int64_t i = 0; i < f.adapter->n_sites; i++) {
        const struct adapter_site *site = &f.adapter->sites[i];
        const double worst = worst_triple(site), left = longest_left(site);
        print_message("%s: off by %.2g, left %.5g, taken %.5g\n", site->projection->module, worst,
                      left, shortest_taken(site));
        assert_true(worst < 2e-2);
        assert_true(left < shortest_taken(site) * (1 + 1e-3));
    }
    fixture_stop(&f);
}

/* ---- passes ---- */

static float *logits_of(struct fixture *f, const struct model_call *call) {
    const size_t n = (size_t)(call->batch->n * f->model.config.vocab_size);
    float *logits = mem_alloc(n, sizeof *logits);
    assert_non_null(logits);
    assert_ok(model_forward(&f->model, call));
    assert_ok(model_logits(&f->model, 0, call->batch->n, logits));
    return logits;
}

/* Each output of a projection takes 2 R more additions, whose parts cancel; R = 4, parts no larger
 * than the output's own terms: 8 roundings of 2^-24 beside sqrt(128) of the product itself. That is
 * the fp32 noise of golden logits, 2e-5 of the largest. */
static void test_start(void **state) {
    (void)state;
    static const char *const inits[] = {NULL, "pissa", "pissa_niter_2"};
    float *logits[3];
    int64_t n = 0;
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        struct batch batch = {0};
        settings(&f, inits[i], "all", 4);
        fixture_start(&f);
        two_rows(&f, &batch);
        const struct model_call call = {.batch = &batch};
        logits[i] = logits_of(&f, &call);
        n = batch.n * f.model.config.vocab_size;
        batch_release(&batch);
        fixture_stop(&f);
    }
    for (int i = 1; i < 3; i++) {
        double worst = 0, largest = 0;
        for (int64_t j = 0; j < n; j++) {
            worst = fmax(worst, fabs((double)logits[i][j] - (double)logits[0][j]));
            largest = fmax(largest, fabs((double)logits[0][j]));
        }
        print_message("%s: start off by %.2g where logits reach %.2g\n", inits[i], worst, largest);
        assert_true(worst < 2e-5 * largest);
    }
    for (int i = 0; i < 3; i++) mem_free(logits[i]);
}

static void check_gradients(double dropout) {
    struct fixture f;
    struct batch batch = {0};
    settings(&f, "pissa_niter_4", "all", 4);
    f.adapter_options.lora_dropout = dropout;
    fixture_start(&f);
    two_rows(&f, &batch);
    const struct model_call call = {.batch = &batch, .training = dropout > 0, .seed = 3};
    assert_ok(model_zero_gradients(&f.model));
    mean_loss(&f, &call, true);
    for (int64_t i = 0; i < f.trainer.n_params; i++)
        check_direction(&f, &call, f.trainer.params[i]);
    batch_release(&batch);
    fixture_stop(&f);
}

static void test_gradients(void **state) {
    (void)state;
    check_gradients(0);
    check_gradients(0.2);
}

/* ---- runs ---- */

struct stopper {
    int64_t at, seen;
};

static void count_step(void *ctx, const struct train_report *report) {
    ((struct stopper *)ctx)->seen = report->step;
}

static bool stop_there(void *ctx) {
    const struct stopper *s = ctx;
    return s->at > 0 && s->seen == s->at;
}

struct attempt {
    const char *type, *init, *dir;
    int threads;
    int64_t stop_at;
    bool resume;
};

static struct train_result train(const struct attempt *a) {
    struct fixture f;
    struct stopper stopper = {a->stop_at, 0};
    struct train_result result = {0};
    par_set_threads(a->threads);
    settings(&f, a->init, "all", 3);
    f.adapter_options.type = a->type;
    f.n_steps = 4;
    f.options.warmup_steps = 1;
    f.adapter_options.lora_dropout = 0.1;
    f.run.dir = a->dir;
    f.run.resume = a->resume;
    f.run.ctx = &stopper;
    f.run.on_step = count_step;
    f.run.should_stop = stop_there;
    fixture_start(&f);
    err e = trainer_run(&f.trainer, &result);
    if (e != (a->stop_at ? ERR_STOPPED : ERR_OK)) fail_msg("%s: %s", err_name(e), err_message());
    fixture_stop(&f);
    par_set_threads(2);
    return result;
}

static void check_runs(const char *type, const char *init) {
    char a[120], b[120], a_digest[SHA256_HEX_SIZE], b_digest[SHA256_HEX_SIZE];
    const char *dir = test_folder();
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    const struct train_result whole = train(&(struct attempt){type, init, a, 1, 0, false});
    train(&(struct attempt){type, init, b, 3, 2, false});
    const struct train_result resumed = train(&(struct attempt){type, init, b, 2, 0, true});
    assert_string_equal(whole.digest, resumed.digest);
    snprintf(a, sizeof a, "%s/a/checkpoint-4/adapter_model.safetensors", dir);
    snprintf(b, sizeof b, "%s/b/checkpoint-4/adapter_model.safetensors", dir);
    assert_ok(sha256_file(a, a_digest));
    assert_ok(sha256_file(b, b_digest));
    assert_string_equal(a_digest, b_digest);
    test_folder_remove(dir);
}

/* DoRA's runs too: its norms are made anew from what a checkpoint holds. */
static void test_runs(void **state) {
    (void)state;
    check_runs("lora", "pissa");
    check_runs("dora", "gaussian");
}

/* Written after a change, opened as the plain LoRA that it is now. */
static void check_released(bool rslora) {
    struct fixture f;
    struct batch batch = {0};
    float *logits[2];
    double worst = 0, largest = 0;
    const char *dir = test_folder(), *patterns[] = {"q_proj: 6"}, *alphas[] = {"q_proj: 3"};
    settings(&f, "pissa", "all", 4);
    f.adapter_options.use_rslora = rslora;
    f.adapter_options.rank_pattern = (struct opt_list){patterns, 1};
    f.adapter_options.alpha_pattern = (struct opt_list){alphas, 1};
    fixture_start(&f);
    const struct rng values = {5, RNG_TEST, 0};
    for (int64_t i = 0; i < f.trainer.n_params; i++)
        for (int64_t j = 0; j < f.trainer.params[i]->count; j++)
            f.trainer.params[i]->value[j] +=
                (float)(0.02 * rng_normal(&values, (uint64_t)(i * 100000 + j)));
    two_rows(&f, &batch);
    const struct model_call call = {.batch = &batch};
    logits[0] = logits_of(&f, &call);
    assert_ok(adapter_save(f.adapter, dir, "base"));
    fixture_stop(&f);
    settings(&f, NULL, "all", 4);
    f.adapter_dir = dir;
    fixture_start(&f);
    for (int64_t i = 0; i < f.adapter->n_sites; i++)
        assert_int_equal(f.adapter->sites[i].r,
                         strstr(f.adapter->sites[i].projection->module, "q_proj") ? 12 : 8);
    logits[1] = logits_of(&f, &call);
    for (int64_t i = 0; i < batch.n * f.model.config.vocab_size; i++) {
        worst = fmax(worst, fabs((double)logits[1][i] - (double)logits[0][i]));
        largest = fmax(largest, fabs((double)logits[0][i]));
    }
    print_message("released: off by %.2g where logits reach %.2g\n", worst, largest);
    assert_true(worst < 2e-5 * largest);
    mem_free(logits[0]);
    mem_free(logits[1]);
    batch_release(&batch);
    fixture_stop(&f);
    test_folder_remove(dir);
}

static void test_released(void **state) {
    (void)state;
    check_released(false);
    check_released(true);
}

/* ---- refusals, and the other starts ---- */

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *type, *init;
        int64_t r;
        double alpha;
        err code;
        const char *part;
    } cases[] = {
        {"dora", "pissa", 4, 6, ERR_UNSUPPORTED, "not for type 'dora'"},
        {"lora", "pissa", 33, 6, ERR_RANGE, "conv1' has no 33 singular"}, /* its out is 32 */
        {"lora", "pissa", 4, 0, ERR_RANGE, "lora_alpha"},
        {"lora", "pissa_niter_0", 4, 6, ERR_RANGE, "0 rounds"},
        {"lora", "pissa_niter_", 4, 6, ERR_PARSE, "pissa_niter_"},
        {"lora", "pissa_niter_x", 4, 6, ERR_PARSE, "x"},
        {"lora", "olora", 4, 6, ERR_UNSUPPORTED, "'olora' is not known"},
        {"lora", "false", 4, 6, ERR_UNSUPPORTED, "'false'"},
    };
    struct compute compute;
    struct model model;
    struct adapter *a;
    assert_ok(compute_open(&compute, NULL));
    assert_ok(model_open(&model, GOLDEN_NANO, &compute));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *targets[] = {"all"};
        const struct adapter_options o = {.type = cases[i].type,
                                          .r = cases[i].r,
                                          .lora_alpha = cases[i].alpha,
                                          .init_lora_weights = cases[i].init,
                                          .target_modules = {targets, 1}};
        assert_fails(adapter_new(&a, &model, &o, 1), cases[i].code, cases[i].part);
        assert_null(a);
    }
    model_close(&model);
    compute_close(&compute);
}

/* A normal with deviation 1/r, B zero. */
static void test_gaussian(void **state) {
    (void)state;
    struct fixture f;
    settings(&f, "gaussian", "all", 8);
    fixture_start(&f);
    for (int64_t i = 0; i < f.trainer.n_params; i++) {
        const struct param *p = f.trainer.params[i];
        double squares = 0;
        for (int64_t j = 0; j < p->count; j++) squares += pow((double)p->value[j], 2);
        const double variance = squares / (double)p->count * 64;
        if (strstr(p->name, "lora_B"))
            assert_true(squares == 0);
        else /* 512 draws or more: 5 deviations */
            assert_true(fabs(variance - 1) < 5 * sqrt(2.0 / 512));
    }
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eigen),   cmocka_unit_test(test_triples),
        cmocka_unit_test(test_start),   cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_runs),    cmocka_unit_test(test_released),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_gaussian)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
