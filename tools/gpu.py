#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The first ten minutes on a GPU, as one command (`make -f Makefile.ci gpu`). Needs nvcc, CMake 3.25, a C and C++
compiler and Python, and downloads nothing. Builds the program and the GPU backend for the devices that are there, then
runs every operation's cases, the golden numbers, training with and without an interruption, a sum over two devices, and
the benchmarks against the roofline; and saves what is to be known of the devices. A step that fails is reported and
the others still run. Leaves build/gpu/report.md and report.json. Exit code 1 when anything failed.

gpu.py [--only STEP,...] [--out build/gpu] [--build-only ARCHITECTURE | --emulated BUILD]
"""
import argparse
import ctypes
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

from gpu_golden import Golden
from gpu_report import write_report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CARRIED = os.path.join(ROOT, "build/carried")
CORES = str(len(os.sched_getaffinity(0)))
HEADERS = {"jansson": "jansson.h", "crypto": "openssl/evp.h", "xxhash": "xxhash.h", "z": "zlib.h",
           "zstd": "zstd.h", "yaml": "yaml.h", "sentencepiece": "sentencepiece_processor.h", "pcre2-8": "pcre2.h"}
WIDTH = "#define PCRE2_CODE_UNIT_WIDTH 8\n"  # without it pcre2.h is an error
TINY = {"model_type": "yuan", "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1,
        "num_attention_heads": 4, "max_position_embeddings": 128, "initializer_range": 0.02, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False, "eod_token": 7, "sep_token": 9, "pad_token_id": 7}
# Whole steps: shape (of bench/shapes, or a preset), method, tokens, settings.
LADDER = [("bench150m", "lora", 1024, []), ("bench150m", "full", 1024, []), ("bench500m", "full", 4096, []),
          ("yuan2-2b", "lora", 4096, []), ("yuan2-2b", "lora", 4096, ["weight_dtype=nf4"]),
          ("yuan2-2b", "full", 4096, ["trained_weight_dtype=bf16", "gradient_dtype=bf16", "optimizer=adamw_8bit"])]


class Failed(Exception):
    """A step's reason, in one line or several."""


def stop(text):
    print("gpu: " + text)
    sys.exit(1)


