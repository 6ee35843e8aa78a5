/* SPDX-License-Identifier: Apache-2.0
 * Questions to an endpoint: the request to the byte that matters, every kind of answer as its
 * outcome, tries and waits, budgets, many at once. The other side is a process that answers each
 * connection with the next of some texts.
 * Under test: remote/chat.h. Read next: tests/unit/remote/test_http.c. */
#include "tests/unit/folder_test.h"

#include "base/json.h"
#include "remote/chat.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define SAYS(text)                                                                                 \
    JSON_HEAD "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"" text "\"}}]}"
#define BUSY_NOW "HTTP/1.1 429 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
#define BROKEN_NOW "HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nlate"

static struct server {
    int socket;
    pid_t pid;
    char url[64], seen[128];
} server;

static void take_request(int connection) {
    char text[8192];
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<sizeof text - 1; n += got> 0 ? (size_t)got : 0) {
        text[n] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        size_t wanted = length ? (size_t)strtol(length + 16, NULL, 10) : 0;
        if (end && n >= (size_t)(end + 4 - text) + wanted) break;
        got = read(connection, text + n, sizeof text - 1 - n);
    }
    if (file_append(server.seen, text, n) != ERR_OK) _exit(1);
}

/* Each connection gets the next text, NULL no answer at all; `together` of them are taken before
 * the first is answered. The last text is everybody's who comes after. */
static void serve(const char *const *answers, int n, int together) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    alarm(300);
    server.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.socket, (struct sockaddr *)&here, size), 0);
    assert_int_equal(getsockname(server.socket, (struct sockaddr *)&here, &size), 0);
    assert_int_equal(listen(server.socket, 64), 0);
    snprintf(server.url, sizeof server.url, "http://127.0.0.1:%d/v1", ntohs(here.sin_port));
    snprintf(server.seen, sizeof server.seen, "%s/seen", folder);
    server.pid = fork();
    if (server.pid != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0;; i += together) {
        int connections[16];
        for (int k = 0; k < together; k++) {
            connections[k] = accept(server.socket, NULL, NULL);
            take_request(connections[k]);
        }
        for (int k = 0; k < together; k++) {
            const char *text = answers[i + k < n ? i + k : n - 1];
            if (!text) continue; /* stays open */
            if (write(connections[k], text, strlen(text)) < 0) _exit(1);
            close(connections[k]);
        }
    }
}
#define SERVE(...)                                                                                 \
    serve((const char *const[]){__VA_ARGS__},                                                      \
          (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), 1)

static int server_stop(void **state) {
    if (server.pid > 0) {
        kill(server.pid, SIGKILL);
        waitpid(server.pid, NULL, 0);
        close(server.socket);
    }
    server.pid = 0;
    return folder_remove(state);
}

enum { QUESTIONS_MAX = 64 };
static struct asked {
    struct chat_answer answers[QUESTIONS_MAX]; /* texts copied */
    int64_t n_done;
    bool done[QUESTIONS_MAX];
} asked;

static err note(void *ctx, int64_t question, const struct chat_answer *answer) {
    (void)ctx;
    struct chat_answer *to = &asked.answers[question];
    assert_false(asked.done[question]);
    *to = *answer;
    to->text = to->why = (struct str){0};
    assert_ok(str_add(&to->text, str_text(&answer->text)));
    assert_ok(str_add(&to->why, str_text(&answer->why)));
    asked.done[question] = true;
    asked.n_done++;
    return ERR_OK;
}

static void forget(void) {
    for (int i = 0; i < QUESTIONS_MAX; i++) {
        str_release(&asked.answers[i].text);
        str_release(&asked.answers[i].why);
    }
    memset(&asked, 0, sizeof asked);
}

/* Asks n questions; what was spent is in *run. */
static err ask(struct chat_options options, int64_t n, struct chat_run *run) {
    struct chat_question questions[QUESTIONS_MAX];
    struct chat *c;
    forget();
    for (int64_t i = 0; i < n; i++) questions[i] = (struct chat_question){"why \xE6\x9C\x89?", i};
    if (!options.url) options.url = server.url;
    if (!options.model) options.model = "m";
    if (!options.max_new_tokens) options.max_new_tokens = 9;
    if (!options.concurrency) options.concurrency = 1;
    options.backoff_ms = 1;
    run->questions = questions;
    run->n = n;
    run->done = note;
    err e = chat_new(&options, &c);
    if (e == ERR_OK) e = chat_ask(c, run);
    if (e == ERR_OK || c) chat_free(c);
    return e;
}

