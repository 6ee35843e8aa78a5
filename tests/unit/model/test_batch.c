/* SPDX-License-Identifier: Apache-2.0
 * Flat batches: where attention, positions and the filter stop under each isolation, capacity, and
 * what an attention mask hides.
 * Under test: model/batch.h. */
#include "model/batch.h"
#include "tests/unit/test.h"

enum { EOD = 9 };

/* Two rows: [1 9 | 2 3 9 | 4] and [5 6]. */
static void fill(struct batch *b, enum isolate isolate) {
    const int32_t one[] = {1, EOD, 2, 3, EOD, 4}, two[] = {5, 6};
    batch_clear(b);
    assert_ok(batch_add_row(b, 6, one, NULL, NULL, EOD, isolate));
    assert_ok(batch_add_row(b, 2, two, NULL, NULL, EOD, isolate));
    assert_int_equal(b->n, 8);
}

static void expect(const struct batch *b, const int32_t *position, const int32_t *first,
                   const uint8_t *link) {
    assert_memory_equal(b->position, position, 8 * sizeof *position);
    assert_memory_equal(b->first, first, 8 * sizeof *first);
    assert_memory_equal(b->link, link, 8);
}

static void borders(void **state) {
    (void)state;
    struct batch b;
    assert_ok(batch_init(&b, 8));
    fill(&b, ISOLATE_ALL);
    expect(&b, (int32_t[]){0, 1, 0, 1, 2, 0, 0, 1}, (int32_t[]){0, 0, 2, 2, 2, 5, 6, 6},
           (uint8_t[]){0, 1, 0, 1, 1, 0, 0, 1});
    fill(&b, ISOLATE_ATTENTION);
    expect(&b, (int32_t[]){0, 1, 2, 3, 4, 5, 0, 1}, (int32_t[]){0, 0, 2, 2, 2, 5, 6, 6},
           (uint8_t[]){0, 1, 1, 1, 1, 1, 0, 1});
    fill(&b, ISOLATE_NONE);
    expect(&b, (int32_t[]){0, 1, 2, 3, 4, 5, 0, 1}, (int32_t[]){0, 0, 0, 0, 0, 0, 6, 6},
           (uint8_t[]){0, 1, 1, 1, 1, 1, 0, 1});
    for (int i = 0; i < 8; i++) assert_int_equal(b.targets[i], TARGET_IGNORE);
    const int32_t length[] = {2, 2, 3, 3,
                              3, 1, 2, 2}; /* of the documents, though none is isolated */
    assert_memory_equal(b.length, length, sizeof length);
    batch_release(&b);
}

/* Given starts rule, and <eod> does not. */
static void given_document_starts(void **state) {
    (void)state;
    struct batch b;
    const int32_t ids[] = {1, EOD, 2, 3};
    const uint8_t starts[] = {0, 0, 0, 1};
    assert_ok(batch_init(&b, 4));
    assert_ok(batch_add_row(&b, 4, ids, ids, starts, EOD, ISOLATE_ALL));
    assert_memory_equal(b.position, ((int32_t[]){0, 1, 2, 0}), 16);
    assert_memory_equal(b.first, ((int32_t[]){0, 0, 0, 3}), 16);
    assert_memory_equal(b.targets, ids, 16);
    batch_release(&b);
}

static void limits(void **state) {
    (void)state;
    struct batch b;
    const int32_t ids[3] = {1, 2, 3};
    assert_ok(batch_init(&b, 4));
    assert_ok(batch_add_row(&b, 3, ids, NULL, NULL, EOD, ISOLATE_ALL));
    assert_fails(batch_add_row(&b, 2, ids, NULL, NULL, EOD, ISOLATE_ALL), ERR_LIMIT, "room for 1");
    assert_fails(batch_add_row(&b, 0, ids, NULL, NULL, EOD, ISOLATE_ALL), ERR_RANGE,
                 "without tokens");
    assert_int_equal(b.n, 3);
    batch_clear(&b);
    b.row_base = 1000;
    assert_ok(batch_add_row(&b, 3, ids, NULL, NULL, EOD, ISOLATE_ALL));
    assert_int_equal(b.row[2], 1002);
    batch_clear(&b);
    b.row_base = INT32_MAX - 2;
    assert_fails(batch_add_row(&b, 3, ids, NULL, NULL, EOD, ISOLATE_ALL), ERR_LIMIT,
                 "training step");
    batch_release(&b);
    assert_fails(batch_init(&b, INT32_MAX), ERR_LIMIT, "batch of");
    enum isolate isolate;
    assert_fails(isolate_parse("some", &isolate), ERR_USAGE, "'some'");
}

static void hidden_padding(void **state) {
    (void)state;
    struct batch b;
    const int32_t ids[5] = {1, 2, 3, 4, 5};
    assert_ok(batch_init(&b, 10));
    assert_ok(batch_add_row(&b, 5, ids, NULL, NULL, EOD, ISOLATE_NONE));
    assert_ok(batch_hide(&b, 5, (uint8_t[]){1, 1, 1, 0, 0}));
    assert_int_equal(b.n_blind, 0);
    assert_memory_equal(b.first, ((int32_t[]){0, 0, 0, 0, 0}), 20);
    assert_ok(batch_add_row(&b, 5, ids, NULL, NULL, EOD, ISOLATE_NONE));
    assert_ok(batch_hide(&b, 5, (uint8_t[]){0, 0, 1, 1, 1}));
    assert_memory_equal(b.first + 5, ((int32_t[]){5, 6, 7, 7, 7}), 20);
    assert_int_equal(b.n_blind, 1);
    assert_int_equal(b.blind[0].begin, 5);
    assert_int_equal(b.blind[0].end, 7);
    assert_int_equal(b.blind[0].row_end, 10);
    assert_fails(batch_hide(&b, 5, (uint8_t[]){0, 1, 0, 1, 0}), ERR_UNSUPPORTED,
                 "token 2 is hidden");
    batch_clear(&b);
    assert_int_equal(b.n_blind, 0);
    batch_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders),
        cmocka_unit_test(given_document_starts),
        cmocka_unit_test(limits),
        cmocka_unit_test(hidden_padding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
