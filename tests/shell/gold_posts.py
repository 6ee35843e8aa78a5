#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the output of `cotrain issues parse --json` against hand labels, prints what it measures and
exits 1 where a bound is not met.
    gold_posts.py GOLD POSTS PARSED [--kinds SHARE] [--f1 MEAN] [--worst F1]
GOLD has one label for each post, and one for each request ("part") where a post holds several. POSTS is
the folder that was parsed. Held always: no post is missing, is_request, the number of requests of a
post, plan month, collection day and what is missing are exact, and every text stands where its spans
say. F1 is over characters (a bag, without blanks) between a request's text and its label.
"""
import argparse
import collections
import json
import os
import sys

faults = []


def fault(place, what):
    faults.append(f"{place}: {what}")


def load_posts(folder):
    """Titles and bodies by id, from every JSON file below the folder."""
    posts = {}

    def add(value):
        if isinstance(value, list):
            for one in value:
                add(one)
        elif isinstance(value, dict) and "issue_url" in value:
            name, number = value["issue_url"].split("/repos/")[1].split("/issues/")
            posts[f"{name}#{number}@{value['id']}"] = ("", value["body"] or "")
        elif isinstance(value, dict) and "title" in value and "number" in value:
            name = value["url"].split("/repos/")[1].split("/issues/")[0]
            posts[f"{name}#{value['number']}"] = (value["title"] or "", value["body"] or "")

    for where, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".json") and name not in ("gold.json", "manifest.json"):
                with open(os.path.join(where, name), encoding="utf-8") as f:
                    add(json.load(f))
    return posts


def label_id(label):
    at = f"@{label['comment_id']}" if label["comment_id"] else ""
    part = f".{label['part']}" if label.get("part", 1) > 1 else ""
    return f"{label['repo']}#{label['issue']}{at}{part}"


def characters(value):
    text = "".join(value) if isinstance(value, list) else value or ""
    return collections.Counter(c for c in text if not c.isspace())


def f1(got, wanted):
    a, b = characters(got), characters(wanted)
    if not a and not b:
        return 1.0
    return 2 * sum((a & b).values()) / (sum(a.values()) + sum(b.values()))


VISIBLE = {ord(c): None for c in "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
           "\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad\ufe0f\r"}
OURS = set("，、；：（）(),;: 根据生成fromto")


def check_piece(place, text, spans, source):
    """The text is its stretches in their order, with only our joints between."""
    if text is None:
        return
    at, rest = 0, text
    stretches = [source[begin:end].translate(VISIBLE) for begin, end in spans]
    if not stretches or any(begin >= end for begin, end in spans):
        fault(place, f"'{text}' has no span")
    if len(stretches) == 1 and stretches[0].startswith("{") and stretches[0] != text:
        values = json.dumps(json.loads(stretches[0]), ensure_ascii=False)
        for line in text.split("\n"):
            if json.dumps(line, ensure_ascii=False)[1:-1] not in values:
                fault(place, f"'{line}' is not in its object")
        return
    for stretch in stretches:
        found = rest.find(stretch, at)
        if found < 0:
            fault(place, f"'{stretch}' of its span is not in '{text}'")
            return
        if set(rest[at:found]) - OURS:
            fault(place, f"'{rest[at:found]}' is in '{text}' but in no span")
        at = found + len(stretch)
    if set(rest[at:]) - OURS:
        fault(place, f"'{rest[at:]}' is in '{text}' but in no span")


def check_spans(reading, posts):
    title, body = posts[reading["id"].split(".")[0] if reading["id"] not in posts and
                        "." in reading["id"].rsplit("#", 1)[1] else reading["id"]] \
        if reading["id"] in posts else posts[reading["id"].rsplit(".", 1)[0]]
    spans, place = reading["spans"], reading["id"]
    of_title = spans.get("of_title", [])
    for field in ("scenario", "input", "output", "remark"):
        check_piece(f"{place} {field}", reading[field], spans.get(field, []),
                    title if field in of_title else body)
    for field in ("capability", "constraints"):
        for text, stretches in zip(reading[field], spans[field]):
            source = title if field in of_title and stretches and stretches[-1][1] <= len(title) and \
                title[stretches[0][0]:stretches[0][1]] in text else body
            check_piece(f"{place} {field}", text, stretches, source)
    for pair, place_of in zip(reading["examples"], spans["examples"]):
        for side in ("prompt", "response"):
            check_piece(f"{place} example", pair.get(side), place_of.get(side, []), body)


def check_request(label, reading, scores, show):
    place = reading["id"]
    for key in ("plan_month", "collect_on", "language"):
        if key in label and reading[key] != label[key]:
            fault(place, f"{key} is {reading[key]}, not {label[key]}")
    if "missing" in label and reading["missing"] != label["missing"]:
        fault(place, f"missing {reading['missing']}, not {label['missing']}")
    wanted = label.get("examples") or 0
    wanted = wanted if isinstance(wanted, int) else len(wanted)
    if "examples" in label and len(reading["examples"]) != wanted:
        fault(place, f"{len(reading['examples'])} examples, not {wanted}")
    for field in ("input", "output", "remark"):
        if label.get(field) and reading[field] != label[field]:
            fault(place, f"{field} is '{reading[field]}', not '{label[field]}'")
    for field in ("scenario", "capability", "input", "output", "constraints"):
        if field in label and (label[field] or reading[field]):
            score = f1(reading[field], label[field])
            scores[field].append((score, place))
            if show and score < show:
                print(f"{score:.2f} {place} {field}:\n    got    {reading[field]}\n    wanted {label[field]}")


def table(pairs):
    names = sorted({name for pair in pairs for name in pair})
    wrong = [(w, g, n) for (w, g), n in sorted(pairs.items()) if w != g]
    right = sum(n for (w, g), n in pairs.items() if w == g)
    print(f"kinds: {right} of {sum(pairs.values())} right")
    for name in names:
        all_of = sum(n for (w, _), n in pairs.items() if w == name)
        if all_of:
            print(f"  {name:20} {pairs[(name, name)]:3} of {all_of:3}" + "".join(
                f", {n} as {g}" for w, g, n in wrong if w == name))
    return right / sum(pairs.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gold")
    parser.add_argument("posts")
    parser.add_argument("parsed")
    parser.add_argument("--kinds", type=float, default=0)
    parser.add_argument("--f1", type=float, default=0)
    parser.add_argument("--worst", type=float, default=0)
    parser.add_argument("--show", type=float, default=0)
    options = parser.parse_args()
    with open(options.gold, encoding="utf-8") as f:
        gold = json.load(f)
    with open(options.parsed, encoding="utf-8") as f:
        readings = {reading["id"]: reading for reading in json.load(f)}
    posts = load_posts(options.posts)
    labels = {label_id(label): label for label in gold["labels"]}
    counts, scores = collections.Counter(), collections.defaultdict(list)
    kinds = collections.Counter()
    for name in sorted(labels.keys() | readings.keys()):
        label, reading = labels.get(name), readings.get(name)
        wanted, got = bool(label and label["is_request"]), bool(reading and reading["is_request"])
        counts[(wanted, got)] += 1
        if wanted != got:
            fault(name, "a request was missed" if wanted else f"no request: {reading['reason']}")
        if label and reading:
            if label["kind"]:  # none: only that it is no request
                kinds[(label["kind"], reading["kind"])] += 1
            if label["kind"] not in (None, reading["kind"]) and options.show:
                print(f"{name}: {reading['kind']}, not {label['kind']}: {reading['reason']}")
        elif not wanted and not got:
            fault(name, "is not in both")
        if wanted and got:
            check_request(label, reading, scores, options.show)
        if reading:
            check_spans(reading, posts)
            if not reading["reason"]:
                fault(name, "gives no reason")
    hits, false, missed = counts[(True, True)], counts[(False, True)], counts[(True, False)]
    print(f"requests: {hits} found, {false} false, {missed} missed: "
          f"precision {hits / max(1, hits + false):.3f}, recall {hits / max(1, hits + missed):.3f}")
    for field, found in scores.items():
        worst = min(found)
        mean = sum(score for score, _ in found) / len(found)
        print(f"F1 of {field}: mean {mean:.3f}, worst {worst[0]:.3f} ({worst[1]}) of {len(found)}")
        if field in ("scenario", "capability"):
            if mean < options.f1:
                fault(field, f"mean F1 {mean:.3f} is below {options.f1}")
            if worst[0] < options.worst:
                fault(worst[1], f"F1 of {field} {worst[0]:.3f} is below {options.worst}")
    share = table(kinds)
    if share < options.kinds:
        fault("kinds", f"only {share:.3f} are right")
    for line in faults:
        print("FAULT", line)
    sys.exit(bool(faults))


main()
