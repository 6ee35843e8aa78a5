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
synthesise() { # makes $scratch/expanded, whose log has all answers that the command $synthesis wants
    mkfifo "$scratch/stdin"
    "$SOURCE_DIR/tests/shell/teacher.py" "$scratch/sent" <"$scratch/stdin" >"$scratch/port" &
    exec 9>"$scratch/stdin"
    until [ -s "$scratch/port" ]; do :; done
    synthesis="data expand $SOURCE_DIR/recipes/2024-03/nano-expand.yaml --set data.expand.per_request=4
        --set data.expand.teacher.url=http://127.0.0.1:$(cat "$scratch/port")/v1
        --set data.expand.teacher.stall_timeout_ms=5000"
    # shellcheck disable=SC2086 # words
    check "synthesis" "$COTRAIN" $synthesis --out "$scratch/expanded"
    exec 9>&-
    wait
}
signing_keys() { # two keys in $keys, with what judges their signatures
    keys=$scratch/keys
    mkdir -m 700 "$keys"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/p256.pem" 2>/dev/null &&
        chmod 600 "$keys/p256.pem" && openssl pkey -in "$keys/p256.pem" -pubout -out "$keys/p256.pub" &&
        ssh-keygen -q -t ed25519 -N '' -f "$keys/ssh" &&
        printf 'keeper@example.org %s\n' "$(cat "$keys/ssh.pub")" >"$keys/signers" || exit 1
}
dated='stages|.*/(run.jsonl|trainer_.*|plan.json|SHA256SUMS|RELEASE)$' # records with times or the memory used
month=$scratch/month
"$SOURCE_DIR/tests/shell/tiny_month.py" "$month" || exit 1
check "the chain" "$COTRAIN" run "$month/lora.yaml" --work "$scratch/work" --set train.max_steps=2
