/* SPDX-License-Identifier: Apache-2.0
 * The stand-in's program: hub_standin [OPTION VALUE]...
 *   --repo OWNER/NAME  an empty repository      --token TEXT  the one that is good
 *   --chunk N          larger uploads in parts  --fault LINE  a fault (tests/hub/faults.c)
 *   --log FILE         one line a request: METHOD PATH STATUS BYTES, and `given` where it has the
 *                      header that the batch answer asked for; never what was in Authorization
 *   --file PATH        a file that each repository has from the start
 *   --moved OWNER/NAME Hugging Face: what the first repository was called
 * It listens on any port of 127.0.0.1, prints it and a line end, and ends when its standard input
 * does or its parent dies. A line on standard input is a fault more.
 * Read next: tests/hub/standin.h, the parts. */
#include "tests/hub/standin.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BODY_MAX_BYTES = 256 << 20 };

/* ---- replies ---- */

err reply_json(struct reply *out, int status, json_t *value) {
    out->status = status;
    str_clear(&out->body);
    err e = value ? json_text(value, 0, &out->body) : fail(ERR_MEMORY, "out of memory");
    json_decref(value);
    return e == ERR_OK ? reply_header(out, "Content-Type", "application/json") : e;
}

err reply_refuse(struct reply *out, int status, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return RENDER(out, status, "{s:s}", "error", text);
}

/* ---- repositories ---- */

err repo_make(struct standin *s, const char *name) {
    json_t *repo = json_pack("{s:s, s:{}, s:{}, s:b}", "head", "", "commits", "tags", "private", 0);
    char id[41];
    TRY(json_put(s->repos, name, repo));
    json_t *files = json_object();
    json_object_set_new(files, ".gitattributes", json_pack("{s:s}", "content", ""));
    return repo_commit(s, repo, files, id);
}

err repo_commit(struct standin *s, json_t *repo, json_t *files, char out_id[41]) {
    snprintf(out_id, 41, "%040llx", 0xC0111700000000ULL + (unsigned long long)++s->n_made);
    TRY(json_put(json_object_get(repo, "commits"), out_id, files));
    return json_put(repo, "head", json_string(out_id));
}

json_t *repo_files(json_t *repo, const char *revision, const char **out_commit) {
    const char *tagged = json_text_of(json_object_get(repo, "tags"), revision);
    const char *head = json_text_of(repo, "head");
    bool branch = strcmp(revision, "main") == 0 || strcmp(revision, "master") == 0;
    *out_commit = branch ? head : *tagged ? tagged : revision;
    return json_object_get(json_object_get(repo, "commits"), *out_commit);
}

/* ---- requests ---- */

bool route_has_form(const char *path, const char *form, char *name, size_t capacity,
                    const char **rest) {
    size_t head = strcspn(form, "%");
    name[0] = '\0';
    *rest = "";
    if (!form[head]) return strcmp(path, form) == 0;
    if (strncmp(path, form, head) != 0) return false;
    const char *at = path + head, *slash = strchr(at, '/'), *tail = form + head + 1;
    const char *end = slash ? strstr(slash + 1, tail) : NULL;
    if (!end || memchr(slash + 1, '/', (size_t)(end - slash - 1)) || (size_t)(end - at) >= capacity)
        return false;
    memcpy(name, at, (size_t)(end - at));
    name[end - at] = '\0';
    *rest = end + strlen(tail);
    return true;
}

static err read_head(void *context, struct request *r) {
    const struct fault *f = fault_due(context, r, true);
    r->cut = f ? f->cut : -1;
    r->hold = f && f->hold;
    return ERR_OK;
}

