/* SPDX-License-Identifier: Apache-2.0
 * Every case of every operation on the GPU backend's variants, against the plain reference:
 *     ops [OPERATION [CASE]]
 * Prints a digest of all results at the end, which no order of threads, blocks and streams changes.
 * Read next: tests/unit/compute/cases.h. */
#include "tests/unit/compute/check.h"

static void digest_add(uint64_t *digest, const void *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        *digest = (*digest ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
}

static int check(const struct test_case *t, struct compute *c, uint64_t *digest) {
    double *want[OP_MAX_SLOTS] = {0};
    int wrong = 0;
    for (int s = 0; s < t->n_slots; s++) {
        if (t->count[s] == 0) continue;
        want[s] = test_alloc((size_t)t->count[s], sizeof(double));
        memcpy(want[s], t->values[s], (size_t)t->count[s] * sizeof(double));
    }
    t->op->reference(t->args, want);
    struct test_run r = case_run(t, c, -1, -1);
    for (int s = 0; s < t->n_slots; s++) {
        if (t->op->slots[s].use == SLOT_IN || !t->count[s]) continue;
        wrong += !slot_agrees(t, s, want[s], r.data[s], c->backend->variant);
        digest_add(digest, r.data[s], r.bytes[s]);
    }
    for (int p = 0; p < OP_MAX_PAIRS && t->op->in_place[p].slot; p++) {
        struct test_run shared = case_run(t, c, slot_named(t->op, t->op->in_place[p].slot),
                                          slot_named(t->op, t->op->in_place[p].other));
        for (int s = 0; s < t->n_slots; s++) digest_add(digest, shared.data[s], shared.bytes[s]);
        run_release(&shared);
    }
    run_release(&r);
    for (int s = 0; s < t->n_slots; s++) free(want[s]);
    return wrong;
}

int main(int argc, char **argv) {
    static const char *const devices[] = {"cuda:f32", "cuda:bf16", "cuda:cudnn"};
    enum { CUDNN = 2, N_DEVICES = sizeof devices / sizeof devices[0] };
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_BF16, DTYPE_F16};
    uint64_t digest = 0xcbf29ce484222325u;
    int n_wrong = 0, n_run = 0;
    for (int v = 0; v < N_DEVICES; v++) {
        struct compute c;
        if (compute_open(&c, devices[v])) {
            fprintf(stderr, "%s: %s\n", devices[v], err_message());
            return 1;
        }
        for (int number = 0; number < n_ops; number++) {
            const struct op *op = ops[number];
            if (argc > 1 && strcmp(argv[1], op->name) != 0) continue;
            if (v == CUDNN && op != &product_op) continue; /* nothing else of its own */
            for (int i = 0; i < OP_MAX_CASES && op->case_names[i]; i++) {
                if (argc > 2 && strcmp(argv[2], op->case_names[i]) != 0) continue;
                for (int d = 0; d < (case_has_mat(op) ? 3 : 1); d++) {
                    struct test_case t = case_make_acts(number, case_args(op, i), dtypes[d],
                                                        c.backend->act_dtype, 1);
                    t.name = op->case_names[i];
                    n_wrong += check(&t, &c, &digest);
                    n_run++;
                    case_release(&t);
                }
            }
        }
        compute_close(&c);
    }
    printf("%d cases, %d wrong, digest %016llx\n", n_run, n_wrong, (unsigned long long)digest);
    return n_wrong > 0 || n_run == 0;
}
