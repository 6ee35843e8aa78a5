/* SPDX-License-Identifier: Apache-2.0
 * A model repository of Hugging Face, over its HTTP interface: which files the branch has already
 * (HEAD of each: the hub tells an LFS file's SHA-256; small ones are read), preupload (the hub says
 * which go by LFS), LFS batch and PUT, one commit as NDJSON with the parent that was seen, then the
 * same look at the commit, and the tag. A commit that somebody else's went before is refused by the
 * hub (412), unless all files turn out to be there.
 * Read next: release/push_hub.h, remote/ask.h. */
#include "release/push_hub.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLE_BYTES = 512 };
#define NO_COMMIT "0000000000000000000000000000000000000000" /* in a plan: as long as a real one */

struct hf {
    struct ask *ask;
    const char *api, *repo; /* "/api/models/OWNER/NAME", "/OWNER/NAME" */
    const char *head;       /* the branch's commit */
    bool *differs, *by_lfs; /* of each file: not as it should be over there; goes by LFS */
    bool tagged;            /* the tag is there, and is of this release */
};

/* ---- before anything ---- */

static err hf_open(struct pushing *p) {
    const char *endpoint = env_get(ENV_HF_ENDPOINT);
    TRY(hub_repo_check(p->target));
    if (!endpoint) endpoint = "https://huggingface.co";
    struct hf *h = p->own = arena_alloc(p->arena, 1, sizeof *h);
    if (!h) return ERR_MEMORY;
    h->api = arena_printf(p->arena, "/api/models/%s", p->target->repo);
    h->repo = arena_printf(p->arena, "/%s", p->target->repo);
    h->differs = arena_alloc(p->arena, (size_t)p->release->n, sizeof *h->differs);
    h->by_lfs = arena_alloc(p->arena, (size_t)p->release->n, sizeof *h->by_lfs);
    p->where = arena_printf(p->arena, "%s/%s", endpoint, p->target->repo);
    if (!h->api || !h->repo || !h->differs || !h->by_lfs || !p->where) return ERR_MEMORY;
    return ask_new(&(struct ask_options){.endpoint = endpoint,
                                         .token = p->token,
                                         .token_name = "HF_TOKEN",
                                         .subject = p->target->repo,
                                         .plan = p->requests,
                                         .stall_timeout_ms = p->stall_ms,
                                         .wait = p->options->wait,
                                         .context = p->options->context},
                   &h->ask);
}

static void hf_close(struct pushing *p) {
    struct hf *h = p->own;
    if (h) ask_free(h->ask);
}

/* ---- what is there ---- */

static err header_is(const struct http_answer *a, const char *name, const char *wanted,
                     bool *out_there, bool *out_same) {
    struct str text = {0};
    err e = http_header(a, name, &text, out_there);
    const char *is = str_text(&text);
    size_t n = strlen(is);
    if (n >= 2 && is[0] == '"' && is[n - 1] == '"') is++, n -= 2;
    *out_same = *out_there && n == strlen(wanted) && strncmp(is, wanted, n) == 0;
    str_release(&text);
    return e;
}

/* A small file is read, and hashed here. */
static err read_same(struct hf *h, const char *url, const struct push_file *f, bool *out_same) {
    struct http_answer answer = {0};
    char hash[SHA256_HEX_SIZE];
    struct ask_request r = {.http = {.url = url, .max_bytes = (size_t)f->bytes + 1},
                            .follows = true};
    err e = ask_send(h->ask, &r, &answer);
    if (e == ERR_LIMIT) { /* it is longer than ours */
        err_clear();
        e = ERR_OK;
        *out_same = false;
    } else if (e == ERR_OK && !ask_plans(h->ask)) {
        e = ask_judge(h->ask, &answer);
        if (e == ERR_OK) e = sha256_bytes(str_text(&answer.body), answer.body.len, hash);
        *out_same = e == ERR_OK && strcmp(hash, f->sha256) == 0;
    }
    http_answer_release(&answer);
    return e;
}

/* Of a small file the hub may tell git's own hash there. */
static err is_object(const struct http_answer *answer, bool *out) {
    struct str etag = {0};
    err e = http_header(answer, "x-linked-etag", &etag, out);
    size_t n = strlen(str_text(&etag));
    *out = *out && n >= SHA256_HEX_SIZE - 1;
    str_release(&etag);
    return e;
}

