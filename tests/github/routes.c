/* SPDX-License-Identifier: Apache-2.0
 * What GitHub answers: issues, comments, lists (listing.c), a posted comment, redirects of renamed
 * repositories, and its words for what is not there or not allowed. An ETag speaks of the body
 * alone, so that a page that stays as it is while another is added behind it is "not modified".
 * Read next: tests/github/standin.h. */
#include "tests/github/standin.h"

#include "base/hash.h"
#include "issues/post.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { FIRST_ID = 1000 };
#define POSTED_ID 3000000000LL /* beyond 32 bits, as real ones are */

err reply_message(struct reply *out, int status, const char *message) {
    json_t *json = json_pack("{s:s,s:s,s:o}", "message", message, "documentation_url",
                             "https://docs.github.com/rest", "status", json_sprintf("%d", status));
    str_clear(&out->body);
    out->status = status;
    err e = json ? json_text(json, 0, &out->body) : ERR_MEMORY;
    json_decref(json);
    return e;
}

err reply_json(const json_t *value, int status, struct reply *out) {
    out->status = status;
    str_clear(&out->body);
    return json_text(value, 0, &out->body);
}

/* The saved comments of an issue and the posted ones. */
static json_t *all_comments(struct standin *s, const char *repository, const char *number) {
    char name[128];
    snprintf(name, sizeof name, "issues/%s/comments.json", number);
    json_t *saved = folder_json(s, repository, name);
    snprintf(name, sizeof name, "%s#%s", repository, number);
    json_t *posted = json_object_get(s->posted, name);
    if (!posted) return saved ? json_incref(saved) : json_array();
    json_t *all = saved ? json_copy(saved) : json_array();
    if (all && json_array_extend(all, posted) != 0) abort();
    return all;
}

static json_t *find_issue(struct standin *s, const char *repository, const char *number) {
    char name[128];
    size_t i;
    json_t *issue;
    snprintf(name, sizeof name, "issues/%s.json", number);
    issue = folder_json(s, repository, name);
    if (json_is_object(issue)) return issue;
    json_array_foreach(folder_json(s, repository, "issues.json"), i, issue) {
        snprintf(name, sizeof name, "%lld",
                 (long long)json_integer_value(json_object_get(issue, "number")));
        if (strcmp(name, number) == 0) return issue;
    }
    return NULL;
}

static err reply_issue(json_t *issue, struct reply *out) {
    char date[64];
    struct tm t;
    int64_t updated_s;
    TRY(reply_json(issue, 200, out));
    if (time_parse(json_text_of(issue, "updated_at"), &updated_s) != ERR_OK) return ERR_OK;
    time_t when = (time_t)updated_s;
    if (!gmtime_r(&when, &t) || !strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &t))
        return ERR_OK;
    return reply_header(out, "Last-Modified", "%s", date);
}

/* Who posts, with every key that GitHub's schema wants of a user. */
static json_t *new_user(void) {
    static const char *const urls[] = {"avatar_url",
                                       "url",
                                       "html_url",
                                       "followers_url",
                                       "following_url",
                                       "gists_url",
                                       "starred_url",
                                       "repos_url",
                                       "events_url",
                                       "subscriptions_url",
                                       "received_events_url",
                                       "organizations_url"};
    json_t *user = json_pack("{s:s,s:I,s:s,s:s,s:s,s:b}", "login", "programme-writer", "id",
                             (json_int_t)9999999, "node_id", "U_9999999", "gravatar_id", "", "type",
                             "User", "site_admin", 0);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0] && user; i++)
        json_object_set_new(user, urls[i], json_string("https://api.github.com/users/writer"));
    return user;
}

static json_t *new_reactions(const char *url) {
    static const char *const kinds[] = {"total_count", "+1",    "-1",     "laugh", "hooray",
                                        "confused",    "heart", "rocket", "eyes"};
    json_t *reactions = json_pack("{s:o}", "url", json_sprintf("%s/reactions", url));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && reactions; i++)
        json_object_set_new(reactions, kinds[i], json_integer(0));
    return reactions;
}

