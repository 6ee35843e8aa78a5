/* SPDX-License-Identifier: Apache-2.0
 * ECDSA P-256 through libcrypto's EVP interface (base/sign.h). The text of a key file is wiped as
 * soon as libcrypto has read it.
 * Read next: base/hash.c, the other user of libcrypto. */
#include "base/sign.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_KEY_BYTES = 1 << 14 };
#define MAKE_A_KEY "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out FILE"

struct sign_key {
    EVP_PKEY *key;
    char hint[SHA256_HEX_SIZE];
};

static err check_rights(const struct stat *info, const char *path) {
    if (!S_ISREG(info->st_mode)) return fail(ERR_UNSUPPORTED, "key '%s' is no regular file", path);
    if ((info->st_mode & 077) == 0) return ERR_OK;
    fail(ERR_DENIED, "key '%s' is open to others (mode %03o)", path, info->st_mode & 0777u);
    return fail_hint(ERR_DENIED, "chmod 600 '%s'", path);
}

err sign_key_check_rights(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) return fail_errno(ERR_MISSING, errno, "key '%s'", path);
    return check_rights(&info, path);
}

/* No key with a passphrase is read: remembers that one was wanted. */
static int no_passphrase(char *buffer, int size, int writing, void *asked) {
    (void)buffer, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static err wrong_kind(const char *path, const char *kind) {
    fail(ERR_UNSUPPORTED, "key '%s' is %s; a P-256 key is wanted", path, kind);
    return fail_hint(ERR_UNSUPPORTED, "make one: " MAKE_A_KEY);
}

static err unreadable(const char *path, const char *text, bool wants_private, bool encrypted) {
    if (encrypted) {
        fail(ERR_DENIED, "key '%s' is encrypted, and nobody is asked for a passphrase", path);
        return fail_hint(ERR_DENIED, "name a key without one, in a file that only you can read");
    }
    if (strstr(text, "BEGIN OPENSSH PRIVATE KEY") != NULL)
        return wrong_kind(path, "an OpenSSH key");
    if (wants_private && strstr(text, "PUBLIC KEY-----") != NULL)
        return wrong_kind(path, "a public key");
    if (!wants_private && strstr(text, "PRIVATE KEY-----") != NULL) {
        fail(ERR_UNSUPPORTED, "key '%s' is a private key; its public half is wanted", path);
        return fail_hint(ERR_UNSUPPORTED, "openssl pkey -in '%s' -pubout", path);
    }
    return fail(ERR_PARSE, "key '%s' is no PEM file with a %s key", path,
                wants_private ? "private" : "public");
}

static err check_kind(const EVP_PKEY *key, const char *path) {
    char group[64] = "";
    const char *kind = EVP_PKEY_get0_type_name(key);
    if (kind != NULL && strcmp(kind, "EC") == 0) {
        size_t n = 0;
        if (EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1 &&
            strcmp(group, "prime256v1") == 0)
            return ERR_OK;
        kind = group;
    }
    char what[96];
    snprintf(what, sizeof what, "of the kind '%s'", kind != NULL ? kind : "unknown");
    return wrong_kind(path, what);
}

static err take_hint(struct sign_key *k) {
    char *text = NULL;
    err result = fail(ERR_MEMORY, "out of memory for a key");
    BIO *pem = BIO_new(BIO_s_mem());
    if (pem != NULL && PEM_write_bio_PUBKEY(pem, k->key) == 1) {
        long n = BIO_get_mem_data(pem, &text);
        result = sha256_bytes(text, (size_t)n, k->hint);
    }
    BIO_free(pem);
    return result;
}

static err parse(const char *text, const char *path, bool wants_private, struct sign_key **out) {
    bool encrypted = false;
    BIO *source = BIO_new_mem_buf(text, -1);
    struct sign_key *k = mem_zalloc(1, sizeof *k);
    err result = source == NULL || k == NULL ? fail(ERR_MEMORY, "out of memory for a key") : ERR_OK;
    if (result == ERR_OK) {
        k->key = wants_private ? PEM_read_bio_PrivateKey(source, NULL, no_passphrase, &encrypted)
                               : PEM_read_bio_PUBKEY(source, NULL, no_passphrase, &encrypted);
        if (k->key == NULL) result = unreadable(path, text, wants_private, encrypted);
    }
    if (result == ERR_OK) result = check_kind(k->key, path);
    if (result == ERR_OK) result = take_hint(k);
    BIO_free(source);
    ERR_clear_error();
    if (result != ERR_OK)
        sign_key_free(k);
    else
        *out = k;
    return result;
}

/* The text of a key file, into a buffer that the caller wipes: no other copy is left behind. */
static err read_text(int fd, const char *path, bool wants_private, char text[MAX_KEY_BYTES]) {
    struct stat info;
    size_t n = 0;
    if (fstat(fd, &info) != 0) return fail_errno(ERR_IO, errno, "key '%s'", path);
    if (!S_ISREG(info.st_mode)) return fail(ERR_UNSUPPORTED, "key '%s' is no regular file", path);
    if (wants_private) TRY(check_rights(&info, path));
    while (n < MAX_KEY_BYTES - 1) {
        ssize_t got = read(fd, text + n, MAX_KEY_BYTES - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(ERR_IO, errno, "cannot read key '%s'", path);
        if (got == 0) break;
        n += (size_t)got;
    }
    text[n] = '\0';
    return ERR_OK;
}

static err read_key(struct sign_key **out, const char *path, bool wants_private) {
    char text[MAX_KEY_BYTES];
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO's writer is not waited for */
    if (fd < 0)
        return fail_errno(errno == EACCES ? ERR_DENIED : ERR_MISSING, errno, "key '%s'", path);
    err result = read_text(fd, path, wants_private, text);
    if (result == ERR_OK) result = parse(text, path, wants_private, out);
    OPENSSL_cleanse(text, sizeof text);
    close(fd);
    return result;
}

err sign_key_read(struct sign_key **out, const char *path) {
    return read_key(out, path, true);
}

err sign_key_read_public(struct sign_key **out, const char *path) {
    return read_key(out, path, false);
}

void sign_key_free(struct sign_key *k) {
    if (k == NULL) return;
    EVP_PKEY_free(k->key); /* which wipes it */
    mem_free(k);
}

const char *sign_key_hint(const struct sign_key *k) {
    return k->hint;
}

err sign_bytes(const struct sign_key *k, const void *data, size_t n, struct str *out) {
    unsigned char signature[128]; /* DER of two numbers of 32 bytes takes 72 at most */
    size_t n_signature = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made = context != NULL &&
                EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, k->key) == 1 &&
                EVP_DigestSign(context, signature, &n_signature, data, n) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!made) return fail(ERR_MEMORY, "the signature could not be made");
    return str_append(out, signature, n_signature);
}

err sign_verify(const struct sign_key *k, const struct str *data, const struct str *signature,
                bool *out_good) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ready =
        context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, k->key) == 1;
    *out_good = ready && EVP_DigestVerify(context, (const unsigned char *)str_text(signature),
                                          signature->len, (const unsigned char *)str_text(data),
                                          data->len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return ready ? ERR_OK : fail(ERR_MEMORY, "out of memory for checking a signature");
}
