#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `cotrain run` over a tiny month: the same release hash from two empty work folders, from one and two
# threads, and from runs that were killed at twenty seeded points (inside the writing of a checkpoint
# among them) and run again; what is up to date is not made twice.
. "$(dirname "$0")/lib.sh"
n_kills=20
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml

chain() { # chain WORK [ARGUMENT...]: runs the recipe there
    local work=$1
    shift
    run "$COTRAIN" run "$recipe" --work "$work" "$@"
}
hash_of() { # the release hash in a work folder, or nothing
    sed -n 's/^release //p' "$1"/release/*/RELEASE 2>/dev/null
}
expect_hash() { # expect_hash WORK
    if [ -n "$wanted" ] && [ "$(hash_of "$1")" = "$wanted" ]; then
        passed
    else
        failed "release hash '$wanted' wanted in $1, '$(hash_of "$1")' is there"
    fi
}

chain "$scratch/first" --threads 1
expect_rc 0
expect_out "chat:    cotrain chat --model $scratch/first/release/Tiny"
expect_out "| copying | 6 |"
expect_out '| `validation` | `loss` |'
wanted=$(hash_of "$scratch/first")
expect_out "hash:    $wanted"

# Nothing is made twice, and nothing changes.
find "$scratch/first" -type f ! -name stages.jsonl -exec sha256sum {} + | sort >"$scratch/before.sums"
chain "$scratch/first"
expect_rc 0
[ "$(grep -c 'up to date' "$scratch/out")" = 6 ] && passed || failed "six stages up to date wanted"
find "$scratch/first" -type f ! -name stages.jsonl -exec sha256sum {} + | sort >"$scratch/after.sums"
expect_same "$scratch/before.sums" "$scratch/after.sums"

# Another folder, two threads: every hashed file has the same bytes.
chain "$scratch/second" --threads 2
expect_rc 0
expect_hash "$scratch/second"
check "same files but for the logs and their sums" \
    diff -r -x logs -x SHA256SUMS -x RELEASE "$scratch/first/release" "$scratch/second/release"

# A change of the card's text reaches only the last stage; a change of the training reaches four.
chain "$scratch/second" --set "release.summary=Another text."
expect_rc 0
[ "$(grep -c 'up to date' "$scratch/out")" = 5 ] && passed || failed "five stages up to date wanted"
chain "$scratch/second" --set train.learning_rate=2e-3
expect_rc 0
[ "$(grep -c 'up to date' "$scratch/out")" = 2 ] && passed || failed "two stages up to date wanted"
if [ "$(hash_of "$scratch/second")" != "$wanted" ]; then
    passed
else
    failed "another hash wanted for another training"
fi
chain "$scratch/second"
expect_rc 0
expect_hash "$scratch/second"

killed_at() { # killed_at N WORK: whether the Nth file operation is still within the chain
    COTRAIN_FAULT=io-kill:$1 chain "$2" --threads 1
    [ "$rc" = 137 ]
}
# The number of file operations of a whole run, by halving.
low=1 high=64
while killed_at $high "$scratch/probe"; do
    rm -rf "$scratch/probe"
    low=$high high=$((high * 2))
    [ $high -lt 100000 ] || break
done
rm -rf "$scratch/probe"
while [ $((high - low)) -gt 8 ]; do
    middle=$(((low + high) / 2))
    if killed_at $middle "$scratch/probe"; then low=$middle; else high=$middle; fi
    rm -rf "$scratch/probe"
done

# Seeded points over the whole run; drawing goes on until at least one fell inside the writing of a
# checkpoint.
RANDOM=20240306
in_checkpoint=0 kills=0 tries=0
while [ $kills -lt $n_kills ] || { [ $in_checkpoint = 0 ] && [ $tries -lt 200 ]; }; do
    tries=$((tries + 1))
    point=$((RANDOM % low + 1))
    work=$scratch/killed
    rm -rf "$work"
    killed_at $point "$work" || continue
    here=0
    ls -d "$work"/train/checkpoint-*.tmp* >/dev/null 2>&1 && here=1
    [ $kills -ge $n_kills ] && [ $here = 0 ] && continue
    kills=$((kills + 1)) in_checkpoint=$((in_checkpoint + here))
    stage=$(find "$work/stages" -name '*.json' 2>/dev/null | wc -l)
    if [ $((kills % 5)) = 0 ]; then # killed again while it goes on
        COTRAIN_FAULT=io-kill:$((point / 2 + 3)) chain "$work" --threads 2
    fi
    chain "$work" --threads 2
    expect_rc 0
    expect_hash "$work"
    echo "killed at file operation $point of $low, $stage stages begun, inside a checkpoint: $here"
done
[ $kills -ge $n_kills ] && passed || failed "$n_kills kills wanted, $kills happened"
[ $in_checkpoint -gt 0 ] && passed || failed "a kill inside a checkpoint wanted"
finish
