/* SPDX-License-Identifier: Apache-2.0
 * Keeps so many requests in flight as are wanted. A slot holds a question through all its tries; of
 * slots there are twice as many, so that those which wait for their next try hold up nobody. A 429
 * that says how long makes everybody wait.
 * Read next: remote/chat.h, the contract; remote/chat_answer.c, what an answer is. */
#include "remote/chat_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include <string.h>
#include <time.h>

enum { CONCURRENCY = 8, TRIES = 5, STALL_TIMEOUT_MS = 300000, BACKOFF_MS = 1000 };
enum { BACKOFF_MAX_MS = 60000, ANSWER_MAX_BYTES = 4 << 20, IN_A_ROW = 4 };

struct slot {
    struct http_request request;
    struct http_answer http;
    struct str body;
    struct chat_answer answer;
    int64_t question; /* -1: free */
    bool running;
    double ready_s; /* of its next try */
};
struct chat {
    struct chat_options options; /* with the defaults in place of 0 */
    struct http *http;
    struct str url;
    struct slot *slots;
    int64_t n_slots, n_running;
    double pause_s;       /* nobody begins before */
    int64_t n_failed_row; /* questions that ended without an answer since the last that had one */
};
/* What one chat_ask adds. */
struct asking {
    struct chat *c;
    struct chat_run *run;
    int64_t next; /* question */
    err ended;    /* with this, once nothing is in flight */
    struct err_kept why;
};

err chat_new(const struct chat_options *options, struct chat **out) {
    struct chat *c = *out = mem_zalloc(1, sizeof *c);
    if (!c) return ERR_MEMORY;
    c->options = *options;
    struct chat_options *o = &c->options;
    if (o->concurrency <= 0) o->concurrency = CONCURRENCY;
    if (o->concurrency > CHAT_CONCURRENCY_MAX) o->concurrency = CHAT_CONCURRENCY_MAX;
    if (o->tries <= 0) o->tries = TRIES;
    if (o->tries > CHAT_TRIES_MAX) o->tries = CHAT_TRIES_MAX;
    if (o->stall_timeout_ms <= 0) o->stall_timeout_ms = STALL_TIMEOUT_MS;
    if (o->backoff_ms <= 0) o->backoff_ms = BACKOFF_MS;
    const struct http_options limits = {.stall_timeout_ms = o->stall_timeout_ms};
    c->slots = mem_zalloc((size_t)o->concurrency * 2, sizeof *c->slots);
    err e = c->slots ? http_url_check(o->url) : ERR_MEMORY;
    if (e == ERR_OK) e = str_printf(&c->url, "%s/chat/completions", o->url);
    if (e == ERR_OK) e = http_new(&limits, &c->http);
    if (e != ERR_OK) {
        chat_free(c);
        *out = NULL;
        return e;
    }
    c->n_slots = 2 * o->concurrency;
    for (int64_t i = 0; i < c->n_slots; i++) c->slots[i].question = -1;
    return ERR_OK;
}

static void answer_clear(struct chat_answer *a) {
    struct str text = a->text, why = a->why;
    str_clear(&text);
    str_clear(&why);
    *a = (struct chat_answer){.text = text, .why = why};
}

void chat_free(struct chat *c) {
    if (!c) return;
    http_free(c->http); /* before the texts of what runs */
    for (int64_t i = 0; i < c->n_slots; i++) {
        struct slot *s = &c->slots[i];
        http_answer_release(&s->http);
        str_release(&s->body);
        str_release(&s->answer.text);
        str_release(&s->answer.why);
    }
    mem_free(c->slots);
    str_release(&c->url);
    mem_free(c);
}

/* ---- beginning ---- */

static bool may_begin(const struct asking *a) {
    const struct chat_run *run = a->run;
    if (a->ended != ERR_OK || a->c->n_running == a->c->options.concurrency) return false;
    if (run->max_requests > 0 && run->n_requests >= run->max_requests) return false;
    return run->max_tokens <= 0 || run->n_tokens < run->max_tokens;
}

static err begin(struct asking *a, struct slot *s) {
    struct chat *c = a->c;
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json"};
    s->request = (struct http_request){.method = "POST",
                                       .url = str_text(&c->url),
                                       .headers = headers,
                                       .n_headers = 2,
                                       .token = c->options.token,
                                       .body = str_text(&s->body),
                                       .n_body = s->body.len,
                                       .max_bytes = ANSWER_MAX_BYTES};
    TRY(http_start(c->http, &s->request, &s->http, s));
    s->running = true;
    c->n_running++;
    a->run->n_requests++;
    return ERR_OK;
}

static struct slot *free_slot(struct chat *c) {
    for (int64_t i = 0; i < c->n_slots; i++)
        if (c->slots[i].question < 0) return &c->slots[i];
    return NULL;
}

/* Of those that wait, the one whose turn comes first. */
static struct slot *waiting_slot(struct chat *c) {
    struct slot *first = NULL;
    for (int64_t i = 0; i < c->n_slots; i++) {
        struct slot *s = &c->slots[i];
        if (s->question < 0 || s->running) continue;
        if (!first || s->ready_s < first->ready_s) first = s;
    }
    return first;
}

