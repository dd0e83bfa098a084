"""Messages on a stream, in whatever pieces it comes."""

from __future__ import annotations

import pytest

from faults import RecordingServerProtocolBroken
from siprec_app.framing import PING, Framer
from tests.siprec_app.test_message import invite

ONE, TWO = invite("Content-Length: 4", body="body"), invite("l : 0")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100, 10_000])
def test_messages_are_found_whatever_the_pieces_are(size: int) -> None:
    stream = ONE + TWO + b"\r\n\r\n" + ONE + b"\r\n" + TWO
    framer = Framer()
    found = [frame for start in range(0, len(stream), size) for frame in framer.feed(stream[start:start + size])]
    assert found == [ONE, TWO, ONE, TWO]
    assert framer.pings == 1


def test_one_line_end_is_no_question() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n") == []
    assert framer.pings == 0
    assert framer.feed(b"\r\n") == []
    assert framer.pings == 1


def test_an_answer_to_our_own_question_and_a_message() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n" + ONE) == [ONE]
    assert framer.pings == 0


def test_many_questions_at_once_take_no_room() -> None:
    framer = Framer()
    framer.feed(PING * 100_000)
    assert framer.pings == 100_000
    assert framer.feed(ONE) == [ONE]


def test_a_body_may_hold_what_looks_like_a_message() -> None:
    body = (ONE + PING + TWO).decode()
    whole = invite(f"Content-Length: {len(body)}", body=body)
    assert Framer().feed(whole + ONE) == [whole, ONE]


def test_a_message_without_a_length_has_no_body() -> None:
    assert Framer().feed(invite() + ONE) == [invite(), ONE]


def test_a_folded_length_is_a_length() -> None:
    whole = invite("Content-Length:", "  4", body="body")
    assert Framer().feed(whole) == [whole]


@pytest.mark.parametrize("data", [
    invite("Content-Length: -4"), invite("Content-Length: four"), invite("Content-Length: 4", "Content-Length: 5"),
    invite("Content-Length: 99999999"), b"x" * 100_000, b"INVITE\r\n" * 20_000, invite("X: " + "y" * 50_000),
], ids=["below zero", "no number", "two", "beyond all", "no end", "no blank line", "too long"])
def test_a_stream_that_is_lost_is_a_fault(data: bytes) -> None:
    framer = Framer()
    pieces = [data[start:start + 4096] for start in range(0, len(data), 4096)]
    with pytest.raises(RecordingServerProtocolBroken):
        any(map(framer.feed, pieces))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_a_line_end_too_many_does_not_hide_what_asks_for_a_sign_of_life(size: int) -> None:
    framer, data = Framer(), b"\n\r\n\r\n\r\r\n\r\n"
    for start in range(0, len(data), size):
        assert framer.feed(data[start:start + size]) == []
    assert framer.pings == 2
