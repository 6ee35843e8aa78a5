#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every case of every operation on one emulated backend, in several orders of threads, warps and blocks
and of independent streams, once with device memory hidden from the host: all must be right, nothing may leak,
and the results' digests must be equal.
    test_orders.py PROGRAM LIBRARY [OPERATION [CASE]]
PROGRAM is built from ops.c, LIBRARY is one of the two libcotrain_cuda.so over the emulator.
"""
import os
import re
import subprocess
import sys

ORDERS = (
    {"EMU_ORDER": "forward", "EMU_STREAMS": "fifo", "EMU_PROTECT": "1"},
    {"EMU_ORDER": "reverse", "EMU_STREAMS": "lifo"},
    {"EMU_ORDER": "random", "EMU_STREAMS": "random", "EMU_SEED": "1"},
)
ALWAYS = {"EMU_LEAKS": "1", "OMP_WAIT_POLICY": "passive"}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    program, library, only = sys.argv[1], sys.argv[2], sys.argv[3:]
    digests, failed = {}, False
    for order in ORDERS:
        setting = {**order, **ALWAYS, "COTRAIN_CUDA_LIBRARY": library}
        done = subprocess.run([program, *only], env={**os.environ, **setting}, capture_output=True,
                              text=True)
        name = " ".join(f"{key}={value}" for key, value in order.items())
        print(f"{name}: {(done.stdout.strip().splitlines() or ['no result'])[-1]}", flush=True)
        found = re.search(r"digest (\w+)", done.stdout)
        if done.returncode or not found:
            failed = True
            print(done.stderr[-4000:])
            again = " ".join(f"{key}={value}" for key, value in setting.items())
            print(f"status {done.returncode}; alone: {again} {' '.join([program, *only])}")
        else:
            digests.setdefault(found.group(1), name)
    if len(digests) > 1:
        print(f"the order shows in the results: {digests}; by operation: add its name to the command")
    sys.exit(1 if failed or len(digests) != 1 else 0)


main()
