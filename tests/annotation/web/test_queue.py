"""Who gets which sample next."""

import random

from hypothesis import given
from hypothesis import strategies as some

from poolwise.annotation.web.queue import Queue
from poolwise.core.voting import Verdict, Vote


def vote(at, person, verdict=Verdict.LABEL):
    return Vote(f"{at}{person}{random.random()}", 0, at, person, verdict, "a", at="t")


def take(queue, person, count=1, now=0.0, tab="t", **more):
    return queue.take(person, tab, count, now, 0, **more)[0]


def test_two_people_never_hold_the_same_sample():
    queue = Queue(range(4), 1, 60)
    assert take(queue, "ann", 2) == [0, 1]
    assert take(queue, "ben", 3) == [2, 3]
    assert take(queue, "ann", 2) == [0, 1], "asking again changes nothing"


def test_a_sample_goes_to_as_many_people_as_redundancy_asks_for():
    queue = Queue([7], 2, 60)
    assert [take(queue, name) for name in ("ann", "ben", "cem")] == [[7], [7], []]
    queue.add(vote(7, "ann"))
    assert queue.done == 0
    assert take(queue, "cem") == []
    assert take(queue, "ann") == []
    queue.add(vote(7, "ben"))
    assert queue.done == 1


def test_what_nobody_answers_goes_to_somebody_else_after_a_time():
    queue = Queue([0, 1], 1, 60)
    assert take(queue, "ann") == [0]
    assert take(queue, "ben", now=59) == [1]
    assert take(queue, "cem", now=61) == [0]


def test_a_tab_that_is_still_there_keeps_what_it_holds():
    queue = Queue([0], 1, 60)
    assert [take(queue, "ann", now=now) for now in (0, 31, 62, 93)] == [[0]] * 4
    assert take(queue, "ben", now=120) == []


def test_two_tabs_of_one_person_get_different_samples_until_nothing_else_is_left():
    queue = Queue([0, 1], 1, 60)
    assert take(queue, "ann", tab="one") == [0]
    assert take(queue, "ann", tab="two") == [1]
    assert take(queue, "ann", tab="three") == [0]


def test_what_a_person_held_in_another_tab_and_somebody_else_took_is_not_handed_to_them_again():
    queue = Queue([0], 1, 60)
    assert take(queue, "ann", tab="one") == [0]
    assert take(queue, "ben", now=61) == [0]
    assert take(queue, "ann", tab="two", now=62) == []


def test_skipped_samples_come_last_and_others_get_them_first():
    queue = Queue([0, 1, 2], 1, 60)
    take(queue, "ann")
    queue.skip(0, "ann")
    assert take(queue, "ann", 2) == [1, 2]
    assert take(queue, "ben") == [0]


def test_a_vote_taken_back_opens_its_sample_again():
    queue = Queue([0, 1], 1, 60)
    queue.add(vote(0, "ann"))
    assert (queue.done, queue.last_of("ann")) == (1, 0)
    queue.add(vote(0, "ann", Verdict.UNDO))
    assert (queue.done, queue.last_of("ann"), take(queue, "ben", 2)) == (0, None, [1, 0])


def test_a_grid_has_its_own_order_and_never_what_was_put_aside():
    queue = Queue(range(5), 1, 60)
    queue.skip(3, "ann")
    assert take(queue, "ann", 5, order=[4, 3, 2]) == [4, 2]


@given(
    some.lists(some.tuples(some.sampled_from("abc"), some.sampled_from(["take", "vote", "undo", "skip", "wait"]))),
    some.integers(1, 3),
)
def test_claims_and_votes_together_are_never_more_than_a_sample_needs(moves, redundancy):
    queue, now = Queue(range(4), redundancy, 60), 0.0
    for person, move in moves:
        held = queue.held(person, "t", now)
        if move == "take":
            take(queue, person, 2, now)
        elif move == "wait":
            now += 25
        elif move == "undo" and (at := queue.last_of(person)) is not None:
            queue.add(vote(at, person, Verdict.UNDO))
        elif held:
            queue.add(vote(held[0], person)) if move == "vote" else queue.skip(held[0], person)
        for at in queue.ids:
            live = [who for who in "abc" if at in queue.held(who, "t", now)]
            assert len({*live, *queue.votes.get(at, {})}) <= redundancy
