/* SPDX-License-Identifier: Apache-2.0
 * Drawing rows for `cotrain data preview`. What a token's text would do to the terminal is shown
 * instead of done (cli/terminal.h). Colours are marks besides: with them a trained stretch is
 * underlined as well, so that it shows on any palette.
 * Read next: cli/preview.h, the contract. */
#include "cli/preview.h"
#include "base/mem.h"
#include "cli/terminal.h"
#include <string.h>

#define TRAINED_ON "\x1b[32;4m"
#define QUIET_ON "\x1b[2m"
#define OFF "\x1b[0m"

err preview_trained(const struct preview *p, int64_t row, int64_t n, uint8_t *trained) {
    const int32_t *ids = dataset_tokens(p->dataset, p->split, row);
    trained[0] = 0; /* nothing predicts the first token */
    if (p->loss_mask == LOSS_MASK_ANSWER) {
        memcpy(trained + 1, dataset_answer(p->dataset, p->split, row) + 1, (size_t)n - 1);
        return ERR_OK;
    }
    return loss_mask_apply(p->loss_mask, ids, n - 1, dataset_eod(p->dataset),
                           dataset_sep(p->dataset), ids + 1, trained + 1);
}

static err add_quiet(const struct preview *p, const char *text, struct str *out) {
    return p->colour ? str_printf(out, QUIET_ON "%s" OFF, text) : str_add(out, text);
}

static err add_piece(const struct preview *p, int32_t id, struct str *out) {
    struct str piece = {0};
    err e = tokenizer_add_piece(p->tokenizer, id, &piece);
    if (e == ERR_OK) e = terminal_add_line(str_text(&piece), 0, out);
    str_release(&piece);
    return e;
}

/* "a|b|<sep>|[[c|<eod>]]" */
static err add_tokens(const struct preview *p, const int32_t *ids, int64_t n,
                      const uint8_t *trained, struct str *out) {
    const char *on = p->colour ? TRAINED_ON : "[[", *off = p->colour ? OFF : "]]";
    for (int64_t i = 0; i < n; i++) {
        bool before = i > 0 && trained[i - 1];
        if (before && !trained[i]) TRY(str_add(out, off));
        if (i > 0) TRY(before && trained[i] ? str_add(out, "|") : add_quiet(p, "|", out));
        if (trained[i] && !before) TRY(str_add(out, on));
        TRY(add_piece(p, ids[i], out));
    }
    if (n > 0 && trained[n - 1]) TRY(str_add(out, off));
    return str_add(out, "\n");
}

static int64_t count(const uint8_t *trained, int64_t n) {
    int64_t n_trained = 0;
    for (int64_t i = 0; i < n; i++) n_trained += trained[i];
    return n_trained;
}

static err add_counts(const struct preview *p, int64_t n, int64_t n_trained, struct str *out) {
    return str_printf(out, ", %lld tokens, %lld trained %s\n", (long long)n, (long long)n_trained,
                      p->colour ? TRAINED_ON "so" OFF : "[[so]]");
}

err preview_row(const struct preview *p, int64_t row, struct str *out) {
    int64_t n = dataset_rows(p->dataset, p->split)[row].n_tokens;
    struct str from = {0};
    uint8_t *trained = mem_alloc((size_t)n, 1);
    if (!trained) return ERR_MEMORY;
    err e = preview_trained(p, row, n, trained);
    if (e == ERR_OK)
        e = str_printf(out, "%s row %lld: ", p->split == SPLIT_VALID ? "valid" : "train",
                       (long long)row);
    if (e == ERR_OK) e = provenance_describe(p->provenance, p->split, row, &from);
    if (e == ERR_OK) e = terminal_add_line(str_text(&from), 0, out);
    if (e == ERR_OK) e = add_counts(p, n, count(trained, n), out);
    if (e == ERR_OK) e = add_tokens(p, dataset_tokens(p->dataset, p->split, row), n, trained, out);
    if (e == ERR_OK) e = str_add(out, "\n");
    mem_free(trained);
    str_release(&from);
    return e;
}

/* ---- packed ---- */

static err add_border(const struct preview *p, int64_t number, int64_t row, struct str *out) {
    struct str from = {0}, line = {0};
    err e = provenance_describe(p->provenance, p->split, row, &from);
    if (e == ERR_OK)
        e = str_printf(&line, "-- document %lld: row %lld, ", (long long)number, (long long)row);
    if (e == ERR_OK) e = terminal_add_line(str_text(&from), 0, &line);
    if (e == ERR_OK) e = add_quiet(p, str_text(&line), out);
    str_release(&from);
    str_release(&line);
    return e == ERR_OK ? str_add(out, "\n") : e;
}

/* A loader's row with its last target, which it does not hold as an id where it is trained. */
struct positions {
    int32_t *ids;
    uint8_t *trained;
    int64_t n;
};

static err take_positions(const struct loader_row *row, struct positions *out) {
    out->ids = mem_alloc((size_t)row->n + 1, sizeof *out->ids);
    out->trained = mem_zalloc((size_t)row->n + 1, 1);
    if (!out->ids || !out->trained) return ERR_MEMORY;
    memcpy(out->ids, row->ids, (size_t)row->n * sizeof *out->ids);
    for (int64_t i = 0; i < row->n; i++) out->trained[i + 1] = row->targets[i] != LOADER_IGNORE;
    out->n = row->n;
    if (out->trained[row->n]) out->ids[out->n++] = row->targets[row->n - 1];
    return ERR_OK;
}

static err add_documents(const struct preview *p, struct loader *loader, int64_t step,
                         const struct loader_row *row, const struct positions *all,
                         struct str *out) {
    int64_t number = 0;
    for (int64_t begin = 0, end; begin < row->n; begin = end) {
        int64_t from;
        end = begin + 1;
        while (end < row->n && !row->doc_start[end]) end++;
        int64_t stop = end < row->n ? end : all->n;
        TRY(loader_document(loader, step, number, &from));
        TRY(add_border(p, ++number, from, out));
        TRY(add_tokens(p, all->ids + begin, stop - begin, all->trained + begin, out));
    }
    return ERR_OK;
}

err preview_packed(const struct preview *p, struct loader *loader, int64_t step,
                   int64_t sequence_len, struct str *out) {
    const struct loader_row *row;
    struct positions all = {0};
    int64_t n_rows, n_documents = 0;
    TRY(loader_rows(loader, step, &row, &n_rows));
    err e = take_positions(row, &all);
    for (int64_t i = 0; i < row->n; i++) n_documents += row->doc_start[i];
    if (e == ERR_OK)
        e = str_printf(out, "packed row %lld: %lld documents, %lld of %lld positions",
                       (long long)step, (long long)n_documents, (long long)row->n,
                       (long long)sequence_len);
    if (e == ERR_OK) e = add_counts(p, all.n, count(all.trained, all.n), out);
    if (e == ERR_OK) e = add_documents(p, loader, step, row, &all, out);
    mem_free(all.ids);
    mem_free(all.trained);
    return e == ERR_OK ? str_add(out, "\n") : e;
}
