/* SPDX-License-Identifier: Apache-2.0
 * What each opcode does to the unpickler's machine: one short function a row of the table.
 * Facts: Python's pickletools. Numbers are little endian, but for a float's. A mark begins the
 * items of a tuple, or of what is put into a list or dict at once.
 * Read next: model/formats/pickle_opcodes.def. */
#include "base/str.h"
#include "base/bytes.h"
#include "model/formats/pickle_int.h"
#include <string.h>

enum { GLOBAL_MAX_NAME = 256, LONG_BYTES = 8 };

static err run_protocol(struct pickle_machine *m, const struct pickle_instruction *i) {
    if (m->at != 2) return fail(ERR_PARSE, "not at the beginning");
    if (i->argument < 2 || i->argument > 4)
        return fail(ERR_UNSUPPORTED, "protocol %d; 2 to 4 are read", (int)i->argument);
    return ERR_OK;
}

static err run_frame(struct pickle_machine *m, const struct pickle_instruction *i) {
    return i->argument > m->n - m->at ? fail(ERR_PARSE, "a frame beyond the end") : ERR_OK;
}

static err run_mark(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    if (m->n_marks == PICKLE_MAX_DEPTH)
        return fail(ERR_LIMIT, "over %d marks at once", PICKLE_MAX_DEPTH);
    m->marks[m->n_marks++] = m->height;
    return ERR_OK;
}

static err run_stop(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    if (m->height != 1 || m->n_marks)
        return fail(ERR_PARSE, "%lld values and %lld marks are left, not one value",
                    (long long)m->height, (long long)m->n_marks);
    if (m->at != m->n) return fail(ERR_PARSE, "%zu bytes after the end", m->n - m->at);
    m->stopped = true;
    return ERR_OK;
}

static err run_none(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    return pickle_push(m, m->none);
}

static err run_true(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    return pickle_push(m, m->yes);
}

static err run_false(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    return pickle_push(m, m->no);
}

static err push_int(struct pickle_machine *m, int64_t value) {
    struct pickle_value *v;
    TRY(pickle_push_new(m, PICKLE_INT, &v));
    v->integer = value;
    return ERR_OK;
}

static err run_unsigned(struct pickle_machine *m, const struct pickle_instruction *i) {
    return push_int(m, (int64_t)i->argument);
}

/* The number of so many bytes in two's complement. */
static int64_t sign_extend(uint64_t value, int bytes) {
    const int spare = 64 - 8 * bytes;
    return spare == 64 ? 0 : (int64_t)(value << spare) >> spare;
}

static err run_signed(struct pickle_machine *m, const struct pickle_instruction *i) {
    return push_int(m, sign_extend(i->argument, i->argument_bytes));
}

static err run_long(struct pickle_machine *m, const struct pickle_instruction *i) {
    const uint8_t *p;
    TRY(pickle_take(m, i->argument, &p));
    if (i->argument > LONG_BYTES)
        return pickle_push(m, m->opaque); /* no size is so large: a seed */
    const int bytes = (int)i->argument;
    return push_int(m, sign_extend(bytes_get_little(p, bytes), bytes));
}

static err run_float(struct pickle_machine *m, const struct pickle_instruction *i) {
    struct pickle_value *v;
    const uint64_t bits = __builtin_bswap64(i->argument); /* big endian in a pickle */
    TRY(pickle_push_new(m, PICKLE_FLOAT, &v));
    memcpy(&v->number, &bits, sizeof bits);
    return ERR_OK;
}

static err push_text(struct pickle_machine *m, enum pickle_kind kind, uint64_t n) {
    const uint8_t *p;
    struct pickle_value *v;
    if (n > PICKLE_MAX_STRING) return fail(ERR_LIMIT, "over %d bytes", PICKLE_MAX_STRING);
    TRY(pickle_take(m, n, &p));
    if (kind == PICKLE_STRING && utf8_invalid_at((const char *)p, n) >= 0)
        return fail(ERR_PARSE, "a string that is not UTF-8");
    TRY(pickle_push_new(m, kind, &v));
    v->text.n = n;
    v->text.data = arena_strndup(m->arena, (const char *)p, n);
    return v->text.data ? ERR_OK : ERR_MEMORY;
}

static err run_text(struct pickle_machine *m, const struct pickle_instruction *i) {
    return push_text(m, PICKLE_STRING, i->argument);
}

static err run_bytes(struct pickle_machine *m, const struct pickle_instruction *i) {
    return push_text(m, PICKLE_BYTES, i->argument);
}

/* A tuple of `n` values that were just popped. */
static err push_tuple(struct pickle_machine *m, struct pickle_value **items, int64_t n) {
    err code;
    struct pickle_value *v = pickle_value_new(m, PICKLE_TUPLE, &code);
    if (!v) return code;
    v->list.n = v->list.capacity = n;
    v->list.items = n ? arena_alloc(m->arena, (size_t)n, sizeof *items) : NULL;
    if (n && !v->list.items) return ERR_MEMORY;
    if (n) memcpy(v->list.items, items, (size_t)n * sizeof *items);
    return pickle_push(m, v);
}

static err run_tuple_of(struct pickle_machine *m, const struct pickle_instruction *i) {
    struct pickle_value **items;
    const int64_t n = i->byte == ')' ? 0 : i->byte - 0x84; /* EMPTY_TUPLE, TUPLE1 to TUPLE3 */
    TRY(pickle_pop(m, n, &items));
    return push_tuple(m, items, n);
}

static err run_tuple(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **items;
    int64_t n;
    TRY(pickle_pop_mark(m, &items, &n));
    return push_tuple(m, items, n);
}

static err run_empty_list(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value *v;
    return pickle_push_new(m, PICKLE_LIST, &v);
}

