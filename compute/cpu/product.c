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
    /* A panel of b (32 KiB) and a tile of a are read again and again from L1 or L2, a block of a
     * (72 or 128 KiB) lies in L2. With AVX2 on a Zen 3 a long k is worth more than many rows: c is
     * read and written less often (36 rows of 512 run at 1.12 of 96 rows of 256). */
    PRODUCT_K = SIMD_WIDTH == 8 ? 512 : 256,
    PRODUCT_K_UNIT = 16, /* what blocks of k are rounded up to */
    PRODUCT_ROWS = SIMD_WIDTH == 8 ? 36 : 128,
    PRODUCT_COLS = 1024 / TILE_COLS * TILE_COLS, /* a block of b (1 or 2 MiB) in L3 */
    PRODUCT_FEW_ROWS = 4 * TILE_ROWS,            /* up to here b is used at once, by panels */
    PRODUCT_MIN_WORK = 1 << 16,                  /* multiplications worth a thread */
};

struct product_work {
    const struct product_args *args;
    int64_t grid_rows, grid_cols; /* rectangles */
    int64_t block_cols;           /* columns of b that are packed together */
    int64_t chain, block_k;       /* k + more_k, and how much of it is packed together */
    bool a_in_place;
    bool a_at_once; /* all of a is packed before the first panel of b, not each block on its own */
    bool b_by_rows; /* rows of b are contiguous */
    float *scratch;
    int64_t scratch_count; /* floats a thread */
};

/* A block: its place in c, and its part of the chain, which runs through both pairs of operands. */
struct product_part {
    int64_t row, rows, col, cols, k, k_count;
};

static int64_t product_round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/* How much of a block's part of the chain lies in the first pair. */
static int64_t product_first_pair(const struct product_work *w, const struct product_part *p) {
    const int64_t left = w->args->k - p->k;
    return left < 0 ? 0 : left < p->k_count ? left : p->k_count;
}

/* The block's part of a, tile after tile, with each k a row of the tile. */
static void product_pack_a(const struct product_work *w, const struct product_part *p, float *to) {
    const struct product_args *args = w->args;
    const int64_t first = product_first_pair(w, p);
    for (int pair = 0; pair < 2; pair++) {
        const struct mat *a = pair ? &args->more_a : &args->a;
        const struct mat turned = {a->data, a->dtype, a->col_stride, a->row_stride};
        const int64_t begin = pair ? first : 0, count = pair ? p->k_count - first : first;
        const int64_t k = pair ? p->k + first - args->k : p->k;
        if (count == 0) continue;
        pack_tiles(&(struct pack_block){&turned, k, p->row, count, p->rows, to + begin * TILE_ROWS,
                                        TILE_ROWS},
                   p->k_count * TILE_ROWS);
    }
}

/* Columns `j` to `j + cols` of the block of b, and of the bias where the chain begins. */
static void product_pack_b(const struct product_work *w, const struct product_part *p, int64_t j,
                           int64_t cols, float *panel, float *bias) {
    const struct product_args *args = w->args;
    const int64_t first = product_first_pair(w, p), col = p->col + j,
                  to_panel = p->k_count * TILE_COLS;
    if (first > 0)
        pack_panels(&(struct pack_block){&args->b, p->k, col, first, cols, panel, TILE_COLS},
                    to_panel);
    if (first < p->k_count)
        pack_panels(&(struct pack_block){&args->more_b, p->k + first - args->k, col,
                                         p->k_count - first, cols, panel + first * TILE_COLS,
                                         TILE_COLS},
                    to_panel);
    if (p->k == 0 && args->bias.data)
        pack_panels(&(struct pack_block){&args->bias, 0, col, 1, cols, bias, TILE_COLS}, TILE_COLS);
}

/* Fetches part `i` of `parts` of what comes behind the panel of b at column `j` of the block, or
 * behind the block of a, while the tiles before it are worked on. */
static void product_fetch_b(const struct product_work *w, const struct product_part *whole,
                            const struct product_part *p, int64_t j, int64_t i, int64_t parts) {
    struct pack_block next = {.m = &w->args->b, .row = p->k, .col = p->col + j + TILE_COLS};
    if (next.col >= p->col + p->cols) {
        next.row += p->k_count;
        next.col = p->col;
    }
    if (next.row >= w->chain) {
        next.row = 0;
        next.col = p->col + p->cols;
    }
    const int64_t rows = w->args->k - next.row, cols = whole->col + whole->cols - next.col;
    next.rows = rows < w->block_k ? rows : w->block_k;
    next.cols = cols < TILE_COLS ? cols : TILE_COLS;
    if (rows > 0 && cols > 0) pack_fetch(&next, i, parts);
}

