/* SPDX-License-Identifier: Apache-2.0
 * What a reproduction begins with: the release, verified and read, the steps that are asked for,
 * the base model, and a folder to work in.
 * Read next: cli/reproduce.c, which goes on. */
#include "base/file.h"
#include "base/mem.h"
#include "cli/reproduce_int.h"
#include "release/pack.h"
#include "release/previous.h"
#include "release/sources.h"
#include "release/statement.h"
#include "release/states.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

err again_say(struct again *a, const char *what, const char *format, ...) {
    struct str says = {0};
    va_list args;
    va_start(args, format);
    err e = str_vprintf(&says, format, args);
    va_end(args);
    if (e == ERR_OK) e = str_printf(a->text, "%-8s %s\n", what, str_text(&says));
    if (e == ERR_OK)
        e = json_push(json_object_get(a->report, "findings"),
                      json_pack("{s:s, s:s}", "check", what, "says", str_text(&says)));
    str_release(&says);
    return e;
}

/* ---- the release ---- */

err again_read(const char *dir, const char *name, json_t **out) {
    char *path = path_join(dir, name);
    err e = path ? json_parse_file(path, out) : ERR_MEMORY;
    mem_free(path);
    return e;
}

static err read_version(struct again *a) {
    json_t *statement = NULL;
    TRY(again_read(a->options->dir, STATEMENT_FILE, &statement));
    const json_t *run = json_object_get(json_object_get(statement, "predicate"), "runDetails");
    const json_t *version = json_object_get(json_object_get(run, "builder"), "version");
    err e = str_add(&a->version, json_text_of(version, "cotrain"));
    json_decref(statement);
    return e;
}

static err read_release(struct again *a) {
    const char *dir = a->options->dir;
    TRY(release_verify(&(struct release_verify){.dir = dir}, &a->facts));
    a->chain = json_object_get(a->facts.manifest, "chain");
    a->log = arena_printf(a->arena, "%s/%s", dir, PACK_LOG);
    if (!a->log) return ERR_MEMORY;
    TRY(read_version(a));
    TRY(steps_read(a->log, &a->record));
    TRY(again_read(dir, PACK_DATA, &a->their_data));
    TRY(again_read(dir, "logs/plan.json", &a->their_plan));
    TRY(sources_read(dir, &a->sources));
    TRY(json_put(a->report, "hash", json_string(a->facts.hash)));
    return again_say(a, "release", "%s: nothing in it has been changed", a->facts.hash);
}

/* ---- which steps ---- */

static err bad_steps(const struct again *a, const char *why) {
    err e = fail(ERR_USAGE, "--steps %s: %s", a->options->steps, why);
    return fail_hint(e, "the record has steps 1 to %lld: --steps 10:20, or --steps random:10",
                     (long long)a->record.n);
}

/* A number of the machine's own chance: nobody who made the release can know it before. */
static err choose_steps(struct again *a, int64_t n) {
    uint64_t chance;
    if (n < 1 || n > a->record.n) return bad_steps(a, "there are not as many steps");
    if (getentropy(&chance, sizeof chance) != 0)
        return fail(ERR_IO, "the system gives no random number");
    a->first = 1 + (int64_t)(chance % (uint64_t)(a->record.n - n + 1));
    a->last = a->first + n - 1;
    return ERR_OK;
}

static err parse_number(const struct again *a, const char *text, size_t n, int64_t *out) {
    char digits[20];
    if (n == 0 || n >= sizeof digits || strspn(text, "0123456789") < n)
        return bad_steps(a, "it is not A:B");
    memcpy(digits, text, n);
    digits[n] = '\0';
    return str_to_int64(digits, out);
}

static err find_steps(struct again *a) {
    const char *text = a->options->steps, *colon = text ? strchr(text, ':') : NULL;
    a->first = 1;
    a->last = a->record.n;
    if (a->record.n == 0) return fail(ERR_GATE, "'%s': the record has no steps", PACK_LOG);
    if (!text) return ERR_OK;
    if (!colon) return bad_steps(a, "it is not A:B");
    if (str_starts(text, "random:")) {
        TRY(parse_number(a, colon + 1, strlen(colon + 1), &a->first));
        TRY(choose_steps(a, a->first));
    } else {
        TRY(parse_number(a, text, (size_t)(colon - text), &a->first));
        TRY(parse_number(a, colon + 1, strlen(colon + 1), &a->last));
    }
    if (a->first < 1 || a->last > a->record.n)
        return bad_steps(a, "the record has not these steps");
    if (a->first > a->last) return bad_steps(a, "it ends before it begins");
    return states_nearest(a->options->dir, a->first - 1, &a->from);
}

/* ---- the base ---- */

/* The folder that was named, or the recipe's as seen from here or from the release. */
static err find_base(struct again *a) {
    struct str path = {0};
    if (a->options->base) {
        a->base = a->options->base;
    } else {
        TRY(reproduce_recipe_base(a->options->dir, &path));
        const char *const tries[] = {
            arena_strdup(a->arena, str_text(&path)),
            arena_printf(a->arena, "%s/provenance/%s", a->options->dir, str_text(&path))};
        for (size_t i = 0; i < sizeof tries / sizeof tries[0] && !a->base; i++)
            if (tries[i] && dir_exists(tries[i])) a->base = tries[i];
    }
    err e = ERR_OK;
    if (!a->base || !dir_exists(a->base)) {
        e = fail(ERR_MISSING, "the base model '%s' is not there",
                 a->base ? a->base : str_text(&path));
        e = fail_hint(e, "name its folder with --base; it is %s, with the digest %s",
                      json_text_of(json_object_get(a->facts.manifest, "about"), "base_model"),
                      json_text_of(a->chain, "base"));
    }
    str_release(&path);
    return e;
}

