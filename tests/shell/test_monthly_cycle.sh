#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/monthly-cycle.md: every command on the page is run, in its order, as a reader would type it; then what the page
# says of them is looked at.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programme.sh"
page=$SOURCE_DIR/docs/monthly-cycle.md
mkdir -p "$scratch/bin" "$scratch/source/build"
ln -s "$COTRAIN" "$scratch/bin/cotrain"
ln -s "$SOURCE_DIR/models" "$scratch/source/models"
awk '/^```sh$/ { shown = 1; next } /^```$/ { shown = 0 } shown' "$page" >"$scratch/commands"
check "the page shows commands" test "$(grep -c '^cotrain' "$scratch/commands")" -ge 14

cd "$scratch/source" || exit 1
PATH=$scratch/bin:$PATH bash -euc '. "$1"' _ "$scratch/commands" >"$scratch/out" 2>"$scratch/err" </dev/null
rc=$?
last="the commands of docs/monthly-cycle.md"
expect_rc 0
[ "$rc" = 0 ] || cat "$scratch/err"
expect_out "2024-03: 4 posts, 3 requests, 3 of them new"
expect_out "gate requests: "
expect_out "gate retention: "
expect_out "done"
cd build/programme || exit 1
check "the work folder is clean" test -z "$(git status --porcelain)"
check "the person decided under their own name" test "$(git log --format=%an | sort -u | tr '\n' ' ')" = "cotrain keeper "
check "a step that has nothing to do makes no commit" test "$(git log --format=%s | sort | uniq -d | grep -vc '^review\|^recipe')" = 0
check "the release is recorded" grep -q "name: nano-2024-03" releases/2024-03/release.yaml
check "the requester is asked for what is missing" grep -q 'wang-heng' replies/2024-03/1-4003.needs_information.md
check "and asked what the reviewer wants to know" grep -q '日期有几种写法' replies/2024-03/1-4003.needs_information.md
check "the others hear of the release" grep -q '98\|96\|100' replies/2024-03/1-4001.released.md

# Every file is the same to PyYAML as to us: a request's own fields, and the keys of the others.
/usr/bin/python3 -c 'import yaml' 2>/dev/null && for file in requests/2024-03/*.yaml; do
    run "$COTRAIN" issues show --json "$(grep -o '@[0-9]*' "$file" | head -1 | tr -d @)"
    check "$file is the same to PyYAML" /usr/bin/python3 - "$file" "$scratch/out" <<'EOF_PYTHON'
import json, sys, yaml
ours, theirs = json.load(open(sys.argv[2], encoding="utf-8")), yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
different = [key for key in theirs if ours.get(key) != theirs[key]]
assert not different and len(theirs) > 10, different
EOF_PYTHON
done
/usr/bin/python3 -c 'import yaml' 2>/dev/null && check "all files are YAML to others" /usr/bin/python3 - <<'EOF_PYTHON'
import subprocess, yaml
for path in subprocess.run(["git", "ls-files", "*.yaml", "*.yml"], capture_output=True, text=True).stdout.split():
    with open(path, encoding="utf-8") as f:
        assert isinstance(yaml.safe_load(f), dict), path
EOF_PYTHON
finish
