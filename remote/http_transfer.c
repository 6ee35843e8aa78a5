/* SPDX-License-Identifier: Apache-2.0
 * One request under way: what libcurl is told of it, what it hands back, and what became of it.
 * libcurl follows no redirect, reads no .netrc, keeps no cookie, and loopback is never asked
 * through a proxy; others may be (HTTPS_PROXY). Plain http to an address that is not loopback is
 * refused once more where the connection is made, whatever the name was.
 * Read next: remote/http.c, which drives many of them. */
#include "remote/http_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADERS_MAX = 1 << 18, ASK_FIRST_BYTES = 1 << 20 };

/* A callback's error, kept until the request is over: others may fail in between. */
static err note(struct transfer *t, err e) {
    t->failed = e;
    if (e != ERR_OK) snprintf(t->why, sizeof t->why, "%s", err_message());
    return e;
}

static size_t take_body(char *data, size_t size, size_t n, void *context) {
    struct transfer *t = context;
    size_t n_bytes = size * n;
    err e = ERR_OK;
    if (n_bytes > t->request->max_bytes - t->answer->body.len)
        e = fail(ERR_LIMIT, "the answer of '%s' is over %zu bytes", t->url.host,
                 t->request->max_bytes);
    if (e == ERR_OK) e = str_append(&t->answer->body, data, n_bytes);
    return note(t, e) == ERR_OK ? n_bytes : 0;
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
    (void)note(t, fail(ERR_RANGE, "plain http to '%s' is refused: the name is not this machine's",
                       t->url.host));
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
    /* Before a large file is sent libcurl waits whether it is wanted; for a small one that is
     * slower than to send it. */
    if (r->file && r->file_bytes <= ASK_FIRST_BYTES) TRY(add_header(t, "Expect:"));
    return r->token ? add_token(t, r->token) : ERR_OK;
}

/* What was hashed is what is sent: not what lay there before or lies there later. */
static err take_sent(struct transfer *t, const char *data, int64_t n) {
    const struct http_request *r = t->request;
    char is[SHA256_HEX_SIZE];
    struct sha256 end = {0};
    if (!r->file_hash) return ERR_OK;
    TRY(sha256_add(&t->hash, data, (size_t)n));
    if (!r->file_sha256 || t->sent + n < r->file_bytes) return ERR_OK;
    TRY(sha256_copy(&end, &t->hash));
    TRY(sha256_final(&end, is));
    if (strcmp(is, r->file_sha256) == 0) return ERR_OK;
    return fail(ERR_MISMATCH, "'%s' was changed before it was sent", r->file);
}

/* The next bytes of the file, never more than were announced. */
static size_t give_file(char *out, size_t size, size_t n, void *context) {
    struct transfer *t = context;
    const struct http_request *r = t->request;
    size_t most = size * n;
    if ((int64_t)most > r->file_bytes - t->sent) most = (size_t)(r->file_bytes - t->sent);
    if (most == 0) return 0;
    ssize_t got;
    do got = pread(t->file, out, most, r->file_offset + t->sent);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        (void)note(t, fail_errno(ERR_IO, errno, "cannot read '%s'", r->file));
    else if (got == 0)
        (void)note(t, fail(ERR_MISMATCH, "'%s' became shorter while it was sent", r->file));
    if (got <= 0 || note(t, take_sent(t, out, got)) != ERR_OK) return CURL_READFUNC_ABORT;
    t->sent += got;
    return (size_t)got;
}

static err rewind_file(struct transfer *t) {
    sha256_release(&t->hash);
    t->sent = 0;
    return t->request->file_hash ? sha256_copy(&t->hash, t->request->file_hash) : ERR_OK;
}

