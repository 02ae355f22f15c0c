import dataclasses
import functools
import http.server
import pickle
import threading

import numpy as np
import pytest

from poolwise.core.errors import ConfigError, DataError
from poolwise.core.types import Split, Task
from poolwise.data.cifar_sheets import Cifar10Sheets, TestSheets, tiles
from poolwise.data.digits import Digits
from poolwise.data.idx import parse_idx
from poolwise.data.synthetic import Synthetic
from poolwise.data.torchvision_sets import SetName, TorchvisionSet


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits, bunch = Digits(), load_digits()
    assert digits.hidden_labels().tolist() == bunch.target.tolist()
    assert np.abs(digits.read(np.arange(50))[:, 0] - bunch.images[:50] * 255 / 16).max() <= 0.5
    assert [len(digits.manifest.ids(split)) for split in (Split.POOL, Split.TEST)] == [1438, 359]
    assert digits.manifest.paths[42] == "digits/00042"


def test_digits_come_through_scikit_learn_if_it_moves_its_file(monkeypatch):
    monkeypatch.setattr("poolwise.data.digits.PLACE", "nowhere")
    moved = Digits().manifest.digest()
    monkeypatch.undo()
    assert Digits().manifest.digest() == moved


def test_digits_test_set_has_a_fifth_of_each_class_and_keeps_to_its_seed():
    manifest = Digits(hide_labels=False).manifest
    shares = np.bincount(manifest.labels[manifest.ids(Split.TEST)]) / np.bincount(manifest.labels)
    assert np.abs(shares - 0.2).max() < 0.005
    assert Digits(split_seed=1).manifest.digests()["splits"] != manifest.digests()["splits"]


@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
@pytest.mark.parametrize("place", ["FashionMNIST/raw", "fashion_mnist", "."])
def test_idx_files_are_found_wherever_they_may_lie(tmp_path, write_idx, place, packed):
    write_idx(tmp_path / place, packed=packed)
    images = TorchvisionSet(name=SetName.FASHION_MNIST, root=str(tmp_path))
    assert images.shape == (1, 28, 28)
    assert images.manifest.paths[0] == "test/00000"
    assert images.manifest.paths[10] == "train/00000"
    assert images.hidden_labels().tolist() == [*range(10), *range(10), *range(10)]
    assert images.manifest.known().sum() == 10


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_idx_sets_read_as_torchvision_reads_them(tmp_path, write_idx, name):
    from torchvision import datasets

    write_idx(tmp_path / name / "raw")
    theirs = getattr(datasets, name)(tmp_path, train=True)
    ours = TorchvisionSet(name=SetName({"FashionMNIST": "fashion_mnist"}.get(name, name.lower())), root=str(tmp_path))
    pool = ours.manifest.ids(Split.POOL)
    assert np.array_equal(ours.read(pool)[:, 0], theirs.data.numpy())
    assert np.array_equal(ours.hidden_labels()[pool], theirs.targets.numpy())


