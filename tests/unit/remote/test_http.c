/* SPDX-License-Identifier: Apache-2.0
 * HTTP: which addresses are asked, the bytes of a request, what becomes of every kind of answer and
 * of none, and that a token stays where it belongs. The other side is a process that takes one
 * connection after the other, notes what it was sent, and answers with given bytes.
 * Under test: remote/http.h. Read next: tests/unit/issues/test_github_faults.c. */
#include "tests/unit/folder_test.h"

#include "base/stop.h"
#include "remote/http.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define TOKEN "ghp_SECRETsecret0123456789"
#define OK_HEAD "HTTP/1.1 200 OK\r\n"

struct server {
    int socket;
    pid_t pid;
    int port;
    char url[64], seen[128];
};

/* A socket on a free port of loopback. */
static void server_bind(struct server *s) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    alarm(300);
    s->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->socket, (struct sockaddr *)&here, n), 0);
    assert_int_equal(getsockname(s->socket, (struct sockaddr *)&here, &n), 0);
    s->port = ntohs(here.sin_port);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d/a?b=c", s->port);
    snprintf(s->seen, sizeof s->seen, "%s/seen", folder);
}

/* Reads a request to the end of its head, and as much of a body as the head says. */
static void take_request(int connection, const char *seen) {
    char text[8192];
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<sizeof text - 1; n += got> 0 ? (size_t)got : 0) {
        text[n] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        size_t wanted = length ? (size_t)strtol(length + 16, NULL, 10) : 0;
        if (end && n >= (size_t)(end + 4 - text) + wanted) break;
        if (text[0] == 0x16) break; /* TLS */
        got = read(connection, text + n, sizeof text - 1 - n);
    }
    if (file_append(seen, text, n) != ERR_OK) _exit(1);
}

/* Answers with these bytes, each connection with the next text, then closes it; with `still` it
 * keeps the last one open. */
static void server_start(struct server *s, const char *const *answers, bool still) {
    server_bind(s);
    assert_int_equal(listen(s->socket, 5), 0);
    s->pid = fork();
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (; *answers; answers++) {
            int connection = accept(s->socket, NULL, NULL);
            take_request(connection, s->seen);
            size_t n = strlen(*answers);
            if (write(connection, *answers, n) != (ssize_t)n) _exit(1);
            if (still && !answers[1]) pause();
            close(connection);
        }
        _exit(0);
    }
}
#define SERVE(s, ...) server_start(s, (const char *const[]){__VA_ARGS__, NULL}, false)
#define SERVE_AND_STAND_STILL(s, ...)                                                              \
    server_start(s, (const char *const[]){__VA_ARGS__, NULL}, true)

static void server_stop(struct server *s) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    close(s->socket);
}

static struct http *http;
static struct http_answer answer;

static int http_make(void **state) {
    folder_make(state);
    assert_ok(http_new(NULL, &http));
    return 0;
}

static int http_remove(void **state) {
    http_free(http);
    http_answer_release(&answer);
    return folder_remove(state);
}

static err get(const char *url) {
    return http_send(http, &(struct http_request){.url = url, .max_bytes = 1 << 20}, &answer);
}

static void assert_header(const char *name, const char *wanted) {
    struct str text = {0};
    bool found;
    assert_ok(http_header(&answer, name, &text, &found));
    assert_int_equal(found, wanted != NULL);
    assert_string_equal(str_text(&text), wanted ? wanted : "");
    str_release(&text);
}

static void answers_come_whole(void **state) {
    (void)state;
    struct server s;
    SERVE(&s, OK_HEAD "Content-Length: 5\r\nX-One: a b \r\nx-ONE: second\r\nEmpty:\r\n\r\nhello",
          "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          "HTTP/1.1 204 No Content\r\n\r\n",
          "HTTP/1.1 100 Continue\r\nX-One: early\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: "
          "0\r\n\r\n");
    assert_ok(get(s.url));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body.data, "hello");
    assert_header("x-one", "a b");
    assert_header("empty", "");
    assert_header("x-on", NULL);
    assert_header("content-length", "5");
    assert_ok(get(s.url));
    assert_int_equal(answer.status, 404);
    assert_string_equal(answer.body.data, "abc");
    assert_header("x-one", NULL);
    assert_ok(get(s.url));
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.body.len, 0);
    assert_ok(get(s.url));
    assert_int_equal(answer.status, 500);
    assert_header("x-one", NULL);
    server_stop(&s);
}

