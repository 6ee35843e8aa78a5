#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checkpoints that cannot be trusted: each damage that tests/shell/damage.py makes is refused by every
# command that opens a checkpoint, with exit code 1 and one error that names file and tensor (or key),
# before anything is computed: no result on stdout, no file left behind, and the checkpoint as it was.
. "$(dirname "$0")/lib.sh"

cat >"$scratch/config.json" <<'END'
{"model_type": "yuan", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
 "num_attention_heads": 2, "max_position_embeddings": 32, "eod_token": 3, "sep_token": 4}
END
good=$scratch/good
bad=$scratch/bad
mkdir "$scratch/written"
run "$COTRAIN" model init --config "$scratch/config.json" --out "$good" --dtype f32
expect_rc 0
run "$SOURCE_DIR/tests/shell/damage.py" "$good" "$bad"
expect_rc 0
sums() {
    (cd "$bad" && find . -type f -exec sha256sum {} + | sort -k2)
}
sums >"$scratch/before"

# open_with COMMAND MODEL: runs a command that opens a checkpoint.
commands="info probe generate convert"
open_with() {
    case $1 in
    info) run "$COTRAIN" model info "$2" ;;
    probe) run "$COTRAIN" model probe --model "$2" --batch "$bad/batch.safetensors" \
        --out "$scratch/written/probe.safetensors" ;;
    convert) run "$COTRAIN" model convert --model "$2" --format gguf --out "$scratch/written/model.gguf" ;;
    generate) run "$COTRAIN" generate --model "$2" --prompt-ids 1,2 --max-new-tokens 2 ;;
    esac
}
# refused TEXT...: the last run said exactly one error, which holds every TEXT, and nothing else.
refused() {
    local said wanted
    said=$(<"$scratch/err")
    expect_rc 1
    [[ $said == "cotrain: "* && ${said/$'\nhint: '/} != *$'\n'* ]] || failed "one error wanted"
    for wanted in "$@"; do
        if [[ $said == *"$wanted"* ]]; then passed; else failed "an error with '$wanted' wanted"; fi
    done
    if [ -s "$scratch/out" ]; then failed "nothing on stdout wanted"; else passed; fi
}

n_cases=0
while IFS=$'\t' read -r name texts; do
    IFS=$'\t' read -r -a wanted <<<"$texts"
    for command in $commands; do
        open_with "$command" "$bad/$name"
        refused "${wanted[@]}"
    done
    n_cases=$((n_cases + 1))
done <"$bad/cases"
check "all cases were run" test "$n_cases" -ge 84
check "no pickle ran a command" test ! -e "$bad/created"
check "nothing was written" test -z "$(ls "$scratch/written")"
sums >"$scratch/after"
expect_same "$scratch/before" "$scratch/after"

# It was the damage: with good checkpoints, the ones that were damaged, the commands work.
for model in "$good" "$bad/good_pickle"; do
    for command in $commands; do
        open_with "$command" "$model"
        expect_rc 0
    done
    check "probe and GGUF are written" test "$(ls "$scratch/written" | wc -l)" = 2
    rm -r "$scratch/written"
    mkdir "$scratch/written"
done
finish
