"""Whatever a server, or anybody else, sends during a session: nothing of it escapes as an error, and what is sent in
reply can be read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import pytest

from faults import RecordingServerProtocolBroken
from siprec_app import message
from siprec_app.protocol.dialog import DialogState
from siprec_app.server import Server
from siprec_app.transport import Protocol
from tests.siprec_app.peer import Peer
from tests.siprec_app.recording import recording
from tests.siprec_app.sdp_answers import ANSWER, described
from tests.siprec_app.test_sip_fuzz import LINES, PIECES


@dataclass(eq=False)
class Taken:
    """A way back that keeps what is sent."""

    protocol: Protocol = Protocol.TCP
    local: tuple[str, int] = ("127.0.0.2", 5060)
    peer: tuple[str, int] = ("127.0.0.4", 5060)
    open: bool = True
    sent: list[bytes] = field(default_factory=list)

    def send(self, data: bytes) -> None:
        self.sent.append(data)


def damaged(random: Random, corpus: list[bytes]) -> bytes:
    data = bytearray(random.choice(corpus))
    for _ in range(random.randrange(4)):
        start, length = random.randrange(len(data) + 1), random.randrange(30)
        kind = random.randrange(4)
        if kind == 0:
            del data[start:start + length]
        elif kind == 1:
            data[start:start] = data[start:start + length]
        elif kind == 2:
            data[start:start] = random.choice(PIECES)
        else:
            data[start:start + 1] = bytes([random.randrange(256)])
    # Most are transactions of their own, or else they would be taken for repetitions.
    own = random.randbytes(3).hex().encode() if random.random() < 0.9 else b""
    return bytes(data).replace(b"z9hG4bK", b"z9hG4bK" + own)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_that_comes_in_escapes_as_an_error(seed: int) -> None:
    random = Random(seed)
    async with Peer() as peer, recording(Server(peer.uri)) as session:
        session.want()
        invite = await peer.accepts()
        await session.until(lambda: session.flowing)
        lines = [line for line in LINES if not line.startswith(("Via", "Content-Type"))]
        corpus = [peer.asks(invite, method, cseq, *random.sample(lines, 3), body=body)
                  for cseq, (method, body) in enumerate([
                      ("INVITE", described("inactive", 2)), ("INVITE", ""), ("ACK", described()), ("UPDATE", ANSWER),
                      ("UPDATE", ""), ("OPTIONS", ""), ("CANCEL", ""), ("INFO", "")], 1)]
        accepted = message.build(message.response(invite, 200, "srs"))
        corpus += [accepted, accepted.replace(b"200 OK", b"488 No"), accepted.replace(b";tag=srs", b";tag=another")]
        way = Taken()
        for _ in range(1500):
            session.carrier.received(damaged(random, corpus), way)
            if random.random() < 0.05:
                session.pause() if random.random() < 0.5 else session.want()
            await asyncio.sleep(0)
        for data in way.sent:
            with suppress(RecordingServerProtocolBroken):  # what was asked with a Via that makes no sense
                found = message.read(data)
                assert found.fields.get("Injected") == ""
        assert len(way.sent) > 100
        if session.client._session.dialog is DialogState.CONFIRMED:
            session.client.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await session.client.closed()  # raises what a work of the session has raised
