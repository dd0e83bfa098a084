"""A call never waits for us: set-up and audio with a service that is stalled or dead."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, clear

pytestmark = pytest.mark.asterisk


async def talks(phones: Phones) -> None:
    """A call is answered and both hear each other."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call = alice.call("102")
    taken = await bob.next_call()
    async with asyncio.timeout(10):
        await call.answered
        await call.stream.listen(1.5)
    await call.hangup()
    await taken.ended
    assert clear(call.stream.heard(), BOB.cycle(0, 160_000))
    assert clear(taken.stream.heard(), ALICE.cycle(0, 160_000))


async def test_calls_go_through_while_the_service_is_stalled_and_get_their_rows_afterwards(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        os.kill(service.pid, signal.SIGSTOP)
        try:
            await talks(phones)
        finally:
            os.kill(service.pid, signal.SIGCONT)
        (row,) = await service.closed(1)
        assert row["outcome"] == "missed"
        assert row["rule"] == "system"


async def test_calls_go_through_while_the_service_is_dead(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    await service.kill()
    await talks(phones)
