/* SPDX-License-Identifier: Apache-2.0
 * ModelScope's interface as its client uses it: login, create, list of files, revisions, LFS batch,
 * commit, tag. Every answer is {"Code", "Message", "Data", "Success"}, a refusal too, and with
 * status 200. Who asks shows a session, and the token at the login alone.
 * Read next: tests/hub/standin.h. */
#include "tests/hub/standin.h"

#include "base/base64.h"
#include "base/hash.h"
#include <stdio.h>
#include <string.h>

#define SESSION "SESSIONsession0123456789"
enum { BAD_REQUEST = 400, NO_SESSION = 401 };
static const int64_t no_such_record = 10010205001;

struct asking {
    struct standin *s;
    const struct request *r;
    json_t *repo, *body;
    const char *rest; /* what follows "commit/" */
    struct reply *out;
};

static err refuse(struct reply *out, int64_t code, const char *message) {
    return RENDER(out, 200, "{s:I, s:s, s:n, s:b}", "Code", (json_int_t)code, "Message", message,
                  "Data", "Success", 0);
}

/* Takes over the data. */
static err give(struct reply *out, json_t *data) {
    return RENDER(out, 200, "{s:i, s:s, s:o, s:b}", "Code", 200, "Message", "success", "Data", data,
                  "Success", 1);
}

err ms_judge_session(const struct request *r, struct reply *out, bool *good) {
    const char *cookie = request_header(r, "Cookie");
    *good =
        cookie && strstr(cookie, "m_session_id=" SESSION) && !request_header(r, "Authorization");
    return *good ? ERR_OK : refuse(out, NO_SESSION, "not logged in");
}

static err login(struct asking *a) {
    if (strcmp(json_text_of(a->body, "AccessToken"), a->s->token) != 0) {
        char text[512];
        snprintf(text, sizeof text, "access token %s is wrong",
                 json_text_of(a->body, "AccessToken"));
        return refuse(a->out, NO_SESSION, text);
    }
    TRY(str_add(&a->out->headers, "Set-Cookie: other=1; Path=/\n"
                                  "Set-Cookie: m_session_id=" SESSION "; Path=/; HttpOnly\n"));
    return give(a->out, json_pack("{s:s, s:s, s:s}", "AccessToken", "git-token", "Username",
                                  "keeper", "Email", "keeper@example.org"));
}

static err create(struct asking *a) {
    static const char *const wanted[] = {"Path", "Name", "ChineseName", "License"};
    char name[256];
    int64_t visibility = json_int_of(a->body, "Visibility");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!json_is_string(json_object_get(a->body, wanted[i])))
            return refuse(a->out, BAD_REQUEST, wanted[i]);
    if (visibility != 1 && visibility != 3 && visibility != 5)
        return refuse(a->out, BAD_REQUEST, "Visibility");
    snprintf(name, sizeof name, "%s/%s", json_text_of(a->body, "Path"),
             json_text_of(a->body, "Name"));
    TRY(repo_make(a->s, name));
    return give(a->out, json_object());
}

/* Files as the hub lists them: LFS ones by their pointer, others by what they hold. */
static err list_file(const char *path, const json_t *file, json_t *list) {
    struct str bytes = {0};
    char hash[SHA256_HEX_SIZE];
    const char *oid = json_text_of(file, "oid"), *content = json_text_of(file, "content");
    int64_t size = json_int_of(file, "size");
    if (!*oid) {
        TRY(base64_decode(content, strlen(content), &bytes));
        TRY(sha256_bytes(str_text(&bytes), bytes.len, hash));
        oid = hash;
        size = (int64_t)bytes.len;
        str_release(&bytes);
    }
    const char *slash = strrchr(path, '/');
    return json_push(list, json_pack("{s:s, s:s, s:s, s:I, s:s}", "Name", slash ? slash + 1 : path,
                                     "Path", path, "Type", "blob", "Size", (json_int_t)size,
                                     "Sha256", oid));
}

static err files(struct asking *a) {
    char revision[128] = "";
    const char *at = strstr(a->r->query, "Revision="), *path, *commit;
    if (!at || !strstr(a->r->query, "Recursive=true"))
        return refuse(a->out, BAD_REQUEST, "Revision and Recursive are wanted");
    snprintf(revision, sizeof revision, "%.*s", (int)strcspn(at + 9, "&"), at + 9);
    json_t *list = json_array(), *file, *held = repo_files(a->repo, revision, &commit);
    if (!held) return refuse(a->out, no_such_record, "no such revision");
    TRY(json_push(list, json_pack("{s:s, s:s, s:s, s:i, s:s}", "Name", "folder", "Path", "folder",
                                  "Type", "tree", "Size", 0, "Sha256", "")));
    json_object_foreach(held, path, file) TRY(list_file(path, file, list));
    return give(a->out, json_pack("{s:o}", "Files", list));
}

static err revisions(struct asking *a) {
    json_t *tags = json_array(), *commit;
    const char *tag;
    json_object_foreach(json_object_get(a->repo, "tags"), tag, commit)
        TRY(json_push(tags, json_pack("{s:s}", "Revision", tag)));
    return give(a->out, json_pack("{s:{s:[{s:s}], s:o}}", "RevisionMap", "Branches", "Revision",
                                  "master", "Tags", tags));
}

