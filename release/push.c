/* SPDX-License-Identifier: Apache-2.0
 * Pushing (release/push.h): which targets, with which tokens, and what is kept of each. Two pushes
 * of one release at the same time are refused: they would undo each other's record.
 * Read next: release/push_int.h, release/targets/git.c. */
#include "release/push.h"

#include "base/log.h"
#include "base/mem.h"
#include "release/push_int.h"
#include "release/signing.h"
#include "remote/token.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { STATE_VERSION = 1, STALL_S = 60, STALL_MAX_S = 86400 };

static const char *const state_words[PUSH_STATE_COUNT] = {
#define STATE(name, word) word,
    PUSH_STATES(STATE)
#undef STATE
};

#define TARGET(name) extern const struct target_type target_##name;
#include "release/targets.def"
#undef TARGET
const struct target_type *const target_types[] = {
#define TARGET(name) &target_##name,
#include "release/targets.def"
#undef TARGET
};
const int n_target_types = sizeof target_types / sizeof target_types[0];

const char *push_type_name(int i) {
    return target_types[i]->name;
}

const char *push_type_summary(int i) {
    return target_types[i]->summary;
}

struct push {
    const struct push_options *o;
    struct arena arena;
    struct push_release release;
    const char *folder, *state_path; /* DIR.push, and the record in it */
    int lock;
    int64_t stall_ms;
    json_t *state, *results;
};

/* ---- which targets ---- */

static const struct target_type *type_of(const struct release_target *t) {
    for (int i = 0; i < n_target_types; i++)
        if (strcmp(target_types[i]->name, t->type) == 0) return target_types[i];
    return NULL;
}

static bool same_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Two targets of one name could not be told apart, and two of one place would push to it twice. */
static err check_two(const struct release_target *a, const struct release_target *b) {
    const char *one = release_target_name(a), *other = release_target_name(b);
    if (strcmp(one, other) == 0)
        return fail_hint(fail(ERR_PARSE, "two targets are called '%s'", one),
                         "give one of them another `name`");
    if (strcmp(a->type, b->type) != 0 || !same_text(a->url, b->url) ||
        !same_text(a->repo, b->repo) || !same_text(a->branch, b->branch))
        return ERR_OK;
    return fail(ERR_PARSE, "targets '%s' and '%s' are the same place", one, other);
}

/* It is a folder's name, too. */
static err check_name(const char *name) {
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (*name && name[0] != '.' && strspn(name, good) == strlen(name)) return ERR_OK;
    return fail(ERR_RANGE, "a target's name has letters, digits, '.', '_' and '-' alone");
}

static err check_names(const struct push_options *o) {
    const struct release_target *items = o->targets->items;
    for (int64_t i = 0; i < o->targets->n; i++) TRY(check_name(release_target_name(&items[i])));
    for (int64_t i = 0; i < o->targets->n; i++)
        for (int64_t j = 0; j < i; j++) TRY(check_two(&items[j], &items[i]));
    for (int64_t i = 0; i < o->only->n; i++) {
        bool known = false;
        for (int64_t j = 0; j < o->targets->n; j++)
            known = known || strcmp(o->only->items[i], release_target_name(&items[j])) == 0;
        if (!known) return fail(ERR_USAGE, "the recipe has no target '%s'", o->only->items[i]);
    }
    return ERR_OK;
}

static bool is_wanted(const struct push_options *o, const struct release_target *t) {
    return o->only->n == 0 || opt_list_has(o->only, release_target_name(t));
}

/* The FILE of "TARGET=FILE" for this target, or NULL. */
static const char *token_file_of(const struct push_options *o, const char *name) {
    size_t n = strlen(name);
    for (int64_t i = 0; i < o->tokens->n; i++) {
        const char *item = o->tokens->items[i];
        if (strncmp(item, name, n) == 0 && item[n] == '=') return item + n + 1;
    }
    return NULL;
}

static err check_token_files(const struct push_options *o) {
    for (int64_t i = 0; i < o->tokens->n; i++) {
        bool known = false;
        for (int64_t j = 0; j < o->targets->n; j++) {
            const char *name = release_target_name(&o->targets->items[j]);
            size_t n = strlen(name);
            known = known ||
                    (strncmp(o->tokens->items[i], name, n) == 0 && o->tokens->items[i][n] == '=');
        }
        if (!known)
            return fail(ERR_USAGE, "--token-file wants TARGET=FILE with a target of the recipe");
    }
    return ERR_OK;
}

