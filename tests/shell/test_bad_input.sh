#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bad input, as a new user brings it: each fault ends the program with exit code 1 or 2 and exactly one
# error that names file and place, and leaves a finished work folder as it was.
. "$(dirname "$0")/lib.sh"

month=$scratch/month
work=$scratch/work
"$SOURCE_DIR/tests/shell/tiny_month.py" "$month" || exit 1
run "$COTRAIN" run "$month/lora.yaml" --work "$work"
expect_rc 0
sums() {
    # Not the records of what was tried when: stages/ and the logs.
    (cd "$1" && find . -type f ! -name '*.jsonl' ! -path './stages/*' -exec sha256sum {} + | sort -k2)
}
sums "$work" >"$scratch/before"

# faulty CODE TEXT... -- COMMAND...: the command fails with that code and one error that holds every TEXT.
faulty() {
    code=$1
    shift
    : >"$scratch/wanted"
    while [ "$1" != -- ]; do
        printf '%s\n' "$1" >>"$scratch/wanted"
        shift
    done
    shift
    run "$@"
    expect_rc "$code"
    sed -i -E '/^(training|plan:|evaluation:) /d' "$scratch/err" # chatter
    while IFS= read -r text; do expect_one_error "$text"; done <"$scratch/wanted"
}
# bad_recipe SED TEXT...: a recipe of one changed line, through `recipe check` and `run`.
bad_recipe() {
    sed "$1" "$month/lora.yaml" >"$month/bad.yaml"
    cmp -s "$month/bad.yaml" "$month/lora.yaml" && failed "'$1' changes the recipe"
    shift
    faulty 1 "bad.yaml" "$@" -- "$COTRAIN" recipe check "$month/bad.yaml"
    faulty 1 "bad.yaml" "$@" -- "$COTRAIN" run "$month/bad.yaml" --work "$work"
    sums "$work" >"$scratch/after"
    expect_same "$scratch/before" "$scratch/after"
}
# bad_run RECIPE TEXT...: what only a run can find.
bad_run() {
    recipe=$1
    shift
    faulty 1 "$@" -- "$COTRAIN" run "$recipe" --work "$work"
    sums "$work" >"$scratch/after"
    expect_same "$scratch/before" "$scratch/after"
}
restore() { # puts the model's own weights back
    cp "$scratch/model.kept" "$month/model/model.safetensors"
}
cp "$month/model/model.safetensors" "$scratch/model.kept"

# The command line.
faulty 2 "no command" -- "$COTRAIN"
faulty 2 "'rnu'" -- "$COTRAIN" rnu
faulty 2 "'--wrok'" -- "$COTRAIN" run "$month/lora.yaml" --wrok "$work"
faulty 2 "'recipe' is missing" -- "$COTRAIN" run
faulty 1 "nowhere.yaml" "No such file" -- "$COTRAIN" run "$month/nowhere.yaml" --work "$work"

# The recipe: unknown key, wrong type, out of range, unknown choice, duplicate key, anchor, not
# YAML; the place is file, line and column.
bad_recipe 's/learning_rate: 1.0e-2/lr_warmpu: 3/' "bad.yaml:22:" "unknown key 'lr_warmpu'"
bad_recipe 's/max_steps: 8/max_steps: soon/' "bad.yaml:22:91: " "max_steps" "'soon'"
bad_recipe 's/max_steps: 8/max_steps: [8, 9]/' "bad.yaml:22:91: " "max_steps"
bad_recipe 's/^train: .*/train: 3/; /^        save_steps/d' "bad.yaml:22:8: " "train"
bad_recipe 's/micro_batch_size: 2/micro_batch_size: -2/' "bad.yaml:22:45: " "micro_batch_size" "-2"
bad_recipe 's/type: lora/type: lroa/' "bad.yaml:16:17: " "'lroa'"
bad_recipe 's/^cotrain: 1/cotrain: 1\ncotrain: 1/' "bad.yaml:2:1: " "given twice"
bad_recipe 's/^month: .*/month: \&m "2024-03"/' "bad.yaml:3:8: " "anchors"
bad_recipe 's/^eval: .*/eval: {tasks: [requests, validation/' "bad.yaml:2"
bad_recipe 's/^base_model: .*//' "base_model"