static err batch(struct asking *a) {
    json_t *objects = NULL, *wanted = json_array(), *one;
    const char *wrong;
    size_t i;
    TRY(lfs_batch(a->s, a->r, "mstore", json_object_get(a->body, "objects"), &objects, &wrong));
    if (strcmp(json_text_of(a->body, "operation"), "upload") != 0) wrong = "no upload";
    json_array_foreach(objects, i, one) if (json_object_get(one, "actions"))
        TRY(json_push(wanted, json_incref(one)));
    json_decref(objects);
    if (!wrong && json_array_size(wanted) > 0)
        return give(a->out, json_pack("{s:o}", "objects", wanted));
    json_decref(wanted);
    return wrong ? refuse(a->out, BAD_REQUEST, wrong) : give(a->out, json_object());
}

/* One action on `held`; NULL: it is right. */
static const char *take_action(struct asking *a, json_t *action, json_t *held) {
    const char *what = json_text_of(action, "action"), *path = json_text_of(action, "path");
    const char *content = json_text_of(action, "content"), *oid = json_text_of(action, "sha256");
    bool update = strcmp(what, "update") == 0,
         lfs = strcmp(json_text_of(action, "type"), "lfs") == 0;
    int64_t size = json_int_of(action, "size");
    struct str bytes = {0};
    if (!update && strcmp(what, "create") != 0) return "an unknown action";
    if (!*path || update != (json_object_get(held, path) != NULL)) return "create or update?";
    if (lfs) {
        const json_t *kept = json_object_get(a->s->objects, oid);
        if (*content || *json_text_of(action, "encoding")) return "LFS with content";
        if (!kept || json_integer_value(kept) != size) return "no such object";
        return json_put(held, path,
                        json_pack("{s:s, s:I}", "oid", oid, "size", (json_int_t)size)) == ERR_OK
                   ? NULL
                   : "memory";
    }
    bool good = strcmp(json_text_of(action, "encoding"), "base64") == 0 && !*oid &&
                base64_decode(content, strlen(content), &bytes) == ERR_OK &&
                (int64_t)bytes.len == size;
    str_release(&bytes);
    if (!good) return "content in base64 of that size is wanted";
    return json_put(held, path, json_pack("{s:s}", "content", content)) == ERR_OK ? NULL : "memory";
}

static err commit(struct asking *a) {
    json_t *action, *actions = json_object_get(a->body, "actions");
    const char *head, *wrong = NULL;
    size_t i;
    char id[41];
    json_t *held = json_deep_copy(repo_files(a->repo, "master", &head));
    if (!*json_text_of(a->body, "commit_message")) wrong = "a message is wanted";
    if (strcmp(a->rest, "master") != 0) wrong = "no such branch";
    if (json_array_size(actions) == 0 || json_array_size(actions) > 512) wrong = "1 to 512 actions";
    json_array_foreach(actions, i, action) if (!wrong) wrong = take_action(a, action, held);
    if (wrong) {
        json_decref(held);
        return refuse(a->out, BAD_REQUEST, wrong);
    }
    TRY(repo_commit(a->s, a->repo, held, id));
    return give(a->out, json_pack("{s:s}", "oid", id));
}

static err tag(struct asking *a) {
    const char *name = json_text_of(a->body, "TagName"), *at;
    json_t *tags = json_object_get(a->repo, "tags");
    if (!*name || !repo_files(a->repo, json_text_of(a->body, "Ref"), &at))
        return refuse(a->out, BAD_REQUEST, "TagName and Ref are wanted");
    if (json_object_get(tags, name)) return refuse(a->out, BAD_REQUEST, "the tag exists");
    TRY(json_put(tags, name, json_string(at)));
    return give(a->out, json_object());
}

static const struct {
    const char *method, *form; /* %: OWNER/NAME */
    err (*take)(struct asking *a);
} routes[] = {
    {"POST", "/api/v1/login", login},
    {"POST", "/api/v1/models", create},
    {"GET", "/api/v1/models/%/repo/files", files},
    {"GET", "/api/v1/models/%/revisions", revisions},
    {"POST", "/api/v1/models/%/repo/tag", tag},
    {"POST", "/api/v1/repos/models/%/info/lfs/objects/batch", batch},
    {"POST", "/api/v1/repos/models/%/commit/", commit},
};

static err take(struct asking *a, size_t i, const char *name) {
    bool good = true;
    if (routes[i].take != login) TRY(ms_judge_session(a->r, a->out, &good));
    if (!good) return ERR_OK;
    const char *type = request_header(a->r, "Content-Type");
    if (strcmp(a->r->method, "POST") == 0)
        good = (!type || str_starts(type, "application/json")) &&
               json_parse(str_text(&a->r->body), a->r->body.len, "body", &a->body) == ERR_OK;
    if (!good) return refuse(a->out, BAD_REQUEST, "no proper JSON");
    a->repo = json_object_get(a->s->repos, name);
    err e =
        *name && !a->repo ? refuse(a->out, no_such_record, "record not found") : routes[i].take(a);
    json_decref(a->body);
    return e;
}

err ms_route(struct standin *s, const struct request *r, struct reply *out, bool *mine) {
    char name[200];
    struct asking a = {.s = s, .r = r, .out = out};
    *mine = true;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(r->method, routes[i].method) == 0 &&
            route_has_form(r->path.data, routes[i].form, name, sizeof name, &a.rest))
            return take(&a, i, name);
    *mine = false;
    return ERR_OK;
}
