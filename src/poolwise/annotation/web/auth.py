"""Who may: the login, the session, the person behind a request, and that a change is meant."""

from __future__ import annotations

import hmac
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from poolwise.annotation.web.middleware import LoginLimiter
from poolwise.annotation.web.people import SESSION_SECONDS, People

CSRF = "x-poolwise-csrf"


class NotLoggedIn(HTTPException):
    """Nobody is logged in: pages send the login instead, routes answer with 401."""

    def __init__(self) -> None:
        super().__init__(401, "Log in first: open the link that you were given.")


class Auth:
    """The people who may use the page.

    Args:
        people: names and tokens.
        site: tells this server's cookie from that of another on the same machine: browsers do not tell ports apart.
    """

    def __init__(self, people: People, site: str) -> None:
        self.people = people
        self.cookie = f"poolwise_{site}"
        self._attempts = LoginLimiter()

    def router(self) -> APIRouter:
        """Return the routes of login and logout."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/login", self._form, methods=["GET"])
        router.add_api_route("/login", self._login, methods=["POST"])
        router.add_api_route("/logout", self._logout, methods=["POST"])
        return router

    def _form(self) -> HTMLResponse:
        return HTMLResponse(rendered("login.html.j2", wrong=""))

    async def _login(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        body = await request.body()  # before earlier tries are counted: nothing may come in between
        if not self._attempts.allowed(address):
            page = rendered("login.html.j2", wrong="Too many tries; wait a minute.")
            return HTMLResponse(page, 429, {"retry-after": "60"})
        person = self.people.by_token(token_in(body))
        if person is None:
            self._attempts.failed(address)
            return HTMLResponse(rendered("login.html.j2", wrong="That token is not known here."), 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            self.cookie, self.people.session(person), max_age=SESSION_SECONDS, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    def _logout(self) -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(self.cookie, httponly=True, samesite="strict")
        return response


def current_person(request: Request) -> str:
    """Return the person behind a request. Raises NotLoggedIn."""
    auth: Auth = request.app.state.auth
    if not auth.people.need_token:
        return auth.people.alone
    person = auth.people.by_session(request.cookies.get(auth.cookie, ""))
    if person is None:
        raise NotLoggedIn
    return person


def changing_person(request: Request) -> str:
    """Return the person who asks for a change, from a page of ours. Raises NotLoggedIn, HTTPException."""
    person = current_person(request)
    expected = request.app.state.auth.people.csrf(person)
    if not hmac.compare_digest(request.headers.get(CSRF, "").encode(), expected.encode()):
        raise HTTPException(403, "The page is too old; load it again.")
    return person


Person = Annotated[str, Depends(current_person)]
ChangingPerson = Annotated[str, Depends(changing_person)]


def token_in(body: bytes) -> str:
    """Return the token of a login form; "" if there is none.

    >>> token_in(b"token=abc+"), token_in(b"x=1&" * 100)
    ('abc', '')
    """
    try:
        fields = parse_qs(body[:4096].decode("utf-8", "replace"), max_num_fields=5)
    except ValueError:  # more fields than any form of ours
        return ""
    return fields.get("token", [""])[0].strip()


def rendered(template: str, **content: Any) -> str:
    """Return a page; every value is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = str(files("poolwise.annotation.web") / "templates")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**content)
