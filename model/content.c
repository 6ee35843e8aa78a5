/* SPDX-License-Identifier: Apache-2.0
 * The hash of a checkpoint's weights. A tensor that lies in the file in one piece is hashed where
 * it is mapped, and may leave memory behind the hash; any other is put together first.
 * Read next: model/content.h, the contract. */
#include "model/content.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/model_int.h"

static err add_line(struct sha256 *h, const struct tensor *t) {
    struct str line = {0};
    err code = str_printf(&line, "%s %s [", t->name, dtype_name(t->dtype));
    for (int i = 0; i < t->n_dims && !code; i++)
        code = str_printf(&line, i ? ",%lld" : "%lld", (long long)t->shape[i]);
    if (!code) code = str_add(&line, "]\n");
    if (!code) code = sha256_add(h, line.data, line.len);
    str_release(&line);
    return code;
}

static err add_values(struct sha256 *h, const struct tensor_file *f, const struct tensor *t) {
    const size_t bytes = (size_t)(t->count * dtype_bytes(t->dtype));
    if (t->data) {
        TRY(sha256_add(h, t->data, bytes));
        tensor_file_forget(f, t);
        return ERR_OK;
    }
    void *values = mem_alloc(bytes, 1);
    err code = values ? tensor_file_read(f, t, values) : ERR_MEMORY;
    if (!code) code = sha256_add(h, values, bytes);
    mem_free(values);
    return code;
}

err model_content_hash(const struct model *m, char out[SHA256_HEX_SIZE]) {
    const struct tensor_file *f = m->internal->file;
    struct sha256 h;
    TRY(sha256_init(&h));
    err code = ERR_OK;
    for (int64_t i = 0; i < tensor_file_count(f) && !code; i++) {
        const struct tensor *t = tensor_file_at(f, i);
        if (tensor_unused(m, t->name)) continue;
        code = add_line(&h, t);
        if (!code) code = add_values(&h, f, t);
        if (code) fail_in(code, "tensor '%s'", t->name);
    }
    if (!code) code = sha256_final(&h, out);
    sha256_release(&h);
    return code;
}
