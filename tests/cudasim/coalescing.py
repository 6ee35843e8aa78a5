#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the hot kernels to how they use memory: of each source line, the 32-byte sectors that a warp's
requests touch are at most 1 / 0.9 of the fewest possible, and shared memory answers in at most two
wavefronts where one would do, on a case of a model's shape. Lines that may be worse stand with their
reason in coalescing.txt.
    coalescing.py PROGRAM LIBRARY [OPERATION]...
PROGRAM is built from ops.c, LIBRARY is the checked libcotrain_cuda.so.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

import explained

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LEAST_COALESCED, MOST_WAVEFRONTS = 0.90, 2.0
# The case of each hot operation that is long, and whose rows are whole vectors.
HOT = {
    "rmsnorm": "wide", "rmsnorm_backward": "wide", "swiglu": "large", "swiglu_backward": "large",
    "pair": "long", "unpair": "long", "shareqk": "wide", "shareqk_backward": "wide", "rope": "wide",
    "attention": "long", "attention_backward": "tiles", "cross_entropy": "first_range",
    "cross_entropy_backward": "blocks", "adamw": "large", "add": "large", "scale": "large",
    "dropout": "wide", "widen_bf16": "large", "round_bf16": "large", "sum_rows": "long",
}


def measure(program, library, operation, case):
    """{(kind, place): [requests, got, ideal]}"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stats")
        setting = {"COTRAIN_CUDA_LIBRARY": library, "EMU_STATS": path, "OMP_WAIT_POLICY": "passive"}
        done = subprocess.run([program, operation, case], env={**os.environ, **setting},
                              capture_output=True, text=True)
        if done.returncode or not os.path.exists(path):
            sys.exit(f"coalescing: {operation} {case} failed:\n{done.stdout}{done.stderr}")
        out = collections.defaultdict(lambda: [0, 0, 0])
        with open(path, encoding="utf-8") as f:
            for line in f:
                kind, place, _, *numbers = line.split()
                for i, number in enumerate(numbers):
                    out[kind, place][i] += int(number)
        return out


def code_of(place):
    """The file and the text of the outermost line of a place, "inner.cuh:12@outer.cu:34"."""
    name, line = place.split("@")[-1].split(":")
    path = os.path.join(ROOT, "compute", "cuda", name)
    if not os.path.exists(path):
        return name, place
    with open(path, encoding="utf-8") as f:
        return name, f.read().splitlines()[int(re.match(r"\d+", line).group(0)) - 1].strip()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, library, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    allowed = explained.read(os.path.join(HERE, "coalescing.txt"))
    n_places, n_wrong, used = 0, 0, set()
    for operation, case in HOT.items():
        if only and operation not in only:
            continue
        sectors, places = [0, 0], measure(program, library, operation, case)
        if not places:
            print(f"{operation}: not in this backend")
            continue
        for (kind, place), (requests, got, ideal) in sorted(places.items()):
            n_places += 1
            if kind == "global":
                sectors = [sectors[0] + got, sectors[1] + ideal]
            wrong = ideal < LEAST_COALESCED * got if kind == "global" else got > MOST_WAVEFRONTS * ideal
            if not wrong:
                continue
            where = f"{ideal / got:.0%} of its sectors needed" if kind == "global" else \
                f"{got / ideal:.1f} wavefronts for one"
            key = code_of(place)
            if key in allowed:
                used.add(key)
                continue
            n_wrong += 1
            print(f"{operation}, case {case}: {kind} memory at {place}: {where}, {requests} requests\n"
                  f"    {key[0]}: {key[1]}")
        print(f"{operation}: {sectors[1] / max(sectors[0], 1):.0%} of global sectors needed")
    if not only:
        for key in sorted(set(allowed) - used):
            n_wrong += 1
            print(f"coalescing.txt: no longer needed: {key[0]}: {key[1]}")
    print(f"{n_places} places, {n_wrong} wrong")
    sys.exit(1 if n_wrong or not n_places else 0)


main()
