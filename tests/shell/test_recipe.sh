#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cotrain recipe new, check, show and schema: all faults of a recipe at once with their places, aliases
# noted, what is resolved reads back, and other YAML readers read it as the same values.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
mkdir base
echo '{}' >base/config.json

# Several faults are reported together, in text and as JSON.
cat >bad.yaml <<'END'
cotrain: 1
name: bad
base_model: {path: base}
train:
  lr: 1e-4
  learning_rat: 2e-4
  seed: soon
data:
  sources:
    - {path: gone.jsonl}
END
run "$COTRAIN" recipe check bad.yaml
expect_rc 1
expect_out "bad.yaml:6:3: error: unknown key 'learning_rat' in 'train' (did you mean 'learning_rate'?)"
expect_out "bad.yaml:7:9: error: 'seed': 'soon' is not a whole number"
expect_out "bad.yaml:10:14: error: 'data.sources[].path': there is no file or folder 'gone.jsonl'"
expect_out "bad.yaml:5:3: note: 'lr' is read as 'learning_rate'"
expect_one_error "bad.yaml:"
expect_err "(and 2 more)"
run "$COTRAIN" recipe check bad.yaml --json
expect_rc 1
check "the JSON report holds every fault" /usr/bin/python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
assert report["ok"] is False and report["n_faults"] == 3
places = sorted((f["line"], f["column"], f["kind"]) for f in report["faults"])
assert places == [(6, 3, "PARSE"), (7, 9, "PARSE"), (10, 14, "MISSING")], places
assert [(n["line"], n["column"]) for n in report["notes"]] == [(5, 3)]' "$scratch/out"
run "$COTRAIN" recipe show bad.yaml
expect_rc 1
expect_one_error "bad.yaml:"

# What no single key can tell: name, month, digest, ids given twice.
cat >good.yaml <<'END'
cotrain: 1
name: good
month: "2024-02"
base_model: {path: base}
requests:
  - {id: a/b#1@2, scenario: "no", examples: [{prompt: "问：\n 1 ", response: "yes"}]}
train: {lr: 3e-5}
END
run "$COTRAIN" recipe check good.yaml
expect_rc 0
expect_out "good.yaml: in order"
expect_out "good.yaml:7:9: note: 'lr' is read as 'learning_rate'"
refused() { # refused SET TEXT
    run "$COTRAIN" recipe check good.yaml --set "$1"
    expect_rc "${3:-1}"
    expect_one_error "$2"
}
refused "name=../x" "'name': '../x' must begin with a letter or digit"
refused "month=2024-13" "'2024-13' is not a month"
refused "base_model.digest=abc" "must be 64 digits"
refused 'requests=[{id: x}, {id: x}]' "two requests have the id 'x'"
refused "train.sed=1" "--set train.sed=1: unknown key 'sed' in 'train' (did you mean 'seed'?)"
refused "train.seed" "--set train.seed: must be a key, '=' and a value" 2

# show: the resolved recipe reads back as itself, here and in a YAML 1.1 reader.
run "$COTRAIN" recipe show good.yaml --set train.seed=7
expect_rc 0
expect_out "# good.yaml:7:9: 'lr' is read as 'learning_rate'"
expect_out "  learning_rate: 3.0e-05"
expect_out "  seed: 7"
expect_out "  weight_decay_rule: \"2d\"  # default"
grep -v '^#' out | sed 's/  # default$//' >resolved.yaml
run "$COTRAIN" recipe check resolved.yaml
expect_rc 0
run "$COTRAIN" recipe show resolved.yaml
sed 's/  # default$//' out >again.yaml
expect_same resolved.yaml again.yaml
run "$COTRAIN" recipe show good.yaml --set train.seed=7 --json
expect_rc 0
if /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
    check "a YAML 1.1 reader finds the same values" /usr/bin/python3 -c 'import json, sys, yaml
ours, theirs = json.load(open(sys.argv[1])), yaml.safe_load(open(sys.argv[2], encoding="utf-8"))
assert ours == theirs, theirs
assert theirs["requests"][0]["examples"] == [{"prompt": "问：\n 1 ", "response": "yes"}]
assert theirs["requests"][0]["scenario"] == "no" and theirs["month"] == "2024-02"' out resolved.yaml
fi

# new: writes a recipe that is in order, never over another one, and leaves none behind when refused.
mkdir recipes
run "$COTRAIN" recipe new recipes/chip.yaml --base-model base --id o/r#22@7 --month 2024-02 \
    --scenario 芯片代码生成 --prompt 计数器 --response 'no' --prompt b --response "$(printf 'x;\n  y;')"
expect_rc 0
expect_out "recipes/chip.yaml"
check "base model as seen from the recipe" grep -qF 'path: "../base"' recipes/chip.yaml
check "its digest" grep -Eq 'digest: "?[0-9a-f]{64}"?' recipes/chip.yaml
run "$COTRAIN" recipe check recipes/chip.yaml
expect_rc 0
(cd / && "$COTRAIN" recipe check "$scratch/recipes/chip.yaml") >/dev/null || failed "readable from elsewhere"
cp recipes/chip.yaml kept.yaml
run "$COTRAIN" recipe new recipes/chip.yaml --base-model base --id o/r#1@1
expect_rc 1
expect_one_error "'recipes/chip.yaml' exists already"
expect_same recipes/chip.yaml kept.yaml
run "$COTRAIN" recipe new other.yaml --base-model base --id o/r#1@1 --prompt a
expect_rc 2
expect_one_error "1 times --prompt, but 0 times --response"
run "$COTRAIN" recipe new other.yaml --base-model base --id o/r#1@1 --month soon
expect_rc 2
expect_one_error "'soon' is not a month"
[ -e other.yaml ] && failed "a refused recipe is not left behind"

# schema: as text, and as JSON Schema with every key of the text.
run "$COTRAIN" recipe schema
expect_rc 0
expect_out "requests[].examples[]"
cp out schema.txt
run "$COTRAIN" recipe schema --json
expect_rc 0
check "JSON Schema knows the keys" /usr/bin/python3 -c 'import json, sys
schema = json.load(open(sys.argv[1]))
assert schema["properties"]["train"]["properties"]["learning_rate"]["type"] == "number"
assert schema["properties"]["train"]["properties"]["lr"]["deprecated"]
assert set(schema["required"]) == {"cotrain", "name", "base_model"}, schema["required"]
def names(node):
    for name, part in node.get("properties", {}).items():
        yield name
        yield from names(part)
        yield from names(part.get("items", {}))
known = set(names(schema))
text = [line.split(":")[0].strip() for line in open(sys.argv[2]) if line.startswith("  ") and line[2] != " "]
assert text and set(text) <= known, set(text) - known' out schema.txt

# The shipped recipes are in order, whatever folder their base model is in.
for shipped in "$SOURCE_DIR"/recipes/*/*.yaml; do
    run "$COTRAIN" recipe check "$shipped" --set base_model.path=base
    expect_rc 0
    expect_out "$shipped: in order"
done
finish
