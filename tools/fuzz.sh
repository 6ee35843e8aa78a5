#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks for inputs that break the readers of files from the network: builds tests/fuzz/fuzz_*.c with
# clang, libFuzzer and the sanitizers (build/fuzz/), and runs each for a while from its corpus. The first
# finding ends it with exit code 1 and says how to see it again.
#   tools/fuzz.sh [--seconds N] [TARGET...]   N seconds each, 600 where not said; all targets
#   tools/fuzz.sh --merge [TARGET...]         adds to tests/fuzz/corpus/ the small inputs that reached new code
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=600
merge=
while [ $# != 0 ]; do
    case $1 in
    --seconds)
        seconds=${2-}
        [ $# -ge 2 ] && shift
        ;;
    --merge) merge=yes ;;
    -*)
        sed -n 's/^#   //p' "$0" >&2
        exit 2
        ;;
    *) break ;;
    esac
    shift
done
case $seconds in
'' | *[!0-9]* | 0)
    echo "fuzz: --seconds takes a whole number above 0, not '$seconds'" >&2
    exit 2
    ;;
esac

if ! command -v clang >/dev/null || ! [ -e "$(clang --print-file-name=libclang_rt.fuzzer-"$(uname -m)".a)" ]; then
    echo "fuzz: clang with libFuzzer is needed (Debian: clang, libclang-rt-dev, libomp-dev)" >&2
    exit 1
fi
mkdir -p build/fuzz
{ cmake --preset fuzz && cmake --build --preset fuzz; } >build/fuzz/build.log 2>&1 || {
    grep -E -m 20 'error|undefined|FAILED' build/fuzz/build.log
    echo "fuzz: the build failed; whole output in build/fuzz/build.log" >&2
    exit 1
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/cotrain.fuzz.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
export TMPDIR="$scratch" OMP_NUM_THREADS=1
# A lying size must not become an allocation: 256 MiB in one piece are a finding.
limits="-max_len=8192 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256"
merged_bytes=400 # the corpora stay small enough to be committed: all together under 300 KB

fuzz() { # fuzz WHAT: from the committed corpus and what earlier runs have found
    program=build/fuzz/tests/fuzz_$1
    corpus=tests/fuzz/corpus/$1
    grown=build/fuzz/corpus/$1
    log=build/fuzz/$1.log
    dictionary=
    [ ! -e "tests/fuzz/$1.dict" ] || dictionary=-dict=tests/fuzz/$1.dict
    mkdir -p "$grown" "$corpus" build/fuzz/found
    if [ -n "$merge" ]; then
        mkdir "$scratch/$1"
        find "$grown" -type f -size "-${merged_bytes}c" -exec cp {} "$scratch/$1" \;
        # shellcheck disable=SC2086 # words
        "$program" -merge=1 $limits "$corpus" "$scratch/$1" >"$log" 2>&1 || return 1
        echo "$1: $(find "$corpus" -type f | wc -l) inputs, $(cat "$corpus"/* | wc -c) bytes"
        return 0
    fi
    # shellcheck disable=SC2086 # words
    "$program" $limits $dictionary -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="build/fuzz/found/$1-" "$grown" "$corpus" >"$log" 2>&1 || return 1
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(sed -n 's/^.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    echo "$1: $seconds s, $runs inputs, $covered edges reached, nothing found"
}

[ $# != 0 ] || set -- $(ls tests/fuzz/fuzz_*.c | sed 's,.*/fuzz_\(.*\)[.]c,\1,')
for what in "$@"; do
    if ! [ -e "tests/fuzz/fuzz_$what.c" ]; then
        echo "fuzz: no target '$what': there is no tests/fuzz/fuzz_$what.c" >&2
        exit 2
    fi
    fuzz "$what" && continue
    found=$(sed -n 's/.*Test unit written to //p' "build/fuzz/$what.log" | tail -1)
    grep -E -m 5 'broken:|ERROR|SUMMARY|runtime error|last error' "build/fuzz/$what.log"
    echo "fuzz: $what found something; whole output in build/fuzz/$what.log"
    [ -z "$found" ] || echo "fuzz: again: build/fuzz/tests/fuzz_$what $found
fuzz: once mended, copy it to tests/fuzz/corpus/$what/, where ctest -R 'fuzz[.]$what' replays it"
    exit 1
done
