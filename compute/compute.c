/* SPDX-License-Identifier: Apache-2.0
 * The tables of backends and operations, made from compute/backends.def and compute/ops.def, and
 * the choice of a backend by name: of several variants of one device the first that opens is taken.
 * Read next: compute/compute.h, compute/ops/op.h. */
#include "compute/compute.h"

#include "base/str.h"
#include "compute/ops/op.h"

#define BACKEND(name) extern const struct backend name;
#include "compute/backends.def"
#undef BACKEND

const struct backend *const backends[] = {
#define BACKEND(name) &name,
#include "compute/backends.def"
#undef BACKEND
};
const int n_backends = sizeof backends / sizeof backends[0];

const struct op *const ops[] = {
#define OP(name) &name##_op,
#include "compute/ops.def"
#undef OP
};
const int n_ops = sizeof ops / sizeof ops[0];

/* "cpu" names every variant of it, "cpu:avx2" one. */
static bool names(const char *device, const struct backend *b) {
    size_t n = strlen(b->name);
    if (strncmp(device, b->name, n) != 0) return false;
    return device[n] == '\0' || (device[n] == ':' && strcmp(device + n + 1, b->variant) == 0);
}

static err unknown_device(const char *device) {
    struct str known = {0};
    err e = ERR_OK;
    for (int i = 0; i < n_backends && e == ERR_OK; i++) {
        e = str_printf(&known, "%s%s:%s", i ? ", " : "", backends[i]->name, backends[i]->variant);
    }
    if (e == ERR_OK) {
        e = fail(ERR_UNSUPPORTED, "device '%s' is not in this build, which has %s", device,
                 str_text(&known));
    }
    str_release(&known);
    return e;
}

err compute_open(struct compute *c, const char *device) {
    err e = ERR_OK;
    bool named = false, refused = false;
    struct err_kept why;
    for (int i = 0; i < n_backends; i++) {
        if (device != NULL && !names(device, backends[i])) continue;
        named = true;
        *c = (struct compute){.backend = backends[i]};
        e = backends[i]->open(c);
        if (e == ERR_UNSUPPORTED && !refused) err_keep(&why);
        refused = refused || e == ERR_UNSUPPORTED;
        if (e != ERR_UNSUPPORTED) break;
    }
    if (e == ERR_UNSUPPORTED) err_put_back(&why); /* the first variant is the best */
    if (!named) e = unknown_device(device);
    if (e != ERR_OK) *c = (struct compute){0};
    return e;
}

err compute_describe(struct compute *c, const char *device) {
    for (int i = 0; device != NULL && i < n_backends; i++) {
        if (!names(device, backends[i]) || backends[i]->host_memory) continue;
        *c = (struct compute){.backend = backends[i], .described = true};
        return ERR_OK;
    }
    return compute_open(c, device);
}

void compute_close(struct compute *c) {
    if (c->backend != NULL && !c->described) c->backend->close(c);
    *c = (struct compute){0};
}
