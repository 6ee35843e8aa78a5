#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The month's recipe: written again it keeps what a person changed, takes in what the plan changed, and where both
# changed the same lines shows them and writes nothing until told whose to take.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programme.sh"
cd "$scratch" || exit 1
recipe=p/recipes/2024-03/sample-2024-03.yaml
write() {
    run "$COTRAIN" recipe new --program p --month 2024-03 "$@"
}
plan() {
    run "$COTRAIN" issues plan --program p --month 2024-03
    expect_rc 0
}
decide() { # decide KEY VALUE: an edit of request 4001
    printf 'cotrain: 1\nby: ann\ndate: "2024-03-08"\ndecisions:\n  - {id: "sample/requests#1@4001", decision: edit, %s: %s}\n' \
        "$1" "$2" >edit.yaml
    run "$COTRAIN" issues review --program p --decisions edit.yaml
    expect_rc 0
}
new_program p
check "program.yaml says why the gate is that one" grep -q '^#.* stops what is worse beyond chance' p/program.yaml
run "$COTRAIN" program init q --repository a/b --issue 1 --base-model "$SOURCE_DIR/models/nano" \
    --retention-cases "$sample_month/retention.jsonl" --retention-gate "better"
expect_rc 1
expect_one_error "gate 'retention: better': no >=, <=, > or <"
check "nothing was made" [ ! -e q ]
pull_sample p
write
expect_rc 1
expect_one_error "there is no plan of 2024-03"
run "$COTRAIN" issues review --program p --decisions "$sample_month/decisions.yaml"
expect_rc 0
plan
write
expect_rc 0
expect_out "$(echo "$recipe" | cut -d/ -f2-)"
check "it is a recipe" "$COTRAIN" recipe check "$recipe"
run "$COTRAIN" recipe show "$recipe" --json
check "with requests, examples, cases, retention and a stable name" /usr/bin/python3 - "$scratch/out" <<'EOF_PYTHON'
import json, sys
recipe = json.load(open(sys.argv[1], encoding="utf-8"))
recipe = recipe.get("recipe", recipe)
assert recipe["name"] == "sample-2024-03" and recipe["month"] == "2024-03", recipe["name"]
assert [r["id"][-4:] for r in recipe["requests"]] == ["4001", "4002"]
assert all(r["examples"] and r["cases"] and r["weight"] == 1 for r in recipe["requests"])
assert recipe["data"]["holdout"]["sealed"] is True
assert all(len(r["cases_sha256"]) == 64 for r in recipe["requests"])
assert "retention" in recipe["eval"]["tasks"] and recipe["eval"]["gates"]["retention"] == "not < -0 at 95%"
assert recipe["eval"]["gates"]["requests"] == ">= 0.8", "what the base recipe says stays"
assert recipe["release"]["name"] == "nano-2024-03" and len(recipe["base_model"]["digest"]) == 64
EOF_PYTHON
cp "$recipe" first.yaml
before=$(head_of p)
write
expect_rc 0
expect_same "$recipe" first.yaml
check "and again makes no commit" test "$(head_of p)" = "$before"

# The cases are sealed by their hash.
run "$COTRAIN" data build "$recipe" --out dataset
expect_rc 0
echo '{"prompt": "one more", "response": "case"}' >>p/requests/2024-03/1-4001.cases.jsonl
run "$COTRAIN" data build "$recipe" --out dataset
expect_rc 1
expect_one_error "1-4001.cases.jsonl' has the SHA-256"
git -C p checkout -q requests

# A person's changes stay, and the plan's come in beside them.
sed -i 's/^release:/# a note\nrelease:/; s/weight: 1.0/weight: 0.7/' "$recipe"
write
expect_rc 0
check "the note and the weight stay" test "$(grep -c '# a note\|weight: 0.7' "$recipe")" = 3
decide scenario '"help desk"'
plan
write
expect_rc 0
check "the new scenario came in" grep -q 'scenario: "help desk"' "$recipe"
check "and the changes stay" test "$(grep -c '# a note\|weight: 0.7' "$recipe")" = 3
clean_tree "all is committed" p

# Both changed the same line.
decide weight 0.5
plan
cp "$recipe" mine.yaml
write
expect_rc 3
expect_one_error "was changed where the plan changed, too"
expect_out "<<<<<<< recipes/2024-03/sample-2024-03.yaml"
expect_out "weight: 0.7"
expect_out "weight: 0.5"
expect_out ">>>>>>> generated from the plan"
expect_same "$recipe" mine.yaml
clean_tree "nothing was written" p
write --take mine
expect_rc 0
expect_same "$recipe" mine.yaml
write
expect_rc 0
expect_same "$recipe" mine.yaml
decide weight 0.4
plan
write --take generated
expect_rc 0
check "the plan's weight" grep -q 'weight: 0.4' "$recipe"

# What a person writes must still be a recipe.
sed -i 's/^release:/relase:/' "$recipe"
write
expect_rc 1
expect_one_error "unknown key 'relase'"
check "and no commit was made of it" grep -q '^release:' <(git -C p show "HEAD:${recipe#p/}")
finish
