/* SPDX-License-Identifier: Apache-2.0
 * The driver of filters: order of the samples, blocks that are looked at side by side and settled
 * one by one, and the record of what came of it. The contracts are data/filters.h (for who builds)
 * and data/filters/filter.h (for a filter). */
#include "data/filters.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/par.h"
#include "data/filters/filter.h"
#include "data/filters_int.h"
#include <math.h>
#include <string.h>

enum { BLOCK_SAMPLES = 1024 }; /* looked at side by side, then settled in order */

struct filter_pass {
    const struct filters_run *run;
    struct filtering *to;
    const struct filter *filter;
    struct filter_count *counts; /* of this filter, by source */
    const int64_t *order;        /* the samples, as filters see them */
    int64_t n;
    struct leaks *leaks;
};

static struct sample *sample_at(const struct filter_pass *p, int64_t number) {
    BUG_IF(p->run->corpus->use[number] != USE_TRAIN);
    return &p->run->corpus->samples.items[number];
}

static struct filter_count *count_of(struct filter_pass *p, int64_t number) {
    return &p->counts[p->run->corpus->samples.items[number].source];
}

const struct filter_options *filter_options(const struct filter_pass *p) {
    return &p->run->options->filter;
}
const char *filter_word_list(const struct filter_pass *p) {
    return p->run->options->sensitive_words;
}
const struct tokenizer *filter_tokenizer(const struct filter_pass *p) {
    return p->run->tokenizer;
}
static err score_rows(struct filter_pass *p, const struct row_list *rows, double *out) {
    const struct filters_run *run = p->run;
    struct row_tokens tokens = {0};
    double sum = 0;
    int64_t n = 0;
    err e = ERR_OK;
    for (int64_t i = 0; i < rows->n && e == ERR_OK; i++) {
        double of_row = 0;
        int64_t trained = 0;
        e = row_encode(run->tokenizer, &rows->items[i], run->whitespace, &tokens);
        if (e == ERR_OK) e = run->score->row(run->score->ctx, &tokens, &of_row, &trained);
        sum += of_row;
        n += trained;
    }
    row_tokens_release(&tokens);
    *out = n > 0 ? sum / (double)n : (double)NAN;
    return e;
}
err filter_score(struct filter_pass *p, int64_t number, double *out) {
    struct row_list rows = {0};
    if (!p->run->score) return fail(ERR_UNSUPPORTED, "no model is at hand to judge rows");
    bool all_turns = strcmp(p->run->options->turns, "all") == 0;
    err e = rows_of_sample(filter_sample(p, number), all_turns, &rows);
    if (e == ERR_OK) e = score_rows(p, &rows, out);
    row_list_release(&rows);
    return e;
}
struct leaks *filter_leaks(const struct filter_pass *p) {
    return p->leaks;
}
static int64_t bytes_of(const struct sample *s) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++)
        n += (int64_t)(s->kind == SAMPLE_TURNS ? s->turns[i].prompt.n + s->turns[i].answer.n
                                               : s->segments[i].text.n);
    return n;
}
int64_t filter_n_bytes(const struct filter_pass *p) {
    int64_t n = 0;
    for (int64_t i = 0; i < p->n; i++) n += bytes_of(&p->run->corpus->samples.items[p->order[i]]);
    return n;
}
int64_t filter_n_samples(const struct filter_pass *p) {
    return p->run->corpus->samples.n;
}
const struct sample *filter_sample(const struct filter_pass *p, int64_t number) {
    return sample_at(p, number);
}
bool filter_is_example(const struct filter_pass *p, int64_t number) {
    return sample_source(p->run->corpus, number)->path == NULL;
}
err filter_place(const struct filter_pass *p, int64_t number, struct str *out) {
    return corpus_place(p->run->corpus, number, out);
}

/* An example stays: whoever wrote the recipe wants the model to see it. */
static err spare(struct filter_pass *p, int64_t number, const char *reason) {
    struct str place = {0};
    count_of(p, number)->spared++;
    err e = filter_place(p, number, &place);
    if (e == ERR_OK)
        LOG(DATA, WARN, "%s: %s would drop it (%s); a request's own example stays",
            str_text(&place), p->filter->name, reason);
    str_release(&place);
    return e;
}

static err copy_text(struct filtering *f, const char *text, const char **out) {
    *out = text ? arena_strdup(&f->arena, text) : NULL;
    return text && !*out ? ERR_MEMORY : ERR_OK;
}

