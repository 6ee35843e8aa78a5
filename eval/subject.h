/* SPDX-License-Identifier: Apache-2.0
 * The model under test: weights, an adapter where there is one, its tokenizer, and the planned
 * memory for passes over whole texts. Decoders (model/generate.h) have a plan of their own, one at
 * a time, and hold as many texts as the subject's memory has room for.
 * Read next: eval/answers.h, eval/task.h. */
#ifndef COTRAIN_EVAL_SUBJECT_H
#define COTRAIN_EVAL_SUBJECT_H

#include "adapters/adapter.h"
#include "base/hash.h"
#include "compute/compute.h"
#include "compute/plan.h"
#include "data/text/span.h"
#include "data/tokens/tokenizer.h"
#include "eval/memory.h"
#include "model/batch.h"
#include "model/decoder.h"
#include "model/model.h"

struct eval_subject {
    struct compute compute;
    struct model model;
    struct adapter *adapter; /* NULL: none */
    struct plan plan;
    struct tokenizer *tokenizer;
    struct batch batch;            /* of max_tokens */
    int64_t decoder_limit;         /* bytes of a decoder at most; 0: no limit */
    int64_t answer_limit;          /* of answers' texts, as they are held; 0: no limit */
    int64_t task_bytes, all_bytes; /* of the answers of this task, and of all, so far */
    void (*on_most)(void *ctx);    /* a decoder is about to be freed; or NULL */
    void *ctx;
    char model_digest[SHA256_HEX_SIZE],
        adapter_digest[SHA256_HEX_SIZE]; /* "" before eval_subject_digest; adapter: none */
    bool compute_is_open, model_is_open;
};

struct eval_subject_options {
    const char *model_dir;
    const char *adapter_dir;   /* NULL: none */
    const char *tokenizer_dir; /* NULL: model_dir */
    const char *device;        /* NULL: the first backend that works */
    int64_t max_tokens;        /* of one model_forward; 0: only decoders will be used */
};

/* The model described and planned, and its tokenizer, with nothing allocated or read of weights. */
MUST_CHECK err eval_subject_plan(struct eval_subject *s,
                                 const struct eval_subject_options *options);
/* Allocates it. What fails is left for eval_subject_close. */
MUST_CHECK err eval_subject_start(struct eval_subject *s,
                                  const struct eval_subject_options *options);
/* Both. */
MUST_CHECK err eval_subject_open(struct eval_subject *s,
                                 const struct eval_subject_options *options);
/* Fills the digests, for who writes down what was asked: it reads every weight of the folders. */
MUST_CHECK err eval_subject_digest(struct eval_subject *s,
                                   const struct eval_subject_options *options);
/* Also safe after a failed open, and on a zeroed struct. */
void eval_subject_close(struct eval_subject *s);

/* A decoder for n_texts texts of at most max_tokens, as many of them side by side as decoder_limit
 * allows, EVAL_TEXTS at most. ERR_LIMIT where not one has room. */
MUST_CHECK err eval_subject_decoder(struct eval_subject *s, int64_t n_texts, int64_t max_tokens,
                                    struct decoder **out);
void eval_subject_decoder_free(struct eval_subject *s, struct decoder *d);

/* Whoever keeps the text of an answer, behind `asked_bytes` of what was asked, says so: ERR_LIMIT
 * where those so far are more than answer_limit allows (eval/memory.h). The texts of a task are let
 * go, but for its report, when the next begins. */
MUST_CHECK err eval_subject_hold(struct eval_subject *s, struct span text, int64_t asked_bytes);
void eval_subject_next_task(struct eval_subject *s);

/* One text of at most max_tokens through the whole model; model_logits then gives its rows. */
MUST_CHECK err eval_subject_pass(struct eval_subject *s, const int32_t *ids, int64_t n);
/* The same, and the rows' logits (n - first, V) from position `first` on into `out`. */
MUST_CHECK err eval_subject_logits(struct eval_subject *s, const int32_t *ids, int64_t n,
                                   int64_t first, float *out);

#endif
