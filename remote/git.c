/* SPDX-License-Identifier: Apache-2.0
 * libgit2 behind remote/git.h. Every call's failure names what was tried and libgit2's own words.
 * A commit's tree is made in an index of its own in memory; the work folder's index is brought up
 * to date for the committed paths afterwards, and again by a run after one that was killed.
 * Read next: remote/git.h, the contract. */
#include "remote/git.h"

#include "base/fault.h"
#include "base/mem.h"
#include "remote/git_int.h"
#include <errno.h>
#include <git2.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 << 20 };

err git_may_fail(const char *step) {
    return fault_now(FAULT_IO) ? fail_errno(ERR_IO, ENOSPC, "%s", step) : ERR_OK;
}

struct git_repo {
    git_repository *handle;
    char *dir;
};

err git_fail(int code, const char *what, const char *subject) {
    const git_error *why = git_error_last();
    const char *text = why && why->message ? why->message : "no reason given";
    if (code == GIT_ELOCKED)
        return fail_hint(fail(ERR_IO, "%s '%s': %s", what, subject, text),
                         "another git process works there, or one died and left its lock file");
    if (code == GIT_EMODIFIED)
        return fail(ERR_MISMATCH, "%s '%s': somebody else committed meanwhile; run it again", what,
                    subject);
    return fail(code == GIT_ENOTFOUND ? ERR_MISSING : ERR_IO, "%s '%s': %s", what, subject, text);
}

