/* SPDX-License-Identifier: Apache-2.0
 * What an epoch holds: shares within a document of their formula at every length, every row once
 * where shares are sizes, replay's share of trained tokens, budgets to the token, and that all of
 * it is drawn again from the same numbers.
 * Under test: data/steps/mix.h. */
#include "data/steps/mix.h"
#include "base/mem.h"
#include "base/philox.h"
#include "tests/unit/test.h"
#include <math.h>

enum { GROUPS = 5, MOST = 400 };

struct fixture {
    struct mix_document documents[MOST];
    struct mix_group groups[GROUPS];
    struct mix mix;
    struct mix_epoch epoch;
};

/* Groups of these sizes and weights; a weight below 0 says that the group is replayed. */
static void line_up(struct fixture *f, const int64_t *sizes, const double *weights, int64_t n) {
    const struct rng rng = {5, RNG_TEST, 0};
    int64_t first = 0;
    *f = (struct fixture){0};
    for (int64_t g = 0; g < n; g++) {
        f->groups[g] = (struct mix_group){
            .first = first, .n = sizes[g], .weight = fmax(weights[g], 0), .replay = weights[g] < 0};
        first += sizes[g];
    }
    assert_true(first <= MOST);
    for (int64_t i = 0; i < first; i++) {
        int32_t n_tokens = 5 + (int32_t)rng_below(&rng, 2 * (uint64_t)i, 60);
        f->documents[i] = (struct mix_document){
            .row = i,
            .n_tokens = n_tokens,
            .n_trained = 1 + (int32_t)rng_below(&rng, 2 * (uint64_t)i + 1, (uint64_t)n_tokens - 1)};
    }
    f->mix = (struct mix){.documents = f->documents, .groups = f->groups, .n_groups = n, .seed = 9};
}

static int teardown_of(struct fixture *f) {
    mix_epoch_release(&f->epoch);
    return 0;
}

struct sums {
    int64_t n, tokens, trained, times[MOST];
};
/* Of the documents of one group, or of all (-1). */
static struct sums add_up(const struct fixture *f, int64_t group) {
    struct sums s = {0};
    for (int64_t i = 0; i < f->epoch.n; i++) {
        int64_t document = f->epoch.order[i];
        const struct mix_group *g = &f->groups[group < 0 ? 0 : group];
        if (group >= 0 && (document < g->first || document >= g->first + g->n)) continue;
        s.n++;
        s.tokens += f->documents[document].n_tokens;
        s.trained += f->documents[document].n_trained;
        s.times[document]++;
    }
    return s;
}

static void shares_are_met_to_a_document(void **state) {
    (void)state;
    static struct fixture f;
    static const int64_t sizes[] = {10, 30, 0, 2, 100};
    static const double weights[] = {1, 2, 5, 0.3, 0.7};
    for (int temperature = 0; temperature < 4; temperature++) {
        double shares[GROUPS], whole = 0;
        line_up(&f, sizes, weights, GROUPS);
        f.mix.temperature = temperature == 3 ? 0.5 : temperature;
        for (int g = 0; g < GROUPS; g++) {
            double power = f.mix.temperature > 0 ? 1 / f.mix.temperature : 0;
            shares[g] = sizes[g] > 0 ? weights[g] * pow((double)sizes[g], power) : 0;
            whole += shares[g];
        }
        assert_ok(mix_draw(&f.mix, 0, &f.epoch));
        assert_int_equal(f.epoch.n, 142);
        for (int g = 0; g < GROUPS; g++) {
            double exact = 142 * shares[g] / whole;
            struct sums s = add_up(&f, g);
            assert_true((double)s.n > exact - 1 && (double)s.n < exact + 1);
            assert_int_equal(s.n, f.epoch.counts[g]);
            /* evenly among its rows */
            for (int64_t i = f.groups[g].first; i < f.groups[g].first + sizes[g]; i++)
                assert_in_range(s.times[i], s.n / sizes[g], s.n / sizes[g] + 1);
        }
        teardown_of(&f);
    }
}

static void the_sizes_as_shares_are_every_row_once(void **state) {
    (void)state;
    static struct fixture f;
    static const int64_t sizes[] = {7, 13, 1, 99, 41};
    static const double weights[] = {0.1, 0.1, 0.1, 0.1, 0.1}; /* no exact binary number */
    line_up(&f, sizes, weights, GROUPS);
    f.mix.temperature = 1;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_ok(mix_draw(&f.mix, epoch, &f.epoch));
        struct sums s = add_up(&f, -1);
        assert_int_equal(s.n, 161);
        for (int i = 0; i < 161; i++) assert_int_equal(s.times[i], 1);
    }
    teardown_of(&f);
}

static void epochs_are_drawn_again_and_anew(void **state) {
    (void)state;
    static struct fixture f, again;
    static const int64_t sizes[] = {50, 50, 30};
    static const double weights[] = {3, 1, -1};
    line_up(&f, sizes, weights, 3);
    f.mix.replay_share = 0.1;
    line_up(&again, sizes, weights, 3);
    again.mix.replay_share = 0.1;
    assert_ok(mix_draw(&f.mix, 1, &f.epoch));
    assert_ok(mix_draw(&again.mix, 4, &again.epoch)); /* another one before it */
    assert_ok(mix_draw(&again.mix, 1, &again.epoch));
    assert_int_equal(f.epoch.n, again.epoch.n);
    assert_memory_equal(f.epoch.order, again.epoch.order, (size_t)f.epoch.n * sizeof(int64_t));
    struct sums one = add_up(&f, 1), replayed = add_up(&f, 2);
    assert_ok(mix_draw(&again.mix, 2, &again.epoch));
    struct sums two = add_up(&again, 1), replayed_two = add_up(&again, 2);
    assert_int_equal(one.n, 25);
    assert_memory_not_equal(one.times, two.times, sizeof one.times); /* other rows are left out */
    assert_memory_not_equal(replayed.times, replayed_two.times, sizeof one.times);
    again.mix.seed++;
    assert_ok(mix_draw(&again.mix, 1, &again.epoch));
    assert_memory_not_equal(f.epoch.order, again.epoch.order, 50 * sizeof(int64_t));
    teardown_of(&f);
    teardown_of(&again);
}

