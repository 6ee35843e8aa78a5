/* SPDX-License-Identifier: Apache-2.0
 * Prompts sorted by their tokens lie so that those which share most are neighbours, and what a run
 * of them shares is the least that neighbours in it do. A run that shares enough becomes a group,
 * and is looked at the same way for what parts of it share beyond that.
 * Read next: model/prefixes.h. */
#include "model/prefixes.h"
#include "base/mem.h"
#include <stdlib.h>

enum { WORTH_TOKENS = 8 }; /* fewer are as soon computed as copied */

/* A text among those sorted by tokens. */
struct sorted {
    const struct generate_text *text;
    int64_t number;
    int64_t shared; /* tokens that it and the next one may share */
};

/* A part [begin, end) of them. */
struct run {
    int64_t begin, end, longest, first; /* longest prompt, and the lowest number of a text */
};

static int by_tokens(const void *a, const void *b) {
    const struct sorted *x = a, *y = b;
    const int64_t n = x->text->n_prompt < y->text->n_prompt ? x->text->n_prompt : y->text->n_prompt;
    for (int64_t i = 0; i < n; i++)
        if (x->text->prompt[i] != y->text->prompt[i])
            return x->text->prompt[i] < y->text->prompt[i] ? -1 : 1;
    if (x->text->n_prompt != y->text->n_prompt)
        return x->text->n_prompt < y->text->n_prompt ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static int longest_first(const void *a, const void *b) {
    const struct run *x = a, *y = b;
    if (x->longest != y->longest) return x->longest > y->longest ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

/* What a text may begin with that another has computed: logits are wanted of the row behind it. */
static int64_t most_shared(const struct generate_text *t) {
    return t->n_prompt - 1 - t->n_scored;
}

static int64_t shared(const struct generate_text *a, const struct generate_text *b) {
    const int64_t x = most_shared(a), y = most_shared(b), most = x < y ? x : y;
    int64_t n = 0;
    while (n < most && a->prompt[n] == b->prompt[n]) n++;
    return n;
}

static err add_group(struct prefixes *p, const struct prefix_group *group) {
    TRY(mem_grow(&p->groups, &p->capacity, p->n_groups, sizeof *p->groups));
    p->groups[p->n_groups++] = *group;
    return ERR_OK;
}

/* The run that begins at `begin`: neighbours that share at least `worth`. */
static struct run next_run(const struct sorted *s, int64_t begin, int64_t end, int64_t worth) {
    struct run r = {begin, begin, 0, INT64_MAX};
    do {
        const struct sorted *one = &s[r.end++];
        if (one->text->n_prompt > r.longest) r.longest = one->text->n_prompt;
        if (one->number < r.first) r.first = one->number;
    } while (r.end < end && s[r.end - 1].shared >= worth);
    return r;
}

static err arrange(struct prefixes *p, const struct sorted *s, const struct run *all,
                   int64_t around);

/* One run of those that `arrange` found: a group, where it is more than one text. */
static err arrange_run(struct prefixes *p, const struct sorted *s, const struct run *r,
                       int64_t around) {
    if (r->end - r->begin == 1) {
        p->order[p->n] = s[r->begin].number;
        p->innermost[p->n++] = around;
        return ERR_OK;
    }
    struct prefix_group group = {.parent = around, .place = -1, .n_tokens = INT64_MAX};
    group.mark = around < 0 ? 0 : p->groups[around].mark + 1;
    for (int64_t i = r->begin; i + 1 < r->end; i++)
        if (s[i].shared < group.n_tokens) group.n_tokens = s[i].shared;
    TRY(add_group(p, &group));
    return arrange(p, s, r, p->n_groups - 1);
}

/* Puts the texts of a run into the order; `around` is the group that all are of. */
static err arrange(struct prefixes *p, const struct sorted *s, const struct run *all,
                   int64_t around) {
    const bool full = around >= 0 && p->groups[around].mark == DECODER_MARKS - 1;
    const int64_t worth =
        full ? INT64_MAX : WORTH_TOKENS + (around < 0 ? 0 : p->groups[around].n_tokens);
    int64_t n = 0;
    err e = ERR_OK;
    struct run *runs = mem_alloc((size_t)(all->end - all->begin), sizeof *runs);
    if (!runs) return ERR_MEMORY;
    for (int64_t i = all->begin; i < all->end; i = runs[n++].end)
        runs[n] = next_run(s, i, all->end, worth);
    qsort(runs, (size_t)n, sizeof *runs, longest_first);
    for (int64_t i = 0; i < n && !e; i++) e = arrange_run(p, s, &runs[i], around);
    mem_free(runs);
    return e;
}

err prefixes_find(struct prefixes *p, const struct generate_text *texts, int64_t n) {
    *p = (struct prefixes){0};
    if (n == 0) return ERR_OK;
    struct sorted *s = mem_alloc((size_t)n, sizeof *s);
    p->order = mem_alloc((size_t)n, sizeof *p->order);
    p->innermost = mem_alloc((size_t)n, sizeof *p->innermost);
    err e = s && p->order && p->innermost ? ERR_OK : ERR_MEMORY;
    if (!e) {
        for (int64_t i = 0; i < n; i++) s[i] = (struct sorted){&texts[i], i, 0};
        qsort(s, (size_t)n, sizeof *s, by_tokens);
        for (int64_t i = 0; i + 1 < n; i++) s[i].shared = shared(s[i].text, s[i + 1].text);
        e = arrange(p, s, &(struct run){.end = n}, -1);
    }
    mem_free(s);
    if (e) prefixes_release(p);
    return e;
}

void prefixes_release(struct prefixes *p) {
    mem_free(p->order);
    mem_free(p->innermost);
    mem_free(p->groups);
    *p = (struct prefixes){0};
}
