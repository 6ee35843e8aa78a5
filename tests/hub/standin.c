/* SPDX-License-Identifier: Apache-2.0
 * The stand-in's program: hub_standin [OPTION VALUE]...
 *   --repo OWNER/NAME  an empty repository      --token TEXT  the one that is good
 *   --chunk N          larger uploads in parts  --fault LINE  a fault (tests/hub/faults.c)
 *   --log FILE         one line a request: METHOD PATH STATUS BYTES, and `given` where it has the
 *                      header that the batch answer asked for; never what was in Authorization
 *   --file PATH        a file that each repository has from the start
 *   --moved OWNER/NAME Hugging Face: what the first repository was called
 * It listens on any port of 127.0.0.1, prints it and a line end, and ends when its standard input
 * does or its parent dies. A line on standard input is a fault more.
 * Read next: tests/hub/standin.h, the parts. */
#include "tests/hub/standin.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BODY_MAX_BYTES = 256 << 20 };

struct server {
    struct standin standin;
    pthread_mutex_t one_at_a_time;
};

/* ---- replies ---- */

err reply_json(struct reply *out, int status, json_t *value) {
    out->status = status;
    str_clear(&out->body);
    err e = value ? json_text(value, 0, &out->body) : fail(ERR_MEMORY, "out of memory");
    json_decref(value);
    return e == ERR_OK ? reply_header(out, "Content-Type", "application/json") : e;
}

err reply_header(struct reply *out, const char *name, const char *value) {
    return str_printf(&out->headers, "%s: %s\n", name, value);
}

err reply_refuse(struct reply *out, int status, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return RENDER(out, status, "{s:s}", "error", text);
}

/* ---- repositories ---- */

err repo_make(struct standin *s, const char *name) {
    json_t *repo = json_pack("{s:s, s:{}, s:{}, s:b}", "head", "", "commits", "tags", "private", 0);
    char id[41];
    TRY(json_put(s->repos, name, repo));
    json_t *files = json_object();
    json_object_set_new(files, ".gitattributes", json_pack("{s:s}", "content", ""));
    return repo_commit(s, repo, files, id);
}

err repo_commit(struct standin *s, json_t *repo, json_t *files, char out_id[41]) {
    snprintf(out_id, 41, "%040llx", 0xC0111700000000ULL + (unsigned long long)++s->n_made);
    TRY(json_put(json_object_get(repo, "commits"), out_id, files));
    return json_put(repo, "head", json_string(out_id));
}

json_t *repo_files(json_t *repo, const char *revision, const char **out_commit) {
    const char *tagged = json_text_of(json_object_get(repo, "tags"), revision);
    const char *head = json_text_of(repo, "head");
    bool branch = strcmp(revision, "main") == 0 || strcmp(revision, "master") == 0;
    *out_commit = branch ? head : *tagged ? tagged : revision;
    return json_object_get(json_object_get(repo, "commits"), *out_commit);
}

/* ---- requests ---- */

bool route_has_form(const char *path, const char *form, char *name, size_t capacity,
                    const char **rest) {
    size_t head = strcspn(form, "%");
    name[0] = '\0';
    *rest = "";
    if (!form[head]) return strcmp(path, form) == 0;
    if (strncmp(path, form, head) != 0) return false;
    const char *at = path + head, *slash = strchr(at, '/'), *tail = form + head + 1;
    const char *end = slash ? strstr(slash + 1, tail) : NULL;
    if (!end || memchr(slash + 1, '/', (size_t)(end - slash - 1)) || (size_t)(end - at) >= capacity)
        return false;
    memcpy(name, at, (size_t)(end - at));
    name[end - at] = '\0';
    *rest = end + strlen(tail);
    return true;
}

static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection) {
    (void)context;
    struct request *r = mem_zalloc(1, sizeof *r);
    if (!r) return NULL;
    size_t n = strcspn(uri, "?");
    if (str_append(&r->path, uri, n) != ERR_OK) return r;
    struct str query = {0};
    if (str_add(&query, uri[n] == '?' ? uri + n + 1 : "") != ERR_OK) return r;
    r->query = query.data ? query.data : mem_strdup("");
    r->connection = connection;
    return r;
}

