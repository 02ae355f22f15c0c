"""The samples that a strategy may choose from: what is left out beforehand, and how a batch is shared out.

This wraps any query strategy and is none itself. Everything is off by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from poolwise.core.checks import check_view
from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.interfaces import QueryStrategy
from poolwise.core.ranges import Checked, Count, NonNegative
from poolwise.core.types import Need, PoolView, Query
from poolwise.query.exclusions import Exclusions, find_exclusions
from poolwise.query.shares import divide
from poolwise.query.strategy import column, facts, numbers


@dataclass(frozen=True)
class Candidates(Checked):
    """What is left out, thinned out, and how many of each group are asked for.

    A query always has exactly the size asked for. Where too few candidates are left, excluded ones come back: first
    those that weight or cost thinned out, then outliers (the most typical first), duplicates (the least similar first),
    and last those of weight 0. Their sentence says so. The table of reasons says how many the strategy chose from
    (`considered`), what was left out (`left_out`) and the group of each pick (`group`).

    Attributes:
        duplicates: cosine similarity to a labelled sample, in (0, 1], from which a candidate is left out as its
            duplicate. Candidates are not compared with one another: that costs N x N, and strategies that spread a
            batch do not pick two copies. What counts as a duplicate depends on the network; look at a few pairs first.
        outliers: share in [0, 1) of the candidates looked at that is left out, those of the lowest typicality.
        at_most: a random subset of this many is looked at (never fewer than the size; more where it leaves too few).
            The strategy's own time and memory fall with it, not those of what it looks at: in a loop the model scores
            the whole pool first. What is lost is small as long as it is many times the batch.
        weight: name of a column of weights, at least 0. One of weight w is kept with probability w / largest w, by lot
            in every round, so that this works with any strategy. Weight 0 is left out for good.
        cost: name of a column of costs, above 0: kept with probability least cost / cost. The strategy `objectives`
            weighs cost against the rest exactly.
        group: name of a column whose values are the groups of `shares` or `balanced`.
        shares: value (as text) -> share of each batch, scaled to sum to 1 and rounded by largest remainder. The
            strategy chooses inside each group. What a group cannot fill goes to the others; groups without a share get
            nothing until all that have one are exhausted.
        balanced: equal shares for all groups.
        random_share: share in [0, 1) of each batch that is drawn at random from all candidates, by none of these rules:
            what the model says of them is then an unbiased test of it. They come last and are marked `random_slice`.
    """

    duplicates: Annotated[float, Interval(gt=0, le=1)] | None = None
    outliers: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    at_most: Count | None = None
    weight: str | None = None
    cost: str | None = None
    group: str | None = None
    shares: dict[str, NonNegative] = field(default_factory=dict)
    balanced: bool = False
    random_share: Annotated[float, Interval(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shares and not any(self.shares.values()):
            raise ConfigError(f"candidates.shares are all 0: {self.shares}; give one of them a share above 0.")
        if self.group is None and (self.shares or self.balanced):
            raise ConfigError("candidates.shares and candidates.balanced need candidates.group, the name of a column.")
        if self.group is not None and bool(self.shares) == self.balanced:
            raise ConfigError(
                f"candidates.group={self.group} needs either candidates.shares or candidates.balanced=true, not both."
            )

    def check(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Check that the columns of all samples fit the options: a share of a group that nobody has is a slip.

        Raises:
            ConfigError: names the groups there are.
        """
        if self.group is None or self.group not in columns:
            return  # a missing column is an error where it is looked up
        known = set(_names(columns[self.group]).tolist())
        strange = [str(name) for name in self.shares if str(name) not in known]
        if strange:
            raise ConfigError(
                f"candidates.shares names {listed(strange)}, but column {self.group!r} has {listed(sorted(known), 20)}."
            )

    @property
    def needs(self) -> Need:
        """What the options look at, beside what the strategy needs."""
        needs = Need.EMBEDDINGS if self.outliers or self.duplicates is not None else Need.NOTHING
        return needs if self.duplicates is None else needs | Need.LABELLED_EMBEDDINGS

    def select(self, strategy: QueryStrategy, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Return exactly `size` distinct ids of the view, chosen by the strategy among the eligible ones.

        Raises:
            ConfigError: no such column.
            InvalidArray: an array or column is missing or not sound.
            PoolExhausted: fewer candidates than `size`.
        """
        if self.random_share and size:
            return self._with_slice(strategy, view, size, rng)
        if self == EVERYTHING or not size:
            return strategy.select(view, size, rng)
        view = self._checked(view, size)
        groups = self._groups(view, rng)
        exclusions = self._exclusions(view, size, groups, rng)
        rows = exclusions.eligible(size)
        room = groups.counts(rows)
        quotas = divide(size, groups.shares, room, groups.ties)
        query = _in_groups(strategy, view, rows, groups, quotas, rng)
        return _explained(query, view, exclusions, int(room[quotas > 0].sum()), groups)

    def _with_slice(self, strategy: QueryStrategy, view: PoolView, size: int, rng: np.random.Generator) -> Query:
        """Draw the random slice from all candidates, then have the rest chosen among the others."""
        view = self._checked(view, size)
        exact = self.random_share * size
        count = int(exact) + int(rng.random() < exact - int(exact))  # in small batches, so many on average
        drawn = rng.permutation(len(view))[:count]
        others = np.setdiff1d(np.arange(len(view)), drawn)
        rest = replace(self, random_share=0.0).select(strategy, _only(view, others), size - count, rng)
        reason = f"drawn at random, one of {count} a batch, to test the model without bias"
        chance = Query(
            view.ids[drawn],
            np.full(count, rest.scores.min(initial=0), dtype=np.float32),
            {"reason": np.array([reason] * count, dtype=np.str_), **facts(view, drawn)},
        )
        return joined(rest, chance)

    def _checked(self, view: PoolView, size: int) -> PoolView:
        if Need.EMBEDDINGS in self.needs and view.embeddings is None:
            raise InvalidArray(
                "candidates.duplicates and candidates.outliers need embeddings (N, D); none came. Give them."
            )
        return check_view(view, self.needs, size)

    def _groups(self, view: PoolView, rng: np.random.Generator) -> _Groups:
        if self.group is None:
            return _Groups((), np.zeros(len(view), dtype=np.int64), np.ones(1), np.zeros(1, dtype=np.int64))
        values, of = np.unique(_names(column(view, "candidates.group", self.group)), return_inverse=True)
        names = tuple(values.tolist())
        shares = {str(name): share for name, share in self.shares.items()}
        strengths = np.array([1.0 if self.balanced else shares.get(name, 0.0) for name in names])
        return _Groups(names, of.reshape(-1).astype(np.int64), strengths, rng.permutation(len(names)))

    def _exclusions(self, view: PoolView, size: int, groups: _Groups, rng: np.random.Generator) -> Exclusions:
        """Look at more and more candidates until enough are free."""
        lot = self._lot(view, rng)
        order = _order(lot, groups, rng)
        wanted = divide(size, groups.shares, groups.counts(order), groups.ties)
        count = max(size, min(self.at_most or len(view), int((lot < 1).sum())))
        while True:
            exclusions = find_exclusions(view, np.sort(order[:count]), lot, self.duplicates, self.outliers, rng)
            room = groups.counts(exclusions.free)
            if count == len(view) or (room >= wanted).all():
                return exclusions
            count = min(len(view), 2 * count)

    def _lot(self, view: PoolView, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw (N,): below 1 for those that weight and cost let in, infinite for those of weight 0."""
        if self.weight is None and self.cost is None:
            return np.zeros(len(view))
        chance = np.ones(len(view))
        if self.weight is not None:
            weights = numbers(view, "candidates.weight", self.weight, "at least 0", lambda values: values >= 0)
            chance *= weights / (weights.max() or 1)
        if self.cost is not None:
            costs = numbers(view, "candidates.cost", self.cost, "above 0", lambda values: values > 0)
            chance *= costs.min() / costs
        drawn = rng.random(len(view))
        bar = np.full(len(view), np.inf)
        np.divide(drawn, chance, out=bar, where=chance > 0)
        return bar


EVERYTHING = Candidates()
"""Leaves nothing out."""


@dataclass(frozen=True, eq=False)
class _Groups:
    """G groups: their names (none where there is but one), the group of each of N rows, shares, and a lot for ties."""

    names: tuple[str, ...]
    of: NDArray[np.int64]
    shares: NDArray[np.float64]
    ties: NDArray[np.int64]

    def counts(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (G,) how many of some rows each group holds."""
        return np.bincount(self.of[rows], minlength=len(self.shares))


def _order(lot: NDArray[np.float64], groups: _Groups, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (N,) rows in the order to look at them: at random, each group by its share, thinned ones last."""
    late = np.where(lot < 1, 0, lot)
    shuffled = rng.permutation(len(lot))
    by_group = shuffled[np.lexsort((late[shuffled], groups.of[shuffled]))]
    of = groups.of[by_group]
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    place = np.arange(1, len(lot) + 1) - np.repeat(starts, np.diff(starts, append=len(lot)))
    shares = groups.shares[of]
    turn = np.divide(place, shares, out=np.full(len(lot), np.inf), where=shares > 0)
    return by_group[np.lexsort((place, turn, late[by_group]))]


def joined(chosen: Query, chance: Query) -> Query:
    """Join two queries, with a column that marks the second; what only one knows is NaN, -1 or "" for the other."""
    columns = {}
    for name in dict.fromkeys([*chosen.reasons, *chance.reasons]):
        known = [query.reasons[name] for query in (chosen, chance) if name in query.reasons]
        filler = {"f": np.nan, "i": -1, "u": 0, "b": False}.get(known[0].dtype.kind, "")
        parts = [query.reasons.get(name, np.full(len(query), filler)) for query in (chosen, chance)]
        columns[name] = np.concatenate(
            [part.astype(known[0].dtype) if part.dtype.kind != "U" else part for part in parts]
        )
    columns["random_slice"] = np.repeat([False, True], [len(chosen), len(chance)])
    return Query(np.concatenate([chosen.ids, chance.ids]), np.concatenate([chosen.scores, chance.scores]), columns)


def _in_groups(
    strategy: QueryStrategy,
    view: PoolView,
    rows: NDArray[np.int64],
    groups: _Groups,
    quotas: NDArray[np.int64],
    rng: np.random.Generator,
) -> Query:
    """Join a query for each group, in turns by rank, so that the beginning is shared out as the whole."""
    queries = [
        strategy.select(_only(view, rows[groups.of[rows] == group]), int(quotas[group]), rng)
        for group in np.flatnonzero(quotas)
    ]
    if len(queries) == 1:
        return queries[0]
    order = np.argsort(np.concatenate([(np.arange(len(one)) + 0.5) / len(one) for one in queries]), kind="stable")
    names = [name for name in queries[0].reasons if all(name in one.reasons for one in queries)]
    return Query(
        np.concatenate([one.ids for one in queries])[order],
        np.concatenate([one.scores for one in queries])[order],
        {name: np.concatenate([one.reasons[name] for one in queries])[order] for name in names},
    )


def _explained(query: Query, view: PoolView, exclusions: Exclusions, considered: int, groups: _Groups) -> Query:
    """Add what is known of its candidates to the query's table of reasons."""
    rows, reasons = np.searchsorted(view.ids, query.ids), dict(query.reasons)
    pairs = zip(reasons["reason"].tolist(), exclusions.reasons(rows), strict=True)
    reasons["reason"] = np.array(
        [
            f"{why}; chosen although it is {reason}, as too few others are left" if reason else why
            for why, reason in pairs
        ]
    )
    reasons["considered"] = np.full(len(rows), considered)
    if summary := exclusions.summary(len(rows)):
        reasons["left_out"] = np.full(len(rows), summary)
    if groups.names:
        reasons["group"] = np.array(groups.names)[groups.of[rows]]
    return replace(query, reasons=reasons)


def _only(view: PoolView, rows: NDArray[np.int64]) -> PoolView:
    """Return the view with some of its candidates; no copy where they are all of them."""
    if len(rows) == len(view):
        return view
    arrays = {name: getattr(view, name) for name in ("ids", "probs", "embeddings", "log_probs_nkc")}
    some: dict[str, Any] = {name: array[rows] for name, array in arrays.items() if array is not None}
    return replace(view, columns={name: column[rows] for name, column in view.columns.items()}, **some)


def _names(column: NDArray[Any]) -> NDArray[np.str_]:
    """Return values (N,) as names of groups: 3.0 is "3", whoever read the column."""
    if column.dtype.kind == "f" and (column == np.round(column)).all():
        column = column.astype(np.int64)
    return column.astype(np.str_)
