#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Signing a release: by ssh-keygen, by a P-256 key as OpenSSF model signature and as in-toto provenance;
# each judged by the tools that everybody has (sha256sum, ssh-keygen, openssl, a JSON-schema validator) and
# by `release verify`; wrong keys, each with a clear word and nothing written; and that a release's hash is
# the same signed or not.
. "$(dirname "$0")/lib.sh"
"$SOURCE_DIR/tests/shell/tiny_month.py" "$scratch/month" || exit 1
recipe=$scratch/month/lora.yaml
work=$scratch/work
release=$work/release/Tiny
keys=$scratch/keys
mkdir -m 700 "$keys"
umask 077
p256_key() { # p256_key NAME: a key pair NAME.pem, NAME.pub
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$keys/$1.pem" 2>/dev/null &&
        openssl pkey -in "$keys/$1.pem" -pubout -out "$keys/$1.pub"
}
p256_key keeper && p256_key other || exit 1
ssh-keygen -q -t ed25519 -N '' -C keeper -f "$keys/ssh" && ssh-keygen -q -t ecdsa -N '' -f "$keys/ssh2" || exit 1
printf 'keeper@example.org %s\n' "$(cat "$keys/ssh.pub")" >"$keys/signers"
printf 'other@example.org %s\n' "$(cat "$keys/ssh2.pub")" >"$keys/other-signers"
hash_of() {
    sed -n 's/^release //p' "$1/RELEASE"
}

# ---- unsigned, and said everywhere ----
run "$COTRAIN" run "$recipe" --work "$work"
expect_rc 0
expect_out "signed:  no: it is unsigned"
hash=$(hash_of "$release")
run "$COTRAIN" run "$recipe" --work "$work" --json
check "the chain's JSON says unsigned" python3 -c '
import json, sys
assert json.load(open(sys.argv[1]))["signed"] == "unsigned"' "$scratch/out"
run "$COTRAIN" release pack "$recipe" --work "$work" --out "$scratch/packed" --json
check "packing says unsigned" grep -q '"signed": "unsigned"' "$scratch/out"
check "so does the card" grep -qF 'a release without these files is unsigned' "$release/README.md"
run "$COTRAIN" release verify "$release"
expect_rc 0
expect_out "not proved  who made it: it is unsigned"
run "$COTRAIN" release verify "$release" --json
check "so does verify's JSON" grep -q '"signed": "unsigned"' "$scratch/out"
run "$COTRAIN" release verify "$release" --signers "$keys/signers"
expect_rc 3
expect_one_error "it is unsigned: there is no 'SHA256SUMS.sig'"
run "$COTRAIN" release verify "$release" --key "$keys/keeper.pub"
expect_rc 3
expect_one_error "it is unsigned: there is no 'model.sig'"
run "$COTRAIN" release sign "$release"
expect_rc 2
expect_one_error "no key is named"

# ---- signed ----
cp -r "$release" "$scratch/unsigned"
run "$COTRAIN" release sign "$release" --ssh-key "$keys/ssh" --key "$keys/keeper.pem"
expect_rc 0
expect_out "hash:    $hash"
expect_out "signed:  SHA256SUMS.sig, model.sig, provenance.intoto.jsonl"
check "no other file was touched" diff -r -x '*.sig' -x provenance.intoto.jsonl "$scratch/unsigned" "$release"
check "no key in the release" sh -c "! grep -rqE 'PRIVATE KEY' '$release'"
check "sha256sum agrees" sh -c "cd '$release' && sha256sum --quiet -c SHA256SUMS"
check "ssh-keygen agrees" sh -c "ssh-keygen -Y verify -f '$keys/signers' -I keeper@example.org -n file \
    -s '$release/SHA256SUMS.sig' <'$release/SHA256SUMS'"
check "statements and envelopes against the public specifications" \
    "$SOURCE_DIR/tests/shell/schemas.py" "$SOURCE_DIR/docs/schemas" "$release" "$scratch"
for what in model provenance; do
    check "openssl agrees over the PAE of the $what" openssl dgst -sha256 -verify "$keys/keeper.pub" \
        -signature "$scratch/$what.der" "$scratch/$what.pae"
    check "and not with another key" sh -c "! openssl dgst -sha256 -verify '$keys/other.pub' \
        -signature '$scratch/$what.der' '$scratch/$what.pae'"
