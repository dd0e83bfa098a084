"""What the bench makes of its numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Row, Spread, quantile, ratio_of, spread, table

POSITIVE = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 3.0), (0.25, 2.0), (0.9, 4.6), (1.0, 5.0)])
def test_a_quantile_lies_between_its_neighbours(share: float, value: float) -> None:
    assert quantile([5.0, 3.0, 1.0, 2.0, 4.0], share) == pytest.approx(value)


def test_of_one_value_every_quantile_is_that_value() -> None:
    assert [quantile([7.0], share) for share in (0.0, 0.5, 0.99, 1.0)] == [7.0] * 4


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_a_spread_is_the_median_between_the_extremes() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_a_ratio_is_as_wide_as_both_of_its_sides() -> None:
    assert ratio_of([2.0, 4.0], [1.0, 2.0]) == Spread(2.0, 1.0, 4.0)


@given(POSITIVE, POSITIVE)
def test_a_ratio_lies_within_its_own_spread(ours: list[float], theirs: list[float]) -> None:
    found = ratio_of(ours, theirs)
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)


@pytest.mark.parametrize(("kept", "verdict"), [(True, "kept"), (False, "MISSED"), (None, "")])
def test_a_bound_is_kept_or_missed_or_was_never_set(kept: bool | None, verdict: str) -> None:
    assert Row("what", "1 ms", kept=kept).verdict == verdict


def test_the_table_is_markdown_with_straight_columns() -> None:
    longer = Row("a longer one", "10 ms", "rival: 20 ms", Spread(0.5, 0.4, 0.6), "1", True)
    shown = table([Row("short", "1 ms"), longer])
    head, rule, first, second = shown.splitlines()
    assert [cell.strip() for cell in second.split("|")[1:-1]] == [
        "a longer one", "10 ms", "rival: 20 ms", "0.50 (0.40-0.60)", "1", "kept"]
    assert first.split("|")[1].strip() == "short"
    assert set(rule) == {"|", "-"}
    assert len({len(line) for line in (head, rule, first, second)}) == 1
