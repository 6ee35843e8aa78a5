/* SPDX-License-Identifier: Apache-2.0
 * A program in its sandbox (eval/scorers/python.h). The wall clock ends those that wait instead of
 * computing; its limit is far above the CPU's.
 * Read next: eval/scorers/humaneval.c, eval/judge.c. */
#include "eval/scorers/python.h"

enum { CPU_MS = 5000, WALL_MS = 20000, MEMORY_BYTES = 1 << 30 };

err python_run(const struct str *program, bool unsafe, struct sandbox_result *out) {
    static const char *const argv[] = {"python3", "program.py", NULL};
    const struct sandbox_file file = {
        .name = argv[1], .data = str_text(program), .size_bytes = program->len};
    const struct sandbox_options how = {
        .argv = argv,
        .files = &file,
        .n_files = 1,
        .limits = {.cpu_ms = CPU_MS, .wall_ms = WALL_MS, .memory_bytes = MEMORY_BYTES},
        .unsafe = unsafe};
    return sandbox_run(&how, out);
}
