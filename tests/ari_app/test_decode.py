"""Frames of the WebSocket as events."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.decode import decode
from ari_app.generated.events import (
    EVENTS,
    ChannelDestroyed,
    ChannelEnteredBridge,
    ChannelUserevent,
    ChannelVarset,
    Dial,
    Event,
    StasisStart,
)
from faults import SwitchProtocolBroken
from tests.ari_app.fake_asterisk import CHANNEL, event


def varset(variable: str, **more: object) -> str:
    """As Asterisk writes it: the variable comes first."""
    data = {"variable": variable, "value": "1234", **json.loads(event("ChannelVarset")), **more}
    return json.dumps(data, separators=(",", ":"))


def test_an_event_has_its_time_and_its_objects() -> None:
    decoded = decode(event("ChannelDestroyed", cause=16, cause_txt="Normal Clearing", channel={
        **CHANNEL, "channelvars": {"RTPAUDIOQOS": "rxcount=151"}}))
    assert isinstance(decoded, ChannelDestroyed)
    assert (decoded.timestamp, decoded.cause, decoded.channel.id) == (1795248000.5, 16, "1.1")
    assert decoded.channel.channelvars == {"RTPAUDIOQOS": "rxcount=151"}
    assert decoded.tech_cause is None


def test_bytes_and_text_decode_alike() -> None:
    frame = event("ChannelHold", channel=CHANNEL, musicclass="default")
    assert decode(frame.encode()) == decode(frame)


def test_arguments_come_as_a_tuple() -> None:
    decoded = decode(event("StasisStart", channel=CHANNEL, args=["a", "b"]))
    assert isinstance(decoded, StasisStart)
    assert decoded.args == ("a", "b")


def test_a_missing_optional_object_is_none() -> None:
    decoded = decode(event("Dial", peer=CHANNEL, dialstatus="ANSWER"))
    assert isinstance(decoded, Dial)
    assert decoded.caller is None


def test_unknown_fields_are_passed_over() -> None:
    decoded = decode(event("StasisEnd", channel={**CHANNEL, "colour": "red"}, invented=[{}]))
    assert decoded is not None


@pytest.mark.parametrize("kind", ["ChannelDialplan", "MissingParams", "InventedTomorrow", ""])
def test_an_event_that_nobody_listens_to_is_none(kind: str) -> None:
    assert decode(json.dumps({"type": kind})) is None


@pytest.mark.parametrize("variable", ["RECORDER_PAUSE", "RTPAUDIOQOS"])
def test_a_variable_that_matters_is_an_event(variable: str) -> None:
    decoded = decode(varset(variable))
    assert isinstance(decoded, ChannelVarset)
    assert (decoded.variable, decoded.channel) == (variable, None)


@pytest.mark.parametrize("variable", ["PIN", "RTPAUDIOQOSLOSS", "recorder_pause", ""])
@pytest.mark.parametrize("more", [{}, {"channel": "no channel at all"}])
def test_another_variable_is_none(variable: str, more: dict[str, object]) -> None:
    assert decode(varset(variable, **more)) is None


def test_another_variable_is_not_even_parsed() -> None:
    unparsable = varset("PIN")[:-1]
    assert decode(unparsable) is None
    assert decode(unparsable.encode()) is None


def test_another_variable_is_none_however_asterisk_writes_it() -> None:
    assert decode(json.dumps(json.loads(varset("PIN")), indent=2, sort_keys=True)) is None


def test_a_value_cannot_pass_for_another_event() -> None:
    forged = '{"variable":"PIN","type":"ChannelVarset"}'
    decoded = decode(event("ChannelUserevent", eventname=forged, userevent={"eventname": forged}))
    assert isinstance(decoded, ChannelUserevent)


@pytest.mark.parametrize("frame", [
    "", "{", "[]", "null", '"text"', "{}", '{"type":5}', b"\xff\xfe", b"\x00", "[" * 100_000,
    event("ChannelDestroyed"), event("ChannelDestroyed", cause="16", cause_txt="", channel=CHANNEL),
    event("StasisEnd", channel={}), event("StasisEnd", channel=[]), event("StasisStart", channel=CHANNEL, args="a"),
    event("StasisEnd", channel={**CHANNEL, "channelvars": {"a": 1}}),
    json.dumps({"type": "StasisEnd", "application": "a", "timestamp": "now", "channel": CHANNEL}),
])
def test_a_malformed_frame_is_a_fault(frame: bytes | str) -> None:
    with pytest.raises(SwitchProtocolBroken):
        decode(frame)


def test_digits_reach_neither_a_fault_nor_a_repr() -> None:
    decoded = decode(varset("RECORDER_PIN"))
    assert "1234" not in repr(decoded)
    with pytest.raises(SwitchProtocolBroken) as raised:
        decode('{"variable":"RECORDER_PIN","value":"1234"')
    assert "1234" not in str(raised.value)
    assert "1234" not in str(raised.value.details)


def test_a_channel_may_be_missing_from_an_entered_bridge() -> None:
    bridge = {"id": "b", "technology": "simple_bridge", "bridge_type": "mixing", "bridge_class": "basic", "name": "",
              "creator": "", "channels": ["1.1"], "creationtime": "2026-11-21T08:00:00.000+0000"}
    decoded = decode(event("ChannelEnteredBridge", bridge=bridge))
    assert isinstance(decoded, ChannelEnteredBridge)
    assert decoded.bridge.channels == ("1.1",)


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3)
                     | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8)
_KEYS = st.sampled_from(["type", "application", "timestamp", "channel", "bridge", "recording", "cause", "variable"])
_OBJECTS = st.dictionaries(_KEYS, _JSON | st.sampled_from([*EVENTS, dict(CHANNEL)]))


@settings(deadline=None)
@given(st.binary() | _OBJECTS.map(lambda data: json.dumps(data).encode()))
def test_whatever_comes_is_an_event_nothing_or_our_fault(frame: bytes) -> None:
    with suppress(SwitchProtocolBroken):
        assert isinstance(decode(frame), Event | None)
