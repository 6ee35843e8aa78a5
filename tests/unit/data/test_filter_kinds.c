/* SPDX-License-Identifier: Apache-2.0
 * The filters that look at one sample alone, and decontamination through a whole build: what each
 * drops, changes and notes, and that nothing of a sealed case is written down. The driver is tested
 * in test_filters.c, precision and recall in test_planted.c. */
#include "base/mem.h"
#include "data/dataset/dropped.h"
#include "data/filters/filter.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tiny_build t;
    const char *name, *languages[4];
    struct arena arena;
    struct dropped_list dropped;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    tiny_build_init(&f.t, f.dir);
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    arena_release(&f->arena);
    test_folder_remove(f->dir);
    return 0;
}

/* Builds with one filter; returns the rows that are left. */
static int64_t build(struct fixture *f, const char *filter) {
    struct dataset *d;
    f->name = filter;
    f->t.options.filters = (struct opt_list){&f->name, 1};
    assert_ok(data_build(&f->t.build, f->t.out));
    assert_ok(dataset_open(&d, f->t.out));
    int64_t n = dataset_n_rows(d, SPLIT_TRAIN);
    dataset_close(d);
    assert_ok(dropped_read(f->t.out, &f->arena, &f->dropped));
    return n;
}

static void languages_go_by_characters(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "写一首关于春天的诗<sep>春风吹绿了江南的岸\n"
                              "Say something about spring<sep>It is the season of flowers\n"
                              "Напиши стихи о весне<sep>Весна пришла и снег растаял\n"
                              "12 + 35 = ?<sep>47\n"),
                    NULL);
    assert_int_equal(build(f, "language"), 3);
    assert_int_equal(f->dropped.items[0].line, 3);
    assert_non_null(strstr(f->dropped.items[0].reason, "most is 'other'"));
    f->languages[0] = "zh";
    f->t.options.filter.languages = (struct opt_list){f->languages, 1};
    assert_int_equal(build(f, "language"), 2); /* digits alone stay */
    assert_string_equal(f->dropped.items[0].reason,
                        "0 % is in a language that is wanted (at least 50 %); most is 'en'");
}

/* The token at which the text begins, for the one row that is left. */
static void personal_data_is_masked(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "write to john.smith@acme-corp.com now<sep>done\n"
                              "nothing here<sep>at all\n"),
                    NULL);
    assert_int_equal(build(f, "personal_data"), 2);
    assert_int_equal(f->dropped.n, 0);
    struct dataset *d;
    struct dataset_filter counts;
    assert_ok(dataset_open(&d, f->t.out));
    assert_ok(dataset_filter(d, 0, -1, &counts));
    assert_int_equal(counts.changed, 1);
    /* " write to [email] now" <sep> " done" <eod>, a token a character */
    assert_int_equal(dataset_rows(d, SPLIT_TRAIN)[0].n_tokens, 21 + 1 + 5 + 1);
    const int at = TINY_FIRST_CHARACTER + '[' - '!';
    assert_int_equal(dataset_tokens(d, SPLIT_TRAIN, 0)[10], at);
    dataset_close(d);
    f->t.options.filter.personal = "drop";
    assert_int_equal(build(f, "personal_data"), 1);
    assert_non_null(strstr(f->dropped.items[0].reason, "email "));
    assert_null(strstr(f->dropped.items[0].reason, "john.smith@acme-corp.com"));
}

/* What is trained of this answer is told by place, which masks would move. */
static void personal_data_costs_an_answer_that_is_trained_in_part(void **state) {
    struct fixture *f = *state;
    tiny_add_source(
        &f->t,
        tiny_file(f->dir, "a.jsonl",
                  "{\"messages\":[{\"role\":\"user\",\"content\":\"who\"},"
                  "{\"role\":\"assistant\",\"content\":\"john.smith@acme-corp.com, he\","
                  "\"train_detail\":[{\"begin_offset\":26,\"end_offset\":27,"
                  "\"train\":true}]}]}\n"
                  "{\"messages\":[{\"role\":\"user\",\"content\":\"and\"},"
                  "{\"role\":\"assistant\",\"content\":\"nobody\"}]}\n"),
        NULL);
    assert_int_equal(build(f, "personal_data"), 1);
    assert_int_equal(f->dropped.items[0].line, 1);
    assert_non_null(strstr(f->dropped.items[0].reason, "email "));
}

