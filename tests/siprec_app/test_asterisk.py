"""A SIP server that is no recording server, but real: Asterisk."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from siprec_app.health import Health
from siprec_app.protocol.responses import Verdict
from siprec_app.server import Server
from tests.asterisk import AsteriskServer
from tests.servers import TRUNK_ADDRESS
from tests.siprec_app.recording import Recording, endpoint

pytestmark = pytest.mark.asterisk


def uri(asterisk: AsteriskServer) -> str:
    host, port = asterisk.sip_address
    return f"sip:103@{host}:{port}"


async def test_it_says_that_it_knows_no_siprec(asterisk: AsteriskServer) -> None:
    async with endpoint(TRUNK_ADDRESS) as carrier:
        session = Recording(Server(uri(asterisk)), carrier)
        session.want()
        assert (await session.is_over()).verdict is Verdict.UNFIT
        await session.client.closed()


async def test_it_lives_until_it_is_stopped(asterisk: AsteriskServer) -> None:
    told: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
    nobody = f"{uri(asterisk)}0".replace(f":{asterisk.sip_address[1]}0", ":9")
    async with endpoint(TRUNK_ADDRESS) as carrier:
        health = Health([Server(uri(asterisk)), Server(nobody)], carrier, random=Random(1), every=0.1, within=5.0,
                        changed=lambda server, alive: told.put_nowait((server.uri, alive)))
        running = asyncio.create_task(health.run())
        assert await told.get() == (nobody, False)
        assert set(health.rests) == {nobody}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
