"""Recorded sessions, damaged: the parser gives messages or says that the protocol is broken, in bounded memory.

Damage is what a broken or hostile other side could do: streams that end, repeat, lose or change bytes, lengths that
lie, and text of a caller's choice in every place where the switch puts some.
"""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app.messages import ApiResponse, CommandReply, Event, Message
from esl_app.protocol import Parser
from faults import SwitchProtocolBroken
from tests.esl_app import captures, wire
from tests.esl_app.hostile import CALLERS, HOSTILE

FRAMES = {(frame.kind, frame.name, frame.subclass): frame.raw
          for name in captures.NAMES for frame in wire.frames(captures.read(name))}
"""One message of each sort in the recordings."""

CONNECT = next(wire.frames(captures.read("outbound_socket_session"))).raw
"""The answer to ``connect``: an event that stands in the outer block, beside the headers that frame it."""

CORPUS = sorted([*FRAMES.values(), CONNECT], key=len)
EVENT = FRAMES["text/event-plain", "CHANNEL_ANSWER", ""]


@dataclass(slots=True)
class Heard:
    """What a stream gave.

    Attributes:
        messages: in their order.
        broken: whether it ended as a violation.
        most: bytes that the parser kept at most.
    """

    messages: list[Message]
    broken: bool = False
    most: int = 0


def heard(data: bytes, pieces: Sequence[int]) -> Heard:
    """Feed a stream in pieces of these sizes, over and over, to its end or to its violation."""
    parser, found, at, turn = Parser(), Heard([]), 0, 0
    while at < len(data) and not found.broken:
        size = pieces[turn % len(pieces)]
        parser.receive_data(data[at:at + size])
        at, turn = at + size, turn + 1
        try:
            while (message := parser.next_message()) is not None:
                found.messages.append(message)
        except SwitchProtocolBroken:
            found.broken = True
        found.most = max(found.most, parser.buffered)
    return found


def whole(data: bytes) -> Heard:
    """The same in one piece."""
    return heard(data, [len(data) or 1])


def looked_at(messages: Sequence[Message]) -> None:
    """Do with messages all that the application does, down to an encoding for a database or a terminal."""
    for message in messages:
        repr(message)
        event = message.channel if isinstance(message, CommandReply) else message
        if isinstance(event, Event):
            "".join([*event.headers().values(), event.name, event.subclass, event.body, event.uuid or "",
                     event.boot or "", str(event.sequence), str(event.timestamp)]).encode()
        elif isinstance(message, CommandReply):
            message.text.encode()


def sessions() -> st.SearchStrategy[list[bytes]]:
    """Some messages of the recordings, in any order."""
    return st.lists(st.sampled_from(CORPUS), min_size=1, max_size=5)


PIECES = st.lists(st.integers(1, 5000), min_size=1, max_size=6)


@settings(deadline=None, max_examples=150)
@given(messages=sessions(), pieces=PIECES, data=st.data())
def test_a_stream_that_ends_anywhere_gives_what_was_complete(messages: list[bytes], pieces: list[int],
                                                           data: st.DataObject) -> None:
    stream = b"".join(messages)
    end = data.draw(st.integers(0, len(stream)))
    complete = 0
    while len(b"".join(messages[:complete + 1])) <= end and complete < len(messages):
        complete += 1
    found = heard(stream[:end], pieces)
    assert not found.broken
    assert found.messages == whole(b"".join(messages[:complete])).messages
    assert len(found.messages) == complete


@settings(deadline=None, max_examples=50)
@given(messages=sessions(), pieces=PIECES)
def test_what_comes_twice_is_heard_twice(messages: list[bytes], pieces: list[int]) -> None:
    once = whole(b"".join(messages)).messages
    assert heard(b"".join(message + message for message in messages), pieces).messages == [
        message for one in once for message in (one, one)]


@dataclass(frozen=True, slots=True)
class Damage:
    """From ``at`` (a share of the stream) ``removed`` bytes are replaced."""

    at: float
    removed: int
    inserted: bytes


