/* SPDX-License-Identifier: Apache-2.0
 * The memory plan is the allocator: parts reserve named ranges, the plan is printed, then one
 * allocation serves them all. A run cannot use more than its plan.
 *
 *     size_t at = plan_add(&plan, PLAN_GRADIENTS, "gradients", bytes);   (any number of parts)
 *     TRY(plan_allocate(&plan, &compute));
 *     float *gradients = plan_at(&plan, at);
 * plan_add never fails at the call: overflow and lack of memory are kept and reported by
 * plan_allocate. */
#ifndef COTRAIN_COMPUTE_PLAN_H
#define COTRAIN_COMPUTE_PLAN_H

#include "base/err.h"
#include "base/json.h"
#include "compute/compute.h"
#include <stddef.h>
#include <stdint.h>

enum plan_kind {
    PLAN_WEIGHTS,
    PLAN_ADAPTER,
    PLAN_GRADIENTS,
    PLAN_OPTIMIZER,
    PLAN_ACTIVATIONS,
    PLAN_WORK,
    PLAN_HOST,   /* listed beside the plan: pinned host memory, an allocation of its own */
    PLAN_MAPPED, /* listed beside the plan, not allocated: memory-mapped weights */
    PLAN_KIND_COUNT
};
const char *plan_kind_name(enum plan_kind kind);

struct plan_row {
    enum plan_kind kind;
    const char *name; /* static text */
    size_t offset, bytes;
};
struct plan {
    struct plan_row *rows;
    int64_t n_rows, capacity;
    size_t total_bytes;               /* of the one allocation */
    size_t host_bytes;                /* of the pinned allocation on the host */
    size_t scratch_at, scratch_bytes; /* lent to the backend while the plan is allocated */
    err failed;
    struct compute *compute;
    void *memory, *host;
};

/* A zeroed struct plan is empty. Ranges are 64-byte aligned; memory is zeroed. */
size_t plan_add(struct plan *p, enum plan_kind kind, const char *name, size_t bytes);
/* Reserves what the backend's operations need for their own work, once a plan. */
void plan_scratch(struct plan *p, size_t bytes);
MUST_CHECK err plan_allocate(struct plan *p, struct compute *c);
void *plan_at(const struct plan *p, size_t offset);
void *plan_host_at(const struct plan *p, size_t offset); /* of a range of PLAN_HOST */
size_t plan_bytes(const struct plan *p, enum plan_kind kind);
/* Into an object: total_bytes, mapped_bytes and every range as {kind, name, bytes}. */
MUST_CHECK err plan_json(const struct plan *p, json_t *out);
/* Gives the host memory of ranges of a kind back to the system: what they hold is not needed any
 * more. */
void plan_forget(struct plan *p, enum plan_kind kind);
void plan_release(struct plan *p);

#endif
