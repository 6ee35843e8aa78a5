/* SPDX-License-Identifier: Apache-2.0
 * Products of few rows with a wide, transposed operand: what decoding a token is made of. They are
 * bound by reading b, so b is read once, straight from where it lies (a mapped checkpoint in bf16),
 * and converted and transposed in registers; nothing is packed to memory.
 *   c[i][j] = fma chain over k = 0 .. K-1 of a[i][k] b[k][j], from c[i][j], bias[j] or 0; + add
 * Read next: compute/cpu/product_few.c; compute/cpu/product.c chooses. */
#ifndef COTRAIN_COMPUTE_CPU_PRODUCT_FEW_H
#define COTRAIN_COMPUTE_CPU_PRODUCT_FEW_H

#include "compute/cpu/cpu.h"
#include "compute/ops/product.h"

/* At most TILE_ROWS rows, one pair of operands, columns of b and rows of a contiguous, a fp32. */
bool CPU(product_few_fits)(const struct product_args *args);
void CPU(product_few)(const struct product_args *args); /* m, n, k at least 1 */

#endif
