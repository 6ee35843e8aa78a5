#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tiny months' releases compared: a request more and one that says something else, a key, a source's row and
# a gate that changed are each named and nothing else is; the same release has no difference; answers are counted
# by what they are; a damaged release is refused, and a terminal is not steered.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
cd "$scratch" || exit 1
"$COTRAIN" run month/lora.yaml --work first >/dev/null 2>&1 || exit 1
a=first/release/Tiny

# The next month: the second request is worded anew, a third one comes, a row of the first's source is another.
cp -r month next
/usr/bin/python3 - <<'EOF_PYTHON'
recipe = open("next/lora.yaml", encoding="utf-8").read()
for old, new in (("says a word backwards", "says a word from its end"),
                 ("learning_rate: 1.0e-2", "learning_rate: 2.0e-2"), ("validation: \"<= +10\"", "validation: \"<= +11\""),
                 ("adapter:", "  - id: \"tiny/requests#3@3\"\n    scenario: again\n    capability: says a word once more\n"
                              "    cases: more.cases.jsonl\n    examples: [{prompt: copy again, response: again}]\nadapter:")):
    assert old in recipe
    recipe = recipe.replace(old, new, 1)
open("next/lora.yaml", "w", encoding="utf-8").write(recipe)
with open("next/more.cases.jsonl", "w", encoding="utf-8") as cases:
    for word in ("one", "two", "three", "four", "five", "six"):
        cases.write('{"prompt": "copy %s", "response": "%s"}\n' % (word, word))
rows = open("next/copy.train.jsonl", encoding="utf-8").read().splitlines(True)
open("next/copy.train.jsonl", "w", encoding="utf-8").writelines(rows[:-1])
EOF_PYTHON
"$COTRAIN" run next/lora.yaml --work second >/dev/null 2>&1 || exit 1
b=second/release/Tiny

run "$COTRAIN" release diff $a $b --json
expect_rc 0
check "what changed is named, and nothing else" /usr/bin/python3 - out <<'EOF_PYTHON'
import json
import sys

d = json.load(open(sys.argv[1], encoding="utf-8"))
assert d["differs"] and d["a"]["name"] == "Tiny" and d["a"]["hash"] != d["b"]["hash"]
ids = lambda kind: [r["id"] for r in d["requests"][kind]]
assert ids("added") == ["tiny/requests#3@3"] and ids("removed") == [] and ids("changed") == ["tiny/requests#2@2"], d["requests"]
assert d["requests"]["same"] == 1
keys = {k["key"]: (k["a"], k["b"]) for k in d["recipe"]["keys"]}
assert set(keys) == {"train.learning_rate", "eval.gates.validation"}, keys
assert [float(v) for v in keys["train.learning_rate"]] == [0.01, 0.02]
sources = d["data"]["sources"]
assert sources["added"] == ["examples of tiny/requests#3@3"] and sources["removed"] == [], sources
assert sources["changed"] == ["copy.train.jsonl of tiny/requests#1@1"] and sources["same"] == 3, sources
groups = {g["name"]: g["b"] - g["a"] for g in d["data"]["groups"]}
assert groups["tiny/requests#1@1"] == -1 and groups["tiny/requests#3@3"] == 1, groups
tasks = {t["task"]: t for t in d["scores"]["tasks"]}
assert tasks["requests"]["n"] == 12 and tasks["requests"]["only_b"] == 6, tasks["requests"]
assert "p_value" not in tasks["validation"] and not d["scores"].get("not_compared"), d["scores"]
assert d["prompts"]["asked"] == 4 and d["prompts"]["not_compared"], d["prompts"]
assert d["gates"]["added"] == ["validation: <= +11"] and d["gates"]["removed"] == ["validation: <= +10"], d["gates"]
assert "adapter/adapter_model.safetensors" in d["files"]["changed"] and "base_model" not in d["files"]["chain"], d["files"]
assert {"requests", "dataset", "recipe", "adapter", "merged"} <= set(d["files"]["chain"]), d["files"]
EOF_PYTHON
run "$COTRAIN" release diff $a $b
expect_rc 0
expect_out "added    tiny/requests#3@3  again"
expect_out "; 0 only in a, 6 only in b"
expect_out "train.learning_rate: "
expect_out "source changed: copy.train.jsonl of tiny/requests#1@1"
run "$COTRAIN" release diff $a $b --exit-code
expect_rc 3
expect_err "differ"

