/* SPDX-License-Identifier: Apache-2.0
 * Between a stage and the other repository: what it has, fetching, pushing (remote/git_stage.h).
 * libgit2 runs no hooks, neither here nor over there where that is a folder of this machine; so
 * LFS objects are somebody else's to send, and before.
 * Read next: remote/git_stage.c. */
#include "remote/git_stage_int.h"

#include "base/str.h"
#include "remote/git_int.h"
#include "remote/http.h"
#include <stdio.h>
#include <string.h>

/* ---- addresses ---- */

const char *git_url_folder(const char *url) {
    if (str_starts(url, "file:///")) return url + strlen("file://");
    return url[0] == '/' ? url : NULL;
}

err git_url_check(const char *url) {
    if (git_url_folder(url)) return ERR_OK;
    if (str_starts(url, "https://") || str_starts(url, "http://")) return http_url_check(url);
    err e = fail(ERR_UNSUPPORTED, "'%s' is not pushed to", url);
    return fail_hint(e, "an https:// address, or a folder of this machine as /path or file:///path "
                        "(not ssh: its LFS objects need a program over there)");
}

/* ---- the other side ---- */

static int give_token(git_credential **out, const char *url, const char *user, unsigned allowed,
                      void *context) {
    struct git_stage *s = context;
    (void)url;
    (void)user;
    if (!s->token || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) || s->asked++ > 0)
        return GIT_EAUTH;
    return git_credential_userpass_plaintext_new(out, "oauth2", s->token);
}

static int note_refusal(const char *ref, const char *status, void *context) {
    struct git_stage *s = context;
    if (status) snprintf(s->refusal, sizeof s->refusal, "'%s': %s", ref, status);
    return 0;
}

static void set_callbacks(struct git_stage *s, git_remote_callbacks *out) {
    s->asked = 0;
    s->refusal[0] = '\0';
    out->credentials = give_token;
    out->push_update_reference = note_refusal;
    out->payload = s;
}

/* A refusal of the token has a meaning of its own. */
static err wire_fail(struct git_stage *s, int code, const char *what) {
    const git_error *why = git_error_last();
    const char *text = why && why->message ? why->message : "";
    if (code == GIT_EAUTH || strstr(text, "status code: 401") || strstr(text, "status code: 403") ||
        strstr(text, "authentication")) {
        err e = fail(ERR_DENIED, "%s '%s': %s", what, s->url,
                     s->token ? "the token is not accepted" : "it wants a token, and none is set");
        return fail_hint(e, "set COTRAIN_GIT_TOKEN to one that may write there");
    }
    if (code == GIT_ENOTFOUND || strstr(text, "status code: 404"))
        return fail_hint(fail(ERR_MISSING, "%s '%s': there is no such repository", what, s->url),
                         "create it first (git init --bare for a folder), or its name is wrong");
    if (code == GIT_ENONFASTFORWARD)
        return fail_hint(
            fail(ERR_MISMATCH, "%s '%s': somebody else pushed meanwhile", what, s->url),
            "run it again");
    return git_fail(code, what, s->url);
}

/* libgit2 follows a first redirect to any host, whatever it is told, and its callback for the token
 * cannot see where it is asked from: so it is asked without a token first. */
static err refuse_moved(const struct git_stage *s) {
    struct http *http = NULL;
    struct http_answer answer = {0};
    struct str url = {0};
    if (!s->token || git_url_folder(s->url)) return ERR_OK;
    size_t n = strlen(s->url);
    while (n > 0 && s->url[n - 1] == '/') n--;
    err e = str_printf(&url, "%.*s/info/refs?service=git-upload-pack", (int)n, s->url);
    if (e == ERR_OK) e = http_new(NULL, &http);
    if (e == ERR_OK)
        e = http_send(http, &(struct http_request){.url = str_text(&url), .max_bytes = 64 << 20},
                      &answer);
    if (e == ERR_OK && answer.status >= 300 && answer.status < 400)
        e = fail_hint(fail(ERR_UNSUPPORTED, "asking '%s': it has moved", s->url),
                      "no token is sent where a server points to: give the target the `url` that "
                      "it has now");
    http_answer_release(&answer);
    http_free(http);
    str_release(&url);
    return e;
}

err git_stage_ask(struct git_stage *s, const char *ref, char out_id[GIT_ID_SIZE]) {
    git_remote_callbacks callbacks;
    const git_remote_head **heads = NULL;
    size_t n = 0;
    out_id[0] = '\0';
    TRY(refuse_moved(s));
    (void)git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
    set_callbacks(s, &callbacks);
    int code = git_remote_connect(s->remote, GIT_DIRECTION_FETCH, &callbacks, NULL, NULL);
    if (code == 0) code = git_remote_ls(&heads, &n, s->remote);
    err e = code < 0 ? wire_fail(s, code, "asking") : ERR_OK;
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        if (strcmp(heads[i]->name, ref) == 0) git_oid_tostr(out_id, GIT_ID_SIZE, &heads[i]->oid);
    (void)git_remote_disconnect(s->remote);
    return e;
}

err git_stage_fetch(struct git_stage *s, const char *ref) {
    git_fetch_options options;
    char spec[512];
    char *specs[1] = {spec};
    git_strarray list = {specs, 1};
    int n = snprintf(spec, sizeof spec, "+%s:refs/there/%s", ref, ref + strlen("refs/"));
    if (n < 0 || (size_t)n >= sizeof spec) return fail(ERR_LIMIT, "'%s' is too long", ref);
    (void)git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    set_callbacks(s, &options.callbacks);
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    TRY(git_may_fail("git fetch"));
    int code = git_remote_fetch(s->remote, &list, &options, NULL);
    return code < 0 ? wire_fail(s, code, "git fetch from") : ERR_OK;
}

/* Pushing takes references alone, so the object gets the same one here. */
static err set_here(struct git_stage *s, const char *id, const char *ref) {
    git_reference *reference = NULL;
    git_oid oid;
    int code = git_oid_fromstr(&oid, id);
    if (code == 0) code = git_reference_create(&reference, s->repo, ref, &oid, 1, "push");
    git_reference_free(reference);
    return code < 0 ? git_fail(code, "reference", ref) : ERR_OK;
}

err git_stage_push(struct git_stage *s, const char *id, const char *ref) {
    git_push_options options;
    char spec[512];
    char *specs[1] = {spec};
    git_strarray list = {specs, 1};
    int n = snprintf(spec, sizeof spec, "%s:%s", ref, ref);
    if (n < 0 || (size_t)n >= sizeof spec) return fail(ERR_LIMIT, "'%s' is too long", ref);
    TRY(set_here(s, id, ref));
    (void)git_push_options_init(&options, GIT_PUSH_OPTIONS_VERSION);
    set_callbacks(s, &options.callbacks);
    TRY(git_may_fail("git push"));
    int code = git_remote_push(s->remote, &list, &options);
    if (code < 0) return wire_fail(s, code, "git push to");
    if (s->refusal[0])
        return fail(ERR_DENIED, "git push to '%s': it does not take %s", s->url, s->refusal);
    return ERR_OK;
}
