/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release sign`: signs a packed release with the maintainer's keys, as packing does where
 * the recipe names them. Only what verifies is signed.
 * Read next: release/signing.h. */
#include "cli/command.h"
#include "cli/release_stage.h"
#include "release/verify.h"

struct sign_options {
    const char *release, *ssh_key, *key;
    bool json;
};

#define ROW(field, ...) OPT(struct sign_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(release, .required = true, .positional = true, .value = "DIR", .help = "release folder"),
    ROW(ssh_key, .value = "FILE",
        .help = "SSH key for SHA256SUMS; the .pub of one in an agent will do"),
    ROW(key, .value = "FILE", .help = "P-256 private key (PEM) for the model and its provenance"),
    ROW(json, .help = "the result as JSON on standard output"),
};

static err run(const void *given, struct arena *arena) {
    const struct sign_options *o = given;
    const struct release_keys keys = {.ssh_key = o->ssh_key, .p256_key = o->key};
    struct release_facts facts;
    (void)arena;
    if (o->ssh_key == NULL && o->key == NULL)
        return fail(ERR_USAGE, "no key is named: --ssh-key FILE, --key FILE or both");
    TRY(release_keys_check(&keys));
    TRY(release_verify(&(struct release_verify){.dir = o->release, .no_signatures = true}, &facts));
    err result = release_sign(o->release, &keys);
    if (result == ERR_OK) result = show_release(o->release, facts.hash, o->json);
    release_facts_clear(&facts);
    return result;
}

const struct command cmd_release_sign = {
    .noun = "release",
    .verb = "sign",
    .summary = "signs a release with the maintainer's keys",
    .details = "Writes SHA256SUMS.sig (an SSH signature, by ssh-keygen), model.sig (OpenSSF model\n"
               "signature v1.0) and provenance.intoto.jsonl (DSSE). The release's hash stays the\n"
               "same. Keys are read and never shown.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct sign_options),
    .run = run,
};
