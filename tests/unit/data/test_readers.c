/* SPDX-License-Identifier: Apache-2.0
 * Every reader over a table of files: what is accepted and what its samples are, what is refused
 * and in which words. A sample is written as one line (write_sample), so that a case says all of
 * it. How files are found, cut and checked as a whole is tested in test_read.c and test_records.c.
 */
#include "data/source/read.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tokenizer *tokenizer;
    struct str got;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    tiny_tokenizer(f.dir, tiny_specials, TINY_NORMAL);
    assert_ok(tokenizer_open(&f.tokenizer, f.dir));
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    str_release(&f->got);
    tokenizer_free(f->tokenizer);
    test_folder_remove(f->dir);
    return 0;
}

static void add_span(struct str *out, struct span s) {
    assert_ok(str_append(out, s.text, s.n));
}

/* A turn is "prompt => answer", or "prompt -> answer" where it is context, with the trained ranges
 * in braces behind it; turns are joined by " / ". A segment is "[trained]" or "(not)"; ids stand
 * before their segments. */
static void write_sample(const struct sample *s, struct str *out) {
    for (int64_t i = 0; s->ids && i < s->ids->n; i++)
        assert_ok(str_printf(out, "%d%s ", s->ids->ids[i], s->ids->trained[i] ? "*" : ""));
    for (int64_t i = 0; i < s->n; i++) {
        if (s->kind != SAMPLE_TURNS) {
            assert_ok(str_add(out, s->segments[i].trained ? "[" : "("));
            add_span(out, s->segments[i].text);
            assert_ok(str_add(out, s->segments[i].trained ? "]" : ")"));
            continue;
        }
        const struct turn *turn = &s->turns[i];
        if (i > 0) assert_ok(str_add(out, " / "));
        add_span(out, turn->prompt);
        assert_ok(str_add(out, turn->trained ? " => " : " -> "));
        add_span(out, turn->answer);
        for (int32_t k = 0; k < turn->n_ranges; k++)
            assert_ok(str_printf(out, "{%zu,%zu}", turn->ranges[k].begin, turn->ranges[k].end));
    }
}

struct reader_case {
    const char *name, *format; /* file name, format as a recipe says it */
    const char *text;
    const char *found; /* the reader that read it; NULL: refused */
    const char *want;  /* the samples, a bar between them; or a part of the error's text */
};

static void run_case(struct fixture *f, const struct reader_case *c) {
    struct arena arena = {0};
    struct sample_list samples = {0};
    struct faults faults = {0};
    struct reading reading = {
        .arena = &arena, .samples = &samples, .faults = &faults, .tokenizer = f->tokenizer};
    struct read_file file = {.path = tiny_file(f->dir, c->name, c->text), .format = c->format};
    str_clear(&f->got);
    err e = read_file(&reading, &file);
    if (e == ERR_OK) e = faults_end(&faults, reading.n_records, "rows");
    for (int64_t i = 0; i < samples.n && e == ERR_OK; i++) {
        if (i > 0) assert_ok(str_add(&f->got, "|"));
        write_sample(&samples.items[i], &f->got);
    }
    if (c->found) {
        if (e != ERR_OK) fail_msg("%s: refused: %s", c->text, err_message());
        assert_string_equal(str_text(&f->got), c->want);
        assert_string_equal(file.reader->name, c->found);
    } else {
        if (e == ERR_OK) fail_msg("%s: accepted as %s", c->text, str_text(&f->got));
        if (!strstr(err_message(), c->want))
            fail_msg("%s: '%s' lacks '%s'", c->text, err_message(), c->want);
    }
    sample_list_release(&samples);
    faults_release(&faults);
    arena_release(&arena);
}

#define SAYS(role, content) "{\"role\":\"" role "\",\"content\":\"" content "\"}"
#define FROM(role, value) "{\"from\":\"" role "\",\"value\":\"" value "\"}"
#define MESSAGES(list) "{\"messages\":[" list "]}"
#define CALL                                                                                       \
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"            \
    "\"function\","                                                                                \
    "\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\": 1}\"}}]}"
#define RESULT(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"2\"}"
#define ANSWER_WITH(flags) "{\"role\":\"assistant\",\"content\":\"abcd\"," flags "}"

