/* SPDX-License-Identifier: Apache-2.0
 * Cases answered and judged (eval/held_out.h). Everything that two tasks of this kind report is
 * made here, so their numbers mean the same.
 * Read next: eval/answers.h, eval/metrics.h. */
#include "eval/held_out.h"

#include "base/hash.h"
#include "base/mem.h"
#include "eval/answers.h"
#include "eval/metrics.h"
#include "eval/text.h"
#include <stdio.h>
#include <string.h>

/* What came of one case. */
struct verdict {
    bool exact;
    double rouge_l;
};
/* All cases, groups one after the other. */
struct asked {
    const char *task;
    const struct eval_cases *cases;
    struct answer *answers;
    struct verdict *verdicts;
    int64_t n;
};
struct tally {
    int64_t n, correct;
    double rouge_sum;
};

static err judge(const struct asked *a) {
    int64_t at = 0;
    for (int64_t g = 0; g < a->cases->n_groups; g++) {
        const struct eval_group *group = &a->cases->groups[g];
        for (int64_t i = 0; i < group->n_cases; i++, at++) {
            struct span expected = text_span(group->cases[i].expected),
                        got = text_span(a->answers[at].text);
            a->verdicts[at].exact = metric_exact_match(expected, got);
            err result = metric_rouge_l(expected, got, &a->verdicts[at].rouge_l);
            if (result != ERR_OK)
                return fail_in(result, "request '%s' case %lld", group->request,
                               (long long)(i + 1));
        }
    }
    return ERR_OK;
}

static struct tally count(const struct verdict *verdicts, int64_t n) {
    struct tally t = {.n = n};
    for (int64_t i = 0; i < n; i++) {
        t.correct += verdicts[i].exact;
        t.rouge_sum += verdicts[i].rouge_l;
    }
    return t;
}

static err put_counts(json_t *to, struct tally t) {
    struct interval i = wilson_interval(t.correct, t.n);
    TRY(json_put(to, "n", json_integer(t.n)));
    TRY(json_put(to, "correct", json_integer(t.correct)));
    return json_put(to, "interval", json_pack("[f,f]", i.low, i.high));
}

static err put_scores(json_t *to, struct tally t) {
    double n = t.n > 0 ? (double)t.n : 1.0;
    TRY(json_put(to, "exact_match", json_real((double)t.correct / n)));
    return json_put(to, "rouge_l", json_real(t.rouge_sum / n));
}

static err put_groups(json_t *part, const struct asked *a) {
    json_t *groups = json_array();
    TRY(json_put(part, "requests", groups));
    const struct verdict *verdicts = a->verdicts;
    for (int64_t g = 0; g < a->cases->n_groups; g++) {
        const struct eval_group *group = &a->cases->groups[g];
        struct tally t = count(verdicts, group->n_cases);
        json_t *row = json_object();
        TRY(json_push(groups, row));
        TRY(json_put(row, "request", json_string(group->request)));
        TRY(json_put(row, "scenario", json_string(group->scenario)));
        TRY(put_counts(row, t));
        TRY(put_scores(row, t));
        verdicts += group->n_cases;
    }
    return ERR_OK;
}

/* A text as it may be published: itself, or its hash under NAME_sha256. */
static err put_text(json_t *to, const char *name, const char *text, bool sealed) {
    char hash[SHA256_HEX_SIZE], key[32];
    if (!sealed) return json_put(to, name, json_string(text));
    TRY(sha256_bytes(text, strlen(text), hash));
    snprintf(key, sizeof key, "%s_sha256", name);
    return json_put(to, key, json_string(hash));
}

static err put_items(json_t *part, const struct asked *a) {
    json_t *items = json_array();
    bool sealed = a->cases->sealed;
    int64_t at = 0;
    TRY(json_put(part, "items", items));
    for (int64_t g = 0; g < a->cases->n_groups; g++) {
        const struct eval_group *group = &a->cases->groups[g];
        for (int64_t i = 0; i < group->n_cases; i++, at++) {
            json_t *item = json_object();
            TRY(json_push(items, item));
            TRY(json_put(item, "request", json_string(group->request)));
            TRY(put_text(item, "prompt", group->cases[i].prompt, sealed));
            TRY(put_text(item, "expected", group->cases[i].expected, sealed));
            TRY(put_text(item, "got", a->answers[at].text, sealed));
            TRY(json_put(item, "exact", json_boolean(a->verdicts[at].exact)));
            TRY(json_put(item, "rouge_l", json_real(a->verdicts[at].rouge_l)));
            TRY(json_put(item, "ended", json_boolean(a->answers[at].ended)));
            TRY(json_put(item, "n_prompt_tokens", json_integer(a->answers[at].n_prompt_tokens)));
            TRY(json_put(item, "n_tokens", json_integer(a->answers[at].n_tokens)));
        }
    }
    return ERR_OK;
}

static err write_part(const struct asked *a, json_t *part) {
    struct tally all = count(a->verdicts, a->n);
    TRY(json_put(part, "task", json_string(a->task)));
    TRY(json_put(part, "metric", json_string("exact_match")));
    json_t *scores = json_object();
    TRY(json_put(part, "scores", scores));
    TRY(put_scores(scores, all));
    TRY(put_counts(part, all));
    TRY(put_groups(part, a));
    return put_items(part, a);
}

static err ask(const struct eval_context *c, const struct asked *a) {
    struct answer_options how = {.max_new_tokens = c->options->max_new_tokens,
                                 .whitespace = c->whitespace};
    int64_t at = 0;
    for (int64_t g = 0; g < a->cases->n_groups; g++) {
        const struct eval_group *group = &a->cases->groups[g];
        for (int64_t i = 0; i < group->n_cases; i++)
            a->answers[at++].prompt = group->cases[i].prompt;
    }
    return answers_decode(c->subject, a->answers, a->n, &how);
}

err held_out_need(const struct eval_context *c, const struct eval_cases *cases,
                  struct eval_need *need) {
    for (int64_t g = 0; g < cases->n_groups; g++)
        for (int64_t i = 0; i < cases->groups[g].n_cases; i++) {
            const struct eval_case *one = &cases->groups[g].cases[i];
            eval_need_answer(need, (int64_t)(strlen(one->prompt) + strlen(one->expected)),
                             c->options->max_new_tokens);
            TRY(eval_need_text(c, one->prompt, false, c->options->max_new_tokens, need));
        }
    return ERR_OK;
}

err held_out_run(const struct eval_context *c, const char *task, const struct eval_cases *cases,
                 json_t **out) {
    struct asked a = {.task = task, .cases = cases, .n = eval_cases_count(cases)};
    json_t *part = json_object();
    a.answers = mem_zalloc((size_t)a.n, sizeof *a.answers);
    a.verdicts = mem_zalloc((size_t)a.n, sizeof *a.verdicts);
    err result = a.answers == NULL || a.verdicts == NULL ? ERR_MEMORY : ask(c, &a);
    if (result == ERR_OK) result = judge(&a);
    if (result == ERR_OK) result = write_part(&a, part);
    if (a.answers != NULL) answers_clear(a.answers, a.n);
    mem_free(a.answers);
    mem_free(a.verdicts);
    if (result != ERR_OK) {
        json_decref(part);
        return result;
    }
    *out = part;
    return ERR_OK;
}
