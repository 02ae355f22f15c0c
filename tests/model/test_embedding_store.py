"""Embeddings on disk: shards whole or not there, filled from the first missing one, read in any order."""

from __future__ import annotations

import json

import numpy as np
import pytest

from poolwise.core.errors import DataError
from poolwise.model import embedding_store
from poolwise.model.embedding_store import EmbeddingStore, fill

FACTS = {"backbone": "pixels", "pictures": "abc"}


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(embedding_store, "SHARD", 4)


def rows_of(ids):
    return np.stack([ids, ids * 10.0], axis=1).astype(np.float32)


def test_rows_come_in_the_order_of_the_ids_and_blocks_in_that_of_the_pool(tmp_path):
    store = EmbeddingStore(tmp_path, 10, 2, FACTS)
    fill(store, np.arange(10), lambda ids, _: rows_of(ids))
    some = np.array([9, 0, 5, 5, 4])
    assert np.array_equal(store.read(some), rows_of(some))
    assert np.array_equal(np.concatenate([block for _, block in store.blocks()]), rows_of(np.arange(10)))
    assert np.concatenate([ids for ids, _ in store.blocks()]).tolist() == list(range(10))
    assert store.read(np.array([], dtype=np.int64)).shape == (0, 2)


def test_an_interrupted_store_is_filled_from_the_first_missing_shard(tmp_path):
    store = EmbeddingStore(tmp_path, 10, 2, FACTS)

    def killed(ids, _):
        if ids[0] >= 4:
            raise KeyboardInterrupt
        return rows_of(ids)

    with pytest.raises(KeyboardInterrupt):
        fill(store, np.arange(10), killed)
    assert store.missing() == [1, 2]
    computed = []
    fill(store, np.arange(10), lambda ids, _: computed.append(ids.tolist()) or rows_of(ids))
    assert computed == [[4, 5, 6, 7], [8, 9]]
    assert np.array_equal(store.read(np.arange(10)), rows_of(np.arange(10)))


def test_only_the_shards_that_are_asked_for_are_computed_and_progress_counts_them_together(tmp_path):
    store, told = EmbeddingStore(tmp_path, 10, 2, FACTS), []

    def compute(ids, progress):
        progress("predict", len(ids), len(ids))
        return rows_of(ids)

    fill(store, np.array([9, 1]), compute, lambda *what: told.append(what))
    assert store.missing() == [1]
    assert told == [("embed", 4, 6), ("embed", 6, 6)]


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_shard_counts_as_missing_and_is_never_read(tmp_path, damage):
    store = EmbeddingStore(tmp_path, 6, 2, FACTS)
    fill(store, np.arange(6), lambda ids, _: rows_of(ids))
    file = store.folder / "000001.npy"
    if damage is None:
        np.save(file, np.zeros((3, 2), dtype=np.float32))
    else:
        file.write_bytes(damage)
    assert store.missing() == [1]
    with pytest.raises(DataError, match="fills the store"):
        store.read(np.array([5]))


def test_other_facts_are_another_folder_and_the_folder_says_what_it_holds(tmp_path):
    store, other = (EmbeddingStore(tmp_path, 6, 2, {**FACTS, "backbone": name}) for name in ("pixels", "resnet"))
    fill(store, np.arange(6), lambda ids, _: rows_of(ids))
    assert other.missing() == [0, 1]
    told = json.loads((store.folder / "store.json").read_text())
    assert told == {"format": 1, "shard": 4, "rows": 6, "width": 2, "facts": FACTS}


def test_values_of_another_shape_are_refused(tmp_path):
    with pytest.raises(DataError, match="takes"):
        EmbeddingStore(tmp_path, 6, 2, FACTS).write(0, np.zeros((4, 3), dtype=np.float32))