static const struct reader_case conversations[] = {
    {"m", "auto", MESSAGES(SAYS("user", "q") "," SAYS("assistant", "a")), "messages", "q => a"},
    {"m", "messages",
     MESSAGES(SAYS("developer", "S") "," SAYS("user", "q") "," SAYS("assistant", "a") "," SAYS(
         "user", "q2") "," SAYS("assistant", "a2")),
     "messages", "S\nq => a / q2 => a2"},
    {"m", "auto",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"q\"},"
     "{\"type\":\"text\",\"text\":\"r\"}]}," SAYS("assistant", "a") "]}",
     "messages", "qr => a"},
    {"m", "auto",
     "{\"tools\":[{\"name\":\"add\"}],\"messages\":[" SAYS("system", "S") "," SAYS(
         "user", "q") "," CALL "," RESULT("c1") "," SAYS("assistant", "two") "]}",
     "messages",
     "S\n{\"tools\":[{\"name\":\"add\"}]}\nq => "
     "{\"tool_calls\":[{\"name\":\"add\",\"arguments\":{\"a\":1}}]} / "
     "{\"tool_result\":{\"name\":\"add\",\"content\":\"2\"}} => two"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") "," CALL "," RESULT("c1") "," SAYS("user", "go on") "," SAYS(
         "assistant", "a")),
     "messages",
     "q => {\"tool_calls\":[{\"name\":\"add\",\"arguments\":{\"a\":1}}]} / "
     "{\"tool_result\":{\"name\":\"add\",\"content\":\"2\"}}\ngo on => a"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"weight\":0")), "messages",
     "q -> abcd"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"train\":false,\"weight\":0.0")),
     "messages", "q -> abcd"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"training\":true")), "messages",
     "q => abcd"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") "," ANSWER_WITH(
         "\"train_detail\":[{\"begin_offset\":0,\"end_offset\":0,\"train\":true},"
         "{\"begin_offset\":1,\"end_offset\":1,\"train\":true},"
         "{\"begin_offset\":2,\"end_offset\":2,\"train\":false},"
         "{\"begin_offset\":3,\"end_offset\":3,\"train\":true}]")),
     "messages", "q => abcd{0,2}{3,4}"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") ",{\"role\":\"assistant\",\"content\":\"\xC3\xA9x\","
                                "\"training_detail\":[{\"begin_offset\":1,\"end_offset\":1,"
                                "\"train\":true}]}"),
     "messages", "q => \xC3\xA9x{2,3}"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"train_detail\":[{\"begin_offset\":0,"
                                                "\"end_offset\":3,\"train\":false}]")),
     "messages", "q -> abcd"},
    {"m", "auto",
     "{\"conversations\":[" FROM("human", "q") "," FROM("gpt", "a") "],\"system\":\"S\"}",
     "sharegpt", "S\nq => a"},
    {"m", "auto", "{\"conversations\":[" SAYS("user", "q") "," SAYS("assistant", "a") "]}",
     "sharegpt", "q => a"},
    {"m", "auto",
     "{\"tools\":\"[{\\\"name\\\": \\\"f\\\"}]\",\"conversations\":[" FROM("human", "q") "," FROM(
         "function_call",
         "{\\\"name\\\": \\\"f\\\", \\\"arguments\\\": {}}") "," FROM("observation",
                                                                      "2") "," FROM("gpt",
                                                                                    "a") "]}",
     "sharegpt",
     "{\"tools\":[{\"name\":\"f\"}]}\nq => {\"tool_calls\":[{\"name\":\"f\",\"arguments\":{}}]} / "
     "{\"tool_result\":{\"content\":\"2\"}} => a"},
    /* refused */
    {"m", "auto", MESSAGES(""), NULL, "the last message is not the assistant's"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," SAYS("system", "S")), NULL,
     "message 2: 'system' is not the first message"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," SAYS("assistant", "a") "," SAYS("assistant", "b")),
     NULL, "message 3: 'assistant' comes after 'assistant'"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," RESULT("c1")), NULL,
     "message 2: 'tool' comes after 'user'"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," CALL "," RESULT("c2")), NULL,
     "message 3: 'tool_call_id' 'c2' is no call of the answer before"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," SAYS("narrator", "a")), NULL,
     "role 'narrator' is none of"},
    {"m", "auto", MESSAGES(SAYS("user", "q") ",{\"role\":\"assistant\"}"), NULL,
     "message 2: 'content' is missing"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," SAYS("assistant", "")), NULL,
     "the answer is empty"},
    {"m", "auto", "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
     NULL, "part 1 of 'content' is 'image_url'; only text can be trained"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"weight\":0.5")), NULL,
     "'weight' is neither 0 nor 1"},
    {"m", "auto", MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"weight\":1,\"train\":false")), NULL,
     "'train' says the opposite of another flag"},
    {"m", "auto",
     MESSAGES("{\"role\":\"user\",\"content\":\"q\",\"train\":true}," SAYS("assistant", "a")), NULL,
     "message 1: it is to be trained, but only the assistant's words are"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"train_detail\":[{\"begin_offset\":2,"
                                                "\"end_offset\":4,\"train\":true}]")),
     NULL, "'train_detail' item 1: 2 to 4 is no part of 4 characters"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") "," ANSWER_WITH("\"train_detail\":[{\"begin_offset\":2,"
                                                "\"end_offset\":3,\"train\":true},"
                                                "{\"begin_offset\":3,\"end_offset\":3,"
                                                "\"train\":true}]")),
     NULL, "item 2: it begins before the one before it ends"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") ",{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":"
                                "[{\"name\":\"f\",\"arguments\":\"{\"}]}"),
     NULL, "message 2: arguments: line 1"},
    {"m", "auto",
     MESSAGES(SAYS("user", "q") ",{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":"
                                "[{\"name\":\"f\",\"arguments\":[]}]}"),
     NULL, "'arguments' is not an object"},
    {"m", "auto", "{\"tools\":3,\"messages\":[" SAYS("user", "q") "]}", NULL,
     "'tools' is not a list"},
    {"m", "sharegpt", "{\"conversations\":[" FROM("gpt", "a") "]}", NULL,
     "message 1: 'gpt' comes after nothing"},
    {"m", "sharegpt", "{\"conversations\":3}", NULL, "'conversations'"},
};

