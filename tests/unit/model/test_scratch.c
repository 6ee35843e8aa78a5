/* SPDX-License-Identifier: Apache-2.0
 * Scratch rows that lie in one memory: none of those that meet at a stage overlap; at the shapes of
 * the published models the layout is the smallest there can be, which is the stage with the most
 * rows; and a model whose rows share memory gives the bits of one whose rows all lie apart,
 * whatever the widths are, so that the stages in acts.def are what the passes do.
 * Under test: model/layout.c, the stages of model/acts.def. */
#include "base/par.h"
#include "model/model_int.h"
#include "tests/unit/folder_test.h"
#include "tests/unit/model/small.h"

enum { N_TOKENS = 21, N_STAGES = 12 };

static bool lie_apart(const struct layout_row *a, const struct layout_row *b) {
    return a->at + a->bytes <= b->at || b->at + b->bytes <= a->at;
}

static size_t least(const struct layout_row *rows, int n) {
    size_t most = 0;
    for (unsigned stage = 0; stage < N_STAGES; stage++) {
        size_t sum = 0;
        for (int i = 0; i < n; i++)
            if (rows[i].stages >> stage & 1) sum += plan_aligned(rows[i].bytes);
        if (sum > most) most = sum;
    }
    return most;
}

static void check_layout(struct layout_row *rows, int n) {
    const size_t bytes = layout_rows(rows, n);
    assert_true(bytes >= least(rows, n));
    for (int i = 0; i < n; i++) {
        assert_int_equal(rows[i].at % 64, 0);
        if (rows[i].stages) assert_true(rows[i].at + rows[i].bytes <= bytes);
        for (int j = 0; j < i; j++)
            if (rows[i].stages & rows[j].stages) assert_true(lie_apart(&rows[i], &rows[j]));
    }
}

static void random_rows(void **state) {
    (void)state;
    const struct rng rng = {.seed = 8, .purpose = RNG_TEST};
    uint64_t drawn = 0;
    for (int trial = 0; trial < 200; trial++) {
        struct layout_row rows[12] = {0};
        const int n = 1 + (int)rng_below(&rng, drawn++, 12);
        for (int i = 0; i < n; i++) {
            rows[i].bytes = 1 + rng_below(&rng, drawn++, 1000);
            rows[i].stages = (unsigned)rng_below(&rng, drawn++, 1 << N_STAGES);
        }
        check_layout(rows, n);
    }
}

static void too_large(void **state) {
    (void)state;
    struct layout_row rows[] = {{.bytes = SIZE_MAX / 2, .stages = 1},
                                {.bytes = SIZE_MAX / 2, .stages = 2},
                                {.bytes = 64, .stages = 4}};
    assert_true(layout_rows(rows, 3) == SIZE_MAX);
    rows[0].bytes = rows[1].bytes = rows[2].bytes = SIZE_MAX;
    assert_true(layout_rows(rows, 3) == SIZE_MAX);
}

/* The rows of acts.def for one token. */
static int act_rows(int64_t C, int64_t F, bool filter, unsigned stages, struct layout_row *rows) {
    int n = 0;
    bool ANY = true, FILTER = filter;
#define SAVED(...)
#define SCRATCH(field, variant, type, width, alive)                                                \
    if (variant)                                                                                   \
        rows[n++] = (struct layout_row){.bytes = 64 * (size_t)(width), .stages = (alive)&stages};
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
    return n;
}

static void smallest_for_published_shapes(void **state) {
    (void)state;
    const int64_t shapes[][2] = {{2048, 8192}, {8192, 32768}, {1536, 6144}, {24, 100}};
    struct layout_row rows[LAYOUT_MAX_ROWS];
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int kind = 0; kind < 4; kind++) {
            const unsigned back = kind & 2 ? STAGES_BACK : 0;
            int n = act_rows(shapes[i][0], shapes[i][1], kind & 1, STAGES_LAYER | STAGE_LOSS | back,
                             rows);
            check_layout(rows, n);
            assert_int_equal(layout_rows(rows, n), least(rows, n));
        }
}

