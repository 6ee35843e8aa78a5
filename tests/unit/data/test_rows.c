/* SPDX-License-Identifier: Apache-2.0
 * Samples of every kind: what their texts are to whoever reads them, and which tokens their rows
 * hold, with the trained ones. The rows of conversations are tested where datasets are built
 * (test_build.c); here are segments and ids. */
#include "data/tokens/rows.h"
#include "tests/unit/data/tiny.h"

struct fixture {
    const char *dir;
    struct tokenizer *tokenizer;
    struct arena arena;
    struct draft draft;
    struct row_list rows;
    struct row_tokens row;
    struct str text;
};

static int setup(void **state) {
    static struct fixture f;
    f = (struct fixture){.dir = test_folder()};
    f.draft.arena = &f.arena;
    tiny_tokenizer(f.dir, tiny_specials, TINY_CONTROL);
    assert_ok(tokenizer_open(&f.tokenizer, f.dir));
    *state = &f;
    return 0;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    tokenizer_free(f->tokenizer);
    row_list_release(&f->rows);
    row_tokens_release(&f->row);
    str_release(&f->text);
    arena_release(&f->arena);
    test_folder_remove(f->dir);
    return 0;
}

static struct span span_of(const char *text) {
    return (struct span){text, strlen(text)};
}

/* The row's pieces between bars, those that are trained in brackets: "<sep>|[a]|[<eod>]". */
static const char *row_of(struct fixture *f) {
    f->rows.n = 0;
    assert_ok(rows_of_sample(&f->draft.sample, false, &f->rows));
    assert_int_equal(f->rows.n, 1);
    assert_int_equal(f->rows.items[0].part, 0);
    assert_ok(row_encode(f->tokenizer, &f->rows.items[0], WHITESPACE_STRIP, &f->row));
    assert_int_equal(f->row.answer.len, f->row.ids.n);
    str_clear(&f->text);
    for (int64_t i = 0; i < f->row.ids.n; i++) {
        if (i > 0) assert_ok(str_add(&f->text, "|"));
        if (f->row.answer.data[i]) assert_ok(str_add(&f->text, "["));
        assert_ok(tokenizer_add_piece(f->tokenizer, f->row.ids.ids[i], &f->text));
        if (f->row.answer.data[i]) assert_ok(str_add(&f->text, "]"));
    }
    return str_text(&f->text);
}

static void segments_begin_a_run_each(void **state) {
    struct fixture *f = *state;
    assert_ok(draft_segment(&f->draft, span_of("ab"), false));
    assert_ok(draft_segment(&f->draft, span_of(""), true));
    assert_ok(draft_segment(&f->draft, span_of("c"), true));
    assert_ok(draft_segment(&f->draft, span_of("d"), false));
    assert_string_equal(row_of(f), " |a|b|[ ]|[c]| |d|<eod>");
}

/* What a prompt and its answer give, written out as segments. */
static void segments_write_their_own_special_tokens(void **state) {
    struct fixture *f = *state;
    assert_ok(draft_segment(&f->draft, span_of("q <sep>"), false));
    assert_ok(draft_segment(&f->draft, span_of("a<eod>"), true));
    const char *as_segments = mem_strdup(row_of(f));
    assert_string_equal(as_segments, " |q|<sep>|[ ]|[a]|[<eod>]");
    f->draft = (struct draft){.arena = &f->arena};
    assert_ok(draft_turn(&f->draft, span_of("q "), span_of("a")));
    assert_string_equal(row_of(f), as_segments);
    mem_free((char *)as_segments);
}

static void plain_text_is_trained_whole_or_not(void **state) {
    struct fixture *f = *state;
    assert_ok(draft_segment(&f->draft, span_of("ab"), false));
    assert_string_equal(row_of(f), " |a|b|<eod>");
    f->draft.sample.segments[0].trained = true;
    assert_string_equal(row_of(f), "[ ]|[a]|[b]|[<eod>]");
}

static void parts_of_an_answer_are_trained(void **state) {
    struct fixture *f = *state;
    static const struct text_range ranges[] = {{1, 3}, {4, 7}};
    /* "\xC3\xA9" has no piece of its own: two bytes, bytes 5 and 6 of the answer */
    assert_ok(draft_turn(&f->draft, span_of("q"), span_of("\nabcd\xC3\xA9")));
    f->draft.sample.turns[0].ranges = ranges;
    f->draft.sample.turns[0].n_ranges = 2;
    assert_string_equal(row_of(f), " |q|<sep>|[ ]|[a]|[b]|c|[d]|[<0xC3>]|[<0xA9>]|[<eod>]");
    assert_ok(sample_trained_text(&f->draft.sample, &f->text));
    assert_string_equal(str_text(&f->text), "abd\xC3\xA9");
    assert_ok(sample_context_text(&f->draft.sample, &f->text));
    assert_string_equal(str_text(&f->text), "q\n\nc");
    static const struct text_range half[] = {{0, 6}}; /* half of a character, and of the space */
    f->draft.sample.turns[0].ranges = half;
    f->draft.sample.turns[0].n_ranges = 1;
    assert_string_equal(row_of(f), " |q|<sep>|[ ]|[a]|[b]|[c]|[d]|[<0xC3>]|<0xA9>|<eod>");
}

