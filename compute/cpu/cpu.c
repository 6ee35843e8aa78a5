/* SPDX-License-Identifier: Apache-2.0
 * What the variants of the CPU backend share: memory and scratch; and the table of the portable
 * variant, whose kernels are the files of this folder compiled as they stand.
 * Read next: compute/cpu/cpu.h. */
#include "compute/cpu/cpu.h"

#include "base/mem.h"

struct cpu_state {
    void *scratch;
    size_t scratch_bytes;
};

err cpu_open(struct compute *c) {
    c->state = mem_zalloc(1, sizeof(struct cpu_state));
    return c->state == NULL ? ERR_MEMORY : ERR_OK;
}

void cpu_close(struct compute *c) {
    struct cpu_state *state = c->state;
    if (state == NULL) return;
    mem_free(state->scratch);
    mem_free(state);
    c->state = NULL;
}

err cpu_alloc(struct compute *c, size_t bytes, void **out) {
    (void)c;
    *out = mem_zalloc(bytes < 64 ? 64 : bytes, 1);
    return *out == NULL ? ERR_MEMORY : ERR_OK;
}

void cpu_free(struct compute *c, void *p) {
    (void)c;
    mem_free(p);
}

err cpu_copy(struct compute *c, void *to, const void *from, size_t bytes) {
    (void)c;
    if (bytes > 0) memmove(to, from, bytes);
    return ERR_OK;
}

err cpu_zero(struct compute *c, void *p, size_t bytes) {
    (void)c;
    if (bytes > 0) memset(p, 0, bytes);
    return ERR_OK;
}

err cpu_wait(struct compute *c) {
    (void)c;
    return ERR_OK;
}

err cpu_scratch(struct compute *c, size_t bytes, void **out) {
    struct cpu_state *state = c->state;
    if (bytes > state->scratch_bytes) {
        mem_free(state->scratch);
        state->scratch_bytes = 0;
        state->scratch = mem_alloc(bytes < 64 ? 64 : bytes, 1);
        if (state->scratch == NULL) return ERR_MEMORY;
        state->scratch_bytes = bytes;
    }
    *out = state->scratch;
    return ERR_OK;
}

const struct backend cpu_portable = {
    CPU_FUNCTIONS("portable", cpu_open),
#define OP(name) .name = CPU(name),
#include "compute/ops.def"
#undef OP
};
