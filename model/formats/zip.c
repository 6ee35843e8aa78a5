/* SPDX-License-Identifier: Apache-2.0
 * Reading a ZIP archive's directory from the mapped file. Facts: the file ends in an end record
 * that says where the central directory lies; where a number does not fit it is all ones there, and
 * a zip64 end record in front of it has it. Each directory entry points to a local header, behind
 * which the bytes lie; a writer that streams leaves sizes and CRC zero there (flag bit 3).
 * Read next: model/formats/zip.h. */
#include "model/formats/zip.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    CENTRAL_BYTES = 46,
    LOCAL_BYTES = 30,
    COMMENT_MAX = 65535,
    ZIP64_EXTRA = 1,
    FLAG_ENCRYPTED = 1,
    FLAG_STREAMED = 8,
};
static const uint64_t ONES16 = 0xffff, ONES32 = 0xffffffff;

struct directory {
    uint64_t n, offset, bytes;
};

/* The mapped archive, and what reading its directory needs. */
struct reader {
    const uint8_t *data;
    uint64_t n;
    struct directory directory;
    struct arena *arena;
};

/* A field of both end records: all ones in the old one stands for the new one's. */
static bool same_field(uint64_t old, uint64_t ones, uint64_t wide) {
    return old == ones || old == wide;
}

/* The zip64 end record, which a locator just before the end record points to. */
static err read_end64(const struct reader *r, uint64_t end, struct directory *d, uint64_t *at) {
    const uint8_t *locator = r->data + end - LOCATOR_BYTES;
    const uint64_t place = bytes_get_little(locator + 8, 8);
    if (place > end - LOCATOR_BYTES || end - LOCATOR_BYTES - place < END64_BYTES ||
        memcmp(r->data + place, "PK\6\6", 4) != 0)
        return fail(ERR_PARSE, "no zip64 end record at byte %llu, where its locator points",
                    (unsigned long long)place);
    const uint8_t *p = r->data + place;
    const struct directory wide = {bytes_get_little(p + 32, 8), bytes_get_little(p + 48, 8),
                                   bytes_get_little(p + 40, 8)};
    if (bytes_get_little(p + 4, 8) != end - LOCATOR_BYTES - place - 12 ||
        bytes_get_little(p + 16, 4) || bytes_get_little(p + 20, 4) ||
        bytes_get_little(p + 24, 8) != wide.n || bytes_get_little(locator + 4, 4) ||
        bytes_get_little(locator + 16, 4) > 1 || !same_field(d->n, ONES16, wide.n) ||
        !same_field(d->bytes, ONES32, wide.bytes) || !same_field(d->offset, ONES32, wide.offset))
        return fail(ERR_PARSE, "the two end records differ");
    *d = wide;
    *at = place;
    return ERR_OK;
}

/* Finds the directory, which must reach up to the end records. */
static err find_directory(struct reader *r) {
    if (r->n < END_BYTES) return fail(ERR_PARSE, "too short for a ZIP archive");
    uint64_t end = r->n - END_BYTES;
    const uint64_t last = end > COMMENT_MAX ? end - COMMENT_MAX : 0;
    while (memcmp(r->data + end, "PK\5\6", 4) != 0 ||
           bytes_get_little(r->data + end + 20, 2) != r->n - end - END_BYTES)
        if (end-- == last)
            return fail(ERR_PARSE, "no end record of a ZIP archive: cut off, or not one");
    const uint8_t *p = r->data + end;
    struct directory d = {bytes_get_little(p + 10, 2), bytes_get_little(p + 16, 4),
                          bytes_get_little(p + 12, 4)};
    if (bytes_get_little(p + 4, 2) || bytes_get_little(p + 6, 2) ||
        bytes_get_little(p + 8, 2) != d.n)
        return fail(ERR_UNSUPPORTED, "a ZIP archive on several disks");
    if (end >= LOCATOR_BYTES && memcmp(p - LOCATOR_BYTES, "PK\6\7", 4) == 0)
        TRY(read_end64(r, end, &d, &end));
    if (d.offset > end || d.bytes != end - d.offset)
        return fail(ERR_PARSE, "a directory of %llu bytes at byte %llu does not end at byte %llu",
                    (unsigned long long)d.bytes, (unsigned long long)d.offset,
                    (unsigned long long)end);
    if (d.n > ZIP_MAX_ENTRIES)
        return fail(ERR_LIMIT, "%llu entries, at most %d are read", (unsigned long long)d.n,
                    ZIP_MAX_ENTRIES);
    if (d.n > d.bytes / CENTRAL_BYTES)
        return fail(ERR_PARSE, "%llu entries in a directory of %llu bytes", (unsigned long long)d.n,
                    (unsigned long long)d.bytes);
    r->directory = d;
    return ERR_OK;
}

