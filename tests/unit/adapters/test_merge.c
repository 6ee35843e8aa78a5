/* SPDX-License-Identifier: Apache-2.0
 * Merging, for every kind of adapter: every merged weight is what double precision makes of W and
 * the adapter's tensors, to the rounding of the dtype the base was stored in and of the fp32 sum
 * before it; everything else is the base's bits; the merged fp32 model computes what the adapted
 * one does, the convolutions' adapters included; and a weighted sum of adapters is the sum.
 * Read next: adapters/save.c, adapters/combine.c. */
#include "tests/unit/trainer/fixture.h"

#include "adapters/adapter_int.h"
#include "adapters/combine.h"
#include "adapters/compare.h"
#include "base/philox.h"
#include "model/init.h"

#include <math.h>

enum { TOKENS = 24, BATCH = 64 };

struct merged {
    struct compute compute;
    struct model base, model;
    struct adapter *adapter;
    struct plan plan, merged_plan;
    char dir[64], base_dir[100], merged_dir[100];
};

static void open_model(struct model *m, struct plan *plan, struct compute *c, const char *dir) {
    const struct model_plan_options forward = {.max_tokens = BATCH};
    assert_ok(model_open(m, dir, c));
    assert_ok(model_plan(m, plan, &forward));
    assert_ok(plan_allocate(plan, c));
    assert_ok(model_start(m, plan));
}

static void write_base(struct merged *m, enum dtype dtype) {
    struct model_config config;
    *m = (struct merged){0};
    snprintf(m->dir, sizeof m->dir, "%s", test_folder());
    snprintf(m->base_dir, sizeof m->base_dir, "%s/base", m->dir);
    snprintf(m->merged_dir, sizeof m->merged_dir, "%s/merged", m->dir);
    assert_ok(model_config_read(&config, GOLDEN_NANO "/config.json"));
    config.initializer_range = 0.2;
    assert_ok(model_init_write(&config, 1, dtype, m->base_dir));
    model_config_release(&config);
    assert_ok(compute_open(&m->compute, NULL));
}

/* Moved away from where it started: B from 0, magnitudes from the norms. */
static void stir(struct adapter *a, uint64_t seed) {
    const struct rng values = {seed, RNG_TEST, 0};
    int64_t n;
    struct param *params = adapter_params(a, &n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < params[i].count; j++) {
            const double value = 0.1 * rng_normal(&values, (uint64_t)(i * 100000 + j));
            if (strstr(params[i].name, "magnitude"))
                params[i].value[j] *= (float)(1 + value);
            else
                params[i].value[j] += (float)value;
        }
}

/* A fresh model of golden nano's shape, an adapter with these options, the merge. */
static void merge(struct merged *m, enum dtype dtype, const struct adapter_options *options) {
    const struct model_plan_options forward = {.max_tokens = BATCH};
    write_base(m, dtype);
    assert_ok(model_open(&m->base, m->base_dir, &m->compute));
    assert_ok(adapter_new(&m->adapter, &m->base, options, 5));
    assert_ok(model_plan(&m->base, &m->plan, &forward));
    assert_ok(adapter_plan(m->adapter, &m->plan, false));
    assert_ok(plan_allocate(&m->plan, &m->compute));
    assert_ok(model_start(&m->base, &m->plan));
    assert_ok(adapter_start(m->adapter, &m->plan));
    stir(m->adapter, 3);
    assert_ok(adapter_save_merged(&m->base, m->adapter, m->base_dir, m->merged_dir));
    open_model(&m->model, &m->merged_plan, &m->compute, m->merged_dir);
}

static void merge_release(struct merged *m) {
    adapter_free(m->adapter);
    model_close(&m->base);
    model_close(&m->model);
    plan_release(&m->plan);
    plan_release(&m->merged_plan);
    compute_close(&m->compute);
    test_folder_remove(m->dir);
}

static double element(const struct param *p, int64_t i) {
    float value;
    dtype_to_f32((const char *)p->stored + i * dtype_bytes(p->dtype), p->dtype, 1, &value);
    return (double)value;
}

/* s (B A)[o][i] in double. */
static double product(const struct adapter_site *s, const float *a, const float *b, int64_t o,
                      int64_t i) {
    double sum = 0;
    for (int64_t k = 0; k < s->r; k++)
        sum += (double)b[o * s->r + k] * (double)a[k * s->projection->in + i];
    return s->scale * sum;
}

/* Row o of what the adapter makes of W. */
static void adapted_row(const struct adapter_site *s, const struct param *w, int64_t o,
                        double *row) {
    const int64_t in = s->projection->in;
    double squares = 0;
    for (int64_t i = 0; i < in; i++) {
        row[i] = element(w, o * in + i) +
                 product(s, s->params[ADAPTER_A].value, s->params[ADAPTER_B].value, o, i);
        if (s->start[ADAPTER_A])
            row[i] -= product(s, s->start[ADAPTER_A], s->start[ADAPTER_B], o, i);
        squares += row[i] * row[i];
    }
    for (int64_t i = 0; s->adapter->kind->has_norms && i < in; i++)
        row[i] *= (double)s->params[ADAPTER_PAIR].value[o] / sqrt(squares);
}

