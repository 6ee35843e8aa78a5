/* SPDX-License-Identifier: Apache-2.0
 * cotrain help: the commands, those of one noun, or one command with its options. `--all` prints
 * the help of every command, which is what the reference page is made from.
 * Read next: cli/help.c. */
#include "cli/command.h"

#include "base/str.h"

struct help_options {
    struct opt_list words;
    bool all;
};

#define ROW(field, ...) OPT(struct help_options, field, __VA_ARGS__)
static const struct opt rows[] = {
    ROW(words, .positional = true, .repeated = true, .value = "COMMAND",
        .help = "a command, e.g. recipe check"),
    ROW(all, .help = "every command with its options"),
};

static err help_words(const struct opt_list *words, struct str *out) {
    const char *noun = words->items[0], *verb = words->n > 1 ? words->items[1] : "";
    const struct command *command = command_find(noun, verb);
    if (words->n > 2) return fail(ERR_USAGE, "'%s' is one word too many", words->items[2]);
    if (command) return help_command(command, out);
    if (command_has_verbs(noun) && words->n == 1) return help_noun(noun, out);
    if (command_has_verbs(noun)) return command_unknown_verb(noun, verb);
    return command_unknown_noun(noun);
}

static err run(const void *given, struct arena *arena) {
    (void)arena;
    const struct help_options *options = given;
    struct str text = {0};
    err code =
        options->words.n > 0 ? help_words(&options->words, &text) : help_all(options->all, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

const struct command cmd_help = {
    .noun = "help",
    .verb = "",
    .summary = "what the commands are and what their options do",
    .options = {rows, sizeof(rows) / sizeof(rows[0])},
    .options_size = sizeof(struct help_options),
    .run = run,
};
