"""Which servers are there: asked by OPTIONS."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from siprec_app.authentication import Credentials
from siprec_app.health import Health
from siprec_app.protocol import failover
from siprec_app.server import Server
from tests.siprec_app.peer import Peer
from tests.siprec_app.recording import endpoint
from tests.siprec_app.stream_peer import StreamPeer


class Watched:
    """A health check that is quick, and what it told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()

    def changed(self, server: Server, alive: bool) -> None:
        self.told.put_nowait((server.uri, alive))

    async def next(self) -> tuple[str, bool]:
        async with asyncio.timeout(40):
            return await self.told.get()


async def test_a_server_that_dies_rests_until_it_lives_again() -> None:
    async with Peer() as peer, endpoint() as carrier:
        watched = Watched()
        health = Health([Server(peer.uri)], carrier, random=Random(1), every=0.05, within=1.0, changed=watched.changed)
        running = asyncio.create_task(health.run())
        options = await peer.request("OPTIONS")
        assert options.fields.get("Max-Forwards") == "70"
        peer.answers(options, 200)
        assert health.rests == {}
        assert await watched.next() == (peer.uri, False)
        assert failover.next_server([peer.uri, "sip:second"], (), health.rests, now=1e9) == "sip:second"
        async with asyncio.timeout(40):
            while watched.told.empty():
                peer.answers(await peer.request("OPTIONS"), 200)
        assert await watched.next() == (peer.uri, True)
        assert health.rests == {}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(("status", "lives"), [(200, True), (405, True), (481, True), (503, False), (408, False)])
async def test_what_an_answer_says(status: int, lives: bool) -> None:
    async with Peer() as peer, endpoint() as carrier:
        watched = Watched()
        health = Health([Server(peer.uri)], carrier, random=Random(1), every=0.05, within=30.0, changed=watched.changed)
        running = asyncio.create_task(health.run())
        peer.answers(await peer.request("OPTIONS"), status)
        peer.answers(await peer.request("OPTIONS"), status)
        assert (health.rests == {}) is lives
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_challenge_is_answered() -> None:
    async with Peer() as peer, endpoint() as carrier:
        watched = Watched()
        server = Server(peer.uri, credentials=Credentials("u", "p"))
        health = Health([server], carrier, random=Random(1), changed=watched.changed)
        running = asyncio.create_task(health.run())
        peer.answers(await peer.request("OPTIONS"), 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
        assert (await peer.request("OPTIONS")).fields.get("Authorization")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_one_server_that_is_not_there_does_not_keep_the_others_from_being_asked() -> None:
    async with StreamPeer() as gone:
        dead = gone.server()
    async with Peer() as peer, endpoint() as carrier:
        watched = Watched()
        health = Health([dead, Server(peer.uri)], carrier, random=Random(1), changed=watched.changed)
        running = asyncio.create_task(health.run())
        peer.answers(await peer.request("OPTIONS"), 200)
        assert await watched.next() == (dead.uri, False)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
