/* SPDX-License-Identifier: Apache-2.0
 * Reading a token. The file's owner and rights are those of the file that was opened, so nobody can
 * exchange it between the look and the reading.
 * Read next: remote/token.h, the contract. */
#include "remote/token.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_MAX = 1024 };

/* Trims `text` of n bytes and takes it, where it looks like a token. */
static err take(const char *text, size_t n, const char *where, struct str *out) {
    while (n > 0 && isspace((unsigned char)text[n - 1])) n--;
    while (n > 0 && isspace((unsigned char)text[0])) text++, n--;
    if (n == 0) return fail(ERR_PARSE, "%s holds no token", where);
    for (size_t i = 0; i < n; i++)
        if (!isgraph((unsigned char)text[i]))
            return fail(ERR_PARSE, "%s holds a character that no token has", where);
    return str_append(out, text, n);
}

static err check_owner(const char *path, const struct stat *info) {
    if (!S_ISREG(info->st_mode)) return fail(ERR_DENIED, "token file '%s' is no file", path);
    if (info->st_uid != geteuid())
        return fail(ERR_DENIED, "token file '%s' belongs to another user", path);
    if ((info->st_mode & (S_IRWXG | S_IRWXO)) == 0) return ERR_OK;
    err e = fail(ERR_DENIED, "token file '%s' can be read or changed by others (mode %04o)", path,
                 (unsigned)info->st_mode & 07777);
    return fail_hint(e, "chmod 600 '%s', and make a new token if others use this machine", path);
}

static err read_file(int fd, const char *path, struct str *out) {
    char text[TOKEN_MAX + 1];
    size_t n = 0;
    ssize_t got = 1;
    while (got > 0 && n < sizeof text) {
        got = read(fd, text + n, sizeof text - n);
        if (got < 0 && errno != EINTR)
            return fail_errno(ERR_IO, errno, "cannot read token file '%s'", path);
        n += got > 0 ? (size_t)got : 0;
        if (got < 0) got = 1;
    }
    err e = n > TOKEN_MAX ? fail(ERR_LIMIT, "token file '%s' is over %d bytes", path, TOKEN_MAX)
                          : take(text, n, "the token file", out);
    explicit_bzero(text, sizeof text);
    return e;
}

static err from_file(const char *path, struct str *out) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail_errno(ERR_IO, errno, "cannot open token file '%s'", path);
    err e = fstat(fd, &info) == 0 ? check_owner(path, &info)
                                  : fail_errno(ERR_IO, errno, "cannot read token file '%s'", path);
    if (e == ERR_OK) e = read_file(fd, path, out);
    close(fd);
    return e;
}

err token_read(const char *path, const enum env_name *names, int n, struct str *out) {
    token_release(out);
    if (path) return from_file(path, out);
    for (int i = 0; i < n; i++) {
        const char *text = env_get(names[i]);
        if (text) return take(text, strlen(text), env_rows[names[i]].name, out);
    }
    return ERR_OK;
}

void token_release(struct str *token) {
    if (token->data) explicit_bzero(token->data, token->len);
    str_release(token);
}
