/* SPDX-License-Identifier: Apache-2.0
 * How long a step takes: what it multiplies, moves and updates (model/cost.h, adapter_cost,
 * trainer/optim) over the rates of this machine, which are measured for some tenths of a second.
 * Nothing that is computed or released depends on any of it.
 * Read next: trainer/fit.h. */
#ifndef COTRAIN_TRAINER_PACE_H
#define COTRAIN_TRAINER_PACE_H

#include "model/cost.h"
#include "trainer/trainer.h"

struct pace {
    double products; /* multiplications a second of a product of large matrices: the product peak */
    double narrow;   /* of products with 16 rows, as LoRA's gradients are */
    double attention; /* of attention, forward */
    double bytes;     /* a second that a sum of rows reads and writes */
    double updates;   /* elements a second that the run's optimiser updates */
};

/* What a step is made of. */
struct pace_step {
    double rows, tokens, trained_tokens;
};

/* Of an initialised trainer, before its plan is allocated. Holds some 18 MiB meanwhile, and up to
 * 66 where `most_bytes` allows it: what memory moves is then measured past the caches. */
MUST_CHECK err pace_measure(struct pace *p, const struct trainer *t, int64_t most_bytes);
/* Expected seconds, and the share of the product peak that `seconds` come to. The trainer is
 * planned. */
double pace_seconds(const struct pace *p, const struct trainer *t, const struct pace_step *step);
double pace_of_peak(const struct pace *p, const struct trainer *t, const struct pace_step *step,
                    double seconds);

#endif
