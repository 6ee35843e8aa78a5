# SPDX-License-Identifier: Apache-2.0
"""What the check_*.py programs share: the list of files, C text without comments, and how a fault is
reported. A check takes [--root DIR] [--only PATH], prints one line a fault, `path:line: message`, and exits 1 when
there was one. Lines that begin with "warning" do not count. Each check's rules stand in its own file.
"""
import argparse
import os
import re
import subprocess
import sys

C_SUFFIXES = (".c", ".h", ".cc", ".cpp", ".cu", ".cuh")
NOT_OURS = ("build", "work", "__pycache__")


class Checker:
    """One run of one check: the tree it looks at and the faults it has found."""

    def __init__(self, name, more_arguments=()):
        parser = argparse.ArgumentParser(prog=name)
        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        parser.add_argument("--root", default=here, help="the tree to check")
        parser.add_argument("--only", default="", metavar="PATH", help="look at files below this path alone")
        for flag, help_text, preset in more_arguments:
            parser.add_argument(flag, help=help_text, default=preset)
        self.arguments = parser.parse_args()
        self.name, self.root = name, os.path.abspath(self.arguments.root)
        self.files = [path for path in list_files(self.root) if path.startswith(self.arguments.only)]
        self.n_faults = 0
        self.text_of = {}

    def fault(self, path, line, message):
        self.n_faults += 1
        print(f"{path}:{line}: {message}")

    def warn(self, path, line, message):
        print(f"warning: {path}:{line}: {message}")

    def read(self, path):
        if path not in self.text_of:
            with open(os.path.join(self.root, path), encoding="utf-8") as f:
                self.text_of[path] = f.read()
        return self.text_of[path]

    def code(self, path):
        """The file's text with comments and the insides of strings blanked, same line numbers."""
        key = ("code", path)
        if key not in self.text_of:
            self.text_of[key] = strip_c(self.read(path))
        return self.text_of[key]

    def c_files(self):
        return [p for p in self.files if p.endswith(C_SUFFIXES)]

    def finish(self):
        if self.n_faults:
            print(f"{self.name}: {self.n_faults} fault{'s' if self.n_faults > 1 else ''}; "
                  f"alone: tools/{self.name}.py")
            sys.exit(1)
        sys.exit(0)


def list_files(root):
    """Files under version control and new ones not ignored; in a bare copy, all outside build/."""
    if os.path.exists(os.path.join(root, ".git")):
        found = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
                               capture_output=True, text=True)
        if found.returncode == 0:
            names = found.stdout.splitlines()
            return sorted(p for p in names if os.path.isfile(os.path.join(root, p)))
    out = []
    for folder, folders, names in os.walk(root):
        folders[:] = [d for d in folders if d not in NOT_OURS and d != ".git"]
        out += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(out)


def strip_c(text):
    """Blanks comments, and what stands inside string and character literals; keeps every newline."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def folder_table(checker):
    """The rows of CMakeLists.txt: {folder: (rank, folders it may use, libraries only it may include)}.
    The program's own folder comes last, above all others."""
    text = checker.read("CMakeLists.txt")
    rows = {}
    for match in re.finditer(r'^cotrain_folder\((\w+)\s+(\d+)\s+"([^"]*)"\s+"([^"]*)"', text, re.M):
        name, rank, uses, libraries = match.groups()
        rows[name] = (int(rank), [u for u in uses.split(";") if u],
                      [u for u in libraries.split(";") if u])
    for match in re.finditer(r'^cotrain_program\(\w+\s+(\w+)\s+"([^"]*)"', text, re.M):
        name, uses = match.groups()
        top = 1 + max((rank for rank, _, _ in rows.values()), default=0)
        rows[name] = (top, [u for u in uses.split(";") if u], [])
    return rows
