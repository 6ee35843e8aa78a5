/* SPDX-License-Identifier: Apache-2.0
 * Rows of the tables of cli/lists.def, taken from the tables themselves.
 * A new table needs its line there and one function here.
 * Read next: cli/lists.h, the contract. */
#include "cli/lists.h"

#include "adapters/adapter.h"
#include "base/env.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "compute/ops/op.h"
#include "compute/quant.h"
#include "data/filters/filter.h"
#include "data/lint/lint.h"
#include "data/readers/reader.h"
#include "data/sensitive.h"
#include "data/synth/checks/check.h"
#include "data/synth/methods/method.h"
#include "eval/suite.h"
#include "eval/task.h"
#include "model/formats/format.h"
#include "model/preset.h"
#include "release/push.h"
#include "trainer/loggers/logger.h"
#include "trainer/methods/method.h"
#include "trainer/optim/optim.h"
#include "trainer/schedule/schedule.h"
#include <string.h>

/* {"name": ..., "summary": ...}, appended; the object stays the array's. NULL: out of memory. */
static json_t *add_row(json_t *rows, const char *name, const char *summary) {
    json_t *row = json_object();
    if (json_push(rows, row) != ERR_OK) return NULL;
    if (json_put(row, "name", json_string(name)) != ERR_OK) return NULL;
    if (json_put(row, "summary", json_string(summary)) != ERR_OK) return NULL;
    return row;
}

static err list_commands(json_t *out) {
    for (int i = 0; i < n_commands; i++) {
        const struct command *command = commands[i];
        struct str name = {0};
        err code =
            str_printf(&name, "%s%s%s", command->noun, command->verb[0] ? " " : "", command->verb);
        if (code == ERR_OK && !add_row(out, str_text(&name), command->summary)) code = ERR_MEMORY;
        str_release(&name);
        if (code != ERR_OK) return code;
    }
    return ERR_OK;
}

static err list_errors(json_t *out) {
    static const struct {
        const char *name, *meaning;
        int exit_code;
    } kinds[] = {
#define ERR(name, exit_code, meaning) {#name, meaning, exit_code},
#include "base/err.def"
#undef ERR
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        json_t *row = add_row(out, kinds[i].name, kinds[i].meaning);
        if (!row) return ERR_MEMORY;
        TRY(json_put(row, "exit_code", json_integer(kinds[i].exit_code)));
    }
    return ERR_OK;
}

