import io
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from poolwise.report.chart import chart, spread, ticks
from poolwise.report.figures import confusion_matrix, learning_curve, round_figures
from poolwise.report.findings import findings


def opened(png):
    return Image.open(io.BytesIO(png))


def test_the_curve_is_a_picture_and_leaves_matplotlib_as_it_was(make_pair):
    before = dict(mpl.rcParams)
    picture = opened(learning_curve(make_pair([0.5, 0.9], [0.5, 0.8])))
    assert picture.width > 800
    assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert dict(mpl.rcParams) == before


def test_the_same_run_gives_the_same_bytes(make_pair):
    runs = make_pair([0.5, 0.9], [0.5, 0.8])
    assert learning_curve(runs) == learning_curve(runs)


def test_a_curve_of_nothing_and_of_one_point_is_still_a_picture(make_run):
    assert opened(learning_curve([make_run([])])).width > 0
    assert opened(learning_curve([make_run([0.5])])).width > 0


@pytest.mark.parametrize("many", [2, 10, 17, 100])
def test_confusion_matrices_of_2_to_100_classes_stay_of_sensible_size(make_round, many):
    classes = [f"class {at}" for at in range(many)]
    picture = opened(confusion_matrix(make_round(0, 10, 0.8, classes), classes))
    assert 300 < picture.width < 1800
    assert 300 < picture.height < 1800


def test_names_that_look_like_formulas_or_lack_a_glyph_are_drawn_as_they_are(make_round, make_run):
    classes = ("$\\frac{", "狗", "a\x00\udc80b" * 30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened(confusion_matrix(make_round(0, 10, 0.8, classes), classes)).width > 0
        assert opened(learning_curve([make_run([0.5, 0.6], strategy="$\\frac{")])).width > 0


def test_a_tracker_gets_the_matrix_of_a_round_that_has_one(make_run, make_round):
    run = make_run([0.5])
    assert list(round_figures(run)(run.rounds[0])) == ["confusion_matrix.png"]
    assert round_figures(make_run([], data={}))(make_round(0, 10, 0.5)) == {}


def test_higher_scores_are_drawn_higher_and_more_labels_further_right(make_pair):
    runs = make_pair([0.5, 0.7, 0.9], [0.5, 0.6, 0.7])
    plot = chart(runs, findings(runs).comparison, 820, 380)
    (x0, y0, _), _, (x2, y2, _) = plot.lines[0].marks
    assert plot.left <= x0 < x2 <= plot.right
    assert plot.top <= y2 < y0 <= plot.bottom
    assert plot.level is not None
    assert plot.level[1] < plot.level[2]


def test_direct_labels_of_curves_that_meet_do_not_overlap(make_pair):
    plot = chart(make_pair([0.5, 0.9], [0.5, 0.9]), None, 380, 320)
    first, second = (line.label_y for line in plot.lines)
    assert abs(first - second) >= 30


def test_two_runs_of_one_strategy_are_told_apart(make_run):
    runs = [make_run([0.5, 0.6], strategy="random"), make_run([0.5, 0.6], name="x/control", strategy="random")]
    assert [line.name for line in chart(runs, None, 820, 380).lines] == ["random", "random (control)"]


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.10001), (20, 50_000), (-3, 0.5), (5, 5)])
def test_ticks_lie_inside_and_are_few(low, high):
    marks = ticks(low, high, 5)
    assert 1 <= len(marks) <= 6
    assert low <= marks[0] <= marks[-1] <= high + 1e-9


def test_labels_pushed_apart_keep_their_order():
    heights = spread([10, 11, 12], 5, 0, 100)
    assert heights == sorted(heights)