static void product_fetch_a(const struct product_work *w, const struct product_part *whole,
                            const struct product_part *p, int64_t i, int64_t parts) {
    struct pack_block next = {.m = &w->args->a, .row = p->row + p->rows, .col = p->k};
    if (next.row >= whole->row + whole->rows) {
        next.row = whole->row;
        next.col += p->k_count;
    }
    if (next.col >= w->chain) next.col = 0;
    const int64_t rows = whole->row + whole->rows - next.row, cols = w->args->k - next.col;
    next.rows = rows < PRODUCT_ROWS ? rows : PRODUCT_ROWS;
    next.cols = cols < w->block_k ? cols : w->block_k;
    if (cols > 0) pack_fetch(&next, i, parts);
}

/* Where a block's packed rows of a are, behind the packed b. */
static float *product_packed_a(const struct product_work *w, const struct product_part *p,
                               float *scratch) {
    const int64_t before = w->a_at_once ? p->k * product_round_up(p->rows, TILE_ROWS) : 0;
    return scratch + w->block_cols * (w->block_k + 1) + before;
}

/* Tiles of one block of rows against a block of b, which the first block of rows packs panel by
 * panel. */
static void product_block(const struct product_work *w, const struct product_part *whole,
                          const struct product_part *p, float *scratch) {
    const struct product_args *args = w->args;
    float *pack_b = scratch, *bias = pack_b + w->block_cols * w->block_k,
          *pack_a = product_packed_a(w, p, scratch);
    struct tile t = {.k = p->k_count,
                     .a_row = w->a_in_place ? args->a.row_stride : 1,
                     .a_k = w->a_in_place ? 1 : TILE_ROWS,
                     .b_row = TILE_COLS,
                     .c_row = args->c_stride,
                     .from_zero = p->k == 0 && !args->accumulate,
                     .add_row = args->add_stride};
    const float *a = pack_a, *add = p->k + p->k_count == w->chain ? args->add : NULL;
    if (w->a_in_place) {
        a = (const float *)args->a.data + p->row * args->a.row_stride + p->k;
    } else if (!w->a_at_once) {
        product_pack_a(w, p, pack_a);
    }
    const int64_t a_step = w->a_in_place ? t.a_row : p->k_count; /* a row further */
    for (int64_t j = 0; j < p->cols; j += TILE_COLS) {
        const int64_t cols = p->cols - j < TILE_COLS ? p->cols - j : TILE_COLS;
        float *panel = pack_b + j * p->k_count;
        if (p->row == whole->row && (j == 0 || !w->b_by_rows))
            product_pack_b(w, p, j, w->b_by_rows ? p->cols : cols, panel, bias + j);
        if (!w->a_in_place && !w->a_at_once)
            product_fetch_a(w, whole, p, j / TILE_COLS, (p->cols + TILE_COLS - 1) / TILE_COLS);
        t.b = panel;
        if (args->bias.data) t.bias = bias + j;
        for (int64_t i = 0; i < p->rows; i += TILE_ROWS) {
            const int64_t rows = p->rows - i < TILE_ROWS ? p->rows - i : TILE_ROWS;
            t.a = a + i * a_step;
            t.c = (float *)args->c + (p->row + i) * args->c_stride + p->col + j;
            t.c_next = t.c + TILE_ROWS * args->c_stride;
            if (add) t.add = add + (p->row + i) * args->add_stride + p->col + j;
            if (p->row == whole->row && !w->b_by_rows)
                product_fetch_b(w, whole, p, j, i / TILE_ROWS,
                                (p->rows + TILE_ROWS - 1) / TILE_ROWS);
            CPU(tile)(&t, (int)rows, cols);
        }
    }
}

