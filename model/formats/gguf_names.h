/* SPDX-License-Identifier: Apache-2.0
 * What things are called in a Yuan 2.0 GGUF file: tensors, and the keys that hold what config.json
 * holds. Names and keys are those of the llama.cpp fork that IEITYuan publishes; mainline llama.cpp
 * has no such architecture. Its earliest files carry the architecture "llama" with the same
 * tensors: such a file is read, too.
 * Source: the fork's gguf-py and convert.py. Read next: model/formats/gguf_names.c. */
#ifndef COTRAIN_MODEL_FORMATS_GGUF_NAMES_H
#define COTRAIN_MODEL_FORMATS_GGUF_NAMES_H

#include "model/config.h"
#include "model/formats/gguf.h"

#define GGUF_ARCHITECTURE "yuan2"
#define GGUF_NOTE "for the IEITYuan fork of llama.cpp only; mainline has no such architecture"
/* Our own key: config.json as it was, as one string. */
#define GGUF_CONFIG_KEY "cotrain.config"

/* The same tensor's name there and here, from the arena. A name without a counterpart is
 * ERR_UNSUPPORTED. */
MUST_CHECK err gguf_name_from_hf(const char *hf, struct arena *a, const char **out);
MUST_CHECK err gguf_name_to_hf(const char *name, struct arena *a, const char **out);

/* A setting of config.json that has a key of its own in a GGUF file. */
struct gguf_setting {
    const char *suffix; /* behind "yuan2.", or a whole key */
    bool whole;
    const char *hf; /* in config.json */
    size_t offset;  /* of the field in struct model_config */
    bool number;    /* a double, F32 in files; else an int64_t, U32 in files */
    bool needed;
};
extern const struct gguf_setting gguf_settings[];
extern const int n_gguf_settings;

/* config.json's object: as it was where the file holds it, else made from the settings. The caller
 * json_decref()s. A file of another architecture is ERR_UNSUPPORTED naming it. */
MUST_CHECK err gguf_config(const struct gguf *g, json_t **out);

#endif
