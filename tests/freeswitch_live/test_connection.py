"""The connection with a real FreeSWITCH: lost and found again, and held by one service at a time."""

import asyncio
from pathlib import Path

import pytest

from link.lease import DEAD_AFTER, EVERY
from tests.freeswitch import FreeSwitchServer
from tests.health import is_up, said_faults, stands_by
from tests.phone import Phones
from tests.phonograph import Phonograph, settings
from tests.recorded import ALICE, BOB, begin, converse, recording_runs
from tests.stalling import Way

pytestmark = pytest.mark.freeswitch

EVERYTHING = "record: audio\n"


async def test_the_connection_drops_and_comes_back_and_what_happened_meanwhile_is_found(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Way(freeswitch.esl_port) as way:
        switch = {**settings(freeswitch, tmp_path)["switches"]["main"], "port": way.port}
        async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING, switches={"main": switch}) as service:
            lasting, taken = await begin(phones)
            await recording_runs(service)
            carol, dave = await phones.user("carol", ALICE), await phones.user("dave", BOB)
            short = carol.call("104")
            await dave.next_call()
            await short.answered
            await asyncio.sleep(1)
            way.cut()
            await short.hangup()
            begun = carol.call("104")
            await dave.next_call()
            await begun.answered
            await asyncio.sleep(1)
            way.mend()
            await is_up(service, within=30)

            async def both() -> bool:
                rows = await service.calls()
                return [one["state"] for row in rows for one in row["recordings"]].count("recording") == 2

            await service.until(both, "does not record the two calls that are there")
            await asyncio.sleep(0.5)
            await asyncio.gather(lasting.hangup(), begun.hangup())
            await taken.ended
            rows = {row["sip_call_id"]: row for row in await service.closed(3)}
            assert set(rows) == {lasting.id, short.id, begun.id}
            assert [len(row["recordings"][0]["segments"]) for row in rows.values()] == [1, 1, 1]
            assert rows[short.id]["recordings"][0]["state"] == "incomplete"
            assert "Nobody saw the end" in rows[short.id]["recordings"][0]["reason"]
            assert len(said_faults(service, "switch.unreachable")) == 1


async def test_a_second_service_is_refused_and_takes_over_when_the_first_stops_or_dies(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    first, second = (Phonograph(freeswitch, tmp_path / name, policy=EVERYTHING) for name in ("first", "second"))
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    await first.start()
    await second.start(until_up=False)
    await stands_by(second)
    await converse(first, alice, bob, "102", seconds=1.0)
    assert await second.calls() == []
    await first.stop()
    await is_up(second, within=EVERY + 10)
    await converse(second, alice, bob, "102", seconds=1.0)
    await first.start(until_up=False)
    await stands_by(first)
    await second.kill()
    await is_up(first, within=DEAD_AFTER + 3 * EVERY + 10)
    assert len(await first.calls()) == 1
    await first.stop()
