#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kinds, starts and patterns of adapters through the chain, from a recipe to a release that verifies,
# on the tiny month; what the settings say is in the published folder; a recipe that asks for what cannot
# be is refused before anything is made.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml

config() { # config WORK KEY: of the published adapter
    /usr/bin/python3 -c 'import json,sys
print(json.dumps(json.load(open(sys.argv[1]+"/release/Tiny/adapter/adapter_config.json"))[sys.argv[2]]))' "$1" "$2"
}
chain() { # chain NAME SETTINGS: the recipe with these settings of the adapter, whole
    sed "s/^adapter: .*/adapter: {r: 4, lora_alpha: 8, target_modules: all, $2}/" "$recipe" >"$scratch/month/$1.yaml"
    run "$COTRAIN" run "$scratch/month/$1.yaml" --work "$scratch/$1"
    expect_rc 0
    run "$COTRAIN" release verify "$scratch/$1/release/Tiny"
    expect_rc 0
}

run "$COTRAIN" list adapters
expect_out "dora"
run "$COTRAIN" list inits
expect_out "pissa"

chain dora 'use_dora: true, lora_dropout: 0.1, rank_pattern: {".*layers\\\\.0\\\\..*_proj": 2, up_proj: 3}, alpha_pattern: {conv1: 2}, additional_target: model.norm'
expect_no_err "error"
check "the flag" test "$(config "$scratch/dora" use_dora)" = true
check "the ranks" test "$(config "$scratch/dora" rank_pattern)" = '{".*layers\\.0\\..*_proj": 2, "up_proj": 3}'
check "the alphas" test "$(config "$scratch/dora" alpha_pattern)" = '{"conv1": 2.0}'
check "the modules" test "$(config "$scratch/dora" modules_to_save)" = '["model.norm"]'
check "resolved, the recipe says it again" grep -q "modules_to_save: \[model.norm\]" "$scratch/dora/release/Tiny/provenance/recipe.yaml"

chain pissa 'type: lora, init: pissa_niter_4, use_rslora: true'
check "twice the rank" test "$(config "$scratch/pissa" r)" = 8
check "the same scale" test "$(config "$scratch/pissa" lora_alpha | cut -c1-6)" = 11.313
check "an ordinary start" test "$(config "$scratch/pissa" init_lora_weights)" = true
# The adapter on the base as it is published is what was trained: merging it anew is the release.
run "$COTRAIN" model merge --model "$scratch/month/model" --adapter "$scratch/pissa/release/Tiny/adapter" --out "$scratch/merged"
expect_rc 0
expect_out "same greedy token        128 of 128"

# A checkpoint of a PiSSA goes on where it stood; one of other settings is foreign.
run "$COTRAIN" train "$scratch/month/pissa.yaml" --work "$scratch/pissa" --resume
expect_rc 0
run "$COTRAIN" train "$scratch/month/pissa.yaml" --work "$scratch/pissa" --resume --set adapter.init_lora_weights=pissa
expect_rc 1
expect_err "it is of a run with settings other than now"

refused() { # refused SETTINGS TEXT
    sed "s/^adapter: .*/adapter: {$1}/" "$recipe" >"$scratch/month/bad.yaml"
    run "$COTRAIN" recipe check "$scratch/month/bad.yaml"
    expect_rc 1
    check "recipe check says $2" grep -qF -- "$2" "$scratch/out" "$scratch/err"
    run "$COTRAIN" run "$scratch/month/bad.yaml" --work "$scratch/bad"
    expect_rc 1
    check "nothing is made" test ! -e "$scratch/bad/data"
}
refused 'type: loha' "'loha' is none of lora,dora,none"
refused 'init: olora' "'olora' is not known"
refused 'init: pissa_niter_0' "0 rounds are not from 1 to 1000"
refused 'type: dora, init: pissa' "is not for type 'dora'"
refused 'rank_pattern: {"q_proj(": 4}' "a group without an end at character 8"
refused 'rank_pattern: {q_proj: 0}' "'q_proj' has 0, not a whole number from 1 to 65536"
refused 'rank_pattern: {q_proj: many}' "'many' is not a number"
refused 'alpha_pattern: [q_proj]' "must be a mapping"
refused 'type: none, modules_to_save: norm' "'modules_to_save' says nothing where the type is 'none'"

late() { # late SETTINGS TEXT: what only the model can tell
    sed "s/^adapter: .*/adapter: {$1}/" "$recipe" >"$scratch/month/bad.yaml"
    run "$COTRAIN" plan "$scratch/month/bad.yaml"
    expect_rc 1
    expect_one_error "$2"
}
late 'rank_pattern: {q_prj: 4}' "'q_prj' means no adapted module"
late 'init_lora_weights: pissa, r: 17' "has no 17 singular vectors to start from"
late 'modules_to_save: embed_tokens' "the embedding, which is the head too"
late 'modules_to_save: [q_proj]' "'target_modules' adapts"
late 'modules_to_save: [classifier]' "'classifier', which is not in the model"

finish