static void secrets_cost_the_sample_or_stop(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "use ghp_a8Kd02LmQz7Rt5Yw1Xc3Vb9Nn4Hj6Gf0SdEe<sep>yes\nok<sep>yes\n"),
                    NULL);
    assert_int_equal(build(f, "personal_data"), 1);
    assert_non_null(strstr(f->dropped.items[0].reason, "github_token"));
    f->t.options.filter.secrets = "error";
    assert_fails(data_build(&f->t.build, f->t.out), ERR_PARSE,
                 "a.txt line 1: a secret: github_token");
}

static void personal_data_in_an_example_is_an_error(void **state) {
    struct fixture *f = *state;
    struct example examples[] = {{"mail john.smith@acme-corp.com", "er", "recipe.yaml", 7}};
    f->t.requests[0] =
        (struct request){.id = "r#1", .weight = 1, .examples = examples, .n_examples = 1};
    f->t.list.n = 1;
    f->name = "personal_data";
    f->t.options.filters = (struct opt_list){&f->name, 1};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_PARSE,
                 "request 'r#1' examples line 1: personal data: email");
    assert_string_equal(err_hint(), "take it out of the recipe");
}

static void words_of_the_list_cost_the_sample(void **state) {
    struct fixture *f = *state;
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", "a BAD\xEF\xBC\xA1 thing<sep>b\nc<sep>d\n"),
                    NULL);
    f->name = "sensitive_words";
    f->t.options.filters = (struct opt_list){&f->name, 1};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING, "data.sensitive_words");
    f->t.options.sensitive_words = tiny_file(f->dir, "words.txt", "# list\nbada\n");
    assert_int_equal(build(f, "sensitive_words"), 1);
    assert_string_equal(f->dropped.items[0].reason, "the word 'bada'");
    f->t.options.sensitive_words = tiny_file(f->dir, "words.txt", "good\nb\xFF\x64\n");
    assert_fails(data_build(&f->t.build, f->t.out), ERR_PARSE, "words.txt' line 2: not UTF-8");
}

/* ---- quality ---- */

/* As many nats a token as the row has tokens; rows of more than 40 are not measured. */
/* However many digits: 7 and 140 are asked for in the same words, and answered differently. */
static void questions_about_other_numbers_are_no_copies(void **state) {
    struct fixture *f = *state;
    char text[4096];
    size_t used = 0;
    for (int i = 0; i < 30; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "把数字%d写成中文，并说明理由<sep>答案是%d，因为如此\n", 7 * i,
                                 7 * i + 1);
    snprintf(text + used, sizeof text - used,
             "把数字 7,140 写成中文，并说明理由<sep>答案是8，因为如此\n"
             "请把数字14写成中文，并且说明理由<sep>答案是15，因为如此\n");
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", text), NULL);
    assert_int_equal(build(f, "near_dup"), 30);
    assert_int_equal(f->dropped.n, 2);
    assert_int_equal(f->dropped.items[0].line, 31);
    assert_string_equal(f->dropped.items[0].related, "a.txt line 2");
    assert_int_equal(f->dropped.items[1].line, 32);
}

static err judge(void *ctx, const struct row_tokens *row, double *out_sum, int64_t *out_trained) {
    (void)ctx;
    *out_trained = 0;
    for (size_t i = 0; i < row->answer.len && row->ids.n <= 40; i++)
        *out_trained += row->answer.data[i];
    *out_sum = (double)(row->ids.n * *out_trained);
    return ERR_OK;
}