static const struct reader_case records[] = {
    {"a", "auto", "{\"instruction\":\"i\",\"input\":\"x\",\"output\":\"o\"}", "alpaca",
     "i\nx => o"},
    {"a", "auto",
     "{\"instruction\":\"i\",\"output\":\"o\",\"system\":\"S\",\"history\":[[\"q\",\"a\"]]}",
     "alpaca", "S\nq => a / i => o"},
    {"a", "auto", "{\"instruction\":\"i\"}", NULL, "'output' is missing"},
    {"a", "auto", "{\"instruction\":\"i\",\"output\":\"o\",\"history\":[[\"q\"]]}", NULL,
     "'history' item 1 is not a pair"},
    {"a", "auto", "{\"prompt\":\"p\",\"completion\":\"c\"}", "pairs", "p => c"},
    {"a", "auto", "{\"prompt\":\"p\",\"completion\":\"c\",\"response\":\"r\"}", NULL,
     "both 'response' and 'completion'"},
    {"a", "pairs", "{\"prompt\":\"p\"}", NULL, "'response' is missing"},
    /* segments */
    {"s", "auto",
     "{\"segments\":[{\"label\":false,\"text\":\"q<sep>\"},{\"label\":true,\"text\":\"a<eod>\"}]}",
     "segments", "(q<sep>)[a<eod>]"},
    {"s", "auto",
     "{\"segments\":[{\"label\":true,\"text\":\" \"},{\"label\":false,\"text\":\"b\"}]}",
     "segments", "[ ](b)"},
    {"s", "auto", "{\"segments\":[]}", NULL, "'segments' is empty"},
    {"s", "auto", "{\"segments\":[{\"label\":1,\"text\":\"a\"}]}", NULL,
     "segment 1: 'label' is neither true nor false"},
    {"s", "auto", "{\"segments\":[{\"label\":true}]}", NULL, "segment 1: 'text' is missing"},
    {"s", "auto", "{\"segments\":[{\"label\":true,\"text\":\"a<eod>b\"}]}", NULL,
     "text behind '<eod>'"},
    {"s", "auto",
     "{\"segments\":[{\"label\":true,\"text\":\"a<eod>\"},{\"label\":true,\"text\":\"b\"}]}", NULL,
     "text behind '<eod>'"},
    {"s", "auto", "{\"segments\":[{\"label\":true,\"text\":\" \"}]}", NULL, "the text is empty"},
    /* ids: '!' is 259, <eod> 354, <sep> 355 */
    {"i", "auto", "{\"input_ids\":[259,355,260,354],\"labels\":[-100,-100,260,354]}", "ids",
     "259 355 260* 354* (!<sep>)[ \"<eod>]"},
    {"i", "auto", "{\"input_ids\":[259,260]}", "ids", "259* 260* [!\"]"},
    {"i", "auto",
     "{\"input_ids\":[354,259,260,354,356],\"labels\":[-100,-100,260,354,-100],"
     "\"attention_mask\":[0,1,1,1,0]}",
     "ids", "259 260* 354* (!)[ \"<eod>]"},
    {"i", "auto", "{\"input_ids\":[]}", NULL, "'input_ids' has no tokens"},
    {"i", "auto", "{\"input_ids\":[259],\"attention_mask\":[0]}", NULL,
     "'input_ids' has no tokens"},
    {"i", "auto", "{\"input_ids\":[259,\"x\"]}", NULL, "'input_ids' item 2 is no whole number"},
    {"i", "auto", "{\"input_ids\":[259,4294967555]}", NULL,
     "'input_ids' item 2 is no whole number"},
    {"i", "auto", "{\"input_ids\":[259],\"labels\":[1,2]}", NULL,
     "'labels' has 2 items, and 'input_ids' has 1"},
    {"i", "auto", "{\"input_ids\":[259,260],\"labels\":[260,-100]}", NULL, "are they shifted?"},
    {"i", "auto", "{\"input_ids\":[259,260,259],\"attention_mask\":[1,0,1]}", NULL,
     "'attention_mask' is 0 at item 2, inside the row"},
    {"i", "auto", "{\"input_ids\":[259,9999]}", NULL, "token 2 is 9999, and the tokenizer has"},
    {"i", "auto", "{\"input_ids\":[-1]}", NULL, "token 1 is -1"},
    {"i", "auto", "{\"input_ids\":[259,354,259,354]}", NULL, "token 2 is <eod>, inside the row"},
    /* preference data, and what is none of ours */
    {"p", "auto", "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}", NULL,
     "'rejected': preference data"},
    {"p", "auto", "{\"instruction\":\"p\",\"output\":\"o\",\"chosen\":\"a\",\"rejected\":\"b\"}",
     NULL, "'rejected': preference data"},
    {"p", "auto",
     "{\"conversations\":[" FROM("human", "q") "," FROM("gpt", "a") "],\"kto_tag\":true}", NULL,
     "'kto_tag': preference data"},
    {"p", "auto", "{\"prompt\":\"p\",\"completion\":\"c\",\"label\":true}", NULL,
     "'label': preference data"},
    {"p", "auto", "{\"set\":{\"file_name\":\"x.json\",\"columns\":{}}}", NULL,
     "LLaMA-Factory's registry"},
    {"p", "auto", "{\"question\":\"q\"}", NULL, "first key is 'question' fits no known format"},
};