DAMAGES = st.lists(st.builds(
    Damage, at=st.floats(0, 1), removed=st.integers(0, 40),
    inserted=st.binary(max_size=20) | st.sampled_from(
        [b"\n", b"\n\n", b":", b": ", b"\r\n", b"\0", b"\xff", b"\xc3", b"%", b"%0A", b"Content-Length: 7\n",
         b"Content-Length: 999999999999\n", b"Content-Length: -1\n", b"Content-Type: text/event-json\n",
         b"Content-Type: text/event-plain\n\n", b"Content-Type: auth/request\n\n"])), min_size=1, max_size=6)


def damaged(stream: bytes, damages: Sequence[Damage]) -> bytes:
    for damage in damages:
        at = int(damage.at * len(stream))
        stream = stream[:at] + damage.inserted + stream[at + damage.removed:]
    return stream


@settings(deadline=None, max_examples=250)
@given(messages=sessions(), damages=DAMAGES, pieces=PIECES)
def test_changed_bytes_end_as_messages_or_as_a_violation(messages: list[bytes], damages: list[Damage],
                                                         pieces: list[int]) -> None:
    stream = damaged(b"".join(messages), damages)
    found = heard(stream, pieces)
    looked_at(found.messages)
    same = whole(stream)
    assert (found.messages, found.broken) == (same.messages, same.broken)
    assert found.most <= len(stream)


@settings(deadline=None, max_examples=200)
@given(payload=st.binary(max_size=400), kind=st.sampled_from([b"plain", b"json"]), pieces=PIECES)
def test_an_event_of_any_bytes_ends_as_messages_or_as_a_violation(payload: bytes, kind: bytes,
                                                                 pieces: list[int]) -> None:
    looked_at(heard(b"Content-Type: text/event-%s\nContent-Length: 50\n\n%s" % (kind, payload), pieces).messages)


@settings(deadline=None, max_examples=200)
@given(messages=sessions(), which=st.integers(0, 4), length=st.integers(-5, 20_000) | st.sampled_from(
    ["", " ", "x", "0x10", "1e3", "+5", "٣", "1 2", "9" * 12, "9" * 13, "9" * 5000]), pieces=PIECES)
def test_a_length_that_lies_is_no_more_than_a_wrong_cut(messages: list[bytes], which: int, length: int | str,
                                                        pieces: list[int]) -> None:
    which %= len(messages)
    messages[which] = re.sub(rb"^(Content-Length: )[0-9]+$", rb"\g<1>" + str(length).encode().replace(b"\\", b""),
                             messages[which], count=1, flags=re.MULTILINE)
    stream = b"".join(messages)
    found = heard(stream, pieces)
    looked_at(found.messages)
    assert found.messages[:which] == whole(b"".join(messages[:which])).messages
    assert found.most <= len(stream)


@settings(deadline=None, max_examples=200)
@given(values=st.dictionaries(st.sampled_from(CALLERS), HOSTILE, min_size=1), body=HOSTILE, pieces=PIECES)
def test_no_text_of_a_callers_forges_a_header_or_a_message(values: dict[str, str], body: str,
                                                          pieces: list[int]) -> None:
    (frame,) = wire.frames(EVENT)
    headers = {**frame.fields, **values}
    found = heard(EVENT + wire.event(headers, body) + EVENT, pieces)
    assert not found.broken
    first, event, last = found.messages
    assert first == last == captures.parse(EVENT)[0]
    assert isinstance(event, Event)
    given_headers = {name.lower(): "" if value == "_undef_" else value for name, value in headers.items()}
    assert {name: value for name, value in event.headers().items() if name != "content-length"} == given_headers
    assert event.body == body


