"""The job over fakes: what is trained, what is kept, what is said."""

import csv
import json
from dataclasses import dataclass, field, replace

import pytest

from builders import Blobs
from poolwise.core.errors import ConfigError, DataError, SettingsChanged
from poolwise.core.interfaces import Tracker
from poolwise.jobs.samplesize.job import measured, samplesize_job


def rows(parts, name):
    return list(csv.DictReader((parts.folder / name).read_text().splitlines()))


@dataclass
class Told(Tracker):
    """A tracker that remembers."""

    records: list = field(default_factory=list)

    def sync(self, run, *, model=None, files=None, round_figures=None):
        self.records.append((run, dict(files or {})))
        return True


def test_every_size_and_repeat_is_a_training_a_row_and_a_trial(fakes):
    parts = fakes(tracker=Told())
    record, _ = samplesize_job(parts)
    assert [(row["size"], row["repeat"]) for row in rows(parts, "points.csv")] == [
        (str(size), str(repeat))
        for size, many in zip((50, 100, 200, 350, 500), (3, 3, 2, 2, 2), strict=True)
        for repeat in range(many)
    ]
    assert len(record.trials) == len({trial.name for trial in record.trials}) == 12
    assert record.trials[0].settings == {"size": "50", "repeat": 0}
    assert {"accuracy", "macro_f1", "balanced_accuracy", "recall/a", "train_size"} <= set(record.trials[0].results)
    assert record.note.startswith("97 % accuracy ")
    assert {"required/accuracy_p10", "reachable/accuracy", "forecast/at_2x", "next/more"} <= set(record.results)


def test_the_page_the_picture_the_tables_and_the_document_are_sent(fakes):
    parts = fakes(tracker=Told())
    record, _ = samplesize_job(parts)
    sent = parts.tracker.records[0][1]
    names = ("points", "recalls", "required", "forecast", "curve", "classes")
    assert {"report.html", "curve.png", "samplesize.json", *(f"{name}.csv" for name in names)} <= set(sent)
    assert set(record.tables) == {f"{name}.json" for name in names}
    for table in record.tables:
        assert json.loads(sent[table].read_text())["data"]
    document = json.loads(sent["samplesize.json"].read_text())
    assert document["answer"] in record.note
    assert {row["method"] for row in document["required"]} == {
        "average of curves", "last point repeated", "power law, least squares",
    }  # fmt: skip
    page = (parts.folder / "report.html").read_text()
    for text in (document["answer"], "Held constant: 7 steps.", "Which class binds", "Naive: power law"):
        assert text in page


def test_a_killed_experiment_loses_one_training_and_trains_nothing_twice(fakes):
    parts = fakes()
    parts.work.stop_after = 5
    with pytest.raises(KeyboardInterrupt):
        samplesize_job(parts)
    parts.work.stop_after = 10_000
    samplesize_job(parts)
    assert len(parts.work.fits) == len({fit.file for fit in parts.work.fits}) == 12
    samplesize_job(parts)
    assert len(parts.work.fits) == 12


def test_each_training_is_a_line_in_the_log(fakes):
    parts = fakes()
    samplesize_job(parts)
    log = (parts.folder / "samplesize.log").read_text().splitlines()
    assert sum(" trained, " in line for line in log) == 12
    assert log[0].endswith("50 samples, repeat 1 trained, 1 of 12")


def test_an_unbroken_run_gives_the_same_numbers(fakes, tmp_path):
    parts = fakes()
    samplesize_job(parts)
    first = (parts.folder / "points.csv").read_bytes()
    samplesize_job(replace(parts, cache=tmp_path / "other"))
    assert (parts.folder / "points.csv").read_bytes() == first


def test_an_experiment_grows_by_what_is_missing(fakes):
    small = fakes()
    samplesize_job(small)
    grown = fakes(shares=(0.05, 0.1, 0.2, 0.35, 0.5, 1.0), repeats=(4, 3, 2, 2, 2, 1), target=0.99)
    samplesize_job(grown)
    assert [(len(fit.train), fit.name) for fit in grown.work.fits] == [
        (50, "50 samples, repeat 4"), (1000, "1000 samples, repeat 1"),
    ]  # fmt: skip


