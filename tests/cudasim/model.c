/* SPDX-License-Identifier: Apache-2.0
 * The model's passes on the GPU backend against the CPU's: logits, losses and the gradient of every
 * trained parameter over two micro-batches, for the model's variants, adapters, layouts of a batch,
 * and weights held in little memory; each run done twice for its bits, and again with rows made
 * again in the backward pass. Greedy answers through the cache of keys and values have the CPU's
 * ids.
 *     cuda_model [few]     few: those settings that reach all code, and fewer repetitions
 * Under test: model/ and adapters/ over compute/cuda. Read next: result.h. */
#include "adapters/adapter.h"
#include "model/generate.h"
#include "tests/cudasim/result.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

/* Of a tensor's largest number. Some sixty operations, forward and backward, add up their errors,
 * which are random: sqrt(60) of one. In fp32 that one is a few 2^-24 on both sides, together 1e-6;
 * rounding activations to bf16 makes it 2^-9, together 1.5 %. Softmax, norms and what cancels in
 * sums over rows widen them by up to eight. Each time a gradient is rounded to bf16, near numbers
 * may become neighbours, 2^-7 apart. */
static const double allowed_f32 = 1e-5, allowed_bf16 = 0.12, allowed_neighbour = 0x1p-7;

enum { MAX_TOKENS = 32, DOCUMENTS = 3, PASSES = 2 };
static const int64_t lengths[DOCUMENTS] = {12, 1, 15};
static bool few;

struct setting {
    const char *name;
    bool major;          /* one of the few */
    const char *changes; /* of the config; NULL: none */
    enum dtype stored;   /* of the checkpoint */
    const char *weight_dtype, *adapter;
    double dropout, noise;
    enum isolate isolate;
    bool padded; /* rows with hidden padding, else packed documents */
    enum dtype gradient_dtype;
    bool recompute; /* its modes are compared, too */
};

#define UNTIED "\"tie_word_embeddings\": false"
#define SHAREQK "\"use_shareqk\": true"
static const struct setting settings[] = {
    {"full", .major = true, .recompute = true},
    {"untied, bf16 weights, noise", .changes = UNTIED, .stored = DTYPE_BF16, .noise = 5},
    {"share-qk, untied", .major = true, .changes = SHAREQK ", " UNTIED},
    {"share-qk, isolate attention", .changes = SHAREQK, .isolate = ISOLATE_ATTENTION},
    {"isolate attention", .isolate = ISOLATE_ATTENTION},
    {"isolate none", .isolate = ISOLATE_NONE},
    {"left padding", .padded = true, .isolate = ISOLATE_ATTENTION, .recompute = true},
    {"left padding, share-qk", .major = true, .padded = true, .changes = SHAREQK,
     .isolate = ISOLATE_ATTENTION},
    {"gradients in bf16", .gradient_dtype = DTYPE_BF16},
    {"gradients in bf16, untied", .changes = UNTIED, .gradient_dtype = DTYPE_BF16},
    {"lora", .adapter = "lora", .stored = DTYPE_BF16},
    {"lora with dropout and noise", .major = true, .adapter = "lora", .dropout = 0.2, .noise = 5,
     .recompute = true},
    {"lora over bf16, share-qk", .weight_dtype = "bf16", .adapter = "lora", .dropout = 0.2,
     .changes = SHAREQK},
    {"dora with dropout", .adapter = "dora", .dropout = 0.2},
    {"dora, left padding", .adapter = "dora", .padded = true, .isolate = ISOLATE_ATTENTION},
    {"lora over nf4", .adapter = "lora", .weight_dtype = "nf4"},
    {"dora over int8, untied", .major = true, .adapter = "dora", .weight_dtype = "int8",
     .changes = UNTIED},
};

/* Weights that neither grow nor shrink what they multiply: rows of 24 numbers of 1 / sqrt(24). */
static const char *make_model(const char *changes, enum dtype stored) {
    char all[200];
    snprintf(all, sizeof all, "\"initializer_range\": 0.2%s%s", changes ? ", " : "",
             changes ? changes : "");
    return small_model(folder, all, stored);
}

enum device { CPU, CUDA_F32, CUDA_BF16, CUDA_CUDNN, DEVICES };
static const char *const device_names[DEVICES] = {"cpu", "cuda:f32", "cuda:bf16", "cuda:cudnn"};
static struct compute devices[DEVICES]; /* open */

struct subject {
    struct compute *compute;
    struct model model;
    struct plan plan;
    struct adapter *adapter;
    struct param *params; /* the trained ones' owner's */
    int64_t n_params;
};

