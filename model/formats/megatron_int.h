/* SPDX-License-Identifier: Apache-2.0
 * A Megatron checkpoint while it is opened: one torch.save file a rank, of T tensor-parallel ranks
 * in each of P pipeline stages. megatron_ranks.c finds and opens them, megatron.c makes tensors of
 * them, megatron_config.c a config.
 * Read next: model/formats/megatron.c. */
#ifndef COTRAIN_MODEL_FORMATS_MEGATRON_INT_H
#define COTRAIN_MODEL_FORMATS_MEGATRON_INT_H

#include "model/formats/format.h"
#include "model/formats/torch_archive.h"

enum { MEGATRON_MAX_TENSOR_RANKS = 64, MEGATRON_MAX_STAGES = 1024 };

struct megatron_rank {
    struct torch_archive archive;
    int64_t file;     /* of the set */
    const char *name; /* of its folder, "mp_rank_01_000" */
    const struct pickle_value *model, *language_model, *encoder; /* dicts */
};

struct megatron {
    struct tensor_file *f;
    struct megatron_rank *ranks;      /* stage by stage */
    int64_t n_tensor_ranks, n_stages; /* T, P */
    int64_t n_layers;                 /* of all stages that were read */
    int64_t vocab_size;               /* that config.json asks for; 0: there is none */
    int64_t padded_vocab_size;        /* rows of the embedding, all ranks together */
    const struct pickle_value *args;  /* the first rank's; NULL: there are none */
};

static inline struct megatron_rank *megatron_rank_at(const struct megatron *m, int64_t stage,
                                                     int64_t tensor_rank) {
    return &m->ranks[stage * m->n_tensor_ranks + tensor_rank];
}

/* Opens every rank of the checkpoint whose tracker file, or folder of ranks, is `path`, into the
 * set m->f. */
MUST_CHECK err megatron_open_ranks(struct megatron *m, const char *path);
/* The whole number `name` of the args must be `value`; where the args do not say, it is. */
MUST_CHECK err megatron_check_arg(const struct megatron *m, const char *name, int64_t value);
/* Holds the args against the model that was read, and makes f->config of both. */
MUST_CHECK err megatron_config(struct megatron *m);

#endif
