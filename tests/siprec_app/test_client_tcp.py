"""Connections: what they carry, and what it means that one ends."""

from __future__ import annotations

import asyncio

from faults import RecordingServerProtocolBroken, RecordingServerUnreachable
from siprec_app.protocol.responses import Verdict
from siprec_app.server import Server
from siprec_app.transport import MOST_ACCEPTED
from tests.siprec_app.peer import Peer
from tests.siprec_app.recording import Recording, endpoint, patient, recording
from tests.siprec_app.sdp_answers import ANSWER
from tests.siprec_app.stream_peer import StreamPeer


async def test_two_messages_in_one_piece_and_one_in_many() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        invite = await peer.accepts()
        peer.sends(peer.asks(invite, "OPTIONS", 1) + b"\r\n" + peer.asks(invite, "OPTIONS", 2))
        assert (await peer.response(200)).cseq[0] == 1
        assert (await peer.response(200)).cseq[0] == 2
        third = peer.asks(invite, "OPTIONS", 3)
        for place in range(0, len(third), 50):
            peer.sends(third[place:place + 50])
            await asyncio.sleep(0.001)
        assert (await peer.response(200)).cseq[0] == 3


async def test_a_server_that_asks_for_a_sign_of_life_gets_one() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        invite = await peer.accepts()
        before = len(peer.heard)
        peer.sends(b"\r\n\r\n" + peer.asks(invite, "OPTIONS", 1))
        await peer.response(200)
        assert peer.heard[before:before + 9] == b"\r\nSIP/2.0"


async def test_sessions_share_a_connection() -> None:
    async with StreamPeer() as peer, endpoint() as carrier:
        sessions = [Recording(peer.server(), carrier) for _ in range(5)]
        for session in sessions:
            session.want()
        for _ in sessions:
            peer.answers(await peer.request("INVITE"), 200, body=ANSWER)
        for session in sessions:
            await session.until(lambda session=session: session.flowing)  # type: ignore[misc]
        assert len(peer.connections) == 1


async def test_a_server_that_is_not_there() -> None:
    async with StreamPeer() as peer:
        server = peer.server()
    async with recording(server) as session:
        session.want()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await session.client.closed()
    assert isinstance(session.client.fault, RecordingServerUnreachable)


async def test_a_server_whose_name_has_no_address() -> None:
    async with recording(Server("sip:srs@no-such-host.invalid")) as session:
        session.want()
        assert (await session.is_over()).verdict is Verdict.NEXT
    assert isinstance(session.client.fault, RecordingServerUnreachable)


async def test_a_connection_that_ends_while_a_session_is_set_up() -> None:
    """It is known at once; of a server that only says nothing it is not."""
    async with StreamPeer() as peer, Peer() as silent, recording(peer.server()) as session:
        other = Recording(Server(silent.uri), session.carrier, patient(within=15.0))
        session.want()
        other.want()
        await peer.request("INVITE")
        peer.writer.close()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await session.client.closed()
        assert other.overs == []


async def test_a_connection_that_ends_is_made_again_and_the_session_goes_on() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        await peer.accepts()
        await session.until(lambda: session.flowing)
        peer.writer.close()
        peer.answers(await peer.request("OPTIONS"), 405)
        session.pause()
        peer.answers(await peer.request("INVITE"), 200, body=ANSWER)
        await peer.request("ACK")
        assert session.overs == []
        assert len(peer.connections) == 2


async def test_a_server_that_comes_back_without_the_session_has_lost_it() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        await peer.accepts()
        await session.until(lambda: session.flowing)
        peer.writer.close()
        peer.answers(await peer.request("OPTIONS"), 481)
        assert (await session.is_over()).verdict is Verdict.NEXT
        peer.answers(await peer.request("BYE"), 481)
        await session.client.closed()
    assert session.flowing == []


async def test_a_server_that_does_not_come_back_is_lost() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        await peer.accepts()
        await session.until(lambda: session.flowing)
        await peer.stops()
        assert (await session.is_over()).verdict is Verdict.NEXT
        await session.client.closed()
    assert session.flowing == []
    assert isinstance(session.client.fault, RecordingServerUnreachable)


async def test_a_stream_that_is_no_sip_any_more_is_ended() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        await peer.accepts()
        peer.sends(b"SIP/2.0 200 OK\r\nContent-Length: -7\r\n\r\n")
        await session.until(lambda: session.client.fault, poll=0.02)
        assert isinstance(session.client.fault, RecordingServerProtocolBroken)
        await peer.request("OPTIONS")


async def test_an_invite_that_is_too_large_for_udp_goes_by_tcp_and_the_rest_by_udp() -> None:
    async with Peer("127.0.0.1") as small, StreamPeer(host="127.0.0.1", port=small.port) as large:
        async with recording(Server(small.uri)) as session:
            session.want()
            invite = await large.request("INVITE")
            assert invite.via.transport == "TCP"
            large.answers(invite, 200, body=ANSWER)
            ack = await small.request("ACK")
            assert ack.via.transport == "UDP"
            await session.until(lambda: session.flowing)
            # That connection was for the one request: its end is none of the session's.
            large.writer.close()
            session.client.stop()
            small.answers(await small.request("BYE"), 200)
            await session.client.closed()
        assert session.overs[0].verdict is Verdict.DONE


async def test_a_server_may_come_by_a_connection_of_its_own() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        invite = await peer.accepts()
        reader, writer = await asyncio.open_connection(*session.carrier.address)
        writer.write(peer.asks(invite, "BYE", 1))
        assert (await reader.read(1000)).startswith(b"SIP/2.0 200")
        await session.client.closed()
        writer.close()


async def test_connections_of_others_have_a_limit() -> None:
    async with endpoint() as carrier:
        made = [await asyncio.open_connection(*carrier.address) for _ in range(MOST_ACCEPTED + 5)]
        reading = [asyncio.create_task(reader.read(1)) for reader, _ in made]
        async with asyncio.timeout(40):
            await asyncio.gather(*reading[:5])  # the oldest ones have ended
        assert not any(task.done() for task in reading[5:])
        for task in reading[5:]:
            task.cancel()
        for _, writer in made:
            writer.close()


async def test_a_server_that_does_not_read_is_given_up() -> None:
    async with StreamPeer() as peer, recording(peer.server()) as session:
        session.want()
        invite = await peer.accepts()
        peer.connections[-1][0]._transport.pause_reading()  # type: ignore[attr-defined]
        way = next(iter(session.client._ways))
        for number in range(20_000):
            if not way.open:
                break
            peer.sends(peer.asks(invite, "OPTIONS", number))
            way.send(b"x" * 1000)
            if number % 100 == 0:
                await asyncio.sleep(0)
        assert not way.open
