#!/usr/bin/env python3
"""Stories of `connlib-portal serve` as a process: serve_story.py PROGRAM STORY

Everything happens on loopback and in a temporary folder; only processes started here are ended.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = sys.argv[1]


def fail(what):
    sys.exit(f"FAIL: {what}")


def check(condition, what):
    if not condition:
        fail(what)
    print(f"ok: {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Portal:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.db = str(self.folder / "portal.db")
        self.log = self.folder / "log"
        self.port = free_port()
        self.process = None

    def run(self, *arguments, expect=0):
        done = subprocess.run([PROGRAM, "--db", self.db, *arguments], capture_output=True, text=True, timeout=30)
        if done.returncode != expect:
            fail(f"{arguments}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def start(self):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(self.folder / "notify"))
        notify.settimeout(20)
        environment = dict(os.environ, NOTIFY_SOCKET=str(self.folder / "notify"))
        self.process = subprocess.Popen(
            [PROGRAM, "--db", self.db, "serve", "--listen", f"127.0.0.1:{self.port}", "--log", "debug"],
            env=environment, stderr=self.log.open("a"))
        try:
            said = notify.recv(100)
        except socket.timeout:
            self.process.kill()
            fail(f"not ready: {self.log.read_text()}")
        finally:
            notify.close()
            (self.folder / "notify").unlink()
        if said != b"READY=1":
            fail(f"said {said} to the service manager")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(timeout=20)

    def ask(self, method, path, body=None, token=None, raw=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        sent = dict(headers)
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = raw if raw is not None else (json.dumps(body) if body is not None else None)
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        kind = answer.getheader("Content-Type") or ""
        return answer.status, json.loads(text) if "json" in kind else text

    def sign_in(self, password):
        status, body = self.ask("POST", "/api/v1/sign-in",
                                {"actor": "admin", "password": password, "new_password": "correct horse battery"})
        if status != 201:
            fail(f"sign-in: {status} {body}")
        return body["token"]


def operator_story(portal):
    said = portal.run("init", "--url", "https://portal.example.com").stdout
    password = re.search(r"one-time password +(\S+)", said)[1]
    portal.start()
    token = portal.sign_in(password)
    check(portal.ask("GET", "/healthz")[0] == 200, "it lives")
    check(portal.ask("GET", "/readyz") == (200, "ready\n"), "it is ready")
    status, site = portal.ask("POST", "/api/v1/sites", {"name": "HQ"}, token)
    check(status == 201 and site["name"] == "HQ", "the API makes a site")
    check(portal.ask("DELETE", f"/api/v1/sites/{site['id']}", token=token)[0] == 204, "and removes it")
    check(portal.ask("GET", "/api/v1/openapi.json")[1]["openapi"] == "3.1.0", "it serves its own description")
    check("connlib_portal_api_requests_total" in portal.ask("GET", "/metrics")[1], "it counts")
    check(portal.ask("GET", "/api/v1/sites")[1]["code"] == "missing_token", "without a token there is nothing to see")
    check("name = \"Default\"" in portal.run("export").stdout, "commands work beside it")
    portal.run("serve", "--listen", f"127.0.0.1:{portal.port}", expect=4)
    portal.run("serve", "--listen", "0.0.0.0:0", expect=2)
    portal.run("serve", "--listen", "here", expect=2)
    check(portal.stop() == 0, "SIGTERM ends it with 0")
    files = b"".join(path.read_bytes() for path in portal.folder.iterdir() if path.is_file())
    for secret in (password, token[-43:], "correct horse battery"):
        check(secret.encode() not in files, "no file has the secret: store, WAL, log")


def hostile_story(portal):
    said = portal.run("init", "--url", "https://portal.example.com").stdout
    portal.start()
    token = portal.sign_in(re.search(r"one-time password +(\S+)", said)[1])
    with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
        # Only announced: it is refused before it comes, and whoever sends on may find the connection closed.
        connection.sendall(b"POST /api/v1/sites HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n")
        check(connection.recv(4096).startswith(b"HTTP/1.1 413"), "a large body is refused")
    check(portal.ask("POST", "/api/v1/sites", raw="[" * 500000, token=token)[0] == 400, "a deep one, too")
    for garbage in (b"\0" * 1000, b"GET " + b"a" * 100000, b"POST /api/v1/sites HTTP/1.1\r\nHost: x\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                    b"POST /api/v1/sites HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                    b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"\r\n\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", portal.port), timeout=10) as connection:
            try:
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(4096)
            except OSError:
                pass  # Cut off: as good an answer as any.
    check(portal.ask("GET", "/healthz")[0] == 200, "garbage does not end it")
    silent = []
    for _ in range(700):
        connection = socket.create_connection(("127.0.0.1", portal.port), timeout=10)
        silent.append(connection)
        if len(silent) % 7 == 0:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHos")
    began = time.monotonic()
    check(portal.ask("GET", "/api/v1/sites", token=token)[0] == 200, "700 silent connections keep nobody out")
    check(time.monotonic() - began < 5, "nor waiting")
    for connection in silent:
        connection.close()
    check(portal.stop() == 0, "SIGTERM ends it with 0")


def kill_story(portal):
    said = portal.run("init", "--url", "https://portal.example.com").stdout
    password = re.search(r"one-time password +(\S+)", said)[1]
    token = None
    acknowledged = []
    for round_ in range(4):
        portal.start()
        token = token or portal.sign_in(password)

        def write():
            for number in range(10000):
                name = f"site {round_}-{number}"
                try:
                    status, _ = portal.ask("POST", "/api/v1/sites", {"name": name}, token)
                except (OSError, http.client.HTTPException):
                    return
                if status == 201:
                    acknowledged.append(name)
                time.sleep(0.02)

        writer = threading.Thread(target=write)
        writer.start()
        before = len(acknowledged)
        until = time.monotonic() + 10
        while len(acknowledged) < before + 25 and time.monotonic() < until:
            time.sleep(0.003)
        portal.stop(signal.SIGKILL)
        writer.join()
    portal.start()
    _, body = portal.ask("GET", "/api/v1/sites", token=token)
    names = {site["name"] for site in body["items"]}
    check(len(acknowledged) >= 100, f"{len(acknowledged)} writes were acknowledged")
    check(names.issuperset(acknowledged), "none of them was lost by kill -9")
    check(portal.stop() == 0, "and it still ends as it should")
    portal.run("backup", str(portal.folder / "copy.db"))


with tempfile.TemporaryDirectory() as folder:
    portal = Portal(folder)
    try:
        {"operator": operator_story, "hostile": hostile_story, "kill": kill_story}[sys.argv[2]](portal)
    finally:
        if portal.process and portal.process.poll() is None:
            portal.process.kill()
            portal.process.wait()
        if portal.log.exists():
            print(portal.log.read_text())
