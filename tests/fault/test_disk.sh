#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A full disk, at every write, sync and rename (for the longer commands at a spread of them): one error
# that names the file, nothing half written, and what was there before still whole; a release that was
# there before, or one packed in its place, verifies.
kind=io
. "$(dirname "$0")/sweep.sh"

sweep -- "$COTRAIN" data build "$month/lora.yaml" --out "{out}"
sweep --start "$scratch/work/data" -- "$COTRAIN" data build "$month/lora.yaml" --out "{out}" \
    --set data.validation=0.2
sweep -- "$COTRAIN" data preview "$scratch/work/data" --html "{out}"
sweep -- "$COTRAIN" model quantize --model "$SOURCE_DIR/tests/golden/nano" --out "{out}"
sweep --runs 60 --but "$dated" -- "$COTRAIN" run "$month/lora.yaml" --work "{out}" --set train.max_steps=2
sweep --runs 40 --start "$scratch/work" --but "$dated" --then "$COTRAIN release verify {out}/release/Tiny" \
    -- "$COTRAIN" run "$month/lora.yaml" --work "{out}" --set train.max_steps=2 --set "release.summary=Other"
synthesise
# shellcheck disable=SC2086 # words
sweep --start "$scratch/expanded" -- "$COTRAIN" $synthesis --out "{out}"
signing_keys
sweep --start "$scratch/work" --but '.*([.]sig|[.]intoto[.]jsonl)$' --then "$COTRAIN release verify {out}/release/Tiny" \
    -- "$COTRAIN" release sign "{out}/release/Tiny" --ssh-key "$keys/ssh" --key "$keys/p256.pem"
sweep_push 6 80
finish
