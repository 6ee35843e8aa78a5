#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Out of memory, everywhere: each command runs once for every allocation it makes (the whole chain, which
# makes tens of thousands, for a spread of them), with that allocation failing. Each time it must end with
# one error that says so, and leave what was there as it was.
kind=mem
. "$(dirname "$0")/sweep.sh"

sweep -- "$COTRAIN" list errors
sweep -- "$COTRAIN" help list
sweep --runs 120 -- "$COTRAIN" recipe check "$month/lora.yaml"
nano=$SOURCE_DIR/tests/golden/nano
sweep --runs 100 -- "$COTRAIN" model info "$nano" --hash
sweep --runs 60 -- "$COTRAIN" model init --config "$nano/config.json" --out "{out}"
sweep --runs 100 -- "$COTRAIN" generate --model "$nano" --prompt-ids 1,2 --max-new-tokens 2
sweep --runs 100 -- "$COTRAIN" model quantize --model "$nano" --out "{out}"
"$COTRAIN" model quantize --model "$nano" --out "$scratch/nf4" >/dev/null
sweep --runs 60 -- "$COTRAIN" generate --model "$scratch/nf4" --prompt-ids 1,2 --max-new-tokens 2
sweep --runs 100 -- "$COTRAIN" model probe --model "$nano" --batch "$nano/forward.f32.safetensors" \
    --grads --out "{out}"
sweep --runs 100 -- "$COTRAIN" data build "$month/lora.yaml" --out "{out}"
sweep --runs 100 -- "$COTRAIN" data build "$month/lora.yaml" --out "{out}" \
    --set data.filters=length,language,exact_dup,near_dup,decontaminate,quality,personal_data \
    --set data.filter.quality_strange=0.01
sweep --runs 100 -- "$COTRAIN" data stats "$month/lora.yaml"
sweep --runs 100 -- "$COTRAIN" data why "$scratch/work/data" abba
sweep --runs 100 -- "$COTRAIN" data preview "$scratch/work/data" --packed "$month/lora.yaml"
sweep --runs 100 -- "$COTRAIN" data preview "$scratch/work/data" --html "{out}"
sweep --runs 100 -- "$COTRAIN" eval compare "$scratch/work/eval/before.json" "$scratch/work/release/Tiny"
sweep --runs 60 -- "$COTRAIN" eval report "$scratch/work/eval/after.json" --against "$scratch/work/eval/before.json" \
    --html "{out}"
sweep --runs 60 -- "$COTRAIN" release diff "$scratch/work/release/Tiny" "$scratch/work/release/Tiny"
sweep --runs 30 -- "$COTRAIN" release diff "$scratch/work/release/Tiny" "$scratch/work/release/Tiny" --html "{out}"
sweep --runs 60 -- "$COTRAIN" release report "$scratch/work/release/Tiny" --out "{out}"
sweep --runs 70 --start "$scratch/work" -- "$COTRAIN" release verify "{out}/release/Tiny"
signing_keys
sweep --runs 60 --start "$scratch/work" -- "$COTRAIN" release sign "{out}/release/Tiny" --ssh-key "$keys/ssh" \
    --key "$keys/p256.pem"
cp -r "$scratch/work" "$scratch/signed"
check "signing" "$COTRAIN" release sign "$scratch/signed/release/Tiny" --ssh-key "$keys/ssh" --key "$keys/p256.pem"
sweep --runs 70 --start "$scratch/signed" -- "$COTRAIN" release verify "{out}/release/Tiny" --golden \
    --signers "$keys/signers" --key "$keys/p256.pub"
sweep --runs 60 --but "$dated" -- "$COTRAIN" run "$month/lora.yaml" --work "{out}" --set train.max_steps=2
synthesise
# shellcheck disable=SC2086 # words
sweep --runs 70 --start "$scratch/expanded" -- "$COTRAIN" $synthesis --out "{out}"
sweep_push 6 170
finish
