/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing Megatron's pairs of files. Numbers of the .idx stand at odd offsets, so they
 * are copied out before they are looked at, and an .idx is checked whole before a sequence is read.
 * The contract, with the format, is data/source/megatron.h. */
#include "data/source/megatron.h"
#include "base/bytes.h"
#include "base/mem.h"
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Megatron's files are little endian");

static const char magic[9] = "MMIDIDX\0";
enum { MAGIC = sizeof magic, HEADER = MAGIC + 8 + 1 + 8 + 8, CODE_INT32 = 4 };

struct megatron_type {
    uint8_t code, bytes;
    bool is_signed;
    const char *name;
};
static const struct megatron_type types[] = {
    {1, 1, false, "uint8"},  {2, 1, true, "int8"},    {3, 2, true, "int16"},
    {4, 4, true, "int32"},   {5, 8, true, "int64"},   {6, 0, true, "float64"},
    {7, 0, true, "float32"}, {8, 2, false, "uint16"},
};

static int32_t size_of(const struct megatron *m, int64_t i) {
    return (int32_t)bytes_get_little(m->idx.data + HEADER + 4 * i, 4);
}

static int64_t offset_of(const struct megatron *m, int64_t i) {
    return (int64_t)bytes_get_little(m->idx.data + HEADER + 4 * m->n + 8 * i, 8);
}

static err check_header(struct megatron *m, int64_t *out_documents) {
    const uint8_t *data = m->idx.data;
    size_t size = m->idx.size_bytes;
    if (size < HEADER || memcmp(data, magic, MAGIC) != 0)
        return fail(ERR_PARSE, "it does not begin as an index of Megatron does");
    uint64_t version = bytes_get_little(data + MAGIC, 8), n = bytes_get_little(data + MAGIC + 9, 8);
    uint64_t documents = bytes_get_little(data + MAGIC + 17, 8);
    if (version != 1) return fail(ERR_UNSUPPORTED, "version %llu", (unsigned long long)version);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].code == data[MAGIC + 8]) m->type = &types[i];
    if (!m->type) return fail(ERR_PARSE, "dtype %d is none that Megatron has", data[MAGIC + 8]);
    if (m->type->bytes == 0)
        return fail(ERR_UNSUPPORTED, "it holds %s, which are no ids", m->type->name);
    uint64_t rest = size - HEADER;
    if (n > rest / 12 || documents > (rest - 12 * n) / 8 || 12 * n + 8 * documents != rest)
        return fail(ERR_PARSE, "%llu sequences and %llu documents do not make a file of %zu bytes",
                    (unsigned long long)n, (unsigned long long)documents, size);
    m->n = (int64_t)n;
    *out_documents = (int64_t)documents;
    return ERR_OK;
}

/* Sequences follow one another from the first byte to the last. */
static err check_sequences(const struct megatron *m) {
    int64_t at = 0, end = (int64_t)m->bin.size_bytes;
    for (int64_t i = 0; i < m->n; i++) {
        if (size_of(m, i) < 0)
            return fail(ERR_PARSE, "sequence %lld has %d tokens", (long long)i, size_of(m, i));
        if (offset_of(m, i) != at)
            return fail(ERR_PARSE, "sequence %lld begins at byte %lld, the one before ends at %lld",
                        (long long)i, (long long)offset_of(m, i), (long long)at);
        if (size_of(m, i) > (end - at) / m->type->bytes)
            return fail(ERR_PARSE, "sequence %lld ends behind the .bin's %lld bytes", (long long)i,
                        (long long)end);
        at += (int64_t)size_of(m, i) * m->type->bytes;
    }
    if (at == end) return ERR_OK;
    return fail(ERR_PARSE, "the sequences have %lld bytes, and the .bin has %lld", (long long)at,
                (long long)end);
}

static err check_documents(const struct megatron *m, int64_t n) {
    const uint8_t *at = m->idx.data + HEADER + 12 * m->n;
    int64_t before = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = (int64_t)bytes_get_little(at + 8 * i, 8);
        if (first < before || first > m->n)
            return fail(ERR_PARSE, "document %lld begins at sequence %lld", (long long)i,
                        (long long)first);
        before = first;
    }
    return ERR_OK;
}

char *megatron_path(const char *path, const char *ending) {
    struct str out = {0};
    size_t n = strlen(path);
    if (str_ends(path, ".idx") || str_ends(path, ".bin")) n -= 4;
    if (str_append(&out, path, n) == ERR_OK && str_add(&out, ending) == ERR_OK) return out.data;
    str_release(&out);
    return NULL;
}

