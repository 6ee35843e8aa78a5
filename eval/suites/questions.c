/* SPDX-License-Identifier: Apache-2.0
 * Reading lines of question[SEP]answer
 * (eval/suites/readers.h): GSM8K and AGIEval.
 * Read next: eval/tasks/gsm8k_cn.c. */
#include "base/file.h"
#include "eval/suites/readers.h"

enum { MAX_LINE_BYTES = 1 << 20 };

static err read_line(struct span line, bool trim, struct suite_items *out) {
    struct suite_item *item = NULL;
    struct span question = text_piece(line, "[SEP]", 0), gold = text_piece(line, "[SEP]", 1);
    if (gold.text == NULL) return fail(ERR_PARSE, "no [SEP] between question and answer");
    if (trim) question = span_strip(question);
    TRY(suite_items_add(out, &item));
    item->question = arena_strndup(&out->arena, question.text, question.n);
    item->gold = arena_strndup(&out->arena, gold.text, gold.n);
    return item->question != NULL && item->gold != NULL ? ERR_OK : ERR_MEMORY;
}

err read_questions(const char *path, bool trim, struct suite_items *out) {
    struct line_reader r = {0};
    bool more = true;
    TRY(line_reader_open(&r, path, MAX_LINE_BYTES));
    err result = ERR_OK;
    while (result == ERR_OK && more) {
        result = line_reader_next(&r, &more);
        struct span line = span_strip((struct span){r.line, r.len});
        if (result == ERR_OK && more && line.n > 0) {
            result = read_line(line, trim, out);
            if (result != ERR_OK)
                result = fail_in(result, "'%s' line %lld", path, (long long)r.line_number);
        }
    }
    line_reader_close(&r);
    return result;
}
