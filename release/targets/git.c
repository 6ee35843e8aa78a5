/* SPDX-License-Identifier: Apache-2.0
 * A git repository with LFS. Large files go as objects first and are looked at over there; then the
 * branch, which is fetched back and read; the tag last, so that what is tagged is there. Objects on
 * a folder of this machine are hashed where they lie; others are fetched back, which git-lfs
 * hashes. A large file that is there in a damaged form is moved aside (in a folder; elsewhere that
 * is its keeper's to do) and sent again.
 * Read next: remote/git_stage.h, remote/lfs.h. */
#include "release/push_int.h"

#include "base/mem.h"
#include "release/ssh.h"
#include "remote/git_stage.h"
#include "remote/lfs.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ATTRIBUTES ".gitattributes"

struct git_push {
    struct git_stage *stage;
    char *repository;   /* the stage's folder */
    const char *folder; /* the other side's, where it is one of this machine; else NULL */
    struct str helper;
    char tip[GIT_ID_SIZE]; /* of the branch over there, "" for none */
    char branch_ref[256], tag_ref[256];
};

/* ---- before anything ---- */

/* "Name <address>" as two texts. */
static err split_author(const char *author, struct arena *a, const char **name,
                        const char **email) {
    const char *open = strchr(author, '<'), *end = open ? strchr(open, '>') : NULL;
    size_t n = open ? (size_t)(open - author) : 0;
    while (n > 0 && author[n - 1] == ' ') n--;
    if (n == 0 || !end || end[1] || end == open + 1 || strpbrk(author, "\r\n"))
        return fail(ERR_RANGE, "author '%s' is not written as 'Name <address>'", author);
    *name = arena_strndup(a, author, n);
    *email = arena_strndup(a, open + 1, (size_t)(end - open - 1));
    return *name && *email ? ERR_OK : ERR_MEMORY;
}

static err need(const char *value, const char *key, const char *hint) {
    if (value) return ERR_OK;
    return fail_hint(fail(ERR_MISSING, "a git target wants `%s`", key), "%s", hint);
}

static err ref_name(const char *below, const char *name, char *out, size_t capacity) {
    int n = snprintf(out, capacity, "refs/%s/%s", below, name);
    if (n > 0 && (size_t)n < capacity) return ERR_OK;
    return fail(ERR_LIMIT, "the name '%.60s...' is too long", name);
}

static err open_stage(struct pushing *p, struct git_push *g) {
    g->folder = git_url_folder(p->where);
    g->repository = path_join(p->work_dir, "git");
    if (!g->repository) return ERR_MEMORY;
    TRY(ref_name("heads", p->branch, g->branch_ref, sizeof g->branch_ref));
    TRY(ref_name("tags", p->tag, g->tag_ref, sizeof g->tag_ref));
    if (p->token || p->token_file)
        TRY(lfs_helper(
            &(struct lfs_token){p->where, p->token_file, env_rows[ENV_COTRAIN_GIT_TOKEN].name},
            &g->helper));
    if (p->requests) return ERR_OK;
    TRY(dir_remove(g->repository)); /* one that was killed may have left lock files there */
    return git_stage_open(g->repository, p->where, p->token, &g->stage);
}

/* git-lfs and libgit2 would both go wrong in a folder with a work tree, each at its own place. */
static err need_bare(const char *folder) {
    char *inner = path_join(folder, ".git");
    if (!inner) return ERR_MEMORY;
    bool has_tree = file_exists(inner);
    mem_free(inner);
    if (!has_tree) return ERR_OK;
    return fail_hint(fail(ERR_UNSUPPORTED, "'%s' is no bare repository", folder),
                     "git clone --bare makes one of it");
}

static err git_open(struct pushing *p) {
    const struct release_target *t = p->target;
    const char *name, *email;
    TRY(need(t->url, "url", "url: https://HOST/OWNER/NAME, or a folder of this machine"));
    TRY(need(t->author, "author", "author: 'Name <address>', whose commit and tag it is"));
    TRY(need(p->release->month, "month", "a commit's date is made of the recipe's `month`"));
    TRY(split_author(t->author, p->arena, &name, &email));
    TRY(git_url_check(t->url));
    if (git_url_folder(t->url)) TRY(need_bare(git_url_folder(t->url)));
    p->where = t->url;
    p->own = mem_zalloc(1, sizeof(struct git_push));
    return p->own ? open_stage(p, p->own) : ERR_MEMORY;
}

