/* SPDX-License-Identifier: Apache-2.0
 * What holds for the samples of every format, asked of each before it is taken
 * (data/source/read.h). Errors are the record's own faults, told without its place, which
 * data/source/read.c adds. The one step that changes a sample is here as well: ids get the text
 * that filters and lint read. */
#ifndef COTRAIN_DATA_SOURCE_CHECK_H
#define COTRAIN_DATA_SOURCE_CHECK_H

#include "data/readers/reader.h"
#include "data/tokens/tokenizer.h"

/* Well-formed UTF-8 without NUL. */
MUST_CHECK err check_bytes(struct span text);
/* No text of the sample is blank or holds a special token; where the reader allows such tokens,
 * <eod> only ends the sample, and it is not blank as a whole. Ids are the tokenizer's (NULL: they
 * are refused), <eod> only ends them, and the draft is given their text, a segment for each stretch
 * that is trained or not. */
MUST_CHECK err check_sample(const struct tokenizer *t, const struct reader *reader,
                            struct draft *draft);

#endif
