#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `model convert`: what it writes is held against tests/shell/gguf_reader.py, which knows only the published
# layouts; every format that is read goes through it and keeps its bits; it needs little memory; and wrong
# usage says what to do. Arithmetic and refusals of the parts: tests/unit/model/test_gguf.c, test_convert.c.
. "$(dirname "$0")/lib.sh"
nano=$SOURCE_DIR/tests/golden/nano
sample=$SOURCE_DIR/models/nano
batch=$nano/forward.f32.safetensors
convert() { # convert MODEL OUT FORMAT [OPTION...]: OUT is below $scratch
    local model=$1 out=$scratch/$2 format=$3
    shift 3
    run "$COTRAIN" model convert --model "$model" --out "$out" --format "$format" "$@"
}
probe() { # probe MODEL NAME: every logit and loss of the golden batch
    run "$COTRAIN" model probe --model "$1" --batch "$batch" --out "$scratch/$2.safetensors"
    expect_rc 0
}
python() { # python WHAT ARGUMENT...: a script on stdin with the reader at hand
    local what=$1
    shift
    cat >"$scratch/script.py"
    check "$what" env PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$SOURCE_DIR/tests/shell" \
        /usr/bin/python3 "$scratch/script.py" "$@"
}

# Every byte of a GGUF file is what the layouts say, for each type.
for type in f32 f16 q8_0 q4_0; do
    convert "$sample" "$type.gguf" gguf --type $type --name "Nano" --meta general.license=apache-2.0
    expect_rc 0
    expect_out "for the IEITYuan fork of llama.cpp only; mainline has no such architecture"
    expect_out "sha256                   $(sha256sum "$scratch/$type.gguf" | cut -d' ' -f1)"
    python "$type by an independent reader" "$scratch/$type.gguf" "$sample" $type <<'END'
import json, sys
import numpy as np
from gguf_reader import Gguf, safetensors, sentencepiece
path, model, wanted = sys.argv[1:]
g, hf = Gguf(path), safetensors(model + "/model.safetensors")
config = json.load(open(model + "/config.json"))
kinds = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8}
assert g.version == 3
keys = {"general.architecture": (8, "yuan2"), "general.name": (8, "Nano"), "general.type": (8, "model"),
        "general.license": (8, "apache-2.0"), "general.alignment": (4, 32),
        "general.quantization_version": (4, 2),
        "general.file_type": (4, {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 7}[wanted]),
        "yuan2.block_count": (4, config["num_hidden_layers"]),
        "yuan2.context_length": (4, config["max_position_embeddings"]),
        "yuan2.embedding_length": (4, config["hidden_size"]),
        "yuan2.feed_forward_length": (4, config["intermediate_size"]),
        "yuan2.attention.head_count": (4, config["num_attention_heads"]),
        "yuan2.attention.layer_norm_rms_epsilon": (6, float(np.float32(config["rms_norm_eps"]))),
        "yuan2.rope.freq_base": (6, 10000.0), "yuan2.vocab_size": (4, config["vocab_size"]),
        "tokenizer.ggml.model": (8, "llama"), "tokenizer.ggml.add_bos_token": (7, False),
        "tokenizer.ggml.eos_token_id": (4, config["eod_token"]),
        "tokenizer.ggml.padding_token_id": (4, config["pad_token_id"]),
        "tokenizer.ggml.seperator_token_id": (4, config["sep_token"])}
for key, value in keys.items():
    assert g.keys[key] == value, (key, g.keys[key], value)