/* B away from 0, or A has no gradient. */
static void move_off_zero(struct compute *c, struct param *p, uint64_t number) {
    const struct rng rng = {.seed = 3, .purpose = RNG_TEST, .step = number};
    const size_t bytes = (size_t)p->count * sizeof *p->value;
    float *values = mem_alloc((size_t)p->count, sizeof *values);
    assert_non_null(values);
    assert_ok(c->backend->download(c, values, p->value, bytes));
    for (int64_t j = 0; j < p->count; j++)
        values[j] += (float)(0.1 * rng_normal(&rng, (uint64_t)j));
    assert_ok(c->backend->upload(c, p->value, values, bytes));
    mem_free(values);
}

static void subject_open(struct subject *k, enum device device, const char *dir,
                         const struct setting *o, struct recompute recompute) {
    struct model *m = &k->model;
    const char *targets[] = {"all"};
    const struct adapter_options adapter = {.type = o->adapter,
                                            .r = 3,
                                            .lora_alpha = 6,
                                            .lora_dropout = o->dropout,
                                            .target_modules = {targets, 1}};
    *k = (struct subject){.compute = &devices[device]};
    assert_ok(model_open(m, dir, k->compute));
    k->params = m->params;
    k->n_params = m->n_params;
    if (o->adapter) {
        assert_ok(adapter_new(&k->adapter, m, &adapter, 1));
        k->params = adapter_params(k->adapter, &k->n_params);
    }
    const struct model_plan_options options = {.max_tokens = MAX_TOKENS,
                                               .train_base = !o->adapter,
                                               .backward = true,
                                               .gradient_dtype = o->gradient_dtype,
                                               .weight_dtype = o->weight_dtype,
                                               .embedding_noise = o->noise,
                                               .recompute = recompute};
    assert_ok(model_plan(m, &k->plan, &options));
    if (k->adapter) assert_ok(adapter_plan(k->adapter, &k->plan, true));
    assert_ok(plan_allocate(&k->plan, k->compute));
    assert_ok(model_start(m, &k->plan));
    if (!k->adapter) return;
    assert_ok(adapter_start(k->adapter, &k->plan));
    for (int64_t i = 0; i < k->n_params; i++) move_off_zero(k->compute, &k->params[i], (uint64_t)i);
}

static void subject_close(struct subject *k) {
    adapter_free(k->adapter);
    model_close(&k->model);
    plan_release(&k->plan);
}

/* Documents of one micro-batch, packed; or rows of their own whose first third is padding. */
static void fill_batch(const struct setting *o, int number, struct batch *b) {
    int32_t ids[MAX_TOKENS], targets[MAX_TOKENS];
    uint8_t seen[MAX_TOKENS], starts[MAX_TOKENS] = {0};
    int64_t n = 0;
    for (int i = 0; i < DOCUMENTS; i++) {
        const int64_t length = lengths[i];
        starts[n] = 1;
        small_document((uint64_t)(number * DOCUMENTS + i), length, ids + n);
        for (int64_t t = 0; t < length; t++) {
            seen[n + t] = t >= length / 3;
            targets[n + t] = t + 1 == length || t % 5 == 0 ? TARGET_IGNORE : ids[n + t + 1];
        }
        if (o->padded) {
            assert_ok(batch_add_row(b, length, ids + n, targets + n, NULL, SMALL_EOD, o->isolate));
            assert_ok(batch_hide(b, length, seen + n));
        }
        n += length;
    }
    if (!o->padded) assert_ok(batch_add_row(b, n, ids, targets, starts, SMALL_EOD, o->isolate));
}

static void pass(struct subject *k, const struct setting *o, int number, struct result *r) {
    struct batch b;
    struct model *m = &k->model;
    const struct model_call call = {.batch = &b, .training = true, .seed = 42, .step = 1};
    double sum;
    int64_t trained;
    assert_ok(batch_init(&b, MAX_TOKENS));
    b.row_base = number * MAX_TOKENS;
    fill_batch(o, number, &b);
    assert_ok(model_forward(m, &call));
    assert_ok(model_logits(m, 0, b.n, result_add(r, "logits", b.n * SMALL_V)));
    assert_ok(model_loss(m, &call, 1.0 / 31, &sum, &trained, result_add(r, "losses", b.n)));
    *result_add(r, "the sum of losses", 1) = (float)sum;
    assert_ok(model_backward(m, &call));
    batch_release(&b);
}

static struct result run(enum device device, const char *dir, const struct setting *o,
                         struct recompute recompute) {
    struct subject k;
    struct result r = {0};
    subject_open(&k, device, dir, o, recompute);
    struct compute *c = k.compute;
    assert_ok(model_zero_gradients(&k.model));
    for (int64_t i = 0; k.adapter && i < k.n_params; i++)
        assert_ok(
            c->backend->zero(c, k.params[i].gradient, (size_t)k.params[i].count * sizeof(float)));
    for (int number = 0; number < PASSES; number++) pass(&k, o, number, &r);
    assert_ok(model_finish_gradients(&k.model));
    for (int64_t i = 0; i < k.n_params; i++) {
        assert_true(k.params[i].trained);
        result_download(&r, k.params[i].name, c, param_gradient(&k.params[i]));
    }
    subject_close(&k);
    return r;
}

