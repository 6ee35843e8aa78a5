#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# model init and model info: a folder from a preset's or a config's shape, and what info says of it,
# also where the weights were cut off behind their headers.
. "${SOURCE_DIR:-.}/tests/shell/lib.sh"
sample=$SOURCE_DIR/models/nano

init() { run "$COTRAIN" model init --out "$scratch/made" "$@"; }
init
expect_rc 2
expect_one_error "one of --preset and --config is needed"
init --preset yuan2-2b --config "$sample/config.json"
expect_rc 2
expect_one_error "not both"
init --preset yuan2-52b
expect_rc 2
expect_one_error "no preset 'yuan2-52b'"
expect_err "hint: did you mean 'yuan2-"
init --preset yuan2-2b --dtype f64
expect_rc 2
expect_one_error "'dtype': 'f64' is none of bf16,f16,f32"
init --config "$scratch/gone.json"
expect_rc 1
expect_one_error "gone.json"
echo '{"model_type": "llama"}' >"$scratch/llama.json"
init --config "$scratch/llama.json"
expect_rc 1
expect_one_error "llama.json': no 'vocab_size'"
sed 's/"causal_mask": true/"causal_mask": false/' "$sample/config.json" >"$scratch/other.json"
init --config "$scratch/other.json"
expect_rc 1
expect_one_error "other.json': 'causal_mask': only true is handled"
check "nothing is left behind" test ! -e "$scratch/made" -a ! -e "$scratch/made.tmp-init"

# The bytes that the sample model started from (tools/make_nano.sh), whatever the threads.
init --config "$sample/config.json" --seed 1
expect_rc 0
hash=1a21da7f78d4d1f3cc337af8ef2093e6f202b569ff0bb99329dd9fd985e2d1af
check "the sample's start" test "$(sha256sum <"$scratch/made/model.safetensors")" = "$hash  -"
init --config "$sample/config.json"
expect_rc 1
expect_one_error "is there already"
COTRAIN_THREADS=1 run "$COTRAIN" model init --out "$scratch/again" --config "$sample/config.json" --seed 1
expect_same "$scratch/made/model.safetensors" "$scratch/again/model.safetensors"
run "$COTRAIN" model init --out "$scratch/half" --config "$sample/config.json" --dtype f16 --layers 1
expect_rc 0

info() { run "$COTRAIN" model info "$@"; }
info "$scratch/half"
expect_rc 0
expect_out "format                   safetensors"
expect_out "num_hidden_layers        1"
expect_out "F16                      861216 parameters, 1722432 bytes"
expect_out "layer_parameters         664416"
expect_out "trains full              861216 parameters"
expect_out "trains lora r=16 all     84480 parameters" # 16 a side of each of nine weights
expect_out "differs from yuan2-2b:"
expect_out "  num_hidden_layers        1 (yuan2-2b: 24)"
expect_no_out "rms_norm_eps             1e-06 ("
expect_no_out "content_hash"
info "$scratch/half/model.safetensors"
expect_rc 0
expect_out "F16                      861216 parameters, 1722432 bytes"

