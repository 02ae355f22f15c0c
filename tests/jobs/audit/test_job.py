import csv
from dataclasses import replace

import numpy as np
import pytest

from builders import WRONG, Mislabelled, Told, ledger
from poolwise.annotation.oracle import Oracle
from poolwise.core.errors import DataError, PoolwiseError, SettingsChanged
from poolwise.core.types import Task
from poolwise.jobs.audit.job import audit_job


def rows(file):
    with file.open(newline="") as source:
        return list(csv.DictReader(source))


def test_wrong_labels_head_the_list_and_go_out_for_review(run):
    record, state = run()
    listed = rows(record.folder / "label_issues.csv")
    assert {int(row["sample_id"]) for row in listed[:4]} == set(WRONG)
    assert listed[0]["suggested"] == "abc"[int(listed[0]["sample_id"]) % 3]
    assert (record.status, len(state.rounds[0].asks)) == ("parked", 6)
    assert "0 of 6 reviewed" in record.message


def test_answers_come_back_as_new_annotations_and_nothing_is_overwritten(run, audit):
    parts = audit(annotator=Oracle().knowing(Mislabelled()))
    record, state = run(parts)
    assert (record.status, record.stop_reason) == ("stopped", "6 labels reviewed, 4 changed")
    assert record.results["changed_in_review"] == 4
    assert {at for at, row in state.annotations.items() if row.source == "oracle"} >= set(WRONG)
    assert all(state.annotations[at].label == "abc"[at % 3] for at in WRONG)


def test_a_confirmed_label_is_an_answer_too(run, audit):
    _, state = run(audit(annotator=Oracle().knowing(Mislabelled())))
    confirmed = [ask.sample_id for ask in state.rounds[0].asks if ask.sample_id not in WRONG]
    assert [state.annotations[at].source for at in confirmed] == ["oracle", "oracle"]


def test_who_cannot_tell_changes_nothing(run, audit):
    class Unsure(Oracle):
        def collect(self, batch):
            return [replace(answer, label=None) for answer in super().collect(batch)]

    record, state = run(audit(annotator=Unsure().knowing(Mislabelled())))
    assert record.stop_reason == "6 labels reviewed, 0 changed"
    given = Mislabelled().manifest
    assert all(state.annotations[at].label == given.classes[given.labels[at]] for at in WRONG)


def test_running_again_changes_nothing_and_a_larger_budget_asks_for_more(run, audit):
    oracle = Oracle().knowing(Mislabelled())
    _, first = run(audit(annotator=oracle))
    _, again = run(audit(annotator=oracle))
    assert again.events == first.events
    _, more = run(audit(annotator=oracle, settings={"budget": 9}, config={"seed": 0, "budget": 9}))
    assert [len(round_.asks) for round_ in more.rounds] == [6, 3]
    assert more.stopped == "9 labels reviewed, 4 changed"


def test_an_audit_that_was_killed_trains_only_what_is_missing(run, audit, tmp_path):
    trained = []

    class Dies:
        def __call__(self, fit):
            if len(trained) == 2:
                raise KeyboardInterrupt
            trained.append(fit.name)
            inner(fit)

    inner = audit().work
    with pytest.raises(KeyboardInterrupt):
        run(audit(work=Dies()))
    left = []
    record, _ = run(audit(work=lambda fit: (left.append(fit.name), inner(fit))))
    assert len(trained) == 2
    assert len(left) == 2
    assert not set(trained) & set(left)
    apart = tmp_path / "apart"
    apart.mkdir()
    fresh = audit_job(audit(folder=apart / "audit", cache=apart / "fits"), ledger(apart))
    assert record.results == fresh.results


def test_a_fit_that_fails_is_named_and_the_others_are_kept(run, audit, tmp_path):
    inner = audit().work

    def work(fit):
        if fit.name.endswith("fold 2"):
            raise PoolwiseError("no memory")
        inner(fit)

    with pytest.raises(PoolwiseError, match="1 of 4 models could not be trained.*\n.*fold 2: no memory"):
        run(audit(work=work))
    assert len(list((tmp_path / "fits").glob("*.npy"))) == 3


def test_other_settings_need_another_run(run, audit):
    run()
    with pytest.raises(SettingsChanged, match="seed: was 0, now 1"):
        run(audit(config={"seed": 1}))