/* The site of a weight; NULL: it is not adapted. */
static const struct adapter_site *site_of(const struct merged *m, const char *weight) {
    for (int64_t i = 0; i < m->adapter->n_sites; i++) {
        char name[200];
        snprintf(name, sizeof name, "%s.weight", m->adapter->sites[i].projection->module);
        if (!strcmp(name, weight)) return &m->adapter->sites[i];
    }
    return NULL;
}

/* `unit` is the dtype's half ulp. In fp32 the sum of at most six products, one addition, the row's
 * norm and its rescaling add up to 12 roundings of the largest value there, which is under 4. */
static void check_weights(struct merged *m, double unit) {
    int64_t n_adapted = 0;
    double row[256], worst = 0;
    assert_int_equal(m->model.n_params, m->base.n_params);
    for (int64_t p = 0; p < m->base.n_params; p++) {
        const struct param *before = &m->base.params[p], *after = &m->model.params[p];
        const struct adapter_site *site = site_of(m, before->name);
        assert_string_equal(before->name, after->name);
        assert_int_equal(before->dtype, after->dtype);
        n_adapted += site != NULL;
        if (!site) {
            assert_memory_equal(before->stored, after->stored,
                                (size_t)(before->count * dtype_bytes(before->dtype)));
            continue;
        }
        const int64_t in = site->projection->in;
        assert_true(in <= 256);
        for (int64_t o = 0; o < site->projection->out; o++) {
            adapted_row(site, before, o, row);
            for (int64_t i = 0; i < in; i++) {
                const double off = fabs(element(after, o * in + i) - row[i]);
                worst = fmax(worst, off - unit * fabs(row[i]));
            }
        }
    }
    assert_true(worst <= 12 * 4 * 0x1p-24);
    assert_int_equal(n_adapted, m->adapter->n_sites);
}

/* Same function, other order of sums: the fp32 noise of golden logits, 2e-4 where they reach 10;
 * and under the bound that `model merge` puts up. */
static void check_logits(struct merged *m) {
    struct comparison c = {0};
    struct batch batch = {0};
    int32_t ids[TOKENS];
    for (int i = 0; i < TOKENS; i++) ids[i] = (i * 37 + 11) % (int32_t)m->base.config.vocab_size;
    assert_ok(batch_init(&batch, BATCH));
    const struct compared models = {&m->base, &m->model, &batch};
    assert_ok(comparison_add(&c, &models, ids, TOKENS, 0));
    batch_release(&batch);
    print_message("  merged against adapted: %.2g where logits reach %.2g\n", c.largest,
                  c.largest_logit);
    assert_int_equal(c.positions, TOKENS);
    assert_true(c.largest_logit > 1);
    if (m->base.params[0].dtype == DTYPE_F32) assert_true(c.largest < 2e-5 * c.largest_logit);
    assert_ok(comparison_check(&c, comparison_bound(&m->model)));
    assert_fails(comparison_check(&c, 1e-9), ERR_MISMATCH, "at most 1e-09");
    assert_ok(comparison_check_choices(&c));
    assert_true(c.choice.apart <= 2 * c.largest); /* two errors, however they fall */
    c.choice.rms = c.largest;
    c.choice.apart = 12.5 * c.largest;
    assert_fails(comparison_check_choices(&c), ERR_MISMATCH, "a near tie: at most 12 times");
}

static const char *all[] = {"all"}, *ranks[] = {"q_proj: 6", "layers.1..*: 1"},
                  *alphas[] = {"conv1: 5"};