def find_devices():
    """(name, compute capability) of each, asked of the driver itself."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        stop("there is no NVIDIA driver on this machine, so nothing was run")
    n = ctypes.c_int(0)
    status = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(n))
    if status or n.value == 0:
        stop(f"the NVIDIA driver finds no GPU on this machine (code {status}), so nothing was run")
    devices = []
    for i in range(n.value):
        name, major, minor = ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_int()
        driver.cuDeviceGetName(name, 256, i)
        driver.cuDeviceGetAttribute(ctypes.byref(major), 75, i)
        driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, i)
        devices.append((name.value.decode(), f"{major.value}{minor.value}"))
    return devices


def find_nvcc():
    places = [os.environ.get(name, "") + "/bin/nvcc" for name in ("CUDA_HOME", "CUDA_PATH")]
    places += ["/usr/local/cuda/bin/nvcc"] + sorted(glob.glob("/usr/local/cuda-*/bin/nvcc"), reverse=True)
    places += [path for folder in sys.path for path in glob.glob(folder + "/nvidia/cu*/bin/nvcc")]
    return shutil.which("nvcc") or next((path for path in places if os.access(path, os.X_OK)), None)


def python_folder(name):
    """Where a package of NVIDIA's keeps a library, or None: nvidia/NAME in Python's folders."""
    folders = [path for folder in sys.path for path in glob.glob(os.path.join(folder, "nvidia", name))]
    return next((path for path in folders if os.path.isdir(os.path.join(path, "include"))), None)


def missing_libraries(environment):
    """Those that a tiny program cannot be compiled and linked with."""
    missing = []
    for name, header in HEADERS.items():
        language, compiler = ("c++", "c++") if name == "sentencepiece" else ("c", "cc")
        done = subprocess.run([environment.get("CXX" if compiler == "c++" else "CC", compiler), "-x", language, "-",
                               "-o", os.devnull, "-l" + name], env=environment, capture_output=True, text=True,
                              input=f"{WIDTH}#include <{header}>\nint main(void) {{ return 0; }}\n".replace(
                                  "(void)", "()" if language == "c++" else "(void)"), check=False)
        if done.returncode:
            missing.append(name)
    return missing


class Run:
    """What the steps share, and what they leave for the report."""

    def __init__(self, arguments):
        self.arguments, self.emulated = arguments, arguments.emulated
        self.out = os.path.abspath(arguments.out)
        self.scratch = tempfile.mkdtemp(prefix="cotrain.gpu.")
        self.build = os.path.abspath(self.emulated or os.path.join(self.out, "program"))
        self.environment = dict(os.environ)
        self.steps, self.data, self.devices = [], {}, []
        self.library = os.path.join(self.build, "tests/cudasim/fast/libcotrain_cuda.so" if self.emulated
                                    else "libcotrain_cuda.so")
        os.makedirs(self.out, exist_ok=True)

    def program(self, name):
        return os.path.join(self.build, name)

    def command(self, argv, log=None, seconds=600, environment=None, good=(0,)):
        """Its output, standard error behind; Failed where the exit code is not among `good`."""
        try:
            done = subprocess.run(argv, cwd=ROOT, env=environment or self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, errors="replace", timeout=seconds, check=False)
        except subprocess.TimeoutExpired as e:
            raise Failed(f"{os.path.basename(argv[0])} took more than {seconds} s") from e
        except OSError as e:
            raise Failed(f"{argv[0]}: {e.strerror}") from e
        if log:
            with open(os.path.join(self.out, log), "w", encoding="utf-8") as f:
                f.write(done.stdout + done.stderr)
        if done.returncode not in good:
            lines = (done.stdout + done.stderr).strip().splitlines()
            errors = [line for line in lines if re.search(r"\berror\b|FAILED", line, re.I)]
            raise Failed(f"{' '.join(os.path.basename(a) for a in argv[:4])} ended with {done.returncode}:\n"
                         + "\n".join((errors or lines)[-8:]))
        return done.stdout, done.stderr

    def step(self, name, function):
        if self.arguments.only and name.split()[0] not in self.arguments.only and name != "build":
            return False
        start, state, detail = time.monotonic(), "ok", ""
        try:
            detail = function(self) or ""
            if detail.startswith("skipped"):
                state = "skipped"
        except Failed as e:
            state, detail = "FAIL", str(e)
        except (OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError) as e:
            state, detail = "FAIL", f"{type(e).__name__}: {e}"
        seconds = time.monotonic() - start
        self.steps.append({"name": name, "state": state, "seconds": round(seconds, 1), "detail": detail})
        print(f"{state:7} {name}  ({seconds:.0f} s)" + ("  " + detail.splitlines()[0] if detail else ""), flush=True)
        write_report(self)
        return state != "FAIL"


# ---- build ----

def prepare(run):
    """Compilers, libraries and where NVIDIA's are; ends the program where something is missing."""
    nvcc = find_nvcc()
    lacking = [what for what, there in (("nvcc", nvcc), ("cmake", shutil.which("cmake")), ("a C compiler (cc)",
               shutil.which("cc")), ("a C++ compiler (c++)", shutil.which("c++"))) if not there]
    if lacking:
        stop("this machine lacks " + ", ".join(lacking))
    version = re.search(r"(\d+)\.(\d+)", subprocess.run(["cmake", "--version"], capture_output=True, text=True,
                                                        check=True).stdout)
    if (int(version.group(1)), int(version.group(2))) < (3, 25):
        stop(f"CMake 3.25 or newer is needed; this machine's is {version.group(0)}")
    e = run.environment
    e["CUDACXX"], e["PATH"] = nvcc, os.path.dirname(nvcc) + ":" + e["PATH"]
    for name in ("nccl", "cudnn"):
        folder = python_folder(name)
        if folder:
            e.setdefault(name.upper() + "_ROOT", folder)
            e["LD_LIBRARY_PATH"] = folder + "/lib:" + e.get("LD_LIBRARY_PATH", "")
    run.options = [f"-DCMAKE_CUDA_COMPILER={nvcc}", "-DCOTRAIN_WARNINGS_ARE_ERRORS=OFF",
                   "-DCOTRAIN_CUDA_ARCHITECTURES=" + ";".join(sorted({a + "-real" for _, a in run.devices}))]
    run.options += cublaslt_options(nvcc)
    missing = missing_libraries(e)
    if not missing:
        return
    if not os.path.isdir(CARRIED):
        stop(f"this machine lacks {', '.join(missing)}, and build/carried is not there: make it with "
             "`make -f Makefile.ci carry` on a machine that has them")
    with open(os.path.join(CARRIED, "about.json"), encoding="utf-8") as f:
        machine = json.load(f)["machine"]
    if machine != platform.machine():
        stop(f"this machine lacks {', '.join(missing)}, and those of build/carried are for {machine}")
    run.data["carried"] = missing
    run.options.append(f"-DCOTRAIN_CARRIED={CARRIED}")