static err open_pair(struct megatron *m, const char *idx, const char *bin) {
    int64_t documents = 0;
    TRY(file_map_open(&m->idx, idx));
    TRY(file_map_open(&m->bin, bin));
    err e = check_header(m, &documents);
    if (e == ERR_OK) e = check_sequences(m);
    if (e == ERR_OK) e = check_documents(m, documents);
    return e == ERR_OK ? ERR_OK : fail_in(e, "'%s'", idx);
}

err megatron_open(struct megatron *m, const char *path) {
    char *idx = megatron_path(path, ".idx"), *bin = megatron_path(path, ".bin");
    *m = (struct megatron){0};
    err e = idx && bin ? open_pair(m, idx, bin) : ERR_MEMORY;
    mem_free(idx);
    mem_free(bin);
    if (e != ERR_OK) megatron_close(m);
    return e;
}

err megatron_read(const struct megatron *m, int64_t sequence, struct tokens *out) {
    const uint8_t *at = m->bin.data + offset_of(m, sequence);
    const size_t bytes = m->type->bytes;
    tokens_clear(out);
    for (int32_t i = 0; i < size_of(m, sequence); i++, at += bytes) {
        int64_t id = (int64_t)bytes_get_little(at, (int)bytes);
        if (m->type->is_signed && bytes < 8 && at[bytes - 1] & 0x80) id -= INT64_C(1) << 8 * bytes;
        if (id < INT32_MIN || id > INT32_MAX)
            return fail(ERR_RANGE, "token %d is %lld", i + 1, (long long)id);
        TRY(tokens_add(out, (int32_t)id));
    }
    return ERR_OK;
}

void megatron_close(struct megatron *m) {
    file_map_close(&m->idx);
    file_map_close(&m->bin);
    *m = (struct megatron){0};
}

/* ---- writing ---- */

err megatron_writer_open(struct megatron_writer *w, const char *prefix) {
    *w = (struct megatron_writer){.bin.fd = -1};
    char *bin = megatron_path(prefix, ".bin");
    w->idx_path = megatron_path(prefix, ".idx");
    err e = bin && w->idx_path ? file_writer_open(&w->bin, bin) : ERR_MEMORY;
    mem_free(bin);
    if (e != ERR_OK) megatron_writer_abort(w);
    return e;
}

err megatron_writer_add(struct megatron_writer *w, const int32_t *ids, int64_t n) {
    if (n > INT32_MAX) return fail(ERR_LIMIT, "a sequence of %lld tokens", (long long)n);
    TRY(mem_grow(&w->sizes, &w->capacity, w->n, sizeof *w->sizes));
    w->sizes[w->n++] = (int32_t)n;
    return file_writer_write(&w->bin, ids, (size_t)n * sizeof *ids);
}

static err write_index(const struct megatron_writer *w, struct file_writer *out) {
    const uint64_t version = 1, n = (uint64_t)w->n, documents = 1;
    const uint8_t code = CODE_INT32;
    const int64_t first = 0;
    TRY(file_writer_write(out, magic, MAGIC));
    TRY(file_writer_write(out, &version, 8));
    TRY(file_writer_write(out, &code, 1));
    TRY(file_writer_write(out, &n, 8));
    TRY(file_writer_write(out, &documents, 8));
    TRY(file_writer_write(out, w->sizes, (size_t)w->n * 4));
    int64_t offset = 0;
    for (int64_t i = 0; i < w->n; i++) {
        TRY(file_writer_write(out, &offset, 8));
        offset += 4 * (int64_t)w->sizes[i];
    }
    return file_writer_write(out, &first, 8);
}

err megatron_writer_commit(struct megatron_writer *w) {
    struct file_writer idx;
    err e = file_writer_commit(&w->bin);
    if (e == ERR_OK) e = file_writer_open(&idx, w->idx_path);
    if (e == ERR_OK) {
        e = write_index(w, &idx);
        if (e == ERR_OK)
            e = file_writer_commit(&idx); /* last: without it there is no dataset */
        else
            file_writer_abort(&idx);
    }
    megatron_writer_abort(w);
    return e;
}

void megatron_writer_abort(struct megatron_writer *w) {
    file_writer_abort(&w->bin);
    mem_free(w->idx_path);
    mem_free(w->sizes);
    *w = (struct megatron_writer){.bin.fd = -1};
}