done
run "$COTRAIN" release verify "$release" --signers "$keys/signers" --key "$keys/keeper.pub" --hash "$hash" --golden
expect_rc 0
expect_out "proved      SHA256SUMS is signed by keeper@example.org, ED25519 key SHA256:"
expect_out "proved      the model is signed by the P-256 key $(sha256sum <"$keys/keeper.pub" | cut -d' ' -f1)"
expect_out "proved      the provenance is signed by the P-256 key"
expect_out "the model answers to the bit"
expect_out "not proved  that this recipe gives these weights"
check "one screen" test "$(wc -l <"$scratch/out")" -le 24
run "$COTRAIN" release verify "$release"
expect_rc 0
expect_out "not proved  who signed SHA256SUMS: ED25519 key SHA256:"
expect_out "not proved  that the model is signed by the P-256 key"
run "$COTRAIN" release verify "$release" --key "$keys/keeper.pub" --json
check "verify's JSON names who is trusted, and what is open" python3 - "$scratch/out" <<'PY'
import json, sys
result = json.load(open(sys.argv[1]))
proved = {f["check"]: f["proved"] for f in result["findings"]}
assert result["signed"] == "trusted" and proved["model.sig"] and proved["provenance.intoto.jsonl"]
assert not proved["SHA256SUMS.sig"] and not proved["reproduction"] and not proved["golden"]
PY
run "$COTRAIN" release verify "$release" --signers "$keys/nowhere"
expect_rc 1
expect_one_error "there is no file '$keys/nowhere'"
run "$COTRAIN" release verify "$release" --key "$keys/keeper.pem"
expect_rc 1
expect_one_error "its public half is wanted"
run "$COTRAIN" release verify "$release" --key "$keys/signers"
expect_rc 1
expect_one_error "is no PEM file with a public key"

# ---- a clone of the release has what git adds ----
cp -r "$release" "$scratch/clone"
mkdir "$scratch/clone/.git" && echo '*.safetensors filter=lfs' >"$scratch/clone/.gitattributes"
run "$COTRAIN" release verify "$scratch/clone" --signers "$keys/signers" --key "$keys/keeper.pub"
expect_rc 0
expect_out "not proved  .gitattributes is not the release's"

# ---- packing the same again keeps the signatures; packing something else drops them ----
rm "$work/stages/pack.json"
run "$COTRAIN" run "$recipe" --work "$work"
expect_rc 0
expect_out "signed:  SHA256SUMS.sig, model.sig, provenance.intoto.jsonl"
run "$COTRAIN" release verify "$release" --signers "$keys/signers" --key "$keys/keeper.pub"
expect_rc 0
run "$COTRAIN" run "$recipe" --work "$work" --set 'release.summary=Another month.'
expect_rc 0
expect_out "signed:  no: it is unsigned"

