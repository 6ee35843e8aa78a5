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
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import handmade  # noqa: E402
from handmade import g_key, p_dict, p_global, p_int, p_string, p_tensor, p_tuple  # noqa: E402


def put(what, data):
    folder = os.path.join(HERE, "corpus", what)
    os.makedirs(folder, exist_ok=True)
    if isinstance(data, (dict, list)):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as f:
        f.write(data)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors():
    def add(*arguments, **named):
        put("safetensors", handmade.safetensors(*arguments, **named))

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
                   {"init_lora_weights": "pissa"}, {"layers_to_transform": [0]}, {"unknown": 1},
                   {"rank_pattern": {"q_proj": 3, "^model[.]layers[.](0|1)[.].*(down|up)_proj$": 1}},
                   {"alpha_pattern": {"[^a-z]+\\d*?": 1, "(((((((a)))))))|": 2, ".*": 0.5}},
                   {"rank_pattern": {"(" * 21: 2}}, {"rank_pattern": {"|" * 199: 2}}, {"rank_pattern": {"a{2}": 2}},
                   {"modules_to_save": ["norm", "embed_tokens"]}, {"use_dora": True, "use_rslora": True},
                   {"rank_pattern": {"q_proj": 2 ** 62}}, {"alpha_pattern": {"q_proj": None}}):
        put("adapter_config", {**good, **change})
    put("adapter_config", {})
    put("adapter_config", [])


def pickles():
    """Pickles for an archive with the storages 0, 1 and 2 of 64 bytes each (tests/fuzz/archive.c)."""
    a, b = p_tensor("FloatStorage", "0", 16, [4, 4]), p_tensor("BFloat16Storage", "1", 32, [32])
    put("pickle", handmade.pickle(p_dict([("a", a), ("b", b)])))
    for protocol in (1, 3, 4, 5):
        put("pickle", handmade.pickle(p_dict([("a", a)]), protocol))
    one = {
        "transposed": p_tensor("FloatStorage", "0", 16, [4, 4], [1, 4]),
        "part": p_tensor("HalfStorage", "2", 32, [2, 3], [8, 2], 5),
        "scalar": p_tensor("LongStorage", "0", 8, []),
        "empty": p_tensor("DoubleStorage", "0", 8, [0, 3]),
        "expanded": p_tensor("FloatStorage", "0", 16, [2 ** 40, 4], [0, 1]),
        "beyond": p_tensor("FloatStorage", "0", 16, [4, 5]),
        "negative": p_tensor("FloatStorage", "0", 16, [4, 4], [-4, 1], 12),
        "overflow": p_tensor("FloatStorage", "0", 16, [2 ** 31, 2 ** 31], [2 ** 40, 1]),
        "more_than_there": p_tensor("FloatStorage", "0", 2 ** 62, [4]),
        "no_storage": p_tensor("FloatStorage", "9", 16, [4]),
        "leads_away": p_tensor("FloatStorage", "../0", 16, [4]),
        "dimensions": p_tensor("FloatStorage", "0", 16, [1] * 9),
        "not_one": p_int(1),
        "parameter": p_global("torch._utils", "_rebuild_parameter") + p_tuple(a, b"\x89", b"}") + b"R",
        "size": p_global("torch", "Size") + p_tuple(p_tuple(p_int(1))) + b"R",
    }
    for value in one.values():
        put("pickle", handmade.pickle(p_dict([("x", value)])))
    put("pickle", handmade.pickle(p_dict([("model", p_dict([("a", a)])), ("iteration", p_int(3))])))
    ordered = p_global("collections", "OrderedDict") + b")R"
    put("pickle", handmade.pickle(ordered + b"(" + p_string("a") + a + b"u" + b"}" + p_string("_metadata") +
                                  ordered + b"sb"))
    put("pickle", handmade.pickle(p_global("os", "system") + p_tuple(p_string("true")) + b"R"))
    put("pickle", handmade.pickle(p_string("os") + p_string("system") + b"\x93" + b")R", 4))
    put("pickle", handmade.pickle(b"cbuiltins\neval\n" + p_tuple(p_string("1")) + b"R"))
    put("pickle", handmade.pickle(b"]q\0h\0a"))  # a list that holds itself
    put("pickle", handmade.pickle(b"(" * 1001))
    put("pickle", handmade.pickle(b"]" + b"r\xff\xff\xff\x7f"))
    put("pickle", handmade.pickle(b"j\0\0\0\1"))
    put("pickle", handmade.pickle(b"X\xff\xff\xff\xff"))
    put("pickle", handmade.pickle(b"I1\n"))
    put("pickle", b"\x80\x02}")


