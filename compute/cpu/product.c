/* SPDX-License-Identifier: Apache-2.0
 * Matrix product: c is cut into one rectangle a thread; each thread packs its own blocks of a and b
 * and runs register tiles over them (the loops of Goto and van de Geijn 2008). Blocks of k follow
 * each other through c, which continues each element's chain, so no cut shows in the bits.
 * Read next: compute/cpu/tile.c for the inner loop, compute/cpu/pack.h. */
#include "compute/ops/product.h"

#include "base/par.h"
#include "compute/cpu/pack.h"
#include "compute/cpu/product_few.h"

enum {
    PRODUCT_K = 256,                             /* a panel of b (32 KiB) stays in L1 */
    PRODUCT_ROWS = SIMD_WIDTH == 8 ? 96 : 128,   /* a block of a (128 KiB) in L2 */
    PRODUCT_COLS = 1024 / TILE_COLS * TILE_COLS, /* a block of b (1 MiB) in L3 */
    PRODUCT_FEW_ROWS = 4 * TILE_ROWS,            /* up to here b is used at once, by panels */
    PRODUCT_MIN_WORK = 1 << 16,                  /* multiplications worth a thread */
};

struct product_work {
    const struct product_args *args;
    int64_t grid_rows, grid_cols; /* rectangles */
    int64_t block_cols;           /* columns of b that are packed together */
    bool a_in_place;
    float *scratch;
    int64_t scratch_count; /* floats a thread */
};

struct product_part {
    int64_t row, rows, col, cols, k, k_count;
};

static int64_t product_round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/* Tiles of one block of rows against the packed block of b. */
static void product_block(const struct product_work *w, const struct product_part *p, float *pack_a,
                          const float *pack_b) {
    const struct product_args *args = w->args;
    struct tile t = {.k = p->k_count,
                     .b_row = TILE_COLS,
                     .c_row = args->c_stride,
                     .from_zero = p->k == 0 && !args->accumulate};
    const float *a = pack_a;
    if (w->a_in_place) {
        a = (const float *)args->a.data + p->row * args->a.row_stride + p->k;
        t.a_row = args->a.row_stride;
        t.a_k = 1;
    } else if (args->a.row_stride == 1 && args->a.col_stride != 1) {
        /* The columns of a are contiguous: keep them so. */
        struct mat turned = args->a;
        turned.row_stride = args->a.col_stride;
        turned.col_stride = 1;
        pack_block(
            &(struct pack_block){&turned, p->k, p->row, p->k_count, p->rows, pack_a, p->rows});
        t.a_row = 1;
        t.a_k = p->rows;
    } else {
        pack_block(
            &(struct pack_block){&args->a, p->row, p->k, p->rows, p->k_count, pack_a, p->k_count});
        t.a_row = p->k_count;
        t.a_k = 1;
    }
    for (int64_t j = 0; j < p->cols; j += TILE_COLS) {
        int64_t cols = p->cols - j < TILE_COLS ? p->cols - j : TILE_COLS;
        t.b = pack_b + j * p->k_count;
        for (int64_t i = 0; i < p->rows; i += TILE_ROWS) {
            int64_t rows = p->rows - i < TILE_ROWS ? p->rows - i : TILE_ROWS;
            t.a = a + i * t.a_row;
            t.c = (float *)args->c + (p->row + i) * args->c_stride + p->col + j;
            CPU(tile)(&t, (int)rows, cols);
        }
    }
}

/* One thread's rectangle. */
static void product_rectangle(const struct product_work *w, const struct product_part *whole,
                              float *scratch) {
    const struct product_args *args = w->args;
    float *pack_b = scratch, *pack_a = scratch + w->block_cols * PRODUCT_K;
    struct product_part p;
    for (int64_t j = 0; j < whole->cols; j += w->block_cols) {
        p.col = whole->col + j;
        p.cols = whole->cols - j < w->block_cols ? whole->cols - j : w->block_cols;
        for (p.k = 0; p.k < args->k; p.k += PRODUCT_K) {
            p.k_count = args->k - p.k < PRODUCT_K ? args->k - p.k : PRODUCT_K;
            for (int64_t c = 0; c < p.cols; c += TILE_COLS) {
                int64_t cols = p.cols - c < TILE_COLS ? p.cols - c : TILE_COLS;
                pack_panel(&(struct pack_block){&args->b, p.k, p.col + c, p.k_count, cols,
                                                pack_b + c * p.k_count, TILE_COLS});
            }
            for (int64_t i = 0; i < whole->rows; i += PRODUCT_ROWS) {
                p.row = whole->row + i;
                p.rows = whole->rows - i < PRODUCT_ROWS ? whole->rows - i : PRODUCT_ROWS;
                product_block(w, &p, pack_a, pack_b);
            }
        }
    }
}

