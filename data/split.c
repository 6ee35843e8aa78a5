/* SPDX-License-Identifier: Apache-2.0
 * Which samples are trained, which validate, which are held out; the contract is in data/corpus.h.
 * Samples that share their first prompt stay on one side, so that neither a repeated
 * prompt nor another turn of a conversation is both trained and validated with. A request's own
 * examples are always trained: whoever reads the request has seen them. */
#include "base/log.h"
#include "base/mem.h"
#include "base/philox.h"
#include "data/corpus.h"
#include "data/source/faults.h"
#include "data/text/text_map.h"

struct splitting {
    struct corpus *c;
    const struct data_options *options;
    uint64_t seed;
    struct text_map
        prompts; /* whole prompt of every turn -> a sample that has it, or MANY of them */
    struct text_map firsts; /* first prompt -> number of its unit */
    struct str text;
};
#define ABSENT INT64_MIN

static bool is_example(const struct corpus *c, int64_t sample) {
    return sample_source(c, sample)->path == NULL;
}

/* The turn's whole prompt without white space at its ends; a key that stays valid. */
static err prompt_key(struct splitting *s, const struct sample *sample, int64_t turn,
                      struct span *out) {
    if (turn == 0) return sample_question(sample, &s->c->arena, out);
    TRY(sample_prompt(sample, turn, &s->text));
    *out = span_strip((struct span){str_text(&s->text), s->text.len});
    out->text = arena_strndup(&s->c->arena, out->text, out->n);
    return out->text ? ERR_OK : ERR_MEMORY;
}

static err note_prompts(struct splitting *s) {
    for (int64_t i = 0; i < s->c->samples.n; i++) {
        const struct sample *sample = &s->c->samples.items[i];
        int64_t n_turns = sample->kind == SAMPLE_TURNS ? sample->n : 1;
        for (int64_t turn = 0; turn < n_turns; turn++) {
            struct span key;
            int64_t *known;
            TRY(prompt_key(s, sample, turn, &key));
            TRY(text_map_add(&s->prompts, key, ABSENT, &known));
            if (*known == ABSENT)
                *known = i;
            else if (*known >= 0)
                *known = ~*known;
        }
    }
    return ERR_OK;
}

/* Whether the sample may be held out: a file's that people wrote, one turn with an answer, a prompt
 * of its own. What a teacher made is made after the cases were drawn. */
static bool can_hold_out(const struct splitting *s, int64_t sample) {
    const struct sample *item = &s->c->samples.items[sample];
    if (is_example(s->c, sample) || item->n != 1 || item->kind != SAMPLE_TURNS) return false;
    if (item->origin) return false;
    return text_map_get(&s->prompts, span_strip(item->turns[0].prompt), ABSENT) == sample;
}

static err hold_out(struct splitting *s, int64_t group) {
    struct corpus *c = s->c;
    const struct request *request = c->groups[group].request;
    int64_t wanted = s->options->holdout.per_request, n = 0, n_rows = 0;
    int64_t *found = mem_alloc((size_t)c->samples.n, sizeof *found);
    if (!found) return ERR_MEMORY;
    for (int64_t i = 0; i < c->samples.n; i++) {
        if (sample_source(c, i)->group != group) continue;
        n_rows++;
        if (can_hold_out(s, i)) found[n++] = i;
    }
    err e = ERR_OK;
    if (n < wanted || n_rows == wanted) {
        e = fail(ERR_RANGE,
                 "request '%s': holdout.per_request is %lld, but of its %lld rows %lld can be held "
                 "out and one must stay",
                 request->id, (long long)wanted, (long long)n_rows, (long long)n);
        (void)fail_hint(e, "give the request a file of `cases`, or hold out fewer");
    } else {
        struct rng rng = {s->seed, RNG_SPLIT, (uint64_t)group};
        rng_shuffle(&rng, found, n);
    }
    for (int64_t i = 0; i < wanted && e == ERR_OK; i++) {
        const struct sample *sample = &c->samples.items[found[i]];
        struct corpus_case item = {request, sample->turns[0].prompt, sample->turns[0].answer,
                                   sample_source(c, found[i])->path, sample->line};
        c->use[found[i]] = USE_HELD_OUT;
        e = corpus_add_case(c, &item);
    }
    mem_free(found);
    return e;
}

