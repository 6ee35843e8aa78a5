#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reading posts: our own labelled ones (tests/issues/), which hold every form and trap that is known, and
# the recorded threads with their hand labels, where those are. What is measured is printed; bounds are
# held by gold_posts.py.
. "$(dirname "$0")/lib.sh"
"$COTRAIN" help issues parse >/dev/null 2>&1 || skip "built without the programme (no libcurl or libgit2)"
here=$(dirname "$0")
posts=$SOURCE_DIR/tests/issues/posts

# The whole of our own set, with the collecting issue named, as a programme's settings name it.
run "$COTRAIN" issues parse "$posts" --repository atlas-lm/Atlas --issue 1 --maintainers atlas-lead --json
expect_rc 0
cp "$scratch/out" "$scratch/own.json"
check "our own posts are read as labelled" /usr/bin/python3 "$here/gold_posts.py" "$SOURCE_DIR/tests/issues/gold.json" \
    "$posts" "$scratch/own.json" --kinds 0.98 --f1 0.8
cat "$scratch/check.out"

# Without the collecting issue's name a thread that calls for requests in its title still collects; the
# body of its issue, here by somebody whom nobody has named a maintainer, asks for nothing.
run "$COTRAIN" issues parse "$posts/thread.json" --json
expect_rc 0
check "an unnamed thread is read nearly as well" /usr/bin/python3 -c 'import json, sys
named = {r["id"]: r for r in json.load(open(sys.argv[1])) if "Atlas#1@30000001" in r["id"]}
bare = {r["id"]: r for r in json.load(open(sys.argv[2]))}
assert not bare["atlas-lm/Atlas#1"]["is_request"], bare["atlas-lm/Atlas#1"]
assert len(named) > 45
for name, reading in named.items():
    assert bare[name]["is_request"] == reading["is_request"], bare[name]' "$scratch/own.json" "$scratch/out"

# Text for people, in either place of the options; nothing but the summary of what is no request.
run "$COTRAIN" issues parse "$posts/thread.json" --repository atlas-lm/Atlas --issue 1 --maintainers atlas-lead
expect_rc 0
expect_out "atlas-lm/Atlas#1  announcement: the body of the collecting issue itself"
expect_out "scenario    高校教务问答"
expect_out "missing     examples"
expect_out "51 posts, 39 requests, "

# Zones: the border of a month is where the team lives.
month_in() { # month_in ZONE: of the post of 2024-01-31T15:59:00Z
    run "$COTRAIN" issues parse "$posts/thread.json" --json --time-zone "$1"
    expect_rc 0
    /usr/bin/python3 -c 'import json, sys
print(*[r["plan_month"] for r in json.load(open(sys.argv[1])) if r["login"] == "edu-zhao"])' "$scratch/out"
}
check "2024-02 in Shanghai" [ "$(month_in Asia/Shanghai)" = 2024-02 ]
check "2024-03 further east" [ "$(month_in +09:00)" = 2024-03 ]

# What is wrong is said: a zone, half of an issue's name, a folder without posts, text that is no JSON.
run "$COTRAIN" issues parse "$posts" --time-zone Asia/Shangai
expect_rc 1
expect_one_error "no time zone 'Asia/Shangai' on this machine"
run "$COTRAIN" issues parse "$posts" --repository atlas-lm/Atlas
expect_rc 2
expect_one_error "name the collecting issue together"
mkdir "$scratch/empty"
run "$COTRAIN" issues parse "$scratch/empty"
expect_rc 1
expect_one_error "holds no issue and no comment"
printf '{"issue_url": ' >"$scratch/bad.json"
run "$COTRAIN" issues parse "$scratch/bad.json"
expect_rc 1
expect_one_error "not valid JSON"

# A report that memory ran out under is no report.
/usr/bin/python3 -c 'import json, sys
json.dump(json.load(open(sys.argv[1]))[1:4], open(sys.argv[2], "w"))' "$posts/thread.json" "$scratch/few.json"
run "$COTRAIN" issues parse "$scratch/few.json" --json
cp "$scratch/out" "$scratch/whole"
nth=1
n_whole=0
while [ "$n_whole" -lt 3 ] && [ "$nth" -lt 20000 ]; do
    run env COTRAIN_FAULT=mem:$nth "$COTRAIN" issues parse "$scratch/few.json" --json
    if [ "$rc" = 0 ]; then
        n_whole=$((n_whole + 1))
        expect_same "$scratch/out" "$scratch/whole"
    else
        n_whole=0
        expect_rc 1
        expect_err "out of memory"
        [ ! -s "$scratch/out" ] || failed "half a report"
    fi
    nth=$((nth + nth / 12 + 1))
done
[ "$nth" -gt 20 ] && [ "$nth" -lt 20000 ] || failed "a sweep over allocations ends by itself"

# The form is YAML that GitHub takes: keys, kinds of elements, labels once each.
check "the issue form is one" /usr/bin/python3 - "$SOURCE_DIR/issues/form/cotrain-request.yml" <<'EOF_PYTHON'
import sys, yaml
form = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
assert set(form) <= {"name", "description", "title", "labels", "assignees", "projects", "type", "body"}
assert form["name"] and form["description"] and form["labels"] == ["co-training"]
labels, ids = [], []
for element in form["body"]:
    assert element["type"] in ("markdown", "input", "textarea", "dropdown", "checkboxes")
    assert set(element) <= {"type", "id", "attributes", "validations"}
    attributes = element["attributes"]
    if element["type"] == "markdown":
        assert attributes["value"].strip()
        continue
    labels.append(attributes["label"])
    ids.append(element["id"])
    if element["type"] in ("dropdown", "checkboxes"):
        assert attributes["options"]
assert len(set(labels)) == len(labels) == 10 and len(set(ids)) == 10
assert "None" not in labels
EOF_PYTHON

gold=$COTRAIN_SHARED/data/github/gold.json
if [ -f "$gold" ]; then
    run "$COTRAIN" issues parse "$COTRAIN_SHARED/data/github/repos" --json
    expect_rc 0
    cp "$scratch/out" "$scratch/gold.json"
    check "recorded threads are read as labelled" /usr/bin/python3 "$here/gold_posts.py" "$gold" \
        "$COTRAIN_SHARED/data/github" "$scratch/gold.json" --kinds 0.97 --f1 0.75 --worst 0.6
    cat "$scratch/check.out"
    run "$COTRAIN" issues parse "$COTRAIN_SHARED/data/github/repos" --repository IEIT-Yuan/Yuan-2.0 --issue 22 --json
    expect_rc 0
    check "naming the collecting issue changes no kind there" /usr/bin/python3 -c 'import json, sys
a, b = ({r["id"]: r["kind"] for r in json.load(open(path))} for path in sys.argv[1:])
assert a == b, set(a.items()) ^ set(b.items())' "$scratch/out" "$scratch/gold.json"
else
    echo "the recorded threads are not read: '$gold' is not there"
fi
finish
