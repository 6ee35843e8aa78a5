/* SPDX-License-Identifier: Apache-2.0
 * Parity of what is packed with what was trained (release/parity.h). One model is open at a time
 * but for the adapter's check, which walks two along the same tokens.
 * Read next: release/golden.c, adapters/compare.h. */
#include "release/parity.h"
#include "adapters/compare.h"
#include "base/file.h"
#include "base/mem.h"
#include "release/golden.h"
#include <math.h>
#include <string.h>

static const double tie_deviations = 12.0;

struct parity {
    const struct release_parity *inputs;
    struct golden golden;
    struct eval_subject packed, adapted;
};

static err open_subject(struct eval_subject *s, const char *dir, int64_t max_tokens) {
    return eval_subject_open(s, &(struct eval_subject_options){
                                    .model_dir = dir, .device = "cpu", .max_tokens = max_tokens});
}

static err choose(struct parity *p, struct eval_subject *trained) {
    struct dataset *d = NULL;
    struct eval_cases cases = {0};
    struct golden_source from = {.requests = p->inputs->requests,
                                 .cases = &cases,
                                 .tokenizer = trained->tokenizer,
                                 .max_positions = trained->model.config.max_positions};
    TRY(dataset_open(&d, p->inputs->dataset_dir));
    err result = special_whitespace_parse(dataset_special_whitespace(d), &from.whitespace);
    if (result == ERR_OK) result = eval_cases_load(&cases, p->inputs->requests, d, 1);
    if (result == ERR_OK) result = golden_choose(&p->golden, &from);
    eval_cases_release(&cases);
    dataset_close(d);
    return result;
}

/* The trained model's answers become the golden ones. */
static err ask_trained(struct parity *p) {
    struct eval_subject trained = {0};
    struct golden *g = &p->golden;
    TRY(open_subject(&trained, p->inputs->trained_dir, 0));
    err result = choose(p, &trained);
    struct golden_answer *answers = mem_zalloc((size_t)g->n + 1, sizeof *answers);
    if (result == ERR_OK && answers == NULL) result = ERR_MEMORY;
    if (result == ERR_OK) result = golden_ask(g, &trained, answers);
    for (int64_t i = 0; result == ERR_OK && i < g->n; i++) {
        g->prompts[i].answer = answers[i];
        answers[i] = (struct golden_answer){0};
    }
    golden_answers_clear(answers, g->n);
    mem_free(answers);
    eval_subject_close(&trained);
    return result;
}

struct walk {
    double difference, logits; /* sums of squares */
    double bound;
    int64_t positions, other_choices, vocab;
};

