/* SPDX-License-Identifier: Apache-2.0
 * Rows of the recipe's `release` section. A release needs a name; everything else has a default or
 * may be left out of the card.
 * Read next: release/options.h for the struct they fill. */
#include "release/options.h"
#include <string.h>

#define RELEASE_FORMAT(type, u) ",gguf-" #type
static const char format_names[] =
#include "release/formats.def"
    ;
#undef RELEASE_FORMAT

#define ROW(field, ...) OPT(struct release_options, field, __VA_ARGS__)
static const struct opt release_rows[] = {
    ROW(name, .required = true, .help = "name of the released model and of its folder"),
    ROW(license, .preset = "license-yuan", .help = "licence of the released model, for its card"),
    ROW(license_link, .value = "URL", .help = "where the licence text is"),
    ROW(base_model, .help = "public name of the base model, for the card"),
    ROW(summary, .help = "one or two sentences for the card"),
    ROW(previous, .path = true, .value = "DIR", .help = "the release before, for the changelog"),
    ROW(max_shard_size, .size = true, .min = 1, .max = 9e18,
        .help = "largest safetensors file, as 2GB (not given: 5 GB)"),
    ROW(formats, .choices = &format_names[1],
        .help = "other formats of the merged model, beside safetensors"),
    ROW(languages, .preset = "zh,en", .help = "languages named in the card"),
    ROW(state_steps, .min = 0, .max = 1e9,
        .help = "steps between the training states that the release carries, for who reproduces a "
                "part of the run (not given: none)"),
};

struct opt_table release_options_table(void) {
    return OPT_TABLE(release_rows);
}

err release_formats_check(const struct opt_list *formats) {
    for (int64_t i = 0; i < formats->n; i++)
        for (int64_t j = 0; j < i; j++)
            if (strcmp(formats->items[i], formats->items[j]) == 0)
                return fail(ERR_RANGE, "format '%s' stands there twice", formats->items[i]);
    return ERR_OK;
}
