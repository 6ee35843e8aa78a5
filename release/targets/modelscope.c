/* SPDX-License-Identifier: Apache-2.0
 * A model repository of ModelScope, over its HTTP interface: a login that exchanges the token for a
 * session, the list of what is there (with the SHA-256 of each file), LFS batch and PUT, commits as
 * JSON, the list again, the tag and the list that it gives. A refusal may come with status 200 and
 * its reason in the body. A commit has no parent to check, so it is not tried twice: after a lost
 * answer the next run sees what came of it. The hub wants a configuration.json; where neither it
 * nor the release has one, one is made.
 * Read next: release/push_hub.h, remote/ask.h. */
#include "release/push_hub.h"

#include "base/base64.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define CONFIGURATION "configuration.json"
#define CONFIGURATION_TEXT                                                                         \
    "{\"framework\": \"pytorch\", \"task\": \"text-generation\", \"allow_remote\": true}\n"
enum { COMMIT_FILES = 256 };
static const int64_t no_such_record = 10010205001; /* the hub's own number for 404 */

struct ms {
    struct ask *ask;
    const char *api, *repos;   /* "/api/v1/models/OWNER/NAME", "/api/v1/repos/models/OWNER/NAME" */
    const char *cookie;        /* "Cookie: m_session_id=..."; NULL: not logged in yet */
    struct push_release files; /* the release's, and perhaps a configuration */
    const struct push_file *made;  /* that configuration; NULL: the release has one */
    bool *differs, *there, *large; /* of each file */
    bool tagged;
};

/* ---- before anything ---- */

/* The release's files, and room for one more that is made. */
static err list_files(struct pushing *p, struct ms *m) {
    const struct push_release *r = p->release;
    m->files = *r;
    m->files.files = arena_alloc(p->arena, (size_t)r->n + 1, sizeof *r->files);
    if (!m->files.files) return ERR_MEMORY;
    memcpy(m->files.files, r->files, (size_t)r->n * sizeof *r->files);
    if (push_find(r, CONFIGURATION)) return ERR_OK;
    int64_t at = r->n;
    for (; at > 0 && strcmp(r->files[at - 1].path, CONFIGURATION) > 0; at--)
        m->files.files[at] = m->files.files[at - 1];
    struct push_file *f = &m->files.files[at];
    *f = (struct push_file){
        .path = CONFIGURATION, .text = CONFIGURATION_TEXT, .bytes = sizeof CONFIGURATION_TEXT - 1};
    m->files.n++;
    m->made = f;
    return sha256_bytes(f->text, (size_t)f->bytes, f->sha256);
}

static err ms_open(struct pushing *p) {
    const char *endpoint = env_get(ENV_MODELSCOPE_ENDPOINT);
    TRY(hub_repo_check(p->target));
    if (!endpoint) endpoint = "https://www.modelscope.cn";
    struct ms *m = p->own = arena_alloc(p->arena, 1, sizeof *m);
    if (!m) return ERR_MEMORY;
    TRY(list_files(p, m));
    m->api = arena_printf(p->arena, "/api/v1/models/%s", p->target->repo);
    m->repos = arena_printf(p->arena, "/api/v1/repos/models/%s", p->target->repo);
    m->differs = arena_alloc(p->arena, (size_t)m->files.n, sizeof *m->differs);
    m->there = arena_alloc(p->arena, (size_t)m->files.n, sizeof *m->there);
    m->large = arena_alloc(p->arena, (size_t)m->files.n, sizeof *m->large);
    p->where = arena_printf(p->arena, "%s/models/%s", endpoint, p->target->repo);
    if (!m->api || !m->repos || !m->differs || !m->there || !m->large || !p->where)
        return ERR_MEMORY;
    for (int64_t i = 0; i < m->files.n; i++) m->large[i] = m->files.files[i].large;
    return ask_new(&(struct ask_options){.endpoint = endpoint,
                                         .token = p->token,
                                         .token_name = "MODELSCOPE_API_TOKEN",
                                         .subject = p->target->repo,
                                         .plan = p->requests,
                                         .stall_timeout_ms = p->stall_ms,
                                         .wait = p->options->wait,
                                         .context = p->options->context},
                   &m->ask);
}

static void ms_close(struct pushing *p) {
    struct ms *m = p->own;
    if (m) ask_free(m->ask);
}

/* ---- asking ---- */