def cublaslt_options(nvcc):
    """Where CUDA came as Python packages, its libraries have no name that a linker finds."""
    root = os.path.dirname(os.path.dirname(nvcc))
    if glob.glob(root + "/lib64/libcublasLt.so") or glob.glob(root + "/targets/*/lib/libcublasLt.so"):
        return []
    folders = [root] + [path for folder in sys.path for path in glob.glob(os.path.join(folder, "nvidia/c*"))]
    libraries = [path for folder in folders for path in glob.glob(folder + "/lib*/libcublasLt.so*")]
    headers = [folder + "/include" for folder in folders if os.path.exists(folder + "/include/cublasLt.h")]
    return ([f"-DCUDA_cublasLt_LIBRARY={libraries[0]}"] if libraries else []) + \
        ([f"-DCOTRAIN_CUDA_HEADERS={headers[0]}"] if headers else [])


def build(run):
    ninja = ["-G", "Ninja"] if shutil.which("ninja") else []
    run.command(["cmake", "-S", ROOT, "-B", run.build, *ninja, "-DCMAKE_BUILD_TYPE=Release", *run.options],
                "configure.log")
    targets = ["cotrain", "cotrain_cuda", "cuda_ops", "bench_gpu", "bench_step", "gpu_facts"]
    start = time.monotonic()
    text = "".join(run.command(["cmake", "--build", run.build, "-j", CORES, "--target", *targets], "build.log", 1800))
    n = len(re.findall(r"\bwarning\b", text))
    return f"{n} warnings (build.log), {time.monotonic() - start:.0f} s" + \
        (", with carried libraries" if "carried" in run.data else "")


# ---- what is right ----

def operations(run):
    """Every case of every operation, twice, each operation in a process of its own: one that breaks the device
    leaves the others theirs."""
    with open(os.path.join(ROOT, "compute/ops.def"), encoding="utf-8") as f:
        names = re.findall(r"^OP\((\w+)\)", f.read(), re.M)
    wanted = run.arguments.operations
    environment = dict(run.environment, COTRAIN_CUDA_LIBRARY=run.library)
    rows, wrong = [], []
    for name in [n for n in names if not wanted or n in wanted]:
        row = {"operation": name, "digests": [], "says": ""}
        for _ in range(2):
            done = subprocess.run([run.program("tests/cudasim/cuda_ops"), name], env=environment, capture_output=True,
                                  text=True, timeout=600, check=False)
            found = re.search(r"(\d+) cases, (\d+) wrong.*digest (\w+)", done.stdout)
            row["cases"], row["wrong"] = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
            row["digests"].append(found.group(3) if found else None)
            row["good"] = done.returncode == 0 and row.get("good", True)
            row["says"] = row["says"] or done.stderr.strip()[:2000]
        row["same_bits"] = row["digests"][0] is not None and row["digests"][0] == row["digests"][1]
        if not row["good"] or not row["same_bits"]:
            wrong.append(name + ("" if row["good"] else f" ({row['wrong']} of {row['cases']} cases wrong)")
                         + ("" if row["same_bits"] else " (other bits when run again)"))
        rows.append(row)
    run.data["operations"] = rows
    if wrong:
        raise Failed(f"{len(wrong)} of {len(rows)} operations: " + ", ".join(wrong))
    return f"{sum(row['cases'] for row in rows)} cases of {len(rows)} operations, the same bits twice"


def golden(run):
    shared = os.environ.get("COTRAIN_SHARED", os.path.join(ROOT, "../shared"))
    folder = next((path for path in (CARRIED + "/golden", shared + "/golden") if os.path.isdir(path)), None)
    if not folder:
        raise Failed("no golden numbers here: `make -f Makefile.ci carry` takes them along")
    lines = []
    environment = dict(run.environment, COTRAIN_CUDA_LIBRARY=run.library)
    for device in ("cuda:f32", "cuda:bf16"):
        for model in ("nano",) if run.arguments.quick else ("nano", "micro"):
            lines += Golden(run.program("cotrain"), device, os.path.join(folder, model), run.scratch,
                            environment).check()
    run.data["golden"] = [{"good": good, "what": what, "detail": detail} for good, what, detail in lines]
    bad = [f"{what}: {detail}" for good, what, detail in lines if not good]
    if bad:
        raise Failed(f"{len(bad)} of {len(lines)} checks\n" + "\n".join(bad))
    return f"{len(lines)} checks"


