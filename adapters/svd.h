/* SPDX-License-Identifier: Apache-2.0
 * Small dense linear algebra on the host for the starts that need a decomposition of a weight. The
 * results have the same bits whatever the number of threads.
 * Read next: adapters/inits/pissa.c. */
#ifndef COTRAIN_ADAPTERS_SVD_H
#define COTRAIN_ADAPTERS_SVD_H

#include <stdint.h>

/* Makes the rows of q (rows,columns) orthonormal, in order (Gram-Schmidt, twice, sums in double). A
 * row that depends on those before it becomes 0. `work` holds `rows` numbers. */
void svd_orthonormalise(float *q, int64_t rows, int64_t columns, double *work);
/* gram (rows,rows) = t t^T, t (rows,columns). */
void svd_gram(const float *t, int64_t rows, int64_t columns, double *gram);
/* Eigenvalues of the symmetric s (n,n), largest first, and the vectors as rows of `vectors` (n,n),
 * by Jacobi's rotations. s is used up. */
void svd_eigen(double *s, int64_t n, double *values, double *vectors);

#endif