/* {"Code": 200, "Success": true, "Data": ...}, or a refusal whatever the status. */
static err judge_json(const struct ask *a, const json_t *answer) {
    int64_t code = json_int_of(answer, "Code");
    if (code == 200 && !json_is_false(json_object_get(answer, "Success"))) return ERR_OK;
    return ask_refused(a, code == no_such_record ? 404 : (long)code,
                       json_text_of(answer, "Message"));
}

static err judge_answer(const struct ask *a, const struct http_answer *answer) {
    json_t *json = NULL;
    TRY(json_parse(str_text(&answer->body), answer->body.len, "the store's answer", &json));
    err e = judge_json(a, json);
    json_decref(json);
    return e;
}

/* What is asked goes with the session, never with the token; *out_data is the answer's Data. */
static err ask_ms(struct pushing *p, const char *url, json_t *body, bool once, json_t **out_data) {
    struct ms *m = p->own;
    const char *headers[2] = {"Content-Type: application/json"};
    struct str text = {0};
    json_t *answer = NULL;
    *out_data = NULL;
    struct ask_request r = {.http = {.url = url, .headers = headers}, .no_token = true};
    err e = body ? json_text(body, 0, &text) : ERR_OK;
    r.once = once;
    if (body) {
        r.http.method = "POST";
        r.http.body = str_text(&text);
        r.http.n_body = text.len;
        r.http.n_headers = 1;
    }
    if (m->cookie) headers[r.http.n_headers++] = m->cookie;
    if (e == ERR_OK) e = ask_json(m->ask, &r, &answer);
    if (e == ERR_OK && answer) e = judge_json(m->ask, answer);
    if (e == ERR_OK) *out_data = json_incref(json_object_get(answer, "Data"));
    json_decref(answer);
    json_decref(body);
    str_release(&text);
    return e;
}