def digests(folder):
    """What a run's record says of each step, without its speed."""
    with open(os.path.join(folder, "train/run.jsonl"), encoding="utf-8") as f:
        steps = [json.loads(line) for line in f]
    return [(s["step"], s["loss"], s["update"], s["digest"]) for s in steps]


def interrupt(run, command, record, environment):
    """Kills a run (SIGKILL) once it has two steps behind it."""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline:
            if os.path.exists(record) and open(record, "rb").read().count(b"\n") >= 2:
                break
            time.sleep(0.002)
        process.kill()


def training(run):
    """The same run twice, and once killed and resumed: the same losses and updates, step by step."""
    month = os.path.join(run.scratch, "month")
    run.command([sys.executable, os.path.join(ROOT, "tests/shell/tiny_month.py"), month])
    environment = dict(run.environment, COTRAIN_CUDA_LIBRARY=run.library)
    rows = []
    for device, recipe in (("cuda:f32", "lora"),) if run.arguments.quick else \
            (("cuda:f32", "lora"), ("cuda:f32", "full"), ("cuda:bf16", "lora"), ("cuda:bf16", "full")):
        works = [os.path.join(run.scratch, f"{device}.{recipe}.{i}") for i in range(3)]
        commands = [[run.program("cotrain"), "train", f"{month}/{recipe}.yaml", "--work", work, "--device", device,
                     "--set", "train.save_steps=1", "--set",
                     f"train.max_steps={5 if run.arguments.quick else 24}"] for work in works]
        for command in commands[:2]:
            run.command(command, environment=environment)
        interrupt(run, commands[2], os.path.join(works[2], "train/run.jsonl"), environment)
        run.command([*commands[2], "--resume"], environment=environment)
        first, second, resumed = [digests(work) for work in works]
        rows.append({"device": device, "recipe": recipe, "steps": len(first), "first_loss": first[0][1],
                     "last_loss": first[-1][1], "same_again": first == second, "same_resumed": first == resumed})
    run.data["training"] = rows
    bad = [f"{r['recipe']} on {r['device']}: not the same " + ("when run again" if not r["same_again"] else "when resumed")
           for r in rows if not (r["same_again"] and r["same_resumed"])]
    if bad:
        raise Failed("; ".join(bad))
    return f"{len(rows)} runs, each the same again and the same resumed after a kill"


def allreduce(run):
    if not run.emulated and len(run.devices) < 2:
        return "skipped: one device"
    if run.emulated:
        argv = [run.program("tests/gpu/gpu_allreduce_emulated"), "1000", "one"]
    else:
        run.command(["cmake", "--build", run.build, "--target", "gpu_allreduce"], "build_allreduce.log")
        argv = [run.program("tests/gpu/gpu_allreduce")]
    run.data["allreduce"] = json.loads(run.command(argv, seconds=120)[0])
    return f"{run.data['allreduce']['bytes_per_s'] / 1e9:.1f} GB/s"


# ---- what is to be known ----

def facts(run):
    if run.emulated:
        argv = [run.program("tests/gpu/gpu_facts_emulated"), "256"]
    else:
        argv = [run.program("tests/gpu/gpu_facts")]
        if shutil.which("nvidia-smi"):
            run.data["nvidia_smi"] = run.command(["nvidia-smi", "-q"], "nvidia-smi.txt", good=range(256))[0]
    output, _ = run.command(argv, "facts.json", good=(0, 1))
    known = run.data["facts"] = json.loads(output)
    if "error" in known:
        raise Failed(known["error"])
    dnn = known["cudnn"]
    if dnn.get("device_json"):
        with open(os.path.join(run.out, "cudnn-device.json"), "w", encoding="utf-8") as f:
            f.write(dnn["device_json"])
    refused = [s["name"] for s in known["cublaslt"]["shapes"] if s["heuristic_status"]]
    if refused:
        raise Failed("cuBLASLt refuses: " + ", ".join(refused))
    return f"{len(known['cublaslt']['shapes'])} shapes of products; cuDNN's device description: " + \
        ("saved" if dnn.get("device_json") else dnn.get("error", f"status {dnn.get('status')}"))


# ---- how fast ----

