/* SPDX-License-Identifier: Apache-2.0
 * Questions and the log: what was answered before is not asked again, what is answered now is
 * written down at once. Budgets count what the answers cost whenever that was, so a run that is
 * stopped and resumed spends no more than one that is not.
 * Read next: data/synth/log.h. */
#include "data/synth/expand_int.h"

#include "base/philox.h"
#include <string.h>

int64_t expand_seed(const struct expanding *x, const struct growing *g, int64_t kind, int64_t i) {
    const struct rng rng = {x->e->seed, RNG_EXPAND,
                            (uint64_t)x->round << 40 | (uint64_t)g->number << 8 | (uint64_t)kind};
    return (int64_t)(rng_u64(&rng, (uint64_t)i) >> 33); /* 31 bits: what every endpoint takes */
}

/* The teacher's side of a wave. */
struct asking {
    struct expanding *x;
    const struct teacher_question *questions;
};

static err note(void *ctx, int64_t question, const struct teacher_answer *answer) {
    struct asking *a = ctx;
    a->x->n_asked++;
    a->x->n_requests += answer->n_tries;
    return synth_log_add(&a->x->log, a->x->e->teacher, &a->questions[question], answer);
}

static err keys_of(struct expanding *x, struct ask *asks, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        char key[SHA256_HEX_SIZE];
        TRY(synth_key(x->e->teacher, &(struct teacher_question){asks[i].prompt, asks[i].seed},
                      key));
        asks[i].key = arena_strdup(&x->arena, key);
        if (!asks[i].key) return ERR_MEMORY;
    }
    return ERR_OK;
}

/* Takes those that the log does not have, each once; their number. */
static err missing_of(struct expanding *x, const struct ask *asks, int64_t n,
                      struct teacher_question *out, int64_t *out_n) {
    struct text_map seen = {0};
    err e = ERR_OK;
    *out_n = 0;
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        int64_t *first;
        if (synth_log_find(&x->log, asks[i].key)) continue;
        e = text_map_add(&seen, (struct span){asks[i].key, strlen(asks[i].key)}, i, &first);
        if (e == ERR_OK && *first == i)
            out[(*out_n)++] = (struct teacher_question){asks[i].prompt, asks[i].seed};
    }
    text_map_release(&seen);
    return e;
}

/* What may still be spent; false: nothing. 0: no limit. */
static bool left_of(int64_t most, int64_t spent, int64_t *out) {
    *out = most > spent ? most - spent : 0;
    return most == 0 || *out > 0;
}

static err ask_teacher(struct expanding *x, struct asking *a, int64_t n) {
    struct teacher_call call = {.questions = a->questions, .n = n, .done = note, .ctx = a};
    if (n == 0) return ERR_OK;
    if (!left_of(x->o->max_requests, x->spent_requests, &call.max_requests) ||
        !left_of(x->o->max_tokens, x->spent_tokens, &call.max_tokens))
        return ERR_OK;
    err e = x->e->teacher->ask(x->e->teacher->context, &call);
    struct err_kept kept;
    err_keep(&kept);
    err flushed = synth_log_flush(&x->log);
    if (e == ERR_OK) return flushed;
    err_put_back(&kept);
    return e;
}

/* Puts the answers that are there into the budgets, each once. */
static void price_answers(struct expanding *x, const struct ask *asks, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        struct synth_entry *entry = synth_log_find(&x->log, asks[i].key);
        if (!entry || entry->priced) continue;
        entry->priced = true;
        x->spent_requests += entry->answer.n_tries;
        x->spent_tokens += entry->answer.prompt_tokens + entry->answer.answer_tokens;
    }
}

/* What an answer tells of its request, once; in the order of the questions, whenever they came. */
static err count_answer(struct growing *g, struct synth_entry *entry) {
    const struct teacher_answer *a = &entry->answer;
    if (entry->counted) return ERR_OK;
    entry->counted = true;
    g->prompt_tokens += a->prompt_tokens;
    g->answer_tokens += a->answer_tokens;
    TRY(count_add(g->outcomes, a->outcome));
    for (const char *at = a->tried; *at;) {
        char word[32];
        size_t n = strcspn(at, " ");
        if (n >= sizeof word) return fail(ERR_PARSE, "'%s' is no outcome", at);
        memcpy(word, at, n);
        word[n] = '\0';
        TRY(count_add(g->tries, word));
        at += n + (at[n] == ' ');
    }
    return ERR_OK;
}

static err take_answers(struct expanding *x, struct ask *asks, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        struct synth_entry *entry = synth_log_find(&x->log, asks[i].key);
        if (!entry) x->exhausted = true;
        if (!entry) continue;
        asks[i].answer = &entry->answer;
        TRY(count_answer(asks[i].of, entry));
    }
    return ERR_OK;
}

err expand_ask(struct expanding *x, struct ask *asks, int64_t n) {
    int64_t n_missing;
    TRY(keys_of(x, asks, n));
    struct teacher_question *missing = arena_alloc(&x->wave, (size_t)n + 1, sizeof *missing);
    if (!missing) return ERR_MEMORY;
    TRY(missing_of(x, asks, n, missing, &n_missing));
    x->n_from_log += n - n_missing;
    price_answers(x, asks, n);
    TRY(ask_teacher(x, &(struct asking){x, missing}, n_missing));
    price_answers(x, asks, n);
    return take_answers(x, asks, n);
}