run "$COTRAIN" release diff $a $a --exit-code
expect_rc 0
expect_out "requests: the same"
expect_out "files: the same"

# Answers: two that decline, one in Chinese that steers a terminal, one as it was.
cp -r $a told
/usr/bin/python3 - <<'EOF_PYTHON'
import json

g = json.load(open("told/golden.json", encoding="utf-8"))
for prompt, text in zip(g["prompts"], ("I'm sorry, but no.", "很抱歉，我不能。", "一二三四\x1b[31m五‮六")):
    prompt["output"], prompt["output_ids"], prompt["ended"] = text, [1, 2, 3], True
json.dump(g, open("told/golden.json", "w", encoding="utf-8"), ensure_ascii=False)
EOF_PYTHON
"$SOURCE_DIR/tests/shell/tamper.py" redo told
run "$COTRAIN" release diff $a told --json
expect_rc 0
check "answers are counted by what they are" /usr/bin/python3 - out <<'EOF_PYTHON'
import json
import sys

p = json.load(open(sys.argv[1], encoding="utf-8"))["prompts"]
assert p["asked"] == 4 and p["same"] == 1 and len(p["changed"]) == 3, p
assert p["b"]["declined"] == 2 and p["a"]["declined"] == 0 and p["b"]["ended"] == p["a"]["ended"] + 3, p
assert p["b"]["scripts"]["zh"] > 0.2 > p["a"]["scripts"]["zh"], p
assert p["a"]["tokens"] == 32 and p["b"]["tokens"] == (3 * 3 + 32) / 4, p
EOF_PYTHON
run "$COTRAIN" release diff $a told
expect_rc 0
check "no control character reaches the terminal" sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' out"
check "nor what turns the reading order around" sh -c "! grep -qF '$(printf '\342\200\256')' out"

# What one release alone was asked is a difference, too; words that decline are whole words, in any case.
cp -r $a fewer
/usr/bin/python3 - <<'EOF_PYTHON'
import json

g = json.load(open("fewer/golden.json", encoding="utf-8"))
g["prompts"].pop()
json.dump(g, open("fewer/golden.json", "w", encoding="utf-8"), ensure_ascii=False)
r = json.load(open("fewer/provenance/eval-after.json", encoding="utf-8"))
r["tasks"] = [t for t in r["tasks"] if t["task"] != "validation"]
json.dump(r, open("fewer/provenance/eval-after.json", "w", encoding="utf-8"), ensure_ascii=False)
EOF_PYTHON
"$SOURCE_DIR/tests/shell/tamper.py" redo fewer
for pair in "$a fewer" "fewer $a"; do
    # shellcheck disable=SC2086
    run "$COTRAIN" release diff $pair --json
    expect_rc 0
    check "a task and a prompt of one side alone differ" /usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
assert d["scores"]["differs"] and d["prompts"]["differs"] and not d["requests"]["differs"], d' out
done
/usr/bin/python3 - <<'EOF_PYTHON'
import json

g = json.load(open("fewer/golden.json", encoding="utf-8"))
for prompt, text in zip(g["prompts"], ("He went as an airline pilot.", "I Can’t do that.", "作为ai助手")):
    prompt["output"] = text
json.dump(g, open("fewer/golden.json", "w", encoding="utf-8"), ensure_ascii=False)
EOF_PYTHON
"$SOURCE_DIR/tests/shell/tamper.py" redo fewer
run "$COTRAIN" release diff $a fewer --json
check "two of three decline" /usr/bin/python3 -c '
import json, sys
assert json.load(open(sys.argv[1], encoding="utf-8"))["prompts"]["b"]["declined"] == 2' out

# Refused: a byte changed, and what is no release.
printf ' ' >>told/README.md
run "$COTRAIN" release diff $a told
expect_rc 3
expect_one_error "README.md"
run "$COTRAIN" release diff $a month
expect_rc 1
expect_one_error "'month'"
finish
