/* SPDX-License-Identifier: Apache-2.0
 * Pages recorded from api.github.com, as the nock JSON of @octokit/fixtures has them: a list of
 * {method, path, status, response, headers}. They are served as they are, but for the host, which
 * becomes ours in bodies, links and locations. The same request again gets the next record of it,
 * and the last one for ever. A query that was not recorded gets the page of the path alone.
 * Read next: tests/github/standin.h. */
#include "tests/github/standin.h"

#include <string.h>
#include <strings.h>

#define RECORDED_HOST "https://api.github.com"

err recorded_load(struct standin *s, const char *path) {
    json_t *records, *record;
    size_t i;
    TRY(json_parse_file(path, &records));
    err e = ERR_OK;
    json_array_foreach(records, i, record) {
        if (e == ERR_OK) e = json_push(s->recorded, json_incref(record));
    }
    json_decref(records);
    return e;
}

static bool same_path(const char *recorded, const struct request *r, bool whole) {
    if (whole) return strcmp(recorded, r->uri.data) == 0;
    struct str page = {0};
    bool later = query_value(r->query, "page", &page) || strstr(recorded, "&page=");
    size_t n = strcspn(recorded, "?");
    str_release(&page);
    return !later && n == r->path.len && strncmp(recorded, r->path.data, n) == 0;
}

static json_t *find(struct standin *s, const struct request *r, bool whole) {
    json_t *record, *last = NULL;
    size_t i;
    json_array_foreach(s->recorded, i, record) {
        if (strcasecmp(json_text_of(record, "method"), r->method) != 0) continue;
        if (!same_path(json_text_of(record, "path"), r, whole)) continue;
        last = record;
        if (!json_object_get(record, "served")) break;
    }
    return last;
}

/* The text with our host in place of the recorded one. */
static err add_here(const char *text, const struct request *r, struct str *out) {
    for (const char *at; (at = strstr(text, RECORDED_HOST)); text = at + strlen(RECORDED_HOST)) {
        TRY(str_append(out, text, (size_t)(at - text)));
        TRY(str_add(out, r->base.data));
    }
    return str_add(out, text);
}

static err add_body(const json_t *response, const struct request *r, struct reply *out) {
    struct str text = {0};
    err e = json_is_string(response) ? str_add(&text, json_string_value(response))
                                     : json_text(response, 0, &text);
    if (e == ERR_OK) e = add_here(str_text(&text), r, &out->body);
    str_release(&text);
    return e;
}

static err add_headers(json_t *headers, const struct request *r, struct reply *out) {
    static const char *const ours[] = {"content-length", "connection", "transfer-encoding",
                                       "content-encoding", "date"};
    const char *name;
    json_t *value;
    json_object_foreach(headers, name, value) {
        struct str text = {0};
        bool leave_out = false;
        for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
            leave_out = leave_out || strcasecmp(name, ours[i]) == 0;
        if (leave_out) continue;
        err e = json_is_integer(value)
                    ? str_printf(&text, "%lld", (long long)json_integer_value(value))
                    : add_here(json_string_value(value), r, &text);
        if (e == ERR_OK) e = reply_header(out, name, "%s", str_text(&text));
        str_release(&text);
        TRY(e);
    }
    return ERR_OK;
}

err recorded_reply(struct standin *s, const struct request *r, struct reply *out, bool *out_found) {
    json_t *record = find(s, r, true);
    if (!record) record = find(s, r, false);
    *out_found = record != NULL;
    if (!record) return ERR_OK;
    out->status = (int)json_integer_value(json_object_get(record, "status"));
    TRY(json_put(record, "served", json_true()));
    TRY(add_body(json_object_get(record, "response"), r, out));
    return add_headers(json_object_get(record, "headers"), r, out);
}
