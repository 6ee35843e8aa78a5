/* SPDX-License-Identifier: Apache-2.0
 * Cutting a program out of a response (eval/scorers/cut.h). Every rule is the official one, in its
 * order; where one looks odd (a docstring taken out wherever it stands, everything behind the first
 * comment at a line's start cut off) it is so there.
 * Read next: eval/scorers/humaneval.c, golden results in tests/golden/test_scorers.c. */
#include "eval/scorers/cut.h"

#include "eval/text.h"
#include <string.h>

/* Python's text[begin:end]: a negative end counts from the back. */
static struct span slice(struct span s, size_t begin, int64_t end) {
    if (end < 0) end += (int64_t)s.n;
    if (end < 0 || begin > s.n || (int64_t)begin > end) return text_cut(s, 0, 0);
    return text_cut(s, begin, (size_t)end < s.n ? (size_t)end : s.n);
}

/* Without <eod> and the space that decoding puts in front; then what stands behind the opening of
 * the prompt's code block. Without one the official find() gives -1, and 8 bytes are skipped. */
static struct span behind_fence(struct span s) {
    static const char eod[] = "<eod>", fence[] = "```python";
    if (text_ends(s, eod)) {
        s = text_cut(s, 0, s.n - strlen(eod));
        if (text_starts(s, " ")) s = text_cut(s, 1, s.n);
    }
    int64_t at = text_find(s, fence, 0);
    if (at >= 0) return text_cut(s, (size_t)at + strlen(fence), s.n);
    size_t skipped = 0;
    uint32_t c = 0;
    for (size_t i = 1; i < strlen(fence) && skipped < s.n; i++)
        skipped += utf8_next_any(s.text + skipped, s.n - skipped, &c);
    return text_cut(s, skipped, s.n);
}

static err tidy(struct str *code) {
    static const char *const rules[][2] = {
        {"\nFIX = \"\"\"\nAdd more test cases.\n\"\"\"", ""},
        {"\n\n\ndef", "\ndef"},
        {"\n    \n\n    ", "\n    \n    "},
        {"\n\n    ", "\n    "},
        {"\n\n\n", "\n\n"},
        {"\"\"\"\n        ", "\"\"\"\n    "},
        {"\n```python", ""},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        TRY(text_replace(code, rules[i][0], rules[i][1]));
    return ERR_OK;
}

/* Takes the first docstring's text out wherever it stands. */
static err drop_docstring(struct str *code) {
    static const char *const quotes[] = {"\"\"\"", "'''"};
    for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++) {
        struct span all = text_of(code);
        struct str docstring = {0};
        if (text_count(all, quotes[i]) < 2) continue;
        int64_t begin = text_find(all, quotes[i], 0);
        int64_t end = text_find(all, quotes[i], (size_t)begin + 1);
        err result = text_set(&docstring, slice(all, (size_t)begin, end + 3));
        if (result == ERR_OK) result = text_replace_span(code, text_of(&docstring), "");
        str_release(&docstring);
        return result;
    }
    return ERR_OK;
}

/* The lines from the first one that begins a function (not the very first line) through the first
 * empty one behind it; to the end where another function comes before that. NULL: no function. */
static struct span first_function(struct span code) {
    int64_t from = -1, begin = 0, number = 0;
    while (begin <= (int64_t)code.n) {
        int64_t end = text_find(code, "\n", (size_t)begin);
        struct span line = text_cut(code, (size_t)begin, end < 0 ? code.n : (size_t)end);
        if (text_starts(line, "def ")) {
            if (from >= 0) break;
            if (number > 0) from = begin;
        }
        if (line.n == 0 && from >= 0) return text_cut(code, (size_t)from, (size_t)begin);
        if (end < 0) break;
        begin = end + 1;
        number++;
    }
    if (from < 0) return (struct span){NULL, 0};
    return text_cut(code, (size_t)from, code.n);
}

/* A closed block of code, else the first function. */
static struct span find_program(struct span code) {
    static const char open[] = "```python\n", close[] = "\n```";
    int64_t begin = text_find(code, open, 0);
    if (begin >= 0) {
        int64_t end = text_find(code, close, (size_t)begin + strlen(open));
        if (end >= 0) return text_cut(code, (size_t)begin + strlen(open), (size_t)end);
    }
    return first_function(code);
}

/* The program with what stood before it, found again by its first ten characters. */
static err keep_head(struct span code, struct span program, struct str *out) {
    struct str start = {0};
    size_t n = 0;
    uint32_t c = 0;
    for (int i = 0; i < 10 && n < program.n; i++)
        n += utf8_next_any(program.text + n, program.n - n, &c);
    err result = text_set(&start, text_cut(program, 0, n));
    if (result == ERR_OK) {
        int64_t at = text_find(code, str_text(&start), 0);
        struct span head = slice(code, 0, at);
        result = str_append(out, head.text, head.n);
    }
    if (result == ERR_OK) result = str_append(out, program.text, program.n);
    str_release(&start);
    return result;
}

/* A second function goes, where nothing else tells the end. */
static err drop_second(struct str *code) {
    struct span all = text_of(code);
    struct str rest = {0};
    if (text_count(all, "\ndef") < 2 || text_has(all, "\n```") || text_has(all, "\n#") ||
        text_has(all, "\nif"))
        return ERR_OK;
    size_t second = (size_t)text_find(all, "\ndef", (size_t)text_find(all, "\ndef", 0) + 1);
    err result = text_set(&rest, text_cut(all, second, all.n));
    if (result == ERR_OK) result = text_replace_span(code, text_of(&rest), "\n");
    str_release(&rest);
    return result;
}

static struct span cut_ends(struct span code) {
    static const char *const ends[] = {"\nprint",      "\n# 示例", "\n```", "\n# 测试",
                                       "\n# 单元测试", "\n#",      "\nif"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        int64_t at = text_find(code, ends[i], 0);
        if (at > 0) code = text_cut(code, 0, (size_t)at);
    }
    return code;
}

err cut_program(struct span response, struct str *out) {
    struct str code = {0}, kept = {0};
    err result = text_set(&code, behind_fence(response));
    if (result == ERR_OK) result = tidy(&code);
    if (result == ERR_OK) result = drop_docstring(&code);
    if (result == ERR_OK) {
        struct span program = find_program(text_of(&code));
        result = program.text != NULL ? keep_head(text_of(&code), program, &kept)
                                      : text_set(&kept, text_of(&code));
    }
    if (result == ERR_OK) result = drop_second(&kept);
    if (result == ERR_OK) result = text_set(out, cut_ends(text_of(&kept)));
    str_release(&code);
    str_release(&kept);
    return result;
}
