#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Methods of training as a user meets them: `cotrain list methods`, spellings of other trainers, patterns
# that match nothing, the memory that frozen parameters save, and a run with several methods at once whose
# result is the same with any number of threads, and which leaves frozen weights as they were.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
month=$scratch/month

run "$COTRAIN" list methods
expect_rc 0
for name in full freeze loraplus neftune lora bf16_gradients optimizer_in_backward; do expect_out "$name "; done
expect_out "train.loraplus_lr_ratio"

# Other spellings are taken and said; a wrong one gets its nearest name.
run "$COTRAIN" recipe check "$month/full.yaml" --set train.unfrozen_parameters=mlp \
    --set train.neftune_alpha=5 --set train.freeze_trainable_layers=1
expect_rc 0
expect_out "'unfrozen_parameters' is read as 'train_only'"
expect_out "'neftune_alpha' is read as 'neftune_noise_alpha'"
expect_out "'freeze_trainable_layers' is read as 'trainable_layers'"
run "$COTRAIN" plan "$month/full.yaml" --set train.freeze=layer.0
expect_rc 1
expect_one_error "did you mean 'layers.0'?"
run "$COTRAIN" plan "$month/full.yaml" --set train.loraplus_lr_ratio=16
expect_rc 1
expect_one_error "there is no adapter"

# What is not given stands in no resolved recipe.
run "$COTRAIN" recipe show "$month/lora.yaml"
expect_rc 0
expect_no_out "neftune"
run "$COTRAIN" recipe show "$month/lora.yaml" --set train.neftune_noise_alpha=5 --set train.freeze=lora_A
expect_rc 0
expect_out "neftune_noise_alpha: 5.0"
expect_out "freeze: [lora_A]"

bytes() { # bytes KIND: of the last plan
    sed -n "s/^$1 *\([0-9.]*\) MiB.*/\1/p" "$scratch/out"
}
run "$COTRAIN" plan "$month/full.yaml"
all=$(bytes gradients)
run "$COTRAIN" plan "$month/full.yaml" --set train.trainable_layers=1
expect_rc 0
expect_out "in 14 tensors"
check "fewer gradients than $all MiB wanted" awk "BEGIN {exit !($(bytes gradients) < $all)}"

# Gradients in 16 bits, or none: less in the plan, and what cannot be is refused with what to change.
for_backward="--set train.optimizer_in_backward=true --set train.max_grad_norm=0"
once="--set train.gradient_accumulation_steps=1 --set train.max_grad_norm=0"
run "$COTRAIN" plan "$month/full.yaml" --set train.gradient_dtype=bf16
expect_rc 0
check "fewer gradients than $all MiB wanted" awk "BEGIN {exit !($(bytes gradients) < $all)}"
run "$COTRAIN" plan "$month/full.yaml" --set train.gradient_dtype=fp8
expect_rc 1
expect_one_error "'fp8' is none of f32,bf16"
run "$COTRAIN" plan "$month/full.yaml" --set train.optimizer_in_bwd=true
expect_rc 1
expect_one_error "'optimizer_in_backward' with 'max_grad_norm' 1"
expect_err "set train.max_grad_norm: 0"
run "$COTRAIN" plan "$month/full.yaml" $for_backward --set train.gradient_accumulation_steps=2
expect_rc 1
expect_one_error "'optimizer_in_backward' with 'gradient_accumulation_steps' 2"
run "$COTRAIN" plan "$month/lora.yaml" $for_backward --set train.gradient_accumulation_steps=1
expect_rc 1
expect_one_error "no parameter of the model is trained"
run "$COTRAIN" train "$month/full.yaml" --work "$scratch/kept" $once
expect_rc 0
run "$COTRAIN" train "$month/full.yaml" --work "$scratch/taken" $once --set train.optimizer_in_bwd=true
expect_rc 0
expect_err "'optimizer_in_bwd' is read as 'optimizer_in_backward'"
expect_same "$scratch/taken/train/merged/model.safetensors" "$scratch/kept/train/merged/model.safetensors"

sums() { # sums PLAN.json: bytes of the kinds that no row's length changes
    /usr/bin/python3 - "$@" <<'END'
import json, sys

kinds = {}
for row in json.load(open(sys.argv[1]))["rows"]:
    kinds[row["kind"]] = kinds.get(row["kind"], 0) + row["bytes"]
print({kind: kinds.get(kind, 0) for kind in ("weights", "adapter", "gradients", "optimizer", "mapped")})
END
}

