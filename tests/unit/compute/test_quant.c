/* SPDX-License-Identifier: Apache-2.0
 * Quantised types on weights of every kind: each element comes back within the type's own bound,
 * zero as zero, the same bytes from any number of threads; NF4 against a plain reading of its
 * definition; non-finite weights and parts that say what decoding would not do are refused.
 * Read next: test_quant_product.c for the products. */
#include "tests/unit/test.h"

#include "base/par.h"
#include "base/philox.h"
#include "compute/quant.h"
#include "compute/quants/nf4.h"
#include <float.h>
#include <math.h>

struct stored {
    const struct quant *q;
    int64_t rows, columns;
    void *parts[QUANT_MAX_PARTS];
    int64_t counts[QUANT_MAX_PARTS];
    struct quant_blocks blocks;
};

static err try_store(struct stored *s, const struct quant *q, const float *values, int64_t rows,
                     int64_t columns) {
    *s = (struct stored){.q = q, .rows = rows, .columns = columns};
    for (int i = 0; i < q->n_parts; i++) {
        const struct quant_part part = q->part(i, rows, columns);
        /* One byte off, as a file may have them. */
        char *memory = calloc((size_t)(part.count * dtype_bytes(part.dtype)) + 1, 1);
        assert_non_null(memory);
        s->parts[i] = memory;
        s->counts[i] = part.count;
    }
    return q->encode(&(struct quant_weight){values, DTYPE_F32, rows, columns}, s->parts);
}

static err reopen(struct stored *s) {
    return s->q->open((const void *const *)s->parts, s->counts, s->rows, s->columns, &s->blocks);
}

static void store(struct stored *s, const struct quant *q, const float *values, int64_t rows,
                  int64_t columns) {
    assert_ok(try_store(s, q, values, rows, columns));
    assert_ok(reopen(s));
}

static void release(struct stored *s) {
    for (int i = 0; i < s->q->n_parts; i++) free(s->parts[i]);
}

static int part_named(const struct stored *s, const char *suffix) {
    for (int i = 0; i < s->q->n_parts; i++)
        if (strcmp(s->q->part(i, s->rows, s->columns).suffix, suffix) == 0) return i;
    fail_msg("no part '%s'", suffix);
    return -1;
}

/* Kinds of weights by number: random ones, and those at which an encoder goes wrong. */
enum { NORMAL, UNIFORM, CONSTANT, ZERO, OUTLIER, SPARSE, TINY, SUBNORMAL, HUGE_ONES, N_KINDS };
static const char *const kind_names[N_KINDS] = {"normal", "uniform", "constant",  "zero", "outlier",
                                                "sparse", "tiny",    "subnormal", "huge"};

static float value_of(int kind, int64_t i) {
    const struct rng rng = {.seed = 3, .purpose = RNG_TEST, .step = (uint64_t)kind};
    const double normal = rng_normal(&rng, (uint64_t)i);
    switch (kind) {
    case NORMAL: return (float)(0.02 * normal);
    case UNIFORM: return (float)(2 * rng_uniform(&rng, (uint64_t)i) - 1);
    case CONSTANT: return -0.37f;
    case ZERO: return i % 2 ? 0.0f : -0.0f;
    case OUTLIER: return (float)(i % 1000 == 17 ? 40 : 0.01 * normal);
    case SPARSE: return (float)(i / 64 % 3 ? 0 : i % 5 ? 0 : normal);
    case TINY: return (float)(1e-30 * normal);
    case SUBNORMAL: return (float)(1e-43 * normal);
    default: return (float)(1e38 * (2 * rng_uniform(&rng, (uint64_t)i) - 1));
    }
}

