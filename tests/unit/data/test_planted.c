/* SPDX-License-Identifier: Apache-2.0
 * Copies and leaks planted among rows of templates (bench/planted.h), and how many of them the
 * filters near_dup and decontaminate find: a smaller run of bench/planted.c with bounds. Under
 * test: data/text/alike.h, data/text/leaks.h and the two filters. */
#include "bench/planted.h"
#include "data/filters/filter.h"
#include "data/filters_int.h"
#include "tests/unit/test.h"

enum { N_ROWS = 1500, N_CASES = 100, PER_CELL = 20, LIGHT = 4, N_SHARES = 5 };
static const double shares[N_SHARES] = {0, 0.02, 0.05, 0.1, 0.5};
enum { N_PLANTED = PLANTED_KINDS * N_SHARES * PER_CELL };

struct fixture {
    struct planted_row rows[N_ROWS + N_CASES], planted[N_PLANTED];
    int share[N_PLANTED];
    struct corpus corpus;
    struct filtering done;
};

static void make(struct fixture *f, const struct planted_row *from, int64_t n_from) {
    struct planted_draw d = {{7, RNG_TEST, 0}, 0};
    for (int i = 0; i < N_ROWS + N_CASES; i++) assert_ok(planted_make(&d, &f->rows[i]));
    for (int i = 0; i < N_PLANTED; i++) {
        const struct planted_row *one;
        do one = &from[planted_below(&d, (uint32_t)n_from)];
        while ((int)one->kind != i % PLANTED_KINDS);
        f->share[i] = i / PLANTED_KINDS % N_SHARES;
        assert_ok(planted_edit(&d, f->rows, N_ROWS, one, shares[f->share[i]], &f->planted[i]));
    }
}

static void add(struct corpus *c, const struct planted_row *row) {
    struct draft draft = {.arena = &c->arena};
    assert_ok(draft_turn(&draft, (struct span){row->prompt, strlen(row->prompt)},
                         (struct span){row->answer, strlen(row->answer)}));
    assert_ok(sample_list_add(&c->samples, &draft, 0, (int32_t)c->samples.n + 1));
}

static void run(struct fixture *f, const struct filter *filter,
                const struct forbidden_source *forbidden) {
    static const struct data_options options;
    struct corpus *c = &f->corpus;
    c->sources = arena_alloc(&c->arena, 1, sizeof *c->sources);
    c->groups = arena_alloc(&c->arena, 1, sizeof *c->groups);
    assert_true(c->sources && c->groups);
    c->sources[0] = (struct corpus_source){.path = "rows", .name = "rows", .format = "pairs"};
    c->groups[0] = (struct corpus_group){.name = "rows", .weight = 1};
    c->n_sources = c->n_groups = 1;
    for (int i = 0; i < N_ROWS; i++) add(c, &f->rows[i]);
    for (int i = 0; i < N_PLANTED; i++) add(c, &f->planted[i]);
    c->use = mem_zalloc((size_t)c->samples.n, 1);
    assert_non_null(c->use);
    const struct filters_run how = {.corpus = c, .options = &options, .forbidden = forbidden};
    assert_ok(filters_run_these(&how, &filter, 1, &f->done));
}

/* Of what is planted with light edits, at least 0.95 are found; of what is changed beyond
 * recognition, none; and of the rows, which are siblings at most, no more than `most_wrong`. */
static void check(const struct fixture *f, int64_t most_wrong) {
    int64_t light = 0, heavy = 0, wrong = 0, planted_light = N_PLANTED / N_SHARES * LIGHT;
    for (int64_t i = 0; i < f->done.n_dropped; i++) {
        int64_t at = f->done.dropped[i].sample - N_ROWS;
        if (at < 0)
            wrong++;
        else if (f->share[at] < LIGHT)
            light++;
        else
            heavy++;
    }
    if ((double)light < 0.95 * (double)planted_light || heavy > 0 || wrong > most_wrong)
        fail_msg("%lld of %lld found, %lld heavily changed ones, %lld rows", (long long)light,
                 (long long)planted_light, (long long)heavy, (long long)wrong);
}

static int setup(void **state) {
    *state = mem_zalloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}
static int teardown(void **state) {
    struct fixture *f = *state;
    filtering_release(&f->done);
    corpus_release(&f->corpus);
    for (int i = 0; i < N_ROWS + N_CASES; i++) {
        mem_free(f->rows[i].prompt);
        mem_free(f->rows[i].answer);
    }
    for (int i = 0; i < N_PLANTED; i++) {
        mem_free(f->planted[i].prompt);
        mem_free(f->planted[i].answer);
    }
    mem_free(f);
    return 0;
}

static void copies_with_light_edits_are_found(void **state) {
    struct fixture *f = *state;
    make(f, f->rows, N_ROWS);
    run(f, &filter_near_dup, NULL);
    check(f, N_ROWS / 20);
    for (int64_t i = 0; i < f->done.n_dropped; i++)
        assert_true(f->done.dropped[i].related < f->done.dropped[i].sample);
}

static err hand_cases(void *ctx, forbidden_take *take, void *taker) {
    const struct planted_row *cases = ctx;
    for (int i = 0; i < N_CASES; i++)
        TRY(take(taker,
                 &(struct forbidden_text){.set = "cases",
                                          .prompt = {cases[i].prompt, strlen(cases[i].prompt)},
                                          .answer = {cases[i].answer, strlen(cases[i].answer)}}));
    return ERR_OK;
}

static void leaks_with_light_edits_are_found(void **state) {
    struct fixture *f = *state;
    const struct forbidden_source cases = {hand_cases, f->rows + N_ROWS};
    make(f, f->rows + N_ROWS, N_CASES);
    run(f, &filter_decontaminate, &cases);
    check(f, N_ROWS / 20);
    assert_string_equal(f->done.dropped[0].elsewhere, "cases");
    assert_null(f->done.dropped[0].sealed_case);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(copies_with_light_edits_are_found),
        TEST(leaks_with_light_edits_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
