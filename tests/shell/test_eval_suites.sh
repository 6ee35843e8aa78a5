#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The published suites from the command line: files that are absent or changed, answers that are empty,
# broken or full of control characters, and a run that was killed and goes on at the item. The suite's file
# is a small one made here, so its hash is another and must be allowed.
. "$(dirname "$0")/lib.sh"

unset COTRAIN_DATASETS
sets=$scratch/sets
mkdir -p "$sets/GSM8K"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    echo "What is $i plus $i?[SEP]$((i + i))"
done >"$sets/GSM8K/gsm8k_En.txt"
answers=$scratch/answers.jsonl
score() {
    run "$COTRAIN" eval score --task gsm8k_en --answers "$answers" --datasets "$sets" "$@"
}

printf '%s\n' '{"item": 0, "line": "What is 1 plus 1?[SEP]It is 2"}' '{"item": 1, "line": ""}' \
    '{"item": 2, "line": "What is 3 plus 3?[SEP]\u0000\u0007\u001b 6"}' \
    '{"item": 3, "line": "What is 4 plus 4?[SEP]8/0"}' >"$answers"
score
expect_rc 1
expect_one_error "is not the published file"
expect_err "--allow-changed"
score --allow-changed
expect_rc 0
expect_out "gsm8k_en accuracy: 0.5000 (0.150 to 0.850), 2 of 4"
expect_out "2 end the official program with an error"
score --allow-changed --json
expect_rc 0
expect_out '"error": "ZeroDivisionError"'
expect_out '"error": "skipped"'

echo '{"item": 0}' >"$answers"
score --allow-changed
expect_rc 1
expect_one_error "answers.jsonl': answer 1: no text 'line'"
printf '{"item": 0, "line": "x"}\nnot json\n' >"$answers"
score --allow-changed
expect_rc 1
expect_one_error "answers.jsonl' line 2: column "
: >"$answers"
score --allow-changed
expect_rc 1
expect_one_error "has no answer to 'gsm8k_en'"
run "$COTRAIN" eval score --task requests --answers "$answers"
expect_rc 1
expect_one_error "is no published suite"
run "$COTRAIN" eval score --task gsm8k --answers "$answers"
expect_rc 1
expect_one_error "unknown evaluation task"
(cd "$scratch" && COTRAIN_DATASETS=$scratch/nowhere "$COTRAIN" eval score --task gsm8k_en --answers "$answers") \
    >"$scratch/out" 2>"$scratch/err"
rc=$?
expect_rc 1
expect_one_error "nowhere"

# Before a model is opened: where nothing can be written, a file that is no kept answers (and stays as it is), a
# task twice, a temperature at which nothing is drawn, files that cannot be reached.
refuse() { # refuse MESSAGE [OPTION...]
    message=$1
    shift
    run "$COTRAIN" eval run --recipe "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" --model "$SOURCE_DIR/models/nano" \
        --datasets "$sets" --allow-changed --set eval.suite_max_new_tokens=2 "$@"
    expect_rc 1
    expect_one_error "$message"
}
for option in --out --generations; do
    refuse "cannot create '$scratch/no/folder.json': No such file" --tasks gsm8k_en $option "$scratch/no/folder.json"
    refuse "cannot write '$scratch': it is a folder" --tasks gsm8k_en $option "$scratch"
done
for text in 'my notes' 'my notes
and more' '{"my": "notes"}'; do
    printf '%s' "$text" >"$scratch/notes"
    cp "$scratch/notes" "$scratch/notes.before"
    refuse "notes'" --tasks gsm8k_en --generations "$scratch/notes"
    expect_same "$scratch/notes.before" "$scratch/notes"
