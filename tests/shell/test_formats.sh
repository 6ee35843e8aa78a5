#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same weights are the same bits in every form: each readable format has the content hash and the
# probe of the safetensors file that it was made from, and comes back from a conversion as that file, byte
# for byte; through GGUF too where GGUF holds every value (f32, f16, and bf16 in f32).
. "$(dirname "$0")/lib.sh"

cat >"$scratch/config.json" <<'END'
{"model_type": "yuan", "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48,
 "num_hidden_layers": 4, "num_attention_heads": 4, "max_position_embeddings": 32,
 "eod_token": 7, "sep_token": 9, "pad_token_id": 7, "initializer_range": 0.2}
END
sed 's/"eod_token"/"tie_word_embeddings": false, "eod_token"/' "$scratch/config.json" >"$scratch/untied.json"
/usr/bin/python3 - "$scratch/batch.safetensors" "$SOURCE_DIR/tests" <<'END'
import struct, sys
sys.path.insert(0, sys.argv[2])
from handmade import safetensors
ids = [(7 * i + 3 * (i // 5)) % 40 for i in range(22)]
with open(sys.argv[1], "wb") as f:
    f.write(safetensors({"input_ids": {"dtype": "I32", "shape": [2, 11], "data_offsets": [0, 88]}},
                        struct.pack("<22i", *ids)))
END

content() { # content FOLDER: its content hash
    "$COTRAIN" model info "$1" --hash --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["content_hash"])'
}
probe() { # probe FOLDER FILE
    run "$COTRAIN" model probe --model "$1" --batch "$scratch/batch.safetensors" --out "$2" --grads
    expect_rc 0
}
convert() { # convert FROM TO FORMAT TYPE
    run "$COTRAIN" model convert --model "$1" --out "$2" --format "$3" --type "$4"
    expect_rc 0
}
same_weights() { # same_weights FOLDER GOOD: content, numbers, and the file that comes back
    echo "$(content "$1") of $1" >"$scratch/hash"
    echo "$(content "$2") of $1" >"$scratch/good.hash"
    expect_same "$scratch/hash" "$scratch/good.hash"
    probe "$1" "$scratch/probe.safetensors"
    expect_same "$scratch/probe.safetensors" "$2.probe.safetensors"
    convert "$1" "$scratch/back" safetensors keep
    expect_same "$scratch/back/model.safetensors" "$2/model.safetensors"
    rm -rf "$scratch/back"
}

for kind in config/f32 config/bf16 config/f16 untied/bf16; do
    good="$scratch/good-${kind%/*}-${kind#*/}"
    type=${kind#*/}
    run "$COTRAIN" model init --config "$scratch/${kind%/*}.json" --dtype "$type" --seed 5 --out "$good"
    expect_rc 0
    probe "$good" "$good.probe.safetensors"
    forms="$good.forms"
    check "the other forms are made" /usr/bin/python3 "$(dirname "$0")/forms.py" "$good" "$forms"
    run "$COTRAIN" model convert --model "$good" --out "$forms/shards" --format safetensors --shard-size 20000
    expect_rc 0
    check "there are shards" test -e "$forms/shards/model.safetensors.index.json"
    for form in "$forms"/*; do same_weights "$form" "$good"; done
    # GGUF in the weights' own type; bf16 goes to f32, where it is the same numbers in another dtype.
    if [ "$type" = bf16 ]; then
        convert "$good" "$good-wide" safetensors f32
        probe "$good-wide" "$good-wide.probe.safetensors"
        convert "$good" "$good.gguf" gguf f32
        same_numbers="$good-wide"
    else
        convert "$good" "$good.gguf" gguf keep
        same_numbers=$good
    fi
    expect_out "fork"
    convert "$good.gguf" "$scratch/back" safetensors "$type"
    expect_same "$scratch/back/model.safetensors" "$good/model.safetensors"
    rm -rf "$scratch/back"
    probe "$good.gguf" "$scratch/probe.safetensors"
    expect_same "$scratch/probe.safetensors" "$same_numbers.probe.safetensors"
done
check "31 forms were gone through" test "$(ls -d "$scratch"/*.forms/*/ | wc -l)" = 31

finish