static void git_close(struct pushing *p) {
    struct git_push *g = p->own;
    if (!g) return;
    git_stage_free(g->stage);
    mem_free(g->repository);
    str_release(&g->helper);
    mem_free(g);
}

static struct lfs_object object_of(const struct push_file *f) {
    struct lfs_object o = {.bytes = f->bytes};
    memcpy(o.oid, f->sha256, sizeof o.oid);
    return o;
}

/* ---- prepare: what is there, and the commit's files ---- */

/* As a pattern of .gitattributes: anchored, and what would mean more is escaped. */
static err add_pattern(const char *path, struct str *out) {
    bool quoted = strchr(path, ' ') || strchr(path, '"');
    TRY(str_add(out, quoted ? "\"/" : "/"));
    for (; *path; path++) {
        if (strchr("*?[", *path)) TRY(str_add(out, quoted ? "\\\\" : "\\"));
        if (*path == '"') TRY(str_add(out, "\\"));
        TRY(str_append(out, path, 1));
    }
    return quoted ? str_add(out, "\"") : ERR_OK;
}

/* `* -text`: no line end of any file is ever changed by git, or its sum would be another. */
static err attributes_text(const struct push_release *r, struct str *out) {
    TRY(str_add(out, "* -text\n"));
    for (int64_t i = 0; i < r->n; i++) {
        if (!r->files[i].large) continue;
        TRY(add_pattern(r->files[i].path, out));
        TRY(str_add(out, " filter=lfs diff=lfs merge=lfs -text\n"));
    }
    return ERR_OK;
}

static err add_one(struct git_push *g, const struct push_file *f, struct str *text) {
    str_clear(text);
    if (f->large) {
        struct lfs_object o = object_of(f);
        TRY(lfs_pointer(&o, text));
    } else {
        TRY(push_read_file(f, text));
    }
    return git_stage_add(g->stage, f->path, str_text(text), text->len);
}

static err add_files(struct git_push *g, const struct push_release *r) {
    struct str text = {0};
    err e = attributes_text(r, &text);
    if (e == ERR_OK) e = git_stage_add(g->stage, ATTRIBUTES, str_text(&text), text.len);
    for (int64_t i = 0; i < r->n && e == ERR_OK; i++) e = add_one(g, &r->files[i], &text);
    str_release(&text);
    return e;
}

/* A branch that holds what a commit of this release would delete is left alone. */
static err refuse_extras(const struct pushing *p, struct git_push *g) {
    struct name_list extra = {0};
    err e = git_stage_missing(g->stage, g->tip, &extra);
    if (e == ERR_OK && extra.n > 0) e = push_refuse_extra(extra.names[0], p->where, NULL);
    name_list_release(&extra);
    return e;
}

/* What a tag of that name stands for over there, if anything: it must be a commit of this release.
 */
static err look_at_tag(struct pushing *p, struct git_push *g) {
    char id[GIT_ID_SIZE], commit[GIT_ID_SIZE];
    bool same = false;
    TRY(git_stage_ask(g->stage, g->tag_ref, id));
    if (!id[0]) return ERR_OK;
    TRY(git_stage_fetch(g->stage, g->tag_ref));
    TRY(git_stage_peel(g->stage, id, commit));
    if (commit[0]) TRY(git_stage_same(g->stage, commit, &same));
    if (same) return ERR_OK;
    fail(ERR_EXISTS, "'%s' has a tag '%s' that is not of this release", p->where, p->tag);
    return fail_hint(ERR_EXISTS, "no tag is ever moved: give the target another `tag`");
}

