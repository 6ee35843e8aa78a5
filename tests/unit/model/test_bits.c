/* SPDX-License-Identifier: Apache-2.0
 * Same bits: token losses of a document packed or alone, gradients however a step is cut into
 * micro-batches or packed, and everything whatever the number of threads.
 * Under test: model/model.h, as compute/ops/op.h promises. */
#include "base/par.h"
#include "tests/unit/model/small.h"
#include <math.h>

enum { N_DOCUMENTS = 5, MAX_TOKENS = 128 };
static const int64_t lengths[N_DOCUMENTS] = {7, 1, 19, 12, 30};

struct documents {
    int32_t ids[N_DOCUMENTS][32], targets[N_DOCUMENTS][32];
};

/* The last token of each document and every third one are not trained. */
static void make_documents(struct documents *d) {
    for (int i = 0; i < N_DOCUMENTS; i++) {
        small_document((uint64_t)i, lengths[i], d->ids[i]);
        for (int64_t t = 0; t < lengths[i]; t++)
            d->targets[i][t] = t + 1 == lengths[i] || t % 3 == 2 ? TARGET_IGNORE : d->ids[i][t + 1];
    }
}

static float *copy_gradients(const struct model *m) {
    int64_t n = 0;
    for (int64_t i = 0; i < m->n_params; i++) n += m->params[i].count;
    float *all = mem_alloc((size_t)n, sizeof *all);
    assert_non_null(all);
    n = 0;
    for (int64_t i = 0; i < m->n_params; i++) {
        memcpy(all + n, m->params[i].gradient, (size_t)m->params[i].count * sizeof *all);
        n += m->params[i].count;
    }
    return all;
}

static void expect_same_gradients(const struct model *m, const float *want) {
    for (int64_t i = 0; i < m->n_params; i++) {
        const struct param *p = &m->params[i];
        if (memcmp(want, p->gradient, (size_t)p->count * sizeof *want) != 0)
            fail_msg("the gradient of '%s' has other bits", p->name);
        want += p->count;
    }
}

/* One micro-batch: documents begin.. of the step, `packed` in one row or one row each. */
static void run_batch(struct small *s, const struct documents *d, int begin, int end, bool packed,
                      double *sum, float *losses) {
    struct batch b;
    struct model_call call = {.batch = &b};
    int32_t ids[MAX_TOKENS], targets[MAX_TOKENS];
    uint8_t starts[MAX_TOKENS] = {0};
    int64_t n = 0, trained;
    double part;
    assert_ok(batch_init(&b, MAX_TOKENS));
    for (int i = begin; i < end; i++) {
        starts[n] = 1;
        memcpy(ids + n, d->ids[i], (size_t)lengths[i] * sizeof *ids);
        memcpy(targets + n, d->targets[i], (size_t)lengths[i] * sizeof *ids);
        if (!packed)
            assert_ok(
                batch_add_row(&b, lengths[i], ids + n, targets + n, NULL, SMALL_EOD, ISOLATE_ALL));
        n += lengths[i];
    }
    if (packed) assert_ok(batch_add_row(&b, n, ids, targets, starts, SMALL_EOD, ISOLATE_ALL));
    assert_ok(model_forward(&s->model, &call));
    assert_ok(model_loss(&s->model, &call, 1.0 / 37, &part, &trained, losses));
    assert_ok(model_backward(&s->model, &call));
    *sum += part;
    batch_release(&b);
}

/* A step of all documents cut before the documents in `cuts` (ends with N_DOCUMENTS). */
static void run_step(struct small *s, const struct documents *d, const int *cuts, bool packed,
                     double *sum, float *losses) {
    int64_t at = 0;
    int begin = 0;
    *sum = 0;
    assert_ok(model_zero_gradients(&s->model));
    do {
        run_batch(s, d, begin, *cuts, packed, sum, losses + at);
        for (; begin < *cuts; begin++) at += lengths[begin];
    } while (*cuts++ != N_DOCUMENTS);
    assert_ok(model_finish_gradients(&s->model));
}

static void check_cuts(const char *changes, enum dtype dtype) {
    const char *folder = test_folder();
    struct small s;
    struct documents d;
    float want_losses[MAX_TOKENS] = {0}, losses[MAX_TOKENS] = {0};
    double want_sum, sum;
    const int whole[] = {N_DOCUMENTS}, each[] = {1, 2, 3, 4, N_DOCUMENTS}, two[] = {2, N_DOCUMENTS};
    const int *const cuts[] = {whole, each, two};
    make_documents(&d);
    small_open(&s, small_model(folder, changes, dtype), MAX_TOKENS, true);
    par_set_threads(1);
    run_step(&s, &d, whole, true, &want_sum, want_losses);
    assert_true(want_sum > 0);
    float *want = copy_gradients(&s.model);
    for (int threads = 1; threads <= 3; threads++)
        for (int i = 0; i < 3; i++)
            for (int packed = 0; packed < 2; packed++) {
                par_set_threads(threads);
                run_step(&s, &d, cuts[i], packed, &sum, losses);
                assert_memory_equal(losses, want_losses, sizeof losses);
                assert_true(sum == want_sum);
                expect_same_gradients(&s.model, want);
            }
    par_set_threads(0);
    mem_free(want);
    small_close(&s);
    test_folder_remove(folder);
}

