/* SPDX-License-Identifier: Apache-2.0
 * Cutting. Each framing is a small automaton over the bytes of the stream that says where a record
 * ends; the record's bytes are gathered in one buffer, which is what lets it span blocks. The
 * contract is data/source/records.h. */
#include "data/source/records.h"
#include <string.h>

/* Where a list's reading stands. */
enum { LIST_BEFORE, LIST_OPENED, LIST_WANTS, LIST_DONE };

static err next_block(struct records *r, bool *out_more) {
    r->at = 0;
    err e = stream_next(r->stream, &r->block, &r->n);
    r->broken = e != ERR_OK;
    if (r->broken) r->n = 0;
    *out_more = r->n > 0;
    return e;
}

static err refuse_utf16(const struct records *r) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } marks[] = {{"\xFF\xFE\0\0", 4, "UTF-32LE"},
                 {"\0\0\xFE\xFF", 4, "UTF-32BE"},
                 {"\xFF\xFE", 2, "UTF-16LE"},
                 {"\xFE\xFF", 2, "UTF-16BE"}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (r->n < marks[i].n || memcmp(r->block, marks[i].bytes, marks[i].n) != 0) continue;
        err e = fail(ERR_UNSUPPORTED, "'%s' is written in %s; only UTF-8 is read",
                     stream_path(r->stream), marks[i].name);
        return fail_hint(e, "iconv -f %s -t UTF-8 makes one of it", marks[i].name);
    }
    return ERR_OK;
}

err records_open(struct records *r, struct stream *stream) {
    bool more;
    *r = (struct records){.stream = stream, .line = 1};
    TRY(next_block(r, &more));
    TRY(refuse_utf16(r));
    if (r->n >= 3 && memcmp(r->block, "\xEF\xBB\xBF", 3) == 0) r->at = 3;
    return ERR_OK;
}

struct span records_head(const struct records *r) {
    return (struct span){(const char *)r->block + r->at, r->n - r->at};
}

void records_frame(struct records *r, enum framing framing, char separator) {
    r->framing = framing;
    r->separator = separator;
}

void records_release(struct records *r) {
    str_release(&r->text);
}

/* Takes n bytes of the block into the record. */
static err take(struct records *r, size_t n) {
    const uint8_t *bytes = r->block + r->at;
    r->at += n;
    if (n > RECORD_MAX_BYTES - r->text.len) r->too_long = true;
    return r->too_long ? ERR_OK : str_append(&r->text, bytes, n);
}

static void begin(struct records *r, struct record *out) {
    str_clear(&r->text);
    r->too_long = false;
    out->line = r->line;
}

static err end(struct records *r, struct record *out) {
    out->text = (struct span){str_text(&r->text), r->text.len};
    if (!r->too_long) return ERR_OK;
    return fail(ERR_LIMIT, "a row of over %d MiB", RECORD_MAX_BYTES >> 20);
}

/* ---- lines ---- */

static err next_line(struct records *r, struct record *out, bool *out_more) {
    begin(r, out);
    *out_more = false;
    for (bool more = true;;) {
        if (r->at == r->n) TRY(next_block(r, &more));
        if (!more) break;
        *out_more = true;
        const uint8_t *newline = memchr(r->block + r->at, '\n', r->n - r->at);
        TRY(take(r, newline ? (size_t)(newline - r->block) - r->at : r->n - r->at));
        if (!newline) continue;
        r->at++;
        r->line++;
        break;
    }
    if (r->text.len > 0 && r->text.data[r->text.len - 1] == '\r') r->text.len--;
    return end(r, out);
}

/* ---- tables ---- */

struct cell_scan {
    bool at_start, quoted, closed; /* closed: by the byte before, or that was half a pair */
};

/* Whether the byte ends the row. */
static bool scan_cell(struct cell_scan *c, char byte, char separator) {
    bool opens = byte == '"' && (c->at_start || c->closed);
    bool closes = byte == '"' && c->quoted;
    c->at_start = !c->quoted && byte == separator;
    c->quoted = (c->quoted || opens) && !closes;
    c->closed = closes;
    return !c->quoted && byte == '\n';
}

static err next_table_row(struct records *r, struct record *out, bool *out_more) {
    struct cell_scan c = {.at_start = true};
    begin(r, out);
    *out_more = false;
    for (bool more = true, ended = false; !ended;) {
        if (r->at == r->n) TRY(next_block(r, &more));
        if (!more) break;
        *out_more = true;
        size_t n = 0;
        while (r->at + n < r->n && !ended) {
            char byte = (char)r->block[r->at + n++];
            r->line += byte == '\n';
            ended = scan_cell(&c, byte, r->separator);
        }
        TRY(take(r, n));
    }
    if (r->text.len > 0 && r->text.data[r->text.len - 1] == '\n') r->text.len--;
    if (r->text.len > 0 && r->text.data[r->text.len - 1] == '\r') r->text.len--;
    TRY(end(r, out));
    return c.quoted ? fail(ERR_PARSE, "a quote that is opened in this row is not closed") : ERR_OK;
}

