/* SPDX-License-Identifier: Apache-2.0
 * Reads a file of rows into samples: finds its framing and its format (data/source/detect.h), hands
 * each record to the reader (data/readers/), and checks what holds for every format: well-formed
 * UTF-8, no NUL, no empty prompt or answer, no special token inside a text; of ids, that the
 * tokenizer has them and that <eod> ends the row at most. The file is a stream, plain or
 * compressed: memory is that of its longest record, beside the samples and their texts.
 *
 * A file has one format. A record that is another format's by its keys is a fault, and so is
 * preference data (two answers, or a mark for one), which this trainer does not learn from. Faulty
 * records are collected with file and line; reading goes on. A JSON record of any format may say
 * beside its own keys where it comes from: `license` and `reviewer` (texts) and `origin` (an
 * object; one that is anything else is some other program's and is passed over). */
#ifndef COTRAIN_DATA_SOURCE_READ_H
#define COTRAIN_DATA_SOURCE_READ_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/opt.h"
#include "data/readers/reader.h"
#include "data/source/faults.h"
#include "data/source/sample.h"

struct reading {
    struct arena *arena; /* of the texts */
    struct sample_list *samples;
    struct faults *faults;
    int64_t n_records;                 /* seen so far, over all files */
    const struct tokenizer *tokenizer; /* for rows of ids; NULL: they are refused */
};

struct read_file {
    const char *path, *format; /* auto or a reader's name */
    int32_t source;
    bool trains_text;               /* every token of plain text is trained */
    const struct opt_list *columns; /* keys under other names (data/source/columns.h); NULL: none */
    /* Filled: */
    const struct reader *reader;
    char sha256[SHA256_HEX_SIZE];
    int64_t n_samples;
};

/* Fails at once only when the file cannot be read or holds no record at all. */
MUST_CHECK err read_file(struct reading *r, struct read_file *file);
/* For readers of whole files: takes a draft into the samples, or what failed (`e`) into the faults,
 * after the checks that hold for every format. */
MUST_CHECK err read_take(struct reading *r, struct read_file *file, struct draft *draft, err e,
                         int64_t line);
/* One example of a request, with the same checks; `line` is its number among them. */
MUST_CHECK err read_example(struct reading *r, const struct example *example, int32_t source,
                            int32_t line);

#endif
