"""What has to be right on the wire, byte by byte, with a server made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from siprec_app import message
from siprec_app.authentication import Credentials
from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Agreement, Stream
from siprec_app.protocol.responses import Verdict
from siprec_app.server import Server
from tests.siprec_app.documents import COMPLETE
from tests.siprec_app.peer import HOST, Peer
from tests.siprec_app.recording import Recording, endpoint, patient, recording
from tests.siprec_app.sdp_answers import ANSWER, described
from tests.siprec_app.talk import BOTH, CALLER


async def test_a_200_that_comes_again_is_acknowledged_again() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.request("INVITE")
        accepted = peer.answers(invite, 200, body=ANSWER)
        acks = [await peer.request("ACK")]
        for _ in range(2):
            peer.sends(accepted)
            acks.append(await peer.request("ACK"))
        assert acks[0] == acks[1] == acks[2]
        assert acks[0].cseq == (invite.cseq[0], "ACK")
        assert acks[0].via.branch != invite.via.branch
        await session.until(lambda: session.flowing == ["1", "2"])
        assert session.flows == [["1", "2"]]


async def test_a_refusal_that_comes_again_is_acknowledged_again() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.request("INVITE")
        refused = peer.answers(invite, 486)
        acks = [await peer.request("ACK")]
        peer.sends(refused)
        acks.append(await peer.request("ACK"))
        assert acks[0] == acks[1]
        assert (acks[0].via.branch, acks[0].tag("To")) == (invite.via.branch, "srs")
        assert len(session.overs) == 1


async def test_an_invite_without_an_answer_is_sent_again_as_it_was() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        first, second = await peer.request("INVITE"), await peer.request("INVITE")
        assert first == second
        peer.answers(second, 200, body=ANSWER)
        await peer.request("ACK")


async def test_a_bye_without_an_answer_is_sent_again() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        await peer.accepts()
        session.client.stop()
        first, second = await peer.request("BYE"), await peer.request("BYE")
        assert first == second
        peer.answers(second, 200)
        await session.client.closed()


async def test_our_200_is_sent_again_until_it_is_acknowledged() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        peer.asks(invite, "INVITE", 1, body=described("inactive", 2))
        first, second = await peer.response(200), await peer.response(200)
        assert first == second
        peer.asks(invite, "ACK", 1, branch="another")
        # Then the next offer can be made: the one before is over.
        peer.asks(invite, "INVITE", 2, body=described("recvonly", 3))
        while (third := await peer.response(200)).cseq[0] == 1:
            pass
        assert third.cseq == (2, "INVITE")


async def test_an_offer_before_the_last_one_is_acknowledged_is_put_off() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        peer.asks(invite, "INVITE", 1, body=described("inactive", 2))
        await peer.response(200)
        peer.asks(invite, "INVITE", 2, body=described("recvonly", 3))
        refused = await peer.response(500)
        assert 0 <= (refused.number("Retry-After") or 0) <= 10
        peer.asks(invite, "ACK", 2, branch="INVITE2")


async def test_a_request_that_comes_again_gets_the_same_answer_and_does_nothing_more() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        await session.until(lambda: session.flowing)
        bye = peer.asks(invite, "BYE", 1)
        first = await peer.response(200)
        peer.sends(bye)
        assert first == await peer.response(200)
        await session.client.closed()
        peer.sends(bye)
        assert first == await peer.response(200)
    assert session.flows == [["1", "2"], []]


async def test_an_answer_goes_where_the_request_came_from_or_where_via_says() -> None:
    async with (Peer() as peer, Peer("127.0.0.5") as other, Peer("127.0.0.5") as third,
                recording(Server(peer.uri)) as session):
        session.want()
        invite = await peer.accepts()
        named = f"Via: SIP/2.0/UDP {HOST}:{peer.port}"
        options = peer.asks(invite, "OPTIONS", 1)
        await peer.response(200)
        other.sends(options.replace(b"z9hG4bKOPTIONS1", b"z9hG4bKtwo;rport"), peer.client)
        found = await other.response(200)
        assert found.fields.get("Via").endswith(f";received=127.0.0.5;rport={other.port}")
        # Without rport it is the port that Via names, at the address that it came from (RFC 3261 section 18.2.2).
        other.sends(options.replace(b"z9hG4bKOPTIONS1", b"z9hG4bKthree").replace(
            named.encode(), f"Via: SIP/2.0/UDP {HOST}:{third.port}".encode()), peer.client)
        assert (await third.response(200)).fields.get("Via").endswith(";received=127.0.0.5")


async def test_a_200_of_a_second_server_behind_a_proxy_is_ended() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.request("INVITE")
        peer.answers(invite, 200, body=ANSWER)
        peer.answers(invite, 200, body=ANSWER, tag="second")
        bye = await peer.request("BYE")
        assert bye.tag("To") == "second"
        peer.answers(bye, 200)
        await session.until(lambda: session.flowing == ["1", "2"])
        assert session.overs == []


async def test_a_200_without_a_provisional_after_we_gave_up_is_ended() -> None:
    async with Peer() as peer, recording(Server(peer.uri), patient(within=0.2)) as session:
        session.want()
        invite = await peer.request("INVITE")
        assert (await session.is_over()).verdict is Verdict.NEXT
        peer.answers(invite, 200, body=ANSWER)
        await peer.request("ACK")
        peer.answers(await peer.request("BYE"), 200)
        await session.client.closed()


async def test_a_challenge_that_cannot_be_answered_is_the_end() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        peer.answers(await peer.request("INVITE"), 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
        await peer.request("ACK")
        assert (await session.is_over()).verdict is Verdict.NEXT
        await session.client.closed()
        assert not peer.waiting


async def test_a_bye_is_challenged_as_well() -> None:
    async with Peer() as peer, recording(Server(peer.uri, credentials=Credentials("u", "p"))) as session:
        session.want()
        await peer.accepts()
        session.client.stop()
        bye = await peer.request("BYE")
        peer.answers(bye, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
        while not (again := await peer.request("BYE")).fields.get("Authorization"):
            pass
        assert again.cseq[0] == bye.cseq[0] + 1
        peer.answers(again, 200)
        await session.client.closed()


async def test_requests_of_nobody_s_session() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        strange = invite.call_id.encode()
        for method, status in (("OPTIONS", 200), ("INVITE", 403), ("REGISTER", 405), ("JUMP", 501), ("UPDATE", 481)):
            data = peer.asks(invite, method, 9, branch=f"{method}first").replace(strange, b"other-call")
            data = data.replace(b";tag=" + invite.tag("From").encode(), b"")
            peer.sends(data.replace(b"first", b"second"))
            found = await peer.response(status)
            while found.call_id != "other-call":
                found = await peer.response(status)
            assert found.tag("To")
        data = peer.asks(invite, "BYE", 10).replace(strange, b"another-call").replace(b"BYE10", b"BYEother")
        peer.sends(data)
        assert (await peer.response(481)).call_id == "another-call"


async def test_the_same_request_by_two_ways_is_taken_once() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        data = peer.asks(invite, "OPTIONS", 9).replace(b";tag=" + invite.tag("From").encode(), b"").replace(
            invite.call_id.encode(), b"fresh")
        peer.sends(data.replace(b"OPTIONS9", b"one"))
        assert (await peer.response(200)).call_id
        peer.sends(data.replace(b"OPTIONS9", b"two"))
        assert (await peer.response(482)).call_id == "fresh"


async def test_a_cancel_comes_too_late_or_is_of_nothing() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        peer.asks(invite, "INVITE", 1, branch="theirs", body=described())
        await peer.response(200)
        peer.asks(invite, "CANCEL", 1, branch="theirs")
        while (await peer.response(200)).cseq[1] != "CANCEL":
            pass
        peer.asks(invite, "CANCEL", 7, branch="nothing")
        await peer.response(481)
        peer.asks(invite, "ACK", 1, branch="ack")
        assert session.overs == []


async def test_a_session_on_ipv6() -> None:
    async with Peer("::1") as peer, recording(Server(peer.uri), host="::1") as session:
        session.want()
        invite = await peer.accepts()
        assert invite.fields.get("Contact").startswith("<sip:phonograph@[::1]:")
        assert (invite.via.host, invite.via.port) == ("::1", peer.client[1])
        session.client.stop()
        peer.answers(await peer.request("BYE"), 200)
        await session.client.closed()


async def test_a_relay_that_fails_ends_the_session() -> None:
    class Failing(Recording):
        async def flow(self, agreement: Agreement) -> None:
            raise RuntimeError("the relay is broken")

    async with Peer() as peer, endpoint() as carrier:
        session = Failing(Server(peer.uri), carrier, patient())
        session.want()
        await peer.accepts()
        peer.answers(await peer.request("BYE"), 200)
        await session.is_over()
        with pytest.raises(RuntimeError, match="relay"):
            await session.client.closed()


@pytest.mark.parametrize(("streams", "complete"), [
    ((CALLER, CALLER), COMPLETE), (BOTH, replace(COMPLETE, sessions=()))], ids=["one label twice", "no session"])
async def test_what_cannot_be_said_is_refused_before_anything_is_sent(
    streams: tuple[Stream, ...], complete: Metadata
) -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        with pytest.raises(ValueError, match=r"label|have"):
            session.want(streams, complete)
        session.want()
        invite = await peer.accepts()
        assert invite.cseq[0] == 1


async def test_junk_changes_nothing() -> None:
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        whole = peer.asks(invite, "OPTIONS", 1)
        await peer.response(200)
        for data in (b"\0\0\0\0", b"\r\n\r\n", b"hello", whole[:100], whole.replace(b"Call-ID", b"X"),
                     b"SIP/2.0 200 OK\r\n\r\n",
                     message.build(message.response(invite, 200, "forged")).replace(b"z9hG4bK", b"z9hG4bKx")):
            peer.sends(data)
        peer.asks(invite, "OPTIONS", 2)
        assert (await peer.response(200)).cseq == (2, "OPTIONS")
        assert session.flows == [["1", "2"]]
