"""Spans put together, and taken out of one another."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media.spans import merged, subtracted

SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8)


def moments(spans: list[tuple[int, int]]) -> set[int]:
    return {moment for low, high in spans for moment in range(low, high)}


@given(SPANS)
def test_merged_spans_hold_the_same_moments_in_order_and_apart(spans: list[tuple[int, int]]) -> None:
    found = merged(spans)
    assert moments(found) == moments(spans)
    assert all(before[1] < after[0] for before, after in pairwise(found))


@given(SPANS, SPANS)
def test_what_is_left_is_what_the_holes_do_not_hold(spans: list[tuple[int, int]], holes: list[tuple[int, int]]) -> None:
    left = [piece for span in merged(spans) for piece in subtracted(span, merged(holes))]
    assert moments(left) == moments(spans) - moments(holes)
