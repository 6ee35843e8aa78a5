#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the Nth allocation (or file operation) of a command fail, for every N until the command is through,
and holds each run to the same promise: exit code 1, exactly one error line that says so, no crash, no
sanitizer report, nothing half written, and every file that was there before still there with the bytes
that it had before or those that a run without a fault gives it. A run that goes through all the same (a
failed piece was tried again) must print and write exactly what a run without a fault does.

sweep.py --kind mem|io [--start DIR] [--runs 300] [--last N] [--but PATTERN] [--then TEXT] -- COMMAND...
{out} in the command stands for a fresh folder of each run, a copy of DIR. --but: paths below it that
record what was tried or when, and may change. --then: a command, as one text, that must succeed after each failure.
Where a command has more operations than --runs, those are taken first that the fewest of their innermost calls
tell from all before, so that each place in the code comes before the same place by another way; what is left of
the runs is spread evenly. --last: the last N operations alone, where those before are another sweep's. Prints how
many operations there were; one line for each broken promise, with the command that repeats it.
"""
import argparse
import concurrent.futures
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

WANTED = {"mem": re.compile(r"(out of|no) memory"), "io": re.compile(r"No space left on device")}
TROUBLE = re.compile(r"Sanitizer|runtime error:|BUG|Assertion|double free|corrupt")
NEW = re.compile(r": (?:mem|io):(\d+) is new by its last (\d+) calls")
CALLS = 24  # of a chain that count
COUNTED = {"mem": re.compile(r"(\d+) allocations and"), "io": re.compile(r"and (\d+) file operations")}
TEMPORARY = re.compile(r"\.tmp")


def digests(folder):
    out = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as f:
                out[os.path.relpath(path, folder)] = hashlib.sha256(f.read()).hexdigest()
    return out


def spread(numbers, n):
    """n of the numbers, evenly spread, or all where they are fewer."""
    return [numbers[i * len(numbers) // n] for i in range(n)] if n < len(numbers) else numbers


class Sweep:
    def __init__(self, arguments):
        self.arguments = arguments
        self.before = digests(arguments.start) if arguments.start else {}
        self.environment = dict(os.environ, COTRAIN_THREADS="1", LC_ALL="C.UTF-8")
        self.after, self.said, self.n_operations, self.new = {}, None, 0, {}  # of a run without a fault

    def run(self, n):
        """(went through, what is wrong or None) of the run whose nth operation fails; 0: none, all are counted."""
        arguments = self.arguments
        with tempfile.TemporaryDirectory(prefix="cotrain.sweep.") as scratch:
            out = os.path.join(scratch, "out")
            if arguments.start:
                shutil.copytree(arguments.start, out)
            command = [word.replace("{out}", out) for word in arguments.command]
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL,
                                  env=dict(self.environment, COTRAIN_LOG="" if n else "cli:debug,base:debug",
                                           COTRAIN_FAULT=f"{arguments.kind}" + (f":{n}" if n else f"-list:{CALLS}")))
            said = done.stderr.decode("utf-8", "replace")
            if n == 0:
                self.n_operations = int(COUNTED[arguments.kind].findall(said)[-1])
                self.new = {int(at): int(calls) for at, calls in NEW.findall(said)}
            if done.returncode == 0 and not TROUBLE.search(said):
                return True, self.difference(digests(out), done.stdout, out)
            wrong = self.fault_of(done.returncode, said)
            if wrong is None and os.path.isdir(out):
                wrong = self.loss_of(digests(out))
            if wrong is None and arguments.then:
                then = subprocess.run(arguments.then.replace("{out}", out).split(), capture_output=True)
                if then.returncode:
                    wrong = "afterwards: " + then.stderr.decode("utf-8", "replace").strip()[-200:]
            return False, wrong

    def difference(self, after, stdout, out):
        """What sets a run that went through apart from one without a fault (the first seen is one)."""
        said = re.sub(rb"[0-9.]+ s\b", b"", stdout.replace(out.encode(), b"{out}"))
        if self.said is None:
            self.after, self.said = after, said
        for path in sorted(set(after) | set(self.after)):
            if after.get(path) != self.after.get(path) and not self.may_change(path):
                return f"went through, and '{path}' differs"
        return None if said == self.said else "went through, and prints something else"

    def fault_of(self, code, said):
        errors = [line for line in said.splitlines() if line.startswith("cotrain: ")]
        if TROUBLE.search(said):
            return "crashed: " + next(s for s in said.splitlines() if TROUBLE.search(s))
        if code != 1:
            return f"exit code {code}: {said.strip()[-200:]}"
        if len(errors) != 1:
            return f"{len(errors)} error lines: {said.strip()[-200:]}"
        if not WANTED[self.arguments.kind].search(errors[0]):
            return f"another error: {errors[0][:200]}"
        return None

    def loss_of(self, after):
        for path, digest in self.before.items():
            if path not in after and path in self.after:
                return f"'{path}' is gone"
            if path not in after:
                continue  # a run without a fault takes it away too
            if after[path] not in (digest, self.after.get(path)) and not self.may_change(path):
                return f"'{path}' has changed"
        left = [p for p in after if p not in self.before and TEMPORARY.search(p)]
        return f"'{left[0]}' is left over" if left else None

    def may_change(self, path):
        return self.arguments.but is not None and re.match(self.arguments.but, path)

    def pick(self):
        """The operations that are made to fail, at most --runs of the last --last."""
        first = max(1, self.n_operations + 1 - self.arguments.last)
        runs = min(self.arguments.runs, self.n_operations + 1 - first)
        picked = set()
        for calls in range(1, CALLS + 1):
            new = [n for n in sorted(self.new) if n >= first and self.new[n] == calls]
            picked.update(spread(new, runs - len(picked)))
        rest = [n for n in range(first, self.n_operations + 1) if n not in picked]
        return sorted(picked.union(spread(rest, runs - len(picked))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("mem", "io"), required=True)
    parser.add_argument("--start", help="a folder that each run begins with a copy of")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--last", type=int, default=1 << 40, help="only so many operations, the last ones")
    parser.add_argument("--but", help="paths that may change")
    parser.add_argument("--then", help="a command that must succeed after each failure")
    parser.add_argument("command", nargs="+")
    sweep = Sweep(parser.parse_args())
    through, wrong = sweep.run(0)
    n_operations = sweep.n_operations
    if not through or wrong or n_operations == 0:
        sys.exit(f"sweep: the command fails without a fault, or has no such operation: {wrong}")
    picked = sweep.pick()
    broken = tolerated = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for n, (through, wrong) in zip(picked, pool.map(sweep.run, picked)):
            tolerated += through
            if wrong:
                broken += 1
                if broken <= 8:
                    print(f"{sweep.arguments.kind}:{n}: {wrong}\n  alone: COTRAIN_THREADS=1 COTRAIN_FAULT="
                          f"{sweep.arguments.kind}:{n} {' '.join(sweep.arguments.command)}")
    print(f"{n_operations} operations, {len(picked)} of them made to fail, {tolerated} of these overcome, "
          f"{broken} broken promises")
    sys.exit(1 if broken else 0)


main()
