/* SPDX-License-Identifier: Apache-2.0
 * libcurl behind remote/http.h. A request is driven by the multi interface, step by step, so that a
 * stall is seen to the millisecond and a request to stop is heard while nothing arrives.
 * libcurl follows no redirect, reads no .netrc, keeps no cookie, and loopback is never asked
 * through a proxy; others may be (HTTPS_PROXY). Plain http to an address that is not loopback is
 * refused once more where the connection is made, whatever the name was.
 * Read next: remote/http.h, the contract. */
#include "remote/http_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <string.h>
#include <sys/socket.h>

enum { CONNECT_TIMEOUT_MS = 10000, STALL_TIMEOUT_MS = 30000, LOOK_MS = 200, HEADERS_MAX = 1 << 18 };

struct http {
    CURL *easy;
    CURLM *multi;
    int64_t connect_timeout_ms, stall_timeout_ms;
    char reason[CURL_ERROR_SIZE];
};

/* One request under way. */
struct transfer {
    struct http *h;
    const struct http_request *request;
    struct http_answer *answer;
    struct url_parts url;
    struct curl_slist *headers;
    bool stalled, stopped;
    err failed; /* in a callback */
};

err http_new(const struct http_options *options, struct http **out) {
    *out = mem_zalloc(1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    struct http *h = *out;
    h->connect_timeout_ms = options && options->connect_timeout_ms > 0 ? options->connect_timeout_ms
                                                                       : CONNECT_TIMEOUT_MS;
    h->stall_timeout_ms =
        options && options->stall_timeout_ms > 0 ? options->stall_timeout_ms : STALL_TIMEOUT_MS;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        mem_free(h);
        *out = NULL;
        return fail(ERR_MEMORY, "libcurl does not start");
    }
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    if (h->easy && h->multi) return ERR_OK;
    http_free(h);
    *out = NULL;
    return fail(ERR_MEMORY, "libcurl does not start");
}

void http_free(struct http *h) {
    if (!h) return;
    curl_easy_cleanup(h->easy);
    (void)curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    mem_free(h);
}

void http_answer_release(struct http_answer *a) {
    str_release(&a->body);
    str_release(&a->headers);
    *a = (struct http_answer){0};
}

static size_t take_body(char *data, size_t size, size_t n, void *context) {
    struct transfer *t = context;
    size_t n_bytes = size * n;
    if (n_bytes > t->request->max_bytes - t->answer->body.len)
        t->failed = fail(ERR_LIMIT, "the answer of '%s' is over %zu bytes", t->url.host,
                         t->request->max_bytes);
    else
        t->failed = str_append(&t->answer->body, data, n_bytes);
    return t->failed == ERR_OK ? n_bytes : 0;
}

/* A name may lead anywhere; what is connected to must be this machine. */
static curl_socket_t open_loopback(void *context, curlsocktype purpose, struct curl_sockaddr *to) {
    struct transfer *t = context;
    (void)purpose;
    bool here = false;
    if (to->family == AF_INET)
        here = ntohl(((const struct sockaddr_in *)&to->addr)->sin_addr.s_addr) >> 24 == 127;
    else if (to->family == AF_INET6)
        here = IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&to->addr)->sin6_addr);
    if (here) return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    t->failed = fail(ERR_RANGE, "plain http to '%s' is refused: the name is not this machine's",
                     t->url.host);
    return CURL_SOCKET_BAD;
}

static bool has_control(const char *text) {
    for (; *text; text++)
        if (iscntrl((unsigned char)*text)) return true;
    return false;
}

static err add_header(struct transfer *t, const char *line) {
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    if (!longer) return fail(ERR_MEMORY, "out of memory for a request's headers");
    t->headers = longer;
    return ERR_OK;
}

static err add_token(struct transfer *t, const char *token) {
    struct str line = {0};
    for (const char *at = token; *at; at++)
        if (!isgraph((unsigned char)*at))
            return fail(ERR_RANGE, "the token holds a character that no token has");
    err e = str_printf(&line, "Authorization: Bearer %s", token);
    if (e == ERR_OK) e = add_header(t, line.data);
    if (line.data) explicit_bzero(line.data, line.len);
    str_release(&line);
    return e;
}

static err add_headers(struct transfer *t) {
    const struct http_request *r = t->request;
    for (int64_t i = 0; i < r->n_headers; i++) {
        if (has_control(r->headers[i]) || !strchr(r->headers[i], ':'))
            return fail(ERR_RANGE, "header %lld of the request is not 'Name: value' on one line",
                        (long long)i + 1);
        TRY(add_header(t, r->headers[i]));
    }
    return r->token ? add_token(t, r->token) : ERR_OK;
}

static err set_method(struct transfer *t) {
    CURL *easy = t->h->easy;
    const struct http_request *r = t->request;
    const char *method = r->method ? r->method : "GET";
    int bad = 0;
    if (has_control(method)) return fail(ERR_RANGE, "'%s' is no method", method);
    if (r->body) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n_body);
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
        /* On a connection that was kept open and turns out to be dead libcurl sends the request
         * again by itself; nobody knows then whether the server has it twice. */
        bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    if (strcmp(method, "HEAD") == 0)
        bad |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, r->body ? "POST" : "GET") != 0)
        bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    return bad ? fail(ERR_MEMORY, "out of memory for a request") : ERR_OK;
}

