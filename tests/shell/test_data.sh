#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cotrain data build, data preview, tokenize and detokenize on the command line: what they print, what
# they refuse and how, and that a refused build leaves the dataset that was there. The base model is a
# config.json beside Yuan's own tokenizer; no weights are needed to build data.
. "$(dirname "$0")/lib.sh"
tokenizer=$COTRAIN_SHARED/tokenizer
[ -f "$tokenizer/tokenizer.model" ] || skip "'$tokenizer/tokenizer.model' is not there"
cd "$scratch" || exit 1

mkdir base
cp "$tokenizer/tokenizer.model" base/
config() { # config VOCAB EOD
    cat <<EOF
{"architectures": ["YuanForCausalLM"], "model_type": "yuan", "vocab_size": $1, "hidden_size": 64,
 "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_act": "silu",
 "max_position_embeddings": 512, "model_max_length": 512, "rms_norm_eps": 1e-6,
 "initializer_range": 0.02, "tie_word_embeddings": true, "torch_dtype": "float32",
 "use_cache": true, "causal_mask": true, "use_flash_attention": false, "reset_attention_mask": true,
 "reset_position_ids": true, "use_loss_mask": false, "eod_token": $2, "sep_token": 77187,
 "pad_token_id": 77185, "bos_token_id": 77185, "eos_token_id": 77185, "dropout": 0.1}
EOF
}
config 135040 77185 >base/config.json
recipe() { # recipe ROWS-FILE: the rest of the recipe comes from stdin
    cat <<EOF
cotrain: 1
name: chip
month: "2024-03"
base_model: {path: base}
requests:
  - id: IEIT-Yuan/Yuan-2.0#22@1
    scenario: 芯片代码生成
    capability: 由注释生成实现代码
    examples:
      - prompt: "// 两位加法器"
        response: "assign s = a + b;"
data:
  sources: [{path: $1, format: auto, license: apache-2.0, request: "IEIT-Yuan/Yuan-2.0#22@1"}]
  holdout: {per_request: 1}
train: {sequence_len: 64}
EOF
}
for i in 1 2 3 4 5; do
    printf '{"instruction": "// 计数器", "input": "宽度 %s", "output": "reg [%s:0] q;"}\n' $i $i
done >rows.jsonl
recipe rows.jsonl >a.yaml

run "$COTRAIN" data build a.yaml --out set
expect_rc 0
expect_out "IEIT-Yuan/Yuan-2.0#22@1"
check "a manifest is there" test -f set/manifest.json
cp -r set before
run "$COTRAIN" data build a.yaml --out set --json
expect_rc 0
expect_out '"train_rows": 5'
expect_out '"cases": 1'
run "$COTRAIN" data build a.yaml --out again
for file in manifest.json holdout.jsonl train/tokens-00000.bin train/answer-00000.bin train/index.bin; do
    expect_same set/$file again/$file
    expect_same set/$file before/$file
done

run "$COTRAIN" data preview set --rows 1
expect_rc 0
expect_out "train row 0: request 'IEIT-Yuan/Yuan-2.0#22@1' examples line"
expect_out "<sep>|[[ assign| s| =| a| +| b|;|<eod>]]"
run "$COTRAIN" data preview set --rows 1 --loss-mask yuan-megatron
expect_out "|[[<sep>| assign| s| =| a| +| b|;|<eod>]]"
run "$COTRAIN" data preview set --rows 1 --color always
expect_out "$(printf '<sep>\033[2m|\033[0m\033[32;4m assign|')"
expect_no_out "[["
run env NO_COLOR=1 "$COTRAIN" data preview set --rows 1 --color always # asked for by name
expect_out "$(printf '\033[32;4m')"
run "$COTRAIN" data preview set --packed a.yaml --rows 1
expect_out "packed row 0: 2 documents, "
expect_out " of 64 positions, "
expect_out "-- document 1: row "
expect_out "-- document 2: row "
expect_out "|<eod>]]"
run "$COTRAIN" data preview set --packed a.yaml --json
expect_rc 2
expect_one_error "exclude each other"
run "$COTRAIN" data preview set --rows 1 --json
expect_out '"piece": "<eod>"'
run "$COTRAIN" data preview set --first 99
expect_rc 1
expect_one_error "has 5 rows in train"
run "$COTRAIN" data why set 1
expect_rc 0
expect_out "  request    IEIT-Yuan/Yuan-2.0#22@1 (芯片代码生成)"
expect_out "  source     rows.jsonl line "
expect_out "SHA-256 $(sha256sum rows.jsonl | cut -c1-64)"
expect_out "  licence    apache-2.0"
expect_out "  shard      train/tokens-00000.bin from token "
held=$(grep -o '"line":[0-9]*' set/holdout.jsonl | cut -d: -f2)
run "$COTRAIN" data why set "rows.jsonl:$held"
expect_out "held out"
expect_out "宽度 $held"
run "$COTRAIN" data why set "reg [" --max 2
expect_rc 0
expect_out "and 3 more; --max shows them"
run "$COTRAIN" data why set "never written" --json
expect_rc 1
expect_one_error "'never written' is not in dataset 'set'"
run "$COTRAIN" data preview base
expect_rc 1
expect_one_error "'base' is no dataset"

