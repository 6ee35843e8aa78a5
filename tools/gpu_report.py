# SPDX-License-Identifier: Apache-2.0
"""One file with everything that tools/gpu.py found out, for people (report.md) and for programs (report.json). It is
written anew after each step, so that a machine that is taken away leaves what there was. Read next: tools/gpu.py."""
import json
import os
import platform
import subprocess


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().splitlines()[-1]
    except (OSError, IndexError):
        return "not there"


def table(head, rows):
    line = lambda cells: "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows)]) + "\n"


def fenced(text):
    return "```\n" + text.rstrip() + "\n```\n"


def steps_part(run):
    parts = ["## Steps\n", table(("step", "", "seconds", "what"), [
        (s["name"], s["state"], s["seconds"], s["detail"].splitlines()[0] if s["detail"] else "") for s in run.steps])]
    for s in run.steps:
        if s["state"] == "FAIL":
            parts += [f"### {s['name']} failed\n", fenced(s["detail"])]
    return parts


def operations_part(rows):
    parts = ["## Operations\n", table(("operation", "cases", "wrong", "same bits twice", "digest"), [
        (r["operation"], r["cases"], r["wrong"], "yes" if r["same_bits"] else "NO", r["digests"][0]) for r in rows])]
    return parts + [f"### {r['operation']}\n{fenced(r['says'])}" for r in rows if r["says"] and not r["good"]]


def golden_part(rows):
    return ["## Golden numbers\n", table(("", "check", "off"), [
        ("ok" if r["good"] else "FAIL", r["what"], r["detail"]) for r in rows])]


def training_part(rows):
    return ["## Training, again and resumed\n", table(
        ("device", "recipe", "steps", "first loss", "last loss", "the same again", "the same resumed"),
        [(r["device"], r["recipe"], r["steps"], f"{r['first_loss']:.5f}", f"{r['last_loss']:.5f}",
          "yes" if r["same_again"] else "NO", "yes" if r["same_resumed"] else "NO") for r in rows])]


def bench_part(bench):
    parts = ["## Operations against the roofline\n",
             f"Measured in this run: {bench['flops_per_s'] / 1e12:.1f} TFLOP/s (a large product), "
             f"{bench['bytes_per_s'] / 1e9:.0f} GB/s (a large copy). The ratio is predicted time over measured time.\n",
             table(("tokens", "part", "operation", "x", "MB", "GFLOP", "predicted us", "us", "ratio"), [
                 (r["tokens"], r["group"], r["name"], r["times"], f"{r['bytes'] / 1e6:.1f}", f"{r['flops'] / 1e9:.1f}",
                  f"{r['predicted_us']:.1f}", f"{r['us']:.1f}", f"{r['ratio']:.2f}") for r in bench["operations"]]),
             table(("tokens", "pass", "predicted us", "us", "ratio"), [
                 (r["tokens"], r["name"], f"{r['predicted_us']:.1f}", f"{r['us']:.1f}", f"{r['ratio']:.2f}")
                 for r in bench["layers"]])]
    return parts


def ladder_part(rows):
    return ["## Whole steps\n", table(("step", "ms", "roofline ms", "roofline / measured", "tokens/s", "TFLOP/s", "planned MiB",
                                       "first loss", "last loss"), [
        (r["name"], f"{1e3 * r['seconds']:.1f}", f"{1e3 * r['roofline_seconds']:.1f}",
         f"{r['roofline_seconds'] / r['seconds']:.2f}" if r["seconds"] else "", f"{r['tokens_per_s']:.0f}",
         f"{r['gflops'] / 1e3:.1f}", f"{r['planned_mib']:.0f}", f"{r['loss'][0]:.4f}", f"{r['loss'][1]:.4f}")
        for r in rows])]


def facts_part(facts):
    parts = ["## Devices\n", fenced(json.dumps(facts.get("devices"), indent=1))]
    if "copy" in facts:
        parts.append(f"cudaMemcpy within the device: {facts['copy']['bytes_per_s'] / 1e9:.0f} GB/s read and written.\n")
    shapes = facts.get("cublaslt", {}).get("shapes", [])
    parts += ["## cuBLASLt\n", table(("product", "m", "n", "k", "", "out", "status", "TFLOP/s", "algorithm"), [
        (s["name"], s["m"], s["n"], s["k"], s["transposed"], s["out"], s["heuristic_status"],
         f"{s.get('flops_per_s', 0) / 1e12:.1f}",
         ", ".join(f"{k} {v}" for k, v in s.get("algorithm", {}).items() if k != "bits")) for s in shapes])]
    return parts + ["## cuDNN's description of the device\n", fenced(json.dumps(facts.get("cudnn"), indent=1))]


def text_of(run):
    parts = ["# cotrain on a GPU\n", table(("", ""), [
        ("devices", ", ".join(f"{name} (sm_{arch})" for name, arch in run.devices)),
        ("machine", f"{platform.machine()}, {os.cpu_count()} processors, {platform.platform()}"),
        ("compiler", first_line(["cc", "-dumpfullversion"])),
        ("nvcc", first_line([run.environment.get("CUDACXX", "nvcc"), "--version"])),
        ("commit", first_line(["git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "HEAD"])),
        ("carried libraries used for", ", ".join(run.data.get("carried", [])) or "none")])]
    parts += steps_part(run)
    for key, part in (("operations", operations_part), ("golden", golden_part), ("training", training_part),
                      ("bench", bench_part), ("steps", ladder_part), ("facts", facts_part)):
        if key in run.data:
            parts += part(run.data[key])
    if "allreduce" in run.data:
        parts += ["## Sum over two devices\n", fenced(json.dumps(run.data["allreduce"], indent=1))]
    if "nvidia_smi" in run.data:
        parts += ["## nvidia-smi -q\n", fenced(run.data["nvidia_smi"])]
    return "\n".join(parts)


def write_report(run):
    whole = {"devices": run.devices, "steps_run": run.steps, **run.data}
    with open(os.path.join(run.out, "report.json"), "w", encoding="utf-8") as f:
        json.dump(whole, f, indent=1)
    with open(os.path.join(run.out, "report.md"), "w", encoding="utf-8") as f:
        f.write(text_of(run))