static err begin_all(struct asking *a, double now_s) {
    struct chat *c = a->c;
    while (may_begin(a) && now_s >= c->pause_s) {
        struct slot *s = waiting_slot(c);
        if (!s || s->ready_s > now_s) {
            s = a->next < a->run->n ? free_slot(c) : NULL;
            if (!s) return ERR_OK;
            s->question = a->next++;
            answer_clear(&s->answer);
            TRY(chat_body(&c->options, &a->run->questions[s->question], &s->body));
        }
        TRY(begin(a, s));
    }
    return ERR_OK;
}

/* ---- ending ---- */

static void end_with(struct asking *a, err e) {
    if (a->ended != ERR_OK || e == ERR_OK) return;
    a->ended = e;
    err_keep(&a->why);
}

static bool is_again(enum chat_outcome outcome) {
    static const bool again[] = {
#define OUTCOME(name, word, tried_again, help) tried_again,
        CHAT_OUTCOMES(OUTCOME)
#undef OUTCOME
    };
    return again[outcome];
}

/* When the next try begins. */
static err plan_again(struct chat *c, struct slot *s, double now_s) {
    int64_t wait_s;
    bool said;
    TRY(chat_retry_after(&s->http, (int64_t)time(NULL), &wait_s, &said));
    int64_t wait_ms = c->options.backoff_ms;
    for (int64_t i = 1; i < s->answer.n_tries && wait_ms < BACKOFF_MAX_MS; i++) wait_ms *= 2;
    if (wait_ms > BACKOFF_MAX_MS) wait_ms = BACKOFF_MAX_MS;
    s->ready_s = now_s + (said ? (double)wait_s : (double)wait_ms / 1e3);
    if (said && s->answer.outcome == CHAT_BUSY && s->ready_s > c->pause_s) c->pause_s = s->ready_s;
    return ERR_OK;
}

/* What ends the whole run: the next question would fare no better. */
static err hopeless(struct chat *c, const struct slot *s) {
    const char *why = str_text(&s->answer.why);
    switch (s->http.status) {
    case 401:
    case 403:
        return fail_hint(fail(ERR_DENIED, "%s", why), "the endpoint wants a token, or another one");
    case 404:
        return fail_hint(fail(ERR_MISSING, "%s", why),
                         "check the URL, which ends before /chat/completions, and the model's "
                         "name");
    default: break;
    }
    if (s->answer.outcome == CHAT_BROKEN) return fail(ERR_IO, "%s", why);
    c->n_failed_row = s->answer.outcome == CHAT_ANSWERED ? 0 : c->n_failed_row + 1;
    if (!is_again(s->answer.outcome) || c->n_failed_row < IN_A_ROW * c->options.concurrency)
        return ERR_OK;
    return fail(ERR_IO, "%lld questions in a row were not answered; the last: %s",
                (long long)c->n_failed_row, why);
}

static err settle(struct asking *a, const struct http_done *done) {
    struct chat *c = a->c;
    struct slot *s = done->ticket;
    struct chat_answer *answer = &s->answer;
    s->running = false;
    c->n_running--;
    const char *prompt = a->run->questions[s->question].prompt;
    TRY(chat_take(done, str_text(&c->url), strlen(prompt), answer));
    answer->tried[answer->n_tries++] = (uint8_t)answer->outcome;
    bool again = is_again(answer->outcome) && answer->n_tries < c->options.tries;
    if (answer->outcome == CHAT_BROKEN && !s->http.again) again = false;
    if (again && a->ended == ERR_OK && !stop_asked()) return plan_again(c, s, clock_seconds());
    err e = hopeless(c, s);
    int64_t question = s->question;
    s->question = -1;
    if (answer->outcome == CHAT_ANSWERED)
        a->run->n_tokens += answer->prompt_tokens + answer->answer_tokens;
    if (e == ERR_OK && !again) e = a->run->done(a->run->ctx, question, answer);
    return e;
}

/* How long to wait for one in flight: until another may begin. */
static int64_t wait_ms(const struct asking *a, double now_s) {
    struct chat *c = a->c;
    if (!may_begin(a)) return -1;
    const struct slot *s = waiting_slot(c);
    bool fresh = a->next < a->run->n && free_slot(c);
    double at_s = fresh ? now_s : s ? s->ready_s : 0;
    if (at_s < c->pause_s) at_s = c->pause_s;
    if (!fresh && !s) return -1;
    return at_s > now_s ? (int64_t)((at_s - now_s) * 1e3) + 1 : 0;
}

static bool is_over(const struct asking *a) {
    if (a->c->n_running > 0) return false;
    return !may_begin(a) || (a->next == a->run->n && !waiting_slot(a->c));
}

err chat_ask(struct chat *c, struct chat_run *run) {
    struct asking a = {.c = c, .run = run};
    struct http_done done;
    run->n_requests = run->n_tokens = 0;
    while (!is_over(&a)) {
        double now_s = clock_seconds();
        if (stop_asked() && a.ended == ERR_OK)
            end_with(&a, fail(ERR_STOPPED, "asked to stop while questions were open"));
        if (a.ended == ERR_OK) end_with(&a, begin_all(&a, now_s));
        if (is_over(&a)) break;
        err e = http_next(c->http, wait_ms(&a, clock_seconds()), &done);
        if (e != ERR_OK) return e;
        if (done.answer) end_with(&a, settle(&a, &done));
    }
    for (int64_t i = 0; i < c->n_slots; i++) c->slots[i].question = -1;
    if (a.ended != ERR_OK) err_put_back(&a.why);
    return a.ended;
}
