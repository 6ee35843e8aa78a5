/* SPDX-License-Identifier: Apache-2.0
 * Answers on disk, one file each, named by the SHA-256 of URL, accept header and the token's
 * identity, since ETags differ by token. A file is a few "name: value" lines, the first of which is
 * the digest of all that follows, an empty line and the body's bytes as they came. It is written
 * whole or not at all, and one that is not as it was written counts as none. Nothing of the token
 * is in it.
 * Read next: issues/github/github_int.h, the contract. */
#include "issues/github/github_int.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include <ctype.h>
#include <string.h>

#define KEPT_MARK "cotrain-page: 1\n"
enum { HEAD_MAX_BYTES = 1 << 20 };

void github_kept_release(struct github_kept *k) {
    str_release(&k->etag);
    str_release(&k->last_modified);
    str_release(&k->link);
    str_release(&k->body);
    json_decref(k->value);
    *k = (struct github_kept){0};
}

static err make_key(const struct github *g, const char *url, char out[SHA256_HEX_SIZE]) {
    struct str text = {0};
    err e = str_printf(&text, "%s\n" GITHUB_ACCEPT "\n%s\n", url, g->identity);
    if (e == ERR_OK) e = sha256_bytes(text.data, text.len, out);
    str_release(&text);
    return e;
}

static char *entry_path(const struct github *g, const char *key) {
    struct str name = {0};
    char *path = str_printf(&name, "%s.page", key) == ERR_OK
                     ? path_join(g->cache_dir.data, name.data)
                     : NULL;
    str_release(&name);
    return path;
}

/* Takes "name: value\n" at *at where it is of that name, and moves on. */
static bool take_line(const char **at, const char *name, struct str *out, err *failed) {
    size_t n = strlen(name);
    const char *end = strchr(*at, '\n');
    str_clear(out);
    if (!end || strncmp(*at, name, n) != 0 || (*at)[n] != ':' || (*at)[n + 1] != ' ') return false;
    const char *value = *at + n + 2;
    for (const char *c = value; c < end; c++)
        if (iscntrl((unsigned char)*c)) return false;
    *failed = str_append(out, value, (size_t)(end - value));
    *at = end + 1;
    return *failed == ERR_OK;
}

/* Takes the digest of all that follows it; true where it is right. */
static bool take_digest(const char **at, const char *end, err *failed) {
    char is[SHA256_HEX_SIZE];
    struct str said = {0};
    bool whole = take_line(at, "sha256", &said, failed);
    if (whole) *failed = sha256_bytes(*at, (size_t)(end - *at), is);
    whole = whole && *failed == ERR_OK && strcmp(is, str_text(&said)) == 0;
    str_release(&said);
    return whole;
}

/* True where the text is a whole entry. */
static bool parse_entry(const struct str *text, struct github_kept *k, err *failed) {
    struct str status = {0}, url = {0};
    const char *at = str_text(text), *end = at + text->len;
    int64_t number = 0;
    bool whole = str_starts(at, KEPT_MARK);
    if (whole) at += strlen(KEPT_MARK);
    whole = whole && take_digest(&at, end, failed) && take_line(&at, "status", &status, failed) &&
            take_line(&at, "url", &url, failed) && take_line(&at, "etag", &k->etag, failed) &&
            take_line(&at, "last-modified", &k->last_modified, failed) &&
            take_line(&at, "link", &k->link, failed) && *at == '\n' &&
            str_to_int64(str_text(&status), &number) == ERR_OK;
    if (whole) {
        at++;
        *failed = str_append(&k->body, at, (size_t)(end - at));
        if (*failed == ERR_OK) *failed = sha256_bytes(at, (size_t)(end - at), k->digest);
        k->status = (long)number;
    }
    str_release(&status);
    str_release(&url);
    return whole && *failed == ERR_OK;
}

static err parse_body(struct github_kept *k) {
    json_t *values;
    if (k->status != 200) return ERR_OK;
    TRY(json_parse_all(str_text(&k->body), k->body.len, "a kept page", &values));
    k->value = json_incref(json_array_get(values, 0));
    json_decref(values);
    return k->value ? ERR_OK : fail(ERR_PARSE, "a kept page is empty");
}

static err load_entry(const char *path, size_t max_bytes, struct github_kept *out) {
    struct str text = {0};
    err e = file_read(path, max_bytes + HEAD_MAX_BYTES, &text);
    if (e == ERR_OK) out->found = parse_entry(&text, out, &e);
    if (e == ERR_OK && out->found) e = parse_body(out);
    str_release(&text);
    if (e == ERR_MEMORY || (e == ERR_OK && out->found)) return e;
    LOG(ISSUES, WARN, "kept page '%s' is damaged; it is fetched again", path_base(path));
    char key[SHA256_HEX_SIZE];
    memcpy(key, out->key, sizeof key);
    github_kept_release(out);
    memcpy(out->key, key, sizeof key);
    return ERR_OK;
}

err github_kept_load(const struct github *g, const char *url, struct github_kept *out) {
    *out = (struct github_kept){0};
    TRY(make_key(g, url, out->key));
    if (g->cache_dir.len == 0) return ERR_OK;
    char *path = entry_path(g, out->key);
    if (!path) return ERR_MEMORY;
    err e = file_exists(path) ? load_entry(path, g->max_bytes, out) : ERR_OK;
    mem_free(path);
    return e;
}

static err entry_text(const char *url, const struct github_kept *k, struct str *out) {
    struct str text = {0};
    char digest[SHA256_HEX_SIZE];
    err e = str_printf(&text, "status: %ld\nurl: %s\netag: %s\nlast-modified: %s\nlink: %s\n\n",
                       k->status, url, str_text(&k->etag), str_text(&k->last_modified),
                       str_text(&k->link));
    if (e == ERR_OK) e = str_append(&text, str_text(&k->body), k->body.len);
    if (e == ERR_OK) e = sha256_bytes(text.data, text.len, digest);
    if (e == ERR_OK) e = str_printf(out, KEPT_MARK "sha256: %s\n", digest);
    if (e == ERR_OK) e = str_append(out, text.data, text.len);
    str_release(&text);
    return e;
}

err github_kept_store(const struct github *g, const char *url, struct github_kept *k) {
    struct str text = {0};
    k->found = true;
    TRY(sha256_bytes(str_text(&k->body), k->body.len, k->digest));
    if (g->cache_dir.len == 0) return ERR_OK;
    err e = entry_text(url, k, &text);
    char *path = e == ERR_OK ? entry_path(g, k->key) : NULL;
    if (e == ERR_OK && !path) e = ERR_MEMORY;
    if (e == ERR_OK) e = dir_make(g->cache_dir.data);
    if (e == ERR_OK) e = file_write(path, text.data, text.len);
    mem_free(path);
    str_release(&text);
    return e;
}

err github_kept_forget(const struct github *g, const char *url) {
    char key[SHA256_HEX_SIZE];
    if (g->cache_dir.len == 0) return ERR_OK;
    TRY(make_key(g, url, key));
    char *path = entry_path(g, key);
    err e = path ? file_remove(path) : ERR_MEMORY;
    mem_free(path);
    return e;
}
