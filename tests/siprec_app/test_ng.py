"""rtpengine's ng protocol: what is sent can be read, and nothing that comes breaks the reader."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siprec_app.protocol import ng
from siprec_app.protocol.bencode import DEEPEST, decode, encode

VALUES = st.recursive(
    st.integers(-2**63, 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12)


@given(VALUES)
def test_what_was_written_is_read(value: object) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=200) | st.text(alphabet="dlie0123456789:-a", max_size=60).map(str.encode))
def test_any_bytes_are_a_value_or_none(data: bytes) -> None:
    with suppress(ValueError):
        decode(data)


@given(st.binary(max_size=200) | VALUES.map(lambda value: b"1 " + encode(value)))
def test_any_datagram_is_a_reply_or_none(data: bytes) -> None:
    found = ng.reply(data)
    if found is not None:
        ng.streams(found[1])
        ng.address(found[1])


@pytest.mark.parametrize("data", [
    b"", b"i", b"ie", b"i-e", b"i1", b"5:abcd", b"-1:", b"l", b"d", b"d1:ae", b"di1ei2ee", b"i1ei2e",
    b"99999999999999999999999:", b"l" * (DEEPEST + 1) + b"e" * (DEEPEST + 1), b"l" * 100_000])
def test_what_is_cut_or_nested_too_deep_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decode(data)


def test_a_request_has_its_cookie_in_front() -> None:
    assert ng.request("c", "delete", {"call-id": "x", "delete-delay": 0}) == (
        b"c d7:command6:delete7:call-id1:x12:delete-delayi0ee")
    assert ng.reply(b"c d6:result4:ponge") == ("c", {"result": "pong"})


def test_where_a_stream_is_stands_in_the_sdp() -> None:
    assert ng.address({"sdp": ng.sdp("127.0.0.1", 4000, "sendonly")}) == ("127.0.0.1", 4000)
    assert ng.address({"sdp": "m=audio 70000 RTP/AVP 0\r\nc=IN IP4 127.0.0.1"}) is None
    assert ng.address({}) is None