err filter_drop(struct filter_pass *p, int64_t number, const struct filter_drop *why) {
    struct filtering *f = p->to;
    (void)sample_at(p, number);
    if (filter_is_example(p, number)) return spare(p, number, why->reason);
    TRY(mem_grow(&f->dropped, &f->dropped_capacity, f->n_dropped, sizeof *f->dropped));
    struct dropped_sample drop = {.sample = number, .filter = p->filter, .related = why->related};
    TRY(copy_text(f, why->reason, &drop.reason));
    TRY(copy_text(f, why->elsewhere, &drop.elsewhere));
    TRY(copy_text(f, why->sealed_case, &drop.sealed_case));
    f->dropped[f->n_dropped++] = drop;
    p->run->corpus->use[number] = USE_DROPPED;
    count_of(p, number)->dropped++;
    return ERR_OK;
}

static err add_note(struct filter_pass *p, int64_t number, const char *text) {
    struct str note = {0};
    err e = str_printf(&note, "%s: %s", p->filter->name, text);
    if (e == ERR_OK)
        e = sample_add_note(sample_at(p, number), &p->run->corpus->arena, str_text(&note));
    str_release(&note);
    return e;
}

err filter_note(struct filter_pass *p, int64_t number, const char *note) {
    count_of(p, number)->noted++;
    return add_note(p, number, note);
}

static err edit_text(struct filter_pass *p, struct span *text, filter_editor *edit, void *ctx) {
    struct str edited = {0};
    err e = edit(ctx, *text, &edited);
    if (e == ERR_OK &&
        !(edited.len == text->n && memcmp(str_text(&edited), text->text, edited.len) == 0)) {
        text->text = arena_strndup(&p->run->corpus->arena, str_text(&edited), edited.len);
        text->n = edited.len;
        if (!text->text) e = ERR_MEMORY;
    }
    str_release(&edited);
    return e;
}

bool filter_can_edit(const struct sample *s) {
    if (s->kind == SAMPLE_IDS) return false;
    for (int64_t i = 0; i < s->n && s->kind == SAMPLE_TURNS; i++)
        if (s->turns[i].n_ranges > 0) return false;
    return true;
}

err filter_edit(struct filter_pass *p, int64_t number, filter_editor *edit, void *ctx,
                const char *what) {
    struct sample *s = sample_at(p, number);
    BUG_IF(!filter_can_edit(s));
    for (int64_t i = 0; i < s->n; i++) {
        if (s->kind == SAMPLE_SEGMENTS) {
            TRY(edit_text(p, &s->segments[i].text, edit, ctx));
        } else {
            TRY(edit_text(p, &s->turns[i].prompt, edit, ctx));
            TRY(edit_text(p, &s->turns[i].answer, edit, ctx));
        }
    }
    count_of(p, number)->changed++;
    return add_note(p, number, what);
}

/* ---- a pass ---- */

struct block {
    struct filter_pass *p;
    filter_look *look;
    void *ctx;
    const int64_t *numbers;
    struct filter_verdict *verdicts;
    err *results;
};

static void look_at(void *ctx, int64_t begin, int64_t end, int thread) {
    struct block *b = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        b->verdicts[i] = (struct filter_verdict){0};
        b->results[i] = b->look(b->ctx, b->p, b->numbers[i], &b->verdicts[i]);
    }
}

static err settle_one(struct block *b, int64_t i, filter_settle *settle) {
    struct filter_verdict *v = &b->verdicts[i];
    if (b->results[i] == ERR_MEMORY) return fail(ERR_MEMORY, "out of memory");
    if (b->results[i] != ERR_OK) { /* again in this thread, for the message */
        mem_free(v->found);
        *v = (struct filter_verdict){0};
        TRY(b->look(b->ctx, b->p, b->numbers[i], v));
    }
    if (v->drop)
        return filter_drop(b->p, b->numbers[i],
                           &(struct filter_drop){.reason = v->reason, .related = -1});
    return settle ? settle(b->ctx, b->p, b->numbers[i], v->found) : ERR_OK;
}

static err run_block(struct block *b, int64_t n, filter_settle *settle) {
    err e = ERR_OK;
    if (b->look) par_for(n, 8, look_at, b);
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        e = settle_one(b, i, settle);
        if (e != ERR_OK && e != ERR_MEMORY) {
            struct str place = {0};
            if (filter_place(b->p, b->numbers[i], &place) == ERR_OK)
                e = fail_in(e, "%s", str_text(&place));
            str_release(&place);
        }
    }
    for (int64_t i = 0; i < n; i++) mem_free(b->verdicts[i].found);
    return e;
}

