#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page that `data preview --html` writes, of a dataset whose texts try to break it: by its text alone
# (every tag closed, no script, nothing fetched), and in a real browser, headless: no script ran, nothing
# sticks out at the width of a telephone, every chart has a size, and light and dark pages look so.
. "$(dirname "$0")/lib.sh"
cd "$scratch" || exit 1
python=/usr/bin/python3

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
    $python - "$@" <<'END'
import html.parser, re, sys
VOID = {"meta", "br", "line", "rect"}
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.svgs, self.text = [], [], []
    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in ("script", "img", "link", "iframe", "object", "b<", "u", "s", "br"), f"<{tag}>"
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{name} of <{tag}>"
            assert name not in ("src", "srcset", "action", "style") and (name != "href" or value[0] == "#"), name
        if tag == "svg":
            self.svgs.append(attributes)
        if tag not in ("meta",):
            self.open.append(tag)
        self.last = tag
    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()
    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()
    def handle_data(self, data):
        self.text.append(data)
with open(sys.argv[1], encoding="utf-8") as f:
    source = f.read()
page = Page()
page.feed(source)
text = "".join(page.text)
assert not page.open, page.open
assert re.search(r'<html lang="en">', source) and "<title>Dataset set &lt;i&gt;</title>" in source
assert "default-src 'none'" in source and "width=device-width" in source and "prefers-color-scheme" in source
assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]", source)
assert "<script>window.owned = 1</script>" in text and "<U+202E>" in text, "texts are shown as they are"
assert "13800138001" not in re.sub(r"Rows\n.*", "", text.split("spread evenly")[0], flags=re.S), "lint is masked"
assert len(page.svgs) >= 7
for svg in page.svgs:
    assert int(svg["width"]) > 0 and int(svg["height"]) > 0 and svg["viewbox"] and svg["role"] == "img"
assert source.count("<svg") == len(re.findall(r"<svg[^>]*><title>[^<]", source)), "every chart has a title"
assert "exact_dup" in text and "conflicts" in text and "Length of rows" in text and "个例子" in text
END
}
check "the page is whole and holds nothing foreign" check_page page.html

# The browser: a folder of its own, no network.
browser() { # browser WIDTH HEIGHT SCHEME [OPTION...]: SCHEME 1 is light, 0 dark
    width=$1 height=$2 scheme=$3
    shift 3
    timeout 120 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --no-first-run --user-data-dir="$scratch/profile" --host-resolver-rules='MAP * ~NOTFOUND' \
        --window-size="$width,$height" --blink-settings=preferredColorScheme="$scheme" "$@" 2>>browser.err
}
if ! browser 400 300 1 --dump-dom 'data:text/html,<p>alive' >alive.html || ! grep -q alive alive.html; then
    [ "$n_failed" = 0 ] && skip "chromium does not start here: $(tail -1 browser.err 2>/dev/null)"
    finish
fi
cat >probe.js <<'END'
const beyond = [...document.querySelectorAll("body *")].filter(e =>
    !e.closest(".wide") && !e.closest("svg") && e.getBoundingClientRect().right > innerWidth + 0.5);
const out = {owned: window.owned || 0, title: document.title, inner: innerWidth,
    scroll: document.documentElement.scrollWidth, beyond: beyond.slice(0, 3).map(e => e.outerHTML.slice(0, 80)),
    svgs: [...document.querySelectorAll("svg")].map(e => [e.clientWidth, e.clientHeight]),
    labels: [...document.querySelectorAll("svg text")].filter(t => {
        const b = t.getBBox(), s = t.ownerSVGElement.viewBox.baseVal;
        return b.x < -1 || b.x + b.width > s.width + 1 || b.y < -1 || b.y + b.height > s.height + 1; }).length,
    marks: document.querySelectorAll("mark").length,
    underline: getComputedStyle(document.querySelector("mark")).textDecorationLine,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    page: getComputedStyle(document.body).backgroundColor};
document.body.innerHTML = "";
document.body.append(JSON.stringify(out));
END
# A copy that may run this one script, behind the page's own content.
$python - <<'END'
import html
with open("page.html", encoding="utf-8") as f:
    page = f.read()
head, tail = page.split('<meta http-equiv="Content-Security-Policy"', 1)
page = head + tail.split(">", 1)[1]
with open("probe.js") as f:
    page = page.replace("</body>", "<script>" + f.read() + "</script></body>")
# A window is at least 500 wide, so the narrow page stands in a frame of its own.
for width in (1100, 400):
    with open(f"probe-{width}.html", "w", encoding="utf-8") as f:
        f.write(f"""<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<body><iframe style="width:{width}px;height:800px;border:0" srcdoc="{html.escape(page)}"></iframe>
<script>onload = () => {{ document.body.textContent = frames[0].document.body.textContent }}</script>""")
END
probe() { # probe WIDTH SCHEME DARK
    browser 1200 900 "$2" --dump-dom "file://$scratch/probe-$1.html" >dom.html || return 1
    $python - "$1" "$3" <<'END'
import html, json, re, sys
with open("dom.html", encoding="utf-8") as f:
    out = json.loads(html.unescape(re.search(r"<body>(\{.*\})\s*</body>", f.read(), re.S).group(1)))
width, dark = int(sys.argv[1]), sys.argv[2] == "dark"
assert out["owned"] == 0 and out["title"] == "Dataset set <i>", "a script ran"
assert out["inner"] == width and out["scroll"] <= width and not out["beyond"], out
assert len(out["svgs"]) >= 7 and all(w > 200 and h > 40 and w <= width for w, h in out["svgs"]), out["svgs"]
assert out["labels"] == 0, f"{out['labels']} labels stick out of their charts"
assert out["marks"] > 100 and out["underline"] == "underline", "trained tokens are marked twice"
level = sum(map(int, re.findall(r"\d+", out["page"])[:3])) / 3
assert out["dark"] == dark and (level < 60 if dark else level > 240), out["page"]
END
}
check "wide and light" probe 1100 1 light
check "narrow and light" probe 400 1 light
check "narrow and dark" probe 400 0 dark
picture() { # picture WIDTH SCHEME CONDITION: of width, height, colours, mean and most frequent brightness
    browser "$1" 700 "$2" --screenshot="$scratch/shot.png" "file://$scratch/page.html" >>browser.err || return 1
    "$SOURCE_DIR/tests/shell/png.py" shot.png >shot.txt || return 1
    read -r w h colours mean most <shot.txt
    echo "width $w, height $h, $colours colours, brightness $mean, mostly $most"
    [ "$w" = "$1" ] && [ "$h" = 700 ] && [ "$colours" -gt 100 ] && eval "$3"
}
check "a light picture" picture 900 1 '[ "$most" -gt 240 ] && [ "$mean" -gt 200 ] && [ "$mean" -lt 254 ]'
check "a dark picture" picture 900 0 '[ "$most" -lt 60 ] && [ "$mean" -lt 90 ] && [ "$mean" -gt "$most" ]'
check "a narrow picture" picture 400 1 '[ "$most" -gt 240 ]'
finish
