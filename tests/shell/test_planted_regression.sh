#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A month that spoils what the model knew does not get out: two adapters are trained on the same prompts,
# one with right answers, one with each other's. Gates on a user's task and on sealed cases let the first
# pass and stop the second, with the paired test and the items that were lost.
. "$(dirname "$0")/lib.sh"
/usr/bin/python3 - "$scratch" "$SOURCE_DIR/models" <<'PY' || exit 1
import json, sys
folder, models = sys.argv[1:]
known = [json.loads(line) for line in open(models + "/month/retention.jsonl")]
asked, cases = known[0::2], known[1::2]
def write(name, rows):
    with open(f"{folder}/{name}", "w") as f:
        f.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
def answered(answers):
    return [{"instruction": row["prompt"], "output": answer} for row, answer in zip(asked, answers)]
right = [row["response"] for row in asked]
write("known.jsonl", asked)
write("cases.jsonl", cases)
write("right.jsonl", answered(right))
write("wrong.jsonl", answered(right[1:] + right[:1]))
open(folder + "/known.yaml", "w").write("""\
cotrain_task: 1
name: known
data: known.jsonl
prompt: "{prompt}<sep>"
expected: "{response}"
max_new_tokens: 32
""")
open(folder + "/month.yaml", "w").write(f"""\
cotrain: 1
name: planted
month: "2024-03"
base_model: {{path: {models}/nano}}
requests:
  - {{id: "planted/requests#1@1", scenario: known, capability: answers short questions, cases: cases.jsonl,
     examples: [{{prompt: "Copy: abc", response: abc}}]}}
adapter: {{type: lora, r: 8, lora_alpha: 16, target_modules: all}}
data:
  sources: [{{path: right.jsonl, format: alpaca, license: apache-2.0, request: "planted/requests#1@1"}}]
  holdout: {{sealed: true}}
train: {{sequence_len: 128, micro_batch_size: 2, max_steps: 20, learning_rate: 4.0e-3, seed: 3}}
eval:
  tasks: [requests]
  task_files: [known.yaml]
  max_new_tokens: 32
  gates: {{known: "not < -0 at 95%", requests: ">= -40% at 95%"}}
release: {{name: Planted, license: apache-2.0, base_model: sample/nano}}
""")
PY

run "$COTRAIN" run "$scratch/month.yaml" --work "$scratch/right"
expect_rc 0
expect_out "gate known: change "
expect_out ", wanted not < -0 at 95%: holds"
expect_out ", wanted >= -40% at 95%: holds"
run "$COTRAIN" release verify "$scratch/right/release/Planted"
expect_rc 0
expect_out "proved      all 2 gates of the recipe hold, by both evaluations"

sed 's/right.jsonl/wrong.jsonl/' "$scratch/month.yaml" >"$scratch/spoiled.yaml"
run "$COTRAIN" run "$scratch/spoiled.yaml" --work "$scratch/wrong"
expect_rc 3
expect_err "stage 'gates': gate known: change -"
expect_err "wanted not < -0 at 95%: missed by "
expect_err "; requests: change -"
expect_err "wrong/eval/gates.json' has every item that was lost"
expect_out "gate requests: change -"
check "no release" test ! -e "$scratch/wrong/release"
# What is said, against the two evaluations: pairs, the exact test, and the items that were lost.
check "the paired test and the items" /usr/bin/python3 - "$scratch" "$scratch/out" <<'PY'
import json, math, sys
work, said = sys.argv[1] + "/wrong/", open(sys.argv[2]).read()
def items(which, task):
    report = json.load(open(f"{work}eval/{which}.json"))
    return next(t for t in report["tasks"] if t["task"] == task)["items"]
gates = {g["task"]: g for g in json.load(open(work + "eval/gates.json"))}
for task, verdict, name in (("known", "correct", lambda i: i["item"]),
                            ("requests", "exact", lambda i: "sha256:" + i["prompt_sha256"])):
    pairs = list(zip(items("before", task), items("after", task)))
    lost = [name(a) for b, a in pairs if b[verdict] and not a[verdict]]
    won = [name(a) for b, a in pairs if a[verdict] and not b[verdict]]
    paired, n = gates[task]["paired"], len(lost) + len(won)
    assert not gates[task]["holds"] and len(lost) > 12, gates[task]
    assert (paired["lost"], paired["won"], paired["n"]) == (lost, won, 30), paired
    p = min(1, 2 * sum(math.comb(n, i) for i in range(min(len(lost), len(won)) + 1)) / 2 ** n)
    assert abs(paired["p_value"] / p - 1) < 1e-12, (paired, p)
    assert f"{len(won)} won, {len(lost)} lost, {30 - n} the same of 30; p = " in said
    shown = ", ".join(str(name)[:19] for name in lost[:12]) + f" and {len(lost) - 12} more"
    assert "lost: " + shown in said, (shown, said)
    assert "Copy" not in json.dumps(gates["requests"]), "sealed cases are named by their hash"
PY
run "$COTRAIN" run "$scratch/spoiled.yaml" --work "$scratch/wrong" --json
expect_rc 3
check "the same as JSON" /usr/bin/python3 -c '
import json, sys
said, kept = (json.load(open(path)) for path in sys.argv[1:])
assert said["gates"] == kept' "$scratch/out" "$scratch/wrong/eval/gates.json"
sed -i '$d' "$scratch/known.jsonl" # another suite: asked again, and not trained again
run "$COTRAIN" run "$scratch/spoiled.yaml" --work "$scratch/wrong"
expect_rc 3
expect_out "train        up to date"
expect_no_out "eval-before  up to date"
expect_out "the same of 29; p = "
run "$COTRAIN" release pack "$scratch/spoiled.yaml" --work "$scratch/wrong" --out "$scratch/anyway"
expect_rc 3
check "nothing is packed past a gate" test ! -e "$scratch/anyway"
finish