static void assert_seen(const struct server *s, const char *part, bool wanted) {
    struct str seen = {0};
    assert_ok(file_read(s->seen, 1 << 20, &seen));
    if ((strstr(seen.data, part) != NULL) != wanted)
        fail_msg("%s'%s' in\n%s", wanted ? "no " : "", part, seen.data);
    str_release(&seen);
}

static void requests_to_the_byte(void **state) {
    (void)state;
    struct server s;
    static const char *const headers[] = {"Accept: x/y", "X-Other: 1"};
    SERVE(&s, OK_HEAD "Content-Length: 0\r\n\r\n", OK_HEAD "Content-Length: 0\r\n\r\n",
          OK_HEAD "Content-Length: 0\r\n\r\n");
    struct http_request r = {
        .url = s.url, .headers = headers, .n_headers = 2, .token = TOKEN, .max_bytes = 9};
    assert_ok(http_send(http, &r, &answer));
    assert_seen(&s, "GET /a?b=c HTTP/1.1\r\n", true);
    assert_seen(&s, "User-Agent: cotrain/" COTRAIN_VERSION "\r\n", true);
    assert_seen(&s, "Accept: x/y\r\nX-Other: 1\r\nAuthorization: Bearer " TOKEN "\r\n", true);
    assert_seen(&s, "Accept-Encoding: ", true);
    assert_ok(file_remove(s.seen));
    r.method = "POST";
    r.body = "{}\0x";
    r.n_body = 4;
    r.token = NULL;
    assert_ok(http_send(http, &r, &answer));
    assert_seen(&s, "POST /a?b=c HTTP/1.1\r\n", true);
    assert_seen(&s, "Content-Length: 4\r\n", true);
    assert_seen(&s, "Authorization", false); /* it is not kept from the request before */
    assert_seen(&s, "\r\n\r\n{}", true);
    assert_ok(file_remove(s.seen));
    assert_ok(http_send(http, &(struct http_request){.method = "DELETE", .url = s.url}, &answer));
    assert_seen(&s, "DELETE /a?b=c HTTP/1.1\r\n", true);
    server_stop(&s);
}

static void a_file_goes_as_it_lies(void **state) {
    (void)state;
    struct server s;
    char path[256];
    SERVE(&s, OK_HEAD "ETag: \"x\"\r\nContent-Length: 0\r\n\r\n",
          OK_HEAD "Content-Length: 0\r\n\r\n", OK_HEAD "Content-Length: 0\r\n\r\n");
    snprintf(path, sizeof path, "%s/file", folder);
    assert_ok(file_write(path, "0123456789", 10));
    struct http_request r = {.url = s.url, .file = path, .file_bytes = 10, .max_bytes = 9};
    assert_ok(http_send(http, &r, &answer));
    assert_header("etag", "\"x\"");
    assert_seen(&s, "PUT /a?b=c HTTP/1.1\r\n", true);
    assert_seen(&s, "Content-Length: 10\r\n", true);
    assert_seen(&s, "\r\n\r\n0123456789", true);
    assert_ok(file_remove(s.seen));
    r.file_offset = 3;
    r.file_bytes = 4;
    assert_ok(http_send(http, &r, &answer));
    assert_seen(&s, "Content-Length: 4\r\n", true);
    assert_seen(&s, "\r\n\r\n3456", true);
    assert_seen(&s, "34567", false);
    r.file_offset = 8;
    assert_fails(http_send(http, &r, &answer), ERR_MISMATCH, "became shorter while it was sent");
    r.file = "/nonexistent/file";
    assert_fails(http_send(http, &r, &answer), ERR_IO, "cannot read '/nonexistent/file'");
    server_stop(&s);
}

