/* SPDX-License-Identifier: Apache-2.0
 * Memory: counting, alignment, checked sizes, the Nth allocation failing; arenas.
 * What is released must show as released: live bytes come back to where they were.
 * Under test: base/mem.h, base/arena.h, base/fault.h. */
#include "tests/unit/test.h"

#include "base/arena.h"
#include "base/fault.h"
#include "base/mem.h"
#include "base/str.h"

static void counts_live_bytes_and_the_peak(void **state) {
    (void)state;
    struct mem_stats before = mem_stats();
    char *p = mem_alloc(10, 100);
    assert_int_equal((uintptr_t)p % 64, 0);
    p = mem_resize(p, 3000, 1);
    assert_int_equal(mem_stats().live_bytes - before.live_bytes, 3000);
    assert_true(mem_stats().peak_bytes >= before.live_bytes + 3000);
    mem_free(p);
    mem_free(NULL);
    assert_int_equal(mem_stats().live_bytes, before.live_bytes);
    assert_int_equal(mem_stats().live_blocks, before.live_blocks);
}

static void resize_keeps_what_fits(void **state) {
    (void)state;
    char *p = mem_strdup("0123456789");
    p = mem_resize(p, 5, 1);
    assert_memory_equal(p, "01234", 5);
    p = mem_resize(p, 100, 1);
    assert_memory_equal(p, "01234", 5);
    mem_free(p);
}

static void lists_double_or_stay_as_they_are(void **state) {
    (void)state;
    int64_t *items = NULL, capacity = 0;
    for (int64_t i = 0; i < 1000; i++) {
        const int64_t before = capacity;
        assert_ok(mem_grow(&items, &capacity, i, sizeof *items));
        assert_true(capacity > i);
        assert_true(capacity == before || before == 0 || capacity == 2 * before);
        items[i] = i;
    }
    const int64_t *list = items;
    fault_arm(FAULT_MEM, FAULT_FAIL, 1);
    assert_int_equal(mem_grow(&items, &capacity, capacity, sizeof *items), ERR_MEMORY);
    fault_arm(FAULT_MEM, FAULT_FAIL, 0);
    assert_ptr_equal(items, list);
    assert_int_equal(capacity, 1024);
    for (int64_t i = 0; i < 1000; i++) assert_int_equal(items[i], i);
    mem_free(items);
}

static void sizes_multiply_checked(void **state) {
    (void)state;
    assert_null(mem_alloc(SIZE_MAX / 2, 3));
    assert_non_null(strstr(err_message(), "too large"));
    assert_null(mem_alloc(SIZE_MAX - 8, 1));
    struct arena a = {0};
    assert_null(arena_alloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(&a, SIZE_MAX - 20, 1));
    arena_release(&a);
}

static void every_allocation_can_fail(void **state) {
    (void)state;
    struct mem_stats before = mem_stats();
    bool done = false;
    for (int64_t n = 1; !done; n++) {
        struct str s = {0};
        struct arena a = {0};
        fault_arm(FAULT_MEM, FAULT_FAIL, n);
        err e = str_add(&s, "text");
        for (int i = 0; e == ERR_OK && i < 9; i++)
            if (arena_alloc(&a, 3000, 1) == NULL) e = ERR_MEMORY;
        done = e == ERR_OK;
        if (!done) assert_non_null(strstr(err_message(), "out of memory"));
        fault_arm(FAULT_MEM, FAULT_FAIL, 0);
        str_release(&s);
        arena_release(&a);
        assert_int_equal(mem_stats().live_blocks, before.live_blocks);
        assert_true(n < 100);
    }
}

static void arena_memory_is_zeroed_aligned_and_apart(void **state) {
    (void)state;
    struct arena a = {0};
    char *blocks[200];
    for (int i = 0; i < 200; i++) {
        size_t n = (size_t)(i * 37 % 6000) + 1;
        blocks[i] = arena_alloc(&a, n, 1);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t j = 0; j < n; j++) assert_int_equal(blocks[i][j], 0);
        memset(blocks[i], i, n);
    }
    for (int i = 0; i < 200; i++) assert_int_equal((unsigned char)blocks[i][i * 37 % 6000], i);
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    arena_release(&a);
    assert_null(a.chunks);
}

static void arenas_in_a_file_hold_what_is_put_in(void **state) {
    (void)state;
    const char *dir = test_folder();
    struct arena a = {0};
    struct name_list names;
    enum { N = 4000 };
    char *blocks[N];
    assert_ok(arena_use_file(&a, dir));
    int64_t before = mem_stats().live_bytes;
    for (int i = 0; i < N; i++) {
        size_t n = i % 100 == 99 ? 100000 : (size_t)(i % 300) + 1;
        blocks[i] = arena_alloc(&a, n, 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < n; k++) assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], i % 128, n);
    }
    assert_int_equal(mem_stats().live_bytes, before); /* none of it is ours */
    for (int i = 0; i < N; i++) {
        size_t n = i % 100 == 99 ? 100000 : (size_t)(i % 300) + 1;
        for (size_t k = 0; k < n; k++) assert_int_equal(blocks[i][k], i % 128);
    }
    assert_ok(dir_list(dir, &names));
    assert_int_equal(names.n, 0); /* the file has no name */
    fault_arm(FAULT_IO, FAULT_FAIL, 1);
    while (arena_alloc(&a, 100000, 1)) continue;
    assert_non_null(strstr(err_message(), "cannot keep"));
    assert_non_null(strstr(err_message(), dir));
    fault_arm(FAULT_IO, FAULT_FAIL, 0);
    arena_release(&a);
    assert_fails(arena_use_file(&a, "/absent"), ERR_IO, "/absent");
    test_folder_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_live_bytes_and_the_peak),
        cmocka_unit_test(resize_keeps_what_fits),
        cmocka_unit_test(lists_double_or_stay_as_they_are),
        cmocka_unit_test(sizes_multiply_checked),
        cmocka_unit_test(every_allocation_can_fail),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(arenas_in_a_file_hold_what_is_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
