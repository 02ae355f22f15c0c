"""Query functions of modAL on stored arrays, beside modAL itself on real classifiers."""

import re
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray
from poolwise.core.parts import conf_dir
from poolwise.core.types import Need, PoolView, Task
from poolwise.query.modal import Modal
from poolwise.query.modal_functions import REFUSED, WORKING, known

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import modAL.batch
    import modAL.disagreement
    import modAL.multilabel
    from modAL.models import ActiveLearner, Committee

COUNT, CLASSES, WIDTH = 60, 3, 4
RNG = np.random.default_rng(0)
SEEN = RNG.standard_normal((30, WIDTH))
ANSWERS = np.arange(30) % CLASSES
POOL = RNG.standard_normal((COUNT, WIDTH)).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def view(task=Task.MULTICLASS, members=4, **changes):
    raw = rng(1).dirichlet(np.full(CLASSES, 0.4), size=(COUNT, members))
    arrays = {"probs": raw.mean(axis=1), "log_probs_nkc": np.log(raw), "embeddings": POOL}
    return PoolView(np.arange(COUNT) + 500, task, **(arrays | changes))


@pytest.mark.parametrize("name", WORKING)
@pytest.mark.parametrize("size", [0, 1, 7, COUNT])
def test_every_function_listed_as_working_works(name, size):
    how = known(name)
    query = Modal(name).select(view(how.tasks[0]), size, rng())
    assert len(set(query.ids.tolist())) == size
    assert (np.diff(query.scores) <= 0).all()
    assert np.isfinite(query.scores).all()


@pytest.mark.parametrize("name", WORKING)
def test_every_function_needs_no_more_than_it_says_and_refuses_the_other_task(name):
    strategy = Modal(name)
    names = {Need.PROBS: "probs", Need.EMBEDDINGS: "embeddings", Need.DRAWS: "log_probs_nkc"}
    absent = {array: None for need, array in names.items() if need not in strategy.needs}
    assert len(strategy.select(view(strategy.tasks[0], **absent), 5, rng())) == 5
    (other,) = set(Task) - set(strategy.tasks)
    with pytest.raises(ConfigError, match="is defined for"):
        strategy.select(view(other), 5, rng())


@pytest.mark.parametrize("name", ["vote_entropy_sampling", "consensus_entropy_sampling", "max_disagreement_sampling"])
def test_a_stored_committee_picks_what_a_real_one_picks(name):
    members = [
        ActiveLearner(LogisticRegression(C=10.0**at), X_training=SEEN[at::2], y_training=ANSWERS[at::2])
        for at in range(2)
    ]
    committee = Committee(members, query_strategy=getattr(modAL.disagreement, name))
    draws = np.log(committee.vote_proba(POOL))
    rows, _, figures = committee.query(POOL, n_instances=COUNT, return_metrics=True)
    query = Modal(f"modAL.disagreement.{name}").select(view(log_probs_nkc=draws), COUNT, rng())
    told = dict(zip(rows.tolist(), figures.tolist(), strict=True))
    np.testing.assert_allclose(query.scores, [told[id_ - 500] for id_ in query.ids.tolist()], atol=1e-5)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_ranked_batches_are_those_of_a_real_learner(metric):
    learner = ActiveLearner(LogisticRegression(), X_training=SEEN, y_training=ANSWERS)
    rows, _ = modAL.batch.uncertainty_batch_sampling(learner, POOL, n_instances=9, metric=metric)
    seen = {"labelled_ids": np.arange(30), "labels": ANSWERS, "labelled_embeddings": SEEN}
    given = view(probs=learner.predict_proba(POOL), **seen)
    strategy = Modal("modAL.batch.uncertainty_batch_sampling", {"metric": metric})
    assert strategy.select(given, 9, rng()).ids.tolist() == (rows + 500).tolist()


def test_a_ranked_batch_without_labels_begins_in_the_middle_and_repeats_nothing():
    query = Modal("modAL.batch.uncertainty_batch_sampling").select(view(), COUNT, rng())
    gaps = np.linalg.norm(POOL[:, None] - POOL, axis=2).mean(axis=1)
    assert query.ids[0] - 500 == gaps.argmin()
    assert sorted(query.ids.tolist()) == view().ids.tolist()


