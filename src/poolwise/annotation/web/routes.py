"""What the pages ask: samples to show, answers to keep, one back, figures, pictures."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of functions within functions.

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import Response

from poolwise.annotation.web.auth import Auth
from poolwise.annotation.web.batch_session import Submission
from poolwise.annotation.web.forms import (
    AnswerRequest,
    FiguresResponse,
    Id,
    KeepRequest,
    KeepResponse,
    PersonFigures,
    TakeRequest,
    TakeResponse,
    UndoRequest,
    UndoResponse,
)
from poolwise.annotation.web.pages import kept_or_removed
from poolwise.annotation.web.pictures import SIDES
from poolwise.annotation.web.serializers import in_grid, item, names, progress
from poolwise.annotation.web.site import Site
from poolwise.core.errors import UnreadableImages
from poolwise.core.types import Ask
from poolwise.core.voting import Said

MONTH = "private, max-age=2592000, immutable"
"""Pictures do not change: the data's digest is in their address."""
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the host name is not this server's, or the request is no JSON"},
    401: {"description": "log in first"}, 403: {"description": "another site asks, or the page is too old"},
    404: {"description": "no such sample, round or group"}, 409: {"description": "it contradicts what is there"},
    413: {"description": "too large"}, 503: {"description": "the ledger cannot be written, or was moved; nothing was"},
}  # fmt: skip


def api_routes(site: Site, auth: Auth) -> APIRouter:
    """Everything under /api."""
    router = APIRouter(prefix="/api", responses=REFUSALS)

    @router.post("/take")
    def take(asked: TakeRequest, person: Annotated[str, Depends(auth.changing_person)]) -> TakeResponse:
        """What this tab is to show; also says that it is still there."""
        return shown(site, person, asked)

    @router.post("/answer")
    def answer(sent: AnswerRequest, person: Annotated[str, Depends(auth.changing_person)]) -> TakeResponse:
        """Keep answers; they are in the ledger when this returns. The same key again changes nothing."""
        return answered(site, person, sent)

    @router.post("/undo")
    def undo(asked: UndoRequest, person: Annotated[str, Depends(auth.changing_person)]) -> UndoResponse:
        """TakeRequest the last answer back."""
        return undone(site, person, asked)

    @router.get("/figures")
    def figures(person: Annotated[str, Depends(auth.current_person)]) -> FiguresResponse:
        """How fast people are and how often they agree with the suggestion, in this batch."""
        session = site.session
        rows = [] if session is None else [PersonFigures(**vars(row)) for row in session.speeds()]
        return FiguresResponse(people=rows, progress=progress(site, person))

    @router.post("/keep")
    def keep(said: KeepRequest, person: Annotated[str, Depends(auth.changing_person)]) -> KeepResponse:
        """Of a duplicate group keep some, remove the others."""
        return kept(site, person, said)

    return router


def picture_routes(site: Site, auth: Auth) -> APIRouter:
    """Samples as pictures, by id."""
    router = APIRouter(responses=REFUSALS)

    @router.get("/picture/{data}/{side}/{sample_id}", response_class=Response)
    def picture(data: str, side: int, sample_id: Id, person: Annotated[str, Depends(auth.current_person)]) -> Response:
        """One picture."""
        if data != site.data or side not in SIDES or sample_id >= len(site.run.images.manifest):
            raise HTTPException(404, "no such picture")
        try:
            found = site.pictures.get(sample_id, side)
        except (UnreadableImages, OSError) as error:
            raise HTTPException(404, "this picture cannot be read") from error
        return Response(found.content, media_type=found.kind, headers={"cache-control": MONTH})

    return router


def shown(site: Site, person: str, asked: TakeRequest) -> TakeResponse:
    """What a tab is to show of the open batch."""
    session = site.session
    asks = [] if session is None else session.take(person, asked.tab, asked.count, grid=asked.grid)
    return _shown(site, person, asks, asked.grid)


def answered(site: Site, person: str, sent: AnswerRequest) -> TakeResponse:
    """Keep answers, to the open batch or, as corrections, to an earlier one."""
    now, mine = site.session, site.session_of(sent.round)
    if mine is None:
        raise HTTPException(404, f"there is no round {sent.round}")
    answers = [each.sent() for each in sent.answers]
    count = sent.count if mine is now else 0
    asks = mine.answer(person, sent.tab, answers, count, aside=sent.aside, grid=sent.grid)
    return _shown(site, person, asks, sent.grid) if mine is now else shown(site, person, sent)


def _shown(site: Site, person: str, asks: list[Ask], grid: bool) -> TakeResponse:
    rows = in_grid(asks) if grid else asks
    return TakeResponse(items=[item(site, ask) for ask in rows], progress=progress(site, person))


def undone(site: Site, person: str, asked: UndoRequest) -> UndoResponse:
    """TakeRequest a person's last answer of the open batch back."""
    session = site.session
    vote = None if session is None else session.undo(person, asked.tab, asked.key)
    if session is None or vote is None:
        return UndoResponse(item=None, labels=[], note="", progress=progress(site, person))
    back = item(site, session.work.by_id[vote.sample_id])
    return UndoResponse(item=back, labels=names(vote.label) or [], note=vote.note, progress=progress(site, person))


def kept(site: Site, person: str, said: KeepRequest) -> KeepResponse:
    """Say of each member of a duplicate group whether it stays."""
    group = site.groups.get(said.group)
    if group is None:
        raise HTTPException(404, f"there is no duplicate group {said.group}")
    members = [at for at, *_ in group.members]
    if not said.keep or set(said.keep) - set(members):
        raise HTTPException(409, "keep at least one, and of this group")
    spoken = [(at, kept_or_removed(said.keep, at)) for at in members]
    sent = [Submission(f"{said.key}-{at}", at, word) for at, word in spoken]
    site.copies_session.answer(person, "copies", sent, 0)
    return KeepResponse(removed=sum(word is Said.REMOVE for _, word in spoken))
