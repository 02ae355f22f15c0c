import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.samples import Stripes
from poolwise.core.errors import UnreadableImages
from poolwise.model.batches import FromSource, InMemory, Passes, ahead, chunks, shuffled


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 300), st.integers(4, 70), st.integers(0, 1000))
def test_a_pass_shows_every_sample_once_and_never_one_alone(count, size, seed):
    batches = shuffled(count, size, torch.Generator().manual_seed(seed))
    seen = sorted(torch.cat(batches).tolist())
    assert seen == ([0, 0] if count == 1 else list(range(count)))
    assert all(2 <= len(batch) <= size for batch in batches)


def test_each_pass_has_its_own_order():
    passes = Passes(InMemory(torch.arange(50)), torch.arange(50), 16, torch.Generator().manual_seed(0))
    first, second = ([labels.tolist() for _, labels in passes] for _ in range(2))
    assert first != second
    assert len(passes) == len(first) == 4


def test_inputs_and_labels_stay_together():
    images = Stripes(in_memory=False)
    passes = Passes(FromSource(images, np.arange(10, 40)), torch.arange(10, 40), 8, torch.Generator().manual_seed(0))
    for pictures, ids in passes:
        assert np.array_equal(pictures.numpy(), images.read(ids.numpy()))


@pytest.mark.parametrize("in_memory", [True, False])
def test_chunks_cover_all_ids_in_order(in_memory):
    images, ids = Stripes(in_memory=in_memory), np.array([5, 3, 80, 7, 11])
    found = list(chunks(images, ids, 2))
    assert [(part.start, part.stop) for part, _ in found] == [(0, 2), (2, 4), (4, 5)]
    assert np.array_equal(np.concatenate([values.numpy() for _, values in found]), images.read(ids))


def test_an_unreadable_picture_is_told_where_it_was_wanted():
    def read(item):
        if item == 2:
            raise UnreadableImages("photo.jpg")
        return torch.tensor(item)

    reading = ahead([0, 1, 2, 3], read)
    assert [next(reading)[0] for _ in range(2)] == [0, 1]
    with pytest.raises(UnreadableImages, match=r"photo\.jpg"):
        next(reading)


def test_reading_ahead_ends_with_its_reader():
    seen = []
    reading = ahead(range(1000), lambda item: seen.append(item) or torch.tensor(item))
    next(reading)
    reading.close()
    assert len(seen) < 10
