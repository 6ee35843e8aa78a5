#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Memory as a contract: a plan is what a run allocates; --memory chooses what is made again, in no bit of
# the weights or the release hash; what cannot fit is refused before a weight is read, with changes that
# do fit; and the sizes that nobody means.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
month=$scratch/month

# A model wide enough that the plan outweighs the program.
middle=$scratch/middle
cp -r "$month" "$middle"
/usr/bin/python3 - "$month/model/config.json" "$scratch/config.json" <<'END'
import json, sys
config = json.load(open(sys.argv[1]))
config.update(hidden_size=384, intermediate_size=1024, num_hidden_layers=3, num_attention_heads=6)
json.dump(config, open(sys.argv[2], "w"))
END
run "$COTRAIN" model init --config "$scratch/config.json" --dtype f32 --out "$scratch/base"
expect_rc 0
cp "$scratch/base/"* "$middle/model/"

train() { # train RECIPE WORK [ARGUMENT...]: three steps of four rows
    local recipe=$1 work=$2
    shift 2
    run "$COTRAIN" train "$middle/$recipe.yaml" --work "$scratch/$work" --set train.sequence_len=128 \
        --set train.micro_batch_size=4 --set train.gradient_accumulation_steps=1 --set train.max_steps=3 "$@"
}
value() { # value WORK EXPRESSION: of its plan.json
    /usr/bin/python3 -c "import json, sys; p = json.load(open(sys.argv[1])); print($2)" "$scratch/$1/train/plan.json"
}
expect_value() { # expect_value WORK CONDITION
    if [ "$(value "$1" "$2")" = True ]; then passed; else failed "$1: $2 wanted"; fi
}

# ---- planned against used ----
for recipe in lora full; do
    train $recipe $recipe
    expect_rc 0
    expect_err "plan: "
    expect_err "memory allocated: "
    expect_err "memory resident: "
    expect_err "tokens/s; "
    expect_err "time: "
    expect_err "of the product peak"
    expect_value $recipe "0 < p['time']['step_seconds'] < 60 and p['time']['predicted_step_seconds'] > 0"
    expect_value $recipe "0 < p['time']['of_product_peak'] and p['time']['tokens_per_second'] > 0"
    expect_value $recipe "abs(p['used']['anonymous_bytes'] / p['total_bytes'] - 1) < 0.03"
    expect_value $recipe "p['used']['peak_resident_bytes'] <= p['resident_bytes']"
    expect_value $recipe "p['recompute']['layers'] == 0 and not p['recompute']['logits']"

    # Less memory: something is made again, and not a bit is another.
    less=$(value $recipe "p['resident_bytes'] - (8 << 20)")
    train $recipe $recipe.less --memory "$less"
    expect_rc 0
    expect_value $recipe.less "p['resident_bytes'] <= $less"
    expect_value $recipe.less "0 < p['recompute']['more_multiplications'] < 0.5"
    expect_value $recipe.less "abs(p['used']['anonymous_bytes'] / p['total_bytes'] - 1) < 0.03"
    expect_same "$scratch/$recipe/train/merged/model.safetensors" "$scratch/$recipe.less/train/merged/model.safetensors"
    expect_same "$scratch/$recipe/train/result.json" "$scratch/$recipe.less/train/result.json"
    train $recipe $recipe.mlp --set train.gradient_checkpointing=true
    expect_rc 0
    expect_value $recipe.mlp "p['recompute']['logits'] and p['total_bytes'] < $(value $recipe "p['total_bytes']")"
    expect_same "$scratch/$recipe/train/merged/model.safetensors" "$scratch/$recipe.mlp/train/merged/model.safetensors"

    # Too little: nothing is written, and every line that is offered does fit.
    least=$(value $recipe "p['resident_bytes'] // 2 + (12 << 20)")
    train $recipe $recipe.none --memory "$least"
    expect_rc 1
    expect_one_error "training needs "
    expect_one_error "--memory allows $least "
    expect_err "hint: these changes fit, the cheapest first:"
    check "no step was made" [ ! -e "$scratch/$recipe.none/train" ]
    cp "$scratch/err" "$scratch/offered"
    n_offered=0
    while read -r line; do
        n_offered=$((n_offered + 1))
        wanted=$(echo "$line" | sed 's/.*needs \([0-9]*\) bytes.*/\1/')
        train $recipe $recipe.offered.$n_offered --memory "$least" $(echo "$line" | sed 's/ *needs .*//')
        expect_rc 0
        expect_value $recipe.offered.$n_offered "p['resident_bytes'] <= $wanted <= $least"
    done < <(sed -n 's/^hint: *\(--set .*\)/\1/p' "$scratch/offered")
    if [ $n_offered -gt 0 ]; then passed; else failed "a change that fits wanted"; fi

    train $recipe $recipe.tiny --memory 10MB
    expect_rc 1
    expect_one_error "--memory allows 10000000 (9.5 MiB)"
    expect_err "hint: no change of the recipe fits; the least "
