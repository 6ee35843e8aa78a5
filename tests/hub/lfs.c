/* SPDX-License-Identifier: Apache-2.0
 * The LFS batch call and the store behind it. Objects are known by hash and size alone; what is put
 * is hashed, whole or when its parts are joined, and anything else than what was announced is
 * refused. The store is another host's in real life, so whoever sends it the hub's token is
 * refused.
 * Read next: tests/hub/standin.h. */
#include "tests/hub/standin.h"

#include "base/base64.h"
#include "base/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_oid(const char *text) {
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Where the object is to be put: whole, or in parts of s->chunk bytes. */
struct place {
    const char *base, *store;
};

static json_t *actions_of(struct standin *s, const struct place *p, const char *oid,
                          int64_t bytes) {
    const char *base = p->base;
    json_t *verify = json_pack("{s:o, s:{s:s}}", "href", json_sprintf("%s/verify/%s", base, oid),
                               "header", "X-Given", "yes");
    if (s->chunk == 0 || bytes <= s->chunk)
        return json_pack("{s:{s:o, s:{s:s}}, s:o}", "upload", "href",
                         json_sprintf("%s/%s/%s?size=%lld&signature=SIGNED", base, p->store, oid,
                                      (long long)bytes),
                         "header", "X-Given", "yes", "verify", verify);
    json_t *header = json_pack("{s:o}", "chunk_size", json_sprintf("%lld", (long long)s->chunk));
    for (int64_t i = 0; i * s->chunk < bytes; i++) {
        char key[24];
        int64_t left = bytes - i * s->chunk;
        snprintf(key, sizeof key, "%05lld", (long long)i + 1);
        json_object_set_new(header, key,
                            json_sprintf("%s/part/%s/%lld?size=%lld", base, oid, (long long)i + 1,
                                         (long long)(left < s->chunk ? left : s->chunk)));
    }
    return json_pack("{s:{s:o, s:o}, s:o}", "upload", "href",
                     json_sprintf("%s/join/%s?size=%lld", base, oid, (long long)bytes), "header",
                     header, "verify", verify);
}

err lfs_batch(struct standin *s, const struct request *r, const char *place, const json_t *asked,
              json_t **out_objects, const char **out_wrong) {
    const struct place where = {str_text(&r->base), place};
    json_t *list = json_array(), *one;
    size_t i;
    *out_objects = list;
    *out_wrong = NULL;
    if (!json_is_array(asked) || json_array_size(asked) == 0) *out_wrong = "no objects";
    if (json_array_size(asked) > 100) *out_wrong = "too many objects";
    json_array_foreach(asked, i, one) {
        const char *oid = json_text_of(one, "oid");
        int64_t bytes = json_int_of(one, "size");
        if (!is_oid(oid) || !json_is_integer(json_object_get(one, "size")) || bytes < 0) {
            *out_wrong = "an object without a proper oid and size";
            return ERR_OK;
        }
        json_t *object = json_pack("{s:s, s:I}", "oid", oid, "size", (json_int_t)bytes);
        if (!json_object_get(s->objects, oid)) {
            TRY(json_put(object, "authenticated", json_true()));
            TRY(json_put(object, "actions", actions_of(s, &where, oid, bytes)));
        }
        if (s->omit && i == 0)
            json_decref(object);
        else
            TRY(json_push(list, object));
    }
    return ERR_OK;
}

static int64_t size_asked(const struct request *r) {
    const char *at = strstr(r->query, "size=");
    return at ? strtoll(at + 5, NULL, 10) : -1;
}

static err keep(struct standin *s, const char *oid, int64_t bytes, struct reply *out) {
    if (!s->lose) TRY(json_put(s->objects, oid, json_integer(bytes)));
    TRY(reply_header(out, "ETag", "\"x\""));
    out->status = 200;
    return ERR_OK;
}

static err put_whole(struct standin *s, const struct request *r, const char *oid,
                     struct reply *out) {
    char hash[SHA256_HEX_SIZE];
    TRY(sha256_bytes(str_text(&r->body), r->body.len, hash));
    if ((int64_t)r->body.len != size_asked(r) || strcmp(hash, oid) != 0)
        return reply_refuse(out, 422, "these are not the bytes that were announced");
    return keep(s, oid, (int64_t)r->body.len, out);
}

/* ModelScope's: it wants the session, and says what became of it in the body. */
static err put_mstore(struct standin *s, const struct request *r, const char *oid,
                      struct reply *out) {
    bool good;
    TRY(ms_judge_session(r, out, &good));
    if (!good) return ERR_OK;
    TRY(put_whole(s, r, oid, out));
    int code = out->status;
    return RENDER(out, 200, "{s:i, s:s, s:b}", "Code", code, "Message", "put", "Success",
                  (int)(code == 200));
}

