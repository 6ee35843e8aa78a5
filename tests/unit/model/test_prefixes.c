/* SPDX-License-Identifier: Apache-2.0
 * Texts that begin alike, and what is computed of them once: texts begun behind a mark have the
 * bits of a full recomputation, whatever the length of what they share; the order of texts and
 * their groups; what generation makes of groups in groups, of equal prompts and of prompts that are
 * weighed only; the memory of a decoder, planned and allocated.
 * Under test: marks of model/decoder.h, model/prefixes.h, model/generate.h, decoder_plan. */
#include "model/prefixes.h"
#include "base/par.h"
#include "tests/unit/model/small.h"

enum { LONG = 60, MAX_ANSWER = 10 };

static const char *folder;
static int make_folder(void **state) {
    (void)state;
    folder = test_folder();
    return 0;
}
static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

/* (n, V) */
static float *recompute(struct small *s, const int32_t *ids, int64_t n, enum isolate isolate) {
    struct batch b;
    float *z = mem_alloc((size_t)(n * s->model.config.vocab_size), sizeof *z);
    assert_non_null(z);
    assert_ok(batch_init(&b, n));
    assert_ok(batch_add_row(&b, n, ids, NULL, NULL, SMALL_EOD, isolate));
    assert_ok(model_forward(&s->model, &(struct model_call){.batch = &b}));
    assert_ok(model_logits(&s->model, 0, n, z));
    batch_release(&b);
    return z;
}

/* Text 0 is marked after `shared` tokens and goes on; others begin there, in another's place and in
 * their own, and end otherwise. */
static void begin_behind(struct small *s, int64_t shared, enum isolate isolate) {
    enum { N = 40 };
    int32_t ids[3][N];
    float *want[3];
    struct decoder *d;
    const int64_t V = s->model.config.vocab_size;
    for (int i = 0; i < 3; i++) {
        small_document((uint64_t)i, N, ids[i]);
        ids[0][20] = SMALL_EOD;
        memcpy(ids[i], ids[0], (size_t)shared * sizeof **ids);
        want[i] = recompute(s, ids[i], N, isolate);
    }
    assert_ok(decoder_new(&d, &s->model, &(struct decoder_options){2, N, isolate}));
    if (shared > 0) {
        const struct decoder_part first = {.ids = ids[0], .n = shared, .silent = true};
        assert_ok(decoder_feed(d, &first, 1));
    }
    assert_ok(decoder_mark(d, 0, 3));
    struct decoder_part part = {.ids = ids[0] + shared, .n = N - shared};
    assert_ok(decoder_feed(d, &part, 1));
    assert_memory_equal(decoder_logits(d, 0), want[0] + (N - 1) * V, (size_t)V * sizeof **want);
    for (int i = 1; i < 3; i++) { /* the second time in place 0 itself */
        assert_ok(decoder_begin(d, i == 1, 3, 0));
        part = (struct decoder_part){.text = i == 1, .ids = ids[i] + shared, .n = 1};
        for (int64_t t = shared; t < N; t++, part.ids++) {
            assert_ok(decoder_feed(d, &part, 1));
            assert_memory_equal(decoder_logits(d, part.text), want[i] + t * V,
                                (size_t)V * sizeof **want);
        }
    }
    decoder_free(d);
    for (int i = 0; i < 3; i++) mem_free(want[i]);
}

static void shared_lengths(void **state) {
    (void)state;
    static const char *const variants[] = {NULL, "\"hidden_size\": 64, \"num_attention_heads\": 4",
                                           "\"use_shareqk\": true"};
    static const int64_t lengths[] = {0, 1, 2, 3, 15, 16, 17, 21, 38, 39};
    for (int v = 0; v < 3; v++) {
        struct small s;
        small_open(&s, small_model(folder, variants[v], DTYPE_BF16), LONG, false);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int isolate = 0; isolate < 3; isolate++)
                begin_behind(&s, lengths[i], (enum isolate)isolate);
        small_close(&s);
    }
}

/* ---- the order ---- */

static struct generate_text text_of(const int32_t *prompt, int64_t n) {
    return (struct generate_text){.prompt = prompt, .n_prompt = n, .max_new_tokens = 1};
}

/* Two groups, of which the one with the longest prompt comes first, its texts by length; within it
 * equal prompts share all but their last token. */
