"""Real servers for tests: started as a user would, killed, started again at the same port."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def poolwise(*words, cwd):
    """Run a command to its end."""
    command = [sys.executable, "-m", "poolwise", *words]
    done = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Server:
    """`poolwise annotate` of a run."""

    def __init__(self, folder: Path, *options: str, log: Path | None = None) -> None:
        self.folder, self.options, self.port = folder, options, free_port()
        self.log = log or folder / "page.log"
        self.process: subprocess.Popen | None = None
        self.links: dict[str, str] = {}

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        words = ["annotate", str(self.folder), "--port", str(self.port), "--no-browser", *self.options]
        log = self.log.open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "poolwise", *words], env=environment(), stdout=log, stderr=log
        )
        log.close()
        begun = time.monotonic()
        while time.monotonic() - begun < 120:
            assert self.process.poll() is None, self.log.read_text()
            probe = Browser(self, probing=True)
            try:
                probe.ask("GET", "/login")
                break
            except OSError:
                time.sleep(0.1)
            finally:
                probe.close()
        found = re.findall(r"^  (\w+): \S+/login#(\S+)$", self.log.read_text(), flags=re.MULTILINE)
        self.links.update(found)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, status=0):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == status

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()


class Browser:
    """Asks as the page's script does: again with the same key until there is an answer."""

    def __init__(self, server: Server, token: str = "", *, probing: bool = False) -> None:
        self.server, self.cookie, self.csrf = server, "", ""
        self.tab = uuid.uuid4().hex
        self.connection = None
        if token:
            _, headers, _ = self.ask("POST", "/login", f"token={token}", "application/x-www-form-urlencoded")
            self.cookie = headers["set-cookie"].split(";")[0]
        if not probing:
            self.csrf = re.search(r'name="csrf" content="(\w+)"', self.ask("GET", "/")[2]).group(1)

    def close(self):
        if self.connection is not None:
            self.connection.close()

    def ask(self, method, path, body=None, kind="application/json"):
        """(status, headers, text); OSError if there is no answer."""
        headers = {"content-type": kind, "cookie": self.cookie, "x-poolwise-csrf": self.csrf}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            return response.status, response.headers, response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            raise OSError(str(error)) from error

    def until(self, path, body, patience=120):
        """Ask until the server answers."""
        begun = time.monotonic()
        while True:
            try:
                status, _, text = self.ask("POST", path, json.dumps(body))
                if status < 500:
                    assert status == 200, text
                    return json.loads(text)
            except OSError:
                pass
            assert time.monotonic() - begun < patience, "no answer"
            time.sleep(0.1)

    def take(self, count=3):
        return self.until("/api/take", {"tab": self.tab, "count": count})

    def answer(self, item, round, label, count=3, key=None):
        one = {
            "key": key or uuid.uuid4().hex,
            "sample_id": item["id"],
            "said": "label",
            "labels": [label],
            "seconds": 0.1,
        }
        return self.until("/api/answer", {"tab": self.tab, "count": count, "round": round, "answers": [one]})
