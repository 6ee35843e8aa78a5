#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pages of an evaluation, of a release and of two compared, whose texts try to break them: by the text alone (tests/shell/page.py), and in
# a real browser, headless: no script ran, nothing sticks out at the width of a telephone, items open and
# are chosen without a script, light and dark look so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/browser.sh"
cd "$scratch" || exit 1

$python - <<'END' || exit 1
import json
TEXTS = [("<script>window.owned = 1</script><img src=x onerror='window.owned = 1'>",
          "</dd></dl></details>\" onmouseover='x' & &lt;"),
         ("رسالة \u202eevil\u202c من \u2066abc\u2069", "שלום"), ("long " + "x" * 100000, "y" * 3000),
         ("controls \u0007\u001b[31m\u0085", "一行\n两行 𠮷")]
def share(right, n):
    return {"n": n, "correct": right, "interval": [max(0, right / n - .2), min(1, right / n + .2)]}
def case(i, right):
    prompt, expected = TEXTS[i % 4]
    return {"request": f"a/b#1@{i % 2}", "prompt": f"{i} {prompt}", "expected": expected,
            "got": expected if right else "not " + expected, "exact": right, "rouge_l": .25, "ended": True,
            "n_prompt_tokens": 9, "n_tokens": 4}
def part(task, metric, items, **more):
    right = sum(i.get("correct", i.get("exact", False)) for i in items)
    scores = {metric: right / len(items), **({} if metric == "accuracy" else {"rouge_l": .25})}
    return {"task": task, "metric": metric, "scores": scores, **share(right, len(items)), "items": items, **more}
def report(adapter, is_right):
    cases = [case(i, is_right(i)) for i in range(24)]
    groups = []
    for k, scenario in enumerate(("<b>抽取</b> 信息", "a scenario whose name is longer than there is room for")):
        own = [c for c in cases if c["request"].endswith(f"@{k}")]
        right = sum(c["exact"] for c in own)
        groups.append({"request": f"a/b#1@{k}", "scenario": scenario, "exact_match": right / 12, "rouge_l": .25,
                       **share(right, 12)})
    sealed = [{"request": "a/b#1@7", "prompt_sha256": f"{i:064x}", "expected_sha256": f"{i + 9:064x}",
               "got_sha256": f"{i:064x}", "exact": is_right(i), "rouge_l": .5, "ended": True} for i in range(4)]
    suite = [{"item": i, "correct": is_right(i), "extracted": str(i + 1), "gold": str(i)} for i in range(900)]
    return {"cotrain_eval": 1, "subject": {"model": "ab" * 32, "adapter": adapter}, "settings": {}, "tasks": [
        part("requests", "exact_match", cases, requests=groups), part("general", "exact_match", sealed, requests=[]),
        part("gsm8k_cn", "accuracy", suite),
        {"task": "validation", "metric": "loss", "scores": {"loss": 2.0}}]}
for name, value in (("before", report(None, lambda i: i % 3 == 0)), ("after", report("cd" * 32, lambda i: i % 4 != 1))):
    with open(name + ".json", "w") as f:
        json.dump(value, f)
with open("other.json", "w") as f:
    value = report(None, bool)
    value["tasks"][2]["items"].pop()
    value["tasks"][2]["n"] -= 1
    json.dump(value, f)
with open("kept.jsonl", "w") as f:
    for i in range(900):
        f.write(json.dumps({"task": "gsm8k_cn", "item": i, "prompt": f"question {i} <i>", "line":
                            f"question {i}[SEP]kept answer {i}<n>"}) + "\n")
END

# ---- lines, Markdown, JSON ----
run "$COTRAIN" eval report after.json --against before.json --markdown
expect_rc 0
expect_out '| `gsm8k_cn` | `accuracy` | 900 | 0.3333 | 0.7500 |'
expect_no_out model-index
run "$COTRAIN" eval report after.json --against before.json --markdown --name 'N "1"'
expect_out 'name: "N \"1\""'
expect_out '| `gsm8k_cn` | `accuracy` | 900 |'
run "$COTRAIN" eval report after.json
expect_out 'gsm8k_cn accuracy: 0.7500'
run "$COTRAIN" eval report after.json --against before.json --json
expect_out '"lost": 75'
run "$COTRAIN" eval report after.json --against other.json --html none.html
expect_rc 1
expect_one_error "gsm8k_cn"
check "no page of what cannot be compared" [ ! -e none.html ]

# ---- the page ----
run "$COTRAIN" eval report after.json --against before.json --html eval.html --answers kept.jsonl
expect_rc 0
run "$COTRAIN" eval report after.json --against before.json --html again.html --answers kept.jsonl
expect_same eval.html again.html
check_eval() {
    "$SOURCE_DIR/tests/shell/page.py" eval.html --charts 1 >eval.txt || return 1
    $python - <<'END'
import os
with open("eval.txt", encoding="utf-8") as f:
    text = f.read()
for part in ("<script>window.owned = 1</script>", "<U+202E>", "<b>抽取</b> 信息", "more characters", "kept answer 7",
             "question 899 <i>", "extracted: 8", "asked (SHA-256)", f"{12:064x}"):
    assert part in text, part
assert text.count("x" * 70000) == 0, "a long text is cut"
assert os.path.getsize("eval.html") < 4 << 20, os.path.getsize("eval.html")
END
}
check "the page is whole and holds nothing foreign" check_eval
run "$COTRAIN" eval report after.json --html alone.html
check "a page of one report" "$SOURCE_DIR/tests/shell/page.py" alone.html --charts 1

# ---- a release ----
check "a month" "$SOURCE_DIR/tests/shell/tiny_month.py" month
$python - <<'END' || exit 1
with open("month/lora.yaml") as f:
    recipe = f.read()
