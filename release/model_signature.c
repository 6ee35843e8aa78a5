/* SPDX-License-Identifier: Apache-2.0
 * The OpenSSF model signature (release/model_signature.h). Checking makes the list of files again
 * and compares it, so it does not matter how a stranger ordered or spaced the JSON.
 * Read next: release/signing.c. */
#include "release/model_signature.h"
#include "base/file.h"
#include "base/mem.h"
#include "release/dsse.h"
#include <string.h>

#define BUNDLE_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://model_signing/signature/v1.0"
enum { MAX_BUNDLE_BYTES = 64 << 20 };

static const char *const ignored[] = {".git",         ".gitattributes",    ".github",
                                      ".gitignore",   SEAL_SUMS_SIGNATURE, SEAL_MODEL_SIGNATURE,
                                      SEAL_PROVENANCE};

static bool is_ignored(const char *path) {
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        size_t n = strlen(ignored[i]);
        if (strncmp(path, ignored[i], n) == 0 && (path[n] == '\0' || path[n] == '/')) return true;
    }
    return false;
}

/* ---- the list of files ---- */

struct listing {
    json_t *resources;
    struct sha256 root;
};

static err add_digest(struct listing *l, const char *hash) {
    unsigned char bytes[32];
    for (size_t i = 0; i < sizeof bytes; i++) {
        static const char digits[] = "0123456789abcdef";
        bytes[i] = (unsigned char)((strchr(digits, hash[2 * i]) - digits) * 16 +
                                   (strchr(digits, hash[2 * i + 1]) - digits));
    }
    return sha256_add(&l->root, bytes, sizeof bytes);
}

static err add_resource(struct listing *l, const char *path, const char *hash) {
    if (is_ignored(path)) return ERR_OK;
    TRY(add_digest(l, hash));
    json_t *one = json_object();
    TRY(json_push(l->resources, one));
    TRY(json_put(one, "name", json_string(path)));
    TRY(json_put(one, "algorithm", json_string("sha256")));
    return json_put(one, "digest", json_string(hash));
}

static err add_unlisted(struct listing *l, const char *dir, const char *name) {
    char hash[SHA256_HEX_SIZE];
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = sha256_file(path, hash);
    mem_free(path);
    TRY(result);
    return add_resource(l, name, hash);
}

/* The lines of SHA256SUMS, and between them, where they stand by name, the two files that have no
 * line there. */
static err list_files(struct listing *l, const char *dir, const struct seal *seal) {
    static const char *const unlisted[] = {SEAL_RELEASE, SEAL_SUMS};
    const size_t n_unlisted = sizeof unlisted / sizeof unlisted[0];
    size_t next = 0;
    for (int64_t i = 0; i < seal->n_lines; i++) {
        while (next < n_unlisted && strcmp(unlisted[next], seal->lines[i].path) < 0)
            TRY(add_unlisted(l, dir, unlisted[next++]));
        TRY(add_resource(l, seal->lines[i].path, seal->lines[i].hash));
    }
    while (next < n_unlisted) TRY(add_unlisted(l, dir, unlisted[next++]));
    return ERR_OK;
}

/* The resources of the folder, and their root. The caller json_decref()s. */
static err take_listing(const char *dir, const struct seal *seal, json_t **out,
                        char out_root[SHA256_HEX_SIZE]) {
    struct listing l = {.resources = json_array()};
    err result = l.resources == NULL ? fail(ERR_MEMORY, "out of memory for a list of files")
                                     : sha256_init(&l.root);
    if (result == ERR_OK) result = list_files(&l, dir, seal);
    if (result == ERR_OK) result = sha256_final(&l.root, out_root);
    sha256_release(&l.root);
    if (result != ERR_OK) {
        json_decref(l.resources);
        return result;
    }
    *out = l.resources;
    return ERR_OK;
}

/* ---- making ---- */

static err put_serialization(json_t *predicate) {
    json_t *how = json_object(), *paths = NULL;
    TRY(json_put(predicate, "serialization", how));
    TRY(json_put(how, "method", json_string("files")));
    TRY(json_put(how, "hash_type", json_string("sha256")));
    TRY(json_put(how, "allow_symlinks", json_false()));
    paths = json_array();
    TRY(json_put(how, "ignore_paths", paths));
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        TRY(json_push(paths, json_string(ignored[i])));
    return ERR_OK;
}

static err fill_statement(json_t *to, const char *name, const char *root, json_t *resources) {
    TRY(json_put(to, "_type", json_string(STATEMENT_TYPE)));
    TRY(json_put(to, "subject",
                 json_pack("[{s:s, s:{s:s}}]", "name", name, "digest", "sha256", root)));
    TRY(json_put(to, "predicateType", json_string(PREDICATE_TYPE)));
    json_t *predicate = json_object();
    TRY(json_put(to, "predicate", predicate));
    TRY(put_serialization(predicate));
    return json_put(predicate, "resources", json_incref(resources));
}

static err make_statement(const char *dir, const struct seal *seal, const char *name,
                          struct str *out) {
    char root[SHA256_HEX_SIZE];
    json_t *resources = NULL, *statement = json_object();
    err result = statement == NULL ? fail(ERR_MEMORY, "out of memory for a statement") : ERR_OK;
    if (result == ERR_OK) result = take_listing(dir, seal, &resources, root);
    if (result == ERR_OK) result = fill_statement(statement, name, root, resources);
    if (result == ERR_OK) result = json_text(statement, 0, out);
    json_decref(resources);
    json_decref(statement);
    return result;
}

