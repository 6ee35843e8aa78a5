#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Releases of a tiny month: what is in the folder, that a changed byte in any file is found and named,
# that a full disk or a gate that says no leaves an earlier release untouched, full fine-tuning, and a
# base in bf16.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml
work=$scratch/work
release=$work/release/Tiny

run "$COTRAIN" run "$recipe" --work "$work" --json
expect_rc 0
check "the result is JSON with the hash of the release" python3 - "$scratch/out" "$release" <<'PY'
import json, sys
result = json.load(open(sys.argv[1]))
assert result["release"] == sys.argv[2]
assert "release " + result["hash"] in open(sys.argv[2] + "/RELEASE").read()
assert [s["stage"] for s in result["stages"]] == ["data", "eval-before", "train", "eval-after", "gates", "pack"]
assert result["gates"] and all(g["holds"] and g["missed_by"] == 0 for g in result["gates"])
PY

# ---- what is in it ----
for file in README.md DATA.md provenance/ledger.json config.json generation_config.json model.safetensors tokenizer.model \
    tokenizer_config.json special_tokens_map.json added_tokens.json adapter/adapter_config.json \
    adapter/adapter_model.safetensors provenance/recipe.yaml logs/plan.json provenance/data.json \
    provenance/eval-before.json provenance/eval-after.json provenance/gates.json provenance/statement.json \
    golden.json logs/run.jsonl gguf/Tiny-f16.gguf gguf/Tiny-q8_0.gguf manifest.json SHA256SUMS RELEASE; do
    check "$file in the release" test -s "$release/$file"
done
check "sha256sum agrees" sh -c "cd '$release' && sha256sum --quiet -c SHA256SUMS"
expect_same "$scratch/month/model/tokenizer.model" "$release/tokenizer.model"
check "no path of this machine in any text" sh -c "! grep -rlF '$scratch' '$release' --include=*.json --include=*.md --include=*.yaml"
check "ids for plain transformers, a card that YAML reads, hashes of the whole chain" \
    python3 - "$release" <<'PY'
import hashlib, json, sys, yaml
d = sys.argv[1] + "/"
read = lambda name: json.load(open(d + name))
digest = lambda name: hashlib.sha256(open(d + name, "rb").read()).hexdigest()
config = read("tokenizer_config.json")
ids = {t["content"]: int(i) for i, t in config["added_tokens_decoder"].items()}
assert ids["<eod>"] == 354 and ids["<sep>"] == 355 and ids["<pad>"] == 356, ids
assert config["eos_token"] == "<eod>" and config["add_bos_token"] is False
added = sorted(read("added_tokens.json").values())
assert added == list(range(357, 357 + len(added))), added
card = open(d + "README.md").read()
front = yaml.safe_load(card.split("---\n")[1])
assert front["license"] == "apache-2.0" and front["base_model"] == "tiny/base"
metric = front["model-index"][0]["results"][0]["metrics"][1]
after = {t["task"]: t for t in read("provenance/eval-after.json")["tasks"]}
assert front["tags"] == ["yuan2", "cotrain", "lora", "gguf", "2024-03"], front["tags"]
assert metric["name"] == "exact_match, after"
assert abs(metric["value"] - after["requests"]["requests"][0]["exact_match"]) < 1e-6
assert all(k in after["requests"]["items"][0] for k in ("prompt", "expected", "got"))
manifest = read("manifest.json")
chain = manifest["chain"]
assert chain["recipe"] == digest("provenance/recipe.yaml")
assert chain["dataset"] == digest("provenance/data.json")
assert chain["eval_after"] == digest("provenance/eval-after.json")
last = [json.loads(line) for line in open(d + "logs/run.jsonl")][-1]
assert chain["training"] in last.values(), (chain["training"], last)
assert manifest["checks"]["merged_against_adapter"]["measured"] <= manifest["checks"]["merged_against_adapter"]["bound"]
assert manifest["checks"]["read_back"]["answers"] == 8
golden = read("golden.json")
assert [(p["request"], p["kind"]) for p in golden["prompts"]] == \
    [(r["id"], kind) for kind in ("example", "case") for r in manifest["requests"]], golden
