"""JSON's values as typed ones, and ours in a path or a query."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app import fields
from faults import SwitchProtocolBroken


@pytest.mark.parametrize(("text", "seconds"), [
    ("1970-01-01T00:00:00.000+0000", 0.0),
    ("2026-11-21T08:00:00.123+0000", 1795248000.123),
    ("2026-11-21T09:00:00.123+0100", 1795248000.123),
    ("2026-11-21T08:00:00+00:00", 1795248000.0),
])
def test_a_time_is_seconds_since_the_epoch(text: str, seconds: float) -> None:
    assert fields.instant(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-21T08:00:00.123", "2026-13-21T08:00:00+0000", 5, None])
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(SwitchProtocolBroken):
        fields.required({"at": text}, "at", fields.instant)


@pytest.mark.parametrize(("read", "value"), [
    (fields.text, 5), (fields.integer, "5"), (fields.integer, True), (fields.integer, 1.5), (fields.number, "1"),
    (fields.number, False), (fields.flag, 1), (fields.mapping, []), (fields.strings, {"a": 1}),
    (fields.many(fields.text), "text"), (fields.many(fields.text), ["a", 1]), (fields.one(dict), []),
])
def test_a_value_of_another_type_is_refused_without_showing_it(read: fields.Reader[object], value: object) -> None:
    with pytest.raises(SwitchProtocolBroken, match="field number is not") as raised:
        fields.required({"number": value}, "number", read)
    assert raised.value.details == {"field": "number"}


def test_a_missing_field_is_refused_where_it_is_needed() -> None:
    with pytest.raises(SwitchProtocolBroken, match="left out the field id"):
        fields.required({}, "id", fields.text)


@pytest.mark.parametrize("data", [{}, {"id": None}])
def test_an_optional_field_may_be_missing_or_null(data: dict[str, object]) -> None:
    assert fields.optional(data, "id", fields.text) is None


def test_a_query_has_no_none_and_lower_case_truth() -> None:
    asked = fields.query({"a": None, "b": True, "c": 0, "d": "", "e": ("x:", "y:")})
    assert asked == {"b": "true", "c": "0", "d": "", "e": "x:,y:"}


@settings(deadline=None)
@given(st.text(st.characters()))
def test_a_part_of_a_path_holds_nothing_that_ends_or_leaves_it(value: str) -> None:
    part = fields.part(value)
    assert part.isascii()
    assert not set(part) & set("/?#\\ \r\n\"'")
    assert not part or part.strip(".")
