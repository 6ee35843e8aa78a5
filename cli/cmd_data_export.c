/* SPDX-License-Identifier: Apache-2.0
 * cotrain data export: a split of a dataset in another program's form. So far that is Megatron's
 * pair of files (data/source/megatron.h), which Yuan 2.0's own training reads: a row is a sequence,
 * in the order of the dataset. What is trained is not in such files; there a loss mask finds it. */
#include "base/log.h"
#include "cli/command.h"
#include "data/dataset/dataset.h"
#include "data/source/megatron.h"
#include <string.h>

struct export_options {
    const char *dataset, *format, *split, *out;
};

#define ROW(field, ...) OPT(struct export_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(dataset, .required = true, .path = true, .positional = true, .value = "DIR",
        .help = "dataset folder, as `data build` writes it"),
    ROW(out, .required = true, .value = "PREFIX", .help = "PREFIX.bin and PREFIX.idx are written"),
    ROW(format, .choices = "megatron", .preset = "megatron", .help = "the form"),
    ROW(split, .choices = "train,valid", .preset = "train", .help = "which rows"),
};

static err write_rows(const struct dataset *d, enum dataset_split split, const char *prefix) {
    struct megatron_writer w;
    TRY(megatron_writer_open(&w, prefix));
    err e = ERR_OK;
    for (int64_t i = 0; i < dataset_n_rows(d, split) && e == ERR_OK; i++)
        e = megatron_writer_add(&w, dataset_tokens(d, split, i),
                                dataset_rows(d, split)[i].n_tokens);
    if (e == ERR_OK) return megatron_writer_commit(&w);
    megatron_writer_abort(&w);
    return e;
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct export_options *o = given;
    enum dataset_split split = strcmp(o->split, "valid") == 0 ? SPLIT_VALID : SPLIT_TRAIN;
    struct dataset *d;
    TRY(dataset_open(&d, o->dataset));
    err e = write_rows(d, split, o->out);
    if (e == ERR_OK)
        LOG(DATA, INFO, "'%s.idx': %lld rows, %lld tokens", o->out,
            (long long)dataset_n_rows(d, split), (long long)dataset_n_tokens(d, split));
    dataset_close(d);
    return e;
}

const struct command cmd_data_export = {
    .noun = "data",
    .verb = "export",
    .summary = "rows of a dataset in another program's form",
    .details =
        "The rows keep their order and their tokens, <eod> included. Megatron's files hold no\n"
        "marks of what is trained; its --sft-stage finds it by <sep> and <eod>.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct export_options),
    .run = run,
};