err filter_each(struct filter_pass *p, filter_look *look, filter_settle *settle, void *ctx) {
    struct block b = {.p = p, .look = look, .ctx = ctx};
    int64_t *numbers = mem_alloc(BLOCK_SAMPLES, sizeof *numbers);
    b.verdicts = mem_zalloc(BLOCK_SAMPLES, sizeof *b.verdicts);
    b.results = mem_zalloc(BLOCK_SAMPLES, sizeof *b.results);
    b.numbers = numbers;
    err e = numbers && b.verdicts && b.results ? ERR_OK : ERR_MEMORY;
    for (int64_t next = 0; next < p->n && e == ERR_OK;) {
        int64_t n = 0;
        for (; next < p->n && n < BLOCK_SAMPLES; next++)
            if (p->run->corpus->use[p->order[next]] == USE_TRAIN) numbers[n++] = p->order[next];
        e = run_block(&b, n, settle);
    }
    mem_free(numbers);
    mem_free(b.verdicts);
    mem_free(b.results);
    return e;
}

/* ---- all passes ---- */

static err find_filters(const struct data_options *options, const struct filter **out) {
    for (int64_t i = 0; i < options->filters.n; i++) {
        const char *name = options->filters.items[i];
        out[i] = filter_find(name);
        if (!out[i]) {
            const char **names = mem_alloc((size_t)n_filters, sizeof *names);
            if (!names) return ERR_MEMORY;
            for (int k = 0; k < n_filters; k++) names[k] = filters[k]->name;
            err e = fail(ERR_MISSING, "data.filters: there is no filter '%s'", name);
            const char *near = str_nearest(name, names, (size_t)n_filters);
            if (near) e = fail_hint(e, "did you mean '%s'?", near);
            mem_free(names);
            return fail_hint(e, "'cotrain list filters' shows all of them");
        }
        for (int64_t k = 0; k < i; k++)
            if (out[k] == out[i]) return fail(ERR_EXISTS, "data.filters names '%s' twice", name);
        if (out[i]->check) TRY(out[i]->check(&options->filter));
    }
    return ERR_OK;
}

err filters_check(const struct data_options *options) {
    const struct filter **found = mem_alloc((size_t)options->filters.n + 1, sizeof *found);
    if (!found) return ERR_MEMORY;
    err e = find_filters(options, found);
    mem_free(found);
    return e;
}

/* Examples, then what people wrote, then what was generated. */
static int rank_of(const struct corpus *c, int64_t number) {
    if (sample_source(c, number)->path == NULL) return 0;
    return c->samples.items[number].origin ? 2 : 1;
}

static err put_in_order(const struct corpus *c, int64_t **out, int64_t *out_n) {
    int64_t *order = mem_alloc((size_t)c->samples.n + 1, sizeof *order), n = 0;
    if (!order) return ERR_MEMORY;
    for (int rank = 0; rank < 3; rank++)
        for (int64_t i = 0; i < c->samples.n; i++)
            if (c->use[i] == USE_TRAIN && rank_of(c, i) == rank) order[n++] = i;
    *out = order;
    *out_n = n;
    return ERR_OK;
}

static void count_seen(struct filter_pass *p) {
    for (int64_t i = 0; i < p->n; i++)
        if (p->run->corpus->use[p->order[i]] == USE_TRAIN) count_of(p, p->order[i])->seen++;
}

static err run_filter(struct filter_pass *p, int64_t i) {
    int64_t before = p->to->n_dropped;
    p->filter = p->to->filters[i];
    p->counts = p->to->counts + i * p->run->corpus->n_sources;
    count_seen(p);
    err e = p->filter->run(p);
    if (e != ERR_OK) return e == ERR_MEMORY ? e : fail_in(e, "filter '%s'", p->filter->name);
    LOG(DATA, INFO, "%s drops %lld samples", p->filter->name,
        (long long)(p->to->n_dropped - before));
    return ERR_OK;
}

/* Appends "length 12, near_dup 8". */
static err tell_drops(const struct filtering *f, int64_t group, struct str *out) {
    for (int64_t i = 0; i < f->n_filters; i++) {
        int64_t n = 0;
        for (int64_t s = 0; s < f->corpus->n_sources; s++)
            if (f->corpus->sources[s].group == group) n += filtering_count(f, i, s).dropped;
        if (n == 0) continue;
        TRY(str_printf(out, "%s%s %lld", out->len > 0 ? ", " : "", f->filters[i]->name,
                       (long long)n));
    }
    return ERR_OK;
}

struct group_left {
    int64_t examples, rows, dropped;
};

