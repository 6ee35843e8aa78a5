#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Review at a terminal and by hand: each decision is a commit at once, refused ones are told and asked again, and two
# people who decide at the same time end in an ordinary merge.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/programme.sh"
cd "$scratch" || exit 1
review() { # review DIR ANSWERS [OPTION...]: types the answers, a line each
    local dir=$1 answers=$2
    shift 2
    last="issues review of $dir"
    printf '%b' "$answers" | "$COTRAIN" issues review --program "$dir" --today 2024-03-07 "$@" \
        >"$scratch/out" 2>"$scratch/err"
    rc=$?
}

new_program p
pull_sample p
n_commits() { git -C p rev-list --count HEAD; }
before=$(n_commits)

# The walk: one accepted, one refused for want of an example and then asked, one left when the input ends.
review p 'a\ns\na\nn\nWelche Form hat das Datum?\n'
expect_rc 0
expect_out "[a]ccept  [r]eject  [n]eeds info  [m]erge  [e]dit  [s]kip  [q]uit"
expect_out "there is no example to train from"
expect_out "2 decided, 1 undecided"
check "two decisions, two commits" test "$(n_commits)" = $((before + 2))
clean_tree "all is committed" p
check "who, when and why stand in the file" grep -q 'reason: "Welche Form hat das Datum?"' p/requests/2024-03/1-4003.yaml
check "and in the commit" test "$(git -C p log -1 --format='%an %as %s')" = "keeper 2024-03-07 review: needs-info 1-4003"

# A reason is needed, and an answer that is none is asked again.
review p 'x\n\nr\n\nr\n没有足够的数据\n'
expect_rc 0
expect_out "rejecting needs a reason"
check "rejected" grep -q 'state: rejected' p/requests/2024-03/1-4002.yaml

# Merging, by number, whatever was decided before.
review p 'm\n4001\n' 4003
expect_rc 0
check "merged into the other" grep -q 'into: "sample/requests#1@4001"' p/requests/2024-03/1-4003.yaml
check "the history stays" test "$(grep -c '  - state:' p/requests/2024-03/1-4003.yaml)" = 2
review p 'm\n4003\nq\n' 4001
expect_out "is itself merged into"

# The editor: a field is changed; a fault that it leaves is told with its line, and the file stays.
cat >editor <<'EOF_EDITOR'
#!/bin/sh
sed -i "s/^scenario: .*/$(cat "$(dirname "$0")/line")/" "$2"
EOF_EDITOR
chmod +x editor
echo 'scenario: "help desk"' >line
EDITOR="$scratch/editor --flag" review p 'e\nq\n' 4001
expect_rc 0
expect_out "scenario     help desk"
check "what the editor changed is committed" git -C p diff --quiet HEAD
echo 'scenarioo: "help desk"' >line
EDITOR="$scratch/editor --flag" review p 'e\nq\n' 4001
expect_rc 1
expect_out "unknown key 'scenarioo'"
expect_out "did you mean 'scenario'?"
git -C p checkout -q requests
EDITOR=/nowhere/editor review p 'e\n' 4001
expect_rc 1
expect_one_error "editor '/nowhere/editor'"

# By hand: an edit is checked, then committed as the reviewer's.
sed -i 's/^scenario: .*/scenario: service desk/' p/requests/2024-03/1-4001.yaml
review p '' --by ann
expect_rc 0
check "the edit is ann's" test "$(git -C p log -1 --format='%an: %s')" = "ann: review: 1 request file edited"
sed -i '/^examples:/,/^[a-z]*:/{/^examples:/d;/^  /d}' p/requests/2024-03/1-4001.yaml
review p '' --by ann
expect_rc 3
expect_one_error "no example to train from"
git -C p checkout -q requests

# A file of decisions: its faults have their places.
cat >bad.yaml <<'EOF_BAD'
cotrain: 1
decisions:
  - id: "sample/requests#1@4001"
    decision: acept
EOF_BAD
run "$COTRAIN" issues review --program p --decisions bad.yaml
expect_rc 1
expect_one_error "bad.yaml:4:15"
sed -i 's/acept/accept/; s/4001/9999/' bad.yaml
run "$COTRAIN" issues review --program p --decisions bad.yaml
expect_one_error "'by' does not say who decided"
printf 'by: ann\ndate: 2024-03-09\n' >>bad.yaml
run "$COTRAIN" issues review --program p --decisions bad.yaml
expect_one_error "no request 'sample/requests#1@9999' here"

# Nobody is known: --by is asked for.
git config --global --unset user.name
review p 'q\n'
expect_rc 2
expect_one_error "nobody says who decides"
git config --global user.name keeper

# Two people at once: both decisions stand after an ordinary merge.
new_program both
pull_sample both
git clone -q both other
review both 'a\nq\n'
review other 's\na\nq\n' --by ann
git -C both pull -q --no-rebase --no-edit ../other 2>"$scratch/err"
rc=$?
last="git pull"
expect_rc 0
run "$COTRAIN" issues list --program both --state accepted
expect_out "1-4001"
expect_out "1-4002"

# In the middle of a conflict nothing is touched.
sed -i 's/^scenario: .*/scenario: mine/' both/requests/2024-03/1-4003.yaml
git -C both commit -qam mine
git -C other pull -q --no-rebase --no-edit ../both 2>/dev/null
git -C other checkout -q -b side HEAD~1
sed -i 's/^scenario: .*/scenario: theirs/' other/requests/2024-03/1-4003.yaml
git -C other commit -qam theirs
git -C both pull -q --no-rebase --no-edit ../other side >/dev/null 2>&1
run "$COTRAIN" issues list --program both
expect_rc 1
expect_one_error "a merge or rebase is under way"
finish
