#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# model merge as a user meets it: one adapter, several with weights, their sum as an adapter, prompts,
# the bound, and everything that is refused without leaving anything behind; and an adapter folder of
# an older PEFT, adapter_model.bin, which gives the same bits.
. "$(dirname "$0")/lib.sh"
nano=$SOURCE_DIR/tests/golden/nano
lora=$nano/lora
batch=$nano/forward.f32.safetensors

merge() { run "$COTRAIN" model merge --model "$nano" "$@"; }
logits() { # logits NAME ARGUMENTS...: of the golden batch, into $scratch/NAME.probe
    local name=$1
    shift
    run "$COTRAIN" model probe --batch "$batch" --out "$scratch/$name.probe" "$@"
    expect_rc 0
}
largest() { # largest A B FACTOR: the largest |logits of A + FACTOR (logits of B) ...|, below $4
    /usr/bin/python3 - "$@" <<'PYTHON'
import json, struct, sys
import numpy as np
def logits(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8:8 + n])["logits"]["data_offsets"]
    return np.frombuffer(raw[8 + n + begin:8 + n + end], dtype="<f4").astype("f8")
a, b, limit = logits(sys.argv[1]), logits(sys.argv[2]), float(sys.argv[3])
found = abs(a - b).max()
sys.exit(0 if found <= limit else f"off by {found}")
PYTHON
}
left() { ls "$scratch" | grep -v -e '^out$' -e '^err$' -e '^check.out$' -e '[.]probe$' | tr '\n' ' '; }

# ---- one adapter ----

merge --adapter "$lora" --out "$scratch/one"
expect_rc 0
expect_out "positions compared       128"
expect_out "at most 2.25e-05" # 8 sqrt(4) (1 + 2 sqrt(128)) 2^-24, as adapters/compare.h says
expect_out "same greedy token        128 of 128"
check "the folder is there, and nothing beside it" test "$(left)" = "one "
logits adapted --model "$nano" --adapter "$lora"
logits merged --model "$scratch/one"
check "merged is as adapted" largest "$scratch/adapted.probe" "$scratch/merged.probe" 2e-4
merge --adapter "$lora" --out "$scratch/one"
expect_rc 1
expect_one_error "'$scratch/one' is there already"

# ---- prompts ----

echo '{"ids": [1, 2, 3]}' >"$scratch/prompts"
echo '' >>"$scratch/prompts"
echo '{"ids": [511, 0, 7, 9]}' >>"$scratch/prompts"
merge --adapter "$lora" --out "$scratch/two" --prompts "$scratch/prompts" --json
expect_rc 0
expect_out '"positions": 7'
expect_out '"same_greedy": 7'
expect_same "$scratch/one/model.safetensors" "$scratch/two/model.safetensors"
rm -r "$scratch/two"
bad_prompt() { # bad_prompt LINE TEXT
    echo "$1" >"$scratch/prompts"
    merge --adapter "$lora" --out "$scratch/two" --prompts "$scratch/prompts"
    expect_rc 1
    expect_one_error "$2"
    check "nothing is left" test "$(left)" = "one prompts "
}
bad_prompt '{"ids": [512]}' "line 1: 'ids' item 1 is no token of the model's 512"
bad_prompt '{"ids": [1.5]}' "'ids' item 1 is no token"
bad_prompt '{"ids": []}' "a prompt of no tokens"
bad_prompt '{"words": 1}' "neither 'ids', a list, nor 'text', a string"
bad_prompt '{"text": "x"}' "tokenizer.model"
bad_prompt '[' "line 1"
bad_prompt '' "has no prompts"
bad_prompt "{\"ids\": [$(seq -s, 0 300)]}" "a prompt of 301 tokens, and the model has"
rm "$scratch/prompts"

