#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is on a screenshot, in numbers: `png.py FILE` prints its width, its height, how many colours it
has, and the mean brightness of its pixels and of the most frequent one (0 to 255).
"""
import struct
import sys
import zlib

import numpy


def chunks(data):
    at = 8
    while at < len(data):
        n, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + n]
        at += 12 + n


def unfilter(kind, line, above, step):
    """Undoes one of PNG's filters 0 to 4 on a line of bytes, in place."""
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        up = above[i]
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = up
        elif kind == 3:
            guess = (left + up) // 2
        else:
            corner = above[i - step] if i >= step else 0
            to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            guess = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
        line[i] = (line[i] + guess) & 255


def read(path):
    """Height by width by 3 bytes."""
    with open(path, "rb") as f:
        data = f.read()
    parts = list(chunks(data))
    width, height, depth, colour = struct.unpack(">IIBB", parts[0][1][:10])
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and depth == 8 and colour in (2, 6), "an RGB picture is wanted"
    step = 3 if colour == 2 else 4
    raw = zlib.decompress(b"".join(d for k, d in parts if k == b"IDAT"))
    out, above = bytearray(), bytearray(width * step)
    for y in range(height):
        begin = y * (1 + width * step)
        line = bytearray(raw[begin + 1:begin + 1 + width * step])
        if raw[begin]:
            unfilter(raw[begin], line, above, step)
        out += line
        above = line
    return numpy.frombuffer(bytes(out), numpy.uint8).reshape(height, width, step)[:, :, :3]


def main():
    picture = read(sys.argv[1])
    colours, counts = numpy.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    most = colours[counts.argmax()]
    print(picture.shape[1], picture.shape[0], len(colours), round(float(picture.mean())), round(float(most.mean())))


if __name__ == "__main__":
    main()
