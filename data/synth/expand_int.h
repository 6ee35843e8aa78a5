/* SPDX-License-Identifier: Apache-2.0
 * What the files of synthesis share: a request that grows, questions and candidates of a wave.
 *   expand.c   the rounds, the folder          questions.c  what is asked next
 *   ask.c      the log, the teacher, budgets   wave.c       answers to candidates, checks
 *   rows.c     what is accepted                report.c     what is told
 * Read next: data/synth/expand.h. */
#ifndef COTRAIN_DATA_SYNTH_EXPAND_INT_H
#define COTRAIN_DATA_SYNTH_EXPAND_INT_H

#include "base/arena.h"
#include "base/progress.h"
#include "data/synth/checks/check.h"
#include "data/synth/expand.h"
#include "data/synth/log.h"
#include "data/synth/methods/method.h"
#include "data/text/near.h"
#include "data/text/text_map.h"

/* An accepted row; texts in the run's arena. */
struct made {
    struct example pair;
    const struct synth_method *method;
    const char *key; /* of the question that it answers, in the log */
    int64_t round, attempt, seed;
};
/* A request and what there is of it. */
struct growing {
    const struct request *request;
    int64_t number;
    bool chinese;
    struct check_list checks;
    struct check_fallback fallback;
    struct made **rows; /* each stays where it is */
    int64_t n, capacity;
    struct near_index *near;
    struct near_text frame; /* what the examples' prompts have in common */
    bool has_frame;
    struct text_map prompts; /* expand_prompt_hash of every prompt there is */
    const char **topics;
    int64_t n_topics, n_rounds_without;
    /* Counted for the report: */
    int64_t n_asked, n_regenerated, n_pairs, n_surplus, prompt_tokens, answer_tokens;
    json_t *rejected, *outcomes, *tries, *forms; /* word -> number */
};
struct expanding {
    const struct expand *e;
    const struct expand_options *o;
    const char *dir;
    struct arena arena, wave; /* of the run, of one round */
    struct synth_log log;
    struct growing *requests;
    int64_t n, round;
    int64_t spent_requests, spent_tokens; /* by answers that this run uses, whenever they came */
    int64_t n_asked, n_from_log, n_requests;
    bool exhausted; /* a budget is */
    struct progress progress;
};

/* A question of any kind. */
struct ask {
    struct growing *of;
    const char *prompt;
    int64_t seed;
    const char *key;
    const struct teacher_answer *answer; /* NULL: never asked, for want of budget */
};
/* Fills in keys and answers: from the log, and else from the teacher. */
MUST_CHECK err expand_ask(struct expanding *x, struct ask *asks, int64_t n);
/* A seed for a question, from what tells it apart. */
int64_t expand_seed(const struct expanding *x, const struct growing *g, int64_t kind, int64_t i);
enum { SEED_ROW, SEED_AGAIN, SEED_CHECK, SEED_TOPICS, SEED_DRAW };

/* A question for a row. */
struct question {
    struct ask ask;
    const struct synth_method *method;
    const struct example *seed; /* the row that it begins with, or NULL */
    const char *base;           /* the prompt without complaints about earlier answers */
    int64_t attempt;
    bool kept;       /* a row came of it */
    const char *why; /* the first of its rows was rejected */
};
struct question_list {
    struct question *items;
    int64_t n, capacity;
};
MUST_CHECK err question_add(struct question_list *list, const struct question *q);
/* The topics of all requests, where a method wants any. */
MUST_CHECK err questions_topics(struct expanding *x);
/* The questions of a round; none: it is over. */
MUST_CHECK err questions_round(struct expanding *x, struct question_list *out);
/* Those of `asked` that are worth asking again. */
MUST_CHECK err questions_again(struct expanding *x, const struct question_list *asked,
                               struct question_list *out);

/* A row that was proposed. */
struct candidate {
    struct question *of;
    struct example pair;
    const char *tests;
    const char *rejected; /* a word: by what; NULL: not yet */
    char *why;            /* mem_alloc */
    err failed;           /* of a check itself, for the reason `why` */
    char hash[SHA256_HEX_SIZE];
};
/* Asks, reads, checks, accepts. */
MUST_CHECK err expand_wave(struct expanding *x, struct question_list *questions);

/* rows.c: the index of a request, and what may join it. */
MUST_CHECK err growing_init(struct expanding *x, struct growing *g, int64_t number);
void growing_release(struct growing *g);
/* Rejects a candidate whose texts no dataset would take, or whose prompt is sealed. */
MUST_CHECK err candidate_look(const struct expanding *x, struct candidate *c);
/* Rejects it when there is such a prompt already, or a similar one. */
MUST_CHECK err candidate_compare(struct candidate *c);
MUST_CHECK err candidate_accept(struct expanding *x, struct candidate *c);
MUST_CHECK err candidate_reject(struct candidate *c, const char *word, const char *why);

/* report.c */
MUST_CHECK err count_add(json_t *counts, const char *word);
MUST_CHECK err expand_report(const struct expanding *x, json_t *out);
MUST_CHECK err rows_write(const struct expanding *x, const struct growing *g);

#endif