static err check_base(struct again *a) {
    char digest[SHA256_HEX_SIZE];
    const char *wanted = json_text_of(a->chain, "base");
    TRY(find_base(a));
    TRY(sha256_dir(a->base, digest));
    if (strcmp(digest, wanted) != 0)
        return fail_hint(fail(ERR_MISMATCH, "the base model '%s' has the digest %s, not %s",
                              a->base, digest, wanted),
                         "the release was trained from another model, or a file of this one "
                         "changed: every file of the folder counts");
    return again_say(a, "base", "'%s' is the model that it was trained from, %s", a->base, digest);
}

/* ---- the folder ---- */

static err remove_below(const char *dir, const char *name) {
    char *path = path_join(dir, name);
    err e = path ? (dir_exists(path) ? dir_remove(path) : file_remove(path)) : ERR_MEMORY;
    mem_free(path);
    return e;
}

/* Whether `path`, which need not be there yet, lies in the folder `dir` or is it. */
static err lies_in(const char *path, const char *dir, bool *out) {
    char real_dir[PATH_MAX], real[PATH_MAX];
    bool found = false;
    if (!realpath(dir, real_dir)) return fail_errno(ERR_IO, errno, "cannot resolve '%s'", dir);
    char *at = mem_strdup(path);
    while (at && !(found = realpath(at, real)) && strcmp(at, ".") != 0 && strcmp(at, "/") != 0) {
        char *above = path_dir(at);
        mem_free(at);
        at = above;
    }
    if (!at) return ERR_MEMORY;
    mem_free(at);
    const size_t n = strlen(real_dir);
    *out = found && strncmp(real, real_dir, n) == 0 && (real[n] == '/' || real[n] == '\0');
    return ERR_OK;
}

/* What is made must not become a part of the release, which would be refused from then on. */
static err check_work(const struct again *a) {
    bool inside;
    TRY(lies_in(a->options->work, a->options->dir, &inside));
    if (!inside) return ERR_OK;
    return fail_hint(fail(ERR_USAGE, "the work folder '%s' lies in the release", a->options->work),
                     "name one outside of it: --work ../again");
}

/* A folder of somebody else's is left alone; that of an earlier reproduction begins anew. */
static err open_work(struct again *a) {
    static const char *const ours[] = {"recipe.yaml", "sources", "data",         "train",
                                       "eval",        "release", "stages.jsonl", REPRODUCE_REPORT};
    struct name_list names = {0};
    const char *dir = a->options->work;
    const bool is_there = file_exists(dir);
    char *report = path_join(dir, REPRODUCE_REPORT);
    err e = report ? ERR_OK : ERR_MEMORY;
    if (e == ERR_OK && is_there) e = dir_list(dir, &names);
    if (e == ERR_OK && names.n > 0 && !file_exists(report))
        e = fail_hint(fail(ERR_EXISTS, "'%s' is there and is no folder of a reproduction", dir),
                      "name another one with --work");
    name_list_release(&names);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0] && is_there && e == ERR_OK; i++)
        e = remove_below(dir, ours[i]);
    if (e == ERR_OK)
        e = fail_hint(work_open(&a->work, dir, NULL, a->arena), "name another one with --work");
    if (e == ERR_OK) e = json_write_file(report, a->report);
    mem_free(report);
    return e;
}

/* ---- the beginning ---- */

static err tell_steps(struct again *a) {
    TRY(json_put(a->report, "steps",
                 json_pack("{s:I, s:I, s:I, s:I}", "first", (json_int_t)a->first, "last",
                           (json_int_t)a->last, "of", (json_int_t)a->record.n, "after_state",
                           (json_int_t)a->from)));
    if (!a->options->steps || !str_starts(a->options->steps, "random:")) return ERR_OK;
    return again_say(a, "chosen", "steps %lld to %lld: --steps %lld:%lld takes them again",
                     (long long)a->first, (long long)a->last, (long long)a->first,
                     (long long)a->last);
}

static err need_folder(const char *option, const char *dir) {
    if (!dir || dir_exists(dir)) return ERR_OK;
    return fail(ERR_MISSING, "%s: there is no folder '%s'", option, dir);
}

/* What was named, before anything is made: some of it is read after the training. */
static err check_folders(const struct again *a) {
    const struct reproduce_options *o = a->options;
    TRY(need_folder("--sources", o->given));
    TRY(need_folder("--datasets", o->datasets));
    TRY(need_folder("--previous", o->previous));
    char *record = path_join(o->dir, PREVIOUS_FILE);
    if (!record) return ERR_MEMORY;
    const bool useless = o->previous && !file_exists(record);
    mem_free(record);
    if (!useless) return ERR_OK;
    return fail(ERR_USAGE, "--previous: release '%s' says nothing of a release before it", o->dir);
}

err again_open(struct again *a) {
    TRY(read_release(a));
    TRY(check_work(a));
    TRY(check_folders(a));
    TRY(find_steps(a));
    TRY(tell_steps(a));
    TRY(check_base(a));
    return open_work(a);
}