@settings(deadline=None, max_examples=100)
@given(text=HOSTILE, pieces=PIECES)
def test_no_text_in_an_answer_forges_a_message(text: str, pieces: list[int]) -> None:
    found = heard(EVENT + wire.api_response(text) + EVENT, pieces)
    assert [type(message) for message in found.messages] == [Event, ApiResponse, Event]
    answer = found.messages[1]
    assert isinstance(answer, ApiResponse)
    assert answer.body == text


@settings(deadline=None, max_examples=200)
@given(value=HOSTILE, pieces=PIECES)
def test_no_variable_forges_a_header_in_the_answer_to_connect(value: str, pieces: list[int]) -> None:
    line = wire.event({"variable_x": value}).partition(b"\n\n")[2].removesuffix(b"\n\n")
    found = heard(CONNECT.replace(b"\n", b"\n" + line + b"\n", 1) + EVENT, pieces)
    reply, event = found.messages
    assert isinstance(reply, CommandReply)
    assert reply.channel is not None
    (plain,) = captures.parse(CONNECT)
    assert isinstance(plain, CommandReply)
    assert plain.channel is not None
    assert reply.channel.headers() == plain.channel.headers() | {"variable_x": "" if value == "_undef_" else value}
    assert event == captures.parse(EVENT)[0]


@pytest.mark.parametrize("stream", [
    pytest.param(b"x" * 4000, id="a header without end"),
    pytest.param(b"\n" * 4000, id="blank lines only"),
    pytest.param(b"Content-Type: api/response\nContent-Length: 900\n\n" + b"x" * 899, id="a body without end"),
    pytest.param(b"Content-Type: api/response\nContent-Length: 999999999999\n\n" + b"x" * 4000, id="a length of a TB"),
    pytest.param(b"broken\n\n" + b"x" * 4000, id="what follows a violation"),
])
def test_no_more_is_kept_than_the_bounds_allow(stream: bytes) -> None:
    parser = Parser(largest_block=200, largest_body=1000)
    for at in range(0, len(stream), 10):
        parser.receive_data(stream[at:at + 10])
        with suppress(SwitchProtocolBroken):
            list(parser.messages())
        assert parser.buffered <= 1010


@pytest.mark.parametrize(("kind", "payload"), [
    ("text/event-plain", b"a: b\n" * 50 + b"\n"),
    ("text/event-plain", b"a: b\n" * 50),
    ("text/event-json", b'{"a": "' + b"b" * 250 + b'"}'),
])
def test_headers_of_an_event_have_the_bound_of_a_block(kind: str, payload: bytes) -> None:
    stream = f"Content-Type: {kind}\nContent-Length: {len(payload)}\n\n".encode() + payload
    parser = Parser(largest_block=200)
    parser.receive_data(stream)
    with pytest.raises(SwitchProtocolBroken):
        parser.next_message()
    assert len(captures.parse(stream)) == 1


def test_the_body_of_an_event_may_be_longer_than_its_headers() -> None:
    parser = Parser(largest_block=200)
    parser.receive_data(wire.event({"Event-Name": "BACKGROUND_JOB"}, "x" * 10_000))
    event = parser.next_message()
    assert isinstance(event, Event)
    assert event.body == "x" * 10_000


def test_a_message_full_of_tiny_headers_takes_a_bounded_share_of_memory() -> None:
    payload = "".join(f"{number:x}: \n" for number in range(1 << 17)).encode()[:(1 << 20) - 1] + b"\n\n"
    tracemalloc.start()
    try:
        messages = captures.parse(f"Content-Type: text/event-plain\nContent-Length: {len(payload)}\n\n".encode()
                                  + payload)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(messages) == 1
    assert kept < peak < 64 << 20


def test_the_way_to_a_message_copies_nothing_of_what_follows_it() -> None:
    """Or many messages in one piece would take a time that grows with the square of their number."""
    parser = Parser()
    parser.receive_data(b"\nContent-Type: auth/request\n\n" * 50_000)
    tracemalloc.start()
    try:
        for _ in range(20):
            assert parser.next_message() is not None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
