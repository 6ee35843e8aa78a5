#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an endpoint of OpenAI's protocol: answers every chat completion with the text of a file, and writes what
it was asked to another, a line of JSON each with whether a token came along.

openai.py ANSWER LOG      prints its port; ends with its standard input
"""
import http.server
import json
import os
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(sys.argv[2], "a", encoding="utf-8") as log:
            log.write(json.dumps({"path": self.path, "asked": asked, "token": "Authorization" in self.headers}) + "\n")
        with open(sys.argv[1], encoding="utf-8") as answer:
            body = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer.read()}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
