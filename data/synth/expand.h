/* SPDX-License-Identifier: Apache-2.0
 * Synthesis: rows for each request of a recipe, made by a teacher from the request's description
 * and examples, checked, and written as files of pairs with their origin. In rounds: questions by
 * the methods in turn, answers read, rows checked, rejected ones asked for again with the reason.
 * What is accepted, and in which order, depends on recipe, seed and the answers in the log alone:
 * not on the order in which they came, nor on threads. Held-out cases are not handed in; where
 * hashes of their prompts are, a row with such a prompt is dropped.
 * Read next: data/synth/expand.c; docs/synthesis.md for users. */
#ifndef COTRAIN_DATA_SYNTH_EXPAND_H
#define COTRAIN_DATA_SYNTH_EXPAND_H

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "data/synth/options.h"
#include "data/synth/teacher.h"
#include "recipes/request.h"

#define EXPAND_REPORT_NAME "expand.json"

struct expand {
    const struct expand_options *options; /* settled */
    const struct request_list *requests;
    const struct teacher *teacher;
    uint64_t seed;
    const struct name_list *sealed; /* expand_prompt_hash of prompts that no row may have, sorted */
};
struct expand_result {
    json_t *report;     /* the report's content; the caller json_decref()s, also on failure */
    int64_t n_asked;    /* questions put to the teacher now */
    int64_t n_from_log; /* answered by the log */
    int64_t n_requests; /* made now, tries counted */
};
/* Fills `dir` with ID.jsonl of each request, expand.json (the report) and the log; of an earlier
 * run only the log is used. ERR_GATE: fewer rows than at_least, all files being written.
 * ERR_STOPPED: asked to stop; the log goes on where it was. ERR_EXISTS: the folder holds something
 * else. */
MUST_CHECK err expand(const struct expand *e, const char *dir, struct expand_result *out);

/* One-way: of the prompt in its normal form (data/text/normal.h). */
MUST_CHECK err expand_prompt_hash(const char *prompt, size_t n, char out[SHA256_HEX_SIZE]);
/* The name of request i's file, "owner-repository-1-2.jsonl": appended. */
MUST_CHECK err expand_file_name(const struct request_list *requests, int64_t i, struct str *out);

#endif
