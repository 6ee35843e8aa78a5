#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# model info, model probe and generate on golden nano (its numbers are held by tests/golden): what the
# commands write, and how they refuse what they cannot use.
. "${SOURCE_DIR:-.}/tests/shell/lib.sh"
nano=$SOURCE_DIR/tests/golden/nano
batch=$nano/forward.f32.safetensors

# put FILE NAME DTYPE SHAPE NUMBERS...: a safetensors file of one tensor more than FILE had
put() {
    /usr/bin/python3 - "$@" <<'EOF'
import json, os, struct, sys
path, name, dtype, shape = sys.argv[1:5]
header, data = {}, b""
if os.path.exists(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    header, data = json.loads(raw[8:8 + n]), raw[8 + n:]
new = b"".join(struct.pack({"I64": "<q", "I32": "<i", "F32": "<f"}[dtype], int(x)) for x in sys.argv[5:])
header[name] = {"dtype": dtype, "shape": json.loads(shape), "data_offsets": [len(data), len(data) + len(new)]}
text = json.dumps(header).encode()
open(path, "wb").write(struct.pack("<Q", len(text)) + text + data + new)
EOF
}
names() { # tensors of a safetensors file, sorted
    /usr/bin/python3 -c 'import json,struct,sys
f=open(sys.argv[1],"rb"); n=struct.unpack("<Q",f.read(8))[0]
for k,v in sorted(json.loads(f.read(n)).items()):
    if k!="__metadata__": print(k,v["dtype"],v["shape"])' "$1"
}

run "$COTRAIN" model info "$nano"
expect_rc 0
expect_out "parameters               131712"
expect_out "F32                      131712 parameters, 526848 bytes"
run "$COTRAIN" model info "$nano" --json
expect_out '"tied_head": true'

probe() { run "$COTRAIN" model probe --model "$nano" --out "$scratch/probe.safetensors" "$@"; }
probe --batch "$batch"
expect_rc 0
run names "$scratch/probe.safetensors"
expect_out "logits F32 [3, 48, 512]"
expect_out "token_loss F32 [3, 48]"
expect_out "loss_mask F32 [3, 48]"
expect_out "loss F32 [1]"
expect_no_out "model."
probe --batch "$batch" --grads --loss-mask yuan-hf --isolate attention
expect_rc 0
cp "$scratch/probe.safetensors" "$scratch/first.safetensors"
run names "$scratch/probe.safetensors"
expect_out "model.layers.1.self_attn.lf_gate.conv1.weight F32 [32, 64, 2, 1]"
check "34 tensors" test "$(names "$scratch/probe.safetensors" | wc -l)" = 34
COTRAIN_THREADS=1 probe --batch "$batch" --grads --loss-mask yuan-hf --isolate attention
expect_same "$scratch/probe.safetensors" "$scratch/first.safetensors"

# Without labels a row predicts its own next tokens; the last one predicts nothing.
put "$scratch/a.safetensors" input_ids I64 "[1, 5]" 1 2 3 4 5
put "$scratch/b.safetensors" input_ids I32 "[1, 5]" 1 2 3 4 5
put "$scratch/b.safetensors" labels I64 "[1, 5]" 2 3 4 5 -100
put "$scratch/b.safetensors" position_ids I64 "[1, 5]" 0 1 2 3 4
put "$scratch/b.safetensors" attention_mask I32 "[1, 5]" 1 1 1 1 1
probe --batch "$scratch/a.safetensors" --grads
expect_rc 0
cp "$scratch/probe.safetensors" "$scratch/first.safetensors"
probe --batch "$scratch/b.safetensors" --grads
expect_same "$scratch/probe.safetensors" "$scratch/first.safetensors"

# Refused, and nothing is written.
refused() { # refused TEXT TENSOR...: a batch with this tensor more is refused with TEXT
    local text=$1
    shift
    rm -f "$scratch/probe.safetensors" "$scratch/bad.safetensors"
    [ "${2:-}" = "" ] || put "$scratch/bad.safetensors" "$@"
    [ "$1" = input_ids ] || put "$scratch/bad.safetensors" input_ids I64 "[1, 3]" 1 2 3
    probe --batch "$scratch/bad.safetensors"
    expect_rc 1
    expect_one_error "$text"
    check "nothing is written" test ! -e "$scratch/probe.safetensors"
}
refused "bad.safetensors': token 1: id 512 is not below" input_ids I64 "[1, 2]" 1 512
refused "token 0: target 512 is not below" labels I64 "[1, 3]" 512 1 1
refused "token 2: position 256 is not below" position_ids I64 "[1, 3]" 0 1 256
refused "row 0: token 1 is hidden between seen ones" attention_mask I64 "[1, 3]" 1 0 1
refused "'labels' has shape [3] where [1,3] is needed" labels I64 "[3]" 1 2 3
refused "'input_ids' is F32, whole numbers are needed" input_ids F32 "[1, 2]" 1 2
refused "'input_ids' is not of two dimensions" input_ids I64 "[2]" 1 2
refused "element 0 does not fit 32 bits" input_ids I64 "[1, 1]" 4294967297
refused "leaves no label to train on" labels I64 "[1, 3]" -100 -100 -100
run "$COTRAIN" model probe --model "$scratch/gone" --batch "$batch" --out "$scratch/probe.safetensors"
expect_rc 1
expect_one_error "gone' is not there"

run "$COTRAIN" generate --model "$nano" --prompt-ids 76 --max-new-tokens 5 --ignore-eod --json
expect_rc 0
check "golden's first tokens" test "$(tr -d ' \n' <"$scratch/out")" = '{"ids":[357,131,8,265,96]}'
run "$COTRAIN" generate --model "$nano" --prompt-ids 76 --max-new-tokens 5 --ignore-eod --greedy
expect_out "357,131,8,265,96"
run "$COTRAIN" generate --model "$nano"
expect_rc 2
expect_one_error "one of --prompt, --prompt-ids and --prompts"
run "$COTRAIN" generate --model "$nano" --prompt-ids 1,x
expect_rc 2
expect_one_error "--prompt-ids"
run "$COTRAIN" generate --model "$nano" --prompt-ids 1,512
expect_rc 1
expect_one_error "token 1: id 512"
run "$COTRAIN" generate --model "$nano" --prompt-ids 1,2 --max-new-tokens 999 --ignore-eod
expect_rc 0
check "254 tokens, up to the model's positions" test "$(tr , '\n' <"$scratch/out" | wc -l)" = 254
run "$COTRAIN" generate --model "$nano" --prompt-ids "$(seq -s, 1 256)"
expect_rc 1
expect_one_error "a prompt of 256 tokens leaves no room in the model's 256 positions"
run "$COTRAIN" generate --model "$nano" --prompt "text"
expect_rc 1
expect_one_error "tokenizer.model"
run "$COTRAIN" chat --model "$nano"
expect_rc 1
expect_one_error "tokenizer.model"
finish