static void assert_tried(int64_t question, const char *wanted) {
    char words[256] = "";
    const struct chat_answer *a = &asked.answers[question];
    for (int64_t i = 0; i < a->n_tries; i++) {
        size_t n = strlen(words);
        snprintf(words + n, sizeof words - n, "%s%s", i ? " " : "",
                 chat_outcome_word((enum chat_outcome)a->tried[i]));
    }
    assert_string_equal(words, wanted);
}

static void one_question(void **state) {
    (void)state;
    struct chat_run run = {0};
    json_t *body;
    struct str seen = {0};
    SERVE(JSON_HEAD "{\"choices\":[{\"message\":{\"content\":\"because\\n\xE6\x9C\x89\"},"
                    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,"
                    "\"completion_tokens\":3}}");
    assert_ok(
        ask((struct chat_options){.token = "secret", .temperature = 0.5, .top_p = 0.75}, 1, &run));
    assert_int_equal(asked.n_done, 1);
    assert_string_equal(str_text(&asked.answers[0].text), "because\n\xE6\x9C\x89");
    assert_tried(0, "answered");
    assert_int_equal(asked.answers[0].prompt_tokens, 7);
    assert_int_equal(asked.answers[0].answer_tokens, 3);
    assert_int_equal(run.n_requests, 1);
    assert_int_equal(run.n_tokens, 10);
    assert_ok(file_read(server.seen, 1 << 16, &seen));
    assert_non_null(strstr(seen.data, "POST /v1/chat/completions HTTP/1.1\r\n"));
    assert_non_null(strstr(seen.data, "Authorization: Bearer secret\r\n"));
    const char *begin = strstr(seen.data, "\r\n\r\n") + 4;
    assert_ok(json_parse(begin, strlen(begin), "body", &body));
    assert_string_equal(json_text_of(body, "model"), "m");
    assert_int_equal(json_integer_value(json_object_get(body, "max_tokens")), 9);
    assert_int_equal(json_integer_value(json_object_get(body, "seed")), 0);
    assert_float_equal(json_real_value(json_object_get(body, "temperature")), 0.5, 0);
    assert_float_equal(json_real_value(json_object_get(body, "top_p")), 0.75, 0);
    const json_t *message = json_array_get(json_object_get(body, "messages"), 0);
    assert_string_equal(json_text_of(message, "role"), "user");
    assert_string_equal(json_text_of(message, "content"), "why \xE6\x9C\x89?");
    json_decref(body);
    str_release(&seen);
}

/* Whatever comes is an outcome, and nothing but a whole answer becomes a text. */
static void every_kind_of_answer(void **state) {
    (void)state;
    static const struct {
        const char *answer, *tried, *why;
    } cases[] = {
        {JSON_HEAD "{\"choices\":[{\"message\":{\"content\":\"  \\n\"}}]}", "empty", "is empty"},
        {JSON_HEAD, "empty", "sent nothing"},
        {JSON_HEAD "{\"choices\":[{\"message\":{\"cont", "malformed", "line 1"},
        {JSON_HEAD "{\"choices\":[]}", "malformed", "no choices[0]"},
        {JSON_HEAD "{\"choices\":[{\"message\":{\"content\":5}}]}", "malformed", "no choices[0]"},
        {JSON_HEAD "[1]", "malformed", "no choices[0]"},
        {JSON_HEAD "{\"choices\":[{\"message\":{\"content\":\"a\\u0000b\"}}]}", "malformed", "NUL"},
        {JSON_HEAD "{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}", "malformed", ""},
        {JSON_HEAD "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}",
         "long", "max_new_tokens"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>hello",
         "foreign", "no application/json"},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"choices\":[{\"message\":{\"content\":"
         "\"a\"}}]}",
         "foreign", "no application/json"},
        {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "refused", "302"},
        {"HTTP/1.1 400 Bad\r\nContent-Length: 12\r\n\r\ntoo\x1b[1m\nlong", "refused",
         "answered 400: too [1m long"},
        {BUSY_NOW, "busy busy busy", "429"},
        {BROKEN_NOW, "server server server", "503: late"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct chat_run run = {0};
        SERVE(cases[i].answer);
        assert_ok(ask((struct chat_options){.tries = 3}, 1, &run));
        assert_tried(0, cases[i].tried);
        assert_string_equal(str_text(&asked.answers[0].text), "");
        if (!strstr(str_text(&asked.answers[0].why), cases[i].why))
            fail_msg("case %zu: %s", i, str_text(&asked.answers[0].why));
        assert_int_equal(run.n_tokens, 0);
        kill(server.pid, SIGKILL);
        waitpid(server.pid, NULL, 0);
        close(server.socket);
        server.pid = 0;
    }
}

