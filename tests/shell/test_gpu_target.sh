#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command for whoever has a GPU, run where there is none: over the emulator, on tiny sizes, every step of it
# must be right and stand in the report; a step that fails is told and the rest still runs; and without a GPU one
# sentence says so. What is carried to a machine that lacks the libraries is made, too, and is small.
. "$(dirname "$0")/lib.sh"
build=$(dirname "$COTRAIN")
[ -e "$build/tests/cudasim/fast/libcotrain_cuda.so" ] || skip "no CUDA headers here, so no emulated GPU"
gpu=$SOURCE_DIR/tools/gpu.py

ldconfig -p | grep -q libcuda.so.1 || {
    run "$gpu" --out "$scratch/none"
    expect_rc 1
    expect_out "gpu: there is no NVIDIA driver on this machine, so nothing was run"
    check "only that one sentence" test "$(wc -l <"$scratch/out")" = 1
}

run "$gpu" --emulated "$build" --quick --out "$scratch/gpu" --operations scale,add,product,adamw \
    --only operations,training,allreduce,facts,kernels,steps
cat "$scratch/out"
expect_rc 0
expect_out "6 steps, 0 failed"
for part in "## Steps" "## Operations against the roofline" "## Training, again and resumed" "## Whole steps" "## cuBLASLt" \
    "## Sum over two devices"; do
    check "report with $part" grep -qF "$part" "$scratch/gpu/report.md"
done
check "the report for programs" python3 - "$scratch/gpu/report.json" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
assert [step["state"] for step in report["steps_run"]] == ["ok"] * 6
assert len(report["operations"]) == 4 and all(row["same_bits"] and row["cases"] for row in report["operations"])
assert all(row["us"] > 0 and row["predicted_us"] > 0 for row in report["bench"]["operations"] + report["bench"]["layers"])
assert all(row["roofline_seconds"] > 0 for row in report["steps"])
END

if [ -d "$COTRAIN_SHARED/golden" ]; then
    run "$gpu" --emulated "$build" --quick --out "$scratch/golden" --only golden
    cat "$scratch/out"
    expect_rc 0
    run "$SOURCE_DIR/tools/gpu_carry.py" --out "$scratch/carried"
    expect_rc 0
    for file in include/jansson.h lib/libjansson.a lib/libcrypto.a golden/nano/model.safetensors about.json; do
        check "carried $file" test -s "$scratch/carried/$file"
    done
fi

# A library that is no backend: every step that needs one fails, each is told, and the report is there.
mkdir -p "$scratch/broken/tests/cudasim/fast" "$scratch/broken/tests/gpu"
for file in cotrain bench tests/cudasim/cuda_ops tests/gpu/gpu_allreduce_emulated tests/gpu/gpu_facts_emulated; do
    ln -s "$build/$file" "$scratch/broken/$file"
done
: >"$scratch/broken/tests/cudasim/fast/libcotrain_cuda.so"
run "$gpu" --emulated "$scratch/broken" --quick --out "$scratch/bad" --operations scale --only operations,kernels,facts
expect_rc 1
expect_out "FAIL    operations"
expect_out "FAIL    kernels"
expect_out "ok      facts"
expect_out "3 steps, 2 failed"
check "the failure in the report" grep -q "operations failed" "$scratch/bad/report.md"
finish