/* No request, and no source, may lose all of its rows unnoticed. */
static err check_group(const struct filtering *f, int64_t group, struct group_left left) {
    const struct corpus_group *g = &f->corpus->groups[group];
    const char *what = g->request ? "request" : "source";
    struct str which = {0};
    if (left.rows > 0 || left.dropped == 0) return ERR_OK;
    err e = tell_drops(f, group, &which);
    if (e == ERR_OK && left.examples > 0) {
        LOG(DATA, WARN, "%s '%s': the filters leave its examples and none of its %lld rows (%s)",
            what, g->name, (long long)left.dropped, str_text(&which));
    } else if (e == ERR_OK) {
        e = fail(ERR_RANGE, "%s '%s': the filters drop all of its %lld rows (%s)", what, g->name,
                 (long long)left.dropped, str_text(&which));
        e = fail_hint(e, "loosen data.filter, or take the filter out of data.filters");
    }
    str_release(&which);
    return e;
}

static err check_groups(const struct filtering *f) {
    const struct corpus *c = f->corpus;
    struct group_left *left = mem_zalloc((size_t)c->n_groups + 1, sizeof *left);
    if (!left) return ERR_MEMORY;
    for (int64_t i = 0; i < c->samples.n; i++) {
        const struct corpus_source *source = sample_source(c, i);
        struct group_left *group = &left[source->group];
        if (c->use[i] == USE_TRAIN && !source->path) group->examples++;
        if (c->use[i] == USE_TRAIN && source->path) group->rows++;
        if (c->use[i] == USE_DROPPED) group->dropped++;
    }
    err e = ERR_OK;
    for (int64_t g = 0; g < c->n_groups && e == ERR_OK; g++) e = check_group(f, g, left[g]);
    mem_free(left);
    return e;
}

/* The texts become hashes here and are seen by no filter. */
static err guard(struct filter_pass *p) {
    const struct corpus *c = p->run->corpus;
    const struct forbidden_source *sets = p->run->forbidden;
    bool wanted = false;
    for (int64_t i = 0; i < p->to->n_filters; i++)
        wanted = wanted || p->to->filters[i] == &filter_decontaminate;
    if (!wanted || (c->n_cases == 0 && !sets)) return ERR_OK;
    TRY(leaks_new(&p->leaks, p->run->options->filter.leak_distance));
    for (int64_t i = 0; i < c->n_cases; i++) {
        const struct corpus_case *item = &c->cases[i];
        TRY(leaks_add(p->leaks, &(struct forbidden_text){.set = item->request->id,
                                                         .request = item->request->id,
                                                         .prompt = item->prompt,
                                                         .answer = item->answer}));
    }
    TRY(sets ? sets->each(sets->ctx, leaks_add, p->leaks) : ERR_OK);
    if (leaks_n_texts(p->leaks) > 0) return ERR_OK;
    leaks_free(p->leaks);
    p->leaks = NULL;
    return ERR_OK;
}

static err run_all(struct filter_pass *p) {
    TRY(guard(p));
    for (int64_t i = 0; i < p->to->n_filters; i++) TRY(run_filter(p, i));
    return check_groups(p->to);
}

err filters_run_these(const struct filters_run *run, const struct filter *const *these, int64_t n,
                      struct filtering *out) {
    struct filter_pass p = {.run = run, .to = out};
    int64_t *order = NULL;
    out->corpus = run->corpus;
    out->n_filters = n;
    out->filters = arena_alloc(&out->arena, (size_t)n + 1, sizeof *out->filters);
    out->counts =
        arena_alloc(&out->arena, (size_t)(n * run->corpus->n_sources) + 1, sizeof *out->counts);
    if (!out->filters || !out->counts) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) out->filters[i] = these[i];
    TRY(put_in_order(run->corpus, &order, &p.n));
    p.order = order;
    err e = run_all(&p);
    leaks_free(p.leaks);
    mem_free(order);
    return e;
}

err filters_run(const struct filters_run *run, struct filtering *out) {
    int64_t n = run->options->filters.n;
    const struct filter **these = mem_alloc((size_t)n + 1, sizeof *these);
    if (!these) return ERR_MEMORY;
    err e = find_filters(run->options, these);
    if (e == ERR_OK && n > 0) e = filters_run_these(run, these, n, out);
    mem_free(these);
    return e;
}

bool filtering_ran(const struct filtering *f, const char *name) {
    for (int64_t i = 0; i < f->n_filters; i++)
        if (strcmp(f->filters[i]->name, name) == 0) return true;
    return false;
}

void filtering_release(struct filtering *f) {
    mem_free(f->dropped);
    arena_release(&f->arena);
    *f = (struct filtering){0};
}
