/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release verify`: whether a release folder is what it says it is, who signed it, and what
 * is not known of it. Exit code 3 when it is refused; the message names the file.
 * Read next: release/verify.h. */
#include "cli/command.h"
#include "release/verify.h"

struct verify_options {
    const char *release, *hash, *signers, *key;
    bool golden, json;
};

#define ROW(field, ...) OPT(struct verify_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(release, .required = true, .positional = true, .value = "DIR", .help = "release folder"),
    ROW(hash, .value = "HEX", .help = "the release hash as published; compared with the folder's"),
    ROW(signers, .value = "FILE",
        .help = "whose SSH signature is wanted (ssh-keygen's allowed_signers)"),
    ROW(key, .value = "FILE", .help = "public P-256 key (PEM) of who signed model and provenance"),
    ROW(golden, .help = "loads the model, too, and compares its golden answers"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err show_json(const struct verify_options *o, const struct release_facts *facts) {
    const char *by = facts->is_signed        ? "trusted"
                     : facts->has_signatures ? "unchecked"
                                             : "unsigned";
    json_t *value = json_pack("{s:s, s:s, s:I, s:I, s:s, s:O, s:O, s:O?}", "release", o->release,
                              "hash", facts->hash, "files", (json_int_t)facts->n_files, "bytes",
                              (json_int_t)facts->bytes, "signed", by, "findings", facts->findings,
                              "chain", json_object_get(facts->manifest, "chain"), "checks",
                              json_object_get(facts->manifest, "checks"));
    if (value == NULL) return fail(ERR_MEMORY, "out of memory for the result");
    err result = print_json(value);
    json_decref(value);
    return result;
}

static err show_text(const struct release_facts *facts) {
    struct str text = {0};
    err result = release_facts_text(facts, &text);
    if (result == ERR_OK) result = print_text(&text);
    str_release(&text);
    return result;
}

static err run(const void *given, struct arena *arena) {
    const struct verify_options *o = given;
    struct release_facts facts;
    (void)arena;
    TRY(release_verify(
        &(struct release_verify){
            .dir = o->release, .hash = o->hash, .trust = {o->signers, o->key}, .golden = o->golden},
        &facts));
    err result = o->json ? show_json(o, &facts) : show_text(&facts);
    release_facts_clear(&facts);
    return result;
}

const struct command cmd_release_verify = {
    .noun = "release",
    .verb = "verify",
    .summary = "checks every byte, hash, signature, tensor shape and number of a release",
    .details = "Needs nothing but the folder, and no network. Exit code 0: everything that was\n"
               "looked at holds, and what was not proved is said (that it is unsigned, too).\n"
               "3: the release is refused. 1: it could not be checked: there is none, or a file\n"
               "that was named to check it with cannot be read. Who names --signers, --key or\n"
               "--hash wants that signature or hash: without it the release is refused.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct verify_options),
    .run = run,
};
