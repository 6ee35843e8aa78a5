/* SPDX-License-Identifier: Apache-2.0
 * The GPU against its roofline: every hot operation at a model's own sizes, a layer forward and
 * backward, each as predicted time over measured time. The roofline is measured in the same run, by
 * one large copy and one large product. `--predict` needs no GPU: it prints what a given one should
 * take, and counts whole training steps on paper.
 * Only the backend's table is used, so the same program runs on every device (small sizes, then).
 * What it prints: bench/README.md. Read next: bench/gpu_work.h, bench/gpu_step.h. */
#include "base/par.h"
#include "bench/bench.h"
#include "bench/gpu_step.h"
#include "bench/gpu_work.h"
#include "model/preset.h"

/* Products of bf16 with fp32 sums without sparsity, and memory, by the makers' data sheets. */
static const struct roofline gpus[] = {{"h100", 989e12, 3.35e12},
                                       {"h200", 989e12, 4.8e12},
                                       {"a100", 312e12, 2.0e12},
                                       {"b200", 2250e12, 8.0e12}};
enum { N_GPUS = sizeof gpus / sizeof *gpus, MAX_LENGTHS = 8 };

struct gpu_options {
    const char *device, *gpu, *config, *preset;
    int64_t layers, copy_bytes, product, rounds, round_ms;
    struct opt_list tokens;
    bool predict, json;
};

#define ROW(field, ...) OPT(struct gpu_options, field, __VA_ARGS__)
static const struct opt option_rows[] = {
    ROW(device, .preset = "cuda:bf16", .value = "DEVICE", .help = "what is measured"),
    ROW(predict, .help = "measures nothing: what --gpu should take, and steps on paper"),
    ROW(gpu, .preset = "h100", .choices = "h100,h200,a100,b200", .help = "of --predict"),
    ROW(preset, .preset = "yuan2-2b", .value = "NAME", .help = "a published shape"),
    ROW(config, .value = "FILE", .help = "another shape, a config.json"),
    ROW(layers, .min = 1, .max = 4096, .help = "another number of layers than the shape's"),
    ROW(tokens, .repeated = true, .value = "N", .help = "of a row; 4096 and 8192"),
    ROW(copy_bytes, .size = true, .preset = "1GiB", .min = 4096, .max = 1e12,
        .help = "that the large copy reads and writes; operands stay out of the L2 cache by a "
                "quarter of it"),
    ROW(product, .preset = "8192", .min = 16, .max = 65536, .help = "size of the large product"),
    ROW(rounds, .preset = "5", .min = 1, .max = 1000, .help = "of which the median is taken"),
    ROW(round_ms, .preset = "20", .min = 0, .max = 10000,
        .help = "calls follow each other so long"),
    ROW(json, .help = "as JSON"),
};
static const struct opt_table option_table = {option_rows,
                                              sizeof option_rows / sizeof *option_rows};

struct bench {
    struct gpu_options options;
    struct arena arena;
    struct compute compute;
    struct model_config config;
    struct roofline roofline;
    int64_t lengths[MAX_LENGTHS];
    int n_lengths, n_failed;
    struct work_list list;
    double seconds[WORK_MAX]; /* of a call; 0: not measured */
    double pass[2];           /* of a layer forward and backward, its calls one after the other */
    json_t *out;
};

/* ---- time ---- */

/* Calls that follow each other without a wait between them. */
static err run_calls(struct bench *b, const struct work *w, int64_t n, double *seconds) {
    struct compute *c = &b->compute;
    const double start = bench_now();
    for (int64_t i = 0; i < n; i++) TRY(work_call(c, w, i));
    TRY(c->backend->wait(c));
    *seconds = (bench_now() - start) / (double)n;
    return ERR_OK;
}

/* Median of the rounds, each long enough that the first call's start does not count. */
static err measure(struct bench *b, const struct work *w, double *out) {
    double rounds[1000], once;
    TRY(run_calls(b, w, w->n_sets, &once)); /* the first calls of a kernel load it */
    TRY(run_calls(b, w, 1, &once));
    const double wanted = 1e-3 * (double)b->options.round_ms / (once > 1e-7 ? once : 1e-7);
    const int64_t n = wanted < 1 ? 1 : wanted > 2000 ? 2000 : (int64_t)wanted;
    for (int64_t r = 0; r < b->options.rounds; r++) TRY(run_calls(b, w, n, &rounds[r]));
    *out = bench_median(rounds, b->options.rounds);
    return ERR_OK;
}

static err measure_alone(struct bench *b, struct work *w, double *out) {
    *out = 0;
    err e = work_place(&b->compute, w, b->list.act, (double)b->options.copy_bytes / 4);
    if (!e) e = measure(b, w, out);
    work_release(&b->compute, w);
    return e;
}

