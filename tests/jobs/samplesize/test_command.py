"""The whole way from settings to files with a real network, small."""

import csv

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from poolwise.app.commands import report, track
from poolwise.app.run import run_job
from poolwise.app.status import status
from poolwise.core.parts import conf_dir

SMALL = (
    "data=synthetic", "data.n=150", "data.size=8", "data.classes=3", "steps=10", "repeats=[2,1]",
    "shares=[0.1,0.3,1.0]", "tracking=none", "verbose=false",
)  # fmt: skip


def run(*further):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("samplesize", [*SMALL, *further]), resolve=True)
    return run_job("samplesize", config, name="small", method="small_cnn", command="poolwise samplesize")


@pytest.mark.parametrize("jobs", [0, 2])
def test_three_sizes_end_in_tables_and_a_page(tmp_path, monkeypatch, capsys, jobs):
    monkeypatch.chdir(tmp_path)
    record = run(f"jobs={jobs}")
    rows = list(csv.DictReader((record.folder / "points.csv").read_text().splitlines()))
    assert [row["repeat"] for row in rows] == ["0", "1", "0", "0"]
    page = (record.folder / "report.html").read_text()
    assert "10 optimiser steps at every size" in page
    assert "3 sizes: the interval rests on" in page
    assert capsys.readouterr().out.startswith("95 % accuracy")


def test_report_status_and_track_know_an_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = run("jobs=0").folder.resolve()
    (folder / "report.html").unlink()
    trained = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")}
    capsys.readouterr()
    status(tmp_path / "runs")
    assert "stopped" in (told := capsys.readouterr().out)
    assert "small: 95 % accuracy" in told
    monkeypatch.chdir(folder)
    track(folder)
    report(folder)
    assert "The tracker knows all of small." in capsys.readouterr().out
    assert (folder / "report.html").is_file()
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npy")} == trained


def test_status_names_the_command_that_goes_on_with_a_killed_experiment(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("poolwise.jobs.samplesize.job.measured", lambda parts: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("jobs=0")
    status(tmp_path / "runs")
    assert "small: interrupted; `poolwise samplesize` goes on with it." in capsys.readouterr().out
    (tmp_path / "runs/small/job.yaml").write_text("config: [")
    status(tmp_path / "runs")
    assert "is damaged" in capsys.readouterr().out
