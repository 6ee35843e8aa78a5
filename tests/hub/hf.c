/* SPDX-License-Identifier: Apache-2.0
 * Hugging Face's interface as its clients use it: create, revision, refs, preupload, LFS batch,
 * commit (NDJSON), resolve, tag. Files of a commit: {"oid", "size"} for LFS, {"content"} (base64)
 * for others. Bodies must have the keys and types of the recorded requests.
 * Read next: tests/hub/standin.h. */
#include "tests/hub/standin.h"

#include "base/base64.h"
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define GIT_HASH "0123456789012345678901234567890123456789" /* of a small file, which LFS has not */

struct asking {
    struct standin *s;
    const struct request *r;
    json_t *repo;
    const char *name, *rest; /* "OWNER/NAME"; what follows "preupload/" and its like */
    struct reply *out;
};

static bool is_json(const struct request *r, const char *type) {
    const char *is = request_header(r, "Content-Type");
    return is && str_starts(is, type);
}

static err take_body(const struct asking *a, json_t **out, bool *good) {
    *good = is_json(a->r, "application/json") || is_json(a->r, "application/vnd.git-lfs+json");
    if (*good) *good = json_parse(str_text(&a->r->body), a->r->body.len, "body", out) == ERR_OK;
    return *good ? ERR_OK : reply_refuse(a->out, 400, "no proper JSON");
}

static err revision(struct asking *a) {
    const char *commit, *path;
    json_t *files = repo_files(a->repo, a->rest, &commit), *list = json_array(), *file;
    if (!files) return reply_refuse(a->out, 404, "Invalid rev id: %s", a->rest);
    json_object_foreach(files, path, file)
        TRY(json_push(list, json_pack("{s:s}", "rfilename", path)));
    return RENDER(a->out, 200, "{s:s, s:s, s:o, s:O}", "id", a->name, "sha", commit, "siblings",
                  list, "private", json_object_get(a->repo, "private"));
}

static err refs(struct asking *a) {
    json_t *tags = json_array(), *commit;
    const char *tag;
    json_object_foreach(json_object_get(a->repo, "tags"), tag, commit)
        TRY(json_push(tags, json_pack("{s:s, s:o, s:O}", "name", tag, "ref",
                                      json_sprintf("refs/tags/%s", tag), "targetCommit", commit)));
    return RENDER(a->out, 200, "{s:[{s:s, s:s, s:O}], s:[], s:o}", "branches", "name", "main",
                  "ref", "refs/heads/main", "targetCommit", json_object_get(a->repo, "head"),
                  "converts", "tags", tags);
}

static err preupload(struct asking *a) {
    json_t *body = NULL, *one, *list = json_array();
    size_t i;
    bool good;
    TRY(take_body(a, &body, &good));
    if (!good) return ERR_OK;
    json_array_foreach(json_object_get(body, "files"), i, one) {
        const char *path = json_text_of(one, "path"), *sample = json_text_of(one, "sample");
        int64_t size = json_int_of(one, "size");
        struct str bytes = {0};
        good = good && *path && json_is_integer(json_object_get(one, "size")) &&
               base64_decode(sample, strlen(sample), &bytes) == ERR_OK &&
               (int64_t)bytes.len == (size < 512 ? size : 512);
        str_release(&bytes);
        bool lfs = size > 10485760 || fnmatch("*.safetensors", path, 0) == 0 ||
                   fnmatch("*.gguf", path, 0) == 0 || fnmatch("*.model", path, 0) == 0;
        TRY(json_push(list, json_pack("{s:s, s:s, s:b}", "path", path, "uploadMode",
                                      lfs ? "lfs" : "regular", "shouldIgnore", 0)));
    }
    good = good && i > 0 && i <= 100;
    json_decref(body);
    if (good) return RENDER(a->out, 200, "{s:o}", "files", list);
    json_decref(list);
    return reply_refuse(a->out, 400, "files want path, size and a sample of 512 bytes");
}

static err batch(struct asking *a) {
    json_t *body = NULL, *objects = NULL;
    const char *wrong;
    bool good;
    TRY(take_body(a, &body, &good));
    if (!good) return ERR_OK;
    const char *algo = json_text_of(body, "hash_algo");
    const char *accept = request_header(a->r, "Accept");
    bool lfs_json = is_json(a->r, "application/vnd.git-lfs+json") && accept &&
                    strcmp(accept, "application/vnd.git-lfs+json") == 0;
    TRY(lfs_batch(a->s, a->r, "store", json_object_get(body, "objects"), &objects, &wrong));
    if (!lfs_json) wrong = "both types are application/vnd.git-lfs+json";
    if (strcmp(json_text_of(body, "operation"), "upload") != 0) wrong = "no upload";
    if (strcmp(algo, "sha_256") != 0 && strcmp(algo, "sha256") != 0) wrong = "no known hash";
    if (json_array_size(json_object_get(body, "transfers")) == 0) wrong = "no transfers";
    json_decref(body);
    if (!wrong) {
        TRY(RENDER(a->out, 200, "{s:s, s:o}", "transfer", "basic", "objects", objects));
        return reply_header(a->out, "Content-Type", "application/vnd.git-lfs+json");
    }
    json_decref(objects);
    return reply_refuse(a->out, 422, "%s", wrong);
}

