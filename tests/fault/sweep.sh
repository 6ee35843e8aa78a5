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
sweep_push() { # sweep_push RUNS LAST: of pushing to a bare repository, which the same command must mend each time
    git lfs version >/dev/null 2>&1 || { echo "no git-lfs: pushing is left out"; return 0; }
    export HOME=$scratch/home GIT_CONFIG_NOSYSTEM=1 LSAN_OPTIONS=suppressions=$SOURCE_DIR/tests/libgit2.supp:print_suppressions=0
    mkdir "$HOME" "$scratch/pushed" && cp -r "$scratch/work/release" "$scratch/pushed" && git init -q --bare "$scratch/pushed/there.git" ||
        exit 1
    cat >"$scratch/push" <<SH
#!/bin/sh
cat >"\$1/push.yaml" <<YAML
inherit: $month/lora.yaml
release: {targets: [{type: git, url: "\$1/there.git", author: "Keeper <keeper@example.org>"}]}
YAML
exec "$COTRAIN" release push "\$1/release/Tiny" --recipe "\$1/push.yaml"
SH
    chmod +x "$scratch/push"
    sweep --runs "$1" --last "$2" --start "$scratch/pushed" --but 'push.yaml|there.git|release/Tiny.push' --then "$scratch/push {out}" \
        -- "$scratch/push" "{out}"
}
dated='stages|.*/(run.jsonl|trainer_.*|plan.json|SHA256SUMS|RELEASE)$' # records with times or the memory used
month=$scratch/month
"$SOURCE_DIR/tests/shell/tiny_month.py" "$month" || exit 1
check "the chain" "$COTRAIN" run "$month/lora.yaml" --work "$scratch/work" --set train.max_steps=2
