/* SPDX-License-Identifier: Apache-2.0
 * A step of a release's record against the same step trained again: whether they are equal, and if
 * not, what the difference comes from. A step is equal when the SHA-256 of its rows, the bits of
 * its loss and the digest of the trained parameters after it are (trainer/record.h).
 *   data      other rows went in: a source is not the one that was trained on
 *   seed      the rows are the same, and chance drew or ordered them otherwise
 *   recipe    the same rows, and a setting that is not the one that was trained with
 *   version   the same rows and settings, and another program or backend
 *   numeric   all of that the same, and other numbers: a fault of a machine or of this program
 * Read next: cli/reproduce.h, which trains again. */
#ifndef COTRAIN_RELEASE_REPRODUCE_H
#define COTRAIN_RELEASE_REPRODUCE_H

#include "base/json.h"
#include "base/str.h"
#include "release/steps.h"

struct reproduce_facts {
    const json_t *their_data, *our_data; /* manifests of the dataset, released and built again */
    const char *their_version, *our_version; /* of the program */
    const char *their_backend, *our_backend; /* "cpu"; theirs may be NULL: not said */
    bool same_settings; /* the record begins with the settings that the recipe gives */
    bool some_rows;     /* other steps have the right rows, so they come in the right order */
};
struct difference {
    const char *kind, *part; /* part: "batch", "loss", "update", "digest"; NULL: none */
    struct str expected, found, says;
};
/* On failure too the caller clears. */
MUST_CHECK err difference_find(const struct reproduce_facts *facts,
                               const struct step_record *theirs, const struct step_record *ours,
                               struct difference *out);
void difference_clear(struct difference *d);
/* Name of the first source whose file is not the same in both datasets' manifests, or NULL. */
const char *difference_source(const json_t *theirs, const json_t *ours);

#endif
