/* SPDX-License-Identifier: Apache-2.0
 * Evaluation's memory: what is told beforehand is what is allocated, a limit lowers the number of
 * texts side by side and changes no answer, and where one text is too many it is said. What texts
 * need is counted by the model's tokenizer, or else not less. Under test: eval/memory.h,
 * eval_subject_decoder. */
#include "tests/unit/test.h"

#include "eval/answers.h"
#include "eval/held_out.h"
#include "eval/task.h"
#include "model/init.h"
#include "tests/unit/data/tiny.h"

enum { N_PROMPTS = 20, ANSWER = 9 };

static const char config_text[] =
    "{\"model_type\": \"yuan\", \"vocab_size\": 384, \"hidden_size\": 32, \"intermediate_size\": "
    "64,"
    " \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"max_position_embeddings\": 64,"
    " \"initializer_range\": 0.3, \"eod_token\": 354, \"sep_token\": 355, \"pad_token_id\": 354}";

static const char *folder;
static struct eval_subject subject;
static char prompts[N_PROMPTS][24];

static int open_subject(void **state) {
    struct model_config config = {0};
    (void)state;
    folder = test_folder();
    const char *path = tiny_file(folder, "config.json", config_text);
    const char *model = tiny_path(folder, "model"), *tokenizer = tiny_path(folder, "tokenizer");
    assert_ok(model_config_read(&config, path));
    assert_ok(model_init_write(&config, 11, DTYPE_F32, model));
    model_config_release(&config);
    tiny_tokenizer(tokenizer, tiny_specials, TINY_CONTROL);
    const struct eval_subject_options options = {.model_dir = model, .tokenizer_dir = tokenizer};
    assert_ok(eval_subject_open(&subject, &options));
    for (int i = 0; i < N_PROMPTS; i++)
        snprintf(prompts[i], sizeof prompts[i], "the same, then %d", i * i);
    return 0;
}

static int close_subject(void **state) {
    (void)state;
    eval_subject_close(&subject);
    test_folder_remove(folder);
    return 0;
}

static struct eval_need needed(const struct tokenizer *t) {
    const struct eval_context c = {.tokenizer = t, .whitespace = WHITESPACE_STRIP};
    struct eval_need need = {0};
    for (int i = 0; i < N_PROMPTS; i++)
        assert_ok(eval_need_text(&c, prompts[i], false, ANSWER, &need));
    return need;
}

static struct eval_memory find(const struct eval_need *need, int64_t bytes) {
    struct eval_memory m;
    assert_ok(eval_memory_find(&subject.model, &subject.plan, need, bytes, &m));
    return m;
}

static void texts_are_counted(void **state) {
    (void)state;
    const struct eval_need need = needed(subject.tokenizer), guess = needed(NULL);
    struct eval_need more = {.pass_tokens = 7};
    struct tokens longest = {0};
    const char *prompt = prompts[N_PROMPTS - 1];
    assert_ok(tokenizer_encode_prompt(subject.tokenizer, prompt, strlen(prompt), WHITESPACE_STRIP,
                                      &longest));
    assert_int_equal(need.n_texts, N_PROMPTS);
    assert_int_equal(need.text_tokens, longest.n + ANSWER);
    assert_true(guess.text_tokens >= need.text_tokens);
    tokens_release(&longest);
    eval_need_add(&more, &need);
    assert_int_equal(more.pass_tokens, 7);
    assert_int_equal(more.text_tokens, need.text_tokens);
}

static int64_t on_most_calls;
static void on_most(void *ctx) {
    (void)ctx;
    on_most_calls++;
}

static void ask(struct answer *answers, int64_t limit) {
    const struct answer_options how = {.max_new_tokens = ANSWER, .whitespace = WHITESPACE_STRIP};
    subject.decoder_limit = limit;
    subject.on_most = on_most;
    for (int i = 0; i < N_PROMPTS; i++) answers[i] = (struct answer){.prompt = prompts[i]};
    assert_ok(answers_decode(&subject, answers, N_PROMPTS, &how));
}

/* Down to one text at a time: fewer bytes each time, all of them allocated, the same answers. */
static void limits_are_kept_to(void **state) {
    (void)state;
    struct answer want[N_PROMPTS], got[N_PROMPTS];
    const struct eval_need need = needed(subject.tokenizer);
    struct eval_memory m = find(&need, INT64_MAX);
    assert_int_equal(m.n_texts, EVAL_TEXTS);
    assert_int_equal(m.pass_bytes, subject.plan.total_bytes);
    ask(want, m.decoder_bytes);
    for (int64_t n = EVAL_TEXTS; n > 1; n--) {
        struct decoder *d;
        assert_ok(eval_subject_decoder(&subject, N_PROMPTS, m.text_tokens, &d));
        assert_int_equal(decoder_bytes(d), m.decoder_bytes);
        assert_int_equal(decoder_options(d)->n_texts, n);
        eval_subject_decoder_free(&subject, d);
        const int64_t before = m.decoder_bytes;
        m = find(&need, eval_memory_bytes(&m) - 1);
        assert_int_equal(m.n_texts, n - 1);
        assert_true(m.decoder_bytes < before);
        if (n % 5 == 0) {
            ask(got, m.decoder_bytes);
            for (int i = 0; i < N_PROMPTS; i++) assert_string_equal(got[i].text, want[i].text);
            answers_clear(got, N_PROMPTS);
        }
        subject.decoder_limit = m.decoder_bytes;
    }
    answers_clear(want, N_PROMPTS);
    assert_int_equal(on_most_calls, EVAL_TEXTS - 1 + 4);
    struct eval_memory none;
    assert_fails(
        eval_memory_find(&subject.model, &subject.plan, &need, eval_memory_bytes(&m) - 1, &none),
        ERR_LIMIT, "evaluation: a text of ");
    subject.decoder_limit = 0;
}

/* Without texts nothing but the model's plan is taken; no text is longer than the model's
 * positions; mapped weights are told. */
static void other_needs(void **state) {
    (void)state;
    const struct eval_need none = {.pass_tokens = 1},
                           endless = {.text_tokens = 100000, .n_texts = 3};
    struct eval_memory m = find(&none, 1), all = find(&endless, INT64_MAX);
    assert_int_equal(m.n_texts, 0);
    assert_int_equal(m.decoder_bytes, 0);
    assert_int_equal(all.n_texts, 3);
    assert_int_equal(all.text_tokens, 64);
    assert_true(all.mapped_bytes > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_counted),
        cmocka_unit_test(limits_are_kept_to),
        cmocka_unit_test(other_needs),
    };
    return cmocka_run_group_tests(tests, open_subject, close_subject);
}
