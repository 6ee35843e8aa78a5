#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every way a checkpoint can be damaged that tests/shell/test_bad_checkpoint.sh goes through, made from a
good one of one file in fp32.

damage.py GOOD DIR   writes DIR/<case>/ for each case, and DIR/cases with a line a case: its name and the
                     texts that the error must hold, separated by tabs; and DIR/batch.safetensors, a batch
                     for the good one
"""
import json
import os
import shutil
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import handmade  # noqa: E402

GOOD, DIR = sys.argv[1:3]
ABSENT = object()
cases = []
os.makedirs(DIR)


def read(path):
    with open(path, "rb") as f:
        return f.read()


raw = read(os.path.join(GOOD, "model.safetensors"))
header_bytes = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + header_bytes])
metadata, data = header.pop("__metadata__"), raw[8 + header_bytes:]
config = json.loads(read(os.path.join(GOOD, "config.json")))
NORM, Q = "model.norm.weight", "model.layers.0.self_attn.q_proj.weight"


def case(name, *texts):
    """A folder with the good config, for a file that is not good."""
    cases.append("\t".join((name,) + texts))
    folder = os.path.join(DIR, name)
    os.makedirs(folder)
    shutil.copy(os.path.join(GOOD, "config.json"), folder)
    return folder


def write(folder, name, content):
    with open(os.path.join(folder, name), "wb") as f:
        f.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def packed(entries, payload, length=None):
    entries = {"__metadata__": metadata, **entries} if isinstance(entries, dict) else entries
    return handmade.safetensors(entries, payload, length)


def bytes_of(name):
    begin, end = header[name]["data_offsets"]
    return data[begin:end]


def relaid(names):
    """A file of these (name, entry, bytes), one behind the other."""
    entries, payload = {}, b""
    for name, entry, content in names:
        entries[name] = {**entry, "data_offsets": [len(payload), len(payload) + len(content)]}
        payload += content
    return packed(entries, payload)


def all_but(*left_out):
    return [(name, header[name], bytes_of(name)) for name in header if name not in left_out]


def with_offsets(name, begin, end, payload=data):
    return packed({**header, name: {**header[name], "data_offsets": [begin, end]}}, payload)


def single(name, content, *texts):
    write(case(name, "model.safetensors", *texts), "model.safetensors", content)


def tensors():
    norm = (NORM, header[NORM], bytes_of(NORM))
    begin, end = header[NORM]["data_offsets"]
    single("missing", relaid(all_but(NORM)), f"no tensor '{NORM}'")
    single("extra", relaid(all_but() + [("model.layers.0.extra", norm[1], norm[2])]),
           "tensor 'model.layers.0.extra' has no place in this model")
    single("steering_name", relaid(all_but() + [("\x1b[2Jx\u009b\n", norm[1], norm[2])]),
           "tensor '?[2Jx??' has no place in this model")
    doubled = json.dumps({NORM: header[NORM]})[1:-1] + ", " + json.dumps(header)[1:-1]
    single("doubled", packed(b"{" + doubled.encode() + b"}", data), "duplicate", NORM)
    single("misshapen", relaid(all_but(NORM) + [(NORM, {**norm[1], "shape": [4]}, norm[2][:16])]),
           f"tensor '{NORM}' has shape [4] where [8] is needed")
    single("flat", relaid(all_but(Q) + [(Q, {**header[Q], "shape": [64]}, bytes_of(Q))]),
           f"tensor '{Q}' has shape [64] where [8,8] is needed")
    single("whole_numbers", relaid(all_but(NORM) + [(NORM, {**norm[1], "dtype": "I32"}, norm[2])]),
           f"tensor '{NORM}': weights in I32 are not handled")
    single("unknown_type", relaid(all_but(NORM) + [(NORM, {**norm[1], "dtype": "F8_E4M3"}, norm[2])]),
           f"tensor '{NORM}'", "'F8_E4M3'")
    single("overlap", with_offsets(NORM, begin - 4, end - 4), "overlap", "tensor '")
    single("hole", packed({k: v for k, v in header.items() if k != NORM}, data), "hole" if end < len(data)
           else "after the last tensor")
    single("overrun", with_offsets(NORM, begin, len(data) + 4), f"tensor '{NORM}'", "data ends at byte")
    single("shape_and_bytes", packed({**header, NORM: {**header[NORM], "shape": [9]}}, data),
           f"tensor '{NORM}'", "9 elements of F32")
    single("huge_shape", packed({**header, NORM: {**header[NORM], "shape": [2 ** 40, 2 ** 40]}}, data),
           f"tensor '{NORM}'", "too many elements")
    single("cut_off", raw[:-5], "data ends at byte")
    single("cut_in_header", raw[:100], "a header of")
    single("left_over", raw + b"1234", "4 bytes after the last tensor")
    single("header_length", packed(header, data, length=2 ** 63), "a header of 9223372036854775808 bytes")
    single("no_json", packed(b"not json", b""), "header")
    single("nothing_in_it", b"", "0 bytes are too few")


def shards():
    names = list(header)
    half = len(names) // 2
    first, second = ([(n, header[n], bytes_of(n)) for n in part] for part in (names[:half], names[half:]))
    index = {n: "a.safetensors" for n in names[:half]} | {n: "b.safetensors" for n in names[half:]}

    def sharded(name, weight_map, *texts, parts=(("a", first), ("b", second))):
        folder = case(name, "model.safetensors.index.json", *texts)
        for letter, tensors_of_it in parts:
            write(folder, letter + ".safetensors", relaid(tensors_of_it))
        write(folder, "model.safetensors.index.json", {"weight_map": weight_map})

    last = names[-1]
    sharded("absent_shard", {**index, last: "c.safetensors"}, "c.safetensors")
    sharded("in_other_shard", {**index, last: "a.safetensors"}, f"tensor '{last}' is not in 'a.safetensors'")
    sharded("in_no_shard", {**index, "more": "a.safetensors"}, "tensor 'more' is not in 'a.safetensors'")
    sharded("not_listed", {n: f for n, f in index.items() if n != last}, f"tensor '{last}' of '", "not listed")
    sharded("in_both", index, f"tensor '{names[0]}' is also in", "a.safetensors", "b.safetensors",
            parts=(("a", first), ("b", second + first[:1])))
    sharded("leads_away", {**index, last: "../good/model.safetensors"}, f"tensor '{last}'", "beside the index")
    sharded("bad_shard", index, "b.safetensors", f"tensor '{last}'",
            parts=(("a", first), ("b", second[:-1] + [(last, {**header[last], "shape": [3]}, second[-1][2])])))
    folder = case("no_weight_map", "model.safetensors.index.json", "weight_map")
    write(folder, "model.safetensors.index.json", {"metadata": {}})


def pickles():
    def torch(name, content, *texts):
        write(case(name, "pytorch_model.bin", *texts), "pytorch_model.bin", content)

    def tensor(name, **changes):
        shape = header[name]["shape"]
        return handmade.p_tensor(**{"storage_type": "FloatStorage", "key": name, "count": len(bytes_of(name)) // 4,
                                    "shape": shape, **changes})

    def archive(members, **lies):
        return handmade.torch_file(handmade.p_dict(members), {n: bytes_of(n) for n in header}, **lies)

    everything = [(n, tensor(n)) for n in header]
    rest = [(n, value) for n, value in everything if n != NORM]
    good = archive(everything)
    write(case("good_pickle"), "pytorch_model.bin", good)
    cases.pop()  # the one that is not refused: the test opens it by its name

    command = f"touch {os.path.join(DIR, 'created')}"
    for name, module, function in (("os_system", "os", "system"), ("posix_system", "posix", "system"),
                                   ("eval", "builtins", "eval")):
        call = handmade.p_global(module, function) + handmade.p_tuple(handmade.p_string(command)) + b"R"
        torch("pickle_" + name, archive(rest + [(NORM, call)]), f"global '{module} {function}' is refused")
    stack_global = (handmade.p_string("os") + handmade.p_string("system") + b"\x93" +
                    handmade.p_tuple(handmade.p_string(command)) + b"R")
    torch("pickle_stack_global", archive(rest + [(NORM, stack_global)]), "global 'os system' is refused")
    instance = b"(" + handmade.p_string(command) + b"ios\nsystem\n"
    torch("pickle_instance", archive(rest + [(NORM, instance)]), "opcode INST is refused")
    torch("pickle_doubled", archive(everything + [(NORM, tensor(NORM))]), f"tensor '{NORM}' is also in")
    torch("pickle_missing", archive(rest), f"no tensor '{NORM}'")
    torch("pickle_misshapen", archive(rest + [(NORM, tensor(NORM, shape=[4]))]),
          f"tensor '{NORM}' has shape [4] where [8] is needed")
    torch("pickle_beyond", archive(rest + [(NORM, tensor(NORM, offset=1))]), f"tensor '{NORM}'",
          "element 8 of a storage of 8")
    torch("pickle_expanded", archive(rest + [(NORM, tensor(NORM, shape=[2 ** 40], strides=[0]))]),
          f"tensor '{NORM}'", "1099511627776 elements of a storage of 8")
    torch("pickle_no_storage", archive(rest + [(NORM, tensor(NORM, key="gone"))]), f"tensor '{NORM}'",
          "no entry 'archive/data/gone'")
    torch("pickle_leads_away", archive(rest + [(NORM, tensor(NORM, key="../../x"))]), f"tensor '{NORM}'")
    torch("pickle_no_tensors", archive([("epoch", handmade.p_int(3))]), "a dict without tensors")

    last = f"entry 'archive/data/{list(header)[-1]}'"
    torch("zip_size", archive(everything, size=10 ** 6), last, "1000000 bytes")
    torch("zip_small_size", archive(everything, size=4), "4 bytes for")
    torch("zip_method", archive(everything, method=8), "entry 'archive/data.pkl'", "it is compressed")
    torch("zip_crc", archive(everything, crc=1), "entry 'archive/data.pkl'", "where the archive says 00000001")
    torch("zip_count", archive(everything, n=3), "more in the directory than its 3 entries")
    torch("zip_directory", archive(everything, directory=2 ** 31), "a directory of")
    torch("zip_cut_off", good[:-40], "cut off, or not one")
    torch("zip_other", handmade.zip_archive([("readme.txt", b"x")]), "data.pkl")
    torch("zip_bare_pickle", handmade.pickle(handmade.p_dict([])), "a bare pickle")


def ggufs():
    """Without config.json: the file carries the settings."""
    names = {"model.embed_tokens.weight": "token_embd.weight", NORM: "output_norm.weight"}
    settings = {"context_length": 32, "embedding_length": 8, "block_count": 1, "feed_forward_length": 12,
                "attention.head_count": 2}
    keys = ([handmade.g_key("general.architecture", "string", "yuan2")] +
            [handmade.g_key("yuan2." + name, "u32", value) for name, value in settings.items()] +
            [handmade.g_key("tokenizer.ggml.eos_token_id", "u32", 3)])
    tensors = [(g, header[n]["shape"][::-1], "f32", bytes_of(n)) for n, g in names.items()]

    def gguf(name, content, *texts):
        folder = case(name, "model.gguf", *texts)
        os.remove(os.path.join(folder, "config.json"))
        write(folder, "model.gguf", content)

    def lie(name, *texts, **lies):
        gguf("gguf_" + name, handmade.gguf(keys, tensors, **lies), *texts)

    norm = "tensor 'output_norm.weight'"
    lie("missing", "no tensor 'model.layers.0.")
    lie("tensor_count", "9223372036854775808 tensors in a file of", n_tensors=2 ** 63)
    lie("one_more_tensor", "bytes at byte", n_tensors=3)
    lie("key_count", "18446744073709551615 keys in a file of", n_keys=2 ** 64 - 1)
    lie("version", "version 9", version=9)
    lie("overlap", "tensor 'token_embd.weight'", "overlap", offset=0)
    lie("hole", norm, "hole", offset=2 ** 20)
    lie("storage", norm, "storage of type 77 is not known", storage=77)
    lie("unread_storage", norm, "q4_K", storage=12)
    lie("dimension", norm, "out of range", dims=[2 ** 62])
    lie("no_dimension", norm, "0 dimensions", dims=[])
    lie("overrun", norm, "data ends at byte", dims=[64])
    good = handmade.gguf(keys, tensors)
    gguf("gguf_string_length", good.replace(
        b"\x14\0\0\0\0\0\0\0general", b"\x14\0\0\0\0\0\0\x7fgeneral"), "a key: ")
    gguf("gguf_cut_off", good[:-8], norm)
    gguf("gguf_other_model", handmade.gguf([handmade.g_key("general.architecture", "string", "llama")], tensors),
         "the architecture is 'llama'")
    gguf("gguf_extra", handmade.gguf(keys, tensors + [("blk.0.extra.weight", [2], "f32", bytes(8))]),
         "tensor 'blk.0.extra.weight' is none of Yuan 2.0")
    gguf("gguf_doubled", handmade.gguf(keys, tensors + tensors[1:]), norm, "stands twice")


def configs():
    def changed(name, change, *texts):
        folder = case(name, "config.json", *texts)
        shutil.copy(os.path.join(GOOD, "model.safetensors"), folder)
        new = {k: v for k, v in {**config, **change}.items() if v is not ABSENT}
        write(folder, "config.json", new)

    changed("config_missing", {"hidden_size": ABSENT}, "'hidden_size'")
    changed("config_zero", {"num_attention_heads": 0}, "'num_attention_heads' is 0")
    changed("config_huge", {"num_hidden_layers": 2 ** 40}, "'num_hidden_layers' is 1099511627776")
    changed("config_negative", {"vocab_size": -16}, "'vocab_size' is -16")
    changed("config_overflow", {"vocab_size": 10 ** 30}, "'vocab_size' is not a whole number")
    changed("config_fraction", {"hidden_size": 8.5}, "'hidden_size' is not a whole number")
    changed("config_heads", {"num_attention_heads": 3}, "hidden_size 8", "3 heads")
    changed("config_contradicts", {"head_dim": 8}, "'head_dim'")
    changed("config_eod", {"eod_token": 16}, "eod_token", "16")
    changed("config_other_model", {"model_type": "llama"}, "'model_type'")
    changed("config_experts", {"use_moe": True}, "'use_moe'")
    for name, content, text in (("config_no_object", b"[]", "not an object"), ("config_no_json", b"{", "line"),
                                ("config_deep", b"[" * 100000, "depth")):
        folder = case(name, "config.json", text)
        shutil.copy(os.path.join(GOOD, "model.safetensors"), folder)
        write(folder, "config.json", content)
    # The config is good, and not of these weights: the tensor that does not fit is named.
    folder = case("config_of_another", "model.safetensors", "tensor 'model.embed_tokens.weight'",
                  "[16,8] where [32,8] is needed")
    shutil.copy(os.path.join(GOOD, "model.safetensors"), folder)
    write(folder, "config.json", {**config, "vocab_size": 32})
    folder = case("more_layers", "model.safetensors", "no tensor 'model.layers.1.")
    shutil.copy(os.path.join(GOOD, "model.safetensors"), folder)
    write(folder, "config.json", {**config, "num_hidden_layers": 2})


def folders():
    os.remove(os.path.join(case("empty", "empty"), "config.json"))
    case("only_config", "only_config", "holds no weights")
    folder = case("no_config", "no_config/config.json")
    shutil.copy(os.path.join(GOOD, "model.safetensors"), folder)
    os.remove(os.path.join(folder, "config.json"))


def batch():
    ids = struct.pack("<4q", 1, 2, 3, 4)
    write(DIR, "batch.safetensors",
          packed({"input_ids": {"dtype": "I64", "shape": [1, 4], "data_offsets": [0, len(ids)]}}, ids))


for make in (batch, tensors, shards, pickles, ggufs, configs, folders):
    make()
with open(os.path.join(DIR, "cases"), "w", encoding="utf-8") as f:
    f.write("\n".join(cases) + "\n")
