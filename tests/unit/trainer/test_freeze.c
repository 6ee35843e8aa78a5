/* SPDX-License-Identifier: Apache-2.0
 * Freezing: which parameters patterns and layers leave trained, alone and beside an adapter; what
 * is refused; that frozen weights are saved as they came; and the memory that is planned.
 * Read next: trainer/methods/freeze.c, trainer/methods/names.h. */
#include "tests/unit/trainer/fixture.h"

#include "base/par.h"
#include "compute/quant.h"

/* Golden nano has an embedding with a tied head, two layers of 14 parameters, and a last norm. */
enum { LAYER_PARAMS = 14, ALL_PARAMS = 2 * LAYER_PARAMS + 2, LORA_PARAMS = 2 * 9 * 2 };

struct setting {
    const char *train_only, *freeze; /* comma-separated; NULL: not given */
    int64_t layers;
    bool lora;
};

static void set_list(struct fixture *f, const char *name, const char *text) {
    if (text)
        assert_ok(
            opt_set(opt_find(train_options_table(), name, NULL), &f->options, text, &f->arena));
}

static void open_setting(struct fixture *f, const struct setting *s) {
    fixture_init(f, GOLDEN_NANO);
    f->adapter_options.type = s->lora ? "lora" : "none";
    f->adapter_options.r = 4;
    f->options.trainable_layers = s->layers;
    set_list(f, "train_only", s->train_only);
    set_list(f, "freeze", s->freeze);
    f->n_steps = 2;
    fixture_open(f);
}

static const struct {
    struct setting setting;
    int64_t n;
} chosen[] = {
    {{NULL, "mlp", 0, false}, ALL_PARAMS - 6},
    {{NULL, "layers.0.", 0, false}, LAYER_PARAMS + 2},
    {{NULL, "layers.[0-9].", 0, false}, 2},
    {{NULL, "layers.*.mlp", 0, false}, ALL_PARAMS - 6},
    {{NULL, "layers\\.1\\.mlp", 0, false}, ALL_PARAMS - 3},
    {{"layers.\\d+.mlp", NULL, 0, false}, 6},
    {{"(^model.norm|[.]mlp[.])", NULL, 0, false}, 7},
    {{"^model.norm.weight$", NULL, 0, false}, 1},
    {{"norm.weight", NULL, 0, false}, 7},
    {{"bias$", NULL, 0, false}, 4},
    {{"q_proj,k_proj", NULL, 0, false}, 4},
    {{"(q|k)_proj", NULL, 0, false}, 4},
    {{"self_attn", "lf_gate", 0, false}, 8},
    {{NULL, NULL, 1, false}, LAYER_PARAMS},
    {{NULL, NULL, -1, false}, LAYER_PARAMS},
    {{NULL, NULL, 2, false}, 2 * LAYER_PARAMS},
    {{"mlp", NULL, 1, false}, 3},
    {{NULL, "lora_A", 0, true}, LORA_PARAMS / 2},
    {{NULL, NULL, 1, true}, LORA_PARAMS / 2},
    {{"q_proj", NULL, 0, true}, 4},
};

static void test_chosen(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        struct fixture f;
        open_setting(&f, &chosen[i].setting);
        assert_ok(trainer_init(&f.trainer, &f.run));
        if (f.trainer.n_params != chosen[i].n)
            fail_msg("setting %d: %d parameters and not %d", (int)i, (int)f.trainer.n_params,
                     (int)chosen[i].n);
        fixture_stop(&f);
    }
}

