#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes models/nano/ again: text, tokenizer, fresh weights, pre-training; the same bits every time.
#   tools/make_nano.sh [WORK]             makes it in WORK (build/nano) and compares with models/nano
#   tools/make_nano.sh --install [WORK]   makes it and puts it into models/nano
# Needs spm_train (Debian: sentencepiece) besides what cotrain needs, and minutes.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
nano=$root/models/nano
cotrain=${COTRAIN:-$root/build/release/cotrain}
install=no
if [ "${1:-}" = --install ]; then
    install=yes
    shift
fi
work=${1:-$root/build/nano}
if ! command -v spm_train >/dev/null; then
    echo "make_nano: no spm_train here; install the package sentencepiece" >&2
    exit 1
fi
if [ ! -x "$cotrain" ]; then
    echo "make_nano: no $cotrain here; build it, or name it in COTRAIN" >&2
    exit 1
fi
rm -rf "$work"
mkdir -p "$work"
cd "$work" # the names below stand in tokenizer.model

"$root/tools/make_nano_text.py" >text.txt

# As Yuan 2.0's own: byte-pair encoding of the text as it is, digits one by one, bytes for what is
# unknown, a space before the text. Its special tokens come after the 1008 pieces (data/tokens/special.def)
# and fill the vocabulary of 1024.
sed 's/<sep>/\n/g; s/<n>/\n/g' text.txt >sentences.txt
spm_train --input=sentences.txt --model_prefix=tokenizer --model_type=bpe --vocab_size=1008 \
    --character_coverage=1.0 --max_sentencepiece_length=8 --split_digits=true --byte_fallback=true \
    --normalization_rule_name=identity --remove_extra_whitespaces=false --add_dummy_prefix=true \
    --num_threads=1 --minloglevel=1

"$cotrain" model init --config "$nano/config.json" --seed 1 --dtype bf16 --out start
cp tokenizer.model "$nano/tokenizer_config.json" start/
cp "$root/tools/nano-base.yaml" .
"$cotrain" train nano-base.yaml --work run

made=run/train/merged
sha256sum text.txt
(cd $made && sha256sum config.json model.safetensors tokenizer.model tokenizer_config.json)
if [ $install = yes ]; then
    cp $made/config.json $made/model.safetensors $made/tokenizer.model "$nano/"
    echo "make_nano: installed; models/nano/README.md names the hashes above"
    exit 0
fi
for file in config.json model.safetensors tokenizer.model tokenizer_config.json; do
    cmp $made/$file "$nano/$file"
done
echo "make_nano: the same bytes as models/nano"
