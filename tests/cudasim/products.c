/* SPDX-License-Identifier: Apache-2.0
 * What the cases of compute/ops/product.c do not show about products on the GPU backend: quantised
 * operands have the bits of their decoded matrix, operands larger than a block of the conversion,
 * the shapes of a model with its low-rank adapters, and that the localized filter is the same
 * through cuDNN.
 * Read next: compute/cuda/product.c, tests/unit/compute/test_quant_product.c. */
#include "tests/unit/compute/check.h"

#include "compute/cuda_scratch.h"
#include "compute/quant.h"

static int n_wrong, n_run;

static void must(err e) {
    if (!e) return;
    fprintf(stderr, "%s\n", err_message());
    abort();
}

static void expect(bool good, const char *what, const char *name, const char *variant) {
    n_run++;
    if (good) return;
    n_wrong++;
    fprintf(stderr, "%s: %s on %s\n", what, name, variant);
}

static void *device_copy(struct compute *c, const void *from, size_t bytes) {
    void *to;
    must(c->backend->alloc(c, bytes, &to));
    must(c->backend->upload(c, to, from, bytes));
    return to;
}

/* Standard normal numbers as `t`, on the host. */
static void *numbers(enum dtype t, int64_t n, uint64_t seed) {
    const struct rng rng = {.seed = seed, .purpose = RNG_TEST};
    float *single = test_alloc((size_t)n, sizeof *single);
    void *out = test_alloc((size_t)n, (size_t)dtype_bytes(t));
    for (int64_t i = 0; i < n; i++) single[i] = (float)rng_normal(&rng, (uint64_t)i);
    dtype_from_f32(single, n, t, out);
    free(single);
    return out;
}

/* A weight of a quantised type: its parts on the device, and what decoding gives on both sides. */
struct weight {
    const struct quant *quant;
    void *parts[QUANT_MAX_PARTS];
    struct quant_blocks blocks; /* host memory that points to the device's */
    float *decoded, *device_decoded;
    int64_t n;
};

static const void *moved(const struct weight *w, void *const *host_parts, const void *p) {
    for (int i = 0; i < w->quant->n_parts; i++)
        if (host_parts[i] == p) return w->parts[i];
    return NULL;
}

static struct weight weight_make(struct compute *c, const struct quant *q, float *values,
                                 int64_t n) {
    struct weight w = {.quant = q, .decoded = values, .n = n};
    void *parts[QUANT_MAX_PARTS];
    int64_t counts[QUANT_MAX_PARTS];
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, 1, n);
        counts[i] = part.count;
        parts[i] = test_alloc((size_t)part.count, (size_t)dtype_bytes(part.dtype));
    }
    must(q->encode(&(struct quant_weight){values, DTYPE_F32, 1, n}, parts));
    must(q->open((const void *const *)parts, counts, 1, n, &w.blocks));
    q->decode(&w.blocks, 0, n, w.decoded);
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, 1, n);
        w.parts[i] = device_copy(c, parts[i], (size_t)(counts[i] * dtype_bytes(part.dtype)));
    }
    w.blocks.codes = moved(&w, parts, w.blocks.codes);
    w.blocks.absmax = moved(&w, parts, w.blocks.absmax);
    w.blocks.nested_absmax = moved(&w, parts, w.blocks.nested_absmax);
    w.blocks.nested_map = moved(&w, parts, w.blocks.nested_map);
    w.blocks.scale = moved(&w, parts, w.blocks.scale);
    w.device_decoded = device_copy(c, w.decoded, (size_t)n * sizeof(float));
    for (int i = 0; i < q->n_parts; i++) free(parts[i]);
    return w;
}

static void weight_release(struct compute *c, struct weight *w) {
    for (int i = 0; w->quant && i < w->quant->n_parts; i++) c->backend->free(c, w->parts[i]);
    if (w->device_decoded) c->backend->free(c, w->device_decoded);
    free(w->decoded);
}

/* ---- quantised operands ---- */

/* Times the identity: whatever the order of the sums, each element is the decoded one, rounded to
 * the activations' type. Rows of whole blocks, and ragged ones, as stored and turned. */
