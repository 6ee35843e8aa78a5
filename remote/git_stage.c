/* SPDX-License-Identifier: Apache-2.0
 * libgit2 behind remote/git_stage.h: files into a tree, a commit and a tag with a person's
 * signature where there is a key. What goes over the wire is remote/git_wire.c's.
 * Read next: remote/git_stage.h, the contract. */
#include "remote/git_stage_int.h"

#include "base/mem.h"
#include "remote/git_int.h"
#include <stdio.h>
#include <string.h>

/* ---- the repository ---- */

static err set_remote(struct git_stage *s) {
    git_remote *old = NULL;
    int code = git_remote_lookup(&old, s->repo, GIT_STAGE_REMOTE);
    git_remote_free(old);
    code = code == 0 ? git_remote_set_url(s->repo, GIT_STAGE_REMOTE, s->url)
                     : git_remote_create(&s->remote, s->repo, GIT_STAGE_REMOTE, s->url);
    if (code == 0 && !s->remote) code = git_remote_lookup(&s->remote, s->repo, GIT_STAGE_REMOTE);
    return code < 0 ? git_fail(code, "git remote", s->url) : ERR_OK;
}

static err open_repo(struct git_stage *s) {
    git_repository_init_options options;
    int code = git_repository_open_bare(&s->repo, s->dir);
    if (code == 0) return set_remote(s);
    (void)git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_BARE;
    options.initial_head = "main";
    TRY(git_may_fail("git init"));
    code = git_repository_init_ext(&s->repo, s->dir, &options);
    return code < 0 ? git_fail(code, "git init of", s->dir) : set_remote(s);
}

err git_stage_open(const char *dir, const char *url, const char *token, struct git_stage **out) {
    *out = NULL;
    struct git_stage *s = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    *s = (struct git_stage){.dir = dir, .url = url, .token = token};
    if (git_libgit2_init() < 0) {
        mem_free(s);
        return fail(ERR_MEMORY, "libgit2 does not start");
    }
    err e = open_repo(s);
    if (e == ERR_OK && git_index_new(&s->index) < 0) e = fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK)
        *out = s;
    else
        git_stage_free(s);
    return e;
}

void git_stage_free(struct git_stage *s) {
    if (!s) return;
    git_index_free(s->index);
    git_remote_free(s->remote);
    git_repository_free(s->repo);
    git_libgit2_shutdown();
    mem_free(s);
}

/* ---- files ---- */

err git_stage_add(struct git_stage *s, const char *path, const char *text, size_t n) {
    git_index_entry entry = {.mode = GIT_FILEMODE_BLOB, .path = path};
    TRY(git_may_fail("git add"));
    int code = git_blob_create_from_buffer(&entry.id, s->repo, text, n);
    if (code == 0) code = git_index_add(s->index, &entry);
    return code < 0 ? git_fail(code, "git add of", path) : ERR_OK;
}

/* The commit's tree; the caller frees. */
static err tree_of(struct git_stage *s, const char *id, git_tree **out) {
    git_commit *commit = NULL;
    git_oid oid;
    *out = NULL;
    int code = git_oid_fromstr(&oid, id);
    if (code == 0) code = git_commit_lookup(&commit, s->repo, &oid);
    if (code == 0) code = git_commit_tree(out, commit);
    git_commit_free(commit);
    return code < 0 ? git_fail(code, "commit", id) : ERR_OK;
}

static err write_tree(struct git_stage *s, git_oid *out) {
    TRY(git_may_fail("git tree"));
    int code = git_index_write_tree_to(out, s->index, s->repo);
    return code < 0 ? git_fail(code, "the tree of", s->dir) : ERR_OK;
}

err git_stage_same(struct git_stage *s, const char *id, bool *out_same) {
    git_tree *tree = NULL;
    git_oid ours;
    *out_same = false;
    TRY(write_tree(s, &ours));
    TRY(tree_of(s, id, &tree));
    *out_same = git_oid_equal(&ours, git_tree_id(tree)) != 0;
    git_tree_free(tree);
    return ERR_OK;
}

struct walking {
    struct git_stage *stage;
    struct name_list *missing; /* NULL: every file is read instead */
    err result;
};

static int look_at(const char *root, const git_tree_entry *entry, void *context) {
    struct walking *w = context;
    struct str path = {0};
    git_blob *blob = NULL;
    if (git_tree_entry_type(entry) == GIT_OBJECT_TREE) return 0;
    w->result = str_printf(&path, "%s%s", root, git_tree_entry_name(entry));
    if (w->result == ERR_OK && w->missing) {
        if (!git_index_get_bypath(w->stage->index, str_text(&path), 0))
            w->result = name_list_add(w->missing, str_text(&path));
    } else if (w->result == ERR_OK) {
        int code = git_blob_lookup(&blob, w->stage->repo, git_tree_entry_id(entry));
        if (code < 0) w->result = git_fail(code, "reading", str_text(&path));
        git_blob_free(blob);
    }
    str_release(&path);
    return w->result == ERR_OK ? 0 : GIT_EUSER;
}

