#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two months of the real thread, from `program init` on: 2024-02, whose one request becomes a release of the
# built-in model, and 2024-04, whose two requests lack input and output, so that the answers ask for them and nothing is
# planned. Each step run twice changes nothing; a run that is killed at any write, sync or rename ends, run again, in
# the same commits.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programme.sh"
thread=$COTRAIN_SHARED/data/github/repos/IEIT-Yuan/Yuan-2.0
[ -d "$thread" ] || skip "'$thread' is not there"
here=$SOURCE_DIR/tests/shell/rehearsal
cd "$scratch" || exit 1

init() { # init DIR
    run "$COTRAIN" program init "$1" --name yuan --repository IEIT-Yuan/Yuan-2.0 --issue 22 \
        --base-model "$SOURCE_DIR/models/nano" --base-name nano --base-recipe "$here/base.yaml" \
        --today 2024-01-20
    expect_rc 0
}
month() { # month DIR MONTH TODAY
    run "$COTRAIN" month run --program "$1" --month "$2" --from "$thread" --decisions "$here/$2.yaml" \
        --today "$3"
}

# February, step by step, each twice.
init p
twice() { # twice COMMAND...: the second run makes no commit and leaves nothing behind
    run "$COTRAIN" "$@" --program p
    expect_rc 0
    local first
    first=$(head_of p)
    run "$COTRAIN" "$@" --program p
    expect_rc 0
    check "'$1 $2' again changes nothing" test "$(head_of p) $(git -C p status --porcelain)" = "$first "
}
run "$COTRAIN" issues pull --program p --month 2024-02 --from "$thread" --today 2024-02-05
expect_rc 3
expect_one_error "the requests of 2024-02 are collected on 2024-02-06, and today is 2024-02-05"
twice issues pull --month 2024-02 --from "$thread" --today 2024-02-06
run "$COTRAIN" issues list --program p --json
expect_out '"id": "IEIT-Yuan/Yuan-2.0#22@1800000002"'
check "one request was posted in January" test "$(grep -c '"id"' "$scratch/out")" = 1
run "$COTRAIN" month run --program p --month 2024-02 --today 2024-02-06
expect_rc 3
expect_one_error "1 of 1 requests of 2024-02 are undecided"
twice issues review --decisions "$here/2024-02.yaml"
twice issues plan --month 2024-02
expect_out "1  IEIT-Yuan/Yuan-2.0#22@1800000002"
twice recipe new --month 2024-02
sed -i 's/">= +0.1"/">= +0.9"/' p/recipes/base.yaml # more than a few steps reach
run "$COTRAIN" month run --program p --month 2024-02 --today 2024-02-28
expect_rc 3
expect_err "stage 'gates': gate requests.rouge_l: change +"
expect_err ", wanted >= +0.9: missed by 0."
expect_out "gate requests.rouge_l: change +"
check "nothing is packed" test ! -e p/work/2024-02/release/nano-2024-02
check "nothing is recorded" test ! -e p/releases
git -C p checkout -q recipes/base.yaml
twice month run --month 2024-02 --today 2024-02-28
run "$COTRAIN" release verify p/work/2024-02/release/nano-2024-02
expect_same p/plans/2024-02.yaml p/work/2024-02/release/nano-2024-02/TRAINING_PLAN.yaml
expect_rc 0
twice issues reply --month 2024-02 --today 2024-02-28
check "the requester is told of the release" grep -q 'nano-2024-02' p/replies/2024-02/22-1800000002.released.md
check "nothing large is committed" test "$(git -C p ls-files | xargs -I{} stat -c %s p/{} | sort -n | tail -1)" -lt 100000

# The release of a month before is what the next one's changelog begins with.
cp -r p q
mv q/work/2024-02 q/work/2024-01
git -C q mv releases/2024-02 releases/2024-01
sed -i 's/2024-02/2024-01/' q/releases/2024-01/release.yaml
release=$(ls q/work/2024-01/release)
sed -i "s/^name: .*/name: $release/" q/releases/2024-01/release.yaml
git -C q -c user.name=k -c user.email=k@example.org commit -qam "as if it had been January's"
check "no changelog of the first release" test ! -e "q/work/2024-01/release/$release/CHANGELOG.md"
run "$COTRAIN" month run --program q --month 2024-02 --today 2024-02-28
expect_rc 0
changes=q/work/2024-02/release/nano-2024-02/CHANGELOG.md
check "the second names the first" grep -q "$(head -1 "q/work/2024-01/release/$release/RELEASE" | grep -o '[0-9a-f]\{64\}')" $changes

# April: nothing is planned.
month p 2024-04 2024-04-10
expect_rc 0
expect_out "none: nothing is planned"
for id in 1800000003 1800000004; do
    check "$id is asked for input and output" grep -q '输入' "p/replies/2024-04/22-$id.needs_information.md"
done
check "the plan is empty" test "$(grep -c 'rank:' p/plans/2024-04.yaml)" = 0
check "both wait in the plan" test "$(grep -c 'state: needs-info' p/plans/2024-04.yaml)" = 2
run "$COTRAIN" program status --program p --today 2024-04-30
expect_out "2024-03    0 requests"
expect_out "LATE"

# In one go, and killed at every operation on files: the same commits.
init whole
month whole 2024-02 2024-02-28
expect_rc 0
month whole 2024-04 2024-04-10
expect_rc 0
wanted=$(git -C whole log --format=%H)
killed=0
for ((n = 1; n < 4000; n += 1 + n / 12)); do
    rm -rf k
    COTRAIN_FAULT=io-kill:$n "$COTRAIN" program init k --name yuan --repository IEIT-Yuan/Yuan-2.0 --issue 22 \
        --base-model "$SOURCE_DIR/models/nano" --base-name nano --base-recipe "$here/base.yaml" \
        --today 2024-01-20 >/dev/null 2>&1
    [ $? = 137 ] || break
    killed=$((killed + 1))
    init k
    check "init killed at $n ends in the same commit" test "$(head_of k)" = "$(git -C whole rev-list --max-parents=0 HEAD)"
done
check "init was killed somewhere" test $killed -ge 5
rm -rf k
init k
killed=0
for ((n = 1; n < 4000; n += 1 + n / 16)); do # bash says of each that it was killed
    { COTRAIN_FAULT=io-kill:$n month k 2024-02 2024-02-28; } 2>/dev/null
    [ $rc = 137 ] || break
    killed=$((killed + 1))
done
expect_rc 0
month k 2024-02 2024-02-28
expect_rc 0
month k 2024-04 2024-04-10
expect_rc 0
check "a month killed $killed times ends in the same commits" test "$(git -C k log --format=%H)" = "$wanted"
check "and that was often" test $killed -ge 20
check "git finds nothing wrong" git -C k fsck --strict
finish
