/* SPDX-License-Identifier: Apache-2.0
 * Signatures of a release (release/signing.h): all are made in memory before the first is written,
 * so that a key which fails leaves the folder as it was.
 * Read next: release/verify.c, which reports the verdicts. */
#include "release/signing.h"
#include "base/mem.h"
#include "release/dsse.h"
#include "release/manifest.h"
#include "release/model_signature.h"
#include "release/ssh.h"
#include "release/statement.h"
#include <string.h>

enum { MAX_FILE_BYTES = 64 << 20 };

static const char *const signature_files[] = {SEAL_SUMS_SIGNATURE, SEAL_MODEL_SIGNATURE,
                                              SEAL_PROVENANCE};
enum { N_SIGNATURES = sizeof signature_files / sizeof signature_files[0] };

#define ROW(field, ...) OPT(struct release_keys, field, __VA_ARGS__)
static const struct opt key_rows[] = {
    ROW(ssh_key, .path = true, .value = "FILE",
        .help = "SSH key that signs SHA256SUMS; the .pub of one in an agent will do"),
    ROW(p256_key, .path = true, .value = "FILE",
        .help = "P-256 private key (PEM) that signs the model and its provenance"),
};

struct opt_table release_keys_table(void) {
    return OPT_TABLE(key_rows);
}

static err has(const char *dir, const char *name, bool *out) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    *out = file_exists(path);
    mem_free(path);
    return ERR_OK;
}

static err read_in(const char *dir, const char *name, struct str *out) {
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    err result = file_read(path, MAX_FILE_BYTES, out);
    mem_free(path);
    return result;
}

/* ---- signing ---- */

err release_keys_check(const struct release_keys *keys) {
    struct sign_key *key = NULL;
    if (keys->ssh_key != NULL) TRY(ssh_key_check(keys->ssh_key));
    if (keys->p256_key == NULL) return ERR_OK;
    TRY(sign_key_read(&key, keys->p256_key));
    sign_key_free(key);
    return ERR_OK;
}

err release_keys_check_unattended(const struct release_keys *keys) {
    TRY(release_keys_check(keys));
    return keys->ssh_key != NULL ? ssh_key_check_unattended(keys->ssh_key) : ERR_OK;
}

static err make_envelope(const char *dir, const struct sign_key *key, struct str *out) {
    struct str statement = {0};
    json_t *envelope = NULL;
    err result = read_in(dir, STATEMENT_FILE, &statement);
    if (result == ERR_OK) result = dsse_sign(&statement, key, sign_key_hint(key), &envelope);
    if (result == ERR_OK) result = json_text(envelope, 0, out);
    if (result == ERR_OK) result = str_add(out, "\n");
    json_decref(envelope);
    str_release(&statement);
    return result;
}

static err sign_sums(const char *dir, const char *ssh_key, struct str *out) {
    struct str sums = {0};
    err result = read_in(dir, SEAL_SUMS, &sums);
    if (result == ERR_OK) result = ssh_sign(ssh_key, SSH_OF_FILE, &sums, out);
    str_release(&sums);
    return result;
}

static err sign_model(const char *dir, const char *p256_key, struct str *out_model,
                      struct str *out_provenance) {
    struct sign_key *key = NULL;
    struct seal seal = {0};
    json_t *manifest = NULL;
    const char *name = NULL;
    err result = sign_key_read(&key, p256_key);
    if (result == ERR_OK) result = seal_read(&seal, dir);
    if (result == ERR_OK) result = manifest_read(dir, &manifest);
    if (result == ERR_OK)
        result = json_need_string(json_object_get(manifest, "about"), "name", &name);
    if (result == ERR_OK) result = model_signature_make(dir, &seal, name, key, out_model);
    if (result == ERR_OK) result = make_envelope(dir, key, out_provenance);
    json_decref(manifest);
    seal_clear(&seal);
    sign_key_free(key);
    return result;
}