/* ---- lists ---- */

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The next byte that is not blank, still untaken; *out_more false at the end. */
static err skip_blanks(struct records *r, bool *out_more) {
    *out_more = true;
    for (;;) {
        while (r->at < r->n && is_blank((char)r->block[r->at]))
            r->line += r->block[r->at++] == '\n';
        if (r->at < r->n) return ERR_OK;
        TRY(next_block(r, out_more));
        if (!*out_more) return ERR_OK;
    }
}

/* Follows brackets and strings; knows nothing else of JSON, which the parser checks per element. */
struct list_scan {
    int depth;
    bool in_string, escaped;
};

/* Whether the byte ends the element, of which it is none. */
static bool scan_element(struct list_scan *c, char byte) {
    if (c->in_string) {
        c->in_string = c->escaped || byte != '"';
        c->escaped = !c->escaped && byte == '\\';
        return false;
    }
    if (c->depth == 0 && (byte == ',' || byte == ']')) return true;
    c->in_string = byte == '"';
    c->depth += (byte == '[' || byte == '{') - (byte == ']' || byte == '}');
    return false;
}

static err take_element(struct records *r, bool *out_ended) {
    struct list_scan c = {0};
    *out_ended = false;
    for (bool more = true; !*out_ended;) {
        if (r->at == r->n) TRY(next_block(r, &more));
        if (!more) return ERR_OK;
        size_t n = 0;
        for (; r->at + n < r->n; n++) {
            *out_ended = scan_element(&c, (char)r->block[r->at + n]);
            if (*out_ended) break;
            r->line += r->block[r->at + n] == '\n';
        }
        TRY(take(r, n));
    }
    return ERR_OK;
}

/* The list is over, or what is left of the file cannot be one. */
static err end_list(struct records *r, bool *out_more, const char *why) {
    r->list_state = LIST_DONE;
    *out_more = false;
    return why ? fail(ERR_PARSE, "%s", why) : ERR_OK;
}

static err close_list(struct records *r, struct record *out, bool *out_more) {
    bool more;
    r->at++;
    TRY(skip_blanks(r, &more));
    out->line = r->line;
    return end_list(r, out_more, more ? "text after the end of the list" : NULL);
}

static err next_element(struct records *r, struct record *out, bool *out_more) {
    bool more, ended;
    *out_more = true;
    TRY(skip_blanks(r, &more));
    begin(r, out);
    if (r->list_state == LIST_DONE) return end_list(r, out_more, NULL);
    if (r->list_state == LIST_BEFORE) {
        if (!more || r->block[r->at] != '[') return end_list(r, out_more, "not a list");
        r->at++;
        r->list_state = LIST_OPENED;
        TRY(skip_blanks(r, &more));
        begin(r, out);
    }
    if (more && r->block[r->at] == ']' && r->list_state == LIST_OPENED)
        return close_list(r, out, out_more);
    TRY(more ? take_element(r, &ended) : ERR_OK);
    if (!more || !ended) return end_list(r, out_more, "the list does not end: a part is missing");
    if (r->text.len == 0 && !r->too_long) {
        out->line = r->line;
        return end_list(r, out_more, "a comma without an element beside it");
    }
    if (r->block[r->at] == ',') {
        r->at++;
        r->list_state = LIST_WANTS;
    } else {
        r->list_state = LIST_OPENED; /* at the ']', which the next call takes */
    }
    return end(r, out);
}

/* ---- the whole file ---- */

static err next_whole(struct records *r, struct record *out, bool *out_more) {
    begin(r, out);
    for (bool more = r->at < r->n; more;) {
        TRY(take(r, r->n - r->at));
        TRY(next_block(r, &more));
    }
    *out_more = r->text.len > 0 || r->too_long;
    return end(r, out);
}

err records_next(struct records *r, struct record *out, bool *out_more) {
    static err (*const next[])(struct records * r, struct record * out, bool *out_more) = {
        [FRAMING_LINES] = next_line,
        [FRAMING_LIST] = next_element,
        [FRAMING_TABLE] = next_table_row,
        [FRAMING_WHOLE] = next_whole,
    };
    err e = next[r->framing](r, out, out_more);
    if (r->broken) *out_more = false;
    return e;
}