/* A hash over two parts, of which the first is sent twice, goes on only where one was taken; with
 * another end than was said the last bytes are not sent. */
static void a_file_is_the_one_that_was_hashed(void **state) {
    (void)state;
    struct server s;
    struct sha256 hash;
    char path[256], whole[SHA256_HEX_SIZE], is[SHA256_HEX_SIZE];
    SERVE(&s, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n",
          OK_HEAD "Content-Length: 0\r\n\r\n", OK_HEAD "Content-Length: 0\r\n\r\n", "");
    snprintf(path, sizeof path, "%s/file", folder);
    assert_ok(file_write(path, "0123456789", 10));
    assert_ok(sha256_bytes("0123456789", 10, whole));
    assert_ok(sha256_init(&hash));
    struct http_request r = {
        .url = s.url, .file = path, .file_bytes = 6, .file_hash = &hash, .max_bytes = 9};
    assert_ok(http_send(http, &r, &answer));
    assert_int_equal(answer.status, 503);
    assert_ok(http_send(http, &r, &answer));
    r.file_offset = 6;
    r.file_bytes = 4;
    r.file_sha256 = whole;
    assert_ok(http_send(http, &r, &answer));
    assert_ok(sha256_final(&hash, is));
    assert_string_equal(is, whole);
    assert_ok(file_remove(s.seen));
    assert_ok(file_write(path, "012345678X", 10));
    assert_ok(sha256_init(&hash));
    r.file_offset = 0;
    r.file_bytes = 10;
    assert_fails(http_send(http, &r, &answer), ERR_MISMATCH, "was changed before it was sent");
    sha256_release(&hash);
    server_stop(&s);
    if (file_exists(s.seen)) assert_seen(&s, "012345678X", false);
}

static void redirects_are_the_callers(void **state) {
    (void)state;
    struct server s;
    SERVE(&s, "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n");
    assert_ok(get(s.url));
    assert_int_equal(answer.status, 301);
    assert_header("location", "http://127.0.0.1:1/x");
    server_stop(&s);
}

static void no_header_breaks_the_line(void **state) {
    (void)state;
    static const char *const bad[] = {"A: b\r\nX: y", "A: b\nX: y", "A: b\rX: y",
                                      "A: \x01",      "no colon",   "A: \x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_request r = {.url = "http://127.0.0.1:1/", .headers = &bad[i], .n_headers = 1};
        assert_fails(http_send(http, &r, &answer), ERR_RANGE, "header 1 of the request");
    }
    static const char *const tokens[] = {"a\r\nX: y", "a b", "a\n", "\xC3\xA4", "a\x7f"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        struct http_request r = {.url = "http://127.0.0.1:1/", .token = tokens[i]};
        assert_fails(http_send(http, &r, &answer), ERR_RANGE, "the token holds a character");
    }
    struct http_request r = {.method = "GET / HTTP/1.1\r\nX:", .url = "http://127.0.0.1:1/"};
    assert_fails(http_send(http, &r, &answer), ERR_RANGE, "is no method");
}

