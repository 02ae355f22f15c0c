"""The job over fakes: what is trained, what is kept, what is said."""

import csv
import json
import shutil
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from poolwise.core.errors import ConfigError, DataError, LedgerMoved, SettingsChanged
from poolwise.core.interfaces import Tracker
from poolwise.core.types import Task
from poolwise.jobs.compare import job
from poolwise.jobs.compare.job import compare_job, compared
from poolwise.jobs.trainings.job_file import hold_job
from poolwise.quality.pruning.component import ByComponent
from poolwise.quality.pruning.label_errors import ByLabelErrors


def rows(parts, name):
    return list(csv.DictReader((parts.folder / name).read_text().splitlines()))


def names(parts):
    return [fit.name for fit in parts.audit.work.fits]


@dataclass
class Told(Tracker):
    """A tracker that remembers."""

    records: list = field(default_factory=list)

    def sync(self, run, *, model=None, files=None, round_figures=None):
        self.records.append((run, dict(files or {})))
        return True


def test_every_arm_is_measured_on_both_test_sets_with_every_seed(fakes):
    parts = fakes(tracker=Told())
    record, _ = compare_job(parts)
    found = rows(parts, "results.csv")
    assert len(found) == 6 * 2 * 2
    assert {row["train_size"] for row in found if row["arm"] == "raw"} == {"180"}
    assert record.note.startswith("Cleaning ")
    assert record.results["detection/precision"] > 0.9
    assert len(record.trials) == 12
    assert record.trials[0].settings == {"arm": "raw", "seed": 0}
    assert {"accuracy_raw_test", "accuracy_corrected_test", "f1_raw_test", "f1_corrected_test"} <= set(
        record.trials[0].results
    )
    page = (parts.folder / "report.html").read_text()
    assert record.note.split(":")[0] in page
    sent = parts.tracker.records[0][1]
    assert {"report.html", "arms.png", "results.csv", "summary.csv", "removed.csv", "summary.json"} <= set(sent)
    for table in record.tables:
        assert json.loads(sent[table].read_text())["data"]


def test_removed_by_class_adds_up(fakes):
    parts = fakes(seeds=(0,))
    outcome = compared(parts)
    compare_job(parts)
    found = rows(parts, "removed.csv")
    assert sum(float(row["given"]) for row in found) == 180
    assert sum(float(row["removed"]) for row in found) == len(outcome.cases[0].removed) > 0


def test_a_killed_comparison_loses_one_training_and_trains_nothing_twice(fakes):
    parts = fakes()
    parts.audit.work.stop_after = 9  # 6 models of detection, 3 arms
    with pytest.raises(KeyboardInterrupt):
        compare_job(parts)
    parts.audit.work.stop_after = 10_000
    compare_job(parts)
    made = names(parts)
    assert len(made) == len({fit.file for fit in parts.audit.work.fits}) > 9
    compare_job(parts)
    assert names(parts) == made


def test_an_unbroken_run_gives_the_same_numbers(fakes, tmp_path):
    parts = fakes()
    compare_job(parts)
    first = (parts.folder / "results.csv").read_bytes()
    other = replace(parts, audit=replace(parts.audit, cache=tmp_path / "other"))
    compare_job(other)
    assert (parts.folder / "results.csv").read_bytes() == first


def test_arms_that_learn_the_same_share_a_training(fakes, noisy):
    parts = fakes(noisy(every=0), pruning=ByLabelErrors(share=0.0))
    compare_job(parts)
    trained = [name for name in names(parts) if "seed" in name]
    assert [name.split(", ")[1] for name in trained] == ["seed 0", "seed 1"]
    assert "Nothing was flagged with any seed" in (parts.folder / "report.html").read_text()
    assert {row["difference"] for row in rows(parts, "summary.csv") if row["against"]} == {"0"}


def test_arms_of_a_seed_have_its_training_seed(fakes):
    parts = fakes()
    compare_job(parts)
    seeds = {
        name: {fit.seed for fit in parts.audit.work.fits if fit.name.endswith(name)} for name in ("seed 0", "seed 1")
    }
    assert [len(found) for found in seeds.values()] == [1, 1]
    assert seeds["seed 0"] != seeds["seed 1"]


def test_detection_sees_neither_the_truth_nor_a_test_sample(fakes):
    parts = fakes(plant={"share": 0.1})
    compare_job(parts)
    judged = [fit for fit in parts.audit.work.fits if "fold" in fit.name]
    assert judged
    assert all(fit.train.ids.max() < 180 and fit.scored.max() < 180 for fit in judged)
    arms = {fit.name: fit for fit in parts.audit.work.fits if "seed" in fit.name}
    assert all(fit.train.ids.max() < 180 for fit in arms.values())
    blind, seen = fakes(replace(parts.audit.images, checked="")), fakes()
    sets = [{(c.seed, c.pruned.keep.tobytes()) for c in compared(each).cases} for each in (blind, seen)]
    assert sets[0] == sets[1]


def test_noise_is_planted_in_both_parts_or_in_training_alone(fakes, noisy):
    right = noisy(every=0)
    for also, wrong in ((True, 6), (False, 0)):
        outcome = compared(fakes(right, plant={"share": 0.1, "test": also}, arms=("raw", "truth")))
        for case in outcome.cases:
            assert (case.train.labels != case.truth).sum() == 18
            assert (case.test.labels != case.corrected).sum() == wrong
    first, second = (case.train.labels for case in outcome.cases)
    assert (first != second).any()


def test_confusion_shaped_noise_is_planted_from_out_of_sample_probabilities(fakes, noisy):
    outcome = compared(fakes(noisy(every=0), plant={"share": 0.1, "shape": "confusion"}, arms=("raw", "pruned")))
    assert (outcome.cases[0].train.labels != outcome.cases[0].truth).sum() == 18


