#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `generate` and `chat` as a user meets them: several prompts and samples in order, streaming, sampling
# options that contradict each other, and the turns of a chat with the released tokenizer.
. "$(dirname "$0")/lib.sh"
nano=$SOURCE_DIR/models/nano
generate() {
    run "$COTRAIN" generate --model "$nano" "$@"
}
one() { # one FILE...: the answer ids of one prompt each, a line each
    for ids in "$@"; do
        "$COTRAIN" generate --model "$nano" --prompt-ids "$ids" --json --max-new-tokens 12 \
            $how </dev/null | tr -d ' \n' | sed 's/.*\[\(.*\)\].*/\1/'
        echo
    done
}

# Several prompts: JSON Lines in order, each as it is alone, whatever the batch.
printf '%s\n' '{"ids": [5, 6, 7]}' '' '{"ids": [8]}' '{"prompt": "你好", "ids_of": 1}' '{"ids": [9, 10]}' \
    >"$scratch/prompts.jsonl"
for how in "" "--repetition-penalty 1.2"; do
    one 5,6,7 8 9,10 >"$scratch/want"
    for batch in 1 3 64; do
        generate --prompts "$scratch/prompts.jsonl" --batch-size $batch --max-new-tokens 12 $how
        expect_rc 0
        check "four answers" test "$(wc -l <"$scratch/out")" = 4
        sed 3d "$scratch/out" | sed 's/.*"ids": *\[\([^]]*\)\].*/\1/; s/ //g' >"$scratch/got"
        expect_same "$scratch/got" "$scratch/want"
    done
done
expect_out '"text"'
generate --prompt 你好 --prompt 再见 --max-new-tokens 4
check "two answers" test "$(wc -l <"$scratch/out")" = 2

# Sampling: the seed decides, not the batch; samples of a prompt differ.
generate --prompt-ids 5,6,7 --temperature 1.5 --num-samples 6 --max-new-tokens 8 --batch-size 1
expect_rc 0
cp "$scratch/out" "$scratch/samples"
check "they differ" test "$(sort -u "$scratch/samples" | wc -l)" -gt 3
COTRAIN_THREADS=1 generate --prompt-ids 5,6,7 --temperature 1.5 --num-samples 6 --max-new-tokens 8
expect_same "$scratch/out" "$scratch/samples"
generate --prompt-ids 5,6,7 --temperature 1.5 --num-samples 6 --max-new-tokens 8 --seed 1
check "another seed" test "$(cat "$scratch/out")" != "$(cat "$scratch/samples")"
generate --prompt-ids 5,6,7 --max-new-tokens 8
cp "$scratch/out" "$scratch/greedy"
generate --prompt-ids 5,6,7 --max-new-tokens 8 --temperature 2 --top-k 1
expect_same "$scratch/out" "$scratch/greedy"
generate --prompt-ids 5,6,7 --max-new-tokens 8 --greedy --stats
expect_same "$scratch/out" "$scratch/greedy"
expect_err "prompt: 3 tokens in"
expect_err "answer: 7 tokens in"
expect_err "peak memory"

# One text streams; it is what --json says.
generate --prompt 你好 --max-new-tokens 20
cp "$scratch/out" "$scratch/streamed"
generate --prompt 你好 --max-new-tokens 20 --json
check "the same text" /usr/bin/python3 - "$scratch/out" "$scratch/streamed" <<'END'
import json, sys
assert json.load(open(sys.argv[1]))["text"] + "\n" == open(sys.argv[2]).read()
END

