#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads TensorBoard event files without TensorBoard: records, both checksums of each, and as much of the
protocol buffers as scalars need. A file that ends in the middle of a record is refused.

event_file.py FILE            prints a JSON line an event: {"step", "version"} | {"step", "start": true} |
                              {"step", "time", "values": {tag: number}}
event_file.py payloads FILE DIR   each event's bytes as DIR/000, DIR/001, ... for `protoc --decode_raw`
"""
import json
import os
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        length, check = struct.unpack_from("<QI", data, at)
        assert check == masked(data[at:at + 8]), f"length's checksum at {at}"
        payload = data[at + 12:at + 12 + length]
        assert len(payload) == length, "cut short"
        assert struct.unpack_from("<I", data, at + 12 + length)[0] == masked(payload), f"event's checksum at {at}"
        yield payload
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif kind == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            assert kind == 2, kind
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
            assert len(value) == n
        yield tag >> 3, value


def event(payload):
    parts = dict(fields(payload))
    out = {"step": parts.get(2, 0)}
    if 3 in parts:
        out["version"] = parts[3].decode()
    if 7 in parts:
        out["start"] = dict(fields(parts[7])) == {1: 1}
    if 5 in parts:
        values = [dict(fields(value)) for number, value in fields(parts[5]) if number == 1]
        out["time"] = parts[1]
        out["values"] = {value[1].decode(): value[2] for value in values}
    return out


def main():
    assert crc32c(b"123456789") == 0xE3069283
    if sys.argv[1] == "payloads":
        for i, payload in enumerate(records(sys.argv[2])):
            with open(os.path.join(sys.argv[3], f"{i:03}"), "wb") as f:
                f.write(payload)
        return
    for payload in records(sys.argv[1]):
        print(json.dumps(event(payload)))


if __name__ == "__main__":
    main()
