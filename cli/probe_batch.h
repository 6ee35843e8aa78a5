/* SPDX-License-Identifier: Apache-2.0
 * The input of `model probe`: a safetensors file with input_ids [B,T] and, where given, labels
 * (already the next tokens, -100 is not trained), attention_mask (padding at either end) and
 * position_ids.
 * Read next: cli/cmd_model_probe.c. */
#ifndef COTRAIN_CLI_PROBE_BATCH_H
#define COTRAIN_CLI_PROBE_BATCH_H

#include "data/tokens/masks.h"
#include "model/batch.h"
#include "model/config.h"

struct probe_batch {
    int64_t n_rows, row_tokens; /* B, T */
    struct batch batch;         /* targets: every label */
    int32_t *masked;            /* (B T) labels that the loss mask leaves, else TARGET_IGNORE */
};

/* Without labels they are the row's own next tokens. A token hidden by attention_mask predicts
 * nothing and, where labels are its row's own tokens, is not predicted. On failure nothing needs
 * releasing. */
MUST_CHECK err probe_batch_read(struct probe_batch *p, const char *path,
                                const struct model_config *config, enum loss_mask loss_mask,
                                enum isolate isolate);
void probe_batch_release(struct probe_batch *p);

#endif