static void rows_too_easy_or_too_strange_are_dropped(void **state) {
    struct fixture *f = *state;
    struct str text = {0};
    const struct data_score score = {.row = judge};
    for (int i = 1; i <= 20; i++) assert_ok(str_printf(&text, "a<sep>%0*d\n", i, 7));
    assert_ok(str_printf(&text, "a<sep>%060d\nno answer, and so nothing to measure\n", 7));
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", str_text(&text)), NULL);
    str_release(&text);
    f->name = "quality";
    f->t.options.filters = (struct opt_list){&f->name, 1};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING,
                 "the filter quality drops nothing");
    f->t.options.filter.quality_min_loss = 10;
    assert_fails(data_build(&f->t.build, f->t.out), ERR_UNSUPPORTED, "no model is at hand");
    f->t.build.score = &score;
    /* a row has its digits and five tokens more: 6 to 25 */
    f->t.options.filter.quality_max_loss = 20;
    assert_int_equal(build(f, "quality"), 22 - 4 - 5);
    assert_string_equal(f->dropped.items[0].reason,
                        "too easy: 6.000 nats a token (below quality_min_loss)");
    assert_string_equal(f->dropped.items[8].reason,
                        "too strange: 25.000 nats a token (above quality_max_loss)");
    f->t.options.filter = (struct filter_options){.quality_easy = 0.1, .quality_strange = 0.16};
    assert_int_equal(build(f, "quality"), 22 - 2 - 3);
    assert_string_equal(f->dropped.items[2].reason,
                        "too strange: 23.000 nats a token (among the highest)");
    f->t.options.filter.quality_easy = 0.85;
    assert_fails(data_build(&f->t.build, f->t.out), ERR_RANGE, "nothing is left");
    f->t.options.filter = (struct filter_options){.quality_min_loss = 2, .quality_max_loss = 1};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_RANGE, "quality_max_loss is 1");
}

/* ---- copies across datasets ---- */

static void a_later_dataset_is_compared_with_earlier_ones(void **state) {
    struct fixture *f = *state;
    const char *first = tiny_path(f->dir, "first"), *earlier[1];
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "name the river that runs through the old town<sep>the Silver Brook\n"
                              "count the lanterns on the northern pier<sep>seventeen\n"),
                    NULL);
    assert_int_equal(build(f, "near_dup"), 2);
    assert_ok(file_copy(tiny_path(f->t.out, "near.bin"), tiny_path(f->dir, "kept.bin")));
    assert_ok(data_build(&f->t.build, first));
    tiny_file(f->dir, "a.txt",
              "count the lanterms on the northern pier<sep>seventeen\n"
              "which bird sings before the sun is up<sep>the lark\n");
    earlier[0] = first;
    f->t.options.filter.earlier = (struct opt_list){earlier, 1};
    assert_int_equal(build(f, "near_dup"), 1);
    assert_string_equal(f->dropped.items[0].related, "first: a.txt line 2");
    earlier[0] = tiny_path(f->dir, "kept.bin"); /* the file alone will do, and is the same input */
    char by_folder[SHA256_HEX_SIZE], by_file[SHA256_HEX_SIZE];
    assert_ok(data_build_input(&f->t.build, by_file));
    assert_int_equal(build(f, "near_dup"), 1);
    assert_string_equal(f->dropped.items[0].related, "kept.bin: a.txt line 2");
    earlier[0] = first;
    assert_ok(data_build_input(&f->t.build, by_folder));
    assert_string_equal(by_file, by_folder);
}

static void refused_earlier(struct fixture *f, const char *text, size_t n, err code,
                            const char *why) {
    const char *path = tiny_path(f->dir, "bad.bin");
    assert_ok(file_write(path, text, n));
    assert_fails(data_build(&f->t.build, f->t.out), code, why);
    assert_non_null(strstr(err_message(), "bad.bin"));
}

