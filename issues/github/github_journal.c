/* SPDX-License-Identifier: Apache-2.0
 * The journal of an unfinished collection: JSON lines, one a page that was asked for, in a file of
 * the cache. The first line says what is collected and since when; each other has a page's key, its
 * digest, and the epochs in which it was fetched and last asked. Lines are appended after the page
 * itself is on disk, so a kill loses at most one line, and that page is asked again. A torn line is
 * passed over.
 * Read next: issues/github/github_int.h, the contract; issues/github/github_list.c, which compares
 * epochs. */
#include "issues/github/github_int.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 16, UNFINISHED_MAX_S = 86400 };

static err journal_path(const struct github *g, const char *what, struct str *out) {
    struct str text = {0};
    char key[SHA256_HEX_SIZE];
    err e = str_printf(&text, "%s\n%s\n%s\n", what, g->api_url.data, g->identity);
    if (e == ERR_OK) e = sha256_bytes(text.data, text.len, key);
    str_release(&text);
    str_clear(out);
    return e == ERR_OK ? str_printf(out, "%s/%s.unfinished", g->cache_dir.data, key) : e;
}

/* A line of the journal; false for one that is torn. */
static err take_line(struct github *g, json_t *line) {
    json_int_t fetched, asked;
    const char *key, *digest;
    if (json_unpack(line, "[s,s,I,I]", &key, &digest, &fetched, &asked) != 0) return ERR_OK;
    if (asked >= g->epoch) g->epoch = asked + 1;
    return json_put(g->journal, key, json_incref(line));
}

static err read_lines(struct github *g, struct line_reader *r, bool *out_fresh) {
    for (bool more, first = true;; first = false) {
        json_t *line = NULL;
        TRY(line_reader_next(r, &more));
        if (!more) return ERR_OK;
        err e = json_parse(r->line, r->len, "the journal", &line);
        if (e == ERR_MEMORY) return e;
        if (first) { /* without a whole first line there is no journal */
            int64_t age_s = 0;
            const json_t *started = json_object_get(line, "started_s");
            age_s = g->clock.now_s(g->clock.context) - json_integer_value(started);
            *out_fresh = json_is_integer(started) && age_s >= 0 && age_s < UNFINISHED_MAX_S;
        }
        e = !first && line ? take_line(g, line) : ERR_OK;
        json_decref(line);
        TRY(e);
        if (!*out_fresh) return ERR_OK;
    }
}

/* Reads what an earlier run has left; false: nothing that counts. */
static err read_journal(struct github *g, bool *out_fresh) {
    struct line_reader r;
    *out_fresh = false;
    if (!file_exists(g->journal_path.data)) return ERR_OK;
    TRY(line_reader_open(&r, g->journal_path.data, LINE_MAX_BYTES));
    err e = read_lines(g, &r, out_fresh);
    line_reader_close(&r);
    return e;
}

static err start_journal(struct github *g, const char *what) {
    struct str text = {0};
    json_t *head = json_pack("{s:I,s:s}", "started_s", (json_int_t)g->clock.now_s(g->clock.context),
                             "what", what);
    err e = head ? json_text(head, 0, &text) : fail(ERR_MEMORY, "out of memory for a journal");
    json_decref(head);
    if (e == ERR_OK) e = str_add(&text, "\n");
    if (e == ERR_OK) e = dir_make(g->cache_dir.data);
    if (e == ERR_OK) e = file_write(g->journal_path.data, text.data, text.len);
    str_release(&text);
    return e;
}

static void forget(struct github *g) {
    json_decref(g->journal);
    g->journal = NULL;
    str_clear(&g->journal_path);
}

err github_begin(struct github *g, const char *what) {
    bool fresh = false;
    forget(g);
    if (g->cache_dir.len == 0) return ERR_OK;
    g->journal = json_object();
    err e = g->journal ? journal_path(g, what, &g->journal_path)
                       : fail(ERR_MEMORY, "out of memory for a journal");
    if (e == ERR_OK) e = read_journal(g, &fresh);
    if (e == ERR_OK && !fresh) e = start_journal(g, what);
    if (e == ERR_OK && fresh)
        LOG(ISSUES, INFO, "going on with a collection that was not finished: %zu pages are there",
            json_object_size(g->journal));
    if (e != ERR_OK) forget(g);
    return e;
}

err github_end(struct github *g) {
    err e = g->journal ? file_remove(g->journal_path.data) : ERR_OK;
    forget(g);
    return e;
}

bool github_journal_find(const struct github *g, const struct github_kept *k, int64_t *out_fetched,
                         int64_t *out_asked) {
    const json_t *line = json_object_get(g->journal, k->key);
    const char *digest = json_string_value(json_array_get(line, 1));
    if (!k->found || !digest || strcmp(digest, k->digest) != 0) return false;
    *out_fetched = json_integer_value(json_array_get(line, 2));
    *out_asked = json_integer_value(json_array_get(line, 3));
    return true;
}

err github_journal_note(struct github *g, const struct github_kept *k, int64_t fetched) {
    struct str text = {0};
    if (!g->journal) return ERR_OK;
    json_t *line =
        json_pack("[s,s,I,I]", k->key, k->digest, (json_int_t)fetched, (json_int_t)g->epoch);
    err e = line ? json_text(line, 0, &text) : fail(ERR_MEMORY, "out of memory for a journal");
    if (e == ERR_OK) e = json_put(g->journal, k->key, json_incref(line));
    if (e == ERR_OK) e = str_add(&text, "\n");
    if (e == ERR_OK) e = file_append(g->journal_path.data, text.data, text.len);
    json_decref(line);
    str_release(&text);
    return e;
}
