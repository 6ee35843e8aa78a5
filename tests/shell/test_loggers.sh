#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a run leaves for other programs: trainer_log.jsonl, trainer_state.json and TensorBoard's event files, read
# back by readers that know only the formats, held against run.jsonl, and after an interruption, too; and what of it
# a release carries.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml
events=$SOURCE_DIR/tests/shell/event_file.py
logged="--set train.eval_steps=3 --set train.load_best_model_at_end=true --set train.report_to=tensorboard"

compare() { # compare TRAIN_FOLDER LOGGING_STEPS EVENTS...: all three against run.jsonl
    check "all say what run.jsonl says: $1" /usr/bin/python3 - "$events" "$@" <<'END'
import json, math, re, subprocess, sys
reader, folder, every = sys.argv[1], sys.argv[2], int(sys.argv[3])
lines = [json.loads(line) for line in open(folder + "/run.jsonl")]
logged, evaluated, window = [], [], []
for line in lines:
    window.append(line["loss"])
    if line["step"] % every == 0:
        logged.append((line, sum(window) / len(window)))
        window = []
    if "eval_loss" in line:
        evaluated.append(line)
assert evaluated and logged
close = lambda a, b: math.isclose(a, b, rel_tol=1e-6)
# trainer_state.json: text as the HF trainer dumps it, and its fields
text = open(folder + "/trainer_state.json").read()
state = json.loads(text)
digits = lambda text: re.sub(r"-?[0-9][0-9.e+-]*", "0", text)
assert digits(json.dumps(state, indent=2, sort_keys=True) + "\n") == digits(text), "not as HF writes it"
assert set(state) == set("""best_global_step best_metric best_model_checkpoint epoch eval_steps global_step
    is_hyper_param_search is_local_process_zero is_world_process_zero log_history logging_steps max_steps
    num_input_tokens_seen num_train_epochs save_steps stateful_callbacks total_flos train_batch_size trial_name
    trial_params""".split()), sorted(state)
best = lines[-1]["best"]
assert state["best_global_step"] == best["step"] and close(state["best_metric"], best["value"])
assert state["best_model_checkpoint"] == "checkpoint-%d" % best["step"]
assert state["global_step"] == len(lines) == state["max_steps"]
assert state["num_input_tokens_seen"] == sum(line["tokens"] for line in lines)
steps = [e for e in state["log_history"] if "loss" in e]
evals = [e for e in state["log_history"] if "eval_loss" in e]
assert len(steps) + len(evals) == len(state["log_history"])
assert [(e["step"], e["learning_rate"], e["grad_norm"]) for e in steps] == \
    [(line["step"], line["lr"], line["grad_norm"]) for line, mean in logged]
assert all(close(e["loss"], mean) for e, (line, mean) in zip(steps, logged))
assert [(e["step"], e["eval_loss"]) for e in evals] == [(line["step"], line["eval_loss"]) for line in evaluated]
assert set(evals[0]) == {"epoch", "eval_loss", "eval_runtime", "eval_samples_per_second", "eval_steps_per_second",
                         "step"}
# trainer_log.jsonl
log = [json.loads(line) for line in open(folder + "/trainer_log.jsonl")]
steps = [e for e in log if "loss" in e]
assert [e["current_steps"] for e in steps] == [line["step"] for line, mean in logged]
assert set(steps[0]) == {"current_steps", "total_steps", "loss", "lr", "epoch", "percentage", "elapsed_time",
                         "remaining_time", "throughput", "total_tokens"}, steps[0]
assert steps[-1]["percentage"] == 100 and steps[-1]["remaining_time"] == "0:00:00"
assert [e["eval_loss"] for e in log if "eval_loss" in e] == [line["eval_loss"] for line in evaluated]
# TensorBoard: later files take back steps that earlier ones have
seen = {}
for path in sys.argv[4:]:
    found = [json.loads(l) for l in subprocess.run([reader, path], check=True, capture_output=True).stdout.splitlines()]
    assert found[0] == {"step": 0, "version": "brain.Event:2"}, found[0]
    for e in found[1:]:
        if "start" in e:
            assert e["start"]
            seen = {step: values for step, values in seen.items() if step < e["step"]}
        else:
            assert e["step"] not in seen, e
            seen[e["step"]] = e["values"]
wanted = {}
for line, mean in logged:
    wanted.setdefault(line["step"], {}).update({"train/loss": mean, "train/grad_norm": line["grad_norm"],
        "train/learning_rate": line["lr"], "train/global_step": line["step"],
        "train/tokens_per_second": line["tokens_per_second"]})
for line in evaluated:
    wanted.setdefault(line["step"], {}).update({"eval/loss": line["eval_loss"]})
assert sorted(seen) == sorted(wanted)
for step, values in wanted.items():
    for tag, value in values.items():
        assert close(seen[step][tag], value), (step, tag, seen[step][tag], value)
END
}

