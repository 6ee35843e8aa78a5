/* SPDX-License-Identifier: Apache-2.0
 * golden.json: what the released model makes of a few prompts, so that anybody who loaded it can
 * see whether it is the same model in their hands, with any program.
 *   {"cotrain_golden": 1, "backend": "cpu", "decoding": "greedy", "special_whitespace": "strip",
 *    "max_new_tokens": 32,
 *    "prompts": [{"request": ID, "kind": "example" or "case", "prompt": TEXT, "prompt_ids": [...],
 *                 "output_ids": [...], "ended": BOOL, "output": TEXT,
 *                 "logits_sha256": of the V logits after the prompt, fp32, little endian,
 *                 "top": [[id, logit], ...]}]}    the five largest of them
 * The CPU backend gives the same bits on any machine, so there the digests must be equal; "top" is
 * for other programs, which round in other places. Held-out cases are among the prompts unless the
 * dataset's are sealed. Read next: release/parity.h, which makes it and holds it against models. */
#ifndef COTRAIN_RELEASE_GOLDEN_H
#define COTRAIN_RELEASE_GOLDEN_H

#include "base/arena.h"
#include "base/json.h"
#include "eval/cases.h"
#include "eval/subject.h"

enum { GOLDEN_VERSION = 1, GOLDEN_NEW_TOKENS = 32, GOLDEN_PROMPTS_MAX = 32, GOLDEN_TOP = 5 };
#define GOLDEN_FILE "golden.json"

struct golden_answer {
    struct tokens ids; /* what was answered, without the <eod> that ended it */
    bool ended;
    char *text;
    char logits[SHA256_HEX_SIZE];
    int32_t top_ids[GOLDEN_TOP];
    float top_logits[GOLDEN_TOP];
};
struct golden_prompt {
    const char *request, *kind, *text;
    struct tokens ids;
    struct golden_answer answer;
};
struct golden {
    struct arena arena; /* owns the texts */
    struct golden_prompt *prompts;
    int64_t n, max_new_tokens;
    enum special_whitespace whitespace;
    int64_t longest; /* prompt and answer together, in tokens */
};

/* Each request's first example, then each one's first held-out case; encoded with `t`. Prompts that
 * leave no room for an answer within `max_positions` are left out. */
struct golden_source {
    const struct request_list *requests;
    const struct eval_cases *cases;
    const struct tokenizer *tokenizer;
    enum special_whitespace whitespace;
    int64_t max_positions;
};
MUST_CHECK err golden_choose(struct golden *g, const struct golden_source *from);
/* Answers every prompt. `answers` is an array of g->n, zeroed; the caller clears it. */
MUST_CHECK err golden_ask(const struct golden *g, struct eval_subject *s,
                          struct golden_answer *answers);
void golden_answers_clear(struct golden_answer *answers, int64_t n);
/* Both ways between the struct and dir/golden.json; a file that does not follow its format is
 * ERR_PARSE. */
MUST_CHECK err golden_write(const struct golden *g, const char *dir);
MUST_CHECK err golden_read(struct golden *g, const char *dir);
void golden_release(struct golden *g);

/* Whether a model's tokenizer and answers are the golden ones to the bit: ERR_MISMATCH names the
 * prompt and what differs. */
MUST_CHECK err golden_compare(const struct golden *g, struct eval_subject *s);

#endif
