/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release verify`: whether a release folder is what it says it is. Exit code 3 when it is
 * not; the message names the file.
 * Read next: release/verify.h. */
#include "cli/command.h"
#include "release/verify.h"

struct verify_options {
    const char *release, *hash;
    bool json;
};

#define ROW(field, ...) OPT(struct verify_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(release, .required = true, .positional = true, .value = "DIR", .help = "release folder"),
    ROW(hash, .value = "HEX", .help = "the release hash as published; compared with the folder's"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err show_json(const struct verify_options *o, const struct release_facts *facts) {
    json_t *value =
        json_pack("{s:s, s:s, s:I, s:I, s:O, s:O?}", "release", o->release, "hash", facts->hash,
                  "files", (json_int_t)facts->n_files, "bytes", (json_int_t)facts->bytes, "chain",
                  json_object_get(facts->manifest, "chain"), "checks",
                  json_object_get(facts->manifest, "checks"));
    if (value == NULL) return fail(ERR_MEMORY, "out of memory for the result");
    err result = print_json(value);
    json_decref(value);
    return result;
}

static err show_text(const struct release_facts *facts) {
    struct str text = {0};
    err result = str_printf(&text, "release %s\n%lld files, %lld bytes: nothing has been changed\n",
                            facts->hash, (long long)facts->n_files, (long long)facts->bytes);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct verify_options *o = given;
    struct release_facts facts;
    (void)arena;
    TRY(release_verify(o->release, o->hash, &facts));
    err result = o->json ? show_json(o, &facts) : show_text(&facts);
    json_decref(facts.manifest);
    return result;
}

const struct command cmd_release_verify = {
    .noun = "release",
    .verb = "verify",
    .summary = "checks every byte, hash, tensor shape and number of a release",
    .details = "Needs nothing but the folder. It proves that the folder is whole and agrees with\n"
               "itself; that it is the one that was published, --hash proves.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct verify_options),
    .run = run,
};