# ---- by the recipe ----
cat >"$scratch/month/signed.yaml" <<YAML
inherit: lora.yaml
release: {sign: {ssh_key: ../keys/ssh, p256_key: ../keys/keeper.pem}}
YAML
run "$COTRAIN" run "$scratch/month/signed.yaml" --work "$work"
expect_rc 0
expect_out "signed:  SHA256SUMS.sig, model.sig, provenance.intoto.jsonl"
check "signed or not, it is the same release" test "$(hash_of "$release")" = "$hash"
check "the recipe in it names no key" sh -c "! grep -qE 'sign|keys/' '$release/provenance/recipe.yaml'"
run "$COTRAIN" release verify "$release" --signers "$keys/signers" --key "$keys/keeper.pub"
expect_rc 0
chmod 644 "$keys/keeper.pem"
run "$COTRAIN" run "$scratch/month/signed.yaml" --work "$scratch/early"
expect_rc 1
expect_one_error "is open to others (mode 644)"
check "a key that will not do is found before anything is made" test ! -e "$scratch/early/data"
chmod 600 "$keys/keeper.pem"
# A passphrase has nobody who would be there to type it; a .pub may have its private half beside it.
ssh-keygen -q -t ed25519 -N secret -f "$keys/guarded" </dev/null
for how in "recipe check" plan "run --work $scratch/early"; do
    # shellcheck disable=SC2086
    run "$COTRAIN" ${how%% --*} "$scratch/month/lora.yaml" ${how#"${how%% --*}"} --set release.sign.ssh_key="$keys/guarded"
    expect_rc 1
    expect_one_error "key '$keys/guarded' cannot sign by itself: ssh-keygen: "
    expect_err "goes into an agent (ssh-add): name its .pub"
done
chmod 644 "$keys/ssh"
run "$COTRAIN" release sign "$release" --ssh-key "$keys/ssh.pub"
expect_rc 1
expect_one_error "key '$keys/ssh' is open to others (mode 644)"
chmod 600 "$keys/ssh"

# ---- keys that will not do: a clear word, and nothing written ----
openssl genpkey -algorithm ed25519 -out "$keys/ed.pem" && openssl ecparam -genkey -name secp384r1 -noout -out "$keys/p384.pem"
openssl pkey -in "$keys/keeper.pem" -aes256 -passout pass:secret-word -out "$keys/locked.pem"
ssh-keygen -q -t ed25519 -N 'secret-word' -f "$keys/locked" || exit 1
cp "$keys/ssh" "$keys/open" && chmod 644 "$keys/open"
cp "$keys/keeper.pem" "$keys/open.pem" && chmod 640 "$keys/open.pem"
mkdir "$keys/folder"
head -c 200 "$keys/ssh" >"$keys/short"
echo hello >"$keys/text.pem"
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
expect_no_key() { # expect_no_key RC OPTION FILE TEXT: signing is refused, and the folder is as it was
    find "$release" -type f -exec sha256sum {} + | sort >"$scratch/was"
    run setsid -w "$COTRAIN" release sign "$release" "$2" "$3"
    expect_rc "$1"
    expect_one_error "$4"
    expect_no_err "BEGIN"
    expect_no_err "$(sed -n 2p "$keys/ssh")"
    expect_no_err "secret-word"
    find "$release" -type f -exec sha256sum {} + | sort >"$scratch/is"
    expect_same "$scratch/was" "$scratch/is"
}
expect_no_key 1 --key "$keys/nowhere.pem" "No such file"
expect_no_key 1 --key "$keys/folder" "is no regular file"
expect_no_key 1 --key "$keys/open.pem" "is open to others (mode 640)"
expect_no_key 1 --key "$keys/ed.pem" "'ED25519'; a P-256 key is wanted"
expect_no_key 1 --key "$keys/p384.pem" "'secp384r1'; a P-256 key is wanted"
expect_no_key 1 --key "$keys/keeper.pub" "is a public key; a P-256 key is wanted"
expect_no_key 1 --key "$keys/ssh" "is an OpenSSH key; a P-256 key is wanted"
expect_no_key 1 --key "$keys/locked.pem" "is encrypted"
expect_no_key 1 --key "$keys/text.pem" "is no PEM file with a private key"
expect_no_key 1 --ssh-key "$keys/nowhere" "there is no key"
expect_no_key 1 --ssh-key "$keys/folder" "is no regular file"
expect_no_key 1 --ssh-key "$keys/open" "is open to others (mode 644)"
expect_no_key 1 --ssh-key "$keys/short" "cannot sign"
expect_no_key 1 --ssh-key "$keys/locked" "cannot sign: ssh-keygen: "
expect_no_key 1 --ssh-key "$keys/locked.pub" "cannot sign: ssh-keygen: "

# ---- an agent's key, by its public half ----
if eval "$(ssh-agent -s 2>/dev/null)" >/dev/null 2>&1 && ssh-add -q "$keys/ssh" 2>/dev/null; then
    mkdir "$keys/agent" && cp "$keys/ssh.pub" "$keys/agent/key.pub"
    rm "$release/SHA256SUMS.sig"
    run "$COTRAIN" release sign "$release" --ssh-key "$keys/agent/key.pub"
    expect_rc 0
    run "$COTRAIN" release verify "$release" --signers "$keys/signers"
    expect_rc 0
    kill "$SSH_AGENT_PID"
fi

# ---- a broken release is not signed ----
cp -r "$scratch/unsigned" "$scratch/broken"
printf x >>"$scratch/broken/config.json"
run "$COTRAIN" release sign "$scratch/broken" --key "$keys/keeper.pem"
expect_rc 3
expect_one_error "'config.json' has been changed"
check "nothing was written" test ! -e "$scratch/broken/model.sig"
# ---- ssh-keygen's own rules hold: a signer for other namespaces is none ----
printf 'keeper@example.org namespaces="git" %s\n' "$(cat "$keys/ssh.pub")" >"$keys/git-signers"
run "$COTRAIN" release verify "$release" --signers "$keys/git-signers"
expect_rc 3
expect_one_error "'SHA256SUMS.sig'"
finish
