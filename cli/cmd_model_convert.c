/* SPDX-License-Identifier: Apache-2.0
 * `cotrain model convert`: a checkpoint of any format that is read becomes safetensors or GGUF, in
 * the dtype it has or in another that is asked for. Says what was written, what another dtype could
 * not hold, and the hash. A GGUF file gets the tokenizer of the model's folder.
 * Read next: model/convert.h; release/gguf_vocabulary.h. */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "cli/command.h"
#include "release/gguf_vocabulary.h"
#include "model/convert.h"
#include "model/formats/gguf_names.h"
#include <string.h>

struct convert_options {
    const char *model, *out, *format, *type, *tokenizer, *name;
    int64_t shard_size;
    struct opt_list meta;
    bool json;
};

#define ROW(field, ...) OPT(struct convert_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(model, .required = true, .value = "DIR|FILE", .help = "model folder, or its one file"),
    ROW(out, .required = true, .value = "DIR|FILE",
        .help = "new folder, or a file NAME.gguf; must not exist"),
    ROW(format, .required = true, .value = "FORMAT", .help = "safetensors or gguf"),
    ROW(type, .preset = "keep", .aliases = "dtype", .value = "TYPE",
        .help = "of the weights: keep, f32, f16; bf16 (safetensors); q8_0, q4_0 (gguf)"),
    ROW(shard_size, .preset = "5GB", .size = true,
        .help = "largest safetensors file; 0: one file whatever its size"),
    ROW(tokenizer, .value = "DIR",
        .help = "gguf: folder with tokenizer.model (default: the model's)"),
    ROW(name, .help = "gguf: general.name (default: the model folder's)"),
    ROW(meta, .repeated = true, .value = "KEY=TEXT",
        .help = "gguf: a further key, as general.license=other; may be repeated"),
    ROW(json, .help = "the summary as JSON"),
};

/* Whether `word` is in "a,b,c". */
static bool in_list(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || !at[n])) return true;
    }
    return false;
}

static err find_format(const struct convert_options *o, const struct format **out) {
    const struct format *f = format_named(o->format);
    err code = ERR_OK;
    if (!f || !f->write) {
        code = fail(ERR_USAGE, "--format '%s' %s", o->format,
                    f ? "is read, but not written" : "is not known");
        return fail_hint(code, "safetensors and gguf are written");
    }
    if (!in_list(f->types, o->type)) {
        code = fail(ERR_USAGE, "--type '%s' is none of %s's", o->type, f->name);
        return fail_hint(code, "%s has %s", f->name, f->types);
    }
    *out = f;
    return ERR_OK;
}

static bool is_single(const struct convert_options *o) {
    return str_ends(o->out, ".gguf");
}

/* What fits one format only. */
static err check_format_options(const struct convert_options *o, const struct format *f) {
    const bool gguf = strcmp(f->name, "gguf") == 0;
    err code = ERR_OK;
    if (!gguf && (str_ends(o->out, ".gguf") || str_ends(o->out, ".safetensors"))) {
        code = fail(ERR_USAGE, "--out '%s': %s is written as a folder", o->out, f->name);
        return fail_hint(code, "name a folder, or write --format gguf for one file");
    }
    if (!gguf && (o->tokenizer || o->name || o->meta.n))
        return fail(ERR_USAGE, "--tokenizer, --name and --meta are for --format gguf");
    for (int64_t i = 0; i < o->meta.n; i++)
        if (!str_starts(o->meta.items[i], "general.") || !strchr(o->meta.items[i], '='))
            return fail(ERR_USAGE, "--meta '%s' is not general.SOMETHING=TEXT", o->meta.items[i]);
    return ERR_OK;
}

/* "KEY=TEXT" items as keys of the file. */
static err split_meta(const struct opt_list *meta, struct arena *a, struct gguf_notes *notes) {
    struct gguf_note *further = arena_alloc(a, (size_t)meta->n + 1, sizeof *further);
    if (!further) return ERR_MEMORY;
    for (int64_t i = 0; i < meta->n; i++) {
        const char *item = meta->items[i], *equals = strchr(item, '=');
        further[i] = (struct gguf_note){.text = equals + 1};
        further[i].key = arena_strndup(a, item, (size_t)(equals - item));
        if (!further[i].key) return ERR_MEMORY;
    }
    notes->further = further;
    notes->n_further = meta->n;
    return ERR_OK;
}

/* --name, else the last part of the model's path. */
static err name_model(const struct convert_options *o, struct arena *a, const char **out) {
    size_t n = strlen(o->model);
    while (n > 1 && o->model[n - 1] == '/') n--;
    const char *path = arena_strndup(a, o->model, n);
    if (!path) return ERR_MEMORY;
    *out = o->name ? o->name : path_base(path);
    return ERR_OK;
}

static err add_changes(const struct model_converted *done, json_t *out) {
    if (done->n_quantised) TRY(json_put(out, "quantised_values", json_integer(done->n_quantised)));
    if (!done->n_changed) return ERR_OK;
    TRY(json_put(out, "changed_values", json_integer(done->n_changed)));
    TRY(json_put(out, "largest_relative_error", json_real(done->largest_error)));
    if (done->n_vanished) TRY(json_put(out, "vanished_values", json_integer(done->n_vanished)));
    if (done->n_overflowed)
        TRY(json_put(out, "overflowed_values", json_integer(done->n_overflowed)));
    return ERR_OK;
}