/* Replay has its share of the trained tokens: not more, and no further document fits in. */
static void replay_has_its_share_of_trained_tokens(void **state) {
    (void)state;
    static const double shares[] = {0.01, 0.2, 0.5, 0.9};
    static const int64_t sizes[] = {40, 60, 200};
    static const double weights[] = {1, 1, -1};
    static struct fixture f;
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        line_up(&f, sizes, weights, 3);
        f.mix.replay_share = shares[i];
        assert_ok(mix_draw(&f.mix, 0, &f.epoch));
        struct sums all = add_up(&f, -1), replay = add_up(&f, 2);
        assert_int_equal(all.n - replay.n, 100); /* the others as without it */
        assert_int_equal(f.epoch.counts[2], replay.n);
        double limit = shares[i] / (1 - shares[i]) * (double)(all.trained - replay.trained);
        assert_true((double)replay.trained <= limit + 1e-6);
        assert_true((double)replay.trained > limit - 65); /* no document is as long */
        for (int64_t k = 0; k < 200; k++)                 /* none twice before all came once */
            assert_in_range(replay.times[100 + k], replay.n / 200, replay.n / 200 + 1);
        teardown_of(&f);
    }
}

/* The most that fits, to the token: a budget of just what was drawn draws the same, one of a token
 * less draws less, and nothing more comes before the next document's last token is paid for. */
static void budgets_are_exact_to_the_token(void **state) {
    (void)state;
    static const int64_t sizes[] = {40, 60, 50};
    static const double weights[] = {1, 3, -1};
    static struct fixture f;
    line_up(&f, sizes, weights, 3);
    f.mix.replay_share = 0.25;
    /* within a pass over the rows, and over several */
    static const int64_t budgets[] = {200, 1111, 2000, 20000};
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        f.mix.max_tokens = budgets[i];
        assert_ok(mix_draw(&f.mix, 3, &f.epoch));
        struct sums given = add_up(&f, -1), replay = add_up(&f, 2);
        assert_true(given.tokens <= budgets[i]);
        double limit = 0.25 / 0.75 * (double)(given.trained - replay.trained);
        assert_true((double)replay.trained <= limit && (double)replay.trained > limit - 65);
        f.mix.max_tokens = given.tokens;
        assert_ok(mix_draw(&f.mix, 3, &f.epoch));
        assert_int_equal(add_up(&f, -1).n, given.n);
        f.mix.max_tokens = given.tokens - 1;
        assert_ok(mix_draw(&f.mix, 3, &f.epoch));
        struct sums less = add_up(&f, -1);
        assert_true(less.n < given.n);
        /* between the two, nothing: the next larger epoch is the given one */
        for (f.mix.max_tokens = less.tokens; f.mix.max_tokens < given.tokens; f.mix.max_tokens++) {
            assert_ok(mix_draw(&f.mix, 3, &f.epoch));
            assert_int_equal(add_up(&f, -1).tokens, less.tokens);
        }
        /* one of the others and what it lets replay give */
        struct sums next = given;
        for (f.mix.max_tokens = given.tokens; next.n == given.n; f.mix.max_tokens++) {
            assert_ok(mix_draw(&f.mix, 3, &f.epoch));
            next = add_up(&f, -1);
        }
        assert_true(next.tokens > budgets[i]);
        assert_int_equal(next.tokens, f.mix.max_tokens - 1);
    }
    teardown_of(&f);
}

static void what_cannot_be_mixed_is_an_error(void **state) {
    (void)state;
    static const int64_t sizes[] = {10, 10};
    static const double none[] = {0, 0}, replayed[] = {1, -1}, alone[] = {-1, -1};
    static struct fixture f;
    line_up(&f, sizes, none, 2);
    assert_fails(mix_draw(&f.mix, 0, &f.epoch), ERR_RANGE, "weight above 0");
    teardown_of(&f);
    line_up(&f, sizes, alone, 2);
    assert_fails(mix_draw(&f.mix, 0, &f.epoch), ERR_RANGE, "weight above 0");
    teardown_of(&f);
    line_up(&f, sizes, replayed, 2);
    f.mix.replay_share = 0.5;
    for (int i = 10; i < 20; i++) f.documents[i].n_trained = 0;
    assert_fails(mix_draw(&f.mix, 0, &f.epoch), ERR_RANGE, "train no token");
    f.documents[15].n_trained = 1; /* the others come beside it for nothing */
    assert_ok(mix_draw(&f.mix, 0, &f.epoch));
    f.mix.max_tokens = 4;
    assert_fails(mix_draw(&f.mix, 0, &f.epoch), ERR_RANGE, "not even one document fits");
    teardown_of(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_met_to_a_document),
        cmocka_unit_test(the_sizes_as_shares_are_every_row_once),
        cmocka_unit_test(epochs_are_drawn_again_and_anew),
        cmocka_unit_test(replay_has_its_share_of_trained_tokens),
        cmocka_unit_test(budgets_are_exact_to_the_token),
        cmocka_unit_test(what_cannot_be_mixed_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