/* One thread's rectangle. */
static void product_rectangle(const struct product_work *w, const struct product_part *whole,
                              float *scratch) {
    struct product_part p = *whole;
    for (p.k = 0; w->a_at_once && p.k < w->chain; p.k += w->block_k) {
        p.k_count = w->chain - p.k < w->block_k ? w->chain - p.k : w->block_k;
        product_pack_a(w, &p, product_packed_a(w, &p, scratch));
    }
    for (int64_t j = 0; j < whole->cols; j += w->block_cols) {
        p.col = whole->col + j;
        p.cols = whole->cols - j < w->block_cols ? whole->cols - j : w->block_cols;
        for (p.k = 0; p.k < w->chain; p.k += w->block_k) {
            p.k_count = w->chain - p.k < w->block_k ? w->chain - p.k : w->block_k;
            for (int64_t i = 0; i < whole->rows; i += PRODUCT_ROWS) {
                p.row = whole->row + i;
                p.rows = whole->rows - i < PRODUCT_ROWS ? whole->rows - i : PRODUCT_ROWS;
                product_block(w, whole, &p, scratch);
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

/* No k at all: c is what the chains begin with. */
static void product_of_nothing(const struct product_args *args) {
    for (int64_t i = 0; i < args->m; i++) {
        float *c = (float *)args->c + i * args->c_stride;
        for (int64_t j = 0; j < args->n; j++) {
            if (args->bias.data) {
                c[j] = pack_element(&args->bias, j * args->bias.col_stride, args->bias.dtype);
            } else if (!args->accumulate) {
                c[j] = 0;
            }
            if (args->add) c[j] += ((const float *)args->add)[i * args->add_stride + j];
        }
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
    return (block_cols + PRODUCT_ROWS) * PRODUCT_K + block_cols;
}

size_t CPU(product_scratch)(const struct work_shape *shape) {
    return (size_t)(product_scratch_count(product_block_cols(shape->columns)) * par_threads()) *
           sizeof(float);
}

static void product_check(const struct product_args *args) {
    BUG_IF(args->m < 0 || args->n < 0 || args->k < 0 || args->more_k < 0);
    BUG_IF(args->c_stride < args->n || (args->add && args->add_stride < args->n));
    BUG_IF(args->accumulate && args->bias.data);
    BUG_IF(!product_takes(args->a.dtype) || !product_takes(args->b.dtype));
    BUG_IF(!product_takes(args->more_a.dtype) || !product_takes(args->more_b.dtype));
}

/* Few rows: the pairs of operands one after the other, c keeps the chains between them. */
static bool product_of_few(const struct product_args *args) {
    struct product_args first = *args, more = *args;
    more.a = args->more_a;
    more.b = args->more_b;
    more.k = args->more_k;
    first.more_k = more.more_k = 0;
    if (args->k == 0 || !CPU(product_few_fits)(&first)) return false;
    if (more.k > 0) {
        if (!CPU(product_few_fits)(&more)) return false;
        first.add = NULL;
        more.accumulate = true;
        more.bias.data = NULL;
        CPU(product_few)(&first);
        CPU(product_few)(&more);
    } else {
        CPU(product_few)(&first);
    }
    return true;
}

/* Few rows of a would be packed again for each panel of b. They are packed once, where the scratch
 * of other products with as many columns is enough for that. */
static void product_a_at_once(struct product_work *w) {
    const int64_t count =
        w->block_cols * (w->block_k + 1) + product_round_up(w->args->m, TILE_ROWS) * w->chain;
    if (count > product_scratch_count(product_block_cols(w->args->n))) return;
    w->a_at_once = true;
    if (w->scratch_count < count) w->scratch_count = count;
}

err CPU(product)(struct compute *c, const struct product_args *args) {
    product_check(args);
    if (args->m == 0 || args->n == 0) return ERR_OK;
    struct product_work w = {.args = args, .chain = args->k + args->more_k};
    if (w.chain == 0) {
        product_of_nothing(args);
        return ERR_OK;
    }
    if (product_of_few(args)) return ERR_OK;
    int64_t most =
        1 + (int64_t)((double)args->m * (double)args->n * (double)w.chain / PRODUCT_MIN_WORK);
    product_grid(&w, most < par_threads() ? most : par_threads());
    const int64_t blocks = (w.chain + PRODUCT_K - 1) / PRODUCT_K;
    w.block_k = product_round_up((w.chain + blocks - 1) / blocks, PRODUCT_K_UNIT);
    w.b_by_rows = args->b.col_stride == 1 && (args->more_k == 0 || args->more_b.col_stride == 1);
    const bool few = args->m <= PRODUCT_FEW_ROWS && !w.b_by_rows;
    w.block_cols = few ? TILE_COLS : product_block_cols(args->n);
    w.a_in_place = args->a.dtype == DTYPE_F32 && args->a.col_stride == 1 && args->more_k == 0 &&
                   args->n <= 4 * TILE_COLS && (uintptr_t)args->a.data % sizeof(float) == 0;
    w.scratch_count = product_scratch_count(w.block_cols);
    if (few && !w.a_in_place) product_a_at_once(&w);
    size_t bytes = (size_t)(w.scratch_count * par_threads()) * sizeof(float);
    void *scratch;
    TRY(cpu_scratch(c, bytes, &scratch));
    w.scratch = scratch;
    par_for(w.grid_rows * w.grid_cols, 1, product_piece, &w);
    return ERR_OK;
}