static void earlier_rows_that_cannot_be_used_are_refused(void **state) {
    struct fixture *f = *state;
    static const char head[] = "{\"format\": \"cotrain-near\", \"version\": 1, \"rows\": 1,"
                               " \"sources\": [\"a\"]}\n";
    char bytes[256];
    const char *earlier[] = {tiny_path(f->dir, "bad.bin")};
    tiny_add_source(&f->t, tiny_file(f->dir, "a.txt", "one<sep>two\n"), NULL);
    f->name = "near_dup";
    f->t.options.filters = (struct opt_list){&f->name, 1};
    f->t.options.filter.earlier = (struct opt_list){earlier, 1};
    assert_fails(data_build(&f->t.build, f->t.out), ERR_MISSING, "bad.bin");
    refused_earlier(f, "", 0, ERR_PARSE, "does not begin with a line of JSON");
    refused_earlier(f, "{}\n", 3, ERR_PARSE, "format");
    static const char later[] =
        "{\"format\": \"cotrain-near\", \"version\": 2, \"rows\": 0, \"sources\": []}\n";
    refused_earlier(f, later, strlen(later), ERR_UNSUPPORTED, "version 2");
    refused_earlier(f, head, strlen(head), ERR_PARSE, "no room for 1 rows");
    size_t n = strlen(head);
    memcpy(bytes, head, n);
    const int32_t row[] = {0, 1, 1 << 30, 2, 0, 0, 7}; /* more windows than there are */
    memcpy(bytes + n, row, sizeof row);
    refused_earlier(f, bytes, n + sizeof row, ERR_PARSE, "a row does not fit");
    const int32_t good[] = {0, 1, 1, 2, 0, 0, 7, 0};
    memcpy(bytes + n, good, sizeof good);
    refused_earlier(f, bytes, n + sizeof good, ERR_PARSE, "goes on behind its last row");
    assert_ok(file_write(earlier[0], bytes, n + sizeof good - sizeof good[0]));
    assert_ok(data_build(&f->t.build, f->t.out));
}

/* ---- decontamination ---- */

static err hand_set(void *ctx, forbidden_take *take, void *taker) {
    const char *prompt = ctx;
    return take(taker,
                &(struct forbidden_text){.set = "set.txt", .prompt = {prompt, strlen(prompt)}});
}

static void leaks_are_dropped_and_sealed_cases_not_told(void **state) {
    struct fixture *f = *state;
    static const char sealed[] = "where does the silver heron sleep when it rains";
    static const char public[] =
        "how many apples do 三百二十 farmers sell before 1,200 guests come";
    const struct forbidden_source set = {hand_set, (void *)public};
    f->t.requests[0] = (struct request){.id = "r#1", .weight = 1};
    f->t.requests[0].cases =
        tiny_file(f->dir, "cases.jsonl",
                  "{\"prompt\": \"where does the silver heron sleep when it rains\","
                  " \"response\": \"in the reeds\"}\n");
    f->t.list.n = 1;
    f->t.build.forbidden = &set;
    tiny_add_source(&f->t,
                    tiny_file(f->dir, "a.txt",
                              "Where does the silver heron slep when it rains?<sep>in the reeds\n"
                              "how many apples do 320 farmers sell before 1200 guests come"
                              "<sep>none\n"
                              "what colour has the sky at noon in winter<sep>blue\n"),
                    "r#1");
    assert_int_equal(build(f, "decontaminate"), 1);
    assert_int_equal(f->dropped.n, 2);
    const struct dropped_row *first = &f->dropped.items[0], *second = &f->dropped.items[1];
    assert_string_equal(first->sealed_case, "r#1");
    assert_null(first->text);
    assert_null(first->related);
    assert_null(strstr(first->reason, "heron"));
    assert_string_equal(second->related, "set.txt");
    assert_null(second->sealed_case);
    struct str list = {0};
    assert_ok(file_read(tiny_path(f->t.out, "dropped.jsonl"), 1 << 20, &list));
    assert_null(strstr(str_text(&list), "heron"));
    str_release(&list);
    assert_non_null(strstr(sealed, "heron"));
    /* the set is part of what the dataset depends on */
    char with[SHA256_HEX_SIZE], without[SHA256_HEX_SIZE];
    assert_ok(data_build_input(&f->t.build, with));
    f->t.build.forbidden = NULL;
    assert_ok(data_build_input(&f->t.build, without));
    assert_string_not_equal(with, without);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(languages_go_by_characters),
        TEST(personal_data_is_masked),
        TEST(secrets_cost_the_sample_or_stop),
        TEST(personal_data_costs_an_answer_that_is_trained_in_part),
        TEST(personal_data_in_an_example_is_an_error),
        TEST(words_of_the_list_cost_the_sample),
        TEST(questions_about_other_numbers_are_no_copies),
        TEST(rows_too_easy_or_too_strange_are_dropped),
        TEST(a_later_dataset_is_compared_with_earlier_ones),
        TEST(earlier_rows_that_cannot_be_used_are_refused),
        TEST(leaks_are_dropped_and_sealed_cases_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
