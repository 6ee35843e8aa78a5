# SPDX-License-Identifier: Apache-2.0
"""A reader of GGUF, safetensors and sentencepiece files from their published layouts and nothing of this
project, for tests/shell/test_convert.sh: what `cotrain model convert` writes is held against it. Strict
where a lenient reader would let a fault pass.
"""
import json
import struct

import numpy as np

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
# number: (elements of a block, its bytes)
STORED = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34)}


class Gguf:
    """keys: {name: (type, value)}, an array's type as (9, its elements'); tensors: {name: (dims innermost
    first, type, bytes)}."""

    def __init__(self, path):
        self.data, self.at = open(path, "rb").read(), 0
        assert self.take(4) == b"GGUF"
        self.version, n_tensors, n_keys = self.number(4), self.number(10), self.number(10)
        self.keys = {}
        for _ in range(n_keys):
            name, kind = self.text().decode(), self.number(4)
            assert name not in self.keys, name
            self.keys[name] = self.value(kind)
        infos = []
        for _ in range(n_tensors):
            name, n_dims = self.text().decode(), self.number(4)
            dims = [self.number(10) for _ in range(n_dims)]
            infos.append((name, dims, self.number(4), self.number(10)))
        self.tensors, end = {}, 0
        begin = (self.at + 31) // 32 * 32
        assert not any(self.data[self.at:begin])
        for name, dims, kind, offset in infos:
            block, block_bytes = STORED[kind]
            assert dims[0] % block == 0 and offset % 32 == 0 and offset == (end + 31) // 32 * 32, name
            assert name not in self.tensors, name
            size = int(np.prod(dims)) // block * block_bytes
            assert not any(self.data[begin + end:begin + offset])
            end = offset + size
            self.tensors[name] = (dims, kind, self.data[begin + offset:begin + end])
        assert len(self.data) == begin + (end + 31) // 32 * 32

    def take(self, n):
        assert self.at + n <= len(self.data)
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, kind):
        return struct.unpack(SCALARS[kind], self.take(struct.calcsize(SCALARS[kind])))[0]

    def text(self):
        return self.take(self.number(10))

    def value(self, kind):
        if kind == STRING:
            return kind, self.text().decode()
        if kind != ARRAY:
            return kind, self.number(kind)
        element, n = self.number(4), self.number(10)
        return (kind, element), [self.text().decode() if element == STRING else self.number(element)
                                 for _ in range(n)]

    def values(self, name):
        """fp32 in the shape of the HF form."""
        dims, kind, data = self.tensors[name]
        if kind == 0:
            out = np.frombuffer(data, "<f4")
        elif kind == 1:
            out = np.frombuffer(data, "<f2").astype(np.float32)
        else:
            blocks = np.frombuffer(data, np.uint8).reshape(-1, STORED[kind][1])
            scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
            codes = blocks[:, 2:]
            codes = (codes.view(np.int8) if kind == 8 else
                     np.concatenate([codes & 15, codes >> 4], axis=1).astype(np.int8) - 8)
            out = scale * codes.astype(np.float32)
        return out.reshape(dims[::-1])


def safetensors(path):
    """{name: (dtype, fp32 values, bytes)}."""
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, info in json.loads(raw[8:8 + n]).items():
        if name == "__metadata__":
            continue
        data = raw[8 + n + info["data_offsets"][0]:8 + n + info["data_offsets"][1]]
        if info["dtype"] == "BF16":
            values = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(data, {"F32": "<f4", "F16": "<f2"}[info["dtype"]]).astype(np.float32)
        out[name] = (info["dtype"], values.reshape(info["shape"]), data)
    return out


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            n = {1: 8, 5: 4}.get(key & 7)
            if n is None:
                n, at = varint(data, at)
            value, at = data[at:at + n], at + n
        yield key >> 3, value


def sentencepiece(path):
    """[(piece, score, type)], types as sentencepiece numbers them, which are ggml's but for the names."""
    out = []
    for number, message in fields(open(path, "rb").read()):
        if number == 1:
            piece = dict(fields(message))
            score = struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0
            out.append((piece[1].decode(), score, piece.get(3, 1)))
    return out
