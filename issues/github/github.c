/* SPDX-License-Identifier: Apache-2.0
 * The handle and the calls: each makes a path, and has it read or posted.
 * Names of repositories and logins are checked or escaped, so that none can make another request
 * of a path.
 * Read next: issues/github/github.h, the contract; issues/github/github_int.h, the parts. */
#include "issues/github/github_int.h"

#include "base/env.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    MAX_WAIT_S = 900,
    MAX_PAGES = 1000,
    MAX_BYTES = 64 << 20,
    POST_PAUSE_S = 1,
    COMMENT_MAX = 65536 /* characters, GitHub's own limit */
};

static int64_t system_now(void *context) {
    (void)context;
    return (int64_t)time(NULL);
}

/* Second by second, so that a request to stop is heard. */
static err system_wait(void *context, int64_t seconds) {
    (void)context;
    for (; seconds > 0; seconds--) {
        struct timespec left = {.tv_sec = 1};
        while (!stop_asked() && nanosleep(&left, &left) != 0 && errno == EINTR) continue;
        if (stop_asked()) return fail(ERR_STOPPED, "asked to stop while waiting for GitHub");
    }
    return ERR_OK;
}

static err take_options(struct github *g, const struct github_options *o) {
    const char *url = o->api_url ? o->api_url : env_get(ENV_GITHUB_API_URL);
    if (!url) url = "https://api.github.com";
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/') n--;
    TRY(str_append(&g->api_url, url, n));
    err e = http_url_check(g->api_url.data);
    if (e != ERR_OK) return fail_in(e, "GitHub's address");
    if (strpbrk(g->api_url.data, "?#"))
        return fail(ERR_RANGE, "GitHub's address '%s' must not have a query", g->api_url.data);
    for (const char *c = o->token; c && *c; c++)
        if (!isgraph((unsigned char)*c))
            return fail(ERR_RANGE, "the token holds a character that no token has");
    if (o->token) TRY(str_add(&g->token, o->token));
    if (o->cache_dir) TRY(str_add(&g->cache_dir, o->cache_dir));
    g->max_wait_s = o->max_wait_s != 0 ? o->max_wait_s : MAX_WAIT_S;
    g->max_pages = o->max_pages > 0 ? o->max_pages : MAX_PAGES;
    g->max_bytes = o->max_bytes > 0 ? o->max_bytes : MAX_BYTES;
    g->clock = o->clock;
    if (!g->clock.now_s) g->clock.now_s = system_now;
    if (!g->clock.wait) g->clock.wait = system_wait;
    g->epoch = 1;
    return g->token.len > 0 ? sha256_bytes(g->token.data, g->token.len, g->identity) : ERR_OK;
}

err github_new(const struct github_options *options, struct github **out) {
    *out = mem_zalloc(1, sizeof **out);
    if (!*out) return ERR_MEMORY;
    err e = take_options(*out, options);
    if (e == ERR_OK) e = http_new(&options->http, &(*out)->http);
    if (e == ERR_OK) return ERR_OK;
    github_free(*out);
    *out = NULL;
    return e;
}

void github_free(struct github *g) {
    if (!g) return;
    http_free(g->http);
    if (g->token.data) explicit_bzero(g->token.data, g->token.len);
    str_release(&g->api_url);
    str_release(&g->token);
    str_release(&g->cache_dir);
    str_release(&g->journal_path);
    json_decref(g->journal);
    mem_free(g);
}

int64_t github_requests(const struct github *g) {
    return g->n_requests;
}

void github_found_release(struct github_found *f) {
    json_decref(f->value);
    str_release(&f->moved_to);
    *f = (struct github_found){0};
}

