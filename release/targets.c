/* SPDX-License-Identifier: Apache-2.0
 * Rows of an item of the recipe's `release.targets`. None has a preset: a recipe without them is
 * the same release as ever.
 * Read next: release/targets.h. */
#include "release/targets.h"

#include <stddef.h>

static const char types[] = ""
#define TARGET(name) "," #name
#include "release/targets.def"
#undef TARGET
    ;

#define ROW(field, ...) OPT(struct release_target, field, __VA_ARGS__)
static const struct opt target_rows[] = {
    ROW(type, .required = true, .choices = types + 1, .help = "what it speaks"),
    ROW(name, .help = "what --target calls it; its type where that is clear"),
    ROW(url, .help = "git: an https:// address, or a folder of this machine"),
    ROW(repo, .value = "OWNER/NAME", .help = "a hub: the repository's name there"),
    ROW(branch, .help = "branch (main; modelscope: master)"),
    ROW(tag, .help = "tag (v and the recipe's month: v2024.03)"),
    ROW(author, .value = "'NAME <ADDRESS>'", .help = "git: whose commit and tag it is"),
    ROW(license, .help = "modelscope: the licence by the name that its own list has"),
    ROW(create, .help = "a hub: make the repository where it is not there"),
    {.name = "private",
     .offset = offsetof(struct release_target, is_private),
     .type = OPT_BOOL,
     .help = "a hub: make it a private one"},
    ROW(pull_request, .aliases = "create_pr", .help = "huggingface: propose it, do not commit"),
};

struct opt_table release_target_table(void) {
    return OPT_TABLE(target_rows);
}

const char *release_target_name(const struct release_target *t) {
    return t->name ? t->name : t->type;
}
