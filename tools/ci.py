#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the stages of Makefile.ci: build, lint, ranks, quick, test. A stage says one line; its whole output
goes to build/ci/<stage>.log, and what failed is shown with the command that runs it alone. `test` closes
with `N passed, N failed` (and `, N skipped`), counting ctest's tests and every stage without tests of its
own; the exit code is 0 only when nothing failed.
"""
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = os.path.join(ROOT, "build", "ci")
CORES = str(len(os.sched_getaffinity(0)))
TAIL_LINES = 40


class Count:
    passed = failed = skipped = 0


def say(text):
    print(text, flush=True)


def command(stage, argv, count, only=None):
    """Runs argv as one stage. `only`: lines of its output worth showing when it went well."""
    log = os.path.join(LOGS, re.sub(r"\W+", "_", stage) + ".log")
    start = time.monotonic()
    with open(log, "w+", encoding="utf-8") as f:
        done = subprocess.run(argv, cwd=ROOT, stdout=f, stderr=subprocess.STDOUT)
        f.seek(0)
        lines = f.read().splitlines()
    seconds = time.monotonic() - start
    if done.returncode == 0:
        count.passed += 1
        for line in lines:
            if only and re.search(only, line):
                say("   " + line)
        say(f"ok   {stage}  ({seconds:.0f} s)")
        return True
    count.failed += 1
    errors = [i for i, line in enumerate(lines) if re.search(r"error:|undefined reference|FAILED:", line)]
    shown = lines[errors[0]:errors[0] + TAIL_LINES] if errors else lines[-TAIL_LINES:]
    say("\n".join("   " + line for line in shown))
    say(f"FAIL {stage}  ({seconds:.0f} s); whole output in {os.path.relpath(log, ROOT)}; "
        f"alone: {' '.join(argv)}")
    return False


def build(preset, count):
    return (command(f"configure {preset}", ["cmake", "--preset", preset], count, r"GPU backend") and
            command(f"build {preset}", ["cmake", "--build", "--preset", preset, "-j", CORES], count))


def n_cases(output, pattern):
    """Cases inside one cmocka program, by its own count."""
    return sum(int(n) for n in re.findall(pattern, output, re.M))


def ctest(preset, what, count, *selection):
    """Runs the tests of a build; what failed is shown whole, with the command that runs it alone."""
    stage, folder = f"{what} ({preset})", os.path.join("build", preset)
    name = re.sub(r"\W+", "_", stage)
    log, report = os.path.join(LOGS, name + ".log"), os.path.join(LOGS, name + ".xml")
    if os.path.exists(report):
        os.unlink(report)
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as f:
        subprocess.run(["ctest", "--test-dir", folder, "-j", CORES, "--output-on-failure",
                        "--output-junit", report, *selection],
                       cwd=ROOT, stdout=f, stderr=subprocess.STDOUT)
    seconds = time.monotonic() - start
    if not os.path.exists(report):
        count.failed += 1
        say(f"FAIL {stage}: ctest wrote no report; see {os.path.relpath(log, ROOT)}")
        return
    here, cases = Count(), 0
    for test in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        output, skipped = test.findtext("system-out") or "", test.find("skipped")
        n_run = n_cases(output, r"^\[=+\].* Running (\d+) test")
        n_skipped = n_cases(output, r"^\[ +SKIPPED +\] (\d+) test")
        cases += n_run - n_skipped
        here.skipped += n_skipped
        if n_skipped:
            say(f"skip {n_skipped} of {n_run} cases in {test.get('name')}")
        if test.get("status") == "run":
            here.passed += n_skipped == 0 or n_skipped < n_run
        elif skipped is not None and "SKIP" in (skipped.get("message") or ""):
            here.skipped += 1
            reason = output.strip().splitlines()
            say(f"skip {test.get('name')}: {reason[-1] if reason else 'no reason given'}")
        else:
            here.failed += 1
            say("\n".join("   " + line for line in output.splitlines()[-TAIL_LINES:]))
            say(f"FAIL {test.get('name')}; alone: ctest --test-dir {folder} --output-on-failure "
                f"-R '^{re.escape(test.get('name'))}$'")
    if here.passed + here.failed + here.skipped == 0:
        here.failed = 1
        say(f"FAIL {stage}: no tests found")
    count.passed, count.failed = count.passed + here.passed, count.failed + here.failed
    count.skipped += here.skipped
    say(f"{'FAIL' if here.failed else 'ok  '} {stage}: {here.passed} passed, {here.failed} failed, "
        f"{here.skipped} skipped; {cases} cases in the unit tests  ({seconds:.0f} s)")


def main():
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what not in ("build", "lint", "ranks", "quick", "test"):
        sys.exit("usage: tools/ci.py build|lint|ranks|quick|test")
    os.makedirs(LOGS, exist_ok=True)
    count, start = Count(), time.monotonic()
    if build("release", count) and what != "build":
        if what in ("ranks", "quick", "test"):
            command("ranks", ["cmake", "--build", "build/release", "--target", "ranks"], count)
        if what == "lint":
            ctest("release", "lint", count, "-R", r"^lint\.")
        if what == "quick":
            ctest("release", "unit tests, fuzz corpora and lint", count, "-R", r"^(unit|fuzz|lint)\.")
        if what == "test":
            ctest("release", "tests", count, "-E", r"^fault\.(disk|memory)$")  # under sanitizers, below
            if build("debug", count):
                ctest("debug", "unit tests and fuzz corpora under sanitizers", count,
                      "-R", r"^(unit|fuzz|fault)\.")
    if what != "build":
        say(f"{time.monotonic() - start:.0f} s")
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    if what != "build" or count.failed:
        say(f"{count.passed} passed, {count.failed} failed{skipped}")
    sys.exit(1 if count.failed else 0)


main()
