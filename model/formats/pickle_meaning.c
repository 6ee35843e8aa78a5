/* SPDX-License-Identifier: Apache-2.0
 * What the unpickler makes of globals, calls and persistent ids: descriptions of tensors and their
 * storages, dicts and namespaces. This is a walk over a table of names; no code is found by name.
 *   tensor   = _rebuild_tensor_v2(storage, offset, shape, strides, needs gradient, hooks)
 *   storage  = persistent id ("storage", type, key, device, count)
 * Read next: model/formats/pickle_globals.def, then pickle.c. */
#include "base/str.h"
#include "model/formats/pickle_int.h"
#include <string.h>

#define DTYPE_NONE DTYPE_COUNT
static const struct pickle_global globals[] = {
#define GLOBAL(module, name, meaning, dtype) {module, name, MEANING_##meaning, DTYPE_##dtype},
#include "model/formats/pickle_globals.def"
#undef GLOBAL
};

err pickle_find_global(struct pickle_machine *m, const char *module, const char *name,
                       struct pickle_value **out) {
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++) {
        if (strcmp(module, globals[i].module) != 0 || strcmp(name, globals[i].name) != 0) continue;
        err code = ERR_OK;
        *out = pickle_value_new(
            m, globals[i].meaning == MEANING_DTYPE ? PICKLE_DTYPE : PICKLE_GLOBAL, &code);
        if (!*out) return code;
        if (globals[i].meaning == MEANING_DTYPE)
            (*out)->dtype = globals[i].dtype;
        else
            (*out)->global = &globals[i];
        return ERR_OK;
    }
    err code = fail(ERR_UNSUPPORTED, "global '%s %s' is refused", module, name);
    return fail_hint(code, "a pickle may only describe tensors here; nothing in it was run. Where "
                           "its source is trusted, load it there and save the state dict alone");
}

static bool is_ints(const struct pickle_value *v) {
    bool all = v->kind == PICKLE_TUPLE;
    for (int64_t i = 0; all && i < v->list.n; i++) all = v->list.items[i]->kind == PICKLE_INT;
    return all;
}

static err make_tensor(struct pickle_machine *m, struct pickle_value *const *a, int64_t n,
                       struct pickle_value **out) {
    if (n < 6 || n > 7 || a[0]->kind != PICKLE_STORAGE || a[1]->kind != PICKLE_INT ||
        !is_ints(a[2]) || !is_ints(a[3]))
        return fail(ERR_PARSE, "a tensor that is not of storage, offset, shape and strides");
    if (a[2]->list.n != a[3]->list.n)
        return fail(ERR_PARSE, "a tensor of %lld dimensions with %lld strides",
                    (long long)a[2]->list.n, (long long)a[3]->list.n);
    err code = ERR_OK;
    *out = pickle_value_new(m, PICKLE_TENSOR, &code);
    if (!*out) return code;
    (*out)->tensor.storage = a[0];
    (*out)->tensor.offset = a[1]->integer;
    (*out)->tensor.shape = a[2];
    (*out)->tensor.strides = a[3];
    return ERR_OK;
}

/* A container is called without arguments, and filled afterwards. */
static err make_empty(struct pickle_machine *m, enum pickle_kind kind, int64_t n,
                      struct pickle_value **out) {
    if (n != 0) return fail(ERR_UNSUPPORTED, "%s made of arguments", pickle_kind_name(kind));
    err code = ERR_OK;
    *out = pickle_value_new(m, kind, &code);
    return *out ? ERR_OK : code;
}

err pickle_reduce(struct pickle_machine *m, struct pickle_value *global, struct pickle_value *args,
                  struct pickle_value **out) {
    if (global->kind != PICKLE_GLOBAL || args->kind != PICKLE_TUPLE)
        return fail(ERR_PARSE, "a call of %s with %s", pickle_kind_name(global->kind),
                    pickle_kind_name(args->kind));
    struct pickle_value *const *a = args->list.items;
    const int64_t n = args->list.n;
    switch (global->global->meaning) {
    case MEANING_TENSOR: return make_tensor(m, a, n, out);
    case MEANING_DICT: return make_empty(m, PICKLE_DICT, n, out);
    case MEANING_NAMESPACE: return make_empty(m, PICKLE_NAMESPACE, n, out);
    case MEANING_PARAMETER:
        if (n < 3 || n > 4 || a[0]->kind != PICKLE_TENSOR)
            return fail(ERR_PARSE, "a parameter that is not made of a tensor");
        *out = a[0];
        return ERR_OK;
    case MEANING_SIZE:
        if (n != 1 || !is_ints(a[0]))
            return fail(ERR_PARSE, "a size that is not made of whole numbers");
        *out = a[0];
        return ERR_OK;
    case MEANING_OPAQUE: *out = m->opaque; return ERR_OK;
    case MEANING_STORAGE:
    case MEANING_DTYPE: break;
    }
    return fail(ERR_UNSUPPORTED, "a call of '%s %s'", global->global->module, global->global->name);
}

err pickle_build(struct pickle_value *object, struct pickle_value *state) {
    if (object->kind == PICKLE_OPAQUE) return ERR_OK;
    if (object->kind == PICKLE_DICT && state->kind == PICKLE_DICT)
        return ERR_OK; /* versions of modules, which torch hangs on its state dicts */
    if (object->kind != PICKLE_NAMESPACE || state->kind != PICKLE_DICT || object->attributes)
        return fail(ERR_UNSUPPORTED, "a state of %s for %s", pickle_kind_name(state->kind),
                    pickle_kind_name(object->kind));
    object->attributes = state;
    return ERR_OK;
}

err pickle_persistent(struct pickle_machine *m, struct pickle_value *id,
                      struct pickle_value **out) {
    struct pickle_value *const *a = id->list.items;
    if (id->kind != PICKLE_TUPLE || id->list.n != 5 || a[0]->kind != PICKLE_STRING ||
        strcmp(a[0]->text.data, "storage") != 0 || a[1]->kind != PICKLE_GLOBAL ||
        a[1]->global->meaning != MEANING_STORAGE || a[2]->kind != PICKLE_STRING ||
        a[4]->kind != PICKLE_INT)
        return fail(ERR_PARSE, "a persistent id that is not of 'storage', type, key, device and "
                               "count");
    if (strlen(a[2]->text.data) != a[2]->text.n || !a[2]->text.n)
        return fail(ERR_PARSE, "a storage whose key is no name");
    err code = ERR_OK;
    *out = pickle_value_new(m, PICKLE_STORAGE, &code);
    if (!*out) return code;
    (*out)->storage.dtype = a[1]->global->dtype;
    (*out)->storage.key = a[2]->text.data;
    (*out)->storage.count = a[4]->integer;
    return ERR_OK;
}
