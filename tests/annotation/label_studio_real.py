"""A real server: Label Studio from the package index in an environment of its own, on SQLite, loopback, a free port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from annotation.label_studio_fake import LEGACY

VERSION = "1.23.2"
SECONDS = 600
"""A first start migrates a database: half a minute, several on a machine that is busy."""


def environment():
    """The folder of an environment with Label Studio, made once; POOLWISE_LABEL_STUDIO names one that is there."""
    if given := os.environ.get("POOLWISE_LABEL_STUDIO"):
        return Path(given)
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / f"poolwise/label-studio-{VERSION}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        package = f"label-studio=={VERSION}"
        if shutil.which("uv"):
            subprocess.run(["uv", "venv", "-q", folder], check=True)
            subprocess.run(["uv", "pip", "install", "-q", "--python", folder / "bin/python", package], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/pip", "install", "-q", package], check=True)
        (folder / "done").touch()
    return folder


class Real:
    """A server of its own on a folder of its own."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{port}", folder / "server.log"
        values = {
            "BASE_DATA_DIR": folder, "USERNAME": "admin@example.com", "PASSWORD": "not-a-secret-1", "USER_TOKEN": LEGACY,
            "ENABLE_LEGACY_API_TOKEN": "true", "DISABLE_SIGNUP_WITHOUT_LINK": "true",
        }  # fmt: skip
        quiet = {
            "LATEST_VERSION_CHECK": "false",
            "COLLECT_ANALYTICS": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
        }
        own = {**os.environ, **{f"LABEL_STUDIO_{name}": str(value) for name, value in values.items()}, **quiet}
        own.pop("PYTHONPATH", None)
        command = [
            environment() / "bin/label-studio",
            "start",
            "--no-browser",
            "--internal-host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, env=own, stdout=out, stderr=out, start_new_session=True)
        self.wait()

    def wait(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5) as reply:
                    if reply.status == 200:
                        return
            except OSError:
                time.sleep(0.5)
        self.close()
        pytest.fail(f"Label Studio did not start: {self.log.read_text()[-2000:]}")

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
