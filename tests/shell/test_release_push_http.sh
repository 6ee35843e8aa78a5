#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pushing a release to a git repository over HTTP: libgit2 and git-lfs both log in with the token, from its
# variable or a file, and it is nowhere else; every object is fetched back before the branch is pushed; one that
# is missing over there is sent again, and one that is damaged is named.
. "$(dirname "$0")/lib.sh"
git lfs version >/dev/null 2>&1 || skip "no git-lfs"
[ -x "$(git --exec-path)/git-http-backend" ] || skip "no git-http-backend"
export HOME=$scratch/home GIT_CONFIG_NOSYSTEM=1 NO_PROXY=127.0.0.1
unset GIT_CONFIG_GLOBAL COTRAIN_GIT_TOKEN
export LSAN_OPTIONS=suppressions=$SOURCE_DIR/tests/libgit2.supp:print_suppressions=0
mkdir "$HOME" "$scratch/root" && git lfs install --skip-repo >/dev/null || exit 1
token=git_SECRETsecret0123456789
there=$scratch/root/there.git
git init -q --bare "$there" && mkfifo "$scratch/stdin" && : >"$scratch/log"
"$SOURCE_DIR/tests/shell/git_server.py" "$scratch/root" "$token" "$scratch/log" <"$scratch/stdin" >"$scratch/port" &
exec 9>"$scratch/stdin"
until [ -s "$scratch/port" ]; do :; done
url=http://127.0.0.1:$(cat "$scratch/port")/there.git
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
cat >"$scratch/month/push.yaml" <<YAML
inherit: lora.yaml
release: {targets: [{type: git, url: "$url", author: "Keeper <keeper@example.org>"}]}
YAML
run "$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/work"
expect_rc 0
release=$scratch/work/release/Tiny
push() {
    run "$COTRAIN" release push "$release" "$@"
}
nothing_sent() {
    check "nothing was sent" sh -c "test -z \"\$(git -C '$there' for-each-ref)\" -a -z \"\$(ls '$scratch/root/store')\""
}

# ---- who may ----
push
expect_rc 1
expect_err "asking '$url': it wants a token, and none is set"
COTRAIN_GIT_TOKEN=git_other push
expect_rc 1
expect_err "asking '$url': the token is not accepted"
expect_err "hint: set COTRAIN_GIT_TOKEN to one that may write there"
nothing_sent

# ---- pushed ----
export COTRAIN_GIT_TOKEN=$token COTRAIN_LOG=remote:debug,release:debug
push
unset COTRAIN_LOG
expect_rc 0
expect_out "git: verified, commit $(git -C "$there" rev-parse main), tag v2024.03, $url"
check "the token is in nothing that was said or kept" sh -c \
    "! grep -rqF '$token' '$scratch/out' '$scratch/err' '$release.push' '$HOME'"
check "objects came, and were fetched back, before the branch" python3 - "$scratch/log" <<'PY'
import sys
lines = [line.split() for line in open(sys.argv[1])]
branch = next(i for i, (method, path, status) in enumerate(lines) if path.endswith("git-receive-pack") and method == "POST")
puts = [path for method, path, status in lines[:branch] if method == "PUT"]
gets = [path for method, path, status in lines[:branch] if method == "GET" and path.startswith("/store/")]
assert len(puts) >= 3 and sorted(puts) == sorted(gets), lines
PY
check "a clone" git -c credential.helper= \
    -c "credential.helper=!f() { echo username=oauth2; echo password=$token; }; f" clone -q --branch main "$url" "$scratch/clone"
check "sha256sum agrees" sh -c "cd '$scratch/clone' && sha256sum --quiet -c SHA256SUMS"
git -C "$there" for-each-ref >"$scratch/refs"

# ---- missing, and damaged ----
weights=$scratch/root/store/$(sha256sum <"$release/model.safetensors" | cut -d' ' -f1)
rm "$weights"
push
expect_rc 0
check "it was sent again" test -f "$weights"
printf x | dd of="$weights" bs=1 seek=5000 conv=notrunc status=none
push
expect_rc 1
expect_err "'model.safetensors': git lfs fetch from 'target': expected OID "
rm "$weights"

# ---- the token in a file, whatever its name ----
unset COTRAIN_GIT_TOKEN
mkdir "$scratch/it's here" && (umask 077 && echo "$token" >"$scratch/it's here/token")
push --token-file "git=$scratch/it's here/token"
expect_rc 0
git -C "$there" for-each-ref | cmp -s - "$scratch/refs" && passed || failed "the same refs wanted"

# ---- a repository that has moved: the host it moved to is told nothing ----
mkdir "$scratch/other" && mkfifo "$scratch/stdin2" && : >"$scratch/log2"
"$SOURCE_DIR/tests/shell/git_server.py" "$scratch/other" other "$scratch/log2" <"$scratch/stdin2" >"$scratch/port2" &
exec 8>"$scratch/stdin2"
until [ -s "$scratch/port2" ]; do :; done
echo "http://127.0.0.1:$(cat "$scratch/port2")" >"$scratch/root/elsewhere"
sed "s/there.git/moved.git/" "$scratch/month/push.yaml" >"$scratch/month/moved.yaml"
COTRAIN_GIT_TOKEN=$token push --recipe "$scratch/month/moved.yaml"
expect_rc 1
expect_err "asking '${url%there.git}moved.git': it has moved"
check "the other host was not asked" test ! -s "$scratch/log2"

# ---- a store on another host that wants a log-in: git-lfs would ask it for ever ----
export COTRAIN_GIT_TOKEN=$token
other=$(cat "$scratch/root/elsewhere") && touch "$scratch/other/closed" && git config --global lfs.transfer.maxretries 1
for known in true false; do # whether the server says that no log-in is needed there
    echo "{\"address\": \"$other\", \"authenticated\": $known}" >"$scratch/root/store_at"
    rm -f "$scratch/root/store"/* && : >"$scratch/log2"
    push
    expect_rc 1
    check "the other host was told no token, and asked a few times" python3 - "$scratch/log2" <<'PY'
import sys
lines = [line.split() for line in open(sys.argv[1])]
assert lines and {status for method, path, status in lines} == {"401"} and len(lines) < 5000, len(lines)
PY
    case $known in
    true) expect_err "git lfs push to 'target': refused over and over (status 401): PUT $other/store/" ;;
    false) expect_err "git lfs push to 'target': fatal: could not read Username for '$other'" ;;
    esac
    expect_err "hint: the LFS server points to a store that wants a log-in of its own"
done

# ---- a store that takes everything and answers nothing ----
echo "{\"address\": \"$other\", \"authenticated\": true}" >"$scratch/root/store_at"
touch "$scratch/other/silent"
COTRAIN_STALL_S=1 push
expect_rc 1
expect_err "git lfs push to 'target': not a byte moved for 1.0 s"
expect_err "run it again"
: >"$scratch/log2"
"$COTRAIN" release push "$release" >"$scratch/out" 2>"$scratch/err" &
until grep -q silent "$scratch/log2"; do :; done
git_lfs="find /proc -maxdepth 2 -name cwd -lname '$release.push/*' 2>/dev/null | grep -q ." # one runs in there
check "git-lfs runs" sh -c "$git_lfs"
kill -TERM $!
wait $!
rc=$?
expect_rc 75
expect_err "asked to stop during git lfs push to 'target'"
check "git-lfs has ended, too" sh -c "! $git_lfs"
COTRAIN_STALL_S=soon push
expect_err "COTRAIN_STALL_S: 'soon' is no number of seconds"
exec 8>&- 9>&-
wait
finish
