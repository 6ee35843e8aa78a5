/* SPDX-License-Identifier: Apache-2.0
 * A subcommand: one file cli/cmd_<name>.c with one `const struct command cmd_<name>`, and one line
 * in cli/cmds.def. Its options are an option table over its own struct; help is made from it. cli/
 * is the only folder that prints: results to stdout, chatter through the log to stderr. */
#ifndef COTRAIN_CLI_COMMAND_H
#define COTRAIN_CLI_COMMAND_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/opt.h"

struct command {
    const char *noun, *verb; /* "data", "build"; verb "" when the noun stands alone ("run") */
    const char *summary;     /* one line */
    const char *details;     /* more lines for its own help, or NULL */
    struct opt_table options;
    size_t options_size; /* of the struct the table fills */
    MUST_CHECK err (*run)(const void *options, struct arena *arena);
};

#define COMMAND(name) extern const struct command cmd_##name;
#include "cli/cmds.def"
#undef COMMAND
extern const struct command *const commands[];
extern const int n_commands;

/* The command of these words (verb "" for none), or NULL. */
const struct command *command_find(const char *noun, const char *verb);
bool command_has_verbs(const char *noun);
/* Usage errors with the nearest names; `verb` NULL: it is missing. */
MUST_CHECK err command_unknown_noun(const char *noun);
MUST_CHECK err command_unknown_verb(const char *noun, const char *verb);
/* Reads the words behind noun and verb into the command's options and runs it. */
MUST_CHECK err command_run(const struct command *command, int argc, char **argv);

/* Help, appended: of everything, of a noun's verbs, of one command with its options (cli/help.c).
 */
MUST_CHECK err help_all(bool with_options, struct str *out);
MUST_CHECK err help_noun(const char *noun, struct str *out);
MUST_CHECK err help_command(const struct command *command, struct str *out);

/* Appends a word of a command that is shown to be run: in quotes where a shell would take it
 * apart. */
MUST_CHECK err command_word(const char *word, struct str *out);
/* To stdout: a text; a value as indented JSON (--json). */
MUST_CHECK err print_text(const struct str *text);
MUST_CHECK err print_json(const json_t *value);

#endif
