"""Handlers: samples to show, answers to keep, one to take back, figures, pictures."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of functions within functions.

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response

from poolwise.annotation.web.auth import Auth
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


def api_routes(site: Site, auth: Auth) -> APIRouter:
    """Return the routes under /api."""
    router = APIRouter(prefix="/api", responses=REFUSALS)

    @router.post("/take")
    def take(request: TakeRequest, person: Annotated[str, Depends(auth.changing_person)]) -> TakeResponse:
        """Show samples in a tab; renews what the tab holds."""
        return taken(site, person, request)

    @router.post("/answer")
    def answer(sent: AnswerRequest, person: Annotated[str, Depends(auth.changing_person)]) -> TakeResponse:
        """Keep answers; they are in the ledger when this returns. The same key again changes nothing."""
        return answered(site, person, sent)

    @router.post("/undo")
    def undo(request: UndoRequest, person: Annotated[str, Depends(auth.changing_person)]) -> UndoResponse:
        """Take the last answer back."""
        return undone(site, person, request)

    @router.get("/figures")
    def figures(person: Annotated[str, Depends(auth.current_person)]) -> FiguresResponse:
        """Show how fast people are and how often they agree with the suggestion, in this batch."""
        session = site.session
        people = [] if session is None else session.speeds()
        return FiguresResponse(people=people, progress=progress(site, person))

    @router.post("/keep")
    def keep(request: KeepRequest, person: Annotated[str, Depends(auth.changing_person)]) -> KeepResponse:
        """Keep some samples of a duplicate group, remove the others."""
        return kept(site, person, request)

    return router


def picture_routes(site: Site, auth: Auth) -> APIRouter:
    """Return the route of samples as pictures, by id."""
    router = APIRouter(responses=REFUSALS)

    @router.get("/picture/{data}/{side}/{sample_id}", response_class=Response)
    def picture(data: str, side: int, sample_id: Id, person: Annotated[str, Depends(auth.current_person)]) -> Response:
        """Send one picture."""
        if data != site.data or side not in SIDES or sample_id >= len(site.run.images.manifest):
            raise HTTPException(404, "no such picture")
        try:
            encoded = site.pictures.get(sample_id, side)
        except (UnreadableImages, OSError) as error:
            raise HTTPException(404, "this picture cannot be read") from error
        return Response(encoded.content, media_type=encoded.kind, headers={"cache-control": MONTH})

    return router


def taken(site: Site, person: str, request: TakeRequest) -> TakeResponse:
    """Return what a tab is to show of the open batch."""
    session = site.session
    asks = [] if session is None else session.take(person, request.tab, request.count, grid=request.grid)
    return _response(site, person, asks)


def answered(site: Site, person: str, sent: AnswerRequest) -> TakeResponse:
    """Keep answers to the open batch or, as corrections, to an earlier one; return what the tab is to show next."""
    session = site.session_of(sent.round)
    if session is None:
        raise HTTPException(404, f"there is no round {sent.round}")
    is_open = session is site.session
    count = sent.count if is_open else 0
    asks = session.answer(person, sent.tab, sent.answers, count, aside=sent.aside, grid=sent.grid)
    return _response(site, person, asks) if is_open else taken(site, person, sent)


def _response(site: Site, person: str, asks: list[Ask]) -> TakeResponse:
    return TakeResponse(items=[item(site, ask) for ask in asks], progress=progress(site, person))


def undone(site: Site, person: str, request: UndoRequest) -> UndoResponse:
    """Take a person's last answer to the open batch back."""
    session = site.session
    vote = None if session is None else session.undo(person, request.tab, request.key)
    if session is None or vote is None:
        return UndoResponse(item=None, labels=[], note="", progress=progress(site, person))
    back = item(site, session.asks[vote.sample_id])
    return UndoResponse(item=back, labels=names(vote.label) or [], note=vote.note, progress=progress(site, person))


def kept(site: Site, person: str, request: KeepRequest) -> KeepResponse:
    """Record which members of a duplicate group stay; the others leave the labels."""
    group = site.groups.get(request.group)
    if group is None:
        raise HTTPException(404, f"there is no duplicate group {request.group}")
    members = {sample_id for sample_id, *_ in group.members}
    keep = set(request.keep)
    if not keep or keep - members:
        raise HTTPException(409, "keep at least one, and of this group")
    sent = [
        Submission(f"{request.key}-{each}", each, Verdict.KEEP if each in keep else Verdict.REMOVE)
        for each in sorted(members)
    ]
    site.copies_session.answer(person, "copies", sent, 0)
    return KeepResponse(removed=len(members - keep))