for old, new in (("scenario: copying", r'scenario: "<script>window.owned = 1</script>\u202e &amp; \e[31m抽取"'),
                 ("capability: says a word again", 'capability: "</td></table><img src=x onerror=window.owned=1>"'),
                 ("summary: A month to test with.", 'summary: "<b>\\u2066 it is said"'),
                 ("  validation: 0.1", "  validation: 0.1\n  filters: [exact_dup]")):
    assert old in recipe
    recipe = recipe.replace(old, new)
with open("month/lora.yaml", "w") as f:
    f.write(recipe)
END
run "$COTRAIN" run month/lora.yaml --work work
expect_rc 0
tiny=work/release/Tiny
run "$COTRAIN" release report "$tiny" --out release.html
expect_rc 0
run "$COTRAIN" release report "$tiny" --out again.html
expect_same release.html again.html
run "$COTRAIN" release report "$tiny" --out "$tiny/page.html"
expect_rc 2
expect_one_error "inside a release"
run "$COTRAIN" release verify "$tiny"
expect_rc 0
check_release() {
    "$SOURCE_DIR/tests/shell/page.py" release.html --charts 9 >release.txt || return 1
    $python - "$tiny" <<'END'
import json, sys
with open("release.txt", encoding="utf-8") as f:
    text = f.read()
with open(sys.argv[1] + "/manifest.json", encoding="utf-8") as f:
    chain = json.load(f)["chain"]
for part in ("<script>window.owned = 1</script><U+202E> &amp; <U+001B>[31m抽取", "</td></table><img", "<b><U+2066> it",
             "UNSIGNED", "not proved", "who made it: it is unsigned", "validation: <= +10", "8 steps over", "holds",
             "Learning rate", "Throughput", "Dropped by filters", "tiny/base", *filter(None, chain.values())):
    assert part in text, part
END
}
check "the release's page is whole and holds nothing foreign" check_release

# ---- two releases ----
run "$COTRAIN" run month/lora.yaml --work next --set train.seed=9 --set train.max_steps=6 \
    --set 'release.summary=</td></table><img src=x onerror=window.owned=1>'
expect_rc 0
run "$COTRAIN" release diff "$tiny" next/release/Tiny --html diff.html
expect_rc 0
run "$COTRAIN" release diff "$tiny" next/release/Tiny --html again.html --json
expect_same diff.html again.html
expect_out '"differs": true'
run "$COTRAIN" release diff "$tiny" "$tiny" --html same.html
check "a page of no difference" "$SOURCE_DIR/tests/shell/page.py" same.html --charts 1
run "$COTRAIN" release diff "$tiny" next/release/Tiny --html "$tiny/page.html"
expect_rc 2
expect_one_error "inside a release"
run "$COTRAIN" release report "$tiny" --out .
expect_rc 2
expect_one_error "'.' is a folder: name a file in it"
check_diff() {
    "$SOURCE_DIR/tests/shell/page.py" diff.html --charts 1 >diff.txt || return 1
    $python - <<'END'
with open("diff.txt", encoding="utf-8") as f:
    text = f.read()
for part in ("</td></table><img src=x", "<b><U+2066> it is said", "train.seed39", "requests exact_match",
             "changedmodel.safetensors", "The same: 2."):
    assert part in text, part
END
}
check "the page of two releases is whole and holds nothing foreign" check_diff

cp -r "$tiny" changed
printf ' ' >>changed/README.md
run "$COTRAIN" release report changed --out changed.html
expect_rc 3
expect_one_error "README.md"
check "no page of what is refused" [ ! -e changed.html ]

need_browser
cat >probe.js <<'END'
for (const e of document.querySelectorAll("details")) e.open = e.matches(".lost, .won");
const shown = () => [...document.querySelectorAll(".chosen")].map(list =>
    [...list.querySelectorAll(".item")].filter(e => e.offsetParent !== null).length);
const all = shown();
for (const e of document.querySelectorAll(".pick.lost")) e.checked = true;
const out = {...common, all, lost: shown(),
    wide: [...document.querySelectorAll(".item")].filter(e => e.getBoundingClientRect().right > innerWidth + .5).length};
END
framed_pages eval.html probe.js
probe() { # probe WIDTH SCHEME
    probe_dom "$1" "$2" || return 1
    $python - <<'END'
import json
with open("probe.json") as f:
    out = json.load(f)
assert out["all"] == [24, 4, 900], out["all"]
assert out["lost"][0] == 2 and out["lost"][2] == 75, out["lost"]
assert out["wide"] == 0, "opened items stick out"
END
}
check "wide and light" probe 1100 1
check "narrow and dark" probe 400 0
cat >probe.js <<'END'
for (const e of document.querySelectorAll("details")) e.open = true;
const out = {...common, foreign: document.querySelectorAll("img, main script, td b").length};
END
framed_pages release.html probe.js
probe_release() {
    probe_dom "$1" "$2" && $python - <<'END'
import json
with open("probe.json") as f:
    out = json.load(f)
assert len(out["svgs"]) >= 9 and out["title"] == "Tiny" and out["foreign"] == 0, out
END
}
check "a release, wide and dark" probe_release 1100 0
check "a release, narrow and light" probe_release 400 1
cat >probe.js <<'END'
const out = {...common, foreign: document.querySelectorAll("img, main script, td b").length};
END
framed_pages diff.html probe.js
probe_diff() {
    probe_dom "$1" "$2" && $python -c 'import json; out = json.load(open("probe.json")); assert out["foreign"] == 0, out'
}
check "two releases, wide and dark" probe_diff 1100 0
check "two releases, narrow and light" probe_diff 400 1
check "a dark picture" picture "$scratch/eval.html" 900 0 '[ "$most" -lt 60 ] && [ "$mean" -lt 90 ]'
finish
