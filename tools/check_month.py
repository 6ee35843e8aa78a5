#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the sample month's held-out cases are held out.

  check_month.py MONTH TEXT [RECIPE...]

MONTH is the folder of rows and cases (models/month), TEXT what tools/make_nano_text.py wrote, RECIPE a
recipe of the month. Every request has at least 200 rows, 50 cases and, in each recipe, two examples;
no prompt of a case is in the rows, the examples or, whole or without its instruction, in TEXT; TEXT
holds no instruction and no answer of any request either. One line for each fault; exit code 1 if any.
"""
import glob
import json
import os
import sys

import yaml

MIN_ROWS, MIN_CASES, N_EXAMPLES = 200, 50, 2


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def check_request(name, rows, cases, text):
    """Faults of one request's rows and cases, among each other and against the text."""
    trained = {(row["instruction"] + "\n" + row["input"]).strip() for row in rows}
    if len(rows) < MIN_ROWS or len(cases) < MIN_CASES:
        yield f"{name}: {len(rows)} rows and {len(cases)} cases; {MIN_ROWS} and {MIN_CASES} are wanted"
    if len({case["prompt"] for case in cases}) != len(cases):
        yield f"{name}: a case stands there twice"
    for n, case in enumerate(cases, 1):
        given = case["prompt"].split("\n", 1)[1]
        if case["prompt"].strip() in trained:
            yield f"{name}: the prompt of case {n} is a training row"
        if given in text:
            yield f"{name}: '{given}' of case {n} is in the text"
    for answer in sorted({case["response"] for case in cases} | {row["output"] for row in rows}):
        if answer in text:
            yield f"{name}: the answer '{answer}' is in the text"
    for instruction in sorted({row["instruction"] for row in rows}):
        if instruction in text:
            yield f"{name}: the instruction '{instruction}' is in the text"


def check_recipe(path, names, prompts):
    """Faults of a recipe's requests: examples, and that every request of the month is there."""
    with open(path, encoding="utf-8") as f:
        recipe = yaml.safe_load(f)
    if "inherit" in recipe and "requests" not in recipe:
        return
    seen = []
    for request in recipe["requests"]:
        name = os.path.basename(request["cases"]).split(".")[0]
        seen.append(name)
        if len(request["examples"]) < N_EXAMPLES:
            yield f"{path}: {name} has {len(request['examples'])} examples, {N_EXAMPLES} are wanted"
        for example in request["examples"]:
            if example["prompt"].strip() in prompts:
                yield f"{path}: an example of {name} is a held-out case"
    if sorted(seen) != names:
        yield f"{path}: its requests are {sorted(seen)}, the month's are {names}"


def main():
    month, text_path, recipes = sys.argv[1], sys.argv[2], sys.argv[3:]
    with open(text_path, encoding="utf-8") as f:
        text = f.read().replace("<n>", "\n")
    faults, names, prompts = [], [], set()
    for path in sorted(glob.glob(os.path.join(month, "*.cases.jsonl"))):
        names.append(os.path.basename(path).split(".")[0])
        cases = read_lines(path)
        prompts.update(case["prompt"].strip() for case in cases)
        faults += check_request(names[-1], read_lines(path.replace(".cases.", ".train.")), cases, text)
    if len(names) < 4:
        faults.append(f"{month}: {len(names)} requests, at least four are wanted")
    for path in recipes:
        faults += check_recipe(path, names, prompts)
    print("\n".join(faults) if faults else f"{len(names)} requests, {len(prompts)} held-out cases")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
