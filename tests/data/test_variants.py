from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.types import Split
from poolwise.data.digits import Digits
from poolwise.data.image_folder import ImageFolder
from poolwise.data.synthetic import Synthetic
from poolwise.data.variants import Imbalanced, Redundant, profile

SMALL = Synthetic(n=60, classes=3, size=8, hide_labels=False)


def test_a_redundant_pool_holds_every_picture_several_times_with_its_label():
    source = Redundant(SMALL, copies=3, noise=4.0, hide_labels=False)
    plain, wide = SMALL.manifest, source.manifest
    first = {path: at for at, path in enumerate(plain.paths)}
    of = np.array([first[path.partition("#")[0]] for path in wide.paths])
    assert np.array_equal(wide.labels, plain.labels[of])
    assert len(wide.ids(Split.POOL)) == 3 * len(plain.ids(Split.POOL))
    ids = np.arange(len(wide))
    gap = source.read(ids).astype(float) - SMALL.read(of)
    copy = np.array(["#" in path for path in wide.paths])
    assert not gap[~copy].any()
    assert 3 < gap[copy].std() < 4.2  # a little is cut off at 0 and 255


@dataclass(frozen=True)
class Priced(Synthetic):
    """Every picture with a cost that tells which it is."""

    @property
    def manifest(self):
        plain = super().manifest
        return replace(plain, columns={"cost": np.arange(len(plain)) / 2, "path": np.array(plain.paths)})


@pytest.mark.parametrize("wrap", [lambda it: Redundant(it, copies=3, limit=9), lambda it: Imbalanced(it, ratio=5)])
def test_columns_go_with_their_pictures(wrap):
    source = Priced(n=60, classes=3, size=8, hide_labels=False)
    plain, found = source.manifest, wrap(source).manifest
    of = [plain.paths.index(path.partition("#")[0]) for path in found.paths]
    assert found.columns["cost"].tolist() == plain.columns["cost"][of].tolist()
    assert found.columns["path"].tolist() == [plain.paths[at] for at in of]


def test_the_test_set_of_a_variant_is_untouched():
    for source in (Redundant(SMALL, copies=2, limit=9), Imbalanced(SMALL, ratio=5)):
        for split in (Split.TEST, Split.VALIDATION):
            mine, plain = source.manifest.ids(split), SMALL.manifest.ids(split)
            assert [source.manifest.paths[at] for at in mine] == [SMALL.manifest.paths[at] for at in plain]
            assert np.array_equal(source.read(mine), SMALL.read(plain))
            assert np.array_equal(source.manifest.labels[mine], SMALL.manifest.labels[plain])


def test_a_limit_counts_originals():
    manifest = Redundant(SMALL, copies=4, limit=10).manifest
    names = {manifest.paths[at].partition("#")[0] for at in manifest.ids(Split.POOL)}
    assert (len(names), len(manifest.ids(Split.POOL))) == (10, 40)


def test_a_sample_reads_the_same_in_any_company_and_another_seed_changes_it():
    source = Redundant(SMALL, copies=2)
    ids = np.arange(len(source.manifest))
    assert np.array_equal(source.read(ids)[::-1], source.read(ids[::-1]))
    assert not np.array_equal(source.read(ids), replace(source, seed=1).read(ids))


def test_imbalanced_classes_fall_by_equal_factors():
    source = Imbalanced(Digits(), ratio=16.0, hide_labels=False)
    counts = np.sort(np.bincount(source.manifest.labels[source.manifest.ids(Split.POOL)], minlength=10))[::-1]
    assert counts[0] / counts[-1] == pytest.approx(16, rel=0.1)
    assert np.allclose(np.log(counts[:-1] / counts[1:]), np.log(16) / 9, atol=0.15)
    assert counts[0] > 130  # of about 144: as many as there are


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.floats(1, 60), st.integers(0, 5))
def test_a_profile_keeps_some_of_each_class_and_never_more_than_there_are(counts, ratio, seed):
    had = np.array(counts)
    kept = profile(had, np.random.default_rng(seed).permutation(len(counts)), ratio)
    assert (kept <= had).all()
    assert ((kept > 0) == (had > 0)).all()


def test_digests_tell_variants_apart():
    sources = [SMALL, Redundant(SMALL), Redundant(SMALL, noise=2), Redundant(SMALL, seed=1), Redundant(SMALL, copies=2)]
    sources += [Imbalanced(SMALL, ratio=2), Imbalanced(SMALL, ratio=9), Imbalanced(SMALL, ratio=9, seed=1)]
    assert len({source.manifest.digest() for source in sources}) == len(sources)
    assert Redundant(SMALL).manifest.digest() == Redundant(SMALL).manifest.digest()


def test_variants_of_variants():
    source = Redundant(Imbalanced(SMALL, ratio=4), copies=2)
    assert not source.manifest.known()[source.manifest.ids(Split.POOL)].any()
    assert (source.hidden_labels() >= 0).all()
    with pytest.raises(DataError, match="#1"):
        Redundant(source, copies=2).manifest.digest()


def test_broken_and_real_files_are_told_of(tmp_path):
    from PIL import Image

    for at in range(6):
        (tmp_path / "ab"[at % 2]).mkdir(exist_ok=True)
        Image.new("L", (9, 9), 40 * at).save(tmp_path / "ab"[at % 2] / f"{at}.png")
    source = Redundant(ImageFolder(root=str(tmp_path), image_size=8, test_fraction=0.0), copies=2)
    assert [source.file(at) is None for at in range(4)] == [False, True, False, True]
    (tmp_path / "a" / "0.png").write_bytes(b"broken")
    assert [at for at, _ in source.unreadable()] == [0, 1]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Redundant(copies=0), "Redundant.copies is 0; it must be at least 1"),
        (lambda: Redundant(noise=-1.0), "Redundant.noise is -1.0; it must be at least 0 and finite"),
        (lambda: Imbalanced(ratio=0.5), "Imbalanced.ratio is 0.5; it must be at least 1 and finite"),
    ],
)
def test_impossible_options_are_refused(make, says):
    with pytest.raises(ConfigError, match=says):
        make()


def test_several_classes_a_picture_cannot_be_thinned():
    with pytest.raises(DataError, match="one known class"):
        Imbalanced(Synthetic(n=20, multilabel=True)).manifest.digest()