static err default_tag(struct push *p, const struct release_target *t, const char **out) {
    const char *month = p->release.month;
    *out = t->tag;
    if (t->tag) return ERR_OK;
    if (!month)
        return fail_hint(fail(ERR_MISSING, "target '%s' has no tag", release_target_name(t)),
                         "the recipe has no `month` to make one of: give the target a `tag`");
    *out = arena_printf(&p->arena, "v%.4s.%s", month, month + 5);
    return *out ? ERR_OK : ERR_MEMORY;
}

/* ---- the record ---- */

static err read_state(struct push *p) {
    json_t *read = NULL;
    if (file_exists(p->state_path) && json_parse_file(p->state_path, &read) != ERR_OK) {
        LOG(RELEASE, WARN, "%s: begun anew", err_message());
        err_clear();
    }
    if (read && json_int_of(read, "push") == STATE_VERSION &&
        strcmp(json_text_of(read, "release"), p->release.hash) == 0) {
        p->state = read;
        return ERR_OK;
    }
    json_decref(read); /* of another release that lay here before */
    p->state =
        json_pack("{s:i, s:s, s:{}}", "push", STATE_VERSION, "release", p->release.hash, "targets");
    return p->state ? ERR_OK : fail(ERR_MEMORY, "out of memory for the record");
}

static err open_folder(struct push *p) {
    const char *path = arena_printf(&p->arena, "%s/lock", p->folder);
    if (!path) return ERR_MEMORY;
    TRY(dir_make(p->folder));
    p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (p->lock < 0) return fail_errno(ERR_IO, errno, "cannot open '%s'", path);
    if (flock(p->lock, LOCK_EX | LOCK_NB) == 0) return read_state(p);
    if (errno != EWOULDBLOCK) return fail_errno(ERR_IO, errno, "cannot lock '%s'", path);
    return fail(ERR_EXISTS, "another push of '%s' is under way", p->o->dir);
}

/* Notes how far the target came. */
static err came_to(struct push *p, struct pushing *one, enum push_state state) {
    if (p->o->dry_run) return ERR_OK;
    one->reached = state;
    LOG(RELEASE, INFO, "target '%s': %s", release_target_name(one->target), state_words[state]);
    TRY(json_put(one->note, "state", json_string(state_words[state])));
    return json_write_file(p->state_path, p->state);
}

/* ---- one target ---- */

static err take_token(struct pushing *one, const struct target_type *type, struct str *token) {
    one->token_file = token_file_of(one->options, release_target_name(one->target));
    if (one->options->dry_run) return ERR_OK;
    TRY(token_read(one->token_file, &type->token, 1, token));
    one->token = token->len > 0 ? str_text(token) : NULL;
    return ERR_OK;
}

static err take_note(struct push *p, struct pushing *one) {
    const char *name = release_target_name(one->target);
    if (p->o->dry_run) {
        one->note = json_object();
        one->requests = json_array();
        return one->note && one->requests ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    }
    json_t *targets = json_object_get(p->state, "targets");
    one->note = json_incref(json_object_get(targets, name));
    if (one->note) return ERR_OK;
    one->note = json_object();
    return json_put(targets, name, json_incref(one->note));
}

static err run_steps(struct push *p, struct pushing *one, const struct target_type *type) {
    err (*const steps[])(struct pushing *) = {type->prepare, type->upload, type->commit,
                                              type->verify};
    for (int i = 0; i < PUSH_STATE_COUNT - 1; i++) {
        TRY(steps[i](one));
        TRY(came_to(p, one, (enum push_state)(i + 1)));
    }
    return ERR_OK;
}

/* What became of a target; where `failed` is no ERR_OK, the present message says why. */
static err add_result(struct push *p, const struct pushing *one, err failed) {
    static const struct {
        const char *key;
        enum push_state from; /* what the record has of it before is an earlier run's */
    } kept[] = {
        {"commit", PUSH_COMMITTED}, {"pull_request", PUSH_COMMITTED}, {"tag", PUSH_VERIFIED}};
    json_t *result = json_pack("{s:s, s:s, s:s, s:s}", "name", release_target_name(one->target),
                               "type", one->target->type, "where", one->where ? one->where : "",
                               "state", state_words[one->reached]);
    TRY(json_push(p->results, result));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *value = json_object_get(one->note, kept[i].key);
        if (value && one->reached >= kept[i].from)
            TRY(json_put(result, kept[i].key, json_incref(value)));
    }
    if (one->requests) TRY(json_put(result, "requests", json_incref(one->requests)));
    if (failed == ERR_OK) return ERR_OK;
    TRY(json_put(result, "error", json_string(err_message())));
    return err_hint()[0] ? json_put(result, "hint", json_string(err_hint())) : ERR_OK;
}

