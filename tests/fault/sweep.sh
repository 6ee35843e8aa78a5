#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the fault tests share, read by each with `kind` set to io or mem: a tiny month that went through
# its chain once, in $scratch/work, and the sweep over a command's operations of that kind.
. "$(dirname "$0")/../shell/lib.sh"

sweep() { # sweep [OPTION...] -- COMMAND...
    run "$SOURCE_DIR/tests/fault/sweep.py" --kind "$kind" "$@"
    expect_rc 0
    tail -1 "$scratch/out"
}
dated='stages|.*/(run.jsonl|plan.json|SHA256SUMS|RELEASE)$' # records with times or the memory that was used
month=$scratch/month
"$SOURCE_DIR/tests/shell/tiny_month.py" "$month" || exit 1
check "the chain" "$COTRAIN" run "$month/lora.yaml" --work "$scratch/work" --set train.max_steps=2
