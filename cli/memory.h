/* SPDX-License-Identifier: Apache-2.0
 * The memory that training may use and does use, for people: what --memory says, or else what the
 * machine has left; the table of a plan; and what a run held against it.
 *
 * Everything resident counts: the planned bytes (one allocation), the weights that are read where
 * the checkpoint's mapped files have them, and an allowance for the program itself (trainer/fit.h).
 * On a GPU it is the GPU's memory that counts: weights, too, are in the planned bytes there.
 * Read next: cli/planning.h, cli/smaller.h for what to do where it does not fit. */
#ifndef COTRAIN_CLI_MEMORY_H
#define COTRAIN_CLI_MEMORY_H

#include "base/json.h"
#include "base/str.h"
#include "trainer/fit.h"

/* Help of the option --memory, an int64_t of bytes (0: not given). */
#define MEMORY_HELP "most memory that training may use, all told: 24GiB, 800MB"

struct memory_limit {
    int64_t bytes;
    bool given;  /* by --memory; else what the machine has left, less a margin */
    bool device; /* what a GPU has left */
};
/* INT64_MAX where nothing is given and the system does not tell. Of a GPU that `device` names and
 * that is not here, --memory must tell. */
MUST_CHECK err memory_limit_find(int64_t given, const char *device, struct memory_limit *out);
/* Whether a run may start: within a limit that was given. What the machine has left may be
 * exceeded by mapped weights, which the system reads again when it gave them up. */
bool memory_fits(const struct memory_limit *limit, const struct fit *fit);
/* ERR_LIMIT with the bytes that are needed and those that are allowed. */
MUST_CHECK err memory_refuse(const struct memory_limit *limit, const struct fit *fit);

/* "24.0 GiB", "812.5 MiB" */
enum { MEMORY_TEXT_SIZE = 32 };
const char *memory_text(int64_t bytes, char out[MEMORY_TEXT_SIZE]);
/* "nothing", "12 feed-forwards and 3 layers, logits: 14.2 % more multiplications" */
MUST_CHECK err memory_recompute_text(const struct fit *fit, int64_t n_layers, struct str *out);

/* The table of a plan, appended, or its members added to an object. */
MUST_CHECK err memory_table(const struct plan *p, const struct fit *fit, int64_t n_layers,
                            struct str *out);
MUST_CHECK err memory_json(const struct plan *p, const struct fit *fit, json_t *out);

/* What the process held while it trained. */
struct memory_use {
    int64_t before_bytes; /* anonymous, before the plan was allocated */
    int64_t most_bytes;   /* anonymous, the most at the end of a step */
    int64_t now_bytes;    /* anonymous at the last look, less those before; 0: not known */
};
MUST_CHECK err memory_use_start(struct memory_use *u);
MUST_CHECK err memory_use_look(struct memory_use *u);
/* Planned against used: two lines, or members of an object. */
MUST_CHECK err memory_use_text(const struct memory_use *u, const struct fit *fit, struct str *out);
MUST_CHECK err memory_use_json(const struct memory_use *u, const struct fit *fit, json_t *out);

#endif
