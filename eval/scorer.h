/* SPDX-License-Identifier: Apache-2.0
 * A scorer: what decides whether an answer is right, as the official program of its suite does it,
 * quirks included, and beside that metrics of our own where the official one is plainly wrong. What
 * the official program ends on with an error counts as incorrect, and the verdict says so.
 * Read next: eval/scorers/, one file each. */
#ifndef COTRAIN_EVAL_SCORER_H
#define COTRAIN_EVAL_SCORER_H

#include "base/arena.h"
#include "base/json.h"
#include "data/text/regex.h"
#include "eval/text.h"

struct suite_items;
struct suite_item;
struct scoring;
struct scored_answer;
struct verdict;

enum { SCORER_MAX_EXTRAS = 4 };

/* A metric of our own beside the official one. */
struct scorer_extra {
    const char *name, *summary;
    bool measured; /* from 0 to 1, and its mean is reported; else right or wrong */
};
struct scorer {
    const char *metric, *summary; /* of the official rule */
    const char *const *patterns;  /* regular expressions, compiled once */
    int n_patterns;
    struct scorer_extra extras[SCORER_MAX_EXTRAS]; /* name NULL ends them */
    bool runs_programs;                            /* needs a sandbox to come to a verdict */
    bool
        measured; /* its metric is the mean of the verdicts' `value`, not the share of right ones */
    MUST_CHECK err (*score)(const struct scoring *s, const struct scored_answer *answer,
                            struct verdict *out);
};

/* A scorer at work. */
struct scoring {
    const struct scorer *scorer;
    const struct suite_items *items;
    struct regex **rules; /* scorer->patterns, compiled */
    bool unsafe;          /* run programs even where nothing can hold them */
    struct arena *arena;  /* for the texts of verdicts */
};
struct scored_answer {
    const struct suite_item *item; /* NULL: not told, or none such */
    struct span text;
    const json_t *json; /* the whole line */
};
struct verdict {
    bool correct;
    double value;                    /* of a measured metric */
    bool unjudged;                   /* a program that was not run: `correct` means nothing */
    const char *error;               /* what the official program ends on here; NULL: nothing */
    const char *extracted;           /* what was taken from the answer, or NULL */
    const char *vote;                /* what several answers to an item are counted by, or NULL */
    const char *gold;                /* what it was held against, or NULL */
    const char *completion;          /* of a program, or NULL */
    double extra[SCORER_MAX_EXTRAS]; /* 0 or 1 where not measured */
};

extern const struct scorer scorer_gsm8k, scorer_mathqa, scorer_cloze, scorer_truthfulqa,
    scorer_choices, scorer_humaneval, scorer_completion;

MUST_CHECK err scoring_open(struct scoring *s, const struct scorer *scorer,
                            const struct suite_items *items, struct arena *arena);
void scoring_close(struct scoring *s);
int scorer_n_extras(const struct scorer *s);

/* The item whose question contains the text or is contained in it, the first in the file's order;
 * NULL: none. That is how the official programs find what an answer is about. */
const struct suite_item *scorer_find_question(const struct suite_items *items,
                                              struct span question);
/* Of all matches of a rule: the last one (n_groups 0: none), and how many there are. */
MUST_CHECK err scorer_last_match(const struct regex *r, struct span text, struct regex_match *out,
                                 int64_t *out_n);
/* Every match of a rule in the text becomes `with`, as regex_replace writes it. */
MUST_CHECK err scorer_replace(const struct scoring *s, int rule, const char *with,
                              struct str *text);
/* Whether a rule has a match. */
MUST_CHECK err scorer_has(const struct scoring *s, int rule, struct span in, bool *out);
/* Without trailing <n> and the white space around them. */
struct span scorer_drop_line_ends(struct span s);
/* Copies a text for a verdict. */
MUST_CHECK err scorer_keep(const struct scoring *s, struct span text, const char **out);

#endif
