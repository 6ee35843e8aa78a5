/* SPDX-License-Identifier: Apache-2.0
 * Answers that seem to have been cut short, by what their end looks like. Each rule is meant to be
 * right nine times in ten at least; what none of them sees is not told of:
 *   1.0  a code fence that is not closed; half a character at the end (U+FFFD); an answer that
 *        begins as a JSON object or list and ends before it does
 *   0.9  a bracket that is not closed, outside quotes (and not a smiley's)
 *   0.8  a mark at the end that something must follow (a comma, an opening bracket or quote, -, =),
 *        or such an English word behind two others at least (the, and, of)
 *   0.6  prose of three sentences or more that all end with a mark, but for the last one
 * Answers that are context only are not looked at. */
#include "data/lint/lint.h"
#include <string.h>

static uint32_t last_point(struct span s, size_t *begin) {
    uint32_t c = 0;
    size_t at = s.n;
    while (at > 0 && ((unsigned char)s.text[at - 1] & 0xC0) == 0x80) at--;
    *begin = at > 0 ? at - 1 : 0;
    if (s.n > 0) utf8_next_any(s.text + *begin, s.n - *begin, &c);
    return c;
}

static bool open_fence(struct span s) {
    bool open = false, line_start = true;
    for (size_t i = 0; i < s.n; i++) {
        if (line_start && s.n - i >= 3 && memcmp(s.text + i, "```", 3) == 0) open = !open;
        line_start = s.text[i] == '\n' || (line_start && s.text[i] == ' ');
    }
    return open;
}

/* Whether it begins with an object or list, or what looks like one, and ends inside. */
static bool half_json(struct span s) {
    int64_t depth = 0;
    bool quoted = false;
    if (s.n == 0 || (s.text[0] != '{' && s.text[0] != '[')) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        if (depth == 0 && !quoted) return false; /* it ended; text may follow */
    }
    const char *after = s.text + 1, *end = s.text + s.n;
    while (after < end && (*after == ' ' || *after == '\n' || *after == '\t')) after++;
    return after < end && *after != '\0' && strchr("\"{[0123456789-", *after);
}

/* Round and square ones close each other, as in [0, 1), and the wide ones as well. */
static const struct {
    uint32_t open, close;
    int kind;
} brackets[] = {
    {'(', ')', 0},       {'[', ']', 0},       {0xFF08, 0xFF09, 0},
    {'{', '}', 1},       {0xFF5B, 0xFF5D, 1}, {0x3010, 0x3011, 2},
    {0x300C, 0x300D, 3}, {0x300A, 0x300B, 4}, {0x201C, 0x201D, 5},
};
enum { N_BRACKETS = sizeof brackets / sizeof brackets[0], N_KINDS = 6 };

/* Whether more brackets of one kind open than close; *at is where the outermost of them does. */
static bool open_bracket(struct span s, int64_t *at) {
    int64_t depth[N_KINDS] = {0}, outermost[N_KINDS] = {0};
    bool quoted = false;
    uint32_t before = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t c;
        size_t begin = i;
        i += utf8_next_any(s.text + i, s.n - i, &c);
        if (c == '\n') quoted = false; /* it was an inch mark or the like */
        if (c == '"' && before != '\\') quoted = !quoted;
        bool smiley = before == ':' || before == ';' || before == '-' || before == '\\';
        bool alone = i < s.n && (before == '\'' || before == '`') && s.text[i] == (char)before;
        for (int k = 0; k < N_BRACKETS && !quoted && !alone; k++) {
            int kind = brackets[k].kind;
            if (c == brackets[k].open && !smiley && depth[kind]++ == 0)
                outermost[kind] = (int64_t)begin;
            if (c == brackets[k].close && depth[kind] > 0) depth[kind]--;
        }
        before = c;
    }
    for (int kind = 0; kind < N_KINDS; kind++)
        if (depth[kind] > 0) {
            *at = outermost[kind];
            return true;
        }
    return false;
}

static bool must_go_on(struct span s, size_t last, uint32_t c) {
    static const uint32_t marks[] = {',',    '(',    '[',    '{',    '=',    '-',    0xFF0C,
                                     0x3001, 0xFF1B, 0xFF08, 0x3010, 0x300C, 0x300A, 0x201C};
    if (last > 0 && s.text[last - 1] == s.text[last]) return false; /* a rule: --- or === */
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (c == marks[i]) return true;
    return false;
}

