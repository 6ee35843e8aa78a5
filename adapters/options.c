/* SPDX-License-Identifier: Apache-2.0
 * The recipe's `adapter` section, and the kinds of adapter it may name.
 * Names of settings are PEFT's; those that other trainers use are their aliases.
 * Read next: adapters/adapter.h, adapters/adapters.def. */
#include "adapters/inits/init.h"

#include <string.h>

#define ADAPTER(name) extern const struct adapter_kind name##_adapter;
#include "adapters/adapters.def"
#undef ADAPTER

const struct adapter_kind *const adapter_kinds[] = {
#define ADAPTER(name) &name##_adapter,
#include "adapters/adapters.def"
#undef ADAPTER
};
const int n_adapter_kinds = sizeof adapter_kinds / sizeof adapter_kinds[0];

#define ADAPTER(name) #name ","
static const char kind_names[] =
#include "adapters/adapters.def"
    "none";
#undef ADAPTER

#define ROW(field, ...) OPT(struct adapter_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(type, .preset = "lora", .choices = kind_names, .help = "none: full fine-tuning"),
    ROW(r, .preset = "16", .min = 1, .max = 65536, .aliases = "lora_r,lora_rank,rank",
        .help = "rank of the update"),
    ROW(lora_alpha, .preset = "32", .min = 0, .max = 1e6, .aliases = "alpha",
        .help = "the update counts lora_alpha / r"),
    ROW(lora_dropout, .preset = "0", .min = 0, .max = 0.95, .aliases = "dropout",
        .help = "share of the adapter's inputs that is left out in training"),
    ROW(use_rslora, .preset = "false", .help = "the update counts lora_alpha / sqrt(r) instead"),
    ROW(target_modules, .preset = "all", .aliases = "lora_target,lora_target_modules,target",
        .help = "all, linear (without the filter's convolutions), or names of modules"),
    ROW(use_dora, .choices = "true,false", .help = "true: the same as type: dora"),
    ROW(init_lora_weights, .aliases = "init",
        .help = "start of A and B: true (default), gaussian, pissa, pissa_niter_N"),
    ROW(rank_pattern, .map = true,
        .help = "other ranks for some modules: {name or regular expression: r}"),
    ROW(alpha_pattern, .map = true,
        .help = "other lora_alpha for some modules: {name or regular expression: alpha}"),
    ROW(modules_to_save, .aliases = "additional_target,lora_modules_to_save",
        .help = "modules of the base that are trained whole: lm_head, norm, ..."),
};
#undef ROW

struct opt_table adapter_options_table(void) {
    return OPT_TABLE(rows);
}

const char *adapter_kind_at(int i, const char **out_summary) {
    if (i < 0 || i >= n_adapter_kinds) return NULL;
    *out_summary = adapter_kinds[i]->summary;
    return adapter_kinds[i]->name;
}

bool adapter_wanted(const struct adapter_options *options) {
    return strcmp(options->type, "none") != 0;
}

/* The kind of that type, or of the flag where one is on. */
err adapter_kind_find(const struct adapter_options *options, const struct adapter_kind **out) {
    const bool flagged = options->use_dora && !strcmp(options->use_dora, "true");
    *out = NULL;
    for (int i = 0; i < n_adapter_kinds; i++)
        if (!strcmp(adapter_kinds[i]->name, options->type)) *out = adapter_kinds[i];
    if (!*out) return fail(ERR_UNSUPPORTED, "adapter: type '%s' is not known", options->type);
    for (int i = 0; flagged && i < n_adapter_kinds; i++)
        if (adapter_kinds[i]->peft_flag && !strcmp(adapter_kinds[i]->peft_flag, "use_dora") &&
            !strcmp(adapter_kinds[i]->peft_type, (*out)->peft_type))
            *out = adapter_kinds[i];
    return ERR_OK;
}

/* Settings of an adapter where there is none. */
static err check_none(const struct adapter_options *o) {
    const struct {
        const char *name;
        bool on;
    } settings[] = {
        {"use_dora", o->use_dora && !strcmp(o->use_dora, "true")},
        {"use_rslora", o->use_rslora},
        {"init_lora_weights", o->init_lora_weights != NULL},
        {"rank_pattern", o->rank_pattern.n > 0},
        {"alpha_pattern", o->alpha_pattern.n > 0},
        {"modules_to_save", o->modules_to_save.n > 0},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (settings[i].on)
            return fail(ERR_RANGE, "adapter: '%s' says nothing where the type is 'none'",
                        settings[i].name);
    return ERR_OK;
}

err adapter_options_check(const struct adapter_options *o) {
    const struct adapter_kind *kind;
    const struct adapter_init *init;
    int64_t rounds;
    if (!adapter_wanted(o)) return check_none(o);
    TRY(adapter_kind_find(o, &kind));
    TRY(adapter_init_find(o->init_lora_weights, &init, &rounds));
    if (init->takes_out && !kind->adds)
        return fail(ERR_UNSUPPORTED, "adapter: 'init_lora_weights' '%s' is not for type '%s'",
                    o->init_lora_weights, kind->name);
    return adapter_check_patterns(o);
}
