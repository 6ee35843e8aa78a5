/* SPDX-License-Identifier: Apache-2.0
 * From a recipe to synthesis: the teacher, and the hashes of the held-out cases, which are drawn
 * here as `data build` will draw them, before any row is made. Their texts stay in this function:
 * synthesis gets one-way hashes alone.
 * Read next: cli/expand_stage.h, the contract. */
#include "cli/expand_stage.h"

#include "base/stop.h"
#include "cli/teachers.h"
#include "data/corpus.h"
#include "data/tokens/tokenizer.h"
#include <string.h>

bool expand_wanted(const struct chain *c) {
    return c->data.expand.per_request > 0;
}

/* ---- the seal ---- */

static bool has_cases(const struct chain *c) {
    for (int64_t i = 0; i < c->requests.n; i++)
        if (c->requests.items[i].cases) return true;
    return c->data.holdout.per_request > 0;
}

static err add_hashes(const struct corpus *corpus, struct name_list *out) {
    for (int64_t i = 0; i < corpus->n_cases; i++) {
        char hash[SHA256_HEX_SIZE];
        TRY(expand_prompt_hash(corpus->cases[i].prompt.text, corpus->cases[i].prompt.n, hash));
        TRY(name_list_add(out, hash));
    }
    name_list_sort(out);
    return ERR_OK;
}

static err seal(const struct chain *c, struct name_list *out) {
    struct tokenizer *tokenizer;
    if (!has_cases(c)) return ERR_OK;
    TRY(tokenizer_open(&tokenizer, c->base_model.path));
    struct corpus corpus = {.tokenizer = tokenizer};
    err e = corpus_read(&corpus, &c->data, &c->requests);
    if (e == ERR_OK) e = corpus_hold_out(&corpus, &c->data, (uint64_t)c->train.seed);
    if (e == ERR_OK) e = add_hashes(&corpus, out);
    corpus_release(&corpus);
    tokenizer_free(tokenizer);
    return e;
}

/* ---- the stage ---- */

static err run(const struct chain *c, const struct expand_options *o, const char *dir,
               const struct teacher *teacher, struct expand_result *out) {
    struct name_list sealed = {0};
    const struct expand how = {.options = o,
                               .requests = &c->requests,
                               .teacher = teacher,
                               .seed = (uint64_t)(o->seed > 0 ? o->seed : c->train.seed),
                               .sealed = &sealed};
    err e = seal(c, &sealed);
    if (e == ERR_OK) e = stop_catch();
    if (e == ERR_OK) e = expand(&how, dir, out);
    name_list_release(&sealed);
    return e;
}

err expand_stage(const struct chain *c, const char *dir, const char *device,
                 struct expand_result *out) {
    struct expand_options o = c->data.expand;
    struct teacher_use use;
    *out = (struct expand_result){0};
    TRY(expand_settle(&o));
    err e = teacher_open(&use, &o.teacher, device);
    if (e == ERR_OK) e = run(c, &o, dir, &use.teacher, out);
    teacher_close(&use);
    return e;
}

err expand_sources(struct chain *c, const char *dir) {
    struct data_source_list *sources = &c->data.sources;
    int64_t n = sources->n + c->requests.n;
    struct data_source *items = arena_alloc(&c->arena, (size_t)n + 1, sizeof *items);
    if (!items) return ERR_MEMORY;
    if (sources->n > 0) memcpy(items, sources->items, (size_t)sources->n * sizeof *items);
    for (int64_t i = 0; i < c->requests.n; i++) {
        struct str name = {0};
        err e = expand_file_name(&c->requests, i, &name);
        struct data_source *to = &items[sources->n + i];
        *to = (struct data_source){.format = "pairs",
                                   .request = c->requests.items[i].id,
                                   .license = c->data.expand.license,
                                   .weight = 1};
        if (e == ERR_OK) to->path = arena_printf(&c->arena, "%s/%s", dir, str_text(&name));
        str_release(&name);
        if (!to->path) return e == ERR_OK ? ERR_MEMORY : e;
    }
    *sources = (struct data_source_list){items, n};
    return ERR_OK;
}

/* ---- telling ---- */

static err add_counts(const json_t *counts, const char *leave_out, struct str *out) {
    const char *word;
    json_t *n;
    bool first = true;
    json_object_foreach((json_t *)counts, word, n) {
        if (leave_out && strcmp(word, leave_out) == 0) continue;
        TRY(str_printf(out, "%s%s %lld", first ? "" : ", ", word,
                       (long long)json_integer_value(n)));
        first = false;
    }
    return first ? str_add(out, "-") : ERR_OK;
}

static err add_request(const json_t *r, struct str *out) {
    TRY(str_printf(
        out, "%-32s %7lld %7lld %9.3f %-8s ", json_text_of(r, "request"),
        (long long)json_int_of(r, "accepted"), (long long)json_int_of(r, "rows_proposed"),
        json_number_value(json_object_get(r, "acceptance")), json_text_of(r, "check_kind")));
    TRY(add_counts(json_object_get(r, "rejected"), NULL, out));
    TRY(str_add(out, "; "));
    TRY(add_counts(json_object_get(r, "tries"), "answered", out));
    return str_add(out, "\n");
}

err expand_table(const struct expand_result *r, struct str *out) {
    const json_t *by = json_object_get(r->report, "checked_by"), *item;
    size_t i;
    TRY(str_printf(out, "%-32s %7s %7s %9s %-8s %s\n", "request", "rows", "seen", "accepted",
                   "checked", "rejected; no answer"));
    json_array_foreach(json_object_get(r->report, "requests"), i, item) TRY(add_request(item, out));
    TRY(str_printf(out,
                   "rows with a machine check %.3f, a vote %.3f, a judge only %.3f, nothing "
                   "%.3f\n",
                   json_number_value(json_object_get(by, "machine")),
                   json_number_value(json_object_get(by, "vote")),
                   json_number_value(json_object_get(by, "judge")),
                   json_number_value(json_object_get(by, "none"))));
    return str_printf(out,
                      "%lld requests and %lld tokens in all; now %lld requests, %lld answers from "
                      "the log\n",
                      (long long)json_int_of(r->report, "requests_made"),
                      (long long)json_int_of(r->report, "tokens"), (long long)r->n_requests,
                      (long long)r->n_from_log);
}
