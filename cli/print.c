/* SPDX-License-Identifier: Apache-2.0
 * Results to stdout, and the commands in them. A result that cannot be written whole is a failure
 * of the command: a script must not take half a report for a whole one.
 * Read next: cli/command.h. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

err command_word(const char *word, struct str *out) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_@%+=:,./-";
    size_t n = 0;
    while (word[n] != '\0' && ((unsigned char)word[n] >= 0x80 || strchr(plain, word[n]))) n++;
    if (n > 0 && word[n] == '\0') return str_add(out, word);
    return str_quoted(out, word);
}

err print_text(const struct str *text) {
    if (fwrite(str_text(text), 1, text->len, stdout) == text->len && fflush(stdout) == 0)
        return ERR_OK;
    return fail_errno(ERR_IO, errno, "cannot write to standard output");
}

err print_json(const json_t *value) {
    struct str text = {0};
    err code = json_text(value, JSON_TEXT_PRETTY, &text);
    if (code == ERR_OK) code = print_text(&text);
    str_release(&text);
    return code;
}
