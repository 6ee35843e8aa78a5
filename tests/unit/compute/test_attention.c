/* SPDX-License-Identifier: Apache-2.0
 * What attention promises beyond its reference: a document gives the same bits alone and behind
 * others (forward and backward, any offset), nothing of another document or of a later token takes
 * part even when it is not a number, a query decoded on its own against a cache is the query of the
 * whole, also where the cache's keys are turned over, and any number of threads gives the same bits
 * for heads that do not divide among them. */
#include "tests/unit/test.h"

#include "tests/unit/compute/cases.h"

#include "base/par.h"
#include "compute/ops/put.h"
#include <math.h>

enum { HEADS = 3, SIZE = 24, WIDTH = HEADS * SIZE, LONGEST = 200 };

/* Rows as the model has them: [H][q(D) k(D)], v, out, dout, and gradients like q/k and v. */
struct rows {
    float qk[LONGEST * 2 * WIDTH], v[LONGEST * WIDTH], dout[LONGEST * WIDTH];
    float out[LONGEST * WIDTH], lse[LONGEST * HEADS], dqk[LONGEST * 2 * WIDTH], dv[LONGEST * WIDTH];
    int32_t first[LONGEST], last[LONGEST];
};

static struct rows *rows_new(uint64_t seed) {
    struct rows *r = test_alloc(1, sizeof *r);
    const struct rng rng = {seed, RNG_TEST, 0};
    for (int i = 0; i < LONGEST * 2 * WIDTH; i++) r->qk[i] = (float)rng_normal(&rng, (uint64_t)i);
    for (int i = 0; i < LONGEST * WIDTH; i++) {
        r->v[i] = (float)rng_normal(&rng, (uint64_t)(1000000 + i));
        r->dout[i] = (float)rng_normal(&rng, (uint64_t)(2000000 + i));
    }
    return r;
}

/* n_q queries from token q_start on, the last of n. */
static struct attention_args args_of(struct rows *r, int n, int q_start, int n_q) {
    for (int i = 0; i < LONGEST; i++) r->last[i] = i;
    return (struct attention_args){.n_q = n_q,
                                   .n_k = n,
                                   .h = HEADS,
                                   .d = SIZE,
                                   .scale = 0.2f,
                                   .q = r->qk + q_start * 2 * WIDTH,
                                   .k = r->qk + SIZE,
                                   .v = r->v,
                                   .q_row = 2 * WIDTH,
                                   .k_row = 2 * WIDTH,
                                   .v_row = WIDTH,
                                   .o_row = WIDTH,
                                   .q_head_stride = 2 * SIZE,
                                   .k_head_stride = 2 * SIZE,
                                   .v_head_stride = SIZE,
                                   .first = r->first + q_start,
                                   .last = n == n_q ? NULL : r->last + q_start,
                                   .out = r->out + q_start * WIDTH,
                                   .lse = r->lse + q_start * HEADS};
}

static void run(struct compute *c, struct rows *r, int n) {
    struct attention_backward_args back = {.forward = args_of(r, n, 0, n),
                                           .dout = r->dout,
                                           .dq = r->dqk,
                                           .dk = r->dqk + SIZE,
                                           .dv = r->dv};
    assert_ok(c->backend->attention(c, &back.forward));
    assert_ok(c->backend->attention_backward(c, &back));
}

static void copy_document(const struct rows *from, struct rows *to, int at, int n) {
    memcpy(to->qk + at * 2 * WIDTH, from->qk, (size_t)(n * 2 * WIDTH) * sizeof(float));
    memcpy(to->v + at * WIDTH, from->v, (size_t)(n * WIDTH) * sizeof(float));
    memcpy(to->dout + at * WIDTH, from->dout, (size_t)(n * WIDTH) * sizeof(float));
    for (int i = 0; i < n; i++) to->first[at + i] = at;
}

static void assert_document(const struct rows *alone, const struct rows *packed, int at, int n) {
    assert_memory_equal(alone->out, packed->out + at * WIDTH, (size_t)(n * WIDTH) * sizeof(float));
    assert_memory_equal(alone->lse, packed->lse + at * HEADS, (size_t)(n * HEADS) * sizeof(float));
    assert_memory_equal(alone->dqk, packed->dqk + at * 2 * WIDTH,
                        (size_t)(n * 2 * WIDTH) * sizeof(float));
    assert_memory_equal(alone->dv, packed->dv + at * WIDTH, (size_t)(n * WIDTH) * sizeof(float));
}

