"""Cleaned against raw labels: the same subsets with both, measured on the cleaned test labels."""

import json

import numpy as np
import pytest

from builders import Blobs
from poolwise.core.types import LabelledSet
from poolwise.jobs.samplesize.cleaned import with_labels
from poolwise.jobs.samplesize.job import samplesize_job


def test_the_same_samples_learn_raw_and_cleaned_labels(mistaken):
    samplesize_job(mistaken)
    raw = {fit.name: fit for fit in mistaken.work.fits if "cleaned" not in fit.name}
    clean = {fit.name.replace(", cleaned", ""): fit for fit in mistaken.work.fits if "cleaned" in fit.name}
    assert raw.keys() == clean.keys()
    for name, fit in raw.items():
        assert fit.train.ids.tolist() == clean[name].train.ids.tolist()
        assert fit.seed == clean[name].seed
        assert (fit.train.labels != clean[name].train.labels).any()


def test_the_difference_is_told_and_drawn(mistaken):
    record, _ = samplesize_job(mistaken)
    document = json.loads((mistaken.folder / "samplesize.json").read_text())
    assert document["cleaned_against_raw"] in record.note
    assert "Cleaning changed 20.0 % of the training labels and brought" in record.note
    assert "a clean label is worth" in record.note
    rows = {row["size"]: row for row in document["cleaned"]}
    assert all(row["difference"] == pytest.approx(row["clean"] - row["raw"]) for row in rows.values())
    last = max(row["size"] for row in document["points"])
    # a fifth is wrong, so n raw labels tell as much as 0.4 n clean ones
    assert rows[last]["worth"] == pytest.approx(1 / 0.4, rel=0.3)
    assert record.results["cleaned/difference"] > 0
    assert {row["labels"] for row in document["points"]} == {"raw", "cleaned"}
    assert {trial.settings["labels"] for trial in record.trials if "labels" in trial.settings} == {"cleaned"}
    page = (mistaken.folder / "report.html").read_text()
    assert "Cleaned against raw labels" in page
    assert "measured on the cleaned test labels" in page


def test_where_nothing_was_changed_nothing_is_trained_twice(fakes):
    images = Blobs(n=1500, test=500, hide_labels=False)
    parts = fakes(images, clean=images.hidden_labels().copy())
    record, _ = samplesize_job(parts)
    assert len(parts.work.fits) == len(record.trials) / 2
    assert (
        "Cleaning changed 0.0 % of the training labels and made no difference beyond chance: +0.0 points" in record.note
    )


def test_samples_without_a_clean_label_keep_theirs():
    given = LabelledSet(np.array([1, 3]), np.array([0, 2]))
    assert with_labels(given, np.array([1, -1, 1, 1])).labels.tolist() == [0, 1]
    several = LabelledSet(np.array([0, 1]), np.array([[0, 1], [1, 1]], dtype=np.int8))
    assert with_labels(several, np.array([[-1, -1], [1, 0]])).labels.tolist() == [[0, 1], [1, 0]]


def test_two_sizes_tell_the_difference_measured(fakes):
    images = Blobs(n=1500, test=500, hide_labels=False)
    parts = fakes(images, clean=images.hidden_labels().copy(), shares=(0.1, 0.5))
    record, _ = samplesize_job(parts)
    assert "points higher with the cleaned ones" in record.note