static void test_layers_by_number(void **state) {
    (void)state;
    for (int64_t layers = -1; layers <= 1; layers += 2) {
        struct fixture f;
        open_setting(&f, &(struct setting){.layers = layers});
        assert_ok(trainer_init(&f.trainer, &f.run));
        for (int64_t i = 0; i < f.trainer.n_params; i++)
            assert_true(str_starts(f.trainer.params[i]->name,
                                   layers > 0 ? "model.layers.1." : "model.layers.0."));
        fixture_stop(&f);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        struct setting setting;
        err code;
        const char *message;
    } refused[] = {
        {{NULL, "mpl", 0, false}, ERR_MISSING, "'freeze'"},
        {{NULL, "mpl", 0, false}, ERR_MISSING, "did you mean 'mlp'?"},
        {{"layers.0.mpl", NULL, 0, false}, ERR_MISSING, "did you mean 'layers.0.mlp'?"},
        {{"mlp,layers.7.", NULL, 0, false}, ERR_MISSING, "'layers.7.'"},
        {{"lora_A", NULL, 0, false}, ERR_MISSING, "'lora_A'"},
        {{NULL, "mlp", 0, true}, ERR_OK, ""},
        {{NULL, "embed_tokens", 0, true}, ERR_MISSING, "'embed_tokens'"}, /* frozen anyway */
        {{NULL, "", 0, false}, ERR_OK, ""},                               /* an empty list */
        {{NULL, ",mlp", 0, false}, ERR_UNSUPPORTED, "empty"},
        {{NULL, "*mlp", 0, false}, ERR_UNSUPPORTED, "'*mlp': a repeat of nothing"},
        {{NULL, "(mlp", 0, false}, ERR_UNSUPPORTED, "train: 'freeze': pattern '(mlp'"},
        {{"^lm_head.weight$[:32000]", NULL, 0, false}, ERR_UNSUPPORTED, "rows of a parameter"},
        {{NULL, "model", 0, false}, ERR_RANGE, "everything is frozen"},
        {{"mlp", "layers.1.", 1, false}, ERR_RANGE, "everything is frozen"},
        {{NULL, NULL, 3, false}, ERR_RANGE, "'trainable_layers' is 3"},
        {{NULL, NULL, -3, false}, ERR_RANGE, "2 layers"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct fixture f;
        open_setting(&f, &refused[i].setting);
        if (refused[i].code == ERR_OK)
            assert_ok(trainer_init(&f.trainer, &f.run));
        else
            assert_fails(trainer_init(&f.trainer, &f.run), refused[i].code, refused[i].message);
        fixture_stop(&f);
    }
}

/* The first step of LoRA leaves A alone, since B is 0: with A frozen, B ends in the same bits. */
static void test_frozen_a(void **state) {
    (void)state;
    float *b[2] = {NULL};
    for (int frozen = 0; frozen < 2; frozen++) {
        struct fixture f;
        struct train_result result;
        fixture_init(&f, GOLDEN_NANO);
        f.adapter_options.type = "lora";
        f.adapter_options.r = 4;
        f.options.warmup_steps = 0;
        f.options.weight_decay = 0;
        f.n_steps = 1;
        if (frozen) set_list(&f, "freeze", "lora_A");
        f.run.dir = test_folder();
        fixture_start(&f);
        assert_ok(trainer_run(&f.trainer, &result));
        const struct param *p =
            fixture_param(&f, "base_model.model.model.layers.1.mlp.up_proj.lora_B.weight");
        assert_non_null(p);
        b[frozen] = mem_alloc((size_t)p->count, sizeof(float));
        assert_non_null(b[frozen]);
        memcpy(b[frozen], p->value, (size_t)p->count * sizeof(float));
        assert_true(b[frozen][0] != 0);
        if (frozen) assert_memory_equal(b[0], b[1], (size_t)p->count * sizeof(float));
        fixture_stop(&f);
        test_folder_remove(f.run.dir);
    }
    mem_free(b[0]);
    mem_free(b[1]);
}

/* One step of an adapter whose tensors are all away from their start, B from 0 above all; the
 * gradients stay behind. `only`: the one tensor that is trained, or NULL. */
static void adapter_step(struct fixture *f, const char *kind, const char *only) {
    struct train_result result;
    char pattern[200];
    int64_t n;
    fixture_init(f, GOLDEN_NANO);
    f->adapter_options.type = kind;
    f->adapter_options.r = 4;
    f->adapter_options.lora_dropout = 0.1;
    f->n_steps = 1;
    snprintf(pattern, sizeof pattern, "^%s$", only ? only : "");
    set_list(f, "train_only", only ? pattern : NULL);
    f->run.dir = test_folder();
    fixture_start(f);
    struct param *params = adapter_params(f->adapter, &n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < params[i].count; j++)
            params[i].value[j] += 0.01f * (float)((7 * i + j) % 11);
    assert_ok(trainer_run(&f->trainer, &result));
    test_folder_remove(f->run.dir);
}

/* Each of an adapter's tensors trained alone has the gradient that it has among all. */
static void test_each_alone(void **state) {
    (void)state;
    static const char *const kinds[] = {"lora", "dora"};
    for (int k = 0; k < 2; k++) {
        struct fixture all;
        adapter_step(&all, kinds[k], NULL);
        for (int64_t i = 0; i < all.trainer.n_params; i++) {
            const struct param *want = all.trainer.params[i];
            struct fixture one;
            adapter_step(&one, kinds[k], want->name);
            assert_int_equal(one.trainer.n_params, 1);
            assert_string_equal(one.trainer.params[0]->name, want->name);
            assert_true(want->gradient[0] != 0);
            if (memcmp(one.trainer.params[0]->gradient, want->gradient,
                       (size_t)want->count * sizeof(float)) != 0)
                fail_msg("the gradient of '%s' has other bits alone", want->name);
            fixture_stop(&one);
        }
        fixture_stop(&all);
    }
}

/* Frozen tensors of the saved model are the base's bytes, and trained ones are others. */
static void test_saved(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result;
    struct tensor_file *base, *saved;
    char dir[100];
    fixture_init(&f, GOLDEN_NANO);
    set_list(&f, "train_only", "layers.1.mlp,norm.weight");
    f.n_steps = 2;
    f.options.warmup_steps = 0;
    f.run.dir = test_folder();
    fixture_start(&f);
    assert_ok(trainer_run(&f.trainer, &result));
    snprintf(dir, sizeof dir, "%s/merged", f.run.dir);
    assert_ok(adapter_save_merged(&f.model, NULL, GOLDEN_NANO, dir));
    assert_ok(tensor_file_open_dir(&base, GOLDEN_NANO, "model"));
    assert_ok(tensor_file_open_dir(&saved, dir, "model"));
    for (int64_t i = 0; i < f.model.n_params; i++) {
        const struct param *p = &f.model.params[i];
        const struct tensor *was = tensor_file_find(base, p->name),
                            *is = tensor_file_find(saved, p->name);
        bool same = memcmp(was->data, is->data, (size_t)p->count * sizeof(float)) == 0;
        bool wanted = !strstr(p->name, "layers.1.mlp") && !strstr(p->name, "norm.weight");
        if (same != wanted) fail_msg("'%s' is %s", p->name, same ? "as it was" : "another");
    }
    tensor_file_close(saved);
    tensor_file_close(base);
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
}

/* Frozen projections may be held quantised beside trained ones, which are not. */
static void test_quantised_rest(void **state) {
    (void)state;
    struct fixture f;
    struct train_result result;
    int64_t n_quantised = 0;
    fixture_init(&f, GOLDEN_NANO);
    f.options.trainable_layers = 1;
    f.options.weight_dtype = "nf4";
    f.n_steps = 2;
    f.run.dir = test_folder();
    fixture_start(&f);
    for (int64_t i = 0; i < f.model.n_params; i++) {
        const struct param *p = &f.model.params[i];
        assert_true(p->trained == (p->gradient != NULL));
        if (p->trained) assert_int_equal(p->held_dtype, DTYPE_F32);
        n_quantised += quant_of_dtype(p->held_dtype) != NULL;
    }
    assert_int_equal(n_quantised, 7); /* of the frozen layer */
    assert_ok(trainer_run(&f.trainer, &result));
    fixture_stop(&f);
    test_folder_remove(f.run.dir);
}

/* Weights, gradients and the optimiser's tensors are those of the trained parameters alone. */
static void test_plan(void **state) {
    (void)state;
    static const struct setting settings[] = {
        {NULL, NULL, 0, false},  {NULL, NULL, 1, false},    {"norm.weight", NULL, 0, false},
        {NULL, "mlp", 0, false}, {NULL, "lora_A", 0, true},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct fixture f;
        size_t trained = 0;
        open_setting(&f, &settings[i]);
        assert_ok(trainer_init(&f.trainer, &f.run));
        assert_ok(trainer_plan(&f.trainer, &f.plan));
        for (int64_t p = 0; p < f.trainer.n_params; p++)
            trained += ((size_t)f.trainer.params[p]->count * sizeof(float) + 63) / 64 * 64;
        size_t lookup = 0; /* rows of the step's tokens, kept apart where the head is tied */
        for (int64_t row = 0; row < f.plan.n_rows; row++)
            if (!strcmp(f.plan.rows[row].name, "lookup's gradient"))
                lookup = f.plan.rows[row].bytes;
        assert_true((lookup > 0) == f.model.params[0].trained);
        assert_int_equal(plan_bytes(&f.plan, PLAN_GRADIENTS), trained + lookup);
        assert_int_equal(plan_bytes(&f.plan, PLAN_OPTIMIZER), 2 * trained);
        assert_int_equal(plan_bytes(&f.plan, PLAN_WEIGHTS), settings[i].lora ? 0 : trained);
        fixture_stop(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen),     cmocka_unit_test(test_layers_by_number),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_frozen_a),
        cmocka_unit_test(test_saved),      cmocka_unit_test(test_plan),
        cmocka_unit_test(test_each_alone), cmocka_unit_test(test_quantised_rest),
    };
    par_set_threads(1); /* many short runs; that threads do not show is tested in test_loop.c */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