static const int64_t shapes[][2] = {{1, 1},  {1, 2},   {3, 1},    {7, 9},    {1, 64},
                                    {5, 64}, {33, 65}, {130, 70}, {67, 251}, {300, 129}};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static void check_round_trip(const struct quant *q, int kind, int64_t rows, int64_t columns) {
    const int64_t n = rows * columns;
    float *values = malloc((size_t)n * sizeof *values), *back = malloc((size_t)n * sizeof *back);
    assert_true(values && back);
    for (int64_t i = 0; i < n; i++) values[i] = value_of(kind, i);
    struct stored s;
    store(&s, q, values, rows, columns);
    q->decode(&s.blocks, 0, n, back);
    for (int64_t i = 0; i < n; i++) {
        const double off = fabs((double)back[i] - (double)values[i]),
                     bound = q->error_bound(&s.blocks, i / QUANT_BLOCK);
        if (!(off <= bound) || (values[i] == 0 && back[i] != 0))
            fail_msg("%s, %s weights of %lld x %lld: element %lld is %.9g, not %.9g: off by %.3g, "
                     "allowed %.3g",
                     q->name, kind_names[kind], (long long)rows, (long long)columns, (long long)i,
                     (double)back[i], (double)values[i], off, bound);
    }
    release(&s);
    free(values);
    free(back);
}

static void round_trips(void **state) {
    (void)state;
    for (int t = 0; t < n_quants; t++)
        for (int kind = 0; kind < N_KINDS; kind++)
            for (int i = 0; i < N_SHAPES; i++)
                check_round_trip(quants[t], kind, shapes[i][0], shapes[i][1]);
}

/* The bound is not idle: weights that fill the gap between two values come near it. */
static void bound_is_near(void **state) {
    (void)state;
    enum { N = 64 * 64 };
    float values[N], back[N];
    for (int t = 0; t < n_quants; t++) {
        double most = 0;
        for (int i = 0; i < N; i++)
            values[i] = i % 64 == 0 ? 1 : (float)(-1 + 0.37 * (i % 97) / 97);
        struct stored s;
        store(&s, quants[t], values, 64, 64);
        quants[t]->decode(&s.blocks, 0, N, back);
        for (int i = 0; i < N; i++)
            most = fmax(most, fabs((double)back[i] - (double)values[i]) /
                                  quants[t]->error_bound(&s.blocks, i / QUANT_BLOCK));
        assert_true(most > 0.9 && most <= 1);
        release(&s);
    }
}

/* The element that is its block's absmax comes back as the decoded absmax, whatever else is there.
 * */
static void absmax_element(void **state) {
    (void)state;
    enum { N = 64 * 40 };
    float values[N], back[N];
    for (int i = 0; i < N; i++) values[i] = (float)(0.01 * sin(i) * (1 + i / 64));
    for (int i = 0; i < N; i += 64)
        values[i + i / 64 % 64] = (float)((i / 64 % 2 ? 1 : -1) * (1 + i));
    struct stored s;
    store(&s, &nf4_quant, values, 40, 64);
    nf4_quant.decode(&s.blocks, 0, N, back);
    for (int i = 0; i < N; i += 64) {
        const int at = i + i / 64 % 64;
        assert_true(fabsf(back[at]) == nf4_absmax(&s.blocks, i / 64));
        assert_true((back[at] < 0) == (values[at] < 0));
    }
    release(&s);
    store(&s, &int8_quant, values, 40, 64);
    int8_quant.decode(&s.blocks, 0, N, back);
    for (int i = 0; i < N; i += 64) {
        const int at = i + i / 64 % 64;
        assert_true(fabsf(back[at] - values[at]) <= fabsf(values[at]) * 0x1p-23f);
    }
    release(&s);
}

/* Every code is the nearest value: no other of the 16 is nearer to the element over its absmax. */
static void nearest_value(void **state) {
    (void)state;
    enum { ROWS = 50, COLUMNS = 77, N = ROWS * COLUMNS };
    float values[N];
    struct stored s;
    for (int i = 0; i < N; i++) values[i] = value_of(NORMAL, i);
    for (int i = 0; i < 15; i++) values[i + 1] = (nf4_values[i] + nf4_values[i + 1]) / 2;
    values[0] = 1;
    store(&s, &nf4_quant, values, ROWS, COLUMNS);
    for (int i = 0; i < N; i++) {
        const int first = i / 64 * 64, last = first + 64 < N ? first + 64 : N;
        float absmax = 0;
        for (int j = first; j < last; j++) absmax = fmaxf(absmax, fabsf(values[j]));
        const int code = s.blocks.codes[i / 2] >> (i % 2 ? 0 : 4) & 15;
        const double x = (double)(values[i] / absmax), off = fabs(x - (double)nf4_values[code]);
        for (int v = 0; v < NF4_VALUES; v++) {
            const double other = fabs(x - (double)nf4_values[v]);
            assert_true(off < other || v == code || (off == other && code < v));
        }
    }
    release(&s);
}

