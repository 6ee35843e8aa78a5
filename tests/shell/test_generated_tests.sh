#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Self-consistency for programs: of several answers to a problem, unit tests that the model wrote choose one,
# from kept answers without a model, and in a run that keeps the tests beside the answers.
. "$(dirname "$0")/lib.sh"
sets=$scratch/sets
mkdir -p "$sets/HUMANEVAL"
/usr/bin/python3 - "$sets/HUMANEVAL/HumanEval.jsonl" "$scratch/answers.jsonl" <<'PY'
import json, sys
problems = [("HumanEval/0", "square", "x * x", "f(3) == 9"), ("HumanEval/1", "double", "x + x", "f(3) == 6")]
def prompt(name):
    return f"def {name}(x):\n"
with open(sys.argv[1], "w") as f:
    for id, name, solution, test in problems:
        f.write(json.dumps({"task_id": id, "prompt": prompt(name), "canonical_solution": f"    return {solution}\n",
                            "test": f"def check(f):\n    assert {test}\n", "entry_point": name}) + "\n")
with open(sys.argv[2], "w") as f:
    def line(item, **more):
        f.write(json.dumps({"task": "humaneval_en", "item": item, **more}) + "\n")
    # The first problem's tests tell its programs apart, the second's do not: there the outputs do.
    line(0, judge="tests", answer="Tests:\nassert square(2) == 4\nassert square(3) == 9\nassert square(2) == 4\n")
    line(1, judge="tests", answer="assert double(1) != 7\n")
    for sample, body in enumerate(("x + x", "x *", "x * x", "x + 2")):
        line(0, sample=sample, response=prompt("square") + f"    return {body}\n")
    for sample, body in enumerate(("x * x", "x + x", "2 * x", "x + 4")):
        line(1, sample=sample, response=prompt("double") + f"    return {body}\n")
PY
score() {
    run "$COTRAIN" eval score --task humaneval_en --answers "$scratch/answers.jsonl" --datasets "$sets" \
        --allow-changed "$@"
    expect_rc 0
}
score --json
grep -q '"correct": null' "$scratch/out" && skip "nothing here can hold a program"
check "chosen by tests, then by outputs" /usr/bin/python3 - "$scratch/out" <<'PY'
import json, sys
part = json.load(open(sys.argv[1]))
assert part["scores"] == {"pass@1": 0.375, "pass@2": part["scores"]["pass@2"], "pass@4": 1.0,
                          "generated_tests": 1.0}, part["scores"]
assert part["n"] == 8 and [item["tests_passed"] for item in part["items"]] == [1, 0, 2, 1, 1, 1, 1, 1], part["items"]
PY
score
expect_out "beside it, ours: generated_tests 1.0000"
sed -i '/"judge"/d' "$scratch/answers.jsonl"
score
expect_no_out "generated_tests"

ask() { # ask NAME [...]
    name=$1
    shift
    run "$COTRAIN" eval run --recipe "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" --tasks humaneval_en \
        --model "$SOURCE_DIR/models/nano" --datasets "$sets" --allow-changed --out "$scratch/$name.json" \
        --set eval.suite_max_new_tokens=8 --generations "$scratch/$name.jsonl" "$@"
    expect_rc 0
}
ask several --set eval.samples=2
expect_out "generated_tests "
check "the tests are kept, a line an item" /usr/bin/python3 - "$scratch/several.jsonl" <<'PY'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 6, lines
tests = [line for line in lines if "judge" in line]
assert [line["item"] for line in tests] == [0, 1] and all(line["decoding"] == "greedy" for line in tests)
assert all("assert" in line["prompt"] and "answer" in line and "response" not in line for line in tests)
PY
head -n 1 "$scratch/several.jsonl" >"$scratch/again.jsonl"
ask again --set eval.samples=2
expect_same "$scratch/several.jsonl" "$scratch/again.jsonl"
expect_same "$scratch/several.json" "$scratch/again.json"
run "$COTRAIN" eval compare "$scratch/several.json" "$scratch/several.jsonl" --datasets "$sets" --allow-changed
expect_rc 0
expect_out "0 won, 0 lost, 2 the same of 2"
ask one
check "one answer needs no judge" [ "$(grep -c '"judge"' "$scratch/one.jsonl")" = 0 ]
finish
