/* SPDX-License-Identifier: Apache-2.0
 * What the variants of the CPU backend share: memory and scratch; and the table of the portable
 * variant, whose kernels are the files of this folder compiled as they stand.
 * Read next: compute/cpu/cpu.h. */
#include "compute/cpu/cpu.h"

#include "base/mem.h"
#include "base/par.h"

/* Scratch belongs to the thread that calls the operation: several decoders work side by side. */
struct scratch {
    void *memory;
    size_t bytes;
};
struct cpu_state {
    struct scratch scratch[PAR_MAX_THREADS];
    /* For the thread that is no other's, number 0: the newest last. */
    struct scratch lent[COMPUTE_LENDERS];
    int n_lent;
};

err cpu_open(struct compute *c) {
    c->state = mem_zalloc(1, sizeof(struct cpu_state));
    return c->state == NULL ? ERR_MEMORY : ERR_OK;
}

void cpu_close(struct compute *c) {
    struct cpu_state *state = c->state;
    if (state == NULL) return;
    for (int i = 0; i < PAR_MAX_THREADS; i++) mem_free(state->scratch[i].memory);
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

void cpu_lend(struct compute *c, void *memory, size_t bytes) {
    struct cpu_state *state = c->state;
    if (par_thread() == 0 && state->n_lent < COMPUTE_LENDERS)
        state->lent[state->n_lent++] = (struct scratch){memory, bytes};
}

void cpu_take_back(struct compute *c, const void *memory) {
    struct cpu_state *state = c->state;
    int n = 0;
    if (par_thread() != 0) return;
    for (int i = 0; i < state->n_lent; i++)
        if (state->lent[i].memory != memory) state->lent[n++] = state->lent[i];
    state->n_lent = n;
}

err cpu_scratch(struct compute *c, size_t bytes, void **out) {
    struct cpu_state *state = c->state;
    for (int i = par_thread() == 0 ? state->n_lent : 0; i-- > 0;) {
        *out = state->lent[i].memory;
        if (bytes <= state->lent[i].bytes) return ERR_OK;
    }
    struct scratch *own = &state->scratch[par_thread()];
    if (bytes > own->bytes) {
        mem_free(own->memory);
        own->bytes = 0;
        own->memory = mem_alloc(bytes < 64 ? 64 : bytes, 1);
        if (own->memory == NULL) return ERR_MEMORY;
        own->bytes = bytes;
    }
    *out = own->memory;
    return ERR_OK;
}

const struct backend cpu_portable = {
    CPU_FUNCTIONS("portable", cpu_open),
#define OP(name) .name = CPU(name),
#include "compute/ops.def"
#undef OP
};
