#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The golden files' own checker, as anyone may run it against this program: model, gradients, LoRA,
# generation and the real tokenizer in both white-space forms. Its lines are printed as they come.
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
golden --fp32-only "$shared/golden/nano" "$shared/golden/micro"
golden --tokenizer "$shared/tokenizer" "$shared/golden/tokenizer_public.jsonl"
finish
