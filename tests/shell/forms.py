#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The weights of a safetensors folder in the other forms that people have them in, without torch or
Megatron: written from the formats' descriptions by tests/handmade.py.

forms.py GOOD DIR   writes DIR/<form>/ with a copy of config.json each:
    bin            one pytorch_model.bin as the released converter leaves it: q and k are two views of one
                   storage, up and gate lie in storages of twice their size, lm_head is a copy, inv_freq
    bin-views      every matrix is a transposed view of a storage in the other order
    bin-shards     two shards and their index
    megatron-TxP   tensor-parallel ranks T and pipeline stages P, the stages as uneven as can be
"""
import json
import math
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from handmade import p_dict, p_global, p_int, p_string, p_tensor, torch_file  # noqa: E402

GOOD, DIR = sys.argv[1:3]
STORAGES = {"F32": ("FloatStorage", 4), "BF16": ("BFloat16Storage", 2), "F16": ("HalfStorage", 2)}


def read_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    n = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + n])
    header.pop("__metadata__")
    data = raw[8 + n:]
    return {name: (info["dtype"], info["shape"], data[slice(*info["data_offsets"])])
            for name, info in header.items()}


tensors = read_safetensors(os.path.join(GOOD, "model.safetensors"))
with open(os.path.join(GOOD, "config.json"), encoding="utf-8") as f:
    config = json.load(f)
L = config["num_hidden_layers"]
dtype = tensors["model.norm.weight"][0]
STORAGE, SIZE = STORAGES[dtype]


class Archive:
    """A file of torch.save while it is put together."""

    def __init__(self):
        self.storages = {}

    def storage(self, data):
        key = str(len(self.storages))
        self.storages[key] = data
        return key

    def tensor(self, shape, data, key=None, **view):
        """`data` in a storage of its own, or a view of the storage `key`."""
        key = self.storage(data) if key is None else key
        return p_tensor(STORAGE, key, len(self.storages[key]) // SIZE, shape, **view)

    def write(self, path, value):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(torch_file(value, self.storages))


def new_form(name):
    os.makedirs(os.path.join(DIR, name))
    shutil.copy(os.path.join(GOOD, "config.json"), os.path.join(DIR, name))
    return os.path.join(DIR, name)


def as_converted(folder):
    archive, members = Archive(), []
    for name, (_, shape, data) in tensors.items():
        if name.endswith("q_proj.weight"):
            twin = name.replace("q_proj", "k_proj")
            key = archive.storage(data + tensors[twin][2])
            members.append((name, archive.tensor(shape, None, key)))
            members.append((twin, archive.tensor(shape, None, key, offset=math.prod(shape))))
        elif name.endswith("up_proj.weight"):
            key = archive.storage(data + tensors[name.replace("up", "gate")][2])
            members.append((name, archive.tensor(shape, None, key)))
        elif name.endswith("gate_proj.weight"):
            key = archive.storage(tensors[name.replace("gate", "up")][2] + data)
            members.append((name, archive.tensor(shape, None, key, offset=math.prod(shape))))
        elif not name.endswith("k_proj.weight"):
            members.append((name, archive.tensor(shape, data)))
    for layer in range(L):
        half = config["hidden_size"] // config["num_attention_heads"] // 2
        members.append((f"model.layers.{layer}.self_attn.rotary_emb.inv_freq",
                        archive.tensor([half], bytes(half * SIZE))))
    if "lm_head.weight" not in tensors:
        _, shape, data = tensors["model.embed_tokens.weight"]
        members.append(("lm_head.weight", archive.tensor(shape, data)))
    archive.write(os.path.join(folder, "pytorch_model.bin"), p_dict(members))


def columns_first(data, rows, columns):
    return b"".join(data[(r * columns + c) * SIZE:(r * columns + c + 1) * SIZE]
                    for c in range(columns) for r in range(rows))


def as_views(folder):
    archive, members = Archive(), []
    for name, (_, shape, data) in tensors.items():
        if len(shape) == 2:
            members.append((name, archive.tensor(shape, columns_first(data, *shape),
                                                 strides=[1, shape[0]])))
        else:
            members.append((name, archive.tensor(shape, data)))
    archive.write(os.path.join(folder, "pytorch_model.bin"), p_dict(members))


def as_shards(folder):
    weight_map = {}
    for shard in (1, 2):
        archive, file = Archive(), f"pytorch_model-0000{shard}-of-00002.bin"
        names = [n for i, n in enumerate(tensors) if i % 2 == shard - 1]
        weight_map.update((n, file) for n in names)
        members = [(n, archive.tensor(tensors[n][1], tensors[n][2])) for n in names]
        archive.write(os.path.join(folder, file), p_dict(members))
    with open(os.path.join(folder, "pytorch_model.bin.index.json"), "w", encoding="utf-8") as f:
        json.dump({"metadata": {}, "weight_map": weight_map}, f)


def cut(data, shape, dimension, rank, ranks):
    """The rank's part of a matrix, and its shape."""
    rows, columns = shape
    if dimension == 0:
        n = rows // ranks
        return [n, columns], data[rank * n * columns * SIZE:(rank + 1) * n * columns * SIZE]
    n = columns // ranks
    return [rows, n], b"".join(data[(r * columns + rank * n) * SIZE:(r * columns + (rank + 1) * n) * SIZE]
                               for r in range(rows))


