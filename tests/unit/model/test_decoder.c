/* SPDX-License-Identifier: Apache-2.0
 * Several texts in one decoder: each has the bits of a full recomputation, whatever lengths the
 * others have, however their tokens come in, and whichever place a text takes after another; and
 * generation gives each text what it gets alone. Over models of several shapes and dtypes.
 * Under test: model/decoder.h and model/generate.h. */
#include "base/par.h"
#include "model/generate.h"
#include "tests/unit/model/small.h"

enum { N_TEXTS = 5, LONGEST = 30, MAX_ANSWER = 12 };
static const int64_t lengths[N_TEXTS] = {7, 1, LONGEST, 2, 18};

struct texts {
    int32_t ids[N_TEXTS][LONGEST];
    float *logits[N_TEXTS]; /* (length, V) of a full recomputation */
};

/* Text i: with an <eod> inside where it is long enough, so that isolation matters. */
static void open_texts(struct texts *t, struct small *s, enum isolate isolate) {
    const int64_t V = s->model.config.vocab_size;
    struct batch b;
    assert_ok(batch_init(&b, LONGEST));
    for (int i = 0; i < N_TEXTS; i++) {
        small_document((uint64_t)i, lengths[i], t->ids[i]);
        t->ids[i][lengths[i] - 1] = 9 + i;
        if (lengths[i] > 4) t->ids[i][lengths[i] / 2] = SMALL_EOD;
        t->logits[i] = mem_alloc((size_t)(lengths[i] * V), sizeof **t->logits);
        assert_non_null(t->logits[i]);
        batch_clear(&b);
        assert_ok(batch_add_row(&b, lengths[i], t->ids[i], NULL, NULL, SMALL_EOD, isolate));
        assert_ok(model_forward(&s->model, &(struct model_call){.batch = &b}));
        assert_ok(model_logits(&s->model, 0, lengths[i], t->logits[i]));
    }
    batch_release(&b);
}

static void close_texts(struct texts *t) {
    for (int i = 0; i < N_TEXTS; i++) mem_free(t->logits[i]);
}

static void expect_logits(const struct decoder *d, const struct texts *t, const int *text_of,
                          const int64_t *fed, int64_t place) {
    const int64_t V = decoder_model(d)->config.vocab_size;
    const float *want = t->logits[text_of[place]] + (fed[place] - 1) * V;
    if (memcmp(decoder_logits(d, place), want, (size_t)V * sizeof *want) != 0)
        fail_msg("text %d has other logits after %lld tokens", text_of[place],
                 (long long)fed[place]);
}

/* Feeds all texts in steps of random size, some texts left out of some steps; a text that is at its
 * end is followed by another in its place, until ten texts have ended. */
static void feed_in_company(struct decoder *d, const struct texts *t, uint64_t seed) {
    const int64_t n_places = decoder_options(d)->n_texts;
    const struct rng rng = {seed, RNG_TEST, 0};
    int text_of[N_TEXTS], rounds = 0;
    int64_t fed[N_TEXTS] = {0};
    uint64_t draw = 0;
    for (int i = 0; i < n_places; i++) text_of[i] = i % N_TEXTS;
    while (rounds < 2 * N_TEXTS) {
        struct decoder_part parts[N_TEXTS];
        int64_t n = 0;
        for (int64_t i = 0; i < n_places; i++) {
            const int64_t left = lengths[text_of[i]] - fed[i];
            if (rng_below(&rng, draw++, 4) == 0) continue;
            const int64_t take = 1 + (int64_t)rng_below(&rng, draw++, (uint64_t)left);
            parts[n++] =
                (struct decoder_part){.text = i, .ids = t->ids[text_of[i]] + fed[i], .n = take};
        }
        assert_ok(decoder_feed(d, parts, n));
        for (int64_t k = 0; k < n; k++) {
            const int64_t i = parts[k].text;
            fed[i] += parts[k].n;
            expect_logits(d, t, text_of, fed, i);
            if (fed[i] < lengths[text_of[i]]) continue;
            text_of[i] = (text_of[i] + 1) % N_TEXTS;
            fed[i] = 0;
            decoder_clear(d, i);
            rounds++;
        }
    }
}

