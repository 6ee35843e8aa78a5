#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Making a release again: in another place, with other threads, without anything that the training left;
# part of it from a published state; what may not be published; and changes that agree with themselves
# (doctor.py), each found at the first step that it touches, and named.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
cd "$scratch" || exit 1
OMP_NUM_THREADS=1 run "$COTRAIN" run month/lora.yaml --work work --set release.state_steps=3
expect_rc 0
mkdir far far/models
cp -r work/release/Tiny far/release
mv month/model far/models/base
mv month kept # nothing lies where the recipe has it
rm -rf work
cd far || exit 1
report() { # report EXPRESSION: of the last run's JSON
    check "$1" python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); assert eval(sys.argv[2]), r' \
        "$scratch/out" "$1"
}

# ---- the same ----
for threads in 1 3; do
    OMP_NUM_THREADS=$threads run "$COTRAIN" release reproduce release --base models/base
    expect_rc 0
    expect_out "rows     those of steps 1 to 8 are the same"
    expect_out "steps    1 to 8 of 8, from the first step: every loss and update is the same"
    expect_out "eval     both evaluations give the same reports"
    expect_out "packed   again from all this: the same release, hash and all"
    check "every step's digest is equal" python3 - release work/reproduce <<'PY'
import json, sys
a, b = ([json.loads(line)["digest"] for line in open(path)]
        for path in (sys.argv[1] + "/logs/run.jsonl", sys.argv[2] + "/train/run.jsonl"))
assert a == b and len(a) == 8
PY
done
expect_same release/manifest.json work/reproduce/release/Tiny/manifest.json
run "$COTRAIN" release verify release
expect_rc 0

# ---- a part of it ----
run "$COTRAIN" release reproduce release --base models/base --steps 5:7 --json
expect_rc 0
report 'r["steps"] == {"first": 5, "last": 7, "of": 8, "after_state": 3} and r["equal"]'
check "steps 4 to 7 were trained" python3 -c '
import json; steps = [json.loads(line)["step"] for line in open("work/reproduce/train/run.jsonl")]
assert steps == [1, 2, 3, 4, 5, 6, 7], steps'
run "$COTRAIN" release reproduce release --base models/base --steps random:2 --json
expect_rc 0
report 'r["steps"]["last"] - r["steps"]["first"] == 1 and r["steps"]["after_state"] < r["steps"]["first"]'
report '[f for f in r["findings"] if f["check"] == "chosen"]'
for steps in 5:9 0:2 7:5 random:9 5 x:y :; do
    run "$COTRAIN" release reproduce release --base models/base --steps "$steps"
    expect_rc 2
    expect_one_error "--steps $steps: "
done

# ---- what it is refused for ----
for option in sources previous datasets; do
    run "$COTRAIN" release reproduce release --base models/base --$option nowhere
    expect_rc 1
    expect_one_error "--$option: there is no folder 'nowhere'"
done
for work in release/work/reproduce release models/../release/again; do
    run "$COTRAIN" release reproduce release --base models/base --work $work
    expect_rc 2
    expect_one_error "the work folder '$work' lies in the release"
done
run "$COTRAIN" release verify release
expect_rc 0
cd release || exit 1
run "$COTRAIN" release reproduce . --base ../models/base
expect_rc 2
cd .. || exit 1
run "$COTRAIN" release reproduce release --base models/base --work release/config.json/again
expect_rc 2
run "$COTRAIN" release reproduce release --base models/base --work models/base/config.json/again
expect_rc 1
expect_one_error "cannot make folder 'models/base/config.json': File exists"
expect_err "hint: name another one with --work"
run "$COTRAIN" release reproduce release --base models/base --previous release
expect_rc 2
expect_one_error "--previous: release 'release' says nothing of a release before it"
run "$COTRAIN" release reproduce release
expect_rc 1
expect_one_error "the base model 'model' is not there"
cp -r models/base other
echo >>other/config.json
run "$COTRAIN" release reproduce release --base other
expect_rc 1
expect_one_error "the base model 'other' has the digest "
mkdir mine && echo mine >mine/train
run "$COTRAIN" release reproduce release --base models/base --work mine
expect_rc 1
expect_one_error "'mine' is there and is no folder of a reproduction"
check "somebody's folder is left alone" grep -q mine mine/train
cp -r release broken
head -1 release/logs/run.jsonl >broken/logs/run.jsonl
sed -n 2p release/logs/run.jsonl | head -c 200 >>broken/logs/run.jsonl
run "$COTRAIN" release reproduce broken --base models/base
expect_rc 3
expect_one_error "'logs/run.jsonl' has been changed"
"$SOURCE_DIR/tests/shell/tamper.py" redo broken
run "$COTRAIN" release reproduce broken --base models/base
expect_rc 3
expect_one_error "'logs/run.jsonl': line 2"
rm -rf broken && cp -r release broken
sed -i 's/^cotrain: 1$/cotrain: 2/' broken/provenance/recipe.yaml
"$SOURCE_DIR/tests/shell/tamper.py" redo broken
run "$COTRAIN" release reproduce broken --base models/base
expect_rc 3
expect_one_error "recipe format '2' is not known"

