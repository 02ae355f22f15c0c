import re

import pytest

from poolwise.jobs.loop.build import run_name

CHOICES = {"data": "digits", "query": "margin"}


def name(*overrides, seed=0):
    return run_name(CHOICES, overrides, seed)


def test_the_same_command_has_the_same_name_in_any_order():
    assert name("model.epochs=3", "data.limit=9") == name("data.limit=9", "model.epochs=3")


@pytest.mark.parametrize("free", ["budget=40", "tracking=none", "verbose=false", "runs=x"])
def test_settings_that_may_change_on_resume_do_not_change_the_name(free):
    assert name(free) == "digits-margin-seed0"


@pytest.mark.parametrize(
    "other",
    ["model=resnet18_cifar", "seed_size=5", "data.root=photos/", "+model.x=1", "query_size=5", "stopping=[plateau]"],
)
def test_settings_that_shape_the_result_do(other):
    assert name(other) != name()


def test_a_sweep_over_budgets_gives_each_a_run():
    assert run_name(CHOICES, ["budget=40"], 0, sweep=True) == "digits-margin-seed0-budget=40"


def test_another_folder_of_pictures_is_another_run():
    assert name("data.root=a") != name("data.root=b")


def test_any_override_gives_a_name_that_is_safe_for_a_folder():
    found = name("data.root=../../etc/passwd;rm -rf", "model.note=" + "x" * 300)
    assert re.fullmatch(r"digits-margin-seed0-[0-9a-f]{8}", found)
