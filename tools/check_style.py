#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a reader can rely on in every file: the SPDX line first, then 3 to 15 lines that say what the
file is; header guards named after the path; files under 700 lines (400 is the aim) and functions under
120 (60 is the aim); no typedef of a struct, union; none of the functions that invite overflow or hide
errors; printing and exiting in cli/ alone; no marks of unfinished work and no path of one machine.
"""
import re

from check_common import C_SUFFIXES, Checker, line_of

FILE_WARN, FILE_LIMIT = 400, 700
FUNCTION_WARN, FUNCTION_LIMIT = 60, 120
COMMENT_MIN, COMMENT_MAX = 3, 15
LINE_LIMIT = 100
SPDX = "SPDX-License-Identifier: Apache-2.0"
# What to use instead of a function that is not used.
BANNED = {
    "strcpy": "base/str.h", "strcat": "base/str.h", "sprintf": "snprintf or str_printf",
    "vsprintf": "vsnprintf or str_printf", "strncpy": "base/str.h", "strncat": "base/str.h",
    "strtok": "strcspn and strspn", "atoi": "str_to_int64", "atol": "str_to_int64",
    "atoll": "str_to_int64", "atof": "str_to_double", "gets": "line_reader_next",
    "rand": "rng_u64 (base/philox.h)", "srand": "base/philox.h", "random": "base/philox.h",
    "drand48": "base/philox.h", "system": "posix_spawn", "popen": "posix_spawn",
    "alloca": "mem_alloc", "tmpnam": "mkstemp", "mktemp": "mkstemp",
}
# Functions that one folder keeps to itself, and the one that the rest of the program calls instead.
OWNED = {
    "base": {"malloc": "mem_alloc", "calloc": "mem_zalloc", "realloc": "mem_resize",
             "free": "mem_free", "strdup": "mem_strdup", "strndup": "arena_strndup",
             "getenv": "env_get", "fopen": "base/file.h", "asprintf": "str_printf"},
    "cli": {"printf": "a result that cli/ prints", "puts": "a result that cli/ prints",
            "putchar": "a result that cli/ prints", "perror": "fail_errno",
            "exit": "fail and return", "_exit": "fail and return"},
}
HOST_FOLDERS = ("base", "remote", "recipes", "compute", "data", "model", "adapters", "issues", "trainer",
                "eval", "release", "serve", "cli")
SHORT_HEADS = (".sh", ".py", ".cmake", ".def", ".ci", "CMakeLists.txt")
MACHINE_PATH = re.compile(r"(?<![\w.$}/*)-])/(work|home|root|mnt|Users)/\w|(?<![\w.$}/-])/tmp/[a-z]\w+/")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
TEXT_SUFFIXES = C_SUFFIXES + (".def", ".py", ".sh", ".md", ".cmake", ".yaml", ".txt", ".ci")


def check_head(checker, path):
    lines = checker.read(path).split("\n")
    if not path.endswith(C_SUFFIXES):
        if SPDX not in "\n".join(lines[:2]):
            checker.fault(path, 1, "no SPDX tag at the top")
        return
    if lines[0] != f"/* {SPDX}":
        checker.fault(path, 1, f"line 1 is not '/* {SPDX}'")
        return
    end = next((i for i, line in enumerate(lines) if "*/" in line), len(lines))
    if not COMMENT_MIN <= end <= COMMENT_MAX:
        checker.fault(path, 2, f"{end} lines say what this file is; {COMMENT_MIN} to {COMMENT_MAX} "
                      "are wanted after the SPDX tag: what it does, why it exists, what to read next")


def check_guard(checker, path):
    guard = "COTRAIN_" + re.sub(r"[^A-Za-z0-9]", "_", path).upper()
    if not re.search(rf"^#ifndef {guard}\n#define {guard}$", checker.read(path), re.M):
        checker.fault(path, 1, f"no header guard {guard}")


def check_columns(checker, path):
    for number, line in enumerate(checker.read(path).split("\n"), 1):
        if len(line) > LINE_LIMIT and not line.endswith("\\"):  # clang-format places those
            checker.fault(path, number, f"{len(line)} columns; {LINE_LIMIT} is the limit")


def functions(code):
    """(name, first line, last line) of each function defined in comment-free C text."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), code, flags=re.M)
    code = re.sub(r'extern\s*"[^"]*"\s*\{|\bnamespace\b[\w:\s]*\{',
                  lambda m: re.sub(r"[^\n]", " ", m.group(0)), code)
    depth, head_from, name, start = 0, 0, None, 0
    for match in re.finditer(r"[{};]", code):
        mark = match.group(0)
        if mark == "{":
            head = code[head_from:match.start()]
            if depth == 0 and head.rstrip().endswith(")"):
                head = re.sub(r"__attribute__\s*\(\(.*?\)\)|__launch_bounds__\s*\([^()]*\)", "", head)
                name = re.search(r"(\w+)\s*\(", head + "unnamed(").group(1)
                start = line_of(code, head_from + len(head) - len(head.lstrip()))
            depth += 1
        elif mark == "}":
            depth = max(0, depth - 1)
            if depth == 0 and name:
                yield name, start, line_of(code, match.start())
                name = None
        if depth == 0:
            head_from = match.end()


def check_lengths(checker, path):
    n_lines = checker.read(path).count("\n")
    if n_lines > FILE_LIMIT:
        checker.fault(path, n_lines, f"{n_lines} lines; {FILE_LIMIT} is the limit")
    elif n_lines > FILE_WARN:
        checker.warn(path, n_lines, f"{n_lines} lines; {FILE_WARN} is the aim")
    for name, first, last in functions(checker.code(path)):
        length = last - first + 1
        if length > FUNCTION_LIMIT:
            checker.fault(path, first, f"{name}: {length} lines; {FUNCTION_LIMIT} is the limit")
        elif length > FUNCTION_WARN:
            checker.warn(path, first, f"{name}: {length} lines; {FUNCTION_WARN} is the aim")


def check_words(checker, path):
    code = checker.code(path)
    for match in re.finditer(r"\btypedef\s+(struct|union)\b", code):
        checker.fault(path, line_of(code, match.start()), f"typedef of a {match.group(1)}")
    folder = path.split("/")[0]
    wrong = dict(BANNED)
    for owner, functions in OWNED.items():
        if folder in HOST_FOLDERS and folder != owner and not (owner == "cli" and folder == "base"):
            wrong.update(functions)
    calls = re.compile(r"(?<![\w.>])(" + "|".join(wrong) + r")\s*\(")
    for match in calls.finditer(code):
        checker.fault(path, line_of(code, match.start()),
                      f"{match.group(1)}() is not used here; use {wrong[match.group(1)]}")


def check_text(checker, path):
    for number, line in enumerate(checker.read(path).split("\n"), 1):
        found = MACHINE_PATH.search(line)
        if found:
            checker.fault(path, number, f"a path of one machine: '{found.group(0)}...'")
        found = UNFINISHED.search(line)
        if found:
            checker.fault(path, number, f"a mark of unfinished work: '{found.group(0)}'")


def main():
    checker = Checker("check_style")
    for path in checker.files:
        if not path.endswith(TEXT_SUFFIXES):
            continue
        check_text(checker, path)
        if path.endswith(C_SUFFIXES + SHORT_HEADS):
            check_head(checker, path)
        if path.endswith(C_SUFFIXES):
            check_columns(checker, path)
            check_lengths(checker, path)
            check_words(checker, path)
        if path.endswith((".h", ".cuh")):
            check_guard(checker, path)
    checker.finish()


main()
