#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Git over HTTP with LFS, on loopback, for tests of pushing: the smart protocol by git's own http-backend, and
the LFS batch call with a store of files. Who asks must be `oauth2` with the token (HTTP Basic); the store is
asked by signed addresses, and must not be told the token. Prints its port, logs `METHOD PATH STATUS` lines.

git_server.py ROOT TOKEN LOG    (ROOT/NAME.git are bare repositories, ROOT/store/ the objects. Where ROOT/elsewhere
has another server's address, /moved.git is there. Where ROOT/store_at is JSON {"address", "authenticated"}, that
server's store is told to those who send, with or without the word that no log-in is needed; one with ROOT/closed
answers 401 there, one with ROOT/silent nothing at all)
"""
import base64
import contextlib
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

ROOT, TOKEN, LOG = sys.argv[1:4]
ELSEWHERE = os.path.join(ROOT, "elsewhere")
STORE = os.path.join(ROOT, "store")
STORE_AT = os.path.join(ROOT, "store_at")
CLOSED, SILENT = os.path.join(ROOT, "closed"), os.path.join(ROOT, "silent")
BASIC = "Basic " + base64.b64encode(f"oauth2:{TOKEN}".encode()).decode()
BACKEND = os.path.join(subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip(),
                       "git-http-backend")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):  # who asked may have been ended
            super().handle()

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def give(self, status, data=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.note(status)

    def note(self, status):
        with open(LOG, "a") as f:
            f.write(f"{self.command} {self.path} {status}\n")

    def batch(self, data):
        asked = json.loads(data)
        place = {"address": f"http://{self.headers['Host']}", "authenticated": True}
        if os.path.exists(STORE_AT):
            with open(STORE_AT) as f:
                place = json.load(f)
        base, objects = place["address"] + "/store/", []
        for one in asked["objects"]:
            there = os.path.exists(os.path.join(STORE, one["oid"]))
            answer = {"oid": one["oid"], "size": one["size"], "authenticated": place["authenticated"]}
            if asked["operation"] == "upload" and not there:
                answer["actions"] = {"upload": {"href": base + one["oid"]}}
            elif asked["operation"] == "download" and there:
                answer["actions"] = {"download": {"href": base + one["oid"]}}
            elif asked["operation"] == "download":
                answer["error"] = {"code": 404, "message": "Object does not exist"}
            objects.append(answer)
        self.give(200, json.dumps({"transfer": "basic", "objects": objects}).encode(),
                  [("Content-Type", "application/vnd.git-lfs+json")])

    def store(self, data):
        path = os.path.join(STORE, os.path.basename(self.path))
        if os.path.exists(SILENT):
            self.note("silent")
            threading.Event().wait()
        if os.path.exists(CLOSED):
            self.give(401, b"", [("WWW-Authenticate", 'Basic realm="store"')])
        elif "Authorization" in self.headers:
            self.give(400, b"the store is not to be told the token")
        elif self.command == "PUT":
            good = hashlib.sha256(data).hexdigest() == os.path.basename(path)
            if good:
                with open(path, "wb") as f:
                    f.write(data)
            self.give(200 if good else 422)
        elif os.path.exists(path):
            with open(path, "rb") as f:
                self.give(200, f.read(), [("Content-Type", "application/octet-stream")])
        else:
            self.give(404)

    def backend(self, data):
        path, _, query = self.path.partition("?")
        env = dict(os.environ, GIT_PROJECT_ROOT=ROOT, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
                   REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type") or "",
                   CONTENT_LENGTH=str(len(data)), REMOTE_USER="oauth2", REMOTE_ADDR="127.0.0.1",
                   HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding") or "")
        out = subprocess.run([BACKEND], input=data, env=env, capture_output=True).stdout
        head, _, text = out.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(v.split()[0]) for n, v in headers if n == "Status"), 200)
        self.give(status, text, [(n, v) for n, v in headers if n not in ("Status", "Content-Length")])

    def answer(self):
        data = self.body()
        if self.path.startswith("/store/"):
            self.store(data)
        elif self.path.startswith("/moved.git/") and os.path.exists(ELSEWHERE):
            with open(ELSEWHERE) as f:
                self.give(302, b"", [("Location", f.read().strip() + self.path)])
        elif self.headers.get("Authorization") != BASIC:
            self.give(401, b"", [("WWW-Authenticate", 'Basic realm="git"')])
        elif self.path.endswith("/info/lfs/objects/batch"):
            self.batch(data)
        elif "/info/lfs/" in self.path:
            self.give(404, b'{"message": "no locks"}', [("Content-Type", "application/vnd.git-lfs+json")])
        else:
            self.backend(data)

    do_GET = do_POST = do_PUT = answer


os.makedirs(STORE, exist_ok=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()  # until nobody is there who could want an answer
os._exit(0)
