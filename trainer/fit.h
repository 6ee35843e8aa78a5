/* SPDX-License-Identifier: Apache-2.0
 * The memory plan of a run made to fit: which activations the backward pass makes again instead of
 * keeping (struct recompute, model/model.h) is chosen so that everything resident stays within a
 * limit, with as few multiplications made again as that takes. Resident are the planned bytes, the
 * weights that are read where the checkpoint's mapped files have them, and the program itself.
 * No number of a run depends on the choice.
 * Read next: model/cost.h for the count of multiplications. */
#ifndef COTRAIN_TRAINER_FIT_H
#define COTRAIN_TRAINER_FIT_H

#include "model/cost.h"
#include "trainer/trainer.h"

/* Code, libraries, threads' stacks, the list of the data's rows and the strings of a step: 14 MiB
 * were measured on small models and 29 MiB with the tokenizer's libraries and 2.1B weights. */
#define FIT_PROGRAM_BYTES (32LL << 20)

/* Beside a plan on a GPU: the context, the kernels' code and cuBLASLt's. No GPU was there to
 * measure it on. */
#define FIT_CONTEXT_BYTES (640LL << 20)

/* On a backend with memory of its own all of it is there: what is resident is what it holds. */
struct fit {
    int64_t planned_bytes, mapped_bytes; /* of the plan that was chosen */
    int64_t program_bytes;               /* the allowance beside it */
    int64_t eval_bytes;                  /* struct train_run's */
    int64_t host_bytes;                  /* pinned beside it, on the host: not resident */
    struct recompute recompute;
    struct cost cost; /* of a step of full rows */
};
static inline int64_t fit_resident_bytes(const struct fit *f) {
    return f->planned_bytes + f->mapped_bytes + f->program_bytes + f->eval_bytes;
}
/* Multiplications made again, over those of a step without. */
double fit_again_share(const struct fit *f);

/* Plans an initialised trainer, as trainer_plan, so that fit_resident_bytes is at most `limit`
 * (INT64_MAX: no limit), and leaves that plan in `plan`. train.recompute, where it is not auto, is
 * taken as it is. Where nothing fits the plan is the smallest that there is; the caller compares.
 */
MUST_CHECK err trainer_fit(struct trainer *t, struct plan *plan, int64_t limit, struct fit *out);

/* What a value of train.recompute says; nothing for "auto". */
struct recompute fit_fixed(const char *recompute);

#endif