# Files that are named and not there.
bad_recipe 's/path: model}/path: modle}/' "modle"
sed 's/copy.train.jsonl/copies.jsonl/' "$month/lora.yaml" >"$month/bad.yaml"
bad_run "$month/bad.yaml" "copies.jsonl"
sed 's/copy.cases.jsonl/copies.jsonl/' "$month/lora.yaml" >"$month/bad.yaml"
bad_run "$month/bad.yaml" "copies.jsonl"

# What a release could not be made of, before anything is trained for one: by `recipe check`, `plan`
# and `run` alike, at its key.
unpackable() { # unpackable TEXT...: of the recipe bad.yaml
    faulty 1 "$@" -- "$COTRAIN" recipe check "$month/bad.yaml"
    faulty 1 "$@" -- "$COTRAIN" plan "$month/bad.yaml"
    bad_run "$month/bad.yaml" "$@"
}
named() { # named FILE AS-WRITTEN TEXT...: the rows of copy.train.jsonl by another name
    cp "$month/copy.train.jsonl" "$month/$1"
    sed "s|{path: copy.train.jsonl|{path: \"$2\"|" "$month/lora.yaml" >"$month/bad.yaml"
    named=$1
    shift 2
    unpackable "bad.yaml:19:8: 'data.sources.0.path': " "$@"
    expect_err "hint: a release holds it by that name: rename it"
    rm "$month/$named"
}
named 'rows.jsonl ' 'rows.jsonl ' "'$month/rows.jsonl '" "a space at the end"
named 'ro\ws.jsonl' 'ro\\\\ws.jsonl' "has a backslash"
named "$(printf 'ro\nws.jsonl')" 'ro\\nws.jsonl' "a control character at byte 13"
mkdir "$month/rows"
cp "$month/copy.train.jsonl" "$month/rows/a.jsonl"
named rows/A.jsonl rows "'sources/1/rows/A.jsonl' and 'sources/1/rows/a.jsonl' differ by case alone"
named rows/a.jsonl 'row*//a.jsonl' "an empty part"
cp "$month/copy.train.jsonl" "$month/rows/a.jsonl"
sed 's|{path: copy.train.jsonl|{path: rows/.|' "$month/lora.yaml" >"$month/bad.yaml"
run "$COTRAIN" recipe check "$month/bad.yaml"
expect_rc 0
rm -r "$month/rows"
cp "$month/copy.cases.jsonl" "$month/cases "
sed 's/cases: copy.cases.jsonl/cases: "cases "/' "$month/lora.yaml" >"$month/bad.yaml"
unpackable "bad.yaml:9:5: 'requests.0.cases': " "a space at the end"
sed 's/name: Tiny,/name: " Tiny",/' "$month/lora.yaml" >"$month/bad.yaml"
unpackable "bad.yaml:25:11: release name: " "a space at the end"
sed "s/name: Tiny,/name: $(printf 'T%.0s' $(seq 201)),/" "$month/lora.yaml" >"$month/bad.yaml"
unpackable "bad.yaml:25:11: " "201 bytes is over 200"
sed 's/gguf-q8_0/gguf-f16/' "$month/lora.yaml" >"$month/bad.yaml"
unpackable "bad.yaml:26:11: format 'gguf-f16' stands there twice"
sed 's/name: Tiny,/name: Tiny, previous: model,/' "$month/lora.yaml" >"$month/bad.yaml"
unpackable "bad.yaml:25:23: release.previous '$month/model'" "is no release"
cp "$month/lora.yaml" "$month/bad.yaml"
beside() { # beside FILE TEXT...: a file of the base's folder
    echo '[]' >"$month/model/$1"
    beside=$1
    shift
    unpackable "bad.yaml:4:14: base model '$month/model': " "$@"
    rm "$month/model/$beside"
}
beside readme.md "'readme.md' would stand in the way of the release's own 'README.md'"
beside gguf "'gguf' would stand in the way of the release's own 'gguf'"
beside 'code.py ' "a space at the end"
beside tokenizer_config.json "tokenizer_config.json' is no JSON object"
: >"$month/model/License" && : >"$month/model/LICENSE"
unpackable "'LICENSE' and 'License' differ by case alone"
rm "$month/model/License" "$month/model/LICENSE"
mkfifo "$month/model/code.py"
faulty 1 "model/code.py' is not a regular file" -- timeout 60 "$COTRAIN" run "$month/lora.yaml" --work "$work"
rm "$month/model/code.py"
# Where it would lie is somebody's folder; a release before it that was damaged since.
mkdir -p "$scratch/elsewhere/release/Tiny"
faulty 1 "elsewhere/release/Tiny' exists already" -- "$COTRAIN" run "$month/lora.yaml" \
    --work "$scratch/elsewhere"
