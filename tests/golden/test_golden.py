"""Runs of the version before open, report, take labels and go on."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from poolwise.app import commands
from poolwise.app.run import run_job
from poolwise.app.status import status
from poolwise.core.errors import SettingsChanged
from poolwise.core.parts import present_names
from poolwise.jobs.benchmark.cell import digest_of, stored_cell
from poolwise.model.learner import LightningLearner

HERE = Path(__file__).parent


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The folder of all runs, below the current one."""
    shutil.copytree(HERE / "runs", tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def untrained(monkeypatch):
    """Nothing may be trained: what was trained before is found."""

    def fit(*arguments, **options):
        raise AssertionError("a model is trained anew")

    monkeypatch.setattr(LightningLearner, "fit", fit)


def settings(runs, name, file="config.yaml", **changes):
    stored = yaml.safe_load((runs / name / file).read_text())
    return {**stored.get("config", stored), **changes}


def fill_in(file, column, value):
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert rows
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, column: value(at)} for at, row in enumerate(rows))


def test_settings_of_before_name_classes_by_their_earlier_names(runs):
    assert settings(runs, "parked")["tracking"]["_target_"] == "poolwise.tracking.none.NoTracker"
    assert settings(runs, "simulated")["stopping"]["plateau"]["_target_"] == "poolwise.stopping.plateau.Plateau"


def test_every_run_stands_in_the_table(runs, capsys):
    status(runs)
    seen = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1] for line in seen.splitlines() if line.split()[0] in ALL}
    assert rows == ALL


ALL = {"parked": "parked", "simulated": "stopped", "audited": "parked", "compared": "stopped", "sized": "stopped"}


def test_a_parked_loop_takes_answers_and_goes_on(runs):
    fill_in(runs / "parked/batches/round_000.csv", "label", lambda at: f"class_{at % 3}")
    commands.ingest(runs / "parked/batches/round_000.csv", None)
    assert (runs / "parked/batches/round_001.csv").is_file()
    commands.labels(runs / "parked", None, None)
    rows = list(csv.DictReader((runs / "parked/labels.csv").read_text().splitlines()))
    assert sum(row["label"].startswith("class_") for row in rows if row["split"] == "pool") == 10


def test_the_same_command_goes_on_with_a_loop_by_present_names(runs):
    config = present_names(settings(runs, "simulated", budget=30))
    config["stopping"]["budget"]["budget"] = 30
    before = json.loads((runs / "simulated/summary.json").read_text())
    record = run_job("loop", config, name="simulated", method="margin", command="poolwise loop")
    assert [round_.labelled for round_ in record.rounds] == [10, 20, 30]
    after = json.loads((runs / "simulated/summary.json").read_text())
    assert after["runs"][0]["rounds"][:2] == before["runs"][0]["rounds"]


def test_a_change_of_a_setting_is_still_refused(runs):
    config = present_names(settings(runs, "simulated"))
    config["query"]["_target_"] = "poolwise.query.top_k.Entropy"
    with pytest.raises(SettingsChanged, match="query._target_"):
        run_job("loop", config, name="simulated", method="entropy", command="poolwise loop")


@pytest.mark.parametrize("name", ["parked", "simulated", "audited", "compared", "sized"])
def test_a_report_is_written_anew_without_training(runs, name, untrained):
    commands.report(runs / name)
    assert "<html" in (runs / name / "report.html").read_text()
    commands.track(runs / name)


def test_a_review_of_an_audit_is_taken(runs, untrained):
    fill_in(runs / "audited/batches/round_000.csv", "label", lambda at: f"class_{at % 3}")
    commands.ingest(runs / "audited/batches/round_000.csv", None)
    record = run_job(
        "audit", present_names(settings(runs, "audited")), name="audited", method="auto", command="poolwise audit"
    )
    assert (record.status, record.results["reviewed"]) == ("stopped", 5)


def test_the_same_comparison_by_present_names_trains_nothing_again(runs, untrained):
    before = (runs / "compared/results.csv").read_text()
    config = present_names(settings(runs, "compared", "job.yaml"))
    run_job("compare", config, name="compared", method="label_errors", command="poolwise compare")
    assert (runs / "compared/results.csv").read_text() == before


def test_the_same_experiment_by_present_names_trains_nothing_again(runs, untrained):
    config = present_names(settings(runs, "sized", "job.yaml"))
    record = run_job("samplesize", config, name="sized", method="small_cnn", command="poolwise samplesize")
    assert record.note == yaml.safe_load((HERE / "runs/sized/job.yaml").read_text())["note"]


def test_finished_cells_of_a_benchmark_are_known_by_present_names(runs):
    cells = sorted((runs / "cells").glob("*/config.yaml"))
    assert len(cells) == 2
    for file in cells:
        found, config = stored_cell(file.parent), yaml.safe_load(file.read_text())
        assert found.settings == digest_of(config) == digest_of(present_names(config))
        assert present_names(config) != config