parity = manifest["checks"]["golden"]
assert parity["prompts"] == 4 and parity["adapter"]["measured"] <= parity["adapter"]["bound"]
assert list(parity["formats"]) == ["gguf-f16", "gguf-q8_0"]
for one in parity["formats"].values():
    assert 0 < one["measured"] <= one["bound"] < 0.3 and one["positions"] == parity["adapter"]["positions"], one
PY
check "GGUF files say what they are and what they were made from" /usr/bin/python3 - "$release" "$SOURCE_DIR/tests/shell" <<'PY'
import json, sys
sys.path.insert(0, sys.argv[2])
from gguf_reader import Gguf
sources = json.load(open(sys.argv[1] + "/provenance/data.json"))["sources"]
for kind, number, file_type in (("f16", 1, 1), ("q8_0", 8, 7)):
    g = Gguf(f"{sys.argv[1]}/gguf/Tiny-{kind}.gguf")
    value = lambda key: g.keys["general." + key][1]
    assert value("name") == "Tiny" and value("version") == "2024-03" and value("license") == "apache-2.0"
    assert value("languages") == ["zh", "en"] and "fork" in value("description")
    assert value("base_model.count") == 1 and value("base_model.0.name") == "base"
    assert value("base_model.0.organization") == "tiny" and value("file_type") == file_type
    assert value("dataset.count") == len(sources) == 4
    assert [value(f"dataset.{i}.version") for i in range(4)] == [s["sha256"] for s in sources]
    assert g.tensors["blk.0.attn_q.weight"][1] == number
    assert g.keys["tokenizer.ggml.eos_token_id"][1] == 354 and len(g.keys["tokenizer.ggml.tokens"][1]) == 384
