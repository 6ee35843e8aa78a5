#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What each technique buys in memory and costs in speed: one training step over and over (bench_step), a line a
technique, each on top of the lines before it in its ladder. Prints planned and anonymous memory, their ratio, the
peak that was resident, tokens per second, and both next to the ladder's first line.

memory.py [--shape bench150m] [--ladder full] [--tokens 1024] [--rounds 3] [--json]

Ladders: lora and full (memory), kernels (the same step by each vector unit of this processor). The lines of a ladder are
run in turn, `rounds` times over; the figures are medians.
"""
import argparse
import json
import os
import statistics
import tempfile

from common import BUILD, last_json, make_model

LAYERS = {"bench150m": 8, "bench500m": 12}
ALL = 1 << 10  # layers, as many as there are


def keys(*settings):
    return [word for setting in settings for word in ("--set", setting)]


INNER, LAYER = ["--recompute-feed-forwards", str(ALL)], ["--recompute-layers", str(ALL)]
# Ladders: name of the line, dtype of the checkpoint, what it adds to the options so far.
LADDERS = {
    "lora": [("fp32 base", "f32", []), ("bf16 base", "bf16", []), ("NF4 base (QLoRA)", "bf16", keys("weight_dtype=nf4")),
             ("feed-forwards made again", "bf16", INNER), ("layers made again", "bf16", LAYER)],
    "full": [("fp32 all through", "f32", []), ("feed-forwards made again", "f32", INNER),
             ("layers made again", "f32", LAYER), ("gradients in bf16", "f32", keys("gradient_dtype=bf16")),
             ("optimiser in the backward pass", "f32", keys("optimizer_in_backward=true", "max_grad_norm=0")),
             ("states in 8 bits", "f32", keys("optimizer=adamw_8bit")),
             ("weights in bf16, rounded at random", "f32", keys("trained_weight_dtype=bf16"))],
    "kernels": [("portable C", "f32", ["--device", "cpu:portable"]), ("AVX2 and FMA", "f32", ["--device", "cpu:avx2"]),
                ("AVX-512", "f32", ["--device", "cpu:avx512"])],
}


def arguments():
    parser = argparse.ArgumentParser(prog="memory.py", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--shape", default="bench150m", choices=sorted(LAYERS))
    parser.add_argument("--ladder", default="full", choices=sorted(LADDERS))
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=2, help="timed, behind one that is not")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", help="folder with SHAPE.f32 and SHAPE.bf16; else they are made")
    parser.add_argument("--build", default=BUILD, help="our programs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(a, folder):
    method = "full" if a.ladder == "full" else "lora"
    lines, options = [], []
    for name, dtype, added in LADDERS[a.ladder]:
        options = added if a.ladder == "kernels" else options + added
        model = os.path.join(folder, f"{a.shape}.{dtype}")
        if not os.path.isdir(model):
            make_model(a.build, a.shape, dtype, model)
        command = [a.build + "/bench/bench_step", model, "--method", method, "--tokens", str(a.tokens), "--steps",
                   str(a.steps), "--threads", str(a.threads), "--json"] + options
        lines.append({"name": name, "command": command, "runs": []})
    for _ in range(a.rounds):
        for line in lines:
            line["runs"].append(last_json(line["command"]))
    return lines


def summary(a, lines):
    out = []
    for line in lines:
        def median(key, runs=line["runs"]):
            return statistics.median(r[key] for r in runs)

        out.append({"name": line["name"], "tokens_per_s": median("tokens_per_s"), "planned_mib": median("planned_mib"),
                    "anonymous_mib": median("anonymous_mib"),
                    "anonymous_to_planned": median("anonymous_mib") / median("planned_mib"),
                    "peak_mib": median("peak_mib"), "loss": line["runs"][0]["loss"]})
    return {"shape": a.shape, "ladder": a.ladder, "tokens": a.tokens, "threads": a.threads, "rounds": a.rounds,
            "lines": out}


def table(r):
    first = r["lines"][0]
    print(f"{r['shape']}, {r['ladder']}, {r['tokens']} tokens, {r['threads']} threads, medians of {r['rounds']}")
    print(f"{'':<36} {'planned':>9} {'anonymous':>10} {'':>6} {'peak MiB':>9} {'':>6} {'tokens/s':>9} {'':>6}  loss")
    for line in r["lines"]:
        print(f"{line['name']:<36} {line['planned_mib']:9.1f} {line['anonymous_mib']:10.1f} "
              f"{line['anonymous_to_planned']:6.3f} {line['peak_mib']:9.1f} {line['peak_mib'] / first['peak_mib']:6.3f} "
              f"{line['tokens_per_s']:9.1f} {line['tokens_per_s'] / first['tokens_per_s']:6.3f}  "
              f"{line['loss'][0]:.4f}, {line['loss'][1]:.4f}")


def main():
    a = arguments()
    with tempfile.TemporaryDirectory(prefix="cotrain.memory.") as scratch:
        result = summary(a, measure(a, a.models or scratch))
    print(json.dumps(result)) if a.json else table(result)


main()
