#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pushing a release to Hugging Face, which a strict stand-in plays: what is asked, in one piece and in parts;
# a lost object, faults in the middle, a lost answer, a race and kills, each mended by the same command; refusals
# in clear words; and the token nowhere. The stand-in itself is held against recorded requests of real clients.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
targets push "{type: huggingface, repo: $repo}"
run "$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/work"
expect_rc 0
umask 077
ssh-keygen -q -t ed25519 -N '' -f "$scratch/key" && "$COTRAIN" release sign "$release" --ssh-key "$scratch/key" >/dev/null || exit 1
state_of() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["targets"]["huggingface"].get(sys.argv[2], ""))' \
        "$state" "$1"
}

# ---- a dry run asks nothing, and lists what is then asked ----
begin
push --dry-run --json
expect_rc 0
check "nothing was asked, nothing kept" sh -c "test ! -s '$scratch/log' -a ! -e '$release.push'"
cp "$scratch/out" "$scratch/plan.json"
export COTRAIN_LOG=remote:debug,release:debug
push
unset COTRAIN_LOG
expect_rc 0
expect_out "huggingface: verified, commit 0000"
expect_out "tag v2024.03, $hub/$repo"
check "no token in what it said" sh -c "! grep -rqF '$token' '$scratch/out' '$scratch/err' '$release.push'"
check "no signature of the store's in the log" sh -c "grep -q 'PUT $hub/store/' '$scratch/err' && ! grep -q SIGNED '$scratch/err'"
asked
expect_planned

# ---- again: it is looked at, and nothing is sent ----
push
expect_rc 0
asked
check "nothing was sent again" sh -c "! grep -qE '^PUT|/commit/|/tag/|/preupload/' '$scratch/asked'"

# ---- in parts ----
stop
begin --chunk 20000
push
expect_rc 0
asked
check "parts were sent and joined" sh -c "test \$(grep -c '^PUT /part/' '$scratch/asked') -gt 8 && grep -q '^POST /join/' '$scratch/asked'"

# ---- an object that the hub loses behind the commit ----
stop
begin --fault "POST */commit/* times=1 lose"
push
expect_rc 1
expect_one_error "is not there as it was sent"
expect_err "run it again"
check "it stayed committed" test "$(state_of state)" = committed
asked
check "no tag" sh -c "! grep -q /tag/ '$scratch/asked'"
push
expect_rc 0
asked
check "the one object was sent anew, and the tag set" sh -c "test \$(grep -c '^PUT' '$scratch/asked') = 1 && grep -q /tag/ '$scratch/asked'"

# ---- faults in the middle ----
stop
begin --fault "PUT /store/* times=2 status=503 retry-after=0" --fault "POST */commit/* times=1 status=500 retry-after=0" \
    --fault "HEAD * times=3 status=429 retry-after=0" --fault "GET */refs times=1 status=502 retry-after=0"
push
expect_rc 0
stop
begin --fault "PUT /store/* after=1 status=503 retry-after=0"
push
expect_rc 1
expect_one_error "the hub's own fault (status 503"
expect_err "run it again: it goes on where it stopped"
stop
begin --fault "PUT /store/* times=1 retry-after=9999 status=429"
push
expect_rc 1
expect_one_error "asks to wait 9999 s"

# ---- cut, or killed with kill -9, in the middle of an object ----
sent_whole() { # whether what was cut in the log $1 was put whole in the log $2
    path=$(sed -n 's/^PUT \([^ ]*\) cut 1000 given$/\1/p' "$1")
    [ -n "$path" ] && grep -qF "PUT $path 200 " "$2"
}
stop
begin --fault "PUT /store/* times=1 cut=1000"
push
expect_rc 0
asked
check "it was cut, and sent again whole" sent_whole "$scratch/asked" "$scratch/asked"
stop
begin --fault "PUT /store/* times=1 cut=1000 hold"
"$COTRAIN" release push "$release" >"$scratch/out" 2>"$scratch/err" 9>&- &
until grep -q ' cut 1000' "$scratch/log"; do :; done
kill -9 $!
wait $! 2>/dev/null
check "it was not past uploading" test "$(state_of state)" = prepared
asked
cp "$scratch/asked" "$scratch/killed"
push
expect_rc 0
asked
check "the same command sent it whole" sent_whole "$scratch/killed" "$scratch/asked"

# ---- an answer that is lost, and somebody else's commit ----
stop
begin --fault "POST */commit/* times=1 unanswered"
push
expect_rc 0
asked
check "the second try was refused, and the first one found" sh -c "grep -q '/commit/main 412' '$scratch/asked'"
stop
begin --fault "POST */commit/* times=1 race"
push
expect_rc 1
expect_one_error "somebody else committed meanwhile (status 412"
push
expect_rc 0

stop
begin --fault "POST */tag/* times=1 unanswered"
push
expect_rc 0
asked
check "the second try was refused, and the tag found" sh -c "grep -q '/tag/.* 409' '$scratch/asked'"
targets new "{type: huggingface, repo: keeper/New, create: true, private: true}"
stop
begin --fault "POST /api/repos/create times=1 unanswered"
push --recipe "$scratch/month/new.yaml"
expect_rc 0
asked
check "the second try was refused, and the first one found" grep -q '/create 409' "$scratch/asked"
stop
begin --repo keeper/New --fault "GET */New/revision/* times=1 status=404"
push --recipe "$scratch/month/new.yaml"
expect_rc 1
expect_one_error "'keeper/New' is there since a moment, and is public"

