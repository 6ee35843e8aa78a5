#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Changes of a release that agree with themselves: every sum and digest is done again, so `release verify`
finds nothing, and only making the release again does.

doctor.py NAME RELEASE
"""
import hashlib
import json
import os
import re
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tamper  # noqa: E402


def change_row(r):
    """One answer of the first source, as long as it was; the list of sources follows."""
    sources = r.json("provenance/sources.json")
    file = sources["inputs"][0]["files"][0]
    lines = r.read("sources/" + file["path"]).decode().splitlines()
    row = json.loads(lines[6])
    row["output"] = row["output"][:-1] + ("a" if row["output"][-1] != "a" else "b")
    lines[6] = json.dumps(row)
    data = ("\n".join(lines) + "\n").encode()
    r.write("sources/" + file["path"], data)
    file["sha256"], file["bytes"] = tamper.sha(data), len(data)
    r.write_json("provenance/sources.json", sources)
    return file


def change_dataset(r, change):
    """The dataset's manifest, and what the data card and the statement say of its sources."""
    before = [s["sha256"] for s in r.json("provenance/data.json")["sources"]]
    r.edit_json("provenance/data.json", change)
    card = r.read("DATA.md").decode()
    for old, source in zip(before, r.json("provenance/data.json")["sources"]):
        card = card.replace(f"`{old[:16]}`", f"`{source['sha256'][:16]}`")
    r.write("DATA.md", card)
    sources = r.json("provenance/data.json")["sources"]
    hashes = {f"rows/{i + 1}/{s['name']}": s["sha256"] for i, s in enumerate(sources)}
    statement = r.json("provenance/statement.json")
    for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"]:
        if one["name"] in hashes:
            one["digest"] = {"sha256": hashes[one["name"]]}
        if one["name"] == "provenance/data.json":
            one["digest"] = {"sha256": tamper.sha(r.read("provenance/data.json"))}
    r.write_json("provenance/statement.json", statement)


def in_recipe(r, pattern, text):
    recipe = r.read("provenance/recipe.yaml").decode()
    changed, n = re.subn(pattern, text, recipe, count=1, flags=re.M)
    assert n == 1, pattern
    r.write("provenance/recipe.yaml", changed)


def redo_record(r, change):
    """The record with its chain from the changed step on."""
    lines = [json.loads(line) for line in r.read("logs/run.jsonl").decode().splitlines()]
    change(lines)
    for before, line in zip(lines, lines[1:]):
        bits = struct.pack(">d", line["loss"]).hex()
        link = f"{before['digest']} {line['batch']} {bits} {line['update']}\n"
        line["digest"] = hashlib.sha256(link.encode()).hexdigest()
    r.write("logs/run.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    r.redo(lambda m: m["chain"].update(training=lines[-1]["digest"]))


def row(r):
    change_row(r)
    r.redo()


def row_and_dataset(r):
    file = change_row(r)
    name = os.path.basename(file["path"])

    def change(data):
        for source in data["sources"]:
            if source["name"] == name:
                source["sha256"] = file["sha256"]
    change_dataset(r, change)
    r.redo()


def seed(r):
    in_recipe(r, r"^  seed: 3$", "  seed: 4")
    r.redo()


def seed_and_dataset(r):
    in_recipe(r, r"^  seed: 3$", "  seed: 4")
    change_dataset(r, lambda data: data.update(seed=4))
    r.redo()


def rate(r):
    in_recipe(r, r"^  learning_rate: 0.01$", "  learning_rate: 0.02")
    r.redo()


def decay(r):
    in_recipe(r, r"^  weight_decay: 0.0$", "  weight_decay: 0.1")
    r.redo()


def accumulation(r):
    in_recipe(r, r"^  gradient_accumulation_steps: 2$", "  gradient_accumulation_steps: 1")
    r.redo()


def steps(r):
    redo_record(r, lambda lines: lines.pop())


def loss(r):
    redo_record(r, lambda lines: lines[4].update(loss=lines[4]["loss"] + 2.0**-40))


def update(r):
    redo_record(r, lambda lines: lines[4].update(update="0" * 64))


def version(r):
    statement = r.json("provenance/statement.json")
    statement["predicate"]["runDetails"]["builder"]["version"]["cotrain"] = "0.0.9"
    r.write_json("provenance/statement.json", statement)
    loss(r)


def backend(r):
    r.edit_json("logs/plan.json", lambda plan: plan.update(backend="cuda"))
    r.redo()


def evaluation(r):
    """An answer of the last report, which nothing else repeats."""
    def change(report):
        task = next(t for t in report["tasks"] if t["task"] == "requests")
        task["items"][0]["got"] += "!"
    r.edit_json("provenance/eval-after.json", change)
    r.redo()


def cases(r):
    """The list of sources names a key that the recipe lacks."""
    r.edit_json("provenance/sources.json", lambda s: s["inputs"][2].update(key="requests.7.cases"))
    r.redo()


def withheld(r):
    """The cases are withheld: a long name, and a long reason that steers a terminal and its reader."""
    def change(sources):
        for item in sources["inputs"]:
            if not item["key"].endswith(".cases"):
                continue
            for file in item["files"]:
                os.remove(r.path("sources/" + file["path"]))
                os.rmdir(os.path.dirname(r.path("sources/" + file["path"])))
                file["path"] = file["path"].split("/")[0] + "/" + "例" * 70 + ".jsonl"
            item["withheld"] = "\x1b[31mit is \u115fsealed" + " for ever" * 600 + "."
    r.edit_json("provenance/sources.json", change)
    r.redo()


def main():
    name, release = sys.argv[1:]
    globals()[name](tamper.Release(release, None))


if __name__ == "__main__":
    main()
