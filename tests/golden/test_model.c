/* SPDX-License-Identifier: Apache-2.0
 * The model against the released code's own numbers: logits, token losses, gradients of every
 * parameter, intermediate results, and the modes in which the released programs run it (document
 * mask, plain, left padding, positions reset without attention). nano is in the repository (tied
 * head, fp32), micro in the shared folder (own head, bf16). Tolerances are those suggested with the
 * golden files; fp32 against double precision of the same code lies an order of magnitude below
 * them. */
#include "base/json.h"
#include "tests/golden/golden.h"

static const double TOLERANCE_LOGITS = 2e-4, TOLERANCE_LOSS = 1e-4, TOLERANCE_GRADIENTS = 5e-5;
static const struct recompute all_made_again = {.layers = INT64_MAX, .logits = true};

static void forward(struct bench *b) {
    struct model_call call = {.batch = &b->batch};
    assert_ok(model_forward(&b->model, &call));
}

/* Logits at the positions listed in the file (all, when `at` is NULL), where `keep` (may be NULL)
 * is 1. */
static void check_logits(struct bench *b, const char *what, const struct tensor *want,
                         const struct tensor *at, const struct tensor *keep) {
    const int64_t B = want->shape[0], V = b->model.config.vocab_size, T = b->batch.n / B;
    const int64_t n_at = at ? at->count : T;
    float *row = mem_alloc((size_t)V, sizeof *row);
    struct worst w = {0};
    int64_t n = 0;
    assert_non_null(row);
    for (int64_t i = 0; i < B; i++)
        for (int64_t k = 0; k < n_at; k++) {
            const int64_t t = at ? (int64_t)golden_at(at, k) : k;
            if (keep && golden_at(keep, i * T + t) == 0) continue;
            assert_ok(model_logits(&b->model, i * T + t, i * T + t + 1, row));
            for (int64_t j = 0; j < V; j++)
                worst_add(&w, (double)row[j], golden_at(want, (i * n_at + k) * V + j));
            n++;
        }
    mem_free(row);
    assert_true(n > 0);
    worst_check(what, w.error, TOLERANCE_LOGITS);
}

static void check_losses(struct bench *b, const char *what, const struct tensor *want) {
    float *loss = mem_alloc((size_t)b->batch.n, sizeof *loss);
    struct model_call call = {.batch = &b->batch};
    double sum;
    int64_t trained;
    struct worst w = {0};
    assert_non_null(loss);
    assert_ok(model_loss(&b->model, &call, 0, &sum, &trained, loss));
    assert_int_equal(trained, b->batch.n);
    assert_int_equal(want->count, b->batch.n);
    for (int64_t i = 0; i < b->batch.n; i++) worst_add(&w, (double)loss[i], golden_at(want, i));
    mem_free(loss);
    worst_check(what, w.error, TOLERANCE_LOSS);
}

static double json_number(const char *dir, const char *file, const char *key) {
    json_t *json;
    double value;
    assert_ok(json_parse_file(golden_path(dir, file), &json));
    assert_ok(json_need_number(json, key, &value));
    json_decref(json);
    return value;
}

/* As golden_batch without isolation, with the padding that `mask` hides. */
static void golden_batch_masked(struct bench *b, const struct tensor_file *f,
                                const struct tensor *mask) {
    const struct tensor *ids = golden_tensor(f, "input_ids");
    const int64_t T = ids->shape[1];
    int32_t row[512];
    uint8_t seen[512];
    assert_true(T <= 512);
    batch_clear(&b->batch);
    for (int64_t i = 0; i < ids->shape[0]; i++) {
        for (int64_t t = 0; t < T; t++) {
            row[t] = (int32_t)golden_at(ids, i * T + t);
            seen[t] = golden_at(mask, i * T + t) != 0;
        }
        assert_ok(batch_add_row(&b->batch, T, row, NULL, NULL, b->model.config.eod, ISOLATE_NONE));
        assert_ok(batch_hide(&b->batch, T, seen));
    }
}

