/* SPDX-License-Identifier: Apache-2.0
 * Everything a dataset is built from, as text: the sources in their fixed order (each request's
 * examples and files, the files without a request, replayed general data), the samples, the
 * held-out cases, and which samples are trained, validated with or held out. Read by data/corpus.c,
 * split by data/split.c; data/build.c makes tokens of it. */
#ifndef COTRAIN_DATA_CORPUS_H
#define COTRAIN_DATA_CORPUS_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/str.h"
#include "data/dataset/dataset.h"
#include "data/options.h"
#include "data/source/sample.h"
#include "recipes/request.h"

struct corpus_source {
    const char *path; /* NULL: a request's inline examples */
    const char *name; /* as data/source/files.h gives it; no two sources have the same */
    const char *format, *license, *reviewer;
    bool trains_text;               /* every token of plain text is trained */
    const struct opt_list *columns; /* keys under other names */
    const struct request *request;  /* NULL: none */
    int64_t group, n_samples;
    char sha256[SHA256_HEX_SIZE]; /* of the file, or of the examples' texts */
};
struct corpus_group {
    const char *name;
    double weight;
    const struct request *request; /* NULL: a source of its own */
    enum group_role role;
};
struct corpus_case {
    const struct request *request;
    struct span prompt, answer;
    const char *path; /* where it stands */
    int32_t line;
};
enum sample_use { USE_TRAIN, USE_VALID, USE_HELD_OUT, USE_DROPPED };

struct corpus {
    const struct tokenizer *tokenizer; /* for rows of ids; NULL: they are refused */
    struct arena arena;
    struct corpus_source *sources;
    struct corpus_group *groups;
    int64_t n_sources, sources_capacity, n_groups;
    struct sample_list samples; /* in the order of the sources */
    uint8_t *use;               /* enum sample_use of each sample; set by corpus_hold_out */
    struct corpus_case *cases;  /* in the order of the requests */
    int64_t n_cases, cases_capacity;
};

/* `c` is zeroed but for the tokenizer; on failure too it is to be released. All faulty rows come as
 * one error. */
MUST_CHECK err corpus_read(struct corpus *c, const struct data_options *options,
                           const struct request_list *requests);
/* Takes held-out cases out of what is trained, by chance that depends on `seed` alone, and refuses
 * a held-out prompt that is trained as well. Everything else is USE_TRAIN then. */
MUST_CHECK err corpus_hold_out(struct corpus *c, const struct data_options *options, uint64_t seed);
/* Draws the validation samples from what is still trained, likewise. */
MUST_CHECK err corpus_draw_validation(struct corpus *c, const struct data_options *options,
                                      uint64_t seed);
void corpus_release(struct corpus *c);
const struct corpus_source *sample_source(const struct corpus *c, int64_t sample);
/* Appends where a sample stands, as dataset_describe does: "request 'x' train.jsonl line 12". */
MUST_CHECK err corpus_place(const struct corpus *c, int64_t sample, struct str *out);
MUST_CHECK err corpus_add_case(struct corpus *c, const struct corpus_case *item);

#endif
