#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every way to tamper with a release that tests/shell/tamper.py knows: each is refused with its own word and
# exit code 3, in a moment, and nothing is touched, neither in the folder nor outside of it.
. "$(dirname "$0")/lib.sh"
tamper=$SOURCE_DIR/tests/shell/tamper.py
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
world=$scratch/world
mkdir -p "$world/outside/keys" "$scratch/keys"
umask 077
keys=$world/outside/keys
for name in keeper other; do
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/$name.pem" 2>/dev/null || exit 1
done
openssl pkey -in "$keys/keeper.pem" -pubout -out "$keys/keeper.pub"
ssh-keygen -q -t ed25519 -N '' -f "$keys/ssh" && ssh-keygen -q -t ed25519 -N '' -f "$keys/ssh2" || exit 1
printf 'keeper@example.org %s\n' "$(cat "$keys/ssh.pub")" >"$keys/signers"
echo secret >"$world/outside/secret"
mkfifo "$world/outside/fifo"

sign() { # sign DIR
    check "signing" "$COTRAIN" release sign "$1" --ssh-key "$keys/ssh" --key "$keys/keeper.pem"
}
check "the chain" "$COTRAIN" run "$scratch/month/lora.yaml" --work "$scratch/work"
check "another release" "$COTRAIN" run "$scratch/month/lora.yaml" --work "$scratch/work2" --set train.max_steps=6
check "packing with the release before" "$COTRAIN" release pack "$scratch/month/lora.yaml" --work "$scratch/work" \
    --out "$scratch/plain" --set "release.previous=$scratch/work2/release/Tiny"
cp -r "$scratch/plain" "$scratch/signed"
cp -r "$scratch/work2/release/Tiny" "$world/outside/other"
sign "$scratch/signed"
sign "$world/outside/other"
trusting=(--signers "$keys/signers" --key "$keys/keeper.pub")
run "$COTRAIN" release verify "$scratch/plain" --golden
expect_rc 0
run "$COTRAIN" release verify "$scratch/signed" "${trusting[@]}"
expect_rc 0

# Redoing alone is let through, or the rows that redo would prove nothing.
cp -r "$scratch/plain" "$world/release"
"$tamper" redo "$world/release"
run "$COTRAIN" release verify "$world/release"
expect_rc 0
rm -rf "$world/release"

snapshot() { # everything in $world: kind, mode, size, times of change, links, inode
    find "$world" -printf '%p %y %m %s %T@ %C@ %n %i %l\n' | sort
    find "$world" -type f -size -1M -exec sha256sum {} + | sort
}
while read -r how name; do
    rm -rf "$world/release" "$world/outside/moved" "$world/outside/second-name"
    arguments=()
    case $how in
    signed) arguments=("${trusting[@]}") ;;
    golden) arguments=(--golden) ;;
    esac
    from=$scratch/plain
    case $name in
    *signature* | *provenance-* | model-* | huge-model.sig | everything-*) from=$scratch/signed ;;
    esac
    cp -r "$from" "$world/release"
    "$tamper" do "$name" "$world/release" "$world/outside"
    case $? in
    0) ;;
    77) echo "not tried here: $name" && continue ;;
    *) failed "row $name: could not be done" && continue ;;
    esac
    snapshot >"$scratch/was"
    run timeout 60 "$COTRAIN" release verify "$world/release" "${arguments[@]}"
    last="row $name: $last"
    expect_rc 3
    expect_one_error "$("$tamper" says "$name")"
    snapshot >"$scratch/is"
    expect_same "$scratch/was" "$scratch/is"
done < <("$tamper" list)
echo "$("$tamper" list | wc -l) rows"
finish
