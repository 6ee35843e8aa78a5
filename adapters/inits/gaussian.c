/* SPDX-License-Identifier: Apache-2.0
 * A normal with deviation 1/r, B zero: the start is the base.
 * Source: PEFT, reset_lora_parameters.
 * Read next: adapters/inits/init.h. */
#include "adapters/inits/init.h"

#include "base/philox.h"

static err fill(const struct adapter_site *site, void *work, float *a, float *b) {
    const struct projection *p = site->projection;
    const struct rng rng = {site->adapter->seed, RNG_INIT, (uint64_t)p->site};
    (void)work;
    (void)b;
    for (int64_t i = 0; i < site->r * p->in; i++)
        a[i] = (float)(rng_normal(&rng, (uint64_t)i) / (double)site->r);
    return ERR_OK;
}

extern const struct adapter_init gaussian_init;
const struct adapter_init gaussian_init = {
    .name = "gaussian",
    .summary = "A normal with deviation 1/r, B zero",
    .fill = fill,
};
