#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the requests that real clients were recorded with to the stand-in, and holds its answers against the
recorded ones: the same status, and JSON of the same keys and types. What was put into the store was not
recorded, so that one request must be refused, as bytes that are not the announced ones.

replay.py HUB TOKEN RECORDING...
"""
import json
import sys
import urllib.error
import urllib.request


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(hub, token, one):
    headers = {name: value for name, value in one["headers"].items()
               if name not in ("host", "connection", "content-length", "accept-encoding")}
    if "/info/lfs/" in one["url"] or "authorization" in one:
        headers["authorization"] = "Bearer " + token
    body = one["body"].encode() if "body" in one else bytes(one["body_len"])
    request = urllib.request.Request(hub + one["url"], data=body, headers=headers, method=one["method"])
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay).open(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def shape(value):
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return type(value).__name__


# `header` of an action is optional in the protocol; the stand-in gives one, to see that it is sent back.
def without_header(value):
    if isinstance(value, dict):
        return {key: without_header(item) for key, item in value.items() if key != "header"}
    if isinstance(value, list):
        return [without_header(item) for item in value]
    return value


def main():
    hub, token, failed, n = sys.argv[1], sys.argv[2], 0, 0
    for path in sys.argv[3:]:
        for one in json.load(open(path)):
            if one["url"].startswith("/verify") or "/locks/" in one["url"]:
                continue  # an address of that server's own; not asked by this program
            status, text = ask(hub, token, one)
            wanted, want = one["response"]["status"], one["response"]["body"]
            if one["method"] == "PUT":
                wanted, want, text = 422, "", ""
            same = status == wanted and (not want or shape(without_header(json.loads(text))) == shape(json.loads(want)))
            n += 1
            if not same:
                failed += 1
                print(f"{one['method']} {one['url']}: {status} {text[:300]}\n  recorded: {wanted} {want[:300]}")
    print(f"{n} requests, {failed} answered otherwise")
    sys.exit(failed > 0 or n < 6)


main()
