# SPDX-License-Identifier: Apache-2.0
# Sourced by every tests/shell/test_*.sh: a temporary folder of its own, and expectations that say what
# was wanted and what came. A test goes on after a failed expectation and ends with `finish`.
#   run CMD...            runs it; stdout, stderr and exit code land in $scratch/out, $scratch/err, $rc
#   expect_rc N           the last run's exit code
#   expect_out TEXT       a line of its stdout holds TEXT         (expect_err: of its stderr)
#   expect_no_out TEXT    none does                               (expect_no_err: likewise)
#   expect_one_error TEXT stderr is exactly one "cotrain: ..." line that holds TEXT, and at most one hint
#   expect_same A B       two files hold the same bytes
#   check WHAT CMD...     CMD succeeds
#   skip REASON           ends the test as skipped (exit code 77)
set -u
: "${SOURCE_DIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${COTRAIN:=$SOURCE_DIR/build/release/cotrain}"
: "${COTRAIN_SHARED:=$SOURCE_DIR/../shared}"
export COTRAIN_SHARED
unset COTRAIN_LOG COTRAIN_FAULT
test_name=$(basename "$0" .sh)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/cotrain.$test_name.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
n_checks=0
n_failed=0
rc=0
last=
: >"$scratch/out" >"$scratch/err"

passed() {
    n_checks=$((n_checks + 1))
}
failed() { # failed WHAT: counts it and shows what the last run said
    n_checks=$((n_checks + 1))
    n_failed=$((n_failed + 1))
    echo "FAIL: $1"
    echo "  ran: $last  (exit code $rc)"
    head -5 "$scratch/out" | cut -c1-300 | sed 's/^/  stdout: /'
    head -5 "$scratch/err" | cut -c1-300 | sed 's/^/  stderr: /'
}
run() {
    last=$*
    "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
    rc=$?
}
expect_rc() {
    if [ "$rc" = "$1" ]; then passed; else failed "exit code $1 wanted"; fi
}
expect_out() {
    if grep -qF -- "$1" "$scratch/out"; then passed; else failed "stdout with '$1' wanted"; fi
}
expect_err() {
    if grep -qF -- "$1" "$scratch/err"; then passed; else failed "stderr with '$1' wanted"; fi
}
expect_no_out() {
    if grep -qF -- "$1" "$scratch/out"; then failed "stdout without '$1' wanted"; else passed; fi
}
expect_no_err() {
    if grep -qF -- "$1" "$scratch/err"; then failed "stderr without '$1' wanted"; else passed; fi
}
expect_one_error() {
    if [ "$(grep -c '^cotrain: ' "$scratch/err")" != 1 ]; then
        failed "exactly one error line wanted"
    elif [ "$(grep -vc -e '^cotrain: ' -e '^hint: ' "$scratch/err")" != 0 ]; then
        failed "nothing but the error and its hint wanted on stderr"
    elif ! grep '^cotrain: ' "$scratch/err" | grep -qF -- "$1"; then
        failed "an error with '$1' wanted"
    else
        passed
    fi
}
expect_same() {
    if cmp -s "$1" "$2"; then passed; else failed "$1 and $2 wanted with the same bytes"; fi
}
check() {
    what=$1
    shift
    last=$*
    if "$@" >"$scratch/check.out" 2>&1; then
        passed
    else
        failed "$what"
        head -5 "$scratch/check.out" | sed 's/^/  said: /'
    fi
}
skip() {
    echo "skipped: $1"
    exit 77
}
finish() {
    if [ "$n_failed" != 0 ]; then
        echo "$n_failed of $n_checks checks failed; alone: COTRAIN=$COTRAIN $0"
        exit 1
    fi
    [ "$n_checks" != 0 ] || { echo "no check was made"; exit 1; }
    echo "$n_checks checks passed"
    exit 0
}