static const struct reader_case texts[] = {
    {"t.jsonl", "auto", "{\"text\":\"one\"}\n{\"text\":\"two\"}\n", "text", "(one)|(two)"},
    {"t.json", "auto", "[{\"text\":\"one\"},\n{\"text\":\"two\"}]", "text", "(one)|(two)"},
    {"t.txt", "text", "one <n>\n\ntwo\r\n", "text", "(one <n>)|(two)"},
    {"t.txt", "text", "[1] one\n", "text", "([1] one)"},
    {"t.txt", "text", "a<sep>b\n", NULL, "special token '<sep>' in the text"},
    {"t.txt", "document", "one\n\ntwo\n", "document", "(one\n\ntwo\n)"},
    {"t.jsonl", "text", "{\"text\":3}\n", NULL, "'text' is not a string"},
    {"y.txt", "auto", "q<n>r<sep>a\nplain\n", "yuan-text", "q\nr => a|(plain)"},
    {"y.txt", "auto", "[SEP]x\n", NULL, "the prompt is empty"},
    {"y", "auto", "[1] q[SEP]a\n", "yuan-text", "[1] q => a"},
    {"y.txt", "auto", "{q}<sep>a\n", "yuan-text", "{q} => a"},
    {"y.txt", "auto", "a<sep>b<sep>c\n", NULL, "more than one <sep>"},
    /* tables */
    {"a.csv", "auto", "instruction,input,output\n\"a, \"\"b\"\"\",,c\nd,\"x\ny\",f\n", "csv",
     "a, \"b\" => c|d\nx\ny => f"},
    {"a", "auto", "prompt\tresponse\nq\ta\n", "tsv", "q => a"},
    {"a", "auto", "text,note\n\"one\ntwo\",x\n", "csv", "(one\ntwo)"},
    {"a.csv", "auto", "text\none\n", "csv", "(one)"},
    {"a.csv", "pairs", "response,prompt\na,q\n", "csv", "q => a"},
    {"a.dat", "csv", "prompt,response\nq,a\n", "csv", "q => a"},
    {"a.csv", "auto", "question,answer\nq,a\n", NULL,
     "line 1: a record whose first key is 'question'"},
    {"a.csv", "auto", "prompt,response\nq,a,b\n", NULL, "line 2: 3 cells, and the header has 2"},
    {"a.csv", "auto", "prompt,response\n\"x\n\",\n", NULL, "line 2: 'response' is missing"},
    {"a.csv", "auto", "prompt,response\nq,a\n\"x,\n", NULL, "line 3: a quote that is opened"},
    {"a.csv", "auto", "prompt,prompt\nq,a\n", NULL, "line 1: the header has column 'prompt' twice"},
    {"a.csv", "auto", "prompt,response\n", NULL, "has no rows"},
};