static err push_one(struct push *p, const struct release_target *t) {
    const struct target_type *type = type_of(t);
    struct pushing one = {.options = p->o,
                          .release = &p->release,
                          .target = t,
                          .branch = t->branch ? t->branch : type->branch,
                          .stall_ms = p->stall_ms,
                          .arena = &p->arena};
    struct str token = {0};
    one.work_dir = arena_printf(&p->arena, "%s/%s", p->folder, release_target_name(t));
    err e = one.work_dir ? default_tag(p, t, &one.tag) : ERR_MEMORY;
    if (e == ERR_OK) e = take_token(&one, type, &token);
    if (e == ERR_OK) e = take_note(p, &one);
    if (e == ERR_OK) e = type->open(&one);
    if (e != ERR_OK) one.where = NULL; /* it may be what was refused: an address with a password */
    if (e == ERR_OK) e = run_steps(p, &one, type);
    type->close(&one);
    err told = add_result(p, &one, e);
    json_decref(one.note);
    json_decref(one.requests);
    token_release(&token);
    return fail_in(told == ERR_OK ? e : told, "target '%s'", release_target_name(t));
}

/* ---- all of them ---- */

static err check_options(const struct push_options *o) {
    TRY(check_names(o));
    TRY(check_token_files(o));
    TRY(release_keys_check(&(struct release_keys){.ssh_key = o->ssh_key}));
    if (o->targets->n > 0) return ERR_OK;
    return fail_hint(
        fail(ERR_USAGE, "the recipe names no targets"),
        "release: {targets: [{type: git, url: https://..., author: 'Name <address>'}]}");
}

static err read_stall(struct push *p) {
    const char *text = env_get(ENV_COTRAIN_STALL_S);
    int64_t seconds = STALL_S;
    if (text && (str_to_int64(text, &seconds) != ERR_OK || seconds < 1 || seconds > STALL_MAX_S))
        return fail(ERR_RANGE, "COTRAIN_STALL_S: '%s' is no number of seconds from 1 to %d", text,
                    STALL_MAX_S);
    p->stall_ms = seconds * 1000;
    return ERR_OK;
}

/* Beside the release, whatever it is called by: "." would be in it. */
static err place(struct push *p) {
    char real[PATH_MAX];
    if (!realpath(p->o->dir, real))
        return fail_errno(ERR_IO, errno, "cannot resolve '%s'", p->o->dir);
    p->folder = arena_printf(&p->arena, "%s.push", real);
    if (!p->folder) return ERR_MEMORY;
    p->state_path = arena_printf(&p->arena, "%s/state.json", p->folder);
    return p->state_path ? ERR_OK : ERR_MEMORY;
}

/* A target that fails is in no other's way. The first failure is the one that is returned. */
static err push_each(struct push *p) {
    struct err_kept kept;
    err first = ERR_OK, e = ERR_OK;
    for (int64_t i = 0; i < p->o->targets->n && e != ERR_STOPPED && e != ERR_MEMORY; i++) {
        if (!is_wanted(p->o, &p->o->targets->items[i])) continue;
        e = push_one(p, &p->o->targets->items[i]);
        if (e == ERR_OK || first != ERR_OK) continue;
        first = e;
        err_keep(&kept);
    }
    if (first != ERR_OK) err_put_back(&kept);
    return first;
}

static err push_all(struct push *p) {
    TRY(push_list(&p->release, p->o->dir, p->o->manifest, &p->arena));
    if (!p->release.is_signed)
        LOG(RELEASE, WARN, "'%s' is unsigned, and its commits will say so", p->o->dir);
    TRY(place(p));
    if (!p->o->dry_run) TRY(open_folder(p));
    return push_each(p);
}

err release_push(const struct push_options *o, json_t **out) {
    struct push p = {.o = o, .lock = -1, .results = json_array()};
    *out = NULL;
    err e = p.results ? check_options(o) : fail(ERR_MEMORY, "out of memory for the result");
    if (e == ERR_OK) e = read_stall(&p);
    if (e == ERR_OK) e = push_all(&p);
    if (e == ERR_OK || json_array_size(p.results) > 0) {
        *out = json_pack("{s:s, s:s, s:b, s:O}", "release", o->dir, "hash", p.release.hash,
                         "signed", (int)p.release.is_signed, "targets", p.results);
        if (!*out && e == ERR_OK) e = fail(ERR_MEMORY, "out of memory for the result");
    }
    if (p.lock >= 0) close(p.lock);
    json_decref(p.state);
    json_decref(p.results);
    arena_release(&p.arena);
    return e;
}
