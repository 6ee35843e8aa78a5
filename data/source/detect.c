/* SPDX-License-Identifier: Apache-2.0
 * Guesses about files, each from as little as decides it, so that a damaged file is refused as what
 * it is and never taken for text that could be trained. The rules are told in data/source/detect.h;
 * what is cut by them is data/source/records.c's. */
#include "data/source/detect.h"
#include "data/source/columns.h"
#include "data/source/files.h"
#include "data/source/table.h"
#include <string.h>

const struct reader *detect_record(const json_t *record) {
    for (int i = 0; i < n_readers; i++)
        if (readers[i]->record && readers[i]->fits(record)) return readers[i];
    return NULL;
}

static err refuse_binary(const struct detect *d) {
    static const struct {
        const char *bytes, *name;
    } kinds[] = {
        {"PAR1", "a Parquet file"}, {"ARROW1", "an Arrow file"}, {"Obj\x01", "an Avro file"}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t n = strlen(kinds[i].bytes);
        if (d->head.n < n || memcmp(d->head.text, kinds[i].bytes, n) != 0) continue;
        err e = fail(ERR_UNSUPPORTED, "'%s' is %s, which is not read", d->path, kinds[i].name);
        return fail_hint(e, "write its rows as JSON Lines");
    }
    return ERR_OK;
}

static struct span skip_blanks(struct span s) {
    while (s.n > 0 && s.text[0] && strchr(" \t\r\n", s.text[0]))
        s = (struct span){s.text + 1, s.n - 1};
    return s;
}

/* The line at the start, where the end of it is at hand. */
static struct span first_line(struct span s) {
    const char *end = s.n > 0 ? memchr(s.text, '\n', s.n) : NULL;
    if (end) s.n = (size_t)(end - s.text);
    if (s.n > 0 && s.text[s.n - 1] == '\r') s.n--;
    return s;
}

static err is_object(struct span line, bool *out) {
    json_t *value;
    err e = json_parse(line.text, line.n, "line", &value);
    *out = e == ERR_OK && json_is_object(value);
    json_decref(value);
    return e == ERR_MEMORY ? e : ERR_OK;
}

/* Whether the file's records are JSON, and whether they are a list's elements. */
static err find_json(const struct detect *d, bool *out_json, bool *out_list) {
    static const char *const texts[] = {".txt", ".md", NULL};
    static const char *const jsons[] = {".json", ".jsonl", NULL};
    struct span s = skip_blanks(d->head);
    *out_json = *out_list = false;
    if (s.n > 0 && s.text[0] == '{') {
        TRY(is_object(first_line(s), out_json));
        *out_json = *out_json || !source_file_named(d->path, texts);
    } else if (s.n > 0 && s.text[0] == '[') {
        struct span inside = skip_blanks((struct span){s.text + 1, s.n - 1});
        bool as_list = inside.n == 0 || inside.text[0] == '{' || inside.text[0] == ']';
        *out_list = *out_json = as_list || source_file_named(d->path, jsons);
    }
    return ERR_OK;
}

/* Whether the first line is a header that some reader (or the one given) has its keys in. */
static err is_header(const struct detect *d, char separator, const struct reader *reader,
                     bool *out) {
    struct table t = {.separator = separator};
    struct span line = first_line(d->head);
    json_t *record = json_object();
    size_t i, n = 0;
    const json_t *column;
    *out = false;
    err e = record ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    bool clean =
        utf8_invalid_at(line.text, line.n) < 0 && (line.n == 0 || !memchr(line.text, 0, line.n));
    if (e == ERR_OK && clean) e = table_header(&t, line);
    json_array_foreach(t.columns, i, column) {
        n++;
        if (e == ERR_OK) e = json_put(record, json_string_value(column), json_string(""));
    }
    if (e == ERR_OK) e = columns_apply(d->columns, record);
    if (e == ERR_OK && clean)
        *out = reader ? reader->fits(record) : n > 1 && detect_record(record) != NULL;
    json_decref(record);
    table_release(&t);
    return e == ERR_MEMORY ? e : ERR_OK;
}

static err find_separator(const struct detect *d, const struct reader *reader, char *out) {
    static const char *const csv[] = {".csv", NULL}, *const tsv[] = {".tsv", NULL};
    bool fits;
    *out = '\0';
    TRY(is_header(d, ',', reader, &fits));
    if (fits) *out = ',';
    TRY(is_header(d, '\t', reader, &fits));
    if (fits) *out = '\t';
    if (!*out && source_file_named(d->path, csv)) *out = ',';
    if (!*out && source_file_named(d->path, tsv)) *out = '\t';
    return ERR_OK;
}

static void lay_out(struct layout *out, enum record_kind kind, enum framing framing,
                    const struct reader *reader) {
    out->kind = kind;
    out->framing = framing;
    out->reader = reader;
}

/* A reader of records reads what it is given: JSON, else a table that has its keys, else (as one of
 * lines too) text. */
static err lay_out_records(const struct detect *d, const struct reader *reader,
                           struct layout *out) {
    bool is_json, is_list;
    TRY(find_json(d, &is_json, &is_list));
    lay_out(out, RECORD_JSON, is_list ? FRAMING_LIST : FRAMING_LINES, reader);
    if (is_json) return ERR_OK;
    TRY(find_separator(d, reader, &out->separator));
    if (out->separator)
        lay_out(out, RECORD_ROW, FRAMING_TABLE, reader);
    else if (!reader || reader->line)
        lay_out(out, RECORD_TEXT, FRAMING_LINES, reader ? reader : reader_find("yuan-text"));
    return ERR_OK;
}

err detect_layout(const struct detect *d, struct layout *out) {
    const struct reader *reader = NULL;
    *out = (struct layout){0};
    TRY(columns_check(d->columns));
    TRY(refuse_binary(d));
    if (strcmp(d->format, "auto") != 0) {
        reader = reader_find(d->format);
        if (!reader || reader->example) return fail(ERR_USAGE, "unknown format '%s'", d->format);
    }
    if (!reader && d->head.n >= 9 && memcmp(d->head.text, "MMIDIDX\0", 9) == 0)
        reader = reader_find("megatron");
    if (!reader || reader->record) return lay_out_records(d, reader, out);
    if (reader->separator) {
        out->separator = reader->separator;
        lay_out(out, RECORD_ROW, FRAMING_TABLE, NULL);
    } else {
        lay_out(out, RECORD_TEXT, reader->whole ? FRAMING_WHOLE : FRAMING_LINES, reader);
    }
    return ERR_OK;
}
