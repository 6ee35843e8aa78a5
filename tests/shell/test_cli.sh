#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What every command has in common: help made from the tables, usage errors with the nearest name and
# exit code 2, results on stdout and errors on stderr, a result that cannot be written is a failure.
. "$(dirname "$0")/lib.sh"

# Help: of everything, of a noun, of one command, by both spellings.
run "$COTRAIN" --help
expect_rc 0
expect_out "usage: cotrain COMMAND"
expect_out "recipe check"
[ -s "$scratch/err" ] && failed "help says nothing on stderr"
cp "$scratch/out" "$scratch/help"
run "$COTRAIN" help
expect_same "$scratch/out" "$scratch/help"
run "$COTRAIN" recipe --help
expect_rc 0
expect_out "usage: cotrain recipe COMMAND"
expect_out "recipe schema"
expect_no_out "data build"
run "$COTRAIN" recipe check --help
expect_rc 0
expect_out "usage: cotrain recipe check RECIPE"
expect_out "--json"
cp "$scratch/out" "$scratch/help"
run "$COTRAIN" help recipe check
expect_same "$scratch/out" "$scratch/help"
run "$COTRAIN" recipe check missing.yaml -h
expect_rc 0
expect_same "$scratch/out" "$scratch/help"
run "$COTRAIN" --version
expect_rc 0
expect_out "cotrain "

# Every command that is listed has help of its own, and is in `help --all`.
run "$COTRAIN" help --all
expect_rc 0
cp "$scratch/out" "$scratch/all"
run "$COTRAIN" list commands --json
expect_rc 0
/usr/bin/python3 -c 'import json, sys
for row in json.load(open(sys.argv[1])): print(row["name"])' "$scratch/out" >"$scratch/commands"
[ "$(wc -l <"$scratch/commands")" -gt 5 ] || failed "more than five commands wanted"
while IFS= read -r words; do
    # shellcheck disable=SC2086
    run "$COTRAIN" $words --help
    expect_rc 0
    expect_out "usage: cotrain $words"
    check "help --all holds $words" grep -q "^usage: cotrain $words\\( \\|\$\\)" "$scratch/all"
done <"$scratch/commands"

# Usage errors: exit code 2, one error, the nearest name; nothing on stdout.
wrong() { # wrong ERROR HINT WORDS...
    error=$1
    hint=$2
    shift 2
    run "$COTRAIN" "$@"
    expect_rc 2
    expect_one_error "$error"
    expect_err "hint: $hint"
    [ -s "$scratch/out" ] && failed "nothing on stdout wanted"
}
wrong "no command given" "'cotrain help' lists the commands"
wrong "unknown command 'recpe'" "did you mean 'recipe'?" recpe check
wrong "unknown command 'recipe chek'" "did you mean 'recipe check'?" recipe chek
wrong "'recipe' needs one more word" "one of: new, check, show, schema" recipe
wrong "unknown command 'qqqqqqqqqq'" "'cotrain help' lists" qqqqqqqqqq
wrong "unknown option '--jsn'" "did you mean '--json'?" recipe check --jsn a.yaml
wrong "'recipe' is missing" "'cotrain recipe check --help'" recipe check
wrong "'b' is one word too many" "'cotrain recipe check --help'" recipe check a b
wrong "option '--set' needs a value" "'cotrain recipe check --help'" recipe check a --set
wrong "no table 'erors'" "did you mean 'errors'?" list erors
wrong "unknown command 'lits'" "did you mean 'list'?" help lits

# Tables: the same rows as text and as JSON.
run "$COTRAIN" list --json
/usr/bin/python3 -c 'import json, sys
for row in json.load(open(sys.argv[1])): print(row["name"])' "$scratch/out" >"$scratch/tables"
while IFS= read -r table; do
    run "$COTRAIN" list "$table"
    expect_rc 0
    cp "$scratch/out" "$scratch/text"
    run "$COTRAIN" list "$table" --json
    expect_rc 0
    check "list $table says the same in both forms" /usr/bin/python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))
names = [line.split()[0] for line in open(sys.argv[2], encoding="utf-8") if not line.startswith(" ")]
assert rows and all(row["summary"] for row in rows)
assert [row["name"].split()[0] for row in rows] == names, names' "$scratch/out" "$scratch/text"
done <"$scratch/tables"
run "$COTRAIN" list errors
expect_out "a check or gate said no (exit_code: 3)"

# doctor looks and never fails.
run "$COTRAIN" doctor
expect_rc 0
expect_out "vector units"
run "$COTRAIN" doctor --json
expect_rc 0
check "doctor --json names memory and a backend" /usr/bin/python3 -c 'import json, sys
rows = {row["name"]: row for row in json.load(open(sys.argv[1]))}
assert {"program", "processor", "memory", "backend", "sandbox"} <= rows.keys()' "$scratch/out"

# A result that cannot be written is no success.
if [ -w /dev/full ]; then
    last="cotrain list >/dev/full"
    "$COTRAIN" list errors >/dev/full 2>"$scratch/err"
    rc=$?
    expect_rc 1
    expect_one_error "cannot write to standard output"
fi

# A report that memory ran out under is no report: it is whole, or the command says why there is none.
# The long text needs memory of its own after the first fault is found.
printf 'cotrain: 1\nname: n\nwrok: 1\ntrain: {sead: 1, seed: x}\nrequests: [{id: i, scenario: %s}]\n' \
    "$(printf '%020000d' 0)" >"$scratch/bad.yaml"
run "$COTRAIN" recipe check "$scratch/bad.yaml"
expect_rc 1
cp "$scratch/out" "$scratch/whole"
n_whole=0
nth=0
while [ "$n_whole" -lt 3 ] && [ "$nth" -lt 200 ]; do
    nth=$((nth + 1))
    run env COTRAIN_FAULT=mem:$nth "$COTRAIN" recipe check "$scratch/bad.yaml"
    expect_rc 1
    if grep -q "out of memory" "$scratch/err"; then
        n_whole=0
    else
        n_whole=$((n_whole + 1))
        expect_same "$scratch/out" "$scratch/whole"
    fi
done
[ "$nth" -gt 10 ] && [ "$nth" -lt 200 ] || failed "a sweep over every allocation ends by itself"

# What a sweep picks from: each chain of calls that leads to an allocation once, whatever the addresses; one
# call deep they are all alike.
listed() {
    COTRAIN_FAULT=mem-list:$1 COTRAIN_LOG=base:debug,cli:debug run "$COTRAIN" recipe check "$scratch/bad.yaml"
    expect_rc 1
    expect_same "$scratch/out" "$scratch/whole"
    n_new=$(grep -c 'is new by its last' "$scratch/err")
}
listed 24
cp "$scratch/err" "$scratch/listed"
expect_err "mem:1 is new by its last 1 calls"
n_all=$(sed -n 's/.*: \([0-9]*\) allocations.*/\1/p' "$scratch/err")
[ "$n_new" -gt 10 ] && [ "$n_new" -lt "$n_all" ] || failed "some of $n_all allocations wanted: $n_new"
listed 24
expect_same "$scratch/err" "$scratch/listed"
listed 1
[ "$n_new" = 1 ] || failed "one chain of one call wanted: $n_new"
COTRAIN_FAULT=mem-list:33 run "$COTRAIN" list
expect_one_error "of up to 32 calls"

# A wrong environment variable is told before any work.
run env COTRAIN_LOG=loud "$COTRAIN" list
[ "$rc" != 0 ] || failed "an unknown log level is refused"
expect_err "loud"
finish
