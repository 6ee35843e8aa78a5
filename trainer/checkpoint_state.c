/* SPDX-License-Identifier: Apache-2.0
 * state.json: where a run stands, and the hashes that prove a checkpoint folder whole.
 * Its own seal is the SHA-256 of its text (sorted keys) without the seal.
 * Read next: trainer/checkpoint.c. */
#include "trainer/checkpoint_int.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

enum { CHECKPOINT_VERSION = 1 };

static err seal_of(const json_t *state, char out[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err e = json_text(state, JSON_TEXT_SORTED, &text);
    if (e == ERR_OK) e = sha256_bytes(str_text(&text), text.len, out);
    str_release(&text);
    return e;
}

static err hash_files(const char *dir, json_t *files) {
    struct name_list names = {0};
    TRY(dir_walk(dir, &names));
    err e = ERR_OK;
    for (size_t i = 0; i < names.n && e == ERR_OK; i++) {
        char digest[SHA256_HEX_SIZE];
        char *path = path_join(dir, names.names[i]);
        e = path ? sha256_file(path, digest) : ERR_MEMORY;
        if (e == ERR_OK) e = json_put(files, names.names[i], json_string(digest));
        mem_free(path);
    }
    name_list_release(&names);
    return e;
}

static err fill_state(const struct checkpoint_state *s, const char *dir, json_t *state) {
    char seal[SHA256_HEX_SIZE];
    TRY(json_put(state, "cotrain_checkpoint", json_integer(CHECKPOINT_VERSION)));
    TRY(json_put(state, "step", json_integer(s->step)));
    TRY(json_put(state, "trained_tokens", json_integer(s->trained_tokens)));
    TRY(json_put(state, "loss", json_real(s->loss)));
    TRY(json_put(state, "digest", json_string(s->chain)));
    if (s->best.step > 0)
        TRY(json_put(state, "best",
                     json_pack("{s:I, s:f, s:I}", "step", (json_int_t)s->best.step, "value",
                               s->best.value, "waited", (json_int_t)s->best.waited)));
    TRY(json_put(state, "options", json_string(s->identity.options)));
    TRY(json_put(state, "dataset", json_string(s->identity.dataset)));
    TRY(json_put(state, "base", json_string(s->identity.base)));
    TRY(json_put(state, "files", json_object()));
    TRY(hash_files(dir, json_object_get(state, "files")));
    TRY(seal_of(state, seal));
    return json_put(state, "seal", json_string(seal));
}

err checkpoint_state_write(const struct checkpoint_state *s, const char *dir) {
    char *path = path_join(dir, "state.json");
    if (!path) return ERR_MEMORY;
    json_t *state = json_object();
    err e = state ? fill_state(s, dir, state) : fail(ERR_MEMORY, "out of memory for 'state.json'");
    if (e == ERR_OK) e = json_write_file(path, state);
    json_decref(state);
    mem_free(path);
    return e;
}

static err read_digest(const json_t *state, const char *key, char out[SHA256_HEX_SIZE]) {
    const char *text;
    TRY(json_need_string(state, key, &text));
    if (strlen(text) != SHA256_HEX_SIZE - 1)
        return fail(ERR_PARSE, "'state.json': '%s' is no SHA-256", key);
    memcpy(out, text, SHA256_HEX_SIZE);
    return ERR_OK;
}

static err check_seal(json_t *state) {
    char written[SHA256_HEX_SIZE], found[SHA256_HEX_SIZE];
    TRY(read_digest(state, "seal", written));
    json_object_del(state, "seal");
    TRY(seal_of(state, found));
    if (strcmp(written, found) != 0)
        return fail(ERR_MISMATCH, "'state.json' is damaged: it does not match its seal");
    return ERR_OK;
}

/* Absent in a run whose evaluations decide nothing. */
static err parse_best(const json_t *state, struct train_best *out) {
    const json_t *best = json_object_get(state, "best");
    if (!best) return ERR_OK;
    TRY(json_need_int(best, "step", &out->step));
    TRY(json_need_number(best, "value", &out->value));
    return json_need_int(best, "waited", &out->waited);
}

static err parse_state(struct checkpoint_state *s, json_t *state) {
    int64_t version;
    TRY(check_seal(state));
    TRY(json_need_int(state, "cotrain_checkpoint", &version));
    if (version != CHECKPOINT_VERSION)
        return fail(ERR_UNSUPPORTED, "'state.json' has version %" PRId64 ", not %d", version,
                    CHECKPOINT_VERSION);
    TRY(json_need_int(state, "step", &s->step));
    TRY(json_need_int(state, "trained_tokens", &s->trained_tokens));
    TRY(json_need_number(state, "loss", &s->loss));
    TRY(parse_best(state, &s->best));
    TRY(read_digest(state, "digest", s->chain));
    TRY(read_digest(state, "options", s->identity.options));
    TRY(read_digest(state, "dataset", s->identity.dataset));
    return read_digest(state, "base", s->identity.base);
}

static err check_file(const char *dir, const char *name, const json_t *digest, bool *there) {
    char found[SHA256_HEX_SIZE];
    char *path = path_join(dir, name);
    if (!path) return ERR_MEMORY;
    *there = file_exists(path);
    err e = *there ? sha256_file(path, found) : ERR_OK;
    if (e == ERR_OK && *there &&
        (!json_is_string(digest) || strcmp(json_string_value(digest), found) != 0))
        e = fail(ERR_MISMATCH, "'%s' is damaged: it does not match its SHA-256", name);
    mem_free(path);
    return e;
}

static err check_files(const char *dir, json_t *state, bool *whole) {
    json_t *files;
    TRY(json_need_object(state, "files", &files));
    const char *name;
    json_t *digest;
    *whole = true;
    json_object_foreach(files, name, digest) {
        bool there;
        TRY(check_file(dir, name, digest, &there));
        *whole = *whole && there;
    }
    return ERR_OK;
}

err checkpoint_state_read(struct checkpoint_state *s, const char *dir, bool *whole) {
    char *path = path_join(dir, "state.json");
    if (!path) return ERR_MEMORY;
    json_t *state = NULL;
    err e = ERR_OK;
    *whole = file_exists(path);
    if (*whole) e = json_parse_file(path, &state);
    if (e == ERR_OK && *whole) e = parse_state(s, state);
    if (e == ERR_OK && *whole) e = check_files(dir, state, whole);
    json_decref(state);
    mem_free(path);
    return e;
}