static err check_repository(const char *name) {
    const char *slash = strchr(name, '/');
    bool good = slash && slash != name && slash[1] && !strchr(slash + 1, '/') && *name != '.' &&
                strcmp(slash, "/.") != 0 && strcmp(slash, "/..") != 0;
    for (const char *c = name; *c; c++)
        good = good && (isalnum((unsigned char)*c) || strchr("/-_.", *c));
    if (good) return ERR_OK;
    return fail_hint(fail(ERR_USAGE, "'%s' is no repository", name), "wanted is OWNER/NAME");
}

static void tell_move(const char *path, struct github_found *found) {
    if (found->moved_to.len > 0)
        LOG(ISSUES, WARN, "%s is found at '%s' now", path, found->moved_to.data);
}

err github_get(struct github *g, const char *path, struct github_found *out) {
    struct str url = {0};
    struct github_page page = {0};
    *out = (struct github_found){0};
    err e = str_printf(&url, "%s%s", g->api_url.data, path);
    if (e == ERR_OK) e = github_page_get(g, url.data, 0, NULL, &page);
    if (e == ERR_OK && !json_is_object(page.value))
        e = fail(ERR_PARSE, "GET %s: the answer is no object", url.data);
    if (e == ERR_OK) {
        out->value = json_incref(page.value);
        out->n_pages = 1;
        if (page.moved) e = github_name_of(page.value, &out->moved_to);
    }
    github_page_release(&page);
    str_release(&url);
    if (e != ERR_OK) github_found_release(out);
    tell_move(path, out);
    return e;
}

/* "/repos/OWNER/NAME/issues", and for a number > 0 "/NUMBER". */
static err issues_path(const char *repository, int64_t number, struct str *out) {
    TRY(check_repository(repository));
    TRY(str_printf(out, "/repos/%s/issues", repository));
    return number > 0 ? str_printf(out, "/%lld", (long long)number) : ERR_OK;
}

/* "?name=value" or "&name=value"; nothing for NULL. */
static err add_query(struct str *path, const char *name, const char *value) {
    if (!value) return ERR_OK;
    TRY(str_printf(path, "%c%s=", strchr(path->data, '?') ? '&' : '?', name));
    return http_url_escape(value, path);
}

static err read_list(struct github *g, struct str *path, err made, struct github_found *out) {
    *out = (struct github_found){0};
    if (made == ERR_OK) made = github_list(g, path->data, out);
    if (made == ERR_OK) tell_move(path->data, out);
    str_release(path);
    return made;
}

err github_issue(struct github *g, const char *repository, int64_t number,
                 struct github_found *out) {
    struct str path = {0};
    err e = issues_path(repository, number, &path);
    *out = (struct github_found){0};
    if (e == ERR_OK) e = github_get(g, path.data, out);
    str_release(&path);
    return e;
}

err github_comments(struct github *g, const char *repository, int64_t number, const char *since,
                    struct github_found *out) {
    struct str path = {0};
    err e = issues_path(repository, number, &path);
    if (e == ERR_OK) e = str_add(&path, "/comments");
    if (e == ERR_OK) e = add_query(&path, "since", since);
    return read_list(g, &path, e, out);
}

/* By creation, oldest first: what is opened meanwhile then comes last and moves nothing. */
err github_issues(struct github *g, const char *repository, const struct github_filter *filter,
                  struct github_found *out) {
    struct str path = {0};
    err e = issues_path(repository, 0, &path);
    if (e == ERR_OK) e = str_add(&path, "?state=all&sort=created&direction=asc");
    if (e == ERR_OK) e = add_query(&path, "labels", filter->labels);
    if (e == ERR_OK) e = add_query(&path, "creator", filter->creator);
    if (e == ERR_OK) e = add_query(&path, "since", filter->since);
    return read_list(g, &path, e, out);
}

bool github_has_label(const json_t *issue, const char *label) {
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(issue, "labels"), i, item) {
        const json_t *name = json_is_object(item) ? json_object_get(item, "name") : item;
        if (json_is_string(name) && strcasecmp(json_string_value(name), label) == 0) return true;
    }
    return false;
}

