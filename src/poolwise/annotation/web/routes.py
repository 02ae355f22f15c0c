"""Handlers: samples to show, answers to keep, one to take back, figures, pictures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from poolwise.annotation.web.auth import ChangingPerson, Person
from poolwise.annotation.web.forms import (
    AnswerRequest,
    FiguresResponse,
    Id,
    KeepRequest,
    KeepResponse,
    Submission,
    TakeRequest,
    TakeResponse,
    UndoRequest,
    UndoResponse,
)
from poolwise.annotation.web.pictures import SIDES
from poolwise.annotation.web.serializers import item, names, progress
from poolwise.annotation.web.site import Site
from poolwise.core.errors import UnreadableImages
from poolwise.core.types import Ask
from poolwise.core.voting import Verdict

MONTH = "private, max-age=2592000, immutable"
"""Pictures do not change: the data's digest is in their address."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the host name is not this server's, or the request is not JSON"},
    401: {"description": "log in first"}, 403: {"description": "another site asks, or the page is too old"},
    404: {"description": "no such sample, round or group"}, 409: {"description": "it contradicts the ledger"},
    413: {"description": "too large"}, 503: {"description": "the ledger was moved or cannot be written; nothing is recorded"},
}  # fmt: skip


api = APIRouter(prefix="/api", responses=REFUSALS)
pictures = APIRouter(responses=REFUSALS)


def _site(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(_site)]


@api.post("/take")
def take(body: TakeRequest, site: TheSite, person: ChangingPerson) -> TakeResponse:
    """Show samples of the open batch in a tab; renews what the tab holds."""
    session = site.session
    asks = [] if session is None else session.take(person, body.tab, body.count, grid=body.grid)
    return _response(site, person, asks)


@api.post("/answer")
def answer(body: AnswerRequest, site: TheSite, person: ChangingPerson) -> TakeResponse:
    """Keep answers; they are in the ledger when this returns. The same key again changes nothing.

    Answers to an earlier batch than the open one are corrections.
    """
    session = site.session_of(body.round)
    if session is None:
        raise HTTPException(404, f"there is no round {body.round}")
    is_open = session is site.session
    count = body.count if is_open else 0
    asks = session.answer(person, body.tab, body.answers, count, aside=body.aside, grid=body.grid)
    return _response(site, person, asks) if is_open else take(body, site, person)


def _response(site: Site, person: str, asks: list[Ask]) -> TakeResponse:
    return TakeResponse(items=[item(site, ask) for ask in asks], progress=progress(site, person))


@api.post("/undo")
def undo(body: UndoRequest, site: TheSite, person: ChangingPerson) -> UndoResponse:
    """Take the last answer to the open batch back."""
    session = site.session
    vote = None if session is None else session.undo(person, body.tab, body.key)
    if session is None or vote is None:
        return UndoResponse(item=None, labels=[], note="", progress=progress(site, person))
    back = item(site, session.asks[vote.sample_id])
    return UndoResponse(item=back, labels=names(vote.label) or [], note=vote.note, progress=progress(site, person))


@api.get("/figures")
def figures(site: TheSite, person: Person) -> FiguresResponse:
    """Show how fast people are and how often they agree with the suggestion, in this batch."""
    people = [] if site.session is None else site.session.speeds()
    return FiguresResponse(people=people, progress=progress(site, person))


@api.post("/keep")
def keep(body: KeepRequest, site: TheSite, person: ChangingPerson) -> KeepResponse:
    """Keep some samples of a duplicate group; the others leave the labels."""
    group = site.groups.get(body.group)
    if group is None:
        raise HTTPException(404, f"there is no duplicate group {body.group}")
    members = {sample_id for sample_id, *_ in group.members}
    kept = set(body.keep)
    if not kept or kept - members:
        raise HTTPException(409, "keep at least one, and of this group")
    sent = [
        Submission(f"{body.key}-{each}", each, Verdict.KEEP if each in kept else Verdict.REMOVE)
        for each in sorted(members)
    ]
    site.copies_session.answer(person, "copies", sent, 0)
    return KeepResponse(removed=len(members - kept))


@pictures.get("/picture/{data}/{side}/{sample_id}", response_class=Response)
def picture(data: str, side: int, sample_id: Id, site: TheSite, person: Person) -> Response:
    """Send one picture."""
    if data != site.data or side not in SIDES or sample_id >= len(site.run.images.manifest):
        raise HTTPException(404, "no such picture")
    try:
        encoded = site.pictures.get(sample_id, side)
    except (UnreadableImages, OSError) as error:
        raise HTTPException(404, "this picture cannot be read") from error
    return Response(encoded.content, media_type=encoded.kind, headers={"cache-control": MONTH})
