/* SPDX-License-Identifier: Apache-2.0
 * Choosing a token: greedy with ties, the repetition penalty, what top-k and top-p keep to the
 * token, distributions by a chi-square statistic over many draws of one seed, and that a draw is a
 * function of seed, text and step alone.
 * Under test: model/sample.h, whose formulas these are. */
#include "base/mem.h"
#include "base/par.h"
#include "base/philox.h"
#include "model/sample.h"
#include "tests/unit/test.h"
#include <math.h>

enum { MAX_V = 3000 };

struct chooser {
    struct sampler *sampler;
    struct sampling how;
    struct sample_call call;
};

static void chooser_open(struct chooser *c, const float *logits, int64_t n, struct sampling how) {
    c->how = how;
    c->call = (struct sample_call){.sampling = &c->how, .logits = logits};
    assert_ok(sampler_new(&c->sampler, n));
}

/* The choice of one step of a text. */
static int32_t choose(struct chooser *c, uint64_t text, int64_t step) {
    static const int32_t answer[1 << 17]; /* what was said before does not matter without penalty */
    int32_t id = -1;
    c->call.text = text;
    c->call.answer = answer;
    c->call.n_answer = step;
    assert_ok(sampler_next(c->sampler, &c->call, &id));
    return id;
}

static void count_draws(const float *logits, int64_t n, struct sampling how, int64_t draws,
                        int64_t *counts) {
    struct chooser c;
    chooser_open(&c, logits, n, how);
    memset(counts, 0, (size_t)n * sizeof *counts);
    for (int64_t i = 0; i < draws; i++) counts[choose(&c, 0, i)]++;
    sampler_free(c.sampler);
}

/* Sum of (seen - expected)^2 / expected over the tokens with a share; the others never come. */
static double chi_square(const int64_t *counts, const double *share, int64_t n, int64_t draws) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double expected = share[i] * (double)draws;
        if (share[i] == 0) assert_int_equal(counts[i], 0);
        if (share[i] > 0)
            sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    }
    return sum;
}

static const float eight[] = {1.0f, -0.5f, 2.0f, 0.0f, 1.5f, 2.0f, -3.0f, 0.5f};

static void greedy_takes_the_first_of_equals(void **state) {
    (void)state;
    const struct sampling hows[] = {{0},
                                    {.top_k = 3, .top_p = 0.5},
                                    {.temperature = 1, .top_k = 1},
                                    {.temperature = 0.7, .top_p = 1e-9}};
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        struct chooser c;
        chooser_open(&c, eight, 8, hows[i]);
        for (int step = 0; step < 50; step++) assert_int_equal(choose(&c, 3, step), 2);
        sampler_free(c.sampler);
    }
}

/* Sampling as cold as can be is greedy where there is one best token. */
static void cold_is_greedy(void **state) {
    (void)state;
    float z[] = {0.25f, 3.0f, 2.9f};
    struct chooser c;
    chooser_open(&c, z, 3, (struct sampling){.temperature = 1e-4});
    for (int step = 0; step < 100; step++) assert_int_equal(choose(&c, 0, step), 1);
    sampler_free(c.sampler);
}

/* Largest statistic that 7 degrees of freedom exceed once in a million: 40. */
static void temperature_scales_logits(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    const double temperatures[] = {0.5, 1, 2.5};
    for (int k = 0; k < 3; k++) {
        int64_t counts[8];
        double share[8], total = 0;
        for (int i = 0; i < 8; i++) total += share[i] = exp((double)eight[i] / temperatures[k]);
        for (int i = 0; i < 8; i++) share[i] /= total;
        count_draws(eight, 8, (struct sampling){.temperature = temperatures[k], .seed = 7}, DRAWS,
                    counts);
        assert_true(chi_square(counts, share, 8, DRAWS) < 40);
        double uniform[8];
        for (int i = 0; i < 8; i++) uniform[i] = 0.125;
        assert_true(chi_square(counts, uniform, 8, DRAWS) > 1000);
    }
}

