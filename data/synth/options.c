/* SPDX-License-Identifier: Apache-2.0
 * Option rows of `data.expand` and its teacher, and what 0 stands for in each. What is not given
 * leaves no trace in a resolved recipe.
 * Read next: data/synth/options.h. */
#include "data/synth/options.h"

#include "data/synth/methods/method.h"
#include "data/text/near.h"

enum { ROUNDS = 24, MAX_NEW_TOKENS = 1024 };
#define NEAR_SIMILARITY 0.9
#define TEMPERATURE 0.8

#define METHOD(name) "," #name
static const char names[] =
#include "data/synth/methods.def"
    ;
#undef METHOD

struct opt_table expand_options_table(void) {
#define ROW(field, ...) OPT(struct expand_options, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(per_request, .min = 0, .max = 1e6,
            .help = "rows to be made for each request; 0: synthesis is off"),
        ROW(at_least, .min = 0, .max = 1e6,
            .help = "rows of a request that will do where no more can be had; 0: per_request"),
        ROW(methods, .help = "how rows are made, in turn (`cotrain list synthesis`); all but "
                             "paraphrase and back_instruct"),
        ROW(topics, .help = "what rows shall be about, for the method topics; asked from the "
                            "teacher"),
        ROW(rounds, .min = 0, .max = 1000,
            .help = "rounds of questions, each a quarter of per_request at most; 24"),
        ROW(regenerate, .min = 0, .max = 16,
            .help = "times a rejected row is asked for again, with the reason; 0: never"),
        ROW(near_similarity, .min = 0, .max = 1,
            .help = "rows of a request whose prompts are as similar as this are one; 0.9"),
        ROW(votes, .min = 0, .max = 99,
            .help = "answers asked for to vote on a row of a request without checks; 0: none"),
        ROW(vote_share, .min = 0, .max = 1, .help = "share of them that must agree; 0.6"),
        ROW(judge_score, .min = 0, .max = 10,
            .help = "least score of 10 for a row of a request without checks; 0: no judge"),
        ROW(max_requests, .min = 0, .max = 9e15,
            .help = "requests to the teacher, tries and earlier runs counted; 0: no limit"),
        ROW(max_tokens, .min = 0, .max = 9e15,
            .help = "tokens of its prompts and answers, likewise; 0: no limit"),
        ROW(seed, .min = 0, .max = 9e15, .help = "of every choice; 0: train.seed"),
        ROW(license, .help = "licence of the rows, for the release's card"),
    };
#undef ROW
    return OPT_TABLE(rows);
}

struct opt_table expand_teacher_table(void) {
#define ROW(field, ...) OPT(struct expand_teacher, field, __VA_ARGS__)
    static const struct opt rows[] = {
        ROW(url, .value = "URL", .help = "endpoint that speaks OpenAI's protocol, http://.../v1"),
        ROW(model, .help = "name of the model there"),
        ROW(token_file, .path = true, .value = "FILE",
            .help = "the endpoint's token; only its owner may read it"),
        ROW(model_dir, .path = true, .value = "DIR", .help = "a model on this machine instead"),
        ROW(temperature, .min = 0, .max = 100, .help = "of the draws; 0.8"),
        ROW(top_p, .min = 0, .max = 1, .help = "draw among tokens of this probability; 1"),
        ROW(max_new_tokens, .min = 0, .max = 65536, .help = "longest answer; 1024"),
        ROW(concurrency, .min = 0, .max = 256, .help = "requests in flight; 8"),
        ROW(tries, .min = 0, .max = 16,
            .help = "of a question, where the endpoint is busy, late or at fault; 5"),
        ROW(stall_timeout_ms, .min = 0, .max = 3600000,
            .help = "a request is late when nothing came for so long; 300000"),
        ROW(backoff_ms, .min = 0, .max = 60000,
            .help = "wait before the second try, then doubled; 1000"),
    };
#undef ROW
    return OPT_TABLE(rows);
}

static err settle_methods(struct expand_options *o) {
    static const char *const usual[] = {"self_instruct", "topics", "evolve"};
    if (o->methods.n == 0)
        o->methods = (struct opt_list){(const char **)usual, sizeof usual / sizeof usual[0]};
    for (int64_t i = 0; i < o->methods.n; i++)
        if (!synth_method_find(o->methods.items[i]))
            return fail_hint(fail(ERR_MISSING, "'data.expand.methods': there is no method '%s'",
                                  o->methods.items[i]),
                             "known: %s", names + 1);
    return ERR_OK;
}

/* An empty text takes back what a recipe that is inherited says. */
static void take_back(const char **text) {
    if (*text && !(*text)[0]) *text = NULL;
}

static err settle_teacher(struct expand_teacher *t) {
    take_back(&t->url);
    take_back(&t->model);
    take_back(&t->model_dir);
    if (!t->url == !t->model_dir)
        return fail_hint(fail(ERR_USAGE, "'data.expand.teacher': there is no teacher, or two"),
                         "give either url and model of an endpoint, or model_dir");
    if (t->url && !t->model)
        return fail(ERR_USAGE, "'data.expand.teacher': the endpoint is not told which model");
    if (!(t->temperature > 0)) t->temperature = TEMPERATURE;
    if (!(t->top_p > 0)) t->top_p = 1;
    if (t->max_new_tokens == 0) t->max_new_tokens = MAX_NEW_TOKENS;
    return ERR_OK;
}

err expand_settle(struct expand_options *o) {
    if (o->per_request == 0)
        return fail(ERR_USAGE, "synthesis is off: 'data.expand.per_request' is 0");
    if (o->at_least == 0 || o->at_least > o->per_request) o->at_least = o->per_request;
    if (o->rounds == 0) o->rounds = ROUNDS;
    if (!(o->near_similarity > 0)) o->near_similarity = NEAR_SIMILARITY;
    if (o->near_similarity < NEAR_LEAST_THRESHOLD)
        return fail(ERR_RANGE, "'data.expand.near_similarity' is under %g", NEAR_LEAST_THRESHOLD);
    TRY(settle_methods(o));
    return settle_teacher(&o->teacher);
}
