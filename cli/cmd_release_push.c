/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release push`: a release to the targets of its recipe, or of another recipe; what is
 * there already is not sent again, so it is run until it says verified.
 * Read next: release/push.h. */
#include "base/stop.h"
#include "cli/chain.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "release/pack.h"
#include "release/push.h"
#include "release/verify.h"

struct push_command {
    const char *release, *recipe, *ssh_key;
    struct opt_list target, token_file;
    bool dry_run, json;
};

#define ROW(field, ...) OPT(struct push_command, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(release, .required = true, .positional = true, .value = "DIR", .help = "release folder"),
    ROW(target, .repeated = true, .value = "NAME",
        .help = "one of the recipe's release.targets; may be repeated (all)"),
    ROW(recipe, .value = "RECIPE",
        .help = "the recipe whose targets are meant (the one in the release)"),
    ROW(ssh_key, .value = "FILE", .help = "SSH key that signs commits and tags of git targets"),
    ROW(token_file, .repeated = true, .value = "TARGET=FILE",
        .help = "file with a target's token that only you can read (its variable)"),
    ROW(dry_run, .help = "list every request that would be made, and make none"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err add_requests(const json_t *target, struct str *out) {
    json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(json_object_get(target, "requests"), i, one) {
        TRY(str_printf(out, "  %s %s", json_text_of(one, "method"), json_text_of(one, "url")));
        int64_t bytes = json_int_of(one, "bytes");
        TRY(bytes > 0 ? str_printf(out, " (%lld bytes)\n", (long long)bytes) : str_add(out, "\n"));
    }
    return ERR_OK;
}

static err show_text(const json_t *result) {
    struct str text = {0};
    json_t *one = NULL;
    size_t i = 0;
    bool is_signed = json_is_true(json_object_get(result, "signed"));
    err e = str_printf(&text, "release %s%s\n", json_text_of(result, "hash"),
                       is_signed ? "" : " (UNSIGNED)");
    json_array_foreach(json_object_get(result, "targets"), i, one) {
        const char *commit = json_text_of(one, "commit"), *tag = json_text_of(one, "tag");
        const char *request = json_text_of(one, "pull_request");
        if (e == ERR_OK)
            e = str_printf(&text, "%s: %s%s%s%s%s%s%s, %s\n", json_text_of(one, "name"),
                           json_object_get(one, "requests") ? "would ask"
                                                            : json_text_of(one, "state"),
                           *commit ? ", commit " : "", commit, *tag ? ", tag " : "", tag,
                           *request ? ", proposed as " : "", request, json_text_of(one, "where"));
        if (e == ERR_OK) e = add_requests(one, &text);
        const char *error = json_text_of(one, "error");
        if (e == ERR_OK && *error) e = str_add(&text, "  failed: ");
        if (e == ERR_OK && *error) e = terminal_add_line(error, 0, &text);
        if (e == ERR_OK && *error) e = str_add(&text, "\n");
    }
    if (e == ERR_OK) e = print_text(&text);
    str_release(&text);
    return e;
}

static err push(const struct push_command *c, const json_t *manifest, const char *packed) {
    struct chain chain;
    json_t *result = NULL;
    TRY(c->recipe ? chain_read(&chain, c->recipe, NULL) : chain_read_packed(&chain, packed));
    const struct push_options options = {.dir = c->release,
                                         .manifest = manifest,
                                         .targets = &chain.release.targets,
                                         .only = &c->target,
                                         .tokens = &c->token_file,
                                         .ssh_key = c->ssh_key,
                                         .dry_run = c->dry_run};
    struct err_kept kept;
    err e = release_push(&options, &result);
    err_keep(&kept);
    err shown = !result ? ERR_OK : c->json ? print_json(result) : show_text(result);
    if (e != ERR_OK)
        err_put_back(&kept);
    else
        e = shown;
    json_decref(result);
    chain_release(&chain);
    return e;
}

/* No file of the release is opened, its recipe neither, before it was verified. */
static err run(const void *given, struct arena *arena) {
    const struct push_command *c = given;
    struct release_facts facts;
    const char *packed = arena_printf(arena, "%s/%s", c->release, PACK_RECIPE);
    if (!packed) return ERR_MEMORY;
    TRY(release_verify(&(struct release_verify){.dir = c->release}, &facts));
    err e = stop_catch();
    if (e == ERR_OK) e = push(c, facts.manifest, packed);
    release_facts_clear(&facts);
    return e;
}

const struct command cmd_release_push = {
    .noun = "release",
    .verb = "push",
    .summary = "pushes a release to the targets of its recipe",
    .details = "The release is verified first. Each target becomes prepared, uploaded, committed,\n"
               "verified, also where another failed (then the exit code is that of the first\n"
               "failure); after a fault or a kill the same command does what is missing. Nothing\n"
               "over there is deleted, and the tag is set last. Tokens come from the environment\n"
               "or a file, and are never shown. docs/releases.md tells of each type.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct push_command),
    .run = run,
};