/* A copy is the operation that reads and writes once. */
static err measure_roofline(struct bench *b) {
    const enum dtype act = b->compute.backend->act_dtype;
    const int64_t size = b->options.product;
    double seconds;
    b->list = (struct work_list){.act = act};
    struct work_list *l = &b->list;
    const struct scale_args copy = {.n = b->options.copy_bytes / 2 / dtype_bytes(act), .s = 1};
    work_push(l, WORK_HEAD, 1, "copy", OP_scale, &copy, sizeof copy);
    const struct product_args product = {.m = size,
                                         .n = size,
                                         .k = size,
                                         .a = {NULL, act, size, 1},
                                         .b = {NULL, act, 1, size},
                                         .c_stride = size};
    work_push(l, WORK_HEAD, 1, "product", OP_product, &product, sizeof product);
    TRY(measure_alone(b, &l->rows[0], &seconds));
    b->roofline.bytes_per_s = l->rows[0].cost.bytes / seconds;
    TRY(measure_alone(b, &l->rows[1], &seconds));
    b->roofline.flops_per_s = l->rows[1].cost.flops / seconds;
    b->roofline.name = "measured";
    return ERR_OK;
}

/* All calls of a layer's pass in turn. Each row's memory is its own; what matters is that nothing
 * is waited for in between. */
static err run_pass(struct bench *b, enum work_group group, double *out) {
    struct work_list *l = &b->list;
    double rounds[1000];
    for (int64_t r = -1; r < b->options.rounds; r++) { /* the first is not counted */
        const double start = bench_now();
        for (int i = 0; i < l->n; i++)
            for (int t = 0; t < l->rows[i].times && l->rows[i].group == group; t++)
                TRY(work_call(&b->compute, &l->rows[i], t));
        TRY(b->compute.backend->wait(&b->compute));
        if (r >= 0) rounds[r] = bench_now() - start;
    }
    *out = bench_median(rounds, b->options.rounds);
    return ERR_OK;
}

static err measure_pass(struct bench *b, enum work_group group, double *out) {
    struct work_list *l = &b->list;
    err e = ERR_OK;
    *out = 0;
    for (int i = 0; i < l->n && !e; i++) {
        if (l->rows[i].group != group) continue;
        e = work_place(&b->compute, &l->rows[i], l->act, 0);
    }
    if (!e) e = run_pass(b, group, out);
    for (int i = 0; i < l->n; i++) work_release(&b->compute, &l->rows[i]);
    return e;
}

/* What fails is said and counted, and the rest goes on. */
static void measure_all(struct bench *b) {
    for (int i = 0; i < b->list.n; i++) {
        if (measure_alone(b, &b->list.rows[i], &b->seconds[i]) == ERR_OK) continue;
        fprintf(stderr, "bench_gpu: %s: %s\n", b->list.rows[i].name, err_message());
        b->seconds[i] = 0;
        b->n_failed++;
    }
    for (int g = 0; g < 2; g++) {
        if (measure_pass(b, g ? WORK_BACKWARD : WORK_FORWARD, &b->pass[g]) == ERR_OK) continue;
        fprintf(stderr, "bench_gpu: %s: %s\n", work_group_names[g], err_message());
        b->n_failed++;
    }
}

/* ---- results ---- */

static err row_json(const struct bench *b, int i, json_t *rows) {
    const struct work *w = &b->list.rows[i];
    const double predicted = roofline_seconds(&b->roofline, w->cost), s = b->seconds[i];
    return json_push(rows,
                     json_pack("{s:s, s:s, s:s, s:i, s:I, s:f, s:f, s:f, s:f, s:f}", "name",
                               w->name, "group", work_group_names[w->group], "op", op_names[w->op],
                               "times", w->times, "tokens", (json_int_t)b->list.tokens, "bytes",
                               w->cost.bytes, "flops", w->cost.flops, "predicted_us",
                               1e6 * predicted, "us", 1e6 * s, "ratio", s > 0 ? predicted / s : 0));
}

static double predicted_pass(const struct bench *b, enum work_group group) {
    double sum = 0;
    for (int i = 0; i < b->list.n; i++)
        if (b->list.rows[i].group == group)
            sum += b->list.rows[i].times * roofline_seconds(&b->roofline, b->list.rows[i].cost);
    return sum;
}

static err pass_json(const struct bench *b, int g, json_t *rows) {
    const double predicted = predicted_pass(b, g ? WORK_BACKWARD : WORK_FORWARD), s = b->pass[g];
    return json_push(rows,
                     json_pack("{s:s, s:I, s:f, s:f, s:f}", "name", work_group_names[g], "tokens",
                               (json_int_t)b->list.tokens, "predicted_us", 1e6 * predicted, "us",
                               1e6 * s, "ratio", s > 0 ? predicted / s : 0));
}

