/* SPDX-License-Identifier: Apache-2.0
 * Help texts, made from the table of commands and from their option tables, so that nothing is said
 * here that the program does not do.
 * Read next: cli/command.h. */
#include "cli/command.h"

#include "base/str.h"
#include <string.h>

enum { NAME_COLUMN = 22 };

/* "data build" or "run". */
static err name_text(const struct command *command, struct str *out) {
    return str_printf(out, "%s%s%s", command->noun, command->verb[0] ? " " : "", command->verb);
}

static err summary_line(const struct command *command, struct str *out) {
    struct str name = {0};
    err code = name_text(command, &name);
    if (code == ERR_OK)
        code = str_printf(out, "  %-*s %s\n", NAME_COLUMN, str_text(&name), command->summary);
    str_release(&name);
    return code;
}

err help_all(bool with_options, struct str *out) {
    TRY(str_add(out, "cotrain: from developers' requests to a released Yuan 2.0\n\n"
                     "usage: cotrain COMMAND [OPTION]...\n\ncommands:\n"));
    for (int i = 0; i < n_commands; i++) TRY(summary_line(commands[i], out));
    TRY(str_add(out,
                "\n'cotrain COMMAND --help' shows a command's options, 'cotrain --version' the "
                "version.\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 a check or gate said "
                "no,\n75 stopped at a checkpoint, run again\n"));
    for (int i = 0; with_options && i < n_commands; i++) {
        TRY(str_add(out, "\n"));
        TRY(help_command(commands[i], out));
    }
    return ERR_OK;
}

err help_noun(const char *noun, struct str *out) {
    TRY(str_printf(out, "usage: cotrain %s COMMAND [OPTION]...\n\ncommands:\n", noun));
    for (int i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->noun, noun) == 0) TRY(summary_line(commands[i], out));
    return ERR_OK;
}

/* "usage: cotrain data build RECIPE [--work DIR] ..." with positional words and required options.
 */
static err usage_line(const struct command *command, struct str *out) {
    TRY(str_add(out, "usage: cotrain "));
    TRY(name_text(command, out));
    bool more = false;
    for (size_t i = 0; i < command->options.n; i++) {
        const struct opt *row = &command->options.rows[i];
        const char *value = row->value ? row->value : row->name;
        if (row->positional)
            TRY(str_printf(out, " %s%s%s%s", row->required ? "" : "[", value,
                           row->type == OPT_LIST ? "..." : "", row->required ? "" : "]"));
        else if (row->required)
            TRY(str_printf(out, " --%s %s", row->name, row->value ? row->value : "VALUE"));
        else
            more = true;
    }
    return str_add(out, more ? " [OPTION]...\n" : "\n");
}

err help_command(const struct command *command, struct str *out) {
    TRY(usage_line(command, out));
    TRY(str_printf(out, "%s\n", command->summary));
    if (command->options.n > 0) TRY(str_add(out, "\n"));
    TRY(opt_help(command->options, out));
    if (command->details) TRY(str_printf(out, "\n%s\n", command->details));
    return ERR_OK;
}