assert "IEITYuan fork" in g.keys["general.description"][1]
stored = json.loads(g.keys["cotrain.config"][1])
torch_dtype = stored.pop("torch_dtype")
assert torch_dtype == {"f32": "float32", "f16": "float16"}.get(wanted, config["torch_dtype"]), torch_dtype
config.pop("torch_dtype")
assert stored == config
# The vocabulary: pieces, scores and kinds of the sentencepiece file; special ones are control tokens.
pieces, tokens = sentencepiece(model + "/tokenizer.model"), g.keys["tokenizer.ggml.tokens"]
types, scores = g.keys["tokenizer.ggml.token_type"], g.keys["tokenizer.ggml.scores"]
assert tokens[0] == (9, 8) and types[0] == (9, 5) and scores[0] == (9, 6)
assert len(tokens[1]) == len(types[1]) == len(scores[1]) == config["vocab_size"] == len(set(tokens[1]))
special = {"<s>", "<eod>", "<sep>", "<pad>", "<mask>", "<predict>", "<FIM_SUFFIX>", "<FIM_PREFIX>",
           "<FIM_MIDDLE>", "<commit_before>", "<commit_msg>", "<commit_after>", "<jupyter_start>",
           "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>"}
for i, (piece, score, kind) in enumerate(pieces):
    assert tokens[1][i] == piece and scores[1][i] == score
    assert types[1][i] == (3 if piece in special else kind), piece
# The tensors: all of them, dims the other way round, the types that ggml wants.
names = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
short = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.lf_gate.conv1": "conv1",
         "self_attn.lf_gate.conv2": "conv2", "self_attn.lf_gate.output_layernorm": "lf_output_norm",
         "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down"}
for name in hf:
    if name.startswith("model.layers."):
        layer, rest = name[len("model.layers."):].split(".", 1)
        module, end = rest.rsplit(".", 1)
        names[name] = f"blk.{layer}.{short[module]}.{end}"
assert set(g.tensors) == set(names.values()) | {"output.weight"}
assert g.tensors["output.weight"] == g.tensors["token_embd.weight"]
for name, (dtype, values, data) in hf.items():
    dims, kind, data = g.tensors[names[name]]
    assert dims == list(values.shape[::-1]), name
    assert kind == (0 if len(dims) == 1 else kinds["f16"] if len(dims) == 4 and "q" in wanted else kinds[wanted])
    if len(dims) == 4:
        assert dims[:2] == [1, 2]
    back = g.values(names[name])
    if kind == 0:
        assert np.array_equal(back, values)
    elif kind == 1:
        assert np.array_equal(back, values.astype("<f2").astype(np.float32))
    else:  # half a step, one where q4_0's codes end, and the f16 scale's rounding times the largest code
        x, y = values.reshape(-1, 32).astype(np.float64), back.reshape(-1, 32).astype(np.float64)
        codes = 127 if kind == 8 else 8
        step = abs(x).max(axis=1, keepdims=True) / codes
        rounding = codes * np.maximum(step * 2.0**-11, 2.0**-25) + step * codes * 3 * 2.0**-24
        assert (abs(x - y) <= step * (0.5 if kind == 8 else 1) + rounding).all(), name
        assert (abs(x - y) <= step * 0.5 + rounding).mean() > 0.97
END
done

# bf16 -> f32 GGUF -> bf16: the same bytes; the folder's other files come along.
convert "$sample" there gguf
expect_rc 0
expect_out "types                    f32 44"
expect_no_out "changed"
expect_same "$scratch/there/tokenizer.model" "$sample/tokenizer.model"
check "no README of the old folder" test ! -e "$scratch/there/README.md"
convert "$scratch/there" back safetensors --dtype bf16
expect_rc 0
for file in model.safetensors config.json tokenizer.model tokenizer_config.json; do
    expect_same "$scratch/back/$file" "$sample/$file"
done
run "$COTRAIN" generate --model "$scratch/there" --prompt "1 + 1" --greedy --max-new-tokens 4 --json
cp "$scratch/out" "$scratch/said"
run "$COTRAIN" generate --model "$sample" --prompt "1 + 1" --greedy --max-new-tokens 4 --json
expect_same "$scratch/out" "$scratch/said"

