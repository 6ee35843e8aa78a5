/* SPDX-License-Identifier: Apache-2.0
 * `cotrain release report`: a release as one page of HTML. What is refused by verification gets no
 * page.
 * Read next: release/page.h, release/verify.h. */
#include "base/file.h"
#include "cli/command.h"
#include "release/page.h"

struct release_report_options {
    const char *release, *out, *hash, *signers, *key;
};

#define ROW(field, ...) OPT(struct release_report_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(release, .required = true, .positional = true, .value = "DIR", .help = "release folder"),
    ROW(out, .value = "FILE", .preset = "release.html", .help = "the page; not inside the release"),
    ROW(hash, .value = "HEX", .help = "the release hash as published; compared with the folder's"),
    ROW(signers, .value = "FILE",
        .help = "whose SSH signature is wanted (ssh-keygen's allowed_signers)"),
    ROW(key, .value = "FILE", .help = "public P-256 key (PEM) of who signed model and provenance"),
};

static err run(const void *given, struct arena *arena) {
    const struct release_report_options *o = given;
    struct release_facts facts;
    struct str page = {0};
    (void)arena;
    TRY(release_page_place(o->out));
    TRY(release_verify(
        &(struct release_verify){.dir = o->release, .hash = o->hash, .trust = {o->signers, o->key}},
        &facts));
    err result = release_page_write(o->release, &facts, &page);
    if (result == ERR_OK) result = file_write(o->out, page.data, page.len);
    release_facts_clear(&facts);
    str_release(&page);
    return result;
}

const struct command cmd_release_report = {
    .noun = "release",
    .verb = "report",
    .summary = "a release as one page: what is proved, scores, answers, curves, data, provenance",
    .details =
        "The page needs nothing but itself and runs nothing. The release is verified first:\n"
        "one that is refused gets no page (exit code 3), and whose signature it has is\n"
        "said where --signers or --key name them.",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct release_report_options),
    .run = run,
};
