"""`poolwise annotate`: serve the annotation page of a run, or take what was said on it and go on."""

from __future__ import annotations

import getpass
import ipaddress
import socket
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from poolwise.annotation.web.page import Page
from poolwise.annotation.web.people import People, check_name, hash_of, new_token
from poolwise.annotation.web.pictures import Pictures
from poolwise.annotation.web.site import Site
from poolwise.app.annotated import AnnotatedRun, go_on, shown_parts, take_votes
from poolwise.app.terminal import Terminal
from poolwise.core.errors import ConfigError, PoolwiseError, RunBusy, listed
from poolwise.jobs.stored import ShownParts, stored_run
from poolwise.ledger.votes import Votes

PORT = 8765
TRIED = 20
"""Ports that are tried from 8765 on when none is named."""
ALONE = ""
"""The name, in the ledger, of the one person of a server without logins."""


@dataclass(frozen=True)
class Serving:
    """How the page is served; see `poolwise annotate --help`."""

    host: str = "127.0.0.1"
    port: int | None = None
    people: tuple[str, ...] = ()
    renew: tuple[str, ...] = ()
    name: str = ""
    train: bool | None = None
    redundancy: int | None = None
    hold_minutes: float | None = None
    browser: bool = True
    trusted: bool = False


def annotate(folder: Path | None, serving: Serving, *, collect: bool = False) -> None:
    """Serve the page of a run until Ctrl-C; or, with `collect`, go on with the run.

    Raises:
        ConfigError: names the setting.
        RunBusy: another server shows this run.
    """
    display = Terminal()
    run = stored_run(folder or waiting_run(Path("runs")), trusted=serving.trusted)
    parts = shown_parts(run)
    page = page_of(parts, serving)
    if collect:
        go_on(run, parts, page, display.say)
        return
    try:
        with run.ledger.lock(f"{run.name}/page", run.folder / "page"):
            _serve(AnnotatedRun(run, parts, page), serving, display)
    except RunBusy as error:
        raise RunBusy(f"another server shows run {run.name!r}; end it first, or use its page.") from error
    finally:
        run.ledger.close()


def waiting_run(runs: Path) -> Path:
    """Return the folder of the run that waits for people.

    Raises:
        ConfigError: there is none, or more than one.
    """
    waiting = []
    for file in sorted(runs.glob("*/config.yaml")):
        try:
            run = stored_run(file.parent)
            state = run.ledger.state(run.name)
            run.ledger.close()
        except PoolwiseError:
            continue
        if state.rounds and state.rounds[-1].emitted and not state.rounds[-1].closed:
            waiting.append(file.parent)
    if len(waiting) == 1:
        return waiting[0]
    if not waiting:
        raise ConfigError(
            f"no run in {runs} waits for people; begin one, e.g. "
            "`poolwise loop data=image_folder data.root=photos/ data.classes=[cat,dog] annotation=page`."
        )
    raise ConfigError(
        f"{len(waiting)} runs wait for people: {listed(waiting, 20)}; name one: poolwise annotate FOLDER."
    )


def page_of(parts: ShownParts, serving: Serving) -> Page:
    """Return the run's own settings of the page, unless the command line says otherwise."""
    names = ("train", "redundancy", "hold_minutes")
    given = {name: value for name in names if (value := getattr(serving, name)) is not None}
    return Page(**{**parts.annotator.page_settings(), **given})


def _serve(run: AnnotatedRun, serving: Serving, display: Terminal) -> None:
    import uvicorn

    from poolwise.annotation.web.app import application

    people, links = admitted(run.store, serving)
    site = Site(run, Pictures(run.images), warn=display.warn)
    site.refresh()
    with bound(serving.host, serving.port) as sock:
        port = int(sock.getsockname()[1])
        names = None if people.need_token else {"localhost", "127.0.0.1", "::1", serving.host}
        app = application(site, people, names)
        address = f"http://{shown_host(serving.host)}:{port}/"
        _tell(run, address, people, links, display)
        _open(address if not people.need_token else "", serving, display)
        for work in (site.attend, site.warm):
            threading.Thread(target=work, daemon=True).start()
        config = uvicorn.Config(
            app, access_log=False, log_level="warning", lifespan="off", timeout_graceful_shutdown=3, server_header=False
        )
        try:
            uvicorn.Server(config).run(sockets=[sock])
        except KeyboardInterrupt:  # uvicorn has shut down and hands it on
            pass
        finally:
            site.close()
            run.close()
    _ended(run, site, display)


