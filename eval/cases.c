/* SPDX-License-Identifier: Apache-2.0
 * Held-out cases, from a dataset or from the requests' own files (eval/cases.h). Both give the same
 * cases in the same order for a recipe whose requests all name a file.
 * Read next: eval/tasks/requests.c, which asks them. */
#include "eval/cases.h"
#include "base/file.h"
#include "base/json.h"
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 20 };

/* What the tables call a request: its scenario, else its id. */
static const char *scenario_of(const struct request *r) {
    return r->scenario != NULL && r->scenario[0] != '\0' ? r->scenario : r->id;
}

static err start_groups(struct eval_cases *c, const struct request_list *requests) {
    c->groups = arena_alloc(&c->arena, (size_t)requests->n, sizeof *c->groups);
    if (c->groups == NULL && requests->n > 0) return ERR_MEMORY;
    for (int64_t i = 0; i < requests->n; i++) {
        struct eval_group *g = &c->groups[i];
        g->request = arena_strdup(&c->arena, requests->items[i].id);
        g->scenario = arena_strdup(&c->arena, scenario_of(&requests->items[i]));
        if (g->request == NULL || g->scenario == NULL) return ERR_MEMORY;
    }
    c->n_groups = requests->n;
    return ERR_OK;
}

static err add_case(struct eval_cases *c, struct eval_group *g, int64_t *capacity,
                    const char *prompt, const char *expected) {
    if (g->n_cases == *capacity) {
        int64_t wanted = *capacity > 0 ? *capacity * 2 : 64;
        struct eval_case *grown = arena_alloc(&c->arena, (size_t)wanted, sizeof *grown);
        if (grown == NULL) return ERR_MEMORY;
        if (g->n_cases > 0) memcpy(grown, g->cases, (size_t)g->n_cases * sizeof *grown);
        g->cases = grown;
        *capacity = wanted;
    }
    struct eval_case *one = &g->cases[g->n_cases];
    one->prompt = arena_strdup(&c->arena, prompt);
    one->expected = arena_strdup(&c->arena, expected);
    if (one->prompt == NULL || one->expected == NULL) return ERR_MEMORY;
    g->n_cases++;
    return ERR_OK;
}

static err take_from_dataset(struct eval_cases *c, const struct dataset *d, int64_t limit) {
    const struct dataset_case *cases = dataset_cases(d);
    int64_t n = dataset_n_cases(d);
    c->sealed = dataset_sealed(d);
    for (int64_t i = 0; i < c->n_groups; i++) {
        struct eval_group *g = &c->groups[i];
        int64_t capacity = 0;
        for (int64_t k = 0; k < n && (limit == 0 || g->n_cases < limit); k++) {
            if (strcmp(cases[k].request, g->request) == 0)
                TRY(add_case(c, g, &capacity, cases[k].prompt, cases[k].response));
        }
    }
    return ERR_OK;
}

static err take_line(struct eval_cases *c, struct eval_group *g, int64_t *capacity,
                     const struct line_reader *r) {
    json_t *value = NULL;
    const char *prompt = NULL, *response = NULL;
    err result = json_parse(r->line, r->len, NULL, &value);
    if (result == ERR_OK) result = json_need_string(value, "prompt", &prompt);
    if (result == ERR_OK) result = json_need_string(value, "response", &response);
    if (result == ERR_OK) result = add_case(c, g, capacity, prompt, response);
    json_decref(value);
    if (result != ERR_OK)
        result = fail_in(result, "'%s' line %lld", r->path, (long long)r->line_number);
    return result;
}

static err take_from_file(struct eval_cases *c, struct eval_group *g, const char *path,
                          int64_t limit) {
    struct line_reader reader = {0};
    bool more = true;
    int64_t capacity = 0;
    TRY(line_reader_open(&reader, path, MAX_LINE_BYTES));
    err result = ERR_OK;
    while (result == ERR_OK && more && (limit == 0 || g->n_cases < limit)) {
        result = line_reader_next(&reader, &more);
        if (result == ERR_OK && more && reader.len > 0)
            result = take_line(c, g, &capacity, &reader);
    }
    line_reader_close(&reader);
    return result;
}

err eval_cases_load(struct eval_cases *c, const struct request_list *requests,
                    const struct dataset *dataset, int64_t limit) {
    *c = (struct eval_cases){0};
    err result = start_groups(c, requests);
    if (result == ERR_OK && dataset != NULL) {
        result = take_from_dataset(c, dataset, limit);
    } else {
        for (int64_t i = 0; i < requests->n && result == ERR_OK; i++) {
            if (requests->items[i].cases == NULL) continue;
            result = take_from_file(c, &c->groups[i], requests->items[i].cases, limit);
            if (result != ERR_OK)
                result = fail_in(result, "cases of request '%s'", requests->items[i].id);
        }
    }
    if (result != ERR_OK) eval_cases_release(c);
    return result;
}

void eval_cases_release(struct eval_cases *c) {
    arena_release(&c->arena);
    *c = (struct eval_cases){0};
}

int64_t eval_cases_count(const struct eval_cases *c) {
    int64_t n = 0;
    for (int64_t i = 0; i < c->n_groups; i++) n += c->groups[i].n_cases;
    return n;
}