bool github_is_report(const json_t *issue, const struct github_reports *of) {
    const char *login = json_string_value(json_object_get(json_object_get(issue, "user"), "login"));
    const json_t *pull = json_object_get(issue, "pull_request");
    if (!login || strcasecmp(login, of->login) != 0) return false;
    if (pull && !json_is_null(pull)) return false;
    if (of->label && github_has_label(issue, of->label)) return false;
    int64_t number = json_integer_value(json_object_get(issue, "number"));
    return number > 0 && number != of->issue;
}

err github_count_reports(struct github *g, const char *repository, const struct github_reports *of,
                         int64_t *out) {
    struct github_found found;
    size_t i;
    const json_t *issue;
    *out = 0;
    err e = github_issues(g, repository, &(struct github_filter){.creator = of->login}, &found);
    if (e == ERR_RANGE) { /* 422: there is no such login any more */
        LOG(ISSUES, WARN, "GitHub knows no '%s': no reports are counted (%s)", of->login,
            err_message());
        err_clear();
        return ERR_OK;
    }
    TRY(e);
    json_array_foreach(found.value, i, issue) *out += github_is_report(issue, of);
    github_found_release(&found);
    return ERR_OK;
}

static err post(struct github *g, const char *url, const struct str *body, json_t **out) {
    struct github_exchange x = {.method = "POST", .url = url, .body = body};
    if (g->posted) TRY(g->clock.wait(g->clock.context, POST_PAUSE_S));
    g->posted = true;
    err e = github_exchange(g, &x);
    if (e == ERR_OK && x.verdict.action != GITHUB_TAKE) {
        struct str location = {0};
        bool found;
        e = http_header(&x.answer, "location", &location, &found);
        if (e == ERR_OK)
            e = fail_hint(
                fail(ERR_MISMATCH, "POST %s: it has moved to '%.200s'", url, str_text(&location)),
                "nothing was posted: use the repository's new name");
        str_release(&location);
    }
    if (e == ERR_OK) *out = json_incref(x.value);
    github_exchange_release(&x);
    return e;
}

err github_post(struct github *g, const char *path, const json_t *body, json_t **out) {
    struct str url = {0}, text = {0};
    *out = NULL;
    err e = str_printf(&url, "%s%s", g->api_url.data, path);
    if (e == ERR_OK) e = json_text(body, 0, &text);
    if (e == ERR_OK) e = post(g, url.data, &text, out);
    str_release(&url);
    str_release(&text);
    return e;
}

static err check_comment(const char *body) {
    size_t n = strlen(body);
    int64_t bad = utf8_invalid_at(body, n), count = utf8_count(body, n);
    if (bad >= 0) return fail(ERR_PARSE, "the comment is no UTF-8 at byte %lld", (long long)bad);
    if (body[strspn(body, " \t\r\n")] == '\0') return fail(ERR_USAGE, "the comment is empty");
    if (count <= COMMENT_MAX) return ERR_OK;
    return fail(ERR_LIMIT, "the comment has %lld characters; GitHub takes %d", (long long)count,
                COMMENT_MAX);
}

err github_comment(struct github *g, const char *repository, int64_t number, const char *body,
                   json_t **out) {
    struct str path = {0};
    *out = NULL;
    TRY(check_comment(body));
    if (g->token.len == 0)
        return fail_hint(fail(ERR_DENIED, "posting to '%s' needs a token", repository),
                         "set GH_TOKEN to one with 'Issues: write' of the repository");
    json_t *value = json_pack("{s:s}", "body", body);
    err e = value ? issues_path(repository, number, &path)
                  : fail(ERR_MEMORY, "out of memory for a comment");
    if (e == ERR_OK) e = str_add(&path, "/comments");
    if (e == ERR_OK) e = github_post(g, path.data, value, out);
    json_decref(value);
    str_release(&path);
    return e;
}
