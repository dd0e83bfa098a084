"""Two services and one Asterisk: one records, the other waits for its turn, whatever their applications are called."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from link.lease import DEAD_AFTER, EVERY, VARIABLE
from tests.asterisk import AsteriskServer
from tests.health import faults, is_up, stands_by
from tests.phone import Phones
from tests.phonograph import Phonograph, settings
from tests.recorded import ALICE, BOB, EVERYTHING, converse

pytestmark = pytest.mark.asterisk


def service_of(server: AsteriskServer, folder: Path, application: str) -> Phonograph:
    """A service with a ledger of its own."""
    switch = {**settings(server, folder)["switches"]["main"], "application": application}
    return Phonograph(server, folder, policy=EVERYTHING, switches={"main": switch})


def lease(server: AsteriskServer) -> str:
    """Which service holds it, and in which of its lives; "free" when it was given back, "" when there is none."""
    found = re.search(rf"{VARIABLE}=([^/\n]*/?[^/\n]*)", server.cli("dialplan show globals"))
    return found[1] if found is not None else ""


@pytest.mark.parametrize("application", ["recorder", "another"])
async def test_a_second_service_is_refused_and_takes_over_when_the_first_stops(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, application: str) -> None:
    first, second = (service_of(asterisk, tmp_path / "first", "recorder"),
                     service_of(asterisk, tmp_path / "second", application))
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    await first.start()
    await second.start(until_up=False)
    await stands_by(second)
    talk = await converse(first, alice, bob, "102", seconds=1.5)
    assert talk.recording["state"] == "ready"
    assert await second.calls() == []
    assert faults(first) == []
    held = lease(asterisk)
    await first.stop()
    assert lease(asterisk) != held  # given back: nobody has to wait until it counts as dead
    await is_up(second, within=EVERY + 10)
    await converse(second, alice, bob, "102", seconds=1.0)
    assert len(await second.calls()) == 1
    await second.stop()


async def test_a_second_service_takes_over_when_the_first_was_killed(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    first, second = (service_of(asterisk, tmp_path / "first", "recorder"),
                     service_of(asterisk, tmp_path / "second", "another"))
    await first.start()
    await second.start(until_up=False)
    await stands_by(second)
    await first.kill()
    await is_up(second, within=DEAD_AFTER + 3 * EVERY + 10)
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    await converse(second, alice, bob, "102", seconds=1.0)
    await first.start(until_up=False)
    await stands_by(first)
    await second.stop()
    await is_up(first, within=EVERY + 10)
    await first.stop()


async def test_a_service_that_was_killed_is_in_at_once_while_another_waits(
        asterisk: AsteriskServer, tmp_path: Path) -> None:
    first, second = (service_of(asterisk, tmp_path / "first", "recorder"),
                     service_of(asterisk, tmp_path / "second", "another"))
    await first.start()
    await second.start(until_up=False)
    await stands_by(second)
    await first.kill()
    await first.start()
    assert (await second.get("/health"))["switches"]["main"]["up"] is False
    await second.stop()
    await first.stop()


async def test_a_lease_ends_with_its_asterisk(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    first, second = service_of(server, tmp_path / "first", "recorder"), service_of(server, tmp_path / "second", "other")
    await first.start()
    await asyncio.to_thread(server.kill)
    await first.kill()
    await asyncio.to_thread(server.start)
    await second.start()
    assert faults(second) == []
    await second.stop()
    await asyncio.to_thread(server.stop)


async def test_a_reload_that_clears_all_variables_leaves_the_lease_with_its_holder(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    try:
        dialplan = server.folder / "conf" / "extensions.conf"
        dialplan.write_text(f"[general]\nclearglobalvars = yes\n{dialplan.read_text()}")
        async with service_of(server, tmp_path / "first", "recorder") as first:
            held = lease(server)
            async with standing_by(service_of(server, tmp_path / "second", "another")) as second:
                await asyncio.to_thread(server.cli, "dialplan set global CLEARED no")
                for _ in range(2):  # the first one reads the setting, the next one does it
                    await asyncio.to_thread(server.cli, "dialplan reload")
                assert "CLEARED" not in await asyncio.to_thread(server.cli, "dialplan show globals")

                async def back() -> bool:
                    return await asyncio.to_thread(lease, server) == held

                await first.until(back, "has not written its lease again")
                await asyncio.sleep(2 * EVERY)
                assert (await first.get("/health"))["switches"]["main"]["up"] is True
                assert (faults(first), faults(second)) == ([], ["switch.taken"])
    finally:
        await asyncio.to_thread(server.stop)


@asynccontextmanager
async def standing_by(service: Phonograph) -> AsyncIterator[Phonograph]:
    """The service, which waits for another one's lease."""
    await service.start(until_up=False)
    try:
        await stands_by(service)
        yield service
    finally:
        await service.stop()