/* Logarithms of 0.1, 0.4, 0.2, 0.05, 0.25 and the shares among `kept`. */
static void check_kept(struct sampling how, const int *kept, int n_kept) {
    enum { DRAWS = 5000 };
    const double p[] = {0.1, 0.4, 0.2, 0.05, 0.25};
    float z[5];
    double share[5] = {0}, total = 0;
    int64_t counts[5];
    for (int i = 0; i < 5; i++) z[i] = (float)log(p[i]);
    for (int i = 0; i < n_kept; i++) total += p[kept[i]];
    for (int i = 0; i < n_kept; i++) share[kept[i]] = p[kept[i]] / total;
    how.temperature = 1;
    count_draws(z, 5, how, DRAWS, counts);
    assert_true(chi_square(counts, share, 5, DRAWS) < 34); /* 4 degrees, once in a million */
    for (int i = 0; i < n_kept; i++) assert_true(counts[kept[i]] > 0);
}
#define KEPT(how, ...)                                                                             \
    check_kept((struct sampling)how, (const int[]){__VA_ARGS__},                                   \
               sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#define HOW(...)                                                                                   \
    { __VA_ARGS__ }

/* By falling share: 1 (0.4), 4 (0.25), 2 (0.2), 0 (0.1), 3 (0.05). The token that crosses p stays.
 * */
static void what_is_kept(void **state) {
    (void)state;
    KEPT(HOW(.top_k = 2), 1, 4);
    KEPT(HOW(.top_k = 4), 1, 4, 2, 0);
    KEPT(HOW(.top_k = 5), 0, 1, 2, 3, 4);
    KEPT(HOW(.top_k = 100), 0, 1, 2, 3, 4);
    KEPT(HOW(.top_p = 0.39), 1);
    KEPT(HOW(.top_p = 0.41), 1, 4);
    KEPT(HOW(.top_p = 0.64), 1, 4);
    KEPT(HOW(.top_p = 0.66), 1, 4, 2);
    KEPT(HOW(.top_p = 0.94), 1, 4, 2, 0);
    KEPT(HOW(.top_p = 1), 0, 1, 2, 3, 4);
    /* top-p counts among what top-k left: 0.4 / 0.85 = 0.47, 0.65 / 0.85 = 0.76. */
    KEPT(HOW(.top_k = 3, .top_p = 0.46), 1);
    KEPT(HOW(.top_k = 3, .top_p = 0.75), 1, 4);
    KEPT(HOW(.top_k = 3, .top_p = 0.77), 1, 4, 2);
}

/* Of equals the lowest ids stay. */
static void ties(void **state) {
    (void)state;
    const float same[] = {2, 2, 2, 2, 2, 2};
    int64_t counts[6];
    double share[6] = {0.5, 0.5};
    count_draws(same, 6, (struct sampling){.temperature = 1, .top_k = 2}, 1000, counts);
    assert_true(chi_square(counts, share, 6, 1000) < 24);
    count_draws(same, 6, (struct sampling){.temperature = 1, .top_p = 0.3}, 1000, counts);
    assert_true(chi_square(counts, share, 6, 1000) < 24);
}

/* The k largest of many, against a plain count of how many are before. */
static void many_tokens(void **state) {
    (void)state;
    static float z[MAX_V];
    static int64_t counts[MAX_V];
    const struct rng rng = {4, RNG_TEST, 0};
    for (int i = 0; i < MAX_V; i++) z[i] = (float)(int)(40 * rng_normal(&rng, (uint64_t)i)) / 40;
    count_draws(z, MAX_V, (struct sampling){.temperature = 100, .top_k = 37}, 3000, counts);
    int kept = 0;
    for (int i = 0; i < MAX_V; i++) {
        int before = 0;
        for (int j = 0; j < MAX_V; j++) before += z[j] > z[i] || (z[j] == z[i] && j < i);
        if (counts[i]) assert_true(before < 37);
        kept += counts[i] > 0;
    }
    assert_int_equal(kept, 37);
}

/* Once for each token, however often it was said; positive logits shrink, negative ones grow. */
static void penalty(void **state) {
    (void)state;
    const float z[] = {2.0f, 1.5f, -1.0f, -1.1f, 0.0f};
    const int32_t prompt[] = {0, 0, 4}, answer[] = {0};
    struct chooser c;
    int32_t id;
    chooser_open(&c, z, 5, (struct sampling){.repetition_penalty = 1.25});
    c.call.prompt = prompt;
    c.call.n_prompt = 3;
    assert_ok(sampler_next(c.sampler, &c.call, &id)); /* 2.0 / 1.25 = 1.6 */
    assert_int_equal(id, 0);
    c.call.answer = answer;
    c.call.n_answer = 1;
    assert_ok(sampler_next(c.sampler, &c.call, &id));
    assert_int_equal(id, 0);
    c.how.repetition_penalty = 1.4; /* 1.43 */
    assert_ok(sampler_next(c.sampler, &c.call, &id));
    assert_int_equal(id, 1);
    c.how.repetition_penalty = 1; /* the penalty of the call before is forgotten */
    assert_ok(sampler_next(c.sampler, &c.call, &id));
    assert_int_equal(id, 0);
    const float low[] = {-1.0f, -1.1f};
    const int32_t said[] = {0};
    c.call.logits = low;
    c.how.repetition_penalty = 1.2; /* -1.2 */
    struct chooser two;
    chooser_open(&two, low, 2, c.how);
    two.call.answer = said;
    two.call.n_answer = 1;
    assert_ok(sampler_next(two.sampler, &two.call, &id));
    assert_int_equal(id, 1);
    sampler_free(two.sampler);
    sampler_free(c.sampler);
}

struct job {
    const float *logits;
    int32_t ids[64];
};
static void draw_texts(void *ctx, int64_t begin, int64_t end, int thread) {
    struct job *jobs = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        struct chooser c;
        chooser_open(&c, jobs[i].logits, 8, (struct sampling){.temperature = 1.5, .seed = 11});
        for (int64_t step = 63; step >= 0; step--)
            jobs[i].ids[step] = choose(&c, (uint64_t)i, step);
        sampler_free(c.sampler);
    }
}

