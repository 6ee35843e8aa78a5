#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sources on the command line: folders, patterns, compressed files, tables with other names for their
# keys, plain text that is trained; what a recipe says wrong about them; and the rows of a dataset as
# Megatron's files, which are a source in their turn. With the model and tokenizer of models/nano.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1

recipe() { # recipe SOURCES [MORE-KEYS-OF-DATA]
    cat <<EOT
cotrain: 1
name: sources
base_model: {path: $SOURCE_DIR/models/nano}
data:
  sources: [$1]
  ${2:-validation: 0}
train: {sequence_len: 512}
EOT
}
mkdir -p rows/sub texts
printf '{"messages": [{"role": "user", "content": "q%s"}, {"role": "assistant", "content": "a"}]}\n' 1 2 >rows/m.jsonl
printf 'question,answer\n"q3, ""3""","a\n3"\n' | gzip >table.csv.gz
printf '[{"conversations": [{"from": "human", "value": "q4"}, {"from": "gpt", "value": "a4"}]}]' >rows/sub/s.json
printf '# not rows\n' >rows/README.md
printf 'one\n\ntwo\n' >texts/a.txt
printf 'three\n' >texts/b.txt

recipe '{path: rows}, {path: "*.csv.gz", columns: {prompt: question, response: answer}},
            {path: texts, format: document, text: trained}' >a.yaml
run "$COTRAIN" data build a.yaml --out set --json
expect_rc 0
expect_out '"train_rows": 3'
expect_out '"train_rows": 1'
expect_out '"train_rows": 2'
expect_err "rows/README.md' is left out"
run "$COTRAIN" data preview set --rows 9
expect_out "m.jsonl line 2"
expect_out "sub/s.json line 1"
expect_out "table.csv.gz line 2"
expect_out "a.txt line 1"
run "$COTRAIN" data export set --out pair
expect_rc 0
check "an .idx begins as Megatron's does" test "$(head -c 7 pair.idx)" = MMIDIDX
recipe '{path: pair.idx, format: megatron, text: trained}' >b.yaml
run "$COTRAIN" data build b.yaml --out again --json
expect_rc 0
expect_out '"train_rows": 6'
expect_same set/train/tokens-00000.bin again/train/tokens-00000.bin
expect_same set/train/answer-00000.bin again/train/answer-00000.bin
run "$COTRAIN" data export again --out pair2
expect_same pair.idx pair2.idx
expect_same pair.bin pair2.bin

# fill in the middle: rows with answers keep their tokens
run "$COTRAIN" data build a.yaml --out fim --set data.fim.rate=1
expect_rc 0
run "$COTRAIN" data preview fim --rows 9
expect_out "<FIM_PREFIX>|"
run "$COTRAIN" data export fim --split valid --out pair3
expect_rc 0
check "a split without rows has no sequences" test "$(wc -c <pair3.bin)" = 0

refused() { # refused TEXT SOURCES
    recipe "$2" >c.yaml
    run "$COTRAIN" data build c.yaml --out set
    [ "$rc" != 0 ] || failed "$2: it was built"
    expect_err "$1"
    check "nothing half-written" test ! -e set.tmp-build
}
refused "nothing is there that" '{path: "*.parquet"}'
refused "there is no file or folder" '{path: absent.jsonl}'
head -c -5 table.csv.gz >cut.csv.gz
refused "ends inside its gzip stream" '{path: cut.csv.gz, columns: {prompt: question, response: answer}}'
printf 'x' >>pair.bin
refused "bytes, and the .bin has" '{path: pair.idx}'
printf '{"prompt": "p", "chosen": "a", "rejected": "b"}\n' >p.jsonl
refused "preference data" '{path: p.jsonl}'
mkfifo pipe
refused "no regular file" '{path: pipe}'
finish