# What a model computes is the same from every format; quantised values survive as fp32.
probe "$nano" wanted
convert "$nano" g gguf
probe "$scratch/g" got
expect_same "$scratch/got.safetensors" "$scratch/wanted.safetensors"
convert "$nano" q.gguf gguf --type q8_0
expect_out "types                    q8_0 15, f32 11, f16 4"
expect_out "quantised_values         114688"
expect_err "'$scratch/q.gguf' holds no tokenizer"
probe "$scratch/q.gguf" quantised
convert "$scratch/q.gguf" q safetensors
expect_rc 0
probe "$scratch/q" got
expect_same "$scratch/got.safetensors" "$scratch/quantised.safetensors"
convert "$scratch/q.gguf" q2.gguf gguf --type q8_0
expect_rc 0
run "$COTRAIN" model quantize --model "$nano" --out "$scratch/nf4" --type nf4
expect_rc 0
probe "$scratch/nf4" quantised
convert "$scratch/nf4" nf4.gguf gguf
expect_rc 0
probe "$scratch/nf4.gguf" got
expect_same "$scratch/got.safetensors" "$scratch/quantised.safetensors"
golden=$COTRAIN_SHARED/golden/nano
if [ -d "$golden" ]; then
    convert "$golden" plain safetensors
    convert "$golden" wanted safetensors --type bf16
    for form in bin bin_sharded_bf16 megatron_tp2_pp2; do
        [ -e "$golden/$form" ] || continue
        convert "$golden/$form" $form safetensors
        expect_rc 0
        [ $form = bin ] && expect_same "$scratch/bin/model.safetensors" "$scratch/plain/model.safetensors"
        convert "$golden/$form" $form.16 safetensors --type bf16
        expect_same "$scratch/$form.16/model.safetensors" "$scratch/wanted/model.safetensors"
        probe "$golden/$form" read
        probe "$scratch/$form" got
        expect_same "$scratch/got.safetensors" "$scratch/read.safetensors"
        convert "$golden/$form" $form.gguf gguf
        probe "$scratch/$form.gguf" got
        expect_same "$scratch/got.safetensors" "$scratch/read.safetensors"
    done
fi

# Narrowing says what it cost.
convert "$nano" narrow safetensors --type bf16 --json
expect_rc 0
python "what narrowing changed" "$scratch/out" "$nano/model.safetensors" "$scratch/narrow/model.safetensors" <<'END'
import json, sys
import numpy as np
from gguf_reader import safetensors
said, before, after = json.load(open(sys.argv[1])), safetensors(sys.argv[2]), safetensors(sys.argv[3])
x = np.concatenate([before[name][1].ravel() for name in sorted(before)]).astype(np.float64)
y = np.concatenate([after[name][1].ravel() for name in sorted(after)]).astype(np.float64)
assert said["changed_values"] == (x != y).sum() > 0
assert said["values"] == len(x) and said["tensors"] == len(before)
assert said["largest_relative_error"] == (abs(x - y) / abs(np.where(x, x, 1))).max() <= 2.0**-8
assert said["types"] == {"bf16": len(before)} and said["bytes_out"] == 2 * len(x)
assert "torch_dtype" in open(sys.argv[3].replace("model.safetensors", "config.json")).read()
END
check "torch_dtype follows" grep -q '"torch_dtype": "bfloat16"' "$scratch/narrow/config.json"

