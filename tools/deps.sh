#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What building and testing need, checked by trying each; what is missing is installed with apt where
# that is allowed (root, or sudo without a password), else printed. Nothing is said when all is there.
set -u

header() { # header COMPILER NAME
    printf '#include <%s>\n' "$2" | $1 -E - >/dev/null 2>&1
}
cmake_is_new() {
    cmake --version 2>/dev/null |
        awk 'NR == 1 { split($3, v, "."); new = v[1] > 3 || (v[1] == 3 && v[2] >= 25) }
             END { exit !new }'
}
missing=
need() { # need PACKAGE CHECK...
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
find_missing() {
    missing=
    need gcc cc --version
    need g++ c++ --version
    need libc6-dev header cc stdio.h
    need binutils objdump --version
    need cmake cmake_is_new
    need ninja-build ninja --version
    need libjansson-dev header cc jansson.h
    need libssl-dev header cc openssl/evp.h
    need libxxhash-dev header cc xxhash.h
    need libseccomp-dev header cc seccomp.h
    need bubblewrap bwrap --version
    need libyaml-dev header cc yaml.h
    need libcurl4-openssl-dev header cc curl/curl.h
    need libgit2-dev header cc git2.h
    need libmicrohttpd-dev header cc microhttpd.h
    need zlib1g-dev header cc zlib.h
    need libzstd-dev header cc zstd.h
    need libsentencepiece-dev header "c++ -x c++" sentencepiece_processor.h
    need libpcre2-dev sh -c 'printf "#define PCRE2_CODE_UNIT_WIDTH 8\n#include <pcre2.h>\n" | cc -E -'
    need libcmocka-dev header cc cmocka.h
    need json-schema-test-suite test -d /usr/share/json-schema-test-suite/tests/draft7
    need cmark-gfm cmark-gfm --version
    need python3 /usr/bin/python3 --version
    need python3-numpy /usr/bin/python3 -c 'import numpy'
    need python3-yaml /usr/bin/python3 -c 'import yaml'
    need clang-format-14 sh -c 'clang-format-14 --version || clang-format --version | grep -q "version 14[.]"'
    need openssl openssl version
    need openssh-client sh -c 'command -v ssh-keygen'
    need protobuf-compiler protoc --version # tests/shell/test_loggers.sh reads events with it
    need python3-jsonschema /usr/bin/python3 -c 'import jsonschema'
    need git git --version
    need git-lfs git lfs version
    need gh gh --version
    # tests/shell/browser.sh looks at pages in a browser, with Chinese texts
    need chromium chromium --version
    need fonts-noto-cjk test -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc
    need tzdata test -e /usr/share/zoneinfo/Asia/Shanghai
    [ "$(uname -m)" = aarch64 ] && return
    # tests/shell/test_arm.sh builds the kernels for Arm and runs them here
    need gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc --version
    need libc6-dev-arm64-cross test -e /usr/aarch64-linux-gnu/lib/libc.a
    need qemu-user qemu-aarch64 --version
}

find_missing
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    as_root='env'
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n env"
else
    echo "deps: missing, and this user may not install:$missing"
    echo "deps: run this, then again:  sudo apt-get install --no-install-recommends$missing"
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "deps: no apt-get here; install what stands for these Debian packages:$missing"
    exit 1
fi
echo "deps: installing$missing"
log=$(mktemp)
# shellcheck disable=SC2086 # a list of words
if ! { $as_root apt-get update -q &&
    $as_root DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing; } \
    >"$log" 2>&1; then
    tail -20 "$log"
    echo "deps: apt-get failed; its whole output is in $log"
    exit 1
fi
rm -f "$log"
find_missing
if [ -n "$missing" ]; then
    echo "deps: still missing after installing:$missing"
    [ "${missing#*cmake}" = "$missing" ] || echo "deps: cmake 3.25 or newer is needed; this system's is older"
    exit 1
fi
