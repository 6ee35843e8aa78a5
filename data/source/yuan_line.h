/* SPDX-License-Identifier: Apache-2.0
 * One line of Yuan 2.0's own text format: "prompt<sep>answer" with newlines written <n>, [SEP] as
 * another spelling of <sep>. Cleaned exactly as the official preprocessor does before it encodes.
 * Source: tools/preprocess_data_yuan.py of the released code (spec of Yuan 2.0, 4.2). */
#ifndef COTRAIN_DATA_SOURCE_YUAN_LINE_H
#define COTRAIN_DATA_SOURCE_YUAN_LINE_H

#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

/* Appends the cleaned text: a leading <n> dropped, white space stripped from both ends, \r and \n
 * deleted, <n> as newline, U+2583 deleted, [SEP] as <sep>. *out_skip: nothing but newlines was
 * left, so the line is no sample. */
MUST_CHECK err yuan_line_clean(const char *line, size_t n, struct str *out, bool *out_skip);

#endif