static void each_variant(void (*fn)(struct compute *c)) {
    par_set_threads(2);
    for (int i = 0; i < n_backends; i++) {
        struct compute c;
        char device[64];
        snprintf(device, sizeof device, "%s:%s", backends[i]->name, backends[i]->variant);
        if (compute_open(&c, device) != ERR_OK) continue;
        fn(&c);
        compute_close(&c);
    }
}

static void packed(struct compute *c) {
    static const int lengths[] = {1, 7, 33, 150}, offsets[] = {0, 1, 5, 16, 37, 50};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct rows *alone = rows_new(1);
        run(c, alone, lengths[i]);
        for (size_t j = 0; j < sizeof offsets / sizeof *offsets; j++) {
            const int at = offsets[j], n = lengths[i];
            struct rows *together = rows_new(2);
            for (int t = 0; t < LONGEST; t++) together->first[t] = t < at ? 0 : at + n;
            copy_document(alone, together, at, n);
            run(c, together, at + n < LONGEST ? at + n + 1 : LONGEST);
            assert_document(alone, together, at, n);
            free(together);
        }
        free(alone);
    }
}

/* Neighbours that are not numbers: before and behind in the forward pass. */
static void isolated(struct compute *c) {
    enum { AT = 21, N = 40, AFTER = 30 };
    struct rows *alone = rows_new(1), *together = rows_new(2);
    run(c, alone, N);
    copy_document(alone, together, AT, N);
    for (int t = 0; t < AT + N + AFTER; t++) {
        if (t >= AT && t < AT + N) continue;
        together->first[t] = t < AT ? 0 : AT + N;
        for (int i = 0; i < 2 * WIDTH; i++) together->qk[t * 2 * WIDTH + i] = NAN;
        for (int i = 0; i < WIDTH; i++)
            together->v[t * WIDTH + i] = together->dout[t * WIDTH + i] = NAN;
    }
    run(c, together, AT + N + AFTER);
    assert_document(alone, together, AT, N);
    free(alone);
    free(together);
}

/* Later tokens of the same document, not numbers, leave the earlier outputs as they are. */
static void causal(struct compute *c) {
    enum { N = 141 };
    for (int cut = 1; cut < N; cut += 14) {
        struct rows *whole = rows_new(1), *cut_off = rows_new(1);
        struct attention_args args = args_of(whole, N, 0, N);
        assert_ok(c->backend->attention(c, &args));
        for (int t = cut; t < N; t++) {
            for (int i = 0; i < 2 * WIDTH; i++) cut_off->qk[t * 2 * WIDTH + i] = NAN;
            for (int i = 0; i < WIDTH; i++) cut_off->v[t * WIDTH + i] = NAN;
        }
        args = args_of(cut_off, N, 0, N);
        assert_ok(c->backend->attention(c, &args));
        assert_memory_equal(whole->out, cut_off->out, (size_t)(cut * WIDTH) * sizeof(float));
        free(whole);
        free(cut_off);
    }
}

static void decoded(struct compute *c) {
    enum { N = 190 };
    struct rows *whole = rows_new(1), *steps = rows_new(1);
    for (int t = 40; t < LONGEST; t++) whole->first[t] = steps->first[t] = 40;
    struct attention_args args = args_of(whole, N, 0, N);
    assert_ok(c->backend->attention(c, &args));
    for (int t = 0; t < N; t++) {
        args = args_of(steps, t + 1, t, 1);
        if (t % 2) args.lse = NULL;
        assert_ok(c->backend->attention(c, &args));
    }
    assert_memory_equal(whole->out, steps->out, N * WIDTH * sizeof(float));
    free(whole);
    free(steps);
}

/* Keys and values of n tokens, from row `at` on of a cache that is not a number elsewhere. */
struct turned_cache {
    float k[(LONGEST + 64) * WIDTH], v[(LONGEST + 64) * WIDTH];
    int32_t row[LONGEST];
};

static struct turned_cache *turn(struct compute *c, const struct rows *r, int at, int n) {
    struct turned_cache *cache = test_alloc(1, sizeof *cache);
    const int64_t turned = c->backend->k_turned, n_rows = (at + n + turned - 1) / turned * turned;
    struct put_args put = {.n = n,
                           .n_to = n_rows,
                           .h = HEADS,
                           .d = SIZE,
                           .from = r->qk + SIZE,
                           .to = cache->k,
                           .from_row = 2 * WIDTH,
                           .to_row = WIDTH,
                           .from_head_stride = 2 * SIZE,
                           .to_head_stride = SIZE,
                           .to_turned = turned,
                           .index = cache->row};
    assert_true(n_rows <= LONGEST + 64);
    for (int64_t i = 0; i < n_rows * WIDTH; i++) cache->k[i] = cache->v[i] = NAN;
    for (int t = 0; t < n; t++) cache->row[t] = at + t;
    assert_ok(c->backend->put(c, &put));
    for (int64_t i = 0; i < n_rows * WIDTH; i++) {
        const int64_t block = i / (turned * WIDTH), t = block * turned + i % turned - at,
                      column = i / turned % WIDTH;
        const float got = cache->k[i];
        if (t < 0 || t >= n)
            assert_true(isnan(got));
        else
            assert_true(got ==
                        r->qk[t * 2 * WIDTH + column / SIZE * 2 * SIZE + SIZE + column % SIZE]);
    }
    memcpy(cache->v + at * WIDTH, r->v, (size_t)(n * WIDTH) * sizeof(float));
    return cache;
}

