/* SPDX-License-Identifier: Apache-2.0
 * What a teacher answered, kept for good: JSON Lines, one a question, appended the moment it is
 * over. A question's key is the SHA-256 of the whole of it (model, settings, seed, prompt), so what
 * stands in the log is never asked again, by whichever run. The first line says the version of the
 * form. A last line that was cut off is taken away; any other fault is an error, since an answer
 * that was paid for would be lost with it.
 * Read next: data/synth/expand.h. */
#ifndef COTRAIN_DATA_SYNTH_LOG_H
#define COTRAIN_DATA_SYNTH_LOG_H

#include "base/arena.h"
#include "base/hash.h"
#include "data/synth/teacher.h"
#include "data/text/text_map.h"
#include <stdbool.h>

enum { SYNTH_LOG_VERSION = 1 };
#define SYNTH_LOG_NAME "expand.log.jsonl"

struct synth_entry {
    const char *key;
    struct teacher_answer answer;
    bool priced, counted; /* by this run: in its budgets, in its report */
};
struct synth_log {
    char *path;
    struct arena arena;
    struct text_map keys; /* -> place in entries */
    struct synth_entry **entries;
    int64_t n, capacity;
};
/* Reads the log in the folder, or begins one. ERR_MISMATCH: another version's. Release either way.
 */
MUST_CHECK err synth_log_open(struct synth_log *log, const char *dir);
void synth_log_release(struct synth_log *log);

MUST_CHECK err synth_key(const struct teacher *t, const struct teacher_question *q,
                         char out[SHA256_HEX_SIZE]);
struct synth_entry *synth_log_find(const struct synth_log *log, const char *key);
/* Appends to the file; a key that is there already is a fault of the caller's. */
MUST_CHECK err synth_log_add(struct synth_log *log, const struct teacher *t,
                             const struct teacher_question *q, const struct teacher_answer *a);
/* To disk, so that a power cut does not cost what was paid for. */
MUST_CHECK err synth_log_flush(const struct synth_log *log);

#endif
