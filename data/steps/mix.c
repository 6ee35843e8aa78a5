/* SPDX-License-Identifier: Apache-2.0
 * Shares of groups, replay, token budgets and the order of an epoch, so that any epoch can be drawn
 * again without what came before it.
 * The contract, with formulas and their sources, is data/steps/mix.h. */
#include "data/steps/mix.h"
#include "base/mem.h"
#include "base/philox.h"
#include <math.h>

struct group_state {
    const struct mix_group *group;
    double share;  /* w_g n_g^(1/T); of all such, `whole` */
    int64_t *turn; /* its documents in this epoch's order; within struct drawing's `turns` */
    int64_t n_given;
};
struct drawing {
    const struct mix *m;
    struct mix_epoch *out;
    struct group_state *groups;
    double whole;
    int64_t *turns;
    int64_t n_others, n_tokens; /* drawn */
    int64_t trained_others, trained_replay;
};

/* Rounded to float: the C library's pow may differ in its last bit between versions, and a share
 * must not. */
static double unscaled_share(const struct mix *m, const struct mix_group *g) {
    if (g->replay || g->n == 0) return 0;
    if (!(m->temperature > 0)) return g->weight;
    return (double)(float)(g->weight * pow((double)g->n, 1 / m->temperature));
}

static int64_t trained_of(const struct mix *m, const struct mix_group *g) {
    int64_t n = 0;
    for (int64_t i = 0; i < g->n; i++) n += m->documents[g->first + i].n_trained;
    return n;
}

static err check_groups(const struct drawing *d) {
    if (!(d->whole > 0)) return fail(ERR_RANGE, "no group of rows has a weight above 0");
    for (int64_t g = 0; g < d->m->n_groups; g++) {
        const struct mix_group *group = d->groups[g].group;
        if (!group->replay || group->n == 0 || trained_of(d->m, group) > 0) continue;
        err e = fail(ERR_RANGE, "data.replay: its %lld rows train no token, so they have no share",
                     (long long)group->n);
        return fail_hint(e, "give it rows with answers, or train all tokens: train.loss_mask: all");
    }
    return ERR_OK;
}

static err line_up(struct drawing *d, int64_t epoch) {
    const struct mix *m = d->m;
    int64_t n = 0;
    for (int64_t g = 0; g < m->n_groups; g++) n += m->groups[g].n;
    d->groups = mem_zalloc((size_t)m->n_groups + 1, sizeof *d->groups);
    d->turns = mem_alloc((size_t)n + 1, sizeof *d->turns);
    if (!d->groups || !d->turns) return ERR_MEMORY;
    n = 0;
    for (int64_t g = 0; g < m->n_groups; g++) {
        struct group_state *s = &d->groups[g];
        const struct rng rng = {m->seed, RNG_SAMPLE, (uint64_t)epoch << 20 | (uint64_t)g};
        s->group = &m->groups[g];
        s->share = unscaled_share(m, s->group);
        d->whole += s->share;
        s->turn = d->turns + n;
        n += s->group->n;
        for (int64_t i = 0; i < s->group->n; i++) s->turn[i] = s->group->first + i;
        rng_shuffle(&rng, s->turn, s->group->n);
    }
    return check_groups(d);
}

static int64_t next_of(const struct group_state *s) {
    return s->turn[s->n_given % s->group->n];
}

static err add(struct drawing *d, int64_t document) {
    struct mix_epoch *e = d->out;
    if (e->n == INT32_MAX)
        return fail(ERR_LIMIT, "data.mix.tokens: an epoch of more than %d documents", INT32_MAX);
    TRY(mem_grow(&e->order, &e->capacity, e->n, sizeof *e->order));
    e->order[e->n++] = document;
    d->n_tokens += d->m->documents[document].n_tokens;
    return ERR_OK;
}

/* The group whose turn it is. A share that is met but for rounding counts as met. */
static struct group_state *choose(const struct drawing *d) {
    struct group_state *best = NULL;
    double k = (double)(d->n_others + 1);
    for (int64_t g = 0; g < d->m->n_groups; g++) {
        struct group_state *s = &d->groups[g];
        bool behind = (double)s->n_given * d->whole < s->share * k * (1 - 1e-12);
        if (!behind) continue;
        if (!best ||
            s->share * (double)(best->n_given + 1) > best->share * (double)(s->n_given + 1))
            best = s;
    }
    BUG_IF(!best); /* the shares of k documents are more than the k - 1 that were given */
    return best;
}

static err add_replay(struct drawing *d) {
    double share = d->m->replay_share;
    for (int64_t g = 0; g < d->m->n_groups; g++) {
        struct group_state *s = &d->groups[g];
        if (!s->group->replay || s->group->n == 0 || !(share > 0)) continue;
        for (;;) {
            int64_t document = next_of(s);
            int64_t trained = d->trained_replay + d->m->documents[document].n_trained;
            if ((double)trained * (1 - share) > share * (double)d->trained_others) break;
            TRY(add(d, document));
            d->trained_replay = trained;
            s->n_given++;
        }
    }
    return ERR_OK;
}

/* One document of the others and what it lets replay give; *out_fits: the budget holds them. */
static err draw_next(struct drawing *d, bool *out_fits) {
    struct group_state *s = choose(d);
    int64_t document = next_of(s);
    TRY(add(d, document));
    s->n_given++;
    d->n_others++;
    d->trained_others += d->m->documents[document].n_trained;
    TRY(add_replay(d));
    *out_fits = d->m->max_tokens == 0 || d->n_tokens <= d->m->max_tokens;
    return ERR_OK;
}

static void keep_counts(const struct drawing *d) {
    for (int64_t g = 0; g < d->m->n_groups; g++) d->out->counts[g] = d->groups[g].n_given;
}

static err draw_all(struct drawing *d) {
    int64_t n_rows = 0, kept = 0;
    bool fits = true;
    for (int64_t g = 0; g < d->m->n_groups; g++)
        if (!d->m->groups[g].replay) n_rows += d->m->groups[g].n;
    while (d->m->max_tokens > 0 || d->n_others < n_rows) {
        keep_counts(d);
        kept = d->out->n;
        TRY(draw_next(d, &fits));
        if (!fits) break;
    }
    if (fits)
        keep_counts(d);
    else
        d->out->n = kept;
    if (d->out->n > 0) return ERR_OK;
    return fail(ERR_RANGE, "data.mix.tokens is %lld: not even one document fits",
                (long long)d->m->max_tokens);
}

err mix_draw(const struct mix *m, int64_t epoch, struct mix_epoch *out) {
    struct drawing d = {.m = m, .out = out};
    out->n = 0;
    if (!out->counts) out->counts = mem_zalloc((size_t)m->n_groups + 1, sizeof *out->counts);
    err e = out->counts ? line_up(&d, epoch) : ERR_MEMORY;
    if (e == ERR_OK) e = draw_all(&d);
    mem_free(d.groups);
    mem_free(d.turns);
    if (e != ERR_OK) return e;
    const struct rng rng = {m->seed, RNG_SHUFFLE, (uint64_t)epoch};
    rng_shuffle(&rng, out->order, out->n);
    return ERR_OK;
}

void mix_epoch_release(struct mix_epoch *e) {
    mem_free(e->order);
    mem_free(e->counts);
    *e = (struct mix_epoch){0};
}
