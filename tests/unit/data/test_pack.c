/* SPDX-License-Identifier: Apache-2.0
 * Filling rows: best-fit decreasing as its definition has it (against one that looks at every row),
 * rows and documents in an order that tells nothing of lengths, next-fit in the given order.
 * Under test: data/steps/pack.h. */
#include "data/steps/pack.h"
#include "base/mem.h"
#include "tests/unit/test.h"

enum { MOST = 3000 };

struct fixture {
    int64_t order[MOST], starts[MOST + 1];
    int32_t lengths[MOST], given[MOST];
    struct packed p;
};

static struct rng rows_of(uint64_t epoch) {
    return (struct rng){7, RNG_PACK, epoch};
}

static void pack(struct fixture *f, int64_t n, int64_t capacity, enum packing how, uint64_t epoch) {
    const struct rng rng = rows_of(epoch);
    memcpy(f->lengths, f->given, (size_t)n * sizeof f->given[0]);
    for (int64_t i = 0; i < n; i++) f->order[i] = 10 * i;
    f->p = (struct packed){.order = f->order, .lengths = f->lengths, .n = n, .starts = f->starts};
    assert_ok(pack_rows(&f->p, capacity, how, &rng));
}

/* Every document once, with its length; rows not over capacity; documents of a row as given. */
static void check_rows(const struct fixture *f, int64_t capacity) {
    static bool seen[MOST];
    memset(seen, 0, sizeof seen);
    assert_int_equal(f->p.starts[0], 0);
    assert_int_equal(f->p.starts[f->p.n_rows], f->p.n);
    for (int64_t r = 0; r < f->p.n_rows; r++) {
        int64_t used = 0;
        assert_true(f->p.starts[r] < f->p.starts[r + 1]);
        for (int64_t i = f->p.starts[r]; i < f->p.starts[r + 1]; i++) {
            int64_t document = f->order[i] / 10;
            assert_false(seen[document]);
            seen[document] = true;
            assert_int_equal(f->lengths[i], f->given[document]);
            assert_true(i == f->p.starts[r] || f->order[i - 1] < f->order[i]);
            used += f->lengths[i];
        }
        assert_true(used <= capacity);
    }
}

static void next_fit_keeps_the_order(void **state) {
    (void)state;
    static struct fixture f = {.given = {3, 4, 3, 9, 1, 1, 8}};
    pack(&f, 7, 10, PACKING_NEXT_FIT, 0);
    const int64_t want[] = {0, 3, 5, 7};
    assert_int_equal(f.p.n_rows, 3);
    assert_memory_equal(f.starts, want, sizeof want);
    for (int i = 0; i < 7; i++) assert_int_equal(f.order[i], 10 * i);
    pack(&f, 7, 10, PACKING_NONE, 0);
    assert_int_equal(f.p.n_rows, 7);
    check_rows(&f, 10);
    pack(&f, 0, 10, PACKING_NEXT_FIT, 0);
    assert_int_equal(f.p.n_rows, 0);
    assert_int_equal(f.starts[0], 0);
    pack(&f, 0, 10, PACKING_BEST_FIT, 0);
    assert_int_equal(f.p.n_rows, 0);
    assert_int_equal(f.starts[0], 0);
}

/* 9 | 8 1 1 | 4 3 3: the least room that holds it takes a document, not the first. */
static void best_fit_fills_the_fullest_row(void **state) {
    (void)state;
    static struct fixture f = {.given = {3, 4, 3, 9, 1, 1, 8}};
    pack(&f, 7, 10, PACKING_BEST_FIT, 0);
    check_rows(&f, 10);
    assert_int_equal(f.p.n_rows, 3);
    for (int64_t r = 0; r < 3; r++) {
        int64_t used = 0;
        for (int64_t i = f.starts[r]; i < f.starts[r + 1]; i++) used += f.lengths[i];
        bool of_nine = f.lengths[f.starts[r]] == 9 || f.lengths[f.starts[r + 1] - 1] == 9;
        if (of_nine) assert_int_equal(used, 10);
    }
}

