/* SPDX-License-Identifier: Apache-2.0
 * Framing, format and the checks that hold for every record. The contract is data/read.h.
 * A JSON list is cut into its elements here before any is parsed, so that each has a line number.
 */
#include "data/read.h"
#include "base/file.h"
#include "data/tokenizer.h"
#include <string.h>

static err check_text(struct span text, const char *what) {
    enum special_token which;
    if (span_blank(text)) return fail(ERR_PARSE, "the %s is empty", what);
    if (tokenizer_find_special(text.text, text.n, &which) >= 0)
        return fail(ERR_PARSE, "special token '%s' in the %s", tokenizer_special_text(which), what);
    return ERR_OK;
}

static err check_sample(const struct sample *s) {
    for (int64_t i = 0; i < s->n && s->kind == SAMPLE_TURNS; i++) {
        TRY(check_text(s->turns[i].prompt, "prompt"));
        TRY(check_text(s->turns[i].answer, "answer"));
    }
    for (int64_t i = 0; i < s->n && s->kind == SAMPLE_SEGMENTS; i++)
        TRY(check_text(s->segments[i].text, "text"));
    return ERR_OK;
}

struct file_state {
    struct reading *r;
    struct read_file *file;
    bool stopped; /* the format is unknown: no use in reading on */
};

static err choose_reader(struct file_state *s, const json_t *record) {
    for (int i = 0; i < n_readers; i++)
        if (readers[i]->record && readers[i]->fits(record)) {
            s->file->reader = readers[i];
            return ERR_OK;
        }
    s->stopped = true;
    const char *key = json_object_iter_key(json_object_iter((json_t *)record));
    return fail(ERR_UNSUPPORTED,
                "a record whose first key is '%s' fits no known format (keys wanted: messages; "
                "instruction, output; prompt, response)",
                key ? key : "");
}

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

static err read_json(struct file_state *s, struct span text, struct draft *draft) {
    json_t *record = NULL;
    TRY(json_parse(text.text, text.n, "record", &record));
    err e = json_is_object(record) ? ERR_OK : fail(ERR_PARSE, "not an object");
    if (e == ERR_OK && !s->file->reader) e = choose_reader(s, record);
    if (e == ERR_OK) e = s->file->reader->record(record, draft);
    if (e == ERR_OK) e = read_provenance(record, draft);
    json_decref(record);
    return e;
}

static err read_draft(struct file_state *s, struct span text, bool is_json, struct draft *draft) {
    int64_t bad = utf8_invalid_at(text.text, text.n);
    if (bad >= 0) return fail(ERR_PARSE, "not UTF-8 at byte %lld", (long long)bad + 1);
    TRY(is_json ? read_json(s, text, draft) : s->file->reader->line(text, draft));
    return check_sample(&draft->sample);
}

static bool is_plain_text(const struct sample *s) {
    return s->kind == SAMPLE_SEGMENTS && s->n == 1;
}

/* One record; blank lines are none. */
static err take_record(struct file_state *s, struct span text, bool is_json, int64_t line) {
    struct draft draft = {.arena = s->r->arena};
    if (s->stopped || span_blank(text)) return ERR_OK;
    s->r->n_records++;
    if (line > INT32_MAX) return fail(ERR_LIMIT, "'%s' has too many lines", s->file->path);
    err e = read_draft(s, text, is_json, &draft);
    if (e != ERR_OK)
        return faults_add(s->r->faults, e, "'%s' line %lld", s->file->path, (long long)line);
    if (draft.sample.n == 0) return ERR_OK;
    if (s->file->trains_text && is_plain_text(&draft.sample))
        draft.sample.segments[0].trained = true;
    s->file->n_samples++;
    return sample_list_add(s->r->samples, &draft, s->file->source, (int32_t)line);
}

static err take_lines(struct file_state *s, struct span text, bool is_json) {
    for (int64_t line = 1; text.n > 0; line++) {
        const char *end = memchr(text.text, '\n', text.n);
        size_t n = end ? (size_t)(end - text.text) : text.n;
        size_t kept = n > 0 && text.text[n - 1] == '\r' ? n - 1 : n;
        TRY(take_record(s, (struct span){text.text, kept}, is_json, line));
        n += end != NULL;
        text = (struct span){text.text + n, text.n - n};
    }
    return ERR_OK;
}

/* Follows brackets and strings; knows nothing else of JSON, which the parser checks per element. */
struct list_scan {
    int64_t line, begin_line;
    size_t begin;
    int depth;
    bool in_string, escaped, in_element;
};