def kernels(run):
    argv = [run.program("bench/bench_gpu"), "--json"]
    if run.emulated:
        config = os.path.join(run.scratch, "tiny.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump(TINY, f)
        argv += ["--config", config, "--tokens", "16", "--copy-bytes", "64KiB", "--product", "32", "--rounds", "1",
                 "--round-ms", "0"]
    environment = dict(run.environment, COTRAIN_CUDA_LIBRARY=run.library)
    output, said = run.command(argv, "bench_gpu.log", environment=environment, good=(0, 1))
    if not output.strip():
        raise Failed(said.strip()[-500:])
    run.data["bench"] = json.loads(output)
    if said.strip():
        raise Failed(said.strip()[-500:])
    b = run.data["bench"]
    return f"measured {b['flops_per_s'] / 1e12:.1f} TFLOP/s, {b['bytes_per_s'] / 1e9:.0f} GB/s"


def make_model(run, shape):
    """bf16, kept for the next rung of the same shape."""
    folder = os.path.join(run.scratch, shape)
    if os.path.exists(folder):
        return folder
    config = os.path.join(ROOT, "bench/shapes", shape + ".json")
    if run.emulated:
        config = os.path.join(run.scratch, "tiny.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump(TINY, f)
    what = ["--config", config] if os.path.exists(config) else ["--preset", shape]
    for other in ("bench150m", "bench500m"):
        shutil.rmtree(os.path.join(run.scratch, other), ignore_errors=True)
    run.command([run.program("cotrain"), "model", "init", *what, "--dtype", "bf16", "--out", folder])
    return folder


def steps(run):
    rates = run.data.get("bench", {})
    ladder = [("tiny", "lora", 16, []), ("tiny", "full", 16, [])] if run.emulated else LADDER
    environment = dict(run.environment, COTRAIN_CUDA_LIBRARY=run.library)
    rows, bad = [], []
    for shape, method, tokens, sets in ladder:
        name = f"{shape} {method} {tokens} tokens {' '.join(sets)}".strip()
        argv = [run.program("bench/bench_step"), "", "--json", "--device", "cuda:bf16", "--method", method, "--tokens",
                str(tokens), "--steps", "1" if run.emulated else "5", "--bandwidth", str(rates.get("bytes_per_s", 0)),
                "--peak", str(rates.get("flops_per_s", 0))]
        for setting in sets:
            argv += ["--set", setting]
        try:
            argv[1] = make_model(run, shape)
            row = json.loads(run.command(argv, environment=environment)[0].splitlines()[-1])
            rows.append(dict(row, name=name))
            if not row["loss"][1] < row["loss"][0]:
                bad.append(f"{name}: the loss does not fall ({row['loss'][0]}, then {row['loss'][1]})")
        except (Failed, OSError, ValueError) as e:
            bad.append(f"{name}: {e}")
    run.data["steps"] = rows
    if bad:
        raise Failed("\n".join(bad))
    return "; ".join(f"{r['name']}: {r['seconds'] * 1e3:.0f} ms" for r in rows)


STEPS = {"operations": operations, "golden": golden, "training": training, "allreduce": allreduce, "facts": facts,
         "kernels": kernels, "steps": steps}


def main():
    parser = argparse.ArgumentParser(prog="gpu.py", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", type=lambda text: text.split(","), help="of " + ", ".join(STEPS))
    parser.add_argument("--out", default=os.path.join(ROOT, "build/gpu"))
    parser.add_argument("--emulated", metavar="BUILD", help="the emulator's backend of that build folder, on tiny sizes")
    parser.add_argument("--build-only", metavar="ARCHITECTURE", help="as 90: builds where there is no GPU, and ends")
    parser.add_argument("--operations", type=lambda text: text.split(","), help="only these, by their names")
    parser.add_argument("--quick", action="store_true", help="fewer models and recipes")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.only or [] if name not in STEPS]
    if unknown:
        parser.error(f"no step '{unknown[0]}'; there are {', '.join(STEPS)}")
    if arguments.emulated or arguments.build_only:
        devices = [("emulator", "90")] if arguments.emulated else [("none", arguments.build_only)]
    else:
        devices = find_devices()
    run = Run(arguments)
    run.devices = devices
    try:
        if not arguments.emulated:
            prepare(run)
        if arguments.emulated or (run.step("build", build) and not arguments.build_only):
            for name, function in STEPS.items():
                run.step(name, function)
    finally:
        shutil.rmtree(run.scratch, ignore_errors=True)
    failed = [step["name"] for step in run.steps if step["state"] == "FAIL"]
    print(f"report: {os.path.relpath(os.path.join(run.out, 'report.md'))}; {len(run.steps)} steps, {len(failed)} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
