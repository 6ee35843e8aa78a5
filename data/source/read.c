/* SPDX-License-Identifier: Apache-2.0
 * The way of a record from the stream to the list of samples, and the checks that hold for every
 * format. The contract is data/source/read.h; cutting is data/source/records.c, guessing
 * data/source/detect.c, the formats are data/readers/. */
#include "data/source/read.h"
#include "base/file.h"
#include "base/stream.h"
#include "data/source/check.h"
#include "data/source/columns.h"
#include "data/source/detect.h"
#include "data/source/records.h"
#include "data/source/table.h"
#include <string.h>

struct file_state {
    struct reading *r;
    struct read_file *file;
    struct layout layout;
    struct table table;
    bool stopped; /* the format is unknown: no use in reading on */
};

static err copy_text(struct arena *arena, struct span text, const char **out) {
    if (text.text && memchr(text.text, '\0', text.n)) return fail(ERR_PARSE, "a NUL in a name");
    *out = text.text ? arena_strndup(arena, text.text, text.n) : NULL;
    return *out || !text.text ? ERR_OK : ERR_MEMORY;
}

/* What any record may say about where it comes from. */
static err read_provenance(const json_t *record, struct draft *draft) {
    struct span license, reviewer;
    const json_t *origin = json_object_get(record, "origin");
    struct str text = {0};
    TRY(record_text(record, "license", &license));
    TRY(record_text(record, "reviewer", &reviewer));
    TRY(copy_text(draft->arena, license, &draft->sample.license));
    TRY(copy_text(draft->arena, reviewer, &draft->sample.reviewer));
    if (!json_is_object(origin)) return ERR_OK;
    err e = json_text(origin, 0, &text);
    if (e == ERR_OK) {
        struct span span = {str_text(&text), text.len};
        e = copy_text(draft->arena, span, &draft->sample.origin);
    }
    str_release(&text);
    return e;
}

/* ---- formats ---- */

/* The keys that each format is known by, for who has none of them. */
static const char keys_wanted[] = "messages; conversations; instruction, output; prompt, response; "
                                  "segments; input_ids; text";

static bool is_registry(const json_t *record) {
    const json_t *entry = json_object_iter_value(json_object_iter((json_t *)record));
    return json_object_get(entry, "file_name") || json_object_get(entry, "hf_hub_url") ||
           json_object_get(entry, "ms_hub_url");
}

static err unknown_format(struct file_state *s, const json_t *record) {
    s->stopped = true;
    if (is_registry(record))
        return fail(ERR_UNSUPPORTED,
                    "this is LLaMA-Factory's registry of datasets; name its files as "
                    "sources, and their `columns`");
    const char *key = json_object_iter_key(json_object_iter((json_t *)record));
    return fail(ERR_UNSUPPORTED,
                "a record whose first key is '%s' fits no known format (keys wanted: %s; `columns` "
                "tells of others)",
                key ? key : "", keys_wanted);
}

/* Two answers of which one is better, or an answer with a mark. */
static err refuse_preference(const json_t *record) {
    const char *key = NULL;
    if (json_object_get(record, "chosen") && json_object_get(record, "rejected")) key = "rejected";
    if (json_object_get(record, "kto_tag")) key = "kto_tag";
    if (json_object_get(record, "completion") && json_is_boolean(json_object_get(record, "label")))
        key = "label";
    if (!key) return ERR_OK;
    return fail(ERR_UNSUPPORTED,
                "'%s': preference data, and only answers are learnt here; keep the "
                "good ones, as 'response'",
                key);
}

static err choose_reader(struct file_state *s, const json_t *record) {
    const struct reader *own = s->layout.reader;
    if (own && own->fits(record)) return ERR_OK;
    const struct reader *found = detect_record(record);
    if (!own && !found) return unknown_format(s, record);
    if (!own) s->layout.reader = found;
    if (!own || !found) return ERR_OK; /* its reader will say what is missing */
    return fail(ERR_PARSE, "the file is '%s', but this record is '%s'", own->name, found->name);
}

static err take_json(struct file_state *s, json_t *record, struct draft *draft) {
    if (!json_is_object(record)) return fail(ERR_PARSE, "not an object");
    TRY(columns_apply(s->file->columns, record));
    TRY(refuse_preference(record));
    TRY(choose_reader(s, record));
    TRY(s->layout.reader->record(record, draft));
    return read_provenance(record, draft);
}

static err take_header(struct file_state *s, struct span row) {
    json_t *record = json_object();
    size_t i;
    const json_t *column;
    err e = record ? table_header(&s->table, row) : fail(ERR_MEMORY, "out of memory");
    json_array_foreach(s->table.columns, i, column) if (e == ERR_OK) e =
        json_put(record, json_string_value(column), json_string(""));
    if (e == ERR_OK) e = columns_apply(s->file->columns, record);
    if (e == ERR_OK) e = choose_reader(s, record);
    s->stopped = e != ERR_OK;
    json_decref(record);
    return e;
}