/* Every shared row in memory of its own. */
static void move_apart(struct small *s, struct arena *arena) {
    struct scratch *t = &s->model.internal->workspace.scratch;
    const int64_t C = s->model.config.hidden_size, F = s->model.config.intermediate_size;
    t->logits = arena_alloc(arena, N_TOKENS, SMALL_V * sizeof(float));
    assert_non_null(t->logits);
#define SAVED(...)
#define SCRATCH(field, variant, type, width, alive)                                                \
    t->field = arena_alloc(arena, N_TOKENS, (size_t)(width) * sizeof(float));                      \
    assert_non_null(t->field);
#include "model/acts.def"
#undef SCRATCH
#undef SAVED
}

static void run_step(struct small *s, bool padded, float *losses) {
    struct batch b;
    int32_t ids[N_TOKENS];
    uint8_t seen[N_TOKENS];
    double sum;
    int64_t trained;
    const struct model_call call = {.batch = &b, .training = true};
    assert_ok(batch_init(&b, N_TOKENS));
    small_document(1, N_TOKENS, ids);
    for (int i = 0; i < N_TOKENS; i++) seen[i] = i >= 5;
    assert_ok(batch_add_row(&b, N_TOKENS, ids, ids, NULL, SMALL_EOD, ISOLATE_NONE));
    if (padded) assert_ok(batch_hide(&b, N_TOKENS, seen));
    assert_ok(model_zero_gradients(&s->model));
    assert_ok(model_forward(&s->model, &call));
    assert_ok(model_loss(&s->model, &call, 1, &sum, &trained, losses));
    assert_ok(model_backward(&s->model, &call));
    assert_ok(model_finish_gradients(&s->model));
    batch_release(&b);
}

static void open_trained(struct small *s, const char *dir, struct recompute recompute) {
    *s = (struct small){0};
    assert_ok(compute_open(&s->compute, "cpu"));
    assert_ok(model_open(&s->model, dir, &s->compute));
    const struct model_plan_options options = {
        .max_tokens = N_TOKENS, .train_base = true, .backward = true, .recompute = recompute};
    assert_ok(model_plan(&s->model, &s->plan, &options));
    assert_ok(plan_allocate(&s->plan, &s->compute));
    assert_ok(model_start(&s->model, &s->plan));
}

static void check_widths(int width, bool shareqk, bool padded, struct recompute recompute) {
    struct small together, apart;
    struct arena arena = {0};
    char changes[100];
    float want[N_TOKENS], got[N_TOKENS];
    snprintf(changes, sizeof changes, "\"intermediate_size\": %d, \"use_shareqk\": %s", width,
             shareqk ? "true" : "false");
    const char *dir = small_model(folder, changes, DTYPE_F32);
    open_trained(&together, dir, recompute);
    open_trained(&apart, dir, recompute);
    move_apart(&apart, &arena);
    run_step(&together, padded, got);
    run_step(&apart, padded, want);
    assert_memory_equal(got, want, sizeof want);
    for (int64_t i = 0; i < apart.model.n_params; i++)
        assert_memory_equal(together.model.params[i].gradient, apart.model.params[i].gradient,
                            (size_t)apart.model.params[i].count * sizeof(float));
    small_close(&together);
    small_close(&apart);
    arena_release(&arena);
}

static void same_bits_as_apart(void **state) {
    (void)state;
    const int widths[] = {5, 24, 36, 100, 230}; /* beside 24 of the residual stream */
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (int kind = 0; kind < 8; kind++)
            check_widths(widths[i], kind & 1, kind & 2,
                         (struct recompute){.layers = kind & 4 ? 2 : 0});
}

int main(void) {
    par_set_threads(1); /* many small runs */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rows),
        cmocka_unit_test(too_large),
        cmocka_unit_test(smallest_for_published_shapes),
        FOLDER_TEST(same_bits_as_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
