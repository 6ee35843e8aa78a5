/* SPDX-License-Identifier: Apache-2.0
 * The response is a program: it is run, with tests behind it, in a sandbox, and must end with
 * success. The tests are the recipe's, the same for every row, or what the teacher wrote for the
 * row beside its response; the program is the response's first code fence, or all of it.
 * Read next: base/sandbox.h for what holds the program. */
#include "data/synth/checks/check.h"

#include "base/mem.h"
#include "base/sandbox.h"
#include "data/synth/reply.h"
#include <string.h>

enum { SHOWN_BYTES = 400 };

struct state {
    const struct check_spec *spec;
    const char **argv; /* the last word names the program's file */
    const char *file;
};

static void code_close(void *given) {
    struct state *s = given;
    mem_free(s->argv);
    mem_free(s);
}

static err code_open(const struct check_spec *spec, void **out) {
    static const char *const usual[] = {"python3", "program.py"};
    const char *const *words = spec->command.n > 0 ? spec->command.items : usual;
    int64_t n = spec->command.n > 0 ? spec->command.n : 2;
    struct str how = {0};
    struct state *s = *out = mem_zalloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    s->spec = spec;
    s->argv = mem_zalloc((size_t)n + 1, sizeof *s->argv);
    if (!s->argv) return ERR_MEMORY;
    for (int64_t i = 0; i < n; i++) s->argv[i] = words[i];
    s->file = words[n - 1];
    if (strchr(s->file, '/'))
        return fail(ERR_RANGE, "the last word of 'command' names the program's file: no '/'");
    if (spec->unsafe) return ERR_OK;
    err e = sandbox_describe(&how);
    str_release(&how);
    if (e == ERR_UNSUPPORTED)
        (void)fail_hint(e, "'unsafe: true' at the check runs programs of strangers all the same");
    return e;
}

/* The inside of the first code fence, or the whole text. */
static struct span program_of(const char *text) {
    struct span inside;
    bool alone;
    return reply_fence(text, &inside, &alone) ? inside : (struct span){text, strlen(text)};
}

/* The last lines of what it said before it failed. */
static err add_error(const struct str *text, struct str *why) {
    size_t n = text->len;
    while (n > 0 && strchr(" \r\n", text->data[n - 1])) n--;
    size_t from = n > SHOWN_BYTES ? n - SHOWN_BYTES : 0;
    while (from < n && ((unsigned char)text->data[from] & 0xC0) == 0x80) from++;
    if (n > from) TRY(str_add(why, ": "));
    for (size_t i = from; i < n;) {
        uint32_t codepoint;
        i += utf8_next_any(text->data + i, n - i, &codepoint);
        TRY(str_codepoint(why, codepoint < 32 ? ' ' : codepoint));
    }
    return ERR_OK;
}

static err judge(const struct sandbox_result *r, struct str *why) {
    if (r->limit != SANDBOX_WITHIN)
        return str_printf(why, "the program runs into its limit of %s",
                          sandbox_limit_name(r->limit));
    if (r->exit_status == 0 && r->signal == 0) return ERR_OK;
    TRY(r->signal
            ? str_printf(why, "the program is ended by signal %d", r->signal)
            : str_printf(why, "the program fails its tests (exit status %d)", r->exit_status));
    return add_error(&r->error, why);
}

static err code_test(const void *given, const struct check_row *row, struct str *why) {
    const struct state *s = given;
    const char *tests = s->spec->tests ? s->spec->tests : row->tests;
    struct span program = program_of(row->response);
    struct sandbox_result result = {0};
    struct str text = {0};
    if (!tests) return str_add(why, "the JSON lacks the text \"tests\"");
    err e = str_append(&text, program.text, program.n);
    if (e == ERR_OK) e = str_printf(&text, "\n\n%s\n", tests);
    const struct sandbox_file file = {.name = s->file, .data = text.data, .size_bytes = text.len};
    const struct sandbox_options options = {.argv = s->argv,
                                            .files = &file,
                                            .n_files = 1,
                                            .limits = {.wall_ms = s->spec->timeout_ms},
                                            .unsafe = s->spec->unsafe};
    if (e == ERR_OK) e = sandbox_run(&options, &result);
    if (e == ERR_OK) {
        e = judge(&result, why);
        sandbox_result_release(&result);
    }
    str_release(&text);
    return e;
}

const struct check check_code = {
    .name = "code",
    .summary = "the response is a program that passes its tests, run in a sandbox",
    .keys = "tests,command,timeout_ms,unsafe",
    .needs_tests = true,
    .runs_programs = true,
    .open = code_open,
    .close = code_close,
    .test = code_test,
};