done
refuse "task 'requests' is named twice" --tasks requests,requests
refuse "task 'perplexity': there is no text to measure" --tasks perplexity
refuse "'temperature': 0 is not from 0.01 to 100" --tasks gsm8k_en --set eval.samples=5 --set eval.temperature=0
mkdir -p "$scratch/loop/GSM8K"
ln -s gsm8k_En.txt "$scratch/loop/GSM8K/gsm8k_En.txt"
run "$COTRAIN" eval score --task gsm8k_en --answers "$answers" --datasets "$scratch/loop"
expect_rc 1
expect_one_error "loop/GSM8K/gsm8k_En.txt': Too many levels"
: >"$scratch/empty.jsonl"
run "$COTRAIN" eval compare "$scratch/empty.jsonl" "$scratch/empty.jsonl"
expect_rc 1
expect_one_error "empty.jsonl' has no answers"
printf '{"item": 0}\n{"item": 1}\n' >"$scratch/kept.json"
run "$COTRAIN" eval compare "$scratch/kept.json" "$scratch/kept.json"
expect_rc 1
expect_err "hint: a file of kept answers, JSON Lines, has a name that ends in '.jsonl'"
: >"$scratch/empty.json"
run "$COTRAIN" eval compare "$scratch/empty.json" "$scratch/empty.json"
expect_rc 1
expect_one_error "empty.json': there is nothing in it"
echo '{"gates": []}' >"$scratch/other.json"
run "$COTRAIN" eval report "$scratch/other.json"
expect_rc 1
expect_one_error "evaluation report '$scratch/other.json': this is none: it has no 'cotrain_eval'"

# A run over the suite: what is kept can be scored again, and a killed one goes on behind its last line.
ask() { # ask REPORT GENERATIONS [...]
    report=$1 kept=$2
    shift 2
    run "$COTRAIN" eval run --recipe "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" \
        --model "$SOURCE_DIR/models/nano" --tasks gsm8k_en --datasets "$sets" --allow-changed \
        --set eval.suite_max_new_tokens=8 --out "$report" --generations "$kept" "$@"
}
ask "$scratch/whole.json" "$scratch/whole.jsonl"
check "the report says that the file is another" grep -q '"published_files": false' "$scratch/whole.json"
expect_rc 0
expect_out "gsm8k_en accuracy"
check "an item a line" [ "$(wc -l <"$scratch/whole.jsonl")" = 20 ]
head -c 4000 "$scratch/whole.jsonl" >"$scratch/torn.jsonl" # in the middle of a line
ask "$scratch/torn.json" "$scratch/torn.jsonl"
expect_rc 0
expect_same "$scratch/whole.jsonl" "$scratch/torn.jsonl"
expect_same "$scratch/whole.json" "$scratch/torn.json"
ask "$scratch/one.json" "$scratch/one.jsonl" --threads 1
expect_rc 0
expect_same "$scratch/whole.jsonl" "$scratch/one.jsonl"
ask "$scratch/other.json" "$scratch/torn.jsonl" --set eval.suite_max_new_tokens=9
expect_rc 1
expect_one_error "with another max_new_tokens"
expect_same "$scratch/whole.jsonl" "$scratch/torn.jsonl"
# Killed for good in the midst of it, three times in turn, then let go on.
for at in 6 5 7; do
    COTRAIN_FAULT=io-kill:$at ask "$scratch/killed.json" "$scratch/killed.jsonl"
    expect_rc 137
    check "no report of a run that was killed" [ ! -e "$scratch/killed.json" ]
done
kept=$(wc -l <"$scratch/killed.jsonl")
check "some are kept, not all" [ "$kept" -gt 5 -a "$kept" -lt 20 ]
ask "$scratch/killed.json" "$scratch/killed.jsonl"
expect_rc 0
expect_same "$scratch/whole.json" "$scratch/killed.json"
expect_same "$scratch/whole.jsonl" "$scratch/killed.jsonl"
# Lines in the order in which the answers ended, all there: only the order is missing.
tac "$scratch/whole.jsonl" >"$scratch/mixed.jsonl"
ask "$scratch/mixed.json" "$scratch/mixed.jsonl"
expect_same "$scratch/whole.jsonl" "$scratch/mixed.jsonl"
expect_same "$scratch/whole.json" "$scratch/mixed.json"
answers=$scratch/whole.jsonl
score --allow-changed --json
expect_rc 0
check "scored again, the same items" /usr/bin/python3 - "$scratch/whole.json" "$scratch/out" <<'PYTHON'
import json, sys
report, again = (json.load(open(path)) for path in sys.argv[1:])
part = report["tasks"][0]
assert part["items"] == again["items"] and part["scores"] == again["scores"] and len(part["items"]) == 20
PYTHON