/* A line of text in a file whose format was guessed, that some reader of records knows. */
static err refuse_record(const struct file_state *s, struct span line) {
    json_t *record;
    if (line.n == 0 || line.text[0] != '{' || strcmp(s->file->format, "auto") != 0) return ERR_OK;
    err e = json_parse(line.text, line.n, "line", &record);
    if (e != ERR_OK) return e == ERR_MEMORY ? e : ERR_OK;
    const struct reader *found = json_is_object(record) ? detect_record(record) : NULL;
    json_decref(record);
    if (!found) return ERR_OK;
    return fail(ERR_PARSE, "the file is '%s', but this line is a record of '%s'",
                s->layout.reader->name, found->name);
}

static err read_draft(struct file_state *s, struct span text, struct draft *draft) {
    json_t *record = NULL;
    TRY(check_bytes(text));
    switch (s->layout.kind) {
    case RECORD_TEXT: TRY(refuse_record(s, text)); return s->layout.reader->line(text, draft);
    case RECORD_ROW:
        if (!s->table.columns) return take_header(s, text);
        TRY(table_row(&s->table, text, &record));
        break;
    case RECORD_JSON: TRY(json_parse(text.text, text.n, "record", &record));
    }
    err e = take_json(s, record, draft);
    json_decref(record);
    return e;
}

/* ---- files ---- */

err read_take(struct reading *r, struct read_file *file, struct draft *draft, err e, int64_t line) {
    bool any = draft->sample.n > 0 || draft->sample.ids;
    if (e == ERR_OK && line > INT32_MAX) e = fail(ERR_LIMIT, "a file of too many lines");
    if (e == ERR_OK && any) e = check_sample(r->tokenizer, file->reader, draft);
    if (e != ERR_OK) return faults_add(r->faults, e, "'%s' line %lld", file->path, (long long)line);
    if (draft->sample.n == 0) return ERR_OK;
    if (file->trains_text && sample_is_plain(&draft->sample))
        draft->sample.segments[0].trained = true;
    file->n_samples++;
    return sample_list_add(r->samples, draft, file->source, (int32_t)line);
}

/* One record; blank ones are none, and neither is a table's header. */
static err take_record(struct file_state *s, const struct record *record) {
    struct draft draft = {.arena = s->r->arena};
    if (s->stopped || span_blank(record->text)) return ERR_OK;
    s->r->n_records += s->layout.kind != RECORD_ROW || s->table.columns;
    err e = read_draft(s, record->text, &draft);
    s->file->reader = s->layout.reader;
    return read_take(s->r, s->file, &draft, e, record->line);
}

static err take_records(struct file_state *s, struct records *records) {
    struct record record = {.line = 1};
    for (bool more = true; more;) {
        err e = records_next(records, &record, &more);
        if (e == ERR_OK && more)
            e = take_record(s, &record);
        else if (e != ERR_OK)
            e = faults_add(s->r->faults, e, "'%s' line %lld", s->file->path,
                           (long long)record.line);
        TRY(e);
    }
    return ERR_OK;
}

static err take_stream(struct file_state *s, struct stream *stream) {
    struct records records;
    struct read_file *f = s->file;
    err e = records_open(&records, stream);
    struct detect d = {f->path, f->format, records_head(&records), f->columns};
    if (e == ERR_OK) e = detect_layout(&d, &s->layout);
    bool cut = !(s->layout.reader && s->layout.reader->file);
    if (e == ERR_OK && cut) {
        records_frame(&records, s->layout.framing, s->layout.separator);
        s->table.separator = s->layout.separator;
        e = take_records(s, &records);
    }
    f->reader = s->layout.reader;
    if (s->layout.kind == RECORD_ROW)
        f->reader = reader_find(s->layout.separator == ',' ? "csv" : "tsv");
    cut = cut && !records.broken;
    records_release(&records);
    table_release(&s->table);
    return e == ERR_OK && cut ? stream_sha256(stream, f->sha256) : e;
}

err read_file(struct reading *r, struct read_file *file) {
    struct file_state s = {.r = r, .file = file};
    struct stream *stream;
    int64_t faults_before = r->faults->n;
    file->reader = NULL;
    file->n_samples = 0;
    file->sha256[0] = '\0';
    const struct reader *given = reader_find(file->format);
    err e = ERR_OK;
    if (given && given->file) {
        file->reader = given;
    } else {
        TRY(stream_open(&stream, file->path));
        e = take_stream(&s, stream);
        stream_close(stream);
    }
    if (e == ERR_OK && file->reader && file->reader->file) e = file->reader->file(r, file);
    if (e == ERR_OK && file->n_samples == 0 && r->faults->n == faults_before)
        e = fail(ERR_PARSE, "'%s' has no rows", file->path);
    return e;
}

err read_example(struct reading *r, const struct example *example, int32_t source, int32_t line) {
    struct draft draft = {.arena = r->arena};
    r->n_records++;
    err e = check_bytes((struct span){example->prompt, strlen(example->prompt)});
    if (e == ERR_OK) e = check_bytes((struct span){example->response, strlen(example->response)});
    if (e == ERR_OK) e = reader_examples.example(example, &draft);
    if (e == ERR_OK) e = check_sample(r->tokenizer, &reader_examples, &draft);
    if (e != ERR_OK)
        return faults_add(r->faults, e, "'%s' line %d", example->file ? example->file : "recipe",
                          example->line);
    return sample_list_add(r->samples, &draft, source, line);
}
