#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The model of the best evaluation, and a run that ends early: up to the release, whose records say which step was
# kept, and refuse a manifest that names another.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml work=$scratch/work

# With greater_is_better a falling loss is best at the first evaluation: the early end and the step that is kept
# are known.
choice="--set train.eval_steps=2 --set train.load_best_model_at_end=true --set train.early_stopping_patience=2"
choice="$choice --set train.greater_is_better=true --set train.save_total_limit=1"
run "$COTRAIN" run "$recipe" --work "$work" $choice
expect_rc 0
expect_err "kept: training ended early, after step 6 of 8: eval_loss was no better in 2 evaluations in a row"
expect_err "kept: the model of step 2, the best evaluated"
expect_same "$work/train/adapter/adapter_model.safetensors" "$work/train/checkpoint-2/adapter_model.safetensors"
check "the last checkpoint stays, too" [ -f "$work/train/checkpoint-6/state.json" ]
check "checkpoints in between do not" [ ! -e "$work/train/checkpoint-4" ]
release=$work/release/Tiny
expect_same "$work/train/adapter/adapter_model.safetensors" "$release/adapter/adapter_model.safetensors"
check "the manifest says so" /usr/bin/python3 - "$release/manifest.json" <<'END'
import json, sys
choice = json.load(open(sys.argv[1]))["choice"]
assert choice["kept_step"] == choice["best_step"] == 2 and choice["planned_steps"] == 8, choice
assert choice["ended_early"] is True and choice["metric"] == "eval_loss", choice
END
check "the card says so" grep -q 'planned, this is the model of step 2; eval.*loss was best at step 2: ' \
    "$release/README.md"
run "$COTRAIN" release verify "$release"
expect_rc 0

# Sums and digests made anew, as by a forger: neither the manifest nor the record can name another step.
forge() { # forge FILE OLD NEW WORDS
    rm -rf "$scratch/forged"
    cp -r "$release" "$scratch/forged"
    check "'$2' is there" grep -qF -- "$2" "$scratch/forged/$1"
    sed -i "s/$2/$3/" "$scratch/forged/$1"
    check "sealed again" /usr/bin/python3 "$SOURCE_DIR/tests/shell/tamper.py" redo "$scratch/forged"
    run "$COTRAIN" release verify "$scratch/forged"
    expect_rc 3
    expect_err "$4"
}
forge manifest.json '"kept_step": 2' '"kept_step": 4' "keeps step 4"
forge manifest.json '"choice"' '"voice"' "has no 'choice'"
forge logs/run.jsonl '"eval_loss":' '"eval_loss":1' "does not follow from the one before it"
forge logs/run.jsonl '"eval_loss","step":2' '"eval_loss","step":3' "does not follow from the one before it"

# Trained alone it decides the same.
run "$COTRAIN" train "$recipe" --work "$scratch/again" $choice
expect_rc 0
expect_same "$work/train/result.json" "$scratch/again/train/result.json"

# Tasks that are asked in between: their scores stand in the record, choose where they are named, leave no trace in
# the weights, and what they need is in the plan.
asked="--set train.eval_steps=4 --set train.eval_tasks=requests"
run "$COTRAIN" train "$recipe" --work "$scratch/plain"
expect_rc 0
run "$COTRAIN" train "$recipe" --work "$scratch/asked" $asked --set train.metric_for_best_model=eval_requests
expect_rc 0
expect_err "kept: the model of step 8, the last; the best eval_requests is "
expect_same "$scratch/plain/train/adapter/adapter_model.safetensors" \
    "$scratch/asked/train/adapter/adapter_model.safetensors"
check "scores in the record, and within the plan" /usr/bin/python3 - "$scratch/asked/train" <<'END'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1] + "/run.jsonl")]
asked = [line for line in lines if "eval_requests" in line]
assert [line["step"] for line in asked] == [4, 8] and all(0 <= line["eval_requests"] <= 1 for line in asked)
assert all("eval_loss" in line and line["best"]["metric"] == "eval_requests" for line in asked)
plan = json.load(open(sys.argv[1] + "/plan.json"))
assert plan["eval_bytes"] > 28 << 20 and plan["used"]["anonymous_bytes"] <= plan["used"]["planned_bytes"], plan
history = json.load(open(sys.argv[1] + "/trainer_state.json"))["log_history"]
assert [e["eval_requests"] for e in history if "eval_loss" in e] == [line["eval_requests"] for line in asked]
END
run "$COTRAIN" plan "$recipe" $asked
expect_out "a decoder, a tokenizer and texts, while tasks are asked"
cat >"$scratch/fewer.py" <<'END'
import json, subprocess, sys
def bytes_of(*more):
    return json.loads(subprocess.run(sys.argv[1:] + ["--json", *more], check=True, stdout=subprocess.PIPE).stdout)["eval_bytes"]
all_cases, one, longer = bytes_of(), bytes_of("--set", "eval.limit=1"), bytes_of("--set", "eval.max_new_tokens=100")
assert one + (16 << 10) < all_cases < longer, (one, all_cases, longer)
trained = json.load(open("asked/train/plan.json"))["eval_bytes"]
assert trained == all_cases, (trained, all_cases)
END
check "items and their answers are planned for, by the plan and by the run alike" sh -c \
    'cd "$1" && shift && /usr/bin/python3 fewer.py "$@"' - "$scratch" "$COTRAIN" plan "$recipe" $asked
run "$COTRAIN" recipe check "$recipe" $asked --set train.metric_for_best_model=gsm8k
expect_err "'metric_for_best_model' is 'gsm8k', and evaluations have the loss and what 'eval_tasks' names"
run "$COTRAIN" recipe check "$recipe" --set train.eval_steps=4 --set train.eval_tasks=reqests
expect_err "unknown evaluation task 'reqests'"
run "$COTRAIN" recipe check "$recipe" --set train.eval_tasks=requests
expect_err "'eval_tasks' is given without evaluations during training"
run "$COTRAIN" recipe check "$recipe" --set train.eval_steps=4 --set train.eval_tasks=validation \
    --set train.metric_for_best_model=validation
expect_err "'validation' gets better by falling"
printf '{"q": "a", "a": "b"}\n' > "$scratch/own.jsonl"
printf 'cotrain_task: 1\nname: gloss\ndata: own.jsonl\nprompt: "{q}<sep>"\nexpected: "{a}"\n' > "$scratch/own.yaml"
run "$COTRAIN" recipe check "$recipe" --set train.eval_steps=4 --set train.eval_tasks=gloss \
    --set train.metric_for_best_model=gloss --set eval.task_files="$scratch/own.yaml"
expect_rc 1
expect_err "'gloss' gets better by rising"

run "$COTRAIN" train "$recipe" --work "$scratch/none" --set train.eval_steps=2 --set train.load_best_model_at_end=true \
    --set data.validation=0
expect_rc 1
expect_err "nothing to evaluate on"
check "nothing was begun" [ ! -e "$scratch/none/train/run.jsonl" ]
run "$COTRAIN" train "$recipe" --work "$scratch/none" --set data.validation=0 $asked \
    --set train.load_best_model_at_end=true
expect_rc 1
expect_err "chosen by the loss, and there are no validation rows"
check "no step was done for nothing" [ ! -e "$scratch/none/train/run.jsonl" ]
run "$COTRAIN" recipe check "$recipe" --set train.load_best_model_at_end=true
expect_rc 1
expect_err "without evaluations during training"
run "$COTRAIN" recipe show "$recipe"
expect_rc 0
check "what is not asked for leaves no trace" sh -c "! grep -qE 'load_best|patience|eval_strategy|metric_for' '$scratch/out'"
finish
