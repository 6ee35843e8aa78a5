/* SPDX-License-Identifier: Apache-2.0
 * A file of torch.save: its ZIP entries, its pickle, and tensors as views of stored bytes. A view
 * is checked before it is handed out, so that whoever copies from it need not.
 *   element (i0, i1, ..) of a tensor lies at offset + i0*stride0 + i1*stride1 + .. of its storage
 * Read next: model/formats/torch_archive.h. */
#include "model/formats/torch_archive.h"
#include "base/str.h"
#include "model/formats/format.h"
#include <stdio.h>
#include <string.h>

static const char PICKLE_NAME[] = "/data.pkl";

/* The folder of all entries is the one that holds the pickle. */
static err find_pickle(struct torch_archive *a, const struct zip_entry **out) {
    const struct zip *z = &a->zip;
    *out = NULL;
    for (int64_t i = 0; i < z->n; i++) {
        const char *name = z->entries[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash, PICKLE_NAME) != 0) continue;
        if (*out) return fail(ERR_PARSE, "two pickles: '%s' and '%s'", (*out)->name, name);
        *out = &z->entries[i];
        a->folder = arena_strndup(a->arena, name, (size_t)(slash - name));
        if (!a->folder) return ERR_MEMORY;
    }
    if (!*out)
        return fail(ERR_MISSING, "no entry data.pkl: a ZIP archive that torch.save did not write");
    return ERR_OK;
}

/* Bytes of a number are in an order that files name only since torch 2.1; before, all were little.
 */
static err check_byte_order(const struct torch_archive *a) {
    const char *name = arena_printf(a->arena, "%s/byteorder", a->folder);
    if (!name) return ERR_MEMORY;
    const struct zip_entry *e = zip_find(&a->zip, name);
    if (!e) return ERR_OK;
    TRY(zip_check(e));
    if (e->size_bytes == 6 && memcmp(e->data, "little", 6) == 0) return ERR_OK;
    return fail_hint(fail(ERR_UNSUPPORTED,
                          "entry '%s': not 'little': its numbers are in another "
                          "byte order",
                          name),
                     "save it again on a machine of the usual byte order");
}

err torch_archive_open(struct torch_archive *a, const uint8_t *data, size_t n,
                       struct arena *arena) {
    const struct zip_entry *pickle;
    *a = (struct torch_archive){.arena = arena};
    TRY(zip_open(&a->zip, data, n, arena));
    TRY(find_pickle(a, &pickle));
    TRY(check_byte_order(a));
    TRY(zip_check(pickle));
    err code = pickle_parse(pickle->data, pickle->size_bytes, arena, &a->root);
    return code ? fail_in(code, "entry '%s'", pickle->name) : ERR_OK;
}

/* The bytes of a storage, all of them there. */
static err find_storage(const struct torch_archive *a, const struct pickle_value *s,
                        const uint8_t **out) {
    const char *name = arena_printf(a->arena, "%s/data/%s", a->folder, s->storage.key);
    if (!name) return ERR_MEMORY;
    const struct zip_entry *e = zip_find(&a->zip, name);
    if (!e) return fail(ERR_MISSING, "no entry '%s', where its storage should be", name);
    const uint64_t size = (uint64_t)dtype_bytes(s->storage.dtype);
    if (s->storage.count < 0 || e->size_bytes % size != 0 ||
        e->size_bytes / size != (uint64_t)s->storage.count)
        return fail(ERR_MISMATCH, "entry '%s': %llu bytes for %lld elements of %s", name,
                    (unsigned long long)e->size_bytes, (long long)s->storage.count,
                    dtype_name(s->storage.dtype));
    *out = e->data;
    return ERR_OK;
}

/* The last element must lie in the storage as well as the first. Strides of zero could make any
 * number of elements of one; no checkpoint has such weights. */
static err check_extent(const struct torch_view *v, int64_t offset, int64_t count) {
    int64_t last = offset;
    if (v->count > count)
        return fail(ERR_MISMATCH, "%lld elements of a storage of %lld", (long long)v->count,
                    (long long)count);
    if (offset < 0) return fail(ERR_PARSE, "offset %lld", (long long)offset);
    for (int i = 0; i < v->n_dims; i++) {
        int64_t step;
        if (v->stride[i] < 0)
            return fail(ERR_PARSE, "stride %lld of dimension %d", (long long)v->stride[i], i);
        if (!v->count) continue;
        if (__builtin_mul_overflow(v->shape[i] - 1, v->stride[i], &step) ||
            __builtin_add_overflow(last, step, &last))
            return fail(ERR_RANGE, "strides beyond any storage");
    }
    if (v->count ? last >= count : offset > count)
        return fail(ERR_MISMATCH, "element %lld of a storage of %lld", (long long)last,
                    (long long)count);
    return ERR_OK;
}

