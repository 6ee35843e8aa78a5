#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the 2.1B model on this machine through `cotrain train`, in the three ways that have a limit of memory:
LoRA on a bf16 base, QLoRA on NF4, everything with 8-bit states and bf16 weights. One row of up to 1024 tokens comes
again and again, so the loss must fall. Prints, of each, the limit, the plan, what was resident and anonymous
(from /proc/self/status, by the run itself), seconds a step, and the losses; the exit code says whether all held.

real_size.py [--model DIR] [--tokenizer DIR] [--method lora] [--steps 3] [--work DIR]

Without --model a seeded checkpoint is made (`cotrain model init --preset yuan2-2b`, 4.2 GB). --work keeps the
runs' folders, merged models among them (up to 13 GB); without it they go to a temporary folder.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

from common import BUILD, NAME, ROOT, SHARED, run

GIB = 1 << 30
TOKENS = 1024
RECIPE = """cotrain: 1
name: real-size-{name}
month: "2024-03"
base_model: {{path: {base}}}
requests:
  - id: "bench/real-size#1@1"
    scenario: one long document
    capability: the document comes again word for word
    examples:
      - {{prompt: Which document?, response: {text}}}
{adapter}train:
  sequence_len: {tokens}
  micro_batch_size: 1
  gradient_accumulation_steps: 1
  learning_rate: {rate}
  warmup_ratio: 0
  lr_scheduler: constant
  save_steps: 0
"""
LORA = "adapter: {type: lora, r: 16, lora_alpha: 32, target_modules: all}\n"
METHODS = {  # limit in GiB, adapter, learning rate, more of the train section
    "lora": (5.5, LORA, "1.0e-3", []),
    "qlora": (2.5, LORA, "1.0e-3", ["weight_dtype: nf4"]),
    "full": (16, "adapter: {type: none}\n", "3.0e-5", ["optimizer: adamw_8bit", "trained_weight_dtype: bf16", "optimizer_in_backward: true",
                                "max_grad_norm: 0"]),
}


def arguments():
    parser = argparse.ArgumentParser(prog=NAME, description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--model", help="2.1B checkpoint without a tokenizer, or with one")
    parser.add_argument("--tokenizer", default=os.path.join(SHARED, "tokenizer"), help="folder of Yuan 2.0's own")
    parser.add_argument("--method", action="append", choices=sorted(METHODS), help="else all")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--work", help="folder for what is made; else a temporary one")
    parser.add_argument("--build", default=BUILD, help="our programs")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def make_base(a, work):
    """The checkpoint's files and the tokenizer's, side by side."""
    base = os.path.join(work, "base")
    model = a.model
    if not model:
        model = os.path.join(work, "model")
        run([a.build + "/cotrain", "model", "init", "--preset", "yuan2-2b", "--dtype", "bf16", "--out", model])
    os.makedirs(base, exist_ok=True)
    for folder in (a.tokenizer, model):
        for name in os.listdir(folder):
            place = os.path.join(base, name)
            if not os.path.lexists(place):
                os.symlink(os.path.abspath(os.path.join(folder, name)), place)
    return base


def write_recipe(name, base, text, work):
    _, adapter, rate, more = METHODS[name]
    path = os.path.join(work, name + ".yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(RECIPE.format(name=name, base=base, adapter=adapter, text=json.dumps(text), tokens=TOKENS, rate=rate))
        f.writelines("  " + line + "\n" for line in more)
    return path


def make_text(a, base, work):
    """The longest beginning of our own documentation that fits into a row."""
    with open(os.path.join(ROOT, "docs/checkpoints.md"), encoding="utf-8") as f:
        text = f.read()

    def fits(n):
        recipe, out = write_recipe("lora", base, text[:n], work), os.path.join(work, "dataset")
        shutil.rmtree(out, ignore_errors=True)
        return subprocess.run([a.build + "/cotrain", "data", "build", recipe, "--out", out],
                              capture_output=True).returncode == 0

    low, high = 1, min(len(text), 6 * TOKENS)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return text[:low]


def train(a, name, base, text, work):
    limit = METHODS[name][0]
    out = os.path.join(work, name)
    shutil.rmtree(out, ignore_errors=True)
    run([a.build + "/cotrain", "train", write_recipe(name, base, text, work), "--work", out, "--threads", str(a.threads),
         "--memory", f"{limit}GiB", "--set", f"train.max_steps={a.steps}"])
    with open(os.path.join(out, "train/run.jsonl"), encoding="utf-8") as f:
        steps = [json.loads(line) for line in f]
    with open(os.path.join(out, "train/plan.json"), encoding="utf-8") as f:
        plan = json.load(f)
    used = plan["used"]
    speeds = sorted(s["tokens_per_second"] for s in steps)
    result = {"method": name, "limit_gib": limit, "planned_resident_gib": used["planned_resident_bytes"] / GIB,
              "peak_resident_gib": used["peak_resident_bytes"] / GIB, "planned_gib": used["planned_bytes"] / GIB,
              "anonymous_to_planned": used["anonymous_bytes"] / used["planned_bytes"], "tokens": steps[0]["tokens"],
              "tokens_per_s": speeds[len(speeds) // 2], "losses": [s["loss"] for s in steps],
              "recompute": plan["recompute"]}
    result["held"] = (result["peak_resident_gib"] <= limit and abs(result["anonymous_to_planned"] - 1) < 0.03
                      and len(steps) >= 3 and steps[-1]["loss"] < steps[0]["loss"])
    return result


def table(r):
    again = r["recompute"]
    print(f"{r['method']:<6} limit {r['limit_gib']:g} GiB: peak resident {r['peak_resident_gib']:.2f} GiB (planned "
          f"{r['planned_resident_gib']:.2f}), anonymous / planned {r['anonymous_to_planned']:.3f} of {r['planned_gib']:.2f} GiB")
    print(f"       {r['tokens']} tokens a step, {r['tokens_per_s']:.1f} tokens/s; made again: {again['layers']} layers, "
          f"{again['feed_forwards']} feed-forwards ({100 * again['more_multiplications']:.1f} % more multiplications)")
    print(f"       loss {', '.join(f'{loss:.4f}' for loss in r['losses'])}: {'held' if r['held'] else 'NOT HELD'}", flush=True)


def main():
    a = arguments()
    if not os.path.isfile(os.path.join(a.tokenizer, "tokenizer.model")):
        sys.exit(f"{NAME}: '{a.tokenizer}' has no tokenizer.model; name Yuan 2.0's folder with --tokenizer")
    with tempfile.TemporaryDirectory(prefix="cotrain.real.") as scratch:
        work = a.work or scratch
        os.makedirs(work, exist_ok=True)
        base = make_base(a, work)
        text = make_text(a, base, work)
        results = []
        for name in a.method or METHODS:
            results.append(train(a, name, base, text, work))
            if not a.json:
                table(results[-1])
            if not a.work:
                shutil.rmtree(os.path.join(work, name))
    if a.json:
        print(json.dumps(results))
    sys.exit(not all(r["held"] for r in results))


main()
