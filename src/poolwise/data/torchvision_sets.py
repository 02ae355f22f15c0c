"""Benchmark sets in the layout of torchvision, fetched by torchvision if `download` is set.

The idx sets are read without torchvision (its import takes seconds) and also from plain folders of .gz files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.errors import DataError, listed
from poolwise.core.ranges import Count
from poolwise.core.types import Augmentation
from poolwise.data.idx import NAMES, find_idx, read_idx
from poolwise.data.packed import Packed, PackedSource, Part, pack

DIGITS = tuple("0123456789")
FASHION = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


class SetName(str, Enum):
    """The data sets."""

    MNIST = "mnist"
    FASHION_MNIST = "fashion_mnist"
    KMNIST = "kmnist"
    CIFAR10 = "cifar10"
    CIFAR100 = "cifar100"
    SVHN = "svhn"


@dataclass(frozen=True)
class IdxSet:
    """One of MNIST's relatives: torchvision's class, which is also the name of its folder, and the classes."""

    torchvision: str
    classes: tuple[str, ...]


IDX = {
    SetName.MNIST: IdxSet("MNIST", DIGITS),
    SetName.FASHION_MNIST: IdxSet("FashionMNIST", FASHION),
    SetName.KMNIST: IdxSet("KMNIST", KUZUSHIJI),
}


@dataclass(frozen=True)
class TorchvisionSet(PackedSource):
    """A benchmark set: its training part is the pool, its test part the test set.

    Attributes:
        name: which one.
        root: the folder that holds it; None takes the environment variable POOLWISE_DATA, else ./data.
        download: let torchvision fetch it into `root` if it is not there.
        limit: keep only this many pool pictures, drawn in proportion to the classes; None keeps all.
        test_limit: likewise for the test pictures.
        split_seed: which ones the limits keep; has nothing to do with the seed of a run.
        augmentation: what may be done to training pictures.
        hide_labels: treat the labels of the pool as unknown, for simulations.
    """

    name: SetName = SetName.MNIST
    root: str | None = None
    download: bool = False
    limit: Count | None = None
    test_limit: Count | None = None
    split_seed: int = 0
    augmentation: Augmentation = Augmentation.SHIFT
    hide_labels: bool = True

    def _load(self) -> Packed:
        read = read_idx_set if self.name in IDX else read_with_torchvision
        classes, train, test = read(self.name, data_root(self.root), self.download)
        return pack(
            self.name.value,
            classes,
            train.subset(self.limit, self.split_seed, "limit"),
            test.subset(self.test_limit, self.split_seed, "test_limit"),
        )


def data_root(root: str | None) -> Path:
    """Return where benchmark sets lie: as said, else the environment variable POOLWISE_DATA, else ./data."""
    return Path(root or os.environ.get("POOLWISE_DATA") or "data").expanduser()


def whole(images: NDArray[np.uint8], labels: Any) -> Part:
    """Return a split with all its rows, numbered from 0."""
    numbers = np.asarray(labels, dtype=np.int64)
    return Part(np.ascontiguousarray(images), numbers, np.arange(len(numbers)))


def read_idx_set(name: SetName, root: Path, download: bool) -> tuple[tuple[str, ...], Part, Part]:
    """Return classes, training and test part from root/<Name>/raw, root/<name> or root itself.

    Raises:
        DataError: the files are not there, cannot be fetched, or are damaged.
    """
    spec = IDX[name]
    folders = [root / spec.torchvision / "raw", root / name.value, root]
    files = find_idx(folders)
    if files is None and download:
        _torchvision(name, root, download=True)
        files = find_idx(folders)
    if files is None:
        raise _missing(name, [f"{file}[.gz]" for file in NAMES], folders)
    images, labels, test_images, test_labels = (read_idx(files[file]) for file in NAMES)
    if images.ndim != 3 or images.shape[1:] != test_images.shape[1:]:
        raise DataError(f"{files[NAMES[0]]} holds {images.shape} and the test pictures {test_images.shape}.")
    return spec.classes, whole(images[:, None], labels), whole(test_images[:, None], test_labels)


def read_with_torchvision(name: SetName, root: Path, download: bool) -> tuple[tuple[str, ...], Part, Part]:
    """Return classes, training and test part as torchvision reads them; it checks the files against known checksums.

    Raises:
        DataError: the files are not there, cannot be fetched, or are damaged.
    """
    train, test = _torchvision(name, root, download)
    if name is SetName.SVHN:
        return DIGITS, whole(train.data, train.labels), whole(test.data, test.labels)
    parts = [whole(one.data.transpose(0, 3, 1, 2), one.targets) for one in (train, test)]
    return tuple(train.classes), parts[0], parts[1]


def _torchvision(name: SetName, root: Path, download: bool) -> tuple[Any, Any]:
    """Return the training and test set of torchvision."""
    from torchvision import datasets

    build: Callable[[bool], Any] = {
        SetName.MNIST: lambda train: datasets.MNIST(root, train, download=download),
        SetName.FASHION_MNIST: lambda train: datasets.FashionMNIST(root, train, download=download),
        SetName.KMNIST: lambda train: datasets.KMNIST(root, train, download=download),
        SetName.CIFAR10: lambda train: datasets.CIFAR10(root, train, download=download),
        SetName.CIFAR100: lambda train: datasets.CIFAR100(root, train, download=download),
        SetName.SVHN: lambda train: datasets.SVHN(root, "train" if train else "test", download=download),
    }[name]
    try:
        return build(True), build(False)
    except (RuntimeError, OSError) as error:  # URLError is an OSError
        if download:
            why = " ".join(str(error).split())
            raise DataError(
                f"{name.value} could not be downloaded to {root.absolute()}: {why}. Check the connection, or put the "
                "files there by hand and set data.download=false."
            ) from error
        raise _missing(name, _wanted(datasets, name), [root], "is not there, or damaged") from error


def _wanted(datasets: Any, name: SetName) -> list[str]:
    """Return the files that torchvision looks for, relative to the root."""
    if name is SetName.SVHN:
        return [datasets.SVHN.split_list[part][1] for part in ("train", "test")]
    kind = datasets.CIFAR10 if name is SetName.CIFAR10 else datasets.CIFAR100
    files = [entry[0] for entry in kind.train_list + kind.test_list] + [kind.meta["filename"]]
    return [f"{kind.base_folder}/{file}" for file in files]


def _missing(name: SetName, files: list[str], folders: list[Path], what: str = "is not there") -> DataError:
    places = listed((folder.absolute() for folder in folders), 10)
    also = ""
    if name is SetName.CIFAR10 and (folders[0] / "cifar10" / "train20k_index.npz").is_file():
        also = " This folder holds part of it as sheets of pictures: use data=cifar10_sheets."
    return DataError(
        f"{name.value} {what}: looked for {listed(files, 10)} in {places}. Set data.download=true to fetch it, or "
        f"data.root=... (or the environment variable POOLWISE_DATA) to where it lies.{also}"
    )