/* The second level: 256 ascending values with 0 and 1, and the offset is the mean of the absmax. */
static void second_level(void **state) {
    (void)state;
    enum { N = 64 * 300 };
    static float values[N];
    for (int i = 0; i < N; i++) values[i] = (float)(i % 64 == 5 ? 1 + i / 64 : 0);
    struct stored s;
    store(&s, &nf4_quant, values, 300, 64);
    float map[256];
    memcpy(map, s.parts[part_named(&s, ".nested_quant_map")], sizeof map);
    for (int i = 0; i + 1 < 256; i++) assert_true(map[i] < map[i + 1]);
    assert_true(map[127] == 0 && map[255] == 1 && map[254] == (float)(1 - 0.9 / 128) &&
                map[0] == -map[254] && map[128] == (float)0.55e-6);
    assert_true(s.blocks.nested_offset == 150.5f);
    assert_true(quant_read_f32(s.blocks.nested_absmax, 0) == 149.5f &&
                quant_read_f32(s.blocks.nested_absmax, 1) == 149.5f);
    assert_true(s.blocks.absmax[299] == 255 && s.blocks.absmax[0] == 0);
    release(&s);
}

static void same_bytes(void **state) {
    (void)state;
    enum { ROWS = 257, COLUMNS = 191, N = ROWS * COLUMNS };
    static float values[N];
    for (int i = 0; i < N; i++) values[i] = value_of(NORMAL, i);
    for (int t = 0; t < n_quants; t++) {
        struct stored one, more;
        par_set_threads(1);
        store(&one, quants[t], values, ROWS, COLUMNS);
        for (int threads = 2; threads <= 3; threads++) {
            par_set_threads(threads);
            store(&more, quants[t], values, ROWS, COLUMNS);
            for (int i = 0; i < quants[t]->n_parts; i++) {
                const struct quant_part part = quants[t]->part(i, ROWS, COLUMNS);
                assert_memory_equal(one.parts[i], more.parts[i],
                                    part.count * dtype_bytes(part.dtype));
            }
            release(&more);
        }
        release(&one);
    }
    par_set_threads(2);
}

static void sizes(void **state) {
    (void)state;
    const int64_t n = 2048 * 2048;
    assert_int_equal(quant_bytes(&nf4_quant, 2048, 2048),
                     n / 2 + n / 64 + n / 64 / 256 * 4 + 1024 + 64 + 192);
    assert_int_equal(quant_bytes(&int8_quant, 2048, 2048), n + n / 64 * 4);
    assert_ptr_equal(quant_named("nf4"), &nf4_quant);
    assert_ptr_equal(quant_of_dtype(DTYPE_INT8), &int8_quant);
    assert_true(quant_named("fp4") == NULL && quant_of_dtype(DTYPE_BF16) == NULL);
    enum dtype t;
    assert_fails(dtype_parse("NF4", &t), ERR_UNSUPPORTED, "NF4");
}

static void not_finite(void **state) {
    (void)state;
    float values[6] = {1, 2, 3, 4, 5, 6};
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    for (int t = 0; t < n_quants; t++)
        for (int i = 0; i < 3; i++) {
            struct stored s;
            values[4] = bad[i];
            assert_fails(try_store(&s, quants[t], values, 2, 3), ERR_NUMERIC, "row 1, column 1 is");
            release(&s);
        }
}

static void put_state(struct stored *s, const char *text) {
    const int i = part_named(s, ".quant_state.bitsandbytes__nf4");
    free(s->parts[i]);
    s->parts[i] = strdup(text);
    s->counts[i] = (int64_t)strlen(text);
}

