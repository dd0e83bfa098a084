"""A network that loses and doubles datagrams: every session comes about, is acknowledged, and is ended."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from siprec_app import message
from siprec_app.message import Request
from siprec_app.protocol.responses import Verdict
from siprec_app.server import Server
from tests.siprec_app.peer import answer
from tests.siprec_app.recording import Recording, endpoint
from tests.siprec_app.sdp_answers import ANSWER

HOST = "127.0.0.6"
SESSIONS = 10


class Lossy(asyncio.DatagramProtocol):
    """A server that answers everything, and sends its 200 until the ACK is there. What comes and what goes may be lost,
    or come twice."""

    def __init__(self, random: Random, lost: float) -> None:
        self._random, self._lost = random, lost
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, int], tuple[bytes, tuple[str, int]]] = {}
        self.offers: dict[str, set[int]] = {}
        self.acknowledged: set[tuple[str, int]] = set()
        self.ended: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    @property
    def uri(self) -> str:
        assert self._transport is not None
        return f"sip:srs@{HOST}:{self._transport.get_extra_info('sockname')[1]}"

    def _send(self, data: bytes, to: tuple[str, int]) -> None:
        assert self._transport is not None
        for _ in range(self._random.choice((1, 1, 1, 2))):
            if self._random.random() > self._lost:
                self._transport.sendto(data, to)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._random.random() < self._lost:
            return
        found = message.read(data)
        assert isinstance(found, Request)
        key = (found.call_id, found.cseq[0])
        if found.method == "ACK":
            self._waiting.pop(key, None)
            self.acknowledged.add(key)
        elif found.method == "INVITE":
            self.offers.setdefault(found.call_id, set()).add(found.cseq[0])
            accepted = answer(found, 200, self.uri, body=ANSWER)
            if key not in self.acknowledged:
                self._waiting[key] = (accepted, addr)
                self._send(accepted, addr)
        elif found.method == "BYE":
            self.ended.add(found.call_id)
            self._send(answer(found, 200, self.uri), addr)

    async def again(self) -> None:
        """Send what was not acknowledged again, until cancelled."""
        while True:
            await asyncio.sleep(0.2)
            for data, to in list(self._waiting.values()):
                self._send(data, to)


@pytest.mark.parametrize("seed", range(2))
async def test_every_session_comes_about_and_is_ended(seed: int) -> None:
    lossy = Lossy(Random(seed), lost=0.2)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: lossy, local_addr=(HOST, 0))
    repeating = asyncio.create_task(lossy.again())
    async with endpoint() as carrier:
        sessions = [Recording(Server(lossy.uri), carrier) for _ in range(SESSIONS)]
        await asyncio.gather(*(session.records() for session in sessions))
        for session in sessions:
            session.pause()
        for session in sessions:
            await session.until(lambda session=session: session.flowing == [])  # type: ignore[misc]
        await sessions[0].until(lambda: all(len(numbers) > 1 for numbers in lossy.offers.values()), poll=0.05)
        await asyncio.gather(*(session.stops() for session in sessions))
    repeating.cancel()
    await asyncio.gather(repeating, return_exceptions=True)
    transport.close()
    assert len(lossy.ended) == SESSIONS
    assert {call_id for call_id, _ in lossy.acknowledged} == set(lossy.offers)
    assert all(session.flows[0] == ["1", "2"] and not any(session.flows[1:]) for session in sessions)
    assert all([over.verdict for over in session.overs] == [Verdict.DONE] for session in sessions)
