/* SPDX-License-Identifier: Apache-2.0
 * Opens the GPU backend: looks for the driver, opens the shared object, checks that it was built
 * from the same headers, and puts its table where the row of backends.def stood.
 * Read next: compute/module.h. */
#include "compute/module.h"

#include "base/env.h"
#include "base/log.h"
#include "base/str.h"
#include "compute/cuda_scratch.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libcotrain_cuda.so"

static err no_driver(const char *why) {
    err e = fail(ERR_UNSUPPORTED, "no NVIDIA driver on this machine: %s", why);
    return fail_hint(e, "train on the processor with --device cpu");
}

/* The library beside the program. */
static err default_path(struct str *out) {
    char program[4096];
    const ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) return str_add(out, LIBRARY);
    program[n] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    return str_printf(out, "%s/%s", program, LIBRARY);
}

static err open_module(const struct backend_module **out) {
    const char *named = env_get(ENV_COTRAIN_CUDA_LIBRARY);
    struct str path = {0};
    *out = NULL;
    if (!named) {
        if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) return no_driver(dlerror());
        TRY(default_path(&path));
    }
    const char *file = named ? named : str_text(&path);
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    err e = ERR_OK;
    if (!library) {
        e = fail(ERR_UNSUPPORTED, "the GPU backend '%s' does not open: %s", file, dlerror());
    } else if (!(*out = dlsym(library, BACKEND_MODULE_SYMBOL))) {
        e = fail(ERR_UNSUPPORTED, "'%s' is no backend of this program", file);
    } else if (strcmp((*out)->interface, COTRAIN_BACKEND_INTERFACE) != 0) {
        e = fail(ERR_MISMATCH, "the GPU backend '%s' (%s) was not built with this program (%s)",
                 file, (*out)->version, COTRAIN_VERSION);
    } else {
        LOG(COMPUTE, DEBUG, "GPU backend '%s', version %s", file, (*out)->version);
    }
    str_release(&path);
    return e;
}

static err cuda_open_module(struct compute *c) {
    const struct backend_module *module = NULL;
    TRY(open_module(&module));
    for (int i = 0; i < module->n_backends; i++) {
        if (strcmp(module->backends[i]->variant, c->backend->variant) != 0) continue;
        c->backend = module->backends[i];
        return c->backend->open(c);
    }
    return fail(ERR_UNSUPPORTED, "the GPU backend has no variant '%s'", c->backend->variant);
}

#define LOADED(row, row_variant, row_dtype, row_scratch)                                           \
    const struct backend row = {.name = "cuda",                                                    \
                                .variant = row_variant,                                            \
                                .act_dtype = row_dtype,                                            \
                                .scratch_bytes = row_scratch,                                      \
                                .open = cuda_open_module}
LOADED(cuda_bf16, "bf16", DTYPE_BF16, cuda_scratch_bf16);
LOADED(cuda_f32, "f32", DTYPE_F32, cuda_scratch_f32);
LOADED(cuda_cudnn, "cudnn", DTYPE_BF16, cuda_scratch_bf16);
