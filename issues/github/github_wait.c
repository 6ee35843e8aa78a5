/* SPDX-License-Identifier: Apache-2.0
 * From status, headers and body to a decision. For 403 and 429: retry-after first, then a spent
 * primary limit, then a secondary limit by its message; a 403 with none of these is about rights.
 * Read next: issues/github/github_wait.h, the contract. */
#include "issues/github/github_wait.h"

#include "base/json.h"
#include <string.h>
#include <strings.h>
#include <time.h>

enum { WORDS_MAX = 300, MESSAGE_MAX_BYTES = 1 << 16 };

/* What each status means that is neither an answer nor worth another try. */
static const struct refusal {
    long from, to;
    err code;
    const char *why, *hint;
} refusals[] = {
    {300, 399, ERR_UNSUPPORTED, "an answer that leads nowhere", NULL},
    {400, 400, ERR_UNSUPPORTED, "the server does not understand the request",
     "GITHUB_API_URL must name a server that speaks GitHub's REST API, version 2022-11-28"},
    {401, 401, ERR_DENIED, "the token is not valid",
     "it may have expired: make a new one, or unset GH_TOKEN and GITHUB_TOKEN to ask without one"},
    {403, 403, ERR_DENIED, "the token's rights do not reach that far",
     "reading needs 'Issues: read' of the repository, posting 'Issues: write'; a token for an "
     "organisation with single sign-on must be authorised for it"},
    {404, 404, ERR_MISSING, "not there",
     "check owner, repository and number; a private repository reads as missing to a token "
     "without rights on it"},
    {410, 410, ERR_MISSING, "gone: it was deleted, or the repository's issues are switched off",
     NULL},
    {422, 422, ERR_RANGE, "the server does not accept a value of the request", NULL},
    {451, 451, ERR_MISSING, "not available for legal reasons", NULL},
    {400, 499, ERR_UNSUPPORTED, "the server refuses the request", NULL},
    {500, 599, ERR_IO, "the server's own fault, again and again",
     "run it again later; githubstatus.com tells of outages"},
    {0, 999, ERR_UNSUPPORTED, "no answer of GitHub's", NULL},
};

static void refuse(long status, struct github_verdict *out) {
    const struct refusal *row = refusals;
    while (status < row->from || status > row->to) row++;
    *out = (struct github_verdict){
        .action = GITHUB_FAIL, .code = row->code, .why = row->why, .hint = row->hint};
}

static void wait_for(int64_t seconds, const char *why, struct github_verdict *out) {
    *out = (struct github_verdict){
        .action = GITHUB_WAIT, .wait_s = seconds < 1 ? 1 : seconds, .limit = true, .why = why};
}

/* A header that is a whole number; false where it is absent or is not. */
static err number_header(const struct http_answer *a, const char *name, int64_t *out, bool *found) {
    struct str text = {0};
    err e = http_header(a, name, &text, found);
    if (e == ERR_OK && *found) *found = str_to_int64(text.data, out) == ERR_OK;
    str_release(&text);
    return e;
}

/* retry-after: seconds, or a date as HTTP writes it. */
static err retry_after(const struct http_answer *a, int64_t now_s, int64_t *out, bool *found) {
    struct str text = {0};
    struct tm t = {0};
    err e = http_header(a, "retry-after", &text, found);
    if (e == ERR_OK && *found && str_to_int64(text.data, out) != ERR_OK) {
        *found = strptime(text.data, "%a, %d %b %Y %H:%M:%S GMT", &t) != NULL;
        *out = *found ? (int64_t)timegm(&t) - now_s : 0;
    }
    if (*out > GITHUB_RETRY_MAX_S) *out = GITHUB_RETRY_MAX_S;
    str_release(&text);
    return e;
}

/* Seconds until the primary limit begins anew. Some write the time in milliseconds; what still lies
 * beyond the hour that a limit lasts is taken for that hour. One that is over already, and yet the
 * answer is no: the clocks differ, so the wait grows with every try. */
