/* SPDX-License-Identifier: Apache-2.0
 * Results to stdout. A result that cannot be written whole is a failure of the command: a script
 * must not take half a report for a whole one.
 * Read next: cli/command.h. */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>

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
