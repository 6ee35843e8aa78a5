#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A month collected from GitHub and answered there, over HTTP: the stand-in serves the sample thread and takes the
# replies. The same commits come of it as from the saved files; a rate limit that is too long ends the run, which then goes
# on; an edit is kept aside; nothing is posted twice; and the token is nowhere.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programme.sh"
: "${GITHUB_STANDIN:=$SOURCE_DIR/build/release/tests/github_standin}"
[ -x "$GITHUB_STANDIN" ] || skip "no stand-in for GitHub here (libmicrohttpd-dev has what it needs)"
cd "$scratch" || exit 1
cp -R "$sample_month/thread" served
token=ghp_$(printf 'x%.0s' $(seq 36))
export GITHUB_TOKEN=$token NO_PROXY=127.0.0.1
unset GH_TOKEN

serve() { # serve [OPTION VALUE]...: starts the stand-in; it ends when the fifo closes
    rm -f stdin stdout
    mkfifo stdin
    "$GITHUB_STANDIN" --folder served --log log "$@" <stdin >stdout &
    exec 9>stdin
    until [ -s stdout ]; do :; done
    GITHUB_API_URL=http://127.0.0.1:$(head -1 stdout)
    export GITHUB_API_URL
}
stop() {
    exec 9>&-
    wait
}
pull() { # pull DIR [OPTION...]
    local dir=$1
    shift
    run "$COTRAIN" issues pull --program "$dir" --month 2024-03 --today 2024-03-06 "$@"
}

# The same as from the files.
new_program files
pull_sample files
new_program p
serve
pull p
expect_rc 0
expect_out "2024-03: 4 posts, 3 requests, 3 of them new"
for part in requests collections; do
    check "the same $part as from the files" diff -r "files/$part" "p/$part"
done
first=$(head_of p)
pull p
expect_rc 0
expect_out "0 of them new"
check "again changes nothing" test "$(head_of p)" = "$first"
check "unchanged pages were asked for conditionally" grep -q ' 304 ' log
stop

# An edit on GitHub: kept aside, shown, and not read over what was decided.
run "$COTRAIN" issues review --program p --decisions "$sample_month/decisions.yaml"
expect_rc 0
/usr/bin/python3 - served/repos/sample/requests/issues/1/comments.json <<'EOF_PYTHON'
import json, sys
path = sys.argv[1]
comments = json.load(open(path, encoding="utf-8"))
comments[0]["body"] = comments[0]["body"].replace("报修工单", "报修工单（已补充）")
comments[0]["updated_at"] = "2024-03-09T01:00:00Z"
json.dump(comments, open(path, "w", encoding="utf-8"), ensure_ascii=False)
EOF_PYTHON
serve
pull p
expect_rc 0
expect_out "edited since it was read: sample/requests#1@4001"
run "$COTRAIN" issues show --program p 4001
expect_out "EDITED since"
check "the record is as it was decided on" grep -q 'scenario: "IT服务台，每天收到很多报修工单"' p/requests/2024-03/1-4001.yaml

# Replies: drafted; posted once, also when the run died before it noted that.
run "$COTRAIN" issues reply --program p --month 2024-03 --today 2024-03-10
expect_rc 0
check "drafting posts nothing" test "$(grep -c '^POST' log)" = 0
COTRAIN_FAULT=io:1 run "$COTRAIN" issues reply --program p --month 2024-03 --today 2024-03-10 --post 4003
run "$COTRAIN" issues reply --program p --month 2024-03 --today 2024-03-10 --post --json
expect_rc 0
check "three replies were posted" test "$(grep -c '^POST' log)" = 3
check "all are noted" test "$(ls p/replies/2024-03/*.json | wc -l)" = 3
run "$COTRAIN" issues reply --program p --month 2024-03 --today 2024-03-10 --post --json
check "and none twice" test "$(grep -c '^POST' log)" = 3
rm p/replies/2024-03/1-4003.needs_information.json
git -C p commit -qam "lost a note"
run "$COTRAIN" issues reply --program p --month 2024-03 --today 2024-03-10 --post --json
expect_rc 0
check "one that the thread has already is not posted again" test "$(grep -c '^POST' log)" = 3
clean_tree "all is committed" p
stop

# A wait that is longer than allowed ends the run with 75, and the next one goes on.
rm -r served
cp -R "$sample_month/thread" served
new_program q
serve --fault 'GET /repos/sample/requests/issues/1/comments times=1 status=403 remaining=0 reset=4102444800'
pull q --max-wait 5
expect_rc 75
expect_one_error "rate limit"
pull q --max-wait 5
expect_rc 0
check "it ends in the same requests" diff -r files/requests q/requests
stop
for fault in 'status=404|no such|404' 'status=410|410|deleted' 'status=401|401|token' 'status=502 html|fault'; do
    new_program f
    serve --fault "GET /repos/sample/requests/issues/1 ${fault%%|*}"
    pull f --max-wait 1
    case $rc in 1 | 75) passed ;; *) failed "exit code 1 or 75 wanted" ;; esac
    check "one clear error for ${fault%%|*}" grep -qiE "^cotrain: .*(${fault#*|})" "$scratch/err"
    check "nothing half done" test "$(git -C f rev-list --count HEAD)" = 1
    stop
    rm -rf f
done
run "$COTRAIN" issues pull --program q --month 2024-03 --token-file "$scratch/log" --today 2024-03-06
expect_rc 1

unset GITHUB_TOKEN
check "the token is in no file" test -z "$(grep -rlF "$token" . 2>/dev/null)"
check "nor was it said" test -z "$(grep -F "$token" "$scratch/out" "$scratch/err")"
finish
