/* SPDX-License-Identifier: Apache-2.0
 * Rotary tables against the released code's, for head sizes 16, 64 and 128 at 17 positions up to
 * 8191: tests/golden/rope.safetensors, whose fp32 tables are what that code computed. The angle is
 * an fp32 product; 8191 times one unit in the last place of a frequency would show as 1e-3, so
 * bit-equal frequencies are needed to be within one unit in the last place of cos and sin. */
#include "tests/unit/test.h"

#include "base/json.h"
#include "compute/ops/rope.h"
#include <math.h>

struct tensors {
    struct file_map map;
    json_t *header;
    const uint8_t *data;
};

static void tensors_open(struct tensors *t) {
    uint64_t n;
    assert_ok(file_map_open(&t->map, SOURCE_DIR "/tests/golden/rope.safetensors"));
    memcpy(&n, t->map.data, sizeof n);
    assert_ok(json_parse((const char *)t->map.data + 8, n, "rope.safetensors", &t->header));
    t->data = t->map.data + 8 + n;
}

static void tensors_close(struct tensors *t) {
    json_decref(t->header);
    file_map_close(&t->map);
}

/* A tensor's bytes, whose number must be as expected. */
static const uint8_t *tensor(const struct tensors *t, const char *name, int64_t bytes) {
    json_t *row, *offsets;
    assert_ok(json_need_object(t->header, name, &row));
    assert_ok(json_need_array(row, "data_offsets", &offsets));
    int64_t begin = json_integer_value(json_array_get(offsets, 0));
    assert_int_equal(json_integer_value(json_array_get(offsets, 1)) - begin, bytes);
    return t->data + begin;
}

enum { POSITIONS = 17, TABLE = 8192 };

static double ulp(float x) {
    return (double)nextafterf(fabsf(x), INFINITY) - (double)fabsf(x);
}

/* Largest distance in units of the last place; the golden tables hold each half twice. */
static double worst_of(const struct tensors *t, const char *kind, int64_t d, const float *table) {
    char name[32];
    int64_t positions[POSITIONS];
    double worst = 0;
    snprintf(name, sizeof name, "%s_f32.d%d", kind, (int)d);
    const uint8_t *want = tensor(t, name, POSITIONS * d * 4);
    memcpy(positions, tensor(t, "positions", sizeof positions), sizeof positions);
    for (int64_t p = 0; p < POSITIONS; p++) {
        for (int64_t i = 0; i < d; i++) {
            float value, got = table[positions[p] * d / 2 + i % (d / 2)];
            memcpy(&value, want + (p * d + i) * 4, sizeof value);
            worst = fmax(worst, fabs((double)got - (double)value) / ulp(value));
        }
    }
    return worst;
}

static void tables(void **state) {
    (void)state;
    static const int64_t sizes[] = {16, 64, 128};
    struct tensors t;
    tensors_open(&t);
    for (int i = 0; i < 3; i++) {
        const int64_t d = sizes[i];
        float *cos = malloc((size_t)(TABLE * d / 2) * sizeof *cos),
              *sin = malloc((size_t)(TABLE * d / 2) * sizeof *sin);
        assert_true(cos != NULL && sin != NULL);
        rope_table(TABLE, d, 10000, cos, sin);
        double worst_cos = worst_of(&t, "cos", d, cos), worst_sin = worst_of(&t, "sin", d, sin);
        print_message("d %d: worst cos %.2f, sin %.2f units in the last place\n", (int)d, worst_cos,
                      worst_sin);
        assert_true(worst_cos <= 1 && worst_sin <= 1);
        free(cos);
        free(sin);
    }
    tensors_close(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables)};
    return cmocka_run_group_tests_name("rope", tests, NULL, NULL);
}
