/* SPDX-License-Identifier: Apache-2.0
 * Streams over zlib and zstd. Both libraries take any input and any room for output and give back
 * how far they came, so one loop fills a block for either. zlib's memory is base/mem's; zstd's is
 * its own, since its interface for that is not a stable one. The contract is base/stream.h. */
#include "base/stream.h"

#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { IN_BYTES = 1 << 16, MAX_WINDOW_LOG = 27 };
enum kind { PLAIN, GZIP, ZSTD };

struct stream {
    char *path;
    int fd;
    enum kind kind;
    struct sha256 hash;
    struct stat opened;
    off_t taken_bytes;
    uint8_t *in, *out;
    size_t in_at, in_n;
    bool in_ended; /* the file has no more bytes than `in` */
    bool inside;   /* of a gzip member or a zstd frame */
    z_stream z;
    bool z_begun;
    ZSTD_DCtx *zstd;
};

static err io_failed(const struct stream *s, const char *what) {
    return fail_errno(ERR_IO, errno, "cannot %s '%s'", what, s->path);
}

static bool file_changed(const struct stream *s) {
    const struct timespec then = s->opened.st_mtim;
    struct stat now;
    return s->taken_bytes != s->opened.st_size || fstat(s->fd, &now) != 0 ||
           now.st_mtim.tv_sec != then.tv_sec || now.st_mtim.tv_nsec != then.tv_nsec;
}

/* The file's next bytes into `in`, which is used up; as many as fit. */
static err fill_in(struct stream *s) {
    s->in_at = s->in_n = 0;
    while (s->in_n < IN_BYTES && !s->in_ended) {
        ssize_t n = read(s->fd, s->in + s->in_n, IN_BYTES - s->in_n);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_failed(s, "read");
        s->in_ended = n == 0;
        s->in_n += (size_t)n;
    }
    s->taken_bytes += (off_t)s->in_n;
    if (s->in_ended && file_changed(s))
        return fail(ERR_MISMATCH, "'%s' changed while it was read", s->path);
    return sha256_add(&s->hash, s->in, s->in_n);
}

/* ---- what a file begins with ---- */

static const struct magic {
    const char *name; /* NULL: read here */
    const char *bytes;
    size_t n;
    enum kind kind;
} magics[] = {
    {NULL, "\x1F\x8B\x08", 3, GZIP},
    {NULL, "\x28\xB5\x2F\xFD", 4, ZSTD},
    {"xz",
     "\xFD"
     "7zXZ\0",
     6, PLAIN},
    {"bzip2", "BZh91AY&SY", 10, PLAIN},
    {"lz4", "\x04\x22\x4D\x18", 4, PLAIN},
    {"zip", "PK\x03\x04", 4, PLAIN},
};

static bool skippable_frame(const uint8_t *bytes, size_t n) {
    return n >= 4 && (bytes[0] & 0xF0) == 0x50 && memcmp(bytes + 1, "\x2A\x4D\x18", 3) == 0;
}

static err find_kind(struct stream *s) {
    if (skippable_frame(s->in, s->in_n)) s->kind = ZSTD;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *m = &magics[i];
        if (s->in_n < m->n || memcmp(s->in, m->bytes, m->n) != 0) continue;
        s->kind = m->kind;
        if (!m->name) return ERR_OK;
        err e = fail(ERR_UNSUPPORTED, "'%s' is compressed with %s, which is not read", s->path,
                     m->name);
        return fail_hint(e, "gzip and zstd are read, and files that are not compressed");
    }
    return ERR_OK;
}

static void *z_alloc(void *opaque, unsigned n, unsigned size) {
    (void)opaque;
    return mem_alloc(n, size);
}
static void z_free(void *opaque, void *block) {
    (void)opaque;
    mem_free(block);
}

static err begin(struct stream *s) {
    TRY(fill_in(s));
    TRY(find_kind(s));
    if (s->kind == PLAIN) return ERR_OK;
    s->out = mem_alloc(STREAM_BLOCK_BYTES, 1);
    if (!s->out) return ERR_MEMORY;
    if (s->kind == GZIP) {
        s->z.zalloc = z_alloc;
        s->z.zfree = z_free;
        if (inflateInit2(&s->z, 15 + 16) != Z_OK) return fail(ERR_MEMORY, "out of memory for zlib");
        s->z_begun = true;
        return ERR_OK;
    }
    s->zstd = ZSTD_createDCtx();
    if (!s->zstd) return fail(ERR_MEMORY, "out of memory for zstd");
    (void)ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);
    return ERR_OK;
}

static err open_file(struct stream *s) {
    s->fd =
        open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* does not wait for a pipe's writer */
    if (s->fd < 0 || fstat(s->fd, &s->opened) != 0) return io_failed(s, "open");
    if (S_ISDIR(s->opened.st_mode)) return fail(ERR_UNSUPPORTED, "'%s' is a folder", s->path);
    if (!S_ISREG(s->opened.st_mode))
        return fail(ERR_UNSUPPORTED, "'%s' is no regular file: it could not be read twice",
                    s->path);
    s->in = mem_alloc(IN_BYTES, 1);
    return s->in ? begin(s) : ERR_MEMORY;
}