static err fill_bundle(json_t *bundle, const struct sign_key *key, json_t *envelope) {
    err result = json_put(bundle, "mediaType", json_string(BUNDLE_TYPE));
    if (result == ERR_OK)
        result = json_put(
            bundle, "verificationMaterial",
            json_pack("{s:{s:s}, s:[]}", "publicKey", "hint", sign_key_hint(key), "tlogEntries"));
    err kept = json_put(bundle, "dsseEnvelope", envelope);
    return result != ERR_OK ? result : kept;
}

err model_signature_make(const char *dir, const struct seal *seal, const char *name,
                         const struct sign_key *key, struct str *out) {
    struct str payload = {0};
    json_t *bundle = json_object(), *envelope = NULL;
    err result = bundle == NULL ? fail(ERR_MEMORY, "out of memory for a signature") : ERR_OK;
    if (result == ERR_OK) result = make_statement(dir, seal, name, &payload);
    if (result == ERR_OK) result = dsse_sign(&payload, key, "", &envelope);
    if (result == ERR_OK) result = fill_bundle(bundle, key, envelope);
    if (result == ERR_OK) result = json_text(bundle, JSON_TEXT_PRETTY, out);
    json_decref(bundle);
    str_release(&payload);
    return result;
}

/* ---- checking ---- */

static err check_type(const json_t *value, const char *key, const char *wanted) {
    const char *text = NULL;
    TRY(json_need_string(value, key, &text));
    if (strcmp(text, wanted) == 0) return ERR_OK;
    return fail(ERR_GATE, "its '%s' is '%.60s', not '%s'", key, text, wanted);
}

static err check_resources(const json_t *listed, const json_t *found) {
    for (size_t i = 0; i < json_array_size(found); i++) {
        const json_t *own = json_array_get(found, i);
        if (json_equal(json_array_get(listed, i), own)) continue;
        return fail(ERR_GATE, "it is not of this release: its list differs at '%s'",
                    json_string_value(json_object_get(own, "name")));
    }
    if (json_array_size(listed) != json_array_size(found))
        return fail(ERR_GATE, "it is not of this release: it lists more files");
    return ERR_OK;
}

/* How the digests were taken; who signed elsewhere may have left out other paths. */
static err check_serialization(const json_t *predicate) {
    json_t *how = NULL;
    TRY(json_need_object(predicate, "serialization", &how));
    TRY(check_type(how, "method", "files"));
    TRY(check_type(how, "hash_type", "sha256"));
    if (json_is_false(json_object_get(how, "allow_symlinks"))) return ERR_OK;
    return fail(ERR_GATE, "its 'allow_symlinks' is not false");
}

static err check_statement(const json_t *statement, const char *dir, const struct seal *seal) {
    char root[SHA256_HEX_SIZE];
    json_t *predicate = NULL, *listed = NULL, *subject = NULL, *found = NULL;
    TRY(check_type(statement, "_type", STATEMENT_TYPE));
    TRY(check_type(statement, "predicateType", PREDICATE_TYPE));
    TRY(json_need_object(statement, "predicate", &predicate));
    TRY(check_serialization(predicate));
    TRY(json_need_array(predicate, "resources", &listed));
    TRY(json_need_array(statement, "subject", &subject));
    const char *stated = json_string_value(
        json_object_get(json_object_get(json_array_get(subject, 0), "digest"), "sha256"));
    TRY(take_listing(dir, seal, &found, root));
    err result = check_resources(listed, found);
    if (result == ERR_OK &&
        (json_array_size(subject) != 1 || stated == NULL || strcmp(stated, root) != 0))
        result = fail(ERR_GATE, "it is not of this release: its subject is another");
    json_decref(found);
    return result;
}

static err check_payload(const json_t *envelope, const char *dir, const struct seal *seal) {
    struct str payload = {0};
    json_t *statement = NULL;
    err result = dsse_payload(envelope, &payload);
    if (result == ERR_OK)
        result = json_parse(str_text(&payload), payload.len, "payload", &statement);
    if (result == ERR_OK) result = check_statement(statement, dir, seal);
    json_decref(statement);
    str_release(&payload);
    return result;
}

static err check_bundle(const json_t *bundle, const char *dir, const struct seal *seal,
                        const struct sign_key *key, struct str *out_hint) {
    json_t *envelope = NULL, *material = NULL, *public_key = NULL;
    const char *hint = NULL;
    TRY(check_type(bundle, "mediaType", BUNDLE_TYPE));
    TRY(json_need_object(bundle, "verificationMaterial", &material));
    TRY(json_need_object(material, "publicKey", &public_key));
    TRY(json_need_string(public_key, "hint", &hint));
    if (!sha256_is_hex(hint)) return fail(ERR_GATE, "its key's hint is no SHA-256");
    TRY(str_add(out_hint, hint));
    TRY(json_need_object(bundle, "dsseEnvelope", &envelope));
    TRY(check_payload(envelope, dir, seal));
    if (key == NULL) return ERR_OK;
    if (strcmp(hint, sign_key_hint(key)) != 0)
        return fail(ERR_GATE,
                    "it was signed by another key (%.16s...), not by the one given "
                    "(%.16s...)",
                    hint, sign_key_hint(key));
    return dsse_verify(envelope, key);
}

err model_signature_check(const char *dir, const struct seal *seal, const struct sign_key *key,
                          struct str *out_hint) {
    struct str text = {0};
    json_t *bundle = NULL;
    char *path = path_join(dir, SEAL_MODEL_SIGNATURE);
    err result = path == NULL ? ERR_MEMORY : file_read(path, MAX_BUNDLE_BYTES, &text);
    if (result == ERR_OK) result = json_parse(str_text(&text), text.len, "it", &bundle);
    if (result == ERR_OK) result = check_bundle(bundle, dir, seal, key, out_hint);
    json_decref(bundle);
    str_release(&text);
    mem_free(path);
    return fail_in(result, "'%s'", SEAL_MODEL_SIGNATURE);
}
