"""The whole server: pages, routes and pictures, behind the middleware."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect

from poolwise.annotation.web import routes
from poolwise.annotation.web.auth import Auth, Person
from poolwise.annotation.web.middleware import SecurityMiddleware
from poolwise.annotation.web.pages import page_routes
from poolwise.annotation.web.people import People
from poolwise.annotation.web.site import Site, for_page
from poolwise.core.errors import AnnotationError, LedgerError, PoolwiseError, UnknownLabel, UnknownSample


def application(site: Site, people: People, hosts: Iterable[str] | None = None) -> SecurityMiddleware:
    """Return the server of a run; see `SecurityMiddleware` for `hosts`."""
    auth = Auth(people, site.data)
    app = FastAPI(title="poolwise annotate", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site, app.state.auth = site, auth
    for router in (auth.router(), page_routes(site, auth), routes.api, routes.pictures):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("poolwise.annotation.web") / "static")))

    @app.get("/openapi.json", include_in_schema=False)
    def schema(person: Person) -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.exception_handler(PoolwiseError)
    def refused(request: Request, error: PoolwiseError) -> JSONResponse:
        return JSONResponse({"detail": for_page(error)}, status_of(error))

    @app.exception_handler(RequestValidationError)
    def unfit(request: Request, error: RequestValidationError) -> JSONResponse:
        # what was sent is not sent back: half a letter or NaN in it could not be written down
        rows = [
            {"loc": [str(part).encode("ascii", "backslashreplace").decode() for part in row["loc"]]}
            | {"msg": row["msg"].encode("ascii", "backslashreplace").decode(), "type": row["type"]}
            for row in error.errors()
        ]
        return JSONResponse({"detail": rows}, 422)

    @app.exception_handler(ClientDisconnect)
    def gone(request: Request, error: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"detail": "the request broke off, or it is too large"}, 413)

    return SecurityMiddleware(app, hosts)


def status_of(error: PoolwiseError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, UnknownSample):
        return 404
    if isinstance(error, LedgerError):
        return 503
    return 409 if isinstance(error, (AnnotationError, UnknownLabel)) else 500
