#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Quantised bases as a user meets them: models/nano in 4 and 8 bits is written, described, read by
# another reader of the published format, generated from, probed, trained on, resumed and merged; what
# cannot be done with it is refused.
. "$(dirname "$0")/lib.sh"
nano=$SOURCE_DIR/models/nano
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1

run "$COTRAIN" model quantize --model "$nano" --out "$scratch/nf4" --json
expect_rc 0
expect_out '"name": "self_attn.q_proj.weight"'
expect_out '"name": "mlp.down_proj.weight"'
run "$COTRAIN" model quantize --model "$nano" --out "$scratch/int8" --type int8
expect_rc 0
expect_out "before                                  4.2 MiB"
expect_out "mlp.gate_proj.weight"
check "the tokenizer comes along" cmp "$nano/tokenizer.model" "$scratch/nf4/tokenizer.model"
check "nothing else is left" test "$(ls "$scratch" | tr '\n' ' ')" = "check.out err int8 month nf4 out "
COTRAIN_THREADS=1 run "$COTRAIN" model quantize --model "$nano" --out "$scratch/again"
expect_same "$scratch/nf4/model.safetensors" "$scratch/again/model.safetensors"
run "$COTRAIN" model info "$scratch/nf4"
expect_rc 0
expect_out "NF4"
expect_out "1769472 parameters"
run "$COTRAIN" list quants
expect_out "nf4"

