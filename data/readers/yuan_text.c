/* SPDX-License-Identifier: Apache-2.0
 * Yuan 2.0's own text: a sample a line, "prompt<sep>answer", newlines written <n>, [SEP] as another
 * spelling of <sep> (data/source/yuan_line.h). A line without <sep> is plain text: it has no
 * answer, so it is trained only under a loss mask that trains such text. Blank lines are passed
 * over, as the official preprocessor does. */
#include "base/str.h"
#include "data/readers/reader.h"
#include "data/source/yuan_line.h"
#include <string.h>

static err split(struct span text, struct draft *out) {
    static const char mark[] = "<sep>";
    enum { MARK = sizeof mark - 1 };
    const char *sep = memmem(text.text, text.n, mark, MARK);
    if (!sep) return draft_segment(out, text, false);
    struct span prompt = {text.text, (size_t)(sep - text.text)};
    struct span answer = {sep + MARK, text.n - prompt.n - MARK};
    if (memmem(answer.text, answer.n, mark, MARK))
        return fail(ERR_PARSE, "more than one <sep> in a line");
    return draft_turn(out, prompt, answer);
}

static err read_line(struct span line, struct draft *out) {
    struct str text = {0};
    bool skip;
    err e = yuan_line_clean(line.text, line.n, &text, &skip);
    if (e == ERR_OK && !skip) e = split((struct span){str_text(&text), text.len}, out);
    str_release(&text);
    return e;
}

const struct reader reader_yuan_text = {
    .name = "yuan-text",
    .summary = "lines of text, \"prompt<sep>answer\", newlines as <n>",
    .line = read_line,
};