@pytest.mark.parametrize("name", ["min_confidence", "avg_confidence", "max_score", "avg_score", "SVM_binary_minimum"])
def test_multilabel_functions_pick_what_they_pick_of_a_real_classifier(name):
    answers = (SEEN[:, :CLASSES] + 0.3 * rng(2).standard_normal((30, CLASSES)) > 0).astype(int)
    learner = ActiveLearner(OneVsRestClassifier(LogisticRegression()), X_training=SEEN, y_training=answers)
    given = view(Task.MULTILABEL, probs=learner.predict_proba(POOL))
    options = {} if name == "SVM_binary_minimum" else {"n_instances": 9, "random_tie_break": False}
    found = getattr(modAL.multilabel, name)(learner, POOL, **options)
    rows = found[0] if isinstance(found, tuple) else [found]
    query = Modal(f"modAL.multilabel.{name}").select(given, len(rows), rng())
    assert set(query.ids.tolist()) == {row + 500 for row in rows}


def test_binary_minimum_gives_a_whole_batch_from_one_at_a_time():
    probs = rng(3).uniform(size=(COUNT, CLASSES))
    query = Modal("modAL.multilabel.SVM_binary_minimum").select(view(Task.MULTILABEL, probs=probs), 8, rng())
    assert (query.ids - 500).tolist() == np.abs(probs - 0.5).min(axis=1).argsort()[:8].tolist()


def test_the_sentence_tells_the_place_and_modals_own_figure():
    query = Modal("modAL.uncertainty.margin_sampling").select(
        PoolView(np.arange(2), probs=np.array([[0.75, 0.25], [0.625, 0.375]])), 2, rng()
    )
    assert query.ids.tolist() == [1, 0]
    assert query.scores.tolist() == [-0.25, -0.5]
    assert query.reasons["reason"][0] == "number 1 of modAL.uncertainty.margin_sampling, at 0.25"


def test_probabilities_that_underflow_give_no_infinite_divergence():
    sure = np.full((COUNT, 4, CLASSES), -103.5, dtype=np.float32)
    sure[:, :, 0] = 0
    sure[0, 1:] = [-200, 0, -200]
    query = Modal("modAL.disagreement.max_disagreement_sampling").select(view(log_probs_nkc=sure), 3, rng())
    assert np.isfinite(query.scores).all()
    assert query.ids[0] == 500


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in REFUSED if name.count(".") > 1),
        "modAL.expected_error.expected_error_reduction",
        "modAL.dropout.mc_dropout_bald",
        "modAL.cluster.HierarchicalClustering",
        "modAL.acquisition.max_EI",
        "modAL.density.information_density",
        "modAL.batch.ranked_batch",
    ],
)
def test_what_cannot_work_is_refused_with_the_reason_and_what_to_use(name):
    with pytest.raises(ConfigError, match="use (query|function)=") as refusal:
        Modal(name)
    for choice in re.findall(r"query=(\w+)", str(refusal.value)):
        assert (conf_dir() / "query" / f"{choice}.yaml").exists()
    for choice in re.findall(r"function=([\w.]+)", str(refusal.value)):
        assert choice.rstrip(".") in WORKING


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("os.system", "must begin with 'modAL.'"),
        (
            "modAL.uncertainty.classifier_entropy",
            "not a query function of modAL that works here; these are: uncertainty",
        ),
        ("modAL.models.ActiveLearner", "not a query function"),
    ],
)
def test_only_query_functions_of_modal_are_run(name, told):
    with pytest.raises(ConfigError, match=told):
        Modal(name)


@pytest.mark.parametrize("argument", ["n_instances", "random_tie_break", "metrik"])
def test_arguments_that_are_not_the_users_are_refused(argument):
    with pytest.raises(ConfigError, match=f"query.arguments.{argument} is not for .* it takes: metric, n_jobs"):
        Modal("modAL.batch.uncertainty_batch_sampling", {argument: 1})


def test_arguments_reach_modal_through_the_door_for_arrays():
    options = {"function": "modAL.batch.uncertainty_batch_sampling", "probs": view().probs, "embeddings": POOL}
    picked = [
        poolwise.select("modal", size=9, arguments={"metric": metric}, **options).ids.tolist()
        for metric in ("euclidean", "cosine")
    ]
    assert picked[0] != picked[1]
    with pytest.raises(ConfigError, match="uncertainty_batch_sampling failed"):
        poolwise.select("modal", size=9, arguments={"metric": "no such"}, **options)


def test_a_committee_without_draws_is_told_what_is_missing():
    with pytest.raises(InvalidArray, match="this strategy needs"):
        Modal("modAL.disagreement.vote_entropy_sampling").select(view(log_probs_nkc=None), 3, rng())
