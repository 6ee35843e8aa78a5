/* SPDX-License-Identifier: Apache-2.0
 * Git LFS (remote/lfs.h). One object at a time, so that no more of a release than its largest file
 * lies on the disk twice. `git lfs` may hard-link an object into a repository on this disk, so a
 * copy is made for it and not a link: what is in a release has one name.
 * Read next: base/program.h. */
#include "remote/lfs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/program.h"
#include "base/stop.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REFUSALS_MAX = 64 }; /* what passes it tries again eight times */

#define POINTER_BEGINS "version https://git-lfs.github.com/spec/v1\noid sha256:"

err lfs_pointer(const struct lfs_object *o, struct str *out) {
    return str_printf(out, POINTER_BEGINS "%s\nsize %lld\n", o->oid, (long long)o->bytes);
}

bool lfs_is_pointer(const char *text) {
    return str_starts(text, POINTER_BEGINS);
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

/* ---- its token, and its complaints ---- */

err lfs_helper(const struct lfs_token *t, struct str *out) {
    const char *host = strstr(t->url, "://");
    size_t n = host ? (size_t)(host - t->url) + 3 : 0;
    n += strcspn(t->url + n, "/?#");
    TRY(str_printf(out, "credential.%.*s.helper=!f() { echo username=oauth2; printf password=; ",
                   (int)n, t->url));
    if (!t->file) return str_printf(out, "printf '%%s\\n' \"$%s\"; }; f", t->variable);
    TRY(str_add(out, "cat "));
    TRY(str_quoted(out, t->file));
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

static const char of_store[] = "the LFS server points to a store that wants a log-in of its own, "
                               "or gave no right for it: that is for its keeper to mend";

static err complain(const struct program *p, const struct lfs_remote *r, const char *what) {
    size_t n;
    const char *line = reason_in(str_text(&p->errors), &n);
    if (strstr(line, "is not a git command"))
        return fail_hint(fail(ERR_MISSING, "there is no program 'git lfs'"),
                         "Debian: apt install git-lfs");
    if (strstr(line, "could not read Username"))
        return fail_hint(fail(ERR_DENIED, "%s '%s': %.*s", what, r->name, (int)n, line), "%s",
                         of_store);
    return fail_hint(fail(ERR_IO, "%s '%s': %.*s", what, r->name, (int)n, line),
                     "run it again: it goes on where it stopped");
}

/* ---- while it runs ---- */

/* What it tells of itself, in two nameless files: its progress, which grows with the bytes that
 * move, and its trace, which has the status of every answer. */
struct watch {
    const struct lfs_remote *remote;
    const char *what;
    int progress, trace;
    off_t moved, read; /* bytes of either that were seen */
    int64_t refusals;  /* since the last bytes moved */
    double moved_s;
};

/* The last request that the trace has, without the query, which may be the right to it. */
static void last_request(const struct watch *w, char *out, size_t capacity) {
    static const char mark[] = "HTTP: ";
    char text[4096];
    off_t from = w->read < (off_t)sizeof text ? 0 : w->read - (off_t)sizeof text + 1;
    ssize_t n = pread(w->trace, text, sizeof text - 1, from);
    text[n > 0 ? n : 0] = '\0';
    out[0] = '\0';
    for (const char *at = text; (at = strstr(at, mark)) != NULL;) {
        at += sizeof mark - 1; /* a method, a status or an answer's JSON */
        if (*at >= 'A' && *at <= 'Z')
            snprintf(out, capacity, "%.*s", (int)strcspn(at, "?\r\n"), at);
    }
}

static err refused(const struct watch *w) {
    char request[512];
    last_request(w, request, sizeof request);
    return fail_hint(fail(ERR_DENIED, "%s '%s': refused over and over (status 401): %s", w->what,
                          w->remote->name, request),
                     "%s", of_store);
}

/* git-lfs asks again for ever, and at once, where a store answers 401 to a request that the LFS
 * server said needs no log-in. */
static void count_refusals(struct watch *w) {
    static const char mark[] = "HTTP: 401\n";
    char text[8192];
    for (ssize_t n; (n = pread(w->trace, text, sizeof text - 1, w->read)) > 0; w->read += n) {
        text[n] = '\0';
        for (const char *at = text; (at = strstr(at, mark)) != NULL; at += sizeof mark - 1)
            w->refusals++;
    }
}

static err stopped(const struct watch *w) {
    return fail_hint(fail(ERR_STOPPED, "asked to stop during %s '%s'", w->what, w->remote->name),
                     "run it again: it goes on where it stopped");
}

static err look(void *context) {
    struct watch *w = context;
    struct stat progress;
    double now_s = clock_seconds();
    int64_t limit_ms = w->remote->stall_ms;
    count_refusals(w);
    if (fstat(w->progress, &progress) == 0 && progress.st_size != w->moved) {
        w->moved = progress.st_size;
        w->moved_s = now_s;
        w->refusals = 0;
    }
    if (stop_asked()) return stopped(w);
    if (w->refusals > REFUSALS_MAX) return refused(w);
    if (limit_ms == 0 || (now_s - w->moved_s) * 1e3 < (double)limit_ms) return ERR_OK;
    return fail_hint(fail(ERR_IO, "%s '%s': not a byte moved for %.1f s", w->what, w->remote->name,
                          (double)limit_ms / 1e3),
                     "run it again: it goes on where it stopped");
}

static err watch_open(struct watch *w) {
    w->progress = memfd_create("cotrain", MFD_CLOEXEC);
    w->trace = memfd_create("cotrain", MFD_CLOEXEC);
    w->moved_s = clock_seconds();
    if (w->progress >= 0 && w->trace >= 0) return ERR_OK;
    return fail_errno(ERR_IO, errno, "cannot start 'git lfs'");
}

static void watch_close(const struct watch *w) {
    if (w->progress >= 0) close(w->progress);
    if (w->trace >= 0) close(w->trace);
}

/* ---- the program ---- */

static err run_words(struct watch *w, const char *const *words) {
    struct program p = {.words = words, .watch = look, .context = w};
    TRY(program_run(&p));
    err e = ERR_OK;
    if (p.exit_code == 127)
        e = fail_hint(fail(ERR_MISSING, "there is no program 'git'"), "Debian: apt install git");
    else if (p.exit_code != 0 && stop_asked()) /* a terminal tells it, too */
        e = stopped(w);
    else if (p.exit_code != 0)
        e = complain(&p, w->remote, w->what);
    program_clear(&p);
    return e;
}

/* `words` come behind `git lfs`. Nobody is asked for a password: there may be nobody. (An ASKPASS
 * that answers nothing would be taken for an answer, and asked again for ever.) */
static err run_lfs(const struct lfs_remote *r, const char *const *words, const char *what) {
    struct watch w = {.remote = r, .what = what, .progress = -1, .trace = -1};
    char progress[64], trace[64];
    const char *const head[] = {
        "env", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", progress,      trace, "git",
        "-c",  "lfs.locksverify=false", "-C",           r->repository, NULL};
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
    err e = watch_open(&w);
    snprintf(progress, sizeof progress, "GIT_LFS_PROGRESS=/proc/%d/fd/%d", getpid(), w.progress);
    snprintf(trace, sizeof trace, "GIT_TRACE=/proc/%d/fd/%d", getpid(), w.trace);
    if (e == ERR_OK) e = run_words(&w, all);
    watch_close(&w);
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
