/* SPDX-License-Identifier: Apache-2.0
 * What an answer of GitHub's means: take it, follow it, wait and ask again, or give up, and with
 * which error. A pure function of the answer, of how often the same request was put off before, and
 * of the time: nothing here waits, asks or keeps anything.
 * Source: GitHub's documents on rate limits and on best practice for the REST API; the order of
 * the decisions for 403 and 429 is theirs.
 * Read next: issues/github/github_send.c, which does what is decided. */
#ifndef COTRAIN_ISSUES_GITHUB_GITHUB_WAIT_H
#define COTRAIN_ISSUES_GITHUB_GITHUB_WAIT_H

#include "remote/http.h"

enum {
    GITHUB_LIMIT_TRIES = 5,     /* waits for a rate limit before a request is given up */
    GITHUB_FAULT_TRIES = 3,     /* of a server's or the line's faults: after 1, 2 and 4 s */
    GITHUB_RESET_MAX_S = 3600,  /* a rate limit begins anew every hour: a later reset is no time */
    GITHUB_RETRY_MAX_S = 86400, /* nor is a longer retry-after */
    GITHUB_SECONDARY_S = 60     /* the least wait for a secondary limit that names none */
};

enum github_action {
    GITHUB_TAKE,      /* 2xx with JSON, or without a body */
    GITHUB_UNCHANGED, /* 304 */
    GITHUB_FOLLOW,    /* 301, 302, 307, 308 with a location */
    GITHUB_WAIT,      /* ask again after wait_s */
    GITHUB_FAIL       /* code, why and hint say it; github_refusal makes the error */
};
/* How often the same request was put off before. */
struct github_tries {
    int64_t limits, faults;
};
struct github_verdict {
    enum github_action action;
    int64_t wait_s;
    bool limit;       /* the wait is for a rate limit, else for a fault */
    bool slow;        /* 502 or 504: what a request gets that takes the server over 10 s */
    err code;         /* of GITHUB_FAIL */
    const char *why;  /* a few words, constant */
    const char *hint; /* what to do about it, constant; NULL where there is nothing to say */
};
MUST_CHECK err github_decide(const struct http_answer *answer, const struct github_tries *before,
                             int64_t now_s, struct github_verdict *out);
/* The same where there was no answer, but may well be one later (http_answer.again). */
void github_decide_cut(const struct github_tries *before, struct github_verdict *out);

/* The server's own words: "message" and, of a 422, what is wrong with which field. One line without
 * control characters, cut to a readable length; empty where the answer is not JSON. */
MUST_CHECK err github_words(const struct http_answer *answer, struct str *out);
/* Makes the error of a GITHUB_FAIL: "404: not there (Not Found)". Returns verdict->code. */
err github_refusal(const struct http_answer *answer, const struct github_verdict *verdict);
/* Whether the answer calls its body JSON. */
MUST_CHECK err github_is_json(const struct http_answer *answer, bool *out);

#endif
