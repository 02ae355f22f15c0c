"""Class names as names of folders."""

from __future__ import annotations

from poolwise.core.errors import FormatError

FORBIDDEN = frozenset('<>:"/\\|?*')
"""In names of folders, on one system or another."""


def as_folder(name: str, *taken: str) -> str:
    """Return a class name that is fit to name a folder everywhere.

    >>> as_folder("tabby cat")
    'tabby cat'

    Raises:
        FormatError: it is not, or it is one of `taken`, which mean something else there.
    """
    bad = FORBIDDEN & set(name) or any(ord(letter) < 32 for letter in name)
    if (
        bad
        or not name.strip(". ")
        or name.startswith((".", "__"))
        or name.endswith((".", " "))
        or len(name.encode()) > 200
    ):
        raise FormatError(f"the class {name!r} cannot name a folder; rename it, or choose another format.")
    if name.casefold() in taken:
        raise FormatError(
            f"the class {name!r} cannot name a folder, as {name!r} means something else there; rename it."
        )
    return name