# ---- an answer that leaves an object out ----
stop
begin --fault "POST */objects/batch times=1 omit"
push
expect_rc 1
expect_one_error "the hub's answer says nothing of '"
push
expect_rc 0

# ---- a file that is changed between two tries ----
change() { # one byte, in the file behind the log's PUT that is held
    until grep -q ' cut 1000' "$scratch/log"; do :; done
    printf '%s' "$1" | dd of="$release/model.safetensors" bs=1 seek=$(($(stat -c %s "$release/model.safetensors") - 9)) \
        conv=notrunc status=none
}
for chunk in 0 20000; do
    stop
    begin --chunk $chunk --fault "PUT /store/* times=1 cut=1000 hold" --fault "PUT /part/* times=1 cut=1000 hold"
    cp "$release/model.safetensors" "$scratch/kept"
    export COTRAIN_STALL_S=1
    change X &
    push
    wait $!
    unset COTRAIN_STALL_S
    expect_rc 1
    expect_one_error "'$release/model.safetensors' was changed before it was sent"
    asked
    oid=$(sha256sum <"$scratch/kept" | cut -d' ' -f1)
    check "it did not come there" sh -c "! grep -qE '/(store|join)/$oid.* 200' '$scratch/asked'"
    cp "$scratch/kept" "$release/model.safetensors"
done

# ---- killed ----
push_killed 2 5 8 11

# ---- refused ----
stop
begin
HF_TOKEN=hf_other push
expect_rc 1
expect_one_error "'$repo': the token is not accepted (status 401: Invalid username or password.)"
expect_err "set HF_TOKEN"
HF_TOKEN= push
expect_one_error "no token is set"
fault "GET */revision/* times=1 status=401 echo"
push
expect_one_error "made to fail: Bearer ***"
expect_no_err "$token"
fault "POST */preupload/* times=1 status=403"
push
expect_one_error "the token's rights do not reach that far (status 403"
fault "POST */commit/* times=1 status=413"
push
expect_one_error "it is too large for the hub"
printf '%s\n' "$token" >"$scratch/token"
HF_TOKEN= push --token-file "huggingface=$scratch/token"
expect_rc 0
targets new "{type: huggingface, repo: keeper/New}"
push --recipe "$scratch/month/new.yaml"
expect_one_error "'keeper/New': it is not there (status 404: Repository not found)"
expect_err "create it there first or say \`create: true\`"
targets new "{type: huggingface, repo: keeper/New, create: true, private: true}"
push --recipe "$scratch/month/new.yaml"
expect_rc 0
targets bad "{type: huggingface, repo: keeper}"
push --recipe "$scratch/month/bad.yaml"
expect_one_error "\`repo\`: 'keeper' is not written as OWNER/NAME"
HF_ENDPOINT=http://hub.invalid push
expect_one_error "is not asked"

# ---- what is there stays there ----
"$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/other" --set 'release.summary=Another.' >/dev/null 2>&1
"$COTRAIN" release sign "$scratch/other/release/Tiny" --ssh-key "$scratch/key" >"$scratch/out"
asked
run "$COTRAIN" release push "$scratch/other/release/Tiny"
expect_rc 1
expect_err "has a tag 'v2024.03' that is not of this release"
asked
check "nothing was sent" sh -c "! grep -qE '^(PUT|POST)' '$scratch/asked'"
stop
begin --file notes.txt
push
expect_one_error "has a file 'notes.txt' that is not of this release"

# ---- renamed ----
stop
begin --moved keeper/Old
targets old "{type: huggingface, repo: keeper/Old}"
push --recipe "$scratch/month/old.yaml"
expect_one_error "'keeper/Old': it has moved (status 307: to /api/models/$repo/revision/main)"
expect_err "hint: give the target the name or address that it has now"

# ---- proposed instead ----
stop
begin
targets proposal "{type: huggingface, repo: $repo, pull_request: true}"
push --recipe "$scratch/month/proposal.yaml"
expect_rc 0
expect_out "proposed as https://hub.example/discussions/1"
asked
check "no tag" sh -c "grep -q 'commit/main?create_pr=1 200' '$scratch/asked' && ! grep -q /tag/ '$scratch/asked'"
push --recipe "$scratch/month/proposal.yaml"
expect_rc 0
asked
check "and not twice" sh -c "! grep -q /commit/ '$scratch/asked'"

# ---- the stand-in against recorded requests of real clients ----
wire=$COTRAIN_SHARED/data/wire
if [ -f "$wire/hf-hub-2.17.5-upload.json" ]; then
    stop
    begin --repo IEITYuan/Yuan2-2B-2024-04 --repo IEITYuan/m --fault "POST */commit/* lose"
    check "recorded requests are answered as they were" "$SOURCE_DIR/tests/hub/replay.py" "$hub" "$token" \
        "$wire/hf-hub-2.17.5-upload.json" "$wire/git-lfs-3.3.0-push.json"
fi
stop
finish
