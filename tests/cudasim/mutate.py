#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plants bugs in the kernels, one at a time, and shows how each is noticed: a barrier removed, a bound
moved by one, an index shifted, a sign or an operand exchanged, a wait dropped, a stride wrong. Each is
compiled as in the checked build, linked with the other objects, and run on the cases of the file's
operations. What is not noticed is a survivor; tests/cudasim/survivors.txt explains those known.
    mutate.py --build DIR [--seed N] [--count N] [--file NAME]... [--least PERCENT] [--list]
--count is the number drawn, evenly over files and kinds; without it all are run. Exit status 1 when a
survivor has no explanation, or (--least) when fewer were noticed.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile

import explained

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KERNELS = os.path.join(ROOT, "compute", "cuda")
TIMEOUT_S = 240
# Files whose bits a program of its own looks at more closely than its operation's cases do.
PROGRAMS = {"adamw.cu": "cuda_adamw", "bf16.cu": "../test_unit_compute_bf16"}

# (kind, pattern, replacements): each match in device code is a bug to plant.
KINDS = (
    ("barrier removed", r"__sync(?:threads|warp)\([^()]*\);", (";",)),
    ("wait dropped", r"__pipeline_wait_prior\((\w+)\)", (r"__pipeline_wait_prior(\1 + 1)",)),
    ("wait dropped", r"__pipeline_commit\(\);", (";",)),
    ("bound moved", r" < ", (" <= ",)),
    ("bound moved", r" <= ", (" < ",)),
    ("bound moved", r" >= ", (" > ",)),
    ("bound moved", r" > ", (" >= ",)),
    ("index shifted", r"(?<=[\w)\]])\[([^\[\]]*\w[^\[\]]*)\]", (r"[\1 + 1]",)),
    ("sign changed", r" \+ ", (" - ",)),
    ("sign changed", r" - ", (" + ",)),
    ("sign changed", r" \+= ", (" -= ",)),
    ("operands exchanged", r"(\b[\w.\[\]]+) - (\b[\w.\[\]]+)", (r"\2 - \1",)),
    ("operands exchanged", r"(\b[\w.\[\]]+) / (\b[\w.\[\]]+)", (r"\2 / \1",)),
    ("operands exchanged", r"\? ([^?:;]+) : ([^?:;,)]+)", (r"? \2 : \1",)),
    ("operands exchanged", r"fmaxf\(", ("fminf(",)),
    ("stride wrong", r"\* (\w*(?:ld|stride|step|WIDTH|THREADS|dim|size|width)\w*)", (r"* (\1 + 1)",)),
    ("stride wrong", r"& 31\b", ("& 15",)),
    ("stride wrong", r">> 5\b", (">> 4",)),
    ("stride wrong", r"= 16; (\w+)", (r"= 8; \1",)),
    ("factor lost", r" \* ([a-z]\w*)\b(?![\[(.])", ("",)),
)
# What a message says about how a bug was noticed.
NOTICED = (
    (r"cuda-emu: race", "race"),
    (r"past the|outside every|before its|leave their|outside device", "out of bounds"),
    (r"uninitialised|never written", "uninitialised"),
    (r"cp\.async", "asynchronous copy"),
    (r"deadlock|warp collective|__syncthreads of", "barriers"),
    (r"misaligned|undefined behaviour|ldmatrix", "undefined behaviour"),
    (r"host memory|local memory", "wrong pointer"),
    (r": off by | is .*, not ", "wrong result"),
    (r"on GPU 0", "launch refused"),
    (r"cuda-emu:", "other message"),
)
Mutant = collections.namedtuple("Mutant", "path line kind before after text unit")