# Memory: mapped pages and the program's own together stay under the two largest tensors and 64 MiB, where
# the checkpoint is several times that (zeros that take no disk).
cat >"$scratch/peak.py" <<'END'
import json, os, struct, sys
folder, command = sys.argv[1], sys.argv[2:]
V, C, F, L = 512, 256, 1024, 48
shapes = {"model.embed_tokens.weight": [V, C], "model.norm.weight": [C]}
for i in range(L):
    for name, shape in {"input_layernorm.weight": [C], "post_attention_layernorm.weight": [C],
                        "self_attn.q_proj.weight": [C, C], "self_attn.k_proj.weight": [C, C],
                        "self_attn.v_proj.weight": [C, C], "self_attn.o_proj.weight": [C, C],
                        "self_attn.lf_gate.conv1.weight": [C // 2, C, 2, 1],
                        "self_attn.lf_gate.conv1.bias": [C // 2], "self_attn.lf_gate.conv2.bias": [C],
                        "self_attn.lf_gate.conv2.weight": [C, C // 2, 2, 1],
                        "self_attn.lf_gate.output_layernorm.weight": [C], "mlp.up_proj.weight": [F, C],
                        "mlp.gate_proj.weight": [F, C], "mlp.down_proj.weight": [C, F]}.items():
        shapes[f"model.layers.{i}.{name}"] = shape
header, at = {}, 0
for name, shape in shapes.items():
    size = 4
    for n in shape:
        size *= n
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
    at += size
text = json.dumps(header).encode()
os.makedirs(folder, exist_ok=True)
with open(folder + "/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text)
    f.truncate(8 + len(text) + at)
json.dump({"model_type": "yuan", "vocab_size": V, "hidden_size": C, "intermediate_size": F,
           "num_hidden_layers": L, "num_attention_heads": 4, "max_position_embeddings": 64, "eod_token": 3},
          open(folder + "/config.json", "w"))
pid = os.spawnv(os.P_NOWAIT, command[0], command)
status, usage = os.wait4(pid, 0)[1:]
limit, peak = (64 << 20) + 2 * 4 * F * C, usage.ru_maxrss * 1024
print(f"peak {peak >> 20} MiB of {limit >> 20}, for tensors of {at >> 20} MiB")
sys.exit(status != 0 or peak > limit or at < 3 * limit)
END
for to in "safetensors bf16" "gguf q4_0"; do
    check "peak memory to $to" /usr/bin/python3 "$scratch/peak.py" "$scratch/deep" "$COTRAIN" model convert \
        --model "$scratch/deep" --out "$scratch/deep-out" --format ${to% *} --type ${to#* }
    rm -rf "$scratch/deep-out"
done

# Wrong usage says what to do, and leaves nothing.
usage() { # usage TEXT HINT OPTION...
    local text=$1 hint=$2
    shift 2
    run "$COTRAIN" model convert --model "$nano" --out "$scratch/none" "$@"
    expect_rc 2
    expect_one_error "$text"
    expect_err "$hint"
    check "nothing is written" test ! -e "$scratch/none"
}
usage "--type 'q8_0' is none of safetensors's" "safetensors has keep,f32,f16,bf16" --format safetensors --type q8_0
usage "--type 'bf16' is none of gguf's" "gguf has keep,f32,f16,q8_0,q4_0" --format gguf --type bf16
usage "--type 'f3' is none" "" --format gguf --type f3
usage "--format 'onnx' is not known" "safetensors and gguf are written" --format onnx
usage "--format 'torch' is read, but not written" "safetensors and gguf are written" --format torch
usage "are for --format gguf" "" --format safetensors --name x
usage "--meta 'name=x' is not general.SOMETHING=TEXT" "" --format gguf --meta name=x
usage "'shard_size': 'many' is not a size" "" --format safetensors --shard-size many
run "$COTRAIN" model convert --model "$nano" --out "$scratch/x.gguf" --format safetensors
expect_rc 2
expect_one_error "safetensors is written as a folder"
convert "$nano" g gguf
expect_rc 1
expect_one_error "'$scratch/g' is there already"
convert "$nano" none gguf --tokenizer "$scratch"
expect_rc 1
expect_one_error "no tokenizer"
convert "$nano" none gguf --tokenizer "$sample"
expect_rc 1
expect_one_error "'$sample': "
convert "$scratch/nothing" none gguf
expect_rc 1
expect_one_error "'$scratch/nothing'"
check "nothing is written" test ! -e "$scratch/none"
finish
