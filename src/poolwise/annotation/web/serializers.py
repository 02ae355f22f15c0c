"""Samples and progress as browsers get them: ids and addresses, never a path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from poolwise.annotation.web.batch_session import visible_suggestion
from poolwise.annotation.web.forms import Item, Neighbour, Progress
from poolwise.annotation.web.pictures import SIDES
from poolwise.annotation.web.site import Site
from poolwise.core.types import Ask, Label, Task


def address(site: Site, sample_id: int, side: int) -> str:
    """Return the address of a picture. It holds the data's digest, as browsers keep pictures."""
    return f"/picture/{site.data}/{side}/{sample_id}"


def item(site: Site, ask: Ask) -> Item:
    """Return one sample."""
    small, page, zoom = (address(site, ask.sample_id, side) for side in SIDES)
    review = bool(ask.details.get("review"))
    return Item(
        id=ask.sample_id, picture=page, small=small, zoom=zoom, suggestion=names(visible_suggestion(ask)),
        probability=ask.probability, reason=ask.reason, cluster=str(ask.details.get("cluster", "")), review=review,
        given=_given(site, ask.details) if review else None, neighbours=_neighbours(site, ask.details),
    )  # fmt: skip


def names(label: Label) -> list[str] | None:
    """Return a label as a list of classes."""
    return None if label is None else [label] if isinstance(label, str) else list(label)


def _given(site: Site, details: Mapping[str, Any]) -> list[str]:
    text = str(details.get("given", ""))
    if site.run.images.manifest.task is Task.MULTICLASS:
        return [text] if text else []
    return [name for name in text.split("|") if name]


def _neighbours(site: Site, details: Mapping[str, Any]) -> list[Neighbour]:
    """Return the neighbours that an audit found; their columns are JSON."""
    try:
        paths, labels, near = (
            json.loads(details[name]) for name in ("neighbours", "neighbour_labels", "neighbour_similarity")
        )
    except (KeyError, ValueError, TypeError):
        return []
    small = SIDES[0]
    return [
        Neighbour(picture=address(site, site.numbers[path], small), label=str(label), similarity=similarity)
        for path, label, similarity in zip(paths, labels, near, strict=False)
        if path in site.numbers
    ]


def progress(site: Site, person: str) -> Progress:
    """Return how far the batch and the run are."""
    view, session = site.view, site.session
    counts = session.counts(person) if session is not None else None
    return Progress(
        round=session.batch.round if session is not None else None,
        done=counts.done if counts else 0,
        total=counts.total if counts else 0,
        mine=counts.mine if counts else 0,
        full=counts is not None and counts.done == counts.total,
        stage=view.stage, since=view.since, expected=view.expected, over=view.over, metric=view.metric,
        scores=list(view.scores), next_command="" if site.run.page.train else view.next_command, trouble=site.trouble,
    )  # fmt: skip
