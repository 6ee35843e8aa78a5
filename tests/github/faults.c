/* SPDX-License-Identifier: Apache-2.0
 * Faults on purpose, from lines like
 *   GET /repos/a/b/issues/1/comments page=2 times=1 status=500
 * METHOD and PATH are patterns (*, ?). times=N: so often (else always); after=N: N requests pass
 * first. What happens: status=N message="..." html, header="Name: value", remaining=N reset=S
 * retry-after=S, location=URL, link=URL (as rel="next"; a URL from / on is ours), huge=BYTES,
 * truncate=BYTES (the body ends early, and its length says so), cut=BYTES (the connection ends
 * early), stall=BYTES (it stands still there, "stalled" on stdout), drop (no answer), hold (none
 * either, "held" on stdout). Any other name=value must be in the query; a query without a page has
 * page=1.
 * Read next: tests/github/standin.h. */
#include "tests/github/standin.h"

#include "base/mem.h"
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define OUR_HOST "@OUR-HOST" /* in a header, until the request says which */

/* The next word of the line, in which "..." holds blanks together; false at the end. */
static bool next_word(const char **at, struct str *out) {
    str_clear(out);
    *at += strspn(*at, " ");
    if (!**at) return false;
    for (bool quoted = false; **at && (quoted || **at != ' '); (*at)++) {
        if (**at == '"')
            quoted = !quoted;
        else if (str_append(out, *at, 1) != ERR_OK)
            return false;
    }
    return true;
}

static err set_header(struct fault *f, const char *name, const char *value) {
    return str_printf(&f->headers, "%s: %s\n", name, value);
}

static err set_value(struct fault *f, const char *name, const char *value) {
    static const struct {
        const char *name, *header;
    } headers[] = {{"remaining", "X-RateLimit-Remaining"},
                   {"reset", "X-RateLimit-Reset"},
                   {"retry-after", "Retry-After"}};
    struct {
        const char *name;
        int64_t *number;
    } numbers[] = {{"times", &f->times},       {"after", &f->after}, {"status", &f->status},
                   {"truncate", &f->truncate}, {"cut", &f->cut},     {"stall", &f->cut},
                   {"huge", &f->huge}};
    if (strcmp(name, "stall") == 0) f->stall = true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strcmp(name, numbers[i].name) == 0) return str_to_int64(value, numbers[i].number);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (strcmp(name, headers[i].name) == 0) return set_header(f, headers[i].header, value);
    if (strcmp(name, "header") == 0) return str_printf(&f->headers, "%s\n", value);
    const char *host = value[0] == '/' && value[1] != '/' ? OUR_HOST : "";
    if (strcmp(name, "location") == 0)
        return str_printf(&f->headers, "Location: %s%s\n", host, value);
    if (strcmp(name, "link") == 0)
        return str_printf(&f->headers, "Link: <%s%s>; rel=\"next\"\n", host, value);
    if (strcmp(name, "message") == 0) {
        f->message = mem_strdup(value);
        return f->message ? ERR_OK : ERR_MEMORY;
    }
    return json_put(f->query, name, json_string(value));
}

static err set_word(struct fault *f, struct str *word) {
    bool *flags[] = {&f->html, &f->drop, &f->hold};
    static const char *const names[] = {"html", "drop", "hold"};
    char *equals = strchr(word->data, '=');
    for (size_t i = 0; i < 3 && !equals; i++)
        if (strcmp(word->data, names[i]) == 0) {
            *flags[i] = true;
            return ERR_OK;
        }
    if (!equals) return fail(ERR_USAGE, "'%s' is no fault", word->data);
    *equals = '\0';
    return set_value(f, word->data, equals + 1);
}

err fault_add(struct standin *s, const char *text) {
    struct str word = {0};
    struct fault *faults = mem_resize(s->faults, (size_t)s->n_faults + 1, sizeof *faults);
    if (!faults) return ERR_MEMORY;
    s->faults = faults;
    struct fault *f = &faults[s->n_faults++];
    *f = (struct fault){.times = -1, .truncate = -1, .cut = -1, .huge = -1};
    f->query = json_object();
    if (next_word(&text, &word)) f->method = mem_strdup(word.data);
    if (next_word(&text, &word)) f->path = mem_strdup(word.data);
    err e = f->method && f->path ? ERR_OK : fail(ERR_USAGE, "a fault is METHOD PATH WORD...");
    while (e == ERR_OK && next_word(&text, &word)) e = set_word(f, &word);
    str_release(&word);
    return e;
}

static bool matches(const struct fault *f, const struct request *r) {
    const char *name;
    json_t *value;
    if (fnmatch(f->method, r->method, 0) != 0 || fnmatch(f->path, r->path.data, 0) != 0)
        return false;
    json_object_foreach(f->query, name, value) {
        struct str is = {0};
        if (!query_value(r->query, name, &is) && strcmp(name, "page") == 0)
            (void)!str_add(&is, "1");
        bool same = strcmp(str_text(&is), json_string_value(value)) == 0;
        str_release(&is);
        if (!same) return false;
    }
    return true;
}

struct fault *fault_due(struct standin *s, const struct request *r) {
    for (int64_t i = 0; i < s->n_faults; i++) {
        struct fault *f = &s->faults[i];
        if (f->times == 0 || !matches(f, r)) continue;
        if (f->after > 0) {
            f->after--;
            continue;
        }
        if (f->times > 0) f->times--;
        return f;
    }
    return NULL;
}

static err huge_body(int64_t n_bytes, struct reply *out) {
    char block[1024];
    memset(block, 'a', sizeof block);
    str_clear(&out->body);
    TRY(str_add(&out->body, "{\"id\": 1, \"body\": \""));
    while ((int64_t)out->body.len < n_bytes) TRY(str_append(&out->body, block, sizeof block));
    return str_add(&out->body, "\"}");
}

/* Its own headers take the place of those of that name. */
static err replace_headers(const struct fault *f, const struct request *r, struct reply *out) {
    for (const char *line = str_text(&f->headers); *line; line += strcspn(line, "\n") + 1) {
        size_t n_name = strcspn(line, ":");
        char name[64], value[1024];
        snprintf(name, sizeof name, "%.*s", (int)n_name, line);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n_name + 2, "\n"),
                 line + n_name + 2);
        const char *host = strstr(value, OUR_HOST);
        err e = host ? reply_header(out, name, "%.*s%s%s", (int)(host - value), value, r->base.data,
                                    host + strlen(OUR_HOST))
                     : reply_header(out, name, "%s", value);
        TRY(e);
    }
    return ERR_OK;
}

err fault_reply(const struct fault *f, const struct request *r, struct reply *out) {
    if (f->status > 0) {
        str_clear(&out->headers);
        TRY(reply_message(out, (int)f->status, f->message ? f->message : "made to fail"));
        TRY(reply_header(out, "Content-Type", "application/json; charset=utf-8"));
    }
    if (f->html) {
        str_clear(&out->body);
        TRY(str_add(&out->body, "<!DOCTYPE html><html><title>Unicorn!</title></html>\n"));
        TRY(reply_header(out, "Content-Type", "text/html; charset=utf-8"));
    }
    if (f->huge >= 0) TRY(huge_body(f->huge, out));
    if (f->truncate >= 0 && (size_t)f->truncate < out->body.len)
        out->body.data[out->body.len = (size_t)f->truncate] = '\0';
    out->cut = f->cut;
    out->stall = f->stall;
    out->drop = f->drop;
    out->hold = f->hold;
    return replace_headers(f, r, out);
}
