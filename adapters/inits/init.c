/* SPDX-License-Identifier: Apache-2.0
 * The table of initialisations, and which of them a name means.
 * A name is PEFT's, so that a recipe says what users of PEFT write.
 * Read next: adapters/inits/init.h, the contract. */
#include "adapters/inits/init.h"
#include "base/str.h"

#include <string.h>

#define INIT(name) extern const struct adapter_init name##_init;
#include "adapters/inits.def"
#undef INIT

static const struct adapter_init *const inits[] = {
#define INIT(name) &name##_init,
#include "adapters/inits.def"
#undef INIT
};
enum { N_INITS = sizeof inits / sizeof inits[0], MAX_ROUNDS = 1000 };

static const char counted_by[] = "_niter_";

static err read_rounds(const char *name, const char *digits, int64_t *out) {
    err e = str_to_int64(digits, out);
    if (e == ERR_OK && (*out < 1 || *out > MAX_ROUNDS))
        e = fail(ERR_RANGE, "%s rounds are not from 1 to %d", digits, MAX_ROUNDS);
    return e == ERR_OK ? e : fail_in(e, "adapter: 'init_lora_weights' '%s'", name);
}

err adapter_init_find(const char *name, const struct adapter_init **out, int64_t *out_rounds) {
    *out_rounds = 0;
    *out = inits[0];
    if (!name) return ERR_OK;
    for (int i = 0; i < N_INITS; i++) {
        const size_t n = strlen(inits[i]->name);
        *out = inits[i];
        if (!strcmp(name, inits[i]->name)) return ERR_OK;
        if (inits[i]->counted && !strncmp(name, inits[i]->name, n) &&
            str_starts(name + n, counted_by))
            return read_rounds(name, name + n + strlen(counted_by), out_rounds);
    }
    err e = fail(ERR_UNSUPPORTED, "adapter: 'init_lora_weights' '%s' is not known", name);
    return fail_hint(e, "true, gaussian, pissa, pissa_niter_N");
}

const char *adapter_init_at(int i, const char **out_summary) {
    if (i < 0 || i >= N_INITS) return NULL;
    *out_summary = inits[i]->summary;
    return inits[i]->name;
}
