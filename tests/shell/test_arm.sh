#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Arm's Neon against this processor, bit for bit: compute/ is built for 64-bit Arm, run by qemu-user, and
# gives the lines of every operation, case and quantised product that the portable kernels give here.
. "$(dirname "$0")/lib.sh"

native=$(dirname "$COTRAIN")/tests/op_bits
compiler=aarch64-linux-gnu-gcc
for tool in $compiler qemu-aarch64; do
    command -v $tool >/dev/null || skip "no $tool here (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)"
done

# What compute/ needs of base/ and no library, the GPU's host code left out; JSON is only called when a
# checkpoint is opened.
cd "$SOURCE_DIR" || exit 1
parts=
for part in err mem par env fault str philox; do parts="$parts base/$part.c"; done
sources=$(find compute -name '*.c' ! -path compute/plan.c ! -path 'compute/cuda/*' | sort)
# shellcheck disable=SC2086 # lists of words
run $compiler -std=gnu17 -O2 -ffp-contract=off -fno-math-errno -fno-trapping-math -fopenmp -static \
    -D_GNU_SOURCE '-DCOTRAIN_BACKEND_INTERFACE="none"' '-DCOTRAIN_VERSION="none"' -I. tests/arm/op_bits.c \
    $parts $sources -Wl,--unresolved-symbols=ignore-all -lm -o "$scratch/op_bits"
expect_rc 0
run "$native" cpu:portable
expect_rc 0
expect_out "product, 1 rows, NF4"
mv "$scratch/out" "$scratch/here"
for variant in neon portable; do
    run qemu-aarch64 "$scratch/op_bits" "cpu:$variant"
    expect_rc 0
    expect_same "$scratch/here" "$scratch/out"
done
finish