# Weights in 16 bits and states in 8: less memory; what cannot be is refused.
share() { # share KIND: of a kind's bytes, with 16 and 8 bits over without
    /usr/bin/python3 -c "a, b = $(cat "$scratch/sums.f32"), $(cat "$scratch/sums.small"); print(b['$1'] / a['$1'])"
}
"$COTRAIN" plan "$month/full.yaml" --json >"$scratch/plan.json"
sums "$scratch/plan.json" >"$scratch/sums.f32"
run "$COTRAIN" plan "$month/full.yaml" --json --set train.optimizer=adamw_8bit --set train.trained_weight_dtype=bf16
expect_rc 0
sums "$scratch/out" >"$scratch/sums.small"
check "states in fewer bytes, though most here are too small" awk "BEGIN {exit !($(share optimizer) < 0.8)}"
check "weights in about half of the bytes" awk "BEGIN {exit !($(share weights) < 0.6)}"
run "$COTRAIN" plan "$month/full.yaml" --set train.trained_weight_dtype=nf4
expect_rc 1
expect_one_error "'nf4' is none of f32,bf16"
run "$COTRAIN" plan "$month/lora.yaml" --set train.trained_weight_dtype=bf16
expect_rc 1
expect_one_error "'trained_weight_dtype' is given, and no parameter of the model is trained"
run "$COTRAIN" train "$month/full.yaml" --work "$scratch/small" --set train.optimizer=adamw_8bit \
    --set train.trained_weight_dtype=bf16
expect_rc 0
same_values() { # same_values CHECKPOINT MODEL: what was held in bf16 is what the model has in fp32
    /usr/bin/python3 - "$@" <<'END'
import glob, json, sys
import numpy as np

def tensors(path):
    data = open(path, "rb").read()
    n = int.from_bytes(data[:8], "little")
    for name, t in json.loads(data[8 : 8 + n]).items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            yield name, t["dtype"], data[8 + n + a : 8 + n + b]

held = {name: (dtype, raw) for name, dtype, raw in tensors(glob.glob(sys.argv[1])[0])}
narrow = 0
for name, dtype, raw in tensors(sys.argv[2]):
    kind, was = held[name]
    if kind == "BF16":
        narrow += 1
        was = (np.frombuffer(was, "<u2").astype("<u4") << 16).tobytes()
    assert dtype == "F32" and was == raw, name
print(narrow, "of", len(held))
END
}
run same_values "$scratch/small/train/checkpoint-*/model.safetensors" "$scratch/small/train/merged/model.safetensors"
expect_rc 0
expect_out "19 of 30" # all but norms and biases

changed() { # changed MODEL MODEL: names of the tensors whose bytes differ
    /usr/bin/python3 - "$@" <<'END'
import json, struct, sys

def tensors(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    return {name: data[8 + n + tensor["data_offsets"][0] : 8 + n + tensor["data_offsets"][1]]
            for name, tensor in json.loads(data[8 : 8 + n]).items() if name != "__metadata__"}

was, now = map(tensors, sys.argv[1:])
print(*sorted(name for name in was if was[name] != now[name]))
END
}

# Trains one layer's feed-forward part, or its adapters: in every way the same, and nothing else changes.
methods="--set train.trainable_layers=1 --set train.neftune_noise_alpha=5"
for recipe in lora full; do
    set -- $methods --set train.freeze=self_attn
    [ $recipe = full ] || set -- "$@" --set train.loraplus_lr_ratio=16
    for threads in 1 2; do
        run "$COTRAIN" train "$month/$recipe.yaml" --work "$scratch/$recipe.$threads" --threads $threads "$@"
        expect_rc 0
        expect_same "$scratch/$recipe.$threads/train/merged/model.safetensors" \
            "$scratch/$recipe.1/train/merged/model.safetensors"
    done
    # The plan before is the one that training made.
    run "$COTRAIN" plan "$month/$recipe.yaml" --json "$@"
    cp "$scratch/out" "$scratch/plan.json"
    sums "$scratch/$recipe.1/train/plan.json" >"$scratch/trained"
    run sums "$scratch/plan.json"
    expect_rc 0
    expect_same "$scratch/out" "$scratch/trained"
    run changed "$month/model/model.safetensors" "$scratch/$recipe.1/train/merged/model.safetensors"
    expect_rc 0
    for part in down up gate; do expect_out "model.layers.1.mlp.${part}_proj.weight"; done
    for part in layers.0 self_attn embed_tokens model.norm; do expect_no_out "$part"; done
done
finish
