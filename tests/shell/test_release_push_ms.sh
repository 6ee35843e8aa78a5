#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pushing a release to ModelScope, which a strict stand-in plays: the same requests as a dry run lists; refusals
# that come with status 200; a lost object, a lost answer and kills, each mended by the same command; the
# configuration.json that the hub wants; token and session nowhere.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/hub.sh"
targets push "{type: modelscope, repo: $repo}"
run "$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/work"
expect_rc 0

begin
push --dry-run --json
expect_rc 0
check "nothing was asked, nothing kept" sh -c "test ! -s '$scratch/log' -a ! -e '$release.push'"
cp "$scratch/out" "$scratch/plan.json"
export COTRAIN_LOG=remote:debug,release:debug
push
unset COTRAIN_LOG
expect_rc 0
expect_out "(UNSIGNED)"
expect_out "modelscope: verified, commit 0000"
check "neither token nor session in what it said" sh -c "! grep -rqE '$token|SESSION' '$scratch/out' '$scratch/err' '$release.push'"
asked
expect_planned
push
expect_rc 0
asked
check "again: nothing is sent" sh -c "! grep -qE '^PUT|/commit/|/repo/tag' '$scratch/asked'"

# ---- an object that the hub loses; a lost answer; faults; kills ----
stop
begin --fault "POST */commit/* times=1 lose"
push
expect_rc 1
expect_err "is not there as it was sent"
push
expect_rc 0
stop
begin --fault "POST */commit/* times=1 unanswered"
push
expect_rc 1
expect_err "no answer from"
push
expect_rc 0
stop
begin --fault "POST */repo/tag times=1 unanswered"
push
expect_rc 0
asked
check "the tag was asked for twice" sh -c "test \$(grep -c '/repo/tag' '$scratch/asked') = 2"
stop
begin --fault "PUT * times=2 status=503 retry-after=0" --fault "GET */repo/files times=1 status=429 retry-after=0"
push
expect_rc 0
push_killed 3 6 9

# ---- refused, in the body and by the status ----
stop
begin
MODELSCOPE_API_TOKEN=ms-SECRETother push
expect_rc 1
expect_err "'$repo': the token is not accepted (status 401: access token *** is wrong)"
expect_err "set MODELSCOPE_API_TOKEN"
expect_no_err SECRETother
MODELSCOPE_API_TOKEN= push
expect_err "no token is set"
fault "POST */batch times=1 status=403"
push
expect_err "the token's rights do not reach that far (status 403"
targets new "{type: modelscope, repo: keeper/New}"
push --recipe "$scratch/month/new.yaml"
expect_err "'keeper/New': it is not there (status 404: record not found)"
targets new "{type: modelscope, repo: keeper/New, create: true, license: Apache License 2.0}"
push --recipe "$scratch/month/new.yaml"
expect_rc 0
push
expect_rc 0
"$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/other" --set 'release.summary=Another.' >/dev/null 2>&1
run "$COTRAIN" release push "$scratch/other/release/Tiny"
expect_rc 1
expect_err "has a tag 'v2024.03' that is not of this release"
stop
begin --file notes.txt
push
expect_err "has a file 'notes.txt' that is not of this release"

# ---- a configuration.json that is there is left as it is ----
stop
begin --file configuration.json
push
expect_rc 0
asked
check "what is there is not written over" python3 - "$scratch/plan.json" "$scratch/asked" <<'PY'
import json, sys
planned = [r["bytes"] for r in json.load(open(sys.argv[1]))["targets"][0]["requests"] if "/commit/" in r["url"]]
real = [int(line.split()[3]) for line in open(sys.argv[2]) if "/commit/" in line]
assert len(planned) == len(real) == 1 and real[0] < planned[0], (planned, real)
PY
stop

# ---- a clone has it, and verifies ----
cp -r "$release" "$scratch/clone"
echo '{}' >"$scratch/clone/configuration.json"
run "$COTRAIN" release verify "$scratch/clone"
expect_rc 0
expect_out "not proved  configuration.json is not the release's"
finish
