/* SPDX-License-Identifier: Apache-2.0
 * Answers by several decoders at once over one model: the same texts as one decoder gives alone,
 * however many threads there are, and errors that name the prompt. The model is fresh and small;
 * what it says is of no matter, that it always says the same is. */
#include "tests/unit/test.h"

#include "base/par.h"
#include "eval/answers.h"
#include "eval/subject.h"
#include "model/init.h"
#include "tests/unit/data/tiny.h"

enum { N_PROMPTS = 48 };

static const char config_text[] =
    "{\"model_type\": \"yuan\", \"vocab_size\": 384, \"hidden_size\": 64, \"intermediate_size\": "
    "128,"
    " \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"hidden_act\": \"silu\","
    " \"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-06, \"initializer_range\": 0.3,"
    " \"causal_mask\": true, \"use_loss_mask\": false, \"reset_attention_mask\": true,"
    " \"reset_position_ids\": true, \"eod_token\": 354, \"sep_token\": 355, \"pad_token_id\": 354,"
    " \"tie_word_embeddings\": true}";

static const char *folder;
static struct eval_subject subject;

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
    struct eval_subject_options options = {.model_dir = model, .tokenizer_dir = tokenizer};
    assert_ok(eval_subject_open(&subject, &options));
    return 0;
}

static int close_subject(void **state) {
    (void)state;
    eval_subject_close(&subject);
    test_folder_remove(folder);
    return 0;
}

static char prompts[N_PROMPTS][16];

static void ask(struct answer *answers, int threads) {
    struct answer_options how = {.max_new_tokens = 12, .whitespace = WHITESPACE_STRIP};
    par_set_threads(threads);
    for (int i = 0; i < N_PROMPTS; i++) {
        snprintf(prompts[i], sizeof prompts[i], "say %d", i * i * 37);
        answers[i] = (struct answer){.prompt = prompts[i]};
    }
    assert_ok(answers_decode(&subject, answers, N_PROMPTS, &how));
}

static void threads_do_not_show(void **state) {
    (void)state;
    struct answer alone[N_PROMPTS], together[N_PROMPTS];
    int n_different = 0;
    ask(alone, 1);
    for (int round = 0; round < 10; round++) {
        ask(together, 4);
        for (int i = 0; i < N_PROMPTS; i++) {
            assert_string_equal(together[i].text, alone[i].text);
            assert_int_equal(together[i].n_tokens, alone[i].n_tokens);
            assert_int_equal(together[i].ended, alone[i].ended);
        }
        answers_clear(together, N_PROMPTS);
    }
    for (int i = 1; i < N_PROMPTS; i++) n_different += strcmp(alone[i].text, alone[0].text) != 0;
    assert_true(n_different > 0); /* or the comparison would prove nothing */
    answers_clear(alone, N_PROMPTS);
}

static void long_prompts_are_refused(void **state) {
    (void)state;
    char text[128];
    struct answer answer = {.prompt = text};
    struct answer_options how = {.max_new_tokens = 4, .whitespace = WHITESPACE_STRIP};
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_fails(answers_decode(&subject, &answer, 1, &how), ERR_LIMIT, "64 positions");
    assert_null(answer.text);
    text[58] = '\0'; /* with its mark and <sep> 60 tokens: four positions are left for an answer */
    how.max_new_tokens = 50;
    assert_ok(answers_decode(&subject, &answer, 1, &how));
    assert_int_equal(answer.n_prompt_tokens, 60);
    assert_true(answer.n_tokens <= 4);
    answers_clear(&answer, 1);
}

/* As a user's task asks: what was answered, of all the tokens that are kept. The embedding has rows
 * for more ids than the tokenizer, and no text stands for those. */
static void answers_stand_alone_beside_all_tokens(void **state) {
    (void)state;
    struct answer answers[N_PROMPTS];
    struct answer_options how = {.max_new_tokens = 12, .whole = true, .alone = true};
    int64_t n_ids = tokenizer_n_ids(subject.tokenizer);
    int n_unknown = 0;
    for (int i = 0; i < N_PROMPTS; i++) answers[i] = (struct answer){.prompt = prompts[i]};
    assert_ok(answers_decode(&subject, answers, N_PROMPTS, &how));
    for (int i = 0; i < N_PROMPTS; i++) {
        const struct tokens *all = &answers[i].tokens;
        int64_t end = answers[i].n_prompt_tokens;
        while (end < all->n && all->ids[end] < n_ids) end++;
        n_unknown += end < all->n;
        struct str said = {0};
        assert_ok(tokenizer_decode(subject.tokenizer, all->ids + answers[i].n_prompt_tokens,
                                   end - answers[i].n_prompt_tokens, true, &said));
        assert_string_equal(answers[i].text, str_text(&said));
        str_release(&said);
    }
    assert_true(n_unknown > 0);
    answers_clear(answers, N_PROMPTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(long_prompts_are_refused),
        cmocka_unit_test(answers_stand_alone_beside_all_tokens),
    };
    return cmocka_run_group_tests(tests, open_subject, close_subject);
}
