/* SPDX-License-Identifier: Apache-2.0
 * Matrix products of the CPU backend against OpenBLAS in one run: the shapes and operand orders
 * that training a model is made of, weights in fp32, bf16 or NF4 on our side and decoded on theirs.
 * The two alternate, and the ratio is taken within each pair. OpenBLAS takes its kernels by the
 * name of the processor, which is not always the fastest choice: each of its cores that runs here
 * is tried first, in a process of its own, and the fastest is what we are compared with.
 * Read next: bench/README.md for what it prints, bench/fma.h for the bound of both. */
#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/par.h"
#include "base/philox.h"
#include "bench/bench.h"
#include "bench/fma.h"
#include "compute/ops/product.h"
#include "compute/quant.h"
#include <math.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cblas.h>
#include <openblas_config.h>

enum { MAX_PAIRS = 99 };
static const double measure_s = 0.04, pause_s = 0.03; /* the other side's threads go to sleep */

struct products_options {
    const char *shape, *dtype, *device, *core;
    int64_t rows, rank, pairs, threads;
    bool probe, json;
};
#define ROW(field, ...) OPT(struct products_options, field, __VA_ARGS__)
static const struct opt option_rows[] = {
    ROW(shape, .preset = "bench150m", .choices = "bench150m,bench500m,yuan2-2b",
        .help = "whose projections"),
    ROW(dtype, .preset = "all", .choices = "f32,bf16,nf4,all", .help = "of the weights"),
    ROW(device, .value = "DEVICE", .help = "a variant of the backend, as in cpu:avx2"),
    ROW(core, .value = "NAME", .help = "OpenBLAS's core, as in SkylakeX; else the fastest"),
    ROW(rows, .preset = "1024", .min = 1, .max = 1 << 20, .help = "tokens"),
    ROW(rank, .preset = "16", .min = 1, .max = 1024, .help = "of LoRA"),
    ROW(pairs, .preset = "5", .min = 1, .max = MAX_PAIRS, .help = "measured of each"),
    ROW(threads, .preset = "2", .min = 1, .max = PAR_MAX_THREADS, .help = "of both"),
    ROW(probe, .help = "only OpenBLAS's rate with the core of OPENBLAS_CORETYPE"),
    ROW(json, .help = "as JSON"),
};
static const struct opt_table option_table = {option_rows,
                                              sizeof option_rows / sizeof *option_rows};

/* y = W x, W (out,in): the product itself, its input's gradient, its weight's. */
enum direction { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT };
static const char *const direction_names[] = {"forward", "input gradient", "weight gradient"};

struct task {
    const char *matrix;
    enum direction direction;
    enum dtype dtype;
    int64_t in, out, rank; /* of what LoRA adds to the same chain; 0: nothing */
};
struct result {
    double own[MAX_PAIRS], ratio[MAX_PAIRS]; /* multiplications a second; to OpenBLAS's */
};
struct bench {
    const struct products_options *options;
    struct compute compute;
    float *weight, *x, *y, *c; /* `weight` as the stored one decodes */
    float *low_left, *low_right;
    void *parts[QUANT_MAX_PARTS]; /* of the stored weight */
    struct quant_blocks blocks;
    double peak; /* multiplications a second that stay in registers */
    json_t *rows;
};

static void rest(void) {
    usleep((useconds_t)(1e6 * pause_s));
}

/* ---- the two sides ---- */

static void blas(const struct mat *a, const struct mat *b, const struct product_args *p, int64_t k,
                 bool add) {
    const bool a_turned = a->col_stride != 1, b_turned = b->col_stride != 1;
    cblas_sgemm(CblasRowMajor, a_turned ? CblasTrans : CblasNoTrans,
                b_turned ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)k, 1, a->data,
                (int)(a_turned ? a->col_stride : a->row_stride), b->data,
                (int)(b_turned ? b->col_stride : b->row_stride), add, p->c, (int)p->c_stride);
}