static bool is_of_store(const struct request *r) {
    static const char *const places[] = {"/store/", "/mstore/", "/part/", "/join/", "/verify/"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (str_starts(r->path.data, places[i])) return true;
    return false;
}

static err route(struct standin *s, const struct request *r, struct reply *out) {
    bool mine = false;
    if (is_of_store(r)) return lfs_store(s, r, out);
    TRY(ms_route(s, r, out, &mine));
    if (!mine) TRY(hf_route(s, r, out, &mine));
    return mine ? ERR_OK : reply_refuse(out, 404, "Not Found");
}

/* Somebody else's commit on every repository. */
static err race(struct standin *s) {
    const char *name;
    json_t *repo;
    char id[41];
    json_object_foreach(s->repos, name, repo) {
        const char *head;
        json_t *files = json_deep_copy(repo_files(repo, "main", &head));
        TRY(repo_commit(s, repo, files, id));
    }
    return ERR_OK;
}

/* The store forgets an object that a commit points to. */
static void lose_one(struct standin *s) {
    const char *oid = json_object_iter_key(json_object_iter(s->objects));
    if (oid) json_object_del(s->objects, oid);
}

static err log_one(const struct standin *s, const struct request *r, const char *became) {
    struct str line = {0};
    if (!s->log) return ERR_OK;
    err e = str_printf(&line, "%s %s%s%s %s %zu%s\n", r->method, r->path.data, *r->query ? "?" : "",
                       r->query, became, r->body.len, request_header(r, "X-Given") ? " given" : "");
    if (e == ERR_OK) e = file_append(s->log, line.data, line.len);
    str_release(&line);
    return e;
}

static err log_cut(void *context, struct request *r) {
    return log_one(context, r, "cut");
}

static err make_reply(void *context, const struct request *r, struct reply *out) {
    struct standin *s = context;
    const struct fault *f = fault_due(s, r, false);
    const char *who = request_header(r, "Authorization");
    char became[16];
    s->lose = f && f->lose;
    s->omit = f && f->omit;
    if (f && f->race) TRY(race(s));
    if (f && f->drop)
        out->drop = true;
    else if (f && f->status > 0)
        TRY(reply_refuse(out, (int)f->status, "made to fail%s%s", f->echo ? ": " : "",
                         f->echo && who ? who : ""));
    else
        TRY(route(s, r, out));
    if (f && f->lose && !is_of_store(r)) lose_one(s);
    if (f && f->unanswered) out->drop = true;
    if (f && f->retry_after >= 0)
        TRY(reply_header(out, "Retry-After", "%lld", (long long)f->retry_after));
    snprintf(became, sizeof became, "%d", out->status);
    return log_one(s, r, out->drop ? "dropped" : became);
}

/* ---- the program ---- */

static err add_file(struct standin *s, const char *path) {
    const char *name;
    json_t *repo;
    json_object_foreach(s->repos, name, repo) {
        const char *head;
        TRY(json_put(repo_files(repo, "main", &head), path, json_pack("{s:s}", "content", "")));
    }
    return ERR_OK;
}

static err take_option(struct standin *s, const char *name, const char *value) {
    if (strcmp(name, "--repo") == 0) return repo_make(s, value);
    if (strcmp(name, "--file") == 0) return add_file(s, value);
    if (strcmp(name, "--fault") == 0) return fault_add(s, value);
    if (strcmp(name, "--chunk") == 0) return str_to_int64(value, &s->chunk);
    if (strcmp(name, "--log") == 0)
        s->log = value;
    else if (strcmp(name, "--moved") == 0)
        s->moved = value;
    else if (strcmp(name, "--token") == 0)
        s->token = value;
    else
        return fail(ERR_USAGE, "'%s' is no option", name);
    return ERR_OK;
}

static err prepare(struct standin *s, int argc, char **argv) {
    s->repos = json_object();
    s->objects = json_object();
    s->parts = json_object();
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return fail(ERR_USAGE, "'%s' wants a value", argv[i]);
        TRY(take_option(s, argv[i], argv[i + 1]));
    }
    return s->token ? ERR_OK : fail(ERR_USAGE, "--token is wanted");
}

static const char *one_fault(void *context, const char *line) {
    return fault_add(context, line) == ERR_OK ? "noted" : err_message();
}

int main(int argc, char **argv) {
    static struct standin standin;
    static struct serving serving = {.context = &standin,
                                     .body_max_bytes = BODY_MAX_BYTES,
                                     .head = read_head,
                                     .cut = log_cut,
                                     .make = make_reply,
                                     .line = one_fault};
    if (prepare(&standin, argc, argv) == ERR_OK) return serve(&serving);
    fprintf(stderr, "stand-in: %s\n", err_message());
    return 2;
}
