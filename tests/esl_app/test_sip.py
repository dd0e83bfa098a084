"""The little SIP of the answerer: what is a request to it, and what a response takes over."""

from __future__ import annotations

import random

import pytest

from esl_app import sip
from recorder.ports import RtpAddress
from tests.sip import Message, media_of

NUMBER = "8774d14e4f2cd5b1"
OFFER = "v=0\r\no=FreeSWITCH 1 2 IN IP4 127.0.0.1\r\nm=audio 14004 RTP/AVP 0\r\na=sendonly\r\n"


def said(method: str = "INVITE", *, number: str = NUMBER, call_id: str = "ff0df90e", body: str = OFFER,
         more: str = "Supported: timer, path, replaces\r\n") -> bytes:
    """A request as FreeSWITCH 1.11 writes it."""
    content = "Content-Type: application/sdp\r\nContent-Disposition: session\r\n" if body else ""
    return (f"{method} sip:{number}@127.0.0.1:44342 SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 127.0.0.1:23676;rport;branch=z9hG4bKt5jgSyvZQ4Xtp\r\nMax-Forwards: 70\r\n"
            'From: "Phonograph" <sip:phonograph@127.0.0.1>;tag=UN9a40QQ3aj4g\r\n'
            f"To: <sip:{number}@127.0.0.1:44342>\r\nCall-ID: {call_id}\r\nCSeq: 123432403 {method}\r\n"
            f"Contact: <sip:mod_sofia@127.0.0.1:23676>\r\n{more}{content}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()


def read(data: bytes) -> sip.Request:
    found = sip.request(data)
    assert found is not None
    return found


def test_of_a_request_its_method_number_and_dialog_are_known() -> None:
    found = read(said())
    assert (found.method, found.user, found.call_id, found.offers, found.timers) == (
        "INVITE", NUMBER, "ff0df90e", True, True)
    found = read(said("BYE", body="", more=""))
    assert (found.method, found.offers, found.timers) == ("BYE", False, False)


def test_a_response_has_what_its_request_is_known_by_and_a_tag_of_ours() -> None:
    request, response = Message.parse(said()), Message.parse(sip.response(read(said()), "200 OK", tag="ours"))
    assert response.start == "SIP/2.0 200 OK"
    for name in ("Via", "From", "Call-ID", "CSeq"):
        assert response.all(name) == request.all(name)
    assert response.get("To") == request.get("To") + ";tag=ours"
    assert response.get("Content-Length") == "0"


def test_the_tag_of_a_dialog_stays() -> None:
    again = said("BYE", body="").replace(b"44342>\r\nCall-ID", b"44342>;tag=first\r\nCall-ID")
    assert Message.parse(sip.response(read(again), "200 OK", tag="ours")).get("To").endswith(">;tag=first")


def test_every_via_goes_back_in_order() -> None:
    two = said().replace(b"Max-Forwards", b"Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKx\r\nMax-Forwards")
    assert Message.parse(sip.response(read(two), "200 OK", tag="t")).all("Via") == Message.parse(two).all("Via")


@pytest.mark.parametrize(("codec", "host"), [("PCMU", "127.0.0.1"), ("PCMA", "127.0.0.9")])
def test_the_answer_names_where_the_audio_is_received(codec: str, host: str) -> None:
    sdp = sip.answer(RtpAddress(host, 20_002), codec)
    media = media_of(sdp)
    assert media is not None
    assert media.address == (host, 20_002)
    assert sip.PAYLOAD_TYPES[codec] == {"PCMU": 0, "PCMA": 8}[codec]
    assert f"m=audio 20002 RTP/AVP {sip.PAYLOAD_TYPES[codec]}\r\n" in sdp
    assert "a=recvonly\r\n" in sdp


def test_an_address_of_ipv6_is_said_to_be_one() -> None:
    assert "c=IN IP6 ::1\r\n" in sip.answer(RtpAddress("::1", 20_002), "PCMU")


@pytest.mark.parametrize(("old", "new"), [
    (b"INVITE sip:", b"INVITE sips:"), (b" SIP/2.0\r\n", b" SIP/3.0\r\n"), (b"INVITE", b"invite"),
    (b"Call-ID: ff0df90e\r\n", b""), (b"Via:", b"Wia:"), (b"CSeq: 123432403 INVITE", b"CSeq: 123432403 BYE"),
    (b"Max-Forwards: 70\r\n", b"From: <sip:a@b>;tag=1\r\n"), (b"Max-Forwards", b"Max Forwards"),
    (b"Max-Forwards: 70\r\n", b"Subject: a\r\n b\r\n"), (b"ff0df90e", b"ff\n0df90e"), (b"ff0df90e", b"ff\x000df90e"),
    (b"ff0df90e", b"ff\xff0df90e"), (b"INVITE sip:", b"SIP/2.0 200 OK "),
])
def test_what_freeswitch_does_not_write_is_no_request(old: bytes, new: bytes) -> None:
    assert old in said()
    assert sip.request(said().replace(old, new, 1)) is None


def test_random_damage_raises_nothing_and_no_response_has_a_line_more() -> None:
    draw = random.Random(7)
    whole, responses = said(), 0
    for _ in range(5_000):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        found = sip.request(bytes(damaged))
        if found is not None:
            response = sip.response(found, "200 OK", tag="ours")
            assert response.count(b"\n") == response.count(b"\r\n") == len(found.back) + 3
            responses += 1
    assert responses
