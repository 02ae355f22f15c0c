"""What strategies that mix uncertainty and diversity pick, by hand and against loops and peers."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import Head, PoolView
from poolwise.query.alfa_mix import AlfaMix, anchors, flipping_caps
from poolwise.query.bait import Bait, Form, class_roots, labelled_probs
from poolwise.query.density import InformationDensity, Similarity
from poolwise.query.drop_query import DropQuery, least_changed
from poolwise.query.falcun import Falcun, drawn_apart
from poolwise.query.ranked_batch import RankedBatch
from poolwise.query.weighted_k_means import Clue, WeightedKMeans


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(*shape, seed=0):
    return rng(seed).standard_normal(shape).astype(np.float32)


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def pool(count=60, width=5, classes=3, labelled=8):
    points, seen = noise(count, width), noise(labelled, width, seed=1)
    head = Head(noise(classes, width, seed=2), noise(classes, seed=3))
    return PoolView(
        ids=np.arange(count),
        probs=softmax(points @ head.weights.T + head.bias),
        embeddings=points,
        labelled_ids=1000 + np.arange(labelled),
        labels=rng(4).integers(classes - 1, size=labelled),  # the last class has no label
        labelled_embeddings=seen,
        head=head,
    )


def blobs(weights):
    """Six blobs far apart, ten samples each; samples of blob i are this uncertain."""
    points = np.repeat(np.arange(6)[:, None] * 100.0, 10, axis=0) + noise(60, 1)
    unsure = np.repeat(np.array(weights), 10)
    return PoolView(np.arange(60), probs=np.stack([1 - unsure / 2, unsure / 2], axis=1), embeddings=points)


def test_weighted_k_means_takes_one_of_each_uncertain_blob():
    query = WeightedKMeans(candidates=10, iterations=50).select(blobs([0.9, 0, 0.8, 0, 0.7, 0]), 3, rng())
    assert sorted((query.ids // 10).tolist()) == [0, 2, 4]
    assert query.reasons["cluster_size"].tolist() == [10, 10, 10]


def test_clue_leaves_out_what_is_certain_without_a_filter():
    query = Clue(iterations=50).select(blobs([0.9, 0, 0.8, 0, 0.7, 0]), 3, rng())
    assert sorted((query.ids // 10).tolist()) == [0, 2, 4]


def test_drop_query_takes_what_changes_in_most_passes_when_there_is_enough():
    view = pool(600)
    query = DropQuery(enough=1, passes=5).select(view, 10, rng())
    assert (query.reasons["changed_passes"] >= 3).all()
    assert (DropQuery(enough=25).select(view, 10, rng()).reasons["changed_passes"] >= 1).all()


def test_drop_query_clusters_by_angle():
    """Two directions, one of them near and far: by angle there are two clusters, by distance the far ones are one."""
    directions = np.repeat(np.array([[1.0, 0.0], [0.0, 1.0]]), 20, axis=0)
    lengths = np.where(np.arange(40) < 20, np.where(np.arange(40) % 2, 100.0, 1.0), 1.0)
    points = (directions * lengths[:, None] + 0.001 * noise(40, 2)).astype(np.float32)
    head = Head(np.array([[1, 1], [1, 1]], dtype=np.float32), np.zeros(2, dtype=np.float32))
    view = PoolView(np.arange(40), probs=np.full((40, 2), 0.5, dtype=np.float32), embeddings=points, head=head)
    for seed in range(5):
        rows = DropQuery().select(view, 2, rng(seed)).ids
        assert {row < 20 for row in rows.tolist()} == {True, False}


def test_drop_query_tops_up_at_random_where_no_class_changes():
    certain = Head(np.zeros((3, 5), dtype=np.float32), np.array([9, 0, 0], dtype=np.float32))
    view = PoolView(
        np.arange(60), probs=np.eye(3)[[0] * 60], embeddings=noise(60, 5), head=certain, labelled_ids=np.array([99])
    )
    query = DropQuery().select(view, 5, rng())
    assert set(query.reasons["reason"].tolist()) == {"drawn at random: fewer distinct candidates than picks"}


def test_the_threshold_of_drop_query_falls_until_there_is_enough():
    changed = np.array([0, 1, 1, 2, 3])
    assert [least_changed(changed, 3, enough) for enough in (1, 2, 3, 99)] == [2, 2, 1, 1]


def test_alfa_mix_flips_exactly_what_a_loop_over_anchors_flips():
    view, cap = pool(), 0.6
    caps, _ = flipping_caps(view.embeddings, view.head, view.probs, anchors(view, 3))
    own = view.probs.argmax(axis=1)
    gradients = (view.probs - np.eye(3)[own]) @ view.head.weights
    flips = np.zeros(60, dtype=bool)
    for at in range(3):
        mine = view.labelled_embeddings[view.labels == at] if (view.labels == at).any() else view.labelled_embeddings
        z = mine.mean(axis=0) - view.embeddings
        lengths = np.linalg.norm(z, axis=1, keepdims=True) / np.linalg.norm(gradients, axis=1, keepdims=True)
        alpha = cap / np.sqrt(5) * lengths * gradients / z
        mixed = (1 - alpha) * view.embeddings + alpha * (view.embeddings + z)
        flips |= (mixed @ view.head.weights.T + view.head.bias).argmax(axis=1) != own
    assert 0 < flips.sum() < 60
    assert (caps < cap).tolist() == flips.tolist()


def test_alfa_mix_picks_what_flips_first_and_tops_up_by_margin():
    view = pool()
    caps, _ = flipping_caps(view.embeddings, view.head, view.probs, anchors(view, 3))
    few = AlfaMix(most=0.2).select(view, 50, rng())
    flipped = (caps < 0.2).sum()
    assert (caps[few.ids[:flipped]] < 0.2).all()
    margins = -np.diff(np.sort(view.probs[few.ids[flipped:]], axis=1)[:, -2:], axis=1)[:, 0]
    assert (np.diff(margins) <= 1e-6).all()


def test_falcun_equals_a_loop_in_the_limit_of_a_large_gamma():
    probs = rng().dirichlet(np.ones(4), size=50)
    unsure = 1 + np.diff(-np.sort(-probs, axis=1)[:, :2], axis=1)[:, 0]
    rows, _ = drawn_apart(probs, unsure, 20, 1e4, rng())
    apart, left = unsure.copy(), list(range(50))
    for row in rows:
        scaled = (apart[left] - apart[left].min()) / (apart[left].max() - apart[left].min())
        relevance = dict(zip(left, scaled + unsure[left], strict=True))
        assert relevance[row] == pytest.approx(max(relevance.values()), abs=1e-3)
        left.remove(int(row))
        apart = np.minimum(apart, np.abs(probs - probs[row]).sum(axis=1))


def test_falcun_draws_in_proportion_to_relevance():
    probs = np.array([[0.5, 0.5], [0.7, 0.3], [1.0, 0.0]])
    counts = np.bincount(
        [int(Falcun(gamma=2).select(PoolView(np.arange(3), probs=probs), 1, rng(s)).ids[0]) for s in range(600)]
    )
    np.testing.assert_allclose(counts / 600, np.array([4, 1.44]) / 5.44, atol=0.06)  # relevance 2, 1.2 and 0


@pytest.mark.parametrize("size", [1, 25])
def test_ranked_batch_equals_modal(size):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from modAL.batch import ranked_batch
    view = pool()
    stub = SimpleNamespace(X_training=view.labelled_embeddings, on_transformed=False, transform_without_estimating=None)
    theirs, _ = ranked_batch(stub, view.embeddings, 1 - view.probs.max(axis=1), size, "euclidean", 1)
    assert RankedBatch().select(view, size, rng()).ids.tolist() == theirs.tolist()


def test_ranked_batch_begins_in_the_middle_where_nothing_is_labelled():
    points = np.array([[0.0], [4.0], [5.0], [10.0]])
    view = PoolView(np.arange(4), probs=np.full((4, 2), 0.5), embeddings=points)
    query = RankedBatch().select(view, 4, rng())
    assert query.ids[0] == 2
    assert "nothing is labelled yet" in query.reasons["reason"][0]
    assert np.isfinite(query.reasons["gap"]).all()


@pytest.mark.parametrize("similarity", Similarity)
def test_information_density_takes_the_crowd_before_the_outlier(similarity):
    points = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 9.0]])
    view = PoolView(np.arange(4), probs=np.full((4, 2), 0.5), embeddings=points)
    assert InformationDensity(similarity=similarity).select(view, 4, rng()).ids[3] == 3


def test_a_beta_of_zero_is_plain_uncertainty():
    view = pool()
    query = InformationDensity(beta=0).select(view, 60, rng())
    margins = -np.diff(np.sort(view.probs[query.ids], axis=1)[:, -2:], axis=1)[:, 0]
    assert (np.diff(margins) <= 1e-6).all()


@pytest.mark.parametrize("form", Form)
def test_bait_lowers_the_trace_as_a_loop_over_inverses_does(form):
    view, size = pool(30), 5
    binary = form is Form.BINARY

    def information(points, probs):
        top = probs.max(axis=1)
        if binary:
            return [p * (1 - p) * np.outer(x, x) for x, p in zip(points, top, strict=True)]
        return [np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x)) for x, p in zip(points, probs, strict=True)]

    mine, seen = information(view.embeddings, view.probs), information(view.labelled_embeddings, labelled_probs(view))
    matrix, goal, left = np.eye(len(mine[0])) + sum(seen) / 13, sum(mine) + sum(seen), set(range(30))
    for row in Bait(form=form, oversampling=1).select(view, size, rng()).ids:
        traces = {at: np.trace(np.linalg.inv(matrix + mine[at] * size / 13) @ goal) for at in left}
        assert traces[row] == pytest.approx(min(traces.values()), rel=1e-5)
        matrix += mine[row] * size / 13
        left.remove(int(row))


@pytest.mark.parametrize("length", [1, 1e3, 1e8])
def test_bait_drops_the_right_ones_however_long_embeddings_are(length):
    view, size = pool(60, width=30), 10
    points, seen = (length * array.astype(np.float64) for array in (view.embeddings, view.labelled_embeddings))
    head = Head((view.head.weights / length).astype(np.float32), view.head.bias)
    given = replace(view, embeddings=points, labelled_embeddings=seen, head=head)

    def information(points, probs):
        top = probs.max(axis=1).astype(np.float64)
        return [p * (1 - p) * np.outer(x, x) for x, p in zip(points, top, strict=True)]

    mine, old = information(points, view.probs), information(seen, labelled_probs(given))
    goal, share = sum(mine) + sum(old), size / (size + 8)
    matrix = max(1, 1e-9 * np.square(points).sum(axis=1).mean()) * np.eye(30) + sum(old) / (8 + size)
    picked = []
    for _ in range(2 * size):
        left = {at: np.trace(np.linalg.solve(matrix + share * mine[at], goal)) for at in set(range(60)) - set(picked)}
        picked.append(min(left, key=left.get))
        matrix = matrix + share * mine[picked[-1]]
    for _ in range(size):
        without = {at: np.trace(np.linalg.solve(matrix - share * mine[at], goal)) for at in picked}
        gone = min(without, key=without.get)
        picked.remove(gone)
        matrix = matrix - share * mine[gone]
    assert sorted(Bait().select(given, size, rng()).ids.tolist()) == sorted(picked)


def test_class_roots_are_roots_of_the_covariance_of_the_answer():
    probs = softmax(noise(6, 4))
    roots = class_roots(probs)
    covariance = np.stack([np.diag(p) - np.outer(p, p) for p in probs])
    np.testing.assert_allclose(roots @ roots.transpose(0, 2, 1), covariance, atol=1e-6)


def test_bait_in_full_is_refused_where_it_is_too_wide_and_told_what_to_do():
    view = pool(width=700)
    with pytest.raises(ConfigError, match="Set width to 666 or less, or take form=binary"):
        Bait(form=Form.FULL).select(view, 3, rng())
    assert len(Bait(form=Form.FULL, width=4, subset=20).select(view, 3, rng())) == 3


def test_a_width_as_large_as_the_embeddings_changes_nothing():
    view = pool()
    plain, wide = (Bait(width=width).select(view, 6, rng()).ids.tolist() for width in (0, 5))
    assert plain == wide


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: WeightedKMeans(candidates=0.5), "candidates"),
        (lambda: WeightedKMeans(iterations=0), "iterations"),
        (lambda: Clue(temperature=0), "temperature"),
        (lambda: DropQuery(share=1), "share"),
        (lambda: DropQuery(passes=0), "passes"),
        (lambda: DropQuery(enough=0), "enough"),
        (lambda: Bait(regularisation=0), "regularisation"),
        (lambda: Bait(oversampling=0.5), "oversampling"),
        (lambda: Bait(width=-1), "width"),
        (lambda: AlfaMix(cap=2.0), "cap"),
        (lambda: Falcun(gamma=-1), "gamma"),
        (lambda: InformationDensity(beta=-1), "beta"),
        (lambda: InformationDensity(reference=0), "reference"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(make, named):
    with pytest.raises(ConfigError, match=named):
        make()
