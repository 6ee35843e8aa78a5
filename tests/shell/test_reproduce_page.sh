#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The commands of docs/reproduce.md, taken from the page, in a folder that looks like a clone. The chain is
# that of the sample, of 8 steps and few cases, for want of time; everything else is as it stands there.
. "$(dirname "$0")/lib.sh"
clone=$scratch/clone
mkdir -p "$clone/tools" "$clone/build/release"
ln -s "$SOURCE_DIR/models" "$SOURCE_DIR/recipes" "$clone"
ln -s "$COTRAIN" "$clone/build/release/cotrain"
cp "$SOURCE_DIR/tools/demo.sh" "$clone/tools"
cp "$SOURCE_DIR/Makefile.ci" "$clone"
cd "$clone" || exit 1
sed -n '/^```sh$/,/^```$/p' "$SOURCE_DIR/docs/reproduce.md" | grep -v '^```' >"$scratch/commands"
check "four commands on the page" test "$(wc -l <"$scratch/commands")" = 4
less=(--set train.max_steps=8 --set release.state_steps=2 --set eval.limit=3 --set 'eval.gates.requests=>= 0')
while read -r line; do
    # shellcheck disable=SC2086 # words of a command line
    case $line in
    "make -f Makefile.ci demo")
        check "that is what demo runs" grep -q '@tools/demo.sh' Makefile.ci
        run tools/demo.sh "${less[@]}"
        ;;
    *) run $line ;;
    esac
    expect_rc 0
    echo "$line" >>"$scratch/said"
    cat "$scratch/out" >>"$scratch/said"
done <"$scratch/commands"
cp "$scratch/said" "$scratch/out"
expect_out "asked 12 golden prompts, the model answers to the bit"
expect_out "chosen   steps "
# What the page shows, but for the numbers, is what comes.
sed -n '/^release  <hash>/,/^```$/p' "$SOURCE_DIR/docs/reproduce.md" | grep -v '^```' |
    sed -e 's/438/8/g' -e 's/<hash>/[0-9a-f]*/' -e 's/<digest>/[0-9a-f]*/' >"$scratch/shown"
check "seven lines are shown" test "$(wc -l <"$scratch/shown")" = 7
while read -r line; do
    check "a line: $line" grep -qx -- "$line" "$scratch/said"
done <"$scratch/shown"
finish