/* The session of a "set-cookie" line, as a header to send. */
static err take_session(struct pushing *p, const struct http_answer *answer) {
    static const char name[] = "set-cookie: m_session_id=";
    struct ms *m = p->own;
    const char *line = str_text(&answer->headers);
    for (; *line && !str_starts(line, name);
         line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
        ;
    size_t n = *line ? strcspn(line + sizeof name - 1, ";\n") : 0;
    if (n == 0) return fail(ERR_PARSE, "the hub's answer to the login has no session");
    const char *session = arena_strndup(p->arena, line + sizeof name - 1, n);
    m->cookie = session ? arena_printf(p->arena, "Cookie: m_session_id=%s", session) : NULL;
    if (!m->cookie) return ERR_MEMORY;
    ask_hide(m->ask, session);
    return ERR_OK;
}

static err log_in(struct pushing *p, struct ms *m) {
    static const char *const headers[] = {"Content-Type: application/json"};
    struct str text = {0};
    struct http_answer answer = {0};
    if (!p->token && !p->requests) return ask_refused(m->ask, 401, "");
    json_t *body = json_pack("{s:s}", "AccessToken", p->token ? p->token : "");
    err e = body ? json_text(body, 0, &text) : fail(ERR_MEMORY, "out of memory for a request");
    json_decref(body);
    struct ask_request r = {.http = {.method = "POST",
                                     .url = "/api/v1/login",
                                     .headers = headers,
                                     .n_headers = 1,
                                     .body = str_text(&text),
                                     .n_body = text.len},
                            .no_token = true};
    if (e == ERR_OK) e = ask_send(m->ask, &r, &answer);
    if (e == ERR_OK && !p->requests) {
        e = ask_judge(m->ask, &answer);
        if (e == ERR_OK) e = judge_answer(m->ask, &answer);
        if (e == ERR_OK) e = take_session(p, &answer);
    }
    if (text.data) explicit_bzero(text.data, text.len);
    str_release(&text);
    http_answer_release(&answer);
    return e;
}

/* ---- what is there ---- */

static err ask_files(struct pushing *p, const char *revision, json_t **out) {
    struct ms *m = p->own;
    struct str url = {0};
    err e = str_printf(&url, "%s/repo/files?Revision=", m->api);
    if (e == ERR_OK) e = http_url_escape(revision, &url);
    if (e == ERR_OK) e = str_add(&url, "&Recursive=true");
    if (e == ERR_OK) e = ask_ms(p, str_text(&url), NULL, false, out);
    str_release(&url);
    return e;
}

static bool is_same(const json_t *listed, const struct push_file *f) {
    return strcmp(json_text_of(listed, "Sha256"), f->sha256) == 0 &&
           json_int_of(listed, "Size") == f->bytes;
}

/* Which files of a listing are there, and which are not as they should be. */
static err compare(struct pushing *p, const json_t *data) {
    static const char *const own[] = {".gitattributes", CONFIGURATION, NULL};
    struct ms *m = p->own;
    json_t *one;
    size_t at;
    for (int64_t i = 0; i < m->files.n; i++) {
        m->differs[i] = true;
        m->there[i] = false;
    }
    json_array_foreach(json_object_get(data, "Files"), at, one) {
        const char *path = json_text_of(one, "Path");
        const struct push_file *f = push_find(&m->files, path);
        if (strcmp(json_text_of(one, "Type"), "tree") == 0) continue;
        if (!f) {
            TRY(push_refuse_extra(path, p->where, own));
            continue;
        }
        m->there[f - m->files.files] = true;
        m->differs[f - m->files.files] = f != m->made && !is_same(one, f); /* theirs is as good */
    }
    return ERR_OK;
}

static err create(struct pushing *p) {
    const char *repo = p->target->repo, *slash = strchr(repo, '/');
    json_t *data = NULL;
    json_t *body =
        json_pack("{s:s%, s:s, s:s, s:i, s:s}", "Path", repo, (size_t)(slash - repo), "Name",
                  slash + 1, "ChineseName", slash + 1, "Visibility", p->target->is_private ? 1 : 5,
                  "License", p->target->license ? p->target->license : "");
    err e = body ? ask_ms(p, "/api/v1/models", body, true, &data)
                 : fail(ERR_MEMORY, "out of memory for a request");
    json_decref(data);
    return e;
}

static err look(struct pushing *p, const char *revision) {
    json_t *data = NULL;
    TRY(ask_files(p, revision, &data));
    err e = compare(p, data);
    json_decref(data);
    return e;
}

static const struct push_file *first_differing(const struct ms *m) {
    for (int64_t i = 0; i < m->files.n; i++)
        if (m->differs[i]) return &m->files.files[i];
    return NULL;
}

/* A tag of that name must be of this release. What differs from the branch is left as it was. */
static err look_at_tag(struct pushing *p, struct ms *m) {
    json_t *data = NULL, *one;
    size_t at;
    const char *url = arena_printf(p->arena, "%s/revisions", m->api);
    if (!url) return ERR_MEMORY;
    TRY(ask_ms(p, url, NULL, false, &data));
    json_array_foreach(json_object_get(json_object_get(data, "RevisionMap"), "Tags"), at,
                       one) if (strcmp(json_text_of(one, "Revision"), p->tag) == 0) m->tagged =
        true;
    json_decref(data);
    if (!m->tagged) return ERR_OK;
    TRY(look(p, p->tag));
    if (!first_differing(m)) return ERR_OK;
    fail(ERR_EXISTS, "'%s' has a tag '%s' that is not of this release", p->where, p->tag);
    return fail_hint(ERR_EXISTS, "no tag is ever moved: give the target another `tag`");
}

static err ms_prepare(struct pushing *p) {
    struct ms *m = p->own;
    TRY(log_in(p, m));
    err e = look(p, p->branch);
    if (e == ERR_MISSING && p->target->create) {
        err_clear();
        TRY(create(p));
        e = look(p, p->branch);
    }
    TRY(e);
    TRY(look_at_tag(p, m));
    return m->tagged ? look(p, p->branch) : ERR_OK;
}

/* ---- upload ---- */

/* The hub leaves the list out where it has the object: so each is asked for alone, as by the hub's
 * own client, and an answer can be about no other. */
static err call_batch(struct pushing *p, json_t *asked, json_t **out_objects) {
    struct ms *m = p->own;
    json_t *data = NULL;
    const char *url = arena_printf(p->arena, "%s/info/lfs/objects/batch", m->repos);
    if (!url) return ERR_MEMORY;
    json_t *body = json_pack("{s:s, s:O}", "operation", "upload", "objects", asked);
    err e =
        body ? ask_ms(p, url, body, false, &data) : fail(ERR_MEMORY, "out of memory for a request");
    json_t *objects = json_object_get(data, "objects");
    *out_objects = json_incref(json_array_size(objects) > 0 ? objects : asked);
    json_decref(data);
    return e;
}

static struct hub_batch batch_of(struct pushing *p) {
    struct ms *m = p->own;
    return (struct hub_batch){.p = p,
                              .ask = m->ask,
                              .files = &m->files,
                              .wanted = m->large,
                              .most = 1,
                              .call = call_batch,
                              .judge = judge_answer,
                              .own_header = m->cookie};
}

static err ms_upload(struct pushing *p) {
    struct hub_batch batch = batch_of(p);
    batch.sends = true;
    return hub_batches(&batch);
}

/* ---- commit ---- */

static err add_action(const struct ms *m, int64_t i, json_t *actions) {
    const struct push_file *f = &m->files.files[i];
    const char *action = m->there[i] ? "update" : "create";
    struct str bytes = {0}, text = {0};
    err e = f->large ? ERR_OK : push_read_file(f, &bytes);
    if (e == ERR_OK && !f->large) e = base64_encode(str_text(&bytes), bytes.len, &text);
    if (e == ERR_OK)
        e = json_push(actions,
                      json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "action", action, "path",
                                f->path, "type", f->large ? "lfs" : "normal", "size",
                                (json_int_t)f->bytes, "sha256", f->large ? f->sha256 : "",
                                "content", str_text(&text), "encoding", f->large ? "" : "base64"));
    str_release(&bytes);
    str_release(&text);
    return e;
}