# ---- changes that agree with themselves ----
doctored() { # doctored NAME CODE: changed so and made again
    rm -rf doctored && cp -r release doctored
    "$SOURCE_DIR/tests/shell/doctor.py" "$1" doctored || exit 1
    run "$COTRAIN" release verify doctored
    expect_rc 0
    run "$COTRAIN" release reproduce doctored --base models/base --json
    expect_rc "$2"
}
differs() { # differs NAME STEP PART KIND [WORDS]
    doctored "$1" 3
    expect_err "is not what its recipe gives: step $2, $3 ($4)"
    expect_out "\"step\": $2"
    expect_out "\"kind\": \"$4\""
    [ $# -lt 5 ] || expect_out "$5"
}
differs row 3 batch data "what changed is among request 'tiny/requests#1@1' copy.train.jsonl line 7"
report '"copy.train.jsonl line 7" in r["samples"] and len(r["rows"]) == 1'
check "the step before has the rows that it had" python3 - release doctored <<'PY'
import json, sys
record = [json.loads(line) for line in open(sys.argv[1] + "/logs/run.jsonl")]
report = json.load(open("work/reproduce/reproduce.json"))["difference"]
assert report["expected"] == record[report["step"] - 1]["batch"] != report["found"]
PY
differs row_and_dataset 3 batch data "copy.train.jsonl line 7"
differs seed 1 batch seed "the recipe's train.seed is 4, the dataset was made with 3"
differs seed_and_dataset 1 batch seed
differs rate 1 update recipe "the learning rate of this step is 0.02 and was 0.01"
differs decay 1 update recipe "weight_decay"
differs accumulation 1 batch recipe "a setting of 'train'"
differs steps 8 steps recipe "the record ends after step 7 of 8"
differs loss 5 loss numeric "on the CPU they must not"
differs update 5 update numeric
differs version 5 loss version "trained with cotrain 0.0.9"
run "$COTRAIN" release reproduce doctored --base models/base --steps 2:4
expect_rc 0
doctored evaluation 3
expect_err "is not what its recipe gives: eval_after (numeric)"
doctored backend 1
expect_one_error "it was trained on 'cuda', and this is 'cpu'"
expect_err "use --device cuda on a GPU of the same architecture"
doctored cases 3
expect_one_error "'requests.7.cases', which the recipe does not have"
rm -rf doctored && cp -r release doctored
"$SOURCE_DIR/tests/shell/doctor.py" withheld doctored
run "$COTRAIN" release reproduce doctored --base models/base
expect_rc 0
expect_out "rest     the evaluations and the release cannot be made again: '$(printf '例%.0s' {1..70}).jsonl'"
expect_out " is withheld: <U+001B>[31mit is <U+115F>sealed for ever"
expect_out " for ever for ever."
check "no control character reaches the terminal" sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' out"
rm -rf doctored && cp -r release doctored
"$SOURCE_DIR/tests/shell/doctor.py" rate doctored
run "$COTRAIN" release reproduce doctored --base models/base --steps 5:6
expect_rc 3
expect_err "step 4, settings (recipe)"

# ---- everything trained, other kinds of sources, and an end by patience ----
cd "$scratch" || exit 1
mv kept month && mv far/models/base month/model
mkdir -p month/rows/sub month/moreA month/moreB
head -8 month/copy.train.jsonl >month/rows/a.jsonl
tail -16 month/copy.train.jsonl >month/rows/sub/b.jsonl
head -12 month/turn.train.jsonl >month/moreA/x1.jsonl
tail -12 month/turn.train.jsonl >month/moreB/x2.jsonl
sed 's/copy/keep/' month/copy.train.jsonl >month/general.jsonl
cat >month/wide.yaml <<'END'
inherit: full.yaml
name: wide
data:
  sources:
    - {path: rows, format: alpaca, license: mit, request: "tiny/requests#1@1"}
    - {path: "more*/x?.jsonl", format: alpaca, license: mit, request: "tiny/requests#2@2"}
  replay: {path: general.jsonl, license: mit, share: 0.2}
train: {learning_rate: 0.3, eval_steps: 2, load_best_model_at_end: true, early_stopping_patience: 2, save_total_limit: 1}
release: {name: Wide, state_steps: 3}
END
run "$COTRAIN" run month/wide.yaml --work wide --set release.previous=far/release
expect_rc 0
expect_err "kept: training ended early, after step 6 of 8"
run "$COTRAIN" release reproduce wide/release/Wide --base month/model
expect_rc 0
expect_out "its record of the release before (--previous makes that, too): the same release, hash and all"
run "$COTRAIN" release reproduce wide/release/Wide --base month/model --previous far/release
expect_rc 0
expect_out "steps    1 to 6 of 6, from the first step"
expect_out "packed   again from all this: the same release, hash and all"
run "$COTRAIN" release reproduce wide/release/Wide --base month/model --steps 6:6
expect_rc 0
expect_out "steps    6 to 6 of 6, from the state after step 3"

# ---- what is not published ----
sed -e 's/copy.train.jsonl, format: alpaca, license: apache-2.0/&, withhold: true/' \
    -e 's/^  validation: 0.1/&\n  holdout: {sealed: true}/' month/lora.yaml >month/closed.yaml
run "$COTRAIN" run month/closed.yaml --work work
expect_rc 0
release=work/release/Tiny
check "what is withheld is named and not there" python3 - $release month <<'PY'
import hashlib, json, os, sys
inputs = {i["key"]: i for i in json.load(open(sys.argv[1] + "/provenance/sources.json"))["inputs"]}
assert inputs["data.sources.0.path"]["withheld"] == "the recipe says so"
assert inputs["requests.0.cases"]["withheld"] == inputs["requests.1.cases"]["withheld"] == "it is sealed"
assert inputs["data.sources.1.path"]["withheld"] is None
found = sorted(n for _, _, names in os.walk(sys.argv[1] + "/sources") for n in names)
assert found == ["turn.train.jsonl"], found
cases = open(sys.argv[2] + "/copy.cases.jsonl", "rb").read()
assert inputs["requests.0.cases"]["files"][0]["sha256"] == hashlib.sha256(cases).hexdigest()
secrets = [json.loads(line)["prompt"] for line in cases.decode().splitlines()]
secrets += [json.loads(line)["instruction"] for line in open(sys.argv[2] + "/copy.train.jsonl")]
for path, _, names in os.walk(sys.argv[1]):
    for name in names:
        text = open(os.path.join(path, name), "rb").read()
        assert not any(s.encode() in text for s in secrets), name
PY
run "$COTRAIN" release reproduce $release --base month/model
expect_rc 1
expect_one_error "'copy.train.jsonl' (1128 bytes"
mkdir given && cp month/copy.train.jsonl given
run "$COTRAIN" release reproduce $release --base month/model --sources given
expect_rc 0
expect_out "data     built again from 4 sources, without what is withheld"
expect_out "every loss and update is the same"
expect_out "rest     the evaluations and the release cannot be made again"
cp month/*.cases.jsonl given
run "$COTRAIN" release reproduce $release --base month/model --sources given
expect_rc 0
expect_out "the same release, hash and all"
echo >>given/copy.train.jsonl
run "$COTRAIN" release reproduce $release --base month/model --sources given
expect_rc 1
expect_one_error "'given/copy.train.jsonl' is not the file that the release was made with"
sed -e 's/license: apache-2.0, request: "tiny\/requests#1@1"/license: unknown, request: "tiny\/requests#1@1"/' \
    -e 's/    cases: turn.cases.jsonl//' -e 's/^  validation: 0.1/&\n  holdout: {sealed: true, per_request: 3}/' \
    month/lora.yaml >month/drawn.yaml
run "$COTRAIN" run month/drawn.yaml --work drawn
expect_rc 0
check "rows without a licence, and those that sealed cases were drawn from, are withheld" python3 -c '
import json
inputs = {i["key"]: i for i in json.load(open("drawn/release/Tiny/provenance/sources.json"))["inputs"]}
assert inputs["data.sources.0.path"]["withheld"] == "no licence is said"
assert inputs["data.sources.1.path"]["withheld"] == "sealed cases were drawn from it"
assert not [f for i in inputs.values() for f in i["files"] if i["withheld"] is None]'
sed -i 's/holdout: {sealed: true, per_request: 3}/holdout: {sealed: true, per_request: 3}\n  filters: [personal_data]/' \
    month/drawn.yaml
sed -e '3s/"output": "[a-z]*"/"output": "write to anna.berg@fjordpost.no"/' month/copy.train.jsonl >month/private.jsonl
sed -e 's/copy.train.jsonl, format: alpaca, license: unknown/private.jsonl, format: alpaca, license: mit/' \
    month/drawn.yaml >month/private.yaml
run "$COTRAIN" run month/private.yaml --work private
expect_rc 0
check "nor are those that personal data was filtered out of" python3 -c '
import json
inputs = {i["key"]: i for i in json.load(open("private/release/Tiny/provenance/sources.json"))["inputs"]}
assert inputs["data.sources.0.path"]["withheld"] == "personal data was filtered out of it", inputs'
check "no such data in the release" sh -c "! grep -raqF fjordpost private/release"
run "$COTRAIN" release reproduce drawn/release/Tiny --base month/model --sources month
expect_rc 0
expect_out "the same release, hash and all"
finish
