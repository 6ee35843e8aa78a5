/* SPDX-License-Identifier: Apache-2.0
 * What opening a program and making a new one share: its options as a schema, and the checks that
 * no single row can make.
 * Read next: issues/program.h. */
#ifndef COTRAIN_ISSUES_PROGRAM_INT_H
#define COTRAIN_ISSUES_PROGRAM_INT_H

#include "issues/program.h"

extern const struct recipe_schema program_schema;
MUST_CHECK err program_check(const struct program_options *o);

#endif
