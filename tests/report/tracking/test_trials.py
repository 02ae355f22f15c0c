"""Trainings that a run compares are children of its run: MLflow's own comparison shows them side by side."""

from dataclasses import replace

import pytest

from poolwise.core.types import TrialRecord


def trials(score=0.9):
    return tuple(
        TrialRecord(
            f"{arm}, seed {seed}",
            {"arm": arm, "seed": seed},
            {"accuracy_raw_test": score + seed / 100, "f1_raw_test": score},
        )
        for arm in ("raw", "pruned")
        for seed in (0, 1)
    )


@pytest.fixture
def compared(make_run):
    return make_run(rounds=0, status="stopped", job="compare", results={"trainings": 4.0}, trials=trials())


def children(seen):
    parent = seen.parent().info.run_id
    found = [run for run in seen.runs() if run.data.tags.get("mlflow.parentRunId") == parent]
    return sorted(found, key=lambda run: (run.data.tags["poolwise.seed"], run.data.tags["poolwise.arm"]))


def test_each_training_is_a_nested_run_with_its_arm_seed_and_metrics(tracker, compared, look):
    assert tracker.sync(compared)
    seen = look(tracker)
    found = children(seen)
    assert [run.data.params for run in found] == [
        {"arm": "pruned", "seed": "0"}, {"arm": "raw", "seed": "0"}, {"arm": "pruned", "seed": "1"}, {"arm": "raw", "seed": "1"},
    ]  # fmt: skip
    assert found[2].data.metrics == {"accuracy_raw_test": 0.91, "f1_raw_test": 0.9}
    assert {run.data.tags["poolwise.job"] for run in found} == {"compare"}
    assert {run.info.status for run in found} == {"FINISHED"}
    assert found[0].info.run_name == "pruned, seed 0"
    assert len(seen.runs()) == 5


def test_telling_it_again_changes_nothing(tracker, compared, look):
    assert tracker.sync(compared)
    before = look(tracker).everything()
    assert tracker.sync(compared)
    assert look(tracker).everything() == before


@pytest.mark.parametrize("name", ["create_run", "log_batch", "set_terminated"])
def test_a_call_that_fails_leaves_no_doubles(name, tracker, compared, look, monkeypatch):
    from mlflow import MlflowClient

    real, calls = getattr(MlflowClient, name), []

    def sometimes(*args, **kwargs):
        calls.append(name)
        answer = real(*args, **kwargs)
        if len(calls) % 3 == 2:
            raise OSError("the answer got lost")
        return answer

    monkeypatch.setattr(MlflowClient, name, sometimes)
    for _ in range(30):
        if tracker.sync(compared):
            break
    seen = look(tracker)
    assert [run.data.tags["poolwise.arm"] for run in children(seen)] == ["pruned", "raw"] * 2
    assert len(seen.runs()) == 5
    assert [seen.history(run, "accuracy_raw_test") for run in children(seen)] == [[(0, 0.9)]] * 2 + [[(0, 0.91)]] * 2


def test_what_was_measured_anew_is_a_later_point_of_the_same_run(tracker, compared, look):
    assert tracker.sync(compared)
    assert tracker.sync(replace(compared, trials=trials(0.8)))
    seen = look(tracker)
    assert len(seen.runs()) == 5
    assert {run.data.metrics["f1_raw_test"] for run in children(seen)} == {0.8}
