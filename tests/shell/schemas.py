#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds a signed release's statements and envelopes against docs/schemas with python3-jsonschema, an
implementation of JSON Schema that is none of ours, and checks that the schemas refuse what the
specifications refuse. Writes what openssl needs to judge the signatures:

schemas.py SCHEMAS RELEASE OUT     OUT/model.pae, OUT/model.der, OUT/provenance.pae, OUT/provenance.der
"""
import base64
import copy
import hashlib
import json
import os
import sys

import jsonschema

schemas_dir, release, out = sys.argv[1:]


def schema(name):
    with open(os.path.join(schemas_dir, name + ".schema.json"), encoding="utf-8") as f:
        value = json.load(f)
    jsonschema.Draft202012Validator.check_schema(value)
    return value


def holds(value, against):
    jsonschema.Draft202012Validator(against).validate(value)


def refused(value, against, change):
    """The same value with something wrong in it is refused: the schema is no rubber stamp."""
    other = copy.deepcopy(value)
    change(other)
    if jsonschema.Draft202012Validator(against).is_valid(other):
        raise AssertionError(f"schema '{against['title']}' lets a wrong value through")


def read(name):
    with open(os.path.join(release, name), "rb") as f:
        return f.read()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def write_pae(envelope, name):
    body, kind = base64.b64decode(envelope["payload"], validate=True), envelope["payloadType"].encode()
    with open(os.path.join(out, name + ".pae"), "wb") as f:
        f.write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body))
    with open(os.path.join(out, name + ".der"), "wb") as f:
        f.write(base64.b64decode(envelope["signatures"][0]["sig"], validate=True))
    return body


statement_schema, slsa = schema("in-toto-statement-v1"), schema("slsa-provenance-v1")
envelope_schema, own = schema("dsse-envelope-v1"), schema("cotrain-build-v1")
bundle_schema = schema("model-signature-v1")
predicate_schema = {**bundle_schema, "$ref": "#/$defs/predicate"}

# ---- provenance ----
lines = read("provenance.intoto.jsonl").decode().splitlines()
assert len(lines) == 1, len(lines)
envelope = json.loads(lines[0])
holds(envelope, envelope_schema)
refused(envelope, envelope_schema, lambda e: e["signatures"].clear())
refused(envelope, envelope_schema, lambda e: e.pop("payloadType"))
refused(envelope, envelope_schema, lambda e: e.update(payload="a b"))
body = write_pae(envelope, "provenance")
assert body == read("provenance/statement.json")
statement = json.loads(body)
predicate = statement["predicate"]
holds(statement, statement_schema)
refused(statement, statement_schema, lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"))
refused(statement, statement_schema, lambda s: s.pop("subject"))
refused(statement, statement_schema, lambda s: s["subject"][0].pop("digest"))
refused(statement, statement_schema, lambda s: s["subject"][0]["digest"].update(sha256="XY"))
refused(statement, statement_schema, lambda s: s.update(predicateType="no uri"))
assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
for against in (slsa, own):
    holds(predicate, against)
    refused(predicate, against, lambda p: p["runDetails"].pop("builder"))
    refused(predicate, against, lambda p: p["buildDefinition"].pop("buildType"))
    refused(predicate, against, lambda p: p["buildDefinition"]["resolvedDependencies"][0].pop("digest"))
refused(predicate, own, lambda p: p["buildDefinition"]["externalParameters"].update(more=1))
refused(predicate, own, lambda p: p["buildDefinition"]["resolvedDependencies"].pop())
refused(predicate, slsa, lambda p: p["runDetails"].update(metadata={"startedOn": "yesterday"}))

# Each link of the chain, from the bytes that lie there.
manifest = json.loads(read("manifest.json"))
data = json.loads(read("provenance/data.json"))
subject = {s["name"]: s["digest"] for s in statement["subject"]}
assert len(subject) == len(statement["subject"])
assert subject["manifest.json"]["sha256"] == sha256(read("manifest.json"))
for name, digest in subject.items():
    if "sha256" in digest:
        assert digest["sha256"] == sha256(read(name)), name
weights = [f["path"] for f in manifest["files"] if f["path"].endswith((".safetensors", ".gguf"))]
assert weights and all(path in subject for path in weights)


def dir_hash(folder, names):  # as in-toto defines dirHash
    return sha256("".join(f"{sha256(read(folder + n))}  {n}\n" for n in sorted(names)).encode())


assert subject["./"]["dirHash"] == dir_hash("", ["config.json", "model.safetensors", "tokenizer.model"])
if "adapter/" in subject:
    assert subject["adapter/"]["dirHash"] == dir_hash("adapter/", ["adapter_config.json", "adapter_model.safetensors"])
by_role = {}
for one in predicate["buildDefinition"]["resolvedDependencies"]:
    by_role.setdefault(one["annotations"]["role"], []).append(one)
assert [(r["name"], r["digest"]["sha256"]) for r in by_role["request"]] == \
    [(r["id"], r["sha256"]) for r in manifest["requests"]]
assert [r["digest"]["sha256"] for r in by_role["rows"]] == [s["sha256"] for s in data["sources"]]
assert {s["name"]: s["digest"]["sha256"] for s in by_role["shard"]} == \
    {"data/" + name: digest for name, digest in data["files"].items()}
assert by_role["dataset"][0]["digest"]["sha256"] == sha256(read("provenance/data.json"))
assert by_role["recipe"][0]["digest"]["sha256"] == sha256(read("provenance/recipe.yaml"))
assert by_role["base"][0]["digest"]["dirHash"] == manifest["chain"]["base"]
steps = [json.loads(line) for line in read("logs/run.jsonl").decode().splitlines()]
byproducts = {b["annotations"]["role"] + b["name"]: b["digest"]["sha256"] for b in predicate["runDetails"]["byproducts"]}
assert byproducts["trainingchain of step records"] in steps[-1].values()
for name in ("provenance/eval-before.json", "provenance/eval-after.json"):
    assert byproducts["evaluation" + name] == sha256(read(name))

# ---- model.sig ----
bundle = json.loads(read("model.sig"))
holds(bundle, bundle_schema)
holds(bundle["dsseEnvelope"], envelope_schema)
refused(bundle, bundle_schema, lambda b: b["verificationMaterial"]["publicKey"].update(hint="?"))
body = write_pae(bundle["dsseEnvelope"], "model")
statement = json.loads(body)
holds(statement, statement_schema)
holds(statement["predicate"], predicate_schema)
refused(statement["predicate"], predicate_schema, lambda p: p["resources"].clear())
assert statement["predicateType"] == "https://model_signing/signature/v1.0"
signatures = ("SHA256SUMS.sig", "model.sig", "provenance.intoto.jsonl")
files = sorted(os.path.relpath(os.path.join(p, n), release) for p, _, ns in os.walk(release) for n in ns)
files = [name for name in files if name not in signatures]
resources = statement["predicate"]["resources"]
assert [r["name"] for r in resources] == files, (files, resources)
assert all(r["digest"] == sha256(read(r["name"])) for r in resources)
assert set(signatures) <= set(statement["predicate"]["serialization"]["ignore_paths"])
root = hashlib.sha256(b"".join(bytes.fromhex(r["digest"]) for r in resources)).hexdigest()
assert statement["subject"] == [{"name": manifest["about"]["name"], "digest": {"sha256": root}}]
print("statements and envelopes hold")
