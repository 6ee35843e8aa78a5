/* SPDX-License-Identifier: Apache-2.0
 * Matrix product: through cuBLASLt, whose operands are both bf16 or both fp32, dense one way and
 * aligned. One that is stored otherwise (fp32 weights that are trained, fp16, NF4, int8, a gathered
 * view) is copied into scratch on the way, in blocks of c's rows or columns, never of k, so that
 * no partial sum is rounded. What the library does not take goes to product_any.cu.
 *
 * In bf16, operands are rounded to bf16 and sums are fp32. Both are fp32 where nothing of the
 * product is an activation: c is a gradient and an operand is stored as fp32.
 *
 * The low-rank part (more_a, more_b) comes first: it is small, so what the rounding of c between
 * the two products loses is small, too; it also takes the residual along.
 * Read next: compute/cuda/product.h, compute/cuda/blas.c. */
#include "compute/cuda/product.h"

#include "compute/cuda_scratch.h"

enum {
    ALIGNMENT = 16,     /* of pointers, for the library */
    COPY_UNIT = 64,     /* lines of a copy are padded to a multiple, and blocks begin at one */
    LEAST_BLOCK = 8,    /* or at one of this, where lines are very long */
    SMALL = 16 * 16 * 8 /* multiplications that are not worth a call of the library */
};

/* One operand: what it is in c (`outer`: rows of a, columns of b) times k. */
struct side {
    const struct mat *from;
    int64_t outer, k, outer_stride, k_stride;
    bool copied, k_dense;
    int64_t stride; /* between lines of what is dense, in the copy or in place */
    int64_t block;  /* of outer, copied at once */
    void *room;
};

static bool element_type(enum dtype t) {
    return t == DTYPE_F32 || t == DTYPE_BF16 || t == DTYPE_F16;
}

static enum dtype operand_type(const struct compute *c, const struct product_args *args) {
    const bool stored_f32 = args->a.dtype == DTYPE_F32 || args->b.dtype == DTYPE_F32;
    return args->c_is_gradient && stored_f32 ? DTYPE_F32 : c->backend->act_dtype;
}

static int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

static bool aligned(const void *p) {
    return (uintptr_t)p % ALIGNMENT == 0;
}

/* In place where the library takes it. A single line has any stride. */
static struct side side_of(const struct mat *m, int64_t outer, int64_t k, bool rows,
                           enum dtype type) {
    struct side s = {.from = m,
                     .outer = outer,
                     .k = k,
                     .outer_stride = rows ? m->row_stride : m->col_stride,
                     .k_stride = rows ? m->col_stride : m->row_stride,
                     .block = outer};
    const bool k_dense = s.k_stride == 1 && (outer == 1 || s.outer_stride >= k),
               outer_dense = s.outer_stride == 1 && (k == 1 || s.k_stride >= outer);
    s.copied = m->dtype != type || !aligned(m->data) || !(k_dense || outer_dense);
    s.k_dense = s.copied ? s.k_stride <= s.outer_stride : k_dense;
    const int64_t lines = s.k_dense ? outer : k, dense = s.k_dense ? k : outer;
    s.stride = lines > 1 ? s.k_dense ? s.outer_stride : s.k_stride : dense;
    return s;
}

/* What a copy of `block` lines takes, in elements. */
static int64_t room_of(const struct side *s, int64_t block) {
    return s->k_dense ? block * round_up(s->k, COPY_UNIT) : s->k * round_up(block, LEAST_BLOCK);
}

/* Cuts a copied operand so that it takes at most that many elements. */
static void side_cut(struct side *s, int64_t elements) {
    if (!s->copied) return;
    const int64_t most = elements / round_up(s->k, COPY_UNIT),
                  unit = most < COPY_UNIT ? LEAST_BLOCK : COPY_UNIT;
    s->block = most < LEAST_BLOCK ? LEAST_BLOCK : most / unit * unit;
    if (s->block > s->outer) s->block = s->outer;
    s->stride = s->k_dense ? round_up(s->k, COPY_UNIT) : round_up(s->block, LEAST_BLOCK);
}

static err side_copy(struct compute *c, const struct side *s, int64_t begin, int64_t n,
                     enum dtype type) {
    const struct product_copy copy = {.data = s->from->data,
                                      .dtype = s->from->dtype,
                                      .first = begin * s->outer_stride,
                                      .outer = s->k_dense ? n : s->k,
                                      .inner = s->k_dense ? s->k : n,
                                      .outer_stride = s->k_dense ? s->outer_stride : s->k_stride,
                                      .inner_stride = s->k_dense ? s->k_stride : s->outer_stride,
                                      .to = s->room,
                                      .to_type = type,
                                      .to_stride = s->stride};
    return element_type(copy.dtype) ? cuda_convert(c, &copy) : cuda_dequantise(c, &copy);
}