def strip(text):
    """Comments blanked, same offsets."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)


def device_functions(code):
    """(name, start and end of the body) of functions that run on the device."""
    for head in re.finditer(r"__(?:global|device)__", code):
        brace = re.compile(r"[{;]").search(code, head.end())
        if not brace or brace.group(0) == ";":
            continue
        words = re.sub(r"__launch_bounds__\([^()]*\)", "", code[head.end():brace.start()])
        name = re.search(r"(\w+)\s*(?:<[^<>()]*>)?\s*\(", words)
        depth = 0
        for mark in re.compile(r"[{}]").finditer(code, brace.start()):
            depth += 1 if mark.group(0) == "{" else -1
            if depth == 0:
                yield name.group(1) if name else "", brace.start(), mark.end()
                break


def mutants_of(path, text, unit_of):
    code = strip(text)
    for name, start, end in device_functions(code):
        unit = unit_of(name)
        for kind, pattern, replacements in KINDS if unit else ():
            for match in re.compile(pattern).finditer(code, start, end):
                line_start = code.rfind("\n", 0, match.start()) + 1
                line_end = code.find("\n", match.start())
                line = code[line_start:line_end]
                if re.match(r"\s*(template|static_assert|#)", line):
                    continue
                if kind == "index shifted" and re.match(r"\s*(__shared__\s|extern\s)?[\w\s:<>]+\s\w+\[", line) \
                        and "=" not in line:
                    continue  # a declaration
                for replacement in replacements:
                    new = match.expand(replacement)
                    changed = text[:match.start()] + new + text[match.end():]
                    new_end = changed.find("\n", match.start() + len(new))
                    yield Mutant(path, code.count("\n", 0, match.start()) + 1, kind, line.strip(),
                                 strip(changed[line_start:new_end]).strip(), changed, unit)


def all_mutants(files):
    """Of every kernel file; of a header's function, tried in the smallest file that calls it."""
    sources = {}
    for name in sorted(os.listdir(KERNELS)):
        if name.endswith((".cu", ".cuh")):
            with open(os.path.join(KERNELS, name), encoding="utf-8") as f:
                sources[name] = f.read()
    kernels = {name: strip(text) for name, text in sources.items() if name.endswith(".cu")}
    found = []
    for name, text in sources.items():
        if name == "ptx.cuh" or files and name not in files:
            continue

        def unit_of(function, name=name):
            if name.endswith(".cu"):
                return name
            callers = [n for n, code in kernels.items() if re.search(rf"\b{function}\b", code)]
            return min(callers, key=lambda n: len(sources[n]), default=None)

        found += mutants_of(os.path.join(KERNELS, name), text, unit_of)
    return found


def draw(mutants, count, seed):
    """Evenly: files in turn, in each file kinds in turn, in random order within a kind."""
    rng = random.Random(seed)
    by_file = collections.defaultdict(lambda: collections.defaultdict(list))
    for m in mutants:
        by_file[m.path][m.kind].append(m)
    queues = []
    for path in sorted(by_file):
        kinds = [rng.sample(ms, len(ms)) for _, ms in sorted(by_file[path].items())]
        rng.shuffle(kinds)
        queues.append([m for i in range(max(map(len, kinds))) for ms in kinds for m in ms[i:i + 1]])
    rng.shuffle(queues)
    out = [m for i in range(max(map(len, queues), default=0)) for q in queues for m in q[i:i + 1]]
    return out[:count] if count else out