static err own_product(const struct bench *b, const struct product_args *p) {
    return b->compute.backend->product((struct compute *)&b->compute, p);
}

static err blas_product(const struct bench *b, const struct product_args *p) {
    struct mat weight = p->b;
    if (p->b.dtype != DTYPE_F32) weight.data = b->weight;
    blas(&p->a, &weight, p, p->k, p->accumulate);
    if (p->more_k) blas(&p->more_a, &p->more_b, p, p->more_k, true);
    return ERR_OK;
}

typedef err product_side(const struct bench *b, const struct product_args *p);

static err seconds_of(const struct bench *b, product_side *side, const struct product_args *p,
                      int64_t repeats, double *out) {
    const double start = bench_now();
    for (int64_t i = 0; i < repeats; i++) TRY(side(b, p));
    *out = (bench_now() - start) / (double)repeats;
    return ERR_OK;
}

/* ---- operands ---- */

static void fill(float *to, int64_t n, uint64_t stream) {
    const struct rng rng = {1, RNG_TEST, stream};
    for (int64_t i = 0; i < n; i++) to[i] = (float)rng_uniform(&rng, (uint64_t)i) - 0.5f;
}

static void release_weight(struct bench *b) {
    for (int i = 0; i < QUANT_MAX_PARTS; i++) {
        mem_free(b->parts[i]);
        b->parts[i] = NULL;
    }
}

/* b->weight as values of `dtype`, and those values stored. */
static err store_weight(struct bench *b, const struct task *t, struct mat *out) {
    const struct quant *q = quant_of_dtype(t->dtype);
    const int64_t n = t->in * t->out;
    *out = (struct mat){b->weight, t->dtype, t->in, 1};
    release_weight(b);
    fill(b->weight, n, 0);
    if (t->dtype == DTYPE_F32) return ERR_OK;
    if (!q) {
        b->parts[0] = mem_alloc((size_t)n, (size_t)dtype_bytes(t->dtype));
        if (!b->parts[0]) return ERR_MEMORY;
        dtype_from_f32(b->weight, n, t->dtype, b->parts[0]);
        dtype_to_f32(b->parts[0], t->dtype, n, b->weight);
        out->data = b->parts[0];
        return ERR_OK;
    }
    int64_t counts[QUANT_MAX_PARTS];
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, t->out, t->in);
        counts[i] = part.count;
        b->parts[i] = mem_alloc((size_t)part.count, (size_t)dtype_bytes(part.dtype));
        if (!b->parts[i]) return ERR_MEMORY;
    }
    TRY(q->encode(&(struct quant_weight){b->weight, DTYPE_F32, t->out, t->in}, b->parts));
    TRY(q->open((const void *const *)b->parts, counts, t->out, t->in, &b->blocks));
    q->decode(&b->blocks, 0, n, b->weight);
    out->data = &b->blocks;
    return ERR_OK;
}

static struct mat turned(struct mat m) {
    return (struct mat){m.data, m.dtype, m.col_stride, m.row_stride};
}

/* The operand orders are those of model/projection.c. */
static err make_args(struct bench *b, const struct task *t, struct product_args *out) {
    const int64_t n = b->options->rows;
    const struct mat x = {b->x, DTYPE_F32, t->in, 1}, y = {b->y, DTYPE_F32, t->out, 1};
    struct product_args p = {.m = n, .c = b->c};
    struct mat weight = {0};
    if (t->direction != WEIGHT_GRADIENT) TRY(store_weight(b, t, &weight));
    switch (t->direction) {
    case FORWARD: p.n = t->out, p.k = t->in, p.a = x, p.b = turned(weight); break;
    case INPUT_GRADIENT: p.n = t->in, p.k = t->out, p.a = y, p.b = weight; break;
    default: p.m = t->out, p.n = t->in, p.k = n, p.a = turned(y), p.b = x; p.accumulate = true;
    }
    if (t->rank) {
        p.more_k = t->rank;
        p.more_a = (struct mat){b->low_left, DTYPE_F32, t->rank, 1};
        p.more_b = (struct mat){b->low_right, DTYPE_F32, p.n, 1};
        if (t->direction == FORWARD) p.more_b = turned((struct mat){b->low_right, 0, t->rank, 1});
    }
    p.c_stride = p.n;
    *out = p;
    return ERR_OK;
}

