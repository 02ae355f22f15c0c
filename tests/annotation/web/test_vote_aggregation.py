"""Votes become answers."""

from pathlib import Path

from poolwise.annotation.web.page import Page
from poolwise.annotation.web.vote_aggregation import aggregate
from poolwise.core.types import Ask, Batch, Task
from poolwise.core.voting import Verdict, Vote


def batch(ids=(1, 2), round=0, task=Task.MULTICLASS):
    return Batch(round, tuple(Ask(at, str(at)) for at in ids), ("a", "b"), task, Path("run"))


def vote(at, person, label, *, verdict=Verdict.LABEL, round=0, when="1", **more):
    return Vote(f"{person}{at}{label}{when}", round, at, person, verdict, label, at=when, **more)


def labels(found):
    return {row.sample_id: row.label for row in found}


def test_the_latest_word_of_a_person_stands():
    votes = [
        vote(1, "ann", "a"),
        vote(1, "ann", "b", when="2"),
        vote(2, "ann", "a"),
        vote(2, "ann", None, verdict=Verdict.UNDO),
    ]
    found = aggregate(votes, batch(), 1)
    assert labels(found) == {1: "b"}
    assert found[0].at == "2"


def test_three_people_agree_by_consensus_and_two_are_not_enough():
    votes = [vote(1, name, label) for name, label in zip(("ann", "ben", "cem"), "aab", strict=True)]
    votes += [vote(2, "ann", "b"), vote(2, "ben", "b")]
    found = aggregate(votes, batch(), 3)
    assert labels(found) == {1: "a"}
    assert found[0].annotator == "ann, ben, cem"


def test_classes_of_several_people_are_agreed_on_one_by_one():
    several = batch((1,), task=Task.MULTILABEL)
    votes = [vote(1, name, label) for name, label in zip("xyz", (("a", "b"), ("a",), ()), strict=True)]
    assert labels(aggregate(votes, several, 3)) == {1: ("a",)}


def test_most_people_who_cannot_tell_are_believed():
    votes = [
        vote(1, "ann", None, verdict=Verdict.CANNOT_TELL),
        vote(1, "ben", None, verdict=Verdict.CANNOT_TELL),
        vote(1, "cem", "a"),
    ]
    found = aggregate(votes, batch(), 3)
    assert labels(found) == {1: None}
    assert not found[0].removed


def test_what_is_said_late_of_an_earlier_batch_comes_along_but_not_of_a_sample_that_is_asked_again():
    votes = [vote(7, "ann", "a", round=0), vote(1, "ann", "b", round=0), vote(2, "ann", "a", round=1)]
    assert labels(aggregate(votes, batch(round=1), 1)) == {7: "a", 2: "a"}


def test_of_near_copies_those_that_go_are_told_and_those_that_stay_are_not():
    votes = [
        vote(8, "ann", None, verdict=Verdict.REMOVE, round=-1),
        vote(9, "ann", None, verdict=Verdict.KEEP, round=-1),
    ]
    assert [(row.sample_id, row.removed) for row in aggregate(votes, batch(), 3)] == [(8, True)]


def test_a_run_with_redundancy_waits_until_everybody_has_spoken():
    votes = [vote(1, "ann", "a"), vote(1, "ben", "a")]
    page = Page(redundancy=2).reading(lambda: votes)
    assert page.collect(batch()) == []
    assert labels(Page(redundancy=2, partial="train").reading(lambda: votes).collect(batch())) == {1: "a"}


def test_how_fast_people_are_and_how_often_they_agree_is_told():
    votes = [
        vote(at, "ann", "a", seconds=seconds, suggestion=said) for at, seconds, said in ((1, 1.0, "a"), (2, 3.0, "b"))
    ]
    told = Page().reading(lambda: votes).facts(batch())
    speed = {"seconds_per_answer": 2.0, "agreement_with_suggestion": 0.5}
    assert told == {
        "people": 1.0,
        **speed,
        "by/ann/answers": 2.0,
        **{f"by/ann/{name}": value for name, value in speed.items()},
    }
