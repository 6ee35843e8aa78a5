#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sample month is what tools/make_month.py writes, byte for byte; its held-out cases are in no
# training row, no example and not in the text that models/nano was made from; and the check that says
# so does find a case that is.
. "$(dirname "$0")/lib.sh"
tools=$SOURCE_DIR/tools
month=$SOURCE_DIR/models/month
recipes="$SOURCE_DIR/recipes/2024-03/nano-lora.yaml $SOURCE_DIR/recipes/2024-03/nano-full.yaml"

mkdir "$scratch/month"
run "$tools/make_month.py" "$scratch/month"
expect_rc 0
for file in "$month"/*.jsonl "$scratch"/month/*.jsonl; do
    expect_same "$month/${file##*/}" "$scratch/month/${file##*/}"
done

# The text is the one that the committed model was made from.
"$tools/make_nano_text.py" >"$scratch/text"
digest=$(sha256sum "$scratch/text")
check "models/nano/README.md wanted with the text's SHA-256 ${digest%% *}" \
    grep -qF "${digest%% *}" "$SOURCE_DIR/models/nano/README.md"

# shellcheck disable=SC2086 # a list of recipes
run "$tools/check_month.py" "$month" "$scratch/text" $recipes
expect_rc 0
expect_out "held-out cases"

# A held-out prompt among the rows, in the text, or as an example is found.
head -1 "$month/order-fields.cases.jsonl" >"$scratch/case"
/usr/bin/python3 - "$scratch" <<'END'
import json, sys
case = json.load(open(sys.argv[1] + "/case", encoding="utf-8"))
instruction, given = case["prompt"].split("\n", 1)
with open(sys.argv[1] + "/month/order-fields.train.jsonl", "a", encoding="utf-8") as f:
    f.write(json.dumps({"instruction": instruction, "input": given, "output": case["response"]}) + "\n")
with open(sys.argv[1] + "/leaky", "w", encoding="utf-8") as f:
    f.write("抄写：" + given + "<sep>" + given + "\n")
END
run "$tools/check_month.py" "$scratch/month" "$scratch/text"
expect_rc 1
expect_out "order-fields: the prompt of case 1 is a training row"
run "$tools/check_month.py" "$month" "$scratch/leaky"
expect_rc 1
expect_out "of case 1 is in the text"
finish
