#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One training step here and in PyTorch, in turn, in one go: the same shape, tokens, method, threads and
recomputation. Prints the ratios of tokens per second and of peak memory, both taken within each pair of runs,
and which BLAS PyTorch used and how fast it is next to our product.

peer.py --peer yuan2_torch.py [--python PYTHON] [--shape bench150m] [--method lora] [--pairs 5]

PyTorch's MKL takes its AVX2 code on processors that are not Intel's. Where its product stays below 0.8 of ours, the
same is tried with its check answered (a preloaded function of three words, built with cc), and used if that
is faster: the comparison is then with the fastest PyTorch that there is here. Where it is still slow, the
result says that it is not fair. Without PyTorch nothing is compared: exit code 3, which is not a pass.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

from common import BUILD, SHARED, last_json, make_model, spread

LAYERS = {"bench150m": 8, "bench500m": 12}
FAIR = 0.8  # of our product's rate
RATE = """
import json, time, torch
torch.set_num_threads(%d)
a, b, best = torch.randn(1024, 1024), torch.randn(1024, 4096), 0
for _ in range(40):
    start = time.perf_counter()
    a @ b
    best = max(best, 2 * 1024 * 1024 * 4096 / (time.perf_counter() - start) / 1e9)
config = torch.__config__.show()
blas = next((w for w in ("MKL", "OpenBLAS", "BLIS", "Accelerate") if w.lower() in config.lower()), "unknown")
print(json.dumps({"gflops": best, "blas": blas, "torch": torch.__version__}))
"""


def arguments():
    parser = argparse.ArgumentParser(prog="peer.py", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--peer", default=os.path.join(SHARED, "peers/yuan2_torch.py"), help="the model in PyTorch")
    parser.add_argument("--python", default=sys.executable, help="one that has PyTorch")
    parser.add_argument("--shape", default="bench150m", choices=sorted(LAYERS))
    parser.add_argument("--method", default="lora", choices=["lora", "full"])
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=3, help="timed, behind one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--recompute", action="store_true", help="every layer, on both sides")
    parser.add_argument("--model", help="checkpoint of that shape; else one is made")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of our recipe's train section")
    parser.add_argument("--build", default=BUILD, help="our programs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


class Peer:
    """PyTorch as it is installed, or with MKL's check answered."""

    def __init__(self, a, scratch):
        self.a = a
        self.environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads))
        self.preloaded = False
        self.blas = self.rate()
        self.as_installed = self.blas["gflops"]
        self.scratch = scratch

    def rate(self):
        return last_json([self.a.python, "-c", RATE % self.a.threads], self.environment)

    def answer_check(self):
        source, library = self.scratch + "/check.c", self.scratch + "/check.so"
        with open(source, "w", encoding="ascii") as f:
            f.write("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        before, plain = self.blas, self.environment
        self.environment = dict(plain, LD_PRELOAD=library)
        self.blas = self.rate()
        self.preloaded = self.blas["gflops"] > 1.1 * before["gflops"]
        if not self.preloaded:
            self.blas, self.environment = before, plain

    def step(self):
        a = self.a
        command = [a.python, a.peer, "--shape", a.shape, "--method", a.method, "--tokens", str(a.tokens),
                   "--steps", str(a.steps), "--threads", str(a.threads)]
        return last_json(command + (["--checkpoint"] if a.recompute else []), self.environment)


def own_step(a, model):
    command = [a.build + "/bench/bench_step", model, "--method", a.method, "--tokens", str(a.tokens), "--steps",
               str(a.steps), "--threads", str(a.threads), "--json"]
    if a.recompute:
        command += ["--recompute-layers", str(LAYERS[a.shape])]
    for setting in a.set:
        command += ["--set", setting]
    return last_json(command)


def compare(a, scratch):
    peer = Peer(a, scratch)
    model = a.model or make_model(a.build, a.shape, "f32", os.path.join(scratch, "model"))
    ours = own_step(a, model)  # not counted: it also tells our product's rate
    if peer.blas["gflops"] < FAIR * ours["peak_gflops"] and peer.blas["blas"] == "MKL":
        peer.answer_check()
    pairs = []
    for _ in range(a.pairs):
        theirs, ours = peer.step(), own_step(a, model)
        pairs.append((ours, theirs))
    share = peer.blas["gflops"] / statistics.median(o["peak_gflops"] for o, _ in pairs)
    return {
        "shape": a.shape, "method": a.method, "tokens": a.tokens, "threads": a.threads, "recompute": a.recompute,
        "set": a.set, "pairs": a.pairs,
        "tokens_per_s": {"ours": spread([o["tokens_per_s"] for o, _ in pairs]),
                         "theirs": spread([t["tokens_per_s"] for _, t in pairs])},
        "peak_mib": {"ours": spread([o["peak_mib"] for o, _ in pairs]),
                     "theirs": spread([t["peak_mib"] for _, t in pairs])},
        "speed_ratio": spread([o["tokens_per_s"] / t["tokens_per_s"] for o, t in pairs]),
        "memory_ratio": spread([o["peak_mib"] / t["peak_mib"] for o, t in pairs]),
        "torch": peer.blas["torch"], "blas": peer.blas["blas"], "blas_gflops": round(peer.blas["gflops"], 1),
        "blas_gflops_as_installed": round(peer.as_installed, 1), "mkl_check_answered": peer.preloaded,
        "blas_to_our_product": round(share, 3), "fair": share >= FAIR,
    }


def table(r):
    def line(name, ours, theirs, ratio):
        low, high = ratio["range"]
        print(f"{name:<14} {ours['median']:>10.1f} {theirs['median']:>10.1f}  {ratio['median']:.3f} ({low:.3f}-{high:.3f})")

    again = ", every layer made again" if r["recompute"] else ""
    print(f"{r['shape']}, {r['method']}, {r['tokens']} tokens, {r['threads']} threads, {r['pairs']} pairs{again}"
          + "".join(", " + s for s in r["set"]))
    print(f"PyTorch {r['torch']} with {r['blas']}: {r['blas_gflops']} GFLOP/s, {r['blas_to_our_product']:.2f} of our product"
          + (f" (as installed {r['blas_gflops_as_installed']}; MKL's check answered)" if r["mkl_check_answered"] else ""))
    if not r["fair"]:
        print("NOT FAIR: its BLAS is slow here; the ratio of speeds says more about that than about the step")
    print(f"{'':<14} {'ours':>10} {'PyTorch':>10}  ours / PyTorch")
    line("tokens/s", r["tokens_per_s"]["ours"], r["tokens_per_s"]["theirs"], r["speed_ratio"])
    line("peak MiB", r["peak_mib"]["ours"], r["peak_mib"]["theirs"], r["memory_ratio"])


def main():
    a = arguments()
    if not os.path.isfile(a.peer):
        sys.exit(f"peer.py: there is no '{a.peer}'; name the model in PyTorch with --peer")
    if a.pairs < 1:
        sys.exit(f"peer.py: --pairs {a.pairs}: at least 1")
    if subprocess.run([a.python, "-c", "import torch"], capture_output=True).returncode:
        print(f"peer.py: '{a.python}' has no PyTorch: nothing was compared, and this is not a pass", file=sys.stderr)
        sys.exit(3)
    with tempfile.TemporaryDirectory(prefix="cotrain.peer.") as scratch:
        result = compare(a, scratch)
    print(json.dumps(result)) if a.json else table(result)


main()
