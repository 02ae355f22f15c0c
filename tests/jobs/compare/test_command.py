"""The whole way from settings to files with a real network, small."""

import csv

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from poolwise.app.commands import report, track
from poolwise.app.run import run_job
from poolwise.core.parts import conf_dir

SMALL = (
    "data=synthetic", "data.n=90", "data.size=8", "data.classes=3", "model.epochs=2", "model.min_steps=10", "plant.share=0.2",
    "arms=[raw,pruned,random_pruned,truth]", "seeds=[0,1]", "folds=2", "embeddings=none", "jobs=0", "tracking=none",
    "verbose=false",
)  # fmt: skip


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("compare", list(SMALL)), resolve=True)
    return run_job("compare", config, name="small", method="label_errors", command="poolwise compare")


def test_two_seeds_of_four_arms_end_in_tables_and_a_page(record, capsys):
    rows = list(csv.DictReader((record.folder / "results.csv").read_text().splitlines()))
    assert {(row["arm"], row["seed"], row["test_set"]) for row in rows} == {
        (arm, seed, test)
        for arm in ("raw", "pruned", "random_pruned", "truth")
        for seed in ("0", "1")
        for test in ("raw", "corrected")
    }
    pruned, drawn = ([row["train_size"] for row in rows if row["arm"] == arm] for arm in ("pruned", "random_pruned"))
    assert pruned == drawn
    assert "2 seeds are few" in (record.folder / "report.html").read_text()


def test_report_and_track_train_nothing_again(record, capsys):
    folder = record.folder.resolve()
    (folder / "report.html").unlink()
    trained = {file: file.stat().st_mtime_ns for file in folder.parents[1].rglob("*.npy")}
    report(folder)
    track(folder)
    assert "The tracker knows all of small." in capsys.readouterr().out
    assert (folder / "report.html").is_file()
    assert {file: file.stat().st_mtime_ns for file in folder.parents[1].rglob("*.npy")} == trained
