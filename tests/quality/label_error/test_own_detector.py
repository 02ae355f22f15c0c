"""A detector of the user's own is a plain class; what it leaves out has a default."""

from __future__ import annotations

import numpy as np
import pytest

from poolwise.core.interfaces import Learner, with_defaults
from poolwise.core.parts import _check_kind
from poolwise.core.types import Need
from poolwise.quality.label_error.detectors import Detector


class Plain:
    needs = Need.PROBS

    def evidence(self, view):
        return view.probs


class OfVersion01(Plain):
    own_say = True


@pytest.mark.parametrize(("kind", "uses"), [(Plain, False), (OfVersion01, True)])
def test_what_a_plain_detector_leaves_out_has_a_default(kind, uses):
    _check_kind(kind(), Detector, "label_error")
    part = with_defaults(kind(), Detector)
    assert part.uses_given_label is uses
    assert part.quality(np.array([1]), np.array([[0.3, 0.7]], dtype=np.float32)) == pytest.approx([0.7])


def test_a_default_is_not_kept_from_the_first_object_of_a_class():
    class Silent:
        pass

    class Seeing(Silent):
        def embed(self, images, ids, progress=None):
            return None

    assert not with_defaults(Silent(), Learner).embeds
    assert with_defaults(Seeing(), Learner).embeds