/* Block `begin` for the library. */
static struct blas_operand side_operand(const struct side *s, int64_t begin, enum dtype type) {
    const char *data = s->copied ? s->room : s->from->data;
    if (!s->copied) data += begin * s->outer_stride * dtype_bytes(type);
    return (struct blas_operand){data, s->stride, false};
}

/* A product that the library takes, with its operands and what it works in. */
struct work {
    const struct product_args *args;
    enum dtype type, c_type;
    struct side a, b;
    void *workspace;
    const void *bias;
};

/* c's block from (i,j) on, by the library, or else by the general kernel from the same copies. */
static err multiply_block(struct compute *c, const struct work *w, int64_t i, int64_t j, int64_t m,
                          int64_t n) {
    const struct product_args *args = w->args;
    const int64_t c_bytes = dtype_bytes(w->c_type);
    struct blas_product p = {.type = w->type,
                             .c_type = w->c_type,
                             .m = m,
                             .n = n,
                             .k = args->k,
                             .a = side_operand(&w->a, i, w->type),
                             .b = side_operand(&w->b, j, w->type),
                             .c = (char *)args->c + (i * args->c_stride + j) * c_bytes,
                             .c_stride = args->c_stride,
                             .workspace = w->workspace};
    bool taken;
    p.a.turned = !w->a.k_dense;
    p.b.turned = w->b.k_dense;
    if (args->accumulate) {
        p.from = p.c;
        p.from_stride = p.c_stride;
    } else if (args->add) {
        p.from = (const char *)args->add + (i * args->add_stride + j) * c_bytes;
        p.from_stride = args->add_stride;
    }
    if (w->bias) p.bias = (const char *)w->bias + j * c_bytes;
    TRY(blas_product(c, &p, &taken));
    if (taken) return ERR_OK;
    struct product_args block = *args;
    block.m = m;
    block.n = n;
    block.a =
        (struct mat){p.a.data, w->type, p.a.turned ? 1 : p.a.stride, p.a.turned ? p.a.stride : 1};
    block.b =
        (struct mat){p.b.data, w->type, p.b.turned ? 1 : p.b.stride, p.b.turned ? p.b.stride : 1};
    block.c = p.c;
    block.add = args->accumulate ? NULL : p.from;
    if (w->bias) block.bias = (struct mat){p.bias, w->c_type, n, 1};
    return cuda_product_any(c, &block);
}

/* Blocks of b inside blocks of a; of a b that is copied whole there is one copy. */
static err multiply_blocks(struct compute *c, const struct work *w) {
    for (int64_t i = 0; i < w->a.outer; i += w->a.block) {
        const int64_t m = w->a.outer - i < w->a.block ? w->a.outer - i : w->a.block;
        if (w->a.copied) TRY(side_copy(c, &w->a, i, m, w->type));
        for (int64_t j = 0; j < w->b.outer; j += w->b.block) {
            const int64_t n = w->b.outer - j < w->b.block ? w->b.outer - j : w->b.block;
            if (w->b.copied && (i == 0 || w->b.block < w->b.outer))
                TRY(side_copy(c, &w->b, j, n, w->type));
            TRY(multiply_block(c, w, i, j, m, n));
        }
    }
    return ERR_OK;
}

/* The bias in c's type, dense and aligned. */
static err place_bias(struct compute *c, struct work *w, void *room) {
    const struct mat *bias = &w->args->bias;
    w->bias = bias->data;
    if (!bias->data || (bias->dtype == w->c_type && bias->col_stride == 1 && aligned(bias->data)))
        return ERR_OK;
    w->bias = room;
    const struct product_copy copy = {.data = bias->data,
                                      .dtype = bias->dtype,
                                      .outer = 1,
                                      .inner = w->args->n,
                                      .inner_stride = bias->col_stride,
                                      .to = room,
                                      .to_type = w->c_type,
                                      .to_stride = w->args->n};
    return cuda_convert(c, &copy);
}

/* Without more_a and more_b. */
static err multiply(struct compute *c, const struct product_args *args) {
    struct work w = {
        .args = args, .type = operand_type(c, args), .c_type = product_c_type(c, args)};
    w.a = side_of(&args->a, args->m, args->k, true, w.type);
    w.b = side_of(&args->b, args->n, args->k, false, w.type);
    const int64_t most = CUDA_PRODUCT_CONVERTED / (w.a.copied && w.b.copied ? 2 : 1);
    side_cut(&w.a, most);
    side_cut(&w.b, most);
    const size_t element = (size_t)dtype_bytes(w.type),
                 a_bytes = w.a.copied ? (size_t)room_of(&w.a, w.a.block) * element : 0,
                 b_bytes = w.b.copied ? (size_t)room_of(&w.b, w.b.block) * element : 0,
                 bias_bytes = args->bias.data ? (size_t)args->n * sizeof(float) : 0;
    void *scratch;
    TRY(cuda_scratch(c,
                     CUDA_PRODUCT_WORKSPACE + cuda_scratch_part(a_bytes) +
                         cuda_scratch_part(b_bytes) + bias_bytes,
                     &scratch));
    w.workspace = scratch;
    w.a.room = (char *)scratch + CUDA_PRODUCT_WORKSPACE;
    w.b.room = (char *)w.a.room + cuda_scratch_part(a_bytes);
    TRY(place_bias(c, &w, (char *)w.b.room + cuda_scratch_part(b_bytes)));
    return multiply_blocks(c, &w);
}

