"""What a restart leaves behind, of the service, the switch, or both: nothing is lost silently, nothing made twice."""

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from bench.load import Load
from tests.health import said_faults
from tests.hearing import tones
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, Conversation, begin, clear, converse, recording_runs, said, whole
from tests.scenarios.conftest import Exchange
from tests.sounds import Samples, tone

pytestmark = pytest.mark.timeout(180)

CARD = 1633
"""Hz: what is said while a recording is paused."""

STAY, LEAVE = 20, 5
"""Calls that last until after the restart, and calls that end in the gap."""

LATE = 0.5
"""Seconds by which a recording may be shorter than the clock says: a busy machine answers, and hangs up, late."""


@pytest_asyncio.fixture
async def own(exchange: Exchange, tmp_path: Path) -> AsyncIterator[Exchange]:
    """A switch that may be killed. One call has gone by: the first answer in a FreeSWITCH's life is told half a second
    late."""
    server = type(exchange)(tmp_path / "switch")
    await asyncio.to_thread(server.start)
    async with Phones(server) as phones:
        call, taken = await begin(phones, seconds=0.5)
        await call.hangup()
        await taken.ended
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture
def idle(exchange: Exchange, everything: str, tmp_path: Path) -> Phonograph:
    """The service, not started yet."""
    return Phonograph(exchange, tmp_path, policy=everything)


@pytest.fixture
def beside(own: Exchange, everything: str, tmp_path: Path) -> Phonograph:
    """The service of that switch, not started yet."""
    return Phonograph(own, tmp_path, policy=everything)


async def test_killed_in_a_call_the_next_life_has_all_of_it_once(idle: Phonograph, phones: Phones) -> None:
    service = idle
    await service.start()
    call, taken = await begin(phones)
    await service.kill()
    await asyncio.sleep(1.5)
    await service.start()
    await asyncio.sleep(1)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    left, right = talk.tracks()
    assert whole(said(call, ALICE, margin=0.5), left)
    assert whole(said(taken, BOB, margin=0.5), right)
    assert (len(talk.recording["segments"]), talk.recording["state"], talk.recording["reason"]) == (1, "ready", "")
    await service.stop()


async def test_a_call_that_ended_while_the_service_was_dead_is_kept_and_says_that_its_end_was_not_seen(
        idle: Phonograph, phones: Phones) -> None:
    service = idle
    await service.start()
    call, taken = await begin(phones)
    await service.kill()
    await call.hangup()
    await taken.ended
    await service.start()
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    assert whole(said(call, ALICE, margin=0.5), talk.tracks()[0])
    assert talk.recording["state"] == "incomplete"
    assert talk.recording["reason"]
    await service.stop()


async def test_a_call_that_began_while_the_service_was_dead_is_recorded_from_then_on(
        idle: Phonograph, phones: Phones) -> None:
    service = idle
    call, taken = await begin(phones)
    await service.start()
    await recording_runs(service)
    await asyncio.sleep(1.5)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    assert clear(Conversation(call, taken, row).tracks()[0][2000:10000], ALICE.cycle(0, 160_000))
    await service.stop()


async def test_killed_while_paused_the_next_life_keeps_the_pause_and_nothing_said_in_it_is_in_any_file(
        exchange: Exchange, idle: Phonograph, phones: Phones) -> None:
    service = idle
    await service.start()
    call, taken = await begin(phones)
    await recording_runs(service)
    identity = (await service.calls())[-1]["id"]
    assert (await service.ask(identity, "pause"))["answer"] == "confirmed"
    await service.kill()
    call.stream.play(tone(CARD))
    await asyncio.sleep(0.5)
    await service.start()
    assert (await service.calls())[-1]["paused"]
    await asyncio.sleep(1)
    call.stream.play(ALICE)
    await asyncio.sleep(0.3)
    assert (await service.ask(identity, "resume"))["status"] == 200
    await recording_runs(service)
    await asyncio.sleep(1)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    assert len(talk.recording["segments"]) == 2
    assert clear(said(call, ALICE, margin=0.5)[:4000], talk.tracks()[0])
    for track in talk.tracks():
        assert tones(track, CARD) == []
    left = await asyncio.to_thread(_left, exchange.recordings, talk.recording["id"])
    assert left
    assert not [track for track in left if tones(track, CARD)]
    await service.stop()


def _left(folder: Path, recording: str) -> list[Samples]:
    """Every channel of every file that the switch has made of a recording."""
    found: list[Samples] = []
    for path in folder.rglob(f"{recording}*.wav"):
        with wave.open(str(path), "rb") as file:
            frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        found += [frames[:, number].astype(np.int16) for number in range(frames.shape[1])]
    return found


