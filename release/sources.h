/* SPDX-License-Identifier: Apache-2.0
 * What a recipe was run with beside the base model, so that a release is enough to run it again:
 * `sources/` has the files that may be published, byte for byte, and provenance/sources.json lists
 * them and, by name and hash, those that may not:
 *   {"cotrain_sources": 1,
 *    "inputs": [{"key": "data.sources.0.path",    where the recipe names it
 *                "at": "rows.jsonl",              its path once more, below a folder of its own
 *                "withheld": "no licence is said" why its files are not here, or null
 *                "rows": null                     of rows that a teacher made, which no key names:
 *                                                 {"format", "request", "license"}
 *                "files": [{"path": "1/rows.jsonl", "bytes", "sha256"}]}]}    below sources/
 * A teacher cannot be asked again, so what it made is a source like others: reproduction starts
 * from it. Read next: cli/release_inputs.h, which lists a recipe's; release/reproduce.h. */
#ifndef COTRAIN_RELEASE_SOURCES_H
#define COTRAIN_RELEASE_SOURCES_H

#include "base/json.h"

#define PACK_SOURCES "provenance/sources.json"
#define PACK_SOURCES_DIR "sources"

struct release_input {
    const char *key, *path; /* path: usable from here */
    const char *format;     /* of rows: the path may be a folder or a pattern; NULL: a file */
    const char *withheld;   /* why its files are not for publishing; NULL: they are */
    const char *request, *license; /* of rows that a teacher made */
    bool made;
};
struct release_inputs {
    struct release_input *items;
    int64_t n;
};

/* Whether a release can carry the files of an input, its number from 1, under their own names, or
 * lists them where they are withheld: ERR_GATE naming the file. Nothing of them is read. */
MUST_CHECK err sources_check(const struct release_input *in, int64_t number);
/* Into the release folder `dir`; each input is checked as above. */
MUST_CHECK err sources_pack(const struct release_inputs *inputs, const char *dir);
/* dir/provenance/sources.json, its outline and every path in it checked. A release that has none is
 * ERR_MISSING. The caller json_decref()s. */
MUST_CHECK err sources_read(const char *dir, json_t **out);
/* Whether every file that is listed as packed lies there with its hash, and none that is withheld:
 * `hash_of` gives the release's own sum of a path, NULL where it has none. ERR_GATE. */
MUST_CHECK err sources_agree(const json_t *sources, const char *(*hash_of)(void *ctx, const char *),
                             void *ctx);

struct sources_restore {
    const char *dir;   /* of the release */
    const char *given; /* folder with files that are withheld; NULL: none */
    const char *to;    /* made; has each input's folder afterwards, "1", "2", ... */
};
/* Copies all files of all inputs, each checked by its hash. Of an input that lacks a withheld file
 * `out_missing` gets a member under its key, which says what is missing. A file in `given` of the
 * right name and another content is ERR_MISMATCH. */
MUST_CHECK err sources_restore(const struct sources_restore *r, const json_t *sources,
                               json_t *out_missing);

#endif
