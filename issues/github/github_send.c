/* SPDX-License-Identifier: Apache-2.0
 * One request: its headers, the waits and further tries that github_wait.c decides on, and the
 * errors. Every wait goes through the handle's clock and is capped; a longer one ends the run in a
 * way that can be gone on with.
 * Read next: issues/github/github_int.h, the contract. */
#include "issues/github/github_int.h"

#include "base/arena.h"
#include "base/log.h"
#include "issues/post.h"

enum { HEADERS_MAX = 5, LOUD_WAIT_S = 10 };

void github_exchange_release(struct github_exchange *x) {
    http_answer_release(&x->answer);
    json_decref(x->value);
    x->value = NULL;
}

static err too_long(struct github *g, const struct github_verdict *v, const char *until) {
    err e = fail(ERR_STOPPED, "%s until %s: %lld s, and %lld s is the longest wait", v->why, until,
                 (long long)v->wait_s, (long long)g->max_wait_s);
    return fail_hint(e, "run the same command again after that, what was fetched is kept%s",
                     g->token.len > 0 ? ""
                                      : "; with a token (GH_TOKEN) GitHub answers 5000 times an "
                                        "hour instead of 60");
}

static void tell_wait(const struct github_verdict *v, const char *until) {
    if (v->wait_s >= LOUD_WAIT_S)
        LOG(ISSUES, WARN, "%s: waiting %lld s, until %s", v->why, (long long)v->wait_s, until);
    else
        LOG(ISSUES, INFO, "%s: waiting %lld s", v->why, (long long)v->wait_s);
}

err github_pause(struct github *g, const struct github_verdict *v) {
    struct arena a = {0};
    const char *until;
    err e = time_text(g->clock.now_s(g->clock.context) + v->wait_s, &a, &until);
    if (e == ERR_OK && v->wait_s > g->max_wait_s) e = too_long(g, v, until);
    if (e == ERR_OK) tell_wait(v, until);
    arena_release(&a);
    TRY(e);
    if (v->limit) g->epoch++; /* what was read before may have changed when we go on */
    return g->clock.wait(g->clock.context, v->wait_s);
}

static err send_request(struct github *g, struct github_exchange *x) {
    const char *headers[HEADERS_MAX] = {"Accept: " GITHUB_ACCEPT,
                                        "X-GitHub-Api-Version: 2022-11-28"};
    struct http_request request = {.method = x->method,
                                   .url = x->url,
                                   .headers = headers,
                                   .n_headers = 2,
                                   .token = g->token.len > 0 ? g->token.data : NULL,
                                   .max_bytes = g->max_bytes};
    struct str condition = {0};
    err e = ERR_OK;
    if (x->known && x->known->etag.len > 0)
        e = str_printf(&condition, "If-None-Match: %s", x->known->etag.data);
    else if (x->known && x->known->last_modified.len > 0)
        e = str_printf(&condition, "If-Modified-Since: %s", x->known->last_modified.data);
    if (condition.len > 0) headers[request.n_headers++] = condition.data;
    if (x->body) {
        headers[request.n_headers++] = "Content-Type: application/json; charset=utf-8";
        request.body = x->body->data;
        request.n_body = x->body->len;
    }
    g->n_requests++;
    if (e == ERR_OK) e = http_send(g->http, &request, &x->answer);
    str_release(&condition);
    return e;
}

static err perhaps_posted(err e) {
    return fail_hint(e,
                     "whether it was posted is not known: look at the page before posting again");
}

/* The body of an answer to take. One that ends early counts as a cut line. */
static err parse(struct github_exchange *x, const struct github_tries *tries) {
    json_t *values;
    if (x->answer.body.len == 0) return ERR_OK;
    err e = json_parse_all(x->answer.body.data, x->answer.body.len, "the answer", &values);
    if (e == ERR_OK && json_array_size(values) != 1) {
        e = fail(ERR_PARSE, "the answer is not one JSON value");
        json_decref(values);
    }
    if (e == ERR_OK) {
        x->value = json_incref(json_array_get(values, 0));
        json_decref(values);
        return ERR_OK;
    }
    if (e != ERR_PARSE) return e;
    if (x->body) return perhaps_posted(e);
    github_decide_cut(tries, &x->verdict);
    return x->verdict.action == GITHUB_WAIT ? ERR_OK : e;
}

/* No answer came. Reading is tried again. */
static err cut(struct github_exchange *x, const struct github_tries *tries, err e) {
    if (e != ERR_IO) return e;
    if (x->body) return perhaps_posted(e);
    if (!x->answer.again) return e;
    github_decide_cut(tries, &x->verdict);
    return x->verdict.action == GITHUB_WAIT ? ERR_OK : e;
}

static err try_once(struct github *g, struct github_exchange *x, const struct github_tries *tries) {
    err e = send_request(g, x);
    if (e != ERR_OK) return cut(x, tries, e);
    struct github_verdict *v = &x->verdict;
    TRY(github_decide(&x->answer, tries, g->clock.now_s(g->clock.context), v));
    if (x->body && v->action == GITHUB_WAIT && !v->limit) {
        *v = (struct github_verdict){
            .action = GITHUB_FAIL, .code = ERR_IO, .why = "the server has a fault"};
        return perhaps_posted(github_refusal(&x->answer, v));
    }
    if (v->slow && x->slow && tries->faults > 0) {
        *x->slow = true;
        *v = (struct github_verdict){
            .action = GITHUB_FAIL, .code = ERR_IO, .why = "the server takes too long"};
    }
    if (v->action == GITHUB_FAIL) return github_refusal(&x->answer, v);
    return v->action == GITHUB_TAKE ? parse(x, tries) : ERR_OK;
}

err github_exchange(struct github *g, struct github_exchange *x) {
    for (struct github_tries tries = {0};;) {
        err e = try_once(g, x, &tries);
        if (e == ERR_OK && x->verdict.action != GITHUB_WAIT) return ERR_OK;
        if (e == ERR_OK) e = github_pause(g, &x->verdict);
        if (e != ERR_OK) return fail_in(e, "%s %s", x->method, x->url);
        if (x->verdict.limit)
            tries.limits++;
        else
            tries.faults++;
    }
}
