/* SPDX-License-Identifier: Apache-2.0
 * Putting large files where a hub says (release/push_hub.h). An answer is a stranger's: an object
 * that was not asked for, parts that do not cover the file and addresses that are none are refused.
 * Read next: remote/ask.h. */
#include "release/push_hub.h"

#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define LFS_JSON "application/vnd.git-lfs+json"
enum { HEADERS_MAX = 32 };

err hub_repo_check(const struct release_target *t) {
    const char *slash = t->repo ? strchr(t->repo, '/') : NULL;
    if (!t->repo) return fail(ERR_MISSING, "a target of type '%s' wants `repo`", t->type);
    bool good = slash && slash > t->repo && slash[1] && !strchr(slash + 1, '/');
    for (const char *c = t->repo; *c && good; c++)
        good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
               strchr("-_./", *c);
    if (good && !strstr(t->repo, "..")) return ERR_OK;
    return fail(ERR_RANGE, "`repo`: '%s' is not written as OWNER/NAME", t->repo);
}

err hub_path(const char *path, struct str *out) {
    for (;;) {
        size_t n = strcspn(path, "/");
        char *part = mem_zalloc(n + 1, 1);
        if (!part) return ERR_MEMORY;
        memcpy(part, path, n);
        err e = http_url_escape(part, out);
        mem_free(part);
        TRY(e);
        if (!path[n]) return ERR_OK;
        TRY(str_add(out, "/"));
        path += n + 1;
    }
}

err hub_not_there(const char *path) {
    return fail_hint(fail(ERR_MISMATCH, "'%s' is not there as it was sent", path),
                     "run it again: what is missing is sent anew");
}

/* Two files of the same bytes are one object. */
static bool was_before(const struct push_release *r, const bool *wanted, int64_t i) {
    for (int64_t j = 0; j < i; j++)
        if (wanted[j] && strcmp(r->files[j].sha256, r->files[i].sha256) == 0) return true;
    return false;
}

/* The next objects from *at on, which moves behind the last of them, appended to the list. */
static err next_objects(const struct hub_batch *b, int64_t *at, json_t *list) {
    const struct push_release *r = b->files;
    for (; *at < r->n && (int64_t)json_array_size(list) < b->most; ++*at) {
        const struct push_file *f = &r->files[*at];
        if (b->wanted[*at] && !was_before(r, b->wanted, *at))
            TRY(json_push(list,
                          json_pack("{s:s, s:I}", "oid", f->sha256, "size", (json_int_t)f->bytes)));
    }
    return ERR_OK;
}

/* ---- one object ---- */

struct putting {
    struct pushing *p;
    struct ask *ask;
    const struct hub_batch *batch;
    const struct push_file *file;
    const json_t *actions;
    struct sha256 hash; /* of what was sent of it */
};

/* The action's headers as "Name: value" texts in the arena; parts' addresses are none. */
static err take_headers(struct putting *u, const json_t *action, const char **out, int64_t *out_n) {
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(action, "header"), name, value) {
        bool part = name[0] >= '0' && name[0] <= '9';
        if (part || strcmp(name, "chunk_size") == 0 || !json_is_string(value)) continue;
        if (*out_n == HEADERS_MAX) return fail(ERR_LIMIT, "the hub wants too many headers");
        out[*out_n] = arena_printf(u->p->arena, "%s: %s", name, json_string_value(value));
        if (!out[(*out_n)++]) return ERR_MEMORY;
    }
    return ERR_OK;
}

static err post_lfs(struct putting *u, const json_t *action, bool no_token, json_t *body) {
    const char *headers[HEADERS_MAX + 2] = {"Accept: " LFS_JSON, "Content-Type: " LFS_JSON};
    int64_t n = 2;
    struct str text = {0};
    struct http_answer answer = {0};
    struct ask_request r = {.http = {.method = "POST", .headers = headers}, .no_token = no_token};
    err e = body ? json_text(body, 0, &text) : fail(ERR_MEMORY, "out of memory for a request");
    if (e == ERR_OK) e = json_need_string(action, "href", &r.http.url);
    if (e == ERR_OK) e = take_headers(u, action, headers, &n);
    r.http.n_headers = n;
    r.http.body = str_text(&text);
    r.http.n_body = text.len;
    if (e == ERR_OK) e = ask_send(u->ask, &r, &answer);
    if (e == ERR_OK) e = ask_judge(u->ask, &answer);
    http_answer_release(&answer);
    str_release(&text);
    json_decref(body);
    return e;
}

