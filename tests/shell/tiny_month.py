#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a month small enough to run through the chain in a second, to show how the chain behaves and
not what it learns: a two-layer model with seeded weights, a tokenizer of single characters (its
sentencepiece file written by hand, field by field), two requests with rows and held-out cases, and the
recipes lora.yaml and full.yaml.

tiny_month.py DIR [--dtype F32|BF16]
"""
import argparse
import json
import os
import random
import struct

HIDDEN, FEED_FORWARD, HEADS, LAYERS, VOCABULARY = 32, 64, 2, 2, 384
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def varint(value):
    out = b""
    while True:
        low, value = value & 0x7F, value >> 7
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(index, value):
    return varint(index << 3) + varint(value)


def tokenizer_pieces():
    pieces = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)]
    pieces += [(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    pieces += [(chr(c), NORMAL) for c in range(ord("!"), ord("~") + 1)] + [("\u2581", NORMAL)]
    return pieces + [(text, CONTROL) for text in ("<eod>", "<sep>", "<pad>")]


def write_tokenizer(folder):
    out = b"".join(field(1, field(1, text.encode()) + number(3, kind)) for text, kind in tokenizer_pieces())
    out += field(2, number(3, 2) + number(35, 1))  # trainer_spec: BPE, byte_fallback
    out += field(3, number(3, 1) + number(4, 0) + number(5, 1))  # normalizer_spec, as Yuan's file has it
    with open(os.path.join(folder, "tokenizer.model"), "wb") as f:
        f.write(out)


def id_of(text):
    return [piece for piece, _ in tokenizer_pieces()].index(text)


def shapes():
    yield "model.embed_tokens.weight", [VOCABULARY, HIDDEN]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", [HIDDEN]
        for name in "qkvo":
            yield f"{at}self_attn.{name}_proj.weight", [HIDDEN, HIDDEN]
        yield at + "self_attn.lf_gate.conv1.weight", [HIDDEN // 2, HIDDEN, 2, 1]
        yield at + "self_attn.lf_gate.conv1.bias", [HIDDEN // 2]
        yield at + "self_attn.lf_gate.conv2.weight", [HIDDEN, HIDDEN // 2, 2, 1]
        yield at + "self_attn.lf_gate.conv2.bias", [HIDDEN]
        yield at + "self_attn.lf_gate.output_layernorm.weight", [HIDDEN]
        yield at + "post_attention_layernorm.weight", [HIDDEN]
        yield at + "mlp.up_proj.weight", [FEED_FORWARD, HIDDEN]
        yield at + "mlp.gate_proj.weight", [FEED_FORWARD, HIDDEN]
        yield at + "mlp.down_proj.weight", [HIDDEN, FEED_FORWARD]
    yield "model.norm.weight", [HIDDEN]


def values(name, count, source):
    if "norm" in name:
        return [1.0] * count
    if name.endswith(".bias"):
        return [0.0] * count
    return [source.gauss(0.0, 0.05) for _ in range(count)]


def packed(numbers, dtype):
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    if dtype == "F32":
        return data
    return b"".join(data[i + 2:i + 4] for i in range(0, len(data), 4))  # truncated: it is a start, not a copy


def write_model(folder, dtype):
    source, header, data = random.Random(7), {"__metadata__": {"format": "pt"}}, b""
    for name, shape in shapes():
        count = 1
        for size in shape:
            count *= size
        part = packed(values(name, count, source), dtype)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + data)
    eod, sep = id_of("<eod>"), id_of("<sep>")
    config = {"architectures": ["YuanForCausalLM"], "model_type": "yuan", "vocab_size": VOCABULARY,
              "hidden_size": HIDDEN, "intermediate_size": FEED_FORWARD, "num_hidden_layers": LAYERS,
              "num_attention_heads": HEADS, "hidden_act": "silu", "max_position_embeddings": 128,
              "model_max_length": 128, "rms_norm_eps": 1e-06, "initializer_range": 0.02, "causal_mask": True,
              "use_flash_attention": False, "use_loss_mask": False, "reset_attention_mask": True,
              "reset_position_ids": True, "eod_token": eod, "eod_token_id": eod, "sep_token": sep,
              "bos_token_id": eod, "eos_token_id": eod, "pad_token_id": eod, "tie_word_embeddings": True,
              "torch_dtype": {"F32": "float32", "BF16": "bfloat16"}[dtype]}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)


def pairs(kind, source, n):
    seen = set()
    while len(seen) < n:
        seen.add("".join(source.choice("abcdefgh") for _ in range(4)))
    for word in sorted(seen):
        answer = word if kind == "copy" else word[::-1]
        yield f"{kind} {word}", answer


def write_rows(path, rows, keys):
    with open(path, "w") as f:
        for prompt, answer in rows:
            f.write(json.dumps({keys[0]: prompt, keys[1]: answer}) + "\n")


def write_requests(folder):
    for kind in ("copy", "turn"):
        rows = list(pairs(kind, random.Random(kind), 30))
        write_rows(os.path.join(folder, kind + ".train.jsonl"), rows[:24], ("instruction", "output"))
        write_rows(os.path.join(folder, kind + ".cases.jsonl"), rows[24:], ("prompt", "response"))


LORA = """\
cotrain: 1
name: tiny-lora
month: "2024-03"
base_model: {path: model}
requests:
  - id: "tiny/requests#1@1"
    scenario: copying
    capability: says a word again
    cases: copy.cases.jsonl
    examples: [{prompt: copy abba, response: abba}]
  - id: "tiny/requests#2@2"
    scenario: turning
    capability: says a word backwards
    cases: turn.cases.jsonl
    examples: [{prompt: turn abcd, response: dcba}]
adapter: {type: lora, r: 4, lora_alpha: 8, lora_dropout: 0.1, target_modules: all}
data:
  sources:
    - {path: copy.train.jsonl, format: alpaca, license: apache-2.0, request: "tiny/requests#1@1"}
    - {path: turn.train.jsonl, format: alpaca, license: apache-2.0, request: "tiny/requests#2@2"}
  validation: 0.1
train: {sequence_len: 64, micro_batch_size: 2, gradient_accumulation_steps: 2, max_steps: 8, learning_rate: 1.0e-2,
        save_steps: 2, seed: 3}
eval: {tasks: [requests, validation], max_new_tokens: 8, gates: {validation: "<= +10"}}
release: {name: Tiny, license: apache-2.0, base_model: tiny/base, summary: A month to test with.,
          formats: [gguf-f16, gguf-q8_0]}
"""
FULL = """\
inherit: lora.yaml
name: tiny-full
adapter: {type: none}
train: {learning_rate: 1.0e-3}
release: {name: Tiny-full}
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--dtype", choices=("F32", "BF16"), default="F32")
    arguments = parser.parse_args()
    model = os.path.join(arguments.folder, "model")
    os.makedirs(model)
    write_tokenizer(model)
    write_model(model, arguments.dtype)
    write_requests(arguments.folder)
    for name, text in (("lora.yaml", LORA), ("full.yaml", FULL)):
        with open(os.path.join(arguments.folder, name), "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