def test_the_truth_scores_the_list_and_reaches_no_detector(run, audit):
    seen = []
    parts = audit()
    spied = replace(parts, find=lambda labels, *rest: (seen.append(labels), parts.find(labels, *rest))[1])
    record, _ = run(spied)
    assert record.results["wrong"] == 4
    assert record.results["precision_in_review"] == pytest.approx(4 / 6)
    manifest = Mislabelled().manifest
    assert (seen[0] == manifest.labels[manifest.splits == "pool"]).all()


def truth_of(names, values):
    from poolwise.core.types import Manifest
    from poolwise.jobs.audit.results import known_truth

    n = len(values)
    paths, splits = tuple(f"{at:02d}" for at in range(n)), np.array(["pool"] * n)
    manifest = Manifest("m", paths, splits, names, Task.MULTICLASS, np.zeros(n, int), columns={"truth": values})
    return known_truth(manifest, "truth")


def test_a_truth_of_numbers_is_matched_by_value():
    assert truth_of(("007", "01", "2"), np.array([2.0, 7.0, 1.0])).tolist() == [2, 0, 1]
    assert truth_of(("a", "b"), np.array(["b", "", "a"])).tolist() == [1, -1, 0]
    with pytest.raises(DataError, match=r"B are none of the classes \(a, b\)"):
        truth_of(("a", "b"), np.array(["B"]))


def test_only_samples_of_known_truth_score_the_list(run, audit):
    class Partly(Mislabelled):
        @property
        def manifest(self):
            found = super().manifest
            truth = found.columns["truth"].copy()
            truth[::2] = ""
            return replace(found, columns={"truth": truth})

    record, _ = run(audit(images=Partly()))
    assert record.results["wrong"] == 2  # 17 and 33
    assert record.results["precision_in_review"] >= 0.5
    assert "count_error" not in record.results


def test_labels_changed_on_purpose_are_found_and_counted(run, audit):
    record, _ = run(audit(images=Mislabelled(wrong=()), settings={"plant": {"share": 0.1}, "budget": 9}))
    assert record.results["wrong"] == 9
    assert record.results["precision_in_review"] == 1
    assert record.results["count_low"] <= 9 <= record.results["count_high"]


def test_changed_labels_may_have_the_shape_of_the_models_confusions(run, audit):
    record, _ = run(audit(images=Mislabelled(wrong=()), settings={"plant": {"share": 0.1, "shape": "confusion"}}))
    assert record.results["wrong"] == 9


def test_in_sample_one_model_learns_all_and_scores_all(run, audit):
    names = []
    inner = audit().work
    run(audit(settings={"protocol": "in_sample"}, work=lambda fit: (names.append(fit), inner(fit))))
    assert len(names) == 1
    assert (names[0].train.ids == names[0].scored).all()


def test_no_model_scores_what_it_learnt(run, audit):
    fits = []
    inner = audit().work
    run(audit(settings={"folds": 3, "repeats": 2, "stop_share": 0.2}, work=lambda fit: (fits.append(fit), inner(fit))))
    assert len(fits) == 6
    for fit in fits:
        learnt = set(fit.train.ids) | set(fit.stop.ids)
        assert not learnt & set(fit.scored)
        assert not set(fit.train.ids) & set(fit.stop.ids)


def test_the_tracker_gets_numbers_tables_and_the_answer(run, audit):
    tracker = Told()
    run(audit(tracker=tracker))
    told = tracker.runs[-1]
    assert (told.job, told.tables) == ("audit", ("label_issues.json",))
    assert told.results["judged"] == 90
    assert told.note.startswith("review these 6")


def test_several_labels_a_sample_are_judged_too(run, audit):
    images = Mislabelled(task=Task.MULTILABEL, wrong=())
    record, _ = run(audit(images=images))
    assert record.results["judged"] == 90
    assert rows(record.folder / "label_issues.csv")[0]["given"] in ("a", "b", "c", "a|c", "b|c", "a|b", "|")


def test_what_cannot_be_judged_is_refused_with_a_reason(run, audit):
    class Alike(Mislabelled):
        @property
        def manifest(self):
            found = super().manifest
            return replace(found, labels=np.zeros_like(found.labels))

    with pytest.raises(DataError, match="same class"):
        run(audit(images=Alike()))


def test_no_labels_at_all_is_said(run, audit):
    with pytest.raises(DataError, match="has no label in pool"):
        run(audit(images=Mislabelled(known=0.0, wrong=())))


def test_fewer_samples_than_folds_is_said(run, audit):
    with pytest.raises(DataError, match="lower folds"):
        run(audit(images=Mislabelled(n=33, wrong=()), settings={"folds": 10}))