/* In any order, in any thread; another seed, text or step draws anew. */
static void draws_are_keyed(void **state) {
    (void)state;
    enum { TEXTS = 8 };
    struct job jobs[TEXTS];
    for (int i = 0; i < TEXTS; i++) jobs[i].logits = eight;
    par_set_threads(3);
    par_for(TEXTS, 1, draw_texts, jobs);
    par_set_threads(0);
    for (int i = 0; i < TEXTS; i++) {
        struct chooser c;
        int same = 0;
        chooser_open(&c, eight, 8, (struct sampling){.temperature = 1.5, .seed = 11});
        for (int step = 0; step < 64; step++)
            assert_int_equal(choose(&c, (uint64_t)i, step), jobs[i].ids[step]);
        c.how.seed = 12;
        for (int step = 0; step < 64; step++)
            same += choose(&c, (uint64_t)i, step) == jobs[i].ids[step];
        assert_true(same < 50);
        if (i) assert_memory_not_equal(jobs[i].ids, jobs[0].ids, sizeof jobs[0].ids);
        sampler_free(c.sampler);
    }
}

static void logits_that_are_no_numbers(void **state) {
    (void)state;
    float z[] = {0, 1, NAN};
    struct chooser c;
    int32_t id;
    chooser_open(&c, z, 3, (struct sampling){0});
    assert_fails(sampler_next(c.sampler, &c.call, &id), ERR_NUMERIC, "token 2");
    z[2] = INFINITY;
    assert_fails(sampler_next(c.sampler, &c.call, &id), ERR_NUMERIC, "token 2");
    sampler_free(c.sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_first_of_equals),
        cmocka_unit_test(cold_is_greedy),
        cmocka_unit_test(temperature_scales_logits),
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(ties),
        cmocka_unit_test(many_tokens),
        cmocka_unit_test(penalty),
        cmocka_unit_test(draws_are_keyed),
        cmocka_unit_test(logits_that_are_no_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