static err look_at_head(struct hf *h, const char *url, const struct push_file *f,
                        const struct http_answer *answer, bool *by_lfs, bool *out_same) {
    char size[24];
    bool is_lfs, same_size = false, there;
    *out_same = false;
    if (answer->status == 404) return ERR_OK;
    if (answer->status >= 400) return ask_judge(h->ask, answer);
    snprintf(size, sizeof size, "%lld", (long long)f->bytes);
    TRY(is_object(answer, &is_lfs));
    if (!is_lfs) return read_same(h, url, f, out_same);
    *by_lfs = true;
    TRY(header_is(answer, "x-linked-etag", f->sha256, &there, out_same));
    TRY(header_is(answer, "x-linked-size", size, &there, &same_size));
    *out_same = *out_same && same_size;
    return ERR_OK;
}

/* Whether a revision has the file as it should be. */
static err look_at(struct pushing *p, const char *revision, int64_t i, bool *out_same) {
    struct hf *h = p->own;
    const struct push_file *f = &p->release->files[i];
    struct str url = {0};
    struct http_answer answer = {0};
    err e = str_printf(&url, "%s/resolve/%s/", h->repo, revision);
    if (e == ERR_OK) e = hub_path(f->path, &url);
    struct ask_request r = {.http = {.method = "HEAD", .url = str_text(&url)}, .follows = true};
    if (e == ERR_OK) e = ask_send(h->ask, &r, &answer);
    if (e == ERR_OK && !ask_plans(h->ask))
        e = look_at_head(h, str_text(&url), f, &answer, &h->by_lfs[i], out_same);
    else if (e == ERR_OK && !h->by_lfs[i])
        e = read_same(h, str_text(&url), f, out_same);
    http_answer_release(&answer);
    str_release(&url);
    return e;
}

/* Which files of a branch are not as they should be. `siblings`: what it has. */
static err compare(struct pushing *p, const json_t *siblings) {
    static const char *const own[] = {".gitattributes", NULL};
    struct hf *h = p->own;
    json_t *one;
    size_t at;
    for (int64_t i = 0; i < p->release->n; i++) h->differs[i] = true;
    json_array_foreach(siblings, at, one) {
        const char *path = json_text_of(one, "rfilename");
        const struct push_file *f = push_find(p->release, path);
        bool same = false;
        if (!f) {
            TRY(push_refuse_extra(path, p->where, own));
            continue;
        }
        TRY(look_at(p, h->head, f - p->release->files, &same));
        h->differs[f - p->release->files] = !same;
    }
    return ERR_OK;
}

static err create(struct pushing *p, struct hf *h) {
    const char *repo = p->target->repo, *slash = strchr(repo, '/');
    json_t *made = NULL;
    json_t *body =
        json_pack("{s:s, s:s%, s:s, s:b}", "name", slash + 1, "organization", repo,
                  (size_t)(slash - repo), "type", "model", "private", (int)p->target->is_private);
    err e = ask_post(h->ask, "/api/repos/create", body, &made);
    json_decref(made);
    return e;
}

/* Of one that was there when it was to be made: by a first try whose answer was lost, or by
 * somebody else. */
static err judge_taken(struct pushing *p, err e, const json_t *info) {
    const json_t *is_private = json_object_get(info, "private");
    if (e == ERR_MISSING)
        return fail_hint(fail(ERR_DENIED, "'%s' is there, and is not shown", p->target->repo),
                         "the token in HF_TOKEN must be one with rights for it");
    if (e != ERR_OK || !json_is_boolean(is_private)) return e;
    if (json_is_true(is_private) == p->target->is_private) return ERR_OK;
    return fail_hint(fail(ERR_MISMATCH, "'%s' is there since a moment, and is %s", p->target->repo,
                          json_is_true(is_private) ? "private" : "public"),
                     "change that there, or `private` of the target, and run it again");
}

/* The branch's commit and files; the repository is made where it may be and is not there. */
static err look_at_branch(struct pushing *p, struct hf *h, json_t **out) {
    struct str url = {0};
    err e = str_printf(&url, "%s/revision/", h->api);
    if (e == ERR_OK) e = http_url_escape(p->branch, &url);
    const struct ask_request r = {.http = {.url = str_text(&url)}};
    if (e == ERR_OK) e = ask_json(h->ask, &r, out);
    if (e == ERR_MISSING && p->target->create) {
        err_clear();
        e = create(p, h);
        bool taken = e == ERR_MISMATCH;
        if (taken) err_clear();
        if (e == ERR_OK || taken) e = ask_json(h->ask, &r, out);
        if (taken) e = judge_taken(p, e, *out);
    }
    str_release(&url);
    return e;
}