/* libcurl sends all again that a connection which turned out to be dead did not take. */
static int seek_file(void *context, curl_off_t offset, int origin) {
    struct transfer *t = context;
    if (origin != SEEK_SET || offset != 0) return CURL_SEEKFUNC_FAIL;
    return note(t, rewind_file(t)) == ERR_OK ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static err set_file(struct transfer *t) {
    const struct http_request *r = t->request;
    int bad = 0;
    t->file = open(r->file, O_RDONLY | O_CLOEXEC);
    if (t->file < 0) return fail_errno(ERR_IO, errno, "cannot read '%s'", r->file);
    TRY(rewind_file(t));
    bad |= curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->file_bytes);
    bad |= curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_file);
    bad |= curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
    bad |= curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, seek_file);
    bad |= curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    return bad ? fail(ERR_MEMORY, "out of memory for a request") : ERR_OK;
}

static err set_method(struct transfer *t) {
    CURL *easy = t->easy;
    const struct http_request *r = t->request;
    const char *usual = r->body ? "POST" : r->file ? "PUT" : "GET";
    const char *method = r->method ? r->method : usual;
    int bad = 0;
    if (has_control(method)) return fail(ERR_RANGE, "'%s' is no method", method);
    if (r->body) {
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n_body);
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
        /* On a connection that was kept open and turns out to be dead libcurl sends the request
         * again by itself; nobody knows then whether the server has it twice. */
        bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    if (r->file) TRY(set_file(t));
    if (strcmp(method, "HEAD") == 0)
        bad |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, usual) != 0)
        bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    return bad ? fail(ERR_MEMORY, "out of memory for a request") : ERR_OK;
}

static err set_options(struct transfer *t) {
    CURL *easy = t->easy;
    int bad = 0;
    bad |= curl_easy_setopt(easy, CURLOPT_URL, t->request->url);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, t->url.scheme);
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "cotrain/" COTRAIN_VERSION);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->limits->connect_timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
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
    if (t->failed != ERR_OK) return fail(t->failed, "%s", t->why);
    if (t->stopped) return fail(ERR_STOPPED, "asked to stop while '%s' had not answered", host);
    if (code == CURLE_OUT_OF_MEMORY) return fail(ERR_MEMORY, "out of memory for a request");
    t->answer->again = worth_again(code);
    t->answer->stalled = t->stalled;
    if (t->stalled)
        return fail(ERR_IO, "no answer from '%s' port %s: nothing came for %.1f s", host, port,
                    (double)t->limits->stall_timeout_ms / 1e3);
    return fail(ERR_IO, "no answer from '%s' port %s: %s", host, port,
                t->reason[0] ? t->reason : curl_easy_strerror(code));
}

static err take_headers(struct transfer *t) {
    struct str *out = &t->answer->headers;
    for (struct curl_header *at = NULL;;) {
        at = curl_easy_nextheader(t->easy, CURLH_HEADER, -1, at);
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

void transfer_look(struct transfer *t, double now_s) {
    int64_t now = progress_of(t->easy);
    if (now != t->seen || now < 0) t->moved_s = now_s;
    t->seen = now;
    t->stalled = (now_s - t->moved_s) * 1e3 > (double)t->limits->stall_timeout_ms;
}

err transfer_begin(struct transfer *t) {
    t->easy = curl_easy_init();
    if (!t->easy) return fail(ERR_MEMORY, "out of memory for a request");
    TRY(url_check(t->request->url, &t->url));
    TRY(add_headers(t));
    t->seen = -1;
    t->moved_s = clock_seconds();
    return set_options(t);
}

err transfer_end(struct transfer *t, CURLcode code) {
    if (code != CURLE_OK || t->failed != ERR_OK) return no_answer(t, code);
    TRY(take_headers(t));
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->answer->status);
    if (t->request->file_hash && t->answer->status / 100 == 2) {
        sha256_release(t->request->file_hash);
        *t->request->file_hash = t->hash;
        t->hash.state = NULL;
    }
    return ERR_OK;
}

void transfer_free(struct transfer *t) {
    if (!t) return;
    curl_easy_cleanup(t->easy); /* before the list of headers that it points to */
    curl_slist_free_all(t->headers);
    if (t->file >= 0) close(t->file);
    sha256_release(&t->hash);
    mem_free(t);
}
