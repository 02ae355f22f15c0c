"""What is sent to MLflow, looked at with MLflow's own client."""

import json
import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from poolwise.core.parts import build_part
from poolwise.report.tracking.mlflow import MLflowTracker
from poolwise.report.tracking.none import NoTracker

CONF = Path(__file__).parents[3] / "conf" / "tracking"


def test_a_run_is_one_parent_with_one_child_a_round(tracker, make_run, look):
    assert tracker.sync(make_run(rounds=3))
    seen = look(tracker)
    assert [child.data.tags["poolwise.round"] for child in seen.children()] == ["0", "1", "2"]
    assert len(seen.runs()) == 4
    assert seen.parent().data.tags["poolwise.role"] == "active"


def test_metrics_of_the_parent_lie_against_the_number_of_labels(tracker, make_run, look):
    tracker.sync(make_run(rounds=3))
    seen = look(tracker)
    assert seen.history(seen.parent()) == [(20, 0.5), (30, 0.51), (40, 0.52)]
    assert seen.history(seen.children()[1]) == [(30, 0.51)]
    assert seen.children()[1].data.metrics["fit/steps"] == 40


def test_regret_is_a_number_to_compare_runs_by(tracker, make_run, look):
    assert tracker.sync(make_run(rounds=2))
    assert "regret" not in look(tracker).parent().data.metrics
    told = {"regret": 0.25, "low": 0.125, "high": 0.5, "drawn": 0.75, "chosen": 0.5, "labels": 30.0, "tested": 40.0}
    for _ in range(2):
        assert tracker.sync(make_run(rounds=2, status="stopped", regret=told))
    found = look(tracker).parent().data.metrics
    assert (found["regret"], found["regret_low"], found["regret_high"]) == (0.25, 0.125, 0.5)


def test_sending_again_changes_nothing(tracker, make_run, look, model, tmp_path, png):
    run, kept = make_run(status="stopped"), tmp_path / "curve.png"
    kept.write_bytes(png)
    tell = {
        "model": model,
        "files": {"learning_curve.png": kept},
        "round_figures": lambda _: {"confusion_matrix.png": png},
    }
    assert tracker.sync(run, **tell)
    before = look(tracker).everything()
    assert tracker.sync(run, **tell)
    (run.folder / "tracking.json").write_text(_unfinished(run.folder / "tracking.json"))
    assert tracker.sync(run, **tell)
    assert look(tracker).everything() == before


def _unfinished(path):
    """The cursor as it stands when a process dies before the last writes."""
    body = json.loads(path.read_text())
    for sent in body["rounds"].values():
        sent["answers"] = ""
    return json.dumps(
        {**body, "files": {}, "config": "", "described": "", "status": "", "model": "", "opening": "model-001"}
    )


def test_rounds_are_added_to_the_run_that_is_there(tracker, make_run, look):
    tracker.sync(make_run(rounds=1))
    tracker.sync(make_run(rounds=3, status="stopped"))
    seen = look(tracker)
    assert len(seen.runs()) == 4
    assert seen.parent().info.status == "FINISHED"
    tracker.sync(make_run(rounds=4))
    assert look(tracker).parent().info.status == "RUNNING"


CALLS = ["create_run", "log_batch", "log_inputs", "log_artifacts", "set_terminated", "log_text", "create_logged_model",
         "log_model_artifacts", "log_outputs", "finalize_logged_model"]  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_fails_leaves_no_doubles(name, tracker, make_run, look, model, monkeypatch):
    from mlflow import MlflowClient

    real, calls = getattr(MlflowClient, name), []

    def sometimes(*args, **kwargs):
        calls.append(name)
        result = None if len(calls) == 1 else real(*args, **kwargs)
        if len(calls) in (1, 3):  # the first never arrives; the third does, but its answer is lost
            raise ConnectionError("gone")
        return result

    run = make_run(status="stopped")
    told = {"model": model} if "model" in name or name == "log_outputs" else {}
    monkeypatch.setattr(MlflowClient, name, sometimes)
    answers = [tracker.sync(run, **told) for _ in range(3)]
    monkeypatch.undo()
    assert answers[0] is False
    assert answers[-1] is True
    _is_whole(look(tracker), models=len(told))


def _is_whole(seen, models=1):
    assert len(seen.runs()) == 3
    assert [seen.history(child) for child in seen.children()] == [[(20, 0.5)], [(30, 0.51)]]
    assert seen.history(seen.parent()) == [(20, 0.5), (30, 0.51)]
    assert len(seen.client.search_logged_models([seen.parent().info.experiment_id])) == models
    outputs = seen.client.get_run(seen.parent().info.run_id).outputs
    assert len(outputs.model_outputs if outputs else []) == models