static err list_json(struct bench *b) {
    json_t *rows = json_object_get(b->out, "operations"),
           *passes = json_object_get(b->out, "layers");
    for (int i = 0; i < b->list.n; i++) TRY(row_json(b, i, rows));
    for (int g = 0; g < 2; g++) TRY(pass_json(b, g, passes));
    return ERR_OK;
}

static void print_time(double predicted, double seconds) {
    printf("%10.1f", 1e6 * predicted);
    if (seconds > 0) printf("%10.1f  %6.2f", 1e6 * seconds, predicted / seconds);
    printf("\n");
}

static void print_row(const struct bench *b, int i) {
    const struct work *w = &b->list.rows[i];
    printf("  %-26s %3d %8.1f %8.1f %7.1f", w->name, w->times, 1e-6 * w->cost.bytes,
           1e-9 * w->cost.flops, w->cost.flops / (w->cost.bytes > 0 ? w->cost.bytes : 1));
    print_time(roofline_seconds(&b->roofline, w->cost), b->seconds[i]);
}

static void print_list(const struct bench *b) {
    const struct work_list *l = &b->list;
    const bool measured = !b->options.predict;
    printf("\n%lld tokens                       x       MB    GFLOP  FLOP/B  %s us%s\n",
           (long long)l->tokens, b->roofline.name, measured ? "        us   ratio" : "");
    for (int g = 0; g < WORK_GROUPS; g++) {
        printf("%s\n", work_group_names[g]);
        for (int i = 0; i < l->n; i++)
            if (l->rows[i].group == (enum work_group)g) print_row(b, i);
    }
    for (int g = 0; g < 2; g++) {
        printf("%-56s", work_group_names[g]);
        print_time(predicted_pass(b, g ? WORK_BACKWARD : WORK_FORWARD), b->pass[g]);
    }
}

/* ---- whole steps on paper ---- */

static double step_seconds(const struct counted_step *s, struct op_cost *products,
                           struct op_cost *attention, struct op_cost *rest, int64_t *calls) {
    double seconds = s->paper.zeroing_s;
    rest->bytes = s->paper.zeroed_bytes;
    for (int op = 0; op < OPS; op++) {
        struct op_cost *to = op == OP_product                                    ? products
                             : op == OP_attention || op == OP_attention_backward ? attention
                                                                                 : rest;
        to->bytes += s->paper.cost[op].bytes;
        to->flops += s->paper.cost[op].flops;
        rest->bytes += s->paper.cost[op].decoded;
        seconds += s->paper.seconds[op];
        *calls += s->paper.calls[op];
    }
    return seconds;
}

static err show_step(struct bench *b, const struct counted_step *s, int64_t tokens) {
    struct op_cost products = {0}, attention = {0}, rest = {0};
    int64_t calls = 0;
    const double seconds = step_seconds(s, &products, &attention, &rest, &calls);
    if (!b->options.json) {
        printf("%-34s %7.2f %7.2f %8.1f %7lld %8.2f %10.0f %8.1f\n", s->name,
               1e-12 * products.flops, 1e-12 * attention.flops, 1e-9 * rest.bytes, (long long)calls,
               1e3 * seconds, (double)tokens / seconds, s->plan_bytes / 1073741824.0);
        return ERR_OK;
    }
    return json_push(json_object_get(b->out, "steps"),
                     json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:I, s:f, s:f}", "name", s->name,
                               "tokens", (json_int_t)tokens, "product_flops", products.flops,
                               "attention_flops", attention.flops, "other_bytes", rest.bytes,
                               "product_bytes", products.bytes, "operations", (json_int_t)calls,
                               "predicted_seconds", seconds, "planned_bytes", s->plan_bytes));
}

static err count_steps(struct bench *b, const char *model) {
    struct counted_step steps[] = {
        {.name = "LoRA", .method = "lora"},
        {.name = "LoRA, layers made again", .method = "lora", .recompute = {.layers = 1 << 20}},
        {.name = "QLoRA (NF4)", .method = "lora", .sets = {"weight_dtype=nf4"}, .n_sets = 1},
        {.name = "full, fp32 weights and states", .method = "full"},
        {.name = "full, bf16 weights, 8-bit states",
         .method = "full",
         .sets = {"trained_weight_dtype=bf16", "optimizer=adamw_8bit", "gradient_dtype=bf16"},
         .n_sets = 3},
    };
    for (int n = 0; n < b->n_lengths; n++) {
        if (!b->options.json)
            printf("\na step of %-5lld tokens               product  attent.   others   calls"
                   "       ms   tokens/s  planned\n"
                   "                                    TFLOP   TFLOP       GB                   "
                   "               GiB\n",
                   (long long)b->lengths[n]);
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            err e = step_count(&steps[i], model, b->lengths[n], &b->roofline);
            if (e == ERR_OK)
                e = show_step(b, &steps[i], b->lengths[n]);
            else if (e == ERR_UNSUPPORTED && !b->options.json)
                printf("%-34s %s\n", steps[i].name, err_message());
            if (e && e != ERR_UNSUPPORTED) return fail_in(e, "%s", steps[i].name);
        }
    }
    return ERR_OK;
}

