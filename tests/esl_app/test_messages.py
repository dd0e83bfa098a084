"""Events as values: headers that cannot be forged, bodies, characters, and what another client makes of them."""

from __future__ import annotations

import json
from typing import Protocol, cast
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app.messages import ApiResponse, CommandReply, Event, json_event, parts, plain_event
from tests.esl_app import captures

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def plain(headers: dict[str, str], body: bytes = b"") -> bytes:
    """An event as FreeSWITCH writes it."""
    lines = [f"{name}: {quote(value, safe='') or '_undef_'}\n" for name, value in headers.items()]
    return "".join(lines).encode() + (b"Content-Length: %d\n\n" % len(body) + body if body else b"\n")


def test_an_event_of_a_real_call() -> None:
    event = next(item for item in captures.events("trunk_call_record_mask") if item.name == "CHANNEL_CREATE")
    assert event.uuid == "42fa6f73-966e-4950-b369-6cb297329a04"
    assert event.boot == "33e6365f-7e55-418d-bb01-5e678c5163d3"
    assert event.sequence == 138221
    assert event.timestamp == 1795232667.211020
    assert event.header("Caller-Caller-ID-Name") == "Trunk Caller"
    assert event.header("caller-ani") == "+15551230000"
    assert event.header("No-Such-Header") is None
    assert event.subclass == ""


def test_an_encoded_line_break_stays_inside_its_value() -> None:
    event = next(item for item in captures.events("trunk_call_record_mask") if item.name == "CHANNEL_CREATE")
    description = event.header("variable_switch_r_sdp") or ""
    assert description.startswith("v=0\r\no=trunk ")
    assert "v=0" not in event.headers()


@settings(deadline=None)
@given(value=TEXT)
def test_no_value_can_forge_a_header(value: str) -> None:
    headers = {"Event-Name": "CHANNEL_CREATE", "Caller-Caller-ID-Name": value + "\nUnique-ID: forged\n\nbody",
               "Call-Direction": "inbound"}
    event = plain_event(plain(headers))
    assert event.headers() == {name.lower(): text for name, text in headers.items()}
    assert event.body == ""


