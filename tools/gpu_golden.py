# SPDX-License-Identifier: Apache-2.0
"""The golden numbers held against `cotrain model probe` and `generate` on a device, with nothing but Python: logits,
token losses, losses and gradients (fp32, with the golden files' own bounds), LoRA, generation; and for bf16 the loss,
within what the official code in bf16 is off. Read next: tools/gpu.py."""
import array
import json
import math
import os
import struct
import subprocess
import sys

CODES = {"F64": ("d", 8), "F32": ("f", 4), "I64": ("q", 8), "I32": ("i", 4), "U8": ("B", 1), "BOOL": ("B", 1)}
LOGITS, TOKEN_LOSS, LOSS, GRADIENTS, LORA_GRADIENTS, LORA_LOGITS = 2e-4, 1e-4, 1e-4, 5e-5, 1e-4, 3e-4
LOSS_BF16 = 0.02


class Tensors:
    """A safetensors file: name -> (shape, values)."""

    def __init__(self, path):
        with open(path, "rb") as f:
            size = struct.unpack("<Q", f.read(8))[0]
            self.header = json.loads(f.read(size))
            self.data = f.read()
        self.header.pop("__metadata__", None)

    def __contains__(self, name):
        return name in self.header

    def names(self):
        return self.header.keys()

    def shape(self, name):
        return self.header[name]["shape"]

    def values(self, name):
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        raw = self.data[begin:end]
        if entry["dtype"] == "BF16":
            wide = b"".join(b"\0\0" + raw[i:i + 2] for i in range(0, len(raw), 2))
            return array.array("f", wide)
        out = array.array(CODES[entry["dtype"]][0], raw)
        if sys.byteorder != "little":
            out.byteswap()
        return out


def worst(got, want, relative):
    """Largest difference, of the largest wanted where `relative`; infinite where lengths differ or one is no number."""
    if len(got) != len(want):
        return math.inf
    most = largest = 0.0
    for a, b in zip(got, want):
        difference = abs(a - b)
        if not difference <= most:
            most = difference if difference == difference else math.inf
        largest = max(largest, abs(b))
    return most / max(largest, 1e-12) if relative else most


def at_positions(values, shape, positions):
    """(B,T,V) -> those T of each, as one list."""
    _, n_tokens, n = shape
    out = array.array(values.typecode)
    for row in range(shape[0]):
        for position in positions:
            begin = (row * n_tokens + position) * n
            out.extend(values[begin:begin + n])
    return out


def some_rows(values, shape, rows):
    n = len(values) // shape[0]
    out = array.array(values.typecode)
    for row in rows:
        out.extend(values[row * n:(row + 1) * n])
    return out


class Golden:
    """One model's checks on one device; `lines` are (good, what, detail)."""

    def __init__(self, program, device, folder, scratch, environment):
        self.program, self.device, self.folder = program, device, folder
        self.scratch, self.environment, self.lines = scratch, environment, []
        self.name = f"{os.path.basename(folder)} on {device}"
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            self.isolate = "attention" if json.load(f).get("reset_attention_mask") else "none"

    def say(self, good, what, detail=""):
        self.lines.append((bool(good), f"{self.name}: {what}", detail))

    def within(self, value, bound, what, detail=""):
        self.say(value < bound, what, f"{value:.2g} of {bound:g} {detail}".strip())

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def json(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return json.load(f)

    def run(self, *arguments):
        return subprocess.run([self.program, *arguments, "--device", self.device], capture_output=True, text=True,
                              timeout=600, check=False, env=self.environment)

    def probe(self, what, *arguments):
        out = os.path.join(self.scratch, "probe.safetensors")
        if os.path.exists(out):
            os.unlink(out)
        done = self.run("model", "probe", "--model", self.folder, "--batch", self.path("forward.f32.safetensors"),
                        "--out", out, "--isolate", self.isolate, *arguments)
        if done.returncode == 0 and os.path.exists(out):
            return Tensors(out)
        self.say(False, what, done.stderr.strip()[-300:] or f"exit code {done.returncode}")
        return None

    def gradients(self, got, path, bound, what):
        most, who, golden = 0.0, "", Tensors(path)
        for name in golden.names():
            if name.startswith("rows/"):
                continue
            of = name.split("@")[0]
            if of not in got:
                most, who = math.inf, f"{of} is missing"
                break
            values = got.values(of)
            if "@" in name:
                values = some_rows(values, got.shape(of), golden.values("rows/" + of))
            difference = worst(values, golden.values(name), True)
            if difference > most:
                most, who = difference, of
        self.within(most, bound, what, who)

    def first(self, *names):
        return next((self.path(name) for name in names if os.path.exists(self.path(name))), None)

    def check_model(self):
        got = self.probe("probe", "--grads", "--loss-mask", "all")
        if not got:
            return
        golden, losses = Tensors(self.path("forward.f64.safetensors")), self.json("losses.json")
        logits = at_positions(got.values("logits"), got.shape("logits"), golden.values("positions"))
        self.within(worst(logits, golden.values("logits_at_positions"), False), LOGITS, "logits")
        self.within(worst(got.values("token_loss"), golden.values("token_loss"), False), TOKEN_LOSS, "token losses")
        self.within(abs(got.values("loss")[0] - losses["loss_mean_f64"]), LOSS, "loss")
        self.gradients(got, self.first("grads.f64.safetensors", "grads_selected.f32.safetensors"), GRADIENTS, "gradients")
        masked = self.probe("masked loss", "--loss-mask", "yuan-hf")
        if masked:
            self.within(abs(masked.values("loss")[0] - losses["loss_masked_f64"]), LOSS, "masked loss")

    def check_lora(self):
        got = self.probe("LoRA", "--adapter", self.path("lora"), "--grads", "--loss-mask", "all")
        if not got:
            return
        golden = Tensors(self.path("lora", "forward.f32.safetensors"))
        logits = at_positions(got.values("logits"), got.shape("logits"), golden.values("positions"))
        self.within(worst(logits, golden.values("logits_at_positions"), False), LORA_LOGITS, "LoRA logits")
        self.gradients(got, self.first("lora/grads.f64.safetensors", "lora/grads.f32.safetensors"), LORA_GRADIENTS,
                       "LoRA gradients")

    def check_generation(self):
        for name, wanted in self.json("generation.json")["runs"].items():
            isolate = "attention" if name.endswith("/doc") else "none"
            done = self.run("generate", "--model", self.folder, "--prompt-ids", ",".join(map(str, wanted["prompt"])),
                            "--max-new-tokens", "32", "--greedy", "--ignore-eod", "--isolate", isolate, "--json")
            try:
                ids = json.loads(done.stdout)["ids"]
            except (ValueError, KeyError):
                self.say(False, f"generation {name}", done.stderr.strip()[-300:])
                continue
            self.say(ids == wanted["generated"], f"generation {name}")

    def check_bf16(self):
        """Weights as they are stored: nano's are fp32, micro's exactly bf16."""
        got = self.probe("probe in bf16", "--loss-mask", "all")
        if not got:
            return
        wanted = self.json("losses_bf16.json")["loss_mean_bf16_arithmetic"]
        self.within(abs(got.values("loss")[0] - wanted), LOSS_BF16, "loss in bf16")

    def check(self):
        if self.device.endswith("bf16"):
            self.check_bf16()
        else:
            self.check_model()
            self.check_lora()
            self.check_generation()
        return self.lines
