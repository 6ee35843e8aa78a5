#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The golden files' own checker, as anyone may run it against this program: model, gradients, LoRA,
# every format, generation and the real tokenizer in both white-space forms. Its lines are printed as they
# come. Then the same weights in two formats must give the same bytes.
. "$(dirname "$0")/lib.sh"

shared=$COTRAIN_SHARED
[ -d "$shared/golden" ] || skip "no golden files at $shared"
golden() {
    run "$shared/tools/golden_check.py" "$COTRAIN" "$@"
    cat "$scratch/out"
    expect_rc 0
    expect_out " 0 failed"
    expect_no_out "FAIL"
}
golden "$shared/golden/nano" "$shared/golden/micro"
golden --tokenizer "$shared/tokenizer" "$shared/golden/tokenizer_public.jsonl"

nano=$shared/golden/nano
probe() { # probe FOLDER NAME
    run "$COTRAIN" model probe --model "$1" --batch "$nano/forward.f32.safetensors" --loss-mask all \
        --out "$scratch/$2.safetensors"
    expect_rc 0
}
probe "$nano" f32
probe "$nano/bin" f32.bin
expect_same "$scratch/f32.safetensors" "$scratch/f32.bin.safetensors"
probe "$nano/bin_sharded_bf16" bf16.bin
probe "$nano/megatron_tp2_pp2" bf16.megatron
expect_same "$scratch/bf16.bin.safetensors" "$scratch/bf16.megatron.safetensors"
finish
