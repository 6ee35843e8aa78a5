#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pushing a release to a git repository with LFS, a bare one on this machine, judged by git, git-lfs,
# ssh-keygen and sha256sum in a fresh clone. Objects that are damaged or missing over there and pushes that
# are killed at any step are mended by the same command; what must not be pushed is refused before anything
# is asked.
. "$(dirname "$0")/lib.sh"
git lfs version >/dev/null 2>&1 || skip "no git-lfs"
export HOME=$scratch/home GIT_CONFIG_NOSYSTEM=1
unset GIT_CONFIG_GLOBAL COTRAIN_GIT_TOKEN
export LSAN_OPTIONS=suppressions=$SOURCE_DIR/tests/libgit2.supp:print_suppressions=0
mkdir "$HOME" && git config --global init.defaultBranch main && git lfs install --skip-repo >/dev/null || exit 1
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
umask 077
ssh-keygen -q -t ed25519 -N '' -C keeper -f "$scratch/key" || exit 1
printf 'keeper@example.org %s\n' "$(cat "$scratch/key.pub")" >"$scratch/signers"
there=$scratch/there.git
release=$scratch/work/release/Tiny
state=$release.push/state.json
targets() { # targets NAME YAML: a recipe NAME.yaml with these targets
    printf 'inherit: lora.yaml\nrelease:\n  targets: [%s]\n' "$2" >"$scratch/month/$1.yaml"
}
git_target() { # git_target URL [MORE]
    printf '{type: git, url: "%s", author: "Keeper <keeper@example.org>"%s}' "$1" "${2:+, $2}"
}
new_there() {
    rm -rf "$there" "$release.push"
    git init -q --bare "$there"
}
clone() { # a fresh clone of the tag in $scratch/clone, held against what was packed
    rm -rf "$scratch/clone"
    check "a clone" git clone -q --branch "${1:-v2024.03}" "$there" "$scratch/clone"
    check "git-lfs finds nothing wrong" git -C "$scratch/clone" lfs fsck
    check "git finds nothing wrong" git -C "$scratch/clone" fsck --strict
    check "sha256sum agrees" sh -c "cd '$scratch/clone' && sha256sum --quiet -c SHA256SUMS"
}
state_of() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["targets"]["git"][sys.argv[2]])' "$state" "$1"
}
object_path() { # object_path FILE: where its LFS object lies over there
    oid=$(sha256sum <"$release/$1" | cut -d' ' -f1)
    echo "$there/lfs/objects/${oid:0:2}/${oid:2:2}/$oid"
}

targets push "$(git_target "$there")"
run "$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/work"
expect_rc 0
git init -q --bare "$there"

# ---- dry run: every request, and none made; an unsigned release is called so ----
run "$COTRAIN" release push "$release" --dry-run
expect_rc 0
expect_out "(UNSIGNED)"
expect_out "git lfs push $there model.safetensors ($(stat -c %s "$release/model.safetensors") bytes)"
expect_out "git push $there refs/tags/v2024.03"
expect_err "is unsigned, and its commits will say so"
check "nothing was made" sh -c "! test -e '$release.push' && test -z \"\$(git -C '$there' for-each-ref)\""
run "$COTRAIN" release push "$release"
expect_rc 0
check "the commit says unsigned" sh -c "git -C '$there' log -1 --format=%B | grep -q '^UNSIGNED: nobody vouches'"

# ---- signed: release, commit and tag ----
run "$COTRAIN" release sign "$release" --ssh-key "$scratch/key"
new_there
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
expect_rc 0
expect_no_err "unsigned"
expect_out "git: verified, commit $(git -C "$there" rev-parse main), tag v2024.03, $there"
clone
git config --global gpg.ssh.allowedSignersFile "$scratch/signers"
check "the commit is signed" git -C "$scratch/clone" verify-commit HEAD
check "the tag is signed" git -C "$scratch/clone" verify-tag v2024.03
run "$COTRAIN" release verify "$scratch/clone" --signers "$scratch/signers"
expect_rc 0
run git -C "$scratch/clone" log -1 --format='%an <%ae> %ad %cd'
expect_out "Keeper <keeper@example.org> Fri Mar 1 12:00:00 2024 +0800 Fri Mar 1 12:00:00 2024 +0800"
git -C "$scratch/clone" lfs ls-files -n | sort >"$scratch/large"
(cd "$release" && find . -type f \( -name '*.safetensors' -o -name '*.gguf' -o -name '*.model' -o -size +1048575c \)) |
    sed 's|^\./||' | sort >"$scratch/wanted"