static void groups_and_lengths(void **state) {
    (void)state;
    int32_t a[5][40], b[2][30], lone[50] = {0};
    struct prefixes p;
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < 5; k++) a[k][i] = i < 12 ? 7 : 10 + k;
        for (int k = 0; k < 2 && i < 30; k++) b[k][i] = i < 9 ? 5 : 20 + k;
    }
    const struct generate_text texts[] = {
        text_of(b[0], 30), text_of(a[0], 25), text_of(a[1], 40), text_of(lone, 35),
        text_of(a[0], 25), text_of(a[2], 30), text_of(b[1], 12), text_of(lone, 1),
    };
    static const int64_t order[] = {2, 5, 1, 4, 3, 0, 6, 7};
    assert_ok(prefixes_find(&p, texts, 8));
    assert_memory_equal(p.order, order, sizeof order);
    assert_int_equal(p.n_groups, 3);
    assert_int_equal(p.groups[0].n_tokens, 12);
    assert_int_equal(p.groups[1].n_tokens, 24);
    assert_int_equal(p.groups[1].parent, 0);
    assert_int_equal(p.groups[1].mark, 1);
    assert_int_equal(p.groups[2].n_tokens, 9);
    assert_int_equal(p.groups[2].parent, -1);
    static const int64_t innermost[] = {0, 0, 1, 1, -1, 2, 2, -1};
    assert_memory_equal(p.innermost, innermost, sizeof innermost);
    prefixes_release(&p);
    assert_ok(prefixes_find(&p, NULL, 0));
    prefixes_release(&p);
}

/* More groups in each other than there are marks: the innermost texts compute what is left. */
static void deep_groups(void **state) {
    (void)state;
    enum { N = 2 * DECODER_MARKS };
    static int32_t ids[N][20 * N];
    struct generate_text texts[N];
    struct prefixes p;
    for (int k = 0; k < N; k++) {
        for (int i = 0; i < 20 * N; i++) ids[k][i] = i / 20 < k ? 1 : 2;
        texts[k] = text_of(ids[k], 20 * N);
    }
    assert_ok(prefixes_find(&p, texts, N));
    assert_int_equal(p.n, N);
    for (int64_t i = 0; i < p.n_groups; i++) assert_true(p.groups[i].mark < DECODER_MARKS);
    assert_int_equal(p.n_groups, DECODER_MARKS);
    prefixes_release(&p);
}

/* ---- generation ---- */

enum { N_TEXTS = 14 };
struct asked {
    int32_t prompts[N_TEXTS][LONG], out[N_TEXTS][MAX_ANSWER];
    double log_p[N_TEXTS][LONG];
    struct generate_text texts[N_TEXTS];
    int64_t n_fed;
};

/* Groups in groups, equal prompts, prompts that begin like others, and some that are only weighed,
 * with and without tokens of theirs that others share. */
static void make_texts(struct asked *a) {
    static const int64_t begins[N_TEXTS] = {0, 0, 0, 3, 3, 3, 3, 0, 8, 8, 0, 11, 11, 11};
    static const int64_t shares[N_TEXTS] = {0, 9, 25, 25, 30, 30, 40, 8, 7, 1, 40, 2, 20, 29};
    static const int64_t lengths[N_TEXTS] = {40, 41, 12, 40, 31, 31, 40, 1, 30, 9, 40, 30, 30, 30};
    *a = (struct asked){0};
    for (int i = 0; i < N_TEXTS; i++) {
        small_document((uint64_t)i, LONG, a->prompts[i]);
        memcpy(a->prompts[i], a->prompts[begins[i]], (size_t)shares[i] * sizeof **a->prompts);
        a->texts[i] = (struct generate_text){.prompt = a->prompts[i],
                                             .n_prompt = lengths[i],
                                             .max_new_tokens = i % 5 == 4 ? 0 : MAX_ANSWER - i % 3,
                                             .number = (uint64_t)i,
                                             .out = a->out[i],
                                             .n_scored = lengths[i] > 20 && i % 3 == 1 ? 4 + i : 0,
                                             .log_p = a->log_p[i]};
    }
}

static void count_fed(void *ctx, int64_t n_prompt, int64_t n_answer) {
    (void)n_answer;
    *(int64_t *)ctx += n_prompt;
}

static void expect_answers(struct small *s, const struct asked *want, int64_t n_places,
                           const struct sampling *sampling) {
    static struct asked got;
    struct decoder *d;
    make_texts(&got);
    assert_ok(decoder_new(&d, &s->model, &(struct decoder_options){n_places, LONG, ISOLATE_ALL}));
    assert_ok(generate(
        d, got.texts, N_TEXTS,
        &(struct generate_options){.sampling = *sampling,
                                   .listener = {.on_step = count_fed, .ctx = &got.n_fed}}));
    decoder_free(d);
    assert_true(got.n_fed < want->n_fed - 100); /* most of what is shared was fed once */
    for (int i = 0; i < N_TEXTS; i++) {
        assert_int_equal(got.texts[i].n_out, want->texts[i].n_out);
        assert_int_equal(got.texts[i].ended, want->texts[i].ended);
        assert_memory_equal(got.out[i], want->out[i], sizeof got.out[i]);
        assert_memory_equal(got.log_p[i], want->log_p[i], sizeof got.log_p[i]);
    }
}

