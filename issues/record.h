/* SPDX-License-Identifier: Apache-2.0
 * A request as the programme keeps it: requests/MONTH/ISSUE-COMMENT.yaml, one file a request, so
 * that two people who decide on different requests never touch the same lines. It holds what was
 * collected (source, text), what was read out of it, with the places in the text, and what people
 * decided. MONTH is the plan month of its post. A person may edit any of it by hand.
 * Read next: issues/review.h, which changes a record's state. */
#ifndef COTRAIN_ISSUES_RECORD_H
#define COTRAIN_ISSUES_RECORD_H

#include "issues/program.h"
#include "issues/read/reading.h"
#include "recipes/request.h"

enum record_state {
#define STATE(name, word, help) RECORD_##name,
#include "issues/states.def"
#undef STATE
    RECORD_STATE_COUNT
};
struct state_row {
    const char *word, *help;
};
extern const struct state_row state_rows[RECORD_STATE_COUNT];

struct record_source {
    const char *url, *title, *created_at, *updated_at, *association;
    const char *digest; /* SHA-256 of the post's JSON as collected, keys sorted */
};
struct record_decision {
    const char *state, *by, *date, *reason; /* date: "2024-02-06" */
    const char *into;                       /* merged: id of the other request */
};
struct record_history {
    struct record_decision *items;
    int64_t n;
};
struct record_examples {
    struct example *items;
    int64_t n;
};

struct record {
    const char *id, *month, *requester, *language, *form;
    int64_t problem_reports, votes; /* as counted when it was collected */
    struct record_source source;
    const char *scenario, *input, *output, *remark; /* NULL: not said */
    struct opt_list capability, constraints;
    struct opt_list spans;    /* "scenario: 5-24", characters of the text as GitHub gave it */
    struct opt_list proposed; /* names of fields that a language model proposed */
    struct record_examples examples;
    const char *cases;            /* held-out cases beside this file, JSON Lines; NULL: none */
    double weight;                /* of its data in a recipe */
    struct record_history review; /* in order; the last one holds */
    const char *text;             /* the post's body */
    /* Not in the file: */
    const char *path; /* relative to the program's folder */
};

struct record_list {
    struct arena arena;   /* owns every text */
    struct record *items; /* by month, then issue and comment */
    int64_t n;
};

/* All records of the program, or of one month (`month` not NULL). Every faulty file is named, the
 * first with its fault's place. The caller releases either way. */
MUST_CHECK err records_read(const struct program *p, const char *month, struct record_list *out);
void record_list_release(struct record_list *list);
/* The one with that id, or whose number is `id` ("1800000002", "22-1800000002"); ERR_MISSING with
 * the nearest. */
MUST_CHECK err record_find(const struct record_list *list, const char *id, struct record **out);

/* requests/MONTH/ISSUE-COMMENT.yaml for an id. */
MUST_CHECK err record_path(const char *id, const char *month, struct arena *a, const char **out);
/* "22-1800000002": what files of a request are called. */
MUST_CHECK err record_stem(const char *id, struct arena *a, const char **out);
/* A new record of a reading; texts stay the post's and the reading's. State: new. */
MUST_CHECK err record_of_reading(const struct post *post, const struct reading *reading,
                                 const char *month, struct arena *a, struct record *out);
/* Writes the file (whole or not at all), whatever was there. */
MUST_CHECK err record_write(const struct program *p, const struct record *r);
/* Its members as the file has them; the caller json_decref()s. */
MUST_CHECK err record_json(const struct record *r, json_t **out);
/* The file's text, appended. */
MUST_CHECK err record_yaml(const struct record *r, struct str *out);

enum record_state record_state(const struct record *r);
/* Of "input", "output", "examples", in this order: what the record lacks. Returns how many. */
int record_missing(const struct record *r, const char *out[3]);
/* Whether one of its constraints asks that the model keeps what it is able to do. */
bool record_keeps_ability(const struct record *r);
/* What it is called in tables and commit messages: the scenario, else the id. */
const char *record_name(const struct record *r);

#endif
