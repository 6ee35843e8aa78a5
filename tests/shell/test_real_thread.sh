#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The real thread's chip-code request (recipes/2024-02/chip-code.yaml) with Yuan 2.0's own tokenizer: a
# two-layer model with all 135,040 rows of its vocabulary, the dataset of that recipe, and a few steps of
# training, with LoRA and in full, whose loss falls.
. "$(dirname "$0")/lib.sh"
tokenizer=$COTRAIN_SHARED/tokenizer/tokenizer.model
thread=$COTRAIN_SHARED/data/github/repos/IEIT-Yuan/Yuan-2.0/issues/22/comments.json
[ -f "$tokenizer" ] || skip "'$tokenizer' is not there"
[ -f "$thread" ] || skip "'$thread' is not there"
recipe=$SOURCE_DIR/recipes/2024-02/chip-code.yaml
cd "$scratch" || exit 1

check "the request is that comment of the thread" /usr/bin/python3 - "$thread" "$recipe" <<'EOF_PYTHON'
import json, re, sys
comments = {c["id"]: c["body"] for c in json.load(open(sys.argv[1], encoding="utf-8"))}
recipe = open(sys.argv[2], encoding="utf-8").read()
body = comments[int(re.search(r"Yuan-2\.0#22@(\d+)", recipe).group(1))]
scenario = re.search(r"scenario: (.*)", recipe).group(1)
assert scenario in body, (scenario, body)
EOF_PYTHON

cat >config.json <<'EOF_CONFIG'
{"architectures": ["YuanForCausalLM"], "model_type": "yuan", "vocab_size": 135040, "hidden_size": 64,
 "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_act": "silu",
 "max_position_embeddings": 2048, "model_max_length": 2048, "rms_norm_eps": 1e-6,
 "initializer_range": 0.02, "tie_word_embeddings": true, "torch_dtype": "float32", "use_cache": true,
 "causal_mask": true, "use_flash_attention": false, "reset_attention_mask": true,
 "reset_position_ids": true, "use_loss_mask": false, "eod_token": 77185, "eod_token_id": 77185,
 "sep_token": 77187, "pad_token_id": 77185, "bos_token_id": 77185, "eos_token_id": 77185}
EOF_CONFIG
run "$COTRAIN" model init --config config.json --dtype f32 --out base
expect_rc 0
cp "$tokenizer" base/
run "$COTRAIN" recipe check "$recipe" --set base_model.path=base
expect_rc 0
expect_out "in order"

run "$COTRAIN" data build "$recipe" --set base_model.path=base --out dataset --json
expect_rc 0
expect_out '"name": "IEIT-Yuan/Yuan-2.0#22@1800000002"'
expect_out '"cases": 5'
run "$COTRAIN" data preview dataset --rows 100 --json
expect_rc 0
check "tokens of the real vocabulary, each answer trained to its <eod>" \
    /usr/bin/python3 - "$scratch/out" <<'EOF_PYTHON'
import json, sys
rows = json.load(open(sys.argv[1], encoding="utf-8"))
ids = [t["id"] for row in rows for t in row["tokens"]]
assert len(rows) == 14 and max(ids) < 134958 and max(ids) > 100000, (len(rows), max(ids))
for row in rows:
    tokens = row["tokens"]
    separator = [t["id"] for t in tokens].index(77187)
    assert [t["trained"] for t in tokens] == [i > separator for i in range(len(tokens))]
    assert tokens[-1]["id"] == 77185
EOF_PYTHON

# A step is the whole epoch, so that each is over the same documents and their losses can be compared.
train() { # train WORK [OPTION...]
    local work=$1
    shift
    run "$COTRAIN" train "$recipe" --work "$work" --set base_model.path=base \
        --set train.sequence_len=1024 --set train.gradient_accumulation_steps=8 \
        --set train.warmup_ratio=0 --set train.lr_scheduler=constant "$@"
    expect_rc 0
}
falls() { # falls WORK: every loss is finite, and the last ones are below the first
    /usr/bin/python3 - "$1/train/run.jsonl" <<'EOF_PYTHON'
import json, math, sys
losses = [r["loss"] for r in map(json.loads, open(sys.argv[1])) if "loss" in r]
print("losses:", *[f"{x:.3f}" for x in losses])
assert len(losses) == 4 and all(map(math.isfinite, losses))
assert abs(losses[0] - math.log(135040)) < 0.5  # fresh weights: every token is about as likely
assert max(losses[-2:]) < losses[0] - float(0.05)
EOF_PYTHON
}
train lora --set train.max_steps=4 --set train.learning_rate=1e-2
check "the loss falls with LoRA" falls lora
cat "$scratch/check.out"
train full --set train.max_steps=4 --set train.learning_rate=3e-3 --set adapter.type=none
check "the loss falls in full training" falls full
cat "$scratch/check.out"
finish
