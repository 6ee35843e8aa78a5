/* SPDX-License-Identifier: Apache-2.0
 * The bytes that leave: headers, the body as it is or as gzip, and connections that end early or
 * stand still. Whoever stands still waits for the other side to hang up, and for nothing else.
 * Read next: tests/standin/serve.h. */
#include "tests/standin/serve.h"

#include "base/mem.h"
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum { GZIP_FROM_BYTES = 200, GZIP_WINDOW = 15 + 16 };

/* A body under way. */
struct sending {
    char *data;
    size_t n;
    int64_t cut;
    bool stall;
    int fd;
};

err reply_header(struct reply *out, const char *name, const char *format, ...) {
    char value[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    struct str kept = {0};
    err e = ERR_OK;
    size_t n = strlen(name);
    for (const char *line = str_text(&out->headers); *line; line += strcspn(line, "\n") + 1)
        if (e == ERR_OK && !(strncasecmp(line, name, n) == 0 && line[n] == ':'))
            e = str_append(&kept, line, strcspn(line, "\n") + 1);
    if (e == ERR_OK) e = str_printf(&kept, "%s: %s\n", name, value);
    str_release(&out->headers);
    out->headers = kept;
    return e;
}

static void until_hung_up(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLRDHUP};
    while (poll(&one, 1, -1) < 0) continue;
}

static ssize_t read_body(void *context, uint64_t at, char *out, size_t max) {
    struct sending *s = context;
    size_t end = s->cut >= 0 && (size_t)s->cut < s->n ? (size_t)s->cut : s->n;
    if (at < end) {
        size_t n = end - (size_t)at < max ? end - (size_t)at : max;
        memcpy(out, s->data + at, n);
        return (ssize_t)n;
    }
    if (s->stall) {
        puts("stalled");
        fflush(stdout);
        until_hung_up(s->fd);
    }
    return s->cut >= 0 ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_body(void *context) {
    struct sending *s = context;
    mem_free(s->data);
    mem_free(s);
}

/* Gzip in place of the body. */
static err pack(struct reply *reply) {
    z_stream z = {0};
    struct str packed = {0};
    if (deflateInit2(&z, 1, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ERR_MEMORY;
    size_t bound = deflateBound(&z, reply->body.len) + 64;
    packed.data = mem_alloc(bound, 1);
    z.next_in = (unsigned char *)reply->body.data;
    z.avail_in = (unsigned)reply->body.len;
    z.next_out = (unsigned char *)packed.data;
    z.avail_out = (unsigned)bound;
    err e = packed.data && deflate(&z, Z_FINISH) == Z_STREAM_END ? ERR_OK : ERR_MEMORY;
    packed.capacity = bound;
    packed.len = z.total_out;
    (void)deflateEnd(&z);
    str_release(&reply->body);
    reply->body = packed;
    return e == ERR_OK ? reply_header(reply, "Content-Encoding", "gzip") : e;
}

static err add_headers(struct MHD_Response *response, const struct str *headers) {
    for (const char *line = str_text(headers); *line; line += strcspn(line, "\n") + 1) {
        char name[64], value[2048];
        size_t n_name = strcspn(line, ":");
        snprintf(name, sizeof name, "%.*s", (int)n_name, line);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n_name + 2, "\n"),
                 line + n_name + 2);
        if (*value && MHD_add_response_header(response, name, value) != MHD_YES)
            return fail(ERR_MEMORY, "header '%s: %s' is refused", name, value);
    }
    return ERR_OK;
}

/* A failure here ends the connection without an answer, which no test takes for one. */
enum MHD_Result reply_send(const struct request *r, struct reply *reply) {
    struct MHD_Connection *c = r->connection;
    const char *encodings = request_header(r, "Accept-Encoding");
    bool gzip = encodings && strstr(encodings, "gzip");
    int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (reply->hold) {
        printf("held %s %s\n", r->method, r->uri.data);
        fflush(stdout);
        until_hung_up(fd);
    }
    if (reply->drop || reply->hold) return MHD_NO;
    if (gzip && reply->body.len >= GZIP_FROM_BYTES && pack(reply) != ERR_OK) return MHD_NO;
    struct sending *s = mem_alloc(1, sizeof *s);
    if (!s) return MHD_NO;
    *s = (struct sending){reply->body.data, reply->body.len, reply->cut, reply->stall, fd};
    reply->body = (struct str){0};
    struct MHD_Response *response =
        MHD_create_response_from_callback(s->n, 1 << 16, read_body, s, free_body);
    if (!response) return MHD_NO;
    enum MHD_Result result = MHD_NO;
    if (add_headers(response, &reply->headers) == ERR_OK)
        result = MHD_queue_response(c, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}
