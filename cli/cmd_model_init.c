/* SPDX-License-Identifier: Apache-2.0
 * `cotrain model init`: a model folder with fresh weights from a config alone, the start of a
 * pre-training or of a test. The same seed gives the same bytes. Tokenizer files are the caller's.
 * Read next: model/init.h. */
#include "cli/command.h"
#include "model/init.h"

struct init_options {
    const char *config, *dtype, *out;
    int64_t seed;
};

#define ROW(field, ...) OPT(struct init_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(config, .required = true, .value = "FILE", .help = "config.json of the shape"),
    ROW(out, .required = true, .value = "DIR", .help = "the new model folder; must not exist"),
    ROW(seed, .preset = "0", .min = 0, .max = 9e15, .help = "of the random numbers"),
    ROW(dtype, .preset = "bf16", .choices = "bf16,f32", .help = "of the stored weights"),
};

static err run(const void *given, struct arena *arena) {
    const struct init_options *o = given;
    struct model_config config;
    (void)arena;
    TRY(model_config_read(&config, o->config));
    enum dtype dtype = o->dtype[0] == 'b' ? DTYPE_BF16 : DTYPE_F32;
    err e = model_init_write(&config, (uint64_t)o->seed, dtype, o->out);
    model_config_release(&config);
    return e;
}

const struct command cmd_model_init = {
    .noun = "model",
    .verb = "init",
    .summary = "a model folder with fresh weights",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct init_options),
    .run = run,
};