/* The last word, where it is one that no sentence ends with. */
static bool word_must_go_on(struct span s) {
    static const char *const words[] = {"an",   "the",  "and",   "or",      "of",  "with",
                                        "from", "into", "which", "because", "than"};
    size_t begin = s.n;
    int n_blanks = 0;
    while (begin > 0 && s.text[begin - 1] >= 'a' && s.text[begin - 1] <= 'z') begin--;
    if (begin == 0 || s.text[begin - 1] != ' ') return false;
    for (size_t i = begin; i > 0 && s.text[i - 1] != '\n'; i--) n_blanks += s.text[i - 1] == ' ';
    for (size_t i = 0; n_blanks >= 2 && i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == s.n - begin && memcmp(words[i], s.text + begin, s.n - begin) == 0)
            return true;
    return false;
}

static bool ends_sentence(uint32_t c) {
    return c == '.' || c == '!' || c == '?' || c == 0x3002 || c == 0xFF01 || c == 0xFF1F ||
           c == 0x2026;
}

static bool closes(uint32_t c) {
    if (c == '"' || c == '\'' || c == 0x2019) return true;
    for (int k = 0; k < N_BRACKETS; k++)
        if (c == brackets[k].close) return true;
    return false;
}

static bool is_letter_like(uint32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 0x3400 && c <= 0x9FFF);
}

/* Every line but the last ends as a sentence does, there are three sentences or more, and the last
 * one is long and ends within a word. */
static bool unended_prose(struct span s) {
    int64_t n_sentences = 0, since = 0;
    uint32_t before = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t c;
        i += utf8_next_any(s.text + i, s.n - i, &c);
        if (c == '\n' && before != '\n' && before != 0 && !ends_sentence(before) && !closes(before))
            return false; /* a list, a heading, code */
        bool abbreviates = c == '.' && i < s.n && s.text[i] != ' ' && s.text[i] != '\n';
        if (ends_sentence(c) && !abbreviates && since >= 4) {
            n_sentences++;
            since = 0;
        } else {
            since++;
        }
        before = c;
    }
    return n_sentences >= 2 && since >= 6 && is_letter_like(before);
}

/* `at`: the byte of the text that shows it. */
static err found(struct lint_mark *mark, int64_t at, double badness, const char *why) {
    if (badness <= mark->badness) return ERR_OK;
    mark->badness = badness;
    mark->at = at;
    if (mark->note) str_clear(mark->note);
    return lint_note(mark, "%s", why);
}

static err look_answer(struct span s, struct lint_mark *mark) {
    size_t begin = 0;
    int64_t at = 0, end = (int64_t)s.n;
    uint32_t last = last_point(s, &begin);
    if (last == 0xFFFD) return found(mark, end, 1.0, "half a character at the end");
    if (open_fence(s)) return found(mark, end, 1.0, "a code fence is not closed");
    if (half_json(s)) return found(mark, end, 1.0, "JSON that ends too early");
    if (open_bracket(s, &at)) return found(mark, at, 0.9, "a bracket is not closed");
    if (must_go_on(s, begin, last))
        return found(mark, end, 0.8, "it ends with a mark that something must follow");
    if (word_must_go_on(s))
        return found(mark, end, 0.8, "it ends with a word that something must follow");
    if (unended_prose(s)) return found(mark, end, 0.6, "its last sentence does not end");
    return ERR_OK;
}

static err look_text(void *ctx, struct span text, bool trained) {
    struct lint_mark *mark = ctx;
    double before = mark->badness;
    struct span s = span_strip(text);
    if (!trained || s.n == 0) return ERR_OK;
    TRY(look_answer(s, mark));
    if (mark->badness > before) mark->text = s;
    return ERR_OK;
}

static err look(const struct lint_run *run, const void *state, int64_t row,
                struct lint_mark *mark) {
    const struct lint_row *r = &run->rows[row];
    (void)state;
    if (!lint_asks(r)) return ERR_OK; /* a document may end anywhere */
    if (r->sample->kind == SAMPLE_TURNS) return lint_each_text(r, look_text, mark);
    const struct segment *last = &r->sample->segments[r->sample->n - 1]; /* others go on */
    return look_text(mark, last->text, last->trained);
}

const struct lint lint_truncated = {
    .name = "truncated",
    .summary = "answers that seem cut short: an open bracket, fence or JSON, a sentence's middle",
    .look = look,
};