static void run_cases(struct fixture *f, const struct reader_case *cases, size_t n) {
    for (size_t i = 0; i < n; i++) run_case(f, &cases[i]);
}

static void conversations_of_both_formats(void **state) {
    run_cases(*state, conversations, sizeof conversations / sizeof conversations[0]);
}
static void records_of_the_other_formats(void **state) {
    run_cases(*state, records, sizeof records / sizeof records[0]);
}
static void texts_and_tables(void **state) {
    run_cases(*state, texts, sizeof texts / sizeof texts[0]);
}

/* A file has one format; what another reader would know is told by its line. */
static void mixed_formats_are_refused(void **state) {
    static const struct reader_case mixed[] = {
        {"m.jsonl", "auto",
         "{\"prompt\":\"p\",\"response\":\"r\"}\n{\"instruction\":\"i\",\"output\":\"o\"}\n", NULL,
         "line 2: the file is 'pairs', but this record is 'alpaca'"},
        {"m.jsonl", "messages", "{\"prompt\":\"p\",\"response\":\"r\"}\n", NULL,
         "line 1: the file is 'messages', but this record is 'pairs'"},
        {"m.json", "auto", "[{\"text\":\"t\"},\n{\"conversations\":[]}]", NULL,
         "line 2: the file is 'text', but this record is 'sharegpt'"},
        {"m.txt", "auto", "q<sep>a\n{\"prompt\":\"p\",\"response\":\"r\"}\n", NULL,
         "line 2: the file is 'yuan-text', but this line is a record of 'pairs'"},
        {"m.jsonl", "auto", "{\"prompt\":\"p\",\"response\":\"r\"}\nq<sep>a\n", NULL,
         "line 2: record: line 1"},
        {"m.txt", "yuan-text", "{\"prompt\":\"p\",\"response\":\"r\"}\n", "yuan-text",
         "({\"prompt\":\"p\",\"response\":\"r\"})"},
    };
    run_cases(*state, mixed, sizeof mixed / sizeof mixed[0]);
}

static void columns_give_keys_other_names(void **state) {
    struct fixture *f = *state;
    const char *names[] = {"prompt: question", "response:answer"};
    const struct opt_list columns = {names, 2};
    static const struct {
        const char *name, *text, *want;
    } cases[] = {{"a.jsonl", "{\"question\":\"q\",\"answer\":\"a\"}\n", "q => a"},
                 {"a.csv", "question,answer\nq,a\n", "q => a"},
                 {"b.jsonl", "{\"question\":\"q\",\"prompt\":\"p\",\"response\":\"a\"}\n", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct sample_list samples = {0};
        struct faults faults = {0};
        struct reading reading = {.arena = &arena, .samples = &samples, .faults = &faults};
        struct read_file file = {.path = tiny_file(f->dir, cases[i].name, cases[i].text),
                                 .format = "auto",
                                 .columns = &columns};
        assert_ok(read_file(&reading, &file));
        err e = faults_end(&faults, 1, "rows");
        if (cases[i].want) {
            str_clear(&f->got);
            assert_ok(e);
            write_sample(&samples.items[0], &f->got);
            assert_string_equal(str_text(&f->got), cases[i].want);
        } else {
            assert_int_equal(e, ERR_PARSE);
            assert_non_null(strstr(err_message(), "both 'question' and 'prompt'"));
        }
        sample_list_release(&samples);
        faults_release(&faults);
        arena_release(&arena);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(conversations_of_both_formats),
        TEST(records_of_the_other_formats),
        TEST(texts_and_tables),
        TEST(mixed_formats_are_refused),
        TEST(columns_give_keys_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