/* Best-fit decreasing by its definition: how many rows, and how much is left in them, sorted by
 * counting. */
static int64_t plain_best_fit(const int32_t *given, int64_t n, int64_t capacity, int64_t *left_of) {
    static int64_t left[MOST];
    int64_t n_rows = 0;
    for (int64_t length = capacity; length > 0; length--)
        for (int64_t i = 0; i < n; i++) {
            int64_t best = -1;
            if (given[i] != length) continue;
            for (int64_t r = 0; r < n_rows; r++)
                if (left[r] >= length && (best < 0 || left[r] < left[best])) best = r;
            if (best < 0) left[best = n_rows++] = capacity;
            left[best] -= length;
        }
    for (int64_t r = 0; r < n_rows; r++) left_of[left[r]]++;
    return n_rows;
}

static void best_fit_is_what_its_definition_says(void **state) {
    (void)state;
    static struct fixture f;
    static int64_t want[5000], got[5000];
    const struct rng rng = {3, RNG_TEST, 0};
    /* 64 and 4096: borders of words in the set of rooms */
    static const int64_t capacities[] = {1, 2, 63, 64, 65, 500, 4095, 4096, 4160};
    for (size_t k = 0; k < sizeof capacities / sizeof capacities[0]; k++)
        for (int shape = 0; shape < 3; shape++) {
            int64_t capacity = capacities[k], n = shape == 2 ? 300 : 1 + 40 * (int64_t)k;
            for (int64_t i = 0; i < n; i++) {
                uint64_t most = (uint64_t)(shape == 0 ? capacity : 1 + capacity / (1 + i % 7));
                f.given[i] = 1 + (int32_t)rng_below(&rng, (uint64_t)i, most);
                if (f.given[i] > capacity) f.given[i] = (int32_t)capacity;
            }
            memset(want, 0, sizeof want);
            memset(got, 0, sizeof got);
            int64_t n_rows = plain_best_fit(f.given, n, capacity, want);
            pack(&f, n, capacity, PACKING_BEST_FIT, k);
            check_rows(&f, capacity);
            assert_int_equal(f.p.n_rows, n_rows);
            for (int64_t r = 0; r < n_rows; r++) {
                int64_t left = capacity;
                for (int64_t i = f.starts[r]; i < f.starts[r + 1]; i++) left -= f.lengths[i];
                got[left]++;
            }
            assert_memory_equal(got, want, sizeof want);
        }
}

static void the_order_of_rows_is_drawn_for_the_epoch(void **state) {
    (void)state;
    static struct fixture f, again;
    const struct rng rng = {4, RNG_TEST, 0};
    for (int64_t i = 0; i < MOST; i++) f.given[i] = 1 + (int32_t)rng_below(&rng, (uint64_t)i, 200);
    memcpy(again.given, f.given, sizeof f.given);
    pack(&f, MOST, 200, PACKING_BEST_FIT, 1);
    pack(&again, MOST, 200, PACKING_BEST_FIT, 1);
    assert_memory_equal(f.order, again.order, sizeof f.order);
    assert_memory_equal(f.starts, again.starts, (size_t)(f.p.n_rows + 1) * sizeof f.starts[0]);
    pack(&again, MOST, 200, PACKING_BEST_FIT, 2);
    assert_memory_not_equal(f.order, again.order, sizeof f.order);
    /* A tenth of the rows holds about a tenth of the documents, wherever it is taken. */
    for (int64_t part = 0; part < 10; part++) {
        int64_t begin = part * f.p.n_rows / 10, end = (part + 1) * f.p.n_rows / 10;
        int64_t n = f.starts[end] - f.starts[begin];
        assert_in_range(n, MOST / 10 - MOST / 40, MOST / 10 + MOST / 40);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_fit_keeps_the_order),
        cmocka_unit_test(best_fit_fills_the_fullest_row),
        cmocka_unit_test(best_fit_is_what_its_definition_says),
        cmocka_unit_test(the_order_of_rows_is_drawn_for_the_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