static err look(struct pushing *p) {
    struct hf *h = p->own;
    json_t *json = NULL;
    const char *sha = NO_COMMIT;
    json_t *siblings = NULL;
    err e = look_at_branch(p, h, &json);
    if (e == ERR_OK && json) e = json_need_string(json, "sha", &sha);
    if (e == ERR_OK && json) e = json_need_array(json, "siblings", &siblings);
    if (e == ERR_OK) {
        h->head = arena_strdup(p->arena, sha);
        e = h->head ? compare(p, siblings) : ERR_MEMORY;
    }
    json_decref(json);
    return e;
}

static bool any_differs(const struct pushing *p) {
    const struct hf *h = p->own;
    for (int64_t i = 0; i < p->release->n; i++)
        if (h->differs[i]) return true;
    return false;
}

/* A tag of that name must be of this release. */
static err look_at_tag(struct pushing *p, struct hf *h) {
    json_t *refs = NULL, *one;
    size_t at;
    const char *url = arena_printf(p->arena, "%s/refs", h->api);
    if (!url) return ERR_MEMORY;
    err e = ask_json(h->ask, &(struct ask_request){.http = {.url = url}}, &refs);
    json_array_foreach(json_object_get(refs, "tags"), at, one) {
        if (e != ERR_OK || strcmp(json_text_of(one, "name"), p->tag) != 0) continue;
        h->tagged = true;
        if (strcmp(json_text_of(one, "targetCommit"), h->head) == 0 && !any_differs(p)) continue;
        for (int64_t i = 0; i < p->release->n && e == ERR_OK; i++) {
            bool same = false;
            e = look_at(p, json_text_of(one, "targetCommit"), i, &same);
            if (e == ERR_OK && !same)
                e = fail_hint(fail(ERR_EXISTS, "'%s' has a tag '%s' that is not of this release",
                                   p->where, p->tag),
                              "no tag is ever moved: give the target another `tag`");
        }
    }
    json_decref(refs);
    return e;
}

/* ---- prepare: which go by LFS ---- */

static err add_sample(const struct push_file *f, json_t *list) {
    struct str text = {0};
    struct file_map map;
    TRY(file_map_open(&map, f->full));
    size_t n = map.size_bytes < SAMPLE_BYTES ? map.size_bytes : SAMPLE_BYTES;
    err e = base64_encode(map.data, n, &text);
    file_map_close(&map);
    if (e == ERR_OK)
        e = json_push(list, json_pack("{s:s, s:I, s:s}", "path", f->path, "size",
                                      (json_int_t)f->bytes, "sample", str_text(&text)));
    str_release(&text);
    return e;
}

static err take_modes(struct pushing *p, const json_t *answer) {
    struct hf *h = p->own;
    json_t *files = NULL, *one;
    size_t at;
    TRY(json_need_array(answer, "files", &files));
    json_array_foreach(files, at, one) {
        const char *path = json_text_of(one, "path"), *mode = json_text_of(one, "uploadMode");
        const struct push_file *f = push_find(p->release, path);
        if (!f) return fail(ERR_PARSE, "the hub speaks of a file that was not asked for");
        if (json_is_true(json_object_get(one, "shouldIgnore")))
            return fail(ERR_MISMATCH, "the hub would leave out '%s': see its .gitignore", path);
        if (strcmp(mode, "lfs") != 0 && strcmp(mode, "regular") != 0)
            return fail(ERR_UNSUPPORTED, "the hub wants '%s' in the unknown mode '%s'", path, mode);
        h->by_lfs[f - p->release->files] = strcmp(mode, "lfs") == 0;
    }
    return ERR_OK;
}

static err preupload(struct pushing *p, struct hf *h) {
    const struct push_release *r = p->release;
    struct str url = {0};
    err e = str_printf(&url, "%s/preupload/", h->api);
    if (e == ERR_OK) e = http_url_escape(p->branch, &url);
    for (int64_t i = 0; i < r->n && e == ERR_OK;) {
        json_t *files = json_array(), *answer = NULL;
        for (; i < r->n && json_array_size(files) < HUB_BATCH && e == ERR_OK; i++)
            if (h->differs[i]) e = add_sample(&r->files[i], files);
        bool any = json_array_size(files) > 0;
        json_t *body = any ? json_pack("{s:O}", "files", files) : NULL;
        json_decref(files);
        if (e != ERR_OK || !any) {
            json_decref(body);
            continue;
        }
        e = ask_post(h->ask, str_text(&url), body, &answer);
        if (e == ERR_OK && answer) e = take_modes(p, answer);
        json_decref(answer);
    }
    str_release(&url);
    return e;
}

