#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `cotrain train` and `run` on the emulated GPU: LoRA, QLoRA and full; resumed runs and offloaded ones have the
# digests of those that went through; losses are near the processor's.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cuda.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
month=$scratch/month
train() { # train RECIPE WORK [ARGUMENT...]
    local recipe=$1 work=$2
    shift 2
    run "$COTRAIN" train "$month/$recipe.yaml" --work "$scratch/$work" --set train.max_steps=4 "$@"
    expect_rc 0
}
numbers() { # numbers WORK: its record, without the time
    sed 's/,"tokens_per_second.*//' "$scratch/$1/train/run.jsonl" >"$scratch/$1.numbers"
}
expect_same_run() {
    numbers "$1"
    numbers "$2"
    expect_same "$scratch/$1.numbers" "$scratch/$2.numbers"
    expect_same "$scratch/$1/train/merged/model.safetensors" "$scratch/$2/train/merged/model.safetensors"
}
expect_near() { # expect_near WORK WORK DISTANCE: of the losses, step by step
    check "losses of $1 and $2 within $3" /usr/bin/python3 - "$scratch/$1/train/run.jsonl" "$scratch/$2/train/run.jsonl" "$3" <<'END'
import json, sys
a, b = ([json.loads(line)["loss"] for line in open(path)] for path in sys.argv[1:3])
sys.exit(not (len(a) == len(b) == 4 and max(abs(x - y) for x, y in zip(a, b)) <= float(sys.argv[3])))
END
}
for settings in "lora" "full" "lora train.weight_dtype=nf4" "lora adapter.type=dora train.weight_dtype=int8" \
    "full train.optimizer=adamw_8bit train.trained_weight_dtype=bf16 train.gradient_dtype=bf16"; do
    recipe=${settings%% *}
    sets=$(echo " ${settings#$recipe}" | sed 's/ \([a-z]\)/ --set \1/g')
    rm -rf "$scratch"/cpu "$scratch"/f32* "$scratch"/bf16*
    train $recipe cpu --device cpu $sets
    train $recipe f32 --device cuda:f32 $sets
    expect_near cpu f32 2e-3
    train $recipe bf16 --device cuda $sets
    expect_near cpu bf16 0.1
    # On to step 4 from a checkpoint at step 2; and with what can be on the host there.
    cp -r "$scratch/bf16" "$scratch/bf16.again"
    rm -rf "$scratch/bf16.again/train/checkpoint-4" "$scratch/bf16.again/train/merged" "$scratch/bf16.again/train/adapter"
    train $recipe bf16.again --device cuda $sets --resume
    expect_same_run bf16 bf16.again
    train $recipe bf16.off --device cuda $sets --set train.offload=all
    expect_same_run bf16 bf16.off
done
EMU_PROTECT=1 EMU_STREAMS=random EMU_ORDER=random train lora bf16.protected --device cuda --set train.offload=all
rm -rf "$scratch/bf16"
train lora bf16 --device cuda
expect_same_run bf16 bf16.protected

run "$COTRAIN" run "$month/lora.yaml" --work "$scratch/chain" --device cuda --set train.max_steps=4
expect_rc 0
check "a release" [ -s "$scratch/chain/release/Tiny/RELEASE" ]

# The sample month's chain with a shortened schedule, and its training beside the processor's.
set -- "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" --set train.max_steps=4 --set train.sequence_len=128 \
    --set train.gradient_accumulation_steps=1 --set eval.limit=1 --set eval.max_new_tokens=8 \
    --set 'eval.gates.requests=>= 0'
run "$COTRAIN" run "$@" --work "$scratch/sample" --device cuda
expect_rc 0
run "$COTRAIN" train "$@" --work "$scratch/sample.cpu" --device cpu
expect_rc 0
expect_near sample.cpu sample 0.05
run "$COTRAIN" release verify "$scratch/sample/release/nano-month"
expect_rc 0
finish
