/* SPDX-License-Identifier: Apache-2.0
 * Prints the bits that a backend gives: one line for each case of each operation, with a hash of
 * the operands and one of the results. Two processors agree where their lines are equal. It needs
 * neither cmocka nor the libraries of base/, so that it can be built for another processor alone
 * (tests/shell/test_arm.sh).
 *     op_bits cpu:neon
 * Read next: tests/unit/compute/cases.h. */
#include "tests/unit/compute/cases.h"

#include "base/par.h"
#include "compute/quant.h"

enum { QUANT_ELEMENTS = 96 * 128 };

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const void *data, size_t bytes) {
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++) h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}
static const uint64_t hash_start = 0xcbf29ce484222325u;

static void show_case(const struct test_case *t, struct compute *c) {
    uint64_t in = hash_start, out = hash_start;
    struct test_run r = case_run(t, c, -1, -1);
    for (int s = 0; s < t->n_slots; s++) {
        if (t->count[s] == 0) continue;
        in = hash(in, t->values[s], (size_t)t->count[s] * sizeof *t->values[s]);
        if (t->op->slots[s].use != SLOT_IN) out = hash(out, r.data[s], r.bytes[s]);
    }
    printf("%s, %s, %s: %016llx -> %016llx\n", t->op->name, t->name, dtype_name(t->mat_dtype),
           (unsigned long long)in, (unsigned long long)out);
    run_release(&r);
}

static void show_cases(struct compute *c) {
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    for (int number = 0; number < n_ops; number++) {
        const struct op *op = ops[number];
        for (int i = 0; i < OP_MAX_CASES && op->case_names[i]; i++) {
            for (int d = 0; d < (case_has_mat(op) ? 3 : 1); d++) {
                struct test_case t = case_make(number, case_args(op, i), dtypes[d], 1);
                t.name = op->case_names[i];
                show_case(&t, c);
                case_release(&t);
            }
        }
    }
}

/* Quantised operands of any content: codes and scales made up, decoded inside the product. */
struct quantised {
    uint8_t codes[QUANT_ELEMENTS], absmax[QUANT_ELEMENTS / QUANT_BLOCK];
    float nested[1], map[256], scale[QUANT_ELEMENTS / QUANT_BLOCK];
    struct quant_blocks blocks;
};

static void quantised_fill(struct quantised *q) {
    const struct rng rng = {1, RNG_TEST, 0};
    for (int i = 0; i < QUANT_ELEMENTS; i++) q->codes[i] = (uint8_t)(i * 7919 + i / 251);
    for (int i = 0; i < QUANT_ELEMENTS / QUANT_BLOCK; i++) {
        q->absmax[i] = (uint8_t)(i * 31);
        q->scale[i] = (float)rng_normal(&rng, (uint64_t)i) / 64;
    }
    for (int i = 0; i < 256; i++) q->map[i] = (float)(i - 128) / 128;
    q->nested[0] = 0.75f;
    q->blocks = (struct quant_blocks){.codes = q->codes,
                                      .absmax = q->absmax,
                                      .nested_absmax = q->nested,
                                      .nested_map = q->map,
                                      .nested_offset = 0.25f,
                                      .scale = q->scale};
}

/* c (m,96) = a (m,128) b, with b as it lies and transposed; few rows and many take other paths. */
static void show_quantised(struct compute *c, const struct quantised *q, enum dtype dtype) {
    static float a[40 * 128], out[40 * 96];
    const struct rng rng = {2, RNG_TEST, 0};
    for (int i = 0; i < 40 * 128; i++) a[i] = (float)rng_normal(&rng, (uint64_t)i);
    for (int64_t m = 1; m <= 40; m += 13) {
        for (int turned = 0; turned < 2; turned++) {
            const struct product_args args = {
                .m = m,
                .n = 96,
                .k = 128,
                .a = {a, DTYPE_F32, 128, 1},
                .b = {&q->blocks, dtype, turned ? 1 : 96, turned ? 128 : 1},
                .c = out,
                .c_stride = 96};
            if (c->backend->product(c, &args) != ERR_OK) abort();
            printf("product, %lld rows%s, %s: %016llx\n", (long long)m, turned ? ", turned" : "",
                   dtype_name(dtype),
                   (unsigned long long)hash(hash_start, out, (size_t)m * 96 * sizeof *out));
        }
    }
}

int main(int argc, char **argv) {
    static struct quantised q;
    struct compute c;
    if (argc != 2 || compute_open(&c, argv[1]) != ERR_OK) {
        fprintf(stderr, "usage: op_bits BACKEND:VARIANT\n%s\n", argc == 2 ? err_message() : "");
        return 2;
    }
    par_set_threads(2);
    show_cases(&c);
    quantised_fill(&q);
    show_quantised(&c, &q, DTYPE_NF4);
    show_quantised(&c, &q, DTYPE_INT8);
    compute_close(&c);
    return 0;
}