def write_cifar(root, kind, monkeypatch, labels_key, classes):
    """Pickles as the official archive holds them; torchvision compares no checksum where it is None."""
    rng = np.random.default_rng(0)
    folder = root / kind.base_folder
    folder.mkdir()
    monkeypatch.setattr(kind, "train_list", [[name, None] for name, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [[name, None] for name, _ in kind.test_list])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": None})
    for name, _ in kind.train_list + kind.test_list:
        data = rng.integers(0, 256, (len(classes), 3072), dtype=np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": data, labels_key: list(range(len(classes)))}))
    (folder / kind.meta["filename"]).write_bytes(pickle.dumps({kind.meta["key"]: classes}))


def test_cifar_is_read_by_torchvision(tmp_path, monkeypatch):
    from torchvision import datasets

    write_cifar(tmp_path, datasets.CIFAR10, monkeypatch, "labels", [f"c{at}" for at in range(10)])
    write_cifar(tmp_path, datasets.CIFAR100, monkeypatch, "fine_labels", [f"f{at}" for at in range(100)])
    ten, hundred = (TorchvisionSet(name=name, root=str(tmp_path)) for name in (SetName.CIFAR10, SetName.CIFAR100))
    assert ten.shape == hundred.shape == (3, 32, 32)
    assert (len(ten.manifest), len(hundred.manifest)) == (60, 200)
    assert hundred.manifest.classes[99] == "f99"
    picture, label = datasets.CIFAR10(tmp_path, train=True)[7]
    at = ten.manifest.paths.index("train/00007")
    assert np.array_equal(ten.read(np.array([at]))[0], np.asarray(picture).transpose(2, 0, 1))
    assert ten.hidden_labels()[at] == label


def test_svhn_is_read_by_torchvision(tmp_path, monkeypatch):
    from scipy.io import savemat
    from torchvision import datasets

    parts = {name: [url, file, None] for name, (url, file, _) in datasets.SVHN.split_list.items()}
    monkeypatch.setattr(datasets.SVHN, "split_list", parts)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 10), dtype=np.uint8)
    for name in ("train", "test"):
        savemat(tmp_path / f"{name}_32x32.mat", {"X": pixels, "y": np.arange(1, 11)[:, None]})
    images = TorchvisionSet(name=SetName.SVHN, root=str(tmp_path))
    assert images.hidden_labels()[:10].tolist() == [*range(1, 10), 0]
    assert np.array_equal(images.read(np.array([3]))[0], pixels[..., 3].transpose(2, 0, 1))


@pytest.mark.parametrize("name", list(SetName))
def test_a_missing_set_says_where_it_was_looked_for_and_what_helps(tmp_path, name):
    with pytest.raises(DataError, match=r"looked for .* in .*data\.download=true.*data\.root=") as caught:
        _ = TorchvisionSet(name=name, root=str(tmp_path)).manifest
    assert str(tmp_path) in str(caught.value)


def test_a_failed_download_is_a_message(tmp_path, monkeypatch):
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", [(tmp_path / "nowhere").as_uri() + "/"])
    with pytest.raises(DataError, match=r"could not be downloaded.*data\.download=false"):
        _ = TorchvisionSet(root=str(tmp_path), download=True).manifest


@pytest.fixture
def serve():
    servers = []

    def start(folder):
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_torchvision_downloads_and_we_read_it(tmp_path, monkeypatch, write_idx, serve):
    from torchvision import datasets

    write_idx(tmp_path / "mirror", packed=True)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(datasets.MNIST, "mirrors", [serve(tmp_path / "mirror")])
    monkeypatch.setattr(datasets.MNIST, "resources", [(name, None) for name, _ in datasets.MNIST.resources])
    assert len(TorchvisionSet(root=str(tmp_path / "data"), download=True).manifest) == 30
    assert (tmp_path / "data/MNIST/raw/train-images-idx3-ubyte").is_file()


def test_the_root_comes_from_the_environment(tmp_path, monkeypatch, write_idx):
    write_idx(tmp_path / "mnist", packed=True)
    monkeypatch.setenv("POOLWISE_DATA", str(tmp_path))
    assert len(TorchvisionSet().manifest) == 30


def test_damaged_idx_files_are_named(tmp_path, write_idx):
    write_idx(tmp_path, packed=True)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    for content in (b"", b"no gzip", file.read_bytes()[:-100]):
        file.write_bytes(content)
        with pytest.raises(DataError, match="train-images-idx3-ubyte"):
            _ = TorchvisionSet(root=str(tmp_path)).manifest
    for wrong in (b"", bytes([0, 0, 9, 1]), bytes([0, 0, 8, 2, 0]), bytes([0, 0, 8, 1, 0, 0, 0, 3, 1])):
        with pytest.raises(ValueError, match="idx|header|hold"):
            parse_idx(wrong)


def test_labels_and_pictures_that_do_not_match_are_refused(tmp_path, write_idx):
    write_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 3]))
    with pytest.raises(DataError, match="20 pictures but 1 labels"):
        _ = TorchvisionSet(root=str(tmp_path)).manifest
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 20, *[77] * 20]))
    with pytest.raises(DataError, match="labels 0 to 9"):
        _ = TorchvisionSet(root=str(tmp_path)).manifest


