/* SPDX-License-Identifier: Apache-2.0
 * The two checks of packing (release/check.h). Both take the first cases of every request, so that
 * their cost does not grow with the evaluation; the whole evaluation was of the same weight bytes,
 * which release_pack compares by digest.
 * Read next: eval/subject.h, eval/answers.h. */
#include "release/check.h"
#include "adapters/compare.h"
#include "base/mem.h"
#include "eval/answers.h"
#include "eval/cases.h"
#include "eval/metrics.h"
#include "eval/report.h"
#include <string.h>

enum { CASES_PER_REQUEST = 4 };

struct checking {
    const struct release_check *inputs;
    enum special_whitespace whitespace;
    struct eval_cases cases;
    struct tokens *texts; /* prompt, <sep>, expected answer of each case, as far as positions go */
    int64_t n, longest;
    struct eval_subject packed, adapted;
};

static err encode_texts(struct checking *c) {
    int64_t at = 0;
    c->n = eval_cases_count(&c->cases);
    c->texts = mem_zalloc((size_t)c->n + 1, sizeof *c->texts);
    if (c->texts == NULL) return ERR_MEMORY;
    struct model_config config;
    struct tokenizer *t = NULL;
    TRY(model_read_config(&config, c->inputs->packed_dir));
    const int64_t most = config.max_positions;
    model_config_release(&config);
    TRY(tokenizer_open(&t, c->inputs->packed_dir));
    err result = ERR_OK;
    for (int64_t g = 0; g < c->cases.n_groups; g++) {
        for (int64_t i = 0; i < c->cases.groups[g].n_cases && result == ERR_OK; i++, at++) {
            const struct eval_case *one = &c->cases.groups[g].cases[i];
            result = tokenizer_encode_prompt(t, one->prompt, strlen(one->prompt), c->whitespace,
                                             &c->texts[at]);
            if (result == ERR_OK)
                result = tokenizer_encode_answer(t, one->expected, strlen(one->expected),
                                                 c->whitespace, &c->texts[at]);
            if (c->texts[at].n > most) c->texts[at].n = most;
            if (c->texts[at].n > c->longest) c->longest = c->texts[at].n;
        }
    }
    tokenizer_free(t);
    return result;
}

static err compare_merged(struct checking *c, json_t *out) {
    struct comparison d = {0};
    struct eval_subject_options opening = {.model_dir = c->inputs->base_dir,
                                           .adapter_dir = c->inputs->adapter_dir,
                                           .tokenizer_dir = c->inputs->packed_dir,
                                           .max_tokens = c->longest};
    if (c->inputs->adapter_dir == NULL) return ERR_OK;
    TRY(eval_subject_open(&c->adapted, &opening));
    const struct compared models = {&c->adapted.model, &c->packed.model, &c->adapted.batch};
    for (int64_t i = 0; i < c->n; i++)
        TRY(comparison_add(&d, &models, c->texts[i].ids, c->texts[i].n, 0));
    double bound = comparison_bound(&c->packed.model);
    TRY(fail_in(comparison_check(&d, bound), "merged weights and adapter disagree"));
    return json_put(out, "merged_against_adapter",
                    json_pack("{s:I, s:f, s:f}", "positions", (json_int_t)d.positions, "bound",
                              bound, "measured", comparison_relative(&d)));
}

/* The answer that the report has for a request's case number `i`. */
static err reported_answer(const json_t *after, const char *request, int64_t i,
                           const json_t **out) {
    const json_t *part = NULL;
    json_t *items = NULL, *item = NULL;
    size_t at = 0;
    TRY(report_task(after, "requests", &part));
    TRY(json_need_array(part, "items", &items));
    json_array_foreach(items, at, item) {
        const char *of = json_string_value(json_object_get(item, "request"));
        if (of == NULL || strcmp(of, request) != 0 || i-- > 0) continue;
        *out = item;
        return ERR_OK;
    }
    return fail(ERR_MISMATCH, "the evaluation has fewer cases of request '%s' than the dataset",
                request);
}