static void decoded_bits(struct compute *c, const struct quant *q, int64_t rows, int64_t columns) {
    const enum dtype act = c->backend->act_dtype;
    const int64_t n = rows * columns, most = rows > columns ? rows : columns;
    float *values = test_alloc((size_t)n, sizeof *values);
    for (int64_t i = 0; i < n; i++) values[i] = (float)((i * 7 + i / 64) % 33 - 16);
    struct weight w = weight_make(c, q, values, n);
    float *one = test_alloc((size_t)(most * most), sizeof *one);
    for (int64_t i = 0; i < most; i++) one[i * most + i] = 1;
    void *identity = device_copy(c, one, (size_t)(most * most) * sizeof *one), *out,
         *got = test_alloc((size_t)n, (size_t)dtype_bytes(act));
    must(c->backend->alloc(c, (size_t)(n * dtype_bytes(act)), &out));
    for (int turned = 0; turned < 2; turned++) {
        const int64_t k = turned ? columns : rows, wide = turned ? rows : columns;
        bool same = true;
        must(c->backend->product(
            c, &(struct product_args){
                   .m = k,
                   .n = wide,
                   .k = k,
                   .a = {identity, DTYPE_F32, most, 1},
                   .b = {&w.blocks, q->dtype, turned ? 1 : columns, turned ? columns : 1},
                   .c = out,
                   .c_stride = wide}));
        must(c->backend->download(c, got, out, (size_t)(n * dtype_bytes(act))));
        for (int64_t i = 0; i < n; i++) {
            const int64_t at = turned ? i % wide * columns + i / wide : i;
            same = same && stored_value(act, got, i) == round_to(act, (double)w.decoded[at]);
        }
        expect(same, turned ? "a turned matrix is not the decoded one" : "not the decoded matrix",
               q->name, c->backend->variant);
    }
    c->backend->free(c, identity);
    c->backend->free(c, out);
    weight_release(c, &w);
    free(one);
    free(got);
}

enum { A, B, C, BIAS, MORE_A, MORE_B, ADD, SLOTS };

/* A case of the operation with its b and more_b in blocks, or decoded as fp32. */
static void *case_product(struct compute *c, const struct test_case *t, const struct weight *w,
                          bool quantised) {
    struct product_args args = *(const struct product_args *)t->args;
    struct mat *mats[SLOTS] = {
        [A] = &args.a, [B] = &args.b, [MORE_A] = &args.more_a, [MORE_B] = &args.more_b};
    const enum dtype act = c->backend->act_dtype;
    const size_t bytes = (size_t)(t->count[C] * dtype_bytes(act));
    void *place[SLOTS] = {NULL}, *out = test_alloc(bytes, 1);
    for (int s = 0; s < SLOTS; s++) {
        if (t->count[s] == 0) continue;
        if (mats[s]) {
            const bool blocks = quantised && (s == B || s == MORE_B);
            mats[s]->data = blocks ? (const void *)&w[s].blocks : w[s].device_decoded;
            mats[s]->dtype = blocks ? w[s].quant->dtype : DTYPE_F32;
            continue;
        }
        void *stored = test_alloc((size_t)t->count[s], sizeof(float));
        store_values(act, t->values[s], t->count[s], stored);
        place[s] = device_copy(c, stored, (size_t)(t->count[s] * dtype_bytes(act)));
        free(stored);
    }
    args.bias.data = place[BIAS];
    args.bias.dtype = act;
    args.add = place[ADD];
    args.c = place[C];
    must(c->backend->product(c, &args));
    must(c->backend->download(c, out, args.c, bytes));
    for (int s = 0; s < SLOTS; s++)
        if (place[s]) c->backend->free(c, place[s]);
    return out;
}

static void quantised_cases(struct compute *c, const struct quant *q) {
    int number = 0;
    while (ops[number] != &product_op) number++;
    for (int i = 0; i < OP_MAX_CASES && product_op.case_names[i]; i++) {
        struct test_case t =
            case_make_acts(number, case_args(&product_op, i), DTYPE_F32, c->backend->act_dtype, 7);
        struct weight w[SLOTS] = {0};
        for (int s = 0; s < SLOTS; s++) {
            if (product_op.slots[s].type != SLOT_MAT || s == BIAS || !t.count[s]) continue;
            float *values = test_alloc((size_t)t.count[s], sizeof *values);
            for (int64_t e = 0; e < t.count[s]; e++) values[e] = (float)t.values[s][e];
            w[s] = weight_make(c, q, values, t.count[s]);
        }
        void *want = case_product(c, &t, w, false), *got = case_product(c, &t, w, true);
        bool same = true;
        double most = 0;
        const enum dtype act = c->backend->act_dtype;
        for (int64_t e = 0; e < t.count[C]; e++)
            most = fmax(most, fabs(stored_value(act, want, e)));
        /* fp32 operands are used in place, where another algorithm may serve than for a copy. */
        const double off = act == DTYPE_F32 ? 2 * product_op.tolerance(t.args) * most : 0;
        for (int64_t e = 0; e < t.count[C]; e++)
            same = same && fabs(stored_value(act, got, e) - stored_value(act, want, e)) <= off;
        expect(same, q->name, product_op.case_names[i], c->backend->variant);
        free(want);
        free(got);
        for (int s = 0; s < SLOTS; s++) weight_release(c, &w[s]);
        case_release(&t);
    }
}