static int64_t until_reset(int64_t reset_s, int64_t now_s, const struct github_tries *before) {
    enum { MILLISECONDS_FROM = 100000000 }; /* thousands of seconds: the year 5138 */
    if (reset_s / 1000 >= MILLISECONDS_FROM) reset_s /= 1000;
    int64_t wait_s = reset_s - now_s, least_s = (int64_t)1 << before->limits;
    if (wait_s > GITHUB_RESET_MAX_S) wait_s = GITHUB_RESET_MAX_S;
    return wait_s < least_s ? least_s : wait_s;
}

static bool has_word(const char *text, const char *word) {
    return strcasestr(text, word) != NULL;
}

static err decide_limit(const struct http_answer *a, const struct github_tries *before,
                        int64_t now_s, struct github_verdict *out) {
    int64_t retry_s = 0, remaining = 1, reset_s = 0;
    bool has_retry = false, has_remaining = false, has_reset = false;
    struct str words = {0};
    TRY(retry_after(a, now_s, &retry_s, &has_retry));
    TRY(number_header(a, "x-ratelimit-remaining", &remaining, &has_remaining));
    TRY(number_header(a, "x-ratelimit-reset", &reset_s, &has_reset));
    err e = github_words(a, &words);
    bool secondary = has_word(str_text(&words), "secondary rate limit") ||
                     has_word(str_text(&words), "abuse detection");
    str_release(&words);
    TRY(e);
    if (has_retry)
        wait_for(retry_s, "GitHub asks for a pause", out);
    else if (has_remaining && remaining == 0 && has_reset)
        wait_for(until_reset(reset_s, now_s, before), "the hour's rate limit is spent", out);
    else if (secondary || a->status == 429 || (has_remaining && remaining == 0))
        wait_for((int64_t)GITHUB_SECONDARY_S << before->limits, "a secondary rate limit", out);
    else
        refuse(a->status, out);
    if (out->action != GITHUB_WAIT || before->limits < GITHUB_LIMIT_TRIES) return ERR_OK;
    *out = (struct github_verdict){.action = GITHUB_FAIL,
                                   .code = ERR_STOPPED,
                                   .why = "still limited after several waits",
                                   .hint = "run it again later: what was fetched is kept"};
    return ERR_OK;
}

void github_decide_cut(const struct github_tries *before, struct github_verdict *out) {
    *out = (struct github_verdict){.action = GITHUB_WAIT,
                                   .wait_s = (int64_t)1 << before->faults,
                                   .why = "the line was cut or stood still"};
    if (before->faults >= GITHUB_FAULT_TRIES) out->action = GITHUB_FAIL;
}

static err decide_fault(const struct http_answer *a, const struct github_tries *before,
                        int64_t now_s, struct github_verdict *out) {
    int64_t retry_s = 0;
    bool found;
    TRY(retry_after(a, now_s, &retry_s, &found));
    refuse(a->status, out);
    if (before->faults < GITHUB_FAULT_TRIES) {
        wait_for(found ? retry_s : (int64_t)1 << before->faults, "the server has a fault", out);
        out->limit = false;
    }
    out->slow = a->status == 502 || a->status == 504;
    return ERR_OK;
}

static err decide_success(const struct http_answer *a, struct github_verdict *out) {
    bool json;
    TRY(github_is_json(a, &json));
    *out = (struct github_verdict){.action = GITHUB_TAKE};
    if (json || a->body.len == 0) return ERR_OK;
    *out = (struct github_verdict){
        .action = GITHUB_FAIL,
        .code = ERR_PARSE,
        .why = "the answer is no JSON",
        .hint = "a page for people came instead: GITHUB_API_URL must name the API "
                "(https://api.github.com, https://HOST/api/v3), and a network may ask for a login"};
    return ERR_OK;
}

