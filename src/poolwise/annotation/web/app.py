"""The whole server: pages, questions, pictures, behind the guard."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of functions within functions.

from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from poolwise.annotation.web.entry import Entry
from poolwise.annotation.web.guard import Guard
from poolwise.annotation.web.pages import pages
from poolwise.annotation.web.people import People
from poolwise.annotation.web.questions import pictures, questions
from poolwise.annotation.web.site import Site
from poolwise.errors import AnnotationError, LedgerError, PoolwiseError, UnknownLabel, UnknownSample


def application(site: Site, people: People, hosts: Iterable[str] | None = None) -> Guard:
    """The server of a run; see `Guard` for `hosts`."""
    entry = Entry(people, site.data)
    app = FastAPI(title="poolwise annotate", docs_url=None, redoc_url=None, openapi_url=None)
    for router in (entry.router(), pages(site, entry), questions(site, entry), pictures(site, entry)):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("poolwise.annotation.web") / "static")))

    @app.get("/openapi.json", include_in_schema=False)
    def schema(person: Annotated[str, Depends(entry.who)]) -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.exception_handler(PoolwiseError)
    def refused(request: Request, error: PoolwiseError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, status_of(error))

    return Guard(app, hosts)


def status_of(error: PoolwiseError) -> int:
    """The status that says what was wrong."""
    if isinstance(error, UnknownSample):
        return 404
    if isinstance(error, LedgerError):
        return 503
    return 409 if isinstance(error, (AnnotationError, UnknownLabel)) else 500
