"""Our learners as scikit-learn estimators, in modAL's own learners."""

import importlib
import pickle
import warnings

import numpy as np
import pytest
import sklearn.utils
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.validation import check_is_fitted

from model.samples import Stripes
from poolwise.core.errors import InvalidArray
from poolwise.core.types import Split, Task, WarmStart
from poolwise.data.digits import Digits
from poolwise.model.array_source import Scale, scale_of
from poolwise.model.backbones import Pixels, SmallCNN
from poolwise.model.estimator import LightningEstimator
from poolwise.model.learner import LightningLearner
from poolwise.model.linear_head import LinearHead
from poolwise.model.modal_repair import repair_modal

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import modAL.batch
    import modAL.models.learners
    from modAL.disagreement import vote_entropy_sampling
    from modAL.models import ActiveLearner, Committee
    from modAL.uncertainty import entropy_sampling

STRIPES = Stripes()
IDS = np.arange(90)[:, None]


@pytest.fixture(autouse=True, scope="module")
def _repaired():
    theirs = modAL.models.learners.check_X_y
    repair_modal()
    yield
    modAL.models.learners.check_X_y = theirs


def quick(steps=20, **options):
    """Seconds on one core for 1,800 digits; a tenth of that for stripes."""
    network = SmallCNN(channels=(16,), width=32)
    return LightningLearner(
        backbone=network, epochs=1, min_steps=steps, learning_rate=0.02, dropout=0.0, augment=False, **options
    )


def estimator(images=STRIPES, **options):
    return LightningEstimator(images, quick(), **options)


def test_an_active_learner_on_sample_ids_gets_better_round_by_round():
    digits = Digits(hide_labels=False)
    labels, left = digits.manifest.labels, digits.manifest.ids(Split.POOL)
    test = digits.manifest.ids(Split.TEST)[:, None]
    seen = np.random.default_rng(0).permutation(left)[:20]
    learner = ActiveLearner(LightningEstimator(digits, quick(40)), entropy_sampling, seen[:, None], labels[seen])
    scores = [learner.score(test, labels[test[:, 0]])]
    for _ in range(2):
        rows, asked = learner.query(left[:, None], n_instances=40)
        learner.teach(asked, labels[asked[:, 0]])
        left = np.delete(left, rows)
        scores.append(learner.score(test, labels[test[:, 0]]))
    assert scores[0] + 0.1 < scores[-1]
    assert learner.X_training.shape == (100, 1)


def test_a_committee_of_two_with_different_classes_votes_and_learns():
    labels = STRIPES.labels
    members = [
        ActiveLearner(estimator(seed=at), X_training=IDS[rows], y_training=labels[rows])
        for at, rows in enumerate((np.flatnonzero(labels < 2)[:12], np.flatnonzero(labels > 0)[:12]))
    ]
    committee = Committee(members, vote_entropy_sampling)
    assert committee.classes_.tolist() == [0, 1, 2]
    rows, asked = committee.query(IDS, n_instances=12)
    committee.teach(asked, labels[rows])
    assert [len(learner.X_training) for learner in committee] == [24, 24]
    assert committee.score(IDS, labels) > 0.9
    committee.rebag()


def test_plain_pictures_give_what_sample_ids_give():
    pictures = STRIPES.read(np.arange(90))
    by_id = estimator().fit(IDS[:30], STRIPES.labels[:30]).predict_proba(IDS)
    by_array = estimator(None).fit(pictures[:30], STRIPES.labels[:30]).predict_proba(pictures)
    np.testing.assert_array_equal(by_id, by_array)


def test_grey_pictures_without_channels_and_fractions_will_do():
    pictures = STRIPES.read(np.arange(90))[:, 0] / 255
    fitted = estimator(None).fit(pictures, STRIPES.labels)
    assert fitted.score(pictures, STRIPES.labels) > 0.9
    assert fitted.n_features_in_ == 64


def test_columns_follow_the_sorted_names_of_the_classes_seen():
    names = np.array(["row", "column", "none"])[STRIPES.labels]
    fitted = estimator().fit(IDS[names != "none"], names[names != "none"])
    assert fitted.classes_.tolist() == ["column", "row"]
    probs = fitted.predict_proba(IDS[:2])
    assert probs.argmax(axis=1).tolist() == [1, 0]
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert fitted.predict(IDS[:2]).tolist() == ["row", "column"]


def test_one_class_alone_is_certain():
    fitted = estimator().fit(IDS[::3][:5], np.zeros(5, int))
    assert fitted.predict_proba(IDS[:4]).tolist() == [[1.0]] * 4


def test_several_labels_a_picture_are_predicted_apart():
    several = Stripes(task=Task.MULTILABEL)
    fitted = estimator().fit(IDS, several.labels)
    assert fitted.predict(IDS).shape == (90, 3)
    assert fitted.score(IDS, several.labels) > 0.9


def test_it_keeps_the_conventions_of_scikit_learn():
    given = estimator(seed=3)
    with pytest.raises(NotFittedError):
        given.predict(IDS)
    fitted = given.fit(IDS[:30], STRIPES.labels[:30])
    assert fitted is given
    check_is_fitted(fitted)
    copy = clone(fitted)
    assert copy.get_params() == given.get_params()
    assert copy.images is STRIPES
    with pytest.raises(NotFittedError):
        check_is_fitted(copy)
    assert copy.set_params(seed=4).seed == 4
    assert (cross_val_score(given, IDS, STRIPES.labels, cv=2) > 0.5).all()


def test_the_same_seed_gives_the_same_model_and_another_seed_another():
    first, again, other = (
        estimator(seed=seed).fit(IDS[:30], STRIPES.labels[:30]).predict_proba(IDS) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_fitted_one_can_be_pickled():
    fitted = estimator(None).fit(STRIPES.read(np.arange(9)), STRIPES.labels[:9])
    pictures = STRIPES.read(np.arange(90))
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(fitted)).predict_proba(pictures), fitted.predict_proba(pictures)
    )