def torch():
    value = p_dict([("a", p_tensor("FloatStorage", "0", 4, [2, 2]))])
    storages = {"0": bytes(range(16))}
    put("torch", handmade.torch_file(value, storages))
    for lie in ({"size": 17}, {"size": 2 ** 32 - 1}, {"crc": 1}, {"method": 8}, {"n": 2}, {"n": 65535},
                {"directory": 0}, {"directory": 2 ** 32 - 1}):
        put("torch", handmade.torch_file(value, storages, **lie))
    good = handmade.torch_file(value, storages)
    put("torch", good[:-30])
    put("torch", good + b"left over")
    pickled = handmade.pickle(value)
    for names in (["a/data.pkl", "a/data/0", "a/data/0"], ["a/data.pkl", "b/data.pkl"], ["data.pkl", "data/0"],
                  ["a/data.pkl", "../data/0"], ["a/data.pkl", "a/data/"], ["a/version"]):
        put("torch", handmade.zip_archive([(name, pickled if name.endswith("pkl") else storages["0"])
                                           for name in names]))
    put("torch", handmade.zip_archive([]))
    put("torch", handmade.zip_archive([("a/data.pkl", pickled), ("a/byteorder", b"big"),
                                       ("a/data/0", storages["0"])]))
    put("torch", handmade.zip_archive([("a/data.pkl", pickled), ("a/byteorder", b"little"),
                                       ("a/data/0", storages["0"])]))