#define EVERYWHERE .r = 3, .lora_alpha = 6, .target_modules = {all, 1}
static const struct adapter_options kinds[] = {
    {.type = "lora", EVERYWHERE},
    {.type = "lora", EVERYWHERE, .use_rslora = true},
    {.type = "lora", EVERYWHERE, .rank_pattern = {ranks, 2}, .alpha_pattern = {alphas, 1}},
    {.type = "dora", EVERYWHERE},
    {.type = "dora", EVERYWHERE, .use_rslora = true, .rank_pattern = {ranks, 2}},
    {.type = "lora", EVERYWHERE, .init_lora_weights = "pissa_niter_2"},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static void check_kinds(enum dtype dtype, double unit) {
    for (int i = 0; i < N_KINDS; i++) {
        struct merged m;
        print_message("%s %d\n", kinds[i].type, i);
        merge(&m, dtype, &kinds[i]);
        check_weights(&m, unit);
        check_logits(&m);
        merge_release(&m);
    }
}

static void test_fp32(void **state) {
    (void)state;
    check_kinds(DTYPE_F32, 0x1p-24);
}

static void test_bf16(void **state) {
    (void)state;
    check_kinds(DTYPE_BF16, 0x1p-8);
}

/* ---- sums ---- */

/* Saves a stirred adapter and opens it again, for its values. */
static void save_part(struct merged *m, const struct adapter_options *options, uint64_t seed,
                      const char *dir) {
    struct model model;
    struct adapter *a;
    struct plan plan = {0};
    const struct model_plan_options none = {.max_tokens = 0};
    assert_ok(model_open(&model, m->base_dir, &m->compute));
    assert_ok(adapter_new(&a, &model, options, seed));
    assert_ok(model_plan(&model, &plan, &none));
    assert_ok(adapter_plan(a, &plan, false));
    assert_ok(plan_allocate(&plan, &m->compute));
    assert_ok(model_start(&model, &plan));
    assert_ok(adapter_start(a, &plan));
    stir(a, seed);
    assert_ok(dir_make(dir));
    assert_ok(adapter_save(a, dir, "the base"));
    adapter_free(a);
    model_close(&model);
    plan_release(&plan);
}

/* An adapter's update of a projection, added to `sum` with a weight. */
static void add_update(struct merged *m, const char *dir, const char *module, double weight,
                       double *sum) {
    struct model model;
    struct adapter *a;
    struct plan plan = {0};
    assert_ok(model_open(&model, m->base_dir, &m->compute));
    assert_ok(adapter_open(&a, &model, dir));
    assert_ok(adapter_plan(a, &plan, false));
    assert_ok(plan_allocate(&plan, &m->compute));
    assert_ok(adapter_start(a, &plan));
    for (int64_t s = 0; s < a->n_sites; s++) {
        const struct adapter_site *site = &a->sites[s];
        if (strcmp(site->projection->module, module) != 0) continue;
        const int64_t in = site->projection->in;
        for (int64_t i = 0; i < in * site->projection->out; i++)
            sum[i] += weight * product(site, site->params[ADAPTER_A].value,
                                       site->params[ADAPTER_B].value, i / in, i % in);
    }
    adapter_free(a);
    model_close(&model);
    plan_release(&plan);
}

/* Three adapters of different sites, ranks and scales (one of them a PiSSA that was converted), in
 * every projection of the model. Each update is a product of two roundings. */
static void test_sum(void **state) {
    (void)state;
    static const char *filters[] = {"conv1", "conv2"}, *some[] = {"q_proj", "down_proj"};
    const struct adapter_options options[] = {
        {.type = "lora", .r = 3, .lora_alpha = 6, .target_modules = {all, 1}},
        {.type = "lora",
         .r = 2,
         .lora_alpha = 3,
         .use_rslora = true,
         .target_modules = {some, 2},
         .rank_pattern = {ranks, 1}},
        {.type = "lora",
         .r = 1,
         .lora_alpha = 1,
         .init_lora_weights = "pissa",
         .target_modules = {filters, 2}}};
    const double weights[] = {0.5, -1.25, 3};
    struct adapter_part parts[3];
    struct merged m;
    char dirs[3][120], sum_dir[120];
    double *want = mem_alloc(128 * 128, sizeof *want), *got = mem_alloc(128 * 128, sizeof *got);
    assert_true(want && got);
    write_base(&m, DTYPE_F32);
    for (int i = 0; i < 3; i++) {
        snprintf(dirs[i], sizeof dirs[i], "%s/part-%d", m.dir, i);
        save_part(&m, &options[i], (uint64_t)(7 + i), dirs[i]);
        parts[i] = (struct adapter_part){dirs[i], weights[i]};
    }
    snprintf(sum_dir, sizeof sum_dir, "%s/sum", m.dir);
    assert_ok(dir_make(sum_dir));
    assert_ok(model_open(&m.base, m.base_dir, &m.compute));
    assert_ok(adapter_combine(&m.base, parts, 3, sum_dir));
    for (int64_t p = 0; p < m.base.n_projections; p++) {
        const struct projection *projection = &m.base.projections[p];
        const int64_t count = projection->in * projection->out;
        double largest = 0;
        assert_null(projection->adapter);
        assert_true(count <= 128 * 128);
        memset(want, 0, (size_t)count * sizeof *want);
        memset(got, 0, (size_t)count * sizeof *got);
        for (int i = 0; i < 3; i++) add_update(&m, dirs[i], projection->module, weights[i], want);
        add_update(&m, sum_dir, projection->module, 1, got);
        for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(want[i]));
        assert_true(largest > 1e-3);
        for (int64_t i = 0; i < count; i++) /* A's rounding, over at most 13 products */
            assert_true(fabs(got[i] - want[i]) <= 13 * 0x1p-24 * 8 * largest);
    }
    mem_free(want);
    mem_free(got);
    model_close(&m.base);
    compute_close(&m.compute);
    test_folder_remove(m.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fp32), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_sum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