static err hf_prepare(struct pushing *p) {
    struct hf *h = p->own;
    for (int64_t i = 0; i < p->release->n; i++) h->by_lfs[i] = p->release->files[i].large;
    TRY(look(p));
    TRY(look_at_tag(p, h));
    return preupload(p, h);
}

/* ---- upload ---- */

static err batch_body(const struct pushing *p, json_t *objects, struct str *out) {
    json_t *body = json_pack("{s:s, s:[s, s], s:s, s:{s:s}, s:O}", "operation", "upload",
                             "transfers", "basic", "multipart", "hash_algo", "sha_256", "ref",
                             "name", p->branch, "objects", objects);
    err e = body ? json_text(body, 0, out) : fail(ERR_MEMORY, "out of memory for a request");
    json_decref(body);
    return e;
}

static err call_batch(struct pushing *p, json_t *asked, json_t **out_objects) {
    static const char *const headers[] = {"Accept: application/vnd.git-lfs+json",
                                          "Content-Type: application/vnd.git-lfs+json"};
    struct hf *h = p->own;
    struct str text = {0};
    json_t *answer = NULL;
    const char *url = arena_printf(p->arena, "%s.git/info/lfs/objects/batch", h->repo);
    err e = url ? batch_body(p, asked, &text) : ERR_MEMORY;
    struct ask_request r = {.http = {.method = "POST",
                                     .url = url,
                                     .headers = headers,
                                     .n_headers = 2,
                                     .body = str_text(&text),
                                     .n_body = text.len}};
    if (e == ERR_OK) e = ask_json(h->ask, &r, &answer);
    *out_objects = json_incref(json_object_get(answer, "objects"));
    json_decref(answer);
    str_release(&text);
    return e;
}

/* Every file that goes by LFS, also one whose pointer is there: its object may be lost. */
static struct hub_batch batch_of(struct pushing *p) {
    struct hf *h = p->own;
    return (struct hub_batch){.p = p,
                              .ask = h->ask,
                              .files = p->release,
                              .wanted = h->by_lfs,
                              .most = HUB_BATCH,
                              .call = call_batch};
}

static err hf_upload(struct pushing *p) {
    struct hub_batch batch = batch_of(p);
    batch.sends = true;
    return hub_batches(&batch);
}

/* ---- commit ---- */

/* {"key": key, "value": value} as a line; takes over the value. */
static err add_line(const char *key, json_t *value, struct str *out) {
    json_t *line = value ? json_pack("{s:s, s:o}", "key", key, "value", value) : NULL;
    err e = line ? json_text(line, 0, out) : fail(ERR_MEMORY, "out of memory for a commit");
    json_decref(line);
    return e == ERR_OK ? str_add(out, "\n") : e;
}

static err add_content(const struct push_file *f, struct str *out) {
    struct str bytes = {0}, text = {0};
    err e = push_read_file(f, &bytes);
    if (e == ERR_OK) e = base64_encode(str_text(&bytes), bytes.len, &text);
    if (e == ERR_OK)
        e = add_line("file",
                     json_pack("{s:s, s:s, s:s}", "content", str_text(&text), "path", f->path,
                               "encoding", "base64"),
                     out);
    str_release(&bytes);
    str_release(&text);
    return e;
}

static err commit_text(struct pushing *p, struct hf *h, struct str *out) {
    const struct push_release *r = p->release;
    TRY(add_line("header",
                 json_pack("{s:s, s:s, s:s}", "summary", r->title, "description", r->text,
                           "parentCommit", h->head),
                 out));
    for (int64_t i = 0; i < r->n; i++) {
        const struct push_file *f = &r->files[i];
        if (!h->differs[i]) continue;
        TRY(h->by_lfs[i]
                ? add_line("lfsFile",
                           json_pack("{s:s, s:s, s:I, s:s}", "path", f->path, "algo", "sha256",
                                     "size", (json_int_t)f->bytes, "oid", f->sha256),
                           out)
                : add_content(f, out));
    }
    return ERR_OK;
}