#define STATE_OF(type, block, shape, nested, dtype, offset)                                        \
    "{\"quant_type\": \"" type "\", \"blocksize\": " block ", \"dtype\": \"" dtype                 \
    "\", \"shape\": " shape ", \"nested_blocksize\": " nested                                      \
    ", \"nested_dtype\": \"float32\", \"nested_offset\": " offset "}"

static void foreign_states(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        err code;
    } cases[] = {
        {STATE_OF("nf4", "64", "[2, 70]", "256", "float16", "0.25"), NULL, ERR_OK},
        {STATE_OF("fp4", "64", "[2, 70]", "256", "float16", "0"), "'fp4'", ERR_UNSUPPORTED},
        {STATE_OF("nf4", "128", "[2, 70]", "256", "float16", "0"), "'blocksize' is 128",
         ERR_UNSUPPORTED},
        {STATE_OF("nf4", "64", "[70, 2]", "256", "float16", "0"), "'shape' is not [2, 70]",
         ERR_MISMATCH},
        {STATE_OF("nf4", "64", "140", "256", "float16", "0"), "shape", ERR_PARSE},
        {STATE_OF("nf4", "64", "[2, 70]", "64", "float16", "0"), "'nested_blocksize' is 64",
         ERR_UNSUPPORTED},
        {STATE_OF("nf4", "64", "[2, 70]", "256", "int8", "0"), "'dtype' is 'int8'",
         ERR_UNSUPPORTED},
        {STATE_OF("nf4", "64", "[2, 70]", "256", "float16", "1e300"), "nested_offset", ERR_RANGE},
        {STATE_OF("nf4", "64", "[2, 70]", "256", "float16", "\"0\""), "nested_offset", ERR_PARSE},
        {"{\"quant_type\": \"nf4\", \"more\": 1}", "'more' is not handled", ERR_UNSUPPORTED},
        {"{\"quant_type\": \"nf4\"}", "dtype", ERR_PARSE},
        {"[]", "not an object", ERR_PARSE},
        {"{", "quant_state", ERR_PARSE},
        {"", "quant_state", ERR_PARSE},
    };
    float values[140];
    for (int i = 0; i < 140; i++) values[i] = value_of(NORMAL, i);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stored s;
        store(&s, &nf4_quant, values, 2, 70);
        put_state(&s, cases[i].text);
        if (cases[i].code == ERR_OK) {
            assert_ok(reopen(&s));
            assert_true(s.blocks.nested_offset == 0.25f);
        } else {
            assert_fails(reopen(&s), cases[i].code, cases[i].message);
        }
        release(&s);
    }
}

static void foreign_numbers(void **state) {
    (void)state;
    static const struct {
        const char *part, *message;
        int at;
        float value;
        err code;
    } cases[] = {
        {".quant_map", "'.quant_map' is not NF4's", 3, -0.4f, ERR_UNSUPPORTED},
        {".nested_quant_map", "value 9 is nan", 9, NAN, ERR_RANGE},
        {".nested_quant_map", "value 255 is 1.5", 255, 1.5f, ERR_RANGE},
        {".nested_absmax", "value 0 is inf", 0, INFINITY, ERR_NUMERIC},
        {".nested_absmax", "beyond fp32", 0, FLT_MAX, ERR_RANGE},
    };
    float values[140];
    for (int i = 0; i < 140; i++) values[i] = value_of(HUGE_ONES, i);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stored s;
        store(&s, &nf4_quant, values, 2, 70);
        memcpy((char *)s.parts[part_named(&s, cases[i].part)] + 4 * cases[i].at, &cases[i].value,
               4);
        assert_fails(reopen(&s), cases[i].code, cases[i].message);
        release(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),    cmocka_unit_test(bound_is_near),
        cmocka_unit_test(absmax_element), cmocka_unit_test(nearest_value),
        cmocka_unit_test(second_level),   cmocka_unit_test(same_bytes),
        cmocka_unit_test(sizes),          cmocka_unit_test(not_finite),
        cmocka_unit_test(foreign_states), cmocka_unit_test(foreign_numbers)};
    return cmocka_run_group_tests_name("quant", tests, NULL, NULL);
}