/* Made again are: nothing; inputs of layers only, the rows of feed-forwards, blocks of the
 * vocabulary. */
static const struct recompute modes[] = {
    {0}, {.layers = 1, .feed_forwards = 1}, {.feed_forwards = 2}, {.layers = 2, .logits = true}};
enum { N_MODES = sizeof modes / sizeof modes[0] };

static void check_device(enum device device, double allowed, const char *dir,
                         const struct setting *o, const struct result *want) {
    char what[120];
    snprintf(what, sizeof what, "%s on %s", o->name, device_names[device]);
    struct result got = run(device, dir, o, modes[0]);
    if (o->gradient_dtype == DTYPE_BF16) allowed += (PASSES + 1) * allowed_neighbour;
    expect_near(&got, want, allowed, what);
    const size_t first = few ? N_MODES - 1 : 0, last = o->recompute || few ? N_MODES - 1 : 0;
    for (size_t i = first; i <= last; i++) {
        struct result again = run(device, dir, o, modes[i]);
        expect_same(&again, &got, what);
        result_release(&again);
    }
    result_release(&got);
}

static void passes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct setting *o = &settings[i];
        if (few && !o->major) continue;
        const char *dir = make_model(o->changes, o->stored);
        struct result want = run(CPU, dir, o, modes[0]);
        check_device(CUDA_F32, allowed_f32, dir, o, &want);
        check_device(CUDA_BF16, allowed_bf16, dir, o, &want);
        result_release(&want);
    }
}

/* The localized filter through cuDNN. */
static void filter_through_cudnn(void **state) {
    (void)state;
    const struct setting *o = &settings[0];
    const char *dir = make_model(o->changes, o->stored);
    struct result want = run(CPU, dir, o, modes[0]);
    check_device(CUDA_CUDNN, allowed_bf16, dir, o, &want);
    result_release(&want);
}

enum { TEXTS = 3, PROMPT = 15, ANSWER = 10 };

static void answer(enum device device, const char *dir, int64_t n_places,
                   int32_t out[TEXTS][ANSWER]) {
    struct model m;
    struct plan plan = {0};
    struct compute *c = &devices[device];
    struct decoder *d;
    struct generate_text texts[TEXTS];
    int32_t prompts[TEXTS][PROMPT];
    for (int i = 0; i < TEXTS; i++) {
        static const int64_t prompt_lengths[TEXTS] = {PROMPT, 12, 1};
        const int64_t n = prompt_lengths[i];
        small_document((uint64_t)i, n, prompts[i]);
        if (i == 1) /* what they share is computed once */
            memcpy(prompts[1], prompts[0], 10 * sizeof **prompts);
        prompts[i][n - 1] = 9 + i; /* not <eod> */
        texts[i] = (struct generate_text){.prompt = prompts[i],
                                          .n_prompt = n,
                                          .max_new_tokens = ANSWER,
                                          .number = (uint64_t)i,
                                          .out = out[i]};
    }
    assert_ok(model_open(&m, dir, c));
    assert_ok(model_plan(&m, &plan, &(struct model_plan_options){0}));
    assert_ok(plan_allocate(&plan, c));
    assert_ok(model_start(&m, &plan));
    const struct decoder_options shape = {n_places, PROMPT + ANSWER, ISOLATE_ALL};
    assert_ok(decoder_new(&d, &m, &shape));
    assert_ok(generate(d, texts, TEXTS, &(struct generate_options){.ignore_eod = true}));
    for (int i = 0; i < TEXTS; i++) assert_int_equal(texts[i].n_out, ANSWER);
    decoder_free(d);
    model_close(&m);
    plan_release(&plan);
}

static void greedy_answers(void **state) {
    (void)state;
    static const char *const variants[] = {NULL, SHAREQK};
    for (int i = 0; i < 2; i++) {
        const char *dir = make_model(variants[i], DTYPE_BF16);
        int32_t want[TEXTS][ANSWER], got[TEXTS][ANSWER];
        answer(CPU, dir, TEXTS, want);
        for (int64_t n_places = 1; n_places <= TEXTS; n_places += 2) {
            answer(CUDA_F32, dir, n_places, got);
            assert_memory_equal(got, want, sizeof want);
        }
    }
}

static int open_devices(void **state) {
    (void)state;
    for (int i = 0; i < DEVICES; i++) assert_ok(compute_open(&devices[i], device_names[i]));
    return 0;
}

static int close_devices(void **state) {
    (void)state;
    for (int i = 0; i < DEVICES; i++) compute_close(&devices[i]);
    return 0;
}

int main(int argc, char **argv) {
    few = argc > 1 && !strcmp(argv[1], "few");
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(passes),
        FOLDER_TEST(filter_through_cudnn),
        FOLDER_TEST(greedy_answers),
    };
    return cmocka_run_group_tests(tests, open_devices, close_devices);
}
