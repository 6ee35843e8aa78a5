/* SPDX-License-Identifier: Apache-2.0
 * GGUF files of a release: the merged model as one file each, with its tokenizer, for this
 * program's own runtime and the IEITYuan fork of llama.cpp alone, which the file says of itself.
 * What it was made from stands in its keys: general.base_model.*, general.dataset.*, licence and
 * languages, from manifest.json and the dataset's manifest.
 * Read next: release/formats.def, release/parity.h. */
#ifndef COTRAIN_RELEASE_GGUF_H
#define COTRAIN_RELEASE_GGUF_H

#include "base/json.h"
#include "base/str.h"

#define RELEASE_GGUF "gguf"

struct release_format {
    const char *name, *type; /* "gguf-f16", "f16" */
    double u;                /* release/formats.def */
};
/* ERR_UNSUPPORTED: no line of that name. */
MUST_CHECK err release_format_find(const char *name, const struct release_format **out);
/* The manifest's record of the formats that were packed, {NAME: what was measured}, or NULL. */
json_t *release_formats_measured(const json_t *manifest);

/* Appends the path within a release: "gguf/NAME-f16.gguf". */
MUST_CHECK err release_gguf_path(const char *format, const json_t *manifest, struct str *out);
/* Writes it into the folder `dir`, which holds the merged model and its tokenizer. `manifest` needs
 * "about"; `dataset` is the dataset's manifest. The same folder and manifests give the same bytes.
 */
MUST_CHECK err release_gguf_write(const char *format, const char *dir, const json_t *manifest,
                                  const json_t *dataset);

#endif
