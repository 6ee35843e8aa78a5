#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks a page of base/html.h by its text alone: every tag closed, no script, nothing fetched, nothing that
steers a reader, every chart with a size and a title. Prints the text that a reader sees.

page.py FILE [--charts N]    N: charts that there are at least
"""
import argparse
import html.parser
import re

FOREIGN = ("script", "img", "link", "iframe", "object", "embed", "form", "b<", "u", "s", "br")
VOID = ("meta", "input")


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.svgs, self.text, self.ids = [], [], [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in FOREIGN, f"<{tag}>"
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{name} of <{tag}>"
            assert name not in ("src", "srcset", "action", "style"), name
            assert name != "href" or value[0] == "#", value
        if "id" in attributes:
            assert attributes["id"] not in self.ids, f"two of id {attributes['id']}"
            self.ids.add(attributes["id"])
        if tag == "svg":
            self.svgs.append(attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--charts", type=int, default=0)
    arguments = parser.parse_args()
    with open(arguments.file, encoding="utf-8") as f:
        source = f.read()
    page = Page()
    page.feed(source)
    assert not page.open, page.open
    assert re.search(r'<html lang="en">', source) and re.search(r"<title>[^<]", source)
    assert "default-src 'none'" in source and "width=device-width" in source and "prefers-color-scheme" in source
    steers = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]", source)
    assert not steers, f"{steers.group()!r} at {steers.start()}"
    assert len(page.svgs) >= arguments.charts, f"{len(page.svgs)} charts"
    for svg in page.svgs:
        assert int(svg["width"]) > 0 and int(svg["height"]) > 0 and svg["viewbox"] and svg["role"] == "img"
    assert source.count("<svg") == len(re.findall(r"<svg[^>]*><title>[^<]", source)), "every chart has a title"
    print("".join(page.text))


if __name__ == "__main__":
    main()
