"""Answers that say when they were given, as those of the page do."""

import pytest

from poolwise.core.types import Annotation, Answer, Ask
from poolwise.jobs.answers import CANNOT_TELL, new_annotations
from poolwise.jobs.audit.steps import reviewed
from poolwise.ledger.events import BatchQueried
from poolwise.ledger.state import RoundState, RunState

NOON, LATER = "2026-01-01T12:00:00.000+00:00", "2026-01-01T13:00:00.000+00:00"


def state(*, label="a", source="page", at=NOON, round=0, reviews=()):
    queried = (BatchQueried((Ask(1, "one"),)), BatchQueried((), reviews=tuple(Ask(at, "x") for at in reviews)))
    rounds = tuple(RoundState(at, each) for at, each in enumerate(queried))
    return RunState(rounds=rounds, annotations={1: Annotation(1, label, "ann", round, source, at)}, events=5)


@pytest.mark.parametrize("fresh_of", [new_annotations, reviewed])
def test_an_answer_that_is_no_later_than_what_stands_is_no_news(fresh_of):
    """A correction by other means stands; what was said on the page before it does not come back."""
    old, new = Answer(1, "b", "ann", at=NOON), Answer(1, "b", "ann", at=LATER)
    assert fresh_of(state(), [old], 1, "page") == ()
    assert fresh_of(state(), [new], 1, "page") == (Annotation(1, "b", "ann", 1, "page", LATER),)
    assert fresh_of(state(at=""), [old], 1, "page"), "an answer without a time is compared by what it says"


@pytest.mark.parametrize("fresh_of", [new_annotations, reviewed])
def test_a_sample_that_is_removed_loses_its_label_and_one_that_nobody_could_tell_keeps_it(fresh_of):
    before = state(source="given", reviews=(1,))
    (gone,) = fresh_of(before, [Answer(1, None, "ann", removed=True, at=LATER)], 1, "page")
    (kept,) = fresh_of(before, [Answer(1, None, "ann", at=LATER)], 1, "page")
    assert (gone.label, gone.source) == (None, "page")
    assert (kept.label, kept.source) == ("a", f"page{CANNOT_TELL}")
    after = state(label=None, at=LATER, round=1, reviews=(1,))
    assert fresh_of(after, [Answer(1, None, "ann", removed=True)], 1, "page") == ()