static err run_empty_dict(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value *v;
    return pickle_push_new(m, PICKLE_DICT, &v);
}

/* Puts `n` values that were just popped into the container under them, which stays. Arrays that
 * were outgrown stay in the arena; together they are no larger than the last. */
static err put_items(struct pickle_machine *m, enum pickle_kind kind, struct pickle_value **items,
                     int64_t n) {
    struct pickle_value **below, *to;
    TRY(pickle_pop(m, 1, &below));
    to = *below;
    if (to->kind != kind || (kind == PICKLE_DICT && n % 2 != 0))
        return fail(ERR_PARSE, "%lld values to put into %s", (long long)n,
                    pickle_kind_name(to->kind));
    if (n > PICKLE_MAX_VALUES - to->list.n)
        return fail(ERR_LIMIT, "over %d values in a container", PICKLE_MAX_VALUES);
    if (to->list.n + n > to->list.capacity) {
        const int64_t twice = 2 * to->list.n,
                      room = to->list.n + n > twice ? to->list.n + n : twice;
        struct pickle_value **wider = arena_alloc(m->arena, (size_t)room, sizeof *wider);
        if (!wider) return ERR_MEMORY;
        if (to->list.n) memcpy(wider, to->list.items, (size_t)to->list.n * sizeof *wider);
        to->list.items = wider;
        to->list.capacity = room;
    }
    if (n) memcpy(to->list.items + to->list.n, items, (size_t)n * sizeof *items);
    to->list.n += n;
    m->height++;
    return ERR_OK;
}

static err run_append(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **items;
    TRY(pickle_pop(m, 1, &items));
    return put_items(m, PICKLE_LIST, items, 1);
}

static err run_appends(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **items;
    int64_t n;
    TRY(pickle_pop_mark(m, &items, &n));
    return put_items(m, PICKLE_LIST, items, n);
}

static err run_set_item(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **items;
    TRY(pickle_pop(m, 2, &items));
    return put_items(m, PICKLE_DICT, items, 2);
}

static err run_set_items(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **items;
    int64_t n;
    TRY(pickle_pop_mark(m, &items, &n));
    return put_items(m, PICKLE_DICT, items, n);
}

/* A number of the memo counts values of this pickle, so it is less than its bytes: memory for the
 * memo is not for a file to ask for. */
static err put(struct pickle_machine *m, uint64_t number) {
    struct pickle_value **top;
    if (number >= m->n) return fail(ERR_PARSE, "memo %llu", (unsigned long long)number);
    TRY(pickle_pop(m, 1, &top));
    const int64_t before = m->memo_capacity, at = (int64_t)number;
    TRY(pickle_grow(&m->memo, at + 1, &m->memo_capacity));
    for (int64_t k = before; k < m->memo_capacity; k++) m->memo[k] = NULL;
    m->memo[at] = *top;
    m->height++;
    return ERR_OK;
}

static err run_put(struct pickle_machine *m, const struct pickle_instruction *i) {
    return put(m, i->argument);
}

static err run_memoize(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    return put(m, (uint64_t)m->n_memo++);
}

static err run_get(struct pickle_machine *m, const struct pickle_instruction *i) {
    if (i->argument >= (uint64_t)m->memo_capacity || !m->memo[i->argument])
        return fail(ERR_PARSE, "memo %llu was never set", (unsigned long long)i->argument);
    return pickle_push(m, m->memo[i->argument]);
}

/* One line of text, without its end. */
static err take_line(struct pickle_machine *m, char *out, size_t size) {
    const uint8_t *p = m->data + m->at, *end = memchr(p, '\n', m->n - m->at);
    if (!end || (size_t)(end - p) >= size) return fail(ERR_PARSE, "a name without end");
    memcpy(out, p, (size_t)(end - p));
    out[end - p] = 0;
    m->at += (size_t)(end - p) + 1;
    return ERR_OK;
}

static err run_global(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    char module[GLOBAL_MAX_NAME], name[GLOBAL_MAX_NAME];
    struct pickle_value *v;
    TRY(take_line(m, module, sizeof module));
    TRY(take_line(m, name, sizeof name));
    TRY(pickle_find_global(m, module, name, &v));
    return pickle_push(m, v);
}

static err run_stack_global(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **names, *v;
    TRY(pickle_pop(m, 2, &names));
    if (names[0]->kind != PICKLE_STRING || names[1]->kind != PICKLE_STRING)
        return fail(ERR_PARSE, "a global whose name is no string");
    TRY(pickle_find_global(m, names[0]->text.data, names[1]->text.data, &v));
    return pickle_push(m, v);
}

static err run_persistent(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **id, *v;
    TRY(pickle_pop(m, 1, &id));
    TRY(pickle_persistent(m, *id, &v));
    return pickle_push(m, v);
}

/* REDUCE calls a function, NEWOBJ a class: the same here. */
static err run_reduce(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **call, *v;
    TRY(pickle_pop(m, 2, &call));
    TRY(pickle_reduce(m, call[0], call[1], &v));
    return pickle_push(m, v);
}

static err run_build(struct pickle_machine *m, const struct pickle_instruction *i) {
    (void)i;
    struct pickle_value **items;
    TRY(pickle_pop(m, 2, &items));
    TRY(pickle_build(items[0], items[1]));
    m->height++; /* the object stays */
    return ERR_OK;
}

const struct pickle_opcode pickle_opcodes[256] = {
#define OPCODE(byte, name, function, bytes) [byte] = {#name, function, bytes},
#define REFUSED(byte, name) [byte] = {#name, NULL, 0},
#include "model/formats/pickle_opcodes.def"
#undef OPCODE
#undef REFUSED
};