/* A cache of turned keys, begun anywhere, with documents that begin anywhere: one query at a time,
 * some together and all at once have the bits that rows of keys give. */
static void decoded_turned(struct compute *c) {
    enum { N = 190 };
    static const int places[] = {0, 32, 45}, documents[] = {1, 16, 40, 33}, steps[] = {1, 2, 7, N};
    struct rows *whole = rows_new(1);
    for (int i = 0; c->backend->k_turned && i < 12; i++) {
        const int at = places[i % 3], document = documents[i % 4], n_q = steps[i / 3];
        for (int t = 0; t < LONGEST; t++) whole->first[t] = t < document ? 0 : document;
        struct attention_args args = args_of(whole, N, 0, N);
        assert_ok(c->backend->attention(c, &args));
        struct turned_cache *cache = turn(c, whole, at, N);
        struct rows *steps_of = rows_new(1);
        for (int t = 0; t < N; t++) steps_of->first[t] = at + whole->first[t];
        for (int t = 0; t < N; t += n_q) {
            args = args_of(steps_of, N, t, t + n_q < N ? n_q : N - t);
            args.n_k =
                (at + N + c->backend->k_turned - 1) / c->backend->k_turned * c->backend->k_turned;
            args.k = cache->k;
            args.v = cache->v;
            args.k_row = WIDTH;
            args.k_head_stride = SIZE;
            args.k_turned = c->backend->k_turned;
            args.last = cache->row + t;
            assert_ok(c->backend->attention(c, &args));
        }
        assert_memory_equal(whole->out, steps_of->out, N * WIDTH * sizeof(float));
        free(steps_of);
        free(cache);
    }
    free(whole);
}

/* Heads that divide among the threads and heads that do not, fewer of them than threads too. */
static void threaded(struct compute *c) {
    struct rows *one = rows_new(1);
    for (int t = 0; t < LONGEST; t++) one->first[t] = t < 70 ? 0 : t == 70 ? 70 : 71;
    par_set_threads(1);
    run(c, one, LONGEST);
    for (int threads = 2; threads <= 7; threads++) {
        struct rows *many = rows_new(1);
        memcpy(many->first, one->first, sizeof one->first);
        par_set_threads(threads);
        run(c, many, LONGEST);
        assert_memory_equal(one->out, many->out, sizeof one->out);
        assert_memory_equal(one->lse, many->lse, sizeof one->lse);
        assert_memory_equal(one->dqk, many->dqk, sizeof one->dqk);
        assert_memory_equal(one->dv, many->dv, sizeof one->dv);
        free(many);
    }
    par_set_threads(2);
    free(one);
}

/* Twice the tokens need at most twice the memory. */
static void linear(struct compute *c) {
    const struct work_shape shape = {.rows = 8192, .columns = 1, .heads = 2, .head_size = 64};
    struct work_shape twice = shape;
    twice.rows *= 2;
    assert_true(c->backend->scratch_bytes(&twice) <= 2 * c->backend->scratch_bytes(&shape));
}

static void packing(void **state) {
    (void)state;
    each_variant(packed);
}

static void isolation(void **state) {
    (void)state;
    each_variant(isolated);
}

static void causality(void **state) {
    (void)state;
    each_variant(causal);
}

static void decoding(void **state) {
    (void)state;
    each_variant(decoded);
}

static void turned_keys(void **state) {
    (void)state;
    each_variant(decoded_turned);
}

static void memory(void **state) {
    (void)state;
    each_variant(linear);
}

static void threads(void **state) {
    (void)state;
    each_variant(threaded);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(packing),     cmocka_unit_test(isolation),
                                       cmocka_unit_test(causality),   cmocka_unit_test(decoding),
                                       cmocka_unit_test(turned_keys), cmocka_unit_test(threads),
                                       cmocka_unit_test(memory)};
    return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