def megatron():
    """Layer by layer what tests/fuzz/fuzz_megatron.c reads; all tensors are of the storage 3."""
    hidden, half, forward, vocabulary = 4, 2, 6, 8

    def tensor(*shape):
        return p_tensor("FloatStorage", "3", 64, list(shape))

    def layer(number, n_ranks):
        at = f"layers.{number}."
        attention = at + "self_attention."
        return [(at + "input_layernorm.weight", tensor(hidden)),
                (attention + "get_value.weight", tensor(hidden // n_ranks, hidden)),
                (attention + "get_query_key.weight", tensor(2 * hidden // n_ranks, hidden)),
                (attention + "lf_gate.conv1.weight", tensor(half, hidden, 2, 1)),
                (attention + "lf_gate.conv1.bias", tensor(half)),
                (attention + "lf_gate.conv2.weight", tensor(hidden, half, 2, 1)),
                (attention + "lf_gate.conv2.bias", tensor(hidden)),
                (attention + "lf_gate.output_layernorm.weight", tensor(hidden)),
                (attention + "dense.weight", tensor(hidden, hidden // n_ranks)),
                (at + "post_attention_layernorm.weight", tensor(hidden)),
                (at + "mlp.dense_h_to_4h.weight", tensor(2 * forward // n_ranks, hidden)),
                (at + "mlp.dense_4h_to_h.weight", tensor(hidden, forward // n_ranks))]

    def pickled(n_ranks, n_stages, stage, layers, **settings):
        arguments = {"num_attention_heads": 2, "hidden_size": hidden, "num_layers": 2 if n_stages == 2 else layers,
                     "max_position_embeddings": 16, "tensor_model_parallel_size": n_ranks,
                     "pipeline_model_parallel_size": n_stages, **settings}
        namespace = (p_global("argparse", "Namespace") + b")R" +
                     p_dict([(name, p_int(value)) for name, value in arguments.items()] +
                            [("swiglu", b"\x88"), ("init_method_std", b"G?\x94z\xe1G\xae\x14{")]) + b"b")
        encoder = [pair for number in range(layers) for pair in layer(number, n_ranks)]
        language = []
        if stage == 0:
            words = p_dict([("weight", tensor(vocabulary // n_ranks, hidden))])
            language.append(("embedding", p_dict([("word_embeddings", words)])))
        if stage == n_stages - 1:
            encoder.append(("final_layernorm.weight", tensor(hidden)))
        language.append(("encoder", p_dict(encoder)))
        model = p_dict([("language_model", p_dict(language))])
        return handmade.pickle(p_dict([("args", namespace), ("model", model), ("iteration", p_int(1))]))

    def both(layout, first, second):
        put("megatron", bytes([layout]) + len(first).to_bytes(2, "little") + first + second)

    one = pickled(2, 1, 0, 1)
    both(0, one, one)
    both(2, one, one)
    both(1, pickled(1, 2, 0, 1), pickled(1, 2, 1, 1))
    both(3, pickled(1, 2, 0, 1), pickled(1, 2, 1, 1))
    both(1, pickled(1, 2, 0, 2, num_layers=3), pickled(1, 2, 1, 1))  # uneven stages
    both(0, one, pickled(2, 1, 0, 2))
    both(0, one, pickled(1, 1, 0, 1))  # cut otherwise than the first
    both(0, pickled(4, 1, 0, 1), one)
    both(0, pickled(2, 1, 0, 0), pickled(2, 1, 0, 0))
    both(1, pickled(1, 2, 0, 1), pickled(1, 2, 0, 1))
    both(0, pickled(2, 1, 0, 1, hidden_size=5), one)
    both(0, one, b"")


def quant():
    """The type, then the parts of a weight of 6 x 25 (tests/fuzz/fuzz_quant.c)."""
    n, blocks = 150, 3
    nf4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
           -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
           0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
           0.7229568362236023, 1.0]
    good = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [6, 25], "nested_blocksize": 256,
            "nested_dtype": "float32", "nested_offset": 0.5}

    def whole(state, nested=0.25, top=1.0, values=nf4):
        return (bytes([0]) + bytes(range(n // 2)) + struct.pack("<f", nested) +
                struct.pack("<256f", *[i / 255 for i in range(255)], top) + struct.pack("<16f", *values) +
                bytes([1, 2, 255]) + json.dumps(state).encode())

    put("quant", whole(good))
    put("quant", whole(good, nested=float("inf")))
    put("quant", whole(good, nested=3e38))
    put("quant", whole(good, top=1.5))
    put("quant", whole(good, top=float("nan")))
    put("quant", whole(good, values=nf4[::-1]))
    for change in ({"shape": [25, 6]}, {"blocksize": 32}, {"nested_offset": 1e300}, {"nested_offset": None},
                   {"quant_type": "fp4"}, {"more": 1}):
        put("quant", whole({**good, **change}))
    put("quant", bytes([1]) + bytes(range(n)) + struct.pack(f"<{blocks}f", 0.5, -1, 1e-3))


def gguf():
    architecture = g_key("general.architecture", "string", "yuan2")
    sizes = {"context_length": 16, "embedding_length": 4, "block_count": 1, "feed_forward_length": 6,
             "attention.head_count": 2}

    def settings(**changes):
        return ([architecture] + [g_key("yuan2." + name, "u32", value)
                                  for name, value in {**sizes, **changes}.items()] +
                [g_key("tokenizer.ggml.eos_token_id", "u32", 3)])

    def tensor(name, dims, storage, size):
        return name, dims, storage, bytes(i % 61 for i in range(size))

    embedding, norm = tensor("token_embd.weight", [4, 8], "f32", 128), tensor("output_norm.weight", [4], "f32", 16)

    def add(keys, tensors, **lies):
        put("gguf", handmade.gguf(keys, tensors, **lies))

    add(settings(), [embedding, norm])
    add(settings() + [g_key("yuan2.rope.freq_base", "f32", 1e4), g_key("yuan2.vocab_size", "u64", 8)],
        [embedding, tensor("blk.0.attn_q.weight", [4, 4], "f16", 32), norm])
    add(settings(embedding_length=64),
        [tensor("token_embd.weight", [64, 2], "q8_0", 4 * 34), tensor("output_norm.weight", [64], "f32", 256),
         tensor("blk.0.ffn_up.weight", [64, 3], "q4_0", 6 * 18)])
    config = {"vocab_size": 8, "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
              "num_attention_heads": 2, "max_position_embeddings": 16, "eod_token": 3}
    add([architecture, g_key("cotrain.config", "string", json.dumps(config))], [embedding])
    add([architecture, g_key("cotrain.config", "string", "[1]")], [embedding])
    add(settings() + [g_key("general.alignment", "u32", 64)], [norm])
    for alignment in (0, 3, 2 ** 31):
        add(settings() + [g_key("general.alignment", "u32", alignment)], [norm])
    for kind, value in (("u8", 1), ("i8", -1), ("u16", 1), ("i16", -1), ("i32", -1), ("bool", True),
                        ("u64", 2 ** 64 - 1), ("i64", -1), ("f64", 0.5), (["string"], ["a", "b"]), (["u32"], [1, 2]),
                        ("string", "text")):
        add(settings() + [g_key("yuan2.vocab_size", kind, value)], [norm])
    add([g_key("general.architecture", "string", "llama")], [tensor("blk.0.conv1.weight", [1, 2, 4, 2], "f32", 64)])
    add([g_key("general.architecture", "string", "llama")], [norm])
    add(settings() + [g_key("split.count", "u16", 2)], [norm])
    add(settings(), [tensor("blk.00.attn_q.weight", [4, 4], "f32", 64)])
    add(settings(), [tensor("blk.999999999.attn_q.weight", [4, 4], "f32", 64)])
    add(settings() + [architecture], [norm])
    add(settings(), [norm, norm])
    for lies in ({"version": 1}, {"version": 4}, {"version": 3 << 24}, {"n_keys": 2 ** 64 - 1}, {"n_keys": 3},
                 {"n_tensors": 2 ** 63}, {"n_tensors": 2}, {"offset": 0}, {"offset": 160}, {"offset": 2 ** 64 - 32},
                 {"storage": 3}, {"storage": 99}, {"dims": []}, {"dims": [1] * 5}, {"dims": [0]}, {"dims": [5]},
                 {"dims": [2 ** 32, 2 ** 32]}, {"dims": [2 ** 60]}):
        add(settings(), [embedding, norm], **lies)
    good = handmade.gguf(settings(), [embedding, norm])
    put("gguf", good[:-17])
    put("gguf", good + bytes(32))
    put("gguf", good.replace(b"\x13\0\0\0\0\0\0\0general", b"\xff\xff\xff\xff\0\0\0\0general"))


def yaml():
    for text in ("cotrain: 1\nname: a\nadapter: {type: lora, r: 16}\nrequests:\n  - id: x\n    rows: [{a: p}]\n",
                 "a: |\n  text\nb: >-\n  more\nc: 'it''s'\nd: \"\\u00e9\\n\"\n", "a: 1\na: 2\n", "a: &x 1\nb: *x\n",
                 "<<: {a: 1}\n", "a: !!int 3\n", "--- 1\n--- 2\n", "? [a]\n: b\n", "[" * 30, "- " * 30, "a: \0\n",
                 "a: [1, 2\n", "\ttab: 1\n", "a:\n  - b\n c: d\n", "~\n", "a: ~\nb: null\nc:\n",
                 "%YAML 1.1\n---\na: b\n...\n"):
        put("yaml", text)
    put("yaml", b"a: \xff\xfe\n")
    put("yaml", "a: 1\n".encode("utf-16"))


def post():
    """Bodies of our own posts that are small, and what no page shows: see tests/issues/."""
    folder = os.path.join(os.path.dirname(HERE), "issues", "posts")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            posts = json.load(f)
        for one in posts[::3]:
            if one["body"] and len(one["body"].encode()) < 400:
                put("post", one["body"])
        put("post", json.dumps(posts[1:3], ensure_ascii=False))
    for text in ("场景：" * 40, "> " * 60 + "场景：a", "- " * 50 + "a", "```\n场景：a", "~~~~\n```\n~~~~\n输入：b",
                 "| 场景 | 输入 |\n|--|--|\n| a |\n| b | c | d |", "{\"prompt\": " * 30, "[" * 100 + "](" * 50,
                 "<!-- " * 20, "场\u200b景\u202e：\u2066a\u2069", "输入：a，输出：b，输入：c，输出：d", "1." * 100,
                 "希望模型能" * 30, "如何如何是是", "\r\n\r场景：a\r输入：b", "场景：\n\n\n\n```json\n{\"q\": \"a\", \"a\": \"b\"}",
                 "Scenario: a\nExample\nQ:\nA:", "@a @b\n> c", "**" * 40, "例：a -> b => c → d ==> e", "_No response_",
                 "### 场景\n\n_No response_\n\n### 能力\n\n1", "希望训练", "请训练", "能否训练？"):
        put("post", text)
    put("post", b"\xff\xfe\x00\xe5\x9c\xba\xe6\x99\xaf\xef\xbc\x9a\xf0\x9f")
    put("post", {"issue_url": "https://api.github.com/repos/a/b/issues/1", "id": 2 ** 62, "user": None, "body": None,
                 "created_at": "2024-01-31T17:00:00Z"})
    put("post", '{"items": [[{"number": 1, "title": "t", "url": "x/repos/a/b/issues/1", "created_at": "9999-12-31T23:59:59Z"}]]}')
    put("post", '{"items": ' * 12)


def reply():
    """What teachers say, and schemas."""
    row = {"prompt": "x1 of 12 × 3", "response": "12×3＝36, (1 + 2)^2 = 9, 10/4 = 2.5, \"of\""}
    text = json.dumps(row, ensure_ascii=False)
    for said in (text, text + "\n" + text, json.dumps([row, row]), "```json\n" + text + "\n```", "Sure {:\n" + text + " }",
                 text[:30], "```\n[1]", "[" * 200, '{"a": "' + "\\" * 9, "1,234 + 1 = 1,235", "((((1 = 1", "9^64*9^64 = 1", "1/0 = 2",
                 "5 ÷ 2 = 2……1", "x = -3 - 4 = -7", "170141183460469231731687303715884105727 + 1 = 0"):
        put("reply", said)
    for schema in ({"type": ["object", "null"], "properties": {"type": {"items": {"$ref": "#/properties"}}}, "required": ["type"]},
                   {"$ref": "#"}, {"$ref": "#/%24defs/a~1b", "$defs": {"a/b": {"pattern": "^(a+)+$"}}}, {"minLength": -1}, {"format": "date"},
                   {"allOf": [{"anyOf": [True]}, {"not": False}], "oneOf": [True, False], "if": True, "then": {"maxProperties": 9},
                    "patternProperties": {"^(": True}}, {"multipleOf": 0.01, "enum": [], "const": 1.0, "uniqueItems": True},
                   {"contains": {}, "minContains": 2, "prefixItems": [{}], "dependentRequired": {"contains": ["a"]}}):
        put("reply", schema)


def zone():
    """Two blocks as zic writes them, and their lies."""
    def block(version, moments, types, rule=b"", counts=None, size=4):
        numbers = counts or (0, 0, 0, len(moments), len(types), 4)
        data = b"TZif" + version + bytes(15) + struct.pack(">6l", *numbers)
        for moment, _ in moments:
            data += struct.pack(">l" if size == 4 else ">q", moment)
        data += bytes(kind for _, kind in moments)
        for offset, summer in types:
            data += struct.pack(">l2B", offset, summer, 0)
        return data + b"CST\0" + rule

    types = [(28800, 0), (32400, 1)]
    old, moments = block(b"2", [], types[:1]), [(0, 1), (1000, 0)]
    for rule in (b"\nCST-8\n", b"\n\n", b"\nEST5EDT,M3.2.0,M11.1.0\n", b"\nIST-2IDT,M3.4.4/26,M10.5.0\n",
                 b"\n<+0330>-3:30<+0430>,J79/24,J263/24\n", b"\nA5\n", b"\nCST-8", b"CST-8\n", b"\nCST-8CDT,M13.9.9,0\n",
                 b"\nXXX-167:59:59YYY,0/-167,365/167\n"):
        put("zone", old + block(b"2", moments, types, rule, size=8))
    put("zone", block(b"\0", moments, types))
    put("zone", old + block(b"2", [(0, 2)], types, b"\n\n", size=8))  # a type that is not there
    put("zone", old + block(b"2", moments[::-1], types, b"\n\n", size=8))
    put("zone", old + block(b"2", moments, [(2 ** 31 - 1, 0), (0, 0)], b"\n\n", size=8))
    for counts in ((0, 0, 0, 2 ** 31 - 1, 1, 4), (-1, 0, 0, 0, 1, 4), (0, 0, 0, 0, 0, 4), (9, 9, 9, 0, 1, 4)):
        put("zone", block(b"2", [], types, counts=counts))


for make in (safetensors, config, index, adapter_config, pickles, torch, megatron, quant, gguf, yaml, post, reply, zone):
    make()
