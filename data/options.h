/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `data` section as plain structs. The rows of each table are in data/options.c;
 * cli/sections.def says where each sub-section goes. Texts belong to the arena of whoever read
 * the recipe. Read next: data/build.h, which takes these. */
#ifndef COTRAIN_DATA_OPTIONS_H
#define COTRAIN_DATA_OPTIONS_H

#include "base/opt.h"
#include "data/filters/options.h"
#include "data/synth/options.h"

/* data.sources[]: a file of rows. */
struct data_source {
    const char
        *path; /* file, folder or pattern (data/source/files.h), usable from the present folder */
    const char *format;             /* auto, or a row of data/readers/readers.def */
    const char *license, *reviewer; /* of every row that does not name its own; NULL: not said */
    const char *request; /* id of the request whose rows these are, or NULL: a group of its own */
    double weight;    /* share of the data, beside the requests' weights; without `request` only */
    const char *text; /* what becomes of plain text: NULL or context, or trained (every token) */
    struct opt_list columns; /* keys under other names (data/source/columns.h) */
    bool withhold;           /* not for publishing: a release has its hash alone */
};
struct data_source_list {
    struct data_source *items;
    int64_t n;
};

/* data.holdout: cases that are kept for evaluation. */
struct data_holdout {
    /* Rows split off for each request that has no file of cases of its own; 0: none. */
    int64_t per_request;
    /* The cases' texts are not for publishing: only their SHA-256 is. */
    bool sealed;
};

/* data.fim: fill in the middle (data/tokens/fim.h); rate 0: off. */
struct data_fim {
    double rate, spm_rate;
};
/* data.replay: general data that is trained beside the requests, so that the model keeps it. */
struct data_replay {
    const char *path; /* NULL: none */
    const char *format, *license;
    double share;  /* of the trained tokens of every epoch */
    bool withhold; /* as a source's */
};
/* data.mix: shares and length of an epoch (data/steps/mix.h). Zeros: not given. */
struct data_mix {
    double temperature;
    int64_t tokens;
};

struct data_options {
    const char *special_whitespace; /* strip, keep */
    const char *turns;           /* each: one row per assistant turn; all: one row, all trained */
    double validation;           /* share of every group's rows kept for validation loss */
    struct opt_list lint;        /* limits of lints, items "name: share" (data/lint.h) */
    const char *sensitive_words; /* file of words that no row should have; NULL: none */
    struct data_source_list sources;
    struct opt_list filters;      /* rows of data/filters/filters.def, in the order they run */
    struct filter_options filter; /* their thresholds */
    struct data_holdout holdout;
    struct data_fim fim;
    struct data_replay replay;
    struct data_mix mix;
    struct expand_options expand; /* rows that a teacher makes */
};

struct opt_table data_options_table(void);
struct opt_table data_source_options_table(void);
struct opt_table data_holdout_options_table(void);
struct opt_table data_fim_options_table(void);
struct opt_table data_replay_options_table(void);
struct opt_table data_mix_options_table(void);

#endif