static err repo_new(const char *dir, struct git_repo **out) {
    *out = mem_zalloc(1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    if (git_libgit2_init() < 0) {
        mem_free(*out);
        *out = NULL;
        return fail(ERR_MEMORY, "libgit2 does not start");
    }
    (*out)->dir = mem_strdup(dir);
    if ((*out)->dir) return ERR_OK;
    git_repo_free(*out);
    *out = NULL;
    return ERR_MEMORY;
}

void git_repo_free(struct git_repo *repo) {
    if (!repo) return;
    git_repository_free(repo->handle);
    git_libgit2_shutdown();
    mem_free(repo->dir);
    mem_free(repo);
}

/* The caller's handle is valid only when all went well. */
static err repo_give(err code, struct git_repo **out) {
    if (code == ERR_OK) return code;
    git_repo_free(*out);
    *out = NULL;
    return code;
}

static int open_handle(struct git_repo *repo) {
    return git_repository_open_ext(&repo->handle, repo->dir, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
}

err git_repo_init(const char *dir, struct git_repo **out) {
    TRY(dir_make(dir));
    TRY(repo_new(dir, out));
    if (open_handle(*out) == 0)
        return repo_give(fail(ERR_EXISTS, "'%s' is a git repository already", dir), out);
    git_repository_init_options options;
    (void)git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = "main";
    int code = git_repository_init_ext(&(*out)->handle, dir, &options);
    return repo_give(code < 0 ? git_fail(code, "git init of", dir) : ERR_OK, out);
}

err git_repo_open(const char *dir, struct git_repo **out) {
    TRY(repo_new(dir, out));
    int code = open_handle(*out);
    if (code < 0) return repo_give(git_fail(code, "git repository", dir), out);
    if (git_repository_is_bare((*out)->handle))
        return repo_give(fail(ERR_UNSUPPORTED, "'%s' is a bare repository", dir), out);
    if (git_repository_state((*out)->handle) == GIT_REPOSITORY_STATE_NONE) return ERR_OK;
    err e = fail(ERR_MISMATCH, "'%s': a merge or rebase is under way", dir);
    return repo_give(fail_hint(e, "finish it with git first ('git status' says how)"), out);
}

/* The commit of HEAD, or NULL on a branch without one. */
static err head_commit(struct git_repo *repo, git_commit **out) {
    git_oid id;
    *out = NULL;
    int code = git_reference_name_to_id(&id, repo->handle, "HEAD");
    if (code == GIT_ENOTFOUND) return ERR_OK;
    if (code == 0) code = git_commit_lookup(out, repo->handle, &id);
    return code < 0 ? git_fail(code, "HEAD of", repo->dir) : ERR_OK;
}

err git_repo_head(struct git_repo *repo, char out_id[GIT_ID_SIZE], int64_t *out_time_s) {
    git_commit *commit;
    out_id[0] = '\0';
    *out_time_s = 0;
    TRY(head_commit(repo, &commit));
    if (!commit) return ERR_OK;
    git_oid_tostr(out_id, GIT_ID_SIZE, git_commit_id(commit));
    *out_time_s = git_commit_time(commit);
    git_commit_free(commit);
    return ERR_OK;
}

err git_repo_changed(struct git_repo *repo, struct name_list *out) {
    git_status_options options;
    git_status_list *list = NULL;
    *out = (struct name_list){0};
    (void)git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS;
    int code = git_status_list_new(&list, repo->handle, &options);
    if (code < 0) return git_fail(code, "git status of", repo->dir);
    size_t n = git_status_list_entrycount(list);
    err e = ERR_OK;
    for (size_t i = 0; i < n && e == ERR_OK; i++) {
        const git_status_entry *entry = git_status_byindex(list, i);
        const git_diff_delta *delta =
            entry->index_to_workdir ? entry->index_to_workdir : entry->head_to_index;
        e = name_list_add(out, delta->new_file.path);
    }
    git_status_list_free(list);
    if (e != ERR_OK) name_list_release(out);
    name_list_sort(out);
    return e;
}

err git_repo_read(struct git_repo *repo, const char *path, struct str *out, bool *out_found) {
    git_commit *commit = NULL;
    git_tree *tree = NULL;
    git_tree_entry *entry = NULL;
    git_blob *blob = NULL;
    *out_found = false;
    TRY(head_commit(repo, &commit));
    if (!commit) return ERR_OK;
    err e = ERR_OK;
    int code = git_commit_tree(&tree, commit);
    if (code == 0) code = git_tree_entry_bypath(&entry, tree, path);
    if (code == 0) code = git_blob_lookup(&blob, repo->handle, git_tree_entry_id(entry));
    if (code == 0) {
        e = str_append(out, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
        *out_found = true;
    } else if (code != GIT_ENOTFOUND) {
        e = git_fail(code, "reading from HEAD", path);
    }
    git_blob_free(blob);
    git_tree_entry_free(entry);
    git_tree_free(tree);
    git_commit_free(commit);
    return e;
}

static err tree_names(const git_tree *tree, struct name_list *out) {
    size_t n = git_tree_entrycount(tree);
    for (size_t i = 0; i < n; i++)
        TRY(name_list_add(out, git_tree_entry_name(git_tree_entry_byindex(tree, i))));
    name_list_sort(out);
    return ERR_OK;
}

err git_repo_list(struct git_repo *repo, const char *folder, struct name_list *out) {
    git_commit *commit = NULL;
    git_tree *top = NULL, *tree = NULL;
    git_tree_entry *entry = NULL;
    *out = (struct name_list){0};
    TRY(head_commit(repo, &commit));
    if (!commit) return ERR_OK;
    int code = git_commit_tree(&top, commit);
    if (code == 0) code = git_tree_entry_bypath(&entry, top, folder);
    if (code == 0) code = git_tree_lookup(&tree, repo->handle, git_tree_entry_id(entry));
    err e = code == 0               ? tree_names(tree, out)
            : code == GIT_ENOTFOUND ? ERR_OK
                                    : git_fail(code, "reading from HEAD", folder);
    git_tree_free(tree);
    git_tree_entry_free(entry);
    git_tree_free(top);
    git_commit_free(commit);
    if (e != ERR_OK) name_list_release(out);
    return e;
}

static err config_text(git_config *config, const char *key, struct arena *a, const char **out) {
    git_buf value = {0};
    *out = NULL;
    if (git_config_get_string_buf(&value, config, key) < 0) return ERR_OK;
    if (value.size > 0) *out = arena_strndup(a, value.ptr, value.size);
    err e = value.size > 0 && !*out ? ERR_MEMORY : ERR_OK;
    git_buf_dispose(&value);
    return e;
}

err git_repo_person(struct git_repo *repo, struct arena *a, const char **out_name,
                    const char **out_email) {
    git_config *config = NULL;
    *out_name = *out_email = NULL;
    int code = git_repository_config_snapshot(&config, repo->handle);
    if (code < 0) return git_fail(code, "git configuration of", repo->dir);
    err e = config_text(config, "user.name", a, out_name);
    if (e == ERR_OK) e = config_text(config, "user.email", a, out_email);
    git_config_free(config);
    return e;
}

/* One path of the work folder into the index: its bytes as they are, whatever filters git has. */
static err index_path(struct git_repo *repo, git_index *index, const char *path) {
    git_index_entry entry = {.mode = GIT_FILEMODE_BLOB, .path = path};
    struct str text = {0};
    int code = 0;
    char *whole = path_join(repo->dir, path);
    if (!whole) return ERR_MEMORY;
    err e = ERR_OK;
    if (!file_exists(whole)) {
        (void)git_index_remove(index, path, 0); /* one that is not there is as good */
    } else {
        e = file_read(whole, FILE_MAX_BYTES, &text);
        if (e == ERR_OK)
            code = git_blob_create_from_buffer(&entry.id, repo->handle, str_text(&text), text.len);
        if (e == ERR_OK && code == 0) code = git_index_add(index, &entry);
    }
    str_release(&text);
    mem_free(whole);
    return e == ERR_OK && code < 0 ? git_fail(code, "git add of", path) : e;
}

/* HEAD's tree with the paths as they lie in the work folder; `index` is empty before, and holds the
 * tree afterwards. */
static err make_tree(struct git_repo *repo, const struct git_commit_of *c, git_commit *parent,
                     git_index *index, git_oid *out) {
    git_tree *tree = NULL;
    int code = parent ? git_commit_tree(&tree, parent) : 0;
    if (code == 0 && parent) code = git_index_read_tree(index, tree);
    err e = code < 0 ? git_fail(code, "the tree of", repo->dir) : ERR_OK;
    for (int64_t i = 0; i < c->n && e == ERR_OK; i++) e = index_path(repo, index, c->paths[i]);
    if (e == ERR_OK) {
        code = git_index_write_tree_to(out, index, repo->handle);
        if (code < 0) e = git_fail(code, "the tree of", repo->dir);
    }
    git_tree_free(tree);
    return e;
}

static err make_commit(struct git_repo *repo, const struct git_commit_of *c, git_commit *parent,
                       const git_oid *tree_id) {
    git_signature *who = NULL;
    git_tree *tree = NULL;
    git_oid id;
    const git_commit *parents[1] = {parent};
    int code = git_signature_new(&who, c->name, c->email, c->time_s, c->offset_minutes);
    if (code == 0) code = git_tree_lookup(&tree, repo->handle, tree_id);
    if (code == 0)
        code = git_commit_create(&id, repo->handle, "HEAD", who, who, NULL, c->message, tree,
                                 parent != NULL, parents);
    git_tree_free(tree);
    git_signature_free(who);
    return code < 0 ? git_fail(code, "git commit in", repo->dir) : ERR_OK;
}

/* The work folder's own index for the committed paths; a run that was killed before this leaves
 * them for the next one. */
static err refresh_index(struct git_repo *repo, const struct git_commit_of *c,
                         git_index *committed) {
    git_index *index = NULL;
    int code = git_repository_index(&index, repo->handle);
    for (int64_t i = 0; i < c->n && code == 0; i++) {
        const git_index_entry *entry = git_index_get_bypath(committed, c->paths[i], 0);
        if (entry)
            code = git_index_add(index, entry);
        else
            (void)git_index_remove(index, c->paths[i], 0); /* one that is not there is as good */
    }
    if (code == 0) code = git_index_write(index);
    git_index_free(index);
    return code < 0 ? git_fail(code, "git index of", repo->dir) : ERR_OK;
}

err git_repo_commit(struct git_repo *repo, const struct git_commit_of *commit, bool *out_made) {
    git_commit *parent;
    git_index *index;
    git_oid tree_id;
    *out_made = false;
    TRY(git_may_fail("git tree"));
    if (git_index_new(&index) < 0) return fail(ERR_MEMORY, "out of memory");
    err e = head_commit(repo, &parent);
    if (e == ERR_OK) e = make_tree(repo, commit, parent, index, &tree_id);
    if (e == ERR_OK) e = git_may_fail("git commit");
    if (e == ERR_OK) *out_made = !parent || !git_oid_equal(&tree_id, git_commit_tree_id(parent));
    if (e == ERR_OK && *out_made) e = make_commit(repo, commit, parent, &tree_id);
    git_commit_free(parent);
    if (e == ERR_OK) e = git_may_fail("git index");
    if (e == ERR_OK) e = refresh_index(repo, commit, index);
    git_index_free(index);
    return e;
}

static void merge_input(git_merge_file_input *input, const char *text, const char *label) {
    (void)git_merge_file_input_init(input, GIT_MERGE_FILE_INPUT_VERSION);
    input->ptr = text;
    input->size = strlen(text);
    input->path = label;
}

err git_merge_texts(const struct git_texts *texts, struct str *out, int64_t *out_conflicts) {
    git_merge_file_input base, ours, theirs;
    git_merge_file_options options;
    git_merge_file_result result = {0};
    *out_conflicts = 0;
    (void)git_merge_file_options_init(&options, GIT_MERGE_FILE_OPTIONS_VERSION);
    if (git_libgit2_init() < 0) return fail(ERR_MEMORY, "libgit2 does not start");
    merge_input(&base, texts->base, "text");
    merge_input(&ours, texts->ours, "text");
    merge_input(&theirs, texts->theirs, "text");
    options.our_label = texts->ours_label;
    options.their_label = texts->theirs_label;
    int code = git_merge_file(&result, &base, &ours, &theirs, &options);
    err e = code < 0 ? git_fail(code, "merge of", texts->ours_label) : ERR_OK;
    size_t from = out->len;
    if (e == ERR_OK) e = str_append(out, result.ptr, result.len);
    if (e == ERR_OK && !result.automergeable) {
        for (const char *at = str_text(out) + from; at; at = strchr(at, '\n')) {
            at += *at == '\n';
            *out_conflicts += strncmp(at, "<<<<<<< ", 8) == 0;
        }
    }
    git_merge_file_result_free(&result);
    git_libgit2_shutdown();
    return e;
}