cp -r "$work/release/Tiny" "$scratch/before.release"
echo >>"$scratch/before.release/config.json"
faulty 3 "release.previous '$scratch/before.release': 'config.json' has been changed" -- \
    "$COTRAIN" run "$month/lora.yaml" --work "$scratch/elsewhere" \
    --set release.previous="$scratch/before.release" --set release.name=Other
check "nothing was begun" [ ! -e "$scratch/elsewhere/data" ]

# Rows: an empty file, no rows at all, a row that is no JSON, invalid UTF-8, a wrong shape, too long.
rows() { # rows TEXT: the recipe bad.yaml with these rows in the place of copy.train.jsonl
    printf "$1" >"$month/rows.jsonl"
    sed 's/copy.train.jsonl/rows.jsonl/' "$month/lora.yaml" >"$month/bad.yaml"
}
good='{"instruction": "copy ab", "output": "ab"}\n'
rows ''
bad_run "$month/bad.yaml" "rows.jsonl"
rows "$good{\"instruction\": \"copy\n"
bad_run "$month/bad.yaml" "rows.jsonl" "line 2"
rows "$good{\"instruction\": \"copy \377\", \"output\": \"x\"}\n"
bad_run "$month/bad.yaml" "rows.jsonl" "line 2" "UTF-8"
rows "$good$good{\"instruction\": \"copy ab\"}\n"
bad_run "$month/bad.yaml" "rows.jsonl" "line 3"
rows "$good{\"instruction\": \"copy ab\", \"output\": 7}\n"
bad_run "$month/bad.yaml" "rows.jsonl" "line 2"
rows "$good{\"instruction\": \"copy $(printf 'ab%.0s' $(seq 60))\", \"output\": \"ab\"}\n"
bad_run "$month/bad.yaml" "rows.jsonl" "line 2" "64"
rows '{"messages": [{"role": "user", "content": "copy a"}]}\n'
sed -i 's/rows.jsonl, format: alpaca/rows.jsonl, format: messages/' "$month/bad.yaml"
bad_run "$month/bad.yaml" "rows.jsonl" "line 1" "assistant"
rows '{"instruction": "copy ab", "output": ""}\n'
bad_run "$month/bad.yaml" "rows.jsonl" "line 1" "answer is empty"
faulty 1 "no row to use" -- "$COTRAIN" run "$month/lora.yaml" --work "$scratch/short" \
    --set train.sequence_len=4 --set train.overlong=drop
sed '/^  sources:/,/^    - {path: turn/d; s/^data:/data: {validation: 0.0}/; /^  validation: 0.1/d; /examples:/d; /cases:/d' \
    "$month/lora.yaml" >"$month/bad.yaml"
bad_run "$month/bad.yaml" "tiny/requests#1@1" "no rows"

# Weights: no file, cut off, a header that lies about its length, a tensor outside the file, a wrong
# shape, a vocabulary smaller than the tokenizer's ids.
rm "$month/model/model.safetensors"
bad_run "$month/lora.yaml" "model.safetensors"
head -c 100 "$scratch/model.kept" >"$month/model/model.safetensors"
bad_run "$month/lora.yaml" "model.safetensors"
head -c 100000 "$scratch/model.kept" >"$month/model/model.safetensors"
bad_run "$month/lora.yaml" "model.safetensors"
: >"$month/model/model.safetensors"
bad_run "$month/lora.yaml" "model.safetensors"
restore
printf '\377\377\377\377\377\377\377\177' |
    dd of="$month/model/model.safetensors" conv=notrunc bs=1 2>/dev/null
