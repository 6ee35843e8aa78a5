/* SPDX-License-Identifier: Apache-2.0
 * The table of a release's files: every line's own path leads back to it, folders take what is
 * below them, and what has no line is the model's own and hashed.
 * How a whole release is packed: tests/shell/test_release.sh. */
#include "tests/unit/test.h"

#include "release/files.h"
#include "release/names.h"
#include "release/pack.h"
#include "release/seal.h"

static void every_line_is_found_by_its_path(void **state) {
    (void)state;
    for (size_t i = 0; i < n_release_files; i++) {
        const struct release_file *f = &release_files[i];
        char path[256];
        snprintf(path, sizeof path, "%s%s", f->path, release_file_is_folder(f) ? "x/y.bin" : "");
        assert_ok(release_name_check(path));
        assert_ptr_equal(release_file_of(path), f); /* no line hides another */
        assert_int_equal(release_part_of(path), f->part);
        if (f->origin == RELEASE_FROM) {
            assert_true(f->member < sizeof(struct release_pack));
            assert_int_equal(f->member % sizeof(char *), 0);
        }
    }
}

static void a_path_without_a_line_is_the_models(void **state) {
    (void)state;
    static const char *const others[] = {
        "model.safetensors", "LICENSE",       "yuan_hf_model.py", "logs",
        "adapter",           "README.md.txt", "x/README.md"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_null(release_file_of(others[i]));
        assert_int_equal(release_part_of(others[i]), RELEASE_HASHED);
    }
}

static void signatures_are_in_no_sum(void **state) {
    (void)state;
    int n = 0;
    for (size_t i = 0; i < n_release_files; i++) {
        bool is = release_files[i].part == RELEASE_SIGNATURE;
        assert_int_equal(seal_is_signature(release_files[i].path), is);
        assert_false(is && release_files[i].needed); /* a release may be unsigned */
        n += is;
    }
    assert_int_equal(n, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_found_by_its_path),
        cmocka_unit_test(a_path_without_a_line_is_the_models),
        cmocka_unit_test(signatures_are_in_no_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
