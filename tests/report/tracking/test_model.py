"""The model that is sent can be loaded and served by people who do not have poolwise."""

import ast
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from poolwise.report.tracking import poolwise_served
from poolwise.report.tracking.package import write_network
from poolwise.report.tracking.quiet import silence

PREDICT = """
import sys
sys.modules["poolwise"] = None  # whoever imports it fails
import mlflow.pyfunc, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
pictures = np.load(sys.argv[2])
np.save(sys.argv[3], np.concatenate([model.predict(pictures[:1]), model.predict(pictures[1:])]))
print(model.metadata.metadata["classes"], model.metadata.signature.inputs)
"""

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])  # MLflow calls `uvicorn` by name


@pytest.fixture
def sent(tracker, make_run, look, model):
    """The folder of the model that a finished run sent."""
    assert tracker.sync(make_run(status="stopped"), model=model)
    seen = look(tracker)
    found = seen.client.search_logged_models([seen.parent().info.experiment_id])
    assert [(one.status, one.name) for one in found] == [("READY", "model")]
    assert {metric.key for metric in found[0].metrics} >= {"accuracy", "loss"}
    return found[0].artifact_location.removeprefix("file://")


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (8, 1, 8, 8), dtype=np.uint8)


@pytest.mark.slow
def test_it_predicts_without_poolwise(sent, model, pictures, tmp_path):
    import torch

    np.save(tmp_path / "in.npy", pictures)
    command = [sys.executable, "-c", PREDICT, sent, str(tmp_path / "in.npy"), str(tmp_path / "out.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "['cat', 'dog', 'fox']" in done.stdout
    assert "uint8" in done.stdout
    assert "pickle" not in done.stderr
    with torch.no_grad():
        expected = model().exported()(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=1e-6)


def test_it_predicts_like_the_network_for_any_batch_and_warns_of_nothing(sent, model, pictures):
    with silence():
        import mlflow.pyfunc
    import torch

    loaded = mlflow.pyfunc.load_model(sent)
    got = np.concatenate([loaded.predict(pictures[:1]), loaded.predict(pictures[1:])])
    with torch.no_grad():
        expected = model().exported()(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert loaded.metadata.metadata["classes"] == ["cat", "dog", "fox"]


def test_pictures_of_another_kind_are_refused(sent, pictures):
    with silence():
        import mlflow.pyfunc
    loaded = mlflow.pyfunc.load_model(sent)
    with pytest.raises(mlflow.exceptions.MlflowException, match="schema"):
        loaded.predict(pictures[:, :, :5])


def test_the_loader_knows_nothing_of_poolwise():
    tree = ast.parse(Path(poolwise_served.__file__).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert names == {"__future__", "pathlib", "typing", "torch", "warnings"}


def test_a_network_that_cannot_be_written_is_left_out_with_a_warning(
    tracker, make_run, look, caplog, monkeypatch, model
):
    def cannot(*_):
        raise TypeError("data-dependent")

    monkeypatch.setattr("poolwise.report.tracking.package.write_network", cannot)
    assert tracker.sync(make_run(status="stopped"), model=model)
    assert "cannot export it (TypeError: data-dependent)" in caplog.text
    assert look(tracker).parent().info.status == "FINISHED"


@pytest.mark.slow
def test_a_network_that_cannot_be_traced_is_exported(tmp_path, pictures):
    import torch

    class Untraceable(torch.nn.Module):
        def forward(self, images):
            assert not torch.jit.is_tracing()
            return torch.softmax(images.float().mean((1, 2, 3))[:, None].repeat(1, 3), dim=1)

    path = write_network(Untraceable().eval(), (1, 8, 8), tmp_path)
    assert path.name == "network.pt2"
    served = poolwise_served._load_pyfunc(str(tmp_path))
    assert [served.predict(pictures[:n]).shape for n in (1, 7)] == [(1, 3), (7, 3)]


@pytest.mark.slow
def test_it_can_be_served(sent, pictures, free_port, ended):
    command = [
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        sent,
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        str(free_port),
    ]
    ended(subprocess.Popen([sys.executable, *command], start_new_session=True, env={**os.environ, "PATH": PATH}))
    body = json.dumps({"inputs": pictures.tolist()}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{free_port}/invocations", body, {"Content-Type": "application/json"}
    )
    answer = json.loads(_answer(request))
    assert np.asarray(answer["predictions"]).shape == (8, 3)


def _answer(request, limit_s=120):
    until = time.monotonic() + limit_s
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.read()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
