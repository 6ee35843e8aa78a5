# SPDX-License-Identifier: Apache-2.0
"""Checkpoint files written by hand, byte by byte, so that each can be wrong in exactly one place: what
tests/fuzz/seeds.py and tests/shell/damage.py are made with. No library of any format is used.
"""
import json
import struct
import zlib


def safetensors(entries, data=b"", length=None):
    """`entries`: the header's object, or its text."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def zip_archive(entries, **lies):
    """Stored entries [(name, bytes)] as torch.save lays them out. `lies` replace numbers: size (the last
    entry's), crc (the first's), method, n, directory (its offset)."""
    out, directory = b"", b""
    for i, (name, content) in enumerate(entries):
        size = lies.get("size", len(content)) if i == len(entries) - 1 else len(content)
        crc = zlib.crc32(content) if i or "crc" not in lies else lies["crc"]
        head = struct.pack("<HHHHHIIIH", 20, 0, lies.get("method", 0), 0, 0, crc, size, size, len(name))
        at = len(out)
        out += b"PK\3\4" + head + struct.pack("<H", 0) + name.encode() + content
        directory += (b"PK\1\2" + struct.pack("<H", 20) + head + struct.pack("<HHHHII", 0, 0, 0, 0, 0, at) +
                      name.encode())
    n = lies.get("n", len(entries))
    return out + directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, n, n, len(directory),
                                                     lies.get("directory", len(out)), 0)


def p_global(module, name):
    return f"c{module}\n{name}\n".encode()


def p_string(text):
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def p_int(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def p_tuple(*items):
    return b"(" + b"".join(items) + b"t"


def p_tensor(storage_type, key, count, shape, strides=None, offset=0):
    """A tensor of a storage of `count` elements; row-major where no strides are given."""
    if strides is None:
        strides, step = [], 1
        for size in reversed(shape):
            strides, step = [step] + strides, step * size
    storage = p_tuple(p_string("storage"), p_global("torch", storage_type), p_string(key), p_string("cpu"),
                      p_int(count)) + b"Q"
    return (p_global("torch._utils", "_rebuild_tensor_v2") +
            p_tuple(storage, p_int(offset), p_tuple(*map(p_int, shape)), p_tuple(*map(p_int, strides)),
                    b"\x89", p_global("collections", "OrderedDict") + b")R") + b"R")


def pickle(value, protocol=2):
    return b"\x80" + bytes([protocol]) + value + b"."


def p_dict(members):
    return b"}(" + b"".join(p_string(name) + value for name, value in members) + b"u"


def torch_file(value, storages, **lies):
    """`value`: what the pickle makes; `storages`: {key: bytes}."""
    return zip_archive([("archive/data.pkl", pickle(value)), ("archive/version", b"3\n")] +
                       [(f"archive/data/{key}", content) for key, content in storages.items()], **lies)


GGUF_TYPES = {"u8": 0, "i8": 1, "u16": 2, "i16": 3, "u32": 4, "i32": 5, "f32": 6, "bool": 7, "u64": 10, "i64": 11,
              "f64": 12}
GGUF_CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i", "f32": "f", "bool": "?",
              "u64": "Q", "i64": "q", "f64": "d"}
GGUF_STRING, GGUF_ARRAY, GGUF_ALIGNMENT = 8, 9, 32
GGUF_STORAGE = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8, "f64": 28}


def g_string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def g_key(name, kind, value):
    """`kind`: a number's type, "string", or [kind] for an array."""
    if kind == "string":
        return g_string(name) + struct.pack("<I", GGUF_STRING) + g_string(value)
    if not isinstance(kind, list):
        return g_string(name) + struct.pack("<I" + GGUF_CODES[kind], GGUF_TYPES[kind], value)
    if kind[0] == "string":
        head, content = GGUF_STRING, b"".join(map(g_string, value))
    else:
        head = GGUF_TYPES[kind[0]]
        content = struct.pack(f"<{len(value)}{GGUF_CODES[kind[0]]}", *value)
    return g_string(name) + struct.pack("<IIQ", GGUF_ARRAY, head, len(value)) + content


def padded(data):
    return data + bytes(-len(data) % GGUF_ALIGNMENT)


def gguf(keys, tensors, **lies):
    """`keys`: of g_key; `tensors`: [(name, dims innermost first, type of storage, bytes)]. `lies` replace
    numbers: version, n_keys, n_tensors; offset, storage and dims (the last tensor's)."""
    out = b"GGUF" + struct.pack("<IQQ", lies.get("version", 3), lies.get("n_tensors", len(tensors)),
                                lies.get("n_keys", len(keys))) + b"".join(keys)
    data = b""
    for i, (name, dims, storage, content) in enumerate(tensors):
        lie = lies if i == len(tensors) - 1 else {}
        dims = lie.get("dims", dims)
        out += g_string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
        out += struct.pack("<IQ", lie.get("storage", GGUF_STORAGE[storage]), lie.get("offset", len(data)))
        data += padded(content)
    return padded(out) + data