static err write_all(const char *dir, const struct str made[N_SIGNATURES]) {
    for (int i = 0; i < N_SIGNATURES; i++) {
        if (made[i].len == 0) continue;
        char *path = path_join(dir, signature_files[i]);
        err result = path == NULL ? ERR_MEMORY : file_write(path, made[i].data, made[i].len);
        mem_free(path);
        TRY(result);
    }
    return ERR_OK;
}

err release_sign(const char *dir, const struct release_keys *keys) {
    struct str made[N_SIGNATURES] = {{0}};
    err result = release_keys_check(keys);
    if (result == ERR_OK && keys->p256_key != NULL)
        result = sign_model(dir, keys->p256_key, &made[1], &made[2]);
    if (result == ERR_OK && keys->ssh_key != NULL) result = sign_sums(dir, keys->ssh_key, &made[0]);
    if (result == ERR_OK) result = write_all(dir, made);
    for (int i = 0; i < N_SIGNATURES; i++) str_release(&made[i]);
    return result;
}

static err same_sums(const char *a, const char *b, bool *out) {
    struct str one = {0}, other = {0};
    bool in_a = false, in_b = false;
    *out = false;
    TRY(has(a, SEAL_SUMS, &in_a));
    TRY(has(b, SEAL_SUMS, &in_b));
    if (!in_a || !in_b) return ERR_OK;
    err result = read_in(a, SEAL_SUMS, &one);
    if (result == ERR_OK) result = read_in(b, SEAL_SUMS, &other);
    *out = result == ERR_OK && one.len == other.len &&
           memcmp(str_text(&one), str_text(&other), one.len) == 0;
    str_release(&one);
    str_release(&other);
    return result;
}

err release_keep_signatures(const char *from, const char *to) {
    bool same = false;
    TRY(same_sums(from, to, &same));
    for (int i = 0; i < N_SIGNATURES && same; i++) {
        bool had = false, made = false;
        TRY(has(from, signature_files[i], &had));
        TRY(has(to, signature_files[i], &made));
        if (!had || made) continue;
        char *source = path_join(from, signature_files[i]);
        char *target = path_join(to, signature_files[i]);
        err result = source == NULL || target == NULL ? ERR_MEMORY : file_copy(source, target);
        mem_free(source);
        mem_free(target);
        TRY(result);
    }
    return ERR_OK;
}

err release_signatures(const char *dir, struct name_list *out) {
    *out = (struct name_list){0};
    for (int i = 0; i < N_SIGNATURES; i++) {
        bool there = false;
        err result = has(dir, signature_files[i], &there);
        if (result == ERR_OK && there) result = name_list_add(out, signature_files[i]);
        if (result == ERR_OK) continue;
        name_list_release(out);
        return result;
    }
    return ERR_OK;
}

/* ---- judging ---- */

static err need_signature(const char *name, const char *because) {
    fail(ERR_GATE, "it is unsigned: there is no '%s'", name);
    return fail_hint(ERR_GATE, "%s names who should have signed it", because);
}

static err judge_sums(const char *dir, const char *signers, struct signature_verdict *out) {
    struct ssh_signer signer = {0};
    struct str sums = {0};
    bool there = false;
    TRY(has(dir, SEAL_SUMS_SIGNATURE, &there));
    if (!there) return signers != NULL ? need_signature(SEAL_SUMS_SIGNATURE, "--signers") : ERR_OK;
    char *path = path_join(dir, SEAL_SUMS_SIGNATURE);
    err result = path == NULL ? ERR_MEMORY : read_in(dir, SEAL_SUMS, &sums);
    if (result == ERR_OK) result = ssh_verify(path, &sums, signers, &signer);
    /* Without the program nothing is known of it, and that is said; a signer was not asked for. */
    if (result == ERR_MISSING && signers == NULL) {
        result = str_add(&out->who, "nobody looked: there is no ssh-keygen here");
    } else if (result == ERR_OK) {
        if (signer.name.len > 0) result = str_printf(&out->who, "%s, ", str_text(&signer.name));
        if (result == ERR_OK) result = str_add(&out->who, str_text(&signer.key));
    }
    out->state = signers != NULL ? SIGNATURE_GOOD : SIGNATURE_OPEN;
    ssh_signer_clear(&signer);
    str_release(&sums);
    mem_free(path);
    return fail_in(result, "'%s'", SEAL_SUMS_SIGNATURE);
}