/* ---- against the CPU ---- */

/* The same product on both, c within `off` of the largest. Operands are given on the host; `b` may
 * be a weight. */
struct comparison {
    const char *name;
    int64_t m, n, k;
    enum dtype a_type, b_type;
    bool a_turned, b_turned, gradient;
    int64_t c_stride;
};

static struct mat view(const void *data, enum dtype t, int64_t rows, int64_t cols, bool turned) {
    return (struct mat){data, t, turned ? 1 : cols, turned ? rows : 1};
}

static void *widened(const void *data, enum dtype t, int64_t n) {
    float *out = test_alloc((size_t)n, sizeof *out);
    dtype_to_f32(data, t, n, out);
    return out;
}

static void compare(struct compute *c, struct compute *cpu, const struct comparison *p,
                    const struct weight *b_weight) {
    const enum dtype c_type = p->gradient ? DTYPE_F32 : c->backend->act_dtype;
    const size_t bytes = (size_t)(p->m * p->c_stride * dtype_bytes(c_type));
    void *a = numbers(p->a_type, p->m * p->k, 1),
         *b = b_weight ? NULL : numbers(p->b_type, p->k * p->n, 2);
    float *wide_a = widened(a, p->a_type, p->m * p->k),
          *wide_b = b ? widened(b, p->b_type, p->k * p->n) : b_weight->decoded,
          *want = test_alloc((size_t)(p->m * p->c_stride), sizeof *want);
    void *device_a = device_copy(c, a, (size_t)(p->m * p->k * dtype_bytes(p->a_type))),
         *device_b = b ? device_copy(c, b, (size_t)(p->k * p->n * dtype_bytes(p->b_type))) : NULL,
         *out, *got = test_alloc(bytes, 1);
    struct product_args args = {
        .m = p->m, .n = p->n, .k = p->k, .c_stride = p->c_stride, .c_is_gradient = p->gradient};
    must(c->backend->alloc(c, bytes, &out));
    args.c = out;
    args.a = view(device_a, p->a_type, p->m, p->k, p->a_turned);
    args.b = view(device_b, p->b_type, p->k, p->n, p->b_turned);
    if (b_weight) args.b = view(&b_weight->blocks, b_weight->quant->dtype, p->k, p->n, p->b_turned);
    must(c->backend->product(c, &args));
    must(c->backend->download(c, got, out, bytes));
    args.c = want;
    args.a = view(wide_a, DTYPE_F32, p->m, p->k, p->a_turned);
    args.b = view(wide_b, DTYPE_F32, p->k, p->n, p->b_turned);
    must(cpu->backend->product(cpu, &args));
    double most = 0, worst = 0;
    for (int64_t i = 0; i < p->m * p->c_stride; i++) {
        most = fmax(most, fabs((double)want[i]));
        worst = fmax(worst, fabs((double)want[i] - stored_value(c_type, got, i)));
    }
    const double bf16 = c->backend->act_dtype == DTYPE_BF16 ? 3 * 0x1p-8 : 0;
    expect(worst <= most * (2 * product_op.tolerance(&args) + bf16), "not the CPU's", p->name,
           c->backend->variant);
    c->backend->free(c, device_a);
    c->backend->free(c, device_b);
    c->backend->free(c, out);
    free(a);
    free(b);
    free(wide_a);
    if (b) free(wide_b);
    free(want);
    free(got);
}