def test_settings_that_give_other_trainings_need_a_name_of_their_own_but_a_target_does_not(fakes):
    samplesize_job(fakes())
    samplesize_job(fakes(config={"hold": "steps", "target": 0.5, "jobs": 4}))
    with pytest.raises(SettingsChanged, match="hold"):
        samplesize_job(fakes(config={"hold": "epochs", "target": 0.97, "jobs": 0}))


def test_training_never_sees_a_test_sample(fakes):
    parts = fakes()
    samplesize_job(parts)
    assert all(fit.train.ids.max() < 1000 <= fit.scored.min() for fit in parts.work.fits)
    assert len({fit.scored.tobytes() for fit in parts.work.fits}) == 1


def test_several_classes_a_sample(fakes, several):
    parts = fakes(several)
    record, _ = samplesize_job(parts)
    assert record.metric == "macro_f1"
    assert set(rows(parts, "points.csv")[0]) == {"size", "repeat", "macro_f1", "micro_f1", "subset_accuracy"}


def test_a_misspelt_metric_is_told_before_anything_is_trained(fakes):
    parts = fakes(metric="acuracy")
    with pytest.raises(ConfigError, match="acuracy"):
        measured(parts)
    assert not parts.work.fits


def test_labels_that_are_all_equal_are_told(fakes):
    with pytest.raises(DataError, match="same class"):
        measured(fakes(Blobs(n=300, test=100, classes=1, hide_labels=False)))


def test_points_of_ones_own_are_fitted_without_a_training(fakes, measured_points):
    parts = fakes(points=measured_points())
    record, _ = samplesize_job(parts)
    assert not parts.work.fits
    assert record.note.startswith("97 % accuracy is reached with the 1,600 images measured")
    assert len(rows(parts, "points.csv")) == 15
    assert "measured elsewhere" in (parts.folder / "report.html").read_text()


def test_two_sizes_end_in_a_page_that_refuses(fakes):
    parts = fakes(sizes=(100, 300))
    record, _ = samplesize_job(parts)
    assert record.note.startswith("Two sizes cannot be extrapolated")
    assert parts.display.lines[0].startswith("100 and 300 labels alone can be measured, not extrapolated")
    page = (parts.folder / "report.html").read_text()
    assert "What to expect" not in page
    assert "Two sizes alone" in page
    assert not (parts.folder / "required.csv").exists()


def test_what_is_held_constant_is_in_the_answer_and_doubted_before_training(fakes):
    parts = fakes()
    record, _ = samplesize_job(parts)
    assert "All are trained with 7 steps." in record.note
    assert parts.display.lines[0] == "7 steps are few."
    document = json.loads((parts.folder / "samplesize.json").read_text())
    assert document["held_constant"] == "Held constant: 7 steps."
    assert document["warnings"][0] == "7 steps are few."


def test_a_forecast_at_a_size_of_ones_choice_is_told_tabled_and_tracked(fakes, measured_points):
    parts = fakes(points=measured_points(), at=(5000, 50))
    record, _ = samplesize_job(parts)
    assert "Expected accuracy: 98." in record.note
    assert " with 5,000 images (80 %: 97." in record.note
    assert [float(row["size"]) for row in rows(parts, "forecast.csv")] == [50, 1600, 3200, 5000, 6400, 12800]
    assert {"forecast/at_5000", "forecast/at_50", "forecast/at_8x"} <= set(record.results)


def test_warnings_of_the_fit_are_shown(fakes, measured_points):
    parts = fakes(points=measured_points((400, 500, 600)))
    samplesize_job(parts)
    assert any("The sizes span 1.5 times" in line for line in parts.display.lines)
    assert "The sizes span 1.5 times" in (parts.folder / "report.html").read_text()
