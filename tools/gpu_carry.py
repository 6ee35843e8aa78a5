#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes build/carried: what a machine with a GPU and nothing to download from needs beside this tree, a compiler,
CMake and CUDA. Libraries with their headers (static where there is a static one, else shared, with what those need),
and the golden numbers that tools/gpu.py holds the GPU against. Copy the tree with that folder there, and run
`make -f Makefile.ci gpu`.

gpu_carry.py [--out build/carried]
"""
import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = os.environ.get("COTRAIN_SHARED", os.path.join(ROOT, "../shared"))
MOST_BYTES = 40 << 20
# Library, its headers, and what their paths look like below a folder of includes.
LIBRARIES = [
    ("jansson", "c", ["jansson.h"], r"jansson"),
    ("crypto", "c", ["openssl/evp.h", "openssl/crypto.h"], r"openssl/"),
    ("xxhash", "c", ["xxhash.h"], r"xxh"),
    ("z", "c", ["zlib.h"], r"z(lib|conf)\.h"),
    ("zstd", "c", ["zstd.h", "zstd_errors.h"], r"zstd"),
    ("yaml", "c", ["yaml.h"], r"yaml"),
    ("sentencepiece", "c++", ["sentencepiece_processor.h"], r"sentencepiece"),
    ("pcre2-8", "c", ["pcre2.h"], r"pcre2"),
]
# What every machine with a compiler has.
OF_THE_COMPILER = re.compile(r"(libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s|libgomp|ld-linux.*|linux-vdso)\.so")
GOLDEN = [os.path.join(model, name) for model in ("nano", "micro") for name in (
    "config.json", "model.safetensors", "forward.f32.safetensors", "forward.f64.safetensors", "losses.json",
    "losses_bf16.json", "grads.f64.safetensors", "grads_selected.f32.safetensors", "generation.json",
    "train_batches.safetensors", "trajectory.json", "lora/adapter_config.json", "lora/adapter_model.safetensors",
    "lora/grads.f64.safetensors", "lora/grads.f32.safetensors", "lora/forward.f32.safetensors", "lora/loss.json")]


def output(command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options).stdout


def end(text):
    print("carry: " + text)
    sys.exit(1)


def compiler(language):
    return os.environ.get("CXX", "c++") if language == "c++" else os.environ.get("CC", "cc")


def copy_headers(name, language, headers, pattern, out):
    """Those headers and all that they include of the same library."""
    source = "#define PCRE2_CODE_UNIT_WIDTH 8\n"  # without it pcre2.h is an error
    source += "".join(f"#include <{header}>\n" for header in headers)
    rule = output([compiler(language), "-x", language, "-M", "-"], input=source).replace("\\\n", " ")
    found = 0
    for path in rule.split(":", 1)[-1].split():
        below = re.search(r"/include/(?:[a-z0-9_]+-linux-gnu/)?(" + pattern + r".*)$", os.path.realpath(path)) or \
            re.search(r"/include/(?:[a-z0-9_]+-linux-gnu/)?(" + pattern + r".*)$", path)
        if below:
            to = os.path.join(out, "include", below.group(1))
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy(path, to)
            found += 1
    if found < len(headers):
        end(f"the headers of {name} are not on this machine; make -f Makefile.ci deps installs them")


def file_of(name):
    path = output(["cc", f"-print-file-name={name}"]).strip()
    return path if os.path.isabs(path) else None


def shared_name(path):
    found = re.search(r"\(SONAME\).*\[(.*)\]", output(["readelf", "-d", path]))
    return found.group(1) if found else os.path.basename(path)


def copy_library(name, out):
    """Returns how it is linked."""
    static, shared = file_of(f"lib{name}.a"), file_of(f"lib{name}.so")
    if static:
        shutil.copy(static, out)
        return "static"
    if not shared:
        end(f"lib{name} is not on this machine; make -f Makefile.ci deps installs it")
    real = os.path.realpath(shared)
    shutil.copy(real, os.path.join(out, f"lib{name}.so"))
    shutil.copy(real, os.path.join(out, shared_name(real)))
    for line in output(["ldd", real]).splitlines():
        needed = re.match(r"\s*(\S+) => (/\S+)", line)
        if needed and not OF_THE_COMPILER.match(needed.group(1)):
            shutil.copy(os.path.realpath(needed.group(2)), os.path.join(out, needed.group(1)))
    return "shared"


def copy_golden(out):
    golden, n = os.path.join(SHARED, "golden"), 0
    for name in GOLDEN:
        path, to = os.path.join(golden, name), os.path.join(out, "golden", name)
        if os.path.exists(path):
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copy(path, to)
            n += 1
    if n == 0:
        end(f"no golden numbers in '{golden}'; COTRAIN_SHARED names the folder that has golden/")
    return n


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def main():
    parser = argparse.ArgumentParser(prog="gpu_carry.py", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--out", default=os.path.join(ROOT, "build/carried"))
    out = os.path.abspath(parser.parse_args().out)
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(os.path.join(out, "lib"))
    about = {"machine": platform.machine(), "libraries": {}}
    for name, language, headers, pattern in LIBRARIES:
        copy_headers(name, language, headers, pattern, out)
        about["libraries"][name] = copy_library(name, os.path.join(out, "lib"))
    about["golden_files"] = copy_golden(out)
    with open(os.path.join(out, "about.json"), "w", encoding="utf-8") as f:
        json.dump(about, f, indent=1)
    for at, _, names in os.walk(out):
        for name in names:
            os.chmod(os.path.join(at, name), 0o644)
    size = folder_bytes(out)
    print(f"carry: {out}: {size / 2**20:.1f} MiB, {about['golden_files']} golden files, "
          + ", ".join(f"{name} ({kind})" for name, kind in about["libraries"].items()))
    if size > MOST_BYTES:
        end(f"that is more than {MOST_BYTES >> 20} MiB")


if __name__ == "__main__":
    main()
