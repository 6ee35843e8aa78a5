/* SPDX-License-Identifier: Apache-2.0
 * The table of subcommands, looking them up by their words, and running one: its options are read
 * into a struct of its own, then it is called.
 * Read next: cli/command.h, the contract. */
#include "cli/command.h"

#include "base/str.h"
#include <string.h>

const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "cli/cmds.def"
#undef COMMAND
};
const int n_commands = (int)(sizeof(commands) / sizeof(commands[0]));

const struct command *command_find(const char *noun, const char *verb) {
    for (int i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->noun, noun) == 0 && strcmp(commands[i]->verb, verb) == 0)
            return commands[i];
    return NULL;
}

bool command_has_verbs(const char *noun) {
    for (int i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->noun, noun) == 0 && commands[i]->verb[0]) return true;
    return false;
}

/* The verbs of a noun, as "a, b, c". */
static err verbs_text(const char *noun, struct str *out) {
    for (int i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->noun, noun) == 0)
            TRY(str_printf(out, "%s%s", out->len > 0 ? ", " : "", commands[i]->verb));
    return ERR_OK;
}

err command_unknown_noun(const char *noun) {
    const char *best = NULL;
    for (int i = 0; i < n_commands; i++) {
        const char *pair[2] = {best ? best : commands[i]->noun, commands[i]->noun};
        best = str_nearest(noun, pair, 2);
    }
    err code = fail(ERR_USAGE, "unknown command '%s'", noun);
    if (best) return fail_hint(code, "did you mean '%s'?", best);
    return fail_hint(code, "'cotrain help' lists the commands");
}

err command_unknown_verb(const char *noun, const char *verb) {
    const char *best = NULL;
    for (int i = 0; verb && i < n_commands; i++) {
        if (strcmp(commands[i]->noun, noun) != 0) continue;
        const char *pair[2] = {best ? best : commands[i]->verb, commands[i]->verb};
        best = str_nearest(verb, pair, 2);
    }
    err code = verb ? fail(ERR_USAGE, "unknown command '%s %s'", noun, verb)
                    : fail(ERR_USAGE, "'%s' needs one more word", noun);
    if (best) return fail_hint(code, "did you mean '%s %s'?", noun, best);
    struct str verbs = {0};
    err listed = verbs_text(noun, &verbs);
    if (listed == ERR_OK) code = fail_hint(code, "one of: %s", str_text(&verbs));
    str_release(&verbs);
    return code;
}

err command_run(const struct command *command, int argc, char **argv) {
    struct arena arena = {0};
    void *options = arena_alloc(&arena, 1, command->options_size + 1);
    err code = options ? ERR_OK : ERR_MEMORY;
    if (code == ERR_OK) {
        code = opt_parse_args(command->options, options, argc, argv, &arena);
        if (code == ERR_USAGE)
            code = fail_hint(code, "'cotrain %s%s%s --help' shows its options", command->noun,
                             command->verb[0] ? " " : "", command->verb);
    }
    if (code == ERR_OK) code = command->run(options, &arena);
    arena_release(&arena);
    return code;
}