/* U+2581 in a text is a space to sentencepiece. */
static void token_ends_follow_the_text(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        size_t ends[8];
    } cases[] = {{"ab", {0, 1, 2}},
                 {" a ", {0, 1, 2, 3}},
                 {"a\xE2\x96\x81"
                  "b",
                  {0, 1, 4, 5}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tokens ids = {0};
        size_t ends[8] = {0}, n = strlen(cases[i].text);
        assert_ok(tokenizer_encode_plain(f->tokenizer, cases[i].text, n, &ids));
        assert_ok(tokenizer_token_ends(f->tokenizer, cases[i].text, n, ids.ids, ids.n, ends));
        assert_memory_equal(ends, cases[i].ends, sizeof ends);
        assert_int_equal(ends[ids.n - 1], n);
        assert_fails(tokenizer_token_ends(f->tokenizer, "xyzw", 4, ids.ids, ids.n, ends),
                     ERR_UNSUPPORTED, "cannot be told apart");
        tokens_release(&ids);
    }
}

static void ids_are_kept_and_ended(void **state) {
    struct fixture *f = *state;
    int32_t eod = tokenizer_special(f->tokenizer, SPECIAL_EOD);
    int32_t sep = tokenizer_special(f->tokenizer, SPECIAL_SEP);
    int32_t ids[] = {TINY_FIRST_CHARACTER, sep, TINY_FIRST_CHARACTER + 1, eod};
    uint8_t trained[] = {0, 0, 1, 0};
    assert_ok(draft_ids(&f->draft, ids, trained, 4));
    assert_ok(draft_segment(&f->draft, span_of("!<sep>"), false));
    assert_ok(draft_segment(&f->draft, span_of("\""), true));
    ids[0] = 0; /* the draft has its own copy */
    assert_string_equal(row_of(f), "!|<sep>|[\"]|<eod>");
    f->draft = (struct draft){.arena = &f->arena};
    assert_ok(draft_ids(&f->draft, ids + 1, trained + 1, 2));
    assert_string_equal(row_of(f), "<sep>|[\"]|[<eod>]");
}

static void expect_texts(struct fixture *f, const char *context, const char *trained,
                         const char *all, const char *question) {
    const struct sample *s = &f->draft.sample;
    struct span asked;
    assert_ok(sample_context_text(s, &f->text));
    assert_string_equal(str_text(&f->text), context);
    assert_ok(sample_trained_text(s, &f->text));
    assert_string_equal(str_text(&f->text), trained);
    assert_ok(sample_text(s, &f->text));
    assert_string_equal(str_text(&f->text), all);
    assert_ok(sample_question(s, &f->arena, &asked));
    assert_int_equal(asked.n, strlen(question));
    assert_memory_equal(asked.text, question, asked.n);
}

static void texts_of_every_kind(void **state) {
    struct fixture *f = *state;
    assert_ok(draft_turn(&f->draft, span_of(" q1 "), span_of("a1")));
    assert_ok(draft_turn(&f->draft, span_of("q2"), span_of("a2")));
    f->draft.sample.turns[0].trained = false;
    expect_texts(f, " q1 \na1\nq2", "a2", " q1 \na1\nq2\na2", "q1");
    f->draft = (struct draft){.arena = &f->arena};
    assert_ok(draft_segment(&f->draft, span_of("one "), false));
    expect_texts(f, "one ", "", "one ", "one");
    assert_ok(draft_segment(&f->draft, span_of("two "), true));
    assert_ok(draft_segment(&f->draft, span_of("three "), false));
    expect_texts(f, "one three ", "two ", "one two three ", "one three");
    f->draft.sample.segments[0].trained = f->draft.sample.segments[2].trained = true;
    expect_texts(f, "", "one two three ", "one two three ", "one two three");
}

static void notes_keep_their_order(void **state) {
    struct fixture *f = *state;
    struct sample_list list = {0};
    assert_ok(draft_turn(&f->draft, span_of("q"), span_of("a")));
    assert_ok(sample_list_add(&list, &f->draft, 3, 7));
    assert_int_equal(f->draft.sample.n, 0);
    struct sample *s = &list.items[0];
    assert_int_equal(s->source, 3);
    assert_int_equal(s->line, 7);
    assert_null(s->notes);
    assert_ok(sample_add_note(s, &f->arena, "first"));
    assert_ok(sample_add_note(s, &f->arena, "second"));
    assert_string_equal(s->notes->text, "first");
    assert_string_equal(s->notes->next->text, "second");
    assert_null(s->notes->next->next);
    sample_list_release(&list);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(segments_begin_a_run_each),
        TEST(segments_write_their_own_special_tokens),
        TEST(plain_text_is_trained_whole_or_not),
        TEST(ids_are_kept_and_ended),
        TEST(parts_of_an_answer_are_trained),
        TEST(token_ends_follow_the_text),
        TEST(texts_of_every_kind),
        TEST(notes_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