err torch_archive_tensor(const struct torch_archive *a, const struct pickle_value *v,
                         struct torch_view *out) {
    if (v->kind != PICKLE_TENSOR)
        return fail(ERR_UNSUPPORTED, "%s where a tensor was expected", pickle_kind_name(v->kind));
    const struct pickle_value *shape = v->tensor.shape, *storage = v->tensor.storage;
    struct tensor t = {0};
    int64_t sizes[TENSOR_MAX_DIMS] = {0};
    const int64_t n = shape->list.n;
    for (int64_t i = 0; i < n && i < TENSOR_MAX_DIMS; i++) sizes[i] = shape->list.items[i]->integer;
    TRY(tensor_set_shape(&t, n, sizes));
    *out =
        (struct torch_view){.dtype = storage->storage.dtype, .n_dims = t.n_dims, .count = t.count};
    for (int i = 0; i < t.n_dims; i++) {
        out->shape[i] = t.shape[i];
        out->stride[i] = v->tensor.strides->list.items[i]->integer;
    }
    const uint8_t *data = NULL;
    TRY(find_storage(a, storage, &data));
    TRY(check_extent(out, v->tensor.offset, storage->storage.count));
    out->data = data + v->tensor.offset * dtype_bytes(out->dtype);
    return ERR_OK;
}

void torch_row_major(int n_dims, const int64_t *shape, int64_t *out_stride) {
    uint64_t stride = 1; /* may pass any bound where another dimension is 0, and is not used then */
    for (int i = n_dims - 1; i >= 0; i--) {
        out_stride[i] = (int64_t)stride;
        stride *= (uint64_t)shape[i];
    }
}

bool torch_view_contiguous(const struct torch_view *v) {
    int64_t stride[TENSOR_MAX_DIMS];
    bool same = true;
    torch_row_major(v->n_dims, v->shape, stride);
    for (int i = 0; i < v->n_dims && v->count; i++)
        same = same && (v->shape[i] == 1 || v->stride[i] == stride[i]);
    return same;
}

struct torch_view torch_view_rows(const struct torch_view *v, int64_t first, int64_t n) {
    BUG_IF(v->n_dims < 1 || first < 0 || n < 0 || n > v->shape[0] - first);
    struct torch_view rows = *v;
    rows.shape[0] = n;
    rows.count = v->shape[0] ? v->count / v->shape[0] * n : 0;
    if (rows.count) rows.data += first * v->stride[0] * dtype_bytes(v->dtype);
    return rows;
}

/* Two sets of strides over one shape, with as few dimensions as say the same. */
struct walk {
    int n_dims;
    int64_t shape[TENSOR_MAX_DIMS], from[TENSOR_MAX_DIMS], to[TENSOR_MAX_DIMS];
};

/* A dimension joins the one before it where both sides go on without a gap. */
static struct walk walk_over(const struct torch_view *v, const int64_t *out_stride) {
    struct walk w = {0};
    for (int i = 0; i < v->n_dims; i++) {
        const int64_t n = v->shape[i], from = v->stride[i], to = out_stride[i];
        const int last = w.n_dims - 1;
        if (n == 1) continue;
        if (last >= 0 && w.from[last] == n * from && w.to[last] == n * to) {
            w.shape[last] *= n;
            w.from[last] = from;
            w.to[last] = to;
            continue;
        }
        w.shape[w.n_dims] = n;
        w.from[w.n_dims] = from;
        w.to[w.n_dims++] = to;
    }
    if (!w.n_dims) {
        w.n_dims = 1;
        w.shape[0] = w.from[0] = w.to[0] = 1;
    }
    return w;
}

static bool copy_or_compare(uint8_t *to, const uint8_t *like, const uint8_t *from, size_t n) {
    if (like) return memcmp(like, from, n) == 0;
    memcpy(to, from, n);
    return true;
}

/* Copies to `out`, or compares with `like` where that is given; false: they differ. */
static bool walk(const struct torch_view *v, const int64_t *out_stride, uint8_t *out,
                 const uint8_t *like) {
    if (!v->count) return true;
    const struct walk w = walk_over(v, out_stride);
    const int last = w.n_dims - 1;
    const size_t size = (size_t)dtype_bytes(v->dtype);
    const bool run = w.from[last] == 1 && w.to[last] == 1; /* a whole run at once */
    const int64_t step = run ? w.shape[last] : 1;
    int64_t at[TENSOR_MAX_DIMS] = {0};
    bool same = true, more = true;
    while (same && more) {
        int64_t from = 0, to = 0;
        for (int i = 0; i <= last; i++) {
            from += at[i] * w.from[i];
            to += at[i] * w.to[i];
        }
        const size_t place = (size_t)to * size;
        same = copy_or_compare(out ? out + place : NULL, like ? like + place : NULL,
                               v->data + (size_t)from * size, (size_t)step * size);
        at[last] += step;
        for (int i = last; i > 0 && at[i] == w.shape[i]; i--) {
            at[i] = 0;
            at[i - 1]++;
        }
        more = at[0] < w.shape[0];
    }
    return same;
}

void torch_view_copy(const struct torch_view *v, const int64_t *out_stride, void *out) {
    walk(v, out_stride, out, NULL);
}

bool torch_view_same(const struct torch_view *v, const int64_t *out_stride, const void *out) {
    return walk(v, out_stride, NULL, out);
}