# Memory: fewer texts side by side are the same answers, less than one text's is refused, and the plan says
# what a run takes. The model never stops here: every answer is cut off, and that is said.
ask "$scratch/plain.json" "$scratch/plain.jsonl"
expect_out "answers were cut off at 8 tokens"
expect_err "evaluation: 16 texts of at most "
check "no more than planned" /usr/bin/python3 - "$scratch/err" <<'PYTHON'
import re, sys
used, planned = re.search(r"side by side, ([0-9.]+) MiB of ([0-9.]+) MiB planned", open(sys.argv[1]).read()).groups()
assert float(used) <= float(planned)
PYTHON
ask "$scratch/small.json" "$scratch/small.jsonl" --memory 41MiB
expect_rc 0
expect_no_err "evaluation: 16 texts of at most "
expect_err " planned, 32.0 MiB of it for the program itself"
expect_same "$scratch/whole.json" "$scratch/small.json"
expect_same "$scratch/whole.jsonl" "$scratch/small.jsonl"
ask "$scratch/none.json" "$scratch/none.jsonl" --memory 33MiB
expect_rc 1
expect_one_error "evaluation: a text of "
check "nothing was kept" [ ! -e "$scratch/none.jsonl" -a ! -e "$scratch/none.json" ]
# What more items take, held by their task and in the report, is planned for.
many() { # many N: two tasks of N items each; prints what was planned and the most that was resident, in bytes
    mkdir -p "$scratch/many$1/GSM8K"
    seq 1 "$1" | sed 's/.*/What is & plus &?[SEP]&/' >"$scratch/many$1/GSM8K/gsm8k_En.txt"
    cp "$scratch/many$1/GSM8K/gsm8k_En.txt" "$scratch/many$1/GSM8K/gsm8k_Cn.txt"
    /usr/bin/python3 - "$COTRAIN" eval run --recipe "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" \
        --model "$SOURCE_DIR/models/nano" --tasks gsm8k_en,gsm8k_cn --datasets "$scratch/many$1" --allow-changed \
        --set eval.suite_max_new_tokens=2 --threads 1 --generations "$scratch/many$1.jsonl" <<'PYTHON'
import re, resource, subprocess, sys
said = subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr.decode()
planned = float(re.search(r" of ([0-9.]+) MiB planned", said)[1])
print(int(planned * 2**20), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
PYTHON
}
check "more items take no more than is planned for them" /usr/bin/python3 -c '
import sys
few_planned, few_used, many_planned, many_used = map(int, sys.argv[1:])
assert (2 << 20) < many_used - few_used <= many_planned - few_planned, sys.argv[1:]' $(many 32) $(many 1200)
planned() {
    run "$COTRAIN" plan "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" --json "$@"
}
planned --set eval.max_new_tokens=400
expect_rc 0
check "the most is the larger of training and evaluation" /usr/bin/python3 - "$scratch/out" <<'PYTHON'
import json, sys
plan = json.load(open(sys.argv[1]))
eval = plan["evaluation"]
assert eval["resident_bytes"] == eval["pass_bytes"] + eval["decoder_bytes"] + eval["text_bytes"] + eval["mapped_bytes"] + plan["program_bytes"]
assert eval["texts"] == 16 and eval["resident_bytes"] > plan["resident_bytes"] == plan["most_bytes"] - (
    eval["resident_bytes"] - plan["resident_bytes"])
PYTHON
cp "$scratch/out" "$scratch/without"
planned --set eval.max_new_tokens=400 --set eval.tasks=validation,requests,retention
expect_rc 0
check "rows that are not there yet hide nothing of the other tasks" /usr/bin/python3 -c '
import json, sys
without, guess = (json.load(open(path))["evaluation"] for path in sys.argv[1:])
assert guess["guessed"] and not without["guessed"] and guess["text_bytes"] >= without["text_bytes"] > 0
' "$scratch/without" "$scratch/out"
planned --set eval.max_new_tokens=400 --memory 64MiB
expect_rc 0
check "fewer texts at a time, where memory is short" /usr/bin/python3 -c '
import json, sys
plan = json.load(open(sys.argv[1]))
eval = plan["evaluation"]
assert plan["fits"] and 1 <= eval["texts"] < 16 and eval["resident_bytes"] - eval["mapped_bytes"] <= 64 << 20' "$scratch/out"

# Item by item: against itself nothing is won; a report of fewer items is refused.
run "$COTRAIN" eval compare "$scratch/whole.json" "$scratch/whole.jsonl" --datasets "$sets" --allow-changed
expect_rc 0
expect_out "0 won, 0 lost, 20 the same of 20; p = 1: no more than chance would do"
ask "$scratch/few.json" "$scratch/few.jsonl" --limit 5
run "$COTRAIN" eval compare "$scratch/whole.json" "$scratch/few.json" --json
expect_rc 1
expect_one_error "task 'gsm8k_en': 20 items against 5: item 5 is in one only"
run "$COTRAIN" eval compare "$scratch/whole.json"
expect_rc 2

# Several answers to each item: pass@k and the majority; the same ones again after a kill.
ask "$scratch/several.json" "$scratch/several.jsonl" --set eval.samples=4 --set eval.seed=7 --limit 3
expect_rc 0
expect_out "majority "
expect_out "pass@4 "
check "an answer a line" [ "$(wc -l <"$scratch/several.jsonl")" = 12 ]
head -n 5 "$scratch/several.jsonl" >"$scratch/again.jsonl"
ask "$scratch/again.json" "$scratch/again.jsonl" --set eval.samples=4 --set eval.seed=7 --limit 3 --threads 1
expect_rc 0
expect_same "$scratch/several.jsonl" "$scratch/again.jsonl"
expect_same "$scratch/several.json" "$scratch/again.json"
ask "$scratch/again.json" "$scratch/again.jsonl" --set eval.samples=4 --set eval.seed=8 --limit 3
expect_rc 1
expect_one_error "with another seed"
run "$COTRAIN" eval compare "$scratch/several.json" "$scratch/several.jsonl" --datasets "$sets" --allow-changed
expect_rc 0
expect_out "0 won, 0 lost, 3 the same of 3"
run "$COTRAIN" eval compare "$scratch/several.json" "$scratch/few.json"
expect_rc 1
expect_one_error "task 'gsm8k_en': the items differ from number 1 on"

# A task of one's own beside the table's, and any text.
printf '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n' >"$scratch/sums.jsonl"
cat >"$scratch/sums.yaml" <<'YAML'
cotrain_task: 1
name: sums
data: sums.jsonl
prompt: "What is {a} plus {b}?<sep>"
expected: "{b}"
extract: "."
metric: contains
max_new_tokens: 4
YAML
ask "$scratch/own.json" "$scratch/own.jsonl" --task-file "$scratch/sums.yaml"
expect_rc 0
expect_out "sums contains: "
check "both tasks are kept" [ "$(wc -l <"$scratch/own.jsonl")" = 22 ]
run "$COTRAIN" eval compare "$scratch/own.json" "$scratch/own.jsonl" --datasets "$sets" --allow-changed \
    --task-file "$scratch/sums.yaml"
expect_rc 0
expect_out "20 the same of 20"
expect_out "sums contains: "
expect_out "2 the same of 2"
run "$COTRAIN" eval compare "$scratch/own.json" "$scratch/own.jsonl" --datasets "$sets" --allow-changed
expect_rc 1
expect_one_error "own.jsonl': task 'sums': unknown evaluation task 'sums'"
expect_err "--task-file FILE"
run "$COTRAIN" eval score --task sums --task-file "$scratch/sums.yaml" --answers "$scratch/own.jsonl"
expect_rc 0
expect_out "sums contains: "
run "$COTRAIN" eval compare "$scratch/own.json" "$sets"
expect_rc 1
expect_one_error "sets' is no release"
sed 's/{b}/{c}/' "$scratch/sums.yaml" >"$scratch/bad.yaml"
ask "$scratch/bad.json" "$scratch/bad.jsonl" --task-file "$scratch/bad.yaml"
expect_rc 1
expect_one_error "no field 'c'"
seq 1 3000 >"$scratch/text.txt"
perplexity() {
    run "$COTRAIN" eval run --recipe "$SOURCE_DIR/recipes/2024-03/nano-lora.yaml" \
        --model "$SOURCE_DIR/models/nano" --tasks perplexity --set "eval.text=$scratch/text.txt" "$@"
}
perplexity
expect_rc 0
expect_out "perplexity bits_per_character: "
cp "$scratch/out" "$scratch/perplexity"
perplexity --threads 1
expect_same "$scratch/out" "$scratch/perplexity"
: >"$scratch/text.txt"
perplexity
expect_rc 1
expect_one_error "is empty"
finish