static void check_bits(const char *changes, enum dtype dtype) {
    const char *folder = test_folder();
    struct small s;
    struct texts t;
    struct decoder *d;
    small_open(&s, small_model(folder, changes, dtype), LONGEST, false);
    for (int isolate = 0; isolate < 3; isolate++) {
        open_texts(&t, &s, (enum isolate)isolate);
        for (int64_t n_places = 1; n_places <= N_TEXTS; n_places += 2) {
            const struct decoder_options options = {n_places, LONGEST, (enum isolate)isolate};
            assert_ok(decoder_new(&d, &s.model, &options));
            par_set_threads(1 + n_places % 3);
            feed_in_company(d, &t, (uint64_t)(10 * isolate + n_places));
            decoder_free(d);
        }
        close_texts(&t);
    }
    par_set_threads(0);
    small_close(&s);
    test_folder_remove(folder);
}

/* Heads of 8, 16 and 6 elements: whole vectors, and parts of one. */
static void odd_sizes(void **state) {
    (void)state;
    check_bits(NULL, DTYPE_F32);
    check_bits("\"hidden_size\": 36, \"num_attention_heads\": 6, \"intermediate_size\": 50,"
               " \"tie_word_embeddings\": false",
               DTYPE_BF16);
}

static void vector_sizes(void **state) {
    (void)state;
    check_bits("\"hidden_size\": 64, \"num_attention_heads\": 4, \"intermediate_size\": 96,"
               " \"num_hidden_layers\": 3",
               DTYPE_BF16);
    check_bits("\"hidden_size\": 64, \"num_attention_heads\": 4", DTYPE_F32);
}

/* A pass takes 256 rows: prompts longer than that, cut in their midst, beside short ones. */
static void long_prompts(void **state) {
    (void)state;
    enum { LONG = 300 };
    const char *folder = test_folder();
    struct small s;
    struct batch b;
    struct decoder *d;
    static int32_t ids[3][LONG];
    static float want[SMALL_V];
    const int64_t n[3] = {LONG, 5, LONG - 1};
    struct decoder_part parts[3];
    small_open(&s, small_model(folder, "\"max_position_embeddings\": 300", DTYPE_BF16), LONG,
               false);
    assert_ok(batch_init(&b, LONG));
    for (int i = 0; i < 3; i++) {
        small_document((uint64_t)i, n[i], ids[i]);
        parts[i] = (struct decoder_part){.text = i, .ids = ids[i], .n = n[i]};
    }
    assert_ok(decoder_new(&d, &s.model, &(struct decoder_options){3, LONG, ISOLATE_NONE}));
    assert_ok(decoder_feed(d, parts, 3));
    for (int i = 0; i < 3; i++) {
        batch_clear(&b);
        assert_ok(batch_add_row(&b, n[i], ids[i], NULL, NULL, SMALL_EOD, ISOLATE_NONE));
        assert_ok(model_forward(&s.model, &(struct model_call){.batch = &b}));
        assert_ok(model_logits(&s.model, n[i] - 1, n[i], want));
        assert_memory_equal(decoder_logits(d, i), want, sizeof want);
    }
    decoder_free(d);
    batch_release(&b);
    small_close(&s);
    test_folder_remove(folder);
}

struct heard {
    int64_t n[N_TEXTS];
    int32_t ids[N_TEXTS][MAX_ANSWER];
};
static void hear(void *ctx, int64_t text, int32_t id) {
    struct heard *h = ctx;
    assert_true(h->n[text] < MAX_ANSWER);
    h->ids[text][h->n[text]++] = id;
}

/* Answers of all texts with `n_places` at a time. */
static void answer(struct small *s, int64_t n_places, const struct sampling *sampling,
                   struct generate_text *texts, int32_t out[N_TEXTS][MAX_ANSWER]) {
    static int32_t prompts[N_TEXTS][LONGEST];
    struct decoder *d;
    struct heard heard = {0};
    const struct decoder_options shape = {n_places, LONGEST + MAX_ANSWER, ISOLATE_ALL};
    const struct generate_options options = {.sampling = *sampling,
                                             .listener = {.on_token = hear, .ctx = &heard}};
    for (int i = 0; i < N_TEXTS; i++) {
        small_document((uint64_t)i, lengths[i], prompts[i]);
        texts[i] = (struct generate_text){.prompt = prompts[i],
                                          .n_prompt = lengths[i],
                                          .max_new_tokens = MAX_ANSWER - 2 * i,
                                          .number = (uint64_t)i,
                                          .out = out[i]};
    }
    assert_ok(decoder_new(&d, &s->model, &shape));
    assert_ok(generate(d, texts, N_TEXTS, &options));
    decoder_free(d);
    for (int i = 0; i < N_TEXTS; i++) {
        assert_int_equal(heard.n[i], texts[i].n_out);
        assert_memory_equal(heard.ids[i], out[i], (size_t)texts[i].n_out * sizeof **out);
        assert_true(texts[i].ended || texts[i].n_out == texts[i].max_new_tokens);
    }
}

