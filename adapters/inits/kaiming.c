/* SPDX-License-Identifier: Apache-2.0
 * PEFT's default: A Kaiming-uniform with a = sqrt(5), that is uniform in +-1/sqrt(in); B stays 0,
 * so the adapted model starts as the base.
 * Source: PEFT, reset_lora_parameters. */
#include "adapters/inits/init.h"

#include "base/philox.h"

#include <math.h>

static err fill(const struct adapter_site *site, void *work, float *a, float *b) {
    const struct projection *p = site->projection;
    const struct rng rng = {site->adapter->seed, RNG_INIT, (uint64_t)p->site};
    const double bound = 1 / sqrt((double)p->in);
    (void)work;
    (void)b;
    for (int64_t i = 0; i < site->r * p->in; i++)
        a[i] = (float)((2 * rng_uniform(&rng, (uint64_t)i) - 1) * bound);
    return ERR_OK;
}

extern const struct adapter_init kaiming_init;
const struct adapter_init kaiming_init = {
    .name = "true",
    .summary = "A uniform in +-1/sqrt(in), B zero",
    .fill = fill,
};
