#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Replay, temperature and token budgets from a recipe to a dataset and what `data build` says of an
# epoch, on the sample month; a recipe without them shows none of it. The cache of encoded rows.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
month=$SOURCE_DIR/models/month
cat >a.yaml <<EOF
cotrain: 1
inherit: $SOURCE_DIR/recipes/2024-03/nano-lora.yaml
name: mixed
EOF
cat >b.yaml <<EOF
cotrain: 1
inherit: a.yaml
name: mixed
data:
  replay: {path: $month/general.train.jsonl, license: apache-2.0, share: 0.2}
  mix: {temperature: 2, tokens: 50000}
EOF
epoch() { # epoch EXPRESSION: of the build's report d, its epoch e, and its groups g by name
    /usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
g = {x["name"]: x for x in d["groups"]}
replay, e = g.get("general.train.jsonl"), d["epoch"]
assert eval(sys.argv[2]), (sys.argv[2], e, replay)' "$scratch/out" "$1"
}

run "$COTRAIN" data build a.yaml --out plain --json
expect_rc 0
check "as many documents as rows, in full rows" epoch \
    'replay is None and e["documents"] == 6 * 402 and e["packing_efficiency"] > 0.97'
check "the trained shares sum to one" epoch 'abs(sum(x["epoch_trained_share"] for x in g.values()) - 1) < 1e-9'
run "$COTRAIN" data build b.yaml --out mixed --json
expect_rc 0
check "the budget holds and nothing more fits" epoch '49500 < e["tokens"] <= 50000'
check "replay has its share" epoch '0.199 < replay["epoch_trained_share"] <= 0.2'
check "replay has no weight" epoch 'replay["weight"] == 0 and replay["valid_rows"] == 0'
cp mixed/manifest.json before.json
run "$COTRAIN" data build b.yaml --out mixed
expect_rc 0
expect_out "general.train.jsonl"
expect_out "% full"
expect_same mixed/manifest.json before.json
check "the role stands in the manifest" grep -q '"role": *"replay"' mixed/manifest.json
run "$COTRAIN" data build b.yaml --out mixed --json --set data.replay.share=0.5
check "another share is another dataset" test "$(sha256sum <mixed/manifest.json)" != "$(sha256sum <before.json)"
check "it is reached" epoch '0.498 < replay["epoch_trained_share"] <= 0.5'

run "$COTRAIN" recipe show a.yaml
expect_no_out "replay:"
expect_no_out "mix:"
run "$COTRAIN" data build b.yaml --out mixed --set data.mix.tokens=3
expect_rc 1
expect_err "data.mix.tokens is 3: not even one document fits"
run "$COTRAIN" recipe check a.yaml --set data.replay.share=0.2
expect_rc 1
expect_out "missing key 'data.replay.path'"
run "$COTRAIN" recipe check b.yaml --set data.replay.share=1
expect_rc 1
expect_out "'share': 1 is not from"

# Encoded rows are found again, in a folder that is named, and nowhere else.
/usr/bin/python3 -c 'for i in range(2200):
    print("{\"prompt\": \"%d %s\", \"response\": \"%s\"}" % (i, "abc " * 20, "de " * 15))' >big.jsonl
cat >c.yaml <<EOF
cotrain: 1
inherit: a.yaml
name: cached
data: {sources: [{path: big.jsonl, format: pairs}]}
EOF
export COTRAIN_LOG=data:info
run "$COTRAIN" data build c.yaml --out first --cache cache
expect_rc 0
run "$COTRAIN" data build c.yaml --out again --cache cache
expect_err "2200 of 2212 rows were encoded before"
expect_same first/manifest.json again/manifest.json
rm -r again
COTRAIN_CACHE=cache run "$COTRAIN" data build c.yaml --out again
expect_err "2200 of 2212 rows were encoded before"
rm -r again
run "$COTRAIN" data build c.yaml --out again
expect_no_err "encoded before"
expect_same first/train/tokens-00000.bin again/train/tokens-00000.bin
finish
