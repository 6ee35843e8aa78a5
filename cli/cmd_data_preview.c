/* SPDX-License-Identifier: Apache-2.0
 * cotrain data preview: rows of a dataset token by token, with the trained ones marked, so that
 * what the loss covers can be seen before anything is trained; the same rows as training packs
 * them; and the whole dataset as one page of HTML. It reads a built dataset folder and the
 * tokenizer inside it, and for packed rows the recipe. Next: cli/preview.h, data/dataset/page.h. */
#include "base/env.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/preview.h"
#include "cli/train_rows.h"
#include "data/dataset/page.h"
#include <string.h>
#include <unistd.h>

enum { TEXT_ROWS = 3, PAGE_ROWS = 12, PAGE_TOKENS = 400, PAGE_DROPPED = 20 };

struct preview_options {
    const char *dataset, *split, *loss_mask, *color, *packed, *html;
    int64_t rows, first;
    bool json;
};

#define ROW(field, ...) OPT(struct preview_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(dataset, .required = true, .positional = true, .value = "DIR",
        .help = "dataset folder, as `data build` writes it"),
    ROW(rows, .min = 1, .max = 1e9, .help = "how many rows (default: 3; of a page 12)"),
    ROW(first, .min = 0, .max = 1e15, .preset = "0", .help = "number of the first one, from 0"),
    ROW(split, .choices = "train,valid", .preset = "train", .help = "which rows"),
    ROW(loss_mask, .choices = "answer,yuan-megatron,yuan-hf,all", .preset = "answer",
        .help = "which tokens count as trained"),
    ROW(color, .choices = "auto,always,never", .preset = "auto",
        .help = "trained tokens in colour; auto: on a terminal, if NO_COLOR is not set"),
    ROW(packed, .value = "RECIPE", .path = true,
        .help = "rows as that recipe's training packs them in its first epoch"),
    ROW(html, .value = "FILE", .help = "write a page about the whole dataset instead"),
    ROW(json, .help = "as JSON"),
};

static bool wants_colour(const char *color) {
    if (strcmp(color, "auto") != 0) return strcmp(color, "always") == 0;
    return isatty(STDOUT_FILENO) && !env_get(ENV_NO_COLOR);
}

