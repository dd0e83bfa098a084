"""Every event, effect and call survives its way through JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults import JournalInvalid
from recorder import records
from recorder.effects import EFFECTS, Effect, Mark, Release
from recorder.events import EVENTS, CallEvent, LegGone, SwitchUp
from recorder.model import Call
from recorder.snapshot import Snapshot

GENEROUS = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
VARIABLES = st.dictionaries(st.text(), st.text(), max_size=3)
LOOKED = st.builds(SwitchUp, snapshot=st.builds(Snapshot, read=st.dictionaries(st.text(), st.integers(), max_size=3)))
TOLD: list[st.SearchStrategy[Effect]] = [st.builds(kind, variables=VARIABLES) for kind in (Mark, Release)]


def through_json(record: records.Record) -> records.Record:
    read: records.Record = json.loads(json.dumps(record))
    return read


def comparable(value: object) -> bool:
    """NaN is unequal to itself; no clock and no counter gives it."""
    return "nan" not in repr(value)


@GENEROUS
@given(st.one_of([st.from_type(kind) for kind in EVENTS if kind is not SwitchUp] + [LOOKED]).filter(comparable))
def test_an_event_comes_back_as_it_was(event: CallEvent) -> None:
    assert records.event(through_json(records.of_event(event))) == event


@GENEROUS
@given(st.one_of([st.from_type(kind) for kind in EFFECTS if kind not in (Mark, Release)] + TOLD).filter(comparable))
def test_an_effect_comes_back_as_it_was(effect: Effect) -> None:
    assert records.effect(through_json(records.of_effect(effect))) == effect


@settings(GENEROUS, max_examples=20)
@given(st.from_type(Call).filter(comparable))
def test_a_call_comes_back_as_it_was(call: Call) -> None:
    assert records.call(through_json(records.of_call(call))) == call


@pytest.mark.parametrize("record", [
    {}, {"type": "Reply"}, {"type": "Nothing"}, {"type": "LegGone", "switch": "main", "at": "soon", "leg": "x"},
    {"type": "LegGone", "switch": "main", "at": 1.0},
])
def test_what_is_no_event_is_refused(record: records.Record) -> None:
    with pytest.raises(JournalInvalid):
        records.event(record)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    event = LegGone(switch="main", at=1.0, leg="x")
    assert records.event({**records.of_event(event), "mood": "good"}) == event
