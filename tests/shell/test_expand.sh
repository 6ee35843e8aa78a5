#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Synthesis for the sample month by a scripted teacher behind a real endpoint (tests/shell/teacher.py), which answers
# right, wrong, malformed and late in known shares: what is accepted is right, the report's counts are the teacher's own,
# a second run asks nothing, a killed one asks nothing twice, no held-out case is shown or kept; and training on the rows
# alone reaches the sample's bar. Then models/nano as its own teacher, called directly.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
export NO_PROXY=127.0.0.1
recipe=$SOURCE_DIR/recipes/2024-03/nano-expand.yaml
sealed=$SOURCE_DIR/models/month
cat "$sealed"/*.cases.jsonl >cases
mkfifo stdin
"$SOURCE_DIR/tests/shell/teacher.py" log cases <stdin >port &
exec 9>stdin
until [ -s port ]; do :; done
teacher=data.expand.teacher
expand() { # expand DIR [ARGUMENT...]
    local out=$1
    shift
    run "$COTRAIN" data expand "$recipe" --out "$out" --set "$teacher.url=http://127.0.0.1:$(cat port)/v1" \
        --set $teacher.stall_timeout_ms=5000 --set $teacher.backoff_ms=1 "$@"
}
counts() { # counts: what the teacher has sent so far
    /usr/bin/python3 -c 'import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen("http://127.0.0.1:%s/counts" % open("port").read().strip()).read())'
}
sums() {
    (cd "$1" && sha256sum ./*.jsonl expand.json | grep -v expand.log)
}

expand rows
expect_rc 0
expect_out "sample/requests#6@6"
counts >counts.json
cat >compare.py <<'EOF_PYTHON'
"""Rows and report against what the teacher says that it sent."""
import collections
import glob
import json
import sys

report = json.load(open("rows/expand.json", encoding="utf-8"))
sent = [json.loads(line) for line in open("log", encoding="utf-8")]
counts = json.load(open("counts.json"))
by_pair = collections.defaultdict(set)
for s in sent:
    if "prompt" in s and "response" in s:
        by_pair[s["prompt"], s["response"]].add(s["what"])
rows = {}
for r in report["requests"]:
    rows[r["request"]] = [json.loads(line) for line in open("rows/" + r["file"], encoding="utf-8")]
    mine = rows[r["request"]]
    assert len(mine) == r["accepted"] == 400 and len({m["prompt"] for m in mine}) == 400, r["request"]

good = {"right", "fenced", "prose"}
unseen = 0
for name, mine in rows.items():
    for m in mine:
        what = by_pair[m["prompt"], m["response"]]
        assert what, "a row that was never sent"
        if name == "sample/requests#4@4" and what == {"wrong_value"}:
            unseen += 1  # a wrong label that two thirds of the votes agreed on: no check can see it
            continue
        assert what & good, (name, m, what)
        assert m["license"] == "apache-2.0" and len(m["origin"]["prompt_sha256"]) == 64
assert unseen <= 4, unseen
print(unseen, "wrong labels were voted for")

tries = collections.Counter()
for r in report["requests"]:
    tries.update(r["tries"])
# How the client calls what the teacher sent.
called = {"busy": ["busy"], "server": ["server"], "late": ["late"], "foreign": ["html", "wrong_type"],
          "malformed": ["half_body"], "empty": ["empty"], "long": ["cut_off"], "refused": ["refused"], "huge": ["huge"]}
for word, kinds in called.items():
    assert tries[word] == sum(counts.get(k, 0) for k in kinds) > 0, (word, tries[word], counts)
answered = ["topics", "ballot", "right", "wrong_value", "wrong_form", "fenced", "prose", "half_json", "nonsense", "no_pair",
            "special_token", "example", "case"]
assert tries["answered"] == sum(counts.get(k, 0) for k in answered), (tries, counts)
assert sum(tries.values()) == report["requests_made"] == counts["requests"]

total = collections.Counter()
for r in report["requests"]:
    total.update(r["rejected"])
    proposed = r["accepted"] + r["surplus"] + sum(n for word, n in r["rejected"].items() if not word.startswith("no_"))
    assert proposed == r["rows_proposed"], r
assert total["no_json"] == counts["half_json"] + counts["nonsense"] and total["no_pair"] == counts["no_pair"]
assert total["text"] == counts["special_token"] and total["sealed"] == counts["case"] > 0
assert total["duplicate"] + total["near_duplicate"] >= counts["example"], total

# Nothing of a held-out case was ever shown to the teacher, or is in a row.
given = {json.loads(line)["prompt"].split("\n", 1)[1] for line in open("cases", encoding="utf-8")}
asked = {s["asked"] for s in sent if "asked" in s} | {s["prompt"] for s in sent if s["what"] in ("ballot", "topics")}
assert asked and not any(g in a for a in asked for g in given)
assert not any(m["prompt"].split("\n", 1)[1] in given for mine in rows.values() for m in mine)
EOF_PYTHON
check "rows, report and the teacher's own counts" /usr/bin/python3 compare.py
cat "$scratch/check.out"

# The second run makes no request and writes the same bytes.
sums rows >first.sums
expand rows
expect_rc 0
expect_out "now 0 requests"
sums rows >second.sums
expect_same first.sums second.sums
counts >again.json
check "no request was made" cmp counts.json again.json

# Killed in the middle, by nobody's leave; then what is logged is not asked again, and the rows are the same.
small="--set data.expand.per_request=40 --set data.expand.seed=7"
before=$(counts | tr ',' '\n' | sed -n 's/.*"requests": //p')
# shellcheck disable=SC2086 # words
"$COTRAIN" data expand "$recipe" --out killed --set "$teacher.url=http://127.0.0.1:$(cat port)/v1" \
    --set $teacher.stall_timeout_ms=5000 --set $teacher.backoff_ms=1 $small >killed.out 2>&1 &
victim=$!
until [ "$(counts | tr ',' '\n' | sed -n 's/.*"requests": //p')" -gt $((before + 150)) ]; do
    kill -0 $victim || break
done
kill -9 $victim
wait $victim 2>/dev/null
check "it was killed in the middle" test ! -e killed/expand.json
printf '{"key": "half a li' >>killed/expand.log.jsonl
# shellcheck disable=SC2086 # words
expand killed $small
expect_rc 0
expect_err "the last line was cut off"
counts >killed.json
check "only what was in flight was asked again" /usr/bin/python3 -c \
    'import json; assert json.load(open("killed.json"))["again"] <= 16, json.load(open("killed.json"))'
# shellcheck disable=SC2086 # words
expand whole $small
expect_rc 0
# The report tells of other tries: the teacher is busy only the first time that it hears a question.
sums killed | grep -v expand.json >killed.sums
sums whole | grep -v expand.json >whole.sums
expect_same killed.sums whole.sums

# A budget that is too small, an endpoint that is not there.
expand poor --set data.expand.max_requests=50
expect_rc 3
expect_err "6 of 6 requests have too few rows"
expect_out "50 requests and"
run "$COTRAIN" data expand "$recipe" --out gone --set $teacher.url=http://127.0.0.1:1/v1 --set $teacher.tries=2 \
    --set $teacher.backoff_ms=1
expect_rc 1
expect_one_error "no answer from '127.0.0.1' port 1"
run "$COTRAIN" data build "$recipe" --out dataset
expect_rc 2
expect_one_error "the recipe wants rows that a teacher makes"
run "$COTRAIN" data build "$recipe" --out dataset --expanded rows
expect_rc 0
check "rows keep their origin" grep -q '"prompt_sha256"' dataset/rows.jsonl

# The sample's bar from these rows alone.
mkdir work
cp -r rows work/expand
run "$COTRAIN" run "$recipe" --work work --set "$teacher.url=http://127.0.0.1:$(cat port)/v1" \
    --set $teacher.stall_timeout_ms=5000 --set $teacher.backoff_ms=1
expect_rc 0
expect_out "gate requests"
grep '^gate' "$scratch/out"
counts >trained.json
check "and the teacher was not asked again" /usr/bin/python3 -c \
    'import json; a, b = json.load(open("trained.json")), json.load(open("killed.json")); assert a["topics"] <= b["topics"] + 12'
exec 9>&-
wait
# The teacher is gone, and what it made is in the release: training begins from that again.
run "$COTRAIN" release reproduce work/release/nano-month-expand --base "$SOURCE_DIR/models/nano" --work again --steps 1:2
expect_rc 0
expect_out "every loss and update is the same"
check "six files of the teacher's rows" test "$(grep -c '"key": "data.expand.' \
    work/release/nano-month-expand/provenance/sources.json)" = 6

# The built-in model as the teacher: it runs through, and the report says how poor a teacher it is.
run "$COTRAIN" data expand "$recipe" --out nano --set "$teacher.url=\"\"" --set $teacher.model_dir="$SOURCE_DIR/models/nano" \
    --set data.expand.per_request=4 --set data.expand.rounds=1 --set $teacher.max_new_tokens=96 --json
expect_rc 3
expect_err "requests have too few rows"
check "an acceptance rate for each request, as it is" /usr/bin/python3 - "$scratch/out" <<'EOF_PYTHON'
import json, sys
report = json.load(open(sys.argv[1], encoding="utf-8"))
assert report["generator"] == "model" and len(report["model"]) == 64
for r in report["requests"]:
    assert 0 <= r["acceptance"] <= 1 and r["questions"] > 0 and sum(r["outcomes"].values()) > 0
    print(r["request"], r["acceptance"], r["rejected"], r["outcomes"])
EOF_PYTHON
finish