bad_run "$month/lora.yaml" "model.safetensors"
restore
LC_ALL=C sed -i 's/"data_offsets": \[0,/"data_offsets": [8,/' "$month/model/model.safetensors"
cmp -s "$scratch/model.kept" "$month/model/model.safetensors" && failed "an offset changes"
bad_run "$month/lora.yaml" "model.safetensors"
restore
cp "$month/model/config.json" "$scratch/config.kept"
sed -i 's/"vocab_size": *[0-9]*/"vocab_size": 24/' "$month/model/config.json"
bad_run "$month/lora.yaml" "model"
sed 's/"intermediate_size": *[0-9]*/"intermediate_size": 60/' "$scratch/config.kept" \
    >"$month/model/config.json"
bad_run "$month/lora.yaml" "model.safetensors" "mlp"
echo '{"hidden_size": ' >"$month/model/config.json"
bad_run "$month/lora.yaml" "config.json"
cp "$scratch/config.kept" "$month/model/config.json"
cp "$month/model/tokenizer.model" "$scratch/tokenizer.kept"
head -c 50 "$scratch/tokenizer.kept" >"$month/model/tokenizer.model"
bad_run "$month/lora.yaml" "tokenizer.model"
cp "$scratch/tokenizer.kept" "$month/model/tokenizer.model"

# A tokenizer of another model: with more ids than rows, or with other special tokens.
unfit() { # unfit TEXT...: every command that brings the two together refuses them
    bad_run "$month/lora.yaml" "$month/model" "$@"
    faulty 1 "$month/model" "$@" -- "$COTRAIN" data build "$month/lora.yaml" --out "$scratch/unfit"
    faulty 1 "$month/model" "$@" -- "$COTRAIN" train "$month/lora.yaml" --work "$scratch/unfit"
    faulty 1 "$month/model" "$@" -- "$COTRAIN" generate --model "$month/model" --prompt a
    faulty 1 "$month/model" "$@" -- "$COTRAIN" chat --model "$month/model"
    faulty 1 "$month/model" "$@" -- "$COTRAIN" eval run --recipe "$month/lora.yaml"
    faulty 1 "$month/model" "$@" -- "$COTRAIN" model merge --model "$month/model" \
        --adapter "$work/train/adapter" --out "$scratch/merged" --prompts "$scratch/prompts"
    faulty 1 "$month/model" "$@" -- "$COTRAIN" model convert --model "$month/model" \
        --out "$scratch/unfit.gguf" --format gguf
}
echo '{"text": "copy ab"}' >"$scratch/prompts"
cp "$SOURCE_DIR/models/nano/tokenizer.model" "$month/model/tokenizer.model"
unfit "the tokenizer has 1024 ids (1008 pieces, the others added)" "embedding 384 rows"
cp "$scratch/tokenizer.kept" "$month/model/tokenizer.model"
sed 's/"eod_token": *[0-9]*/"eod_token": 5/' "$scratch/config.kept" >"$month/model/config.json"
unfit "<eod> is 5 in config.json and"
sed 's/"pad_token_id": *[0-9]*/"pad_token_id": 6/' "$scratch/config.kept" >"$month/model/config.json"
unfit "<pad> is 6 in config.json and"
cp "$scratch/config.kept" "$month/model/config.json"

# Weights that are no numbers; numbers that training itself blows up: the run stops and names step and
# samples, and the checkpoint of the step before stays and is whole.
printf '\000\000\300\177' >"$scratch/nan"
size=$(wc -c <"$month/model/model.safetensors")
dd if="$scratch/nan" of="$month/model/model.safetensors" conv=notrunc bs=1 seek=$((size - 4)) 2>/dev/null
faulty 1 "not finite" -- "$COTRAIN" run "$month/lora.yaml" --work "$scratch/nan.work"
restore
faulty 1 "stage 'train'" "step" "not finite" "copy.train.jsonl line" -- "$COTRAIN" run "$month/full.yaml" \
    --work "$scratch/wild" --set train.learning_rate=10 --set train.weight_decay=1 \
    --set train.max_steps=60 --set train.save_steps=1 --set train.lr_scheduler=constant
step=$(sed -n 's/.*step \([0-9]*\): .*not finite.*/\1/p' "$scratch/err")
check "a checkpoint of the step before" [ -f "$scratch/wild/train/checkpoint-$((step - 1))/state.json" ]
check "no checkpoint of the step" [ ! -e "$scratch/wild/train/checkpoint-$step" ]

# Afterwards the good recipe finds everything up to date.
run "$COTRAIN" run "$month/lora.yaml" --work "$work"
expect_rc 0
expect_out "up to date"
finish
