#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Filters on the command line: a recipe that names them, what data build and data why tell of it, files
# of texts that must not be trained on, and recipes that are refused. The base model is the built-in one.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
recipe() { # recipe FILTERS THRESHOLDS [EVAL]
    cat <<END
cotrain: 1
name: filtered
base_model: {path: "$SOURCE_DIR/models/nano"}
requests:
  - id: "r#1"
    scenario: 客服
    capability: 回答问题
    cases: cases.jsonl
    examples: [{prompt: "营业时间是几点？", response: "早上九点到晚上六点。"}]
data:
  sources: [{path: rows.jsonl, request: "r#1"}]
  filters: [$1]
  filter: {$2}
eval: {tasks: [requests${3:-}]}
train: {sequence_len: 256}
END
}
cat >cases.jsonl <<'END'
{"prompt": "蓝色信封应该交给哪一位值班的同事保管？", "response": "交给赵敏。"}
END
cat >rows.jsonl <<'END'
{"prompt": "退货需要带上什么？", "response": "请带上小票和原包装。"}
{"prompt": "退货 需要带上什么?", "response": "请带上小票和原包装"}
{"prompt": "退货需要带上甚么？", "response": "请带上小票和原包装。"}
{"prompt": "蓝色信封应该交给哪一位值班同事保管？", "response": "交给赵敏。"}
{"prompt": "会员积分什么时候过期？", "response": "联系 service@acme-shop.com 可以查到。"}
{"prompt": "哪里可以停车？", "response": "停车场在地下二层，全天开放，前两个小时免费。"}
{"prompt": "月亮离地球大约有三十八万公里，这句话对吗？", "response": "对。"}
END
printf '月亮离地球大约有380,000公里，这句话对吗？\n' >moon.txt

recipe "length, exact_dup, near_dup, decontaminate, personal_data" "forbidden: [moon.txt]" >a.yaml
run "$COTRAIN" data build a.yaml --out set
expect_rc 0
expect_out "exact_dup      all                                              1"
expect_out "near_dup       all                                              1"
expect_out "decontaminate  all                                              2"
expect_out "personal_data  all                                              0         1"
check "four rows were dropped" test "$(wc -l <set/dropped.jsonl)" = 4
run cat set/dropped.jsonl
expect_out '"related":"request '\''r#1'\'' rows.jsonl line 1"'
expect_out '"sealed_case":"r#1","text":null'
expect_out '"related":"moon.txt"'
expect_no_out "信封"
check "a later dataset can be compared with it" test -s set/near.bin
run "$COTRAIN" data build a.yaml --out set --json
expect_rc 0
expect_out '"name": "decontaminate"'
run "$COTRAIN" data build a.yaml --out again
expect_same set/manifest.json again/manifest.json
expect_same set/dropped.jsonl again/dropped.jsonl
expect_same set/near.bin again/near.bin

sed 's/moon.txt/set/; s/forbidden/earlier/' a.yaml >b.yaml
head -1 rows.jsonl >kept
printf '{"prompt": "停车在哪里？我想把车停一下", "response": "入口在东门。"}\n' >>kept
mv kept rows.jsonl
run "$COTRAIN" data build b.yaml --out later
expect_rc 0
run cat later/dropped.jsonl
expect_out '"related":"set: rows.jsonl line 1"'

refused() { # refused TEXT FILTERS THRESHOLDS
    recipe "$2" "$3" >bad.yaml
    run "$COTRAIN" data build bad.yaml --out refused
    expect_rc 1
    expect_one_error "$1"
    check "nothing is left of a refused build" test ! -e refused
}
refused "there is no filter 'near_dupe'" "near_dupe" ""
expect_err "did you mean 'near_dup'?"
refused "names 'length' twice" "length, length" ""
refused "data.filter.min_prompt_chars is 9 and data.filter.max_prompt_chars is 3" "length" \
    "min_prompt_chars: 9, max_prompt_chars: 3"
refused "'languages': 'de' is none of zh,en,code,other" "language" "languages: [de]"
refused "data.sensitive_words names no list of words" "sensitive_words" ""
refused "'set/tokenizer' has no rows to compare with" "near_dup" "earlier: [set/tokenizer]"

recipe "quality" "quality_strange: 0.5" >quality.yaml
for i in 1 2 3 4 5 6; do
    printf '{"prompt": "第%s个问题是什么？", "response": "回答%s"}\n' $i $i
done >rows.jsonl
run "$COTRAIN" data build quality.yaml --out quality
expect_rc 0
check "some of what was measured is dropped" test -s quality/dropped.jsonl
check "by the base model's loss" grep -q 'too strange: [0-9.]* nats a token' quality/dropped.jsonl
refused "the filter quality drops nothing" "quality" ""

run "$COTRAIN" list filters
expect_rc 0
expect_out "decontaminate"

# A published suite that the recipe evaluates is guarded without being named again.
gsm8k=$COTRAIN_SHARED/datasets/GSM8K/gsm8k_Cn.txt
if [ -f "$gsm8k" ]; then
    question=$(sed -n 7p "$gsm8k" | sed 's/\[SEP\].*//')
    printf '{"prompt": "%s", "response": "不知道"}\n{"prompt": "几点关门？", "response": "六点。"}\n' \
        "$question" >rows.jsonl
    recipe "decontaminate" "" ", gsm8k_cn" >suite.yaml
    COTRAIN_DATASETS=$COTRAIN_SHARED/datasets run "$COTRAIN" data build suite.yaml --out suite
    expect_rc 0
    run cat suite/dropped.jsonl
    expect_out '"related":"gsm8k_cn"'
fi
finish
