#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the hand-made inputs of every fuzz target into tests/fuzz/corpus/<what>/, named by their SHA-1
as libFuzzer names its own: for each format a small valid file, and one file for each way of lying that
the reader refuses. What libFuzzer finds beside them is added by `tools/fuzz.sh --merge`.
"""
import hashlib
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def put(what, data):
    folder = os.path.join(HERE, "corpus", what)
    os.makedirs(folder, exist_ok=True)
    if isinstance(data, (dict, list)):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as f:
        f.write(data)


def safetensors_file(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors():
    def add(*arguments, **named):
        put("safetensors", safetensors_file(*arguments, **named))

    data = bytes(range(64))
    add({"__metadata__": {"format": "pt"}, "a": entry("F32", [2, 2], 0, 16),
         "b": entry("BF16", [3], 16, 22), "c": entry("I64", [], 22, 30), "d": entry("U8", [0], 30, 30)},
        data[:30])
    add({"é": entry("F16", [1, 1, 1, 1, 1, 1, 1, 2], 0, 4)}, data[:4])
    add({}, b"")
    add({}, b"", length=2 ** 64 - 1)
    add({}, b"", length=1000)
    add(b"[]")
    add({"a": 1})
    add({"__metadata__": {"n": 1}})
    add({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, data[:12])  # overlap
    add({"a": entry("F32", [2], 0, 8), "b": entry("F32", [1], 12, 16)}, data[:16])  # hole
    add({"a": entry("F32", [2], 0, 8)}, data[:9])  # bytes left over
    add({"a": entry("F32", [2], 0, 8)}, data[:7])  # cut off
    add({"a": entry("F32", [3], 0, 8)}, data[:8])  # shape and bytes disagree
    add({"a": entry("F32", [2], 8, 0)}, data[:8])
    add({"a": entry("F32", [-2], 0, 8)}, data[:8])
    add({"a": entry("NF4", [2], 0, 8)}, data[:8])
    add({"a": entry("F64", [2 ** 61], 0, 0)})
    add({"a": entry("F32", [2 ** 32, 2 ** 32, 0], 0, 0)})
    add({"a": entry("F32", [1] * 9, 0, 4)}, data[:4])
    add(b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
        b'"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', data[:2])  # doubled


def config():
    good = {"model_type": "yuan", "architectures": ["YuanForCausalLM"], "vocab_size": 16, "hidden_size": 8,
            "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
            "max_position_embeddings": 32, "eod_token": 3, "sep_token": 4, "pad_token_id": 3,
            "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "torch_dtype": "float32"}
    put("config", good)
    put("config", {**good, "vocab_size": 135040, "hidden_size": 8192, "intermediate_size": 36864,
                   "num_hidden_layers": 84, "num_attention_heads": 64, "eod_token": 77185})
    for change in ({"use_shareqk": True}, {"tie_word_embeddings": False}, {"vocab_size": 0},
                   {"vocab_size": 2 ** 62}, {"hidden_size": -8}, {"hidden_size": 9}, {"hidden_size": 8.0},
                   {"hidden_size": 2 ** 17, "intermediate_size": 2 ** 20, "num_hidden_layers": 4096,
                    "vocab_size": 2 ** 27}, {"eod_token": 16}, {"sep_token": 99}, {"pad_token_id": None},
                   {"rms_norm_eps": 1e400}, {"rms_norm_eps": -1}, {"use_moe": True}, {"rope_theta": 5e5},
                   {"num_key_value_heads": 1}, {"model_type": "llama"}, {"tie_word_embeddings": 1},
                   {"initializer_range": "x"}, {"quantization_config": {"bits": 4}}):
        put("config", {**good, **change})
    put("config", {key: value for key, value in good.items() if key != "hidden_size"})
    put("config", [good])
    put("config", '{"vocab_size": 1, "vocab_size": 2}')
    put("config", "[" * 3000)


def index():
    good = {"w": "a.safetensors", "x": "a.safetensors", "y": "b.safetensors", "z": "b.safetensors"}
    put("index", {"metadata": {"total_size": 44}, "weight_map": good})
    put("index", {"weight_map": {}})
    put("index", {"weight_map": {"w": "a.safetensors", "x": "a.safetensors"}})
    for change in ({"w": "b.safetensors"}, {"w": "c.safetensors"}, {"w": "../a.safetensors"}, {"w": ""},
                   {"w": 1}, {"w": None}, {"w": "a.safetensors\0"}, {"more": "a.safetensors"},
                   {"w": "model.safetensors.index.json"}):
        put("index", {"weight_map": {**good, **change}})
    put("index", {"weight_map": {"w": "a.safetensors"}})
    put("index", {"weight_map": []})
    put("index", {})


def adapter_config():
    good = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "use_rslora": False,
            "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
                               "lf_gate.conv1", "lf_gate.conv2"],
            "bias": "none", "task_type": "CAUSAL_LM", "base_model_name_or_path": "base",
            "init_lora_weights": True, "modules_to_save": None, "rank_pattern": {}, "alpha_pattern": {}}
    put("adapter_config", good)
    for change in ({"use_rslora": True}, {"r": 3}, {"r": 0}, {"r": 2 ** 62}, {"r": 2.5}, {"lora_alpha": "4"},
                   {"lora_alpha": 1e308}, {"lora_dropout": 1}, {"peft_type": "IA3"}, {"use_dora": True},
                   {"bias": "all"}, {"target_modules": "all-linear"}, {"target_modules": ["q_proj"]},
                   {"target_modules": []}, {"target_modules": [1]}, {"target_modules": ["x", "x"]},
                   {"target_modules": ".*q_proj"}, {"rank_pattern": {"q_proj": 3}},
                   {"alpha_pattern": {"layers.0.self_attn.q_proj": 8}}, {"modules_to_save": ["lm_head"]},
                   {"init_lora_weights": "pissa"}, {"layers_to_transform": [0]}, {"unknown": 1}):
        put("adapter_config", {**good, **change})
    put("adapter_config", {})
    put("adapter_config", [])


for make in (safetensors, config, index, adapter_config):
    make()