subjects = json.load(open(sys.argv[1] + "/provenance/statement.json"))["subject"]
assert {"gguf/Tiny-f16.gguf", "gguf/Tiny-q8_0.gguf", "model.safetensors"} <= {s["name"] for s in subjects}
PY
# Golden ids are what `generate` makes of the same ids, another way through the program.
check "golden answers against generate" python3 - "$release" "$COTRAIN" <<'PY'
import json, subprocess, sys
golden = json.load(open(sys.argv[1] + "/golden.json"))
for p in golden["prompts"]:
    ids = subprocess.run([sys.argv[2], "generate", "--model", sys.argv[1], "--prompt-ids",
                          ",".join(map(str, p["prompt_ids"])), "--max-new-tokens", str(golden["max_new_tokens"]),
                          "--greedy", "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    assert json.loads(ids)["ids"] == p["output_ids"], p
    assert p["top"][0][0] == p["output_ids"][0] and p["top"] == sorted(p["top"], key=lambda t: -t[1])
PY
run "$COTRAIN" release verify "$release" --golden
expect_rc 0
expect_out "proved      asked 4 golden prompts, the model answers to the bit"

# ---- verification ----
run "$COTRAIN" release verify "$release"
expect_rc 0
hash=$(sed -n 's/^release //p' "$release/RELEASE")
expect_out "release $hash"
run "$COTRAIN" release verify "$release" --hash "$hash"
expect_rc 0
run "$COTRAIN" release verify "$release" --hash "$(echo "$hash" | tr 0-9a-f 1-9a-f0)"
expect_rc 3
expect_one_error "its hash is $hash"
run "$COTRAIN" release verify "$release" --hash "$(echo "$hash" | tr a-f A-F)"
expect_rc 0
for wrong in "" abc "sha256:$hash" "${hash%?}"; do
    run "$COTRAIN" release verify "$release" --hash "$wrong"
    expect_rc 2
    expect_one_error "'$wrong' is no release hash"
done
run "$COTRAIN" release verify "$release/RELEASE"
expect_rc 1
expect_one_error "'$release/RELEASE' is a file, and a release is a folder"
flip() { # flip FILE SEED: turns one bit of one byte
    python3 - "$1" "$2" <<'PY'
import random, sys
data = bytearray(open(sys.argv[1], "rb").read())
source = random.Random(sys.argv[2])
data[source.randrange(len(data))] ^= 1 << source.randrange(8)
open(sys.argv[1], "wb").write(data)
PY
}
(cd "$release" && find . -type f | sed 's|^\./||' | sort) >"$scratch/files"
while read -r file; do
    for seed in 1 2; do
        cp "$release/$file" "$scratch/kept"
        flip "$release/$file" "$file $seed"
        run "$COTRAIN" release verify "$release"
        expect_rc 3
        expect_one_error "'$file'"
        cp "$scratch/kept" "$release/$file"
    done
done <"$scratch/files"
echo extra >"$release/extra.txt"
run "$COTRAIN" release verify "$release"
expect_rc 3
expect_one_error "'extra.txt' does not belong to the release"
rm "$release/extra.txt"
mv "$release/adapter/adapter_config.json" "$scratch/kept"
run "$COTRAIN" release verify "$release"
expect_rc 3
expect_one_error "'adapter/adapter_config.json' is missing"
mv "$scratch/kept" "$release/adapter/adapter_config.json"
run "$COTRAIN" release verify "$scratch/month"
expect_rc 1
expect_one_error "is no release"

# What a copy is that did not come whole, and one that is somebody else's.
touch "$release/$(printf 'a\342\200\256b')"
run "$COTRAIN" release verify "$release"
expect_rc 3
expect_one_error "'a?b' does not belong to the release"
rm "$release"/a*b
cp "$release/model.safetensors" "$scratch/kept"
bytes=$(wc -c <"$scratch/kept")
head -c 1000 "$scratch/kept" >"$release/model.safetensors"
run "$COTRAIN" release verify "$release"
expect_rc 3
expect_one_error "'model.safetensors' has been changed: it has 1000 bytes and not $bytes"
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' \
    "$(sha256sum <"$scratch/kept" | cut -c1-64)" "$bytes" >"$release/model.safetensors"
run "$COTRAIN" release verify "$release"
expect_rc 3
expect_one_error "'model.safetensors' has been changed: it is not the file but a Git LFS pointer to it"
expect_err "hint: fetch the files, in the release's folder: git lfs pull"
cp "$scratch/kept" "$release/model.safetensors"
cp -r "$release" "$scratch/cache" && ln -sf "$scratch/kept" "$scratch/cache/model.safetensors"
run "$COTRAIN" release verify "$scratch/cache"
expect_rc 3
expect_one_error "'model.safetensors' is no regular file but a symbolic link"
expect_err "cp -rL"
cp -rL "$scratch/cache" "$scratch/whole"
run "$COTRAIN" release verify "$scratch/whole"
expect_rc 0
rm -r "$scratch/cache" "$scratch/whole"
as_other=
[ "$(id -u)" != 0 ] || as_other="setpriv --reuid 65534 --regid 65534 --clear-groups"
cp -r "$release" "$scratch/theirs" && chmod 711 "$scratch" && chmod 000 "$scratch/theirs"
if $as_other test -x "$COTRAIN" 2>"$scratch/kept"; then
    run $as_other "$COTRAIN" release verify "$scratch/theirs"
    expect_rc 1
    expect_one_error "cannot open folder '$scratch/theirs': Permission denied"
fi
chmod 755 "$scratch/theirs"
run "$COTRAIN" release verify "$release"
expect_rc 0

# A release that was sealed again after its card was changed: the numbers are not the reports'.
cp -r "$release" "$scratch/forged"
"$SOURCE_DIR/tests/shell/tamper.py" do card-table-redone "$scratch/forged" "$scratch" || exit 1
check "the forged folder's sums agree" sh -c "cd '$scratch/forged' && sha256sum --quiet -c SHA256SUMS"
run "$COTRAIN" release verify "$scratch/forged"
expect_rc 3
expect_one_error "'README.md': its table is not what the evaluation reports say"

# ---- packing leaves alone what is there ----
run "$COTRAIN" release pack "$recipe" --work "$work" --out "$scratch/packed"
expect_rc 0
expect_same "$release/manifest.json" "$scratch/packed/manifest.json"
check "the same bytes, but for the logs and their sums" diff -r -x logs -x SHA256SUMS -x RELEASE \
    "$release" "$scratch/packed"
run "$COTRAIN" release pack "$recipe" --work "$work" --out "$scratch/packed"
expect_rc 1
expect_one_error "exists already"
mkdir "$scratch/other" && echo mine >"$scratch/other/file"
run "$COTRAIN" release pack "$recipe" --work "$work" --out "$scratch/other"
expect_rc 1
expect_one_error "exists already"
check "the other folder is untouched" grep -q mine "$scratch/other/file"
run "$COTRAIN" release pack "$recipe" --work "$scratch/nowhere"
expect_rc 1
expect_one_error "is not there"
for point in 2 9 23 41 60; do
    export COTRAIN_FAULT=io:$point
    run "$COTRAIN" run "$recipe" --work "$work" --set "release.summary=Text $point."
    unset COTRAIN_FAULT
    expect_rc 1
    expect_one_error "No space left on device"
    run "$COTRAIN" release verify "$release" --hash "$hash"
    expect_rc 0
done

# ---- a folder without a name of its own, an answer longer than the model has positions ----
cp -r "$scratch/month" "$scratch/odd" && mkdir -p "$scratch/odd/rows/sub"
mv "$scratch/odd/copy.train.jsonl" "$scratch/odd/rows" && mv "$scratch/odd/turn.train.jsonl" "$scratch/odd/rows/sub"
sed -i 's|path: copy.train.jsonl|path: rows/sub/../copy*|; s|path: turn.train.jsonl|path: rows/sub/.|' "$scratch/odd/lora.yaml"
printf '{"prompt": "copy x", "response": "%0200d"}\n' 0 >"$scratch/odd/copy.cases.jsonl"
run "$COTRAIN" run "$scratch/odd/lora.yaml" --work "$scratch/it's 奇"
expect_rc 0
expect_out "verify:  cotrain release verify '$scratch/it'\\''s 奇/release/Tiny'"
check "the folder's files" test -s "$scratch/it's 奇/release/Tiny/sources/2/folder/turn.train.jsonl"
run "$COTRAIN" release reproduce "$scratch/it's 奇/release/Tiny" --base "$scratch/month/model" \
    --work "$scratch/odd.again"
expect_rc 0
expect_out "again from all this: the same release"

# ---- licences: each row has one, or nothing is trained ----
sed 's/license: apache-2.0, request: "tiny\/requests#2@2"/request: "tiny\/requests#2@2"/' "$recipe" >"$scratch/month/unlicensed.yaml"
run "$COTRAIN" run "$scratch/month/unlicensed.yaml" --work "$scratch/unlicensed"
expect_rc 3
expect_err "stage 'data': 24 rows of 'turn.train.jsonl' (request 'tiny/requests#2@2') say no licence"
check "nothing was trained" test ! -e "$scratch/unlicensed/train"
sed 's/license: apache-2.0, request: "tiny\/requests#2@2"/license: unknown, request: "tiny\/requests#2@2"/' "$recipe" >"$scratch/month/unknown.yaml"
sed 's/}$/, "license": "mit", "reviewer": "Li", "origin": {"generator": "gpt|x", "model": "m"}}/' "$scratch/month/copy.train.jsonl" |
    head -20 >"$scratch/month/own.jsonl"
sed -n '21,$p' "$scratch/month/copy.train.jsonl" >>"$scratch/month/own.jsonl"
sed -i 's/copy.train.jsonl/own.jsonl/' "$scratch/month/unknown.yaml"
run "$COTRAIN" run "$scratch/month/unknown.yaml" --work "$scratch/unknown"
expect_rc 0
check "the ledger counts what rows say" python3 - "$scratch/unknown/release/Tiny" <<'PY'
import json, sys
ledger = json.load(open(sys.argv[1] + "/provenance/ledger.json"))
assert [s["licenses"] for s in ledger["sources"]] == \
    [{"as posted": 1}, {"mit": 20, "apache-2.0": 4}, {"as posted": 1}, {"unknown": 24}], ledger["sources"]
assert ledger["sources"][1]["generators"] == {"gpt|x": 20} and ledger["sources"][1]["reviewers"] == {"Li": 20}
assert ledger["generators"] == [{"generator": "gpt|x", "model": "m", "rows": 20, "licenses": {"mit": 20}}]
assert ledger["rows"] == 50
card = open(sys.argv[1] + "/DATA.md").read()
assert "| gpt\\|x | m | 20 | mit (20) |" in card and "unknown (24)" in card, card
sources = json.load(open(sys.argv[1] + "/provenance/sources.json"))
withheld = {i["at"]: i["withheld"] for i in sources["inputs"]}
assert withheld["turn.train.jsonl"] == "no licence is said" and withheld["own.jsonl"] is None, withheld
PY
run "$COTRAIN" release verify "$scratch/unknown/release/Tiny"
expect_rc 0
expect_out "not proved  which licence 24 rows have"

# ---- the changelog against the release before ----
run "$COTRAIN" run "$scratch/month/unknown.yaml" --work "$scratch/unknown" --set "release.previous=$release" \
    --set data.validation=0.5 --set train.max_steps=4
expect_rc 0
check "the changelog says what changed" python3 - "$scratch/unknown/release/Tiny" "$release" <<'PY'
import json, os, sys
this, before = sys.argv[1:]
read = lambda d, name: json.load(open(d + "/" + name))
previous = read(this, "provenance/previous.json")
assert "release " + previous["hash"] in open(before + "/RELEASE").read()
assert previous["requests"] == ["tiny/requests#1@1", "tiny/requests#2@2"]
assert previous["rows"] == read(before, "provenance/data.json")["splits"][0]["rows"] == 46
tasks = {t["task"]: t for t in previous["tasks"]}
loss = lambda d: {t["task"]: t for t in read(d, "provenance/eval-after.json")["tasks"]}["validation"]["scores"]["loss"]
assert tasks["requests"]["paired"]["n"] == 12
log = open(this + "/CHANGELOG.md").read()
rows = read(this, "provenance/data.json")["splits"][0]["rows"]
assert rows < 40 and f"| 训练行 / rows | 46 | {rows} | {rows - 46} |" in log, log
assert "again `tiny/requests#1@1` copying" in log, log
assert tasks["validation"]["was"] == loss(before) and tasks["validation"]["is"] == loss(this)
assert "previous" not in open(this + "/provenance/recipe.yaml").read()
PY
run "$COTRAIN" release verify "$scratch/unknown/release/Tiny"
expect_rc 0
run "$COTRAIN" release reproduce "$scratch/unknown/release/Tiny" --base "$scratch/month/model" \
    --sources "$scratch/month" --work "$scratch/again"
expect_rc 0
expect_out "the same release, hash and all" # its changelog among it, without the release before
cp -r "$release" "$scratch/damaged" && echo x >>"$scratch/damaged/README.md"
run "$COTRAIN" release pack "$recipe" --work "$work" --out "$scratch/after" --set "release.previous=$scratch/damaged"
expect_rc 3
expect_one_error "release.previous '$scratch/damaged': 'README.md' has been changed"
check "nothing was packed" sh -c "! ls -d '$scratch/after'*"

# ---- parity: a packed adapter that is not the trained model's goes nowhere ----
cp -r "$work" "$scratch/astray"
python3 - "$scratch/astray/train/adapter/adapter_model.safetensors" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = 8 + struct.unpack("<Q", data[:8])[0]
for i in range(at, len(data), 4):
    data[i:i + 4] = struct.pack("<f", 1.5 * struct.unpack("<f", data[i:i + 4])[0])
open(sys.argv[1], "wb").write(data)
PY
run "$COTRAIN" release pack "$recipe" --work "$scratch/astray" --out "$scratch/astray/out"
expect_rc 1
expect_one_error "the packed adapter is not the trained model's"
check "nothing was packed" sh -c "! ls -d '$scratch/astray/out'*"

# A format that cannot hold the weights makes another model: an embedding below f16's smallest number.
cp -r "$scratch/month" "$scratch/small"
python3 - "$scratch/small/model/model.safetensors" <<'PY'
import json, struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = 8 + struct.unpack("<Q", data[:8])[0]
begin, end = json.loads(data[8:at])["model.embed_tokens.weight"]["data_offsets"]
for i in range(at + begin, at + end, 4):
    data[i:i + 4] = struct.pack("<f", 1e-8 * struct.unpack("<f", data[i:i + 4])[0])
open(sys.argv[1], "wb").write(data)
PY
run "$COTRAIN" run "$scratch/small/lora.yaml" --work "$scratch/small/work"
expect_rc 1
expect_err "'gguf/Tiny-f16.gguf' is not the trained model: logits differ by 1 of their size"
check "nothing was packed" sh -c "! ls -d '$scratch/small/work/release/'*"
run "$COTRAIN" recipe check "$recipe" --set release.formats=gguf-q4_0
expect_rc 1
expect_err "'gguf-q4_0' is none of gguf-f32,gguf-f16,gguf-q8_0"

# ---- gates ----
run "$COTRAIN" run "$recipe" --work "$scratch/gated" --set 'eval.gates.requests=>= 0.9'
expect_rc 3
expect_err "gate requests: 0.0000, wanted >= 0.9: missed by 0.9000"
check "nothing was packed" test ! -e "$scratch/gated/release"
expect_err "eval/gates.json' has every item that was lost"
run "$COTRAIN" run "$recipe" --work "$scratch/gated" --set 'eval.gates.requests=>= 0.9' --json
expect_rc 3
check "the gates as JSON" python3 - "$scratch/out" "$scratch/gated/eval/gates.json" <<'PY'
import json, sys
said, kept = (json.load(open(path)) for path in sys.argv[1:])
assert said == {"gates": kept}
assert [(g["task"], g["holds"]) for g in kept] == [("validation", True), ("requests", False)]
assert [g["score"] for g in kept] == ["loss", "exact_match"]
assert kept[1]["paired"]["n"] == 12 and kept[1]["missed_by"] == 0.9
PY
run "$COTRAIN" run "$recipe" --work "$scratch/gated" --set 'eval.gates.validation=<= +10 at 95%'
expect_rc 1
expect_one_error "'validation' has no score of single items"
sed 's/gates: {/&requests.bleu: ">= 0.1", /' "$recipe" >"$scratch/month/bleu.yaml"
run "$COTRAIN" run "$scratch/month/bleu.yaml" --work "$scratch/early"
expect_rc 1
expect_err "task 'requests' has no score 'bleu'"
check "a gate that cannot be held is told before training" test ! -e "$scratch/early/train"

# ---- the adapter on the base answers as the merged model does ----
run "$COTRAIN" eval run --recipe "$recipe" --data "$work/data" --adapter "$work/train/adapter" --json
expect_rc 0
check "same answers from adapter and merged weights" python3 - "$scratch/out" "$release" <<'PY'
import json, sys
a, b = json.load(open(sys.argv[1])), json.load(open(sys.argv[2] + "/provenance/eval-after.json"))
assert a["subject"]["adapter"] and not b["subject"]["adapter"]
got = lambda report: [item["got"] for item in report["tasks"][0]["items"]]
assert got(a) == got(b)
PY
run "$COTRAIN" eval run --recipe "$recipe" --model "$release" --tasks requests --limit 2
expect_rc 0
expect_out "copying: exact match"
expect_out "2 cases"
run "$COTRAIN" eval run --recipe "$recipe" --tasks reqests
expect_rc 1
expect_one_error "unknown evaluation task 'reqests'"

# ---- sealed cases are published as hashes alone ----
run "$COTRAIN" run "$recipe" --work "$scratch/sealed" --set data.holdout.sealed=true
expect_rc 0
check "no held-out text in the release" python3 - "$scratch" <<'PY'
import json, os, sys
release = sys.argv[1] + "/sealed/release/Tiny"
prompts = [json.loads(line)["prompt"] for kind in ("copy", "turn")
           for line in open(f"{sys.argv[1]}/month/{kind}.cases.jsonl")]
texts = [open(os.path.join(p, n), "rb").read() for p, _, names in os.walk(release) for n in names]
assert not [p for p in prompts if any(p.encode() in text for text in texts)]
golden = json.load(open(release + "/golden.json"))
assert [p["kind"] for p in golden["prompts"]] == ["example", "example"]
after = json.load(open(release + "/provenance/eval-after.json"))
item = after["tasks"][0]["items"][0]
assert "prompt" not in item and len(item["prompt_sha256"]) == len(item["got_sha256"]) == 64
PY
run "$COTRAIN" release verify "$scratch/sealed/release/Tiny"
expect_rc 0

# ---- full fine-tuning, and a base in bf16 ----
run "$COTRAIN" run "$scratch/month/full.yaml" --work "$scratch/full"
expect_rc 0
check "no adapter folder" test ! -e "$scratch/full/release/Tiny-full/adapter"
run "$COTRAIN" release verify "$scratch/full/release/Tiny-full"
expect_rc 0
run "$COTRAIN" eval compare "$release" "$scratch/full/release/Tiny-full" # item by item
expect_rc 0
expect_out " of 12; p = "
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/bf16" --dtype BF16 || exit 1
# Code and licence of the base come along as they are, of sub-folders nothing; weights in shards.
base=$scratch/bf16/model
for file in configuration_yuan.py yuan_hf_model.py yuan_hf_model_cpu.py config_cpu.json LICENSE-Yuan; do
    echo "the base's $file" >"$base/$file"
done
mkdir -p "$base/3rdparty/vllm" && echo 'import pdb' >"$base/3rdparty/vllm/yuan_hf_model.py"
run "$COTRAIN" run "$scratch/bf16/lora.yaml" --work "$scratch/bf16-work" --set release.max_shard_size=30KB
expect_rc 0
for file in configuration_yuan.py yuan_hf_model.py yuan_hf_model_cpu.py config_cpu.json LICENSE-Yuan; do
    expect_same "$base/$file" "$scratch/bf16-work/release/Tiny/$file"
done
check "nothing of the base's sub-folders" test ! -e "$scratch/bf16-work/release/Tiny/3rdparty"
check "shards with an index, in the base's dtype; code is hashed" python3 - "$scratch/bf16-work/release/Tiny" <<'PY'
import glob, json, os, struct, sys
index = json.load(open(sys.argv[1] + "/model.safetensors.index.json"))
shards = sorted(glob.glob(sys.argv[1] + "/model-0*.safetensors"))
assert len(shards) > 1 and all(os.path.getsize(s) < 40000 for s in shards), shards
total = 0
for i, shard in enumerate(shards):
    name = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
    assert os.path.basename(shard) == name
    with open(shard, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    assert header.pop("__metadata__")["format"] == "pt"
    assert {v["dtype"] for v in header.values()} == {"BF16"}
    assert set(header) == {t for t, s in index["weight_map"].items() if s == name}
    total += sum(v["data_offsets"][1] - v["data_offsets"][0] for v in header.values())
assert index["metadata"]["total_size"] == total
listed = {f["path"] for f in json.load(open(sys.argv[1] + "/manifest.json"))["files"]}
assert {"yuan_hf_model.py", "LICENSE-Yuan", os.path.basename(shards[0])} <= listed
PY
run "$COTRAIN" release verify "$scratch/bf16-work/release/Tiny" --golden
expect_rc 0
finish
