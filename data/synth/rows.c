/* SPDX-License-Identifier: Apache-2.0
 * What a request has, and what may join it: texts that a dataset takes, a prompt that is not
 * sealed, not there yet and not similar to one that is. Similarity leaves out what the examples'
 * prompts have in common: an instruction that stands in all of them says nothing.
 * Read next: data/text/near.h, data/text/normal.h. */
#include "data/synth/expand_int.h"

#include "base/mem.h"
#include "data/source/read.h"
#include "data/synth/prompt.h"
#include "data/text/normal.h"
#include <string.h>

err expand_prompt_hash(const char *prompt, size_t n, char out[SHA256_HEX_SIZE]) {
    struct normal normal = {0};
    struct str text = {0};
    err e = normal_set(&normal, prompt, n);
    for (int64_t i = 0; i < normal.n && e == ERR_OK; i++)
        e = str_codepoint(&text, normal.points[i]);
    if (e == ERR_OK) e = sha256_bytes(str_text(&text), text.len, out);
    str_release(&text);
    normal_release(&normal);
    return e;
}

/* ---- a request ---- */

static err near_of(const struct growing *g, const char *prompt, struct near_text *out) {
    TRY(near_text_init(out, prompt, strlen(prompt)));
    if (g->has_frame) near_text_leave_out(out, &g->frame);
    return ERR_OK;
}

static err add_to_index(struct expanding *x, struct growing *g, const char *prompt,
                        const char *hash) {
    const char *key = arena_strdup(&x->arena, hash);
    struct near_text near;
    int64_t *there;
    if (!key) return ERR_MEMORY;
    TRY(text_map_add(&g->prompts, (struct span){key, strlen(key)}, 1, &there));
    TRY(near_of(g, prompt, &near));
    err e = near_index_add(g->near, &near, 0);
    near_text_release(&near);
    return e;
}

/* What is in all examples, a being the first: a without (a without b), for each other b. */
static err find_frame(struct growing *g) {
    const struct request *r = g->request;
    if (r->n_examples < 2) return ERR_OK;
    TRY(near_text_init(&g->frame, r->examples[0].prompt, strlen(r->examples[0].prompt)));
    g->has_frame = true;
    for (int64_t i = 1; i < r->n_examples; i++) {
        struct near_text other, only;
        TRY(near_text_init(&other, r->examples[i].prompt, strlen(r->examples[i].prompt)));
        err e = near_text_init(&only, r->examples[0].prompt, strlen(r->examples[0].prompt));
        if (e == ERR_OK) {
            near_text_leave_out(&only, &other);
            near_text_leave_out(&g->frame, &only);
            near_text_release(&only);
        }
        near_text_release(&other);
        TRY(e);
    }
    return ERR_OK;
}

static err new_counts(json_t **out) {
    *out = json_object();
    return *out ? ERR_OK : fail(ERR_MEMORY, "out of memory");
}

err growing_init(struct expanding *x, struct growing *g, int64_t number) {
    const struct request *r = g->request = &x->e->requests->items[number];
    g->number = number;
    g->chinese = prompt_is_chinese(r);
    g->fallback = (struct check_fallback){
        .votes = x->o->votes, .share = x->o->vote_share, .score = x->o->judge_score};
    if (!r->scenario && !r->capability && r->n_examples == 0)
        return fail(ERR_MISSING, "request '%s': there is nothing to make rows from", r->id);
    TRY(checks_open(r, &g->fallback, &g->checks));
    TRY(near_index_new(x->o->near_similarity, &g->near));
    TRY(new_counts(&g->rejected));
    TRY(new_counts(&g->outcomes));
    TRY(new_counts(&g->tries));
    TRY(new_counts(&g->forms));
    TRY(find_frame(g));
    for (int64_t i = 0; i < r->n_examples; i++) {
        char hash[SHA256_HEX_SIZE];
        const char *prompt = r->examples[i].prompt;
        TRY(expand_prompt_hash(prompt, strlen(prompt), hash));
        TRY(add_to_index(x, g, prompt, hash));
    }
    return ERR_OK;
}

void growing_release(struct growing *g) {
    checks_close(&g->checks);
    near_index_free(g->near);
    if (g->has_frame) near_text_release(&g->frame);
    text_map_release(&g->prompts);
    mem_free(g->rows);
    json_decref(g->rejected);
    json_decref(g->outcomes);
    json_decref(g->tries);
    json_decref(g->forms);
}

/* ---- candidates ---- */

err candidate_reject(struct candidate *c, const char *word, const char *why) {
    c->rejected = word;
    c->why = why ? mem_strdup(why) : NULL;
    return why && !c->why ? ERR_MEMORY : ERR_OK;
}

/* As a row of a file would be read (data/source/read.h). */
static err look_at_texts(struct candidate *c) {
    struct arena arena = {0};
    struct sample_list samples = {0};
    struct faults faults = {0};
    struct reading reading = {.arena = &arena, .samples = &samples, .faults = &faults};
    err e = read_example(&reading, &c->pair, 0, 1);
    if (e == ERR_OK && faults.n > 0) e = candidate_reject(c, "text", str_text(&faults.shown));
    faults_release(&faults);
    sample_list_release(&samples);
    arena_release(&arena);
    return e;
}

err candidate_look(const struct expanding *x, struct candidate *c) {
    TRY(look_at_texts(c));
    if (c->rejected) return ERR_OK;
    TRY(expand_prompt_hash(c->pair.prompt, strlen(c->pair.prompt), c->hash));
    /* Without a reason: the teacher must not learn what is sealed. */
    if (x->e->sealed && name_list_has(x->e->sealed, c->hash))
        return candidate_reject(c, "sealed", NULL);
    return ERR_OK;
}

err candidate_compare(struct candidate *c) {
    struct growing *g = c->of->ask.of;
    struct near_text near;
    struct near_match match;
    int64_t n_matches = 0;
    if (text_map_get(&g->prompts, (struct span){c->hash, strlen(c->hash)}, -1) >= 0)
        return candidate_reject(c, "duplicate", "there is such a prompt already");
    TRY(near_of(g, c->pair.prompt, &near));
    err e = near_index_find(g->near, &near, &match, 1, &n_matches);
    near_text_release(&near);
    if (e == ERR_OK && n_matches > 0)
        e = candidate_reject(c, "near_duplicate", "a prompt that there is already is too similar");
    return e;
}

static err keep(struct arena *a, const char *text, const char **out) {
    *out = arena_strdup(a, text);
    return *out ? ERR_OK : ERR_MEMORY;
}

err candidate_accept(struct expanding *x, struct candidate *c) {
    struct growing *g = c->of->ask.of;
    TRY(mem_grow(&g->rows, &g->capacity, g->n, sizeof *g->rows));
    struct made *row = arena_alloc(&x->arena, 1, sizeof *row);
    if (!row) return ERR_MEMORY;
    *row = (struct made){.method = c->of->method,
                         .key = c->of->ask.key,
                         .round = x->round,
                         .attempt = c->of->attempt,
                         .seed = c->of->ask.seed};
    TRY(keep(&x->arena, c->pair.prompt, &row->pair.prompt));
    TRY(keep(&x->arena, c->pair.response, &row->pair.response));
    TRY(add_to_index(x, g, row->pair.prompt, c->hash));
    g->rows[g->n++] = row;
    return ERR_OK;
}
