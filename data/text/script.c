/* SPDX-License-Identifier: Apache-2.0
 * Counting characters by what they are written in, a line at a time: whether a line is code decides
 * for all of it, since single characters of code are letters like any other. The rules, with what
 * they are good for, are those of data/text/script.h. */
#include "data/text/script.h"
#include "base/str.h"
#include "data/text/normal.h"
#include "data/text/span.h"
#include <stdbool.h>
#include <string.h>

const char *const script_names[SCRIPT_COUNT] = {"zh", "en", "code", "other", "none"};

/* Weights: of a Chinese character and of any other. */
enum { CHINESE_WEIGHT = 5, OTHER_WEIGHT = 2 };

static bool chinese(uint32_t c) {
    return (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

static bool latin(uint32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) || (c >= 0x1E00 && c <= 0x1EFF);
}

/* Letters and syllables of other scripts; signs and pictures are none. */
static bool other_letter(uint32_t c) {
    return (c >= 0x370 && c <= 0x1FFF && !(c >= 0x1E00 && c <= 0x1EFF)) ||
           (c >= 0x3041 && c <= 0x318E && c != 0x30FB) || (c >= 0xA000 && c <= 0xD7A3);
}

static enum script script_of(uint32_t c) {
    c = normal_width(c);
    if (latin(c)) return SCRIPT_ENGLISH;
    if (c < 0x370) return SCRIPT_NONE;
    if (chinese(c)) return SCRIPT_CHINESE;
    return other_letter(c) ? SCRIPT_OTHER : SCRIPT_NONE;
}

static bool is_fence(struct span line) {
    return line.n >= 3 && memcmp(line.text, "```", 3) == 0;
}

static bool begins(struct span line, const char *with) {
    size_t n = strlen(with);
    return line.n >= n && memcmp(line.text, with, n) == 0;
}

static bool ends_as_code(struct span line) {
    char last = line.text[line.n - 1], before = line.n > 1 ? line.text[line.n - 2] : ' ';
    if (last == ';' || last == '{' || last == '}') return true;
    return last == ':' && (before == ')' || begins(line, "else") || begins(line, "try"));
}

/* `line` has no blanks at its ends. */
static bool looks_like_code(struct span line) {
    static const char *const starts[] = {"#include ", "#define ", "import ", "from ",  "def ",
                                         "class ",    "return ",  "//",      "/*",     "fn ",
                                         "func ",     "public ",  "static ", "const ", "assign ",
                                         "endmodule", "SELECT ",  "<?php"};
    int64_t n_operators = 0, n_chinese = 0, n = 0;
    if (line.n == 0) return false;
    for (size_t i = 0; i < line.n;) {
        uint32_t c;
        i += utf8_next_any(line.text + i, line.n - i, &c);
        if (white_space(c)) continue;
        n++;
        n_chinese += chinese(c);
        n_operators += c > 0 && c < 0x80 && strchr("{}[]()<>=+*/&|^%_;$\\", (int)c) != NULL;
    }
    if (4 * n_chinese > n) return false;
    if (ends_as_code(line) && n_operators >= 1) return true;
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (begins(line, starts[i]) && n_operators >= 2) return true;
    return n >= 8 && 4 * n_operators >= n;
}

static void count_line(struct span line, bool code, struct script_counts *counts) {
    for (size_t i = 0; i < line.n;) {
        uint32_t c;
        i += utf8_next_any(line.text + i, line.n - i, &c);
        enum script script = script_of(c);
        if (code) script = white_space(c) ? SCRIPT_NONE : SCRIPT_CODE;
        counts->n[script]++;
    }
}

void script_count(const char *text, size_t n, struct script_counts *counts) {
    bool fenced = false;
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t length = end ? (size_t)(end - text) : n;
        struct span line = span_strip((struct span){text, length});
        if (is_fence(line)) {
            fenced = !fenced;
            counts->n[SCRIPT_NONE] += (int64_t)line.n;
        } else {
            count_line(line, fenced || looks_like_code(line), counts);
        }
        length += end != NULL;
        text += length;
        n -= length;
    }
}

static int64_t weight(const struct script_counts *counts, int script) {
    return counts->n[script] * (script == SCRIPT_CHINESE ? CHINESE_WEIGHT : OTHER_WEIGHT);
}

double script_share(const struct script_counts *counts, enum script script) {
    int64_t all = 0;
    for (int i = 0; i < SCRIPT_NONE; i++) all += weight(counts, i);
    if (script == SCRIPT_NONE) return all == 0 ? 1 : 0;
    return all == 0 ? 0 : (double)weight(counts, script) / (double)all;
}

enum script script_main(const struct script_counts *counts) {
    int most = SCRIPT_CHINESE;
    for (int i = 0; i < SCRIPT_NONE; i++)
        if (weight(counts, i) > weight(counts, most)) most = i;
    return weight(counts, most) > 0 ? (enum script)most : SCRIPT_NONE;
}
