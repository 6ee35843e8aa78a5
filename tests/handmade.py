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
