/* SPDX-License-Identifier: Apache-2.0
 * One training step, over and over on one batch of fixed random ids, through the real trainer:
 * time, memory, loss, and where the time goes. Every operation of the backend is timed by a table
 * of functions around the real one, so the program itself knows no clock. The product peak is
 * measured behind the steps in the same run, on the model's widest weight; the share of it that a
 * step reaches is the result. What it prints: bench/README.md.
 * Read next: bench/bench.h. */
#include "adapters/adapter.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/par.h"
#include "base/str.h"
#include "bench/bench.h"
#include "compute/ops/attention.h"
#include "compute/ops/product.h"
#include "trainer/pace.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPS = 0
#define OP(name) +1
#include "compute/ops.def"
#undef OP
};
static const char *const op_names[] = {
#define OP(name) #name,
#include "compute/ops.def"
#undef OP
};
enum op_number {
#define OP(name) OP_##name,
#include "compute/ops.def"
#undef OP
};

enum { PEAK_ROUNDS = 15 };

/* A backend around another one. */
struct timed {
    struct backend backend; /* first, so that a pointer to it is one to all */
    const struct backend *inner;
    double seconds[OPS], multiplications, in_attention;
    int64_t calls[OPS];
};

static struct timed *timed_of(const struct compute *c) {
    return (struct timed *)(void *)(uintptr_t)c->backend;
}

static void count_product(struct timed *t, const void *args) {
    const struct product_args *p = args;
    t->multiplications += (double)p->m * (double)p->n * (double)(p->k + p->more_k);
}

/* Attention's products, of seen pairs alone: scores and sums forward; scores, d values, d scores,
 * d queries and d keys backward. */
static void count_attention(struct timed *t, const struct attention_args *a, int products) {
    double pairs = 0;
    for (int64_t i = 0; i < a->n_q; i++)
        pairs += (double)((a->last ? a->last[i] : i) - a->first[i] + 1);
    t->in_attention += pairs * (double)(a->h * a->d) * products;
}

static void count(struct timed *t, enum op_number op, const void *args) {
    if (op == OP_product) count_product(t, args);
    if (op == OP_attention) count_attention(t, args, 2);
    if (op == OP_attention_backward)
        count_attention(t, &((const struct attention_backward_args *)args)->forward, 5);
}