/* Both sides compute the same: a row of c is compared. */
static err check_same(struct bench *b, const struct product_args *p, float *row) {
    const size_t bytes = (size_t)p->n * sizeof(float);
    double most = 0, off = 0;
    memset(b->c, 0, (size_t)p->m * bytes);
    TRY(own_product(b, p));
    memcpy(row, b->c + (p->m / 2) * p->n, bytes);
    memset(b->c, 0, (size_t)p->m * bytes);
    TRY(blas_product(b, p));
    for (int64_t j = 0; j < p->n; j++) {
        const double want = (double)b->c[(p->m / 2) * p->n + j];
        most = fmax(most, fabs(want));
        off = fmax(off, fabs(want - (double)row[j]));
    }
    if (off > 1e-4 * most)
        return fail(ERR_MISMATCH, "the two products differ: by %g of at most %g", off, most);
    return ERR_OK;
}

/* ---- measuring ---- */

static err measure(struct bench *b, const struct task *t, struct result *r) {
    struct product_args p;
    TRY(make_args(b, t, &p));
    float *row = mem_alloc((size_t)p.n, sizeof *row);
    if (!row) return ERR_MEMORY;
    err e = check_same(b, &p, row);
    mem_free(row);
    double once, seconds[2];
    if (e == ERR_OK) e = seconds_of(b, blas_product, &p, 1, &once);
    const double work = (double)p.m * (double)p.n * (double)(p.k + p.more_k);
    for (int64_t i = 0; i < b->options->pairs && e == ERR_OK; i++) {
        const int64_t repeats = 1 + (int64_t)(measure_s / once);
        for (int64_t turn = 0; turn < 2 && e == ERR_OK; turn++) {
            const bool own = turn == i % 2;
            rest();
            e = seconds_of(b, own ? own_product : blas_product, &p, 1, &once);
            if (e == ERR_OK)
                e = seconds_of(b, own ? own_product : blas_product, &p, repeats, &seconds[own]);
        }
        r->own[i] = work / seconds[1];
        r->ratio[i] = seconds[0] / seconds[1];
    }
    return e;
}

static err report(struct bench *b, const struct task *t, struct result *r) {
    const int64_t pairs = b->options->pairs;
    const double own = bench_median(r->own, pairs), ratio = bench_median(r->ratio, pairs);
    const double least = r->ratio[0], most = r->ratio[pairs - 1], share = own / b->peak;
    const char *low = t->rank ? "+lora " : "";
    if (!b->options->json) {
        printf("%-10s %s%-*s %-4s %6lld x %-6lld %7.1f  %5.3f (%.3f-%.3f)  %5.3f\n", t->matrix, low,
               t->rank ? 9 : 15, direction_names[t->direction], dtype_name(t->dtype),
               (long long)t->out, (long long)t->in, 2e-9 * own, ratio, least, most, share);
        fflush(stdout);
        return ERR_OK;
    }
    return json_push(b->rows,
                     json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:[f,f], s:f}", "matrix",
                               t->matrix, "product", direction_names[t->direction], "dtype",
                               dtype_name(t->dtype), "out", (json_int_t)t->out, "in",
                               (json_int_t)t->in, "more", (json_int_t)t->rank, "gflops", 2e-9 * own,
                               "ratio", ratio, "ratio_range", least, most, "of_fma_peak", share));
}

static err run_task(struct bench *b, const struct task *t) {
    struct result r;
    TRY(measure(b, t, &r));
    return report(b, t, &r);
}

static bool wanted(const struct bench *b, enum dtype t) {
    return !strcmp(b->options->dtype, "all") || !strcasecmp(b->options->dtype, dtype_name(t));
}

