/* SPDX-License-Identifier: Apache-2.0
 * What a terminal is shown and asked.
 * An editor is started without a shell's quoting: its name may hold options, the path is one word.
 * Read next: cli/terminal.h, the contract. */
#include "cli/terminal.h"

#include "base/env.h"
#include "base/mem.h"
#include "cli/command.h"
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static err add(const char *text, const char *line_end, size_t max_bytes, struct str *out) {
    size_t n = strlen(text);
    for (size_t i = 0, step; i < n; i += step) {
        uint32_t c = 0;
        if (max_bytes > 0 && i >= max_bytes) return str_add(out, "...");
        step = utf8_next_any(text + i, n - i, &c);
        if (c == '\r' && text[i + 1] == '\n') continue;
        if (c == '\n')
            TRY(str_add(out, line_end));
        else if (utf8_steers(c))
            TRY(str_printf(out, "<U+%04X>", c));
        else if (c == 0xFFFD)
            TRY(str_codepoint(out, c));
        else
            TRY(str_append(out, text + i, step));
    }
    return ERR_OK;
}

err terminal_add(const struct terminal_text *t, struct str *out) {
    struct str line_end = {0};
    err e = str_printf(&line_end, "\n%*s", t->indent, "");
    if (e == ERR_OK) e = add(t->text, str_text(&line_end), t->max_bytes, out);
    str_release(&line_end);
    return e;
}

err terminal_add_line(const char *text, size_t max_bytes, struct str *out) {
    return add(text, " ", max_bytes, out);
}

err terminal_print(const struct str *text) {
    struct str shown = {0};
    err e = terminal_add(&(struct terminal_text){.text = str_text(text)}, &shown);
    if (e == ERR_OK) e = print_text(&shown);
    str_release(&shown);
    return e;
}

err terminal_ask(const char *question, struct str *out, bool *out_more) {
    struct str shown = {0};
    err e = str_add(&shown, question);
    if (e == ERR_OK) e = print_text(&shown);
    str_release(&shown);
    str_clear(out);
    *out_more = false;
    for (int c; e == ERR_OK && (c = getchar()) != EOF;) {
        *out_more = true;
        if (c == '\n') break;
        if (out->len > 0 || (c != ' ' && c != '\t')) e = str_append(out, &(char){(char)c}, 1);
    }
    while (out->len > 0 && strchr(" \t\r", out->data[out->len - 1])) out->data[--out->len] = '\0';
    return e;
}

/* Splits an editor's command at blanks; `words` point into it. */
static int split(char *command, char **words, int max) {
    int n = 0;
    for (char *at = command; *at && n < max;) {
        at += strspn(at, " ");
        if (!*at) break;
        words[n++] = at;
        at += strcspn(at, " ");
        if (*at) *at++ = '\0';
    }
    return n;
}

static err run_editor(char *command, const char *path) {
    enum { WORDS_MAX = 16 };
    char *words[WORDS_MAX + 2] = {NULL};
    pid_t child;
    int status, n = split(command, words, WORDS_MAX);
    words[n] = (char *)path;
    int code = n > 0 ? posix_spawnp(&child, words[0], NULL, NULL, words, environ) : ENOENT;
    if (code != 0)
        return fail_hint(fail_errno(ERR_MISSING, code, "editor '%s'", command),
                         "set EDITOR to a program that is there");
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return fail_errno(ERR_IO, errno, "waiting for the editor");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ERR_OK;
    return fail(ERR_IO, "editor '%s' failed", command);
}

err terminal_edit(const char *path) {
    const char *editor = env_get(ENV_VISUAL);
    if (!editor) editor = env_get(ENV_EDITOR);
    char *command = mem_strdup(editor ? editor : "vi");
    if (!command) return ERR_MEMORY;
    err e = run_editor(command, path);
    mem_free(command);
    return e;
}