#define OP(name)                                                                                   \
    static err timed_##name(struct compute *c, const struct name##_args *args) {                   \
        struct timed *t = timed_of(c);                                                             \
        const double start = bench_now();                                                          \
        err e = t->inner->name(c, args);                                                           \
        t->seconds[OP_##name] += bench_now() - start;                                              \
        t->calls[OP_##name]++;                                                                     \
        count(t, OP_##name, args);                                                                 \
        return e;                                                                                  \
    }
#include "compute/ops.def"
#undef OP

static void time_backend(struct timed *t, struct compute *c) {
    *t = (struct timed){.backend = *c->backend, .inner = c->backend};
#define OP(name) t->backend.name = timed_##name;
#include "compute/ops.def"
#undef OP
    c->backend = &t->backend;
}

struct step_options {
    const char *model, *method, *device;
    int64_t tokens, rows, steps, rank, threads, recompute_layers, recompute_feed_forwards;
    bool recompute_logits, json;
    struct opt_list set;
};

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
    ROW(json, .help = "as JSON"),
};
static const struct opt_table option_table = {option_rows,
                                              sizeof option_rows / sizeof *option_rows};

struct bench {
    const struct step_options *options;
    struct arena arena;
    struct compute compute;
    struct timed timed;
    struct model model;
    struct adapter *adapter;
    struct plan plan;
    struct trainer trainer;
    struct train_options train;
    struct adapter_options lora;
    struct train_source source;
    struct train_row *rows;
    double *seconds; /* of each step */
    double first_loss, last_loss;
    int64_t n_done, anonymous_before, anonymous_most; /* bytes */
    double peak;                                      /* multiplications a second */
    double expected_s;                                /* of a step, by trainer/pace.h */
};

/* ---- what the trainer asks for ---- */

static err source_rows(void *ctx, int64_t step, const struct train_row **out, int64_t *out_n) {
    const struct bench *b = ctx;
    (void)step;
    *out = b->rows;
    *out_n = b->options->rows;
    return ERR_OK;
}

static err source_describe(void *ctx, int64_t step, struct str *out) {
    (void)ctx;
    (void)step;
    return str_add(out, "fixed random ids");
}

static void on_step(void *ctx, const struct train_report *report) {
    struct bench *b = ctx;
    const int64_t anonymous = bench_status_bytes("RssAnon");
    if (anonymous > b->anonymous_most) b->anonymous_most = anonymous;
    b->seconds[b->n_done++] = report->seconds;
    if (b->n_done == 1) {
        b->first_loss = report->loss;
        b->timed.multiplications = b->timed.in_attention = 0;
        memset(b->timed.seconds, 0, sizeof b->timed.seconds);
        memset(b->timed.calls, 0, sizeof b->timed.calls);
    }
    b->last_loss = report->loss;
}

static err make_rows(struct bench *b) {
    const struct step_options *o = b->options;
    const int64_t V = b->model.config.vocab_size, n = o->tokens;
    b->rows = arena_alloc(&b->arena, (size_t)o->rows, sizeof *b->rows);
    int32_t *ids = arena_alloc(&b->arena, (size_t)(o->rows * (n + 1)), sizeof *ids);
    if (!b->rows || !ids) return ERR_MEMORY;
    for (int64_t i = 0; i < o->rows * (n + 1); i++) ids[i] = (int32_t)(i * 7919 % V);
    for (int64_t r = 0; r < o->rows; r++)
        b->rows[r] = (struct train_row){n, ids + r * (n + 1), ids + r * (n + 1) + 1, NULL};
    static const char digest[] = "0000000000000000000000000000000000000000000000000000000000000000";
    b->source = (struct train_source){.ctx = b,
                                      .n_steps = o->steps + 1,
                                      .steps_per_epoch = o->steps + 1,
                                      .max_row_tokens = n,
                                      .max_rows = o->rows,
                                      .digest = digest,
                                      .eod = b->model.config.eod,
                                      .rows = source_rows,
                                      .describe = source_describe};
    b->seconds = arena_alloc(&b->arena, (size_t)(o->steps + 1), sizeof *b->seconds);
    return b->seconds ? ERR_OK : ERR_MEMORY;
}

/* The peer's settings, then the command line's. */
static err make_options(struct bench *b) {
    const struct step_options *o = b->options;
    const struct opt_table table = train_options_table();
    TRY(opt_presets(table, &b->train, &b->arena));
    TRY(opt_presets(adapter_options_table(), &b->lora, &b->arena));
    b->train.micro_batch_size = o->rows;
    b->train.lr_scheduler = "constant";
    b->train.weight_decay = 0.1;
    b->train.adam_beta2 = 0.95;
    b->train.save_steps = 0;
    for (int64_t i = 0; i < o->set.n; i++) {
        const char *text = o->set.items[i], *equals = strchr(text, '=');
        if (!equals) return fail(ERR_USAGE, "--set '%s' is not KEY=VALUE", text);
        const char *key = arena_printf(&b->arena, "%.*s", (int)(equals - text), text);
        if (!key) return ERR_MEMORY;
        const struct opt *row = opt_find(table, key, NULL);
        if (!row) return fail(ERR_USAGE, "--set: 'train' has no key '%s'", key);
        TRY(opt_set(row, &b->train, equals + 1, &b->arena));
    }
    b->lora.r = o->rank;
    b->lora.lora_alpha = 2 * (double)o->rank;
    b->lora.lora_dropout = 0;
    static const char *linear[] = {"linear"};
    b->lora.target_modules = (struct opt_list){linear, 1};
    return ERR_OK;
}

static err expect(struct bench *b) {
    const double rows = (double)b->options->rows, tokens = rows * (double)b->options->tokens;
    struct pace pace;
    TRY(pace_measure(&pace, &b->trainer, (int64_t)b->plan.total_bytes));
    b->expected_s = pace_seconds(&pace, &b->trainer, &(struct pace_step){rows, tokens, tokens});
    mem_trim();
    return ERR_OK;
}

static err open_run(struct bench *b, const char *dir) {
    TRY(compute_open(&b->compute, b->options->device));
    time_backend(&b->timed, &b->compute);
    TRY(model_open(&b->model, b->options->model, &b->compute));
    TRY(make_options(b));
    TRY(make_rows(b));
    if (!strcmp(b->options->method, "lora")) TRY(adapter_new(&b->adapter, &b->model, &b->lora, 1));
    const struct train_run run = {.compute = &b->compute,
                                  .model = &b->model,
                                  .adapter = b->adapter,
                                  .options = &b->train,
                                  .source = &b->source,
                                  .dir = dir,
                                  .base_name = "bench",
                                  .base_digest = b->source.digest,
                                  .ctx = b,
                                  .on_step = on_step};
    TRY(trainer_init(&b->trainer, &run));
    b->trainer.recompute =
        (struct recompute){b->options->recompute_layers, b->options->recompute_feed_forwards,
                           b->options->recompute_logits};
    TRY(trainer_plan(&b->trainer, &b->plan));
    TRY(expect(b));
    b->anonymous_before = bench_status_bytes("RssAnon");
    TRY(plan_allocate(&b->plan, &b->compute));
    return trainer_start(&b->trainer, &b->plan);
}

/* The widest projection of the first layer, forward, on the batch's number of rows. */
static err measure_peak(struct bench *b) {
    const struct projection *p = model_projection(&b->model, "model.layers.0.mlp.up_proj");
    const int64_t n = b->options->rows * b->options->tokens;
    struct compute *c = &b->compute;
    float *x = mem_zalloc((size_t)(n * p->in), sizeof *x),
          *y = mem_zalloc((size_t)(n * p->out), sizeof *y);
    err e = x && y ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < n * p->in && !e; i++) x[i] = (float)(i % 251) / 251;
    for (int round = 0; round < PEAK_ROUNDS && !e; round++) {
        const double start = bench_now();
        e = c->backend->product(
            c, &(struct product_args){.m = n,
                                      .n = p->out,
                                      .k = p->in,
                                      .a = {x, c->backend->act_dtype, p->in, 1},
                                      .b = {p->weight.data, p->weight.dtype, p->weight.col_stride,
                                            p->weight.row_stride},
                                      .c = y,
                                      .c_stride = p->out});
        const double rate = (double)n * (double)p->in * (double)p->out / (bench_now() - start);
        if (rate > b->peak) b->peak = rate;
    }
    mem_free(x);
    mem_free(y);
    return e;
}