static err walk(struct git_stage *s, const char *id, struct name_list *missing) {
    struct walking w = {.stage = s, .missing = missing};
    git_tree *tree = NULL;
    TRY(tree_of(s, id, &tree));
    int code = git_tree_walk(tree, GIT_TREEWALK_PRE, look_at, &w);
    git_tree_free(tree);
    if (w.result == ERR_OK && code < 0) return git_fail(code, "the files of commit", id);
    return w.result;
}

err git_stage_missing(struct git_stage *s, const char *id, struct name_list *out) {
    TRY(walk(s, id, out));
    name_list_sort(out);
    return ERR_OK;
}

err git_stage_check(struct git_stage *s, const char *commit) {
    err e = walk(s, commit, NULL);
    return e == ERR_MISSING || e == ERR_IO ? ERR_MISMATCH : e;
}

/* ---- commit and tag ---- */

static err commit_text(struct git_stage *s, const struct git_making *m, const git_signature *who,
                       struct str *out) {
    git_tree *tree = NULL;
    git_commit *parent = NULL;
    git_buf text = {0};
    git_oid tree_id, parent_id;
    TRY(write_tree(s, &tree_id));
    int code = git_tree_lookup(&tree, s->repo, &tree_id);
    if (code == 0 && m->parent[0]) code = git_oid_fromstr(&parent_id, m->parent);
    if (code == 0 && m->parent[0]) code = git_commit_lookup(&parent, s->repo, &parent_id);
    const git_commit *parents[1] = {parent};
    if (code == 0)
        code = git_commit_create_buffer(&text, s->repo, who, who, NULL, m->message, tree,
                                        parent != NULL, parents);
    err e =
        code < 0 ? git_fail(code, "git commit in", s->dir) : str_append(out, text.ptr, text.size);
    git_buf_dispose(&text);
    git_commit_free(parent);
    git_tree_free(tree);
    return e;
}

static err person(const struct git_making *m, git_signature **out) {
    int code = git_signature_new(out, m->name, m->email, m->time_s, m->offset_minutes);
    return code < 0 ? git_fail(code, "the person", m->name) : ERR_OK;
}

err git_stage_commit(struct git_stage *s, const struct git_making *m, char out_id[GIT_ID_SIZE]) {
    git_signature *who = NULL;
    struct str text = {0}, signature = {0};
    git_oid id;
    TRY(person(m, &who));
    err e = commit_text(s, m, who, &text);
    if (e == ERR_OK && m->sign) e = m->sign(m->context, &text, &signature);
    if (e == ERR_OK) e = git_may_fail("git commit");
    if (e == ERR_OK) {
        int code = git_commit_create_with_signature(&id, s->repo, str_text(&text),
                                                    m->sign ? str_text(&signature) : NULL, NULL);
        if (code < 0) e = git_fail(code, "git commit in", s->dir);
    }
    if (e == ERR_OK) git_oid_tostr(out_id, GIT_ID_SIZE, &id);
    git_signature_free(who);
    str_release(&text);
    str_release(&signature);
    return e;
}

err git_stage_tag(struct git_stage *s, const struct git_making *m, const char *commit,
                  char out_id[GIT_ID_SIZE]) {
    struct str text = {0};
    git_oid id;
    git_odb *odb = NULL;
    int minutes = m->offset_minutes < 0 ? -m->offset_minutes : m->offset_minutes;
    err e =
        str_printf(&text, "object %s\ntype commit\ntag %s\ntagger %s <%s> %lld %c%02d%02d\n\n%s",
                   commit, m->tag, m->name, m->email, (long long)m->time_s,
                   m->offset_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60, m->message);
    if (e == ERR_OK && m->sign) { /* a tag is signed as it stands, and the signature follows */
        struct str signature = {0};
        e = m->sign(m->context, &text, &signature);
        if (e == ERR_OK) e = str_append(&text, str_text(&signature), signature.len);
        str_release(&signature);
    }
    if (e == ERR_OK) e = git_may_fail("git tag");
    if (e == ERR_OK) {
        int code = git_repository_odb(&odb, s->repo);
        if (code == 0) code = git_odb_write(&id, odb, str_text(&text), text.len, GIT_OBJECT_TAG);
        if (code < 0) e = git_fail(code, "git tag", m->tag);
    }
    if (e == ERR_OK) git_oid_tostr(out_id, GIT_ID_SIZE, &id);
    git_odb_free(odb);
    str_release(&text);
    return e;
}

err git_stage_peel(struct git_stage *s, const char *id, char out_commit[GIT_ID_SIZE]) {
    git_object *object = NULL, *commit = NULL;
    git_oid oid;
    out_commit[0] = '\0';
    int code = git_oid_fromstr(&oid, id);
    if (code == 0) code = git_object_lookup(&object, s->repo, &oid, GIT_OBJECT_ANY);
    if (code == 0) code = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
    if (code == 0) git_oid_tostr(out_commit, GIT_ID_SIZE, git_object_id(commit));
    git_object_free(commit);
    git_object_free(object);
    if (code == 0 || code == GIT_ENOTFOUND || code == GIT_EPEEL || code == GIT_EINVALIDSPEC)
        return ERR_OK;
    return git_fail(code, "object", id);
}
