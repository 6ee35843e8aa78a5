/* SPDX-License-Identifier: Apache-2.0
 * What must be looked at before a text is trained on or published: personal data, secrets, and
 * words that speak of a licence. Rules are rows of data/sensitive.def; where a number carries a
 * checksum (identity and bank cards) it is checked. Finds; what to do about it is the caller's.
 * Read next: data/sensitive.def. */
#ifndef COTRAIN_DATA_SENSITIVE_H
#define COTRAIN_DATA_SENSITIVE_H

#include "base/arena.h"
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum sensitive_class { SENSITIVE_PERSONAL, SENSITIVE_SECRET, SENSITIVE_LICENCE };

struct sensitive_row {
    const char *name; /* "email", "github_token" */
    enum sensitive_class what;
    const char *help;
};
extern const struct sensitive_row sensitive_rows[];
extern const int n_sensitive_rows;
const char *sensitive_class_name(enum sensitive_class what); /* "personal", "secret", "licence" */

struct sensitive_find {
    const struct sensitive_row *row;
    int64_t begin, end; /* bytes of the text */
    const char *shown;  /* safe to print: all but a few characters of a secret or number masked */
};
struct sensitive_list {
    struct sensitive_find *items;
    int64_t n;
};
/* In order of place; finds do not overlap (the longer one wins). Texts live in the arena. */
MUST_CHECK err sensitive_find(const char *text, size_t n, struct arena *a,
                              struct sensitive_list *out);

#endif