# What must be refused, with exit code 1 and one error, leaving the dataset as it was.
refused() { # refused TEXT [OPTION...]
    text=$1
    shift
    run "$COTRAIN" data build b.yaml --out set "$@"
    expect_rc 1
    expect_one_error "$text"
    check "nothing half-written" test ! -e set.tmp-build
    expect_same set/manifest.json before/manifest.json
}
recipe bad.jsonl >b.yaml
: >bad.jsonl
refused "bad.jsonl' has no rows"
printf '{"instruction": "a", "output": "\377"}\n{"instruction": 5, "output": "b"}\n{"a": 1}\n' >bad.jsonl
refused "bad.jsonl' line 1: not UTF-8 at byte 33"
expect_err "3 of 4 rows cannot be used"
expect_err "line 2: 'instruction' is not a string"
printf '{"instruction": "a", "output": "b<eod>c"}\n' >bad.jsonl
refused "line 1: special token '<eod>' in the answer"
awk 'BEGIN { printf "{\"instruction\": \"a\", \"output\": \""; for (i = 0; i < 80; i++) printf "x 1 "; print "\"}" }' >bad.jsonl
refused "bad.jsonl line 1: its" --set data.holdout.per_request=0
refused "even when only one token" --set data.holdout.per_request=0 --set train.overlong=truncate_prompt
rm bad.jsonl
refused "bad.jsonl"
cp rows.jsonl bad.jsonl
config 135040 2 >base/config.json
refused "<eod> is 2 in config.json and 77185 in the tokenizer"
config 134957 77185 >base/config.json
refused "the tokenizer has 134958 ids (134953 pieces, the others added) but the model's embedding 134957 rows"
config 135040 77185 >base/config.json
sed 's/宽度 1/宽度 9/' rows.jsonl >bad.jsonl
for nth in 1 5 9 13 17 21 25; do
    run env COTRAIN_FAULT=io:$nth "$COTRAIN" data build b.yaml --out set
    expect_rc 1
    check "nothing half-written" test ! -e set.tmp-build
    expect_same set/manifest.json before/manifest.json
done
printf '只有文字\n' >bad.txt
sed -i '/examples:/,/response:/d; s/bad.jsonl/bad.txt/; s/per_request: 1/per_request: 0/' b.yaml
refused "trains no token under the loss mask 'answer'"

# Tokens in and out.
printf '{"text": "你好 <sep> 世界"}\n{"text": ""}\n' >in.jsonl
tokens() {
    last="tokenize $*"
    "$COTRAIN" tokenize --tokenizer "$tokenizer" "$@" <in.jsonl >out 2>err
    rc=$?
    expect_rc 0
}
tokens
expect_out '{"ids":[29871,38190,77187,29871,32138]}'
expect_out '{"ids":[]}'
"$COTRAIN" detokenize --tokenizer "$tokenizer" <out >text 2>err
check "decoded" grep -qF '{"text":"你好<sep> 世界"}' text
tokens --plain
expect_no_out 77187
printf '{"text": "a"}\n{"ids": 3}\n' >in.jsonl
"$COTRAIN" tokenize --tokenizer "$tokenizer" <in.jsonl >out 2>err
rc=$?
expect_rc 1
expect_one_error "line 2: 'text' is missing"
printf '{"ids": [134958]}\n' | "$COTRAIN" detokenize --tokenizer "$tokenizer" >out 2>err
expect_one_error "line 1: token 134958 is not in the tokenizer"
finish