static err add_json(const struct preview *p, int64_t row, int64_t n, const uint8_t *trained,
                    json_t *out) {
    const int32_t *ids = dataset_tokens(p->dataset, p->split, row);
    json_t *item = json_object(), *list = NULL;
    struct str text = {0};
    TRY(json_push(out, item));
    TRY(json_put(item, "row", json_integer(row)));
    err e = provenance_describe(p->provenance, p->split, row, &text);
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

/* Where the rows asked for end; ERR_RANGE when there is no such first one. */
static err find_end(const struct preview_options *o, int64_t n_rows, const char *where,
                    int64_t *out_end) {
    int64_t wanted = o->rows > 0 ? o->rows : TEXT_ROWS;
    *out_end = 0;
    if (o->first >= n_rows)
        return fail(ERR_RANGE, "dataset '%s' has %lld rows in %s", o->dataset, (long long)n_rows,
                    where);
    *out_end = n_rows - o->first > wanted ? o->first + wanted : n_rows;
    return ERR_OK;
}

static err fill_json(const struct preview *p, const struct preview_options *o, json_t *json) {
    int64_t end = 0;
    TRY(find_end(o, dataset_n_rows(p->dataset, p->split), o->split, &end));
    for (int64_t row = o->first; row < end; row++) {
        int64_t n = dataset_rows(p->dataset, p->split)[row].n_tokens;
        uint8_t *trained = mem_alloc((size_t)n, 1);
        err e = trained ? preview_trained(p, row, n, trained) : ERR_MEMORY;
        if (e == ERR_OK) e = add_json(p, row, n, trained, json);
        mem_free(trained);
        TRY(e);
    }
    return ERR_OK;
}

static err show_json(const struct preview *p, const struct preview_options *o) {
    json_t *json = json_array();
    err e = json ? fill_json(p, o, json) : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = print_json(json);
    json_decref(json);
    return e;
}

static err show_rows(const struct preview *p, const struct preview_options *o) {
    struct str text = {0};
    int64_t end = 0;
    TRY(find_end(o, dataset_n_rows(p->dataset, p->split), o->split, &end));
    err e = ERR_OK;
    for (int64_t row = o->first; row < end && e == ERR_OK; row++) e = preview_row(p, row, &text);
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

/* The recipe's first epoch with one row a step, whose rows are the same. */
static err open_loader(const struct preview *p, const char *recipe, struct loader_options *options,
                       struct loader **out) {
    struct chain c;
    TRY(chain_read(&c, recipe, NULL));
    err e = train_loader_options(&c.train, p->split, options, NULL);
    options->rows_per_step = 1;
    options->epochs = 1;
    options->max_steps = 0;
    if (e == ERR_OK) e = loader_open(out, p->dataset, p->split, options);
    chain_release(&c);
    return e;
}

static err show_packed(const struct preview *p, const struct preview_options *o) {
    struct loader *loader;
    struct loader_options options;
    struct str text = {0};
    int64_t end = 0;
    TRY(open_loader(p, o->packed, &options, &loader));
    err e = find_end(o, loader_n_steps(loader), "an epoch as it is packed", &end);
    for (int64_t step = o->first; e == ERR_OK && step < end; step++)
        e = preview_packed(p, loader, step, options.sequence_len, &text);
    if (e == ERR_OK) e = print_text(&text);
    loader_close(loader);
    str_release(&text);
    return e;
}

static err write_page(const struct preview *p, const struct preview_options *o) {
    struct str page = {0}, name = {0};
    err e = str_add(&name, o->dataset);
    while (e == ERR_OK && name.len > 1 && name.data[name.len - 1] == '/')
        name.data[--name.len] = '\0';
    struct page_options options = {.name = path_base(str_text(&name)),
                                   .rows = o->rows > 0 ? o->rows : PAGE_ROWS,
                                   .tokens = PAGE_TOKENS,
                                   .n_dropped = PAGE_DROPPED};
    if (e == ERR_OK) e = page_write(p->dataset, &options, &page);
    if (e == ERR_OK) e = file_write(o->html, str_text(&page), page.len);
    str_release(&page);
    str_release(&name);
    return e;
}

static err show(const struct preview *p, const struct preview_options *o) {
    if (o->html) return write_page(p, o);
    if (o->packed) return show_packed(p, o);
    return o->json ? show_json(p, o) : show_rows(p, o);
}

static err check_options(const struct preview_options *o) {
    int forms = (o->html != NULL) + (o->packed != NULL) + o->json;
    return forms <= 1 ? ERR_OK : fail(ERR_USAGE, "--html, --packed and --json exclude each other");
}

static err run(const void *given, struct arena *arena) {
    const struct preview_options *o = given;
    struct preview p = {.colour = wants_colour(o->color)};
    (void)arena;
    TRY(check_options(o));
    p.split = strcmp(o->split, "valid") == 0 ? SPLIT_VALID : SPLIT_TRAIN;
    TRY(loss_mask_parse(o->loss_mask, &p.loss_mask));
    TRY(dataset_open(&p.dataset, o->dataset));
    err e = ERR_OK;
    if (!o->html) e = tokenizer_open(&p.tokenizer, dataset_tokenizer_dir(p.dataset));
    if (e == ERR_OK && !o->html) e = provenance_open(&p.provenance, p.dataset);
    if (e == ERR_OK) e = show(&p, o);
    provenance_close(p.provenance);
    tokenizer_free(p.tokenizer);
    dataset_close(p.dataset);
    return e;
}

const struct command cmd_data_preview = {
    .noun = "data",
    .verb = "preview",
    .summary = "rows of a dataset as tokens, with the trained ones marked; or a page about it",
    .details =
        "Tokens stand between bars; trained stretches are coloured and underlined, or stand\n"
        "between [[ and ]]. A token's trained mark means that predicting it counts.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct preview_options),
    .run = run,
};
