"""A member of a conference keeps something out of its recording by keys, with Phonograph alive and with it dead."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.meeting import UNREPEATED, channels, conference_of, holds, meet, running, tracks
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import EVERYTHING
from tests.sounds import RATE, noise

pytestmark = pytest.mark.asterisk

DAVE = noise(15, seconds=180.0)
VOICES = {**UNREPEATED, "dave": DAVE}


def taps(asterisk: AsteriskServer) -> int:
    """How many channels of ours there are: snoops, and both halves of a quiet member."""
    return channels(asterisk, "Snoop/") + channels(asterisk, "Local/s@recorder-member")


async def until_taps(asterisk: AsteriskServer, number: int) -> float:
    """Until so many channels of ours are left on the whole server; the time.time of that. The grain is 20 ms.

    Raises:
        AssertionError: it came to that in no five seconds.
    """
    for _ in range(100):
        if await asyncio.to_thread(taps, asterisk) == number:
            return time.time()
        await asyncio.sleep(0.02)
    raise AssertionError(f"there are {taps(asterisk)} taps, not {number}")


def kept_out(service: Phonograph, spool: Path, recording: Json, calls: Mapping[str, Call], begin: float,
             end: float) -> None:
    """That no file has anything of anybody from one moment to another, and that there are files of before and after."""
    files = tracks(service, spool, recording)
    pieces = [piece for track in files.values() for piece in track]
    assert min(begun for begun, _ in pieces) < begin
    assert max(begun for begun, _ in pieces) > end - 0.1
    for begun, track in pieces:
        assert begun + len(track) / RATE <= begin + 0.05 or begun >= end - 0.1
        for name, call in calls.items():
            assert not holds(track, call, VOICES[name], begin + 0.1, end - 0.1)


async def test_a_member_pauses_the_whole_conference_by_a_key_and_resumes_it(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        calls = await meet(phones, "8420", "8020", "8020", sounds=UNREPEATED)
        await running(service, 4)
        await asyncio.sleep(1)
        await calls["alice"].dial("*71")
        paused = await until_taps(asterisk, 0)
        await asyncio.sleep(1.5)
        assert await asyncio.to_thread(taps, asterisk) == 0
        resuming = time.time()
        await calls["alice"].dial("*72")
        await running(service, 4)
        await asyncio.sleep(1)
        for call in calls.values():
            await call.hangup()
        row = await conference_of(service, rows=4)
        (recording,) = row["recordings"]
        (pause,) = row["pauses"]
        assert (recording["state"], pause["owner"], pause["actor"]) == ("ready", "agent", "party")
        kept_out(service, asterisk.recordings, recording, calls, paused, resuming)


async def test_who_came_while_phonograph_is_dead_ends_all_taps_by_a_key_and_the_next_life_waits_for_the_resume(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    try:
        calls = await meet(phones, "8021", "8021", "8021", sounds=UNREPEATED)
        await running(service, 4)
        await asyncio.sleep(1)
        await service.kill()
        calls["dave"] = (await phones.user("dave", DAVE)).call("8421")
        await calls["dave"].answered
        assert await asyncio.to_thread(taps, asterisk) >= 5
        await calls["dave"].dial("*71")
        paused = await until_taps(asterisk, 0)
        assert all(call.ended_at is None for call in calls.values())
        await service.start()
        for _ in range(5):
            assert await asyncio.to_thread(taps, asterisk) == 0
            await asyncio.sleep(0.1)
        resuming = time.time()
        await calls["dave"].dial("*72")
        await running(service, 5)
        await asyncio.sleep(1)
        for call in calls.values():
            await call.hangup()
        row = await conference_of(service, rows=5)
        (recording,) = row["recordings"]
        (pause,) = row["pauses"]
        assert (pause["owner"], pause["actor"], pause["state"]) == ("agent", "dialplan", "resumed")
        # What was said between the death and the pause is there, but nobody saw its end.
        assert recording["state"] == "incomplete"
        kept_out(service, asterisk.recordings, recording, calls, paused, resuming)
    finally:
        await service.stop()


async def test_another_conference_is_recorded_on_when_one_is_paused_without_phonograph(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    calls = await meet(phones, "8422", "8022", sounds=UNREPEATED)
    others = [user.call("8023") for user in [await phones.user("dave", DAVE), await phones.user("erin")]]
    for call in others:
        await call.answered
    await running(service, 3)
    await until_taps(asterisk, 8)
    await service.kill()
    await calls["alice"].dial("*71")
    await until_taps(asterisk, 4)
    await asyncio.sleep(0.5)
    assert await asyncio.to_thread(taps, asterisk) == 4
    for call in calls.values():
        await call.hangup()
    assert await asyncio.to_thread(taps, asterisk) == 4