/* ---- results ---- */

struct result {
    double step_s, products_s, tokens_s, share, rate, with_attention;
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
    r.rate = b->timed.multiplications / sum;
    r.with_attention = (b->timed.multiplications + b->timed.in_attention) / sum;
    r.anonymous_mib = (double)(b->anonymous_most - b->anonymous_before) / MIB;
    r.planned_mib = (double)b->plan.total_bytes / MIB;
    r.peak_mib = (double)bench_status_bytes("VmHWM") / MIB;
    return r;
}

static err print_json(const struct bench *b, const struct result *r) {
    json_t *ops = json_object(),
           *all = json_pack(
               "{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:[f, f]}",
               "method", b->options->method, "tokens",
               (json_int_t)(b->options->rows * b->options->tokens), "threads",
               (json_int_t)par_threads(), "seconds", r->step_s, "predicted_seconds", b->expected_s,
               "tokens_per_s", r->tokens_s, "in_products", r->share, "gflops",
               2e-9 * r->with_attention, "peak_gflops", 2e-9 * b->peak, "of_peak",
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
    printf("in products            %.3f of the time\n", r->share);
    printf("step / product peak    %.3f  (%.1f of %.1f GFLOP/s; %.3f without attention's own)\n",
           r->with_attention / b->peak, 2e-9 * r->with_attention, 2e-9 * b->peak,
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
    TRY(trainer_run(&b->trainer, &trained));
    TRY(measure_peak(b));
    const struct result r = result_of(b);
    if (b->options->json) return print_json(b, &r);
    print_table(b, &r);
    return ERR_OK;
}

static void close_run(struct bench *b) {
    trainer_release(&b->trainer);
    adapter_free(b->adapter);
    model_close(&b->model);
    plan_release(&b->plan);
    if (b->compute.backend) {
        b->compute.backend = b->timed.inner;
        compute_close(&b->compute);
    }
    arena_release(&b->arena);
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