expect_same "$scratch/wanted" "$scratch/large"
git -C "$there" cat-file blob main:model.safetensors >"$scratch/pointer"
check "a strict pointer" git lfs pointer --check --strict --file "$scratch/pointer"
check "no object lies here any more" sh -c "test -z \"\$(find '$release.push/git/git/lfs' -type f)\""

# ---- again: nothing changes; elsewhere: the same ids ----
git -C "$there" for-each-ref >"$scratch/refs"
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key" --json
expect_rc 0
check "JSON says verified" grep -q '"state": "verified"' "$scratch/out"
check "from within, too" sh -c "cd '$release' && '$COTRAIN' release push . --ssh-key '$scratch/key'"
check "nothing of a push is in the release" sh -c "! ls -A '$release' | grep push"
git -C "$there" for-each-ref | cmp -s - "$scratch/refs" && passed || failed "the same refs wanted"
new_there
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
git -C "$there" for-each-ref | cmp -s - "$scratch/refs" && passed || failed "the same ids wanted elsewhere"

# ---- damaged and missing objects over there ----
weights=$(object_path model.safetensors)
chmod u+w "$weights"
printf x | dd of="$weights" bs=1 seek=5000 conv=notrunc status=none
rm "$(object_path tokenizer.model)"
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
expect_rc 0
clone
check "the damaged one was moved aside, not deleted" test -f "$there/lfs/bad/$(basename "$weights")"
check "and the record says verified" test "$(state_of state)" = verified

# ---- killed at every kind of step: the same command mends it ----
killed=0
for point in 1 20 40 53 58 60 62 64 66 68; do # the last steps are the shortest
    new_there
    COTRAIN_FAULT=io-kill:$point run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
    [ "$rc" = 137 ] || break
    killed=$((killed + 1))
    run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
    expect_rc 0
    git -C "$there" for-each-ref | cmp -s - "$scratch/refs" && passed || failed "the same ids wanted after a kill at $point"
done
check "many were killed" test "$killed" -ge 6
clone

new_there
mkdir -p "$release.push/git" && git init -q --bare "$release.push/git/git" && touch "$release.push/git/git/config.lock"
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
expect_rc 0 # a lock file of one that was killed is in nobody's way

# ---- a full disk ----
for point in 2 30; do
    new_there
    COTRAIN_FAULT=io:$point run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
    expect_rc 1
    expect_one_error "target 'git': "
    expect_err "No space left on device"
done
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key"
expect_rc 0

# ---- what is there stays there ----
run "$COTRAIN" run "$scratch/month/push.yaml" --work "$scratch/other" --set 'release.summary=Another.'
other=$scratch/other/release/Tiny
"$COTRAIN" release sign "$other" --ssh-key "$scratch/key" >"$scratch/out"
run "$COTRAIN" release push "$other"
expect_rc 1
expect_one_error "has a tag 'v2024.03' that is not of this release"
targets again "$(git_target "$there" 'tag: v2024.03.1')"
run "$COTRAIN" release push "$other" --recipe "$scratch/month/again.yaml"
expect_rc 0
check "the new commit stands on the old one" sh -c "test \"\$(git -C '$there' rev-parse main^)\" = \
    \"\$(git -C '$there' rev-parse 'v2024.03^{commit}')\""
clone v2024.03.1
git -C "$scratch/clone" switch -q main && echo mine >"$scratch/clone/notes.txt" && git -C "$scratch/clone" add notes.txt &&
    git -C "$scratch/clone" -c user.name=a -c user.email=b commit -q -m notes && git -C "$scratch/clone" push -q origin main
run "$COTRAIN" release push "$other" --recipe "$scratch/month/again.yaml"
expect_rc 1
expect_one_error "has a file 'notes.txt' that is not of this release"
expect_err "nothing over there is ever deleted"

