/* SPDX-License-Identifier: Apache-2.0
 * libcurl behind remote/http.h. Requests are driven by the multi interface, step by step, so that a
 * stall is seen to the millisecond and a request to stop is heard while nothing arrives. Kept
 * connections are the multi handle's; each request has an easy handle of its own.
 * Read next: remote/http.h, the contract; remote/http_transfer.c, one request. */
#include "remote/http_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include <string.h>

enum { CONNECT_TIMEOUT_MS = 10000, STALL_TIMEOUT_MS = 30000, LOOK_MS = 200 };

struct http {
    CURLM *multi;
    struct http_options limits; /* with the defaults in place of 0 */
    struct transfer *running;   /* in the order in which they were started */
};

err http_new(const struct http_options *options, struct http **out) {
    *out = mem_zalloc(1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    struct http *h = *out;
    h->limits = (struct http_options){CONNECT_TIMEOUT_MS, STALL_TIMEOUT_MS};
    if (options && options->connect_timeout_ms > 0)
        h->limits.connect_timeout_ms = options->connect_timeout_ms;
    if (options && options->stall_timeout_ms > 0)
        h->limits.stall_timeout_ms = options->stall_timeout_ms;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        h->multi = curl_multi_init();
        if (h->multi) return ERR_OK;
        curl_global_cleanup();
    }
    mem_free(h);
    *out = NULL;
    return fail(ERR_MEMORY, "libcurl does not start");
}

static void give_up_all(struct http *h) {
    for (struct transfer *t = h->running, *next; t; t = next) {
        next = t->next;
        (void)curl_multi_remove_handle(h->multi, t->easy);
        transfer_free(t);
    }
    h->running = NULL;
}

void http_free(struct http *h) {
    if (!h) return;
    give_up_all(h);
    (void)curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    mem_free(h);
}

void http_answer_release(struct http_answer *a) {
    str_release(&a->body);
    str_release(&a->headers);
    *a = (struct http_answer){0};
}

/* ---- many at once ---- */

err http_start(struct http *h, const struct http_request *request, struct http_answer *out,
               void *ticket) {
    struct transfer *t = mem_zalloc(1, sizeof *t), **last = &h->running;
    str_clear(&out->body);
    str_clear(&out->headers);
    out->status = 0;
    out->again = out->stalled = false;
    if (!t) return ERR_MEMORY;
    t->file = -1;
    t->limits = &h->limits;
    t->request = request;
    t->answer = out;
    t->ticket = ticket;
    err e = transfer_begin(t);
    if (e == ERR_OK && curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
        e = fail(ERR_MEMORY, "out of memory for a request");
    if (e != ERR_OK) {
        transfer_free(t);
        return e;
    }
    while (*last) last = &(*last)->next;
    *last = t;
    return ERR_OK;
}

/* Takes it out of those that run; what became of it. */
static void finish(struct http *h, struct transfer *t, CURLcode code, struct http_done *out) {
    struct transfer **at = &h->running;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    out->answer = t->answer;
    out->ticket = t->ticket;
    out->failed = transfer_end(t, code);
    (void)curl_multi_remove_handle(h->multi, t->easy);
    transfer_free(t);
}

static struct transfer *transfer_of(const struct http *h, const CURL *easy) {
    struct transfer *t = h->running;
    while (t && t->easy != easy) t = t->next;
    return t;
}

/* One that is over, or is to be given up. */
static bool take_one(struct http *h, struct http_done *out) {
    double now_s = clock_seconds();
    int n_left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &n_left));) {
        struct transfer *t = m->msg == CURLMSG_DONE ? transfer_of(h, m->easy_handle) : NULL;
        if (!t) continue;
        finish(h, t, m->data.result, out);
        return true;
    }
    for (struct transfer *t = h->running; t; t = t->next) {
        transfer_look(t, now_s);
        t->stopped = !t->request->body && stop_asked();
        if (!t->stalled && !t->stopped) continue;
        finish(h, t, CURLE_OPERATION_TIMEDOUT, out);
        return true;
    }
    return false;
}

err http_next(struct http *h, int64_t wait_ms, struct http_done *out) {
    int64_t look_ms = h->limits.stall_timeout_ms / 4 + 1;
    double begun_s = clock_seconds();
    *out = (struct http_done){0};
    if (look_ms > LOOK_MS) look_ms = LOOK_MS;
    for (;;) {
        int n_running;
        if (curl_multi_perform(h->multi, &n_running) != CURLM_OK)
            return fail(ERR_MEMORY, "out of memory for a request");
        if (take_one(h, out)) return ERR_OK;
        double left_ms = (double)wait_ms - (clock_seconds() - begun_s) * 1e3;
        if (wait_ms < 0 ? !h->running : left_ms <= 0 || stop_asked()) return ERR_OK;
        int64_t most_ms = wait_ms < 0 || left_ms > (double)look_ms ? look_ms : (int64_t)left_ms + 1;
        if (curl_multi_poll(h->multi, NULL, 0, (int)most_ms, NULL) != CURLM_OK)
            return fail(ERR_MEMORY, "out of memory for a request");
    }
}

/* ---- one ---- */

err http_send(struct http *h, const struct http_request *request, struct http_answer *out) {
    struct http_done done;
    TRY(http_start(h, request, out, NULL));
    err e = http_next(h, -1, &done);
    if (e != ERR_OK) give_up_all(h); /* the caller's texts may go now */
    return e == ERR_OK ? done.failed : e;
}

err http_header(const struct http_answer *a, const char *name, struct str *out, bool *out_found) {
    size_t n = strlen(name);
    str_clear(out);
    *out_found = false;
    for (const char *line = str_text(&a->headers); *line;) {
        const char *end = strchr(line, '\n');
        size_t length = end ? (size_t)(end - line) : strlen(line);
        if (length >= n + 2 && memcmp(line, name, n) == 0 && memcmp(line + n, ": ", 2) == 0) {
            *out_found = true;
            return str_append(out, line + n + 2, length - n - 2);
        }
        line += length + (end != NULL);
    }
    return ERR_OK;
}
