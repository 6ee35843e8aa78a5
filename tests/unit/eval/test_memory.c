/* SPDX-License-Identifier: Apache-2.0
 * Evaluation's memory: what is told beforehand is what is allocated, a limit lowers the number of
 * texts side by side and changes no answer, and where one text is too many it is said. What texts
 * need is counted by the model's tokenizer, or else not less. The most that the heap holds stays
 * within the plan, whatever a token spells. Under test: eval/memory.h, eval_subject_decoder,
 * eval_subject_hold. */
#include "tests/unit/test.h"

#include "base/par.h"
#include "eval/answers.h"
#include "eval/held_out.h"
#include "eval/run.h"
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
    struct eval_memory m = find(&none, subject.plan.total_bytes), all = find(&endless, INT64_MAX),
                       refused;
    assert_fails(eval_memory_find(&subject.model, &subject.plan, &none, 1, &refused), ERR_LIMIT,
                 "and 1 are left");
    assert_int_equal(m.n_texts, 0);
    assert_int_equal(m.decoder_bytes, 0);
    assert_int_equal(all.n_texts, 3);
    assert_int_equal(all.text_tokens, 64);
    assert_true(all.mapped_bytes > 0);
}

/* ---- the heap ---- */

enum { N_ITEMS = 12, LONG_ANSWER = 120, LONG_PIECE = 500, N_LONG_PIECES = 1700 };

/* tiny_tokenizer's pieces, and behind them many that spell LONG_PIECE bytes. */
static void long_tokenizer(void) {
    struct str model = {0}, piece = {0};
    char text[LONG_PIECE + 1];
    assert_ok(file_read(tiny_path(folder, "tokenizer/tokenizer.model"), 1 << 20, &model));
    memset(text, 'x', LONG_PIECE);
    text[LONG_PIECE] = '\0';
    for (int i = 0; i < N_LONG_PIECES; i++) {
        snprintf(text, 8, "%06d", i);
        text[6] = 'x';
        str_clear(&piece);
        tiny_piece(&piece, text, TINY_NORMAL);
        assert_ok(str_append(&model, piece.data, piece.len)); /* fields come in any order */
    }
    assert_ok(dir_make(tiny_path(folder, "long")));
    assert_ok(file_write(tiny_path(folder, "long/tokenizer.model"), model.data, model.len));
    str_release(&piece);
    str_release(&model);
}

/* A model that goes on for LONG_ANSWER tokens, and N_ITEMS questions of one byte a token, among
 * them what JSON escapes: as cases of a request and as a task with its own file. */
struct long_run {
    struct eval_options options;
    struct eval_cases cases;
    struct eval_group group;
    struct eval_case all[N_ITEMS];
    char questions[N_ITEMS][128], model[256], tokenizer[256], kept[256], task[256];
    const char *task_file;
    struct eval_run run;
    struct eval_memory planned;
};

static void on_memory(void *ctx, const struct eval_memory *planned) {
    ((struct long_run *)ctx)->planned = *planned;
}

static void change(struct str *text, const char *key, int value) {
    struct str changed = {0};
    const char *at = strstr(str_text(text), key) + strlen(key);
    assert_ok(str_append(&changed, str_text(text), (size_t)(at - str_text(text))));
    assert_ok(str_printf(&changed, "\": %d%s", value, strchr(at, ',')));
    str_release(text);
    *text = changed;
}

static void long_model(int vocabulary) {
    struct model_config config = {0};
    struct str text = {0};
    assert_ok(str_add(&text, config_text));
    change(&text, "max_position_embeddings", 1024);
    change(&text, "vocab_size", vocabulary);
    assert_ok(model_config_read(&config, tiny_file(folder, "long.json", str_text(&text))));
    assert_ok(dir_remove(tiny_path(folder, "long-model")));
    assert_ok(model_init_write(&config, 11, DTYPE_F32, tiny_path(folder, "long-model")));
    model_config_release(&config);
    str_release(&text);
}

