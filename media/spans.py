"""Stretches of time, in seconds or in samples, as pairs: where they begin, and where they end (not included)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

__all__ = ["Number", "merged", "subtracted"]

Number = TypeVar("Number", int, float)


def merged(spans: Iterable[tuple[Number, Number]]) -> list[tuple[Number, Number]]:
    """The same set of moments as spans in order that neither touch nor overlap."""
    found: list[tuple[Number, Number]] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def subtracted(span: tuple[Number, Number], holes: Iterable[tuple[Number, Number]]) -> list[tuple[Number, Number]]:
    """What is left of a span without the holes, which come in order and do not overlap."""
    low, high = span
    left: list[tuple[Number, Number]] = []
    for first, last in holes:
        left.append((low, min(first, high)))
        low = max(low, last)
    left.append((low, high))
    return [one for one in left if one[0] < one[1]]