static void scan_byte(struct list_scan *c, char byte) {
    if (byte == '\n') c->line++;
    if (c->in_string) {
        c->in_string = c->escaped || byte != '"';
        c->escaped = !c->escaped && byte == '\\';
    } else if (byte == '"') {
        c->in_string = true;
    } else if (byte == '[' || byte == '{') {
        c->depth++;
    } else if (byte == ']' || byte == '}') {
        c->depth--;
    }
}

/* `text` begins with '[', at line `line`. */
static err take_list(struct file_state *s, struct span text, int64_t line) {
    struct list_scan c = {.line = line};
    for (size_t i = 0; i < text.n; i++) {
        char byte = text.text[i];
        bool blank = byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
        bool separates = (c.depth == 1 && !c.in_string && (byte == ',' || byte == ']'));
        if (separates && c.in_element) {
            struct span element = {text.text + c.begin, i - c.begin};
            TRY(take_record(s, element, true, c.begin_line));
            c.in_element = false;
        } else if (c.depth == 1 && !separates && !blank && !c.in_element) {
            c.in_element = true;
            c.begin = i;
            c.begin_line = c.line;
        }
        scan_byte(&c, byte);
        if (c.depth == 0) {
            struct span rest = {text.text + i + 1, text.n - i - 1};
            if (span_blank(rest)) return ERR_OK;
            (void)fail(ERR_PARSE, "text after the end of the list");
            return faults_add(s->r->faults, ERR_PARSE, "'%s' line %lld", s->file->path,
                              (long long)c.line);
        }
    }
    (void)fail(ERR_PARSE, "the list that begins here does not end");
    return faults_add(s->r->faults, ERR_PARSE, "'%s' line %lld", s->file->path, (long long)line);
}

static err take_file(struct file_state *s, struct span text) {
    struct read_file *f = s->file;
    if (text.n >= 3 && memcmp(text.text, "\xEF\xBB\xBF", 3) == 0)
        text = (struct span){text.text + 3, text.n - 3};
    size_t first = 0;
    int64_t line = 1;
    for (; first < text.n && strchr(" \t\r\n", text.text[first]) && text.text[first]; first++)
        line += text.text[first] == '\n';
    char opens = first < text.n ? text.text[first] : '\0';
    bool is_json;
    if (strcmp(f->format, "auto") == 0) {
        is_json = (opens == '{' || opens == '[') && !str_ends(f->path, ".txt");
        f->reader = is_json ? NULL : reader_find("yuan-text");
    } else {
        f->reader = reader_find(f->format);
        if (!f->reader || f->reader->example)
            return fail(ERR_USAGE, "unknown format '%s'", f->format);
        is_json = f->reader->record != NULL;
    }
    if (is_json && opens == '[')
        return take_list(s, (struct span){text.text + first, text.n - first}, line);
    return take_lines(s, text, is_json);
}

err read_file(struct reading *r, struct read_file *file) {
    struct file_state s = {.r = r, .file = file};
    struct file_map map;
    int64_t faults_before = r->faults->n;
    file->reader = NULL;
    file->n_samples = 0;
    TRY(file_map_open(&map, file->path));
    err e = sha256_bytes(map.data ? (const void *)map.data : "", map.size_bytes, file->sha256);
    if (e == ERR_OK) e = take_file(&s, (struct span){(const char *)map.data, map.size_bytes});
    file_map_close(&map);
    if (e == ERR_OK && file->n_samples == 0 && r->faults->n == faults_before)
        e = fail(ERR_PARSE, "'%s' has no rows", file->path);
    return e;
}

err read_example(struct reading *r, const struct example *example, int32_t source) {
    struct draft draft = {.arena = r->arena};
    r->n_records++;
    err e = ERR_OK;
    if (utf8_invalid_at(example->prompt, strlen(example->prompt)) >= 0 ||
        utf8_invalid_at(example->response, strlen(example->response)) >= 0)
        e = fail(ERR_PARSE, "not UTF-8");
    if (e == ERR_OK) e = reader_examples.example(example, &draft);
    if (e == ERR_OK) e = check_sample(&draft.sample);
    if (e != ERR_OK)
        return faults_add(r->faults, e, "'%s' line %d", example->file ? example->file : "recipe",
                          example->line);
    return sample_list_add(r->samples, &draft, source, example->line);
}
