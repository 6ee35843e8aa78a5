/* SPDX-License-Identifier: Apache-2.0
 * Questions to a language model behind an endpoint that speaks OpenAI's chat completions, POST
 * {url}/chat/completions: one question a request, many requests at once, each tried again where
 * that may help. What the other side sends is a stranger's: whatever it is, it becomes an outcome
 * that is counted, and only a whole answer becomes a text.
 * Read next: remote/http.h below it; cli/teachers.c and cli/proposers.c, which ask. */
#ifndef COTRAIN_REMOTE_CHAT_H
#define COTRAIN_REMOTE_CHAT_H

#include "remote/http.h"

/* How a request ends: OUTCOME(name, word, tried again, what it means). */
#define CHAT_OUTCOMES(OUTCOME)                                                                     \
    OUTCOME(ANSWERED, "answered", false, "a whole answer")                                         \
    OUTCOME(BUSY, "busy", true, "status 429: too many requests")                                   \
    OUTCOME(SERVER, "server", true, "status 5xx or 408: the endpoint's own fault")                 \
    OUTCOME(LATE, "late", true, "nothing came for stall_timeout_ms")                               \
    OUTCOME(BROKEN, "broken", true, "no connection, or one that was cut")                          \
    OUTCOME(REFUSED, "refused", false, "another status: the endpoint does not take the question")  \
    OUTCOME(FOREIGN, "foreign", false, "not application/json: a page for people, most often")      \
    OUTCOME(MALFORMED, "malformed", false, "no JSON, half of it, or no choices[0].message")        \
    OUTCOME(EMPTY, "empty", false, "an answer without a character in it")                          \
    OUTCOME(LONG, "long", false, "cut off by max_new_tokens")                                      \
    OUTCOME(HUGE, "huge", false, "over 4 MiB")
enum chat_outcome {
#define OUTCOME(name, word, again, help) CHAT_##name,
    CHAT_OUTCOMES(OUTCOME)
#undef OUTCOME
        CHAT_OUTCOME_COUNT
};
const char *chat_outcome_word(enum chat_outcome outcome);

enum { CHAT_TRIES_MAX = 16, CHAT_CONCURRENCY_MAX = 256 };
struct chat_options {
    const char *url;           /* ".../v1" */
    const char *model;         /* its name there */
    const char *token;         /* bearer token, or NULL */
    double temperature, top_p; /* top_p 0: not said */
    int64_t max_new_tokens;
    int64_t concurrency;      /* requests in flight; 0: 8 */
    int64_t tries;            /* of a question; 0: 5 */
    int64_t stall_timeout_ms; /* 0: 300 s, for it thinks before it says anything */
    int64_t backoff_ms; /* before the second try, doubled for each further one, at most 60 s, where
                           the endpoint does not say how long (Retry-After); 0: 1 s */
};
struct chat;
/* `options` and its texts must outlive it. */
MUST_CHECK err chat_new(const struct chat_options *options, struct chat **out);
void chat_free(struct chat *c); /* NULL is fine */

struct chat_question {
    const char *prompt;
    int64_t seed; /* below 0: none is sent */
};
struct chat_answer {
    enum chat_outcome outcome; /* of the last try */
    struct str text;           /* of a whole answer */
    struct str why;            /* of any other outcome, for people */
    int64_t prompt_tokens,
        answer_tokens; /* of a whole answer: `usage`, else a third of the bytes */
    int64_t n_tries;
    uint8_t tried[CHAT_TRIES_MAX]; /* enum chat_outcome of each */
};
struct chat_run {
    const struct chat_question *questions;
    int64_t n;
    /* No request is begun once so many were, or once answers took so many tokens; 0: no limit. The
     * questions that are left then are not reported. */
    int64_t max_requests, max_tokens;
    /* Called once for each question that is over, in whatever order; an error ends the run. */
    err (*done)(void *ctx, int64_t question, const struct chat_answer *answer);
    void *ctx;
    int64_t n_requests, n_tokens; /* filled: what was spent */
};
/* Asks all. An error ends it only when those in flight are over and reported:
 *   ERR_IO       no connection after all tries, or nothing but failures for a long time
 *   ERR_DENIED   the endpoint wants another token
 *   ERR_MISSING  it has no such path or model
 *   ERR_STOPPED  the process was asked to stop (base/stop.h) */
MUST_CHECK err chat_ask(struct chat *c, struct chat_run *run);

/* How long an answer asks to wait: its Retry-After, seconds or a date, at most ten minutes. */
MUST_CHECK err chat_retry_after(const struct http_answer *answer, int64_t now_s, int64_t *out_s,
                                bool *out_found);

#endif