static err plan_git(struct pushing *p, const struct git_push *g) {
    const struct push_release *r = p->release;
    TRY(push_plan(p, "git ls-remote", p->where, 0));
    TRY(push_plan(p, "git fetch", p->where, 0));
    for (int64_t i = 0; i < r->n; i++) {
        const char *url = arena_printf(p->arena, "%s %s", p->where, r->files[i].path);
        if (!url) return ERR_MEMORY;
        if (r->files[i].large) TRY(push_plan(p, "git lfs push", url, r->files[i].bytes));
    }
    int64_t bytes = 0;
    for (int64_t i = 0; i < r->n; i++) bytes += r->files[i].large ? 0 : r->files[i].bytes;
    const char *branch = arena_printf(p->arena, "%s %s", p->where, g->branch_ref);
    const char *tag = arena_printf(p->arena, "%s %s", p->where, g->tag_ref);
    if (!branch || !tag) return ERR_MEMORY;
    TRY(push_plan(p, "git push", branch, bytes));
    TRY(push_plan(p, "git fetch", branch, 0));
    return push_plan(p, "git push", tag, 0);
}

static err git_prepare(struct pushing *p) {
    struct git_push *g = p->own;
    if (p->requests) return plan_git(p, g);
    TRY(git_stage_ask(g->stage, g->branch_ref, g->tip));
    if (g->tip[0]) TRY(git_stage_fetch(g->stage, g->branch_ref));
    TRY(add_files(g, p->release));
    TRY(look_at_tag(p, g));
    return g->tip[0] ? refuse_extras(p, g) : ERR_OK;
}

/* ---- the commit and the tag, here ---- */

struct signing_key {
    const char *ssh_key;
};

static err sign_for_git(void *context, const struct str *text, struct str *out) {
    const struct signing_key *key = context;
    return ssh_sign(key->ssh_key, SSH_OF_GIT, text, out);
}

/* Noon of the month's first day where the programme is: a date that is in the recipe. */
static int64_t commit_time(const char *month) {
    enum { OFFSET_S = 8 * 3600 };
    struct tm t = {.tm_hour = 12, .tm_mday = 1};
    t.tm_year = (int)strtol(month, NULL, 10) - 1900;
    t.tm_mon = (int)strtol(month + 5, NULL, 10) - 1;
    return (int64_t)timegm(&t) - OFFSET_S;
}

static err make(struct pushing *p, struct signing_key *key, struct git_making *out) {
    *out = (struct git_making){.time_s = commit_time(p->release->month),
                               .offset_minutes = 8 * 60,
                               .tag = p->tag,
                               .sign = key->ssh_key ? sign_for_git : NULL,
                               .context = key};
    TRY(split_author(p->target->author, p->arena, &out->name, &out->email));
    out->message = arena_printf(p->arena, "%s\n\n%s\n", p->release->title, p->release->text);
    return out->message ? ERR_OK : ERR_MEMORY;
}

static err make_commit(struct pushing *p, struct git_push *g, char out_id[GIT_ID_SIZE]) {
    struct signing_key key = {p->options->ssh_key};
    struct git_making making;
    bool same = false;
    if (g->tip[0]) TRY(git_stage_same(g->stage, g->tip, &same));
    if (same) { /* it is there already */
        memcpy(out_id, g->tip, GIT_ID_SIZE);
    } else {
        TRY(make(p, &key, &making));
        making.parent = g->tip;
        TRY(git_stage_commit(g->stage, &making, out_id));
    }
    return json_put(p->note, "commit", json_string(out_id));
}

/* ---- upload ---- */

static struct lfs_remote remote_of(const struct pushing *p, const struct git_push *g) {
    return (struct lfs_remote){g->repository, GIT_STAGE_REMOTE,
                               g->helper.len > 0 ? str_text(&g->helper) : NULL,
                               g->folder ? 0 : p->stall_ms};
}

static err send_object(const struct pushing *p, struct git_push *g, const struct push_file *f) {
    const struct lfs_remote remote = remote_of(p, g);
    const struct lfs_object o = object_of(f);
    enum lfs_found found = LFS_MISSING;
    if (g->folder) TRY(lfs_store_check(g->folder, &o, &found));
    if (found == LFS_GOOD) return ERR_OK;
    if (found == LFS_DAMAGED) TRY(lfs_store_set_aside(g->folder, &o));
    TRY(lfs_store_add(g->repository, f->full, &o));
    TRY(lfs_push(&remote, &o));
    return lfs_store_remove(g->repository, &o);
}

