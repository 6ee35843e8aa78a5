/* SPDX-License-Identifier: Apache-2.0
 * A subcommand: one file cli/cmd_<name>.c with one `const struct command cmd_<name>`, and one line in
 * cli/cmds.def. Its options are an option table over its own struct; help is made from it.
 * cli/ is the only folder that prints: results to stdout, chatter through the log to stderr. */
#ifndef COTRAIN_CLI_COMMAND_H
#define COTRAIN_CLI_COMMAND_H

#include "base/arena.h"
#include "base/err.h"
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

#endif
