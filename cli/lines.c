/* SPDX-License-Identifier: Apache-2.0
 * JSON Lines through a function: one line of standard input at a time, answers collected and
 * written in blocks, so that a long input is not slowed down by its output. Used by the commands
 * that convert texts; the contract is cli/lines.h. */
#include "cli/lines.h"
#include "base/file.h"
#include "cli/command.h"

enum { LINE_MAX_BYTES = 256 << 20, BLOCK_BYTES = 1 << 16 };

static err map_line(err (*map)(void *ctx, const json_t *in, json_t *out), void *ctx,
                    const struct line_reader *lines, struct str *text) {
    json_t *in = NULL, *out = json_object();
    err e = out ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_parse(lines->line, lines->len, "record", &in);
    if (e == ERR_OK && !json_is_object(in)) e = fail(ERR_PARSE, "not an object");
    if (e == ERR_OK) e = map(ctx, in, out);
    if (e == ERR_OK) e = json_text(out, 0, text);
    if (e == ERR_OK) e = str_add(text, "\n");
    json_decref(in);
    json_decref(out);
    return e == ERR_OK ? ERR_OK : fail_in(e, "line %lld", (long long)lines->line_number);
}

err lines_map(err (*map)(void *ctx, const json_t *in, json_t *out), void *ctx) {
    struct line_reader lines;
    struct str text = {0};
    TRY(line_reader_open(&lines, "/dev/stdin", LINE_MAX_BYTES));
    err e = ERR_OK;
    while (e == ERR_OK) {
        bool more;
        e = line_reader_next(&lines, &more);
        if (e != ERR_OK || !more) break;
        if (lines.len > 0) e = map_line(map, ctx, &lines, &text);
        if (e == ERR_OK && text.len >= BLOCK_BYTES) {
            e = print_text(&text);
            str_clear(&text);
        }
    }
    if (e == ERR_OK) e = print_text(&text);
    line_reader_close(&lines);
    str_release(&text);
    return e;
}