/* Of a layer in small: one row, the widths of low-rank adapters, odd strides of c. */
static void shapes(struct compute *c, struct compute *cpu) {
    const enum dtype act = c->backend->act_dtype;
    const struct comparison all[] = {
        {"decode", 1, 512, 256, act, DTYPE_BF16, false, true, false, 512},
        {"decode_head", 1, 2001, 64, act, DTYPE_F32, false, true, false, 2001},
        {"one_column", 200, 1, 128, act, DTYPE_F32, false, true, false, 1},
        {"adapter_down", 130, 16, 256, act, DTYPE_F32, false, true, false, 16},
        {"adapter_up", 130, 256, 16, act, DTYPE_F32, false, true, false, 512},
        {"adapter_gradient", 16, 256, 130, act, act, true, false, true, 256},
        {"adapter_of_4", 130, 256, 4, act, DTYPE_F32, false, true, false, 256},
        {"wide_c", 64, 96, 128, act, DTYPE_BF16, false, true, false, 203},
        {"weight_gradient", 96, 128, 77, act, act, true, false, true, 128},
        {"input_gradient", 77, 128, 96, act, DTYPE_F16, false, false, false, 128},
        {"fp32_gradient", 1, 160, 3, DTYPE_F32, DTYPE_F32, false, false, true, 160},
        {"fp32_in_fp32", 24, 160, 96, DTYPE_F32, DTYPE_BF16, false, true, true, 160},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) compare(c, cpu, &all[i], NULL);
}

/* The library rounds operands to bf16, the general kernel does not: a product of the model's kind
 * is the library's. */
static void library_is_used(struct compute *c) {
    enum { M = 64, N = 96, K = 32 };
    static float ones[N * K], c_values[M * N];
    static uint16_t halves[M * K];
    const float value = 1 + 0x1p-10f;
    for (int i = 0; i < N * K; i++) ones[i] = 1;
    for (int i = 0; i < M * K; i++) dtype_from_f32(&value, 1, DTYPE_F16, &halves[i]);
    uint16_t narrow[N * K];
    dtype_from_f32(ones, N * K, DTYPE_BF16, narrow);
    void *a = device_copy(c, halves, sizeof halves), *b = device_copy(c, narrow, sizeof narrow),
         *out = device_copy(c, c_values, sizeof c_values);
    must(c->backend->product(c, &(struct product_args){.m = M,
                                                       .n = N,
                                                       .k = K,
                                                       .a = {a, DTYPE_F16, K, 1},
                                                       .b = {b, DTYPE_BF16, 1, K},
                                                       .c = out,
                                                       .c_stride = N,
                                                       .c_is_gradient = true}));
    must(c->backend->download(c, c_values, out, sizeof c_values));
    const bool bf16 = c->backend->act_dtype == DTYPE_BF16;
    expect(c_values[0] == K * (bf16 ? 1 : value), "operands are not in the product's type", "c",
           c->backend->variant);
    c->backend->free(c, a);
    c->backend->free(c, b);
    c->backend->free(c, out);
}

/* More elements than are converted at once, in blocks of the weight's rows and of its columns. */
static void blocks(struct compute *c, struct compute *cpu) {
    enum { LONG = 1088, WIDE = CUDA_PRODUCT_CONVERTED / LONG + 200 };
    const enum dtype act = c->backend->act_dtype;
    const struct comparison rows = {"blocks_of_rows", 3,     WIDE, LONG,  act,
                                    DTYPE_F16,        false, true, false, WIDE},
                            columns = {"blocks_of_columns", 3,     WIDE,  LONG,  act,
                                       DTYPE_F16,           false, false, false, WIDE},
                            both = {"blocks_of_both", WIDE,  5,    LONG,  DTYPE_F16,
                                    DTYPE_F16,        false, true, false, 5};
    compare(c, cpu, &rows, NULL);
    compare(c, cpu, &columns, NULL);
    compare(c, cpu, &both, NULL);
    struct weight w = weight_make(
        c, quant_named("nf4"), numbers(DTYPE_F32, (int64_t)WIDE * LONG, 3), (int64_t)WIDE * LONG);
    compare(c, cpu, &rows, &w);
    compare(c, cpu, &columns, &w);
    weight_release(c, &w);
}

/* ---- the localized filter ---- */

enum { TOKENS = 131, PAIRED = 128, OUT = 48 };

