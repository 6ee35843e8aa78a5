/* SPDX-License-Identifier: Apache-2.0
 * The GPU backend's memory and copies, as struct backend has them (compute/compute.h), for the
 * tables of its variants in cuda.c.
 * Read next: compute/cuda/memory.c. */
#ifndef COTRAIN_COMPUTE_CUDA_MEMORY_H
#define COTRAIN_COMPUTE_CUDA_MEMORY_H

#include "compute/cuda/cuda.h"

MUST_CHECK err cuda_alloc(struct compute *c, size_t bytes, void **out);
void cuda_free(struct compute *c, void *p);
MUST_CHECK err cuda_upload(struct compute *c, void *to, const void *from, size_t bytes);
MUST_CHECK err cuda_download(struct compute *c, void *to, const void *from, size_t bytes);
MUST_CHECK err cuda_zero(struct compute *c, void *p, size_t bytes);
MUST_CHECK err cuda_wait(struct compute *c);
MUST_CHECK err cuda_memory_left(struct compute *c, size_t *left, size_t *total);
MUST_CHECK err cuda_pin(struct compute *c, size_t bytes, void **out);
void cuda_unpin(struct compute *c, void *p);
MUST_CHECK err cuda_fetch(struct compute *c, int slot, void *to, const void *host, size_t bytes);
MUST_CHECK err cuda_use(struct compute *c, int slot);
MUST_CHECK err cuda_store(struct compute *c, int slot, void *host, const void *from, size_t bytes);
MUST_CHECK err cuda_give(struct compute *c, int slot);

/* Of an opened state, after its stream. */
MUST_CHECK err cuda_copies_open(struct compute *c);
void cuda_copies_close(struct compute *c);

#endif
