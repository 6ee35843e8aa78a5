/* SPDX-License-Identifier: Apache-2.0
 * cotrain recipe new: writes a recipe for a base model and one request, with a comment at every key
 * that a maintainer is likely to change. The comments are the help of the option rows. Without FILE
 * it writes the recipe of a programme's month (cli/recipe_new_month.h).
 * Read next: cli/chain.h. */
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/recipe_new_month.h"
#include "cli/relative.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "recipes/write.h"
#include <string.h>

struct new_options {
    const char *out, *base_model, *name, *month, *id, *scenario, *capability, *program, *take;
    struct opt_list prompt, response;
    bool digest;
};

#define ROW(field, ...) OPT(struct new_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(out, .positional = true, .value = "FILE",
        .help = "recipe to write; without it, that of a program's month"),
    ROW(month, .value = "YYYY-MM", .help = "month's plan that it belongs to"),
    ROW(program, .preset = ".", .value = "DIR", .help = "folder of the program, without FILE"),
    ROW(take, .choices = "mine,generated",
        .help = "without FILE, where the recipe and the plan changed the same lines"),
    ROW(base_model, .value = "DIR", .help = "model to start from"),
    ROW(id, .value = "REQUEST", .help = "OWNER/REPOSITORY#ISSUE@COMMENT"),
    ROW(name, .help = "of the training (default: the file's name)"),
    ROW(scenario, .help = "where the model is used, in the requester's words"),
    ROW(capability, .help = "what the model should be able to do"),
    ROW(prompt, .repeated = true, .help = "an example's prompt; one --response each"),
    ROW(response, .repeated = true, .help = "an example's answer"),
    ROW(digest, .preset = "true", .help = "note the digest of the base model (reads all of it)"),
};

/* Keys that a new recipe shows with their defaults, by section. */
static const struct {
    const char *section;
    const char *keys[8];
} shown[] = {
    {"adapter", {"type", "r", "lora_alpha", "lora_dropout", "target_modules"}},
    {"train",
     {"sequence_len", "gradient_accumulation_steps", "num_epochs", "learning_rate", "lr_scheduler",
      "warmup_ratio", "weight_decay", "seed"}},
    {"eval", {"tasks"}},
};

static const struct opt *row_at(const char *section, const char *key) {
    const struct recipe_section *of = schema_section(&chain_schema, "", section);
    return of ? opt_find(of->table(), key, NULL) : NULL;
}

/* The help of a row behind its key. */
static const char *help_behind(void *ctx, const char *path) {
    (void)ctx;
    char section[32];
    const char *dot = strchr(path, '.');
    if (!dot || strncmp(path, "requests.", 9) == 0 || (size_t)(dot - path) >= sizeof(section))
        return NULL;
    memcpy(section, path, (size_t)(dot - path));
    section[dot - path] = '\0';
    const struct opt *row = row_at(section, dot + 1);
    return row ? row->help : NULL;
}

static const char *words_above(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "cotrain") == 0)
        return "A recipe: 'cotrain recipe check' finds its faults, 'cotrain recipe schema' lists\n"
               "every key, 'cotrain run' carries it to a release.";
    if (strcmp(path, "requests") == 0)
        return "Where it comes from. Each request has its own share of the data (weight) and its\n"
               "own held-out cases (cases: FILE, JSON Lines of prompt and response).";
    if (strcmp(path, "train") == 0) return "Everything not written here has its default.";
    return NULL;
}

/* The base model as the recipe at `out_path` names it. */
static err base_path(const struct new_options *o, struct str *out) {
    char *dir = path_dir(o->out);
    err code = dir ? relative_path(dir, o->base_model, out) : ERR_MEMORY;
    mem_free(dir);
    return code;
}

static err put_text(json_t *map, const char *key, const char *text) {
    return text ? json_put(map, key, json_string(text)) : ERR_OK;
}

static err put_base(const struct new_options *o, json_t *top) {
    json_t *base = json_object();
    TRY(json_put(top, "base_model", base));
    struct str path = {0};
    err code = base_path(o, &path);
    if (code == ERR_OK) code = put_text(base, "path", str_text(&path));
    str_release(&path);
    if (code != ERR_OK || !o->digest) return code;
    char digest[SHA256_HEX_SIZE];
    TRY(sha256_dir(o->base_model, digest));
    return put_text(base, "digest", digest);
}

