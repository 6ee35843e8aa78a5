/* SPDX-License-Identifier: Apache-2.0
 * The stand-in's program: github_standin [OPTION VALUE]...
 *   --folder DIR     saved JSON below DIR/repos      --recorded FILE  recorded pages (nock JSON)
 *   --fault "LINE"   a fault (tests/github/faults.c)  --rename A/B=C/D  A/B is found as C/D
 *   --log FILE       one line a request: METHOD URL STATUS|held|dropped|stalled auth|anonymous
 *                    cond|plain, before the answer leaves; never what was in Authorization
 *   --limit N        requests until the rate limit (a 304 is free to who has a token); --reset S
 *                    says when it begins anew, and it does when a line comes on standard input
 * It listens on any port of 127.0.0.1 (--port N: on that), prints it and a line end, and ends when
 * its standard input does or its parent dies.
 * Read next: tests/github/standin.h, the parts; tests/github/client.h, for tests. */
#include "tests/github/standin.h"

#include "base/file.h"
#include "base/mem.h"
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { POST_MAX_BYTES = 1 << 20 };

struct server {
    struct standin standin;
    pthread_mutex_t one_at_a_time; /* while an answer is made; not while it is sent */
    uint16_t port;
};

/* The whole address as it was asked, before anything is decoded; a proxy's client writes the host
 * in front. What is returned becomes the request's context. */
static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection) {
    (void)context;
    (void)connection;
    struct request *r = mem_zalloc(1, sizeof *r);
    const char *host = strstr(uri, "://"), *path = host ? strchr(host + 3, '/') : uri;
    if (!r || str_add(&r->uri, path && *uri != '/' ? path : uri) != ERR_OK) return r;
    (void)!str_append(&r->path, r->uri.data, strcspn(r->uri.data, "?"));
    r->query = r->uri.data + r->path.len + (r->uri.data[r->path.len] == '?');
    return r;
}

static void end_request(void *context, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode why) {
    (void)context;
    (void)connection;
    (void)why;
    struct request *r = *request;
    if (!r) return;
    str_release(&r->uri);
    str_release(&r->path);
    str_release(&r->body);
    str_release(&r->base);
    mem_free(r);
    *request = NULL;
}

