/* SPDX-License-Identifier: Apache-2.0
 * Git LFS (remote/lfs.h). One object at a time, so that no more of a release than its largest file
 * lies on the disk twice. `git lfs` may hard-link an object into a repository on this disk, so a
 * copy is made for it and not a link: what is in a release has one name.
 * Read next: base/program.h. */
#include "remote/lfs.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/program.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

err lfs_pointer(const struct lfs_object *o, struct str *out) {
    return str_printf(out, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %lld\n",
                      o->oid, (long long)o->bytes);
}

/* ---- the store ---- */

static err object_path(const char *repository, const struct lfs_object *o, struct str *out) {
    return str_printf(out, "%s/lfs/objects/%.2s/%.2s/%s", repository, o->oid, o->oid + 2, o->oid);
}

err lfs_store_check(const char *repository, const struct lfs_object *o, enum lfs_found *out) {
    struct str path = {0};
    char hash[SHA256_HEX_SIZE] = "";
    *out = LFS_MISSING;
    err e = object_path(repository, o, &path);
    if (e == ERR_OK && file_exists(str_text(&path))) {
        e = sha256_file(str_text(&path), hash);
        *out = strcmp(hash, o->oid) == 0 ? LFS_GOOD : LFS_DAMAGED;
    }
    str_release(&path);
    return e;
}

static err make_parent(const char *path) {
    char *parent = path_dir(path);
    if (!parent) return ERR_MEMORY;
    err e = dir_make(parent);
    mem_free(parent);
    return e;
}

err lfs_store_add(const char *repository, const char *file, const struct lfs_object *o) {
    struct str path = {0};
    enum lfs_found found = LFS_MISSING;
    err e = dir_need_room(repository, o->bytes);
    if (e == ERR_OK) e = object_path(repository, o, &path);
    if (e == ERR_OK) e = make_parent(str_text(&path));
    if (e == ERR_OK) e = file_copy(file, str_text(&path));
    if (e == ERR_OK) e = lfs_store_check(repository, o, &found);
    if (e == ERR_OK && found != LFS_GOOD) e = file_remove(str_text(&path));
    if (e == ERR_OK && found != LFS_GOOD)
        e = fail(ERR_MISMATCH, "'%s' was changed while it was copied", file);
    str_release(&path);
    return e;
}

err lfs_store_remove(const char *repository, const struct lfs_object *o) {
    struct str path = {0};
    err e = object_path(repository, o, &path);
    if (e == ERR_OK) e = file_remove(str_text(&path));
    str_release(&path);
    return e;
}

err lfs_store_set_aside(const char *repository, const struct lfs_object *o) {
    struct str from = {0}, to = {0};
    err e = object_path(repository, o, &from);
    if (e == ERR_OK) e = str_printf(&to, "%s/lfs/bad/%s", repository, o->oid);
    if (e == ERR_OK) e = make_parent(str_text(&to));
    if (e == ERR_OK && rename(str_text(&from), str_text(&to)) != 0)
        e = fail_errno(ERR_IO, errno, "cannot move '%s' aside", str_text(&from));
    str_release(&from);
    str_release(&to);
    return e;
}

/* ---- the program ---- */

/* As a shell takes it for one word. */
static err add_quoted(const char *text, struct str *out) {
    TRY(str_add(out, "'"));
    for (; *text; text++) TRY(*text == '\'' ? str_add(out, "'\\''") : str_append(out, text, 1));
    return str_add(out, "'");
}

err lfs_helper(const struct lfs_token *t, struct str *out) {
    const char *host = strstr(t->url, "://");
    size_t n = host ? (size_t)(host - t->url) + 3 : 0;
    n += strcspn(t->url + n, "/?#");
    TRY(str_printf(out, "credential.%.*s.helper=!f() { echo username=oauth2; printf password=; ",
                   (int)n, t->url));
    if (!t->file) return str_printf(out, "printf '%%s\\n' \"$%s\"; }; f", t->variable);
    TRY(str_add(out, "cat "));
    TRY(add_quoted(t->file, out));
    return str_add(out, "; }; f");
}

/* The first line that gives a reason: those of progress stand before it. */
static const char *reason_in(const char *text, size_t *out_n) {
    static const char *const progress[] = {"fetch:", "Uploading", "Downloading", "\n", "\r"};
    for (;; text += *out_n + strspn(text + *out_n, "\r\n")) {
        bool is_progress = false;
        *out_n = strcspn(text, "\r\n");
        for (size_t i = 0; i < sizeof progress / sizeof progress[0]; i++)
            is_progress = is_progress || str_starts(text, progress[i]);
        if (!is_progress || !text[*out_n]) return text;
    }
}

static err complain(const struct program *p, const struct lfs_remote *r, const char *what) {
    size_t n;
    const char *line = reason_in(str_text(&p->errors), &n);
    if (strstr(line, "is not a git command"))
        return fail_hint(fail(ERR_MISSING, "there is no program 'git lfs'"),
                         "Debian: apt install git-lfs");
    return fail_hint(fail(ERR_IO, "%s '%s': %.*s", what, r->name, (int)n, line),
                     "run it again: it goes on where it stopped");
}

/* `words` come behind `git lfs`. Nobody is asked for a password: there may be nobody. */
static err run_lfs(const struct lfs_remote *r, const char *const *words, const char *what) {
    const char *const head[] = {"env",
                                "GIT_TERMINAL_PROMPT=0",
                                "GIT_ASKPASS=true",
                                "git",
                                "-c",
                                "lfs.locksverify=false",
                                "-C",
                                r->repository,
                                NULL};
    const char *all[32];
    size_t n = 0;
    for (size_t i = 0; head[i]; i++) all[n++] = head[i];
    if (r->helper) {
        all[n++] = "-c";
        all[n++] = "credential.helper="; /* those of the configuration are not asked */
        all[n++] = "-c";
        all[n++] = r->helper;
    }
    all[n++] = "lfs";
    while (*words) all[n++] = *words++;
    all[n] = NULL;
    struct program p = {.words = all};
    TRY(program_run(&p));
    err e = ERR_OK;
    if (p.exit_code == 127)
        e = fail_hint(fail(ERR_MISSING, "there is no program 'git'"), "Debian: apt install git");
    else if (p.exit_code != 0)
        e = complain(&p, r, what);
    program_clear(&p);
    return e;
}

err lfs_push(const struct lfs_remote *r, const struct lfs_object *o) {
    const char *const words[] = {"push", "--object-id", r->name, o->oid, NULL};
    return run_lfs(r, words, "git lfs push to");
}

err lfs_fetch(const struct lfs_remote *r, const char *at, const char *path) {
    /* A path that would be read as several or as a pattern: then everything is fetched. */
    const char *only = strpbrk(path, ",*?[]{}\\ ") ? "" : path;
    const char *const words[] = {"fetch", r->name, at, "--include", only, "--exclude", "", NULL};
    return run_lfs(r, words, "git lfs fetch from");
}