/* Each text alone, its prompt computed whole, and its scores from a pass without a cache. */
static void answer_alone(struct small *s, struct asked *a, const struct sampling *sampling) {
    const int64_t V = s->model.config.vocab_size;
    struct decoder *d;
    make_texts(a);
    assert_ok(decoder_new(&d, &s->model, &(struct decoder_options){1, LONG, ISOLATE_ALL}));
    for (int i = 0; i < N_TEXTS; i++) {
        struct generate_text *t = &a->texts[i];
        float *z = recompute(s, t->prompt, t->n_prompt, ISOLATE_ALL);
        double whole[LONG];
        assert_ok(generate(d, t, 1, &(struct generate_options){.sampling = *sampling}));
        for (int64_t k = 0; k < t->n_scored; k++) {
            const int64_t at = t->n_prompt - t->n_scored + k;
            whole[k] = log_probability(z + (at - 1) * V, V, t->prompt[at]);
        }
        assert_memory_equal(a->log_p[i], whole, (size_t)t->n_scored * sizeof *whole);
        a->n_fed += t->n_prompt;
        mem_free(z);
    }
    decoder_free(d);
}

static void groups_give_the_same_answers(void **state) {
    (void)state;
    static const struct sampling how[] = {{0}, {.temperature = 3, .seed = 5}};
    static struct asked want;
    struct small s;
    small_open(&s, small_model(folder, NULL, DTYPE_BF16), LONG, false);
    for (int k = 0; k < 2; k++) {
        answer_alone(&s, &want, &how[k]);
        for (int64_t n_places = 1; n_places <= N_TEXTS + 1; n_places += n_places < 4 ? 1 : 5) {
            par_set_threads(1 + n_places % 3);
            expect_answers(&s, &want, n_places, &how[k]);
        }
    }
    par_set_threads(0);
    small_close(&s);
}

static err full(void *ctx, int64_t text) {
    *(int64_t *)ctx = text;
    return fail(ERR_IO, "no room for text %lld", (long long)text);
}

/* A listener that fails ends all, and the error names the text. */
static void listeners_may_fail(void **state) {
    (void)state;
    static struct asked a;
    struct small s;
    struct decoder *d;
    int64_t n = -1;
    char where[64];
    small_open(&s, small_model(folder, NULL, DTYPE_BF16), LONG, false);
    make_texts(&a);
    assert_ok(decoder_new(&d, &s.model, &(struct decoder_options){2, LONG, ISOLATE_ALL}));
    assert_fails(generate(d, a.texts, N_TEXTS,
                          &(struct generate_options){.listener = {.on_end = full, .ctx = &n}}),
                 ERR_IO, "no room");
    snprintf(where, sizeof where, "text %lld: no room for text %lld", (long long)n + 1,
             (long long)n);
    assert_string_equal(err_message(), where);
    assert_fails(generate(d, a.texts, N_TEXTS,
                          &(struct generate_options){.listener = {.on_begin = full, .ctx = &n}}),
                 ERR_IO, "no room");
    decoder_free(d);
    small_close(&s);
}

/* ---- memory ---- */

static void planned_is_allocated(void **state) {
    (void)state;
    static const struct decoder_options shapes[] = {
        {1, 1, ISOLATE_ALL}, {3, 50, ISOLATE_ALL}, {20, 7, ISOLATE_NONE}, {5, 100, ISOLATE_ALL}};
    struct small s;
    small_open(&s, small_model(folder, NULL, DTYPE_BF16), LONG, false);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct plan plan = {0};
        struct decoder *d;
        const int64_t before = mem_stats().live_bytes;
        assert_ok(decoder_plan(&s.model, &shapes[i], &plan));
        const size_t bytes = plan.total_bytes;
        plan_release(&plan);
        assert_int_equal(mem_stats().live_bytes, before);
        assert_ok(decoder_new(&d, &s.model, &shapes[i]));
        assert_int_equal(decoder_bytes(d), bytes);
        const int64_t beside = mem_stats().live_bytes - before - (int64_t)bytes;
        assert_true(beside < 40000);
        decoder_free(d);
        assert_int_equal(mem_stats().live_bytes, before);

        struct decoder_options fitted = shapes[i];
        int64_t needed;
        assert_ok(decoder_fit(&s.model, &fitted, (int64_t)bytes, &needed));
        assert_int_equal(fitted.n_texts, shapes[i].n_texts);
        assert_int_equal(needed, bytes);
        if (fitted.n_texts > 1) {
            assert_ok(decoder_fit(&s.model, &fitted, (int64_t)bytes - 1, &needed));
            assert_true(fitted.n_texts < shapes[i].n_texts && needed < (int64_t)bytes);
        }
        assert_fails(decoder_fit(&s.model, &fitted, 1000, NULL), ERR_LIMIT, "and 1000 are left");
    }
    small_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_lengths),     cmocka_unit_test(groups_and_lengths),
        cmocka_unit_test(deep_groups),        cmocka_unit_test(groups_give_the_same_answers),
        cmocka_unit_test(listeners_may_fail), cmocka_unit_test(planned_is_allocated),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
