/* SPDX-License-Identifier: Apache-2.0
 * Running another program to its end: its words, what it reads, what it writes. For tools that
 * people have anyway (ssh-keygen) and whose keys, agents and tokens are none of this program's
 * business. No shell is involved, so a word is passed as it is. */
#ifndef COTRAIN_BASE_PROGRAM_H
#define COTRAIN_BASE_PROGRAM_H

#include "base/err.h"
#include "base/str.h"

struct program {
    const char *const *words; /* in: NULL-terminated; words[0] is looked for in PATH */
    const void *input;        /* in: its standard input; NULL: empty */
    size_t n_input;
    struct str output, errors; /* out: what it wrote, at most PROGRAM_MAX_BYTES each */
    int exit_code;             /* out; 128 + the signal's number where one ended it */
    /* Asked a few times a second while it runs; NULL: nobody is. With the first error it is told to
     * end (SIGTERM, which git hands on to what it started), and program_run returns that error. */
    err (*watch)(void *context);
    void *context;
};
enum { PROGRAM_MAX_BYTES = 16 << 20 };

/* Waits for it, however long that takes: it may be asking a person for a touch or a passphrase.
 * ERR_MISSING where there is no such program; an exit code that is not 0 is no error here. */
MUST_CHECK err program_run(struct program *p);
void program_clear(struct program *p);
/* The first line of what it wrote to stderr, for an error message ("" where it wrote none). */
MUST_CHECK err program_complaint(const struct program *p, struct str *out);

#endif
