/* SPDX-License-Identifier: Apache-2.0
 * Keys under other names: a source's `columns`, a mapping from the key that a reader looks for to
 * the one that the records have ({instruction: question, output: answer}). So is written what a
 * registry of LLaMA-Factory says in its `columns`. */
#ifndef COTRAIN_DATA_SOURCE_COLUMNS_H
#define COTRAIN_DATA_SOURCE_COLUMNS_H

#include "base/json.h"
#include "base/opt.h"

/* Each item is "key: name", neither of them empty. */
MUST_CHECK err columns_check(const struct opt_list *columns);
/* Puts the members under their keys; a record that has both is refused. */
MUST_CHECK err columns_apply(const struct opt_list *columns, json_t *record);

#endif
