#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `cotrain train`, `plan` and `model merge` over a tiny month: threads and micro-batches show in no bit,
# a run that ran out of disk or was told to stop goes on to the same end, a folder that holds another
# run is left as it is, and a merge by hand equals the one that training leaves.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
month=$scratch/month

train() { # train RECIPE WORK [ARGUMENT...]
    local recipe=$1 work=$2
    shift 2
    run "$COTRAIN" train "$month/$recipe.yaml" --work "$scratch/$work" "$@"
}
sums() { # sums WORK: of everything in its training folder but the timings and what is of the machine
    (cd "$scratch/$1/train" && sed 's/,"tokens_per_second.*//' run.jsonl | sha256sum &&
        find . -type f ! -name run.jsonl ! -name plan.json ! -name 'trainer_*' -exec sha256sum {} + | sort)
}
expect_same_run() { # expect_same_run WORK WORK
    sums "$1" >"$scratch/one.sums"
    sums "$2" >"$scratch/two.sums"
    expect_same "$scratch/one.sums" "$scratch/two.sums"
}
expect_steps() { # expect_steps WORK N: run.jsonl has each step once
    sed 's/^{"step":\([0-9]*\),.*/\1/' "$scratch/$1/train/run.jsonl" >"$scratch/steps"
    seq 1 "$2" >"$scratch/wanted.steps"
    expect_same "$scratch/steps" "$scratch/wanted.steps"
}

for recipe in lora full; do
    train $recipe $recipe.one --threads 1 --json
    expect_rc 0
    expect_out '"n_steps": 8'
    expect_steps $recipe.one 8
    train $recipe $recipe.two --threads 2
    expect_rc 0
    expect_same_run $recipe.one $recipe.two

    # Not without --resume, and nothing is touched; with it there is nothing left to do.
    sums $recipe.two >"$scratch/before.sums"
    train $recipe $recipe.two
    expect_rc 1
    expect_err "holds a run already"
    train $recipe $recipe.two --resume --set train.seed=4
    expect_rc 1
    expect_err "checkpoint-8"
    sums $recipe.two >"$scratch/after.sums"
    expect_same "$scratch/before.sums" "$scratch/after.sums"
    train $recipe $recipe.two --resume
    expect_rc 0
    expect_same_run $recipe.one $recipe.two

    # The disk fills up while a checkpoint is written: found by going through a checkpoint's operations.
    train $recipe $recipe.full --threads 1 --set train.save_steps=2
    expect_rc 0
    checked=0
    for n in $(seq 40 7 200); do
        rm -rf "$scratch/$recipe.disk"
        COTRAIN_FAULT=io:$n train $recipe $recipe.disk --threads 1
        [ "$rc" = 1 ] && grep -q "checkpoint '" "$scratch/err" || continue
        checked=$((checked + 1))
        expect_err "No space left"
        train $recipe $recipe.disk --threads 1 --resume
        expect_rc 0
        expect_steps $recipe.disk 8
        expect_same_run $recipe.one $recipe.disk
        [ $checked -lt 3 ] || break
    done
    if [ $checked = 3 ]; then passed; else failed "three checkpoints cut short wanted, not $checked"; fi
done

# Rows of a step cut otherwise: the settings differ, and so do their digests, but no number does.
train lora cut --set train.micro_batch_size=4 --set train.gradient_accumulation_steps=1
expect_rc 0
for work in lora.one cut; do
    sed 's/.*"loss":\([^,]*\),"grad_norm":\([^,]*\),.*"update":\("[^"]*"\).*/\1 \2 \3/' \
        "$scratch/$work/train/run.jsonl" >"$scratch/$work.numbers"
done
expect_same "$scratch/lora.one.numbers" "$scratch/cut.numbers"
expect_same "$scratch/lora.one/train/merged/model.safetensors" "$scratch/cut/train/merged/model.safetensors"

# Told to stop, it stops at a checkpoint (75) and goes on from there.
train lora stopped --threads 1 --set train.max_steps=400
expect_rc 0
"$COTRAIN" train "$month/lora.yaml" --work "$scratch/again" --threads 1 --set train.max_steps=400 \
    >"$scratch/out" 2>"$scratch/err" </dev/null &
pid=$!
while kill -0 $pid 2>/dev/null && [ ! -s "$scratch/again/train/run.jsonl" ]; do :; done
kill -TERM $pid 2>/dev/null
wait $pid
rc=$?
if [ $rc = 75 ]; then
    expect_err "stopped after step"
else
    expect_rc 0 # it was through before the signal came
fi
train lora again --threads 1 --set train.max_steps=400 --resume
expect_rc 0
expect_same_run stopped again

# Validation losses where they were asked for; they show in no number.
train lora validated --set train.eval_steps=3
expect_rc 0
[ "$(grep -c '"eval_loss"' "$scratch/validated/train/run.jsonl")" = 3 ] && passed ||
    failed "validation after steps 3, 6 and 8 wanted"
expect_same "$scratch/lora.one/train/merged/model.safetensors" "$scratch/validated/train/merged/model.safetensors"
expect_same "$scratch/lora.one/train/result.json" "$scratch/validated/train/result.json"

# A merge by hand, and the plan.
run "$COTRAIN" model merge --model "$month/model" --adapter "$scratch/lora.one/train/adapter" \
    --out "$scratch/merged"
expect_rc 0
check "same folder as training left" diff -r "$scratch/merged" "$scratch/lora.one/train/merged"
run "$COTRAIN" model merge --model "$month/model" --adapter "$scratch/lora.one/train/adapter" \
    --out "$scratch/merged"
expect_rc 1
expect_one_error "is there already"
run "$COTRAIN" plan "$month/full.yaml" --json
expect_rc 0
expect_out '"total_bytes"'
expect_out '"kind": "optimizer"'
run "$COTRAIN" plan "$month/lora.yaml"
expect_rc 0
expect_out "in one allocation"
finish