def encoder_layer(archive, layer, number, rank, ranks):
    """Members of a layer under its number in the stage."""
    def get(name):
        return tensors[f"model.layers.{layer}.{name}"][1:]

    def joined(first, second):
        (rows, columns), a = get(first)
        return [2 * rows, columns], a + get(second)[1]

    def part(matrix, dimension):
        return archive.tensor(*cut(matrix[1], matrix[0], dimension, rank, ranks))

    up, gate = (cut(get(f"mlp.{n}_proj.weight")[1], get(f"mlp.{n}_proj.weight")[0], 0, rank, ranks)
                for n in ("up", "gate"))
    members = [("self_attention.get_value.weight", part(get("self_attn.v_proj.weight"), 0)),
               ("self_attention.get_query_key.weight",
                part(joined("self_attn.q_proj.weight", "self_attn.k_proj.weight"), 0)),
               ("self_attention.dense.weight", part(get("self_attn.o_proj.weight"), 1)),
               ("mlp.dense_h_to_4h.weight",
                archive.tensor([2 * up[0][0], up[0][1]], up[1] + gate[1])),
               ("mlp.dense_4h_to_h.weight", part(get("mlp.down_proj.weight"), 1))]
    members += [(n, archive.tensor(*get(n))) for n in ("input_layernorm.weight",
                                                       "post_attention_layernorm.weight")]
    members += [("self_attention." + n, archive.tensor(*get("self_attn." + n)))
                for n in ("lf_gate.conv1.weight", "lf_gate.conv1.bias", "lf_gate.conv2.weight",
                          "lf_gate.conv2.bias", "lf_gate.output_layernorm.weight")]
    return [(f"layers.{number}.{name}", value) for name, value in members]


def stage_layers(stages):
    """The first stage holds one layer, the last what is left over when the others hold one too."""
    return [[p] for p in range(stages - 1)] + [list(range(stages - 1, L))]


def as_megatron(folder, ranks, stages):
    with open(os.path.join(folder, "latest_checkpointed_iteration.txt"), "w", encoding="ascii") as f:
        f.write("7")
    shape, embedding = tensors["model.embed_tokens.weight"][1:]
    for rank in range(ranks):
        for stage, layers in enumerate(stage_layers(stages)):
            archive = Archive()
            words = p_dict([("weight", archive.tensor(*cut(embedding, shape, 0, rank, ranks)))])
            encoder = []
            for number, layer in enumerate(layers):
                encoder += encoder_layer(archive, layer, number, rank, ranks)
            if stage == stages - 1:
                encoder.append(("final_layernorm.weight",
                                archive.tensor(*tensors["model.norm.weight"][1:])))
            language = [("encoder", p_dict(encoder))]
            model = []
            if stage == 0:
                language.insert(0, ("embedding", p_dict([("word_embeddings", words)])))
            elif stage == stages - 1:
                model.append(("word_embeddings_for_head", words))
            model.insert(0, ("language_model", p_dict(language)))
            args = p_global("argparse", "Namespace") + b")R" + p_dict(
                [("num_layers", p_int(L)), ("hidden_size", p_int(config["hidden_size"])),
                 ("params_dtype", p_global("torch", "bfloat16"))]) + b"b"
            where = f"mp_rank_{rank:02}" + (f"_{stage:03}" if stages > 1 else "")
            archive.write(os.path.join(folder, "iter_0000007", where, "model_optim_rng.pt"),
                          p_dict([("args", args), ("checkpoint_version", b"G" + struct.pack(">d", 3.0)),
                                  ("iteration", p_int(7)), ("model", p_dict(model)),
                                  ("note", p_string("all that follows is ignored"))]))


as_converted(new_form("bin"))
as_views(new_form("bin-views"))
as_shards(new_form("bin-shards"))
if "lm_head.weight" not in tensors:
    for ranks, stages in ((1, 1), (2, 1), (1, 3), (4, 2), (2, 3)):
        as_megatron(new_form(f"megatron-{ranks}x{stages}"), ranks, stages)