static bool stands_still(const struct mat *m, int64_t rows, int64_t cols) {
    return rows * cols > 0 &&
           ((rows > 1 && m->row_stride == 0) || (cols > 1 && m->col_stride == 0));
}

/* Whether it is the library's: not what is small, repeats elements without memory for them, adds
 * to two places at once, or writes where nothing is aligned. */
static bool library_takes(const struct product_args *args) {
    return args->k > 0 && args->m * args->n * args->k >= SMALL && aligned(args->c) &&
           (!args->add || (aligned(args->add) && !args->accumulate)) &&
           !stands_still(&args->a, args->m, args->k) && !stands_still(&args->b, args->k, args->n) &&
           !stands_still(&args->more_a, args->m, args->more_k) &&
           !stands_still(&args->more_b, args->more_k, args->n);
}

/* A quantised operand as fp32, for the general kernel; all of it. */
static err decode_whole(struct compute *c, struct mat *m, int64_t rows, int64_t cols, void *room) {
    if (element_type(m->dtype) || rows * cols == 0) return ERR_OK;
    const bool turned = m->row_stride < m->col_stride;
    const struct product_copy copy = {.data = m->data,
                                      .dtype = m->dtype,
                                      .outer = turned ? cols : rows,
                                      .inner = turned ? rows : cols,
                                      .outer_stride = turned ? m->col_stride : m->row_stride,
                                      .inner_stride = turned ? m->row_stride : m->col_stride,
                                      .to = room,
                                      .to_type = DTYPE_F32,
                                      .to_stride = round_up(turned ? rows : cols, COPY_UNIT)};
    *m = (struct mat){room, DTYPE_F32, turned ? 1 : copy.to_stride, turned ? copy.to_stride : 1};
    return cuda_dequantise(c, &copy);
}

static size_t decoded_bytes(const struct mat *m, int64_t rows, int64_t cols) {
    if (element_type(m->dtype)) return 0;
    return cuda_scratch_part((size_t)(round_up(rows, COPY_UNIT) * round_up(cols, COPY_UNIT)) *
                             sizeof(float));
}

static err multiply_any(struct compute *c, const struct product_args *args) {
    struct product_args decoded = *args;
    struct {
        struct mat *m;
        int64_t rows, cols;
    } operands[] = {{&decoded.a, args->m, args->k},
                    {&decoded.b, args->k, args->n},
                    {&decoded.more_a, args->m, args->more_k},
                    {&decoded.more_b, args->more_k, args->n}};
    size_t bytes = 0;
    char *room = NULL;
    for (int i = 0; i < 4; i++)
        bytes += decoded_bytes(operands[i].m, operands[i].rows, operands[i].cols);
    if (bytes > 0) TRY(cuda_scratch(c, bytes, (void **)&room));
    for (int i = 0; i < 4; i++) {
        const size_t part = decoded_bytes(operands[i].m, operands[i].rows, operands[i].cols);
        TRY(decode_whole(c, operands[i].m, operands[i].rows, operands[i].cols, room));
        room += part;
    }
    return cuda_product_any(c, &decoded);
}

static void product_check(const struct product_args *args) {
    BUG_IF(args->m < 0 || args->n < 0 || args->k < 0 || args->more_k < 0);
    BUG_IF(args->c_stride < args->n || (args->add && args->add_stride < args->n));
    BUG_IF(args->accumulate && args->bias.data);
}

err cuda_product(struct compute *c, const struct product_args *args) {
    product_check(args);
    if (args->m == 0 || args->n == 0) return ERR_OK;
    if (!library_takes(args)) return multiply_any(c, args);
    struct product_args main = *args;
    if (args->more_k > 0) {
        struct product_args low_rank = *args;
        low_rank.a = args->more_a;
        low_rank.b = args->more_b;
        low_rank.k = args->more_k;
        low_rank.bias.data = NULL;
        TRY(multiply(c, &low_rank));
        main.add = NULL;
        main.accumulate = true;
    }
    bool taken = false;
    if (args->paired && cuda_state(c)->filter) TRY(filter_product(c, &main, &taken));
    return taken ? ERR_OK : multiply(c, &main);
}
