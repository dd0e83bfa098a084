"""Asterisk connects to us: calls are recorded as in the other direction, and it tells what happened in our absence."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import ANSWERS, add, tells, told
from tests.phone import Phones
from tests.phonograph import Json, Phonograph, settings
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, clear, converse, recording_runs, said

pytestmark = pytest.mark.asterisk


@pytest_asyncio.fixture
async def caller(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[tuple[AsteriskServer, Json]]:
    """An Asterisk that connects to a service, and the settings of that service."""
    server = AsteriskServer(tmp_path / "asterisk", calls=unused_tcp_port)
    await asyncio.to_thread(server.start)
    yield server, {**settings(server, tmp_path)["switches"]["main"], "connect": "listen",
                   "listen": f"127.0.0.1:{unused_tcp_port}"}
    await asyncio.to_thread(server.stop)


Caller = tuple[AsteriskServer, Json]


async def test_a_call_is_recorded_when_asterisk_connects_to_us(caller: Caller, tmp_path: Path) -> None:
    server, switch = caller
    switch["url"] = "http://127.0.0.1:9"  # nobody's: nothing may go over the other direction
    async with (Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch}) as service,
                Phones(server) as phones):
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        talk = await converse(service, alice, bob, "102")
        left, right = talk.tracks()
        assert clear(said(talk.caller, ALICE, margin=0.5), left)
        assert clear(said(talk.callee, BOB, margin=0.5), right)
        assert talk.recording["state"] == "ready"


async def test_a_call_that_ended_while_the_service_was_dead_is_complete_because_asterisk_tells_of_its_end(
        caller: Caller, tmp_path: Path) -> None:
    server, switch = caller
    service = Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch})
    await service.start()
    async with Phones(server) as phones:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        call = alice.call("102")
        taken = await bob.next_call()
        await call.answered
        await recording_runs(service)
        await asyncio.sleep(1.5)
        await service.kill()
        await asyncio.sleep(1.0)
        await call.hangup()
        await taken.ended
        await asyncio.sleep(3.0)
        await service.start()
        (row,) = await service.closed(1)
        talk = Conversation(call, taken, row)
        assert talk.recording["state"] == "ready", talk.recording
        assert clear(said(call, ALICE, margin=0.5), talk.tracks()[0])
        assert clear(said(taken, BOB, margin=0.5), talk.tracks()[1])
        assert call.ended_at is not None
        assert abs(row["ended"] - call.ended_at) < 2.0
    await service.stop()


async def test_a_call_that_came_and_went_while_the_service_was_dead_has_a_row(caller: Caller, tmp_path: Path) -> None:
    server, switch = caller
    service = Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch})
    await service.start()
    await service.kill()
    async with Phones(server) as phones:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        call = alice.call("102")
        taken = await bob.next_call()
        await call.answered
        await asyncio.sleep(1.0)
        await call.hangup()
        await taken.ended
        await service.start()
        (row,) = await service.closed(1)
        assert (row["sip_call_id"], row["outcome"], row["recorded"]) == (call.id, "missed", True)
    await service.stop()


async def test_check_waits_for_the_asterisk_that_connects_and_looks_at_it(caller: Caller, tmp_path: Path) -> None:
    server, switch = caller
    service = Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch})
    _, told = await service.cli("check")
    assert "main: ARI: Asterisk 22" in told
    assert "Asterisk sees the file that we wrote" in told
    await service.start()
    _, told = await service.cli("check")
    assert "note  main: listen: Nothing can listen on" in told
    await service.stop()
    service.file.write_text(service.file.read_text().replace(server.ari_password, "not-the-password"))
    status, told = await service.cli("check")
    assert (status, "FAIL  main: user and password" in told) == (1, True), told


# ---- Dialplans that ask --------------------------------------------------------------------------------------------


async def test_a_dialplan_is_told_before_the_answer(caller: Caller, tmp_path: Path) -> None:
    server, switch = caller
    ask_both_ways(server)
    async with (Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch}),
                Phones(server) as phones):
        alice = await phones.user("alice")
        assert [await told(alice, number) for number in ("300", "301")] == [ANSWERS["record"]] * 2


async def test_while_the_service_is_away_the_bounded_way_goes_on_and_stasis_waits_for_the_next_start(
        caller: Caller, tmp_path: Path) -> None:
    server, switch = caller
    ask_both_ways(server)
    service = Phonograph(server, tmp_path, policy=EVERYTHING, switches={"main": switch})
    await service.start()
    await service.kill()
    async with Phones(server) as phones:
        alice = await phones.user("alice")
        held = alice.call("300")
        await held.under_way
        assert await told(alice, "301") == ANSWERS["unknown"]
        assert held.ended_at is None
        await service.start()
        await held.ended
        assert held.status in (ANSWERS["record"], 503)  # told, or sent on without a word: whichever came first
    await service.stop()


def ask_both_ways(server: AsteriskServer) -> None:
    """300 asks by Stasis, 301 by the macro, for 0.3 s."""
    add(server, tells("Stasis(recorder)"))
    add(server, "exten => 301,1,Gosub(recorder-decide,s,1(0.3))\n same => n,Gosub(tells,1)")
