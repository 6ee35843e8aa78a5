/* SPDX-License-Identifier: Apache-2.0
 * Escaping, the frame of a page, and tables. The style is one text for all pages: two palettes of
 * the same names, measured to a contrast of 4.5 for text and 3 for shapes, so that no page sets a
 * colour of its own. The contract is base/html.h. */
#include "base/html.h"
#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--page:#fff;--ink:#1d232b;--soft:#59636e;--line:#d5dae0;"
    "--panel:#f5f7f9;--first:#1f6fb5;--second:#b3530a;--mark:#dff0df;--trained:#14632a;"
    "--warn:#a01c1c}"
    "@media(prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e4e8ec;--soft:#9aa5b1;"
    "--line:#363e47;--panel:#1d232a;--first:#6cb2ee;--second:#efa355;--mark:#1d3a26;"
    "--trained:#8fdca4;--warn:#ff9a94}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"Noto Sans\",\"PingFang SC\",\"Microsoft YaHei\",\"Noto Sans CJK SC\","
    "sans-serif}"
    "main{max-width:70rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
    "h1{font-size:1.7rem;line-height:1.25;margin:0 0 .3rem;overflow-wrap:anywhere}"
    "h2{font-size:1.25rem;margin:2.6rem 0 .8rem;padding-top:.6rem;border-top:1px solid var(--line)}"
    "h3{font-size:1rem;margin:1.4rem 0 .4rem}"
    "p{margin:.4rem 0 .8rem;max-width:48rem}"
    "a{color:var(--first)}"
    "nav{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.8rem 0 0}"
    ".soft{color:var(--soft)}.warn{color:var(--warn);font-weight:600}"
    ".facts{display:grid;grid-template-columns:repeat(8,1fr);gap:.7rem;"
    "margin:1rem 0;padding:0}"
    ".facts div{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;"
    "padding:.55rem .8rem}"
    ".facts dt{color:var(--soft);font-size:.84rem}"
    ".facts dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}"
    ".wide{overflow-x:auto;max-width:100%}"
    "table{border-collapse:collapse;width:100%;font-size:.92rem}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid "
    "var(--line);overflow-wrap:break-word}"
    "th{font-weight:600;color:var(--soft);white-space:nowrap}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.c,.hash{font-family:ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;"
    "font-size:.84em;overflow-wrap:anywhere}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));"
    "gap:1.2rem;align-items:start;margin:0 0 1rem}"
    "figure{margin:0;padding:.9rem 1rem;background:var(--panel);border:1px solid var(--line);"
    "border-radius:.5rem;min-width:0;break-inside:avoid}"
    "figcaption{font-weight:600;margin-bottom:.5rem}"
    "figcaption span{display:block;font-weight:400;font-size:.88rem;color:var(--soft)}"
    ".chart{display:block;width:100%;height:auto;max-width:30rem}"
    ".chart text{font-family:inherit;font-size:12px;fill:var(--ink);paint-order:stroke;"
    "stroke:var(--panel);stroke-width:3px}"
    ".chart .tick{fill:var(--soft);font-size:11px}"
    ".chart .grid{stroke:var(--line);stroke-width:1}"
    ".chart .axis{stroke:var(--soft);stroke-width:1}"
    ".chart .bar0{fill:var(--first)}.chart .bar1{fill:var(--second)}"
    ".chart polyline{fill:none;stroke-width:2;stroke-linejoin:round}"
    ".chart .line0{stroke:var(--first)}.chart .line1{stroke:var(--second)}"
    ".chart .faint{stroke:var(--soft);stroke-width:1}.chart .hit{fill:transparent}"
    ".chart .was{stroke:var(--second);fill:var(--second)}"
    ".chart .is{stroke:var(--first);fill:var(--first)}.chart .span{stroke-width:3;opacity:.55}"
    ".chart .box{fill:var(--page);stroke:var(--soft);stroke-width:1}"
    ".chart .arrow{fill:none;stroke:var(--soft);stroke-width:1.5}.chart .tip{fill:var(--soft)}"
    ".chart .name{font-weight:600}"
    ".chart .code{font-family:ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}"
    ".chart .mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3}"
    ".chosen{position:relative}.pick{position:absolute;opacity:0;pointer-events:none}"
    ".pick+label{display:inline-block;border:1px solid var(--line);border-radius:1rem;"
    "padding:.05rem .7rem;margin:0 .35rem .45rem 0;cursor:pointer;font-size:.9rem}"
    ".pick:checked+label{background:var(--first);border-color:var(--first);color:var(--page)}"
    ".pick:focus-visible+label{outline:2px solid var(--ink);outline-offset:2px}"
    ".pick.lost:checked~.items>:not(.lost),.pick.won:checked~.items>:not(.won),"
    ".pick.wrong:checked~.items>:not(.wrong),.pick.right:checked~.items>:not(.right),"
    ".pick.open:checked~.items>:not(.open){display:none}"
    ".item{border:1px solid var(--line);border-radius:.4rem;margin:.35rem 0;padding:.1rem .7rem;"
    "overflow-wrap:anywhere}"
    ".badge{display:inline-block;min-width:3.4rem;margin-right:.4rem;text-align:center;"
    "font-size:.8rem;color:var(--soft);border:1px solid currentColor;border-radius:.25rem}"
    ".lost>summary>.badge{color:var(--warn)}.won>summary>.badge{color:var(--trained)}"
    ".sides{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem .9rem;"
    "margin:.4rem 0}.sides dt{color:var(--soft)}.sides dd{margin:0}"
    ".text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;max-height:22rem;"
    "overflow:auto;background:var(--panel);border-radius:.25rem;padding:.1rem .5rem}"
    "details{margin:.5rem 0}summary{cursor:pointer;padding:.2rem 0}"
    "ol.rows{margin:.2rem 0 .8rem;padding-left:1.6rem}ol.rows li{margin:.35rem 0;"
    "overflow-wrap:anywhere}"
    "q{display:block;color:var(--soft);quotes:none;overflow-wrap:anywhere;unicode-bidi:plaintext}"
    "article{border:1px solid var(--line);border-radius:.5rem;margin:.9rem 0;overflow:hidden}"
    "article header{background:var(--panel);border-bottom:1px solid var(--line);"
    "padding:.45rem .8rem;font-size:.9rem;overflow-wrap:anywhere}"
    ".tokens{padding:.6rem .8rem;white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.9;"
    "unicode-bidi:plaintext}"
    ".tokens i{font-style:normal;border-right:1px solid var(--line)}"
    "mark{background:var(--mark);color:var(--trained);text-decoration:underline;"
    "text-decoration-thickness:2px;text-underline-offset:4px}"
    ".tokens b{unicode-bidi:isolate;direction:ltr;font-weight:600;font-size:.82em;border:1px solid "
    "currentColor;border-radius:.25rem;"
    "padding:0 .25rem;margin:0 .1rem}"
    "@media(max-width:68rem){.facts{grid-template-columns:repeat(4,1fr)}}"
    "@media(max-width:34rem){.facts{grid-template-columns:repeat(2,1fr)}main{padding:1rem .7rem "
    "3rem}h1{font-size:1.35rem}"
    "th,td{padding:.3rem .4rem}.sides{grid-template-columns:minmax(0,1fr)}}"
    "@media print{:root{--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--panel:#fff;"
    "--first:#1f6fb5;--second:#b3530a;--mark:#e6e6e6;--trained:#000;--warn:#000}"
    "nav{display:none}main{max-width:none;padding:0}h2{break-after:avoid}"
    "article,tr{break-inside:avoid}details>*{display:block}.wide{overflow:visible}"
    ".pick,.pick+label{display:none}.text{max-height:none;overflow:visible}}";

