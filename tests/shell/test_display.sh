#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What training shows, on a real pseudo-terminal: one line that is drawn again and never wraps, log lines above it,
# and a terminal that is as it was however the run ends.
. "$(dirname "$0")/lib.sh"
terminal=$SOURCE_DIR/tests/shell/terminal.py
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml
unset COLUMNS NO_COLOR LC_ALL LC_CTYPE
export TERM=xterm LANG=C.UTF-8

shown() { # shown COLUMNS WORK [ARGUMENT...]: trains on a terminal; $scratch/tty has what it showed
    local columns=$1 work=$2
    shift 2
    run "$terminal" --columns "$columns" "$scratch/tty" "$COTRAIN" train "$recipe" --work "$scratch/$work" \
        --threads 1 "$@"
    cp "$scratch/tty.screen" "$scratch/out" # what expect_out looks at
}
steps="--set train.max_steps=120 --set train.save_steps=0 --set train.eval_steps=50"

shown 200 wide $steps
expect_rc 0
expect_out "training tiny-lora 100%|██████████| 120/120 ["
expect_out "  loss "
expect_out "  smoothed "
expect_out "  eval "
expect_out " tokens/s  "
expect_out " % of peak  "
expect_out " MiB planned"
check "one line of it" [ "$(grep -c 'training tiny-lora' "$scratch/tty.screen")" = 1 ]
check "no colour, and the cursor is never hidden" sh -c "! grep -qE '\[[0-9;?]*[mhl]' '$scratch/tty'"

# A narrow one, and one that COLUMNS says is narrow: no line wraps, the bar goes first, then notes.
for columns in 60 40; do
    if [ $columns = 60 ]; then
        shown 60 narrow $steps
    else
        COLUMNS=40 shown 200 told $steps
    fi
    expect_rc 0
    expect_out "training tiny-lora 100% 120/120 ["
    check "drawn lines are shorter than $columns columns" /usr/bin/python3 - "$scratch/tty" $columns <<'END'
import sys
lines = open(sys.argv[1], encoding="utf-8", newline="").read().split("\r")
lines = [line.split("\x1b")[0] for line in lines if line.startswith("training")]
assert lines and all(len(line) < int(sys.argv[2]) for line in lines), lines
END
done

# Where characters are not UTF-8 the bar is of number signs; a dumb terminal and a file get plain lines.
LANG=C PYTHONCOERCECLOCALE=0 shown 200 ascii $steps
expect_rc 0
expect_out "100%|##########| 120/120"
TERM=dumb shown 200 dumb $steps
expect_rc 0
check "ten lines" [ "$(grep -c '^training tiny-lora [0-9]*/120 \[' "$scratch/tty.screen")" = 10 ]
check "nothing is drawn again" sh -c "! grep -q '\[K' '$scratch/tty'"
run "$COTRAIN" train "$recipe" --work "$scratch/file" --threads 1 $steps
expect_rc 0
check "ten lines in a file" [ "$(grep -c '^training tiny-lora [0-9]*/120 \[' "$scratch/err")" = 10 ]
check "with all notes" grep -qE 'loss .* smoothed .* tokens/s .* of peak .* planned' "$scratch/err"

# Log lines stand whole above the line, which goes on below them.
COTRAIN_LOG=trainer:info shown 200 logged --set train.max_steps=120 --set train.save_steps=20
expect_rc 0
check "six whole log lines" [ "$(grep -c "^info: trainer: wrote '.*'$" "$scratch/tty.screen")" = 6 ]
check "one line of progress" [ "$(grep -c 'training tiny-lora' "$scratch/tty.screen")" = 1 ]

# ctrl-c: it stops at a checkpoint, and what is said stands on lines of its own.
run "$terminal" --columns 200 --interrupt "training tiny-lora" "$scratch/tty" "$COTRAIN" train "$recipe" \
    --work "$scratch/stopped" --threads 1 --set train.max_steps=100000 --set train.save_steps=0
expect_rc 75
cp "$scratch/tty.screen" "$scratch/out"
check "the error begins a line" grep -q '^cotrain: stopped after step' "$scratch/out"
check "and ends it" [ "$(tail -c1 "$scratch/tty")" = "" ]
finish