# Wrong use says what to do.
wrong() { # wrong CODE TEXT ARGS...
    code=$1 text=$2
    shift 2
    generate "$@"
    expect_rc "$code"
    expect_one_error "$text"
}
wrong 2 "--greedy and --temperature 0.7 contradict" --prompt-ids 5 --greedy --temperature 0.7
wrong 2 "--top-p has no meaning" --prompt-ids 5 --top-p 0.9
wrong 2 "--top-k has no meaning" --prompt-ids 5 --top-k 4 --greedy
wrong 2 "--num-samples 2 would give the same answer" --prompt-ids 5 --num-samples 2
wrong 2 "top_p" --prompt-ids 5 --temperature 1 --top-p 1.5
wrong 2 "one of --prompt, --prompt-ids and --prompts" --prompt-ids 5 --prompt a
wrong 1 "nowhere.jsonl" --prompts "$scratch/nowhere.jsonl"
: >"$scratch/empty.jsonl"
wrong 1 "holds no prompts" --prompts "$scratch/empty.jsonl"
for record in '{"prompt": "a", "ids": [1]}' '{}' '[1]' '{"ids": []}' '{"ids": ["1"]}' '{"ids": [-1]}' \
    '{"ids": [4294967296]}' '{"prompt": 1}' '{"ids": [5]'; do
    printf '{"ids": [5]}\n%s\n' "$record" >"$scratch/bad.jsonl"
    wrong 1 "bad.jsonl': line 2" --prompts "$scratch/bad.jsonl"
    check "nothing is answered before all is read" test ! -s "$scratch/out"
done
printf '{"ids": [5]}\n{"ids": [1024]}\n' >"$scratch/bad.jsonl"
wrong 1 "id 1024 is not below" --prompts "$scratch/bad.jsonl"

# chat: what the model sees, by its ids.
chat() { # chat LINES ARGS...
    lines=$1
    shift
    last="chat $*"
    printf "$lines" | COTRAIN_LOG=cli:debug "$COTRAIN" chat --model "$nano" --max-new-tokens 6 "$@" \
        >"$scratch/out" 2>"$scratch/err"
    rc=$?
}
sees() { # sees N: how many tokens prompt N has
    grep -F "prompt:" "$scratch/err" | sed -n "$1p" | sed 's/.*prompt: *//' | wc -w
}
chat '你好\n你好\n'
expect_rc 0
check "without history each stands alone" test "$(sees 1)" = "$(sees 2)"
check "and is answered alike" test "$(sort -u "$scratch/out" | wc -l)" = 1
chat '你好\n你好\n' --temperature 2
check "but draws anew" test "$(sort -u "$scratch/out" | wc -l)" = 2
chat '一\n二\n三\n四\n' --history 2
check "history grows" test "$(sees 2)" -gt "$(sees 1)"
check "to two turns" test "$(sees 3)" -gt "$(sees 2)"
chat '一\n一\n一\n一\n一\n' --history 1
check "and no further" test "$(sees 4)" -le "$(($(sees 3) + 6))"
run "$COTRAIN" chat --model "$nano" --turn-separator tab
expect_rc 2
expect_one_error "turn_separator"

# A history longer than the model: the oldest turns go.
many=$(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do
    printf '给工单分类，这是第%s个问题，今天之内处理。给工单分类，这是第%s个问题，今天之内处理。\\n' $i $i
done)
chat "$many" --history 100
expect_rc 0
expect_err "the oldest turn is left out"

# With the released tokenizer: spec's ids of a prompt of several turns.
tokenizer=$COTRAIN_SHARED/tokenizer
if [ -f "$tokenizer/tokenizer.model" ]; then
    cat >"$scratch/config.json" <<'END'
{"model_type": "yuan", "vocab_size": 135040, "hidden_size": 8, "intermediate_size": 8,
 "num_hidden_layers": 1, "num_attention_heads": 1, "max_position_embeddings": 256, "eod_token": 77185,
 "sep_token": 77187, "pad_token_id": 77185}
END
    "$COTRAIN" model init --config "$scratch/config.json" --out "$scratch/wide" || failed "model init"
    nano=$scratch/wide
    chat '第一轮\n第二轮\n' --tokenizer "$tokenizer" --history 1
    expect_rc 0
    expect_err "prompt: 29871 60470 13 "    # the first turn, a newline
    expect_err " 13 55856 77187"            # a newline, the second question, <sep>
    chat '第一轮\n第二轮\n' --tokenizer "$tokenizer" --history 1 --turn-separator n
    expect_err "prompt: 29871 60470 29966 29876 29958 " # < n > as characters
    expect_no_err " 13 "
    chat '第一轮<n>第二轮\n' --tokenizer "$tokenizer"
    expect_err "prompt: 29871 60470 13 55856 77187"
    chat '第一轮<n>第二轮\n' --tokenizer "$tokenizer" --message-newline n
    expect_err "prompt: 29871 60470 29966 29876 29958"
else
    echo "the prompts of the released tokenizer are not checked: $tokenizer is absent"
fi
finish