# A real-size folder of headers alone: as large as it should be, and nothing behind the header.
/usr/bin/python3 - "$SOURCE_DIR" "$scratch/large" <<'EOF2'
import json, os, struct, sys
V, C, F, L = 135040, 2048, 8192, 24
shapes = {"model.embed_tokens.weight": [V, C], "model.norm.weight": [C]}
for i in range(L):
    at = f"model.layers.{i}."
    for name in ("input_layernorm", "post_attention_layernorm", "self_attn.lf_gate.output_layernorm"):
        shapes[f"{at}{name}.weight"] = [C]
    for name in "qkvo":
        shapes[f"{at}self_attn.{name}_proj.weight"] = [C, C]
    shapes[at + "self_attn.lf_gate.conv1.weight"] = [C // 2, C, 2, 1]
    shapes[at + "self_attn.lf_gate.conv1.bias"] = [C // 2]
    shapes[at + "self_attn.lf_gate.conv2.weight"] = [C, C // 2, 2, 1]
    shapes[at + "self_attn.lf_gate.conv2.bias"] = [C]
    shapes[at + "mlp.up_proj.weight"] = shapes[at + "mlp.gate_proj.weight"] = [F, C]
    shapes[at + "mlp.down_proj.weight"] = [C, F]
header, end = {}, 0
for name, shape in shapes.items():
    size = 2
    for n in shape:
        size *= n
    header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
    end += size
text = json.dumps(header).encode()
os.mkdir(sys.argv[2])
with open(sys.argv[2] + "/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text)
    f.truncate(8 + len(text) + end)
json.dump({"model_type": "yuan", "vocab_size": V, "hidden_size": C, "intermediate_size": F,
           "num_hidden_layers": L, "num_attention_heads": 32, "max_position_embeddings": 8192,
           "rms_norm_eps": 1e-6, "eod_token": 77185, "sep_token": 77187, "pad_token_id": 77185},
          open(sys.argv[2] + "/config.json", "w"))
EOF2
info "$scratch/large"
expect_rc 0
expect_out "parameters               2088724480"
expect_out "trains lora r=16 linear  18087936 parameters"
expect_out "same as yuan2-2b"
check "it takes no room" test "$(du -k "$scratch/large/model.safetensors" | cut -f1)" -lt 1000
info "$scratch/large" --json
check "as JSON" /usr/bin/python3 -c 'import json, sys
info = json.load(open(sys.argv[1]))
assert info["nearest_preset"] == "yuan2-2b" and info["differences"] == {}
assert info["trainable"]["full"] == info["parameters"] == 2088724480
assert info["dtypes"] == {"BF16": {"parameters": 2088724480, "bytes": 4177448960}}' "$scratch/out"

# The hash of the content is not that of the files.
info "$scratch/made" --hash --json
expect_rc 0
cp "$scratch/out" "$scratch/first"
sed 's/"use_cache": true/"use_cache": false/' "$scratch/again/config.json" >"$scratch/config"
cp "$scratch/config" "$scratch/again/config.json"
info "$scratch/again" --hash --json
check "the same content in other files" /usr/bin/python3 -c 'import json, sys
a, b = (json.load(open(path)) for path in sys.argv[1:])
assert a["content_hash"] == b["content_hash"] and a["digest"] != b["digest"]' "$scratch/first" "$scratch/out"
golden=$COTRAIN_SHARED/golden/nano
if [ -d "$golden" ]; then # the same weights in other formats
    for pair in "$SOURCE_DIR/tests/golden/nano:$golden/bin" "$golden/bin_sharded_bf16:$golden/megatron_tp2_pp2"; do
        info "${pair%:*}" --hash
        expect_rc 0
        hash=$(grep '^content_hash' "$scratch/out")
        info "${pair#*:}" --hash
        expect_rc 0
        expect_out "$hash"
    done
fi
digest=$(sed -n 's/.*"digest": "\(.*\)".*/\1/p' "$scratch/first")
printf '%s' "cotrain: 1
name: x
base_model: {path: made, digest: $digest}
" >"$scratch/recipe.yaml"
run "$COTRAIN" train "$scratch/recipe.yaml" --work "$scratch/work"
expect_rc 1
expect_one_error "no tokenizer" # the digest is the one that a recipe wants; this comes after
sed -i 's/digest: ./digest: x/' "$scratch/recipe.yaml"
run "$COTRAIN" run "$scratch/recipe.yaml" --work "$scratch/work"
expect_rc 1
expect_one_error "'base_model.digest' must be 64 digits"
sed -i 's/, digest: .*/}/' "$scratch/recipe.yaml"
run "$COTRAIN" run "$scratch/recipe.yaml" --work "$scratch/work"
expect_rc 1
expect_one_error "no 'release' section"
finish
