#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Layout: every C file is as clang-format 14 lays it out with our .clang-format. Other versions lay
some lines out differently, so another version is a fault of the machine and is reported as one.
"""
import os
import re
import shutil
import subprocess
import sys

from check_common import Checker

VERSION = "14"


def find_formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path:
            said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.search(rf"version {VERSION}\.", said):
                return path
    return None


def main():
    checker = Checker("check_format")
    formatter = find_formatter()
    if formatter is None:
        print(f"check_format: no clang-format {VERSION} here (package clang-format-{VERSION})")
        sys.exit(1)
    paths = checker.c_files()
    done = subprocess.run([formatter, "--dry-run", *paths], cwd=checker.root, capture_output=True,
                          text=True)
    for path, line in sorted({(m.group(1), int(m.group(2))) for m in
                              re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error)", done.stderr, re.M)}):
        checker.fault(os.path.normpath(path), line, f"not as clang-format lays it out; {formatter} -i")
    if done.returncode and not checker.n_faults:
        checker.fault(".clang-format", 1, done.stderr.strip() or "clang-format failed")
    checker.finish()


main()
