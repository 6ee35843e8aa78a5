/* SPDX-License-Identifier: Apache-2.0
 * Greedy decoding against the released code's: every run of generation.json (prompts of one token,
 * two, with <sep>, packed documents with and without the document mask), token for token, and the
 * logits at the stored steps. Decoding step by step gives the bits of a full forward pass. */
#include "base/json.h"
#include "model/generate.h"
#include "tests/golden/golden.h"

enum { MAX_TEXT = 160 };
static const double TOLERANCE_LOGITS = 2e-4;

static int64_t read_ids(json_t *run, const char *key, int32_t *out) {
    json_t *list;
    assert_ok(json_need_array(run, key, &list));
    int64_t n = (int64_t)json_array_size(list);
    assert_true(n > 0 && n <= MAX_TEXT);
    for (int64_t i = 0; i < n; i++)
        out[i] = (int32_t)json_integer_value(json_array_get(list, (size_t)i));
    return n;
}

static struct decoder *open_decoder(struct bench *b, int64_t max_tokens, enum isolate isolate) {
    struct decoder *d;
    assert_ok(decoder_new(&d, &b->model, &(struct decoder_options){1, max_tokens, isolate}));
    return d;
}

static err feed(struct decoder *d, const int32_t *ids, int64_t n) {
    return decoder_feed(d, &(struct decoder_part){.text = 0, .ids = ids, .n = n}, 1);
}

/* The logits stored for a run: after the prompt and after steps 1, 15, 31 (micro: two of them). */
static void check_steps(struct bench *b, const char *name, enum isolate isolate,
                        const struct tensor_file *logits, json_t *run) {
    char key[128];
    int32_t prompt[MAX_TEXT], answer[MAX_TEXT];
    const int64_t steps4[] = {0, 1, 15, 31}, steps2[] = {0, 31};
    int64_t n = read_ids(run, "prompt", prompt), m = read_ids(run, "generated", answer);
    const int64_t V = b->model.config.vocab_size;
    snprintf(key, sizeof key, "%s/last_token_logits_at_steps", name);
    const struct tensor *want = golden_tensor(logits, key);
    const int64_t n_steps = want->shape[0], *steps = n_steps == 4 ? steps4 : steps2;
    struct decoder *d = open_decoder(b, n + m, isolate);
    struct worst w = {0};
    assert_ok(feed(d, prompt, n));
    for (int64_t i = 0, k = 0; i < m && k < n_steps; i++) {
        if (i == steps[k]) {
            for (int64_t j = 0; j < V; j++)
                worst_add(&w, (double)decoder_logits(d, 0)[j], golden_at(want, k * V + j));
            k++;
        }
        assert_ok(feed(d, &answer[i], 1));
    }
    decoder_free(d);
    worst_check(key, w.error, TOLERANCE_LOGITS);
}

static void check_tokens_of(struct bench *b, const char *name, enum isolate isolate, json_t *run) {
    int32_t prompt[MAX_TEXT], want[MAX_TEXT], got[MAX_TEXT];
    int64_t n = read_ids(run, "prompt", prompt), m = read_ids(run, "generated", want);
    const struct generate_options options = {.ignore_eod = true};
    struct generate_text text = {.prompt = prompt, .n_prompt = n, .max_new_tokens = m, .out = got};
    struct decoder *d = open_decoder(b, n + m, isolate);
    for (int round = 0; round < 2; round++) { /* the second has forgotten the first */
        assert_ok(generate(d, &text, 1, &options));
        assert_int_equal(text.n_out, m);
        for (int64_t i = 0; i < m; i++)
            if (got[i] != want[i]) fail_msg("%s: token %lld is %d", name, (long long)i, got[i]);
    }
    decoder_free(d);
}

/* Every prefix's logits, decoded in one step, in pieces and token by token, are those of a full
 * pass. */
static void check_bits(struct bench *b, enum isolate isolate, json_t *run) {
    int32_t text[2 * MAX_TEXT];
    int64_t n = read_ids(run, "prompt", text);
    n += read_ids(run, "generated", text + n);
    const int64_t V = b->model.config.vocab_size, cut = n / 3;
    float *full = mem_alloc((size_t)(n * V), sizeof *full);
    assert_non_null(full);
    batch_clear(&b->batch);
    assert_ok(batch_add_row(&b->batch, n, text, NULL, NULL, b->model.config.eod, isolate));
    assert_ok(model_forward(&b->model, &(struct model_call){.batch = &b->batch}));
    assert_ok(model_logits(&b->model, 0, n, full));
    struct decoder *d = open_decoder(b, n, isolate);
    for (int64_t i = 0; i < n; i++) {
        assert_ok(feed(d, &text[i], 1));
        assert_memory_equal(decoder_logits(d, 0), full + i * V, (size_t)V * sizeof *full);
    }
    decoder_clear(d, 0);
    assert_ok(feed(d, text, cut));
    assert_memory_equal(decoder_logits(d, 0), full + (cut - 1) * V, (size_t)V * sizeof *full);
    assert_ok(feed(d, text + cut, n - cut));
    assert_memory_equal(decoder_logits(d, 0), full + (n - 1) * V, (size_t)V * sizeof *full);
    assert_fails(feed(d, text, 1), ERR_LIMIT, "room");
    decoder_free(d);
    mem_free(full);
}

static void check_folder(const char *dir) {
    struct bench b;
    json_t *file, *runs, *run;
    const char *name;
    int64_t n_runs = 0;
    struct tensor_file *logits = golden_open(dir, "generation_logits.f32.safetensors");
    assert_ok(json_parse_file(golden_path(dir, "generation.json"), &file));
    assert_ok(json_need_object(file, "runs", &runs));
    bench_open(&b, dir, &(struct model_plan_options){.max_tokens = 2 * MAX_TEXT});
    json_object_foreach(runs, name, run) {
        enum isolate isolate = strstr(name, "/doc") ? ISOLATE_ATTENTION : ISOLATE_NONE;
        check_tokens_of(&b, name, isolate, run);
        check_steps(&b, name, isolate, logits, run);
        check_bits(&b, isolate, run);
        check_bits(&b, ISOLATE_ALL, run);
        n_runs++;
    }
    assert_int_equal(n_runs, 5);
    bench_close(&b);
    json_decref(file);
    tensor_file_close(logits);
}

static void nano_generates(void **state) {
    (void)state;
    check_folder(NANO);
}

static void micro_generates(void **state) {
    (void)state;
    const char *dir = golden_micro();
    if (!dir) skip();
    check_folder(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nano_generates),
        cmocka_unit_test(micro_generates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
