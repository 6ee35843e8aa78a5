#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No mutable state outlives a call outside base/: looks at the compiled objects of a release build, where
every variable that is not constant stands in .data, .bss or their thread-local kin. (Tables of pointers
to constants stand in .data.rel.ro, which is read-only once the program runs.)
"""
import os
import re
import subprocess

from check_common import Checker, folder_table

WRITABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|COMMON|\*COM\*)")


def writable_symbols(path):
    found = subprocess.run(["objdump", "-t", path], capture_output=True, text=True, check=True)
    for line in found.stdout.splitlines():
        # address, seven flag letters (O: an object; thread-local ones have none), section, size,
        # [visibility], name
        match = re.match(r"^[0-9a-f]+ (.{7}) (\S+)\t([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        if not match or not WRITABLE.match(match.group(2)):
            continue
        if match.group(4).startswith("DW.ref."):  # the compiler's own pointers, in C++ with exceptions
            continue
        if match.group(1)[6] == "O" or match.group(2).startswith(".t") and match.group(1)[5] != "d":
            yield match.group(4)


def main():
    checker = Checker("check_state", [("--build", "the build folder", "build/release")])
    build = os.path.join(checker.root, checker.arguments.build)
    n_objects = 0
    for name in folder_table(checker):
        # A folder's library has its name; the program's own folder is compiled into the program.
        for target in (name, "cotrain") if name == "cli" else (name,):
            top = os.path.join(build, "CMakeFiles", f"{target}.dir", name)
            for folder, _, names in os.walk(top):
                for object_name in sorted(n for n in names if n.endswith(".o")):
                    source = os.path.join(name, os.path.relpath(folder, top), object_name[:-2])
                    source = os.path.normpath(source)
                    if not os.path.exists(os.path.join(checker.root, source)):
                        continue  # left over from a file that is gone
                    n_objects += 1
                    if name == "base":
                        continue
                    for symbol in writable_symbols(os.path.join(folder, object_name)):
                        checker.fault(source, 1, f"'{symbol}' is mutable and outlives a call; "
                                      "put it in a struct that the caller owns")
    if n_objects == 0:
        checker.fault(checker.arguments.build, 1, "no object files: build first")
    checker.finish()


main()
