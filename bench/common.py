# SPDX-License-Identifier: Apache-2.0
"""What the scripts of bench/ share: where things are, running a program for its JSON, spreads, and models of the
shapes that the figures are of. Read next: bench/README.md."""
import json
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build/release")
SHARED = os.environ.get("COTRAIN_SHARED", os.path.join(ROOT, "../shared"))
NAME = os.path.basename(sys.argv[0])


def run(command, environment=None):
    """Its standard output; the script ends where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{NAME}: {' '.join(command[:3])} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def last_json(command, environment=None):
    return json.loads(run(command, environment).strip().splitlines()[-1])


def spread(values):
    return {"median": round(statistics.median(values), 3), "range": [round(min(values), 3), round(max(values), 3)]}


def make_model(build, shape, dtype, out):
    config = os.path.join(ROOT, "bench/shapes", shape + ".json")
    run([build + "/cotrain", "model", "init", "--config", config, "--dtype", dtype, "--out", out])
    return out
