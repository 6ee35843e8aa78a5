/* SPDX-License-Identifier: Apache-2.0
 * Kernels with one mistake each, and what the checked emulator must say about it. Each gets two
 * arrays of BAD_N floats: p holds numbers, q was never written.
 * Read next: bad.cu, test_bad.c. */
#ifndef COTRAIN_TESTS_CUDASIM_BAD_H
#define COTRAIN_TESTS_CUDASIM_BAD_H

#include <cuda_runtime_api.h>

enum { BAD_N = 100 };

struct bad_kernel {
    const char *name;
    cudaError_t (*launch)(float *p, float *q, int n);
    const char *message; /* part of it */
};
struct bad_kernels {
    int n;
    const struct bad_kernel *kernels;
    /* A kernel without a mistake, in a shape that may be one. */
    cudaError_t (*launch_shape)(float *p, unsigned grid, unsigned block, size_t shared);
};
/* The symbol of the one object that a module of bad kernels exports. */
#define BAD_KERNELS_SYMBOL "cotrain_bad_kernels"

#endif