static err add_types(const struct model_converted *done, json_t *out) {
    json_t *types = json_object();
    TRY(json_put(out, "types", types));
    for (int i = 0; done->types[i].name; i++)
        TRY(json_put(types, done->types[i].name, json_integer(done->types[i].n_tensors)));
    return ERR_OK;
}

static err make_summary(const struct convert_options *o, const struct model_converted *done,
                        const struct gguf_vocabulary *vocabulary, json_t *out) {
    char hash[SHA256_HEX_SIZE];
    TRY(is_single(o) ? sha256_file(o->out, hash) : sha256_dir(o->out, hash));
    TRY(json_put(out, "out", json_string(o->out)));
    TRY(json_put(out, "from", json_string(done->from)));
    TRY(json_put(out, "format", json_string(o->format)));
    TRY(json_put(out, "tensors", json_integer(done->n_tensors)));
    TRY(json_put(out, "values", json_integer(done->n_values)));
    TRY(add_types(done, out));
    TRY(json_put(out, "bytes_in", json_integer(done->bytes_in)));
    TRY(json_put(out, "bytes_out", json_integer(done->bytes_out)));
    TRY(add_changes(done, out));
    TRY(json_put(out, "sha256", json_string(hash)));
    if (strcmp(o->format, "gguf") != 0) return ERR_OK;
    TRY(json_put(out, "tokenizer",
                 vocabulary->tokens ? json_integer(vocabulary->n) : json_string("none")));
    return json_put(out, "note", json_string(GGUF_NOTE));
}

/* A line a member: {"f32": 3, "f16": 4} as "f32 3, f16 4". */
static err add_line(const char *name, json_t *value, struct str *out) {
    const char *key, *between = "";
    json_t *member;
    TRY(str_printf(out, "%-24s ", name));
    if (json_is_string(value)) TRY(str_add(out, json_string_value(value)));
    if (json_is_integer(value)) TRY(str_printf(out, "%lld", json_integer_value(value)));
    if (json_is_real(value)) TRY(str_printf(out, "%.3g", json_real_value(value)));
    json_object_foreach(value, key, member) {
        TRY(str_printf(out, "%s%s %lld", between, key, json_integer_value(member)));
        between = ", ";
    }
    return str_add(out, "\n");
}

static err print_lines(json_t *summary) {
    struct str text = {0};
    const char *key;
    json_t *value;
    err e = ERR_OK;
    json_object_foreach(summary, key, value) {
        if (!e) e = add_line(key, value, &text);
    }
    if (!e) e = print_text(&text);
    str_release(&text);
    return e;
}

static err print_summary(const struct convert_options *o, const struct model_converted *done,
                         const struct gguf_vocabulary *vocabulary) {
    json_t *summary = json_object();
    err e =
        summary ? make_summary(o, done, vocabulary, summary) : fail(ERR_MEMORY, "out of memory");
    if (!e) e = o->json ? print_json(summary) : print_lines(summary);
    json_decref(summary);
    return e;
}

static void warn(const struct convert_options *o, const struct model_converted *done,
                 const struct gguf_vocabulary *vocabulary) {
    if (done->n_overflowed)
        LOG(MODEL, WARN, "%lld values are beyond %s and became its largest finite ones",
            (long long)done->n_overflowed, o->type);
    if (!vocabulary->tokens && strcmp(o->format, "gguf") == 0)
        LOG(MODEL, WARN, "'%s' holds no tokenizer: no tokenizer.model beside the model", o->out);
}

static err run(const void *given, struct arena *arena) {
    const struct convert_options *o = given;
    const struct format *format = NULL;
    struct gguf_notes notes = {0};
    struct gguf_vocabulary vocabulary = {0};
    struct model_converted done;
    struct model_conversion c = {.model = o->model,
                                 .out = o->out,
                                 .format = o->format,
                                 .type = o->type,
                                 .shard_bytes = o->shard_size,
                                 .notes = &notes};
    TRY(find_format(o, &format));
    TRY(check_format_options(o, format));
    TRY(split_meta(&o->meta, arena, &notes));
    TRY(name_model(o, arena, &notes.name));
    if (strcmp(o->format, "gguf") == 0)
        TRY(gguf_vocabulary_open(&vocabulary, o->tokenizer, o->model));
    gguf_vocabulary_describe(&vocabulary, &notes);
    err e = model_convert(&c, &done);
    if (!e) warn(o, &done, &vocabulary);
    if (!e) e = print_summary(o, &done, &vocabulary);
    gguf_vocabulary_close(&vocabulary);
    return e;
}

const struct command cmd_model_convert = {
    .noun = "model",
    .verb = "convert",
    .summary = "a checkpoint in another format or another dtype",
    .details =
        "Reads every format of `cotrain list formats`, a tensor at a time. bf16 weights become\n"
        "f32 in GGUF unless --type says otherwise. GGUF files are\n" GGUF_NOTE ".",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .options_size = sizeof(struct convert_options),
    .run = run,
};
