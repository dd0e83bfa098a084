"""What happens while a session lasts, with sipp as the recording server: pauses, and what the server asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from siprec_app.protocol.responses import Verdict
from siprec_app.server import Server
from siprec_app.transport import Protocol
from tests.siprec_app.documents import COMPLETE, LEFT
from tests.siprec_app.recording import patient, recording
from tests.siprec_app.sdp_answers import described
from tests.siprec_app.sipp import ACCEPTED, ENDED, Sipp, again, ask, recv, reply, response, together
from tests.siprec_app.talk import BOTH

ACK = recv("ACK")
TRANSPORTS = pytest.mark.parametrize(("transport", "protocol"), [("u1", Protocol.UDP), ("t1", Protocol.TCP)])
SNAPSHOT = ('<?xml version="1.0"?><requestsnapshot xmlns="urn:ietf:params:xml:ns:recording:1"><requestreason>lost'
            "</requestreason></requestsnapshot>")


def asks(cseq: int, *fields: str, body: str = "", answer: str = "") -> str:
    """A re-INVITE of the server that we accept, with its ACK."""
    return together(ask("INVITE", cseq, *fields, body=body), response(200), ask("ACK", cseq, body=answer))


async def test_a_pause_and_a_resume(tmp_path: Path) -> None:
    offered = [recv("INVITE", holds=f"o=- [0-9]* {version} IN IP4[^=]*.*a={direction}")
               for version, direction in ((2, "inactive"), (3, "sendonly"))]
    async with (Sipp(tmp_path, ACCEPTED, offered[0], again(body=described("inactive", 2)), ACK, offered[1],
                     again(body=described("recvonly", 3)), ACK, ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        session.pause()
        await session.until(lambda: session.flowing == [])
        await session.until(lambda: server.messages().count("\nACK ") == 2, poll=0.05)
        session.want(BOTH)
        await session.until(lambda: session.flowing == ["1", "2"])
        await session.stops()
        await server.done()


@TRANSPORTS
async def test_the_server_ends_the_session(tmp_path: Path, transport: str, protocol: Protocol) -> None:
    async with (Sipp(tmp_path, ACCEPTED, ask("BYE", 1), response(200), transport=transport) as server,
                recording(Server(server.uri, protocol)) as session):
        session.want()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await session.client.closed()
        await server.done()
    assert session.flows == [["1", "2"], []]


@TRANSPORTS
async def test_the_server_holds_and_takes_again(tmp_path: Path, transport: str, protocol: Protocol) -> None:
    held = asks(1, body=described("inactive", 2))
    taken = asks(2, body=described("recvonly", 3))
    async with (Sipp(tmp_path, ACCEPTED, held, taken, ENDED, transport=transport) as server,
                recording(Server(server.uri, protocol)) as session):
        session.want()
        await session.until(lambda: session.flows == [["1", "2"], [], ["1", "2"]])
        await session.until(lambda: server.messages().count("\nACK ") == 3, poll=0.05)
        await session.stops()
        said = await server.done()
    assert said.count("a=inactive") == 4
    assert session.overs[0].verdict is Verdict.DONE


async def test_the_server_asks_for_our_offer(tmp_path: Path) -> None:
    """As a server does that takes nothing at first (RFC 7866 section 7.2): its answer is in the ACK."""
    async with (Sipp(tmp_path, ACCEPTED, asks(1, answer=described("inactive", 2)), asks(2, answer=described("recvonly",
                                                                                                            3)),
                     ENDED) as server,
                recording(Server(server.uri)) as session):
        session.want()
        await session.until(lambda: session.flows == [["1", "2"], [], ["1", "2"]])
        await session.stops()
        said = await server.done()
    ours = said.split("SIP/2.0 200 OK\n")[1]
    assert ours.index("a=label:1") < ours.index("a=label:2")
    assert ours.count("a=sendonly") >= 2


async def test_the_server_refreshes_by_update(tmp_path: Path) -> None:
    refresh = together(ask("UPDATE", 1, "Session-Expires: 1800;refresher=uac", "Supported: timer"),
                       response(200, holds="Session-Expires: 1800;refresher=uac"))
    async with Sipp(tmp_path, ACCEPTED, refresh, ENDED) as server, recording(Server(server.uri)) as session:
        await session.records()
        await session.until(lambda: "Require: timer" in server.messages(), poll=0.05)
        await session.stops()
        await server.done()
    assert session.flows == [["1", "2"], []]


async def test_an_interval_that_is_too_short_is_refused(tmp_path: Path) -> None:
    refused = together(ask("UPDATE", 1, "Session-Expires: 30"), response(422))
    async with Sipp(tmp_path, ACCEPTED, refused, ENDED) as server, recording(Server(server.uri)) as session:
        await session.records()
        await session.until(lambda: "Min-SE: 90" in server.messages(), poll=0.05)
        await session.stops()
        await server.done()


@pytest.mark.parametrize("kind", ["application/rs-metadata", "application/rs-metadata+xml",
                                  "application/rs-metadata-request"])
async def test_the_server_asks_for_everything_it_should_know(tmp_path: Path, kind: str) -> None:
    asked = together(ask("UPDATE", 1, "Content-Disposition: recording-session", body=SNAPSHOT, kind=kind),
                     response(200))
    whole = recv("INVITE", holds="<datamode>complete</datamode>")
    async with (Sipp(tmp_path, ACCEPTED, asked, whole, again(body=described("recvonly", 2)), ACK, ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        await session.until(lambda: server.messages().count("\nACK ") == 2, poll=0.05)
        await session.stops()
        await server.done()


async def test_metadata_alone_in_an_update_where_the_server_takes_it(tmp_path: Path) -> None:
    told = recv("UPDATE", holds="Content-Type: application/rs-metadata.xml")
    async with (Sipp(tmp_path, ACCEPTED, told, reply(200, tag=""), ENDED) as server,
                recording(Server(server.uri), patient(update=True, partial=True)) as session):
        await session.records()
        session.want(BOTH, replace(COMPLETE, session_recordings=()), LEFT)
        await session.until(lambda: "\nUPDATE " in server.messages(), poll=0.05)
        await session.stops()
        said = await server.done()
    update = said[said.index("\nUPDATE "):]
    assert "Content-Disposition: recording-session" in update[:update.index("SIP/2.0 200")]
    assert "a=label" not in update


async def test_an_offer_of_ours_that_is_never_answered_does_not_end_the_session(tmp_path: Path) -> None:
    async with (Sipp(tmp_path, ACCEPTED, recv("INVITE", holds="a=inactive"), recv("BYE"), reply(200, tag="")) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        session.pause()
        await session.until(lambda: session.flowing == [])
        await session.until(lambda: server.messages().count("a=inactive") >= 4, poll=0.05)  # it was sent again
        session.want(BOTH)
        await session.until(lambda: session.flowing == ["1", "2"])
        assert session.overs == []
        await session.stops()
        await server.done()


async def test_an_offer_that_collides_is_made_again(tmp_path: Path) -> None:
    offer = recv("INVITE", holds="a=inactive")
    async with (Sipp(tmp_path, ACCEPTED, offer, reply(491, tag=""), ACK, offer, again(body=described("inactive", 2)),
                     ACK,
                     ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        session.pause()
        await session.until(lambda: server.messages().count("\nACK ") == 3, poll=0.05)
        assert session.flowing == []
        await session.stops()
        await server.done()


async def test_an_offer_that_is_refused_leaves_the_session_as_it_was(tmp_path: Path) -> None:
    async with (Sipp(tmp_path, ACCEPTED, recv("INVITE"), reply(488, tag=""), ACK, ENDED) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        session.pause()
        await session.until(lambda: server.messages().count("\nACK ") == 2, poll=0.05)
        assert session.flowing == []
        assert session.overs == []
        await session.stops()
        await server.done()


async def test_a_server_that_has_lost_the_dialog_is_left(tmp_path: Path) -> None:
    async with (Sipp(tmp_path, ACCEPTED, recv("INVITE"), reply(481, tag=""), ACK, recv("BYE"), reply(481,
                                                                                                     tag="")) as server,
                recording(Server(server.uri)) as session):
        await session.records()
        session.pause()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await session.client.closed()
        await server.done()


@TRANSPORTS
async def test_what_else_a_server_asks_within_a_session(tmp_path: Path, transport: str, protocol: Protocol) -> None:
    steps = (ask("OPTIONS", 1), response(200), ask("INFO", 2), response(405), ask("REBOOT", 3), response(501),
             ask("UPDATE", 4, "Require: timer, replaces"), response(420), ask("UPDATE", 5), response(200),
             ask("UPDATE", 5), response(500), ask("BYE", 6, tag="stranger"), response(481),
             ask("UPDATE", 7, body="v=0 nonsense"), response(400))
    async with (Sipp(tmp_path, ACCEPTED, *steps, ENDED, transport=transport) as server,
                recording(Server(server.uri, protocol)) as session):
        await session.records()
        await session.until(lambda: "SIP/2.0 400" in server.messages(), poll=0.05)
        assert session.overs == []
        await session.stops()
        said = await server.done()
    assert "Unsupported: replaces\n" in said
    assert said.count("Allow: INVITE, ACK, CANCEL, BYE, UPDATE, OPTIONS") >= 4