static void fill_run(struct long_run *r, const char *tokenizer) {
    static const char *names[] = {"requests"};
    struct str lines = {0};
    *r = (struct long_run){.options = {.max_new_tokens = LONG_ANSWER}};
    for (int i = 0; i < N_ITEMS; i++) {
        memset(r->questions[i], "\001~\"\\"[i % 4], sizeof r->questions[i] - 1);
        r->all[i] = (struct eval_case){r->questions[i], "nothing"};
        json_t *line = json_pack("{s:s, s:s}", "q", r->questions[i], "a", "nothing");
        assert_ok(json_text(line, 0, &lines));
        assert_ok(str_add(&lines, "\n"));
        json_decref(line);
    }
    tiny_file(folder, "own.jsonl", str_text(&lines));
    str_release(&lines);
    (void)tiny_file(folder, "own.yaml",
                    "cotrain_task: 1\nname: own\ndata: own.jsonl\nprompt: '{q}<sep>'\n"
                    "expected: '{a}'\nmax_new_tokens: 120\n");
    r->group = (struct eval_group){"r", "r", r->all, N_ITEMS};
    r->cases = (struct eval_cases){.groups = &r->group, .n_groups = 1};
    snprintf(r->model, sizeof r->model, "%s/long-model", folder);
    snprintf(r->tokenizer, sizeof r->tokenizer, "%s/%s", folder, tokenizer);
    snprintf(r->kept, sizeof r->kept, "%s/kept.jsonl", folder);
    snprintf(r->task, sizeof r->task, "%s/own.yaml", folder);
    r->task_file = r->task;
    r->options.tasks = (struct opt_list){names, 1};
    r->options.task_files = (struct opt_list){&r->task_file, 1};
    r->run = (struct eval_run){.options = &r->options,
                               .subject = {.model_dir = r->model, .tokenizer_dir = r->tokenizer},
                               .cases = &r->cases,
                               .whitespace = WHITESPACE_STRIP,
                               .generations = r->kept,
                               .limit = INT64_MAX,
                               .on_memory = on_memory,
                               .ctx = r};
}

/* Runs it; how much more than before was allocated at the most. */
static err run_long(struct long_run *r, int64_t *out_most) {
    json_t *report = NULL;
    const int64_t before = mem_stats().live_bytes;
    mem_peak_restart();
    err result = eval_run(&r->run, &report);
    json_decref(report);
    assert_ok(file_remove(r->run.generations));
    *out_most = mem_stats().peak_bytes - before;
    return result;
}

static void the_heap_stays_within_the_plan(void **state) {
    struct long_run *r = mem_zalloc(1, sizeof *r);
    int64_t most;
    (void)state;
    par_set_threads(1);
    long_tokenizer();
    for (int i = 0; i < 2; i++) {
        long_model(i == 0 ? 384 : 384 + N_LONG_PIECES);
        fill_run(r, i == 0 ? "tokenizer" : "long");
        assert_ok(run_long(r, &most));
        const struct eval_memory *m = &r->planned;
        const int64_t texts = most - m->pass_bytes - m->decoder_bytes;
        print_message("texts: %lld of %lld bytes\n", (long long)texts, (long long)m->text_bytes);
        assert_true(texts <= m->text_bytes);
        assert_true(texts > m->text_bytes / 4); /* else it tells nothing */
        assert_int_equal(r->planned.answer_bytes, 0);
    }
    /* Where a limit leaves less than that, the run stops before it takes more. */
    r->run.limit = eval_memory_bytes(&r->planned) - r->planned.text_bytes / 3;
    assert_fails(run_long(r, &most), ERR_LIMIT, "the answers so far hold ");
    assert_non_null(strstr(err_hint(), "--memory"));
    assert_int_equal(eval_memory_bytes(&r->planned), r->run.limit);
    assert_in_range(most, r->run.limit / 4, r->run.limit);
    r->options.max_new_tokens = 1; /* answers that there is room for */
    r->options.task_files.n = 0;
    assert_ok(run_long(r, &most));
    mem_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heap_stays_within_the_plan),
        cmocka_unit_test(texts_are_counted),
        cmocka_unit_test(limits_are_kept_to),
        cmocka_unit_test(other_needs),
    };
    return cmocka_run_group_tests(tests, open_subject, close_subject);
}
