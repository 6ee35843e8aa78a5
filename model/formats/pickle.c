/* SPDX-License-Identifier: Apache-2.0
 * The machine of the unpickler: a stack with marks in it, a memo of values that come again, and the
 * loop over the opcodes. What an opcode does is in pickle_opcodes.c, what calls and globals mean in
 * pickle_meaning.c.
 * Read next: model/formats/pickle.h, the contract. */
#include "model/formats/pickle.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/formats/pickle_int.h"
#include <string.h>

const char *pickle_kind_name(enum pickle_kind kind) {
    static const char *const names[] = {
        [PICKLE_NONE] = "None",          [PICKLE_BOOL] = "a bool",
        [PICKLE_INT] = "a whole number", [PICKLE_FLOAT] = "a number",
        [PICKLE_STRING] = "a string",    [PICKLE_BYTES] = "bytes",
        [PICKLE_TUPLE] = "a tuple",      [PICKLE_LIST] = "a list",
        [PICKLE_DICT] = "a dict",        [PICKLE_NAMESPACE] = "a namespace",
        [PICKLE_DTYPE] = "a dtype",      [PICKLE_STORAGE] = "a storage",
        [PICKLE_TENSOR] = "a tensor",    [PICKLE_GLOBAL] = "a global",
        [PICKLE_OPAQUE] = "an object",
    };
    return names[kind];
}

struct pickle_value *pickle_value_new(struct pickle_machine *m, enum pickle_kind kind, err *code) {
    if (m->n_values++ == PICKLE_MAX_VALUES) {
        *code = fail(ERR_LIMIT, "over %d values", PICKLE_MAX_VALUES);
        return NULL;
    }
    struct pickle_value *v = arena_alloc(m->arena, 1, sizeof *v);
    *code = v ? ERR_OK : ERR_MEMORY;
    if (v) v->kind = kind;
    return v;
}

err pickle_grow(struct pickle_value ***items, int64_t wanted, int64_t *capacity) {
    if (wanted <= *capacity) return ERR_OK;
    if (wanted > PICKLE_MAX_VALUES)
        return fail(ERR_LIMIT, "over %d values at once", PICKLE_MAX_VALUES);
    const int64_t room = wanted < 2 * *capacity ? 2 * *capacity : wanted < 16 ? 16 : wanted;
    struct pickle_value **grown = mem_resize(*items, (size_t)room, sizeof **items);
    if (!grown) return ERR_MEMORY;
    *items = grown;
    *capacity = room;
    return ERR_OK;
}

err pickle_push(struct pickle_machine *m, struct pickle_value *v) {
    TRY(pickle_grow(&m->stack, m->height + 1, &m->stack_capacity));
    m->stack[m->height++] = v;
    return ERR_OK;
}

err pickle_push_new(struct pickle_machine *m, enum pickle_kind kind, struct pickle_value **out) {
    err code;
    *out = pickle_value_new(m, kind, &code);
    return *out ? pickle_push(m, *out) : code;
}

err pickle_pop(struct pickle_machine *m, int64_t n, struct pickle_value ***out) {
    const int64_t floor = m->n_marks ? m->marks[m->n_marks - 1] : 0;
    *out = m->stack;
    if (m->height - floor < n) return fail(ERR_PARSE, "too few values before it");
    m->height -= n;
    if (m->height) *out = m->stack + m->height; /* an empty stack may be NULL */
    return ERR_OK;
}

err pickle_pop_mark(struct pickle_machine *m, struct pickle_value ***out, int64_t *out_n) {
    *out = m->stack;
    *out_n = 0;
    if (!m->n_marks) return fail(ERR_PARSE, "no mark before it");
    *out_n = m->height - m->marks[m->n_marks - 1];
    TRY(pickle_pop(m, *out_n, out));
    m->n_marks--;
    return ERR_OK;
}

err pickle_take(struct pickle_machine *m, uint64_t n, const uint8_t **out) {
    *out = m->data + m->at;
    if (n > m->n - m->at) return fail(ERR_PARSE, "it ends in the middle");
    m->at += n;
    return ERR_OK;
}

static err run_next(struct pickle_machine *m) {
    const size_t at = m->at;
    const uint8_t *p;
    if (at == m->n) return fail(ERR_PARSE, "byte %zu: it ends without STOP", at);
    struct pickle_instruction i = {.byte = m->data[m->at++]};
    const struct pickle_opcode *op = &pickle_opcodes[i.byte];
    if (!op->name) return fail(ERR_PARSE, "byte %zu: 0x%02x is no opcode", at, i.byte);
    if (!op->run)
        return fail(ERR_UNSUPPORTED, "byte %zu: opcode %s is refused: torch.save does not write it",
                    at, op->name);
    i.argument_bytes = op->argument_bytes;
    err code = pickle_take(m, (uint64_t)op->argument_bytes, &p);
    if (!code) {
        i.argument = bytes_get_little(p, i.argument_bytes);
        code = op->run(m, &i);
    }
    return code ? fail_in(code, "byte %zu (%s)", at, op->name) : ERR_OK;
}

static err run_all(struct pickle_machine *m) {
    err code;
    if (m->n > PICKLE_MAX_BYTES)
        return fail(ERR_LIMIT, "%zu bytes, at most %d are read", m->n, PICKLE_MAX_BYTES);
    if (m->n < 2 || m->data[0] != 0x80)
        return fail(ERR_UNSUPPORTED, "no pickle of protocol 2 to 4");
    if (!(m->none = pickle_value_new(m, PICKLE_NONE, &code)) ||
        !(m->yes = pickle_value_new(m, PICKLE_BOOL, &code)) ||
        !(m->no = pickle_value_new(m, PICKLE_BOOL, &code)) ||
        !(m->opaque = pickle_value_new(m, PICKLE_OPAQUE, &code)))
        return code;
    m->yes->truth = true;
    while (!m->stopped) TRY(run_next(m));
    return ERR_OK;
}

err pickle_parse(const uint8_t *data, size_t n, struct arena *arena,
                 const struct pickle_value **out) {
    struct pickle_machine *m = mem_zalloc(1, sizeof *m);
    if (!m) return ERR_MEMORY;
    m->data = data;
    m->n = n;
    m->arena = arena;
    err code = run_all(m);
    if (!code) *out = m->stack[0];
    mem_free(m->stack);
    mem_free(m->memo);
    mem_free(m);
    return code;
}

const struct pickle_value *pickle_get(const struct pickle_value *v, const char *key) {
    if (v && v->kind == PICKLE_NAMESPACE) v = v->attributes;
    if (!v || v->kind != PICKLE_DICT) return NULL;
    for (int64_t i = v->list.n - 2; i >= 0; i -= 2) {
        const struct pickle_value *name = v->list.items[i];
        if (name->kind == PICKLE_STRING && name->text.n == strlen(key) &&
            memcmp(name->text.data, key, name->text.n) == 0)
            return v->list.items[i + 1];
    }
    return NULL;
}
