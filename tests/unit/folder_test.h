/* SPDX-License-Identifier: Apache-2.0
 * For cmocka programs whose tests each want a fresh folder of their own: FOLDER_TEST(name) in the
 * list of tests makes `folder` before the test and removes it after.
 * Read next: tests/unit/test.h. */
#ifndef COTRAIN_TESTS_UNIT_FOLDER_TEST_H
#define COTRAIN_TESTS_UNIT_FOLDER_TEST_H

#include "tests/unit/test.h"

static const char *folder;

static int folder_make(void **state) {
    (void)state;
    folder = test_folder();
    return 0;
}

static int folder_remove(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

#endif
