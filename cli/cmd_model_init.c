/* SPDX-License-Identifier: Apache-2.0
 * `cotrain model init`: a model folder with fresh weights from a preset's or a config's shape, the
 * start of a pre-training or of a test. The same seed gives the same bytes. Tokenizer files are the
 * caller's.
 * Read next: model/init.h, model/preset.h. */
#include "cli/command.h"
#include "model/init.h"
#include "model/preset.h"
#include <string.h>

struct init_options {
    const char *preset, *config, *dtype, *out;
    int64_t seed, layers;
};

#define ROW(field, ...) OPT(struct init_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(preset, .value = "NAME", .help = "a published shape; 'cotrain list presets' shows them"),
    ROW(config, .value = "FILE", .help = "or config.json of a shape"),
    ROW(out, .required = true, .value = "DIR", .help = "the new model folder; must not exist"),
    ROW(seed, .preset = "0", .min = 0, .max = 9e15, .help = "of the random numbers"),
    ROW(dtype, .preset = "bf16", .choices = "bf16,f16,f32", .help = "of the stored weights"),
    ROW(layers, .min = 1, .max = 4096, .help = "another number of layers than the shape's"),
};

static err read_shape(const struct init_options *o, json_t **out) {
    const struct preset *preset;
    if (!o->preset == !o->config)
        return fail(ERR_USAGE, "one of --preset and --config is needed%s",
                    o->preset ? ", not both" : "");
    if (o->config) return json_parse_file(o->config, out);
    TRY(preset_find(o->preset, &preset));
    return preset_json(preset, out);
}

static enum dtype dtype_of(const char *name) {
    return name[0] == 'b' ? DTYPE_BF16 : strcmp(name, "f16") == 0 ? DTYPE_F16 : DTYPE_F32;
}

static err write_model(const struct init_options *o, json_t *shape) {
    struct model_config config;
    if (o->layers && json_is_object(shape))
        TRY(json_put(shape, "num_hidden_layers", json_integer(o->layers)));
    err e = model_config_parse(&config, shape);
    if (e) return o->config ? fail_in(e, "'%s'", o->config) : e;
    e = model_init_write(&config, (uint64_t)o->seed, dtype_of(o->dtype), o->out);
    model_config_release(&config);
    return e;
}

static err run(const void *given, struct arena *arena) {
    const struct init_options *o = given;
    json_t *shape;
    (void)arena;
    TRY(read_shape(o, &shape));
    err e = write_model(o, shape);
    json_decref(shape);
    return e;
}

const struct command cmd_model_init = {
    .noun = "model",
    .verb = "init",
    .summary = "a model folder with fresh weights",
    .details =
        "Weights are normal with the config's initializer_range (the projections that write to\n"
        "the residual stream scaled down by the number of layers), norms 1, biases 0.",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct init_options),
    .run = run,
};
