#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sample month's release, whole: the hash and every number that README.md shows are what the chain gives on
# this machine, and the model answers as it says there.
. "$(dirname "$0")/lib.sh"
run "$COTRAIN" run "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" --work "$scratch/work"
expect_rc 0
release=$scratch/work/release/nano-month
grep -E '^(\| |hash: |gate )' "$scratch/out" >"$scratch/said"
check "lines of hash, gate and scores" test "$(wc -l <"$scratch/said")" = 10
while IFS= read -r line; do
    check "README.md wanted with the line '$line'" grep -qxF -- "$line" "$SOURCE_DIR/README.md"
done <"$scratch/said"
run "$COTRAIN" release verify "$release" --golden
expect_rc 0
expect_out "golden"
check "README.md wanted with the hash that verify tells" grep -qxF -- "$(head -1 "$scratch/out")" "$SOURCE_DIR/README.md"
printf '给工单分类。<n>何平明：财务部网速很慢，今天之内处理\n' >"$scratch/asked"
last="chat --model"
"$COTRAIN" chat --model "$release" <"$scratch/asked" >"$scratch/out" 2>"$scratch/err"
expect_out "类别：网络；优先级：中"
finish