static err send_commit(struct pushing *p, json_t *actions) {
    struct ms *m = p->own;
    struct str url = {0};
    json_t *data = NULL;
    json_t *body = json_pack("{s:o, s:O}", "commit_message",
                             json_sprintf("%s\n\n%s", p->release->title, p->release->text),
                             "actions", actions);
    err e = body ? str_printf(&url, "%s/commit/", m->repos)
                 : fail(ERR_MEMORY, "out of memory for a commit");
    if (e == ERR_OK) e = http_url_escape(p->branch, &url);
    if (e == ERR_OK)
        e = ask_ms(p, str_text(&url), body, true, &data);
    else
        json_decref(body);
    if (e == ERR_OK && data)
        e = json_put(p->note, "commit", json_string(json_text_of(data, "oid")));
    json_decref(data);
    str_release(&url);
    return e;
}

static err ms_commit(struct pushing *p) {
    struct ms *m = p->own;
    for (int64_t i = 0; i < m->files.n;) {
        json_t *actions = json_array();
        err e = actions ? ERR_OK : fail(ERR_MEMORY, "out of memory for a commit");
        for (; i < m->files.n && json_array_size(actions) < COMMIT_FILES && e == ERR_OK; i++)
            if (m->differs[i]) e = add_action(m, i, actions);
        if (e == ERR_OK && json_array_size(actions) > 0) e = send_commit(p, actions);
        json_decref(actions);
        TRY(e);
    }
    return ERR_OK;
}

/* ---- verify ---- */

/* A refusal may come of a first try whose answer was lost: then the tag is there. */
static err make_tag(struct pushing *p, struct ms *m) {
    struct err_kept kept;
    json_t *data = NULL;
    const char *url = arena_printf(p->arena, "%s/repo/tag", m->api);
    if (!url) return ERR_MEMORY;
    json_t *body = json_pack("{s:s, s:s}", "TagName", p->tag, "Ref", p->branch);
    if (!body) return fail(ERR_MEMORY, "out of memory for a request");
    err e = ask_ms(p, url, body, false, &data);
    json_decref(data);
    if (e != ERR_UNSUPPORTED && e != ERR_MISMATCH) return e;
    err_keep(&kept);
    TRY(look_at_tag(p, m));
    if (m->tagged) return ERR_OK;
    err_put_back(&kept);
    return e;
}

static err set_tag(struct pushing *p, struct ms *m) {
    if (!m->tagged) TRY(make_tag(p, m));
    return json_put(p->note, "tag", json_string(p->tag));
}

static err verify_at(struct pushing *p, const char *revision) {
    struct ms *m = p->own;
    TRY(look(p, revision));
    const struct push_file *f = p->requests ? NULL : first_differing(m);
    return f ? hub_not_there(f->path) : ERR_OK;
}

static err ms_verify(struct pushing *p) {
    struct ms *m = p->own;
    struct hub_batch batch = batch_of(p);
    TRY(hub_batches(&batch));
    if (batch.missing) return hub_not_there(batch.missing);
    TRY(verify_at(p, p->branch));
    TRY(set_tag(p, m));
    return verify_at(p, p->tag); /* it is the branch's head that the hub tags */
}

const struct target_type target_modelscope = {
    .name = "modelscope",
    .summary = "a model repository of ModelScope",
    .token = ENV_MODELSCOPE_API_TOKEN,
    .branch = "master",
    .open = ms_open,
    .prepare = ms_prepare,
    .upload = ms_upload,
    .commit = ms_commit,
    .verify = ms_verify,
    .close = ms_close,
};
