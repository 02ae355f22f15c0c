"""`poolwise audit` and the commands on its runs, on a small data set of real files."""

import csv

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from poolwise.app import commands
from poolwise.app.run import run_job
from poolwise.app.status import status
from poolwise.core.errors import ConfigError, SettingsChanged
from poolwise.core.parts import conf_dir
from poolwise.jobs.audit.build import audit_name
from poolwise.jobs.stored import stored_run

WRONG = (3, 20)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """40 pictures, dark and bright, in a table; two labels are wrong, one picture is there twice in two splits."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["path,label,split"]
    for at in range(40):
        pixels = rng.integers(0, 80, (20, 20, 3)) + (150 if at % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{at:02d}.png")
        said = at % 2 if at not in WRONG else 1 - at % 2
        lines.append(f"{at:02d}.png,{('dark', 'bright')[said]},{'test' if at >= 30 else 'pool'}")
    (tmp_path / "31.png").write_bytes((tmp_path / "05.png").read_bytes())
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def begin(*more, name="one"):
    words = [
        "data=manifest", "data.path=items.csv", "data.image_size=20", "tracking=none", "folds=3", "budget=4", "jobs=0",
        "verbose=false", *([] if any(word.startswith("model=") for word in more) else ["model.epochs=3", "model.min_steps=30"]),
        *more,
    ]  # fmt: skip
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("audit", words), resolve=True)
    return run_job("audit", config, name=name, method="auto", command="poolwise audit")


def rows(file):
    with file.open(newline="") as source:
        return list(csv.DictReader(source))


def fill(file, right=lambda at: ("dark", "bright")[at % 2]):
    found = rows(file)
    for row in found:
        row["label"] = right(int(row["path"][-6:-4]))
    with file.open("w", newline="") as target:
        writer = csv.DictWriter(target, found[0])
        writer.writeheader()
        writer.writerows(found)


def test_from_a_table_to_corrected_labels(here, capsys):
    parked = begin()
    listed = rows(here / "runs/one/label_issues.csv")
    assert {row["path"] for row in listed[:2]} == {"03.png", "20.png"}
    assert parked.status == "parked"
    assert parked.results["leaks"] == 1
    fill(here / "runs/one/batches/round_000.csv")
    commands.ingest(here / "runs/one/batches/round_000.csv", None)
    commands.labels(here / "runs/one", None)
    corrected = {row["path"].rpartition("/")[2]: row["label"] for row in rows(here / "runs/one/labels.csv")}
    assert all(corrected[f"{at:02d}.png"] == ("dark", "bright")[at % 2] for at in range(30))
    status(here / "runs")
    assert "4 labels reviewed, 2 changed" in capsys.readouterr().out


def test_the_files_can_be_read_by_others(here):
    from pyarrow import parquet

    begin()
    table = parquet.read_table(here / "runs/one/label_issues.parquet")
    assert table.num_rows == 4
    assert "suggested" in table.column_names
    assert len(rows(here / "runs/one/label_quality.csv")) == 30
    assert rows(here / "runs/one/copies.csv")[0]["exact"] == "True"
    assert "review these 4" in (here / "runs/one/report.html").read_text().lower()


def test_a_report_can_be_written_anew(here):
    begin()
    page = here / "runs/one/report.html"
    before = page.read_text()
    page.unlink()
    commands.report(here / "runs/one")
    assert page.read_text() == before
    assert stored_run(here / "runs/one").job == "audit"


def test_predictions_of_ones_own_replace_training(here):
    begin(predictions(here), "embeddings=none")
    assert {row["path"] for row in rows(here / "runs/one/label_issues.csv")[:2]} == {"03.png", "20.png"}
    assert not (here / "runs/.cache/fits").exists()


def test_other_predictions_are_another_audit(here):
    begin(predictions(here), "embeddings=none")
    (here / "mine.csv").write_text((here / "mine.csv").read_text().replace("path,bright,dark", "path,dark,bright"))
    with pytest.raises(SettingsChanged, match="predictions_sha256"):
        begin("predictions=mine.csv", "embeddings=none")


def test_skipping_a_review_keeps_the_label(here):
    begin()
    fill(here / "runs/one/batches/round_000.csv", lambda at: "skip")
    commands.ingest(here / "runs/one/batches/round_000.csv", None)
    commands.labels(here / "runs/one", None)
    assert len([row for row in rows(here / "runs/one/labels.csv") if row["label"]]) == 40


def test_a_second_learner_is_averaged_in(here):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose("audit", ["+model@also.second=linear_head", "data=digits"])
    assert composed.also.second["_target_"].endswith("LinearHead")
    with pytest.raises(ConfigError, match=r"also\.second is no learner"):
        begin("+also.second=3")


def predictions(here):
    lines = ["path,bright,dark"]
    lines += [f"{at:02d}.png,{0.9 if at % 2 else 0.1},{0.1 if at % 2 else 0.9}" for at in range(40)]
    (here / "mine.csv").write_text("\n".join(lines))
    return "predictions=mine.csv"


def test_how_labels_are_learnt_is_a_detector_too(here):
    begin("label_error=area_under_margin")
    assert {row["path"] for row in rows(here / "runs/one/label_issues.csv")[:2]} == {"03.png", "20.png"}
    with pytest.raises(ConfigError, match="tells no margins"):
        begin("label_error=area_under_margin", "model=linear_head", "embeddings=none", predictions(here), name="two")


@pytest.mark.parametrize("method", ["simifeat", "component_disagreement", "ensemble", "planted", "confident_learning"])
def test_every_kind_of_detector_runs(here, method):
    assert begin(f"label_error={method}", name=method).results["judged"] == 30


def test_two_folds_at_once_say_what_one_at_a_time_says(here):
    one = begin("jobs=1", name="turn")
    two = begin("jobs=2", "cache=elsewhere", name="parallel")
    assert one.results == two.results


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("folds=1", "folds is 1"),
        ("protocol=both", "protocol is 'both'"),
        ("splits=[train]", "splits.0. is .train.; it must be one of pool, validation, test"),
        ("plant.share=2", "plant.share is 2"),
        ("threshold=1.5", "threshold is 1.5; it must be above 0 and at most 1"),
    ],
)
def test_settings_that_cannot_be_are_named(here, word, message):
    with pytest.raises(ConfigError, match=message):
        begin(word)


def test_a_larger_budget_or_more_jobs_are_the_same_run():
    choices = {"data": "digits", "label_error": "auto"}
    assert audit_name(choices, ["budget=300", "jobs=4"], 0) == audit_name(choices, [], 0) == "audit-digits-auto-seed0"
    assert audit_name(choices, ["folds=3"], 0) != audit_name(choices, [], 0)