static err list_environment(json_t *out) {
    for (int i = 0; i < ENV_COUNT; i++)
        if (!add_row(out, env_rows[i].name, env_rows[i].help)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_formats(json_t *out) {
    for (int i = 0; i < n_formats; i++)
        if (!add_row(out, formats[i]->name, formats[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_readers(json_t *out) {
    for (int i = 0; i < n_readers; i++)
        if (!add_row(out, readers[i]->name, readers[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_lints(json_t *out) {
    for (int i = 0; i < n_lints; i++)
        if (!add_row(out, lints[i]->name, lints[i]->summary)) return ERR_MEMORY;
    return add_row(out, lint_overlong, lint_overlong_summary) ? ERR_OK : ERR_MEMORY;
}

static err list_filters(json_t *out) {
    for (int i = 0; i < n_filters; i++)
        if (!add_row(out, filters[i]->name, filters[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_checks(json_t *out) {
    for (int i = 0; i < n_checks; i++) {
        json_t *row = add_row(out, checks[i]->name, checks[i]->summary);
        if (!row) return ERR_MEMORY;
        if (checks[i]->keys[0]) TRY(json_put(row, "keys", json_string(checks[i]->keys)));
    }
    return ERR_OK;
}

static err list_synthesis(json_t *out) {
    for (int i = 0; i < n_synth_methods; i++)
        if (!add_row(out, synth_methods[i]->name, synth_methods[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_sensitive(json_t *out) {
    for (int i = 0; i < n_sensitive_rows; i++) {
        const struct sensitive_row *rule = &sensitive_rows[i];
        json_t *row = add_row(out, rule->name, rule->help);
        if (!row) return ERR_MEMORY;
        TRY(json_put(row, "class", json_string(sensitive_class_name(rule->what))));
    }
    return ERR_OK;
}

static err list_adapters(json_t *out) {
    const char *summary, *name;
    for (int i = 0; (name = adapter_kind_at(i, &summary)) != NULL; i++)
        if (!add_row(out, name, summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err add_method(json_t *out, const char *name, const char *summary, const char *keys) {
    json_t *row = add_row(out, name, summary);
    return row ? json_put(row, "keys", json_string(keys)) : ERR_MEMORY;
}

/* The rows of a table of adapters/, each turned on by its name as the value of `key`. */
static err add_choices(json_t *out, const char *key, const char *(*at)(int i, const char **summary),
                       int first) {
    const char *summary, *name;
    for (int i = first; (name = at(i, &summary)) != NULL; i++) {
        struct str keys = {0};
        err code = str_printf(&keys, "%s: %s", key, name);
        if (code == ERR_OK) code = add_method(out, name, summary, str_text(&keys));
        str_release(&keys);
        TRY(code);
    }
    return ERR_OK;
}

/* Those that the trainer carries out, and those of adapters: kinds, the flag of one, and starts
 * other than the usual one. */
static err list_methods(json_t *out) {
    for (int i = 0; i < n_methods; i++)
        TRY(add_method(out, methods[i]->name, methods[i]->summary, methods[i]->keys));
    TRY(add_choices(out, "adapter.type", adapter_kind_at, 0));
    const struct opt *rslora = opt_find(adapter_options_table(), "use_rslora", NULL);
    TRY(add_method(out, "rslora", rslora->help, "adapter.use_rslora: true"));
    return add_choices(out, "adapter.init_lora_weights", adapter_init_at, 1);
}

static err list_inits(json_t *out) {
    const char *summary, *name;
    for (int i = 0; (name = adapter_init_at(i, &summary)) != NULL; i++)
        if (!add_row(out, name, summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_optimizers(json_t *out) {
    for (int i = 0; i < n_optimizer_kinds; i++)
        if (!add_row(out, optimizer_kinds[i]->name, optimizer_kinds[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_schedules(json_t *out) {
    for (int i = 0; i < n_schedule_kinds; i++)
        if (!add_row(out, schedule_kinds[i]->name, schedule_kinds[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_loggers(json_t *out) {
    for (int i = 0; i < N_LOGGERS; i++) {
        json_t *row = add_row(out, logger_kinds[i]->name, logger_kinds[i]->summary);
        if (!row) return ERR_MEMORY;
        TRY(json_put(row, "always", json_boolean(logger_kinds[i]->always)));
    }
    return ERR_OK;
}

static err list_tasks(json_t *out) {
    for (int i = 0; i < n_eval_tasks; i++) {
        json_t *row = add_row(out, eval_tasks[i]->name, eval_tasks[i]->summary);
        if (!row) return ERR_MEMORY;
        const struct suite *suite = eval_tasks[i]->suite;
        TRY(json_put(row, "metric", json_string(eval_task_metric(eval_tasks[i]))));
        TRY(json_put(row, "higher_is_better", json_boolean(eval_tasks[i]->higher_is_better)));
        if (suite == NULL) continue;
        TRY(json_put(row, "source", json_string(suite->source)));
        TRY(json_put(row, "rule", json_string(suite->scorer->summary)));
    }
    return ERR_OK;
}

#ifdef COTRAIN_PROGRAMME
static err list_targets(json_t *out) {
    for (int i = 0; i < n_target_types; i++)
        if (!add_row(out, push_type_name(i), push_type_summary(i))) return ERR_MEMORY;
    return ERR_OK;
}
#endif

static err list_ops(json_t *out) {
    for (int i = 0; i < n_ops; i++)
        if (!add_row(out, ops[i]->name, ops[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_quants(json_t *out) {
    for (int i = 0; i < n_quants; i++)
        if (!add_row(out, quants[i]->name, quants[i]->summary)) return ERR_MEMORY;
    return ERR_OK;
}

/* Backends of one device that are made for different vector units are one row. */
static err list_backends(json_t *out) {
    for (int i = 0; i < n_backends; i++) {
        if (i > 0 && strcmp(backends[i]->name, backends[i - 1]->name) == 0) continue;
        const char *where = backends[i]->host_memory
                                ? "works in host memory"
                                : "a GPU's memory; a shared object that is opened when it is asked "
                                  "for ('cotrain doctor' says whether it opens here)";
        if (!add_row(out, backends[i]->name, where)) return ERR_MEMORY;
    }
    return ERR_OK;
}

/* The keys of one section, "data.holdout.per_request". */
static err list_section(json_t *out, const char *path, bool items, struct opt_table table) {
    for (size_t i = 0; i < table.n; i++) {
        const struct opt *key = &table.rows[i];
        struct str name = {0};
        err code =
            str_printf(&name, "%s%s%s%s", path, items ? "[]" : "", path[0] ? "." : "", key->name);
        json_t *row = NULL;
        if (code == ERR_OK) {
            row = add_row(out, str_text(&name), key->help ? key->help : "");
            code = row ? ERR_OK : ERR_MEMORY;
        }
        str_release(&name);
        if (code == ERR_OK && key->required) code = json_put(row, "required", json_true());
        if (code == ERR_OK && key->preset)
            code = json_put(row, "default", json_string(key->preset));
        if (code != ERR_OK) return code;
    }
    return ERR_OK;
}

static err list_keys(json_t *out) {
    TRY(list_section(out, "", false, recipe_head_table()));
    TRY(list_section(out, "", false, chain_schema.table()));
    for (size_t i = 0; i < chain_schema.n; i++) {
        const struct recipe_section *section = &chain_schema.sections[i];
        TRY(list_section(out, section->path, section->kind == SECTION_IS_LIST, section->table()));
    }
    return ERR_OK;
}

/* Tables without a struct of their own: a name and what the table says of it. */
struct fact {
    const char *name, *summary;
};

static err list_facts(json_t *out, const struct fact *facts, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!add_row(out, facts[i].name, facts[i].summary)) return ERR_MEMORY;
    return ERR_OK;
}

static err list_special_tokens(json_t *out) {
    static const struct fact facts[] = {
#define CORE "the tokenizer's own; white space beside it stays"
#define ADDED "added by Yuan; white space beside it is dropped, or kept"
#define SPECIAL(name, text, kind) {text, kind},
#include "data/tokens/special.def"
#undef SPECIAL
#undef ADDED
#undef CORE
    };
    return list_facts(out, facts, sizeof(facts) / sizeof(facts[0]));
}

static err list_presets(json_t *out) {
    for (int i = 0; i < n_presets; i++) {
        struct model_config config;
        json_t *row = add_row(out, presets[i].name, presets[i].summary);
        if (!row) return ERR_MEMORY;
        TRY(preset_config(&presets[i], &config));
        int64_t parameters = model_config_parameters(&config);
        model_config_release(&config);
        TRY(json_put(row, "parameters", json_integer(parameters)));
    }
    return ERR_OK;
}

static err list_config_keys(json_t *out) {
    static const struct fact facts[] = {
#define INT_KEY(key, field, other, min, max, needed, summary) {key, summary},
#define NUMBER_KEY(key, field, min, max, summary) {key, summary},
#define FLAG_KEY(key, field, summary) {key, summary},
#define SAME_KEY(key, field, summary) {key, summary "; must agree with the other keys"},
#define QUANT_KEY(key, field, summary) {key, summary},
#define FIXED_KEY(key, only, summary) {key, summary "; only " only " is handled"},
#define IDLE_KEY(key, summary) {key, summary "; no effect on numbers"},
#include "model/config.def"
#undef IDLE_KEY
#undef FIXED_KEY
#undef QUANT_KEY
#undef SAME_KEY
#undef FLAG_KEY
#undef NUMBER_KEY
#undef INT_KEY
    };
    return list_facts(out, facts, sizeof(facts) / sizeof(facts[0]));
}

/* The variant of a row in the tables below, as text. */
#define ANY ""
#define FILTER ", where there is a localized filter"
#define SHAREQK ", where queries and keys share a projection"

static err list_parameters(json_t *out) {
    static const struct fact facts[] = {
#define TOP_PARAM(field, name, ...) {name, "outside the layers"},
#define LAYER_PARAM(field, variant, name, ...) {"model.layers.{i}." name, "of every layer" variant},
#define HEAD_PARAM(field, name, ...) {name, "only where the head is not tied to the embedding"},
#include "model/params.def"
#undef TOP_PARAM
#undef LAYER_PARAM
#undef HEAD_PARAM
    };
    return list_facts(out, facts, sizeof(facts) / sizeof(facts[0]));
}

static err list_projections(json_t *out) {
    static const struct fact facts[] = {
#define PROJECTION(field, variant, module, weight, bias, in, out, stride, paired, kept)            \
    {module, "from " #in " to " #out " (letters: model/shapes.h)" variant},
#include "model/projections.def"
#undef PROJECTION
    };
    return list_facts(out, facts, sizeof(facts) / sizeof(facts[0]));
}

static err list_activations(json_t *out) {
    static const struct fact facts[] = {
#define SAVED(field, variant, type, width, kept)                                                   \
    {#field, "kept per layer, " #width " a token" variant},
#define SCRATCH(field, variant, type, width, stages)                                               \
    {#field, "shared by the layers, " #width " a token" variant},
#include "model/acts.def"
#undef SAVED
#undef SCRATCH
    };
    return list_facts(out, facts, sizeof(facts) / sizeof(facts[0]));
}
#undef SHAREQK
#undef FILTER
#undef ANY

const struct list lists[] = {
#define LIST(name, summary) {#name, summary, list_##name},
#include "cli/lists.def"
#undef LIST
};
const int n_lists = (int)(sizeof(lists) / sizeof(lists[0]));