/* A name is a relative path that leads nowhere else: no part is empty, "." or "..". */
static err check_name(const uint8_t *name, uint64_t n) {
    uint64_t part = 0;
    if (n > ZIP_MAX_NAME) return fail(ERR_LIMIT, "a name of over %d bytes", ZIP_MAX_NAME);
    for (uint64_t i = 0; i < n; i++)
        if (name[i] < ' ' || name[i] == 0x7f || name[i] == '\\')
            return fail(ERR_PARSE, "a name with byte 0x%02x in it", name[i]);
    for (uint64_t i = 0; i <= n; i++) {
        if (i < n && name[i] != '/') continue;
        const uint64_t len = i - part;
        const bool folder = i == n && len == 0 && n > 0;
        if ((len == 0 && !folder) || (len == 1 && name[part] == '.') ||
            (len == 2 && memcmp(name + part, "..", 2) == 0))
            return fail(ERR_PARSE, "a name that leads out of the archive");
        part = i + 1;
    }
    return ERR_OK;
}

/* What a header, central or local, says of an entry. Sizes and CRC are the first fields of both. */
struct header {
    uint64_t flags, method, crc32, packed, size, local;
};

/* Takes from the zip64 extra field what the header has no room for, in the order of the format. */
static err read_zip64(struct header *h, bool central, const uint8_t *extra, uint64_t n) {
    uint64_t *wide[3], n_wide = 0;
    if (h->size == ONES32) wide[n_wide++] = &h->size;
    if (h->packed == ONES32) wide[n_wide++] = &h->packed;
    if (central && h->local == ONES32) wide[n_wide++] = &h->local;
    if (!n_wide) return ERR_OK;
    while (n >= 4) {
        const uint64_t id = bytes_get_little(extra, 2), bytes = bytes_get_little(extra + 2, 2);
        if (bytes > n - 4) break;
        if (id == ZIP64_EXTRA && bytes >= 8 * n_wide) {
            for (uint64_t i = 0; i < n_wide; i++) *wide[i] = bytes_get_little(extra + 4 + 8 * i, 8);
            return ERR_OK;
        }
        extra += 4 + bytes;
        n -= 4 + bytes;
    }
    return fail(ERR_PARSE, "sizes that need a zip64 field, which is not there");
}

/* Streamed entries may leave the fields of the local header open. */
static bool same_open(bool streamed, uint64_t local, uint64_t central) {
    return local == central || (streamed && (local == 0 || local == ONES32));
}

/* Holds the local header against the directory's, and finds the bytes behind it. */
static err read_local(const struct reader *r, const struct header *h, const char *name,
                      struct zip_entry *e) {
    const uint64_t room = r->directory.offset; /* entries lie before the directory */
    if (h->local > room || room - h->local < LOCAL_BYTES ||
        memcmp(r->data + h->local, "PK\3\4", 4) != 0)
        return fail(ERR_PARSE, "no local header at byte %llu", (unsigned long long)h->local);
    const uint8_t *p = r->data + h->local;
    const uint64_t name_bytes = bytes_get_little(p + 26, 2),
                   extra_bytes = bytes_get_little(p + 28, 2);
    const uint64_t begin = h->local + LOCAL_BYTES + name_bytes + extra_bytes;
    if (begin > room || h->size > room - begin)
        return fail(ERR_PARSE, "%llu bytes at byte %llu run into the directory",
                    (unsigned long long)h->size, (unsigned long long)begin);
    struct header local = {.flags = bytes_get_little(p + 6, 2),
                           .method = bytes_get_little(p + 8, 2),
                           .crc32 = bytes_get_little(p + 14, 4),
                           .packed = bytes_get_little(p + 18, 4),
                           .size = bytes_get_little(p + 22, 4)};
    const bool streamed = h->flags & FLAG_STREAMED;
    err code = read_zip64(&local, false, p + LOCAL_BYTES + name_bytes, extra_bytes);
    if (code && !streamed) return code;
    if (name_bytes != strlen(name) || memcmp(p + LOCAL_BYTES, name, name_bytes) != 0)
        return fail(ERR_MISMATCH, "its local header has another name");
    if (local.flags != h->flags || local.method != h->method)
        return fail(ERR_MISMATCH, "its local header has other flags or another method");
    if (!same_open(streamed, local.size, h->size) || !same_open(streamed, local.packed, h->packed))
        return fail(ERR_MISMATCH, "%llu bytes, but %llu in its local header",
                    (unsigned long long)h->size, (unsigned long long)local.size);
    if (!same_open(streamed, local.crc32, h->crc32))
        return fail(ERR_MISMATCH, "its local header has another CRC");
    *e = (struct zip_entry){name, r->data + begin, h->size, (uint32_t)h->crc32};
    return ERR_OK;
}

static err check_stored(const struct header *h) {
    if (h->flags & FLAG_ENCRYPTED) return fail(ERR_UNSUPPORTED, "it is encrypted");
    if (h->method != 0)
        return fail_hint(fail(ERR_UNSUPPORTED, "it is compressed (method %llu), not stored",
                              (unsigned long long)h->method),
                         "unpack the archive and pack it again without compression: zip -0 -r");
    if (h->packed != h->size)
        return fail(ERR_PARSE, "%llu bytes are stored as %llu", (unsigned long long)h->size,
                    (unsigned long long)h->packed);
    return ERR_OK;
}