# Texts, by the tokenizer of the model folder; the base is bf16, so merging rounds.
sample=$SOURCE_DIR/models/nano
mkdir "$scratch/small"
/usr/bin/python3 - "$sample/config.json" "$scratch/small" <<'PYTHON'
import json, struct, sys
hidden = json.load(open(sys.argv[1]))["hidden_size"]
json.dump({"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["layers.0.self_attn.q_proj"]},
          open(sys.argv[2] + "/adapter_config.json", "w"))
stem, header, data = "base_model.model.model.layers.0.self_attn.q_proj.lora_", {}, b""
for name, shape in (("A", [1, hidden]), ("B", [hidden, 1])):
    header[f"{stem}{name}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * hidden]}
    data += struct.pack(f"<{hidden}f", *[0.05 * (-1) ** i for i in range(hidden)])
text = json.dumps(header).encode()
open(sys.argv[2] + "/adapter_model.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
PYTHON
echo '{"text": "由注释生成实现代码"}' >"$scratch/prompts"
run "$COTRAIN" model merge --model "$sample" --adapter "$scratch/small" --out "$scratch/two" \
    --prompts "$scratch/prompts" --json
expect_rc 0
check "it rounds, a little" /usr/bin/python3 -c 'import json,sys
found = json.load(open(sys.argv[1]))
assert found["positions"] > 2 and 0 < found["relative_difference"] < found["bound"] < 0.2, found' "$scratch/out"
check "the tokenizer comes along" cmp "$sample/tokenizer.model" "$scratch/two/tokenizer.model"
rm -r "$scratch/prompts" "$scratch/two" "$scratch/small"

# ---- the bound ----

merge --adapter "$lora" --out "$scratch/two" --max-difference 1e-9
expect_rc 1
expect_one_error "merged weights and adapter disagree"
expect_err "at most 1e-09"
check "nothing is left" test "$(left)" = "one "
merge --adapter "$lora" --out "$scratch/two" --max-difference much
expect_one_error "--max-difference 'much'"
merge --adapter "$lora" --out "$scratch/two" --max-difference -1
expect_one_error "it is below 0"
check "nothing is left" test "$(left)" = "one "

# ---- several ----

merge --adapter "$lora=0.25" --adapter "$lora=0.75" --out "$scratch/sum"
expect_rc 0
check "nothing else is left" test "$(left)" = "one sum "
logits sum --model "$scratch/sum"
check "a quarter and three are one" largest "$scratch/sum.probe" "$scratch/adapted.probe" 2e-4
merge --adapter "$lora=1.5" --adapter "$lora=-1.5" --out "$scratch/nothing"
logits nothing --model "$scratch/nothing"
logits base --model "$nano"
check "opposites are nothing" largest "$scratch/nothing.probe" "$scratch/base.probe" 2e-4
merge --adapter "$lora=0.25" --adapter "$lora=0.75" --to-adapter "$scratch/cat"
expect_rc 0
check "a PEFT folder" test "$(ls "$scratch/cat" | tr '\n' ' ')" = "adapter_config.json adapter_model.safetensors "
logits cat --model "$nano" --adapter "$scratch/cat"
check "as the adapters side by side" largest "$scratch/cat.probe" "$scratch/adapted.probe" 2e-4
merge --adapter "$scratch/cat" --out "$scratch/again"
expect_rc 0
expect_same "$scratch/sum/model.safetensors" "$scratch/again/model.safetensors"
merge --adapter "$lora=x" --out "$scratch/bad"
expect_rc 1
expect_one_error "the weight: 'x' is not a number"
cp -r "$lora" "$scratch/a=b"
merge --adapter "$scratch/a=b" --out "$scratch/two"
expect_rc 0
expect_same "$scratch/one/model.safetensors" "$scratch/two/model.safetensors"
rm -r "$scratch/a=b" "$scratch/two" "$scratch/again" "$scratch/nothing" "$scratch/sum" "$scratch/cat"
merge --adapter "$lora"
expect_rc 2
expect_one_error "either --out or --to-adapter"
merge --adapter "$lora" --to-adapter "$scratch/bad" --out "$scratch/worse"
expect_rc 2
merge --adapter "$lora" --to-adapter "$scratch/bad" --max-difference 1
expect_rc 2
expect_one_error "merges nothing that could be compared"

# What has no sum.
change() { # change FROM TO KEY VALUE: a copy with one key of its config changed
    cp -r "$1" "$2"
    /usr/bin/python3 -c 'import json,sys
path=sys.argv[1]+"/adapter_config.json"; c=json.load(open(path)); c[sys.argv[2]]=json.loads(sys.argv[3])
json.dump(c, open(path,"w"))' "$2" "$3" "$4"
}
change "$lora" "$scratch/dora" use_dora true
merge --adapter "$scratch/dora" --out "$scratch/bad"
expect_one_error "lora_magnitude_vector"
merge --adapter "$scratch/gone" --out "$scratch/bad"
expect_one_error "adapter '$scratch/gone'"
/usr/bin/python3 - "$scratch/dora/adapter_model.safetensors" <<'PYTHON'
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
header, data = json.loads(raw[8:8 + n]), raw[8 + n:]
for name in [k for k in header if k.endswith("lora_B.weight")]:
    rows = header[name]["shape"][0]
    new = struct.pack(f"<{rows}f", *[1.0] * rows)
    header[name[:-len("lora_B.weight")] + "lora_magnitude_vector"] = {
        "dtype": "F32", "shape": [rows], "data_offsets": [len(data), len(data) + len(new)]}
    data += new
text = json.dumps(header).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + data)
PYTHON
merge --adapter "$scratch/dora" --out "$scratch/with_dora"
expect_rc 0
logits dora --model "$nano" --adapter "$scratch/dora"
logits with_dora --model "$scratch/with_dora"
check "a merged DoRA is as the adapter" largest "$scratch/dora.probe" "$scratch/with_dora.probe" 2e-4
merge --adapter "$scratch/dora" --adapter "$lora" --out "$scratch/bad"
expect_rc 1
expect_one_error "type 'dora' depends on the weight it stands on and cannot be summed"
merge --adapter "$scratch/dora=2" --to-adapter "$scratch/bad"
expect_one_error "cannot be summed"
check "nothing is left" test "$(left)" = "dora one with_dora "

# ---- adapter_model.bin ----

mkdir "$scratch/old"
cp "$lora/adapter_config.json" "$scratch/old"
/usr/bin/python3 - "$SOURCE_DIR/tests" "$lora/adapter_model.safetensors" "$scratch/old/adapter_model.bin" <<'PYTHON'
import json, struct, sys
sys.path.insert(0, sys.argv[1])
import handmade
raw = open(sys.argv[2], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
header, data = json.loads(raw[8:8 + n]), raw[8 + n:]
header.pop("__metadata__", None)
members, storages = [], {}
for i, (name, t) in enumerate(header.items()):
    begin, end = t["data_offsets"]
    storages[str(i)] = data[begin:end]
    members.append((name, handmade.p_tensor("FloatStorage", str(i), (end - begin) // 4, t["shape"])))
open(sys.argv[3], "wb").write(handmade.torch_file(handmade.p_dict(members), storages))
PYTHON
logits old --model "$nano" --adapter "$scratch/old"
expect_same "$scratch/old.probe" "$scratch/adapted.probe"
merge --adapter "$scratch/old" --out "$scratch/from_old"
expect_rc 0
expect_same "$scratch/one/model.safetensors" "$scratch/from_old/model.safetensors"
change "$scratch/old" "$scratch/older" r 5
merge --adapter "$scratch/older" --out "$scratch/bad"
expect_rc 1
expect_err "adapter_model.bin"
expect_err "lora_A.weight"

finish
