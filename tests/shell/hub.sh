# SPDX-License-Identifier: Apache-2.0
# Sourced by tests of pushing to hubs, behind lib.sh: a tiny release, and the hubs' stand-in.
#   begin [OPTION VALUE]...  starts it with $token and one empty repository; its address is $hub, and it is
#                            what is pushed to, as either hub
#   fault LINE               one fault more (tests/hub/faults.c)
#   asked                    what was asked since the last look, in $scratch/asked
#   stop                     ends it
#   push [ARGS...]           pushes the release
#   push_killed POINT...     killed there, and pushed again, to a fresh hub each time
#   expect_planned           what was asked is what the dry run listed in $scratch/plan.json
#   targets NAME YAML        a recipe NAME.yaml with these targets
: "${HUB_STANDIN:=$SOURCE_DIR/build/release/tests/hub_standin}"
[ -x "$HUB_STANDIN" ] || skip "no stand-in for hubs here (libmicrohttpd-dev has what it needs)"
token=hf_SECRETsecret0123456789SECRETsecret01
repo=keeper/Tiny
release=$scratch/work/release/Tiny
state=$release.push/state.json
export NO_PROXY=127.0.0.1

begin() {
    rm -rf "$release.push" "$scratch/stdin" "$scratch/stdout" "$scratch/log"
    mkfifo "$scratch/stdin"
    : >"$scratch/log"
    "$HUB_STANDIN" --token "$token" --log "$scratch/log" --repo "$repo" "$@" <"$scratch/stdin" >"$scratch/stdout" &
    exec 9>"$scratch/stdin"
    until [ -s "$scratch/stdout" ]; do :; done
    hub=http://127.0.0.1:$(head -1 "$scratch/stdout")
    export HF_ENDPOINT=$hub HF_TOKEN=$token MODELSCOPE_ENDPOINT=$hub MODELSCOPE_API_TOKEN=$token
}
push() {
    run "$COTRAIN" release push "$release" "$@"
}
push_killed() {
    for point in "$@"; do
        stop
        begin
        COTRAIN_FAULT=io-kill:$point push
        expect_rc 137
        push
        expect_rc 0
    done 2>/dev/null
}
expect_planned() {
    check "the dry run said it: method, address and size" python3 - "$scratch" "$hub" <<'PY'
import json, re, sys
scratch, hub = sys.argv[1:]
plan = [(r["method"], r["url"].replace(hub, "").replace("COMMIT", "ID"), r["bytes"])
        for r in json.load(open(scratch + "/plan.json"))["targets"][0]["requests"]]
real = []
for line in open(scratch + "/asked"):
    method, path, status, n = line.split()[:4]
    assert line.endswith(" given\n") == path.startswith(("/store/", "/mstore/", "/verify/")), line
    assert status[0] in "23", line
    if not path.startswith(("/verify/", "/api/resolve-cache/")):
        real.append((method, re.sub("[0-9a-f]{40}", "ID", path), int(n)))
assert len(plan) == len(real), (len(plan), len(real))
for a, b in zip(plan, real):
    assert a[0] == b[0] and (a[1] == b[1] or b[1].startswith(("/store/", "/mstore/"))), (a, b)
    assert a[2] == b[2] or b[1] == "/api/v1/login", (a, b)  # the token is not read for a dry run
PY
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
