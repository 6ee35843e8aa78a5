/* SPDX-License-Identifier: Apache-2.0
 * Module names against the patterns of PEFT's rank_pattern and alpha_pattern. A key is a regular
 * expression; it means a module when it matches the whole name, or all of it behind one of its
 * dots: Python's  re.match(r"(.*\.)?(KEY)$", name).  So `q_proj`, `self_attn.q_proj`,
 * `model.layers.0.self_attn.q_proj`, `.*\.layers\.[0-3]\..*` and `^model\.layers\.1\..*` are keys.
 * Of Python's syntax: characters, . [...] [^...] \d \w \s \. (...) (?:...) | * + ? (greedy or not)
 * ^ $; anything else is refused by name. A name is read once, whatever the key (no backtracking).
 * Source: PEFT 0.17, get_pattern_key. Read next: adapters/sites.c. */
#ifndef COTRAIN_ADAPTERS_PATTERN_H
#define COTRAIN_ADAPTERS_PATTERN_H

#include "base/err.h"
#include <stdbool.h>

/* A key that cannot be read is ERR_UNSUPPORTED naming it and what is wrong. */
MUST_CHECK err pattern_matches(const char *key, const char *module, bool *out);

#endif