# The published format, read by its definition: values from the file's own maps, within the bound.
/usr/bin/python3 - "$nano/model.safetensors" "$scratch/nf4/model.safetensors" >"$scratch/said" <<'PYTHON'
import json, struct, sys
import numpy as np
def tensors(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    types = {"U8": "u1", "F32": "<f4", "BF16": "<u2"}
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name == "__metadata__":
            continue
        a, b = t["data_offsets"]
        x = np.frombuffer(raw[8 + n + a:8 + n + b], dtype=types[t["dtype"]])
        if t["dtype"] == "BF16":
            x = (x.astype("u4") << 16).view("<f4")
        out[name] = x.reshape(t["shape"])
    return out
base, packed = tensors(sys.argv[1]), tensors(sys.argv[2])
checked = 0
for name, w in base.items():
    state = packed.get(name + ".quant_state.bitsandbytes__nf4")
    if state is None:
        assert np.array_equal(packed[name], w), name
        continue
    state = json.loads(bytes(state).decode())
    assert state["shape"] == list(w.shape) and state["blocksize"] == 64, name
    nested = np.repeat(packed[name + ".nested_absmax"], state["nested_blocksize"])
    codes = packed[name + ".absmax"]
    absmax = packed[name + ".nested_quant_map"][codes] * nested[:codes.size] + np.float32(state["nested_offset"])
    pairs = packed[name].reshape(-1)
    code = np.stack([pairs >> 4, pairs & 15], 1).reshape(-1)[:w.size]
    value = packed[name + ".quant_map"][code] * np.repeat(absmax, 64)[:w.size]
    blocks = np.abs(w.reshape(-1, 64)).max(1)
    off = np.abs(value.reshape(-1, 64) - w.reshape(-1, 64)).max(1)
    assert (off <= 0.152 * blocks + 0.0071 * nested[:codes.size]).all(), name
    assert (np.abs(absmax - blocks) <= 0.00704 * nested[:codes.size]).all(), name
    checked += 1
print(checked, "weights")
PYTHON
check "a reader of the published format gets the weights" grep -q "^[1-9][0-9]* weights" "$scratch/said"

# Widened again, every number that the model computes has the same bits.
probe() { # probe MODEL OUT
    run "$COTRAIN" model probe --model "$1" --batch "$SOURCE_DIR/tests/golden/nano/forward.f32.safetensors" --out "$scratch/$2"
    expect_rc 0
}
for type in nf4 int8; do
    run "$COTRAIN" model convert --model "$scratch/$type" --out "$scratch/$type.f32" --format safetensors --type f32
    expect_rc 0
    probe "$scratch/$type" quantised.safetensors
    probe "$scratch/$type.f32" widened.safetensors
    expect_same "$scratch/quantised.safetensors" "$scratch/widened.safetensors"
done

generate() {
    run "$COTRAIN" generate --model "$1" --prompt "提取订单信息。" --max-new-tokens 8 --ignore-eod --json
}
for type in nf4 int8; do
    generate "$scratch/$type"
    expect_rc 0
    expect_out '"ids"'
done

# QLoRA: on the folder and on the base quantised when training starts, the same adapter.
train() { # train WORK ARGUMENT...
    local work=$1
    shift
    run "$COTRAIN" train "$scratch/month/lora.yaml" --work "$scratch/$work" "$@"
}
run "$COTRAIN" plan "$scratch/month/lora.yaml" --set train.weight_dtype=nf4 --json
expect_rc 0
expect_out '"name": "quantised weights"'
train memory --set train.weight_dtype=nf4
expect_rc 0
run "$COTRAIN" model quantize --model "$scratch/month/model" --out "$scratch/base4"
expect_rc 0
train file --set base_model.path="$scratch/base4"
expect_rc 0
expect_same "$scratch/memory/train/adapter/adapter_model.safetensors" \
    "$scratch/file/train/adapter/adapter_model.safetensors"
train plain
check "and another one than on the base" \
    sh -c "! cmp -s '$scratch/memory/train/adapter/adapter_model.safetensors' '$scratch/plain/train/adapter/adapter_model.safetensors'"

# What is merged is the base itself, unless only the quantised one is there; by hand it is the same.
merge() { # merge BASE WORK
    run "$COTRAIN" model merge --model "$1" --adapter "$scratch/$2/train/adapter" --out "$scratch/$2.merged"
    expect_rc 0
    expect_same "$scratch/$2.merged/model.safetensors" "$scratch/$2/train/merged/model.safetensors"
}
merge "$scratch/month/model" memory
merge "$scratch/base4" file
expect_err "weights in nf4 are decoded and written in bf16"
train dora --set train.weight_dtype=nf4 --set adapter.type=dora
expect_rc 0
expect_err "weights that were quantised to nf4 for the run are written as the checkpoint has them"
merge "$scratch/month/model" dora

# Cut short, resumed, the same end; merged, a model in bf16 that needs no adapter.
train cut --set base_model.path="$scratch/base4" --set train.save_steps=2
expect_rc 0
mv "$scratch/cut/train" "$scratch/cut/whole"
mkdir -p "$scratch/cut/train"
cp -r "$scratch/cut/whole/run.jsonl" "$scratch/cut/whole/checkpoint-6" "$scratch/cut/train/"
train cut --set base_model.path="$scratch/base4" --set train.save_steps=2 --resume
expect_rc 0
expect_same "$scratch/cut/train/adapter/adapter_model.safetensors" \
    "$scratch/cut/whole/adapter/adapter_model.safetensors"
run "$COTRAIN" model info "$scratch/file/train/merged" --json
expect_no_out NF4
run grep -c quantization_config "$scratch/file/train/merged/config.json"
expect_out 0

# Refused.
run "$COTRAIN" model quantize --model "$scratch/nf4" --out "$scratch/twice"
expect_rc 1
expect_one_error "is quantised already (nf4)"
run "$COTRAIN" model quantize --model "$nano" --out "$scratch/nf4"
expect_rc 1
expect_one_error "is there already"
run "$COTRAIN" model quantize --model "$nano" --out "$scratch/fp4" --type fp4
expect_rc 2
expect_one_error "nf4"
run "$COTRAIN" train "$scratch/month/full.yaml" --work "$scratch/full" --set train.weight_dtype=nf4
expect_rc 1
expect_one_error "no weight is frozen to be held in it"
run "$COTRAIN" train "$scratch/month/lora.yaml" --work "$scratch/typo" --set train.weight_dtype=nf3
expect_rc 1
expect_err "nf4"
sed -i 's/"nf4"/"fp4"/' "$scratch/again/config.json"
generate "$scratch/again"
expect_rc 1
expect_one_error "'quantization_config': 'bnb_4bit_quant_type': only \"nf4\" is handled"
finish