static err same_answer(const json_t *item, const char *request, int64_t i, const char *got) {
    const char *text = json_string_value(json_object_get(item, "got"));
    const char *hash = json_string_value(json_object_get(item, "got_sha256"));
    char own[SHA256_HEX_SIZE];
    TRY(sha256_bytes(got, strlen(got), own));
    if (text != NULL ? strcmp(text, got) == 0 : hash != NULL && strcmp(hash, own) == 0)
        return ERR_OK;
    return fail(ERR_MISMATCH,
                "request '%s' case %lld: the packed folder answers '%s', the evaluation has '%s'",
                request, (long long)(i + 1), got, text != NULL ? text : "another text");
}

static err compare_answers(struct checking *c, const struct answer *answers) {
    for (int64_t g = 0; g < c->cases.n_groups; g++) {
        const struct eval_group *group = &c->cases.groups[g];
        for (int64_t i = 0; i < group->n_cases; i++) {
            const json_t *item = NULL;
            TRY(reported_answer(c->inputs->after, group->request, i, &item));
            TRY(same_answer(item, group->request, i, (answers++)->text));
        }
    }
    return ERR_OK;
}

static err read_back(struct checking *c, json_t *out) {
    int64_t max_new_tokens = 0, at = 0;
    json_t *settings = NULL;
    TRY(json_need_object(c->inputs->after, "settings", &settings));
    TRY(json_need_int(settings, "max_new_tokens", &max_new_tokens));
    struct answer_options how = {.max_new_tokens = max_new_tokens, .whitespace = c->whitespace};
    struct answer *answers = mem_zalloc((size_t)c->n + 1, sizeof *answers);
    if (answers == NULL) return ERR_MEMORY;
    for (int64_t g = 0; g < c->cases.n_groups; g++)
        for (int64_t i = 0; i < c->cases.groups[g].n_cases; i++)
            answers[at++].prompt = c->cases.groups[g].cases[i].prompt;
    err result = answers_decode(&c->packed, answers, c->n, &how);
    if (result == ERR_OK) result = compare_answers(c, answers);
    if (result == ERR_OK) result = json_put(out, "read_back", json_pack("{s:I}", "answers", c->n));
    answers_clear(answers, c->n);
    mem_free(answers);
    return result;
}

static bool was_asked(const json_t *after) {
    const json_t *part = NULL;
    return report_task(after, "requests", &part) == ERR_OK;
}

static err load_cases(struct checking *c) {
    struct dataset *d = NULL;
    int64_t limit = CASES_PER_REQUEST, asked = 0;
    json_t *settings = NULL;
    TRY(json_need_object(c->inputs->after, "settings", &settings));
    TRY(json_need_int(settings, "limit", &asked));
    if (asked > 0 && asked < limit) limit = asked;
    TRY(dataset_open(&d, c->inputs->dataset_dir));
    err result = special_whitespace_parse(dataset_special_whitespace(d), &c->whitespace);
    if (result == ERR_OK) result = eval_cases_load(&c->cases, c->inputs->requests, d, limit);
    dataset_close(d);
    return result;
}

static err check_all(struct checking *c, json_t *out) {
    TRY(load_cases(c));
    TRY(encode_texts(c));
    struct eval_subject_options opening = {.model_dir = c->inputs->packed_dir,
                                           .max_tokens = c->longest};
    TRY(eval_subject_open(&c->packed, &opening));
    TRY(compare_merged(c, out));
    return was_asked(c->inputs->after) ? read_back(c, out) : ERR_OK;
}

err release_check(const struct release_check *inputs, json_t **out) {
    struct checking c = {.inputs = inputs};
    json_t *checks = json_object();
    err result =
        checks == NULL ? fail(ERR_MEMORY, "out of memory for a check") : check_all(&c, checks);
    eval_subject_close(&c.packed);
    eval_subject_close(&c.adapted);
    for (int64_t i = 0; c.texts != NULL && i < c.n; i++) tokens_release(&c.texts[i]);
    mem_free(c.texts);
    eval_cases_release(&c.cases);
    if (result != ERR_OK) {
        json_decref(checks);
        return result;
    }
    *out = checks;
    return ERR_OK;
}
