/* SPDX-License-Identifier: Apache-2.0
 * The program: finds the command of its first words, runs it, and says what went wrong. This is the
 * only place that prints errors and the only one that decides the exit code (base/err.def).
 * Read next: cli/command.h and cli/cmds.def. */
#include "base/env.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/par.h"
#include "base/str.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static bool is_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Whether the words ask for help instead of work; what stands behind "--" is no option. */
static bool asks_help(int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(argv[i])) return true;
    return false;
}

static err print_help(const char *noun, const struct command *command) {
    struct str text = {0};
    err code = command ? help_command(command, &text)
               : noun  ? help_noun(noun, &text)
                       : help_all(false, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

static err print_version(void) {
    struct str text = {0};
    err code = str_add(&text, "cotrain " COTRAIN_VERSION "\n");
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}

/* argv without the program's own name. */
static err dispatch(int argc, char **argv) {
    if (argc == 0)
        return fail_hint(fail(ERR_USAGE, "no command given"), "'cotrain help' lists the commands");
    if (is_help(argv[0])) return print_help(NULL, NULL);
    if (strcmp(argv[0], "--version") == 0) return print_version();
    const struct command *command = command_find(argv[0], "");
    int n_words = 1;
    if (!command) {
        if (!command_has_verbs(argv[0])) return command_unknown_noun(argv[0]);
        if (argc > 1 && is_help(argv[1])) return print_help(argv[0], NULL);
        command = argc > 1 ? command_find(argv[0], argv[1]) : NULL;
        if (!command) return command_unknown_verb(argv[0], argc > 1 ? argv[1] : NULL);
        n_words = 2;
    }
    if (asks_help(argc - n_words, argv + n_words)) return print_help(NULL, command);
    return command_run(command, argc - n_words, argv + n_words);
}

static err start(int argc, char **argv) {
    TRY(log_configure(env_get(ENV_COTRAIN_LOG)));
    TRY(fault_arm_from_env());
    return dispatch(argc - 1, argv + 1);
}

/* Names in a message may be a stranger's: what would steer the terminal, and bytes that are no
 * UTF-8, show as '?'. Nothing is allocated: memory may be what is out. */
static void say(const char *what, const char *text) {
    const size_t n = strlen(text);
    fprintf(stderr, "%s: ", what);
    for (size_t i = 0, size; i < n; i += size) {
        uint32_t c;
        size = utf8_next_any(text + i, n - i, &c);
        if (c < ' ' || utf8_steers(c) || (c == 0xFFFD && size == 1))
            fputc('?', stderr);
        else
            fwrite(text + i, 1, size, stderr);
    }
    fputc('\n', stderr);
}

static void say_hint(const char *text) {
    char line[ERR_TEXT_SIZE];
    for (const char *at = text; *at;) {
        const size_t n = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        say("hint", line);
        at += n + (at[n] == '\n');
    }
}

int main(int argc, char **argv) {
    par_start(argv);
    err code = start(argc, argv);
    LOG(CLI, DEBUG, "%lld allocations and %lld file operations", (long long)fault_count(FAULT_MEM),
        (long long)fault_count(FAULT_IO));
    if (code == ERR_OK) return 0;
    const char *message = err_message();
    say("cotrain", message[0] ? message : err_name(code));
    say_hint(err_hint());
    return err_exit_code(code);
}
