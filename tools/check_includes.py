#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Folders and ranks: a file includes only its own folder, or a folder that stands on its line of the
top CMakeLists.txt and has a strictly lower rank. A third-party header is included only by the folder
whose line names its library. tests/, bench/ and tools/ may use everything. The link-time half of the
same promise is the `ranks` target. Include paths start at the root and name a file that is there.
"""
import os
import re

from check_common import C_SUFFIXES, Checker, folder_table, line_of

# Which library a third-party header belongs to (the names are those of CMakeLists.txt).
HEADER_LIBRARY = {
    r"jansson(_config)?\.h": "jansson",
    r"openssl/.*": "crypto",
    r"xxhash\.h": "xxhash",
    r"seccomp\.h": "seccomp",
    r"omp\.h": "OpenMP::OpenMP_C",
    r"math\.h|fenv\.h|complex\.h|cmath": None,  # the C library's own; no library line needed
    r"yaml\.h": "yaml",
    r"curl/.*": "curl",
    r"git2(/.*)?(\.h)?": "git2",
    r"microhttpd\.h": "tests only",
    r"zlib\.h": "z",
    r"zstd(_errors)?\.h": "zstd",
    r"sentencepiece.*": "sentencepiece",
    r"pcre2\.h": "pcre2-8",
    r"cmocka\.h": "tests only",
    r"cblas\.h|openblas_config\.h": "bench only",
    r"cuda_[a-z0-9_]+\.h|(vector_functions|library_types)\.h|ptx_emu\.h|cublasLt\.h|cudnn.*\.h|nccl\.h": "CUDA",
}
# One header through which everybody reaches a library: the only file that includes it.
SINGLE_DOOR = {"jansson": "base/json.h"}
SYSTEM = re.compile(r"""(
    assert|ctype|errno|float|inttypes|iso646|limits|locale|setjmp|signal|stdalign|stdarg|stdatomic|
    stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|tgmath|threads|time|uchar|wchar|
    dirent|fcntl|fnmatch|ftw|getopt|glob|grp|libgen|poll|pthread|pwd|sched|spawn|syslog|termios|unistd|
    immintrin|arm_neon|cpuid|execinfo|malloc|link|dlfcn|
    arpa/inet|netinet/(in|tcp)|sys/[a-z_]+|linux/[a-z_]+|gnu/[a-z-]+)\.h|
    (algorithm|atomic|cassert|cmath|csignal|cstdarg|cstddef|cstdint|cstdio|cstdlib|cstring|deque|
    exception|functional|list|map|memory|mutex|new|numeric|random|string|string_view|tuple|type_traits|
    unordered_map|utility|vector)
    """, re.X)
FREE_FOLDERS = ("tests", "bench", "tools")


def check_rows(checker, rows):
    for name, (rank, uses, _) in rows.items():
        for used in uses:
            if used not in rows:
                checker.fault("CMakeLists.txt", 1, f"folder '{name}' uses '{used}', which has no line")
            elif rows[used][0] >= rank:
                checker.fault("CMakeLists.txt", 1, f"folder '{name}' (rank {rank}) uses '{used}' "
                              f"(rank {rows[used][0]}), which is not below it")


def check_own_header(checker, path, target, line, folder, rows):
    target_folder = target.split("/")[0]
    if not os.path.isfile(os.path.join(checker.root, target)):
        checker.fault(path, line, f"include of '{target}': no such file from the root")
    elif folder in FREE_FOLDERS or target_folder == folder:
        return
    elif target_folder not in rows:
        checker.fault(path, line, f"include of '{target}': '{target_folder}' is no folder of the program")
    elif rows[target_folder][0] >= rows[folder][0]:
        checker.fault(path, line, f"include of '{target}': rank {rows[target_folder][0]} is not below "
                      f"{folder}'s {rows[folder][0]}")
    elif target_folder not in rows[folder][1]:
        checker.fault(path, line, f"include of '{target}': '{target_folder}' is not on {folder}'s line "
                      "of CMakeLists.txt")


def check_foreign_header(checker, path, header, line, folder, rows):
    for pattern, library in HEADER_LIBRARY.items():
        if not re.fullmatch(pattern, header):
            continue
        door = SINGLE_DOOR.get(library)
        if library is None or folder in FREE_FOLDERS and not door:
            return
        if library == "CUDA" and path.startswith("compute/cuda/"):  # a shared object of its own
            return
        if door and path != door:
            checker.fault(path, line, f"include of <{header}>: only {door} includes it")
        elif not door and library not in rows[folder][2]:
            checker.fault(path, line, f"include of <{header}>: library '{library}' is not on "
                          f"{folder}'s line of CMakeLists.txt")
        return
    if not SYSTEM.fullmatch(header):
        checker.fault(path, line, f"include of <{header}>: neither a system header nor one of a "
                      "library known to tools/check_includes.py")


def main():
    checker = Checker("check_includes")
    rows = folder_table(checker)
    check_rows(checker, rows)
    for path in checker.files:
        folder = path.split("/")[0]
        if not path.endswith(C_SUFFIXES + (".def",)):
            continue
        if folder not in rows and folder not in FREE_FOLDERS:
            checker.fault(path, 1, f"source in '{folder}', which has no line in CMakeLists.txt")
            continue
        # Names of quoted includes are blanked in the stripped text, so the place comes from there and
        # the name from the text itself.
        text, code = checker.read(path), checker.code(path)
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])', code, re.M):
            found = re.match(r'(["<])([^">]*)[">]', text[match.start(1):])
            line = line_of(text, match.start())
            if found.group(1) == '"':
                check_own_header(checker, path, found.group(2), line, folder, rows)
            else:
                check_foreign_header(checker, path, found.group(2), line, folder, rows)
    checker.finish()


main()
