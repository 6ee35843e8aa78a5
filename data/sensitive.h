/* SPDX-License-Identifier: Apache-2.0
 * What must be looked at before a text is trained on or published: personal data, secrets, and
 * words that speak of a licence. Rules are rows of data/sensitive.def; where a number carries a
 * checksum (identity and bank cards) it is checked. Finds; what to do about it is the caller's.
 * Not found, since no rule is reliable enough: names and postal addresses, and addresses that are
 * spelt out ("name at domain dot com"). Not reported: what is reserved for documentation
 * (example.com, 203.0.113.7, published test numbers), placeholders, addresses that are not public.
 * Read next: data/sensitive.def. */
#ifndef COTRAIN_DATA_SENSITIVE_H
#define COTRAIN_DATA_SENSITIVE_H

#include "base/arena.h"
#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

enum sensitive_class { SENSITIVE_PERSONAL, SENSITIVE_SECRET, SENSITIVE_LICENCE };
enum { SENSITIVE_MAX_BYTES = 1 << 30 };

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
/* In order of place; finds do not overlap (of two that do the longer one stays, of two equal ones
 * the one whose row stands first). Any bytes, read as UTF-8; full-width characters and such as draw
 * nothing do not hide anything. Time is linear whatever the text; ERR_LIMIT above
 * SENSITIVE_MAX_BYTES. Finds and their texts live in the arena. */
MUST_CHECK err sensitive_find(const char *text, size_t n, struct arena *a,
                              struct sensitive_list *out);

#endif