static void end_request(void *context, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode why) {
    (void)context;
    (void)connection;
    (void)why;
    struct request *r = *request;
    if (!r) return;
    str_release(&r->path);
    str_release(&r->body);
    str_release(&r->base);
    mem_free((char *)(uintptr_t)r->query);
    mem_free(r);
    *request = NULL;
}

static const char *header(const struct request *r, const char *name) {
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static err read_headers(struct standin *s, struct request *r, const char *method) {
    const char *host = header(r, "Host");
    r->begun = true;
    r->method = method;
    r->authorization = header(r, "Authorization");
    r->cookie = header(r, "Cookie");
    r->content_type = header(r, "Content-Type");
    r->accept = header(r, "Accept");
    const struct fault *f = fault_due(s, r, true);
    r->cut = f ? f->cut : -1;
    r->hold = f && f->hold;
    return str_printf(&r->base, "http://%s", host ? host : "127.0.0.1");
}

static bool is_of_store(const struct request *r) {
    static const char *const places[] = {"/store/", "/mstore/", "/part/", "/join/", "/verify/"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (str_starts(r->path.data, places[i])) return true;
    return false;
}

static err route(struct standin *s, const struct request *r, struct reply *out) {
    bool mine = false;
    if (is_of_store(r)) return lfs_store(s, r, out);
    TRY(ms_route(s, r, out, &mine));
    if (!mine) TRY(hf_route(s, r, out, &mine));
    return mine ? ERR_OK : reply_refuse(out, 404, "Not Found");
}

/* Somebody else's commit on every repository. */
static err race(struct standin *s) {
    const char *name;
    json_t *repo;
    char id[41];
    json_object_foreach(s->repos, name, repo) {
        const char *head;
        json_t *files = json_deep_copy(repo_files(repo, "main", &head));
        TRY(repo_commit(s, repo, files, id));
    }
    return ERR_OK;
}

/* The store forgets an object that a commit points to. */
static void lose_one(struct standin *s) {
    const char *oid = json_object_iter_key(json_object_iter(s->objects));
    if (oid) json_object_del(s->objects, oid);
}

static err log_one(const struct standin *s, const struct request *r, const char *became) {
    struct str line = {0};
    if (!s->log) return ERR_OK;
    err e = str_printf(&line, "%s %s%s%s %s %zu%s\n", r->method, r->path.data, *r->query ? "?" : "",
                       r->query, became, r->body.len, header(r, "X-Given") ? " given" : "");
    if (e == ERR_OK) e = file_append(s->log, line.data, line.len);
    str_release(&line);
    return e;
}

static err make_reply(struct standin *s, const struct request *r, struct reply *out) {
    const struct fault *f = fault_due(s, r, false);
    char after[24], became[16];
    s->lose = f && f->lose;
    s->omit = f && f->omit;
    if (f && f->race) TRY(race(s));
    if (f && f->drop)
        out->drop = true;
    else if (f && f->status > 0)
        TRY(reply_refuse(out, (int)f->status, "made to fail%s%s", f->echo ? ": " : "",
                         f->echo && r->authorization ? r->authorization : ""));
    else
        TRY(route(s, r, out));
    if (f && f->lose && !is_of_store(r)) lose_one(s);
    if (f && f->unanswered) out->drop = true;
    if (f && f->retry_after >= 0) {
        snprintf(after, sizeof after, "%lld", (long long)f->retry_after);
        TRY(reply_header(out, "Retry-After", after));
    }
    snprintf(became, sizeof became, "%d", out->status);
    return log_one(s, r, out->drop ? "dropped" : became);
}

static enum MHD_Result send_reply(struct MHD_Connection *c, struct reply *reply) {
    if (reply->drop) return MHD_NO;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, (void *)(uintptr_t)str_text(&reply->body), MHD_RESPMEM_MUST_COPY);
    if (!response) return MHD_NO;
    for (const char *line = str_text(&reply->headers); *line; line += strcspn(line, "\n") + 1) {
        char name[64], value[1024];
        size_t n = strcspn(line, ":");
        snprintf(name, sizeof name, "%.*s", (int)n, line);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n + 2, "\n"), line + n + 2);
        (void)MHD_add_response_header(response, name, value);
    }
    enum MHD_Result result = MHD_queue_response(c, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* The next bytes of a body; MHD_NO closes the connection. */
static enum MHD_Result take_body(struct server *server, struct request *r, const char *upload,
                                 size_t n) {
    bool cut = r->cut >= 0 && r->body.len + n > (size_t)r->cut;
    if (cut) n = (size_t)r->cut - r->body.len;
    if (r->body.len + n > BODY_MAX_BYTES || str_append(&r->body, upload, n) != ERR_OK)
        return MHD_NO;
    if (!cut) return MHD_YES;
    pthread_mutex_lock(&server->one_at_a_time);
    err e = log_one(&server->standin, r, "cut");
    pthread_mutex_unlock(&server->one_at_a_time);
    while (e == ERR_OK && r->hold) pause();
    return MHD_NO;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *n_upload, void **request) {
    struct server *server = context;
    struct request *r = *request;
    struct reply reply = {0};
    (void)url;
    (void)version;
    if (!r || !r->query) return MHD_NO;
    if (!r->begun) {
        pthread_mutex_lock(&server->one_at_a_time);
        err read = read_headers(&server->standin, r, method);
        pthread_mutex_unlock(&server->one_at_a_time);
        return read == ERR_OK ? MHD_YES : MHD_NO;
    }
    if (*n_upload > 0) {
        size_t n = *n_upload;
        *n_upload = 0;
        return take_body(server, r, upload, n);
    }
    pthread_mutex_lock(&server->one_at_a_time);
    err e = make_reply(&server->standin, r, &reply);
    pthread_mutex_unlock(&server->one_at_a_time);
    if (e != ERR_OK) fprintf(stderr, "stand-in: %s\n", err_message());
    enum MHD_Result result = e == ERR_OK ? send_reply(c, &reply) : MHD_NO;
    str_release(&reply.body);
    str_release(&reply.headers);
    return result;
}

/* ---- the program ---- */

static err add_file(struct standin *s, const char *path) {
    const char *name;
    json_t *repo;
    json_object_foreach(s->repos, name, repo) {
        const char *head;
        TRY(json_put(repo_files(repo, "main", &head), path, json_pack("{s:s}", "content", "")));
    }
    return ERR_OK;
}

static err take_option(struct standin *s, const char *name, const char *value) {
    if (strcmp(name, "--repo") == 0) return repo_make(s, value);
    if (strcmp(name, "--file") == 0) return add_file(s, value);
    if (strcmp(name, "--fault") == 0) return fault_add(s, value);
    if (strcmp(name, "--chunk") == 0) return str_to_int64(value, &s->chunk);
    if (strcmp(name, "--log") == 0)
        s->log = value;
    else if (strcmp(name, "--moved") == 0)
        s->moved = value;
    else if (strcmp(name, "--token") == 0)
        s->token = value;
    else
        return fail(ERR_USAGE, "'%s' is no option", name);
    return ERR_OK;
}

static err prepare(struct standin *s, int argc, char **argv) {
    s->repos = json_object();
    s->objects = json_object();
    s->parts = json_object();
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return fail(ERR_USAGE, "'%s' wants a value", argv[i]);
        TRY(take_option(s, argv[i], argv[i + 1]));
    }
    return s->token ? ERR_OK : fail(ERR_USAGE, "--token is wanted");
}

int main(int argc, char **argv) {
    static struct server server = {.one_at_a_time = PTHREAD_MUTEX_INITIALIZER};
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char line[256];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    if (prepare(&server.standin, argc, argv) != ERR_OK) {
        fprintf(stderr, "stand-in: %s\n", err_message());
        return 2;
    }
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
        NULL, answer, &server, MHD_OPTION_SOCK_ADDR, &here, MHD_OPTION_URI_LOG_CALLBACK,
        begin_request, NULL, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_END);
    if (!daemon) return 1;
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        pthread_mutex_lock(&server.one_at_a_time);
        bool good = fault_add(&server.standin, line) == ERR_OK;
        pthread_mutex_unlock(&server.one_at_a_time);
        puts(good ? "noted" : err_message());
        fflush(stdout);
    }
    _exit(0);
}
