/* SPDX-License-Identifier: Apache-2.0
 * DSSE envelopes (release/dsse.h). The payload is compared and verified as the bytes that the
 * base64 text stands for; how its JSON is spaced says nothing.
 * Read next: base/sign.h for the signature itself. */
#include "release/dsse.h"
#include "base/base64.h"
#include <string.h>

static err dsse_pae(const char *type, const struct str *payload, struct str *out) {
    TRY(str_printf(out, "DSSEv1 %zu %s %zu ", strlen(type), type, payload->len));
    return str_append(out, str_text(payload), payload->len);
}

static err put_base64(json_t *to, const char *key, const struct str *data) {
    struct str text = {0};
    err result = base64_encode(str_text(data), data->len, &text);
    if (result == ERR_OK) result = json_put(to, key, json_string(str_text(&text)));
    str_release(&text);
    return result;
}

static err fill(json_t *envelope, const struct str *payload, const struct sign_key *key,
                const char *keyid) {
    struct str pae = {0}, signature = {0};
    json_t *signatures = json_array(), *one = json_object();
    err result = json_push(signatures, one);
    err kept = json_put(envelope, "signatures", signatures);
    if (result == ERR_OK) result = kept;
    if (result == ERR_OK) result = put_base64(envelope, "payload", payload);
    if (result == ERR_OK) result = json_put(envelope, "payloadType", json_string(DSSE_IN_TOTO));
    if (result == ERR_OK) result = dsse_pae(DSSE_IN_TOTO, payload, &pae);
    if (result == ERR_OK) result = sign_bytes(key, pae.data, pae.len, &signature);
    if (result == ERR_OK) result = put_base64(one, "sig", &signature);
    if (result == ERR_OK) result = json_put(one, "keyid", json_string(keyid));
    str_release(&pae);
    str_release(&signature);
    return result;
}

err dsse_sign(const struct str *payload, const struct sign_key *key, const char *keyid,
              json_t **out) {
    json_t *envelope = json_object();
    err result = envelope == NULL ? fail(ERR_MEMORY, "out of memory for an envelope")
                                  : fill(envelope, payload, key, keyid);
    if (result != ERR_OK) {
        json_decref(envelope);
        return result;
    }
    *out = envelope;
    return ERR_OK;
}

/* One of an envelope's signatures, as bytes. */
static err take_signature(const json_t *one, struct str *out) {
    const char *text = NULL;
    TRY(json_need_string(one, "sig", &text));
    TRY(base64_decode(text, strlen(text), out));
    return out->len > 0 ? ERR_OK : fail(ERR_PARSE, "the envelope has an empty signature");
}

static err check_signatures(json_t *signatures) {
    json_t *one = NULL;
    size_t i = 0;
    if (json_array_size(signatures) == 0) return fail(ERR_PARSE, "the envelope has no signature");
    json_array_foreach(signatures, i, one) {
        struct str signature = {0};
        err result = take_signature(one, &signature);
        str_release(&signature);
        TRY(result);
    }
    return ERR_OK;
}

err dsse_payload(const json_t *envelope, struct str *out) {
    const char *type = NULL, *payload = NULL;
    json_t *signatures = NULL;
    TRY(json_need_string(envelope, "payloadType", &type));
    if (strcmp(type, DSSE_IN_TOTO) != 0)
        return fail(ERR_PARSE, "the envelope's payload is no in-toto statement");
    TRY(json_need_string(envelope, "payload", &payload));
    TRY(json_need_array(envelope, "signatures", &signatures));
    TRY(check_signatures(signatures));
    return base64_decode(payload, strlen(payload), out);
}

static err try_signatures(json_t *signatures, const struct str *pae, const struct sign_key *key,
                          bool *out_good) {
    json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(signatures, i, one) {
        struct str signature = {0};
        err result = take_signature(one, &signature);
        if (result == ERR_OK) result = sign_verify(key, pae, &signature, out_good);
        str_release(&signature);
        TRY(result);
        if (*out_good) return ERR_OK;
    }
    return ERR_OK;
}

err dsse_verify(const json_t *envelope, const struct sign_key *key) {
    struct str payload = {0}, pae = {0};
    json_t *signatures = json_object_get(envelope, "signatures");
    bool good = false;
    err result = dsse_payload(envelope, &payload);
    if (result == ERR_OK) result = dsse_pae(DSSE_IN_TOTO, &payload, &pae);
    if (result == ERR_OK) result = try_signatures(signatures, &pae, key, &good);
    if (result == ERR_OK && !good) result = fail(ERR_GATE, "the signature is not the key's");
    str_release(&payload);
    str_release(&pae);
    return result;
}