static void check_forward(const char *dir) {
    struct bench b;
    struct tensor_file *f = golden_open(dir, "forward.f32.safetensors");
    bench_open(&b, dir, &(struct model_plan_options){.max_tokens = golden_tokens(dir)});
    const struct tensor *at = golden_tensor(f, "positions"), *all = tensor_file_find(f, "logits");
    golden_batch(&b, f, NULL, ISOLATE_ATTENTION);
    forward(&b);
    if (all)
        check_logits(&b, "logits", all, NULL, NULL);
    else
        check_logits(&b, "logits", golden_tensor(f, "logits_at_positions"), at, NULL);
    check_losses(&b, "token losses", golden_tensor(f, "token_loss"));

    golden_batch(&b, f, NULL, ISOLATE_NONE);
    forward(&b);
    check_logits(&b, "logits without document mask",
                 golden_tensor(f, "logits_eval_plain_at_positions"), at, NULL);

    /* Padding on the left: hidden from attention, still seen by the filter. */
    const struct tensor *mask = golden_tensor(f, "attention_mask_leftpad");
    const struct tensor *position = golden_tensor(f, "position_ids_leftpad");
    golden_batch_masked(&b, f, mask);
    for (int64_t i = 0; i < b.batch.n; i++) b.batch.position[i] = (int32_t)golden_at(position, i);
    forward(&b);
    check_logits(&b, "logits with left padding",
                 golden_tensor(f, "logits_eval_leftpad_at_positions"), at, mask);
    tensor_file_close(f);
    bench_close(&b);
}

static void check_megatron(const char *dir) {
    struct bench b;
    struct tensor_file *f = golden_open(dir, "forward.f32.safetensors"),
                       *want = golden_open(dir, "megatron_mode.f64.safetensors");
    bench_open(&b, dir, &(struct model_plan_options){.max_tokens = golden_tokens(dir)});
    golden_batch(&b, f, NULL, ISOLATE_NONE);
    const struct tensor *position = golden_tensor(want, "position_ids");
    for (int64_t i = 0; i < b.batch.n; i++) b.batch.position[i] = (int32_t)golden_at(position, i);
    forward(&b);
    check_logits(&b, "logits, positions reset alone", golden_tensor(want, "logits_at_positions"),
                 golden_tensor(want, "positions"), NULL);
    check_losses(&b, "token losses, positions reset alone", golden_tensor(want, "token_loss"));
    tensor_file_close(want);
    tensor_file_close(f);
    bench_close(&b);
}

/* Loss over the targets that `mask` leaves, and its gradients. */
static void run_gradients(struct bench *b, const char *dir, const char *mask, double want_loss) {
    struct tensor_file *f = golden_open(dir, "forward.f32.safetensors");
    struct model_call call = {.batch = &b->batch};
    double sum;
    int64_t trained, count = 0;
    golden_batch(b, f, mask, ISOLATE_ATTENTION);
    for (int64_t i = 0; i < b->batch.n; i++) count += b->batch.targets[i] != TARGET_IGNORE;
    assert_ok(model_zero_gradients(&b->model));
    assert_ok(model_forward(&b->model, &call));
    assert_ok(model_loss(&b->model, &call, 1.0 / (double)count, &sum, &trained, NULL));
    assert_int_equal(trained, count);
    worst_check(mask ? "masked loss" : "loss", fabs(sum / (double)count - want_loss),
                TOLERANCE_LOSS);
    assert_ok(model_backward(&b->model, &call));
    assert_ok(model_finish_gradients(&b->model));
    tensor_file_close(f);
}