/* Through a variant: y of x, dx of dy, and dW added to what is there; fp32, one after the other. */
static float *filter(struct compute *c, size_t *out_n) {
    enum { N_Y = TOKENS * OUT, N_X = TOKENS * PAIRED, N_W = OUT * PAIRED };
    const struct backend *b = c->backend;
    void *host[] = {numbers(DTYPE_BF16, N_X, 11), numbers(DTYPE_BF16, N_W, 12),
                    numbers(DTYPE_BF16, N_Y, 13), numbers(DTYPE_F32, N_W, 14),
                    numbers(DTYPE_F32, OUT, 15)};
    void *x = device_copy(c, host[0], N_X * 2), *w = device_copy(c, host[1], N_W * 2),
         *dy = device_copy(c, host[2], N_Y * 2), *dw = device_copy(c, host[3], N_W * 4),
         *bias = device_copy(c, host[4], OUT * 4), *y = device_copy(c, host[2], N_Y * 2),
         *dx = device_copy(c, host[0], N_X * 2);
    must(b->product(c, &(struct product_args){.m = TOKENS,
                                              .n = OUT,
                                              .k = PAIRED,
                                              .paired = true,
                                              .a = {x, DTYPE_BF16, PAIRED, 1},
                                              .b = {w, DTYPE_BF16, 1, PAIRED},
                                              .bias = {bias, DTYPE_F32, OUT, 1},
                                              .c = y,
                                              .c_stride = OUT}));
    must(b->product(c, &(struct product_args){.m = TOKENS,
                                              .n = PAIRED,
                                              .k = OUT,
                                              .paired = true,
                                              .a = {dy, DTYPE_BF16, OUT, 1},
                                              .b = {w, DTYPE_BF16, PAIRED, 1},
                                              .c = dx,
                                              .c_stride = PAIRED}));
    must(b->product(c, &(struct product_args){.m = OUT,
                                              .n = PAIRED,
                                              .k = TOKENS,
                                              .paired = true,
                                              .a = {dy, DTYPE_BF16, 1, OUT},
                                              .b = {x, DTYPE_BF16, PAIRED, 1},
                                              .c = dw,
                                              .c_stride = PAIRED,
                                              .accumulate = true,
                                              .c_is_gradient = true}));
    float *out = test_alloc(N_Y + N_X + N_W, sizeof *out);
    uint16_t *narrow = test_alloc(N_Y + N_X, sizeof *narrow);
    must(b->download(c, narrow, y, N_Y * 2));
    must(b->download(c, narrow + N_Y, dx, N_X * 2));
    must(b->download(c, out + N_Y + N_X, dw, N_W * 4));
    dtype_to_f32(narrow, DTYPE_BF16, N_Y + N_X, out);
    *out_n = N_Y + N_X + N_W;
    free(narrow);
    void *places[] = {x, w, dy, dw, bias, y, dx};
    for (int i = 0; i < 7; i++) b->free(c, places[i]);
    for (int i = 0; i < 5; i++) free(host[i]);
    return out;
}

/* Both round a result once, cuDNN the filter's gradient once more. */
static void filters_agree(struct compute *bf16) {
    struct compute cudnn;
    size_t n;
    must(compute_open(&cudnn, "cuda:cudnn"));
    float *want = filter(bf16, &n), *got = filter(&cudnn, &n);
    double most = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)want[i]));
        worst = fmax(worst, fabs((double)want[i] - (double)got[i]));
    }
    expect(worst <= 2 * 0x1p-8 * most, "not cuda:bf16's", "the filter", "cudnn");
    expect(memcmp(want, got, n * sizeof *want) != 0, "the same bits, so the same way", "the filter",
           "cudnn");
    free(want);
    free(got);
    compute_close(&cudnn);
}

int main(void) {
    static const char *const devices[] = {"cuda:f32", "cuda:bf16"};
    struct compute cpu;
    must(compute_open(&cpu, "cpu"));
    for (int v = 0; v < 2; v++) {
        struct compute c;
        must(compute_open(&c, devices[v]));
        for (int k = 0; k < n_quants; k++) {
            decoded_bits(&c, quants[k], 64, 128);
            decoded_bits(&c, quants[k], 37, 75);
            quantised_cases(&c, quants[k]);
        }
        library_is_used(&c);
        shapes(&c, &cpu);
        if (v == 1) blocks(&c, &cpu);
        if (v == 1) filters_agree(&c);
        compute_close(&c);
    }
    compute_close(&cpu);
    printf("%d checks, %d wrong\n", n_run, n_wrong);
    return n_wrong > 0 || n_run == 0;
}