/* One line of a commit on `files`; NULL: it is right. */
static const char *take_line(struct asking *a, json_t *line, size_t number, json_t *files) {
    const char *key = json_text_of(line, "key");
    json_t *value = json_object_get(line, "value");
    const char *path = json_text_of(value, "path");
    if ((number == 0) != (strcmp(key, "header") == 0)) return "a header first, and once";
    if (number == 0) {
        const json_t *parent = json_object_get(value, "parentCommit");
        if (!*json_text_of(value, "summary")) return "a summary is wanted";
        return !parent || strcmp(json_string_value(parent), json_text_of(a->repo, "head")) == 0
                   ? NULL
                   : "412";
    }
    if (!*path) return "a path is wanted";
    if (strcmp(key, "lfsFile") == 0) {
        const json_t *kept = json_object_get(a->s->objects, json_text_of(value, "oid"));
        if (strcmp(json_text_of(value, "algo"), "sha256") != 0) return "no known hash";
        if (a->s->lose) kept = json_object_get(value, "size");
        if (!kept || json_integer_value(kept) != json_int_of(value, "size"))
            return "an LFS pointer to an object that is not there";
        return json_put(files, path, json_incref(value)) == ERR_OK ? NULL : "memory";
    }
    if (strcmp(key, "file") == 0) {
        struct str bytes = {0};
        const char *content = json_text_of(value, "content");
        bool good = strcmp(json_text_of(value, "encoding"), "base64") == 0 &&
                    base64_decode(content, strlen(content), &bytes) == ERR_OK;
        str_release(&bytes);
        if (!good) return "content is base64";
        return json_put(files, path, json_incref(value)) == ERR_OK ? NULL : "memory";
    }
    if (strcmp(key, "deletedFile") == 0) {
        json_object_del(files, path);
        return NULL;
    }
    return "an unknown key";
}

static err commit(struct asking *a) {
    json_t *lines = NULL, *line;
    const char *head, *wrong = NULL;
    size_t i;
    char id[41];
    if (!is_json(a->r, "application/x-ndjson"))
        return reply_refuse(a->out, 400, "application/x-ndjson is wanted");
    if (json_parse_all(str_text(&a->r->body), a->r->body.len, "commit", &lines) != ERR_OK)
        return reply_refuse(a->out, 400, "%s", err_message());
    json_t *files = json_deep_copy(repo_files(a->repo, "main", &head));
    json_array_foreach(lines, i, line) if (!wrong) wrong = take_line(a, line, i, files);
    if (i == 0) wrong = "an empty commit";
    json_decref(lines);
    bool proposal = strstr(a->r->query, "create_pr=1") != NULL;
    if (wrong) {
        json_decref(files);
        return strcmp(wrong, "412") == 0
                   ? reply_refuse(a->out, 412,
                                  "A commit has happened since. Please refresh and try "
                                  "again.")
                   : reply_refuse(a->out, 422, "%s", wrong);
    }
    json_t *before = json_incref(json_object_get(a->repo, "head"));
    TRY(repo_commit(a->s, a->repo, files, id));
    if (proposal) TRY(json_put(a->repo, "head", json_incref(before)));
    json_decref(before);
    TRY(RENDER(a->out, 200, "{s:b, s:s, s:o, s:s}", "success", 1, "commitOid", id, "commitUrl",
               json_sprintf("%s/%s/commit/%s", a->r->base.data, a->name, id), "hookOutput", ""));
    if (!proposal) return ERR_OK;
    return RENDER(a->out, 200, "{s:b, s:s, s:s, s:s}", "success", 1, "commitOid", id, "commitUrl",
                  "c", "pullRequestUrl", "https://hub.example/discussions/1");
}

static err elsewhere(struct asking *a, int status, const char *etag, int64_t bytes) {
    a->out->status = status;
    TRY(reply_header(a->out, "X-Linked-Etag", "\"%s\"", etag));
    return reply_header(a->out, "X-Linked-Size", "%lld", (long long)bytes);
}

/* What a small file holds lies at another address of the same host. */
static err resolve(struct asking *a) {
    const char *path = strchr(a->rest, '/'), *at;
    char revision_name[64];
    if (!path) return reply_refuse(a->out, 404, "Entry not found");
    snprintf(revision_name, sizeof revision_name, "%.*s", (int)(path - a->rest), a->rest);
    json_t *file = json_object_get(repo_files(a->repo, revision_name, &at), path + 1);
    if (!file) return reply_refuse(a->out, 404, "Entry not found");
    TRY(reply_header(a->out, "X-Repo-Commit", "%s", at));
    if (json_object_get(file, "oid")) {
        TRY(reply_header(a->out, "Location", "https://cdn.example/elsewhere"));
        return elsewhere(a, 302, json_text_of(file, "oid"), json_int_of(file, "size"));
    }
    TRY(reply_header(a->out, "Location", "/api/resolve-cache/models/%s/%s%s?etag=x", a->name, at,
                     path));
    return elsewhere(a, 307, GIT_HASH, 1);
}