/* One parameter against its golden tensor: whole, or (NAME@rows) the rows listed in rows/NAME. */
static double gradient_error(const struct param *p, const struct tensor_file *f) {
    char name[256];
    const struct tensor *want = tensor_file_find(f, p->name), *rows = NULL;
    if (!want) {
        snprintf(name, sizeof name, "%s@rows", p->name);
        want = tensor_file_find(f, name);
        snprintf(name, sizeof name, "rows/%s", p->name);
        if (!want) return -1;
        rows = golden_tensor(f, name);
    }
    struct worst w = {0};
    const int64_t columns = rows ? want->count / rows->count : want->count;
    if (!rows) assert_int_equal(want->count, p->count);
    for (int64_t i = 0; i < want->count; i++) {
        int64_t row = rows ? (int64_t)golden_at(rows, i / columns) : 0;
        worst_add(&w, (double)p->gradient[row * columns + i % columns], golden_at(want, i));
    }
    return w.error / w.scale;
}

static void check_gradients(struct bench *b, const char *what, const char *dir, const char *file,
                            int64_t at_least) {
    struct tensor_file *f = golden_open(dir, file);
    double error = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < b->model.n_params; i++) {
        double e = gradient_error(&b->model.params[i], f);
        if (e < 0) continue;
        n++;
        if (!(e <= error)) error = e;
        if (!(e <= TOLERANCE_GRADIENTS)) print_error("%s: %g\n", b->model.params[i].name, e);
    }
    tensor_file_close(f);
    print_message("%lld parameters\n", (long long)n);
    assert_true(n >= at_least);
    worst_check(what, error, TOLERANCE_GRADIENTS);
}

/* micro has every parameter's norm, sum and largest value in double precision. */
static void check_gradient_stats(struct bench *b, const char *dir) {
    json_t *stats;
    double error = 0;
    assert_ok(json_parse_file(golden_path(dir, "grad_stats.json"), &stats));
    for (int64_t i = 0; i < b->model.n_params; i++) {
        const struct param *p = &b->model.params[i];
        json_t *row;
        double norm, largest, squares = 0, top = 0;
        assert_ok(json_need_object(stats, p->name, &row));
        assert_ok(json_need_number(row, "norm", &norm));
        assert_ok(json_need_number(row, "abs_max", &largest));
        for (int64_t k = 0; k < p->count; k++) {
            double g = (double)p->gradient[k];
            squares += g * g;
            if (fabs(g) > top) top = fabs(g);
        }
        error = fmax(error, fmax(fabs(sqrt(squares) - norm) / norm, fabs(top - largest) / largest));
    }
    json_decref(stats);
    worst_check("gradients' norms and largest values", error, TOLERANCE_GRADIENTS);
}

static void nano_forward(void **state) {
    (void)state;
    check_forward(NANO);
}

static void nano_megatron(void **state) {
    (void)state;
    check_megatron(NANO);
}

static void check_nano_gradients(struct recompute recompute) {
    struct bench b;
    bench_open(&b, NANO,
               &(struct model_plan_options){.max_tokens = golden_tokens(NANO),
                                            .train_base = true,
                                            .backward = true,
                                            .recompute = recompute});
    run_gradients(&b, NANO, NULL, json_number(NANO, "losses.json", "loss_mean_f64"));
    check_gradients(&b, "gradients", NANO, "grads.f32.safetensors", b.model.n_params);
    const char *whole = shared_path("golden/nano/grads.f64.safetensors");
    if (whole)
        check_gradients(&b, "gradients, double", shared_path("golden/nano"),
                        "grads.f64.safetensors", b.model.n_params);
    run_gradients(&b, NANO, "loss_mask", json_number(NANO, "losses.json", "loss_masked_f64"));
    check_gradients(&b, "masked gradients", NANO, "grads_masked_selected.f32.safetensors", 18);
    bench_close(&b);
}

static void nano_gradients(void **state) {
    (void)state;
    check_nano_gradients((struct recompute){0});
    check_nano_gradients(all_made_again);
}

static void micro_forward(void **state) {
    (void)state;
    const char *dir = golden_micro();
    if (!dir) skip();
    check_forward(dir);
    check_megatron(dir);
}