static err put_request(const struct new_options *o, json_t *top) {
    if (o->prompt.n != o->response.n)
        return fail(ERR_USAGE, "%lld times --prompt, but %lld times --response",
                    (long long)o->prompt.n, (long long)o->response.n);
    json_t *requests = json_array();
    TRY(json_put(top, "requests", requests));
    json_t *request = json_object();
    TRY(json_push(requests, request));
    TRY(put_text(request, "id", o->id));
    TRY(put_text(request, "scenario", o->scenario));
    TRY(put_text(request, "capability", o->capability));
    TRY(json_put(request, "weight", json_real(1)));
    if (o->prompt.n == 0) return ERR_OK;
    json_t *examples = json_array();
    TRY(json_put(request, "examples", examples));
    for (int64_t i = 0; i < o->prompt.n; i++) {
        json_t *example = json_object();
        TRY(json_push(examples, example));
        TRY(put_text(example, "prompt", o->prompt.items[i]));
        TRY(put_text(example, "response", o->response.items[i]));
    }
    return ERR_OK;
}

/* The defaults, as `recipe show` has them. */
static err put_shown(json_t *top, const json_t *defaults) {
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        json_t *map = json_object();
        TRY(json_put(top, shown[i].section, map));
        for (int k = 0; k < 8 && shown[i].keys[k]; k++) {
            const char *key = shown[i].keys[k];
            json_t *value = json_object_get(json_object_get(defaults, shown[i].section), key);
            if (value) TRY(json_put(map, key, json_incref(value)));
        }
    }
    return ERR_OK;
}

/* Name of the training: given, or the file's name without its ending. */
static err put_name(const struct new_options *o, struct arena *a, json_t *top) {
    const char *file = path_base(o->out);
    const char *name = o->name ? o->name : arena_strndup(a, file, strcspn(file, "."));
    return name ? put_text(top, "name", name) : ERR_MEMORY;
}

static err build(const struct new_options *o, struct arena *a, json_t *top) {
    TRY(json_put(top, "cotrain", json_integer(RECIPE_VERSION)));
    TRY(put_name(o, a, top));
    TRY(put_text(top, "month", o->month));
    TRY(put_base(o, top));
    TRY(put_request(o, top));
    json_t *defaults;
    TRY(chain_defaults(&defaults));
    err code = put_shown(top, defaults);
    json_decref(defaults);
    if (code != ERR_OK) return code;
    json_t *release = json_object();
    TRY(json_put(top, "release", release));
    return put_text(release, "name", json_string_value(json_object_get(top, "name")));
}

/* What was written must be a recipe without faults; a wrong word on the command line shows here. */
static err check_written(const char *path) {
    struct chain c;
    struct recipe r;
    err code = chain_fill(&c, &r, path, NULL);
    recipe_release(&r);
    if (code == ERR_OK) return code;
    char kept[1024];
    (void)snprintf(kept, sizeof(kept), "%s", err_message());
    err removed = file_remove(path);
    return removed == ERR_OK ? fail(ERR_USAGE, "%s", kept) : removed;
}

static err write_recipe(const struct new_options *o, const json_t *top) {
    struct recipe_comments comments = {.above = words_above, .behind = help_behind};
    struct str text = {0};
    err code = recipe_write(top, &comments, &text);
    if (code == ERR_OK) code = file_write(o->out, str_text(&text), text.len);
    str_release(&text);
    return code == ERR_OK ? check_written(o->out) : code;
}

/* The recipe of a program's month, where this program was built with what that takes. */
static err write_month(const struct new_options *o, struct arena *arena) {
    if (!o->month)
        return fail_hint(fail(ERR_USAGE, "neither FILE nor --month is given"),
                         "name the recipe to write, or the month of a program");
#ifdef COTRAIN_PROGRAMME
    return recipe_new_month(o->program, o->month, o->take, arena);
#else
    (void)arena;
    return fail(ERR_UNSUPPORTED, "this program was built without libgit2 and libcurl, which a "
                                 "program's repository needs");
#endif
}

static err need_option(const char *value, const char *name) {
    return value ? ERR_OK : fail(ERR_USAGE, "option --'%s' is missing", name);
}

static err run(const void *given, struct arena *arena) {
    const struct new_options *o = given;
    if (!o->out) return write_month(o, arena);
    TRY(need_option(o->base_model, "base_model"));
    TRY(need_option(o->id, "id"));
    if (file_exists(o->out)) return fail(ERR_EXISTS, "'%s' exists already", o->out);
    json_t *top = json_object();
    if (!top) return fail(ERR_MEMORY, "out of memory");
    err code = build(o, arena, top);
    if (code == ERR_OK) code = write_recipe(o, top);
    json_decref(top);
    struct str text = {0};
    if (code == ERR_OK) code = str_printf(&text, "%s\n", o->out);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

const struct command cmd_recipe_new = {
    .noun = "recipe",
    .verb = "new",
    .summary = "writes a commented recipe for one request, or that of a program's month",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct new_options),
    .run = run,
};
