"""Checks of option values that several sources share."""

from __future__ import annotations

from poolwise.core.errors import ConfigError


def check_fractions(**fractions: float) -> None:
    """Raise ConfigError unless each is in [0, 1) and they sum to less than 1.

    >>> check_fractions(test_fraction=0.2)
    """
    for name, value in fractions.items():
        if not 0 <= value < 1:
            raise ConfigError(f"data.{name} is {value}; it is a share of the labelled pictures, 0 to below 1.")
    if sum(fractions.values()) >= 1:
        raise ConfigError(f"data.{' + data.'.join(fractions)} is {sum(fractions.values())}; nothing would be left.")


def check_counts(**counts: int | None) -> None:
    """Raise ConfigError unless each is at least 1 or None.

    >>> check_counts(limit=None, image_size=64)
    """
    for name, value in counts.items():
        if value is not None and value < 1:
            raise ConfigError(f"data.{name} is {value}; it must be 1 or more.")