/* Nothing of this reaches the network. */
static void addresses_that_are_not_asked(void **state) {
    (void)state;
    static const char *const bad[] = {
        "http://example.com/",
        "http://localhost.example.com/",
        "http://xlocalhost/",
        "http://127.0.0.1.example.com",
        "http://128.0.0.1/",
        "http://0.0.0.0/",
        "http://[::2]/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "example.com",
        "",
        "http://",
        "http://a b/",
        "http://127.0.0.1/\r\nX: y",
        "http://user@127.0.0.1/",
        "https://user:pw@h/",
        "https://:pw@h/",
        "http://[::ffff:10.0.0.1]/",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err e = get(bad[i]);
        if (e != ERR_RANGE) fail_msg("'%s': %s: %s", bad[i], err_name(e), err_message());
        assert_null(strstr(err_message(), "pw@"));
        assert_int_equal(http_url_check(bad[i]), ERR_RANGE);
    }
    static const char *const good[] = {
        "https://example.com/", "http://127.0.0.1:8080",
        "http://127.9.9.9/",    "http://[::1]:1",
        "http://localhost:1/",  "http://a.b.localhost/x",
        "http://LOCALHOST/",    "http://2130706433/" /* 127.0.0.1 as one number */,
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_ok(http_url_check(good[i]));
}

static void loopback_goes_through_no_proxy(void **state) {
    (void)state;
    struct server s;
    SERVE(&s, OK_HEAD "Content-Length: 0\r\n\r\n");
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_ok(get(s.url));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    server_stop(&s);
}

/* No answer: the message names host, port and reason, and never the token. */
static void has_no_answer(const char *url, const char *part, bool again) {
    struct http_request r = {.url = url, .token = TOKEN, .max_bytes = 1 << 20};
    assert_fails(http_send(http, &r, &answer), ERR_IO, part);
    assert_non_null(strstr(err_message(), "no answer from '127.0.0.1' port "));
    assert_null(strstr(err_message(), TOKEN));
    assert_int_equal(answer.status, 0);
    assert_int_equal(answer.again, again);
}

static void no_answer_at_all(void **state) {
    (void)state;
    struct server s;
    server_bind(&s); /* nobody listens */
    has_no_answer(s.url, "connect", true);
    close(s.socket);
    SERVE(&s, "", OK_HEAD "Content-Length: 50\r\n\r\nshort",
          OK_HEAD "Transfer-Encoding: chunked\r\n\r\n50\r\nshort",
          OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", "garbage\r\n\r\n");
    has_no_answer(s.url, "", true);
    has_no_answer(s.url, "", true);
    has_no_answer(s.url, "", true);
    has_no_answer(s.url, "", true);
    has_no_answer(s.url, "", false);
    server_stop(&s);
    SERVE(&s, "HTTP/1.1 400 Bad Request\r\n\r\n");
    char url[80];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", s.port); /* it does not speak TLS */
    has_no_answer(url, "", true);
    server_stop(&s);
}

static void an_answer_that_stands_still(void **state) {
    (void)state;
    static const char *const answers[] = {"", "HTTP/1.1 200",
                                          OK_HEAD "Content-Length: 50\r\n\r\nx"};
    http_free(http);
    assert_ok(http_new(&(struct http_options){.stall_timeout_ms = 30}, &http));
    for (int i = 0; i < 3; i++) {
        struct server s;
        SERVE_AND_STAND_STILL(&s, answers[i]);
        has_no_answer(s.url, "nothing came for 0.0 s", true);
        server_stop(&s);
    }
}

static void answers_over_the_limit(void **state) {
    (void)state;
    struct server s;
    SERVE(&s, OK_HEAD "Content-Length: 10\r\n\r\n0123456789",
          OK_HEAD "Content-Length: 10\r\n\r\n0123456789", OK_HEAD "\r\n0123456789x");
    struct http_request r = {.url = s.url, .max_bytes = 10};
    assert_ok(http_send(http, &r, &answer));
    r.max_bytes = 9;
    assert_fails(http_send(http, &r, &answer), ERR_LIMIT, "answer of '127.0.0.1' is over 9 bytes");
    assert_false(answer.again);
    r.max_bytes = 10;
    assert_fails(http_send(http, &r, &answer), ERR_LIMIT, "is over 10 bytes");
    server_stop(&s);
}

/* Asked to stop, a read ends at once; a write is brought to its end. */
static void a_request_to_stop_is_heard(void **state) {
    (void)state;
    struct server s;
    SERVE_AND_STAND_STILL(&s, OK_HEAD "Content-Length: 2\r\n\r\nok", "");
    assert_ok(stop_catch());
    assert_int_equal(raise(SIGTERM), 0);
    struct http_request r = {
        .method = "POST", .url = s.url, .body = "x", .n_body = 1, .max_bytes = 10};
    assert_ok(http_send(http, &r, &answer));
    assert_fails(get(s.url), ERR_STOPPED, "asked to stop while '127.0.0.1'");
    assert_ok(stop_catch()); /* and nobody has asked any more */
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    server_stop(&s);
}

static void same_hosts(void **state) {
    (void)state;
    assert_true(http_same_host("https://a.b/x", "https://A.B:443/y?z"));
    assert_true(http_same_host("http://127.0.0.1:80/", "http://127.0.0.1"));
    assert_false(http_same_host("https://a.b/", "http://a.b/"));
    assert_false(http_same_host("https://a.b/", "https://a.b:444/"));
    assert_false(http_same_host("https://a.b/", "https://a.b.c/"));
    assert_false(http_same_host("https://a.b/", "https://a.b@c/"));
    assert_false(http_same_host("https://a.b/", "/x"));
    assert_false(http_same_host("", ""));
}

enum { N_MANY = 8 };

/* Takes N_MANY connections, and answers none before it has all their requests; then the last one
 * first, each with the number that was asked for. The one that asks for `still` gets no answer. */
static void serve_many(struct server *s, int still) {
    server_bind(s);
    assert_int_equal(listen(s->socket, N_MANY), 0);
    s->pid = fork();
    if (s->pid != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int connections[N_MANY], asked[N_MANY];
    for (int i = 0; i < N_MANY; i++) {
        char seen[160];
        connections[i] = accept(s->socket, NULL, NULL);
        snprintf(seen, sizeof seen, "%s.%d", s->seen, i);
        take_request(connections[i], seen);
        struct str request = {0};
        if (file_read(seen, 1 << 16, &request) != ERR_OK) _exit(1);
        const char *number = strstr(request.data, "?n=");
        asked[i] = number ? (int)strtol(number + 3, NULL, 10) : -1;
        str_release(&request);
    }
    for (int i = N_MANY - 1; i >= 0; i--) {
        char text[128];
        int n = snprintf(text, sizeof text, OK_HEAD "Content-Length: 2\r\n\r\n%02d", asked[i]);
        if (asked[i] == still) continue;
        if (write(connections[i], text, (size_t)n) != n) _exit(1);
        close(connections[i]);
    }
    pause();
}

static void many_are_asked_side_by_side(void **state) {
    (void)state;
    struct server s;
    struct http_done done;
    char urls[N_MANY][80];
    struct http_request requests[N_MANY];
    struct http_answer answers[N_MANY] = {0};
    bool over[N_MANY] = {false};
    serve_many(&s, -1);
    assert_ok(http_next(http, -1, &done)); /* nothing was started */
    assert_null(done.answer);
    for (int i = 0; i < N_MANY; i++) {
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d/?n=%d", s.port, i);
        requests[i] = (struct http_request){.method = "POST",
                                            .url = urls[i],
                                            .body = "{}",
                                            .n_body = 2,
                                            .max_bytes = i == 3 ? 1 : 9};
        assert_ok(http_start(http, &requests[i], &answers[i], &over[i]));
    }
    for (int n = 0; n < N_MANY; n++) {
        assert_ok(http_next(http, -1, &done));
        int i = (int)(done.answer - answers);
        assert_true(i >= 0 && i < N_MANY && done.ticket == &over[i] && !over[i]);
        over[i] = true;
        if (i == 3) {
            assert_fails(done.failed, ERR_LIMIT, "over 1 bytes");
            continue;
        }
        assert_ok(done.failed);
        assert_int_equal(answers[i].status, 200);
        assert_int_equal(strtol(answers[i].body.data, NULL, 10), i);
    }
    assert_ok(http_next(http, -1, &done));
    assert_null(done.answer);
    for (int i = 0; i < N_MANY; i++) http_answer_release(&answers[i]);
    server_stop(&s);
}

/* One that stands still is given up; the others have their answers, and none waits for it. */
static void one_of_many_stands_still(void **state) {
    (void)state;
    struct server s;
    struct http_done done;
    char urls[N_MANY][80];
    struct http_request requests[N_MANY];
    struct http_answer answers[N_MANY] = {0};
    int n_answers = 0;
    http_free(http);
    assert_ok(http_new(&(struct http_options){.stall_timeout_ms = 1000}, &http));
    serve_many(&s, 5);
    for (int i = 0; i < N_MANY; i++) {
        snprintf(urls[i], sizeof urls[i], "http://127.0.0.1:%d/?n=%d", s.port, i);
        requests[i] = (struct http_request){
            .method = "POST", .url = urls[i], .body = "{}", .n_body = 2, .max_bytes = 9};
        assert_ok(http_start(http, &requests[i], &answers[i], NULL));
    }
    for (int n = 0; n < N_MANY; n++) {
        assert_ok(http_next(http, -1, &done));
        if (done.answer != &answers[5]) {
            assert_ok(done.failed);
            n_answers++;
            continue;
        }
        assert_int_equal(n_answers, N_MANY - 1);
        assert_fails(done.failed, ERR_IO, "nothing came for 1.0 s");
        assert_true(answers[5].again);
    }
    assert_ok(http_next(http, 0, &done));
    assert_null(done.answer);
    for (int i = 0; i < N_MANY; i++) http_answer_release(&answers[i]);
    server_stop(&s);
}

/* What still runs is given up with the client. */
static void many_are_given_up(void **state) {
    (void)state;
    struct server s;
    struct http_done done;
    struct http_answer first = {0}, second = {0};
    SERVE_AND_STAND_STILL(&s, "");
    struct http_request r = {.url = s.url, .max_bytes = 9};
    assert_ok(http_start(http, &r, &first, NULL));
    assert_ok(http_start(http, &r, &second, NULL));
    assert_ok(http_next(http, 0, &done));
    assert_null(done.answer);
    assert_fails(http_start(http, &(struct http_request){.url = "http://a.b/"}, &second, NULL),
                 ERR_RANGE, "http");
    server_stop(&s);
}

static void urls_are_joined_and_escaped(void **state) {
    (void)state;
    struct str out = {0};
    static const char *const cases[][2] = {
        {"https://c.d/x?y", "https://c.d/x?y"}, {"/x?y=z", "https://a.b/x?y=z"},
        {"?p=2", "https://a.b/r/s?p=2"},        {"t", "https://a.b/r/t"},
        {"//c.d/x", "https://c.d/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(http_url_join("https://a.b/r/s?q=1", cases[i][0], &out));
        assert_string_equal(out.data, cases[i][1]);
    }
    assert_fails(http_url_join("https://a.b/", "http://[", &out), ERR_PARSE, "is not a URL");
    assert_fails(http_url_join("https://a.b/", "/a\r\nb", &out), ERR_PARSE, "is not a URL");
    str_clear(&out);
    assert_ok(http_url_escape("aZ09-._~ /?&=#%+\xE6\xBA\x90\n", &out));
    assert_string_equal(out.data, "aZ09-._~%20%2F%3F%26%3D%23%25%2B%E6%BA%90%0A");
    str_release(&out);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, http_make, http_remove)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(answers_come_whole),
        EACH(requests_to_the_byte),
        EACH(a_file_goes_as_it_lies),
        EACH(a_file_is_the_one_that_was_hashed),
        EACH(redirects_are_the_callers),
        EACH(no_header_breaks_the_line),
        EACH(addresses_that_are_not_asked),
        EACH(loopback_goes_through_no_proxy),
        EACH(no_answer_at_all),
        EACH(an_answer_that_stands_still),
        EACH(answers_over_the_limit),
        EACH(a_request_to_stop_is_heard),
        EACH(many_are_asked_side_by_side),
        EACH(one_of_many_stands_still),
        EACH(many_are_given_up),
        EACH(same_hosts),
        EACH(urls_are_joined_and_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