static err set_options(struct transfer *t) {
    struct http *h = t->h;
    CURL *easy = h->easy;
    int bad = 0;
    curl_easy_reset(easy);
    h->reason[0] = '\0';
    bad |= curl_easy_setopt(easy, CURLOPT_URL, t->request->url);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, t->url.scheme);
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "cotrain/" COTRAIN_VERSION);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->reason);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
    if (t->url.loopback) bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (t->url.plain) {
        bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_loopback);
        bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    }
    TRY(bad ? fail(ERR_MEMORY, "out of memory for a request") : ERR_OK);
    return set_method(t);
}

/* Bytes sent and received so far; -1 while there is no connection (that has its own limit). */
static int64_t progress_of(CURL *easy) {
    curl_off_t connected = 0, sent = 0, received = 0;
    long headers = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    (void)curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    (void)curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    (void)curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &headers);
    return connected > 0 ? sent + received + headers : -1;
}

/* Drives the request to its end; libcurl's result, or CURLE_OPERATION_TIMEDOUT for a stall. */
static CURLcode drive(struct transfer *t) {
    struct http *h = t->h;
    CURLcode result = CURLE_OPERATION_TIMEDOUT;
    int running = 1, n_left;
    int look_ms = h->stall_timeout_ms / 4 < LOOK_MS ? (int)(h->stall_timeout_ms / 4) + 1 : LOOK_MS;
    double moved_s = clock_seconds();
    CURLMcode code = curl_multi_add_handle(h->multi, h->easy);
    if (code != CURLM_OK) return CURLE_OUT_OF_MEMORY;
    for (int64_t seen = -1; code == CURLM_OK && !t->stalled && !t->stopped;) {
        code = curl_multi_perform(h->multi, &running);
        if (code != CURLM_OK || running == 0) break;
        int64_t now = progress_of(h->easy);
        if (now != seen || now < 0) moved_s = clock_seconds();
        seen = now;
        t->stalled = (clock_seconds() - moved_s) * 1e3 > (double)h->stall_timeout_ms;
        t->stopped = !t->request->body && stop_asked();
        if (!t->stalled && !t->stopped) code = curl_multi_poll(h->multi, NULL, 0, look_ms, NULL);
    }
    if (code != CURLM_OK) result = CURLE_OUT_OF_MEMORY;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &n_left));)
        if (m->msg == CURLMSG_DONE) result = m->data.result;
    (void)curl_multi_remove_handle(h->multi, h->easy);
    return result;
}

static bool worth_again(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_BAD_CONTENT_ENCODING: return true;
    default: return false;
    }
}

static err no_answer(struct transfer *t, CURLcode code) {
    const char *host = t->url.host, *port = t->url.port;
    if (t->failed != ERR_OK) return t->failed;
    if (t->stopped) return fail(ERR_STOPPED, "asked to stop while '%s' had not answered", host);
    if (code == CURLE_OUT_OF_MEMORY) return fail(ERR_MEMORY, "out of memory for a request");
    t->answer->again = worth_again(code);
    if (t->stalled)
        return fail(ERR_IO, "no answer from '%s' port %s: nothing came for %.1f s", host, port,
                    (double)t->h->stall_timeout_ms / 1e3);
    return fail(ERR_IO, "no answer from '%s' port %s: %s", host, port,
                t->h->reason[0] ? t->h->reason : curl_easy_strerror(code));
}

static err take_headers(struct transfer *t) {
    struct str *out = &t->answer->headers;
    for (struct curl_header *at = NULL;;) {
        at = curl_easy_nextheader(t->h->easy, CURLH_HEADER, -1, at);
        if (!at) return ERR_OK;
        size_t from = out->len;
        TRY(str_add(out, at->name));
        for (char *c = out->data + from; *c; c++) *c = (char)tolower((unsigned char)*c);
        size_t n = strlen(at->value); /* of an empty value libcurl 7.88 leaves the line end */
        while (n > 0 && isspace((unsigned char)at->value[n - 1])) n--;
        TRY(str_printf(out, ": %.*s\n", (int)n, at->value));
        if (out->len > HEADERS_MAX)
            return fail(ERR_LIMIT, "the headers of '%s' are over %d bytes", t->url.host,
                        HEADERS_MAX);
    }
}

static err send_one(struct transfer *t) {
    TRY(add_headers(t));
    TRY(set_options(t));
    CURLcode code = drive(t);
    if (code != CURLE_OK || t->failed != ERR_OK) return no_answer(t, code);
    TRY(take_headers(t));
    (void)curl_easy_getinfo(t->h->easy, CURLINFO_RESPONSE_CODE, &t->answer->status);
    return ERR_OK;
}

err http_send(struct http *h, const struct http_request *request, struct http_answer *out) {
    struct transfer t = {.h = h, .request = request, .answer = out};
    str_clear(&out->body);
    str_clear(&out->headers);
    out->status = 0;
    out->again = false;
    TRY(url_check(request->url, &t.url));
    err e = send_one(&t);
    curl_easy_reset(h->easy); /* forgets the list of headers before it goes */
    curl_slist_free_all(t.headers);
    return e;
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