static void an_answer_without_end(void **state) {
    (void)state;
    struct chat_run run = {0};
    size_t head = strlen(JSON_HEAD), n = (size_t)5 << 20;
    char *text = malloc(head + n + 1);
    memcpy(text, JSON_HEAD, head);
    memset(text + head, 'a', n);
    text[head + n] = '\0';
    SERVE(text);
    free(text);
    assert_ok(ask((struct chat_options){0}, 1, &run));
    assert_tried(0, "huge");
}

static void another_try_helps(void **state) {
    (void)state;
    struct chat_run run = {0};
    SERVE(BUSY_NOW, BROKEN_NOW, "", NULL, SAYS("bcd"));
    assert_ok(ask((struct chat_options){.stall_timeout_ms = 1000}, 1, &run));
    assert_tried(0, "busy server broken late answered");
    assert_string_equal(str_text(&asked.answers[0].text), "bcd");
    assert_int_equal(asked.answers[0].answer_tokens, 1); /* no `usage`: a third of the bytes */
    assert_int_equal(asked.answers[0].prompt_tokens, 3);
    assert_int_equal(run.n_requests, 5);
    assert_int_equal(run.n_tokens, 4);
}

static void what_ends_the_run(void **state) {
    (void)state;
    struct chat_run run = {0};
    SERVE(SAYS("a"), "HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\ntoken");
    assert_fails(ask((struct chat_options){0}, 5, &run), ERR_DENIED, "answered 401: token");
    assert_int_equal(asked.n_done, 1);
    assert_int_equal(run.n_requests, 2);
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    close(server.socket);
    SERVE("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    assert_fails(ask((struct chat_options){0}, 5, &run), ERR_MISSING, "answered 404");
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    close(server.socket);
    server.pid = 0;
    assert_fails(ask((struct chat_options){.tries = 2}, 1, &run), ERR_IO, "no answer from");
    assert_int_equal(asked.n_done, 0);
    assert_int_equal(run.n_requests, 2);
    SERVE(BUSY_NOW);
    assert_fails(ask((struct chat_options){.tries = 2}, 9, &run), ERR_IO,
                 "4 questions in a row were not answered");
    assert_int_equal(asked.n_done, 3); /* the fourth may be answered another day */
    assert_fails(ask((struct chat_options){.url = "http://example.com/v1"}, 1, &run), ERR_RANGE,
                 "http");
}

static void budgets_end_it(void **state) {
    (void)state;
    struct chat_run run = {.max_requests = 3};
    SERVE(SAYS("a"));
    assert_ok(ask((struct chat_options){0}, 9, &run));
    assert_int_equal(asked.n_done, 3);
    assert_int_equal(run.n_requests, 3);
    run = (struct chat_run){.max_tokens = 8}; /* 4 an answer, without `usage` */
    assert_ok(ask((struct chat_options){0}, 9, &run));
    assert_int_equal(asked.n_done, 2);
    assert_int_equal(run.n_tokens, 8);
}

/* The other side answers nobody before it has eight requests. */
static void so_many_in_flight(void **state) {
    (void)state;
    static const char *const says[] = {SAYS("a")};
    struct chat_run run = {0};
    serve(says, 1, 8);
    assert_ok(ask((struct chat_options){.concurrency = 8}, 64, &run));
    assert_int_equal(asked.n_done, 64);
    assert_int_equal(run.n_requests, 64);
}

static void waits_that_are_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        bool found;
        int64_t wait_s;
    } cases[] = {{"retry-after: 7\n", true, 7},
                 {"retry-after: 100000\n", true, 600},
                 {"retry-after: -5\n", true, 0},
                 {"retry-after: soon\n", false, 0},
                 {"other: 7\n", false, 0},
                 {"retry-after: Fri, 01 Mar 2024 00:00:09 GMT\n", true, 9},
                 {"retry-after: Fri, 01 Mar 2024 00:00:00 GMT\n", true, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_answer a = {0};
        int64_t wait_s;
        bool found;
        assert_ok(str_add(&a.headers, cases[i].headers));
        assert_ok(chat_retry_after(&a, 1709251200, &wait_s, &found));
        assert_int_equal(found, cases[i].found);
        assert_int_equal(wait_s, cases[i].wait_s);
        http_answer_release(&a);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, folder_make, server_stop)
int main(void) {
    const struct CMUnitTest tests[] = {
        EACH(one_question),      EACH(every_kind_of_answer),     EACH(an_answer_without_end),
        EACH(another_try_helps), EACH(what_ends_the_run),        EACH(budgets_end_it),
        EACH(so_many_in_flight), EACH(waits_that_are_asked_for),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    forget();
    return failed;
}
