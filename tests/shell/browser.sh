# SPDX-License-Identifier: Apache-2.0
# Sourced by tests of pages, after lib.sh: a real browser, headless, with a folder of its own and no network.
#   browser WIDTH HEIGHT SCHEME [OPTION...]   SCHEME 1 is light, 0 dark
#   need_browser                              ends the test here (skipped, if all went well) where none starts
#   framed_pages PAGE PROBE                   writes probe-1100.html and probe-400.html: PAGE in a frame of that
#                                             width, with the script PROBE behind its content, which leaves its
#                                             result as the page's text
#   probe_dom WIDTH SCHEME                    runs such a page; its result lands in probe.json
#   picture PAGE WIDTH SCHEME CONDITION       a picture of the page has this width, and CONDITION holds of
#                                             $colours, $mean and $most (brightness, the most frequent one)
# and the part of a probe that all pages share, as $scratch/probe_common.js: an object `common`.
python=/usr/bin/python3

browser() {
    width=$1 height=$2 scheme=$3
    shift 3
    timeout 120 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --no-first-run --user-data-dir="$scratch/profile" --host-resolver-rules='MAP * ~NOTFOUND' \
        --window-size="$width,$height" --blink-settings=preferredColorScheme="$scheme" "$@" 2>>"$scratch/browser.err"
}

need_browser() {
    if ! browser 400 300 1 --dump-dom 'data:text/html,<p>alive' >"$scratch/alive.html" ||
        ! grep -q alive "$scratch/alive.html"; then
        [ "$n_failed" = 0 ] && skip "chromium does not start here: $(tail -1 "$scratch/browser.err" 2>/dev/null)"
        finish
    fi
}

cat >"$scratch/probe_common.js" <<'END'
const beyond = [...document.querySelectorAll("body *")].filter(e =>
    !e.closest(".wide") && !e.closest("svg") && e.getBoundingClientRect().right > innerWidth + 0.5);
const common = {owned: window.owned || 0, title: document.title, inner: innerWidth,
    scroll: document.documentElement.scrollWidth, beyond: beyond.slice(0, 3).map(e => e.outerHTML.slice(0, 80)),
    svgs: [...document.querySelectorAll("svg")].map(e => [e.clientWidth, e.clientHeight]),
    labels: [...document.querySelectorAll("svg text")].filter(t => {
        const b = t.getBBox(), s = t.ownerSVGElement.viewBox.baseVal;
        return b.x < -1 || b.x + b.width > s.width + 1 || b.y < -1 || b.y + b.height > s.height + 1; }).length,
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    page: getComputedStyle(document.body).backgroundColor};
END

# A copy that may run this one script. A window is at least 500 wide, so the narrow page stands in a frame of its own.
framed_pages() {
    $python - "$1" "$2" "$scratch" <<'END'
import html, sys
source, probe, folder = sys.argv[1:]
with open(source, encoding="utf-8") as f:
    page = f.read()
head, tail = page.split('<meta http-equiv="Content-Security-Policy"', 1)
page = head + tail.split(">", 1)[1]
with open(f"{folder}/probe_common.js") as common, open(probe) as own:
    script = common.read() + own.read()
page = page.replace("</body>", f"""<script>{script}
document.body.innerHTML = "";
document.body.append(JSON.stringify(out));</script></body>""")
for width in (1100, 400):
    with open(f"{folder}/probe-{width}.html", "w", encoding="utf-8") as f:
        f.write(f"""<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<body><iframe style="width:{width}px;height:800px;border:0" srcdoc="{html.escape(page)}"></iframe>
<script>onload = () => {{ document.body.textContent = frames[0].document.body.textContent }}</script>""")
END
}

# What must hold of every page is held here: no script ran, nothing sticks out, charts and their labels fit, and
# light and dark look so.
probe_dom() {
    browser 1200 900 "$2" --dump-dom "file://$scratch/probe-$1.html" >"$scratch/dom.html" || return 1
    $python - "$1" "$2" "$scratch" <<'END'
import html, json, re, sys
width, dark, folder = int(sys.argv[1]), sys.argv[2] == "0", sys.argv[3]
with open(f"{folder}/dom.html", encoding="utf-8") as f:
    out = json.loads(html.unescape(re.search(r"<body>(\{.*\})\s*</body>", f.read(), re.S).group(1)))
assert out["owned"] == 0, "a script ran"
assert out["inner"] == width and out["scroll"] <= width and not out["beyond"], out
assert out["svgs"] and all(w > 200 and h > 40 and w <= width for w, h in out["svgs"]), out["svgs"]
assert out["labels"] == 0, f"{out['labels']} labels stick out of their charts"
level = sum(map(int, re.findall(r"\d+", out["page"])[:3])) / 3
assert out["dark"] == dark and (level < 60 if dark else level > 240), out["page"]
with open(f"{folder}/probe.json", "w") as f:
    json.dump(out, f)
END
}

picture() {
    browser "$2" 700 "$3" --screenshot="$scratch/shot.png" "file://$1" >>"$scratch/browser.err" || return 1
    "$SOURCE_DIR/tests/shell/png.py" "$scratch/shot.png" >"$scratch/shot.txt" || return 1
    read -r w h colours mean most <"$scratch/shot.txt"
    echo "width $w, height $h, $colours colours, brightness $mean, mostly $most"
    [ "$w" = "$2" ] && [ "$h" = 700 ] && [ "$colours" -gt 100 ] && eval "$4"
}
