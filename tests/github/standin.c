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
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { POST_MAX_BYTES = 1 << 20 };

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
        e = str_printf(&line, " %s %s\n", request_header(r, "Authorization") ? "auth" : "anonymous",
                       request_header(r, "If-None-Match") ? "cond" : "plain");
    if (e == ERR_OK) e = file_append(s->log, line.data, line.len);
    str_release(&line);
    return e;
}

static err make_reply(void *context, const struct request *r, struct reply *out) {
    struct standin *s = context;
    const struct fault *f = fault_due(s, r);
    bool unheard = f && (f->drop || f->hold || f->status > 0); /* it is as if it never came */
    if (!unheard) TRY(route(s, r, out));
    if (f) TRY(fault_reply(f, r, out));
    return write_log(s, r, out);
}

static err take_option(struct serving *serving, const char *name, const char *value) {
    struct standin *s = serving->context;
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
        serving->port = (uint16_t)port;
    } else {
        return fail(ERR_USAGE, "'%s' is no option", name);
    }
    return ERR_OK;
}

static err prepare(struct serving *serving, int argc, char **argv) {
    struct standin *s = serving->context;
    s->recorded = json_array();
    s->repositories = json_array();
    s->renamed = json_object();
    s->posted = json_object();
    s->limit = 5000;
    s->reset_s = (int64_t)time(NULL) + 3600;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return fail(ERR_USAGE, "'%s' wants a value", argv[i]);
        TRY(take_option(serving, argv[i], argv[i + 1]));
    }
    return s->folder ? folder_open(s) : ERR_OK;
}

static const char *new_hour(void *context, const char *line) {
    struct standin *s = context;
    (void)line;
    s->used = 0;
    return "a new hour";
}

int main(int argc, char **argv) {
    static struct standin standin;
    static struct serving serving = {.context = &standin,
                                     .body_max_bytes = POST_MAX_BYTES,
                                     .make = make_reply,
                                     .line = new_hour};
    if (prepare(&serving, argc, argv) == ERR_OK) return serve(&serving);
    fprintf(stderr, "stand-in: %s\n", err_message());
    return 2;
}