static json_t *new_comment(const struct request *r, int64_t n, const char *repository,
                           const char *number, const char *body) {
    char url[512], page[512], stamp[64];
    long long id = POSTED_ID + n;
    snprintf(url, sizeof url, "%s/repos/%s/issues/comments/%lld", r->base.data, repository, id);
    snprintf(page, sizeof page, "https://github.com/%s/issues/%s#issuecomment-%lld", repository,
             number, id);
    snprintf(stamp, sizeof stamp, "2024-04-06T00:%02d:%02dZ", (int)(n / 60 % 60), (int)(n % 60));
    return json_pack("{s:s,s:s,s:o,s:I,s:o,s:o,s:s,s:s,s:s,s:s,s:o,s:n}", "url", url, "html_url",
                     page, "issue_url",
                     json_sprintf("%s/repos/%s/issues/%s", r->base.data, repository, number), "id",
                     (json_int_t)id, "node_id", json_sprintf("IC_%lld", id), "user", new_user(),
                     "created_at", stamp, "updated_at", stamp, "body", body, "author_association",
                     "MEMBER", "reactions", new_reactions(url), "performed_via_github_app");
}

static err post_comment(struct standin *s, const struct request *r, const char *repository,
                        const char *number, struct reply *out) {
    char key[128];
    json_t *sent = NULL;
    if (!request_header(r, "Authorization"))
        return reply_message(out, 401, "Requires authentication");
    if (json_parse(str_text(&r->body), r->body.len, "the post", &sent) != ERR_OK)
        return reply_message(out, 400, "Problems parsing JSON");
    const char *body = json_string_value(json_object_get(sent, "body"));
    err e;
    if (!body || !*body) {
        e = reply_message(out, 422, "Validation Failed");
        str_clear(&out->body);
        if (e == ERR_OK)
            e = str_add(&out->body, "{\"message\":\"Validation Failed\",\"errors\":[{\"resource\":"
                                    "\"IssueComment\",\"code\":\"missing_field\",\"field\":"
                                    "\"body\"}]}");
    } else {
        snprintf(key, sizeof key, "%s#%s", repository, number);
        json_t *list = json_object_get(s->posted, key);
        json_t *comment = new_comment(r, s->n_posted++, repository, number, body);
        e = comment ? reply_json(comment, 201, out) : ERR_MEMORY;
        if (e == ERR_OK && !list) e = json_put(s->posted, key, list = json_array());
        if (e == ERR_OK) e = json_push(list, json_incref(comment));
        json_decref(comment);
    }
    json_decref(sent);
    return e;
}

/* Its place in the list, or -1. */
static int64_t find_repository(const struct standin *s, const char *repository) {
    for (size_t i = 0; i < json_array_size(s->repositories); i++) {
        const char *name = json_string_value(json_array_get(s->repositories, i));
        if (strcasecmp(name, repository) == 0) return (int64_t)i;
    }
    return -1;
}

/* Below /repos/OWNER/NAME: "", "/issues", "/issues/N", ... `listed` is the path that links have. */
static err route_repository(struct standin *s, const struct request *r, const char *repository,
                            const char *rest, struct reply *out) {
    char number[32] = "", listed[256];
    size_t end = 0;
    int64_t index = find_repository(s, repository);
    if (index < 0) return reply_message(out, 404, "Not Found");
    repository = json_string_value(json_array_get(s->repositories, (size_t)index));
    snprintf(listed, sizeof listed, "/repositories/%lld%s", (long long)(FIRST_ID + index), rest);
    if (!*rest) {
        json_t *json = json_pack("{s:I,s:s,s:b}", "id", (json_int_t)(FIRST_ID + index), "full_name",
                                 repository, "has_issues", 1);
        err e = json ? reply_json(json, 200, out) : ERR_MEMORY;
        json_decref(json);
        return e;
    }
    const json_t *list = strcmp(rest, "/issues") == 0 ? folder_json(s, repository, "issues.json")
                         : strcmp(rest, "/issues/comments") == 0
                             ? folder_json(s, repository, "issues/comments.json")
                             : NULL;
    if (list) return reply_list(r, listed, list, out);
    bool one = sscanf(rest, "/issues/%31[0-9]%zn", number, &end) == 1;
    json_t *issue = one ? find_issue(s, repository, number) : NULL;
    if (!issue) return reply_message(out, 404, "Not Found");
    if (!rest[end]) return reply_issue(issue, out);
    if (strcmp(rest + end, "/comments") != 0) return reply_message(out, 404, "Not Found");
    if (strcmp(r->method, "POST") == 0) return post_comment(s, r, repository, number, out);
    json_t *comments = all_comments(s, repository, number);
    err e = comments ? reply_list(r, listed, comments, out) : ERR_MEMORY;
    json_decref(comments);
    return e;
}

static err reply_moved(struct standin *s, const struct request *r, const char *to, const char *rest,
                       struct reply *out) {
    TRY(reply_message(out, strcmp(r->method, "GET") == 0 ? 301 : 307, "Moved Permanently"));
    return reply_header(out, "Location", "%s/repositories/%lld%s%s%s", r->base.data,
                        (long long)(FIRST_ID + find_repository(s, to)), rest, *r->query ? "?" : "",
                        r->query);
}

