"""A real server that goes away and comes back."""

import os
import subprocess
import sys
import time

import pytest

from poolwise.report.tracking.mlflow import MLflowTracker
from poolwise.report.tracking.quiet import reachable

pytestmark = pytest.mark.slow


@pytest.fixture
def serve(tmp_path, free_port, ended):
    def start():
        command = [
            "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{tmp_path}/server.db",
            "--artifacts-destination", str(tmp_path / "artifacts"), "--host", "127.0.0.1", "--port", str(free_port),
            "--workers", "1",
        ]  # fmt: skip
        quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        stop = ended(subprocess.Popen([sys.executable, *command], start_new_session=True, env=quiet))
        until = time.monotonic() + 120
        while not reachable(f"http://127.0.0.1:{free_port}", 1) and time.monotonic() < until:
            time.sleep(0.3)
        return stop

    return start


def test_what_was_missed_is_sent_when_the_server_is_back(serve, free_port, make_run, look, model, png, caplog):
    tracker, tell = (
        MLflowTracker(uri=f"http://127.0.0.1:{free_port}", timeout_s=30),
        {"round_figures": lambda _: {"c.png": png}},
    )
    assert tracker.sync(make_run(rounds=1), **tell) is False
    stop = serve()
    assert tracker.sync(make_run(rounds=2), **tell), caplog.text
    stop()
    start = time.perf_counter()
    assert tracker.sync(make_run(rounds=3), **tell) is False
    assert time.perf_counter() - start < 8
    serve()
    assert tracker.sync(make_run(rounds=4, status="stopped"), model=model, **tell), caplog.text
    seen = look(tracker)
    assert seen.history(seen.parent()) == [(20, 0.5), (30, 0.51), (40, 0.52), (50, 0.53)]
    assert [seen.files(child)["c.png"] for child in seen.children()] == [len(png)] * 4
    before = seen.everything()
    assert tracker.sync(make_run(rounds=4, status="stopped"), model=model, **tell)
    assert seen.everything() == before
