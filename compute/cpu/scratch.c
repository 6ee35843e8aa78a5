/* SPDX-License-Identifier: Apache-2.0
 * How much scratch the operations of a run take, for the memory plan: the most of any one, since
 * they follow each other. Those that work in the sizes of a row or a column take that.
 * Read next: compute/plan.h, plan_scratch. */
#include "compute/cpu/cpu.h"

static size_t scratch_larger(size_t a, size_t b) {
    return a > b ? a : b;
}

size_t CPU(scratch_bytes)(const struct work_shape *shape) {
    enum { ROW_BUFFERS = 4 }; /* shareqk's sums over the rows */
    const int64_t wide = ROW_BUFFERS * shape->columns;
    size_t most = (size_t)(wide > shape->rows ? wide : shape->rows) * sizeof(float);
    most = scratch_larger(most, CPU(sum_squares_scratch)());
    most = scratch_larger(most, CPU(product_scratch)(shape));
    most = scratch_larger(most, CPU(attention_scratch)(shape));
    return scratch_larger(most, CPU(attention_backward_scratch)(shape));
}