/* Whether the object over there is the right one. */
static err check_object(const struct pushing *p, const struct push_file *f, const char *commit) {
    struct git_push *g = p->own;
    const struct lfs_remote remote = remote_of(p, g);
    const struct lfs_object o = object_of(f);
    enum lfs_found found = LFS_MISSING;
    if (!g->folder) {
        TRY(fail_in(lfs_fetch(&remote, commit, f->path), "'%s'", f->path));
        TRY(lfs_store_check(g->repository, &o, &found));
        TRY(lfs_store_remove(g->repository, &o));
    } else {
        TRY(lfs_store_check(g->folder, &o, &found));
    }
    if (found == LFS_GOOD) return ERR_OK;
    fail(ERR_MISMATCH, "'%s' is %s over there", f->path,
         found == LFS_MISSING ? "missing" : "damaged");
    return fail_hint(ERR_MISMATCH, "run it again: it is sent anew");
}

static err check_objects(struct pushing *p, const char *commit) {
    const struct push_release *r = p->release;
    for (int64_t i = 0; i < r->n; i++)
        if (r->files[i].large) TRY(check_object(p, &r->files[i], commit));
    return ERR_OK;
}

static err git_upload(struct pushing *p) {
    const struct push_release *r = p->release;
    char commit[GIT_ID_SIZE];
    if (p->requests) return ERR_OK;
    for (int64_t i = 0; i < r->n; i++)
        if (r->files[i].large) TRY(send_object(p, p->own, &r->files[i]));
    TRY(make_commit(p, p->own, commit));
    return check_objects(p, commit);
}

/* ---- commit and verify ---- */

static err git_commit_(struct pushing *p) {
    struct git_push *g = p->own;
    const char *commit = json_text_of(p->note, "commit");
    if (p->requests || strcmp(commit, g->tip) == 0) return ERR_OK;
    return git_stage_push(g->stage, commit, g->branch_ref);
}

/* A stranger's look: the branch into an empty repository, and every file of it read. */
static err look_from_outside(struct pushing *p, struct git_push *g, const char *commit) {
    char tip[GIT_ID_SIZE];
    struct git_stage *fresh = NULL;
    struct str dir = {0};
    err e = str_printf(&dir, "%s/look", p->work_dir);
    if (e == ERR_OK) e = dir_remove(str_text(&dir));
    if (e == ERR_OK) e = git_stage_open(str_text(&dir), p->where, p->token, &fresh);
    if (e == ERR_OK) e = git_stage_ask(fresh, g->branch_ref, tip);
    if (e == ERR_OK && strcmp(tip, commit) != 0)
        e = fail_hint(fail(ERR_MISMATCH, "branch '%s' is not at what was pushed", p->branch),
                      "somebody else pushed meanwhile: run it again");
    if (e == ERR_OK) e = git_stage_fetch(fresh, g->branch_ref);
    if (e == ERR_OK) e = git_stage_check(fresh, commit);
    git_stage_free(fresh);
    if (e == ERR_OK)
        e = dir_remove(str_text(&dir));
    else if (dir.len > 0)
        e = dir_give_up(e, str_text(&dir));
    str_release(&dir);
    return e;
}

/* A tag that is there was found to be of this release (look_at_tag). */
static err set_tag(struct pushing *p, struct git_push *g, const char *commit) {
    struct signing_key key = {p->options->ssh_key};
    struct git_making making;
    char id[GIT_ID_SIZE];
    TRY(git_stage_ask(g->stage, g->tag_ref, id));
    if (!id[0]) {
        TRY(make(p, &key, &making));
        TRY(git_stage_tag(g->stage, &making, commit, id));
        TRY(git_stage_push(g->stage, id, g->tag_ref));
    }
    return json_put(p->note, "tag", json_string(p->tag));
}

static err git_verify(struct pushing *p) {
    struct git_push *g = p->own;
    const char *commit = json_text_of(p->note, "commit");
    if (p->requests) return ERR_OK;
    TRY(look_from_outside(p, g, commit));
    if (g->folder) TRY(check_objects(p, commit)); /* others were fetched back a moment ago */
    return set_tag(p, g, commit);
}

const struct target_type target_git = {
    .name = "git",
    .summary = "a git repository with LFS, by https or in a folder of this machine",
    .token = ENV_COTRAIN_GIT_TOKEN,
    .branch = "main",
    .open = git_open,
    .prepare = git_prepare,
    .upload = git_upload,
    .commit = git_commit_,
    .verify = git_verify,
    .close = git_close,
};
