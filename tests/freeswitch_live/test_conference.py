"""Conferences on the real FreeSWITCH: their names and profiles, silence, and the file that FreeSWITCH writes itself."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.conftest import EVERYTHING
from tests.hearing import follow, whose_audio
from tests.meeting import (
    SOUNDS,
    VOICES,
    conference_of,
    listening,
    meet,
    members_without_a_mix,
    running,
    samples,
    tracks,
)
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.sounds import RATE

pytestmark = pytest.mark.freeswitch


def conferences(rows: list[Json]) -> list[Json]:
    """The rows that are a conference's."""
    return [row for row in rows if row["kind"] == "conference"]


async def meet_in(server: FreeSwitchServer, phones: Phones, room: str) -> dict[str, Call]:
    """Alice and bob, sent by FreeSWITCH into a conference that no number leads to."""
    calls = await meet(phones, "201", "201")
    legs: list[Json] = []
    async with asyncio.timeout(5):
        while len(legs) < len(calls):  # the list is up to 0.4 s behind, and nothing tells when it is not
            await asyncio.sleep(0.05)
            legs = json.loads(await asyncio.to_thread(server.cli, "show channels as json")).get("rows", [])
    for row in legs:
        told = await asyncio.to_thread(server.cli, f"uuid_transfer {row['uuid']} 'conference:{room}@default' inline")
        assert told.startswith("+OK"), told
    return calls


async def test_the_profile_decides_also_of_a_conference_that_was_there_before_us(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    leds = EVERYTHING + "conferences: {names: [], profiles: [led]}\n"
    others = await meet(phones, "8050", "8050")
    led = {name: call.phone.call("8250") for name, call in others.items()}
    for call in led.values():
        await call.answered
    async with Phonograph(freeswitch, tmp_path, policy=leds) as service:
        await running(service, 3)
        for call in others.values():
            await call.hangup()
        leader = others["alice"].phone.call("8150")
        await leader.answered
        await running(service, 4)
        await asyncio.sleep(2)
        await leader.hangup()
        await asyncio.gather(*(call.ended for call in led.values()))
        found = sorted((row["rule"], row["outcome"]) for row in conferences(await service.closed(7)))
        assert found == [("conferences", "not_wanted"), ("system", "recorded")]


@pytest.mark.parametrize("room", ["board room", "Küche", "a&b|c,d", "list"])
async def test_an_odd_name_is_no_hindrance(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, room: str) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as service:
        calls = await meet_in(freeswitch, phones, room)
        await running(service, 3)
        await asyncio.sleep(2)
        for call in calls.values():
            await call.hangup()
        (recording,) = (await conference_of(service, rows=3))["recordings"]
        assert recording["state"] == "ready", recording["reason"]


@pytest.mark.parametrize("room", ["a;b", "$1", 'a"b'])
async def test_a_name_that_no_command_can_carry_leaves_the_members_tracks_and_says_why_there_is_no_mix(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path, room: str) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as service:
        await members_without_a_mix(service, await meet_in(freeswitch, phones, room))


async def test_the_mix_goes_on_in_one_file_while_nobody_says_anything(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as service:
        calls = await meet(phones, "8051", "8051")
        await running(service, 3)
        for call in calls.values():
            call.stream.stop_sending()
        await asyncio.sleep(9)
        for call in calls.values():
            call.stream.start_sending()
        await asyncio.sleep(3)
        for call in calls.values():
            await call.hangup()
        (recording,) = (await conference_of(service, rows=3))["recordings"]
        ((_, mix),) = tracks(service, freeswitch.recordings, recording)["mix"]
        assert sorted(whose_audio(mix[-2 * RATE:], VOICES)) == ["alice", "bob"]
        assert recording["state"] == "ready", recording["reason"]


async def test_what_freeswitch_records_by_itself_stays_its_own_and_whole(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    own = freeswitch.recordings / "conference-8352.wav"
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as service:
        calls = await meet(phones, "8352", "8352")
        row = await running(service, 3)
        await asyncio.sleep(1)
        assert (await service.cli("pause", row["id"]))[0] == 0
        assert listening(freeswitch) == 0
        await asyncio.sleep(1)
        await service.cli("resume", row["id"])
        await running(service, 3)
        await asyncio.sleep(1)
        for call in calls.values():
            await call.hangup()
        (recording,) = (await conference_of(service, rows=3))["recordings"]
        assert recording["state"] == "ready", recording["reason"]
        assert own.name not in json.dumps(service.manifest(recording))
        whole = samples(own)
        assert len(whole) / RATE > 3
        assert sorted(whose_audio(whole[-3 * RATE:], VOICES)) == sorted(list(SOUNDS)[:2])


async def test_nothing_that_is_mixed_late_comes_over_from_a_pause(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    """FreeSWITCH keeps up to half a second of each member's audio, the more the busier the machine was."""
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as service:
        calls = await meet(phones, "8053", "8053", "8053")
        row = await running(service, 4)
        resumed = []
        for _ in range(8):
            await asyncio.sleep(1)
            await service.ask(row["id"], "pause")
            await asyncio.sleep(0.6)
            resumed.append(time.time())
            await service.ask(row["id"], "resume")
            await running(service, 4)
        await asyncio.sleep(1)
        for call in calls.values():
            await call.hangup()
        (recording,) = (await conference_of(service, rows=4))["recordings"]
        assert recording["state"] == "ready", recording["reason"]
        _, *others = tracks(service, freeswitch.recordings, recording)["mix"]
        assert len(others) == len(resumed)
        for (begun, mix), asked in zip(others, resumed, strict=True):
            for name, call in calls.items():
                reference = SOUNDS[name].cycle(call.stream.sent.sample_at(begun - 1), 3 * RATE)
                said = [begun - 1 - piece.seconds for piece in follow(reference, mix, window=0.4)[:1]
                        if piece.confidence > 0.25]
                assert all(moment >= asked for moment in said), (name, [moment - asked for moment in said])