# Through the chain: what is packed, and that no host is named.
work=$scratch/work
run "$COTRAIN" run "$recipe" --work "$work" $logged --json
expect_rc 0
compare "$work/train" 1 "$work"/train/runs/events.out.tfevents.*
release=$work/release/Tiny
for file in trainer_log.jsonl trainer_state.json; do
    expect_same "$work/train/$file" "$release/logs/$file"
done
expect_same "$work/train/tensorboard.events" "$release/logs/events.out.tfevents.0.cotrain"
compare "$work/train" 1 "$release"/logs/events.out.tfevents.*
check "they are apart from the release hash" /usr/bin/python3 - "$release/manifest.json" <<'END'
import json, sys
manifest = json.load(open(sys.argv[1]))
logs = {"logs/trainer_log.jsonl", "logs/trainer_state.json", "logs/events.out.tfevents.0.cotrain", "logs/run.jsonl"}
assert logs <= set(manifest["apart"]) and not logs & {f["path"] for f in manifest["files"]}
END
check "no host's name" sh -c "! ls '$work/train/runs' | grep -F \"\$(uname -n)\""
if command -v protoc >/dev/null; then
    mkdir "$scratch/payloads"
    check "payloads" "$events" payloads "$work/train/tensorboard.events" "$scratch/payloads"
    for payload in "$scratch"/payloads/*; do
        check "protoc reads $payload" sh -c "protoc --decode_raw <'$payload' >'$scratch/decoded'"
    done
    check "a tag" grep -q '1: "train/loss"' "$scratch/decoded"
fi

# A run that is cut off and goes on: what was done again is taken back, and a second file begins with that.
cut=$scratch/cut
for n in $(seq 90 10 300); do
    rm -rf "$cut/train"
    COTRAIN_FAULT=io-kill:$n run "$COTRAIN" train "$recipe" --work "$cut" $logged --set train.logging_steps=2 2>/dev/null
    [ "$rc" != 137 ] || [ ! -s "$cut/train/run.jsonl" ] || [ "$(wc -l <"$cut/train/run.jsonl")" -lt 5 ] || break
done
check "it was killed in the middle" [ "$rc" = 137 ]
parts=$(ls "$cut/train/runs" | wc -l)
run "$COTRAIN" train "$recipe" --work "$cut" $logged --set train.logging_steps=2 --resume
expect_rc 0
check "a file of its own for each part" [ "$(ls "$cut/train/runs" | wc -l)" = $((parts + 1)) ]
# shellcheck disable=SC2046 # names of ours
compare "$cut/train" 2 $(ls -tr "$cut"/train/runs/*)
compare "$cut/train" 2 "$cut/train/tensorboard.events"
check "nothing half written stays" sh -c "! ls '$cut/train' | grep -F .tmp-"

# One that is cut off before its first checkpoint begins again, and takes back all that there was.
early=$scratch/early logged="$logged --set train.save_steps=0"
for n in $(seq 66 300); do
    rm -rf "$early"
    COTRAIN_FAULT=io-kill:$n run "$COTRAIN" train "$recipe" --work "$early" $logged 2>/dev/null
    "$events" "$early"/train/runs/* 2>/dev/null | grep -q '"step": 1,' && break
done
check "it was killed with its first step's event whole" [ "$rc" = 137 ]
check "and no checkpoint" sh -c "! ls '$early/train' | grep checkpoint-"
run "$COTRAIN" train "$recipe" --work "$early" $logged --resume
expect_rc 0
# shellcheck disable=SC2046 # names of ours
compare "$early/train" 1 $(ls -tr "$early"/train/runs/*)

# Not asked for, there are no event files; none is taken for a word, and a logger nobody knows is refused.
run "$COTRAIN" train "$recipe" --work "$scratch/none" --set train.report_to=none
expect_rc 0
check "no event files" [ ! -e "$scratch/none/train/runs" ]
check "a history all the same" [ -s "$scratch/none/train/trainer_state.json" ]
run "$COTRAIN" recipe check "$recipe" --set train.report_to=wandb
expect_rc 1
expect_err "'wandb' is none of none,all,trainer_log,trainer_state,tensorboard"
run "$COTRAIN" list loggers
expect_rc 0
expect_out "tensorboard"
finish