# ---- several targets: one that fails is in no other's way, and each is told of ----
new_there
printf 'SECRETsecret\n' >"$scratch/token" && chmod 644 "$scratch/token"
targets fan "$(git_target "$scratch/nowhere.git" 'name: nowhere'), $(git_target "$there"),
    $(git_target "https://me:word@example.org/a/b.git" 'name: word')"
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key" --recipe "$scratch/month/fan.yaml"
expect_rc 1
expect_one_error "target 'nowhere': asking '$scratch/nowhere.git'"
expect_out "nowhere: nothing, $scratch/nowhere.git"
expect_out "git: verified, commit $(git -C "$there" rev-parse main), tag v2024.03, $there"
expect_out "  failed: a URL with a user name or password in it"
expect_no_out "me:word"
run "$COTRAIN" release push "$release" --ssh-key "$scratch/key" --recipe "$scratch/month/fan.yaml" --json \
    --token-file "nowhere=$scratch/token"
expect_rc 1
expect_one_error "target 'nowhere': token file '$scratch/token' can be read or changed by others"
check "JSON tells of each" python3 - "$scratch/out" <<'PY'
import json, sys
nowhere, there, word = json.load(open(sys.argv[1]))["targets"]
assert nowhere["state"] == "nothing" and "by others" in nowhere["error"] and "chmod 600" in nowhere["hint"], nowhere
assert there["state"] == "verified" and "error" not in there, there
assert word["state"] == "nothing" and "password" in word["error"], word
PY

# ---- refused before anything is asked ----
expect_refused() { # expect_refused RC TEXT ARGS...
    code=$1 text=$2
    shift 2
    new_there
    run "$COTRAIN" release push "$@"
    expect_rc "$code"
    expect_one_error "$text"
    check "nothing was sent" sh -c "test -z \"\$(git -C '$there' for-each-ref)\" && ! test -e '$there/lfs/objects'"
}
cp -r "$release" "$scratch/bad"
printf x >>"$scratch/bad/golden.json"
expect_refused 3 "'golden.json' has been changed" "$scratch/bad"
rm "$scratch/bad/golden.json" && ln -s "$release/golden.json" "$scratch/bad/golden.json"
expect_refused 3 "'golden.json' is no regular file but a symbolic link" "$scratch/bad"
targets twice "$(git_target "$there"), $(git_target "$there")"
expect_refused 1 "two targets are called 'git'" "$release" --recipe "$scratch/month/twice.yaml"
targets same "$(git_target "$there"), $(git_target "$there" 'name: again')"
expect_refused 1 "targets 'git' and 'again' are the same place" "$release" --recipe "$scratch/month/same.yaml"
expect_refused 2 "the recipe has no target 'hub'" "$release" --target hub
expect_refused 2 "names no targets" "$release" --recipe "$scratch/month/lora.yaml"
targets nobody "{type: git, url: \"$there\"}"
expect_refused 1 "wants \`author\`" "$release" --recipe "$scratch/month/nobody.yaml"
targets author "{type: git, url: \"$there\", author: Keeper}"
expect_refused 1 "author 'Keeper' is not written as" "$release" --recipe "$scratch/month/author.yaml"
targets ssh "$(git_target git@example.org:a/b.git)"
expect_refused 1 "'git@example.org:a/b.git' is not pushed to" "$release" --recipe "$scratch/month/ssh.yaml"
targets plain "$(git_target http://example.org/a/b.git)"
expect_refused 1 "is not asked" "$release" --recipe "$scratch/month/plain.yaml"
targets word "$(git_target https://me:word@example.org/a/b.git)"
expect_refused 1 "user name or password in it" "$release" --recipe "$scratch/month/word.yaml"
expect_no_err "me:word"
targets nowhere "$(git_target "$scratch/nowhere.git")"
expect_refused 1 "asking '$scratch/nowhere.git'" "$release" --recipe "$scratch/month/nowhere.yaml"
targets tree "$(git_target "$scratch/clone")"
expect_refused 1 "is no bare repository" "$release" --recipe "$scratch/month/tree.yaml"
targets out "$(git_target "$there" 'name: ../out')"
expect_refused 1 "a target's name has letters" "$release" --recipe "$scratch/month/out.yaml"
targets kind "{type: gti, url: x}"
expect_refused 1 "gti" "$release" --recipe "$scratch/month/kind.yaml"
expect_refused 1 "can be read or changed by others" "$release" --token-file "git=$scratch/token"
expect_no_err SECRET
expect_refused 2 "--token-file wants TARGET=FILE" "$release" --token-file "$scratch/token"
expect_refused 1 "there is no key" "$release" --ssh-key "$scratch/nokey"
mkdir "$release.push"
exec 9>"$release.push/lock" && flock 9
run "$COTRAIN" release push "$release"
expect_rc 1
expect_one_error "another push of"
finish
