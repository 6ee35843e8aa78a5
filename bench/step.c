/* SPDX-License-Identifier: Apache-2.0
 * One training step, over and over on one batch of fixed random ids, through the real trainer:
 * time, memory, loss, and where the time goes. Every operation of the backend is timed by a table
 * of functions around the real one, so the program itself knows no clock. The product peak is
 * measured behind the steps in the same run, on the model's widest weight; the share of it that a
 * step reaches is the result. What it prints: bench/README.md.
 * Read next: bench/bench.h. */
#include "base/file.h"
#include "base/mem.h"
#include "base/par.h"
#include "bench/bench.h"
#include "bench/op_cost.h"
#include "bench/trial.h"
#include "trainer/pace.h"
#include <unistd.h>

enum { PEAK_ROUNDS = 15 };

struct step_options {
    const char *model, *method, *device;
    int64_t tokens, rows, steps, rank, threads, recompute_layers, recompute_feed_forwards;
    double bandwidth, peak;
    bool recompute_logits, each, json;
    struct opt_list set;
};

/* A backend around another one. */
struct timed {
    struct backend backend; /* first, so that a pointer to it is one to all */
    const struct backend *inner;
    int64_t text; /* tokens of a row */
    bool waits;   /* until each operation is done, or it only takes what starting it takes */
    const struct roofline *roofline;
    double seconds[OPS], in_products, in_attention,
        roofline_seconds; /* floating point operations */
    int64_t calls[OPS];
};

static struct timed *timed_of(const struct compute *c) {
    return (struct timed *)(void *)(uintptr_t)c->backend;
}

static void count(struct timed *t, enum op_number op, const void *args) {
    const struct op_cost cost = op_cost(op, args, t->inner->act_dtype, t->text);
    if (op == OP_product) t->in_products += cost.flops;
    if (op == OP_attention || op == OP_attention_backward) t->in_attention += cost.flops;
    if (t->roofline->bytes_per_s > 0) t->roofline_seconds += roofline_seconds(t->roofline, cost);
}