def test_without_the_truth_the_arms_that_need_it_are_left_out_with_a_note(fakes, noisy):
    parts = fakes(noisy(checked=""))
    compare_job(parts)
    assert {row["arm"] for row in rows(parts, "results.csv")} == {"raw", "pruned", "relabelled", "random_pruned"}
    assert {row["test_set"] for row in rows(parts, "results.csv")} == {"raw"}
    page = (parts.folder / "report.html").read_text()
    assert "truth is left out" in page
    assert "No true labels of test samples are known" in page


def test_a_truth_of_test_samples_alone_corrects_the_test_set(fakes, noisy):
    outcome = compared(fakes(noisy(checked="test")))
    assert {each.arm for each in outcome.trials} == {"raw", "pruned", "relabelled", "random_pruned"}
    assert (outcome.cases[0].corrected != outcome.cases[0].test.labels).sum() == 6
    assert outcome.detections == {0: {}, 1: {}}


def test_a_truth_of_training_samples_alone_does_not(fakes, noisy):
    outcome = compared(fakes(noisy(checked="train"), arms=("raw", "truth")))
    assert {name for each in outcome.trials for name in each.tests} == {"raw"}


def test_training_samples_with_a_near_copy_in_the_test_set_are_dropped_from_all_arms(fakes):
    couples = ((3, 200), (4, 5), (6, 201))
    dropped = compared(fakes(couples=couples, arms=("raw", "pruned")))
    assert (dropped.common.leaks, dropped.common.leaking) == (2, 2)
    assert not {3, 6} & set(dropped.cases[0].train.ids.tolist())
    kept = compared(fakes(couples=couples, arms=("raw", "pruned"), drop_leaks=False))
    assert len(kept.cases[0].train) == 180
    assert any("stay in training" in note for note in kept.notes)


def test_components_need_no_detector(fakes):
    couples = tuple((at, at + 3) for at in range(0, 60, 6))  # of one class; one of each tenth is mislabelled
    parts = fakes(couples=couples, pruning=ByComponent(), drop_leaks=False)
    record, _ = compare_job(parts)
    assert not any("fold" in name for name in names(parts))
    assert {row["arm"] for row in rows(parts, "results.csv")} == {"raw", "pruned", "reviewed", "random_pruned", "truth"}
    assert record.results["detection/precision"] == 0.5  # of two copies that contradict each other one is right


def test_the_preset_has_the_four_experiments_and_says_what_they_prove(fakes):
    couples = tuple((at, at + 3) for at in (*range(0, 60, 6), *range(180, 236, 6)))
    parts = fakes(couples=couples, pruning=ByComponent(), preset="seedoo", arms=("raw", "pruned"))
    compare_job(parts)
    page = (parts.folder / "report.html").read_text()
    assert "The four experiments of SeeDoo" in page
    assert "proves nothing by itself" in page
    assert {row["test_set"] for row in rows(parts, "results.csv")} == {"raw", "corrected", "cleaned"}


def test_several_classes_a_sample(fakes, noisy):
    arms = ("raw", "pruned", "relabelled", "random_pruned", "truth")
    parts = fakes(noisy(task=Task.MULTILABEL), pruning=ByLabelErrors(share=0.1), arms=arms)
    record, _ = compare_job(parts)
    assert record.metric == "macro_f1"
    assert {row["arm"] for row in rows(parts, "results.csv")} == {"raw", "pruned", "relabelled", "random_pruned"}
    with pytest.raises(ConfigError, match="several"):
        compared(fakes(noisy(task=Task.MULTILABEL), plant={"share": 0.1}))


def test_labels_that_are_all_equal_are_told(fakes, noisy):
    @dataclass(frozen=True)
    class One(noisy):
        @property
        def manifest(self):
            found = super().manifest
            return replace(found, labels=np.zeros_like(found.labels))

    with pytest.raises(DataError, match="same class"):
        compared(fakes(One()))


def test_no_test_labels_and_a_pruning_that_leaves_nothing_are_told(fakes):
    with pytest.raises(DataError, match="0 labelled samples in validation"):
        compared(fakes(test="validation"))
    with pytest.raises(DataError, match="leaves none"):
        compared(fakes(pruning=ByComponent(singletons=False)))


def test_other_settings_need_a_name_of_their_own_but_jobs_may_change(fakes):
    compare_job(fakes(seeds=(0,)))
    compare_job(fakes(seeds=(0,), config={"pruning": {"share": None}, "jobs": 4}))
    with pytest.raises(SettingsChanged, match=r"pruning\.share"):
        compare_job(fakes(seeds=(0,), config={"pruning": {"share": 0.1}, "jobs": 0}))


def test_unknown_arms_are_told_before_anything_is_trained(fakes):
    parts = fakes(arms=("raw", "cleaned"))
    with pytest.raises(ConfigError, match="'cleaned'"):
        compared(parts)
    assert not parts.audit.work.fits


@pytest.mark.parametrize("again", [False, True])
def test_a_comparison_whose_folder_went_meanwhile_writes_nothing_there(fakes, tmp_path, monkeypatch, again):
    parts = fakes(seeds=(0,))

    def gone(parts):
        shutil.rmtree(parts.folder)
        if again:
            with hold_job("compare", parts, ()):
                pass
        return compared(parts)

    monkeypatch.setattr(job, "compared", gone)
    with pytest.raises(LedgerMoved, match="give the command again"):
        compare_job(parts)
    left = [path.name for path in parts.folder.rglob("*") if path.is_file()]
    assert sorted(left) == ([".lock", "compare.log", "job.yaml"] if again else [])