err github_decide(const struct http_answer *a, const struct github_tries *before, int64_t now_s,
                  struct github_verdict *out) {
    struct str location = {0};
    bool found = false;
    err e;
    *out = (struct github_verdict){.action = GITHUB_UNCHANGED};
    switch (a->status) {
    case 304: return ERR_OK;
    case 301:
    case 302:
    case 307:
    case 308:
        e = http_header(a, "location", &location, &found);
        str_release(&location);
        out->action = GITHUB_FOLLOW;
        if (!found) refuse(a->status, out);
        return e;
    case 403:
    case 429: return decide_limit(a, before, now_s, out);
    default: break;
    }
    if (a->status >= 500) return decide_fault(a, before, now_s, out);
    if (a->status >= 200 && a->status < 300) return decide_success(a, out);
    refuse(a->status, out);
    return ERR_OK;
}

err github_is_json(const struct http_answer *a, bool *out) {
    struct str type = {0};
    bool found;
    err e = http_header(a, "content-type", &type, &found);
    const char *text = str_text(&type);
    size_t n = strcspn(text, "; ");
    *out = (n == 16 && strncasecmp(text, "application/json", n) == 0) ||
           (n > 5 && strncasecmp(text + n - 5, "+json", 5) == 0);
    str_release(&type);
    return e;
}

/* Text from elsewhere, fit for a terminal and for one line. */
static err add_words(const char *text, struct str *out) {
    if (out->len > 0) TRY(str_add(out, "; "));
    for (size_t n = strlen(text), i = 0; i < n && out->len < WORDS_MAX;) {
        uint32_t codepoint;
        size_t used = utf8_next(text + i, n - i, &codepoint);
        bool plain = used > 0 && codepoint >= 32 && (codepoint < 127 || codepoint >= 160);
        TRY(plain ? str_append(out, text + i, used) : str_add(out, " "));
        i += used > 0 ? used : 1;
    }
    return ERR_OK;
}

static err add_errors(const json_t *errors, struct str *out) {
    size_t i;
    json_t *item;
    json_array_foreach(errors, i, item) {
        struct str line = {0};
        const char *text =
            json_is_string(item) ? json_string_value(item) : json_text_of(item, "message");
        err e = json_is_string(item)
                    ? str_add(&line, text)
                    : str_printf(&line, "%s.%s: %s %s", json_text_of(item, "resource"),
                                 json_text_of(item, "field"), json_text_of(item, "code"), text);
        if (e == ERR_OK && out->len < WORDS_MAX) e = add_words(str_text(&line), out);
        str_release(&line);
        TRY(e);
    }
    return ERR_OK;
}

err github_words(const struct http_answer *a, struct str *out) {
    bool json;
    json_t *values = NULL;
    str_clear(out);
    TRY(github_is_json(a, &json));
    if (!json || a->body.len == 0 || a->body.len > MESSAGE_MAX_BYTES) return ERR_OK;
    err e = json_parse_all(a->body.data, a->body.len, "the answer", &values);
    if (e == ERR_MEMORY) return e;
    const json_t *object = json_array_get(values, 0); /* NULL where it is no JSON: no words then */
    e = json_is_string(json_object_get(object, "message"))
            ? add_words(json_text_of(object, "message"), out)
            : ERR_OK;
    if (e == ERR_OK) e = add_errors(json_object_get(object, "errors"), out);
    json_decref(values);
    return e;
}

/* What a 403 says that a token would need. */
static err add_needed(const struct http_answer *a, struct str *out) {
    struct str needed = {0}, line = {0};
    bool found = false;
    err e = http_header(a, "x-accepted-github-permissions", &needed, &found);
    if (e == ERR_OK && found) e = str_printf(&line, "needed are %s", needed.data);
    if (e == ERR_OK && found) e = add_words(line.data, out);
    str_release(&needed);
    str_release(&line);
    return e;
}

err github_refusal(const struct http_answer *a, const struct github_verdict *verdict) {
    struct str words = {0};
    err e = github_words(a, &words);
    if (e == ERR_OK && a->status == 403) e = add_needed(a, &words);
    if (e == ERR_OK) {
        const char *text = str_text(&words);
        e = fail(verdict->code, "%ld: %s%s%s%s", a->status, verdict->why, *text ? " (" : "", text,
                 *text ? ")" : "");
        if (verdict->hint) e = fail_hint(e, "%s", verdict->hint);
    }
    str_release(&words);
    return e;
}