/* Greedy, and sampled hot enough that some texts meet <eod> early. */
static void answers_do_not_depend_on_company(void **state) {
    (void)state;
    const struct sampling how[] = {
        {0},
        {.repetition_penalty = 1.3},
        {.temperature = 3, .seed = 5},
        {.temperature = 0.9, .top_k = 20, .top_p = 0.8, .repetition_penalty = 1.1, .seed = 6},
    };
    const char *folder = test_folder();
    struct small s;
    bool ended = false;
    small_open(&s, small_model(folder, NULL, DTYPE_BF16), 0, false);
    for (size_t k = 0; k < sizeof how / sizeof *how; k++) {
        struct generate_text alone[N_TEXTS], together[N_TEXTS];
        int32_t want[N_TEXTS][MAX_ANSWER], got[N_TEXTS][MAX_ANSWER];
        answer(&s, 1, &how[k], alone, want);
        for (int64_t n_places = 2; n_places <= N_TEXTS + 1; n_places++) {
            par_set_threads(1 + n_places % 3);
            answer(&s, n_places, &how[k], together, got);
            for (int i = 0; i < N_TEXTS; i++) {
                assert_int_equal(together[i].n_out, alone[i].n_out);
                assert_int_equal(together[i].ended, alone[i].ended);
                assert_memory_equal(got[i], want[i], (size_t)alone[i].n_out * sizeof **want);
                ended |= alone[i].ended;
            }
        }
        assert_memory_not_equal(want[0], want[4], 4 * sizeof **want);
    }
    par_set_threads(0);
    assert_true(ended);
    small_close(&s);
    test_folder_remove(folder);
}

/* A feed that is refused changes nothing. */
static void refused_feeds(void **state) {
    (void)state;
    const char *folder = test_folder();
    struct small s;
    struct texts t;
    struct decoder *d;
    const int32_t wrong = SMALL_V;
    small_open(&s, small_model(folder, NULL, DTYPE_F32), LONGEST, false);
    open_texts(&t, &s, ISOLATE_NONE);
    assert_fails(decoder_new(&d, &s.model, &(struct decoder_options){1, 0, ISOLATE_NONE}),
                 ERR_RANGE, "0 tokens");
    assert_fails(
        decoder_new(&d, &s.model, &(struct decoder_options){1 << 20, 1 << 20, ISOLATE_NONE}),
        ERR_LIMIT, "at a time");
    assert_ok(decoder_new(&d, &s.model, &(struct decoder_options){2, 7, ISOLATE_NONE}));
    struct decoder_part parts[2] = {{.text = 0, .ids = t.ids[0], .n = 3},
                                    {.text = 1, .ids = &wrong, .n = 1}};
    assert_fails(decoder_feed(d, parts, 2), ERR_RANGE, "token 0: id 97");
    parts[1] = (struct decoder_part){.text = 1, .ids = t.ids[2], .n = 8};
    assert_fails(decoder_feed(d, parts, 2), ERR_LIMIT,
                 "a text of 8 tokens where there is room for 7");
    assert_ok(decoder_feed(d, parts, 1));
    assert_memory_equal(decoder_logits(d, 0), t.logits[0] + 2 * SMALL_V, SMALL_V * sizeof(float));
    decoder_free(d);
    close_texts(&t);
    small_close(&s);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_sizes),     cmocka_unit_test(vector_sizes),
        cmocka_unit_test(long_prompts),  cmocka_unit_test(answers_do_not_depend_on_company),
        cmocka_unit_test(refused_feeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
