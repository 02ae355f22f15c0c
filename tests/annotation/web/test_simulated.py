"""A simulated person, slow and not always right, at the page: the oracle says what, the page is none the wiser."""

import pytest

from builders import Blobs
from poolwise.annotation.oracle import Oracle


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_a_simulated_person_labels_a_batch_and_the_figures_tell_of_their_pace_and_mistakes(ann, site, store, noise):
    batch = site.session.batch
    truth = Oracle().knowing(Blobs())
    said = {
        answer.sample_id: answer.label for answer in Oracle(noise_rate=noise, seed=1, truth=truth.truth).collect(batch)
    }
    shown = ann.take(2)
    while shown["items"]:
        item = shown["items"][0]
        shown = ann.answer(item["id"], said[item["id"]], seconds=2.0 + item["id"] / 10, count=2).json()
    assert {vote.sample_id: vote.label for vote in store.all()} == said
    (figures,) = ann.http.get("/api/figures").json()["people"]
    right = sum(said[ask.sample_id] == ask.suggestion for ask in batch.asks) / len(batch.asks)
    assert (figures["seconds"], figures["agreement"]) == (2.25, right)
    assert (right == 1) == (noise == 0), "the suggestions of this batch are the truth"
