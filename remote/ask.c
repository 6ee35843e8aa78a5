/* SPDX-License-Identifier: Apache-2.0
 * Asking a hub (remote/ask.h). What is logged of a request is its method and its address without
 * the query: the addresses that hubs give for uploads carry signatures there.
 * Read next: remote/http.c. */
#include "remote/ask.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include <limits.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 1000, WAIT_MAX_MS = 60000, RETRY_AFTER_MAX_S = 900 };
enum { SAID_BYTES = 300, HOPS_MAX = 5 };

struct ask {
    struct ask_options options;
    const char *secret; /* besides the token; NULL: none */
    struct http *http;
};

/* ---- making one ---- */

err ask_new(const struct ask_options *options, struct ask **out) {
    *out = NULL;
    TRY(http_url_check(options->endpoint));
    struct ask *a = mem_zalloc(1, sizeof *a);
    if (!a) return ERR_MEMORY;
    a->options = *options;
    err e =
        http_new(&(struct http_options){.stall_timeout_ms = options->stall_timeout_ms}, &a->http);
    if (e != ERR_OK) {
        mem_free(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

void ask_free(struct ask *a) {
    if (!a) return;
    http_free(a->http);
    mem_free(a);
}

bool ask_plans(const struct ask *a) {
    return a->options.plan != NULL;
}

/* ---- what a server says, for people ---- */

void ask_hide(struct ask *a, const char *secret) {
    a->secret = secret;
}

const char *ask_own_header(const struct ask *a, const char *url, const char *header) {
    return header && http_same_host(url, a->options.endpoint) ? header : NULL;
}

/* Appends `text` with every copy of the secret struck out. */
static err add_without(const char *secret, const char *text, struct str *out) {
    size_t n = secret ? strlen(secret) : 0;
    for (const char *hit; n > 0 && (hit = strstr(text, secret)) != NULL; text = hit + n) {
        TRY(str_append(out, text, (size_t)(hit - text)));
        TRY(str_add(out, "***"));
    }
    return str_add(out, text);
}

static err add_without_secrets(const struct ask *a, const char *text, struct str *out) {
    struct str half = {0};
    err e = add_without(a->options.token, text, &half);
    if (e == ERR_OK) e = add_without(a->secret, str_text(&half), out);
    str_release(&half);
    return e;
}

/* Where a redirect leads, without the query, which may be the right to it. */
static err place_of(const struct http_answer *answer, struct str *out) {
    struct str place = {0};
    bool found = false;
    err e = http_header(answer, "location", &place, &found);
    if (e == ERR_OK && found)
        e = str_printf(out, "to %.*s", (int)strcspn(str_text(&place), "?"), str_text(&place));
    str_release(&place);
    return e;
}

/* The words of an error's JSON, whichever key the hub puts them under; "" where it is none. */
static err said_of(const struct http_answer *answer, struct str *out) {
    static const char *const keys[] = {"error", "message", "Message"};
    json_t *json = NULL;
    if (answer->status >= 300 && answer->status < 400) return place_of(answer, out);
    if (json_parse(str_text(&answer->body), answer->body.len, "answer", &json) != ERR_OK) {
        err_clear();
        return ERR_OK;
    }
    err e = ERR_OK;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && e == ERR_OK && out->len == 0; i++)
        e = str_add(out, json_text_of(json, keys[i]));
    json_decref(json);
    return e;
}

struct meaning {
    long from, to;
    err code;
    const char *what, *hint; /* hint: with the token's name, then the subject */
};
static const struct meaning meanings[] = {
    {401, 401, ERR_DENIED, "the token is not accepted",
     "set %s to a token of the hub with write rights; where '%s' is another's and private, a hub "
     "may answer so, too"},
    {403, 403, ERR_DENIED, "the token's rights do not reach that far",
     "the token in %s must be one with write rights for '%s'"},
    {404, 404, ERR_MISSING, "it is not there",
     "a token without rights (%s) sees it so, too; if '%s' is new, create it there first or say "
     "`create: true` for the target"},
    {409, 409, ERR_MISMATCH, "it is in the way of what is there", NULL},
    {412, 412, ERR_MISMATCH, "somebody else committed meanwhile", "run it again"},
    {413, 413, ERR_LIMIT, "it is too large for the hub", NULL},
    {507, 507, ERR_LIMIT, "the hub has no room left for it", NULL},
    {509, 509, ERR_LIMIT, "the hub's allowance is used up", NULL},
    {408, 408, ERR_IO, "the hub gave up waiting", "run it again: it goes on where it stopped"},
    {429, 429, ERR_IO, "the hub asks for fewer requests",
     "run it again later: it goes on where it "
     "stopped"},
    {500, 599, ERR_IO, "the hub's own fault", "run it again: it goes on where it stopped"},
    {300, 399, ERR_UNSUPPORTED, "it has moved",
     "give the target the name or address that it has now"},
    {LONG_MIN, LONG_MAX, ERR_UNSUPPORTED, "it was not expected", NULL},
};

err ask_refused(const struct ask *a, long status, const char *says) {
    const struct ask_options *o = &a->options;
    struct str text = {0};
    const struct meaning *m = meanings;
    while (status < m->from || status > m->to) m++;
    err e = add_without_secrets(a, says, &text);
    if (e == ERR_OK && status == 401 && !o->token)
        e = fail_hint(fail(ERR_DENIED, "'%s': no token is set, and none is not enough (status 401)",
                           o->subject),
                      "set %s to a token of the hub with write rights", o->token_name);
    if (e == ERR_OK)
        e = fail(m->code, "'%s': %s (status %ld%s%.*s)", o->subject, m->what, status,
                 text.len > 0 ? ": " : "", SAID_BYTES, str_text(&text));
    if (e == m->code && m->hint && !(status == 401 && !o->token))
        e = strchr(m->hint, '%') ? fail_hint(e, m->hint, o->token_name, o->subject)
                                 : fail_hint(e, "%s", m->hint);
    str_release(&text);
    return e;
}

err ask_judge(const struct ask *a, const struct http_answer *answer) {
    struct str said = {0};
    if (answer->status >= 200 && answer->status < 300) return ERR_OK;
    err e = said_of(answer, &said);
    if (e == ERR_OK) e = ask_refused(a, answer->status, str_text(&said));
    str_release(&said);
    return e;
}

/* ---- sending ---- */

static err sleep_ms(int64_t ms) {
    for (; ms > 0; ms -= 200) {
        struct timespec t = {.tv_nsec = (ms < 200 ? ms : 200) * 1000000};
        if (stop_asked()) return fail(ERR_STOPPED, "asked to stop while waiting");
        nanosleep(&t, NULL);
    }
    return ERR_OK;
}

static bool is_passing(long status) {
    return status == 408 || status == 429 || (status >= 500 && status != 501 && status < 507);
}

/* What the server asks for, in seconds (a date is not read: then it is as if it had said nothing);
 * -1: nothing. */
static err retry_after(const struct http_answer *answer, int64_t *out_s) {
    struct str text = {0};
    bool found = false;
    *out_s = -1;
    err e = http_header(answer, "retry-after", &text, &found);
    if (e == ERR_OK && found && str_to_int64(str_text(&text), out_s) != ERR_OK) {
        err_clear();
        *out_s = -1;
    }
    str_release(&text);
    return e;
}

static err pause_before(struct ask *a, const struct http_answer *answer, int tried) {
    const struct ask_options *o = &a->options;
    int64_t after_s = -1, ms = (int64_t)WAIT_MS << (tried - 1);
    TRY(retry_after(answer, &after_s));
    if (after_s > RETRY_AFTER_MAX_S)
        return fail_hint(
            fail(ERR_IO, "'%s': the hub asks to wait %lld s", o->subject, (long long)after_s),
            "run it again then: it goes on where it stopped");
    if (ms > WAIT_MAX_MS) ms = WAIT_MAX_MS;
    if (after_s >= 0) ms = after_s * 1000;
    return o->wait ? o->wait(o->context, ms) : sleep_ms(ms);
}

static err plan_one(struct ask *a, const struct http_request *r, const char *url) {
    json_int_t bytes = (json_int_t)(r->file ? r->file_bytes : (int64_t)r->n_body);
    return json_push(a->options.plan,
                     json_pack("{s:s, s:s, s:I}", "method", r->method ? r->method : "GET", "url",
                               url, "bytes", bytes));
}

static void log_one(const struct http_request *r, const struct http_answer *answer) {
    LOG(RELEASE, INFO, "%s %.*s: %ld", r->method ? r->method : "GET", (int)strcspn(r->url, "?"),
        r->url, answer->status);
}

static err send_tries(struct ask *a, const struct http_request *r, bool once,
                      struct http_answer *out) {
    for (int tried = 1;; tried++) {
        err e = http_send(a->http, r, out);
        log_one(r, out);
        bool again = e == ERR_OK ? is_passing(out->status) : e == ERR_IO && out->again;
        if (!again) return e;
        if (once || tried == ASK_TRIES) return e == ERR_OK ? ask_judge(a, out) : e;
        TRY(pause_before(a, out, tried));
    }
}

/* The address that an answer moves the request to, on the same host; "": it does not. */
static err moved_to(const struct http_answer *answer, const char *url, struct str *out) {
    struct str place = {0};
    bool found = false;
    str_clear(out);
    if (answer->status != 301 && answer->status != 307 && answer->status != 308) return ERR_OK;
    err e = http_header(answer, "location", &place, &found);
    if (e == ERR_OK && found) e = http_url_join(url, str_text(&place), out);
    if (e == ERR_OK && found && !http_same_host(url, str_text(out))) str_clear(out);
    str_release(&place);
    return e;
}

static err send_following(struct ask *a, struct http_request *http, struct http_answer *out) {
    struct str url = {0}, next = {0};
    err e = send_tries(a, http, false, out);
    for (int hop = 0; hop < HOPS_MAX && e == ERR_OK; hop++) {
        e = moved_to(out, http->url, &next);
        if (e != ERR_OK || next.len == 0) break;
        str_clear(&url);
        e = str_append(&url, str_text(&next), next.len);
        http->url = str_text(&url);
        if (e == ERR_OK) e = send_tries(a, http, false, out);
    }
    str_release(&url);
    str_release(&next);
    return e;
}

static err add_endpoint(const struct ask *a, const char *path, struct str *out) {
    size_t n = strlen(a->options.endpoint);
    while (n > 0 && a->options.endpoint[n - 1] == '/') n--;
    return str_printf(out, "%.*s%s", (int)n, a->options.endpoint, path);
}

err ask_send(struct ask *a, const struct ask_request *r, struct http_answer *out) {
    struct str url = {0};
    struct http_request http = r->http;
    http_answer_release(out);
    err e = r->unknown_url       ? str_add(&url, r->unknown_url)
            : http.url[0] == '/' ? add_endpoint(a, http.url, &url)
                                 : str_add(&url, http.url);
    http.url = str_text(&url);
    if (!http.max_bytes) http.max_bytes = ASK_ANSWER_BYTES;
    if (e == ERR_OK && a->options.plan) {
        e = plan_one(a, &http, http.url);
    } else if (e == ERR_OK) {
        bool ours = !r->no_token && http_same_host(http.url, a->options.endpoint);
        http.token = ours ? a->options.token : NULL;
        e = r->follows ? send_following(a, &http, out) : send_tries(a, &http, r->once, out);
    }
    str_release(&url);
    return e;
}

err ask_json(struct ask *a, const struct ask_request *r, json_t **out) {
    struct http_answer answer = {0};
    *out = NULL;
    err e = ask_send(a, r, &answer);
    if (e == ERR_OK && !ask_plans(a)) e = ask_judge(a, &answer);
    if (e == ERR_OK && !ask_plans(a)) {
        e = json_parse(str_text(&answer.body), answer.body.len, a->options.subject, out);
        if (e == ERR_PARSE) e = fail_in(e, "the hub's answer");
    }
    http_answer_release(&answer);
    return e;
}

err ask_post(struct ask *a, const char *url, json_t *body, json_t **out) {
    static const char *const headers[] = {"Content-Type: application/json"};
    struct str text = {0};
    *out = NULL;
    err e = body ? json_text(body, 0, &text) : fail(ERR_MEMORY, "out of memory for a request");
    if (e == ERR_OK)
        e = ask_json(a,
                     &(struct ask_request){.http = {.method = "POST",
                                                    .url = url,
                                                    .headers = headers,
                                                    .n_headers = 1,
                                                    .body = str_text(&text),
                                                    .n_body = text.len}},
                     out);
    json_decref(body);
    str_release(&text);
    return e;
}