/* Reads the directory entry at *at and moves on to the next; a folder gives no entry. */
static err read_entry(const struct reader *r, uint64_t *at, struct zip *z) {
    const uint64_t end = r->directory.offset + r->directory.bytes;
    const uint8_t *p = r->data + *at;
    if (end - *at < CENTRAL_BYTES || memcmp(p, "PK\1\2", 4) != 0)
        return fail(ERR_PARSE, "the directory is cut off at byte %llu", (unsigned long long)*at);
    const uint64_t name_bytes = bytes_get_little(p + 28, 2),
                   extra_bytes = bytes_get_little(p + 30, 2),
                   comment_bytes = bytes_get_little(p + 32, 2);
    if (name_bytes + extra_bytes + comment_bytes > end - *at - CENTRAL_BYTES)
        return fail(ERR_PARSE, "the directory is cut off at byte %llu", (unsigned long long)*at);
    TRY(check_name(p + CENTRAL_BYTES, name_bytes));
    const char *name = arena_strndup(r->arena, (const char *)p + CENTRAL_BYTES, name_bytes);
    if (!name) return ERR_MEMORY;
    struct header h = {.flags = bytes_get_little(p + 8, 2),
                       .method = bytes_get_little(p + 10, 2),
                       .crc32 = bytes_get_little(p + 16, 4),
                       .packed = bytes_get_little(p + 20, 4),
                       .size = bytes_get_little(p + 24, 4),
                       .local = bytes_get_little(p + 42, 4)};
    err code = read_zip64(&h, true, p + CENTRAL_BYTES + name_bytes, extra_bytes);
    if (!code) code = check_stored(&h);
    if (!code) code = read_local(r, &h, name, &z->entries[z->n]);
    if (code) return fail_in(code, "entry '%s'", name);
    const bool folder = name[name_bytes - 1] == '/';
    if (folder && h.size) return fail(ERR_PARSE, "entry '%s': a folder with data", name);
    if (!folder) z->n++;
    *at += CENTRAL_BYTES + name_bytes + extra_bytes + comment_bytes;
    return ERR_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct zip_entry *)a)->name, ((const struct zip_entry *)b)->name);
}

static int by_place(const void *a, const void *b) {
    const struct zip_entry *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

/* No byte of an entry is also another's, nor in the header in front of that (padding apart). */
static err check_overlaps(struct zip *z) {
    qsort(z->entries, (size_t)z->n, sizeof *z->entries, by_place);
    for (int64_t i = 1; i < z->n; i++) {
        const struct zip_entry *e = &z->entries[i], *before = &z->entries[i - 1];
        const uint64_t apart = (uint64_t)(e->data - before->data);
        if (apart < before->size_bytes + LOCAL_BYTES + strlen(e->name))
            return fail(ERR_PARSE, "entries '%s' and '%s' overlap", before->name, e->name);
    }
    return ERR_OK;
}

err zip_open(struct zip *z, const uint8_t *data, size_t n, struct arena *arena) {
    struct reader r = {.data = data, .n = n, .arena = arena};
    TRY(find_directory(&r));
    *z = (struct zip){.entries = arena_alloc(arena, r.directory.n + 1, sizeof *z->entries)};
    if (!z->entries) return ERR_MEMORY;
    uint64_t at = r.directory.offset;
    for (uint64_t i = 0; i < r.directory.n; i++) TRY(read_entry(&r, &at, z));
    if (at != r.directory.offset + r.directory.bytes)
        return fail(ERR_PARSE, "more in the directory than its %llu entries",
                    (unsigned long long)r.directory.n);
    TRY(check_overlaps(z));
    qsort(z->entries, (size_t)z->n, sizeof *z->entries, by_name);
    for (int64_t i = 1; i < z->n; i++)
        if (by_name(&z->entries[i], &z->entries[i - 1]) == 0)
            return fail(ERR_PARSE, "entry '%s' is there twice", z->entries[i].name);
    return ERR_OK;
}

const struct zip_entry *zip_find(const struct zip *z, const char *name) {
    const struct zip_entry key = {.name = name};
    return bsearch(&key, z->entries, (size_t)z->n, sizeof *z->entries, by_name);
}

uint32_t zip_crc32(const uint8_t *data, size_t n) {
    uint32_t table[16], crc = ~(uint32_t)0; /* four bits at a time */
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    for (size_t i = 0; i < n; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

err zip_check(const struct zip_entry *e) {
    const uint32_t found = zip_crc32(e->data, e->size_bytes);
    if (found == e->crc32) return ERR_OK;
    return fail(ERR_MISMATCH, "entry '%s': its bytes have CRC %08x where the archive says %08x",
                e->name, found, e->crc32);
}
