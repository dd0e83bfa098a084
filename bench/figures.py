"""Numbers into sentences: quantiles, a ratio with its spread, a row with its verdict, the table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Row", "Spread", "grid", "quantile", "ratio_of", "spread", "table"]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of them do not exceed, linearly between neighbours.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)


@dataclass(frozen=True, slots=True)
class Spread:
    """A value, and the least and the most that it may have been."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """``1.15 (1.10-1.21)``."""
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """The median of some values, the least and the greatest."""
    return Spread(median(values), min(values), max(values))


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """The ratio of two medians; at its ends the ratios of the extremes, so that noise shows as width."""
    return Spread(median(ours) / median(theirs), min(ours) / max(theirs), max(ours) / min(theirs))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes:
        value: with its unit.
        against: what it is compared with, and that one's value; "" where there is nothing.
        ratio: None where there is nothing to compare with.
        bound: in words; "" where none was set.
        kept: whether the bound was; None without one.
    """

    what: str
    value: str
    against: str = ""
    ratio: Spread | None = None
    bound: str = ""
    kept: bool | None = None

    @property
    def verdict(self) -> str:
        return {None: "", True: "kept", False: "MISSED"}[self.kept]

    def cells(self) -> tuple[str, ...]:
        """In the order of the table's heads."""
        return (self.what, self.value, self.against, "" if self.ratio is None else str(self.ratio), self.bound,
                self.verdict)


_HEADS = ("what", "value", "against", "ratio", "bound", "verdict")


def table(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    return grid([_HEADS, *(row.cells() for row in rows)])


def grid(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the heads first, as a Markdown table whose columns are aligned for the eye as well."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
               for line in lines]
    written.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(written)
