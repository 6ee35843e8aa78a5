#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plans for a GPU: made without one and without weights, for the published shapes; refused with what would
# fit; and, on the emulator, what a run really asks for is the plan: one allocation on the GPU, one of pinned
# memory where states or layers are offloaded, and the backend's own ring of pinned pieces.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
month=$scratch/month
value() { # value FILE EXPRESSION: of a plan as JSON
    /usr/bin/python3 -c "import json, sys; p = json.load(open(sys.argv[1])); print($2)" "$1"
}
expect_value() { # expect_value FILE CONDITION
    if [ "$(value "$1" "$2")" = True ]; then passed; else failed "$1: $2 wanted"; fi
}

# ---- neither a GPU nor a library ----
unset COTRAIN_CUDA_LIBRARY
if [ ! -e /proc/driver/nvidia/version ]; then
    run "$COTRAIN" plan "$month/lora.yaml" --device cuda
    expect_rc 1
    expect_one_error "what the GPU has left is not known: no NVIDIA driver"
    expect_err "hint: --memory 80GB"
    run "$COTRAIN" train "$month/lora.yaml" --work "$scratch/no" --device cuda
    expect_rc 1
    expect_err "no NVIDIA driver on this machine"
    expect_err "hint: train on the processor"
fi
plan() { # plan RECIPE PRESET ARGUMENT...: as JSON in $scratch/out
    local recipe=$1 preset=$2
    shift 2
    run "$COTRAIN" plan "$month/$recipe.yaml" --device cuda --preset "$preset" --json \
        --set train.sequence_len=4096 --set adapter.lora_dropout=0 "$@"
}
rows="sum(r['bytes'] for r in p['rows'] if r['kind'] not in ('host', 'mapped'))"
for size in 2b 51b 102b; do
    plan lora yuan2-$size --memory 80GB --set train.weight_dtype=nf4
    expect_value "$scratch/out" "p['mapped_bytes'] == 0 and 0 <= p['total_bytes'] - $rows < 64 * len(p['rows'])"
    expect_value "$scratch/out" "p['device_bytes'] == p['total_bytes'] + p['program_bytes']"
    expect_value "$scratch/out" "p['fits'] == ($rc == 0)"
done
plan lora yuan2-2b --memory 80GB
expect_rc 0
plan full yuan2-2b --memory 80GB --set train.optimizer=adamw_8bit
expect_rc 0
whole=$(value "$scratch/out" "p['total_bytes']")
plan full yuan2-2b --memory 80GB --set train.optimizer=adamw_8bit --set train.offload=optimizer
expect_rc 0
expect_value "$scratch/out" "4000 << 20 < p['host_bytes'] < 4100 << 20 and p['total_bytes'] < $whole - p['host_bytes'] + (32 << 20)"
# Streamed layers: the 51.8B model in 4 bits on a GPU of 24 GB.
plan lora yuan2-51b --memory 24GB --set train.weight_dtype=nf4 --set train.offload=layers --set train.sequence_len=1024
expect_rc 0
expect_value "$scratch/out" "p['host_bytes'] > 20 << 30 and p['device_bytes'] <= 24e9"
expect_value "$scratch/out" "not p['evaluation']['fits'] and p['most_bytes'] > 90e9"
plan lora yuan2-51b --memory 24GB --set train.weight_dtype=nf4 --set train.sequence_len=1024
expect_rc 1
expect_err "--memory allows 24000000000"
# A context longer than the model's.
plan lora yuan2-51b --memory 80GB --set train.isolate=none --set train.sequence_len=8192
expect_rc 1
expect_one_error "a row has 8192 tokens, and the model 4096 positions"
# A folder without weights: the tokenizer counts evaluation's texts.
mkdir "$scratch/config"
cp "$month/model/config.json" "$month/model/tokenizer.model" "$scratch/config/"
run "$COTRAIN" plan "$month/lora.yaml" --device cuda --memory 1GiB --json
cp "$scratch/out" "$scratch/with.json"
run "$COTRAIN" plan "$month/lora.yaml" --device cuda --memory 1GiB --json --set "base_model.path=$scratch/config"
expect_rc 0
expect_same "$scratch/out" "$scratch/with.json"

# ---- what a run asks for ----
. "$(dirname "$0")/cuda.sh"
ring=16777216 # compute/cuda/memory.c
for device in f32 bf16; do
    for settings in "lora" "full" "lora train.weight_dtype=nf4" "lora train.offload=all" \
        "full train.optimizer=adamw_8bit train.offload=optimizer" "lora train.recompute=all"; do
        recipe=${settings%% *}
        sets=$(echo " ${settings#$recipe}" | sed 's/ \([a-z]\)/ --set \1/g')
        rm -f "$scratch/trace"
        rm -rf "$scratch/work"
        EMU_TRACE=$scratch/trace run "$COTRAIN" train "$month/$recipe.yaml" --work "$scratch/work" \
            --device cuda:$device --set train.max_steps=2 $sets
        expect_rc 0
        [ "$rc" = 0 ] || continue
        plan=$scratch/work/train/plan.json
        # Measuring the speed takes and gives back two, before the plan; the plan is all that comes after.
        sed -n 's/^cudaMalloc //p' "$scratch/trace" | tail -1 >"$scratch/asked"
        value "$plan" "p['total_bytes']" >"$scratch/wanted"
        expect_same "$scratch/asked" "$scratch/wanted"
        check "one allocation beside the measurement's two: $settings" \
            [ "$(grep -c '^cudaMalloc ' "$scratch/trace")" -le 3 ]
        sed -n 's/^cudaMallocHost //p' "$scratch/trace" | sort -u >"$scratch/asked"
        value "$plan" "'\n'.join(str(n) for n in {$ring, p.get('host_bytes', $ring)})" | sort -u >"$scratch/wanted"
        expect_same "$scratch/asked" "$scratch/wanted"
    done
done
finish
