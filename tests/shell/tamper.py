#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that somebody may do to a release, one row each: a name, what is done to the folder, and the
words with which `release verify` refuses it. `redone` rows do all sums and digests again, as a forger
would who knows how a release is made and lacks only the keys.

tamper.py list                      names of the rows, each with what verify is to be called with:
                                    plain, signed (both keys are given) or golden (--golden)
tamper.py do NAME RELEASE OUTSIDE   does it; OUTSIDE is a folder with files beside the release. Exit code
                                    77: this machine does not let one do it
tamper.py says NAME                 the words
tamper.py redo RELEASE              does all sums and digests again, and nothing else
"""
import base64
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys

ROWS = {}
SEAL = ("RELEASE", "SHA256SUMS", "SHA256SUMS.sig", "model.sig", "provenance.intoto.jsonl")


def row(name, says, how="plain"):
    def add(act):
        assert name not in ROWS
        ROWS[name] = (how, says, act)
        return act
    return add


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Release:
    def __init__(self, folder, outside):
        self.dir, self.outside = folder, outside

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    def json(self, name):
        return json.loads(self.read(name))

    def write_json(self, name, value):
        self.write(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def edit_json(self, name, change):
        value = self.json(name)
        change(value)
        self.write_json(name, value)

    def names(self):
        return sorted(os.path.relpath(os.path.join(p, n), self.dir) for p, _, ns in os.walk(self.dir) for n in ns)

    def dir_hash(self, below, names):
        return sha("".join(f"{sha(self.read(below + n))}  {n}\n" for n in names).encode())

    def seal(self, sums=None):
        """SHA256SUMS and RELEASE once more; `sums` is the whole text of the first, where it is given."""
        if sums is None:
            sums = "".join(f"{sha(self.read(n))}  {n}\n" for n in self.names() if n not in SEAL)
        self.write("SHA256SUMS", sums)
        head = f"release {sha(self.read('manifest.json'))}\nsums {sha(self.read('SHA256SUMS'))}\n"
        self.write("RELEASE", head + f"check {sha(head.encode())}\n")

    def redo_without(self, name):
        self.edit_json("manifest.json",
                       lambda m: m.update(files=[f for f in m["files"] if f["path"] != name]))
        self.seal()

    def redo(self, manifest=None, statement=True):
        """Every digest of the manifest, the statement, the sums; `manifest` is a last change of it."""
        value = self.json("manifest.json")
        chain = value["chain"]
        chain["merged"] = self.dir_hash("", [n for n in ("config.json", "model.safetensors", "tokenizer.model")])
        if os.path.exists(self.path("adapter")):
            chain["adapter"] = self.dir_hash("adapter/", ["adapter_config.json", "adapter_model.safetensors"])
        for key, name in (("recipe", "recipe.yaml"), ("dataset", "data.json"), ("eval_before", "eval-before.json"),
                          ("eval_after", "eval-after.json")):
            chain[key] = sha(self.read("provenance/" + name))
        apart = value["apart"] + ["manifest.json"]
        value["files"] = [{"path": n, "bytes": len(self.read(n)), "sha256": sha(self.read(n))}
                          for n in self.names() if n not in SEAL and n not in apart]
        if manifest:
            manifest(value)
        self.write_json("manifest.json", value)
        if statement:
            redo_statement(self)
        self.seal()


def is_weights(name):
    return str(name).endswith((".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".gguf"))


def redo_statement(r):
    """The statement as the program writes it, for the manifest that lies there."""
    manifest = r.json("manifest.json")
    chain = manifest.get("chain")
    if not isinstance(chain, dict) or not isinstance(manifest.get("files"), list):
        return
    statement = r.json("provenance/statement.json")
    hashes = {f["path"]: f["sha256"] for f in manifest["files"]}
    hashes["manifest.json"] = sha(r.read("manifest.json"))
    hashes["chain of step records"] = chain["training"]
    folders = {"adapter/": chain["adapter"], "./": chain["merged"], "base/": chain["base"]}
    build, run = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    statement["subject"] = [one for one in statement["subject"] if one["annotations"]["role"] != "weights"] + [
        {"name": name, "digest": {}, "annotations": {"role": "weights"}} for name in hashes if is_weights(name)]
    for one in statement["subject"] + build["resolvedDependencies"] + run["byproducts"]:
        if one["name"] in hashes:
            one["digest"] = {"sha256": hashes[one["name"]]}
        if one["name"] in folders:
            one["digest"] = {"dirHash": folders[one["name"]]}
    build["externalParameters"]["recipe"]["digest"] = {"sha256": chain["recipe"]}
    r.write_json("provenance/statement.json", statement)


# ---- the folder ----
@row("file-missing", "'config.json' is missing")
def _(r): os.remove(r.path("config.json"))
@row("folder-missing", "'adapter/adapter_config.json' is missing")
def _(r): shutil.rmtree(r.path("adapter"))
@row("folder-emptied", "'adapter/adapter_config.json' is missing")
def _(r): shutil.rmtree(r.path("adapter")), os.mkdir(r.path("adapter"))
@row("manifest-missing", "'manifest.json' is missing")
def _(r): os.remove(r.path("manifest.json"))
@row("sums-missing", "'SHA256SUMS' is missing")
def _(r): os.remove(r.path("SHA256SUMS"))
@row("release-missing", "'RELEASE' is missing")
def _(r): os.remove(r.path("RELEASE"))
@row("file-extra", "'notes.txt' does not belong to the release")
def _(r): r.write("notes.txt", "x")
@row("file-extra-hidden", "'.config' does not belong to the release")
def _(r): r.write(".config", "x")
@row("file-extra-below", "'adapter/more.bin' does not belong to the release")
def _(r): r.write("adapter/more.bin", "x")
@row("folder-extra", "'more' does not belong to the release")
def _(r): os.mkdir(r.path("more"))
@row("git-below", "'adapter/.git/config' does not belong to the release")
def _(r): os.mkdir(r.path("adapter/.git")), r.write("adapter/.git/config", "x")
@row("file-as-folder", "'config.json/x' does not belong to the release")
def _(r): os.remove(r.path("config.json")), os.mkdir(r.path("config.json")), r.write("config.json/x", "x")
@row("files-swapped", "'config.json' has been changed")
def _(r):
    a, b = r.read("config.json"), r.read("generation_config.json")
    r.write("config.json", b), r.write("generation_config.json", a)
@row("weights-of-another-step", "'model.safetensors' has been changed")
def _(r): shutil.copy(os.path.join(r.outside, "other/model.safetensors"), r.path("model.safetensors"))
@row("byte-changed", "'model.safetensors' has been changed")
def _(r):
    data = bytearray(r.read("model.safetensors"))
    data[len(data) // 2] ^= 1
    r.write("model.safetensors", bytes(data))
@row("file-longer", "'logs/run.jsonl' has been changed")
def _(r): r.write("logs/run.jsonl", r.read("logs/run.jsonl") + b"\n")
@row("file-shorter", "'golden.json' has been changed")
def _(r): r.write("golden.json", r.read("golden.json")[:-1])
@row("release-line-more", "'RELEASE' has been changed")
def _(r): r.write("RELEASE", r.read("RELEASE") + b"ok\n")
@row("card-edited", "'README.md' has been changed")
def _(r): r.write("README.md", r.read("README.md").replace(b"# Tiny", b"# Tiny, the best"))


# ---- what its recipe was run with ----
@row("source-changed-redone", "'sources/1/copy.train.jsonl' is not the file that 'provenance/sources.json' lists")
def _(r): r.write("sources/1/copy.train.jsonl", r.read("sources/1/copy.train.jsonl") + b"\n"), r.redo()
@row("source-withheld-redone", "'sources/1/copy.train.jsonl' is not the file that 'provenance/sources.json' lists")
def _(r): r.edit_json("provenance/sources.json", lambda s: s["inputs"][0].update(withheld="no")), r.redo()
@row("source-up-redone", "path '1/../../x' leaves the folder")
def _(r):
    r.edit_json("provenance/sources.json", lambda s: s["inputs"][0]["files"][0].update(path="1/../../x"))
    r.redo()
@row("source-place-up-redone", "path '../x' leaves the folder")
def _(r): r.edit_json("provenance/sources.json", lambda s: s["inputs"][0].update(at="../x")), r.redo()
@row("source-of-another-redone", "'2/turn.train.jsonl' is not in the folder of its input, '1/'")
def _(r):
    def change(s): s["inputs"][0]["files"][0]["path"] = "2/turn.train.jsonl"
    r.edit_json("provenance/sources.json", change), r.redo()
@row("sources-newer-redone", "'provenance/sources.json': it has version 2")
def _(r): r.edit_json("provenance/sources.json", lambda s: s.update(cotrain_sources=2)), r.redo()


# ---- what is no file ----
def replace_by_link(r, name, target):
    shutil.move(r.path(name), os.path.join(r.outside, "moved"))
    os.symlink(target, r.path(name))


@row("link-out", "'model.safetensors' is no regular file but a symbolic link")
def _(r): replace_by_link(r, "model.safetensors", os.path.join(r.outside, "moved"))
@row("link-out-relative", "'model.safetensors' is no regular file but a symbolic link")
def _(r): replace_by_link(r, "model.safetensors", "../outside/moved")
@row("link-folder", "'adapter' is no regular file but a symbolic link")
def _(r): replace_by_link(r, "adapter", os.path.join(r.outside, "moved"))
@row("link-inside", "'config.json' is no regular file but a symbolic link")
def _(r): os.remove(r.path("config.json")), os.symlink("manifest.json", r.path("config.json"))
@row("link-dangling", "'README.md' is no regular file but a symbolic link")
def _(r): os.remove(r.path("README.md")), os.symlink("nowhere", r.path("README.md"))
@row("link-to-fifo", "'README.md' is no regular file but a symbolic link")
def _(r): os.remove(r.path("README.md")), os.symlink(os.path.join(r.outside, "fifo"), r.path("README.md"))
@row("link-release", "'RELEASE' is no regular file but a symbolic link")
def _(r): replace_by_link(r, "RELEASE", os.path.join(r.outside, "moved"))
@row("link-loop", "'adapter/loop' is no regular file but a symbolic link")
def _(r): os.symlink("..", r.path("adapter/loop"))
@row("link-extra", "'notes' is no regular file but a symbolic link")
def _(r): os.symlink("/", r.path("notes"))
@row("hard-link", "'README.md' is a hard link")
def _(r): os.link(r.path("README.md"), os.path.join(r.outside, "second-name"))
@row("hard-link-inside", "is a hard link")
def _(r): os.remove(r.path("config.json")), os.link(r.path("README.md"), r.path("config.json"))


def fifo(name):
    def act(r):
        if os.path.exists(r.path(name)):
            os.remove(r.path(name))
        os.mkfifo(r.path(name))
    return act


for _name in ("RELEASE", "SHA256SUMS", "manifest.json", "README.md", "model.safetensors", "model.sig", "pipe"):
    row("fifo-" + _name, f"'{_name}' is no regular file but a FIFO")(fifo(_name))
@row("socket", "'s' is no regular file but a socket")
def _(r):
    here = os.getcwd()
    os.chdir(r.dir)
    socket.socket(socket.AF_UNIX).bind("s")
    os.chdir(here)
@row("device", "'zero' is no regular file but a device")
def _(r):
    try:
        os.mknod(r.path("zero"), 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        sys.exit(77)
@row("name-with-newline", "control character")
def _(r): r.write("a\nb", "x")
@row("name-with-backslash", "has a backslash")
def _(r): r.write("a\\b", "x")
@row("name-not-utf8", "is no UTF-8")
def _(r):
    with open(os.path.join(r.dir.encode(), b"a\xff"), "wb"):
        pass


# ---- the card, with everything redone ----
def edit_card(r, old, new):
    text = r.read("README.md").decode()
    assert old in text, old
    r.write("README.md", text.replace(old, new, 1))
    r.redo()


@row("card-words-redone", "was edited")
def _(r): edit_card(r, "\n# Tiny\n", "\n# Tiny, which everybody should use\n")
@row("card-regressions-redone", "was edited")
def _(r): edit_card(r, "/ Known regressions", "/ No regressions")
@row("card-licence-redone", "was edited")
def _(r): edit_card(r, 'license: "apache-2.0"', 'license: "mit"')
@row("card-end-redone", "was edited")
def _(r): r.write("README.md", r.read("README.md") + b"\nTrust me.\n"), r.redo()
@row("card-cut-redone", "'README.md'")
def _(r): r.write("README.md", r.read("README.md")[:-100]), r.redo()
@row("card-table-redone", "its table is not what the evaluation reports say")
def _(r): edit_card(r, "| copying | 6 | ", "| copying | 6 | 9")
@row("card-index-redone", "its model-index is not what the evaluation reports say")
def _(r): edit_card(r, "value: 0.", "value: 1.")
@row("card-nul-redone", "'README.md' holds a NUL")
def _(r): r.write("README.md", r.read("README.md") + b"\0more"), r.redo()
@row("card-of-another-version-redone", "its table is not what the evaluation reports say")
def _(r):
    text = r.read("README.md").decode()
    r.write("README.md", text.replace("| copying | 6 | ", "| copying | 6 | 9", 1))
    r.redo(lambda m: m.update(card=99))


# ---- chain and provenance, with the sums redone ----
@row("request-redone", "the chain's 'requests' is not the hash")
def _(r): r.redo(lambda m: m["requests"][0].update(scenario="something else"))
@row("request-hash-redone", "the chain's 'requests' is not the hash")
def _(r): r.redo(lambda m: m["requests"][0].update(sha256="0" * 64))
for _key in ("recipe", "dataset", "eval_before", "eval_after", "merged", "adapter"):
    row(f"chain-{_key}", f"the chain's '{_key}' is not the hash")(
        lambda r, key=_key: r.redo(lambda m: m["chain"].update({key: "0" * 64})))
@row("chain-training", "its last step is not the chain's 'training'")
def _(r):
    r.redo(lambda m: m["chain"].update(training="0" * 64))
@row("chain-base", "'provenance/statement.json' is not what the manifest gives")
def _(r): r.redo(lambda m: m["chain"].update(base="0" * 64), statement=False)
@row("step-edited-redone", "step 4 does not follow from the one before it")
def _(r):
    lines = [json.loads(line) for line in r.read("logs/run.jsonl").decode().splitlines()]
    lines[3]["loss"] /= 2
    r.write("logs/run.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    r.redo()
@row("step-removed-redone", "step 4 stands where step 3 should")
def _(r):
    lines = r.read("logs/run.jsonl").splitlines(True)
    r.write("logs/run.jsonl", b"".join(lines[:2] + lines[3:]))
    r.redo()
@row("statement-edited", "'provenance/statement.json' is not what the manifest gives")
def _(r):
    r.edit_json("provenance/statement.json",
                lambda s: s["predicate"]["buildDefinition"]["resolvedDependencies"].pop(0))
    r.seal()

@row("report-of-another-model", "is not of the model that the chain calls 'merged'")
def _(r):
    r.edit_json("provenance/eval-after.json", lambda e: e["subject"].update(model="0" * 64))
    r.redo()
@row("gates-kept-redone", "'provenance/gates.json' is not what both evaluations give")
def _(r):
    r.edit_json("provenance/gates.json", lambda g: g[0].update(after=g[0]["after"] / 2))
    r.redo()
@row("gate-loosened-redone", "'provenance/gates.json' is not what both evaluations give")
def _(r):
    r.write("provenance/recipe.yaml", r.read("provenance/recipe.yaml").replace(b"<= +10", b"<= +11"))
    r.redo()
@row("gate-missed-redone", "gate validation: change ")
def _(r):
    before, after = (next(t["scores"]["loss"] for t in r.json(f"provenance/eval-{which}.json")["tasks"]
                          if t["task"] == "validation") for which in ("before", "after"))
    off = round((after - before + 9) * 1e9) / 1e9

    def miss(gates):
        gates[0].update(gate="validation: <= -9", bound=-9.0, holds=False, missed_by=off)
    r.write("provenance/recipe.yaml", r.read("provenance/recipe.yaml").replace(b"<= +10", b"<= -9"))
    r.edit_json("provenance/gates.json", miss)
    r.redo()
@row("tensor-shapes-redone", "model.embed_tokens.weight")
def _(r):
    r.edit_json("config.json", lambda c: c.update(vocab_size=c["vocab_size"] + 1))
    merged = r.dir_hash("", ["config.json", "model.safetensors", "tokenizer.model"])
    r.edit_json("provenance/eval-after.json", lambda e: e["subject"].update(model=merged))
    r.redo()


# ---- licences and the data card, with everything redone ----
def ledger(change):
    return lambda r: (r.edit_json("provenance/ledger.json", change), r.redo())


def edit_data_card(r, old, new):
    text = r.read("DATA.md").decode()
    assert old in text, old
    r.write("DATA.md", text.replace(old, new, 1))
    r.redo()


row("ledger-unlicensed", "of 24 rows of a source, 4 have a licence")(
    ledger(lambda l: l["sources"][1]["licenses"].update({"apache-2.0": 4})))
row("ledger-source-gone", "its sources are not the dataset's")(ledger(lambda l: l["sources"].pop()))
row("ledger-source-renamed", "its sources are not the dataset's")(ledger(lambda l: l["sources"][1].update(name="x")))
row("ledger-rows-gone", "it does not count the dataset's rows")(
    ledger(lambda l: l["sources"][1].update(rows=4, licenses={"mit": 4})))
row("ledger-licence-changed", "'DATA.md': line ")(
    ledger(lambda l: l["sources"][1].update(licenses={"mit": 24})))
row("ledger-newer", "version 2 (this program reads 1)")(ledger(lambda l: l.update(cotrain_ledger=2)))
row("ledger-list-gone", "'generators'")(ledger(lambda l: l.pop("generators")))
row("ledger-no-texts", "'summary'")(ledger(lambda l: l["lints"][0].pop("summary")))
@row("data-card-edited", "'DATA.md' has been changed")
def _(r): r.write("DATA.md", r.read("DATA.md").replace(b"apache-2.0", b"mit"))
@row("data-card-redone", "'DATA.md': line ")
def _(r): edit_data_card(r, "apache-2.0 (24)", "mit (24)")
@row("data-card-nul-redone", "'DATA.md' holds a NUL")
def _(r): r.write("DATA.md", r.read("DATA.md") + b"\0more"), r.redo()


# ---- the changelog, with everything redone ----
def previous(change):
    return lambda r: (r.edit_json("provenance/previous.json", change), r.redo())


row("previous-score", "'CHANGELOG.md': line ")(previous(lambda p: p["tasks"][1].update(was=9.5)))
row("previous-hash", "'CHANGELOG.md': line ")(previous(lambda p: p.update(hash="0" * 64)))
row("previous-request", "'CHANGELOG.md': line ")(previous(lambda p: p["requests"].pop()))
row("previous-bytes", "its weights are not those of the release")(previous(lambda p: p["bytes"].update({"is": 1})))
row("previous-newer", "version 2 (this program reads 1)")(previous(lambda p: p.update(cotrain_previous=2)))
row("previous-without-tasks", "'tasks'")(previous(lambda p: p.pop("tasks")))
row("previous-odd-request", "a request is no text")(previous(lambda p: p["requests"].append(7)))
for _name in ("CHANGELOG.md", "provenance/previous.json"):
    row("redone-without-" + os.path.basename(_name), f"'{_name}' is missing")(
        lambda r, name=_name: (os.remove(r.path(name)), r.redo()))
@row("changelog-edited", "'CHANGELOG.md' has been changed")
def _(r): r.write("CHANGELOG.md", r.read("CHANGELOG.md") + b"better\n")
@row("changelog-redone", "'CHANGELOG.md': line ")
def _(r): r.write("CHANGELOG.md", r.read("CHANGELOG.md").replace(b"+0.0000", b"+0.5000", 1)), r.redo()


# ---- other formats of the model ----
def cut_format(r):
    name = "gguf/Tiny-f16.gguf"
    r.write(name, r.read(name)[:-4096])


@row("format-missing-redone", "'gguf/Tiny-q8_0.gguf' is missing")
def _(r): os.remove(r.path("gguf/Tiny-q8_0.gguf")), r.redo()
@row("format-extra-redone", "'gguf/Tiny-q4_0.gguf' is no format that was measured when it was packed")
def _(r): shutil.copy(r.path("gguf/Tiny-q8_0.gguf"), r.path("gguf/Tiny-q4_0.gguf")), r.redo()
@row("format-cut-redone", "gguf/Tiny-f16.gguf")
def _(r): cut_format(r), r.redo()
@row("format-swapped-redone", "'gguf/Tiny-f16.gguf' is not the trained model", "golden")
def _(r): shutil.copy(os.path.join(r.outside, "other/gguf/Tiny-f16.gguf"), r.path("gguf/Tiny-f16.gguf")), r.redo()
@row("format-zeros-redone", "'gguf/Tiny-q8_0.gguf' is not the trained model", "golden")
def _(r):
    data = r.read("gguf/Tiny-q8_0.gguf")
    r.write("gguf/Tiny-q8_0.gguf", data[:-20000] + bytes(20000))
    r.redo()
@row("format-unknown-redone", "format 'gguf-q1' is not known")
def _(r): r.redo(lambda m: m["checks"]["golden"]["formats"].update({"gguf-q1": {}}))


# ---- the manifest's paths ----
def bad_path(path):
    def act(r):
        def change(m):
            m["files"][0]["path"] = path
        r.redo(change)
    return act


row("path-leaves", "'manifest.json': path '../../outside/secret' leaves the folder")(bad_path("../../outside/secret"))
row("path-leaves-below", "path 'adapter/../../x' leaves the folder")(bad_path("adapter/../../x"))
row("path-absolute", "'manifest.json': path '/etc/passwd' is absolute")(bad_path("/etc/passwd"))
row("path-dot", "has a part '.'")(bad_path("./README.md"))
row("path-double-slash", "has an empty part")(bad_path("adapter//x"))
row("path-backslash", "has a backslash")(bad_path("..\\README.md"))
row("path-control", "has a control character at byte 10")(bad_path("README.md\u0007"))
row("path-empty", "a path is empty")(bad_path(""))
row("path-long", "is over 512")(bad_path("a" * 600))
row("path-nul", "'path'")(bad_path("a\0b"))
row("path-number", "'path'")(bad_path(7))
@row("path-twice", "'manifest.json': 'CHANGELOG.md' stands there twice")
def _(r): r.redo(lambda m: m["files"].insert(0, m["files"][0]))
@row("path-out-of-order", "is out of order")
def _(r): r.redo(lambda m: m["files"].reverse())
@row("path-case", "'README.md' and 'readme.md' differ by case alone")
def _(r): r.write("readme.md", "x"), r.redo()
@row("path-not-there", "'z.txt' is not the file that 'manifest.json' lists")
def _(r): r.redo(lambda m: m["files"].append({"path": "z.txt", "bytes": 1, "sha256": "0" * 64}))
@row("file-unlisted", "'manifest.json' does not list every file")
def _(r): r.redo(lambda m: m["files"].pop(0))
@row("log-listed", "'logs/run.jsonl' must not be listed")
def _(r):
    def change(m):
        m["files"].append({"path": "logs/run.jsonl", "bytes": 1, "sha256": sha(r.read("logs/run.jsonl"))})
        m["files"].sort(key=lambda f: f["path"].encode())
    r.redo(change)
for _name in ("README.md", "DATA.md", "golden.json", "config.json", "tokenizer.model", "provenance/recipe.yaml",
              "provenance/ledger.json",
              "provenance/data.json", "provenance/eval-before.json", "provenance/eval-after.json"):
    row("redone-without-" + os.path.basename(_name), f"'{_name}' is missing")(
        lambda r, name=_name: (os.remove(r.path(name)), r.redo_without(name)))
for _name in ("logs/run.jsonl", "logs/plan.json", "provenance/statement.json"):
    row("redone-without-" + os.path.basename(_name), f"'{_name}' is missing")(
        lambda r, name=_name: (os.remove(r.path(name)), r.seal()))
@row("apart-more", "'apart' is not what this version keeps apart")
def _(r): r.redo(lambda m: m["apart"].append("README.md"))
@row("apart-leaves", "'apart' is not what this version keeps apart")
def _(r): r.redo(lambda m: m["apart"].__setitem__(0, "../../outside/secret"))


# ---- SHA256SUMS in other forms ----
def sums(change):
    def act(r):
        r.seal(change(r.read("SHA256SUMS").decode()))
    return act


row("sums-crlf", "'SHA256SUMS': line 1 ends with CR LF")(sums(lambda t: t.replace("\n", "\r\n")))
row("sums-escaped", "'SHA256SUMS': line 1 has an escaped path")(sums(lambda t: "\\" + t.replace("README", "READ\\nME", 1)))
row("sums-binary", "line 1 has no two spaces")(sums(lambda t: t.replace("  ", " *", 1)))
row("sums-capitals", "line 1 does not begin with a SHA-256")(sums(lambda t: "A" + t[1:]))
row("sums-twice", "'SHA256SUMS': 'CHANGELOG.md' stands there twice")(sums(lambda t: t.split("\n")[0] + "\n" + t))
row("sums-leaves", "'SHA256SUMS': path '../outside/secret' leaves the folder")(
    sums(lambda t: t.replace("README.md", "../outside/secret")))
row("sums-absolute", "path '/etc/passwd' is absolute")(sums(lambda t: t.replace("README.md", "/etc/passwd")))
row("sums-case", "'README.md' and 'READme.md' differ by case alone")(
    sums(lambda t: re.sub(r"^(.{64})  README.md\n", r"\1  README.md\n\1  READme.md\n", t, flags=re.M)))
row("sums-signature", "names a file that has no sum")(sums(lambda t: t.replace("model.safetensors", "model.sig")))
row("sums-no-end", "has no end")(sums(lambda t: t[:-1]))
row("sums-empty", "does not belong")(sums(lambda t: ""))
row("sums-manifest-unlisted", "'manifest.json' does not belong")(
    sums(lambda t: "".join(line + "\n" for line in t.splitlines() if not line.endswith("manifest.json"))))


# ---- versions, sizes, broken files ----
def recipe(old, new):
    def act(r):
        text = r.read("provenance/recipe.yaml").decode()
        assert old in text
        r.write("provenance/recipe.yaml", text.replace(old, new, 1))
        r.redo()
    return act


row("recipe-newer", "recipe format '2' is not known; this program reads 1")(recipe("cotrain: 1", "cotrain: 2"))
row("recipe-unversioned", "no key 'cotrain'")(recipe("cotrain: 1\n", ""))
row("recipe-broken", "provenance/recipe.yaml")(recipe("cotrain: 1", "cotrain: 1\n\t- {["))
row("release-newer", "release of version 2 (this program reads 1)")(
    lambda r: r.redo(lambda m: m.update(cotrain_release=2)))


def grow(name):
    return lambda r: os.truncate(r.path(name), 200 << 30)  # a sparse file: no disk is needed


for _name in ("manifest.json", "SHA256SUMS", "RELEASE"):
    row("huge-" + _name, f"'{_name}' has 214748364800 bytes")(grow(_name))
row("huge-model.sig", "'model.sig'", "signed")(grow("model.sig"))
@row("deep-manifest", "manifest.json")
def _(r): r.write("manifest.json", "[" * 100000), r.seal()


def cut(name):
    def act(r):
        data = r.read(name)
        r.write(name, data[:len(data) * 2 // 3])
        if name == "manifest.json":
            r.seal()
            return
        r.redo()
    return act


for _name in ("manifest.json", "provenance/data.json", "provenance/eval-before.json", "provenance/eval-after.json",
              "adapter/adapter_config.json"):
    row("cut-" + _name, os.path.basename(_name))(cut(_name))
@row("cut-statement", "'provenance/statement.json'")
def _(r):
    r.write("provenance/statement.json", r.read("provenance/statement.json")[:1000])
    r.seal()
@row("cut-run-log", "logs/run.jsonl")
def _(r):
    r.write("logs/run.jsonl", r.read("logs/run.jsonl")[:-50])
    r.seal()
@row("manifest-key-twice", "duplicate")
def _(r):
    r.write("manifest.json", r.read("manifest.json").replace(b"{", b'{"cotrain_release": 1,', 1))
    r.seal()
for _key in ("about", "chain", "files", "apart", "requests", "cotrain_release"):
    row("manifest-without-" + _key, f"'{_key}'")(lambda r, key=_key: r.redo(lambda m: m.pop(key)))
    row("manifest-null-" + _key, f"'{_key}'")(lambda r, key=_key: r.redo(lambda m: m.update({key: None})))
for _key in ("name", "license", "base_model", "languages"):
    row("about-without-" + _key, f"'{_key}'")(lambda r, key=_key: r.redo(lambda m: m["about"].pop(key)))


# ---- golden answers, with the sums redone ----
def golden(change):
    def act(r):
        value = r.json("golden.json")
        change(value)
        r.write("golden.json", json.dumps(value))
        r.redo()
    return act


row("golden-answer", "golden prompt 1: its greedy answer is another", "golden")(
    golden(lambda g: g["prompts"][0]["output_ids"].pop()))
row("golden-logits", "golden prompt 2: the logits after it are others", "golden")(
    golden(lambda g: g["prompts"][1].update(logits_sha256="0" * 64)))
row("golden-prompt", "golden prompt 1: its token ids are others", "golden")(
    golden(lambda g: g["prompts"][0]["prompt_ids"].pop(0)))
row("golden-text", "golden prompt 1: its token ids are others", "golden")(
    golden(lambda g: g["prompts"][0].update(prompt="something else")))
row("golden-newer", "'golden.json': version 2", "golden")(golden(lambda g: g.update(cotrain_golden=2)))
row("golden-tokens", "'max_new_tokens'", "golden")(golden(lambda g: g.update(max_new_tokens=1 << 40)))
row("golden-id", "'output_ids' holds something else", "golden")(
    golden(lambda g: g["prompts"][0]["output_ids"].__setitem__(0, -1)))
row("golden-room", "leaves no room", "golden")(golden(lambda g: g["prompts"][0].update(prompt_ids=[1] * 4000)))
row("golden-many", "more than 32 prompts", "golden")(golden(lambda g: g.update(prompts=g["prompts"] * 32)))


# ---- signatures ----
def of_another(name):
    return lambda r: shutil.copy(os.path.join(r.outside, "other", name), r.path(name))


row("signature-of-another-release", "'SHA256SUMS.sig': it is no signature of this release", "signed")(
    of_another("SHA256SUMS.sig"))
row("model-signature-of-another-release", "'model.sig': it is not of this release", "signed")(of_another("model.sig"))
row("provenance-of-another-release", "'provenance.intoto.jsonl': it is not of this release", "signed")(
    of_another("provenance.intoto.jsonl"))
row("signature-of-another-unasked", "'SHA256SUMS.sig': it is no signature of this release")(of_another("SHA256SUMS.sig"))
row("model-signature-of-another-unasked", "'model.sig': it is not of this release")(of_another("model.sig"))
row("provenance-of-another-unasked", "it is not of this release")(of_another("provenance.intoto.jsonl"))
row("signature-gone", "it is unsigned: there is no 'SHA256SUMS.sig'", "signed")(
    lambda r: os.remove(r.path("SHA256SUMS.sig")))
row("model-signature-gone", "it is unsigned: there is no 'model.sig'", "signed")(lambda r: os.remove(r.path("model.sig")))
row("provenance-gone", "it is unsigned: there is no 'provenance.intoto.jsonl'", "signed")(
    lambda r: os.remove(r.path("provenance.intoto.jsonl")))
row("signature-no-text", "'SHA256SUMS.sig'", "signed")(lambda r: r.write("SHA256SUMS.sig", "signed, the keeper\n"))
@row("signature-unknown-key", "it was signed by a key that is not among the signers", "signed")
def _(r):
    os.remove(r.path("SHA256SUMS.sig"))
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", os.path.join(r.outside, "keys/ssh2"),
                    r.path("SHA256SUMS")], check=True, stderr=subprocess.DEVNULL)
@row("signature-other-namespace", "'SHA256SUMS.sig': it is no signature of this release", "signed")
def _(r):
    os.remove(r.path("SHA256SUMS.sig"))
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", os.path.join(r.outside, "keys/ssh"),
                    r.path("SHA256SUMS")], check=True, stderr=subprocess.DEVNULL)
@row("everything-redone-but-the-keys", "'SHA256SUMS.sig': it is no signature of this release", "signed")
def _(r):
    r.edit_json("generation_config.json", lambda g: g.update(temperature=2.0))
    r.redo()
@row("only-model-signature-is-old", "'model.sig': it is not of this release: its list differs at 'RELEASE'")
def _(r):
    os.remove(r.path("SHA256SUMS.sig"))
    r.edit_json("generation_config.json", lambda g: g.update(temperature=2.0))
    r.redo()


def bundle(change, name="model.sig"):
    def act(r):
        value = r.json(name)
        change(value)
        r.write(name, json.dumps(value))
    return act


def sign_again(key, name):
    """The envelope of a file, signed by another key."""
    def act(r):
        value = r.json(name)
        envelope = value.get("dsseEnvelope", value)
        body, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
        pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", os.path.join(r.outside, "keys", key)],
                                   input=pae, stdout=subprocess.PIPE, check=True).stdout
        envelope["signatures"] = [{"sig": base64.b64encode(signature).decode(), "keyid": ""}]
        r.write(name, json.dumps(value))
    return act


def edit_payload(envelope, change):
    payload = json.loads(base64.b64decode(envelope["payload"]))
    change(payload)
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()


row("model-unknown-key", "'model.sig': the signature is not the key's", "signed")(sign_again("other.pem", "model.sig"))
row("provenance-unknown-key", "'provenance.intoto.jsonl': the signature is not the key's", "signed")(
    sign_again("other.pem", "provenance.intoto.jsonl"))
row("model-other-hint", "'model.sig': it was signed by another key", "signed")(
    bundle(lambda b: b["verificationMaterial"]["publicKey"].update(hint="0" * 64)))
row("model-payload", "'model.sig': it is not of this release: its list differs at 'DATA.md'", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"], lambda s: s["predicate"]["resources"][1].update(digest="0" * 64))))
row("model-payload-shorter", "'model.sig': it is not of this release", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"], lambda s: s["predicate"]["resources"].pop())))
row("model-payload-ignores", "'model.sig': the signature is not the key's", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"],
                                  lambda s: s["predicate"]["serialization"]["ignore_paths"].append("*"))))
row("model-subject", "'model.sig': it is not of this release: its subject is another", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"], lambda s: s["subject"][0]["digest"].update(sha256="0" * 64))))
row("model-predicate-type", "its 'predicateType' is", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"], lambda s: s.update(predicateType="https://example.org"))))
row("model-payload-type", "is no in-toto statement", "signed")(
    bundle(lambda b: b["dsseEnvelope"].update(payloadType="text/plain")))
row("model-no-signatures", "the envelope has no signature", "signed")(
    bundle(lambda b: b["dsseEnvelope"].update(signatures=[])))
row("model-empty-signature", "the envelope has an empty signature", "signed")(
    bundle(lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="")))
row("model-links", "its 'allow_symlinks' is not false", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"],
                                  lambda s: s["predicate"]["serialization"].update(allow_symlinks=True))))
row("model-method", "its 'method' is", "signed")(
    bundle(lambda b: edit_payload(b["dsseEnvelope"],
                                  lambda s: s["predicate"]["serialization"].update(method="shards"))))
row("model-no-base64", "base64", "signed")(bundle(lambda b: b["dsseEnvelope"].update(payload="!!!!")))
row("model-media-type", "its 'mediaType' is", "signed")(bundle(lambda b: b.update(mediaType="x")))
row("model-cut", "'model.sig'", "signed")(lambda r: r.write("model.sig", r.read("model.sig")[:200]))
row("provenance-two-lines", "'provenance.intoto.jsonl'", "signed")(
    lambda r: r.write("provenance.intoto.jsonl", r.read("provenance.intoto.jsonl") * 2))
row("provenance-empty", "'provenance.intoto.jsonl'", "signed")(lambda r: r.write("provenance.intoto.jsonl", ""))
row("provenance-payload", "it signs another statement than", "signed")(
    bundle(lambda e: edit_payload(e, lambda s: s["subject"].pop()), "provenance.intoto.jsonl"))


def main():
    what, *rest = sys.argv[1:]
    if what == "list":
        for name, (how, _, _) in ROWS.items():
            print(how, name)
    elif what == "redo":
        Release(rest[0], None).redo()
    elif what == "says":
        print(ROWS[rest[0]][1])
    else:
        ROWS[rest[0]][2](Release(rest[1], rest[2]))


if __name__ == "__main__":
    main()