static err judge_model(const char *dir, const struct seal *seal, const struct sign_key *key,
                       struct signature_verdict *out) {
    bool there = false;
    TRY(has(dir, SEAL_MODEL_SIGNATURE, &there));
    if (!there) return key != NULL ? need_signature(SEAL_MODEL_SIGNATURE, "--key") : ERR_OK;
    struct str hint = {0};
    err result = model_signature_check(dir, seal, key, &hint);
    if (result == ERR_OK) result = str_printf(&out->who, "the P-256 key %s", str_text(&hint));
    out->state = key != NULL ? SIGNATURE_GOOD : SIGNATURE_OPEN;
    str_release(&hint);
    return result;
}

/* One envelope, on one line; more of them would be other statements about the same release. */
static err check_provenance(const struct str *text, const struct str *statement,
                            const struct sign_key *key, struct signature_verdict *out) {
    struct str payload = {0};
    json_t *envelope = NULL;
    err result = json_parse(str_text(text), text->len, "it", &envelope);
    if (result == ERR_OK) result = dsse_payload(envelope, &payload);
    if (result == ERR_OK && (payload.len != statement->len ||
                             memcmp(str_text(&payload), str_text(statement), payload.len) != 0))
        result = fail(ERR_GATE, "it is not of this release: it signs another statement than '%s'",
                      STATEMENT_FILE);
    if (result == ERR_OK && key != NULL) result = dsse_verify(envelope, key);
    if (result == ERR_OK)
        result = str_add(&out->who, key != NULL ? "the P-256 key " : "the same key");
    if (result == ERR_OK && key != NULL) result = str_add(&out->who, sign_key_hint(key));
    str_release(&payload);
    json_decref(envelope);
    return result;
}

static err judge_provenance(const char *dir, const struct str *statement,
                            const struct sign_key *key, struct signature_verdict *out) {
    struct str text = {0};
    bool there = false;
    TRY(has(dir, SEAL_PROVENANCE, &there));
    if (!there) return key != NULL ? need_signature(SEAL_PROVENANCE, "--key") : ERR_OK;
    err result = read_in(dir, SEAL_PROVENANCE, &text);
    if (result == ERR_OK) result = check_provenance(&text, statement, key, out);
    out->state = key != NULL ? SIGNATURE_GOOD : SIGNATURE_OPEN;
    str_release(&text);
    return fail_in(result, "'%s'", SEAL_PROVENANCE);
}

err release_judge(const char *dir, const struct seal *seal, const struct str *statement,
                  const struct release_trust *trust, struct signature_verdicts *out) {
    struct sign_key *key = NULL;
    *out = (struct signature_verdicts){0};
    if (trust->key != NULL) TRY(sign_key_read_public(&key, trust->key));
    err result = judge_sums(dir, trust->signers, &out->sums);
    if (result == ERR_OK) result = judge_model(dir, seal, key, &out->model);
    if (result == ERR_OK) result = judge_provenance(dir, statement, key, &out->provenance);
    sign_key_free(key);
    /* What cannot be read of a signature is the release's fault, not this program's. */
    return result == ERR_PARSE || result == ERR_LIMIT ? ERR_GATE : result;
}

void signature_verdicts_clear(struct signature_verdicts *v) {
    str_release(&v->sums.who);
    str_release(&v->model.who);
    str_release(&v->provenance.who);
}