static err put_piece(struct putting *u, const struct ask_request *r, struct str *out_etag) {
    struct http_answer answer = {0};
    bool found = false;
    err e = ask_send(u->ask, r, &answer);
    if (e == ERR_OK) e = ask_judge(u->ask, &answer);
    if (e == ERR_OK && u->batch->judge) e = u->batch->judge(u->ask, &answer);
    if (e == ERR_OK && out_etag) e = http_header(&answer, "etag", out_etag, &found);
    if (e == ERR_OK && out_etag && !found)
        e = fail(ERR_PARSE, "the store answers a part of '%s' without an ETag", u->file->path);
    http_answer_release(&answer);
    return e;
}

static err put_whole(struct putting *u, const json_t *upload) {
    const char *headers[HEADERS_MAX + 2] = {"Content-Type: application/octet-stream"};
    int64_t n = 1;
    struct ask_request r = {.http = {.method = "PUT",
                                     .headers = headers,
                                     .file = u->file->full,
                                     .file_bytes = u->file->bytes,
                                     .file_hash = &u->hash,
                                     .file_sha256 = u->file->sha256},
                            .no_token = true};
    TRY(json_need_string(upload, "href", &r.http.url));
    if (json_object_get(json_object_get(upload, "header"), "Content-Type")) n = 0;
    TRY(take_headers(u, upload, headers, &n));
    const char *own = ask_own_header(u->ask, r.http.url, u->batch->own_header);
    if (own) headers[n++] = own;
    r.http.n_headers = n;
    return put_piece(u, &r, NULL);
}

static err put_part(struct putting *u, const json_t *header, int64_t chunk, int64_t i,
                    json_t *parts) {
    char key[24];
    struct str etag = {0};
    const struct push_file *f = u->file;
    int64_t from = i * chunk, bytes = f->bytes - from < chunk ? f->bytes - from : chunk;
    struct ask_request r = {.http = {.method = "PUT",
                                     .file = f->full,
                                     .file_offset = from,
                                     .file_bytes = bytes,
                                     .file_hash = &u->hash,
                                     .file_sha256 = from + bytes == f->bytes ? f->sha256 : NULL},
                            .no_token = true};
    snprintf(key, sizeof key, "%05lld", (long long)i + 1);
    err e = json_need_string(header, key, &r.http.url);
    if (e == ERR_OK) e = put_piece(u, &r, &etag);
    if (e == ERR_OK)
        e = json_push(parts, json_pack("{s:I, s:s}", "partNumber", (json_int_t)i + 1, "etag",
                                       str_text(&etag)));
    str_release(&etag);
    return e;
}

/* Part N's address is the header named by N in five digits. */
static err put_parts(struct putting *u, const json_t *upload, int64_t chunk) {
    const json_t *header = json_object_get(upload, "header");
    json_t *parts = json_array();
    err e = parts ? ERR_OK : fail(ERR_MEMORY, "out of memory for a request");
    for (int64_t i = 0; i * chunk < u->file->bytes && e == ERR_OK; i++)
        e = put_part(u, header, chunk, i, parts);
    if (e == ERR_OK)
        e = post_lfs(u, upload, true,
                     json_pack("{s:s, s:O}", "oid", u->file->sha256, "parts", parts));
    json_decref(parts);
    return e;
}

/* chunk_size comes as a number or as its text; 0: there is none. */
static int64_t chunk_of(const json_t *upload) {
    const json_t *value = json_object_get(json_object_get(upload, "header"), "chunk_size");
    int64_t chunk = json_integer_value(value);
    if (json_is_string(value) && str_to_int64(json_string_value(value), &chunk) != ERR_OK)
        chunk = -1;
    return value ? (chunk > 0 ? chunk : -1) : 0;
}

