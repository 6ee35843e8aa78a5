/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 through libcrypto's EVP interface, which uses the processor's SHA instructions where
 * there are any, and XXH3 of large data through libxxhash.
 * Read next: base/hash.h, the contract. */
#include "base/hash.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <xxhash.h>

err sha256_init(struct sha256 *h) {
    h->state = EVP_MD_CTX_new();
    if (h->state != NULL && EVP_DigestInit_ex(h->state, EVP_sha256(), NULL) == 1) return ERR_OK;
    sha256_release(h);
    return fail(ERR_MEMORY, "cannot start a SHA-256 computation");
}

err sha256_add(struct sha256 *h, const void *data, size_t n) {
    if (n == 0 || EVP_DigestUpdate(h->state, data, n) == 1) return ERR_OK;
    return fail(ERR_MEMORY, "cannot continue a SHA-256 computation");
}

err sha256_final(struct sha256 *h, char out[SHA256_HEX_SIZE]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    int good = EVP_DigestFinal_ex(h->state, digest, &n);
    sha256_release(h);
    if (good != 1) return fail(ERR_MEMORY, "cannot end a SHA-256 computation");
    for (unsigned int i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[2 * n] = '\0';
    return ERR_OK;
}

void sha256_release(struct sha256 *h) {
    EVP_MD_CTX_free(h->state);
    h->state = NULL;
}

err sha256_copy(struct sha256 *to, const struct sha256 *from) {
    to->state = EVP_MD_CTX_new();
    if (to->state != NULL && EVP_MD_CTX_copy_ex(to->state, from->state) == 1) return ERR_OK;
    sha256_release(to);
    return fail(ERR_MEMORY, "cannot copy a SHA-256 computation");
}

bool sha256_is_hex(const char *text) {
    const size_t n = SHA256_HEX_SIZE - 1;
    return strspn(text, "0123456789abcdef") == n && text[n] == '\0';
}

err sha256_bytes(const void *data, size_t n, char out[SHA256_HEX_SIZE]) {
    struct sha256 h;
    TRY(sha256_init(&h));
    err e = sha256_add(&h, data, n);
    if (e == ERR_OK) return sha256_final(&h, out);
    sha256_release(&h);
    return e;
}

enum { PIECE_BYTES = 1 << 20 };

struct pieces {
    const char *data;
    size_t n;
    XXH128_canonical_t *values;
};

static void take_pieces(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct pieces *p = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const size_t at = (size_t)i * PIECE_BYTES, left = p->n - at;
        XXH128_canonicalFromHash(
            &p->values[i], XXH3_128bits(p->data + at, left < PIECE_BYTES ? left : PIECE_BYTES));
    }
}

err hash_large(const void *data, size_t n, char out[SHA256_HEX_SIZE]) {
    const size_t n_pieces = (n + PIECE_BYTES - 1) / PIECE_BYTES;
    struct pieces p = {data, n, mem_alloc(n_pieces, sizeof *p.values)};
    if (p.values == NULL) return ERR_MEMORY;
    par_for((int64_t)n_pieces, 1, take_pieces, &p);
    err e = sha256_bytes(p.values, n_pieces * sizeof *p.values, out);
    mem_free(p.values);
    return e;
}

err sha256_file(const char *path, char out[SHA256_HEX_SIZE]) {
    struct sha256 h;
    struct file_map map;
    TRY(file_map_open(&map, path));
    err e = sha256_init(&h);
    for (size_t at = 0; e == ERR_OK && at < map.size_bytes; at += PIECE_BYTES) {
        const size_t left = map.size_bytes - at, n = left < PIECE_BYTES ? left : PIECE_BYTES;
        e = sha256_add(&h, map.data + at, n);
        file_map_forget(&map, map.data + at, n); /* a file may be larger than memory */
    }
    if (e == ERR_OK) e = sha256_final(&h, out);
    sha256_release(&h);
    file_map_close(&map);
    return e;
}

static err add_file(struct sha256 *h, const char *dir, const char *name) {
    char digest[SHA256_HEX_SIZE];
    char *path = path_join(dir, name);
    if (path == NULL) return ERR_MEMORY;
    struct str line = {0};
    err e = sha256_file(path, digest);
    if (e == ERR_OK) e = str_printf(&line, "%s  %s\n", digest, name);
    if (e == ERR_OK) e = sha256_add(h, line.data, line.len);
    str_release(&line);
    mem_free(path);
    return e;
}

err sha256_dir(const char *path, char out[SHA256_HEX_SIZE]) {
    struct name_list list = {0};
    struct sha256 h = {0};
    err e = dir_walk(path, &list);
    if (e == ERR_OK) e = sha256_init(&h);
    for (size_t i = 0; e == ERR_OK && i < list.n; i++) e = add_file(&h, path, list.names[i]);
    if (e == ERR_OK) e = sha256_final(&h, out);
    sha256_release(&h);
    name_list_release(&list);
    return e;
}

const char *hash_library(void) {
    return OpenSSL_version(OPENSSL_VERSION);
}