#define OP(name)                                                                                   \
    static err timed_##name(struct compute *c, const struct name##_args *args) {                   \
        struct timed *t = timed_of(c);                                                             \
        const double start = bench_now();                                                          \
        err e = t->inner->name(c, args);                                                           \
        if (e == ERR_OK && t->waits) e = t->inner->wait(c);                                        \
        t->seconds[OP_##name] += bench_now() - start;                                              \
        t->calls[OP_##name]++;                                                                     \
        count(t, OP_##name, args);                                                                 \
        return e;                                                                                  \
    }
#include "compute/ops.def"
#undef OP

/* Operations of a device of its own run behind the program, which waiting slows down. */
static void time_backend(struct timed *t, struct compute *c, const struct step_options *o,
                         const struct roofline *roofline) {
    *t = (struct timed){.backend = *c->backend,
                        .inner = c->backend,
                        .text = o->tokens,
                        .waits = o->each && !c->backend->host_memory,
                        .roofline = roofline};
#define OP(name) t->backend.name = timed_##name;
#include "compute/ops.def"
#undef OP
    c->backend = &t->backend;
}

#define ROW(field, ...) OPT(struct step_options, field, __VA_ARGS__)
static const struct opt option_rows[] = {
    ROW(model, .required = true, .positional = true, .value = "MODEL",
        .help = "model folder, see bench/shape"),
    ROW(method, .preset = "lora", .choices = "lora,full",
        .help = "lora: rank on the seven projections, as the peer has it"),
    ROW(device, .value = "DEVICE", .help = "a variant of the backend, as in cpu:avx2"),
    ROW(tokens, .preset = "1024", .min = 1, .max = 1 << 20, .help = "of a row"),
    ROW(rows, .preset = "1", .min = 1, .max = 1 << 16, .help = "of a step, in one forward pass"),
    ROW(steps, .preset = "3", .min = 1, .max = 1000, .help = "timed, behind one that is not"),
    ROW(rank, .preset = "16", .min = 1, .max = 4096, .help = "of LoRA"),
    ROW(threads, .preset = "2", .min = 1, .max = PAR_MAX_THREADS, .help = "CPU threads"),
    ROW(recompute_layers, .min = 0, .max = 1 << 20, .help = "layers that keep only their input"),
    ROW(recompute_feed_forwards, .min = 0, .max = 1 << 20,
        .help = "more layers that do not keep the feed-forward's activations"),
    ROW(recompute_logits, .help = "logits by blocks of the vocabulary, made twice"),
    ROW(set, .repeated = true, .value = "KEY=VALUE", .help = "a key of the recipe's train section"),
    ROW(bandwidth, .min = 0, .max = 1e18, .preset = "0", .value = "BYTES",
        .help = "a second, for the roofline of the step's operations"),
    ROW(peak, .min = 0, .max = 1e18, .preset = "0", .value = "FLOPS",
        .help = "of products, a second, for the same"),
    ROW(each, .help = "each operation is waited for, so that a GPU's times are seen"),
    ROW(json, .help = "as JSON"),
};
static const struct opt_table option_table = {option_rows,
                                              sizeof option_rows / sizeof *option_rows};

struct bench {
    const struct step_options *options;
    struct compute compute;
    struct timed timed;
    struct roofline roofline;
    struct trial trial;
    double *seconds; /* of each step */
    double first_loss, last_loss;
    int64_t n_done, anonymous_before, anonymous_most; /* bytes */
    double peak;                                      /* floating-point operations a second */
    double expected_s;                                /* of a step, by trainer/pace.h */
};

static void on_step(void *ctx, const struct train_report *report) {
    struct bench *b = ctx;
    const int64_t anonymous = bench_status_bytes("RssAnon");
    if (anonymous > b->anonymous_most) b->anonymous_most = anonymous;
    b->seconds[b->n_done++] = report->seconds;
    if (b->n_done == 1) {
        b->first_loss = report->loss;
        b->timed.in_products = b->timed.in_attention = b->timed.roofline_seconds = 0;
        memset(b->timed.seconds, 0, sizeof b->timed.seconds);
        memset(b->timed.calls, 0, sizeof b->timed.calls);
    }
    b->last_loss = report->loss;
}

static err expect(struct bench *b) {
    const double rows = (double)b->options->rows, tokens = rows * (double)b->options->tokens;
    struct pace pace;
    TRY(pace_measure(&pace, &b->trial.trainer, (int64_t)b->trial.plan.total_bytes));
    b->expected_s =
        pace_seconds(&pace, &b->trial.trainer, &(struct pace_step){rows, tokens, tokens});
    mem_trim();
    return ERR_OK;
}

static err open_run(struct bench *b, const char *dir) {
    const struct step_options *o = b->options;
    const struct trial_options options = {
        .model = o->model,
        .method = o->method,
        .tokens = o->tokens,
        .rows = o->rows,
        .steps = o->steps + 1,
        .rank = o->rank,
        .recompute = {o->recompute_layers, o->recompute_feed_forwards, o->recompute_logits},
        .sets = o->set.items,
        .n_sets = (int64_t)o->set.n,
        .ctx = b,
        .on_step = on_step};
    TRY(compute_open(&b->compute, o->device));
    b->roofline = (struct roofline){"given", o->peak, o->bandwidth};
    time_backend(&b->timed, &b->compute, o, &b->roofline);
    TRY(trial_open(&b->trial, &options, &b->compute, dir));
    b->seconds = arena_alloc(&b->trial.arena, (size_t)(o->steps + 1), sizeof *b->seconds);
    if (!b->seconds) return ERR_MEMORY;
    TRY(expect(b));
    b->anonymous_before = bench_status_bytes("RssAnon");
    TRY(plan_allocate(&b->trial.plan, &b->compute));
    return trainer_start(&b->trial.trainer, &b->trial.plan);
}

/* The widest projection of the first layer, forward, on the batch's number of rows; not among what
 * is timed of the steps. */
static err multiply(struct bench *b, const struct projection *p, int64_t n, void *x, void *y) {
    struct compute *c = &(struct compute){.backend = b->timed.inner, .state = b->compute.state};
    const double flops = 2 * (double)n * (double)p->in * (double)p->out;
    for (int round = 0; round < PEAK_ROUNDS; round++) {
        const double start = bench_now();
        TRY(c->backend->product(
            c, &(struct product_args){.m = n,
                                      .n = p->out,
                                      .k = p->in,
                                      .a = {x, c->backend->act_dtype, p->in, 1},
                                      .b = {p->weight.data, p->weight.dtype, p->weight.col_stride,
                                            p->weight.row_stride},
                                      .c = y,
                                      .c_stride = p->out}));
        TRY(c->backend->wait(c));
        const double rate = flops / (bench_now() - start);
        if (rate > b->peak) b->peak = rate;
    }
    return ERR_OK;
}

static err measure_peak(struct bench *b) {
    const struct projection *p = model_projection(&b->trial.model, "model.layers.0.mlp.up_proj");
    const int64_t n = b->options->rows * b->options->tokens;
    const enum dtype act = b->compute.backend->act_dtype;
    const size_t x_bytes = (size_t)(n * p->in * dtype_bytes(act)),
                 y_bytes = (size_t)(n * p->out * dtype_bytes(act));
    struct compute *c = &b->compute;
    void *x = NULL, *y = NULL;
    float *values = mem_alloc((size_t)(n * p->in), sizeof *values);
    void *stored = mem_alloc(x_bytes, 1);
    err e = values && stored ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < n * p->in && !e; i++) values[i] = (float)(i % 251) / 251;
    if (!e) dtype_from_f32(values, n * p->in, act, stored);
    if (!e) e = c->backend->alloc(c, x_bytes, &x);
    if (!e) e = c->backend->alloc(c, y_bytes, &y);
    if (!e) e = c->backend->upload(c, x, stored, x_bytes);
    if (!e) e = multiply(b, p, n, x, y);
    if (x) c->backend->free(c, x);
    if (y) c->backend->free(c, y);
    mem_free(stored);
    mem_free(values);
    return e;
}

/* ---- results ---- */

struct result {
    double step_s, products_s, tokens_s, share, rate, with_attention, roofline_s;
    double anonymous_mib, planned_mib, peak_mib;
};

static struct result result_of(const struct bench *b) {
    const double MIB = 1048576.0, steps = (double)b->options->steps;
    double sum = 0;
    for (int64_t i = 1; i <= b->options->steps; i++) sum += b->seconds[i];
    struct result r = {.step_s = bench_median(b->seconds + 1, b->options->steps)};
    r.tokens_s = (double)(b->options->rows * b->options->tokens) / r.step_s;
    r.products_s = b->timed.seconds[OP_product] / steps;
    r.share = r.products_s * steps / sum;
    r.rate = b->timed.in_products / sum;
    r.with_attention = (b->timed.in_products + b->timed.in_attention) / sum;
    r.roofline_s = b->timed.roofline_seconds / steps;
    r.anonymous_mib = (double)(b->anonymous_most - b->anonymous_before) / MIB;
    r.planned_mib = (double)b->trial.plan.total_bytes / MIB;
    r.peak_mib = (double)bench_status_bytes("VmHWM") / MIB;
    return r;
}

static err print_json(const struct bench *b, const struct result *r) {
    json_t
        *ops = json_object(),
        *all = json_pack(
            "{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:[f, f]}",
            "method", b->options->method, "tokens",
            (json_int_t)(b->options->rows * b->options->tokens), "threads",
            (json_int_t)par_threads(), "seconds", r->step_s, "predicted_seconds", b->expected_s,
            "roofline_seconds", r->roofline_s, "tokens_per_s", r->tokens_s, "in_products", r->share,
            "gflops", 1e-9 * r->with_attention, "peak_gflops", 1e-9 * b->peak, "of_peak",
            r->with_attention / b->peak, "of_peak_without_attention", r->rate / b->peak,
            "planned_mib", r->planned_mib, "anonymous_mib", r->anonymous_mib, "peak_mib",
            r->peak_mib, "loss", b->first_loss, b->last_loss);
    err e = ops && all ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    for (int i = 0; i < OPS && !e; i++)
        if (b->timed.calls[i])
            e = json_put(ops, op_names[i],
                         json_real(b->timed.seconds[i] / (double)b->options->steps));
    if (!e) e = json_put(all, "seconds_of", json_incref(ops));
    if (!e) {
        json_dumpf(all, stdout, JSON_REAL_PRECISION(6));
        printf("\n");
    }
    json_decref(all);
    json_decref(ops);
    return e;
}

static void print_table(const struct bench *b, const struct result *r) {
    const double steps = (double)b->options->steps;
    printf("a step                 %.3f s, %.1f tokens/s (median of %lld; %d threads, %s)\n",
           r->step_s, r->tokens_s, (long long)b->options->steps, par_threads(),
           b->compute.backend->variant);
    printf("predicted / actual     %.3f  (%.3f s)\n", b->expected_s / r->step_s, b->expected_s);
    if (r->roofline_s > 0)
        printf("roofline / actual      %.3f  (%.4f s)\n", r->roofline_s / r->step_s, r->roofline_s);
    printf("in products            %.3f of the time\n", r->share);
    printf("step / product peak    %.3f  (%.1f of %.1f GFLOP/s; %.3f without attention's own)\n",
           r->with_attention / b->peak, 1e-9 * r->with_attention, 1e-9 * b->peak,
           r->rate / b->peak);
    printf("anonymous / planned    %.3f  (%.1f of %.1f MiB)\n", r->anonymous_mib / r->planned_mib,
           r->anonymous_mib, r->planned_mib);
    printf("peak resident          %.1f MiB\n", r->peak_mib);
    printf("loss                   %.4f, then %.4f\n", b->first_loss, b->last_loss);
    for (int i = 0; i < OPS; i++)
        if (b->timed.calls[i])
            printf("  %-20s %9.2f ms in %lld calls\n", op_names[i],
                   1e3 * b->timed.seconds[i] / steps,
                   (long long)((double)b->timed.calls[i] / steps));
}

static err run(struct bench *b, const char *dir) {
    TRY(open_run(b, dir));
    struct train_result trained;
    TRY(trainer_run(&b->trial.trainer, &trained));
    TRY(measure_peak(b));
    const struct result r = result_of(b);
    if (b->options->json) return print_json(b, &r);
    print_table(b, &r);
    return ERR_OK;
}

static void close_run(struct bench *b) {
    trial_close(&b->trial);
    if (!b->compute.backend) return;
    b->compute.backend = b->timed.inner;
    compute_close(&b->compute);
}

int main(int argc, char **argv) {
    struct step_options options = {0};
    struct arena arena = {0};
    struct bench b = {.options = &options};
    char dir[] = "/tmp/bench_step.XXXXXX";
    par_start(argv);
    err e = opt_parse_args(option_table, &options, argc - 1, argv + 1, &arena);
    if (e == ERR_OK && !mkdtemp(dir)) e = fail(ERR_IO, "no folder in /tmp");
    if (e == ERR_OK) {
        par_set_threads(options.threads);
        e = run(&b, dir);
        close_run(&b);
        err removed = dir_remove(dir);
        if (e == ERR_OK) e = removed;
    }
    if (e) fprintf(stderr, "bench_step: %s\n", err_message());
    arena_release(&arena);
    return e ? 1 : 0;
}