static err put_object(struct putting *u) {
    const json_t *upload = json_object_get(u->actions, "upload");
    const json_t *verify = json_object_get(u->actions, "verify");
    int64_t chunk = chunk_of(upload);
    if (chunk < 0) return fail(ERR_PARSE, "the hub's `chunk_size` for '%s' is none", u->file->path);
    TRY(sha256_init(&u->hash));
    err e = chunk > 0 ? put_parts(u, upload, chunk) : put_whole(u, upload);
    sha256_release(&u->hash);
    if (e != ERR_OK || !verify) return e;
    return post_lfs(
        u, verify, false,
        json_pack("{s:s, s:I}", "oid", u->file->sha256, "size", (json_int_t)u->file->bytes));
}

/* ---- an answer ---- */

static const struct push_file *file_of(const struct push_release *r, const char *oid) {
    for (int64_t i = 0; i < r->n; i++)
        if (strcmp(r->files[i].sha256, oid) == 0) return &r->files[i];
    return NULL;
}

static err plan_put(struct hub_batch *b, const json_t *object) {
    const struct push_file *f = file_of(b->files, json_text_of(object, "oid"));
    const char *url = arena_printf(b->p->arena, "(where the answer says) %s", f->path);
    if (!url) return ERR_MEMORY;
    return push_plan(b->p, "PUT", url, f->bytes);
}

static err take_object(struct hub_batch *b, const json_t *object) {
    const json_t *refusal = json_object_get(object, "error");
    struct putting u = {.p = b->p,
                        .ask = b->ask,
                        .batch = b,
                        .file = file_of(b->files, json_text_of(object, "oid")),
                        .actions = json_object_get(object, "actions")};
    if (!u.file) return fail(ERR_PARSE, "the hub speaks of an object that was not asked for");
    if (refusal)
        return fail_in(ask_refused(b->ask, (long)json_int_of(refusal, "code"),
                                   json_text_of(refusal, "message")),
                       "'%s'", u.file->path);
    if (!json_object_get(u.actions, "upload")) return ERR_OK; /* it is there */
    if (!b->missing) b->missing = u.file->path;
    if (!b->sends) return ERR_OK;
    return fail_in(put_object(&u), "'%s'", u.file->path);
}

static bool speaks_of(const json_t *objects, const char *oid) {
    json_t *object;
    size_t i;
    json_array_foreach(objects, i,
                       object) if (strcmp(json_text_of(object, "oid"), oid) == 0) return true;
    return false;
}

/* One that the answer leaves out may be there or be lost: nobody knows. */
static err take_answer(struct hub_batch *b, const json_t *asked, const json_t *objects) {
    json_t *object;
    size_t i;
    if (!json_is_array(objects)) return fail(ERR_PARSE, "the hub's answer has no `objects`");
    json_array_foreach(asked, i, object) {
        const char *oid = json_text_of(object, "oid");
        if (speaks_of(objects, oid)) continue;
        return fail_hint(
            fail(ERR_PARSE, "the hub's answer says nothing of '%s'", file_of(b->files, oid)->path),
            "run it again: it goes on where it stopped");
    }
    json_array_foreach(objects, i, object) TRY(take_object(b, object));
    return ERR_OK;
}

static err one_call(struct hub_batch *b, json_t *asked) {
    json_t *objects = NULL, *object;
    size_t i;
    err e = b->call(b->p, asked, &objects);
    if (e == ERR_OK && !ask_plans(b->ask)) e = take_answer(b, asked, objects);
    json_array_foreach(asked, i, object) if (e == ERR_OK && ask_plans(b->ask) && b->sends) e =
        plan_put(b, object);
    json_decref(objects);
    return e;
}

err hub_batches(struct hub_batch *b) {
    for (int64_t at = 0;;) {
        json_t *asked = json_array();
        err e =
            asked ? next_objects(b, &at, asked) : fail(ERR_MEMORY, "out of memory for a request");
        bool any = json_array_size(asked) > 0;
        if (e == ERR_OK && any) e = one_call(b, asked);
        json_decref(asked);
        if (e != ERR_OK || !any) return e;
    }
}