static err cached(struct asking *a) {
    const char *path = strchr(a->rest, '/'), *at;
    char revision_name[64];
    snprintf(revision_name, sizeof revision_name, "%.*s", (int)strcspn(a->rest, "/"), a->rest);
    json_t *file = json_object_get(repo_files(a->repo, revision_name, &at), path ? path + 1 : "");
    const char *content = json_text_of(file, "content");
    if (!file) return reply_refuse(a->out, 404, "Entry not found");
    a->out->status = 200;
    return base64_decode(content, strlen(content), &a->out->body);
}

static err tag(struct asking *a) {
    json_t *body = NULL, *tags = json_object_get(a->repo, "tags");
    const char *commit_id;
    bool good;
    TRY(take_body(a, &body, &good));
    if (!good) return ERR_OK;
    const char *name = json_text_of(body, "tag");
    err e = ERR_OK;
    if (!*name)
        e = reply_refuse(a->out, 400, "a tag is wanted");
    else if (!repo_files(a->repo, a->rest, &commit_id))
        e = reply_refuse(a->out, 404, "Invalid rev id: %s", a->rest);
    else if (json_object_get(tags, name))
        e = reply_refuse(a->out, 409, "Tag reference exists already");
    else
        e = json_put(tags, name, json_string(commit_id));
    if (e == ERR_OK && a->out->status == 0) e = RENDER(a->out, 200, "{}");
    json_decref(body);
    return e;
}

static err create(struct standin *s, const struct request *r, struct reply *out) {
    struct asking a = {.s = s, .r = r, .out = out};
    json_t *body = NULL;
    char name[256];
    bool good;
    TRY(take_body(&a, &body, &good));
    if (!good) return ERR_OK;
    snprintf(name, sizeof name, "%s/%s", json_text_of(body, "organization"),
             json_text_of(body, "name"));
    json_t *is_private = json_incref(json_object_get(body, "private"));
    good = *json_text_of(body, "name") && strcmp(json_text_of(body, "type"), "model") == 0 &&
           json_is_boolean(is_private);
    json_decref(body);
    bool taken = good && json_object_get(s->repos, name);
    if (good && !taken) TRY(repo_make(s, name));
    if (good && !taken)
        TRY(json_put(json_object_get(s->repos, name), "private", json_incref(is_private)));
    json_decref(is_private);
    if (!good) return reply_refuse(out, 400, "name, organization, type and private are wanted");
    return taken ? reply_refuse(out, 409, "You already created this model repo")
                 : RENDER(out, 200, "{s:s}", "url", name);
}

static const struct {
    const char *method, *form; /* %: OWNER/NAME, then what follows */
    err (*take)(struct asking *a);
} routes[] = {
    {"GET", "/api/models/%/revision/", revision},
    {"GET", "/api/models/%/refs", refs},
    {"POST", "/api/models/%/preupload/", preupload},
    {"POST", "/api/models/%/commit/", commit},
    {"POST", "/api/models/%/tag/", tag},
    {"POST", "/%.git/info/lfs/objects/batch", batch},
    {"HEAD", "/%/resolve/", resolve},
    {"GET", "/%/resolve/", resolve},
    {"HEAD", "/api/resolve-cache/models/%/", cached},
    {"GET", "/api/resolve-cache/models/%/", cached},
};

/* The same address with the first repository's name in place of `name`. */
static err moved(const struct asking *a, const char *name) {
    const char *now = json_object_iter_key(json_object_iter(a->s->repos));
    const char *path = a->r->path.data, *at = strstr(path, name);
    a->out->status = 307;
    return reply_header(a->out, "Location", "%.*s%s%s", (int)(at - path), path, now,
                        at + strlen(name));
}

err hf_route(struct standin *s, const struct request *r, struct reply *out, bool *mine) {
    char name[200], bearer[256];
    struct asking a = {.s = s, .r = r, .name = name, .out = out};
    snprintf(bearer, sizeof bearer, "Bearer %s", s->token);
    const char *who = request_header(r, "Authorization");
    bool known = who && strcmp(who, bearer) == 0;
    *mine = true;
    if (strcmp(r->path.data, "/api/repos/create") == 0)
        return known ? create(s, r, out) : reply_refuse(out, 401, "Invalid username or password.");
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(r->method, routes[i].method) != 0 ||
            !route_has_form(r->path.data, routes[i].form, name, sizeof name, &a.rest))
            continue;
        if (!known) return reply_refuse(out, 401, "Invalid username or password.");
        a.repo = json_object_get(s->repos, name);
        if (s->moved && strcmp(s->moved, name) == 0) return moved(&a, name);
        if (!a.repo) return reply_refuse(out, 404, "Repository not found");
        return routes[i].take(&a);
    }
    *mine = false;
    return ERR_OK;
}
