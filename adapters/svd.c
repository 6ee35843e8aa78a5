/* SPDX-License-Identifier: Apache-2.0
 * Gram-Schmidt and Jacobi (adapters/svd.h). A sum is one chain in index order; threads share out
 * sums, never parts of one.
 * Source: Golub and Van Loan, Matrix Computations, 5.2.8 and 8.5. */
#include "adapters/svd.h"

#include "base/par.h"

#include <math.h>
#include <string.h>

enum { MAX_SWEEPS = 60, PIECE = 1 << 16 /* the least work worth a thread */ };

struct rows_call {
    float *q;
    int64_t columns, row; /* the row at work; the ones before it are done */
    double *along;        /* its products with those */
};

static double dot(const float *a, const float *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static void find_along(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct rows_call *c = ctx;
    (void)thread;
    for (int64_t j = begin; j < end; j++)
        c->along[j] = dot(c->q + c->row * c->columns, c->q + j * c->columns, c->columns);
}

static void take_away(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct rows_call *c = ctx;
    float *row = c->q + c->row * c->columns;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        double value = (double)row[i];
        for (int64_t j = 0; j < c->row; j++)
            value -= c->along[j] * (double)c->q[j * c->columns + i];
        row[i] = (float)value;
    }
}

void svd_orthonormalise(float *q, int64_t rows, int64_t columns, double *work) {
    for (int64_t i = 0; i < rows; i++) {
        struct rows_call call = {q, columns, i, work};
        float *row = q + i * columns;
        const double before = dot(row, row, columns);
        for (int pass = 0; pass < 2; pass++) {
            par_for(i, 1 + PIECE / (columns + 1), find_along, &call);
            par_for(columns, 1 + PIECE / (i + 1), take_away, &call);
        }
        const double after = dot(row, row, columns);
        const double factor = after > 0x1p-40 * before ? 1 / sqrt(after) : 0;
        for (int64_t j = 0; j < columns; j++) row[j] = (float)((double)row[j] * factor);
    }
}

struct gram_call {
    const float *t;
    int64_t rows, columns;
    double *gram;
};

static void gram_rows(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct gram_call *c = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < c->rows; j++)
            c->gram[i * c->rows + j] =
                dot(c->t + i * c->columns, c->t + j * c->columns, c->columns);
}

void svd_gram(const float *t, int64_t rows, int64_t columns, double *gram) {
    struct gram_call call = {t, rows, columns, gram};
    par_for(rows, 1 + PIECE / (rows * columns + 1), gram_rows, &call);
}

/* Turns rows p and q of a matrix:  row p' = c p - s q,  row q' = s p + c q. */
static void turn_rows(double *m, int64_t n, int64_t p, int64_t q, double c, double s) {
    for (int64_t k = 0; k < n; k++) {
        const double a = m[p * n + k], b = m[q * n + k];
        m[p * n + k] = c * a - s * b;
        m[q * n + k] = s * a + c * b;
    }
}

static void turn_columns(double *m, int64_t n, int64_t p, int64_t q, double c, double s) {
    for (int64_t k = 0; k < n; k++) {
        const double a = m[k * n + p], b = m[k * n + q];
        m[k * n + p] = c * a - s * b;
        m[k * n + q] = s * a + c * b;
    }
}

/* One rotation that makes s[p][q] zero. */
static void rotate(double *s, double *vectors, int64_t n, int64_t p, int64_t q) {
    const double off = s[p * n + q];
    if (off == 0) return;
    const double theta = (s[q * n + q] - s[p * n + p]) / (2 * off);
    const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1);
    turn_rows(s, n, p, q, c, t * c);
    turn_columns(s, n, p, q, c, t * c);
    turn_rows(vectors, n, p, q, c, t * c);
    s[p * n + q] = s[q * n + p] = 0;
}

static double off_diagonal(const double *s, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) sum += i == j ? 0 : s[i * n + j] * s[i * n + j];
    return sqrt(sum);
}

static void swap_rows(double *m, int64_t n, int64_t a, int64_t b) {
    for (int64_t k = 0; k < n && a != b; k++) {
        const double kept = m[a * n + k];
        m[a * n + k] = m[b * n + k];
        m[b * n + k] = kept;
    }
}

void svd_eigen(double *s, int64_t n, double *values, double *vectors) {
    double trace = 0;
    memset(vectors, 0, (size_t)(n * n) * sizeof *vectors);
    for (int64_t i = 0; i < n; i++) {
        vectors[i * n + i] = 1;
        trace += fabs(s[i * n + i]);
    }
    for (int sweep = 0; sweep < MAX_SWEEPS && off_diagonal(s, n) > 0x1p-50 * trace; sweep++)
        for (int64_t p = 0; p < n; p++)
            for (int64_t q = p + 1; q < n; q++) rotate(s, vectors, n, p, q);
    for (int64_t i = 0; i < n; i++) values[i] = s[i * n + i];
    for (int64_t i = 0; i < n; i++) { /* largest first */
        int64_t largest = i;
        for (int64_t j = i + 1; j < n; j++)
            if (values[j] > values[largest]) largest = j;
        const double kept = values[i];
        values[i] = values[largest];
        values[largest] = kept;
        swap_rows(vectors, n, i, largest);
    }
}
