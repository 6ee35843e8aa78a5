# SPDX-License-Identifier: Apache-2.0
"""Reads a list of exceptions, each a line of source with the reason for it:
    FILE: CODE OF THE LINE
        the reason, indented
Lines are named by their text, so that the list outlives changes elsewhere in the file.
"""


def read(path):
    """{(file, code): reason}"""
    out, key = {}, None
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                key = None
            elif not line.startswith(" "):
                name, code = line.strip().split(": ", 1)
                key = (name, code)
                out[key] = ""
            elif key:
                out[key] += line.strip() + " "
    return out