static err run_matrix(struct bench *b, const char *name, int64_t out, int64_t in, bool head) {
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_NF4};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (!wanted(b, dtypes[i]) || (head && dtypes[i] == DTYPE_NF4)) continue;
        TRY(run_task(b, &(struct task){name, FORWARD, dtypes[i], in, out, 0}));
        TRY(run_task(b, &(struct task){name, INPUT_GRADIENT, dtypes[i], in, out, 0}));
    }
    return run_task(b, &(struct task){name, WEIGHT_GRADIENT, DTYPE_F32, in, out, 0});
}

/* The products that LoRA adds to a projection, and those it joins. */
static err run_lora(struct bench *b, int64_t out, int64_t in) {
    const int64_t r = b->options->rank;
    TRY(run_task(b, &(struct task){"up", FORWARD, DTYPE_F32, in, out, r}));
    TRY(run_task(b, &(struct task){"up", INPUT_GRADIENT, DTYPE_F32, in, out, r}));
    TRY(run_task(b, &(struct task){"lora A", FORWARD, DTYPE_F32, in, r, 0}));
    TRY(run_task(b, &(struct task){"lora A", WEIGHT_GRADIENT, DTYPE_F32, in, r, 0}));
    TRY(run_task(b, &(struct task){"lora B", INPUT_GRADIENT, DTYPE_F32, r, out, 0}));
    return run_task(b, &(struct task){"lora B", WEIGHT_GRADIENT, DTYPE_F32, r, out, 0});
}

struct shape {
    const char *name;
    int64_t c, f, v;
};
static const struct shape shapes[] = {{"bench150m", 1024, 4096, 32000},
                                      {"bench500m", 1536, 6144, 32000},
                                      {"yuan2-2b", 2048, 8192, 135040}};

static err alloc_floats(float **out, int64_t n, uint64_t stream) {
    *out = mem_alloc((size_t)n, sizeof(float));
    if (!*out) return ERR_MEMORY;
    fill(*out, n, stream);
    return ERR_OK;
}

static err run_shape(struct bench *b, const struct shape *s) {
    const int64_t n = b->options->rows, wide = s->v * (n > s->c ? n : s->c);
    TRY(alloc_floats(&b->weight, s->v * s->c, 0));
    TRY(alloc_floats(&b->x, n * s->f, 1));
    TRY(alloc_floats(&b->y, n * s->v, 2));
    TRY(alloc_floats(&b->c, wide, 3));
    TRY(alloc_floats(&b->low_left, n * b->options->rank, 4));
    TRY(alloc_floats(&b->low_right, s->f * b->options->rank, 5));
    TRY(run_matrix(b, "attention", s->c, s->c, false));
    TRY(run_matrix(b, "up", s->f, s->c, false));
    TRY(run_matrix(b, "down", s->c, s->f, false));
    if (wanted(b, DTYPE_F32)) TRY(run_lora(b, s->f, s->c));
    return run_matrix(b, "head", s->v, s->c, true);
}

/* ---- OpenBLAS's core ---- */

/* GFLOP/s of a product of 1024 x 1024 x 1024. */
static err probe(double *out) {
    enum { N = 1024 };
    float *a, *c;
    double best = 0;
    TRY(alloc_floats(&a, 2 * N * N, 0));
    c = a + N * N;
    for (int i = 0; i < 9; i++) {
        const double start = bench_now();
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, N, N, N, 1, a, N, a, N, 0, c, N);
        best = fmax(best, 2e-9 * N * N * N / (bench_now() - start));
    }
    mem_free(a);
    *out = best;
    return ERR_OK;
}