@pytest.mark.parametrize("dies_at", [2, 4, 6, 9, 11])
def test_a_crash_at_any_write_of_the_cursor_leaves_no_doubles(dies_at, tracker, make_run, look, model, monkeypatch):
    from poolwise.report.tracking.cursor import Cursor

    real, writes = Cursor.write, []

    def crash(self, folder):
        writes.append(folder)
        if len(writes) == dies_at:
            raise KeyboardInterrupt
        real(self, folder)

    run = make_run(status="stopped")
    monkeypatch.setattr(Cursor, "write", crash)
    with pytest.raises(KeyboardInterrupt):
        tracker.sync(run, model=model)
    monkeypatch.undo()
    assert tracker.sync(run, model=model)
    _is_whole(look(tracker))


def test_one_other_label_is_another_data_set(tracker, make_run, look):
    run = make_run(rounds=1)
    other = replace(run.rounds[0], labels=("cat", "cat", None), labels_digest="b" * 64)
    tracker.sync(run)
    tracker.sync(replace(make_run(name="second"), rounds=(other,)))
    digests = [
        {inside.dataset.name: inside.dataset.digest for inside in found.inputs.dataset_inputs}
        for found in look(tracker).runs()
        if "poolwise.round" in found.data.tags
    ]
    assert all(digests[0][name] != digests[1][name] for name in ("digits labelled", "digits batch"))


def test_inputs_say_what_they_were_for(tracker, make_run, look):
    tracker.sync(make_run(rounds=1))
    seen = look(tracker)
    contexts = [
        inside.tags[0].value for run in (seen.parent(), *seen.children()) for inside in run.inputs.dataset_inputs
    ]
    assert sorted(contexts) == ["batch", "pool", "training"]
    assert seen.parent().inputs.dataset_inputs[0].dataset.digest == "a" * 36


def test_the_batch_is_a_table_with_reasons(tracker, make_run, look, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.store())  # `load_table` looks at the global store
    run = make_run(rounds=2)
    tracker.sync(run)
    seen = look(tracker)
    table = seen.client.load_table(seen.parent().info.experiment_id, "batch.json", [seen.children()[1].info.run_id])
    assert table.sample_id.tolist() == [10, 11, 12]
    assert table.label.fillna("skipped").tolist() == ["cat", "dog", "skipped"]
    assert table.reason[0] == run.rounds[1].asks[0].reason


def test_a_corrected_label_is_sent_and_doubles_no_rows(tracker, make_run, look, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.store())
    run = make_run(rounds=1)
    tracker.sync(run)
    tracker.sync(replace(run, rounds=(replace(run.rounds[0], labels=("fox", "dog", None)),)))
    seen = look(tracker)
    table = seen.client.load_table(seen.parent().info.experiment_id, "batch.json", [seen.children()[0].info.run_id])
    assert table.label.fillna("skipped").tolist() == ["fox", "dog", "skipped"]
    assert seen.history(seen.parent()) == [(20, 0.5)]


def test_no_file_is_blank(tracker, make_run, look, png, tmp_path):
    (tmp_path / "report.html").write_text("<p>report</p>")
    tracker.sync(
        make_run(rounds=1),
        files={"report.html": tmp_path / "report.html"},
        round_figures=lambda _: {"confusion_matrix.png": png},
    )
    seen = look(tracker)
    parent, child = seen.files(seen.parent()), seen.files(seen.children()[0])
    assert set(parent) == {"config.json", "report.html"}
    assert set(child) == {"batch.json", "per_class.json", "confusion_matrix.png"}
    assert child["confusion_matrix.png"] == len(png)
    assert all({**parent, **child}.values())


def test_secrets_stay_at_home(tracker, make_run, look):
    config = {
        "ledger": {"url": "postgresql://ada:hunter2@db/x", "password": "hunter2"},
        "label_studio": {"api_key": "hunter2"},
    }
    tracker.sync(make_run(config=config, command="poolwise loop ledger.url=postgresql://ada:hunter2@db/x"))
    seen = look(tracker)
    assert "hunter2" not in json.dumps([run.to_dictionary() for run in seen.runs()], default=str)
    kept = Path(seen.client.download_artifacts(seen.parent().info.run_id, "config.json")).read_text()
    assert "hunter2" not in kept
    assert "ledger.url" in seen.parent().data.params


