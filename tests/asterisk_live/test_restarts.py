"""What a restart leaves behind, of the service, of Asterisk, of both: nothing is lost silently, nothing made twice."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Json, Phonograph, settings
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, begin, clear, recording_runs, said

pytestmark = pytest.mark.asterisk


async def test_a_leg_that_stays_after_its_call_is_no_new_call_after_a_restart(tmp_path: Path) -> None:
    server = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(server.start)
    stays = "[users](+)\nexten => 901,1,Dial(PJSIP/bob,30,g)\n same => n,Wait(60)\n"
    with (server.folder / "conf" / "extensions.conf").open("a") as dialplan:
        dialplan.write(stays)
    await asyncio.to_thread(server.cli, "dialplan reload")
    service = Phonograph(server, tmp_path, policy=EVERYTHING)
    await service.start()
    async with Phones(server) as phones:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        call = alice.call("901")
        taken = await bob.next_call()
        await call.answered
        await asyncio.sleep(1.0)
        await taken.hangup()
        before = await service.closed(1)
        assert call.ended_at is None
        await service.stop()
        await service.start()
        await asyncio.sleep(1.0)
        assert [(row["id"], row["state"]) for row in await service.calls()] == [(before[0]["id"], "closed")]
        await call.hangup()
        await asyncio.sleep(0.5)
        assert len(await service.calls()) == 1
    await service.stop()
    await asyncio.to_thread(server.stop)


async def test_a_tap_that_came_up_after_the_service_died_is_finished_from_its_files(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call, taken = await begin(phones, seconds=3.0)
    await recording_runs(service)
    await service.kill()
    await call.hangup()
    await taken.ended
    # What the ledger holds when the service dies between the wish for a tap and the word that it is up.
    with sqlite3.connect(tmp_path / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE segments SET state = 'attaching', started = NULL, files = '[]'")
        ledger.execute("UPDATE recordings SET state = 'armed', started = NULL")
    ledger.close()
    async with service:
        (row,) = await service.closed(1)
        talk = Conversation(call, taken, row)
        assert talk.recording["state"] == "incomplete"
        assert "Nobody saw the end" in talk.recording["reason"]
        assert clear(said(call, ALICE, margin=0.5), talk.tracks()[0])


async def test_two_asterisks_and_one_service_and_the_death_of_one_does_not_disturb_the_other(tmp_path: Path) -> None:
    one, two = AsteriskServer(tmp_path / "one"), AsteriskServer(tmp_path / "two")
    for server in (one, two):
        await asyncio.to_thread(server.start)
    switches: Json = {name: settings(server, tmp_path)["switches"]["main"] for name, server in (
        ("one", one), ("two", two))}
    service = Phonograph(one, tmp_path, policy=EVERYTHING, switches=switches)
    await service.start()
    async with Phones(one) as first, Phones(two) as second:
        call, _ = await begin(first)
        lasting, taken = await begin(second)
        first.reachable = False
        await asyncio.to_thread(one.kill)
        await asyncio.sleep(3.0)
        assert (await service.get("/health"))["switches"]["two"]["up"] is True
        await lasting.hangup()
        await taken.ended

        async def finished() -> bool:
            rows = {row["sip_call_id"]: row for row in await service.calls()}
            return all(recording["state"] == "ready" for recording in rows[lasting.id]["recordings"])

        await service.until(finished, "did not finish the call of the living Asterisk")
        await asyncio.to_thread(one.start)
        rows = {row["sip_call_id"]: row for row in await service.closed(2, within=40.0)}
        talk = Conversation(lasting, taken, rows[lasting.id])
        assert (talk.row["switch"], talk.recording["state"]) == ("two", "ready")
        assert clear(said(lasting, ALICE, margin=0.5), talk.tracks()[0])
        assert clear(said(taken, BOB, margin=0.5), talk.tracks()[1])
        assert (rows[call.id]["switch"], rows[call.id]["recordings"][0]["state"]) == ("one", "incomplete")
    await service.stop()
    for server in (one, two):
        await asyncio.to_thread(server.stop)