/* The same in a process of its own; 0 where the core does not run here. */
static double probe_core(const char *core, char **argv) {
    int ends[2];
    char text[64] = {0};
    if (pipe(ends) != 0) return 0;
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        setenv("OPENBLAS_CORETYPE", core, 1);
        execl("/proc/self/exe", argv[0], "--probe", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    const ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    if (child > 0) waitpid(child, NULL, 0);
    return n > 0 ? strtod(text, NULL) : 0;
}

/* Starts the program anew with the core that is named, or else with the fastest, named. */
static err choose_core(const char *core, int argc, char **argv) {
    static const char *const cores[] = {"Haswell",    "Zen",        "SkylakeX",
                                        "Cooperlake", "NEOVERSEN1", "ARMV8"};
    const char *now = getenv("OPENBLAS_CORETYPE");
    char **again = mem_zalloc((size_t)argc + 3, sizeof *again);
    double most = 0;
    if (!again) return ERR_MEMORY;
    memcpy(again, argv, (size_t)argc * sizeof *again);
    if (core && now && !strcmp(core, now)) {
        mem_free(again);
        return ERR_OK;
    }
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        const double rate = core ? 0 : probe_core(cores[i], argv);
        if (rate <= most) continue;
        most = rate;
        again[argc + 1] = (char *)(uintptr_t)cores[i];
    }
    if (!core) {
        core = again[argc + 1];
        again[argc] = (char *)(uintptr_t) "--core";
    }
    if (core && setenv("OPENBLAS_CORETYPE", core, 1) == 0) execv("/proc/self/exe", again);
    mem_free(again);
    return fail(ERR_UNSUPPORTED, "OpenBLAS does not start with any core");
}

static err run(struct bench *b, int argc, char **argv) {
    const struct products_options *o = b->options;
    const struct shape *s = shapes;
    openblas_set_num_threads((int)o->threads);
    par_set_threads(o->threads);
    if (o->probe) {
        double rate;
        TRY(probe(&rate));
        printf("%.1f\n", rate);
        return ERR_OK;
    }
    TRY(choose_core(o->core, argc, argv));
    TRY(compute_open(&b->compute, o->device));
    b->peak = fma_peak(b->compute.backend->variant);
    while (strcmp(s->name, o->shape) != 0) s++;
    if (o->json) {
        b->rows = json_array();
        TRY(run_shape(b, s));
        json_t *all =
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:O}", "shape", s->name, "variant",
                      b->compute.backend->variant, "openblas_core", openblas_get_corename(), "rows",
                      (json_int_t)o->rows, "threads", (json_int_t)o->threads, "fma_peak_gflops",
                      2e-9 * b->peak, "products", b->rows);
        if (!all) return ERR_MEMORY;
        json_dumpf(all, stdout, JSON_REAL_PRECISION(6));
        printf("\n");
        json_decref(all);
        return ERR_OK;
    }
    printf("%s, %lld rows, %lld threads: %s against OpenBLAS as %s (%s)\n", s->name,
           (long long)o->rows, (long long)o->threads, b->compute.backend->variant,
           openblas_get_corename(), openblas_get_config());
    printf("fma in registers: %.1f GFLOP/s\n", 2e-9 * b->peak);
    printf("%-10s %-15s %-4s %6s   %-6s %7s  %-21s  %s\n", "matrix", "product", "W", "out", "in",
           "GFLOP/s", "/ OpenBLAS", "/ fma");
    return run_shape(b, s);
}

static void close_run(struct bench *b) {
    release_weight(b);
    float *all[] = {b->weight, b->x, b->y, b->c, b->low_left, b->low_right};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
    if (b->rows) json_decref(b->rows);
    if (b->compute.backend) compute_close(&b->compute);
}

int main(int argc, char **argv) {
    struct products_options options = {0};
    struct arena arena = {0};
    par_start(argv);
    err e = opt_parse_args(option_table, &options, argc - 1, argv + 1, &arena);
    struct bench b = {.options = &options};
    if (e == ERR_OK) e = run(&b, argc, argv);
    close_run(&b);
    if (e) fprintf(stderr, "bench_products: %s\n", err_message());
    arena_release(&arena);
    return e ? 1 : 0;
}
