/* SPDX-License-Identifier: Apache-2.0
 * A stand-in's life (tests/standin/serve.h), by libmicrohttpd, with a thread for each connection: a
 * client may leave several open, and some stand still on purpose.
 * Read next: tests/standin/serve.h, the contract. */
#include "tests/standin/serve.h"

#include "base/mem.h"
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *request_header(const struct request *r, const char *name) {
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

/* The whole address as it was asked, before anything is decoded; a proxy's client writes the host
 * in front. What is returned becomes the request's context. */
static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection) {
    (void)context;
    struct request *r = mem_zalloc(1, sizeof *r);
    const char *host = strstr(uri, "://"), *path = host ? strchr(host + 3, '/') : uri;
    if (!r || str_add(&r->uri, path && *uri != '/' ? path : uri) != ERR_OK) return r;
    r->connection = connection;
    r->cut = -1;
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

static err locked(struct serving *s, err (*call)(void *context, struct request *r),
                  struct request *r) {
    if (!call) return ERR_OK;
    pthread_mutex_lock(&s->one_at_a_time);
    err e = call(s->context, r);
    pthread_mutex_unlock(&s->one_at_a_time);
    return e;
}

static err take_head(struct serving *s, struct request *r, const char *method) {
    const char *host = request_header(r, "Host");
    r->begun = true;
    r->method = method;
    TRY(str_printf(&r->base, "http://%s", host ? host : "127.0.0.1"));
    return locked(s, s->head, r);
}

/* The next bytes of a body; MHD_NO closes the connection. */
static enum MHD_Result take_body(struct serving *s, struct request *r, const char *upload,
                                 size_t n) {
    bool cut = r->cut >= 0 && r->body.len + n > (size_t)r->cut;
    if (cut) n = (size_t)r->cut - r->body.len;
    if (r->body.len + n > s->body_max_bytes || str_append(&r->body, upload, n) != ERR_OK)
        return MHD_NO;
    if (!cut) return MHD_YES;
    err e = locked(s, s->cut, r);
    while (e == ERR_OK && r->hold) pause();
    return MHD_NO;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *n_upload, void **request) {
    struct serving *s = context;
    struct request *r = *request;
    struct reply reply = {.cut = -1};
    (void)c;
    (void)url;
    (void)version;
    if (!r || !r->query) return MHD_NO;
    if (!r->begun) return take_head(s, r, method) == ERR_OK ? MHD_YES : MHD_NO;
    if (*n_upload > 0) {
        size_t n = *n_upload;
        *n_upload = 0;
        return take_body(s, r, upload, n);
    }
    pthread_mutex_lock(&s->one_at_a_time);
    err e = s->make(s->context, r, &reply);
    pthread_mutex_unlock(&s->one_at_a_time);
    if (e != ERR_OK) fprintf(stderr, "stand-in: %s\n", err_message());
    enum MHD_Result result = e == ERR_OK ? reply_send(r, &reply) : MHD_NO;
    str_release(&reply.body);
    str_release(&reply.headers);
    return result;
}

/* Until nobody is there who could want an answer. */
static void until_unwanted(struct serving *s) {
    char line[512];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        pthread_mutex_lock(&s->one_at_a_time);
        const char *said = s->line(s->context, line);
        pthread_mutex_unlock(&s->one_at_a_time);
        puts(said);
        fflush(stdout);
    }
}

int serve(struct serving *s) {
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                     .sin_port = htons(s->port)};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&s->one_at_a_time, NULL);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
        NULL, answer, s, MHD_OPTION_SOCK_ADDR, &here, MHD_OPTION_URI_LOG_CALLBACK, begin_request,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "stand-in: cannot listen on port %d\n", s->port);
        return 1;
    }
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    until_unwanted(s);
    _exit(0); /* some connections may stand still on purpose */
}
