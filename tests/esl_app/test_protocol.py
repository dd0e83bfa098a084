"""The event socket's framing: real sessions, any chunking, hostile bytes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app.messages import (
    ApiResponse,
    AuthRequest,
    CommandReply,
    DisconnectNotice,
    Event,
    LogLine,
    Message,
    RudeRejection,
    Unknown,
)
from esl_app.protocol import Parser
from faults import SwitchProtocolBroken
from tests.esl_app import captures

SMALL = captures.read("custom_recorder_pause")
SESSIONS = {name: captures.read(name) for name in captures.NAMES}


def fed(data: bytes, pieces: list[int]) -> list[Message]:
    """The messages when the data arrives in pieces of these sizes, over and over."""
    parser, at, turn = Parser(), 0, 0
    messages: list[Message] = []
    while at < len(data):
        size = pieces[turn % len(pieces)]
        parser.receive_data(data[at:at + size])
        messages += parser.messages()
        at, turn = at + size, turn + 1
    return messages


def message(data: bytes) -> Message:
    """The only message of the data."""
    (only,) = captures.parse(data)
    return only


@pytest.mark.parametrize(("name", "expected"), [
    ("blind_transfer_bleg_recording_follow", {"Event": 91, "CommandReply": 2, "ApiResponse": 2, "AuthRequest": 1}),
    ("blind_transfer_refer", {"Event": 85, "CommandReply": 2, "ApiResponse": 2, "AuthRequest": 1}),
    ("conference_3_members_record", {"Event": 116, "CommandReply": 2, "ApiResponse": 5, "AuthRequest": 1}),
    ("custom_recorder_pause", {"Event": 8, "CommandReply": 3, "AuthRequest": 1}),
    ("fs_shutdown_with_recording", {"Event": 179, "CommandReply": 2, "AuthRequest": 1, "DisconnectNotice": 1}),
    ("outbound_socket_session", {"Event": 16, "CommandReply": 6, "DisconnectNotice": 1}),
    ("trunk_call_json_events", {"Event": 16, "CommandReply": 2, "ApiResponse": 1, "AuthRequest": 1}),
    ("trunk_call_record_mask", {"Event": 58, "CommandReply": 2, "ApiResponse": 3, "AuthRequest": 1}),
])
def test_a_real_session_is_read_to_its_last_byte(name: str, expected: dict[str, int]) -> None:
    parser = Parser()
    parser.receive_data(SESSIONS[name])
    assert Counter(type(item).__name__ for item in parser.messages()) == expected
    assert parser.between_messages


def test_the_order_of_a_session_is_kept() -> None:
    first = captures.parse(SMALL)[:4]
    assert [type(item) for item in first] == [AuthRequest, CommandReply, CommandReply, Event]


@pytest.mark.parametrize("name", captures.NAMES)
def test_a_session_that_arrives_in_segments_gives_the_same_messages(name: str) -> None:
    assert fed(SESSIONS[name], [1448, 1, 4096, 7]) == captures.parse(SESSIONS[name])


@settings(deadline=None)
@given(pieces=st.lists(st.integers(1, 2000), min_size=1, max_size=40))
def test_any_split_gives_the_same_messages(pieces: list[int]) -> None:
    assert fed(SMALL, pieces) == captures.parse(SMALL)


def test_a_character_split_between_two_segments_is_whole() -> None:
    at = SMALL.index("é".encode()) + 1
    parser = Parser()
    parser.receive_data(SMALL[:at])
    messages = list(parser.messages())
    parser.receive_data(SMALL[at:])
    messages += parser.messages()
    assert messages == captures.parse(SMALL)


def test_one_unfinished_message_is_all_that_is_kept() -> None:
    parser = Parser()
    longest = 0
    for at in range(0, len(SESSIONS["fs_shutdown_with_recording"]), 1000):
        parser.receive_data(SESSIONS["fs_shutdown_with_recording"][at:at + 1000])
        list(parser.messages())
        longest = max(longest, parser.buffered)
    assert 0 < longest < 20_000


def test_a_stream_cut_in_a_body_is_not_between_messages() -> None:
    parser = Parser()
    parser.receive_data(b"Content-Type: api/response\nContent-Length: 4\n\n")
    assert list(parser.messages()) == []
    assert not parser.between_messages


def test_the_answer_to_connect_carries_the_channel() -> None:
    reply = captures.parse(SESSIONS["outbound_socket_session"])[0]
    assert isinstance(reply, CommandReply)
    assert reply.text == "+OK"
    assert reply.channel is not None
    assert reply.channel.uuid == "097fb92a-3f08-4c30-84ed-65b6ca8cf52d"
    assert reply.channel.header("variable_sip_from_uri") == "0000000000@127.0.0.1"


def test_a_reply_that_is_no_event_is_not_percent_decoded() -> None:
    reply = message(b"Content-Type: command/reply\nReply-Text: -ERR no such thing [a%0Ab]\n\n")
    assert isinstance(reply, CommandReply)
    assert (reply.text, reply.ok, reply.channel) == ("-ERR no such thing [a%0Ab]", False, None)


def test_a_background_command_is_answered_with_its_job() -> None:
    replies = [item for item in captures.parse(SMALL) if isinstance(item, CommandReply)]
    assert [reply.job for reply in replies] == [None, None, "0a2a0292-4536-42ac-9a47-046b95fea20d"]


def test_an_api_response_keeps_its_text() -> None:
    bodies = [item.body for item in captures.parse(SESSIONS["conference_3_members_record"])
              if isinstance(item, ApiResponse)]
    assert bodies[3] == "stop <[current|all|async|last]> [<member_id>]"
    assert bodies[4].endswith("\n+OK Stopped recording 0 files\n")


def test_a_shutdown_is_announced() -> None:
    last = captures.parse(SESSIONS["fs_shutdown_with_recording"])[-1]
    assert last == DisconnectNotice(linger=False, text="The system is being shut down.\n")


def test_a_lingering_socket_is_announced() -> None:
    assert captures.parse(SESSIONS["outbound_socket_session"])[-1] == DisconnectNotice(linger=True, text="")


def test_a_rejection_by_the_access_list_is_read() -> None:
    data = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
    assert message(data) == RudeRejection(text="Access Denied, go away.\n")


def test_a_log_line_has_its_level() -> None:
    data = b"Content-Type: log/data\nContent-Length: 4\nLog-Level: 4\nText-Channel: 0\n\nwarn"
    assert message(data) == LogLine(level=4, text="warn")


def test_an_unknown_content_type_stops_nothing() -> None:
    first, second = captures.parse(b"Content-Type: text/event-xml\nContent-Length: 4\n\n<e/>"
                                   b"Content-Type: auth/request\n\n")
    assert (first, second) == (Unknown(content_type="text/event-xml", body=b"<e/>"), AuthRequest())


def test_blank_lines_between_messages_say_nothing() -> None:
    assert captures.parse(b"\n\n\nContent-Type: auth/request\n\n\n") == [AuthRequest()]


@pytest.mark.parametrize("data", [
    pytest.param(b"HTTP/1.1 400 Bad Request\n\n", id="another protocol"),
    pytest.param(b"Content-Type: api/response\nno colon here\n\n", id="a line without a name"),
    pytest.param(b"Content-Length: 3\n\nabc", id="no content type"),
    pytest.param(b"Content-Type: api/response\nContent-Length: -1\n\n", id="a negative length"),
    pytest.param(b"Content-Type: api/response\nContent-Length: 0x10\n\n", id="a hexadecimal length"),
    pytest.param(b"Content-Type: api/response\nContent-Length: \xd9\xa3\n\n", id="an arabic digit"),
    pytest.param(b"Content-Type: api/response\nContent-Length: " + b"9" * 5000 + b"\n\n", id="a length of 5000 digits"),
    pytest.param(b"Content-Type: api/response\nContent-Length: 3\nContent-Length: 4\n\nabcd", id="two lengths"),
    pytest.param(b"Content-Type: text/event-json\nContent-Length: 3\n\nabc", id="no json"),
    pytest.param(b"Content-Type: text/event-json\nContent-Length: 2\n\n[]", id="json that is no object"),
    pytest.param(b"Content-Type: text/event-json\nContent-Length: 200000\n\n" + b"[" * 200_000, id="deep json"),
])
def test_what_is_not_the_protocol_breaks_the_connection(data: bytes) -> None:
    parser = Parser()
    parser.receive_data(data)
    with pytest.raises(SwitchProtocolBroken):
        list(parser.messages())


def test_after_a_violation_nothing_more_is_read() -> None:
    parser = Parser()
    parser.receive_data(b"no name\n\nContent-Type: auth/request\n\n")
    with pytest.raises(SwitchProtocolBroken):
        parser.next_message()
    parser.receive_data(b"Content-Type: auth/request\n\n")
    with pytest.raises(SwitchProtocolBroken):
        parser.next_message()


def test_messages_before_a_violation_are_delivered() -> None:
    parser = Parser()
    parser.receive_data(b"Content-Type: auth/request\n\nno name\n\n")
    assert parser.next_message() == AuthRequest()
    with pytest.raises(SwitchProtocolBroken):
        parser.next_message()


def test_a_body_beyond_the_bound_is_refused_before_it_arrives() -> None:
    parser = Parser(largest_body=100)
    parser.receive_data(b"Content-Type: api/response\nContent-Length: 101\n\n")
    with pytest.raises(SwitchProtocolBroken):
        parser.next_message()


def test_a_body_of_the_largest_size_is_read() -> None:
    parser = Parser(largest_body=100)
    parser.receive_data(b"Content-Type: api/response\nContent-Length: 100\n\n" + b"x" * 100)
    assert parser.next_message() == ApiResponse(body="x" * 100)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_header_block_without_end_is_refused(piece: int) -> None:
    parser = Parser(largest_block=200)
    for at in range(0, 202, piece):
        parser.receive_data((b"x" * 202)[at:at + piece])
        if at + piece < 202:
            assert parser.next_message() is None
    with pytest.raises(SwitchProtocolBroken):
        parser.next_message()


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_a_header_block_of_the_largest_size_is_read_in_any_pieces(piece: int) -> None:
    block = b"Content-Type: auth/request\nX: "
    block += b"x" * (200 - len(block))
    parser = Parser(largest_block=200)
    messages: list[Message] = []
    for at in range(0, 202, piece):
        parser.receive_data((block + b"\n\n")[at:at + piece])
        messages += parser.messages()
    assert messages == [AuthRequest()]