static err put_part(struct standin *s, const struct request *r, const char *oid, const char *number,
                    struct reply *out) {
    struct str text = {0};
    char etag[80];
    if ((int64_t)r->body.len != size_asked(r)) return reply_refuse(out, 422, "a part too short");
    TRY(base64_encode(str_text(&r->body), r->body.len, &text));
    json_t *parts = json_object_get(s->parts, oid);
    if (!parts) {
        parts = json_object();
        TRY(json_put(s->parts, oid, parts));
    }
    snprintf(etag, sizeof etag, "\"etag-%s-%.8s\"", number, oid);
    TRY(json_put(parts, number, json_pack("{s:s, s:s}", "bytes", str_text(&text), "etag", etag)));
    str_release(&text);
    out->status = 200;
    return reply_header(out, "ETag", "%s", etag);
}

/* All parts with the ETags that were given for them, in order, and they are the object. */
static err join(struct standin *s, const struct request *r, const char *oid, struct reply *out) {
    json_t *body = NULL, *one;
    struct str whole = {0};
    char hash[SHA256_HEX_SIZE], number[24];
    size_t i;
    bool good = json_parse(str_text(&r->body), r->body.len, "join", &body) == ERR_OK &&
                strcmp(json_text_of(body, "oid"), oid) == 0;
    json_array_foreach(json_object_get(body, "parts"), i, one) {
        snprintf(number, sizeof number, "%zu", i + 1);
        json_t *part = json_object_get(json_object_get(s->parts, oid), number);
        good = good && part && json_int_of(one, "partNumber") == (int64_t)i + 1 &&
               strcmp(json_text_of(one, "etag"), json_text_of(part, "etag")) == 0;
        const char *bytes = json_text_of(part, "bytes");
        if (good) TRY(base64_decode(bytes, strlen(bytes), &whole));
    }
    TRY(sha256_bytes(str_text(&whole), whole.len, hash));
    good = good && (int64_t)whole.len == size_asked(r) && strcmp(hash, oid) == 0;
    err e = good ? keep(s, oid, (int64_t)whole.len, out)
                 : reply_refuse(out, 400, "these parts are not the object");
    str_release(&whole);
    json_decref(body);
    return e;
}

static err verify(struct standin *s, const struct request *r, const char *oid, struct reply *out) {
    json_t *body = NULL;
    bool good = json_parse(str_text(&r->body), r->body.len, "verify", &body) == ERR_OK &&
                strcmp(json_text_of(body, "oid"), oid) == 0;
    const json_t *kept = json_object_get(s->objects, oid);
    int64_t bytes = json_int_of(body, "size");
    json_decref(body);
    if (!good) return reply_refuse(out, 400, "no proper question");
    if (s->lose || (kept && json_integer_value(kept) == bytes)) return RENDER(out, 200, "{}");
    return reply_refuse(out, 404, "there is no such object");
}

err lfs_store(struct standin *s, const struct request *r, struct reply *out) {
    char what[16] = "", oid[65] = "", number[24] = "";
    int n = sscanf(r->path.data, "/%15[a-z]/%64[0-9a-f]/%23[0-9]", what, oid, number);
    if (n < 2 || !is_oid(oid)) return reply_refuse(out, 404, "Not Found");
    if (request_header(r, "Authorization") && strcmp(what, "verify") != 0)
        return reply_refuse(out, 400, "the store is not to be told the hub's token");
    if (strcmp(what, "verify") == 0 && strcmp(r->method, "POST") == 0)
        return verify(s, r, oid, out);
    if (strcmp(what, "join") == 0 && strcmp(r->method, "POST") == 0) return join(s, r, oid, out);
    if (strcmp(what, "part") == 0 && strcmp(r->method, "PUT") == 0 && n == 3)
        return put_part(s, r, oid, number, out);
    if (strcmp(what, "store") == 0 && strcmp(r->method, "PUT") == 0 &&
        !request_header(r, "Content-Length"))
        return reply_refuse(out, 411, "a length is wanted");
    if (strcmp(what, "store") == 0 && strcmp(r->method, "PUT") == 0)
        return put_whole(s, r, oid, out);
    if (strcmp(what, "mstore") == 0 && strcmp(r->method, "PUT") == 0)
        return put_mstore(s, r, oid, out);
    return reply_refuse(out, 405, "Method Not Allowed");
}