def test_limits_keep_a_stratified_subset_with_its_original_index(tmp_path, write_idx):
    write_idx(tmp_path, n=200, n_test=100)
    every = TorchvisionSet(root=str(tmp_path))
    some = TorchvisionSet(root=str(tmp_path), limit=50, test_limit=20, hide_labels=False)
    labels = some.manifest.labels
    assert np.bincount(labels[some.manifest.ids(Split.POOL)]).tolist() == [5] * 10
    assert np.bincount(labels[some.manifest.ids(Split.TEST)]).tolist() == [2] * 10
    at = [every.manifest.paths.index(path) for path in some.manifest.paths]
    assert np.array_equal(some.read(np.arange(70)), every.read(np.array(at)))
    assert len(TorchvisionSet(root=str(tmp_path), limit=10**6).manifest) == 300
    with pytest.raises(ConfigError, match="TorchvisionSet.limit is 0; it must be at least 1"):
        TorchvisionSet(limit=0)


def test_a_sheet_is_cut_row_by_row():
    sheet = np.zeros((800, 1280, 3), dtype=np.uint8)
    sheet[32:64, 64:96, 1] = 7  # second row, third tile
    pictures = tiles(sheet)
    assert pictures.shape == (1000, 3, 32, 32)
    assert np.flatnonzero(pictures.any(axis=(1, 2, 3))).tolist() == [42]
    assert (pictures[42, 1] == 7).all()


def test_missing_sheets_say_what_helps(tmp_path):
    with pytest.raises(DataError, match=r"labels_all\.npz.*data\.root="):
        _ = Cifar10Sheets(root=str(tmp_path)).manifest


def test_synthetic_classes_can_be_learnt_and_the_seed_decides():
    images = Synthetic(n=300, noise=0.5)
    pixels, labels = images.read(np.arange(300)).reshape(300, -1).astype(float), images.hidden_labels()
    centres = np.stack([pixels[labels == one].mean(axis=0) for one in range(4)])
    nearest = ((pixels[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == labels).mean() > 0.95
    assert Synthetic(n=300, noise=0.5).manifest.digest() == images.manifest.digest()
    assert Synthetic(n=300, noise=0.5, seed=1).manifest.digest() != images.manifest.digest()


def test_synthetic_can_show_several_classes():
    images = Synthetic(multilabel=True)
    assert images.manifest.task is Task.MULTILABEL
    assert images.hidden_labels().shape == (400, 4)
    assert images.manifest.known().sum() == 100


def test_replacing_hide_labels_shows_or_hides_the_pool():
    shown = dataclasses.replace(Synthetic(), hide_labels=False)
    assert shown.manifest.known().all()
    assert np.array_equal(shown.manifest.labels, Synthetic().hidden_labels())


def test_a_source_survives_the_way_to_a_worker_process():
    images = Synthetic()
    digest = images.manifest.digest()
    assert pickle.loads(pickle.dumps(images)).manifest.digest() == digest


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "train"),
    [
        ("mnist", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("fashion_mnist", [6000] * 10),
    ],
)
def test_real_idx_sets_have_the_published_counts(shared_data, name, train):
    images = TorchvisionSet(name=SetName(name), root=str(shared_data))
    labels = images.hidden_labels()
    assert images.shape == (1, 28, 28)
    assert np.bincount(labels[images.manifest.ids(Split.POOL)]).tolist() == train
    assert len(images.manifest.ids(Split.TEST)) == 10000


@pytest.mark.shared_data
def test_real_cifar_sheets_agree_with_each_other(shared_data):
    lossless = Cifar10Sheets(root=str(shared_data), limit=1000, hide_labels=False)
    labels = lossless.manifest.labels[lossless.manifest.ids(Split.POOL)]
    assert np.bincount(labels).tolist() == [100] * 10
    lossy = Cifar10Sheets(root=str(shared_data), test_sheets=TestSheets.JPEG_10000, limit=10)
    first = np.arange(1000)
    difference = lossless.read(first).astype(int) - lossy.read(first)
    assert 5 < np.abs(difference).mean() < 7  # published with the sheets: 5.8
    assert np.array_equal(lossless.hidden_labels()[:1000], lossy.hidden_labels()[:1000])
