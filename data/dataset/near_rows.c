/* SPDX-License-Identifier: Apache-2.0
 * Writing and reading near.bin. The file may come from somebody else, so every number in it is
 * checked against its size before it is used.
 * The contract is data/dataset/near_rows.h. */
#include "data/dataset/near_rows.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include <string.h>

static const char format_name[] = "cotrain-near";
struct head {
    int32_t source, line, n, width;
    uint32_t answer, frame;
};
enum { HEADER_MAX_BYTES = 1 << 24 };

err near_row_init(struct alike_text *t, const struct sample *s) {
    struct str text = {0};
    struct alike_text answer = {0};
    *t = (struct alike_text){0};
    err e = sample_text(s, &text);
    if (e == ERR_OK) e = alike_text_init(t, str_text(&text), text.len);
    if (e == ERR_OK) e = sample_trained_text(s, &text);
    if (e == ERR_OK) e = alike_text_init(&answer, str_text(&text), text.len);
    for (int32_t i = 0; i < answer.n && e == ERR_OK; i++)
        t->answer = (t->answer ^ answer.windows[i]) * 0x9E3779B1u;
    alike_text_release(&answer);
    str_release(&text);
    if (e != ERR_OK) alike_text_release(t);
    return e;
}

/* ---- writing ---- */

static bool is_kept(const struct corpus *c, int64_t sample) {
    return c->use[sample] == USE_TRAIN || c->use[sample] == USE_VALID;
}

static err fill_header(const struct corpus *c, int64_t n, json_t *out) {
    TRY(json_put(out, "format", json_string(format_name)));
    TRY(json_put(out, "version", json_integer(NEAR_ROWS_VERSION)));
    TRY(json_put(out, "rows", json_integer(n)));
    json_t *sources = json_array();
    TRY(json_put(out, "sources", sources));
    for (int64_t i = 0; i < c->n_sources; i++)
        TRY(json_push(sources, json_string(c->sources[i].name)));
    return ERR_OK;
}

static err write_header(const struct corpus *c, struct file_writer *w) {
    struct str line = {0};
    int64_t n = 0;
    for (int64_t i = 0; i < c->samples.n; i++) n += is_kept(c, i);
    json_t *header = json_object();
    err e = header ? fill_header(c, n, header) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json_text(header, 0, &line);
    if (e == ERR_OK) e = str_add(&line, "\n");
    if (e == ERR_OK) e = file_writer_write(w, str_text(&line), line.len);
    json_decref(header);
    str_release(&line);
    return e;
}

static err write_row(const struct sample *s, struct file_writer *w) {
    struct alike_text t;
    TRY(near_row_init(&t, s));
    const struct head head = {s->source, s->line, t.n, t.width, t.answer, t.frame};
    err e = file_writer_write(w, &head, sizeof head);
    if (e == ERR_OK) e = file_writer_write(w, t.windows, (size_t)t.n * sizeof *t.windows);
    alike_text_release(&t);
    return e;
}

err near_rows_write(const struct corpus *c, const char *dir) {
    struct file_writer w;
    char *path = path_join(dir, "near.bin");
    err e = path ? file_writer_open(&w, path) : ERR_MEMORY;
    mem_free(path);
    TRY(e);
    e = write_header(c, &w);
    for (int64_t i = 0; i < c->samples.n && e == ERR_OK; i++)
        if (is_kept(c, i)) e = write_row(&c->samples.items[i], &w);
    if (e == ERR_OK) return file_writer_commit(&w);
    file_writer_abort(&w);
    return e;
}

/* ---- reading ---- */

char *near_rows_path(const char *path) {
    return dir_exists(path) ? path_join(path, "near.bin") : mem_strdup(path);
}

struct reader {
    const uint8_t *at, *end;
    json_t *header;
    const char *name; /* of the folder or file, for places */
    int64_t n;
};

