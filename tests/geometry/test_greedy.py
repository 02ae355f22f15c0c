import numpy as np
import pytest

from poolwise.geometry.greedy import Spread


def noise(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("front", [1, 7, 5000])
@pytest.mark.parametrize("centred", [True, False])
def test_greedy_picks_equal_a_loop_over_all_distances(front, centred):
    points, liking = noise(200, 3), rng(1).random(200).astype(np.float32)
    centres = noise(4, 3, seed=2) if centred else None
    rows, _, gaps = Spread(points, centres, front).pick(
        40, lambda gaps: liking * np.minimum(gaps, 9), lambda row: None, rng()
    )
    known = list(points[:0]) if centres is None else list(centres)
    for row, gap in zip(rows, gaps, strict=True):
        far = (
            np.linalg.norm(points[:, None] - np.array(known)[None], axis=2).min(axis=1)
            if known
            else np.full(200, np.inf)
        )
        score = liking * np.minimum(far, 9)
        assert score[row] == pytest.approx(score.max(), rel=1e-4)
        assert gap == pytest.approx(far[row], rel=1e-4)
        known.append(points[row])
    assert len(set(rows.tolist())) == 40


def test_greedy_stops_where_no_row_may_be_taken_and_can_go_on():
    spread = Spread(np.array([[0.0], [0.1], [5.0], [5.2]], dtype=np.float32))
    apart = spread.pick(4, lambda gaps: np.where(gaps < 1, -np.inf, 1.0), lambda row: None, rng(), floor=-np.inf)
    rest = spread.pick(2, lambda gaps: gaps, lambda row: None, rng())
    assert len(apart[0]) == 2
    assert sorted([*apart[0].tolist(), *rest[0].tolist()]) == [0, 1, 2, 3]


def test_rows_that_are_all_alike_are_picked_evenly():
    firsts = [
        Spread(np.ones((30, 2), dtype=np.float32)).pick(3, np.sign, lambda row: None, rng(seed))[0]
        for seed in range(60)
    ]
    assert len({int(rows[2]) for rows in firsts}) > 15
