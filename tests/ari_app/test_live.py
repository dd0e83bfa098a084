"""The connection and the client against the real Asterisk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from ari_app.client import Address, Client
from ari_app.connection import Connection
from ari_app.variables import Globals
from faults import SwitchOperationFailed, SwitchRefused
from link.backoff import Backoff
from link.lease import VARIABLE, Holder, Lease
from tests.ari_app.listener import Listener
from tests.asterisk import AsteriskServer

pytestmark = pytest.mark.asterisk


def address(server: AsteriskServer, app: str, password: str | None = None) -> Address:
    return Address(server.ari_url, server.ari_user, password or server.ari_password, app)


@asynccontextmanager
async def following(server: AsteriskServer, listener: Listener, app: str) -> AsyncIterator[Client]:
    async with Client(address(server, app)) as client:
        # Each has its own application, and the tests in one Asterisk follow each other.
        lease = Lease(Globals(client.operations), Holder("tests", app), clock=time.monotonic)
        connection = Connection(client, listener, lease, clock=time.monotonic, backoff=Backoff(Random(1), first=0.1),
                                stand_by=0.1)
        task = asyncio.create_task(connection.run())
        try:
            yield client
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_what_asterisk_sends_is_heard(asterisk: AsteriskServer) -> None:
    listener = Listener()
    async with following(asterisk, listener, "live-hears"):
        await listener.until("up")
        await asyncio.to_thread(asterisk.cli, "dialplan set global RECORDER_LIVE yes")
        await listener.until("RECORDER_LIVE")
    status = listener.infos[0].status
    assert status is not None
    assert 0 <= time.time() - status.startup_time < 3600


async def test_a_wrong_password_is_refused(asterisk: AsteriskServer) -> None:
    async with Client(address(asterisk, "live-refused", "wrong")) as client:
        with pytest.raises(SwitchRefused):
            await client.operations.asterisk_ping()
        with pytest.raises(SwitchRefused):
            await client.listen()


@pytest.mark.parametrize("name", ["none", "a/b", "..", "%2F", "caf\u00e9 \U0001f4de", "a\r\nb", "'\"\\"])
async def test_what_is_not_there_is_not_found_whatever_its_name(asterisk: AsteriskServer, name: str) -> None:
    async with Client(address(asterisk, "live-names")) as client:
        with pytest.raises(SwitchOperationFailed) as raised:
            await client.operations.channels_get(name)
    assert raised.value.details["status"] in (400, 404)


async def test_a_variable_keeps_every_character(asterisk: AsteriskServer) -> None:
    value = "caf\u00e9 +&=%2F;\"'\U0001f4de"
    async with Client(address(asterisk, "live-variable")) as client:
        await client.operations.asterisk_set_global_var(variable="RECORDER_LIVE", value=value)
        assert (await client.operations.asterisk_get_global_var(variable="RECORDER_LIVE")).value == value


async def test_the_second_service_hears_and_the_first_comes_back_after_it(asterisk: AsteriskServer) -> None:
    first, second = Listener(), Listener()
    async with following(asterisk, first, "live-two"):
        await first.until("up")
        async with following(asterisk, second, "live-two"):
            await first.until("switch.taken")
            await second.until("up")
            await asyncio.to_thread(asterisk.cli, "dialplan set global RECORDER_TWO 1")
            await second.until("RECORDER_TWO")
        await first.until("up", 2)
        await asyncio.to_thread(asterisk.cli, "dialplan set global RECORDER_ONE 1")
        await first.until("RECORDER_ONE")
    heard, other = ([word for word in listener.story if word != VARIABLE] for listener in (first, second))
    assert heard == ["connected", "up", "switch.taken", "connected", "up", "RECORDER_ONE"]
    assert other == ["connected", "up", "RECORDER_TWO"]


async def test_a_killed_asterisk_is_found_again_as_a_new_boot(tmp_path: Path) -> None:
    listener = Listener()
    with AsteriskServer(tmp_path) as server:
        async with following(server, listener, "live-killed"):
            await listener.until("up")
            await asyncio.to_thread(server.kill)
            await listener.until("switch.unreachable")
            await asyncio.to_thread(server.restart)
            await listener.until("up", 2)
    before, after = (info.status for info in (listener.infos[0], listener.infos[-1]))
    assert before is not None
    assert after is not None
    assert after.startup_time > before.startup_time
