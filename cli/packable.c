/* SPDX-License-Identifier: Apache-2.0
 * Asking what packing will ask (cli/packable.h), one key of the recipe after the other, so that one
 * look shows all of it.
 * Read next: release/sources.h, release/base.h, release/signing.h. */
#include "cli/packable.h"

#include "cli/release_inputs.h"
#include "release/base.h"
#include "release/names.h"
#include "release/previous.h"

/* What a release is refused for is here a fault of the recipe. */
static err fault_at(struct recipe *r, const char *key, err code) {
    if (code == ERR_OK) return ERR_OK;
    return recipe_fault_at(r, key, code == ERR_GATE ? ERR_RANGE : code);
}

static err check_inputs(const struct chain *c, struct recipe *r) {
    struct release_inputs inputs;
    TRY(release_inputs_list(c, NULL, 0, &r->arena, &inputs));
    for (int64_t i = 0; i < inputs.n; i++) {
        const struct release_input *in = &inputs.items[i];
        TRY(fault_at(r, in->key, fail_in(sources_check(in, i + 1), "'%s'", in->key)));
    }
    return ERR_OK;
}

static err check_keys(const struct release_keys *keys, struct recipe *r) {
    const struct release_keys ssh = {.ssh_key = keys->ssh_key}, p256 = {.p256_key = keys->p256_key};
    TRY(fault_at(r, "release.sign.ssh_key", release_keys_check_unattended(&ssh)));
    return fault_at(r, "release.sign.p256_key", release_keys_check_unattended(&p256));
}

err packable_check(const struct chain *c, struct recipe *r) {
    const struct release_options *o = &c->release;
    if (!o->name) return ERR_OK;
    TRY(fault_at(r, "release.name", release_title_check(o->name)));
    TRY(fault_at(r, "release.formats", release_formats_check(&o->formats)));
    TRY(fault_at(r, "base_model.path", release_base_check(c->base_model.path)));
    TRY(check_inputs(c, r));
    if (o->previous) TRY(fault_at(r, "release.previous", previous_check(o->previous, false)));
    TRY(check_keys(&o->sign, r));
    return recipe_faults_err(&r->faults);
}