def test_other_learners_of_ours_will_do():
    head = LightningEstimator(STRIPES, LinearHead(backbone=Pixels(), min_steps=50))
    assert head.fit(IDS, STRIPES.labels).score(IDS, STRIPES.labels) > 0.9


def test_a_learner_that_starts_warm_starts_from_the_last_fit_while_the_classes_are_the_same():
    warm = LightningEstimator(STRIPES, quick(warm_start=WarmStart.CONTINUE))
    cold = estimator().fit(IDS, STRIPES.labels).predict_proba(IDS)
    np.testing.assert_array_equal(warm.fit(IDS, STRIPES.labels).predict_proba(IDS), cold)
    assert not np.array_equal(warm.fit(IDS, STRIPES.labels).predict_proba(IDS), cold)
    assert warm.fit(IDS[:2], STRIPES.labels[:2]).predict_proba(IDS).shape == (90, 2)


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        (IDS[:3], [0, 1], "a label for each of 3 rows"),
        (IDS[:0], [], "one or more"),
        (IDS[:2] + 89, [0, 1], "ids from 0 to 89; got 90"),
        (IDS[:2] + 0.5, [0, 1], "whole numbers; got shape"),
        (np.zeros((2, 8, 8)), [0, 1], r"must be \(n, 1\) sample ids"),
        (IDS[:2], [0.5, 1.0], "class labels"),
        (IDS[:2], [[0, 2], [1, 1]], "0 and 1 alone"),
    ],
)
def test_what_is_no_training_set_is_refused(x, y, told):
    with pytest.raises(InvalidArray, match=told):
        estimator().fit(x, y)


def test_pictures_of_another_form_are_refused():
    fitted = estimator(None).fit(np.zeros((4, 8, 8), dtype=np.uint8), [0, 0, 1, 1])
    for pictures, told in (
        (np.zeros((2, 1, 4, 16), dtype=np.uint8), r"\(1, 4, 16\); those fitted were \(1, 8, 8\)"),
        (np.zeros((2, 64)), "give `images` too"),
        (np.full((2, 8, 8), np.nan), "NaN"),
    ):
        with pytest.raises(InvalidArray, match=told):
            fitted.predict(pictures)


def test_what_is_black_and_white_is_learned_in_training_and_kept():
    assert scale_of(np.array([0, 16])).high == 255.0
    assert Scale(0, 16).pixels(np.array([[[0.0, 8.0, 99.0]]])).tolist() == [[[[0, 128, 255]]]]
    assert Scale(-1, 1).pixels(np.array([[[-1.0, 1.0]]])).tolist() == [[[[0, 255]]]]


def test_the_repair_is_of_one_name_in_modal_and_only_where_it_is_needed(monkeypatch):
    theirs = sklearn.utils.check_X_y
    monkeypatch.setattr(modAL.models.learners, "check_X_y", lambda X, y, ensure_all_finite=True: ensure_all_finite)
    assert repair_modal()
    assert modAL.models.learners.check_X_y([], [], force_all_finite=False) is False
    assert not repair_modal()
    assert sklearn.utils.check_X_y is theirs
    monkeypatch.setattr(modAL.models.learners, "check_X_y", lambda X, y, force_all_finite=True: None)
    assert not repair_modal()


def taught(learner, **options):
    learner.teach(IDS[9:12], STRIPES.labels[9:12], **options)
    return learner.score(IDS[:12], STRIPES.labels[:12]) >= 0


def started():
    return ActiveLearner(estimator(), X_training=IDS[:9], y_training=STRIPES.labels[:9])


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda: taught(started()), id="teach"),
        pytest.param(lambda: taught(started(), only_new=True), id="teach only_new"),
        pytest.param(lambda: taught(started(), bootstrap=True), id="teach bootstrap"),
        pytest.param(lambda: taught(started().fit(IDS[:9], STRIPES.labels[:9])), id="fit"),
        pytest.param(lambda: taught(ActiveLearner(estimator())), id="teach from nothing"),
        pytest.param(lambda: len(started().query(IDS, n_instances=4, return_metrics=True)) == 3, id="return_metrics"),
        pytest.param(lambda: len(ActiveLearner(estimator()).query(IDS, n_instances=4)[0]) == 4, id="cold query"),
        pytest.param(
            lambda: len(modAL.batch.uncertainty_batch_sampling(started(), IDS, n_instances=4)[0]) == 4,
            id="ranked batch",
        ),
        pytest.param(lambda: Committee([started(), started()]).predict(IDS).shape == (90,), id="committee"),
    ],
)
def test_what_works_of_modal_works(use):
    assert use()


def named_committee():
    names = np.array(["row", "column", "none"])[STRIPES.labels]
    Committee([ActiveLearner(estimator(), X_training=IDS[:9], y_training=names[:9])]).vote(IDS)


@pytest.mark.parametrize(
    ("use", "error"),
    [
        pytest.param(lambda: importlib.import_module("modAL.expected_error"), AttributeError, id="expected_error"),
        pytest.param(lambda: importlib.import_module("modAL.cluster"), ImportError, id="cluster"),
        pytest.param(named_committee, ValueError, id="committee votes on names"),
        pytest.param(lambda: modAL.multilabel.max_loss(started(), IDS), AttributeError, id="max_loss"),
        pytest.param(lambda: modAL.models.DeepActiveLearner(estimator()), AttributeError, id="DeepActiveLearner"),
    ],
)
def test_what_the_page_says_cannot_work_does_not(use, error):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("modAL.multilabel")
        with pytest.raises(error):
            use()