static err read_header(struct reader *r) {
    size_t left = (size_t)(r->end - r->at);
    const uint8_t *line_end =
        left > 0 ? memchr(r->at, '\n', left < HEADER_MAX_BYTES ? left : HEADER_MAX_BYTES) : NULL;
    const char *format;
    int64_t version;
    json_t *sources;
    if (!line_end) return fail(ERR_PARSE, "it does not begin with a line of JSON");
    TRY(json_parse((const char *)r->at, (size_t)(line_end - r->at), "header", &r->header));
    r->at = line_end + 1;
    TRY(json_need_string(r->header, "format", &format));
    TRY(json_need_int(r->header, "version", &version));
    if (strcmp(format, format_name) != 0) return fail(ERR_PARSE, "its format is '%s'", format);
    if (version != NEAR_ROWS_VERSION)
        return fail(ERR_UNSUPPORTED, "version %lld of the format (this program reads %d)",
                    (long long)version, NEAR_ROWS_VERSION);
    TRY(json_need_array(r->header, "sources", &sources));
    TRY(json_need_int(r->header, "rows", &r->n));
    if (r->n < 0 || (uint64_t)r->n > (size_t)(r->end - r->at) / sizeof(struct head))
        return fail(ERR_PARSE, "it has no room for %lld rows", (long long)r->n);
    return ERR_OK;
}

static err read_row(struct near_rows *rows, struct reader *r) {
    struct head head;
    if ((size_t)(r->end - r->at) < sizeof head) return fail(ERR_PARSE, "it ends within a row");
    memcpy(&head, r->at, sizeof head);
    r->at += sizeof head;
    size_t left = (size_t)(r->end - r->at) / sizeof(uint32_t);
    const char *source =
        head.source < 0 ? NULL
                        : json_string_value(json_array_get(json_object_get(r->header, "sources"),
                                                           (size_t)head.source));
    if (head.n < 1 || (size_t)head.n > left || (head.width != 2 && head.width != 3) || !source)
        return fail(ERR_PARSE, "a row does not fit");
    uint32_t *windows = arena_alloc(&rows->arena, (size_t)head.n, sizeof *windows);
    const char *place = arena_printf(&rows->arena, "%s: %s line %d", r->name, source, head.line);
    if (!windows || !place) return ERR_MEMORY;
    memcpy(windows, r->at, (size_t)head.n * sizeof *windows);
    r->at += (size_t)head.n * sizeof *windows;
    rows->texts[rows->n] =
        (struct alike_text){windows, head.answer, head.frame, head.n, head.width};
    rows->places[rows->n++] = place;
    rows->n_windows += head.n;
    return ERR_OK;
}

static err read_all(struct near_rows *rows, struct reader *r) {
    TRY(read_header(r));
    size_t room = (size_t)(rows->n + r->n) + 1;
    struct alike_text *texts = mem_resize(rows->texts, room, sizeof *texts);
    if (!texts) return ERR_MEMORY;
    rows->texts = texts;
    const char **places = mem_resize(rows->places, room, sizeof *places);
    if (!places) return ERR_MEMORY;
    rows->places = places;
    for (int64_t i = 0; i < r->n; i++) TRY(read_row(rows, r));
    return r->at == r->end ? ERR_OK : fail(ERR_PARSE, "it goes on behind its last row");
}

err near_rows_read(struct near_rows *rows, const char *path) {
    struct file_map map;
    char *file = near_rows_path(path);
    if (!file) return ERR_MEMORY;
    err e = ERR_OK;
    if (!file_exists(file)) {
        e = fail(ERR_MISSING, "'%s' has no rows to compare with: there is no '%s'", path, file);
        e = fail_hint(e, "a dataset has that file when it was built with the filter near_dup");
    }
    if (e == ERR_OK) e = file_map_open(&map, file);
    if (e == ERR_OK) {
        struct reader r = {map.data, map.data + map.size_bytes, NULL, path_base(path), 0};
        e = read_all(rows, &r);
        if (e != ERR_OK && e != ERR_MEMORY) e = fail_in(e, "'%s'", file);
        json_decref(r.header);
        file_map_close(&map);
    }
    mem_free(file);
    return e;
}

void near_rows_release(struct near_rows *r) {
    mem_free(r->texts);
    mem_free(r->places);
    arena_release(&r->arena);
    *r = (struct near_rows){0};
}
