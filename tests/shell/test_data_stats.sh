#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cotrain data stats on the command line: the report of a recipe and of a dataset are the same, limits of
# the recipe stop a build and a run with exit code 3 and name the rows, and nothing is left behind.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
"$SOURCE_DIR/tests/shell/tiny_month.py" month || exit 1
recipe=month/lora.yaml
{
    echo '{"instruction": "copy this", "output": "one"}'
    echo '{"instruction": "Copy  this!", "output": "two"}'
    echo '{"instruction": "copy this", "output": "one"}'
    echo '{"instruction": "who", "output": "write to li.wei@inspur-mail.cn (or"}'
} >>month/copy.train.jsonl

mkdir tmp
run env TMPDIR="$scratch/tmp" "$COTRAIN" data stats $recipe --worst 2
expect_rc 0
expect_out "duplicates                 1"
expect_out "conflicts                  3"
expect_out "another answer to the prompt of copy.train.jsonl line"
expect_out "write to l****"
expect_no_out "li.wei"
expect_out "overlong                   0"
check "nothing is left behind" test -z "$(ls tmp)"

run "$COTRAIN" data build $recipe --out set
expect_rc 0
check "the report is part of the dataset" grep -q '"lint.json"' set/manifest.json
run "$COTRAIN" data stats set --json
cp "$scratch/out" whole.json
expect_same whole.json set/lint.json
run "$COTRAIN" data stats set --worst 0
expect_rc 0
expect_no_out "copy.train.jsonl line"

run "$COTRAIN" data stats $recipe --set data.lint.conflicts=0.01 \
    --set data.lint.personal=0.5
expect_rc 3
expect_one_error "lint 'conflicts': 3 of"
expect_err "more than 0.01: copy.train.jsonl line"
expect_no_err "personal"
expect_out "conflicts                  3" # the report comes all the same
run "$COTRAIN" data build $recipe --out other --set data.lint.conflicts=0
expect_rc 3
check "nothing half-written" test ! -e other -a ! -e other.tmp-build
run "$COTRAIN" data build $recipe --out set --set data.lint.overlong=0 --set train.sequence_len=12
expect_rc 3
expect_one_error "lint 'overlong'"
run "$COTRAIN" run $recipe --work work --set data.lint.license=0
expect_rc 3
expect_err "lint 'license': 2 of"
check "nothing is trained" test ! -e work/checkpoints -a ! -e work/model
# Limits are held against a dataset that is there already, and again when what they ask changes.
run "$COTRAIN" run $recipe --work work --set data.lint.license=0.5 --set data.lint.overlong=0
expect_rc 0
run "$COTRAIN" run $recipe --work work --set data.lint.license=0.01 --set data.lint.overlong=0
expect_rc 3
expect_err "lint 'license'"
run "$COTRAIN" run $recipe --work work --set data.lint.license=0.5 --set data.lint.overlong=0 \
    --set train.sequence_len=20
expect_rc 3
expect_err "lint 'overlong'"
run "$COTRAIN" recipe check $recipe --set data.lint.duplicate=0.1
expect_rc 2
expect_err "no lint is called 'duplicate'"
expect_err "did you mean 'duplicates'?"
printf 'abba\n' >words.txt
run "$COTRAIN" data stats $recipe --set data.sensitive_words="$scratch/words.txt"
expect_out "'abba'"
run "$COTRAIN" data stats nowhere
expect_rc 1
finish