static const char *header(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static err read_headers(struct MHD_Connection *c, const char *method, struct request *r) {
    const char *encodings = header(c, "Accept-Encoding"), *host = header(c, "Host");
    r->begun = true;
    r->method = method;
    r->authorization = header(c, "Authorization");
    r->user_agent = header(c, "User-Agent");
    r->api_version = header(c, "X-GitHub-Api-Version");
    r->if_none_match = header(c, "If-None-Match");
    r->gzip = encodings && strstr(encodings, "gzip");
    return str_printf(&r->base, "http://%s", host ? host : "127.0.0.1");
}

static err write_log(const struct standin *s, const struct request *r, const struct reply *reply) {
    struct str line = {0};
    if (!s->log) return ERR_OK;
    const char *ended = reply->hold    ? "held"
                        : reply->drop  ? "dropped"
                        : reply->stall ? "stalled"
                                       : NULL;
    err e = str_printf(&line, "%s %s ", r->method, r->uri.data);
    if (e == ERR_OK) e = ended ? str_add(&line, ended) : str_printf(&line, "%d", reply->status);
    if (e == ERR_OK)
        e = str_printf(&line, " %s %s\n", r->authorization ? "auth" : "anonymous",
                       r->if_none_match ? "cond" : "plain");
    if (e == ERR_OK) e = file_append(s->log, line.data, line.len);
    str_release(&line);
    return e;
}

static err make_reply(struct standin *s, const struct request *r, struct reply *out) {
    const struct fault *f = fault_due(s, r);
    bool unheard = f && (f->drop || f->hold || f->status > 0); /* it is as if it never came */
    if (!unheard) TRY(route(s, r, out));
    if (f) TRY(fault_reply(f, r, out));
    return write_log(s, r, out);
}

static enum MHD_Result answer(void *context, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *n_upload, void **request) {
    struct server *server = context;
    struct request *r = *request;
    struct reply reply = {.cut = -1};
    (void)url;
    (void)version;
    if (!r || !r->query) return MHD_NO;
    if (!r->begun) return read_headers(c, method, r) == ERR_OK ? MHD_YES : MHD_NO;
    if (*n_upload > 0) {
        bool fits = r->body.len + *n_upload <= POST_MAX_BYTES &&
                    str_append(&r->body, upload, *n_upload) == ERR_OK;
        *n_upload = 0;
        return fits ? MHD_YES : MHD_NO;
    }
    pthread_mutex_lock(&server->one_at_a_time);
    err e = make_reply(&server->standin, r, &reply);
    pthread_mutex_unlock(&server->one_at_a_time);
    if (e != ERR_OK) fprintf(stderr, "stand-in: %s\n", err_message());
    enum MHD_Result result = e == ERR_OK ? reply_send(c, r, &reply) : MHD_NO;
    str_release(&reply.body);
    str_release(&reply.headers);
    return result;
}

static err take_option(struct server *server, const char *name, const char *value) {
    struct standin *s = &server->standin;
    int64_t port = 0;
    const char *equals = strchr(value, '=');
    if (strcmp(name, "--folder") == 0)
        s->folder = value;
    else if (strcmp(name, "--log") == 0)
        s->log = value;
    else if (strcmp(name, "--recorded") == 0)
        return recorded_load(s, value);
    else if (strcmp(name, "--fault") == 0)
        return fault_add(s, value);
    else if (strcmp(name, "--limit") == 0)
        return str_to_int64(value, &s->limit);
    else if (strcmp(name, "--reset") == 0)
        return str_to_int64(value, &s->reset_s);
    else if (strcmp(name, "--rename") == 0 && equals) {
        char from[260];
        snprintf(from, sizeof from, "%.*s", (int)(equals - value), value);
        return json_put(s->renamed, from, json_string(equals + 1));
    } else if (strcmp(name, "--port") == 0) {
        TRY(str_to_int64(value, &port));
        server->port = (uint16_t)port;
    } else {
        return fail(ERR_USAGE, "'%s' is no option", name);
    }
    return ERR_OK;
}

static err prepare(struct server *server, int argc, char **argv) {
    struct standin *s = &server->standin;
    s->recorded = json_array();
    s->repositories = json_array();
    s->renamed = json_object();
    s->posted = json_object();
    s->limit = 5000;
    s->reset_s = (int64_t)time(NULL) + 3600;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return fail(ERR_USAGE, "'%s' wants a value", argv[i]);
        TRY(take_option(server, argv[i], argv[i + 1]));
    }
    return s->folder ? folder_open(s) : ERR_OK;
}

/* Until nobody is there who could want an answer. */
static void until_unwanted(struct server *server) {
    char ignored[64];
    while (read(STDIN_FILENO, ignored, sizeof ignored) > 0) {
        pthread_mutex_lock(&server->one_at_a_time);
        server->standin.used = 0;
        pthread_mutex_unlock(&server->one_at_a_time);
        puts("a new hour");
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    static struct server server = {.one_at_a_time = PTHREAD_MUTEX_INITIALIZER};
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (prepare(&server, argc, argv) != ERR_OK) {
        fprintf(stderr, "stand-in: %s\n", err_message());
        return 2;
    }
    here.sin_port = htons(server.port);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
        NULL, answer, &server, MHD_OPTION_SOCK_ADDR, &here, MHD_OPTION_URI_LOG_CALLBACK,
        begin_request, NULL, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "stand-in: cannot listen on port %d\n", server.port);
        return 1;
    }
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    until_unwanted(&server);
    _exit(0); /* some connections may stand still on purpose */
}
