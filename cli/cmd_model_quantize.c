/* SPDX-License-Identifier: Apache-2.0
 * `cotrain model quantize`: a copy of a model folder with its projections quantised, for QLoRA and
 * for machines with little memory; it says what that saves and what it costs the weights.
 * Read next: model/quantise.h, compute/quant.h. */
#include "cli/command.h"
#include "compute/quant.h"
#include "model/quantise.h"

struct quantize_options {
    const char *model, *type, *out;
    bool json;
};

#define QUANT(name) "," #name
static const char type_names[] =
#include "compute/quants.def"
    ;
#undef QUANT

#define ROW(field, ...) OPT(struct quantize_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR|FILE", .help = "model folder, or its one file"),
    ROW(out, .required = true, .value = "DIR", .help = "the new model folder; must not exist"),
    ROW(type, .preset = "nf4", .choices = &type_names[1],
        .help = "of the projections; the rest is kept in 16 bits"),
    ROW(json, .help = "as JSON"),
};

enum { SHARD_BYTES = 2000000000 };

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

static err as_text(const struct quantise_report *r, struct str *out) {
    const double MIB = 1048576.0;
    TRY(str_printf(out, "%-32s %10.1f MiB\n%-32s %10.1f MiB\n", "before",
                   (double)r->bytes_before / MIB, "after", (double)r->bytes_after / MIB));
    for (int i = 0; i < r->n_kinds; i++) {
        const struct quantise_error *k = &r->kinds[i];
        TRY(str_printf(
            out, "%-32s mean error %6.2f %% of the mean weight, largest %6.2f %% of the largest\n",
            k->module, 100 * ratio(k->sum_error, k->sum_weights), 100 * k->largest));
    }
    return ERR_OK;
}

static err as_json(const struct quantise_report *r, json_t *out) {
    json_t *kinds = json_array();
    TRY(json_put(out, "kinds", kinds));
    TRY(json_put(out, "bytes_before", json_integer(r->bytes_before)));
    TRY(json_put(out, "bytes_after", json_integer(r->bytes_after)));
    for (int i = 0; i < r->n_kinds; i++) {
        const struct quantise_error *k = &r->kinds[i];
        json_t *row = json_object();
        TRY(json_push(kinds, row));
        TRY(json_put(row, "name", json_string(k->module)));
        TRY(json_put(row, "weights", json_integer(k->n_weights)));
        TRY(json_put(row, "mean_error", json_real(ratio(k->sum_error, k->sum_weights))));
        TRY(json_put(row, "largest_error", json_real(k->largest)));
    }
    return ERR_OK;
}

static err show(const struct quantise_report *r, bool json) {
    struct str text = {0};
    json_t *value = json_object();
    err e = value ? ERR_OK : fail(ERR_MEMORY, "out of memory");
    if (e == ERR_OK) e = json ? as_json(r, value) : as_text(r, &text);
    if (e == ERR_OK) e = json ? print_json(value) : print_text(&text);
    json_decref(value);
    str_release(&text);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct quantize_options *o = given;
    struct quantise_report report;
    struct compute compute;
    struct model model;
    (void)arena;
    TRY(compute_open(&compute, NULL));
    err e = model_open(&model, o->model, &compute);
    if (e == ERR_OK) {
        e = model_quantise(&model, quant_named(o->type), o->model, o->out, SHARD_BYTES, &report);
        model_close(&model);
    }
    compute_close(&compute);
    return e == ERR_OK ? show(&report, o->json) : e;
}

const struct command cmd_model_quantize = {
    .noun = "model",
    .verb = "quantize",
    .summary = "a copy of a model folder in 4 or 8 bits",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct quantize_options),
    .run = run,
};