static const char *entity(uint32_t c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

err html_text(struct str *out, const char *text, size_t n) {
    size_t plain = 0; /* where what needs no change begins */
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t size = utf8_next_any(text + i, n - i, &c);
        bool changed = entity(c) || utf8_steers(c) || (c == 0xFFFD && size == 1);
        if (changed) {
            TRY(str_append(out, text + plain, i - plain));
            plain = i + size;
            if (entity(c))
                TRY(str_add(out, entity(c)));
            else if (c == 0xFFFD)
                TRY(str_codepoint(out, c));
            else
                TRY(str_printf(out, "&lt;U+%04X&gt;", c));
        }
        i += size;
    }
    return str_append(out, text + plain, n - plain);
}

err html_add(struct str *out, const char *text) {
    return html_text(out, text, strlen(text));
}

/* In halves of the font's height. */
static int width_of(uint32_t c) {
    enum { SHOWN_AS_CODE = 12 }; /* "<U+202E>" */
    if (utf8_steers(c)) return SHOWN_AS_CODE;
    return c >= 0x1100 ? 2 : 1;
}

err html_label(struct str *out, const char *text, int units) {
    size_t n = strlen(text), i = 0, kept = 0;
    for (int used = 0; i < n;) {
        uint32_t c;
        size_t size = utf8_next_any(text + i, n - i, &c);
        used += width_of(c);
        if (used <= units - 1) kept = i + size;
        if (used > units) break;
        i += size;
    }
    if (i >= n) return html_text(out, text, n);
    TRY(html_text(out, text, kept));
    return str_add(out, "\xE2\x80\xA6");
}

err html_begin(struct str *out, const char *title, const char *lang) {
    TRY(str_printf(out,
                   "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'unsafe-inline'\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<title>",
                   lang));
    TRY(html_add(out, title));
    TRY(str_add(out, "</title>\n<style>"));
    TRY(str_add(out, style));
    return str_add(out, "</style>\n</head>\n<body>\n<main>\n");
}

err html_end(struct str *out) {
    return str_add(out, "</main>\n</body>\n</html>\n");
}

err html_section(struct str *out, const char *id, const char *title) {
    return str_printf(out, "<h2 id=\"%s\">%s</h2>\n", id, title);
}

/* <th class="n"> of a column. */
static err cell_begin(struct str *out, const char *tag, char kind) {
    if (kind == 't') return str_printf(out, "<%s>", tag);
    return str_printf(out, "<%s class=\"%c\">", tag, kind);
}

err html_table_begin(struct str *out, const struct html_table *t) {
    if (t->caption) { /* outside, so that it does not scroll with a wide table */
        TRY(str_add(out, "<p class=\"soft\">"));
        TRY(html_add(out, t->caption));
        TRY(str_add(out, "</p>\n"));
    }
    TRY(str_add(out, "<div class=\"wide\"><table>\n"));
    TRY(str_add(out, "<thead><tr>"));
    for (int i = 0; i < t->n_columns; i++) {
        TRY(cell_begin(out, "th", t->numbers[i] == 'n' ? 'n' : 't'));
        TRY(html_add(out, t->columns[i]));
        TRY(str_add(out, "</th>"));
    }
    return str_add(out, "</tr></thead>\n<tbody>\n");
}

err html_table_row(struct str *out, const struct html_table *t, const char *const *cells) {
    TRY(str_add(out, "<tr>"));
    for (int i = 0; i < t->n_columns; i++) {
        TRY(cell_begin(out, "td", t->numbers[i]));
        if (cells[i]) TRY(html_add(out, cells[i]));
        TRY(str_add(out, "</td>"));
    }
    return str_add(out, "</tr>\n");
}

err html_table_end(struct str *out) {
    return str_add(out, "</tbody>\n</table></div>\n");
}