/* Cases from files whose prompt is a row's prompt as well. */
static err check_cases(struct splitting *s, int64_t n_from_files) {
    struct faults faults = {0};
    err e = ERR_OK;
    for (int64_t i = 0; i < n_from_files && e == ERR_OK; i++) {
        const struct corpus_case *item = &s->c->cases[i];
        int64_t sample = text_map_get(&s->prompts, span_strip(item->prompt), ABSENT);
        if (sample == ABSENT) continue;
        if (sample < 0) sample = ~sample;
        const struct corpus_source *source = sample_source(s->c, sample);
        (void)fail(ERR_PARSE, "the same prompt is trained: '%s' line %d",
                   source->path ? source->path : source->name, s->c->samples.items[sample].line);
        e = faults_add(&faults, ERR_PARSE, "'%s' line %d", item->path, item->line);
    }
    if (e == ERR_OK) e = faults_end(&faults, n_from_files, "held-out cases are not held out");
    faults_release(&faults);
    return e;
}

/* Draws the share of each group's units. units[k] is the first sample of unit k, -1 once it is not
 * eligible; unit_of[i] is sample i's. */
static err draw_units(struct splitting *s, const int64_t *units, int64_t n_units,
                      const int64_t *unit_of) {
    struct corpus *c = s->c;
    int64_t *drawn = mem_alloc((size_t)n_units + 1, sizeof *drawn);
    uint8_t *chosen = mem_zalloc((size_t)n_units + 1, 1);
    int64_t n_valid = 0;
    for (int64_t group = 0; group < c->n_groups && drawn && chosen; group++) {
        if (c->groups[group].role == GROUP_REPLAY) continue;
        int64_t n = 0;
        for (int64_t k = 0; k < n_units; k++)
            if (units[k] >= 0 && sample_source(c, units[k])->group == group) drawn[n++] = k;
        struct rng rng = {s->seed, RNG_SPLIT, (uint64_t)(group + c->n_groups)};
        rng_shuffle(&rng, drawn, n);
        int64_t wanted = (int64_t)((double)n * s->options->validation);
        for (int64_t k = 0; k < wanted; k++) chosen[drawn[k]] = 1;
    }
    for (int64_t i = 0; i < c->samples.n && drawn && chosen; i++)
        if (unit_of[i] >= 0 && chosen[unit_of[i]]) {
            c->use[i] = USE_VALID;
            n_valid++;
        }
    bool done = drawn && chosen;
    mem_free(drawn);
    mem_free(chosen);
    if (done && n_valid == 0)
        LOG(DATA, WARN, "data.validation is set, but no group has rows enough for one of them");
    return done ? ERR_OK : ERR_MEMORY;
}

static err split_validation(struct splitting *s) {
    struct corpus *c = s->c;
    int64_t n_units = 0;
    int64_t *units = mem_alloc((size_t)c->samples.n, sizeof *units);
    int64_t *unit_of = mem_alloc((size_t)c->samples.n, sizeof *unit_of);
    err e = units && unit_of ? ERR_OK : ERR_MEMORY;
    for (int64_t i = 0; i < c->samples.n && e == ERR_OK; i++) {
        struct span question;
        int64_t *unit;
        unit_of[i] = -1;
        if (c->use[i] != USE_TRAIN) continue;
        e = sample_question(&c->samples.items[i], &c->arena, &question);
        if (e == ERR_OK) e = text_map_add(&s->firsts, question, n_units, &unit);
        if (e != ERR_OK) break;
        unit_of[i] = *unit;
        if (*unit == n_units) units[n_units++] = i;
        if (is_example(c, i)) units[*unit] = -1;
    }
    if (e == ERR_OK) e = draw_units(s, units, n_units, unit_of);
    mem_free(units);
    mem_free(unit_of);
    return e;
}

static void splitting_release(struct splitting *s) {
    text_map_release(&s->prompts);
    text_map_release(&s->firsts);
    str_release(&s->text);
}

err corpus_hold_out(struct corpus *c, const struct data_options *options, uint64_t seed) {
    struct splitting s = {.c = c, .options = options, .seed = seed};
    int64_t n_from_files = c->n_cases;
    c->use = mem_zalloc((size_t)c->samples.n, 1);
    err e = c->use ? note_prompts(&s) : ERR_MEMORY;
    if (e == ERR_OK) e = check_cases(&s, n_from_files);
    for (int64_t g = 0; g < c->n_groups && e == ERR_OK; g++) {
        const struct request *request = c->groups[g].request;
        if (request && !request->cases && options->holdout.per_request > 0) e = hold_out(&s, g);
    }
    splitting_release(&s);
    return e;
}

err corpus_draw_validation(struct corpus *c, const struct data_options *options, uint64_t seed) {
    struct splitting s = {.c = c, .options = options, .seed = seed};
    err e = options->validation > 0 ? split_validation(&s) : ERR_OK;
    splitting_release(&s);
    return e;
}