static void check_micro_gradients(const char *dir, struct recompute recompute) {
    struct bench b;
    bench_open(&b, dir,
               &(struct model_plan_options){.max_tokens = golden_tokens(dir),
                                            .train_base = true,
                                            .backward = true,
                                            .recompute = recompute});
    run_gradients(&b, dir, NULL, json_number(dir, "losses.json", "loss_mean_f64"));
    check_gradients(&b, "gradients", dir, "grads_selected.f32.safetensors", 25);
    check_gradient_stats(&b, dir);
    run_gradients(&b, dir, "loss_mask", json_number(dir, "losses.json", "loss_masked_f64"));
    bench_close(&b);
}

static void micro_gradients(void **state) {
    (void)state;
    const char *dir = golden_micro();
    if (!dir) skip();
    check_micro_gradients(dir, (struct recompute){0});
    check_micro_gradients(dir, all_made_again);
}

/* Intermediate results of nano's first row, in evaluation mode. */
struct watch {
    const struct tensor_file *want;
    struct worst worst;
    int64_t n_checked;
};

/* Golden element of (row, column) of what the model shows; NULL where the file has no such
 * tensor. */
static const struct tensor *watched(struct watch *w, const char *name, char *other, size_t size) {
    const struct tensor *t = tensor_file_find(w->want, name);
    if (t) return t;
    const char *dot = strrchr(name, '.');
    if (strcmp(dot, ".qk_after_rope") == 0)
        snprintf(other, size, "%.*s.key_after_rope", (int)(dot - name), name);
    else if (strcmp(dot, ".conv1") == 0)
        snprintf(other, size, "%s_padded", name);
    return tensor_file_find(w->want, other);
}

static int64_t golden_index(const struct tensor *t, int64_t row, int64_t column, int64_t columns) {
    if (strstr(t->name, "conv1_padded")) return column * t->shape[2] + row; /* (1,C/2,T+1,1) */
    if (t->n_dims == 3) return row * columns + column;                      /* (1,T,C) */
    const int64_t T = t->shape[2], D = t->shape[3];                         /* (1,H,T,D) */
    if (strstr(t->name, "key_after_rope")) {
        int64_t head = column / (2 * D), d = column % (2 * D);
        return d < D ? -1 : (head * T + row) * D + d - D; /* rows hold [q(D) k(D)] */
    }
    return (column / D * T + row) * D + column % D;
}

static err compare(void *ctx, const char *name, const float *values, int64_t rows,
                   int64_t columns) {
    struct watch *w = ctx;
    char other[96] = "";
    const struct tensor *t = watched(w, name, other, sizeof other);
    if (!t) return ERR_OK;
    w->n_checked++;
    for (int64_t i = 0; i < rows * columns; i++) {
        int64_t at = golden_index(t, i / columns, i % columns, columns);
        if (at >= 0) worst_add(&w->worst, (double)values[i], golden_at(t, at));
    }
    return ERR_OK;
}

static void nano_intermediates(void **state) {
    (void)state;
    struct bench b;
    struct tensor_file *f = golden_open(NANO, "intermediates.f32.safetensors");
    const struct tensor *ids = golden_tensor(f, "input_ids");
    int32_t row[512];
    struct watch w = {.want = f};
    bench_open(&b, NANO, &(struct model_plan_options){.max_tokens = ids->count});
    for (int64_t i = 0; i < ids->count; i++) row[i] = (int32_t)golden_at(ids, i);
    assert_ok(batch_add_row(&b.batch, ids->count, row, NULL, NULL, b.model.config.eod,
                            ISOLATE_ATTENTION));
    struct model_call call = {.batch = &b.batch, .observe = compare, .observe_ctx = &w};
    assert_ok(model_forward(&b.model, &call));
    /* input_layernorm, lf_gate, conv1, q_proj, k_proj, key, value, attn_output,
     * post_attention_layernorm, mlp, output of two layers */
    assert_int_equal(w.n_checked, 2 * 11);
    worst_check("intermediate results", w.worst.error, TOLERANCE_LOGITS);
    tensor_file_close(f);
    bench_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nano_forward),   cmocka_unit_test(nano_megatron),
        cmocka_unit_test(nano_gradients), cmocka_unit_test(nano_intermediates),
        cmocka_unit_test(micro_forward),  cmocka_unit_test(micro_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
