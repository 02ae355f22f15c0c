import numpy as np
import pytest

from poolwise.metric.standings import setting_of
from poolwise.report.comparison import BOUND_NAME, ComparisonPage, Section, findings, render, write_comparison

COUNTS = [10, 20, 30]
RANDOM = [[0.5, 0.6, 0.7], [0.4, 0.6, 0.7], [0.45, 0.58, 0.71]]
BETTER = [[0.5, 0.7, 0.8], [0.4, 0.71, 0.79], [0.45, 0.7, 0.82]]


def section(dataset="digits", **scores):
    curves = {name: {seed: (COUNTS, row) for seed, row in enumerate(rows)} for name, rows in scores.items()}
    setting = setting_of(curves, reference="random", bound="oracle_lookahead")
    pool = dict.fromkeys(scores, 0.9)
    return Section(dataset, "low", "10 labels to begin with", "accuracy", setting, pool, dict.fromkeys(scores, 1.5))


def page(*sections, failures=()):
    return ComparisonPage(
        "first", "random", sections, failures, 6, 8, "poolwise benchmark", {"seeds": [0]}, {"poolwise": "1"},
        "oracle_lookahead",
    )  # fmt: skip


def text(found):
    return render(found, {each.picture: b"png" for each in found.sections})


def test_the_answer_comes_first():
    found = page(section(random=RANDOM, margin=BETTER))
    assert findings(found) == (
        "margin ranks first of 2 strategies, at 1.0 on average.",
        "Over the whole curve it was above random beyond chance in 1 of 1 comparison, and below it in 0.",
    )
    assert text(found).index("margin ranks first") < text(found).index("<table")


def test_where_nothing_beats_random_the_page_says_so():
    assert "nothing was better than random" in findings(page(section(random=BETTER, margin=RANDOM)))[0]


def test_without_two_strategies_there_is_nothing_to_compare():
    assert "nothing to compare" in findings(page(section(random=RANDOM)))[0]
    assert "<html" in text(page(section(random=RANDOM)))


def test_the_upper_bound_is_marked_as_not_achievable():
    found = text(page(section(random=RANDOM, margin=BETTER, oracle_lookahead=BETTER)))
    assert BOUND_NAME in found
    assert ">oracle_lookahead<" not in found


def test_the_page_asks_nobody_for_anything_and_trusts_no_text():
    found = text(page(section(random=RANDOM, margin=BETTER), failures=[("cell", "<script>x</script>")]))
    assert "default-src 'none'" in found
    assert "<script" not in found
    assert "http://" not in found.replace('"http://www.w3.org', "")


def test_unfinished_cells_are_counted():
    assert "6 of 8 cells are finished" in text(page(section(random=RANDOM, margin=BETTER)))


def test_many_strategies_still_make_a_picture(tmp_path):
    rng = np.random.default_rng(0)
    scores = {f"s{at}": rng.random((2, 3)).tolist() for at in range(20)}
    report = write_comparison(page(section(random=RANDOM[:2], **scores)), tmp_path)
    assert report.is_file()
    assert (tmp_path / "curves/digits-low.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("seeds", [1, 3])
def test_few_seeds_are_called_few(seeds):
    assert "few, so intervals are wide" in text(page(section(random=RANDOM[:seeds], margin=BETTER[:seeds])))
