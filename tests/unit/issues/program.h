/* SPDX-License-Identifier: Apache-2.0
 * A small program in a temporary folder, with records made on the spot, for the tests of what works
 * on a program.
 * Read next: issues/program.h. */
#ifndef COTRAIN_TESTS_UNIT_ISSUES_PROGRAM_H
#define COTRAIN_TESTS_UNIT_ISSUES_PROGRAM_H

#include "issues/record.h"
#include "tests/unit/test.h"

/* Makes a program in `dir`/p and opens it; months hold `capacity` requests. */
static inline void open_small_program(const char *dir, int64_t capacity, struct program *out) {
    static struct program_base base = {"nano", "../nano"};
    struct arena a = {0};
    struct program_options o = {0};
    const char *path = arena_printf(&a, "%s/p", dir);
    assert_ok(opt_presets(program_options_table(), &o, &a));
    o.name = "small";
    o.repository = "o/r";
    o.issue = 1;
    o.capacity = capacity;
    o.base_models = (struct program_bases){&base, 1};
    assert_ok(program_init(path, &o, NULL, "2024-01-01"));
    assert_ok(program_open(path, out));
    arena_release(&a);
}

/* An accepted request of o/r#1 with one example; `state` NULL: new. */
static inline struct record small_record(const char *id, const char *month, const char *created_at,
                                         const char *state) {
    static struct example example = {.prompt = "1+1=", .response = "2"};
    struct record r = {.id = id,
                       .month = month,
                       .requester = "dev",
                       .language = "en",
                       .scenario = "sums",
                       .weight = 1,
                       .source = {.created_at = created_at, .digest = "0"},
                       .examples = {&example, 1},
                       .text = "please\r\nsum"};
    static struct record_decision decisions[64];
    static int used;
    if (state) {
        struct record_decision *d = &decisions[used++ % 64];
        *d = (struct record_decision){.state = state, .by = "me", .date = "2024-02-07"};
        r.review = (struct record_history){d, 1};
    }
    return r;
}

static inline void keep(const struct program *p, struct record r, struct arena *a) {
    assert_ok(record_path(r.id, r.month, a, &r.path));
    assert_ok(record_write(p, &r));
}

#endif