static err predict_steps(struct bench *b) {
    char dir[] = "/tmp/bench_gpu.XXXXXX";
    if (!mkdtemp(dir)) return fail(ERR_IO, "no folder in /tmp");
    err e = step_write_model(&b->config, dir);
    if (!e) e = count_steps(b, dir);
    err removed = dir_remove(dir);
    return e ? e : removed;
}

/* ---- the run ---- */

static err read_shape(struct bench *b) {
    const struct preset *preset;
    json_t *shape;
    if (b->options.config) {
        TRY(json_parse_file(b->options.config, &shape));
    } else {
        TRY(preset_find(b->options.preset, &preset));
        TRY(preset_json(preset, &shape));
    }
    err e = b->options.layers
                ? json_put(shape, "num_hidden_layers", json_integer(b->options.layers))
                : ERR_OK;
    if (!e) e = model_config_parse(&b->config, shape);
    json_decref(shape);
    return e;
}

static err read_lengths(struct bench *b) {
    const struct opt_list *given = &b->options.tokens;
    static const int64_t usual[] = {4096, 8192};
    if (given->n > MAX_LENGTHS) return fail(ERR_USAGE, "at most %d --tokens", MAX_LENGTHS);
    b->n_lengths = given->n ? (int)given->n : 2;
    for (int i = 0; i < b->n_lengths; i++) {
        b->lengths[i] = given->n ? strtoll(given->items[i], NULL, 10) : usual[i];
        if (b->lengths[i] < 1 || b->lengths[i] > b->config.max_positions)
            return fail(ERR_USAGE, "--tokens '%s' is not 1 to %lld", given->items[i],
                        (long long)b->config.max_positions);
    }
    return ERR_OK;
}

static err open_roofline(struct bench *b) {
    if (!b->options.predict) {
        TRY(compute_open(&b->compute, b->options.device));
        TRY(measure_roofline(b));
    }
    for (int i = 0; i < N_GPUS && b->options.predict; i++)
        if (strcmp(gpus[i].name, b->options.gpu) == 0) b->roofline = gpus[i];
    b->out = json_pack("{s:s, s:f, s:f, s:[], s:[], s:[]}", "roofline", b->roofline.name,
                       "flops_per_s", b->roofline.flops_per_s, "bytes_per_s",
                       b->roofline.bytes_per_s, "operations", "layers", "steps");
    if (!b->out) return fail(ERR_MEMORY, "out of memory");
    if (!b->options.json)
        printf("roofline (%s): %.1f TFLOP/s, %.1f GB/s\n", b->roofline.name,
               1e-12 * b->roofline.flops_per_s, 1e-9 * b->roofline.bytes_per_s);
    return ERR_OK;
}

static err run(struct bench *b) {
    TRY(read_shape(b));
    TRY(read_lengths(b));
    TRY(open_roofline(b));
    for (int n = 0; n < b->n_lengths; n++) {
        work_make(&b->list, &b->config, b->lengths[n], DTYPE_BF16);
        if (b->compute.backend)
            work_make(&b->list, &b->config, b->lengths[n], b->compute.backend->act_dtype);
        memset(b->seconds, 0, sizeof b->seconds);
        b->pass[0] = b->pass[1] = 0;
        if (!b->options.predict) measure_all(b);
        if (b->options.json)
            TRY(list_json(b));
        else
            print_list(b);
    }
    if (b->options.predict) TRY(predict_steps(b));
    if (!b->options.json) return ERR_OK;
    json_dumpf(b->out, stdout, JSON_REAL_PRECISION(6));
    printf("\n");
    return ERR_OK;
}

int main(int argc, char **argv) {
    static struct bench b; /* its table of operations is large */
    par_start(argv);
    err e = opt_parse_args(option_table, &b.options, argc - 1, argv + 1, &b.arena);
    if (e == ERR_OK) e = run(&b);
    if (e) fprintf(stderr, "bench_gpu: %s\n", err_message());
    if (b.compute.backend) compute_close(&b.compute);
    json_decref(b.out);
    model_config_release(&b.config);
    arena_release(&b.arena);
    return e || b.n_failed ? 1 : 0;
}