err stream_open(struct stream **out, const char *path) {
    struct stream *s = mem_zalloc(1, sizeof *s);
    *out = NULL;
    if (!s) return ERR_MEMORY;
    s->fd = -1;
    s->path = mem_strdup(path);
    err e = s->path ? sha256_init(&s->hash) : ERR_MEMORY;
    if (e == ERR_OK) e = open_file(s);
    if (e == ERR_OK)
        *out = s;
    else
        stream_close(s);
    return e;
}

/* ---- reading ---- */

/* One step of a library: it takes from `in` and adds to `out` behind the *filled bytes. */
static err step_gzip(struct stream *s, size_t *filled) {
    z_stream *z = &s->z;
    if (!s->inside && inflateReset(z) != Z_OK) BUG_IF(true);
    z->next_in = s->in + s->in_at;
    z->avail_in = (unsigned)(s->in_n - s->in_at);
    z->next_out = s->out + *filled;
    z->avail_out = (unsigned)(STREAM_BLOCK_BYTES - *filled);
    err_clear();
    int result = inflate(z, Z_NO_FLUSH);
    s->in_at = s->in_n - z->avail_in;
    *filled = STREAM_BLOCK_BYTES - z->avail_out;
    s->inside = result != Z_STREAM_END;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) return ERR_OK;
    if (result == Z_MEM_ERROR) return fail(ERR_MEMORY, "out of memory for zlib");
    return fail(ERR_PARSE, "'%s': its gzip stream is damaged: %s", s->path,
                z->msg ? z->msg : "no gzip data");
}

static err step_zstd(struct stream *s, size_t *filled) {
    ZSTD_inBuffer in = {s->in, s->in_n, s->in_at};
    ZSTD_outBuffer out = {s->out, STREAM_BLOCK_BYTES, *filled};
    size_t left = ZSTD_decompressStream(s->zstd, &out, &in);
    s->in_at = in.pos;
    *filled = out.pos;
    s->inside = left != 0;
    if (!ZSTD_isError(left)) return ERR_OK;
    switch (ZSTD_getErrorCode(left)) {
    case ZSTD_error_memory_allocation: return fail(ERR_MEMORY, "out of memory for zstd");
    case ZSTD_error_frameParameter_windowTooLarge:
        return fail(ERR_LIMIT, "'%s': zstd was told to use a window over %d MiB", s->path,
                    1 << (MAX_WINDOW_LOG - 20));
    default:
        return fail(ERR_PARSE, "'%s': its zstd stream is damaged: %s", s->path,
                    ZSTD_getErrorName(left));
    }
}

static err fill_out(struct stream *s, size_t *out_n) {
    size_t filled = 0;
    err e = ERR_OK;
    while (e == ERR_OK && filled < STREAM_BLOCK_BYTES) {
        if (s->in_at == s->in_n && !s->in_ended) e = fill_in(s);
        if (e != ERR_OK) break;
        size_t at = s->in_at, before = filled;
        if (s->in_at == s->in_n && !s->inside) break;
        e = s->kind == GZIP ? step_gzip(s, &filled) : step_zstd(s, &filled);
        if (e == ERR_OK && s->in_at == at && filled == before) {
            e = fail(ERR_PARSE, "'%s' ends inside its %s stream: a part is missing", s->path,
                     stream_compression(s));
        }
    }
    *out_n = filled;
    return e;
}

err stream_next(struct stream *s, const uint8_t **out, size_t *out_n) {
    *out_n = 0;
    if (s->kind != PLAIN) {
        *out = s->out;
        return fill_out(s, out_n);
    }
    *out = s->in;
    if (s->in_at == s->in_n && !s->in_ended) TRY(fill_in(s));
    *out_n = s->in_n - s->in_at;
    s->in_at = s->in_n;
    return ERR_OK;
}

const char *stream_path(const struct stream *s) {
    return s->path;
}

const char *stream_compression(const struct stream *s) {
    static const char *const names[] = {[PLAIN] = NULL, [GZIP] = "gzip", [ZSTD] = "zstd"};
    return names[s->kind];
}

err stream_sha256(struct stream *s, char out[SHA256_HEX_SIZE]) {
    while (!s->in_ended) TRY(fill_in(s));
    return sha256_final(&s->hash, out);
}

void stream_close(struct stream *s) {
    if (!s) return;
    if (s->fd >= 0) close(s->fd);
    if (s->z_begun) inflateEnd(&s->z);
    ZSTD_freeDCtx(s->zstd);
    sha256_release(&s->hash);
    mem_free(s->path);
    mem_free(s->in);
    mem_free(s->out);
    mem_free(s);
}
