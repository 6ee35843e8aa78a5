/* SPDX-License-Identifier: Apache-2.0
 * Keys of rank_pattern and alpha_pattern: which names they mean, by PEFT's rule, what is refused,
 * and what they do to the sites of an adapter: rank, shapes, scale, the first key that matches.
 * Read next: adapters/pattern.h. */
#include "tests/unit/trainer/fixture.h"

#include "adapters/adapter_int.h"
#include "adapters/pattern.h"

#include <math.h>

static const char q0[] = "model.layers.0.self_attn.q_proj";

/* Answers of Python's re.match(r"(.*\.)?(KEY)$", name). */
static void test_names(void **state) {
    (void)state;
    static const struct {
        const char *key, *name;
        bool matches;
    } cases[] = {
        {"q_proj", q0, true},
        {"proj", q0, false},
        {"self_attn.q_proj", q0, true},
        {"attn.q_proj", q0, false},
        {"model.layers.0.self_attn.q_proj", q0, true},
        {"layers.0", q0, false},
        {"layers.0.", q0, false},
        {"^q_proj", q0, false},
        {"^model.layers.0.self_attn.q_proj", q0, true},
        {"^model\\.layers\\.0\\..*$", q0, true},
        {".*\\.layers\\.[0-3]\\..*", q0, true},
        {".*\\.layers\\.[1-3]\\..*", q0, false},
        {"layers.[^1].*", q0, true},
        {"layers.\\d+.self_attn.(q|k)_proj", q0, true},
        {"layers.\\d+.self_attn.(?:k|v)_proj", q0, false},
        {"(q|k|v|o)_proj", q0, true},
        {"q_proj|k_proj", q0, true},
        {"k_proj|v_proj|", q0, false},
        {"layers.1.*|q_pro[j]", q0, true},
        {"\\w_proj", q0, true},
        {"[\\w]+", q0, true},
        {"[a-z_]+", q0, true},
        {"[a-pr-z_]+", q0, false},
        {"q_?proj", q0, true},
        {"qq*?_+p(ro)+j", q0, true},
        {"(a*)*q_proj", q0, true},
        {"((q)|(q_))(_proj|proj)", q0, true},
        {"[]x]", "a.]", true},
        {"[a-]", "a.-", true},
        {"lf_gate.conv[12]", "model.layers.3.self_attn.lf_gate.conv2", true},
        {"x", "", false},
        {".", ".", true},
        {".x", "..x", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool matches;
        assert_ok(pattern_matches(cases[i].key, cases[i].name, &matches));
        if (matches != cases[i].matches)
            fail_msg("'%s' and '%s': %d", cases[i].key, cases[i].name, matches);
    }
}

static void test_unreadable(void **state) {
    (void)state;
    static const char *const keys[] = {"",         "(",   "(q",      "q)", "[q",  "[",   "[z-a]",
                                       "*q",       "a**", "a{2}",    "\\", "\\b", "\\1", "(?=q)",
                                       "(?P<n>q)", "a|*", "[a-\\d]", "?",  "[\\"};
    bool matches;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (pattern_matches(keys[i], q0, &matches) != ERR_UNSUPPORTED ||
            !strstr(err_message(), keys[i]))
            fail_msg("'%s': %s", keys[i], err_message());
    char deep[120], wide[400];
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_fails(pattern_matches(deep, q0, &matches), ERR_UNSUPPORTED, "too many groups");
    memset(wide, 'a', sizeof wide);
    wide[sizeof wide - 1] = '\0';
    assert_fails(pattern_matches(wide, q0, &matches), ERR_UNSUPPORTED, "longer than 200");
    /* The largest program a key can make, on the worst of names. */
    for (int i = 0; i < 200; i++) wide[i] = i % 2 ? '*' : 'a';
    wide[200] = '\0';
    assert_ok(pattern_matches(wide, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", &matches));
    assert_false(matches);
    for (int i = 0; i < 200; i++) wide[i] = '|';
    assert_ok(pattern_matches(wide, "b", &matches));
    assert_false(matches);
}

static struct adapter_options with(const char *rank, const char *other_rank, const char *alpha) {
    static const char *ranks[2], *alphas[1], *targets[] = {"linear"};
    ranks[0] = rank;
    ranks[1] = other_rank;
    alphas[0] = alpha;
    return (struct adapter_options){.type = "lora",
                                    .r = 8,
                                    .lora_alpha = 4,
                                    .target_modules = {targets, 1},
                                    .rank_pattern = {ranks, (rank != NULL) + (other_rank != NULL)},
                                    .alpha_pattern = {alphas, alpha != NULL}};
}

/* Rank and scale of each site; two layers. */
static void test_sites(void **state) {
    (void)state;
    struct compute compute;
    struct model model;
    struct adapter *a;
    struct adapter_options o =
        with("layers.0.self_attn.q_proj: 2", "q_proj|down_proj: 16", "layers.1..*: 12");
    o.use_rslora = true;
    assert_ok(compute_open(&compute, NULL));
    assert_ok(model_open(&model, GOLDEN_NANO, &compute));
    assert_ok(adapter_new(&a, &model, &o, 1));
    for (int64_t i = 0; i < a->n_sites; i++) {
        const struct adapter_site *s = &a->sites[i];
        const char *module = s->projection->module;
        const bool first = strstr(module, "layers.0.") != NULL,
                   q = strstr(module, "q_proj") != NULL;
        const int64_t r = first && q ? 2 : q || strstr(module, "down_proj") ? 16 : 8;
        assert_int_equal(s->r, r);
        assert_true(s->scale == (first ? 4 : 12) / sqrt((double)r));
        assert_int_equal(s->params[0].shape[0], r);
        assert_int_equal(s->params[1].shape[1], r);
    }
    adapter_free(a);
    model_close(&model);
    compute_close(&compute);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *rank, *other_rank, *alpha;
        err code;
        const char *part;
    } cases[] = {
        {"q_prj: 2", NULL, NULL, ERR_MISSING, "'q_prj' means no adapted module"},
        {"q_proj: 2", "self_attn.q_proj: 4", NULL, ERR_MISSING, "'self_attn.q_proj'"},
        {NULL, NULL, "conv1: 2", ERR_MISSING, "'alpha_pattern'"}, /* not a target */
        {"q_proj: 0", NULL, NULL, ERR_RANGE, "'q_proj' has 0"},
        {"q_proj: 1.5", NULL, NULL, ERR_RANGE, "whole number"},
        {"q_proj: nan", NULL, NULL, ERR_PARSE, "'rank_pattern'"},
        {"q_proj: many", NULL, NULL, ERR_PARSE, "many"},
        {"q_proj", NULL, NULL, ERR_PARSE, "not 'module: number'"},
        {"q_[proj: 2", NULL, NULL, ERR_UNSUPPORTED, "without an end"},
        {NULL, NULL, "q_proj: -1", ERR_RANGE, "'q_proj' has -1"},
    };
    struct compute compute;
    struct model model;
    struct adapter *a;
    assert_ok(compute_open(&compute, NULL));
    assert_ok(model_open(&model, GOLDEN_NANO, &compute));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct adapter_options o = with(cases[i].rank, cases[i].other_rank, cases[i].alpha);
        assert_fails(adapter_new(&a, &model, &o, 1), cases[i].code, cases[i].part);
        assert_null(a);
    }
    model_close(&model);
    compute_close(&compute);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_sites), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