@pytest.mark.parametrize("separator", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_a_line_feed_ends_a_line(separator: str) -> None:
    payload = f"Event-Name: CUSTOM\nvariable_x: a{separator}Unique-ID: forged\n\n".encode()
    assert plain_event(payload).uuid is None


def test_the_first_of_two_headers_counts() -> None:
    assert plain_event(b"Unique-ID: first\nUnique-ID: second\n\n").uuid == "first"


def test_the_first_of_two_headers_counts_in_json_too() -> None:
    assert json_event(b'{"Unique-ID": "first", "Unique-ID": "second"}').uuid == "first"


def test_an_empty_value_is_empty_and_not_undef() -> None:
    event = plain_event(plain({"Event-Name": "CUSTOM", "Caller-Caller-ID-Name": ""}))
    assert event.header("Caller-Caller-ID-Name") == ""


def test_a_plus_sign_stays_a_plus_sign() -> None:
    assert plain_event(b"Caller-ANI: +1%2B2\n\n").header("Caller-ANI") == "+1+2"


def test_a_percent_sign_is_decoded_once() -> None:
    assert plain_event(b"variable_x: %2541\n\n").header("variable_x") == "%41"


def test_a_broken_escape_stays_as_it_is() -> None:
    assert plain_event(b"variable_x: 100%zz%4\n\n").header("variable_x") == "100%zz%4"


@pytest.mark.parametrize("payload", [b"variable_x: caf%C3\n\n", b"variable_x: caf\xc3\n\n"])
def test_what_is_not_utf8_becomes_a_replacement_character(payload: bytes) -> None:
    assert plain_event(payload).header("variable_x") == "caf\ufffd"


@pytest.mark.parametrize("payload", [b'{"a": "x\\ud800y"}', b'{"a": "x\xffy"}'])
def test_json_cannot_bring_in_what_no_encoding_has(payload: bytes) -> None:
    assert json_event(payload).header("a") == "x\ufffdy"


def test_a_body_is_cut_by_its_own_length() -> None:
    assert plain_event(b"Event-Name: CUSTOM\nContent-Length: 4\n\nbodyrest").body == "body"


def test_a_length_counts_bytes() -> None:
    assert plain_event("Event-Name: CUSTOM\nContent-Length: 5\n\ncafé".encode()).body == "café"


@pytest.mark.parametrize("length", ["99999999999", "9" * 5000, "-1", "x", "٣"])
def test_a_length_inside_an_event_is_not_trusted(length: str) -> None:
    payload = f"Event-Name: CUSTOM\nContent-Length: {length}\n\nbody".encode()
    assert plain_event(payload).body in {"body", ""}


def test_the_switchs_own_length_comes_last_and_counts() -> None:
    payload = b"Event-Name: CUSTOM\ncontent-length: 1\nContent-Length: 4\n\nbody"
    assert plain_event(payload).body == "body"


def test_the_text_of_a_custom_event_is_its_body() -> None:
    event = captures.events("custom_recorder_pause")[1]
    assert event.subclass == "recorder::pause"
    assert json.loads(event.body) == {"reason": "pci", "note": "café 100% a: b"}


def test_a_jobs_answer_with_colons_stays_a_body() -> None:
    event = captures.events("custom_recorder_pause")[-1]
    assert event.name == "BACKGROUND_JOB"
    assert event.header("Job-UUID") == "0a2a0292-4536-42ac-9a47-046b95fea20d"
    assert event.body.startswith("UP 0 years, ")
    assert event.body.endswith("Current Stack Size/Max 240K/8192K\n")
    job = plain_event(b"Event-Name: BACKGROUND_JOB\nContent-Length: 21\n\nUnique-ID: 1\n\nName: x")
    assert (job.uuid, job.body) == (None, "Unique-ID: 1\n\nName: x")


def test_json_events_are_the_plain_ones() -> None:
    events = captures.events("trunk_call_json_events")
    assert [event.name for event in events].count("CHANNEL_ANSWER") == 2
    assert events[0].header("Caller-Caller-ID-Number") == "+15551230000"
    assert (events[0].header("variable_switch_r_sdp") or "").startswith("v=0\r\no=trunk ")


def test_json_events_have_bodies() -> None:
    event = json_event(b'{"Event-Name": "CUSTOM", "Content-Length": "4", "_body": "body", "n": 1, "l": ["a", "b"]}')
    assert event.body == "body"
    assert event.headers() == {"event-name": "CUSTOM", "content-length": "4", "l": "ARRAY::a|:b"}


def test_a_header_set_several_times_has_parts() -> None:
    values = {event.header("variable_dialed_extension") or event.header("variable_DIALSTATUS") or ""
              for event in captures.events("blind_transfer_bleg_recording_follow")}
    assert values
    assert parts("ARRAY::5003|:03") == ("5003", "03")
    assert parts("5003") == ("5003",)


@pytest.mark.parametrize("value", ["", "x", "-1", "٣", "9" * 5000, "1.5"])
def test_a_sequence_that_is_no_number_is_none(value: str) -> None:
    event = plain_event(plain({"Event-Name": "CUSTOM", "Event-Sequence": value, "Event-Date-Timestamp": value}))
    assert (event.sequence, event.timestamp) == (None, None)


def test_no_repr_shows_what_a_caller_typed() -> None:
    event = plain_event(plain({"Event-Name": "DTMF", "DTMF-Digit": "4111"}, b"4111"))
    for item in (event, CommandReply(text="4111", channel=event), ApiResponse(body="4111")):
        assert "4111" not in repr(item)


class OtherEvent(Protocol):
    """What greenswitch makes of an event."""

    headers: dict[str, str]


@pytest.mark.parametrize("name", [name for name in captures.NAMES if name != "trunk_call_json_events"])
def test_greenswitch_reads_the_same_headers_where_it_is_right(name: str) -> None:
    """It decodes before it splits: values with line breaks, and bodies, are where it goes wrong."""
    from greenswitch.esl import ESLEvent

    compared = 0
    for event in captures.events(name):
        if event.body:
            continue
        payload = "".join(f"{key}: {value}\n" for key, value in event.fields.items())
        theirs = cast(OtherEvent, ESLEvent(payload)).headers
        ours = event.headers()
        broken = {key for key, value in ours.items() if "\n" in value or value != value.strip()}
        for key in ours.keys() - broken:
            assert theirs[key] == ours[key]
            compared += 1
    assert compared > 50


def test_greenswitch_forges_a_header_where_we_do_not() -> None:
    from greenswitch.esl import ESLEvent

    payload = plain({"Unique-ID": "real", "Caller-Caller-ID-Name": "x\nUnique-ID: forged"})
    assert cast(OtherEvent, ESLEvent(payload.decode())).headers["Unique-ID"] == "forged"
    assert plain_event(payload).uuid == "real"


def test_headers_are_a_copy() -> None:
    event = plain_event(b"Event-Name: CUSTOM\n\n")
    event.headers()["event-name"] = "OTHER"
    assert event == Event(fields={"event-name": "CUSTOM"}, quoted=True)