async def test_a_switch_killed_in_a_call_leaves_a_repaired_recording_that_says_it_is_incomplete(
        own: Exchange, beside: Phonograph) -> None:
    async with beside as service, Phones(own) as phones:
        call, taken = await begin(phones, seconds=4.0)
        phones.reachable = False
        await asyncio.to_thread(own.kill)
        await asyncio.to_thread(own.start)
        (row,) = await service.closed(1, within=40.0)
        talk = Conversation(call, taken, row)
        assert talk.recording["state"] == "incomplete"
        assert talk.recording["reason"]
        left, _ = talk.tracks()
        assert len(left) > 2 * 8000
        assert clear(left[:16_000], ALICE.cycle(0, 160_000))
        phones.reachable = True
        async with Phones(own) as again:
            alice, bob = await again.user("alice", ALICE), await again.user("bob", BOB)
            await converse(service, alice, bob, "102", seconds=1.0, rows=2)
    assert len(said_faults(service, "switch.unreachable")) == 1


async def test_power_fails_and_comes_back(own: Exchange, beside: Phonograph) -> None:
    """Switch and service are killed together, in the second segment of one call and the first of another."""
    service = beside
    await service.start()
    async with Phones(own) as phones:
        call, _ = await begin(phones, seconds=3.0)
        (row,) = await service.calls()
        for verb in ("pause", "resume"):
            assert (await service.ask(row["id"], verb))["status"] == 200
        carol, dave = await phones.user("carol", ALICE), await phones.user("dave", BOB)
        other = carol.call("104")
        await asyncio.wait_for(dave.next_call(), 10)
        await other.answered
        await asyncio.sleep(5.0)
        phones.reachable = False
        await service.kill()
        await asyncio.to_thread(own.kill)
    await asyncio.to_thread(own.start)
    await service.start()
    rows = {row["sip_call_id"]: row for row in await service.closed(2, within=40.0)}
    assert set(rows) == {call.id, other.id}
    for one, segments in ((call.id, 2), (other.id, 1)):
        (recording,) = rows[one]["recordings"]
        assert len(recording["segments"]) == segments
        assert recording["state"] == "incomplete"
        assert "Nobody saw the end" in recording["reason"]
        files = service.manifest(recording)["files"]
        # What a switch had not written yet is lost: 4.1 s at most, and each call had 5 s or more.
        assert all(file["samples"] > (3 * segments + 1) * 8000 for file in files), files
    async with Phones(own) as phones:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        # The first answer in a FreeSWITCH's life is told half a second late.
        await converse(service, alice, bob, "102", seconds=0.5, rows=3)
        talk = await converse(service, alice, bob, "102", seconds=2.0, rows=4)
        assert talk.recording["state"] == "ready"
    await service.stop()


def spoken(recording: Json) -> tuple[float, float]:
    """Seconds of each track of the stereo file, from its first to its last half second with a voice in it."""
    with wave.open(str(recording["stereo"]), "rb") as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
        half = file.getframerate() // 2
    loud = [np.flatnonzero(np.abs(frames[:, side][:len(frames) // half * half].reshape(-1, half)).max(axis=1) > 500)
            for side in (0, 1)]
    left, right = (float(places[-1] + 1 - places[0]) / 2 if len(places) == places[-1] + 1 - places[0] else 0.0
                   for places in loud)
    return left, right


async def recording_all(service: Phonograph, calls: int) -> None:
    """Returns when so many calls are being recorded."""
    async def all_of_them() -> bool:
        rows = await service.calls()
        return [one["state"] for row in rows for one in row["recordings"]].count("recording") == calls

    await service.until(all_of_them, f"does not record {calls} calls", within=40.0)


async def test_many_calls_and_the_service_killed_in_their_middle(own: Exchange, beside: Phonograph) -> None:
    """No call notices, and each has one whole recording."""
    service = beside
    await service.start()
    async with Load(own) as load:
        staying = asyncio.create_task(load.calls(STAY, rate=10.0, seconds=40.0))
        leaving = asyncio.create_task(load.calls(LEAVE, rate=10.0, seconds=15.0))
        await recording_all(service, STAY + LEAVE)
        await service.kill()
        short = {talk.id for talk in await leaving}
        await service.start()
        assert not staying.done()
        await recording_all(service, STAY)
        long = {talk.id for talk in await staying}
        rows = await service.closed(STAY + LEAVE, within=60.0)
    await service.stop()
    made = {path.name[:38] for path in (own.recordings / "phonograph").iterdir()}

    assert sorted(row["sip_call_id"] for row in rows) == sorted(long | short)
    assert [len(row["recordings"]) for row in rows] == [1] * (STAY + LEAVE)
    assert [len(row["recordings"][0]["segments"]) for row in rows] == [1] * (STAY + LEAVE)
    assert made == {f"{row['recordings'][0]['id']}.0" for row in rows}
    for row in rows:
        (recording,) = row["recordings"]
        if row["sip_call_id"] in long:
            assert (recording["state"], recording["reason"]) == ("ready", ""), recording
            lasted = 40.0
        else:
            assert (recording["state"], "Nobody saw the end of segment" in recording["reason"]) == ("incomplete", True)
            lasted = 15.0
        assert min(spoken(recording)) > lasted - 1.0 - LATE, recording
