/* SPDX-License-Identifier: Apache-2.0
 * A restricted unpickler: protocols 2 to 4 as torch.save writes them, into a tree of plain values.
 * A pickle is a program; this one can build containers and describe tensors and do nothing else. No
 * global is ever looked up or called: model/formats/pickle_globals.def lists the names that are
 * known and what each becomes, and every other name or opcode is refused by its name.
 * Bounded: work and memory grow linearly with the bytes, nothing recurses, and the maxima below
 * hold. Containers may be shared, or hold themselves, so whoever walks a tree bounds the depth.
 * Read next: model/formats/torch_archive.h, which finds the tensors' data. */
#ifndef COTRAIN_MODEL_FORMATS_PICKLE_H
#define COTRAIN_MODEL_FORMATS_PICKLE_H

#include "base/arena.h"
#include "base/err.h"
#include "compute/dtype.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PICKLE_MAX_BYTES = 16 << 20, /* of a pickle; tensors' data is not in it */
    PICKLE_MAX_VALUES = 1 << 20, /* made, on the stack, in the memo, or in one container */
    PICKLE_MAX_DEPTH = 1000,     /* marks open at once */
    PICKLE_MAX_STRING = 1 << 20, /* bytes of one string */
};

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_STRING, /* UTF-8 */
    PICKLE_BYTES,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,      /* and collections.OrderedDict */
    PICKLE_NAMESPACE, /* argparse.Namespace: a dict of its attributes */
    PICKLE_DTYPE,     /* torch.float32 and the like */
    PICKLE_STORAGE,   /* a tensor's data: type, name and count */
    PICKLE_TENSOR,    /* a view of a storage */
    PICKLE_GLOBAL,    /* one of pickle_globals.def that is no value by itself */
    PICKLE_OPAQUE,    /* known to be harmless, and of no interest: a state of a random generator */
};

struct pickle_value {
    enum pickle_kind kind;
    union {
        bool truth;
        int64_t integer;
        double number;
        struct {
            const char *data; /* ends in NUL, and may hold NUL before it */
            size_t n;
        } text;
        struct {
            struct pickle_value **items; /* a dict: key, value, key, value .. */
            int64_t n, capacity;         /* of `items` */
        } list;
        const struct pickle_value *attributes; /* a namespace's dict; NULL: none */
        enum dtype dtype;
        struct {
            enum dtype dtype;
            const char *key; /* names the entry that holds the data */
            int64_t count;   /* elements */
        } storage;
        struct {
            const struct pickle_value *storage, *shape, *strides; /* tuples of whole numbers */
            int64_t offset;                                       /* elements */
        } tensor;
        const struct pickle_global *global;
    };
};

/* Reads the pickle in `data`. Everything of *out is in `arena`. Errors name the byte. */
MUST_CHECK err pickle_parse(const uint8_t *data, size_t n, struct arena *arena,
                            const struct pickle_value **out);
/* The member of a dict or namespace (the last of that name, as Python has it); NULL: absent, or
 * `v` is NULL or neither of the two. */
const struct pickle_value *pickle_get(const struct pickle_value *v, const char *key);
const char *pickle_kind_name(enum pickle_kind kind); /* "a dict", for errors */

#endif