static void tied_head(void **state) {
    (void)state;
    check_cuts(NULL, DTYPE_F32);
}

static void own_head_in_bf16(void **state) {
    (void)state;
    check_cuts("\"tie_word_embeddings\": false", DTYPE_BF16);
}

static void share_qk(void **state) {
    (void)state;
    check_cuts("\"use_shareqk\": true", DTYPE_F32);
    check_cuts("\"use_shareqk\": true", DTYPE_BF16);
}

/* Isolation is seen where it is off: the next document's losses change. */
static void documents_reach_each_other_without_isolation(void **state) {
    (void)state;
    const char *folder = test_folder();
    struct small s;
    struct documents d;
    struct batch b;
    float losses[3][MAX_TOKENS];
    double sum;
    int64_t trained;
    make_documents(&d);
    small_open(&s, small_model(folder, NULL, DTYPE_F32), MAX_TOKENS, false);
    assert_ok(batch_init(&b, MAX_TOKENS));
    int32_t ids[MAX_TOKENS], targets[MAX_TOKENS];
    memcpy(ids, d.ids[0], sizeof(int32_t) * 7);
    memcpy(ids + 7, d.ids[2], sizeof(int32_t) * 19);
    memcpy(targets, d.targets[0], sizeof(int32_t) * 7);
    memcpy(targets + 7, d.targets[2], sizeof(int32_t) * 19);
    for (int i = 0; i < 3; i++) {
        struct model_call call = {.batch = &b};
        batch_clear(&b);
        assert_ok(batch_add_row(&b, 26, ids, targets, NULL, SMALL_EOD, (enum isolate)i));
        assert_ok(model_forward(&s.model, &call));
        assert_ok(model_loss(&s.model, &call, 0, &sum, &trained, losses[i]));
        assert_memory_equal(losses[i], losses[0], 7 * sizeof(float)); /* the first document's */
    }
    assert_memory_not_equal(losses[1] + 7, losses[0] + 7, 19 * sizeof(float));
    assert_memory_not_equal(losses[2] + 7, losses[1] + 7, 19 * sizeof(float));
    batch_release(&b);
    small_close(&s);
    test_folder_remove(folder);
}

/* Untied, so that the lookup's part of the gradient stands alone. */
static void padding_row_gets_no_gradient_from_the_lookup(void **state) {
    (void)state;
    const char *folder = test_folder();
    const char *own = "\"tie_word_embeddings\": false";
    struct small s;
    struct documents d;
    float losses[MAX_TOKENS];
    double sum;
    const int whole[] = {N_DOCUMENTS};
    make_documents(&d);
    small_open(&s, small_model(folder, own, DTYPE_F32), MAX_TOKENS, true);
    d.targets[0][6] = 9; /* train the position of an <eod>, so that its row would get a gradient */
    run_step(&s, &d, whole, false, &sum, losses);
    const float *gradient = s.model.params[0].gradient;
    const int64_t C = s.model.config.hidden_size;
    assert_string_equal(s.model.params[0].name, "model.embed_tokens.weight");
    for (int64_t j = 0; j < C; j++) assert_true(gradient[SMALL_EOD * C + j] == 0);
    bool other = false;
    for (int64_t j = 0; j < C; j++) other |= gradient[d.ids[0][0] * C + j] != 0;
    assert_true(other);
    small_close(&s);
    test_folder_remove(folder);
}

/* A sum of losses is a whole number of 2^-30, so that adding sums is exact in any order, also where
 * sharp predictions make losses whose last bits lie below that. */
static void sums_are_exact(void **state) {
    (void)state;
    const char *folder = test_folder();
    struct small s;
    struct documents d;
    struct batch b;
    struct model_call call = {.batch = &b};
    float logits[30 * SMALL_V], losses[30];
    double sum;
    int64_t trained;
    bool fine = false;
    make_documents(&d);
    small_open(&s, small_model(folder, NULL, DTYPE_F32), 30, true);
    struct param *norm = &s.model.params[s.model.n_params - 1];
    assert_string_equal(norm->name, "model.norm.weight");
    for (int64_t i = 0; i < norm->count; i++) norm->value[i] = 3;
    assert_ok(batch_init(&b, 30));
    assert_ok(batch_add_row(&b, 30, d.ids[4], NULL, NULL, SMALL_EOD, ISOLATE_ALL));
    assert_ok(model_forward(&s.model, &call));
    assert_ok(model_logits(&s.model, 0, 30, logits));
    for (int t = 0; t < 30; t++) { /* the most likely token as target */
        b.targets[t] = 0;
        for (int32_t j = 1; j < SMALL_V; j++)
            if (logits[t * SMALL_V + j] > logits[t * SMALL_V + b.targets[t]]) b.targets[t] = j;
    }
    assert_ok(model_loss(&s.model, &call, 0, &sum, &trained, losses));
    for (int t = 0; t < 30; t++) {
        double scaled = (double)losses[t] * 0x1p30;
        fine |= scaled != rint(scaled);
    }
    assert_true(fine); /* else the rounding would not show */
    assert_true(sum * 0x1p30 == rint(sum * 0x1p30));
    batch_release(&b);
    small_close(&s);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tied_head),
        cmocka_unit_test(own_head_in_bf16),
        cmocka_unit_test(share_qk),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(documents_reach_each_other_without_isolation),
        cmocka_unit_test(padding_row_gets_no_gradient_from_the_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
