/* SPDX-License-Identifier: Apache-2.0
 * Reads one post from end to end: its words, the verdict on its kind, the fields of each request in
 * it, and all of that as JSON.
 * Read next: issues/read/reading.h, the contract; issues/read/kind.c, issues/read/read_labels.c. */
#include "issues/read/reading.h"

#include "issues/read/kind.h"
#include "issues/read/read_labels.h"
#include "issues/read/read_prose.h"
#include <string.h>

static void find_missing(struct reading *r) {
    const bool said[] = {r->input.text != NULL, r->output.text != NULL, r->n_examples > 0};
    static const char *const names[] = {"input", "output", "examples"};
    for (int i = 0; i < 3; i++)
        if (!said[i]) r->missing[r->n_missing++] = names[i];
}

static err reading_start(const struct words *w, const struct verdict *v, int64_t number,
                         struct arena *a, struct reading *out) {
    *out = (struct reading){.kind = v->kind, .form = "", .language = words_language(w)};
    out->id = number > 0 ? arena_printf(a, "%s.%lld", w->post->id, (long long)number + 1)
                         : arena_strdup(a, w->post->id);
    out->reason = arena_strdup(a, v->reason);
    out->is_request = v->kind == KIND_training_request;
    return out->id && out->reason ? ERR_OK : ERR_MEMORY;
}

static const char *form_of(const struct words *w) {
    int64_t headings = 0;
    for (int64_t i = 0; i < w->labels.n; i++) {
        const struct label *label = &w->labels.items[i];
        const struct line *line = &w->body.lines[text_line_at(&w->body, label->at.begin)];
        headings += line->kind == LINE_HEADING && line->level == 3;
    }
    return w->post->comment == 0 && headings >= 2 ? "issue-form" : "labelled";
}

static err read_labelled(const struct words *w, const struct verdict *v, struct arena *a,
                         struct reading_list *out) {
    struct part parts[PARTS_MAX];
    int64_t n = parts_split(&w->body, &w->labels, parts);
    out->items = arena_alloc(a, (size_t)n, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        struct reading *r = &out->items[out->n];
        if (!part_asks(&w->body, &parts[i])) continue;
        TRY(reading_start(w, v, out->n, a, r));
        r->form = form_of(w);
        TRY(read_part(&w->body, &parts[i], a, r));
        find_missing(r);
        out->n++;
    }
    return ERR_OK;
}

static err read_single(const struct words *w, const struct verdict *v, struct arena *a,
                       struct reading_list *out) {
    out->items = arena_alloc(a, 1, sizeof *out->items);
    if (!out->items) return ERR_MEMORY;
    struct reading *r = &out->items[out->n++];
    TRY(reading_start(w, v, 0, a, r));
    if (!r->is_request) return ERR_OK;
    TRY(read_prose(w, v->collecting, a, r));
    r->form = w->form.n_level3 >= 2 && w->post->comment == 0 ? "issue-form" : "prose";
    find_missing(r);
    return ERR_OK;
}

err post_read(const struct post *post, const struct reading_context *context, struct arena *a,
              struct reading_list *out) {
    struct arena scratch = {0};
    struct words words;
    struct verdict verdict;
    *out = (struct reading_list){0};
    err e = words_read(post, &scratch, &words);
    if (e == ERR_OK) e = post_judge(&words, context, &scratch, &verdict);
    if (e == ERR_OK)
        e = verdict.labelled ? read_labelled(&words, &verdict, a, out)
                             : read_single(&words, &verdict, a, out);
    arena_release(&scratch);
    return e == ERR_OK ? ERR_OK : fail_in(e, "post '%s'", post->id);
}
