#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Out of memory, everywhere: each command runs once for every allocation it makes, with that allocation
# failing. Each time it must end with one error that says so, and leave what was there as it was.
. "$(dirname "$0")/../shell/lib.sh"

sweep() { # sweep [OPTIONS --] COMMAND...
    run "$SOURCE_DIR/tests/fault/sweep.py" --kind mem "$@"
    expect_rc 0
    tail -1 "$scratch/out"
}
sweep -- "$COTRAIN" list errors
sweep -- "$COTRAIN" help list
finish