done

# ---- the plan alone ----
run "$COTRAIN" plan "$middle/full.yaml" --memory 10MB --json
expect_rc 1
expect_out '"fits": false'
run "$COTRAIN" plan "$middle/full.yaml" --memory 64G
expect_rc 0
expect_out "in one allocation"
expect_out "made again   nothing"
# A machine without the vector units is told what that costs.
run "$COTRAIN" plan "$month/lora.yaml" --device cpu:portable
expect_rc 0
expect_out "warning: products run on portable code"
for word in rubbish -1GiB 3parsecs ""; do
    for command in plan train run; do
        run "$COTRAIN" $command "$month/lora.yaml" --memory "$word"
        expect_rc 2
        expect_one_error "'memory': '$word' is not a size in bytes"
    done
done
run "$COTRAIN" plan "$month/lora.yaml" --memory 0
expect_rc 2
run "$COTRAIN" plan "$month/lora.yaml" --set train.recompute=some
expect_rc 1
expect_err "'some' is none of auto,none,mlp,all"

# ---- a release does not show it ----
larger="--set train.micro_batch_size=8 --set train.gradient_accumulation_steps=1" # than evaluation
run "$COTRAIN" run "$month/lora.yaml" --work "$scratch/run.much" $larger --memory 1GiB
expect_rc 0
run "$COTRAIN" run "$month/lora.yaml" --work "$scratch/run.less" $larger \
    --memory "$(value run.much "p['resident_bytes'] - (50 << 10)")"
expect_rc 0
expect_value run.less "p['recompute']['more_multiplications'] > 0"
for file in RELEASE manifest.json model.safetensors; do
    sed -i '/^sums\|^check/d' "$scratch/run."*/release/Tiny/RELEASE # these are over the logs, too
    expect_same "$scratch/run.much/release/Tiny/$file" "$scratch/run.less/release/Tiny/$file"
done
run "$COTRAIN" run "$month/lora.yaml" --work "$scratch/none" --memory 20MiB
expect_rc 1
expect_err "stage 'eval-before': evaluation: the model takes "
expect_err "and 0 are left"

# ---- sizes that nobody means ----
# A context longer than the model's: one document would run past the rotary table.
run "$COTRAIN" train "$month/lora.yaml" --work "$scratch/long" --set train.sequence_len=4096 --set train.isolate=none
expect_rc 1
expect_err "tokens, and the model 128 positions"
run "$COTRAIN" plan "$month/lora.yaml" --set train.sequence_len=4096 --set train.isolate=none
expect_rc 1
expect_one_error "a row has 4096 tokens, and the model 128 positions"
# One row a step of one document; rows that no block divides; and a sequence of one token.
for settings in "sequence_len=17 sample_packing=false" "sequence_len=61 micro_batch_size=3"; do
    set --
    for setting in $settings; do set -- "$@" --set "train.$setting"; done
    run "$COTRAIN" train "$month/lora.yaml" --work "$scratch/odd.$1.${settings##* }" "$@" \
        --set train.gradient_accumulation_steps=1 --set train.max_steps=2
    expect_rc 0
done
run "$COTRAIN" train "$month/lora.yaml" --work "$scratch/one" --set train.sequence_len=1
expect_rc 1
expect_err "1 is not from 2 to"
finish
