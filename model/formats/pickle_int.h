/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the unpickler share: the machine (pickle.c), its opcodes (pickle_opcodes.c),
 * and what becomes of the globals that it meets (pickle_meaning.c).
 * Read next: model/formats/pickle.h, the contract. */
#ifndef COTRAIN_MODEL_FORMATS_PICKLE_INT_H
#define COTRAIN_MODEL_FORMATS_PICKLE_INT_H

#include "model/formats/pickle.h"

enum pickle_meaning {
    MEANING_TENSOR,
    MEANING_PARAMETER,
    MEANING_SIZE,
    MEANING_DICT,
    MEANING_NAMESPACE,
    MEANING_STORAGE,
    MEANING_DTYPE,
    MEANING_OPAQUE,
};

struct pickle_global {
    const char *module, *name;
    enum pickle_meaning meaning;
    enum dtype dtype;
};

struct pickle_machine {
    const uint8_t *data;
    size_t n, at; /* `at`: the next byte */
    struct arena *arena;
    struct pickle_value **stack, **memo;
    int64_t height, stack_capacity, memo_capacity;
    int64_t marks[PICKLE_MAX_DEPTH]; /* heights of the stack */
    int64_t n_marks, n_memo, n_values;
    struct pickle_value *none, *yes, *no, *opaque; /* one of each is enough */
    bool stopped;
};

struct pickle_instruction {
    uint8_t byte;
    int argument_bytes;
    uint64_t argument;
};

struct pickle_opcode {
    const char *name; /* NULL: there is no such opcode */
    err (*run)(struct pickle_machine *m, const struct pickle_instruction *i); /* NULL: refused */
    int argument_bytes;
};
extern const struct pickle_opcode pickle_opcodes[256]; /* by byte */

/* The next `n` bytes of the pickle. */
MUST_CHECK err pickle_take(struct pickle_machine *m, uint64_t n, const uint8_t **out);
MUST_CHECK err pickle_push(struct pickle_machine *m, struct pickle_value *v);
MUST_CHECK err pickle_push_new(struct pickle_machine *m, enum pickle_kind kind,
                               struct pickle_value **out);
/* Takes `n` values off the stack, none of them below a mark. *out points to the lowest; they stay
 * valid until the next push. */
MUST_CHECK err pickle_pop(struct pickle_machine *m, int64_t n, struct pickle_value ***out);
/* The same for all values above the last mark, which goes too. */
MUST_CHECK err pickle_pop_mark(struct pickle_machine *m, struct pickle_value ***out,
                               int64_t *out_n);
/* Room for `wanted` pointers in a list that doubles. */
MUST_CHECK err pickle_grow(struct pickle_value ***items, int64_t wanted, int64_t *capacity);

/* A new value; NULL: ERR_MEMORY or ERR_LIMIT, recorded and in *code. */
struct pickle_value *pickle_value_new(struct pickle_machine *m, enum pickle_kind kind, err *code)
    __attribute__((warn_unused_result));
/* The value that the global `module name` stands for. */
MUST_CHECK err pickle_find_global(struct pickle_machine *m, const char *module, const char *name,
                                  struct pickle_value **out);
/* What calling `global` with the tuple `args` gives. */
MUST_CHECK err pickle_reduce(struct pickle_machine *m, struct pickle_value *global,
                             struct pickle_value *args, struct pickle_value **out);
/* Gives an object that was made before its state. */
MUST_CHECK err pickle_build(struct pickle_value *object, struct pickle_value *state);
/* The storage that a persistent id describes. */
MUST_CHECK err pickle_persistent(struct pickle_machine *m, struct pickle_value *id,
                                 struct pickle_value **out);

#endif