static err reply_rate(const struct standin *s, struct reply *out) {
    json_t *json =
        json_pack("{s:{s:{s:I,s:I,s:I}}}", "resources", "core", "limit", (json_int_t)s->limit,
                  "remaining", (json_int_t)(s->limit - s->used), "reset", (json_int_t)s->reset_s);
    err e = json ? reply_json(json, 200, out) : ERR_MEMORY;
    json_decref(json);
    out->untouched = true;
    return e;
}

static err route_path(struct standin *s, const struct request *r, struct reply *out) {
    char owner[128], name[128], whole[260];
    size_t end = 0, id = 0;
    const char *path = r->path.data;
    if (strcmp(path, "/rate_limit") == 0) return reply_rate(s, out);
    if (sscanf(path, "/repositories/%zu%zn", &id, &end) == 1 && end > 0) {
        const char *known = json_string_value(json_array_get(s->repositories, id - FIRST_ID));
        return known ? route_repository(s, r, known, path + end, out)
                     : reply_message(out, 404, "Not Found");
    }
    if (sscanf(path, "/repos/%127[^/]/%127[^/]%zn", owner, name, &end) != 2)
        return reply_message(out, 404, "Not Found");
    snprintf(whole, sizeof whole, "%s/%s", owner, name);
    const char *to = json_string_value(json_object_get(s->renamed, whole));
    return to ? reply_moved(s, r, to, path + end, out)
              : route_repository(s, r, whole, path + end, out);
}

/* What GitHub asks of every request. */
static err check_frame(const struct request *r, struct reply *out) {
    const char *agent = request_header(r, "User-Agent");
    const char *version = request_header(r, "X-GitHub-Api-Version");
    if (!agent || !*agent)
        return reply_message(out, 403,
                             "Request forbidden by administrative rules. Please make sure your "
                             "request has a User-Agent header");
    if (version && strcmp(version, "2022-11-28") != 0)
        return reply_message(out, 400, "X-GitHub-Api-Version is not a supported version");
    return ERR_OK;
}

/* A page that the client has already becomes a 304, without body and links. */
static err condition(const struct request *r, struct reply *out) {
    char digest[SHA256_HEX_SIZE], etag[SHA256_HEX_SIZE + 8];
    struct str text = {0};
    if (out->status != 200 || strcmp(r->method, "GET") != 0) return ERR_OK;
    const char *who = request_header(r, "Authorization"),
               *known = request_header(r, "If-None-Match");
    err e = str_printf(&text, "%s\n", who ? who : "");
    if (e == ERR_OK) e = str_append(&text, str_text(&out->body), out->body.len);
    if (e == ERR_OK) e = sha256_bytes(text.data, text.len, digest);
    str_release(&text);
    TRY(e);
    snprintf(etag, sizeof etag, "W/\"%s\"", digest);
    if (known && strcmp(known, etag) == 0) {
        out->status = 304;
        str_clear(&out->body);
        str_clear(&out->headers);
        out->untouched = who != NULL;
    }
    return reply_header(out, "ETag", "%s", etag);
}

static err limits(struct standin *s, struct reply *out) {
    if (!out->untouched && s->used >= s->limit) {
        str_clear(&out->headers);
        TRY(reply_message(out, 403,
                          "API rate limit exceeded for 127.0.0.1. (But here's the good "
                          "news: Authenticated requests get a higher rate limit.)"));
    } else if (!out->untouched) {
        s->used++;
    }
    TRY(reply_header(out, "X-RateLimit-Limit", "%lld", (long long)s->limit));
    TRY(reply_header(out, "X-RateLimit-Remaining", "%lld", (long long)(s->limit - s->used)));
    TRY(reply_header(out, "X-RateLimit-Used", "%lld", (long long)s->used));
    TRY(reply_header(out, "X-RateLimit-Reset", "%lld", (long long)s->reset_s));
    return reply_header(out, "X-RateLimit-Resource", "core");
}

err route(struct standin *s, const struct request *r, struct reply *out) {
    bool found = false;
    TRY(recorded_reply(s, r, out, &found));
    if (found) return ERR_OK;
    TRY(check_frame(r, out));
    if (out->status == 0) TRY(route_path(s, r, out));
    TRY(reply_header(out, "Content-Type", "application/json; charset=utf-8"));
    TRY(condition(r, out));
    return limits(s, out);
}