/* Part `i` of `parts` of n items in whole units. */
static void product_cut(int64_t n, int64_t unit, int64_t i, int64_t parts, int64_t *start,
                        int64_t *count) {
    int64_t units = (n + unit - 1) / unit;
    int64_t begin = units * i / parts * unit, end = units * (i + 1) / parts * unit;
    *start = begin;
    *count = (end < n ? end : n) - begin;
}

static void product_piece(void *ctx, int64_t begin, int64_t end, int thread) {
    const struct product_work *w = ctx;
    for (int64_t piece = begin; piece < end; piece++) {
        struct product_part p = {0};
        product_cut(w->args->m, TILE_ROWS, piece / w->grid_cols, w->grid_rows, &p.row, &p.rows);
        product_cut(w->args->n, TILE_COLS, piece % w->grid_cols, w->grid_cols, &p.col, &p.cols);
        if (p.rows > 0 && p.cols > 0)
            product_rectangle(w, &p, w->scratch + thread * w->scratch_count);
    }
}

/* The grid of at most `most` rectangles with the least packing: rows and columns of the largest
 * one, with a clear preference for all rectangles being busy. */
static void product_grid(struct product_work *w, int64_t most) {
    int64_t row_tiles = (w->args->m + TILE_ROWS - 1) / TILE_ROWS;
    int64_t col_tiles = (w->args->n + TILE_COLS - 1) / TILE_COLS;
    double best = 0;
    for (int64_t rows = 1; rows <= most; rows++) {
        int64_t cols = most / rows;
        if (rows > row_tiles) break;
        if (cols > col_tiles) cols = col_tiles;
        double tall = (double)((row_tiles + rows - 1) / rows * TILE_ROWS);
        double wide = (double)((col_tiles + cols - 1) / cols * TILE_COLS);
        double cost = tall * wide + 4 * (tall + wide);
        if (rows == 1 || cost < best) {
            best = cost;
            w->grid_rows = rows;
            w->grid_cols = cols;
        }
    }
}

static void product_of_nothing(const struct product_args *args) {
    for (int64_t i = 0; i < args->m && !args->accumulate; i++) {
        memset((float *)args->c + i * args->c_stride, 0, (size_t)args->n * sizeof(float));
    }
}

static bool product_takes(enum dtype t) {
    return t <= DTYPE_F16 || quant_of_dtype(t) != NULL;
}

/* Columns of b that are packed together. */
static int64_t product_block_cols(int64_t n) {
    int64_t cols = product_round_up(n, TILE_COLS);
    return cols < PRODUCT_COLS ? cols : PRODUCT_COLS;
}

/* Floats that a thread packs into. */
static int64_t product_scratch_count(int64_t block_cols) {
    return (block_cols + PRODUCT_ROWS) * PRODUCT_K;
}

size_t CPU(product_scratch)(const struct work_shape *shape) {
    return (size_t)(product_scratch_count(product_block_cols(shape->columns)) * par_threads()) *
           sizeof(float);
}

err CPU(product)(struct compute *c, const struct product_args *args) {
    BUG_IF(args->m < 0 || args->n < 0 || args->k < 0 || args->c_stride < args->n);
    BUG_IF(!product_takes(args->a.dtype) || !product_takes(args->b.dtype));
    if (args->m == 0 || args->n == 0) return ERR_OK;
    if (args->k == 0) {
        product_of_nothing(args);
        return ERR_OK;
    }
    if (CPU(product_few_fits)(args)) {
        CPU(product_few)(args);
        return ERR_OK;
    }
    struct product_work w = {.args = args};
    int64_t most =
        1 + (int64_t)((double)args->m * (double)args->n * (double)args->k / PRODUCT_MIN_WORK);
    product_grid(&w, most < par_threads() ? most : par_threads());
    w.block_cols = args->m <= PRODUCT_FEW_ROWS ? TILE_COLS : product_block_cols(args->n);
    w.a_in_place = args->a.dtype == DTYPE_F32 && args->a.col_stride == 1 &&
                   args->n <= 4 * TILE_COLS && (uintptr_t)args->a.data % sizeof(float) == 0;
    w.scratch_count = product_scratch_count(w.block_cols);
    size_t bytes = (size_t)(w.scratch_count * par_threads()) * sizeof(float);
    void *scratch;
    TRY(cpu_scratch(c, bytes, &scratch));
    w.scratch = scratch;
    par_for(w.grid_rows * w.grid_cols, 1, product_piece, &w);
    return ERR_OK;
}
