"""The people of a page: names, tokens, sessions. A token is shown once; the ledger keeps its hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poolwise.core.errors import ConfigError

SESSION_SECONDS = 14 * 86_400
SALT = "poolwise annotate"
MOST_COOKIE = 2000
"""Characters of a session; a longer one is not ours, and may unpack to much."""


def new_token() -> str:
    """Return a token that nobody guesses: 192 random bits."""
    return secrets.token_urlsafe(24)


def hash_of(token: str) -> str:
    """Return the hash that is kept of a token. A token is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_name(name: str) -> str:
    """Return a person's name without spaces around it. Raises ConfigError: empty, too long, or with control characters."""
    if not name.strip() or len(name) > 60 or not name.isprintable() or "," in name:
        raise ConfigError(f"{name!r} is not a name for a person; use 1 to 60 printable characters, no comma.")
    return name.strip()


@dataclass(frozen=True)
class People:
    """The people who may use the page.

    Attributes:
        tokens: name -> SHA-256 of their token. Empty: one person, on this machine, without a token.
        alone: that person's name.
        alone_key: signs what their pages send; random, kept in the ledger.
    """

    tokens: Mapping[str, str]
    alone: str = "me"
    alone_key: str = field(default_factory=new_token, repr=False)

    @property
    def need_token(self) -> bool:
        """Return whether people log in."""
        return bool(self.tokens)

    def by_token(self, token: str) -> str | None:
        """Return whose token this is; every one is compared, in constant time."""
        sent, person = hash_of(token), None
        for name, kept in self.tokens.items():
            if hmac.compare_digest(kept, sent):
                person = name
        return person

    def session(self, person: str) -> str:
        """Return a cookie: name and time, signed with the hash of the person's token: a new token ends old sessions."""
        return str(self._signer(self.tokens[person]).dumps({"person": person}))

    def by_session(self, cookie: str) -> str | None:
        """Return the person of a cookie; None if it was not made here, is too old, or the token has changed since."""
        from itsdangerous import BadData

        if len(cookie) > MOST_COOKIE:
            return None
        try:
            _, content = self._signer("").loads_unsafe(cookie)
            person = content["person"] if isinstance(content, dict) else None
            if not isinstance(person, str) or person not in self.tokens:
                return None
            self._signer(self.tokens[person]).loads(cookie, max_age=SESSION_SECONDS)
        except (BadData, ValueError, KeyError):
            return None
        return person

    def csrf(self, person: str) -> str:
        """Return what a page of this person sends with every change, and pages of other sites cannot know."""
        key = self.tokens.get(person, self.alone_key)
        return hmac.new(key.encode(), f"{SALT} csrf {person}".encode(), hashlib.sha256).hexdigest()

    def _signer(self, key: str) -> Any:
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(key, salt=SALT)
