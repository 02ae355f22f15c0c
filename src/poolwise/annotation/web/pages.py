"""The pages themselves, rendered on the server; `routes.py` serves what changes on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from poolwise.annotation.web.auth import Auth, NotLoggedIn, current_person, rendered
from poolwise.annotation.web.pictures import SIDES
from poolwise.annotation.web.serializers import address
from poolwise.annotation.web.site import Site
from poolwise.core.types import Task

PAGES = {"/": "label.html.j2", "/grid": "grid.html.j2", "/figures": "figures.html.j2", "/copies": "copies.html.j2"}
COPIES_A_PAGE = 20


def page_routes(site: Site, auth: Auth) -> APIRouter:
    """Return a route for each page."""
    router = APIRouter(include_in_schema=False)
    for path, template in PAGES.items():
        router.add_api_route(path, _page(site, auth, path, template), methods=["GET"], response_class=HTMLResponse)
    return router


def _page(site: Site, auth: Auth, path: str, template: str) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        try:
            person = current_person(request)
        except NotLoggedIn:
            return RedirectResponse("/login", 303)
        manifest = site.run.images.manifest
        content = {
            "person": person,
            "logged_in": auth.people.need_token,
            "csrf": auth.people.csrf(person),
            "run": site.run.name,
            "data": site.data,
            "here": path,
            "classes": list(zip(manifest.classes, keys_of(manifest.classes), strict=True)),
            "several": manifest.task is Task.MULTILABEL,
            "copies": len(site.groups),
            "groups": copy_groups(site) if path == "/copies" else [],
        }
        return HTMLResponse(rendered(template, **content))

    return page


def keys_of(classes: Sequence[str]) -> list[str]:
    """Return the key of each class: digits for their own names, else 1 to 9 and 0 in order; "" for those beyond, found by typing.

    >>> keys_of(["cat", "dog"]), keys_of(["0", "7"]), keys_of([str(name) for name in range(10, 22)])[-3:]
    (['1', '2'], ['0', '7'], ['0', '', ''])
    """
    if all(len(name) == 1 and name in "0123456789" for name in classes):
        return list(classes)
    return [str((index + 1) % 10) if index < 10 else "" for index in range(len(classes))]


def copy_groups(site: Site) -> list[dict[str, object]]:
    """Return the first duplicate groups of which nobody has said yet which one stays."""
    voted = site.copies_session.voted()
    waiting = [group for group in site.groups.values() if not {member for member, *_ in group.members} & voted]
    return [
        {
            "number": group.group,
            "left": len(waiting),
            "members": [
                {"id": member, "picture": address(site, member, SIDES[1]), "label": label, "split": split}
                for member, _, label, split in group.members
            ],
        }
        for group in waiting[:COPIES_A_PAGE]
    ]
