/* SPDX-License-Identifier: Apache-2.0
 * A small tokenizer folder made on the spot, and files and builds to go with it. The
 * sentencepiece file is written out by hand (its protocol buffer's few fields), so that a test
 * says itself which special pieces the file has and of which kind: one piece per printable ASCII
 * character, all bytes, no merges, dummy prefix on, identity normaliser, as Yuan's own file has
 * it. */
#ifndef COTRAIN_TESTS_UNIT_DATA_TINY_H
#define COTRAIN_TESTS_UNIT_DATA_TINY_H

#include "base/mem.h"
#include "data/build.h"
#include "data/tokens/tokenizer.h"
#include "tests/unit/test.h"

enum tiny_kind {
    TINY_NORMAL = 1,
    TINY_UNKNOWN = 2,
    TINY_CONTROL = 3,
    TINY_USER = 4,
    TINY_BYTE = 6
};
enum { TINY_FIRST_BYTE = 3, TINY_FIRST_CHARACTER = TINY_FIRST_BYTE + 256 };

static inline void tiny_varint(struct str *out, uint64_t value) {
    do {
        char byte = (char)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        assert_ok(str_append(out, &byte, 1));
        value >>= 7;
    } while (value > 0);
}
static inline void tiny_field(struct str *out, int number, const char *bytes, size_t n) {
    tiny_varint(out, (uint64_t)number << 3 | 2);
    tiny_varint(out, n);
    assert_ok(str_append(out, bytes, n));
}
static inline void tiny_number(struct str *out, int number, uint64_t value) {
    tiny_varint(out, (uint64_t)number << 3);
    tiny_varint(out, value);
}
static inline void tiny_piece(struct str *out, const char *text, enum tiny_kind kind) {
    struct str piece = {0};
    tiny_field(&piece, 1, text, strlen(text));
    tiny_number(&piece, 3, kind);
    tiny_field(out, 1, piece.data, piece.len);
    str_release(&piece);
}

/* Writes DIR/tokenizer.model; `specials` (NULL-terminated) follow the characters. */
static inline void tiny_tokenizer(const char *dir, const char *const *specials,
                                  enum tiny_kind kind) {
    struct str model = {0}, part = {0};
    char text[16];
    tiny_piece(&model, "<unk>", TINY_UNKNOWN);
    tiny_piece(&model, "<s>", TINY_CONTROL);
    tiny_piece(&model, "</s>", TINY_CONTROL);
    for (int byte = 0; byte < 256; byte++) {
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)byte);
        tiny_piece(&model, text, TINY_BYTE);
    }
    for (char c = '!'; c <= '~'; c++) {
        snprintf(text, sizeof text, "%c", c);
        tiny_piece(&model, text, TINY_NORMAL);
    }
    tiny_piece(&model, "\xE2\x96\x81", TINY_NORMAL);
    for (; *specials; specials++) tiny_piece(&model, *specials, kind);
    tiny_number(&part, 3, 2);  /* trainer_spec.model_type BPE */
    tiny_number(&part, 35, 1); /* byte_fallback */
    tiny_field(&model, 2, part.data, part.len);
    str_clear(&part);
    tiny_number(&part, 3, 1); /* normalizer_spec.add_dummy_prefix */
    tiny_number(&part, 4, 0); /* remove_extra_whitespaces */
    tiny_number(&part, 5, 1); /* escape_whitespaces */
    tiny_field(&model, 3, part.data, part.len);
    assert_ok(dir_make(dir));
    snprintf(text, sizeof text, "%s", "tokenizer.model");
    char *path = path_join(dir, text);
    assert_ok(file_write(path, model.data, model.len));
    mem_free(path);
    str_release(&model);
    str_release(&part);
}

static const char *const tiny_specials[] = {"<eod>", "<sep>", "<pad>", NULL};

/* dir/name, in static storage (sixteen at a time). */
static inline const char *tiny_path(const char *dir, const char *name) {
    static char paths[16][256];
    static int turn = 0;
    char *path = paths[turn++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}
static inline const char *tiny_file(const char *dir, const char *name, const char *text) {
    const char *path = tiny_path(dir, name);
    assert_ok(file_write(path, text, strlen(text)));
    return path;
}

/* A build over one source file, for tests to change before they run it. */
struct tiny_build {
    struct data_options options;
    struct data_source sources[4];
    struct request requests[3];
    struct request_list list;
    struct data_build build;
    char tokenizer_dir[256], source_paths[4][256];
    char out[128]; /* where the dataset may go: DIR/out */
};
static inline void tiny_build_init(struct tiny_build *t, const char *dir) {
    *t = (struct tiny_build){.options = {.special_whitespace = "strip", .turns = "each"}};
    snprintf(t->tokenizer_dir, sizeof t->tokenizer_dir, "%s/tokenizer", dir);
    snprintf(t->out, sizeof t->out, "%s/out", dir);
    tiny_tokenizer(t->tokenizer_dir, tiny_specials, TINY_CONTROL);
    t->options.sources.items = t->sources;
    t->list.items = t->requests;
    t->build = (struct data_build){.options = &t->options,
                                   .requests = &t->list,
                                   .tokenizer_dir = t->tokenizer_dir,
                                   .seed = 42};
}
static inline void tiny_add_source(struct tiny_build *t, const char *path, const char *request) {
    int64_t i = t->options.sources.n++;
    snprintf(t->source_paths[i], sizeof t->source_paths[i], "%s", path);
    t->sources[i] = (struct data_source){
        .path = t->source_paths[i], .format = "auto", .request = request, .weight = 1};
}

#endif
