"""Setting sessions up and ending them, with sipp as the recording server: it was written by others."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from siprec_app.authentication import Credentials
from siprec_app.protocol.responses import Verdict
from siprec_app.server import Server
from siprec_app.transport import Protocol
from tests.siprec_app.recording import HOST, patient, recording
from tests.siprec_app.sdp_answers import ANSWER, described
from tests.siprec_app.sipp import (
    ACCEPTED,
    CONTACT,
    ENDED,
    Sipp,
    accept,
    again,
    pause,
    recv,
    reply,
    together,
    verified,
)

ACK = recv("ACK")
REFUSED = together(recv("INVITE"), reply(488), ACK)


@pytest.mark.parametrize(("transport", "protocol"), [("u1", Protocol.UDP), ("t1", Protocol.TCP)])
async def test_a_session_is_set_up_and_ended(tmp_path: Path, transport: str, protocol: Protocol) -> None:
    first = recv("INVITE", first=True)
    async with (Sipp(tmp_path, first, accept(), ACK, ENDED, transport=transport) as server,
                recording(Server(server.uri, protocol)) as session):
        await session.records()
        await session.stops()
        said = await server.done()
    assert session.overs[0].verdict is Verdict.DONE
    assert session.flowing == []
    invite = said[:said.index("SIP/2.0 200")]
    for line in (f"INVITE {server.uri} SIP/2.0", f"Via: SIP/2.0/{protocol} {HOST}:", "Max-Forwards: 70",
                 "Require: siprec",
                 "Supported: timer", "Session-Expires: 1800", ";+sip.src", "Content-Type: multipart/mixed;boundary=",
                 "User-Agent: ", "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS", "Content-Type: application/sdp",
                 "Content-Type: application/rs-metadata+xml\nContent-Disposition: recording-session", "a=label:2"):
        assert line in invite


async def test_a_session_over_udp_with_an_invite_of_three_datagrams_worth(tmp_path: Path) -> None:
    """sipp listens on UDP only, as many servers do: TCP is refused, and the INVITE goes by UDP."""
    async with Sipp(tmp_path, ACCEPTED, ENDED) as server, recording(Server(server.uri)) as session:
        await session.records()
        await session.stops()
        said = await server.done()
    sizes = [int(size) for size in re.findall(r"UDP message received \[(\d+)\] bytes", said)]
    assert sizes[0] > 1300


async def test_a_challenge_is_answered_and_so_are_later_requests(tmp_path: Path) -> None:
    ask = 'WWW-Authenticate: Digest realm="srs, here", nonce="abc", qop="auth,auth-int", opaque="o", algorithm=MD5'
    steps = (recv("INVITE"), reply(401, ask, tag="other"), ACK, verified("INVITE", "recorder", "s3cret", 1), accept(),
             ACK,
             verified("BYE", "recorder", "s3cret", 2), reply(200, tag=""))
    async with (Sipp(tmp_path, *steps) as server,
                recording(Server(server.uri, credentials=Credentials("recorder", "s3cret"))) as session):
        await session.records()
        await session.stops()
        said = await server.done()
    assert "nc=00000001" in said
    assert "nc=00000002" in said
    assert re.search(r"ACK [^\n]*\n(?:.+\n)*Authorization: Digest ", said), "RFC 3261 section 22.1"


async def test_a_proxy_s_challenge_is_answered(tmp_path: Path) -> None:
    ask = 'Proxy-Authenticate: Digest realm="proxy", nonce="abc", algorithm=SHA-256, qop="auth"'
    answered = recv("INVITE", holds='Proxy-Authorization: Digest username="recorder"')
    async with (Sipp(tmp_path, recv("INVITE"), reply(407, ask), ACK, answered, accept(), ACK, ENDED) as server,
                recording(Server(server.uri, credentials=Credentials("recorder", "s3cret"))) as session):
        await session.records()
        await session.stops()
        await server.done()


async def test_a_password_that_is_wrong_is_not_tried_for_ever(tmp_path: Path) -> None:
    ask = reply(401, 'WWW-Authenticate: Digest realm="r", nonce="n"')
    async with (Sipp(tmp_path, recv("INVITE"), ask, ACK, recv("INVITE", holds="Authorization: Digest"), ask,
                     ACK) as server,
                recording(Server(server.uri, credentials=Credentials("recorder", "wrong"))) as session):
        session.want()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await server.done()


async def test_a_server_that_knows_no_siprec(tmp_path: Path) -> None:
    async with (Sipp(tmp_path, recv("INVITE"), reply(420, "Unsupported: siprec"), ACK) as server,
                recording(Server(server.uri)) as session):
        session.want()
        assert (await session.is_over()).verdict is Verdict.UNFIT
        await server.done()


async def test_a_server_that_knows_no_session_timers(tmp_path: Path) -> None:
    async with (Sipp(tmp_path, recv("INVITE"), reply(420, "Unsupported: timer"), ACK, ACCEPTED, ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        await session.stops()
        said = await server.done()
    assert "Session-Expires" not in said[said.index("SIP/2.0 420"):]
    assert "Require: siprec" in said[said.index("SIP/2.0 420"):]


async def test_a_server_that_wants_a_longer_interval(tmp_path: Path) -> None:
    asked = recv("INVITE", holds="Session-Expires: 3600")
    async with (Sipp(tmp_path, recv("INVITE"), reply(422, "Min-SE: 3600"), ACK, asked,
                     accept("Session-Expires: 3600;refresher=uac"), ACK, ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        await session.stops()
        assert "Min-SE: 3600" in (await server.done()).partition("SIP/2.0 422")[2].partition("\n\n")[2]


@pytest.mark.parametrize(("status", "field", "verdict", "rest", "contacts"), [
    (488, "Warning: 304 srs \"no such media\"", Verdict.NEXT, 0.0, ()),
    (503, "Retry-After: 120 (later)", Verdict.NEXT, 120.0, ()),
    (302, "Contact: <sip:b@192.0.2.8>;q=0.2, <sip:a@recorder1;transport=tcp>;q=0.9, <tel:+49>", Verdict.REDIRECT, 0.0,
     ("sip:a@recorder1;transport=tcp", "sip:b@192.0.2.8")),
    (699, "Reason: SIP;cause=699", Verdict.NEXT, 0.0, ()),
])
async def test_a_refusal_says_what_comes_next(tmp_path: Path, status: int, field: str, verdict: Verdict, rest: float,
                                              contacts: tuple[str, ...]) -> None:
    async with (Sipp(tmp_path, recv("INVITE"), reply(status, field), ACK) as server,
                recording(Server(server.uri)) as session):
        session.want()
        over = await session.is_over()
        assert (over.verdict, over.rest, over.contacts) == (verdict, rest, contacts)
        await session.client.closed()
        await server.done()


async def test_a_server_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    async with Sipp(tmp_path, recv("INVITE")) as server, recording(Server(server.uri), patient(within=1.0)) as session:
        session.want()
        assert (await session.is_over()).verdict is Verdict.NEXT
    assert session.flows == []


async def test_a_200_that_comes_after_we_gave_up_is_acknowledged_and_ended(tmp_path: Path) -> None:
    async with (Sipp(tmp_path, recv("INVITE", first=True), pause(2.5), accept(), ACK, ENDED) as server,
                recording(Server(server.uri), patient(within=1.0)) as session):
        session.want()
        await session.is_over()
        await server.done()
        await session.client.closed()
    assert session.flows == []


async def test_a_session_that_rings_is_cancelled(tmp_path: Path) -> None:
    refused = reply_to_invite(487)
    async with (Sipp(tmp_path, recv("INVITE", first=True), reply(180), recv("CANCEL"), reply(200), refused,
                     ACK) as server,
                recording(Server(server.uri), patient(within=1.0)) as session):
        session.want()
        await session.is_over()
        await server.done()
        await session.client.closed()


async def test_a_200_that_crosses_our_cancel_is_acknowledged_and_ended(tmp_path: Path) -> None:
    accepted = reply_to_invite(200, CONTACT, body=ANSWER)
    async with (Sipp(tmp_path, recv("INVITE", first=True), reply(180), recv("CANCEL"), reply(200), accepted, ACK,
                     ENDED) as server,
                recording(Server(server.uri), patient(within=1.0)) as session):
        session.want()
        await session.is_over()
        await server.done()
        await session.client.closed()
    assert session.flows == []


def reply_to_invite(status: int, *more: str, body: str = "") -> str:
    """A response to the INVITE, after its CANCEL was answered; both have one Via."""
    return reply(status, *more, body=body).replace("[last_CSeq:]", "CSeq: 1 INVITE")


async def test_an_answer_that_takes_nothing_is_acknowledged_and_ended(tmp_path: Path) -> None:
    body = described().replace("m=audio 50000", "m=audio 0").replace("m=audio 50002", "m=audio 0")
    async with (Sipp(tmp_path, recv("INVITE", first=True), accept(body=body), ACK, ENDED) as server,
                recording(Server(server.uri)) as session):
        session.want()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await server.done()


async def test_requests_pass_the_proxies_that_want_to_see_them(tmp_path: Path) -> None:
    routes = "Record-Route: <sip:[local_ip]:[local_port];lr;last>, <sip:[local_ip]:[local_port];lr>"
    async with (Sipp(tmp_path, recv("INVITE", first=True), accept(routes), ACK,
                     recv("BYE", holds="Route: "), reply(200, tag="")) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        await session.stops()
        said = await server.done()
    bye = said[said.index("\nBYE "):]
    assert bye.index(";lr>\n") < bye.index(";lr;last>\n")


async def test_nothing_goes_out_before_it_is_silent(tmp_path: Path) -> None:
    """A relay that takes its time to be silent: the server hears of the pause only then."""
    async with (Sipp(tmp_path, ACCEPTED, recv("INVITE", holds="a=inactive"), again(body=described("inactive", 2)), ACK,
                     ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        session.silent.clear()
        session.pause()
        await session.until(lambda: session.flowing == [])
        await asyncio.sleep(0.3)
        assert server.messages().count("\nINVITE ") == 1
        session.silent.set()
        await session.until(lambda: server.messages().count("\nINVITE ") == 2, poll=0.05)
        await session.stops()
        await server.done()
