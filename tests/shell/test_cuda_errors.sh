#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong with a GPU, made to happen on the emulated one: an old driver, a foreign library, no memory, a
# device lost within a step. And who only asks for help opens nothing of it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cuda.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
month=$scratch/month
train() { # train WORK [ARGUMENT...]
    local work=$1
    shift
    run "$COTRAIN" train "$month/lora.yaml" --work "$scratch/$work" --device cuda --set train.max_steps=6 "$@"
}

EMU_FAIL=driver train old
expect_rc 1
expect_err "the NVIDIA driver is too old: it knows CUDA 11.8, and the GPU backend needs "
expect_err "hint: update the driver"
EMU_FAIL=driver run "$COTRAIN" doctor
expect_rc 0
expect_out "the NVIDIA driver is too old"
run "$COTRAIN" doctor
expect_rc 0
expect_out "cuda, "
expect_out "GiB free"
run "$COTRAIN" list backends
expect_out "a GPU's memory; a shared object"

echo "no library" >"$scratch/foreign.so"
COTRAIN_CUDA_LIBRARY=$scratch/foreign.so train foreign
expect_rc 1
expect_err "the GPU backend '$scratch/foreign.so' does not open"
other=$(dirname "$COTRAIN")/tests/cudasim/other/libcotrain_cuda.so
COTRAIN_CUDA_LIBRARY=$other train other
expect_rc 1
expect_one_error "the GPU backend '$other' (0.0.7) was not built with this program ("
COTRAIN_CUDA_LIBRARY=$(dirname "$COTRAIN_CUDA_LIBRARY")/../libcudasim.so train none
expect_rc 1
expect_one_error "is no backend of this program"
for word in abacus cuda:abacus; do
    run "$COTRAIN" plan "$month/lora.yaml" --device $word --memory 1GB
    expect_rc 1
    expect_one_error "device '$word' is not in this build"
done

# Memory: the plan says so before; a real refusal names the bytes.
EMU_MEMORY_MB=600 train small
expect_rc 1
expect_err "and the GPU has "
EMU_FAIL=malloc:3 train none # the first two are the measurement's
expect_rc 1
expect_err "GPU 0 has no "
expect_err "bytes are free"
check "nothing was begun" [ ! -e "$scratch/none/train/run.jsonl" ]

# Lost within a step: without a checkpoint an error, with one exit code 75, and the run goes on from it.
train whole
expect_rc 0
n=$(grep -c . "$scratch/whole/train/run.jsonl")
check "six steps" [ "$n" = 6 ]
early=0 late=0
for launch in 150 400 900 1600 2400 3200; do
    rm -rf "$scratch/lost"
    EMU_FAIL=launch:$launch train lost
    [ "$rc" = 0 ] && break
    expect_err "cudaErrorLaunchFailure"
    if grep -q "checkpoint of step" "$scratch/err"; then
        late=$((late + 1))
        expect_rc 75
        expect_err "hint: the checkpoint of step "
        train lost --resume
        expect_rc 0
        for work in whole lost; do
            sed 's/,"tokens_per_second.*//' "$scratch/$work/train/run.jsonl" >"$scratch/$work.numbers"
        done
        expect_same "$scratch/whole.numbers" "$scratch/lost.numbers"
    else
        early=$((early + 1))
        expect_rc 1
    fi
done
if [ $early -gt 0 ] && [ $late -gt 0 ]; then passed; else failed "a loss before and one after a checkpoint wanted: $early, $late"; fi

# Help maps no library of a GPU, asked for as it may be.
for words in "--help" "train --help" "list ops" "plan $month/lora.yaml --device cuda --memory 1GB"; do
    LD_DEBUG=files LD_DEBUG_OUTPUT=$scratch/opened run "$COTRAIN" $words
    expect_rc 0
    check "$words opens nothing of a GPU" sh -c "! grep -E 'cuda|cublas|cudnn|nccl' '$scratch'/opened.*"
    rm -f "$scratch"/opened.*
done
finish
