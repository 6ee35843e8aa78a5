/* SPDX-License-Identifier: Apache-2.0
 * A published suite: the items of its files, the prompt of each, what is recorded of an answer, and
 * how an answer is scored. Everything but asking the model is here, so that scoring can be repeated
 * from the records alone (`cotrain eval score`).
 * Read next: eval/suites/, eval/scorer.h, eval/suite_files.h. */
#ifndef COTRAIN_EVAL_SUITE_H
#define COTRAIN_EVAL_SUITE_H

#include "base/arena.h"
#include "base/json.h"
#include "eval/scorer.h"
#include "eval/suite_files.h"

struct suite_item {
    int64_t number;       /* in its file, from 0 */
    const char *id;       /* "HumanEval/24"; NULL: known by its number */
    const char *question; /* as the file has it */
    const char *gold;     /* what an answer is held against; see the scorer */
    const char *prompt;   /* what the model is asked */
    const char **choices; /* the options of multiple choice, NULL-terminated, or NULL */
    const char *tests, *entry_point, *solution; /* of a program, or NULL */
    const char
        *test_prompt; /* asks the model for unit tests of the program (eval/judge.h), or NULL */
};
struct suite_items {
    struct arena arena; /* owns all texts */
    struct suite_item *items;
    int64_t n, capacity;
    bool changed; /* a file is another one than the published */
};
/* A zeroed item at the end, numbered. */
MUST_CHECK err suite_items_add(struct suite_items *s, struct suite_item **out);
void suite_items_release(struct suite_items *s);

/* How an answer stands in a line of answers or generations. */
enum answer_form {
    ANSWER_LINE,     /* "line": question[SEP]answer, line ends as <n> */
    ANSWER_RESPONSE, /* "response": prompt and completion as they were decoded; and "task_id" */
    ANSWER_RECORD,   /* "record": {"query", "ans", "gen_ans"} */
    ANSWER_TEXT,     /* "answer": the completion alone */
    ANSWER_CHOICES,  /* "choices": [{"log_likelihood", "n_tokens", "n_characters"}] */
};

/* What an always-right and an always-the-same answerer get of the official scorer. */
struct suite_stated {
    int64_t oracle;       /* items right when every answer is the file's own */
    const char *constant; /* an answer that is given to every item */
    int64_t constant_right;
    const char *why; /* the two numbers are what they are */
};

struct suite {
    const char *source;                /* who published it */
    const char *prompt_by;             /* whose prompt it is: "official" or "cotrain" */
    const struct suite_file *files[3]; /* NULL-terminated; below the folder of datasets */
    int64_t n_items;                   /* in the pinned files; 0: any number */
    int64_t max_new_tokens;            /* 0: nothing is generated, options are weighed */
    enum answer_form form;
    const struct scorer *scorer;
    struct suite_stated stated;
    /* Reads the files (their paths, in the order of `files`) and forms the prompts. */
    MUST_CHECK err (*load)(const struct suite *self, const char *const *paths,
                           struct suite_items *out);
    const void *own; /* what `load` of a user's own task needs (eval/user_task.h) */
    /* An answer that is right by the file itself, appended. */
    MUST_CHECK err (*oracle)(const struct suite_item *item, struct str *out);
};

/* Finds, checks and reads the files of a suite. */
MUST_CHECK err suite_load(const struct suite *s, const struct datasets *where,
                          struct suite_items *out);
/* The item an answer is about: its "item", else its "task_id"; NULL when the suite has none
 * such. */
const struct suite_item *suite_find_item(const struct suite_items *s, const json_t *answer);
/* What the official program would have written of a decoded text (prompt and completion, special
 * tokens as text; for ANSWER_TEXT the completion alone), put into `answer` as the suite's form
 * says. */
MUST_CHECK err suite_record(const struct suite *s, const struct suite_item *item,
                            const char *decoded, json_t *answer);
/* The text in a line of answers that the scorer looks at; ERR_PARSE names what is missing. */
MUST_CHECK err suite_answer_text(const struct suite *s, const json_t *answer, struct span *out);

#endif
