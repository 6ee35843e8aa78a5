#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tables: every row of every .def names something that is there, and everything that belongs in a table
has its row. A row is `MACRO(name...)`; RULES says what it stands for: the symbol, where it is defined,
and which files must hold one. A .def without a rule is a fault too, so a new table brings its own line.
"""
import fnmatch
import os
import re

from check_common import Checker, line_of


class Rule:
    """macro: of a row, and `argument` the number of the argument that is its name.  symbol: a definition
    of this must stand in one of `where`.  one_each: every file of that pattern must define at least one
    symbol with a row ("" when files are not counted).  shared: files of `one_each` that serve the others
    and have no row."""

    def __init__(self, macro, symbol, where, one_each="", shared=(), argument=0):
        self.macro, self.symbol, self.where, self.argument = macro, symbol, where, argument
        self.one_each, self.shared = one_each, shared


DEFINED = r"\b{}\s*(\[\])?\s*=\s*\{{"  # `const struct kind name = {`
OPTIONS = r"\bstruct opt_table NAME(\(void\)\s*\{|\s*=)"  # a function or a constant
RULES = {
    "compute/ops.def": [
        Rule("OP", DEFINED.format("NAME_op"), "compute/ops/*.c", "compute/ops/*.c"),
        Rule("OP", r"\bstruct NAME_args\s*\{", "compute/ops/*.h"),
        Rule("OP", r"\berr\s+CPU\(NAME\)\s*\(", "compute/cpu/*.c"),
    ],
    "cli/cmds.def": [
        Rule("COMMAND", DEFINED.format("cmd_NAME"), "cli/cmd_NAME.c", "cli/cmd_*.c"),
    ],
    "cli/sections.def": [
        Rule("SECTION_NEEDED", OPTIONS, "*.c", argument=3),
        Rule("SECTION_MAP", OPTIONS, "*.c", argument=3),
        Rule("SECTION_NEEDED", OPTIONS, "*.c", argument=3),
        Rule("SECTION_LIST", OPTIONS, "*.c", argument=4),
        Rule("SECTION_PLACED", OPTIONS, "*.c", argument=4),
    ],
    "cli/lists.def": [
        Rule("LIST", r"\berr list_NAME\([^;]*\{", "cli/lists.c"),
    ],
    "data/filters/filters.def": [
        Rule("FILTER", DEFINED.format("filter_NAME"), "data/filters/NAME.c", "data/filters/*.c",
             shared=("filter.c", "options.c")),
    ],
    "adapters/adapters.def": [
        Rule("ADAPTER", DEFINED.format("NAME_adapter"), "adapters/NAME.c"),
    ],
    "compute/quants.def": [
        Rule("QUANT", DEFINED.format("NAME_quant"), "compute/quants/NAME.c", "compute/quants/*.c"),
    ],
    "adapters/inits.def": [
        Rule("INIT", DEFINED.format("NAME_init"), "adapters/inits/NAME.c", "adapters/inits/*.c",
             shared=("init.c",)),
    ],
    "compute/backends.def": [
        Rule("BACKEND", DEFINED.format("NAME") + r"|\bLOADED\(NAME,", "compute/*.c"),
    ],
    "data/readers/readers.def": [
        Rule("READER", DEFINED.format("reader_NAME"), "data/readers/NAME.c", "data/readers/*.c",
             shared=("reader.c", "conversation.c", "trained.c")),
    ],
    "data/lint/lints.def": [
        Rule("LINT", DEFINED.format("lint_NAME"), "data/lint/*.c", "data/lint/*.c", shared=("common.c",)),
    ],
    "data/synth/methods.def": [
        Rule("METHOD", DEFINED.format("method_NAME"), "data/synth/methods/NAME.c", "data/synth/methods/*.c",
             shared=("method.c",)),
    ],
    "data/synth/checks.def": [
        Rule("CHECK", DEFINED.format("check_NAME"), "data/synth/checks/NAME.c", "data/synth/checks/*.c",
             shared=("check.c",)),
    ],
    "data/readers/roles.def": [],  # a row is a word of other people's, with nothing to look up
    # The members of one layer: a row declares, allocates and names a tensor at once.
    "model/acts.def": [],
    "model/params.def": [],
    "model/projections.def": [],
    "model/presets.def": [],  # a row is a shape of its own
    "model/config.def": [],  # a row is a key of a file that others write, with nothing to look up
    "model/formats/formats.def": [
        Rule("FORMAT", DEFINED.format("NAME_format"), "model/formats/NAME.c"),
    ],
    # Names and opcodes of other people's, with nothing to look up; an opcode names its function.
    "model/formats/pickle_globals.def": [],
    "model/formats/pickle_opcodes.def": [
        Rule("OPCODE", r"\berr NAME\(", "model/formats/pickle_opcodes.c", argument=2),
    ],
    "issues/reply/replies.def": [],  # a row is a text of its own
    "issues/states.def": [],  # a row is a state, with nothing to look up
    "issues/read/kinds.def": [],  # a row is a word of readings, with nothing to look up
    "data/text/cases.def": [],  # a row is a fact of Unicode, with nothing to look up
    "data/sensitive.def": [
        Rule("SENSITIVE", r"\bsensitive_rows\b", "data/sensitive.c"),  # that no name stands twice
        Rule("SENSITIVE", r"\bbool find_NAME\(", "data/sensitive/*.c", "data/sensitive/*.c",
             shared=("pattern.c",), argument=2),
    ],
    # Words that people write: the compiler holds what a row stands for to its class or field.
    "issues/read/cues.def": [],
    "issues/read/folds.def": [],
    "issues/read/labels.def": [],
    "issues/read/phrases.def": [],
    "data/tokens/special.def": [],  # a row is a fact about the tokenizer, with nothing to look up
    "base/sandbox/methods.def": [
        Rule("METHOD", DEFINED.format("sandbox_NAME"), "base/sandbox/NAME.c"),
    ],
    "base/sandbox/limits.def": [],  # the compiler makes a field and a reason of each row
    "base/sandbox/places.def": [],  # paths, which a host may lack
    "base/sandbox/calls.def": [],  # names that libseccomp knows
    "release/targets.def": [
        Rule("TARGET", DEFINED.format("target_NAME"), "release/targets/NAME.c", "release/targets/*.c"),
    ],
    "release/diffs.def": [
        Rule("DIFF", DEFINED.format("diff_NAME"), "release/diff/NAME.c", "release/diff/*.c"),
    ],
    "release/diff/refusals.def": [],  # a row is words that people write
    "eval/tasks.def": [
        Rule("TASK", DEFINED.format(r"\w*NAME\w*"), "eval/tasks/NAME.c", "eval/tasks/*.c"),
    ],
    "eval/suite_files.def": [],  # a row is a file of others', known by its hash
    "release/formats.def": [],  # a row is a type of another table, and a number
    "release/files.def": [],  # a row is a path; unit.release.files holds them apart
    "eval/scorers/mathqa.def": [],  # a row is a phrase of the official scorer's
    "trainer/loggers/loggers.def": [
        Rule("LOGGER", DEFINED.format("NAME_logger"), "trainer/loggers/NAME.c", "trainer/loggers/*.c",
             shared=("logger.c",)),
    ],
    "trainer/methods/methods.def": [
        Rule("METHOD", DEFINED.format("NAME_method"), "trainer/methods/NAME.c", "trainer/methods/*.c",
             shared=("method.c", "names.c")),
    ],
    "trainer/optim/optim.def": [
        Rule("OPTIMIZER", DEFINED.format(r"\w*NAME\w*"), "trainer/optim/NAME.c", "trainer/optim/*.c",
             shared=("optim.c",)),
    ],
    "trainer/schedule/schedule.def": [
        Rule("SCHEDULE", DEFINED.format(r"\w*NAME\w*"), "trainer/schedule/NAME.c",
             "trainer/schedule/*.c", shared=("schedule.c",)),
    ],
}
# Tables of files: each of the pattern stands in it as an #include, but for those that serve the others.
INCLUDED = {
    "compute/cpu/kernels.def": ("compute/cpu/*.c", ("avx2.c", "avx512.c", "cpu.c", "neon.c")),
}
# Tables of facts: a row is something that the program must use somewhere.
USED = {
    "base/err.def": ("ERR", "ERR_NAME"),
    "base/env.def": ("ENV", "ENV_NAME"),
}


def rows_of(checker, path, macro, argument=0):
    """Name and line of each row: one argument of the macro."""
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group(0)), checker.read(path), flags=re.S)
    for match in re.finditer(rf"^[ \t]*{macro}\(((?:[^()]|\([^()]*\))*)\)", text, re.M):
        arguments = [a.strip() for a in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', match.group(1))]
        if argument < len(arguments):
            yield arguments[argument], line_of(text, match.start())


def files_of(checker, where):
    if set(where) & set("*?["):
        return fnmatch.filter(checker.files, where)
    return [where] if where in checker.files else []


def defines(checker, file, rule, name):
    text = checker.code(file)
    if "NAME" in rule.symbol and name not in text:  # far faster than a pattern that does not match
        return False
    return re.search(rule.symbol.replace("NAME", name), text)


def check_rule(checker, path, rule):
    names = list(rows_of(checker, path, rule.macro, rule.argument))
    seen = set()
    for name, line in names:
        if name in seen and rule.argument == 0:
            checker.fault(path, line, f"{rule.macro}({name}) stands twice")
        seen.add(name)
        where = rule.where.replace("NAME", name)
        files = files_of(checker, where)
        if not files:
            checker.fault(path, line, f"{rule.macro}({name}): no file {where}")
        elif not any(defines(checker, f, rule, name) for f in files):
            checker.fault(path, line, f"{rule.macro}({name}): not defined in {where}")
    if not rule.one_each:
        return
    for file in fnmatch.filter(checker.files, rule.one_each):
        if os.path.basename(file) in rule.shared:
            continue
        if not any(defines(checker, file, rule, name) for name in seen):
            checker.fault(file, 1, f"has no row in {path}")


def check_included(checker, path, pattern, shared):
    text = checker.read(path)
    for file in fnmatch.filter(checker.files, pattern):
        if os.path.basename(file) not in shared and f'#include "{file}"' not in text:
            checker.fault(file, 1, f"has no row in {path}")


def check_used(checker, path, macro, word):
    sources = [p for p in checker.c_files() if not p.startswith(("tests/", path[:-4]))]
    words = {w for p in sources for w in re.findall(r"\w+", checker.code(p))}
    for name, line in rows_of(checker, path, macro):
        if word.replace("NAME", name) not in words:
            checker.fault(path, line, f"{macro}({name}) is used nowhere but in {path[:-4]}.*")


def main():
    checker = Checker("check_tables")
    for path in checker.files:
        if not path.endswith(".def"):
            continue
        if path in USED:
            check_used(checker, path, *USED[path])
        elif path in INCLUDED:
            check_included(checker, path, *INCLUDED[path])
        elif path not in RULES:
            checker.fault(path, 1, "no rule for this table in tools/check_tables.py")
        for rule in RULES.get(path, ()):
            check_rule(checker, path, rule)
    for path in [*RULES, *INCLUDED, *USED]:
        if path not in checker.files:
            checker.fault(path, 1, "tools/check_tables.py has a rule for a table that is not there")
    checker.finish()


main()
