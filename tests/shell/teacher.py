#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted teacher: an endpoint of OpenAI's protocol on loopback that knows the six requests of the sample month and
answers right, wrong, malformed and late in known shares. What it does with a question depends on the question alone
(prompt and seed), so any order, any number of runs and any resume see the same.

teacher.py LOG [CASES]    prints its port; ends with its standard input
                          LOG: a line of JSON for each thing sent; GET /counts: how many of each
                          CASES: a file of held-out cases, whose prompts it sends now and then, as if it knew them
"""
import collections
import hashlib
import http.server
import json
import os
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import make_month
from sample_words import Stream

# What becomes of a question for a row, in parts of a thousand; what is left is right.
SHARES = [("wrong_value", 110), ("wrong_form", 50), ("fenced", 40), ("prose", 30), ("half_json", 30), ("nonsense", 20),
          ("special_token", 15), ("example", 15), ("no_pair", 10), ("empty", 10), ("html", 10), ("half_body", 10),
          ("wrong_type", 10), ("cut_off", 10), ("refused", 10), ("busy", 30), ("server", 20), ("late", 3), ("huge", 3),
          ("case", 8)]
TICKET = make_month.REQUESTS[3]

lock = threading.Lock()
counts = collections.Counter()
tries = collections.Counter()  # of each question
answered = set()
cases = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")] if len(sys.argv) > 2 else []


def request_of(prompt):
    return next(r for r in make_month.REQUESTS if r[1] in prompt)


def wrong_value(stream, name, make, given, wanted):
    """An answer in the right form that the given text does not bear out."""
    if name == TICKET[0]:
        while True:
            other = make(stream)[1]
            if other != wanted:
                return other
    while True:
        kind, other = stream.below(3), make(stream)[1]
        digits = [i for i, c in enumerate(wanted) if c.isdigit()]
        if kind == 1 and digits:
            at = stream.pick(digits)
            other = wanted[:at] + str((int(wanted[at]) + 1 + stream.below(8)) % 10) + wanted[at + 1:]
        elif kind == 2:
            other = wanted[:-1]
        if other != wanted:
            return other


def right_label(text):
    """The ticket's class and urgency, found by its words."""
    kind = next(k for k, faults in make_month.FAULTS.items() if any(f in text for f in faults))
    urgency = next(u for u, words in make_month.URGENCY.items() if any(w in text for w in words))
    return f"类别：{kind}；优先级：{urgency}"


def vote(stream, prompt):
    """One ballot on a ticket: right nine times of ten."""
    wanted = right_label(prompt.split("---\n")[-2])
    return wrong_value(stream, TICKET[0], TICKET[2], None, wanted) if stream.below(10) == 0 else wanted


def plan(prompt, seed):
    """What is done with a question for a row: (what, prompt, response) of the row in it."""
    stream = Stream(hashlib.sha256(f"{seed} {prompt}".encode()).hexdigest())
    name, instruction, make = request_of(prompt)
    given, wanted = make(stream)
    draw, what = stream.below(1000), "right"
    for kind, share in SHARES:
        if draw < share:
            what = kind
            break
        draw -= share
    row = [instruction + "\n" + given, wanted]
    if what == "wrong_value":
        row[1] = wrong_value(stream, name, make, given, wanted)
    elif what == "wrong_form":
        row[1] = stream.pick(["答案是：", "Answer: ", "「"]) + wanted
    elif what == "special_token":
        row[1] = wanted + "<sep>"
    elif what == "example":
        row = [f"{instruction}\n{given}" for given, _ in make_month.draw(name, make)[0]][:1] + [wanted]
    elif what == "case":
        mine = [c for c in cases if c["prompt"].startswith(instruction)]
        if mine:
            case = stream.pick(mine)
            row = [case["prompt"], case["response"]]
        else:
            what = "right"
    return what, row[0], row[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, body, status=200, kind="application/json", headers=()):
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def say(self, text, reason="stop"):
        self.send(json.dumps({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}],
                              "usage": {"prompt_tokens": 100, "completion_tokens": 20}}).encode())

    def do_GET(self):
        with lock:
            self.send(json.dumps(counts).encode())

    def note(self, what, **more):
        with lock:
            counts[what] += 1
            with open(sys.argv[1], "a", encoding="utf-8") as log:
                log.write(json.dumps({"what": what, **more}, ensure_ascii=False) + "\n")

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, seed = asked["messages"][0]["content"], asked["seed"]
        key = (prompt, seed)
        with lock:
            tries[key] += 1
            attempt = tries[key]
            counts["requests"] += 1
            counts["again"] += key in answered
        if self.path != "/v1/chat/completions":
            return self.send(b"{}", 404)
        if "JSON array" in prompt or "JSON数组" in prompt:
            self.note("topics", prompt=prompt)
            self.over(key)
            return self.say(json.dumps([f"topic {i}" for i in range(20)]))
        if "Write nothing but the response" in prompt or "只写回答本身" in prompt:
            self.note("ballot", prompt=prompt)
            self.over(key)
            return self.say(vote(Stream(hashlib.sha256(f"vote {seed} {prompt}".encode()).hexdigest()), prompt))
        return self.answer(key, attempt)

    def over(self, key):
        with lock:
            answered.add(key)

    def answer(self, key, attempt):
        what, prompt, response = plan(*key)
        text = json.dumps({"prompt": prompt, "response": response}, ensure_ascii=False)
        failing = {"busy": 1, "server": 2, "late": 1}.get(what, 0)
        if attempt <= failing:
            self.note(what)
            if what == "busy":
                return self.send(b"slow down", 429, "text/plain", [("Retry-After", "0")])
            if what == "server":
                return self.send(b"oops", 503, "text/plain", [("Retry-After", "0")])
            return self.connection.recv(1)  # nothing, until the other side gives up
        if failing:
            what = "right"
        self.note(what, prompt=prompt, response=response, asked=key[0])
        self.over(key)
        if what == "html":
            return self.send(b"<html><body>502 Bad Gateway</body></html>", 200, "text/html; charset=utf-8")
        if what == "half_body":
            return self.send(b'{"choices": [{"message": {"role": "assistant", "content": "{\\"prom')
        if what == "wrong_type":
            return self.send(json.dumps({"choices": [{"message": {"content": text}}]}).encode(), 200, "text/plain")
        if what == "refused":
            return self.send(b'{"error": {"message": "content policy"}}', 400)
        if what == "huge":
            return self.send(b'{"choices": "' + b"a" * (5 << 20) + b'"}')
        if what == "cut_off":
            return self.say(text[:-10], "length")
        if what == "empty":
            return self.say(" \n")
        if what == "fenced":
            return self.say("```json\n" + text + "\n```")
        if what == "prose":
            return self.say("Sure, here is one {as you asked}:\n" + text + "\nDo you want more?")
        if what == "half_json":
            return self.say(text[:len(text) // 2])
        if what == "nonsense":
            return self.say("我不太明白你的意思。 I cannot help with that.")
        if what == "no_pair":
            return self.say('{"prompt": 5, "answer": "x"}')
        return self.say(text)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_):
        pass  # the other side went away


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
