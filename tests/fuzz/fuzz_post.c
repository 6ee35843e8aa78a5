/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what somebody has typed: as a comment where requests are collected, as an issue of
 * its own with the first line as its title, and, where they look like it, as the JSON of a saved
 * thread. Always there is a reading with a kind and a reason; a request says at least one thing;
 * every piece has stretches inside of the text that it came from.
 * Under test: issues/read/reading.c and all that it calls, issues/post.c. */
#include "base/mem.h"
#include "issues/read/reading.h"
#include "tests/fuzz/fuzz.h"
#include <string.h>

static void expect_piece(const struct piece *piece, const struct post *post) {
    if (!piece->text) return;
    const char *source = piece->of_title ? post->title : post->body;
    int64_t most = (int64_t)strlen(source); /* characters are no more than bytes */
    FUZZ_EXPECT(*piece->text && utf8_invalid_at(piece->text, strlen(piece->text)) < 0);
    FUZZ_EXPECT(piece->n_stretches >= 1 && piece->n_stretches <= PIECE_MAX_STRETCHES);
    FUZZ_EXPECT(piece->begin >= 0 && piece->begin < piece->end && piece->end <= most);
    for (int64_t i = 0; i < piece->n_stretches; i++) {
        const struct stretch s = piece->stretches[i];
        FUZZ_EXPECT(piece->begin <= s.begin && s.begin < s.end && s.end <= piece->end);
    }
}

static void expect_list(const struct piece_list *list, const struct post *post) {
    for (int64_t i = 0; i < list->n; i++) {
        FUZZ_EXPECT(list->items[i].text);
        expect_piece(&list->items[i], post);
    }
}

static void expect_missing(const struct reading *r) {
    bool said[] = {r->input.text != NULL, r->output.text != NULL, r->n_examples > 0};
    FUZZ_EXPECT(r->n_missing == 3 - said[0] - said[1] - said[2]);
}

static void expect_reading(const struct reading *r, const struct post *post,
                           const struct zone *zone) {
    json_t *json;
    FUZZ_EXPECT((int)r->kind >= 0 && r->kind < KIND_COUNT && *kind_rows[r->kind].name);
    FUZZ_EXPECT(r->is_request == (r->kind == KIND_training_request));
    FUZZ_EXPECT(*r->reason && strncmp(r->id, post->id, strlen(post->id)) == 0);
    FUZZ_EXPECT(!r->is_request || r->scenario.text || r->capability.n > 0);
    FUZZ_EXPECT(r->is_request == (*r->form != '\0'));
    if (r->is_request) expect_missing(r);
    expect_piece(&r->scenario, post);
    expect_piece(&r->input, post);
    expect_piece(&r->output, post);
    expect_piece(&r->remark, post);
    expect_list(&r->capability, post);
    expect_list(&r->constraints, post);
    for (int64_t i = 0; i < r->n_examples; i++) {
        FUZZ_EXPECT(r->examples[i].prompt.text);
        expect_piece(&r->examples[i].prompt, post);
        expect_piece(&r->examples[i].response, post);
    }
    FUZZ_EXPECT(reading_json(post, r, zone, &json) == ERR_OK);
    json_decref(json);
}

static void expect_readings(const struct post *post) {
    static const struct reading_context context = {.repository = "a/b", .issue = 1};
    struct arena arena = {0};
    struct reading_list list;
    struct zone *zone;
    FUZZ_EXPECT(zone_new("+08:00", &zone) == ERR_OK);
    FUZZ_EXPECT(post_read(post, &context, &arena, &list) == ERR_OK);
    FUZZ_EXPECT(list.n >= 1 && (list.n == 1 || list.items[0].is_request));
    for (int64_t i = 0; i < list.n; i++) expect_reading(&list.items[i], post, zone);
    zone_free(zone);
    arena_release(&arena);
}

static void typed(const char *text) {
    struct post post = {.id = "a/b#1@7", .repository = "a/b", .issue = 1, .comment = 7};
    post.created_at = "2024-01-18T02:00:00Z";
    post.association = "NONE";
    post.title = "";
    post.login = "dev";
    post.body = text;
    expect_readings(&post);
    char *title = mem_strdup(text);
    FUZZ_EXPECT(title);
    title[strcspn(title, "\n")] = '\0';
    post.id = "a/b#2";
    post.issue = 2;
    post.comment = 0;
    post.title = title;
    expect_readings(&post);
    mem_free(title);
}

static void saved(const char *text, size_t size) {
    struct post_list list = {0};
    json_t *values = NULL;
    err code = json_parse_all(text, size, "posts.json", &values);
    if (!code) code = posts_add(&list, values, "posts.json");
    if (code)
        fuzz_expect_refused(code);
    else
        posts_finish(&list);
    for (int64_t i = 0; i < list.n && !code; i++) {
        struct post post = list.items[i];
        if (post.created_s < 0 || post.created_s > INT64_C(253000000000)) continue; /* year 9987 */
        if (!post.title) post.title = "";
        expect_readings(&post);
    }
    json_decref(values);
    post_list_release(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t begun = fuzz_begin();
    char *text = mem_alloc(size + 1, 1);
    FUZZ_EXPECT(text);
    for (size_t i = 0; i < size; i++) text[i] = data[i] ? (char)data[i] : ' ';
    text[size] = '\0';
    typed(text);
    if (*text == '[' || *text == '{') saved((const char *)data, size);
    mem_free(text);
    fuzz_end(begun);
    return 0;
}