static int64_t likeliest(const float *logits, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* One position: `a` merged, `b` adapted. */
static err walk_row(struct walk *w, const float *a, const float *b) {
    double squares = 0.0;
    for (int64_t i = 0; i < w->vocab; i++) {
        const double logit = (double)a[i], difference = logit - (double)b[i];
        squares += logit * logit;
        w->difference += difference * difference;
    }
    w->logits += squares;
    w->positions++;
    int64_t own = likeliest(a, w->vocab), other = likeliest(b, w->vocab);
    if (own == other) return ERR_OK;
    w->other_choices++;
    double nearness = tie_deviations * w->bound * sqrt(squares / (double)w->vocab);
    if ((double)a[own] - (double)a[other] <= nearness) return ERR_OK;
    return fail(ERR_MISMATCH,
                "token %lld is the adapter's choice and %lld the merged model's, whose logits are "
                "%.3g apart (a tie: at most %.3g)",
                (long long)other, (long long)own, (double)a[own] - (double)a[other], nearness);
}

/* The positions from which the answer's tokens and its end were chosen. */
static err walk_prompt(struct parity *p, const struct golden_prompt *g, struct walk *w) {
    struct tokens all = {0};
    int64_t first = g->ids.n - 1, n = g->ids.n + g->answer.ids.n;
    float *a = mem_alloc((size_t)(n - first) * (size_t)w->vocab, sizeof *a);
    float *b = mem_alloc((size_t)(n - first) * (size_t)w->vocab, sizeof *b);
    err result = a == NULL || b == NULL ? ERR_MEMORY : ERR_OK;
    if (result == ERR_OK) result = tokens_append(&all, g->ids.ids, g->ids.n);
    if (result == ERR_OK) result = tokens_append(&all, g->answer.ids.ids, g->answer.ids.n);
    if (result == ERR_OK) result = eval_subject_logits(&p->packed, all.ids, n, first, a);
    if (result == ERR_OK) result = eval_subject_logits(&p->adapted, all.ids, n, first, b);
    for (int64_t i = 0; i < n - first && result == ERR_OK; i++)
        result = walk_row(w, a + i * w->vocab, b + i * w->vocab);
    mem_free(a);
    mem_free(b);
    tokens_release(&all);
    return result;
}

static err compare_adapter(struct parity *p, json_t *out) {
    struct walk w = {.vocab = p->packed.model.config.vocab_size,
                     .bound = comparison_bound(&p->packed.model)};
    TRY(eval_subject_open(&p->adapted,
                          &(struct eval_subject_options){.model_dir = p->inputs->base_dir,
                                                         .adapter_dir = p->inputs->adapter_dir,
                                                         .tokenizer_dir = p->inputs->packed_dir,
                                                         .device = "cpu",
                                                         .max_tokens = p->golden.longest}));
    for (int64_t i = 0; i < p->golden.n; i++)
        TRY(fail_in(walk_prompt(p, &p->golden.prompts[i], &w), "golden prompt %lld",
                    (long long)i + 1));
    double measured = w.logits > 0.0 ? sqrt(w.difference / w.logits) : 0.0;
    if (!(measured <= w.bound)) /* NaN is not */
        return fail(ERR_MISMATCH,
                    "the packed adapter's logits differ by %.3g of their size from "
                    "the merged model's (at most %.3g)",
                    measured, w.bound);
    return json_put(out, "adapter",
                    json_pack("{s:I, s:f, s:f, s:I}", "positions", (json_int_t)w.positions, "bound",
                              w.bound, "measured", measured, "other_choices",
                              (json_int_t)w.other_choices));
}

static err check_all(struct parity *p, json_t *out) {
    struct golden written = {0};
    TRY(ask_trained(p));
    TRY(golden_write(&p->golden, p->inputs->packed_dir));
    TRY(open_subject(&p->packed, p->inputs->packed_dir, p->golden.longest));
    TRY(golden_read(&written, p->inputs->packed_dir));
    err result = golden_compare(&written, &p->packed);
    golden_release(&written);
    TRY(fail_in(result, "the packed folder is not the trained model"));
    TRY(json_put(out, "prompts", json_integer(p->golden.n)));
    if (p->inputs->adapter_dir == NULL) return json_put(out, "adapter", json_null());
    return fail_in(compare_adapter(p, out), "the packed adapter is not the trained model's");
}

err release_parity(const struct release_parity *inputs, json_t **out) {
    struct parity p = {.inputs = inputs};
    json_t *measured = json_object();
    err result =
        measured == NULL ? fail(ERR_MEMORY, "out of memory for a check") : check_all(&p, measured);
    eval_subject_close(&p.packed);
    eval_subject_close(&p.adapted);
    golden_release(&p.golden);
    if (result != ERR_OK) {
        json_decref(measured);
        return result;
    }
    *out = measured;
    return ERR_OK;
}

err release_parity_check(const char *dir, int64_t *out_prompts) {
    struct golden g = {0};
    struct eval_subject s = {0};
    TRY(golden_read(&g, dir));
    err result = open_subject(&s, dir, 0);
    if (result == ERR_OK && g.longest > s.model.config.max_positions)
        result =
            fail(ERR_PARSE, "'%s' has a prompt that leaves no room for its answer", GOLDEN_FILE);
    if (result == ERR_OK) result = golden_compare(&g, &s);
    *out_prompts = g.n;
    eval_subject_close(&s);
    golden_release(&g);
    return result;
}
