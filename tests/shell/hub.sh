# SPDX-License-Identifier: Apache-2.0
# Sourced by tests of pushing to hubs, behind lib.sh: a tiny release, and the hubs' stand-in.
#   serve [OPTION VALUE]...  starts it with $token and one empty repository; its address is $hub
#   fault LINE               one fault more (tests/hub/faults.c)
#   asked                    what was asked since the last look, in $scratch/asked
#   stop                     ends it
#   targets NAME YAML        a recipe NAME.yaml with these targets
: "${HUB_STANDIN:=$SOURCE_DIR/build/release/tests/hub_standin}"
[ -x "$HUB_STANDIN" ] || skip "no stand-in for hubs here (libmicrohttpd-dev has what it needs)"
token=hf_SECRETsecret0123456789SECRETsecret01
repo=keeper/Tiny
release=$scratch/work/release/Tiny
state=$release.push/state.json
export NO_PROXY=127.0.0.1

serve() {
    rm -rf "$release.push" "$scratch/stdin" "$scratch/stdout" "$scratch/log"
    mkfifo "$scratch/stdin"
    : >"$scratch/log"
    "$HUB_STANDIN" --token "$token" --log "$scratch/log" --repo "$repo" "$@" <"$scratch/stdin" >"$scratch/stdout" &
    exec 9>"$scratch/stdin"
    until [ -s "$scratch/stdout" ]; do :; done
    hub=http://127.0.0.1:$(head -1 "$scratch/stdout")
}
fault() {
    before=$(wc -l <"$scratch/stdout")
    echo "$1" >&9
    until [ "$(wc -l <"$scratch/stdout")" -gt "$before" ]; do :; done
}
asked() {
    mv "$scratch/log" "$scratch/asked" && : >"$scratch/log"
}
stop() {
    exec 9>&-
    wait
}
targets() {
    printf 'inherit: lora.yaml\nrelease:\n  targets: [%s]\n' "$2" >"$scratch/month/$1.yaml"
}
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
