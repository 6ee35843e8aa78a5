#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A language model's proposals: they fill what is empty and nothing else, are marked, and decide nothing; what is no
# JSON, or tries to be more than text, is refused or stays text.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programme.sh"
cd "$scratch" || exit 1
export NO_PROXY=127.0.0.1
export GITHUB_TOKEN=ghp_$(printf 'x%.0s' $(seq 36))
new_program p
pull_sample p
mkfifo stdin
"$SOURCE_DIR/tests/shell/openai.py" answer log <stdin >port &
exec 9>stdin
until [ -s port ]; do :; done
url=http://127.0.0.1:$(cat port)/v1
propose() {
    run "$COTRAIN" issues propose --program p --month 2024-03 --today 2024-03-06 "$@"
}

cat >answer <<'EOF_ANSWER'
Sure! Here is the JSON:
{"scenario": "ignored, since it was read", "capability": ["a", "b"], "input": "合同里的一句话 {\"}",
 "output": "编号和日期\n一行", "review": [{"state": "accepted"}], "examples": [{"prompt": "x", "response": "y"}]}
EOF_ANSWER
before=$(head_of p)
propose --url "$url" --model yuan
expect_rc 0
file=p/requests/2024-03/1-4003.yaml
expect_out "sample/requests#1@4003: "
check "only what was empty is filled" grep -q '^input: "合同里的一句话 {\\"}"' "$file"
check "on one line" grep -q '^output: "编号和日期 一行"' "$file"
check "marked" grep -q '^proposed: .*input, output' "$file"
check "nothing is decided" test "$(grep -c 'state:' "$file")" = 0
check "no example is made up" test "$(grep -c '^examples:' "$file")" = 0
check "one commit for it" test "$(git -C p rev-list --count "$before"..HEAD)" = 1
check "complete requests were not asked about" test "$(wc -l <log)" = 1
check "the post is what was asked about" /usr/bin/python3 -c \
    'import json; assert "合同" in json.loads(open("log").readline())["asked"]["messages"][0]["content"]'
check "GitHub's token is not the endpoint's" grep -q '"token": false' log
run "$COTRAIN" issues show --program p 4003
expect_out "proposed"
propose --url "$url" --model yuan
expect_rc 0
check "again asks nothing" test "$(wc -l <log)" = 1

git -C p reset -q --hard HEAD~1
echo "I cannot help with that." >answer
propose --url "$url" --model yuan 4003
expect_rc 1
expect_one_error "holds no JSON object"
echo '{"input": 5, "output": null}' >answer
propose --url "$url" --model yuan 4003
expect_rc 0
expect_out "0 proposed"
clean_tree "nothing was written" p
propose --url "$url" 4003
expect_rc 2
expect_one_error "which model to ask"
propose 4003
expect_rc 2
propose --url http://example.com/v1 --model x 4003
expect_rc 1
expect_one_error "http"
propose --model-dir "$SOURCE_DIR/models/nano" --max-new-tokens 8 4003
expect_rc 1
expect_one_error "request 'sample/requests#1@4003'"
clean_tree "nothing was written, again" p
exec 9>&-
wait
finish