static err take_commit(struct pushing *p, const struct http_answer *answer) {
    const char *oid = NULL;
    json_t *json = NULL;
    err e = json_parse(str_text(&answer->body), answer->body.len, p->target->repo, &json);
    if (e == ERR_OK) e = json_need_string(json, "commitOid", &oid);
    if (e == ERR_OK) e = json_put(p->note, "commit", json_string(oid));
    const char *request = json_text_of(json, "pullRequestUrl");
    if (e == ERR_OK && *request) e = json_put(p->note, "pull_request", json_string(request));
    json_decref(json);
    return e == ERR_PARSE ? fail_in(e, "the hub's answer to the commit") : e;
}

/* Somebody's commit went before: this run's own first try, if all files are there. */
static err after_race(struct pushing *p, const struct http_answer *answer) {
    struct hf *h = p->own;
    TRY(look(p));
    return any_differs(p) ? ask_judge(h->ask, answer)
                          : json_put(p->note, "commit", json_string(h->head));
}

static err send_commit(struct pushing *p, const struct str *text) {
    static const char *const headers[] = {"Content-Type: application/x-ndjson"};
    struct hf *h = p->own;
    struct str url = {0};
    struct http_answer answer = {0};
    err e = str_printf(&url, "%s/commit/", h->api);
    if (e == ERR_OK) e = http_url_escape(p->branch, &url);
    if (e == ERR_OK && p->target->pull_request) e = str_add(&url, "?create_pr=1");
    struct ask_request r = {.http = {.method = "POST",
                                     .url = str_text(&url),
                                     .headers = headers,
                                     .n_headers = 1,
                                     .body = str_text(text),
                                     .n_body = text->len},
                            .once =
                                p->target->pull_request}; /* a second one is a second proposal */
    if (e == ERR_OK) e = ask_send(h->ask, &r, &answer);
    if (e == ERR_OK && !ask_plans(h->ask))
        e = answer.status == 412 ? after_race(p, &answer) : ask_judge(h->ask, &answer);
    if (e == ERR_OK && answer.status >= 200 && answer.status < 300) e = take_commit(p, &answer);
    http_answer_release(&answer);
    str_release(&url);
    return e;
}

static err hf_commit(struct pushing *p) {
    struct hf *h = p->own;
    struct str text = {0};
    if (!any_differs(p)) return json_put(p->note, "commit", json_string(h->head));
    if (p->target->pull_request && *json_text_of(p->note, "pull_request")) return ERR_OK;
    err e = commit_text(p, h, &text);
    if (e == ERR_OK) e = send_commit(p, &text);
    str_release(&text);
    return e;
}

/* ---- verify ---- */

/* One that is there since a moment, by a first try whose answer was lost, is as good. */
static err make_tag(struct pushing *p, struct hf *h, const char *commit) {
    struct err_kept kept;
    json_t *answer = NULL;
    const char *url = arena_printf(p->arena, "%s/tag/%s", h->api, commit);
    if (!url) return ERR_MEMORY;
    err e = ask_post(h->ask, url, json_pack("{s:s}", "tag", p->tag), &answer);
    json_decref(answer);
    if (e != ERR_MISMATCH) return e;
    err_keep(&kept);
    TRY(look_at_tag(p, h));
    if (h->tagged) return ERR_OK;
    err_put_back(&kept);
    return e;
}

static err set_tag(struct pushing *p, struct hf *h, const char *commit) {
    if (p->target->pull_request) return ERR_OK; /* who merges it tags it */
    if (!h->tagged) TRY(make_tag(p, h, commit));
    return json_put(p->note, "tag", json_string(p->tag));
}

static err hf_verify(struct pushing *p) {
    struct hf *h = p->own;
    struct hub_batch batch = batch_of(p);
    const char *commit = p->requests ? "COMMIT" : json_text_of(p->note, "commit");
    TRY(hub_batches(&batch));
    if (batch.missing) return hub_not_there(batch.missing);
    for (int64_t i = 0; i < p->release->n; i++) {
        bool same = false;
        TRY(look_at(p, commit, i, &same));
        if (!same && !p->requests) return hub_not_there(p->release->files[i].path);
    }
    return set_tag(p, h, commit);
}

const struct target_type target_huggingface = {
    .name = "huggingface",
    .summary = "a model repository of Hugging Face, or of a hub that speaks the same",
    .token = ENV_HF_TOKEN,
    .branch = "main",
    .open = hf_open,
    .prepare = hf_prepare,
    .upload = hf_upload,
    .commit = hf_commit,
    .verify = hf_verify,
    .close = hf_close,
};
