/* SPDX-License-Identifier: Apache-2.0
 * cotrain data preview: rows of a dataset token by token, with the trained ones marked, so that
 * what the loss covers can be seen before anything is trained. It reads a built dataset folder
 * (data/dataset.h) and the tokenizer inside it, nothing else; the marks of the other loss masks
 * are data/masks.h's, applied to each row alone. */
#include "cli/command.h"
#include "data/dataset.h"
#include "data/masks.h"
#include "data/tokenizer.h"

#include "base/mem.h"
#include <string.h>

struct preview_options {
    const char *dataset, *split, *loss_mask;
    int64_t rows, first;
    bool json;
};

#define ROW(field, ...) OPT(struct preview_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(dataset, .required = true, .positional = true, .value = "DIR",
        .help = "dataset folder, as `data build` writes it"),
    ROW(rows, .min = 1, .max = 1e9, .preset = "3", .help = "how many rows"),
    ROW(first, .min = 0, .max = 1e15, .preset = "0", .help = "number of the first one, from 0"),
    ROW(split, .choices = "train,valid", .preset = "train", .help = "which rows"),
    ROW(loss_mask, .choices = "answer,yuan-megatron,yuan-hf,all", .preset = "answer",
        .help = "which tokens count as trained"),
    ROW(json, .help = "as JSON"),
};

struct preview {
    const struct preview_options *options;
    struct dataset *dataset;
    struct tokenizer *tokenizer;
    enum dataset_split split;
    enum loss_mask loss_mask;
};

/* trained[i] is 1 where token i of the row is a trained target. */
static err find_trained(const struct preview *p, int64_t row, int64_t n, uint8_t *trained) {
    const int32_t *ids = dataset_tokens(p->dataset, p->split, row);
    trained[0] = 0; /* nothing predicts the first token */
    if (p->loss_mask == LOSS_MASK_ANSWER) {
        memcpy(trained + 1, dataset_answer(p->dataset, p->split, row) + 1, (size_t)n - 1);
        return ERR_OK;
    }
    return loss_mask_apply(p->loss_mask, ids, n - 1, dataset_eod(p->dataset),
                           dataset_sep(p->dataset), ids + 1, trained + 1);
}

/* "a|b|<sep>|[[c|<eod>]]" */
static err add_tokens(const struct preview *p, const int32_t *ids, int64_t n,
                      const uint8_t *trained, struct str *out) {
    for (int64_t i = 0; i < n; i++) {
        bool before = i > 0 && trained[i - 1];
        if (before && !trained[i]) TRY(str_add(out, "]]"));
        if (i > 0) TRY(str_add(out, "|"));
        if (trained[i] && !before) TRY(str_add(out, "[["));
        TRY(tokenizer_add_piece(p->tokenizer, ids[i], out));
    }
    return str_add(out, n > 0 && trained[n - 1] ? "]]\n" : "\n");
}

static err add_text(const struct preview *p, int64_t row, int64_t n, const uint8_t *trained,
                    struct str *out) {
    int64_t n_trained = 0;
    for (int64_t i = 0; i < n; i++) n_trained += trained[i];
    TRY(str_printf(out, "%s row %lld: ", p->options->split, (long long)row));
    TRY(dataset_describe(p->dataset, p->split, row, out));
    TRY(str_printf(out, ", %lld tokens, %lld trained [[so]]\n", (long long)n,
                   (long long)n_trained));
    TRY(add_tokens(p, dataset_tokens(p->dataset, p->split, row), n, trained, out));
    return str_add(out, "\n");
}

static err add_json(const struct preview *p, int64_t row, int64_t n, const uint8_t *trained,
                    json_t *out) {
    const int32_t *ids = dataset_tokens(p->dataset, p->split, row);
    json_t *item = json_object(), *list = NULL;
    struct str text = {0};
    TRY(json_push(out, item));
    TRY(json_put(item, "row", json_integer(row)));
    err e = dataset_describe(p->dataset, p->split, row, &text);
    if (e == ERR_OK) e = json_put(item, "from", json_string(str_text(&text)));
    if (e == ERR_OK) {
        list = json_array();
        e = json_put(item, "tokens", list);
    }
    for (int64_t i = 0; i < n && e == ERR_OK; i++) {
        json_t *token = json_object();
        str_clear(&text);
        e = json_push(list, token);
        if (e == ERR_OK) e = tokenizer_add_piece(p->tokenizer, ids[i], &text);
        if (e == ERR_OK) e = json_put(token, "id", json_integer(ids[i]));
        if (e == ERR_OK) e = json_put(token, "piece", json_string(str_text(&text)));
        if (e == ERR_OK) e = json_put(token, "trained", json_boolean(trained[i]));
    }
    str_release(&text);
    return e;
}

static err show_rows(const struct preview *p) {
    int64_t n_rows = dataset_n_rows(p->dataset, p->split), end = p->options->first;
    if (end >= n_rows)
        return fail(ERR_RANGE, "dataset '%s' has %lld rows in %s", p->options->dataset,
                    (long long)n_rows, p->options->split);
    end = n_rows - end > p->options->rows ? end + p->options->rows : n_rows;
    struct str text = {0};
    json_t *json = json_array();
    err e = json ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    for (int64_t row = p->options->first; row < end && e == ERR_OK; row++) {
        int64_t n = dataset_rows(p->dataset, p->split)[row].n_tokens;
        uint8_t *trained = mem_alloc((size_t)n, 1);
        e = trained ? find_trained(p, row, n, trained) : ERR_MEMORY;
        if (e == ERR_OK)
            e = p->options->json ? add_json(p, row, n, trained, json)
                                 : add_text(p, row, n, trained, &text);
        mem_free(trained);
    }
    if (e == ERR_OK) e = p->options->json ? print_json(json) : print_text(&text);
    json_decref(json);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    struct preview p = {.options = given};
    p.split = strcmp(p.options->split, "valid") == 0 ? SPLIT_VALID : SPLIT_TRAIN;
    TRY(loss_mask_parse(p.options->loss_mask, &p.loss_mask));
    TRY(dataset_open(&p.dataset, p.options->dataset));
    err e = tokenizer_open(&p.tokenizer, dataset_tokenizer_dir(p.dataset));
    if (e == ERR_OK) e = show_rows(&p);
    tokenizer_free(p.tokenizer);
    dataset_close(p.dataset);
    return e;
}

const struct command cmd_data_preview = {
    .noun = "data",
    .verb = "preview",
    .summary = "rows of a dataset as tokens, with the trained ones marked",
    .details = "Tokens stand between bars, trained stretches between [[ and ]]. A token's trained\n"
               "mark means that predicting it counts.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct preview_options),
    .run = run,
};