def test_a_changed_setting_becomes_a_tag(tracker, make_run, look):
    tracker.sync(make_run(config={"budget": 200}))
    assert tracker.sync(make_run(config={"budget": 300, "seed": 1}))
    parent = look(tracker).parent()
    assert parent.data.params == {"budget": "200", "seed": "1"}
    assert json.loads(parent.data.tags["poolwise.changed"]) == {"budget": "300"}


def test_a_hundred_and_more_settings_and_a_long_one_are_sent(tracker, make_run, look):
    assert tracker.sync(make_run(config={**{f"key{at}": at for at in range(230)}, "long": "x" * 7000}))
    parent = look(tracker).parent()
    assert len(parent.data.params) == 231
    assert parent.data.params["long"].endswith("... (7000 characters in all)")


def test_runs_that_were_deleted_are_sent_anew(tracker, make_run, look):
    run = make_run()
    tracker.sync(run)
    seen = look(tracker)
    seen.client.delete_run(seen.parent().info.run_id)
    assert tracker.sync(run)
    assert len(look(tracker).children()) == 2


def test_another_store_is_told_from_the_start(tracker, make_run, look, tmp_path, empty_store):
    run = make_run()
    tracker.sync(run)
    (tmp_path / "other.db").write_bytes(empty_store)
    other = MLflowTracker(uri=f"sqlite:///{tmp_path}/other.db")
    assert other.sync(run)
    assert len(look(other).runs()) == 3
    assert (tmp_path / "mlartifacts").is_dir()


def test_a_control_is_a_run_of_its_own(tracker, make_run, look):
    tracker.sync(make_run())
    tracker.sync(make_run(name="digits-margin-0/control", strategy="random"))
    roles = [run.data.tags["poolwise.role"] for run in look(tracker).runs() if "poolwise.round" not in run.data.tags]
    assert sorted(roles) == ["active", "control"]


def test_a_server_that_is_down_costs_no_time_and_one_warning(make_run, caplog, capfd):
    tracker, run = MLflowTracker(uri="http://ada:hunter2@127.0.0.1:9"), make_run()
    with caplog.at_level(logging.INFO, logger="poolwise"):
        assert [tracker.sync(run) for _ in range(3)] == [False] * 3
    assert len(caplog.records) == 1
    assert "hunter2" not in caplog.text
    assert capfd.readouterr().out == ""


def test_a_server_that_never_answers_costs_one_time_limit(make_run):
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as deaf:
        tracker = MLflowTracker(uri=f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout_s=1)
        tracker.sync(make_run())  # the import of MLflow is not what is measured
        start = time.perf_counter()
        assert tracker.sync(make_run()) is False
    assert time.perf_counter() - start < 5


def test_a_database_that_is_none_is_an_outage(make_run, tmp_path):
    (tmp_path / "broken.db").write_text("this is no database, but long enough to be taken for one")
    assert MLflowTracker(uri=f"sqlite:///{tmp_path}/broken.db").sync(make_run()) is False


def test_a_disk_that_cannot_be_written_is_an_outage(tracker, make_run, monkeypatch, look):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("poolwise.report.tracking.cursor.write_text", full)
    assert tracker.sync(make_run()) is False
    monkeypatch.undo()
    assert tracker.sync(make_run()) is True
    assert len(look(tracker).runs()) == 3


def test_the_users_own_mlflow_stays_as_it_is(tracker, make_run, monkeypatch, model, tmp_path):
    import mlflow

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    monkeypatch.chdir(tmp_path)
    before = (mlflow.get_tracking_uri(), mlflow.active_run(), dict(os.environ), logging.getLogger("mlflow").level)
    tracker.sync(make_run(status="stopped"), model=model)
    assert (
        mlflow.get_tracking_uri(),
        mlflow.active_run(),
        dict(os.environ),
        logging.getLogger("mlflow").level,
    ) == before
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}


def test_the_terminal_stays_quiet_and_the_tables_are_made(tmp_path, make_run, capfd, model):
    root = list(logging.getLogger().handlers)
    assert MLflowTracker(home=str(tmp_path / "new")).sync(make_run(status="stopped"), model=model)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == root


@pytest.mark.slow
def test_a_process_that_has_not_imported_mlflow_is_as_quiet():
    code = (
        "import logging; from poolwise.report.tracking.quiet import silence\n"
        "with silence():\n import mlflow.pyfunc; logging.getLogger('mlflow.pyfunc').info('heard')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_parts_are_built_from_their_yaml():
    from omegaconf import OmegaConf

    assert build_part(OmegaConf.load(CONF / "mlflow.yaml")) == MLflowTracker()
    assert build_part(OmegaConf.load(CONF / "none.yaml")) == NoTracker()


def test_no_tracking_leaves_nothing_to_send(make_run):
    assert NoTracker().sync(make_run())