def _tell(run: AnnotatedRun, address: str, people: People, links: dict[str, str], display: Terminal) -> None:
    display.say(
        f"The page of {run.name}: {address}   (Ctrl-C ends it; every answer is in the ledger before the next picture)"
    )
    for name, token in links.items():
        display.say(f"  {name}: {address}login#{token}")
    if links:
        display.say("  Each link lets one person in, and is shown this once; --renew NAME makes a new one.")
    elif people.need_token:
        display.say(f"  Links were made before for {listed(people.tokens, 20)}; --renew NAME makes a new one.")


def _open(address: str, serving: Serving, display: Terminal) -> None:
    if address and serving.browser and sys.stdout.isatty():
        threading.Timer(0.5, lambda: webbrowser.open(address)).start()


def _ended(run: AnnotatedRun, site: Site, display: Terminal) -> None:
    """Take the votes, unless another loop is at work and takes them itself; tell how far the batch is."""
    with suppress(RunBusy):
        take_votes(run.stored, run.parts, run.page)
    if site.session is not None:
        counts = site.session.counts("")
        goes_on = f" The run goes on with: poolwise annotate {run.stored.folder} --collect" if site.session.full else ""
        display.say(f"{counts.done} of {counts.total} answered.{goes_on}")


def admitted(store: Votes, serving: Serving) -> tuple[People, dict[str, str]]:
    """Return who may use the page, and the tokens that were made just now, by name.

    Raises:
        ConfigError: the page would be open to the network without tokens; an unknown name.
    """
    known = {name: token for name, token in store.people().items() if name != ALONE}
    added = [check_name(name) for name in serving.people]
    unknown = set(serving.renew) - set(known) - set(added)
    if unknown:
        raise ConfigError(
            f"--renew names {listed(sorted(unknown))}, who has no link yet; known are {listed(known, 20)}."
        )
    if not (known or added) and not is_loopback(serving.host):
        raise ConfigError(
            f"--host {serving.host} opens the page to the network, and nobody has a token; add --people NAME,NAME, "
            "which prints a link for each."
        )
    links = {}
    for name in dict.fromkeys((*added, *serving.renew)):
        if name not in known or name in serving.renew:
            links[name] = new_token()
            store.admit(name, hash_of(links[name]))
    tokens = {name: kept for name, kept in store.people().items() if name != ALONE}
    if ALONE not in store.people():
        store.admit(ALONE, hash_of(new_token()))
    return People(tokens, check_name(serving.name or _user()), store.people()[ALONE]), links


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "me"


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a server that listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def shown_host(host: str) -> str:
    """Return a host as it stands in an address.

    >>> shown_host("::1"), shown_host("0.0.0.0") == socket.gethostname()
    ('[::1]', True)
    """
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def bound(host: str, port: int | None) -> socket.socket:
    """Return a listening socket: at the port, or at the first free one from 8765 on.

    Raises:
        ConfigError: the address cannot be used.
    """
    reason: OSError | None = None
    for tried in [port] if port is not None else range(PORT, PORT + TRIED):
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host.strip("[]"), tried), family=family, backlog=128)
        except OSError as error:
            reason = error
    where = f"{host}, port {port if port is not None else f'{PORT} to {PORT + TRIED - 1}'}"
    raise ConfigError(f"the page cannot be served at {where}: {reason}; name another with --host and --port.")


def names_of(text: str) -> Sequence[str]:
    """Return the names in a word of the command line.

    >>> names_of("ann, ben")
    ['ann', 'ben']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
