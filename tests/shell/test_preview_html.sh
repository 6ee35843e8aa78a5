#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page that `data preview --html` writes, of a dataset whose texts try to break it: by its text alone
# (every tag closed, no script, nothing fetched), and in a real browser, headless: no script ran, nothing
# sticks out at the width of a telephone, every chart has a size, and light and dark pages look so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/browser.sh"
cd "$scratch" || exit 1

$python - <<'END' || exit 1
import json
texts = [
    ("<script>window.owned = 1</script><img src=x onerror=\"window.owned = 1\">",
     "</div></article></main><script>window.owned = 1</script>\" onmouseover='x' & &lt; &#60; -->"),
    ("رسالة من اليمين \u202eevil\u202c إلى اليسار", "שלום עולם, מה שלומך? \u2066abc\u2069"),
    ("emoji 👩‍👩‍👧‍👦 🎉, controls \u0007\u001b[31m\u0085", "ok \u0001 end"),
    ("long " + "x" * 10000, "y" * 3000),
    ("two\nlines\r\nand a tab\t.", "一行\n两行 𠮷"),
    ("call 13800138001", "write to li.wei@inspur-mail.cn (now"),
    ("the same question", "one answer"), ("the same question", "another answer"),
    ("the same question", "one answer"),
]
with open("rows <b>&\".jsonl", "w") as f:
    for prompt, response in texts:
        row = {"prompt": prompt, "response": response, "reviewer": "<i>Li</i>", "license": "mit<br>"}
        if response.startswith("y"):
            row["origin"] = {"generator": "<u>", "model": "<s>m</s>", "method": "x", "prompt_sha256": "0" * 64}
        f.write(json.dumps(row, ensure_ascii=False) + "\n")
    for i in range(300):
        f.write(json.dumps({"prompt": f"第 {i} 个问题" + "，再说一遍" * (i % 40), "response": "好。" * (i % 23 + 1)},
                           ensure_ascii=False) + "\n")
END
cat >page.yaml <<END
cotrain: 1
name: page
base_model: {path: $SOURCE_DIR/models/nano}
requests:
  - {id: "a/b#1@2", scenario: "<script>window.owned = 1</script>抽取", capability: x,
     examples: [{prompt: "一个例子", response: "好"}]}
data:
  filters: [exact_dup]
  sources:
    - {path: 'rows <b>&".jsonl', request: "a/b#1@2"}
train: {sequence_len: 20000}
END
run "$COTRAIN" data build page.yaml --out 'set <i>'
expect_rc 0
run "$COTRAIN" data preview 'set <i>' --html page.html --rows 400
expect_rc 0
run "$COTRAIN" data preview 'set <i>' --html again.html --rows 400
expect_same page.html again.html

check_page() {
    "$SOURCE_DIR/tests/shell/page.py" page.html --charts 7 >page.txt || return 1
    $python - <<'END'
import re
with open("page.txt", encoding="utf-8") as f:
    text = f.read()
with open("page.html", encoding="utf-8") as f:
    assert "<title>Dataset set &lt;i&gt;</title>" in f.read()
assert "<script>window.owned = 1</script>" in text and "<U+202E>" in text, "texts are shown as they are"
assert "13800138001" not in re.sub(r"Rows\n.*", "", text.split("spread evenly")[0], flags=re.S), "lint is masked"
assert "exact_dup" in text and "conflicts" in text and "Length of rows" in text and "个例子" in text
END
}
check "the page is whole and holds nothing foreign" check_page

need_browser
cat >probe.js <<'END'
const out = {...common, marks: document.querySelectorAll("mark").length,
    underline: getComputedStyle(document.querySelector("mark")).textDecorationLine};
END
framed_pages page.html probe.js
probe() { # probe WIDTH SCHEME
    probe_dom "$1" "$2" || return 1
    $python - <<'END'
import json
with open("probe.json") as f:
    out = json.load(f)
assert out["title"] == "Dataset set <i>" and len(out["svgs"]) >= 7, out
assert out["marks"] > 100 and out["underline"] == "underline", "trained tokens are marked twice"
END
}
check "wide and light" probe 1100 1
check "narrow and light" probe 400 1
check "narrow and dark" probe 400 0
page=$scratch/page.html
check "a light picture" picture "$page" 900 1 '[ "$most" -gt 240 ] && [ "$mean" -gt 200 ] && [ "$mean" -lt 254 ]'
check "a dark picture" picture "$page" 900 0 '[ "$most" -lt 60 ] && [ "$mean" -lt 90 ] && [ "$mean" -gt "$most" ]'
check "a narrow picture" picture "$page" 400 1 '[ "$most" -gt 240 ]'
finish
