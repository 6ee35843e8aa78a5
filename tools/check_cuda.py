#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What nvcc makes of the kernels, without a GPU: the build rule `cuda_gates` has compiled each file for
sm_80, 90, 100 and 120 with warnings, spills and local memory as errors, and has left ptxas' account and
the PTX. Here: no double precision and no atomics in the PTX, no stack by ptxas' account, tensor cores
where they belong, and the registers and the shared memory of each kernel as docs/cuda_registers.txt has them.
--update=yes writes that table anew; its difference is part of a change's review.
"""
import os
import re
import subprocess
import sys

from check_common import Checker

TABLE = "docs/cuda_registers.txt"
TARGETS = ("sm_80", "sm_90", "sm_100", "sm_120")
FORBIDDEN = (
    (r"(?m)^(?!\s*\.reg\b).*\.f64\b", "double precision"),
    (r"\b(?:atom|red)\.", "an atomic"),
)
# Local arrays in the PTX: ptxas may still keep them in registers, and its account of the stack decides.
LOCAL = r"\b(?:ld|st)\.local\b"
# Files whose kernels of bf16 products must run on tensor cores, and which of their entries.
TENSOR_CORES = {"attention": r"bfloat16|mma", "attention_backward": r"bfloat16|mma"}
HEAD = """# SPDX-License-Identifier: Apache-2.0
# Registers a thread / static shared memory a block in bytes, of every kernel, as ptxas tells them with {0}.
# Written by tools/check_cuda.py --update=yes, compared by the test cuda.gates.
"""


def demangle(names):
    done = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, done.stdout.splitlines()))


def short(name):
    name = re.sub(r"^void |__nv_|\(anonymous namespace\)::", "", name)
    return re.sub(r"\(.*\)$", "", name) if "<" in name or "(" in name else name


def accounts(checker, reports, stems):
    """{(stem, kernel): {target: (registers, shared bytes)}}"""
    out = {}
    for stem in stems:
        with open(os.path.join(reports, stem + ".txt"), encoding="utf-8") as f:
            text = f.read()
        for match in re.finditer(r"Compiling entry function '(\w+)' for '(\w+)'(.*?)(?=Compiling entry|\Z)",
                                 text, re.S):
            name, target, rest = match.groups()
            registers = re.search(r"Used (\d+) registers", rest)
            frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill", rest)
            if not frame or any(int(n) for n in frame.groups()):
                checker.fault(f"compute/cuda/{stem}.cu", 1, f"{name} for {target} uses local memory: "
                              f"{frame.group(0) if frame else 'no account'}")
            shared = re.search(r"(\d+) bytes smem", rest)
            out.setdefault((stem, name), {})[target] = (int(registers.group(1)),
                                                        int(shared.group(1)) if shared else 0)
    names = demangle(sorted({name for _, name in out}))
    return {(stem, short(names[name])): by_target for (stem, name), by_target in out.items()}


def rows(table):
    return [f"{stem}.cu {kernel}: " + " ".join(f"{t} {r}/{s}" for t, (r, s) in
                                              sorted(targets.items(), key=lambda x: TARGETS.index(x[0])))
            for (stem, kernel), targets in sorted(table.items())]


def check_table(checker, table, version):
    path = os.path.join(checker.root, TABLE)
    if checker.arguments.update == "yes":
        with open(path, "w", encoding="utf-8") as f:
            f.write(HEAD.format(version) + "\n".join(rows(table)) + "\n")
        return
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    if not any(line.startswith("#") and version in line for line in lines):
        print(f"{TABLE} was made with another compiler than {version}: registers are not compared")
        return
    known = {line: number for number, line in enumerate(lines, 1) if not line.startswith("#")}
    new = rows(table)
    for line in sorted(set(known) - set(new)):
        checker.fault(TABLE, known[line], f"no longer so: {line}")
    for line in sorted(set(new) - set(known)):
        checker.fault(TABLE, len(lines), f"not in the table: {line}; --update=yes writes it anew")


def check_ptx(checker, reports, stems):
    for stem in stems:
        folder = os.path.join(reports, stem)
        files = [n for n in sorted(os.listdir(folder)) if n.endswith(".ptx")]
        if len(files) != len(TARGETS):
            checker.fault(f"compute/cuda/{stem}.cu", 1, f"PTX for {len(files)} targets")
        for name in files:
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text = re.sub(r"//[^\n]*", "", f.read())
            for pattern, what in FORBIDDEN:
                found = re.search(pattern, text)
                if found:
                    line = text[:found.start()].count("\n") + 1
                    checker.fault(f"compute/cuda/{stem}.cu", 1, f"{what}: line {line} of {name}: "
                                  f"{text.splitlines()[line - 1].strip()}")
            if re.search(LOCAL, text):
                checker.warn(f"compute/cuda/{stem}.cu", 1, f"{name}: local arrays, which ptxas must keep in registers")
            if stem not in TENSOR_CORES:
                continue
            entries = re.split(r"\.entry\s+", text)[1:]
            with_mma = [e for e in entries if "mma.sync" in e]
            if not with_mma or not any(re.search(TENSOR_CORES[stem], e.split("(")[0]) for e in with_mma):
                checker.fault(f"compute/cuda/{stem}.cu", 1, f"{name}: no mma.sync in a kernel for bf16")


def compiler_version(reports, stem):
    folder = os.path.join(reports, stem)
    ptx = next(n for n in os.listdir(folder) if n.endswith(".ptx"))
    with open(os.path.join(folder, ptx), encoding="utf-8") as f:
        return "nvcc " + (re.search(r"Cuda compilation tools.* V([\d.]+)", f.read()) or [0, "?"])[1]


def main():
    checker = Checker("check_cuda", (("--reports", "folder that the target cuda_gates fills", ""),
                                     ("--update", "yes: write the table", "no")))
    reports = checker.arguments.reports
    if not reports:
        print("skipped: no nvcc on this machine")
        sys.exit(77)
    stems = [os.path.basename(p)[:-3] for p in checker.files
             if p.startswith("compute/cuda/") and p.endswith(".cu")]
    missing = [s for s in stems if not os.path.exists(os.path.join(reports, s + ".txt"))]
    if missing:
        sys.exit(f"check_cuda: no account of {', '.join(missing)}: build the target cuda_gates first")
    version = compiler_version(reports, stems[0])
    table = accounts(checker, reports, stems)
    for (stem, kernel), targets in table.items():
        if set(targets) != set(TARGETS):
            checker.fault(f"compute/cuda/{stem}.cu", 1, f"{kernel}: only for {', '.join(targets)}")
    check_table(checker, table, version)
    check_ptx(checker, reports, stems)
    print(f"{len(table)} kernels in {len(stems)} files, {len(TARGETS)} targets")
    checker.finish()


main()