class Workshop:
    """The checked build: how a file is compiled and linked there, and how its cases are run."""

    def __init__(self, build):
        self.here = os.path.join(os.path.abspath(build), "tests", "cudasim")
        self.build = os.path.abspath(build)
        with open(os.path.join(ROOT, "compute/ops.def"), encoding="utf-8") as f:
            self.operations = set(re.findall(r"^OP\((\w+)\)", f.read(), re.M))
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
            rows = json.load(f)
        self.commands, self.objects = {}, []
        for row in rows:
            words = shlex.split(row["command"])
            out = words[words.index("-o") + 1]
            if "cotrain_cuda_checked.dir" in out:
                self.objects.append(os.path.join(row["directory"], out))
                self.commands[os.path.basename(row["file"])] = (row["directory"], words)
        self.clean = {}

    def compile(self, mutant, folder):
        """The mutated library, or None where it does not compile."""
        directory, words = self.commands[mutant.unit]
        words = [w for w in words if w != "ccache" and not w.startswith("-W")] + ["-w"]
        tree = os.path.join(folder, "compute", "cuda")
        os.makedirs(tree)
        source = os.path.join(tree, os.path.basename(mutant.path))
        with open(source, "w", encoding="utf-8") as f:
            f.write(mutant.text)
        old = os.path.join(directory, words[words.index("-o") + 1])
        new = os.path.join(folder, "mutant.o")
        words[words.index("-o") + 1] = new
        unit = source if mutant.path.endswith(".cu") else os.path.join(KERNELS, mutant.unit)
        words[words.index("-c") + 1] = unit
        words.insert(1, f"-I{folder}")
        for flag in ("-MD", "-MT", "-MF"):
            if flag in words:
                at = words.index(flag)
                del words[at:at + (1 if flag == "-MD" else 2)]
        if subprocess.run(words, cwd=directory, capture_output=True).returncode:
            return None
        library = os.path.join(folder, "libcotrain_cuda.so")
        objects = [new if os.path.samefile(o, old) else o for o in self.objects]
        done = subprocess.run(["g++", "-shared", "-rdynamic", "-o", library, *objects, f"-L{self.here}",
                               "-lcudasim", f"-Wl,-rpath,{self.here}"], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"mutate: linking failed: {done.stderr}")
        return library

    def checks(self, unit):
        """Commands that run what the file serves: its operations' cases, or the products that it helps."""
        with open(os.path.join(KERNELS, unit), encoding="utf-8") as f:
            named = re.findall(r'extern "C" err cuda_(\w+)\(struct compute \*c', f.read())
        operations = [name for name in named if name in self.operations]
        programs = [[os.path.join(self.here, PROGRAMS[unit])]] if unit in PROGRAMS else []
        if operations:
            return [[os.path.join(self.here, "cuda_ops"), name] for name in operations] + programs
        return [[os.path.join(self.here, "cuda_products")]]

    def run(self, library, unit):
        """(how it was noticed or None, what it said)"""
        said, digests = "", []
        for command in self.checks(unit):
            setting = {"COTRAIN_CUDA_LIBRARY": library, "EMU_PROTECT": "1", "OMP_NUM_THREADS": "1"}
            try:
                done = subprocess.run(command, env={**os.environ, **setting},
                                      capture_output=True, text=True, timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return "no end", f"{' '.join(command[-1:])} ran longer than {TIMEOUT_S} s"
            digests += re.findall(r"digest \w+", done.stdout)
            if done.returncode:
                said = done.stderr or f"status {done.returncode}"
                break
        if not said:
            return None, " ".join(digests)
        for pattern, how in NOTICED:
            if re.search(pattern, said):
                return how, next(line for line in said.splitlines() if re.search(pattern, line))
        return "crash", said.splitlines()[0]

    def untouched(self, unit):
        if unit not in self.clean:
            self.clean[unit] = self.run(os.path.join(self.here, "checked", "libcotrain_cuda.so"), unit)
        return self.clean[unit]

    def trial(self, mutant):
        with tempfile.TemporaryDirectory(prefix="mutant_") as folder:
            library = self.compile(mutant, folder)
            if library is None:
                return "does not compile", ""
            how, said = self.run(library, mutant.unit)
        if how is None:
            equal = said == self.untouched(mutant.unit)[1]
            return None, "the same bits" if equal else "other bits within the tolerance"
        return how, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--file", action="append", default=[])
    parser.add_argument("--least", type=float, help="percent that must be noticed; survivors are then only told")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    mutants = draw(all_mutants(arguments.file), 0, arguments.seed)
    if arguments.list:
        for m in mutants[:arguments.count or None]:
            print(f"{os.path.basename(m.path)}:{m.line}: {m.kind}: {m.before}  ->  {m.after}")
        return
    shop, known = Workshop(arguments.build), explained.read(os.path.join(HERE, "survivors.txt"))
    for unit in sorted({m.unit for m in mutants[:2 * arguments.count or None]}):
        if shop.untouched(unit)[0]:
            sys.exit(f"mutate: {unit} fails without a bug: {shop.untouched(unit)[1]}")
    how_many, survivors, n = collections.Counter(), [], 0
    wanted = arguments.count or len(mutants)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        pending = collections.deque()
        rest = iter(mutants)
        while n < wanted:
            while len(pending) < arguments.jobs and len(pending) < wanted - n:
                mutant = next(rest, None)
                if mutant is None:
                    break
                pending.append((mutant, pool.submit(shop.trial, mutant)))
            if not pending:
                break
            mutant, future = pending.popleft()
            how, said = future.result()
            if how == "does not compile":
                continue
            n += 1
            how_many[how or "survivor"] += 1
            name = os.path.basename(mutant.path)
            print(f"{name}:{mutant.line}: {mutant.kind}: {mutant.before}  ->  {mutant.after}\n"
                  f"    {'SURVIVES' if how is None else how}: {said}", flush=True)
            if how is None and (name, mutant.after) not in known:
                survivors.append(f"{name}: {mutant.after}")
    noticed = n - how_many["survivor"]
    print(f"{n} bugs planted, {noticed} noticed: " +
          ", ".join(f"{count} {how}" for how, count in how_many.most_common()))
    if arguments.least is not None:
        sys.exit(0 if n and 100 * noticed >= arguments.least * n else 1)
    if survivors:
        print("survivors without an explanation in survivors.txt:\n" + "\n".join(survivors))
    sys.exit(1 if survivors or not n else 0)


main()
