"""What the members of a real conference hear of its recording, and what the mix and the tracks have of that, on every
switch."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.announcing import (
    BEEP,
    CHIME,
    EVERY_2,
    LATE,
    SOUND,
    announcing,
    beeps,
    put_sound,
    sounded,
    told,
)
from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.meeting import CAROL, conference_of, meet, running, tracks
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.scenarios.conftest import Exchange

IN_TRACKS = {AsteriskServer: 0, FreeSwitchServer: 2}
"""How often a recorded sound is in the members' tracks: FreeSWITCH's have what is mixed into what a member says."""


@pytest.fixture(autouse=True)
def consent(exchange: Exchange) -> None:
    """A sound on the switch."""
    put_sound(exchange)


async def held(service: Phonograph, phones: Phones, number: str) -> tuple[dict[str, Call], Json]:
    """Alice and bob meet, carol comes later; their calls, over, and the conference's row."""
    calls = await meet(phones, number, number)
    await running(service, 3)
    await asyncio.sleep(2.2)
    carol = await phones.user("carol", CAROL)
    calls["carol"] = carol.call(number)
    await calls["carol"].answered
    await running(service, 4)
    await asyncio.sleep(2)
    for call in calls.values():
        await call.hangup()
    return calls, await conference_of(service, rows=4)


def recorded(service: Phonograph, exchange: Exchange, row: Json, hertz: int) -> dict[str, int]:
    """How often a tone is in the mix, and in all members' tracks together."""
    (recording,) = row["recordings"]
    assert recording["state"] == "ready", recording["reason"]
    files = tracks(service, exchange.recordings, recording)
    mix = files.pop("mix")
    return {"mix": sum(len(sounded(piece, hertz)) for _, piece in mix),
            "tracks": sum(len(sounded(piece, hertz)) for pieces in files.values() for _, piece in pieces)}


async def test_each_member_hears_the_sound_once_and_the_recording_has_none_of_it(
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    async with announcing(exchange, tmp_path, SOUND) as service:
        calls, row = await held(service, phones, "8040")
        assert {name: len(beeps(call, CHIME)) for name, call in calls.items()} == {"alice": 1, "bob": 1, "carol": 1}
        came = calls["carol"].answered_at
        assert came is not None
        assert beeps(calls["carol"], CHIME)[0] - came < 2
        assert recorded(service, exchange, row, CHIME) == {"mix": 0, "tracks": 0}
        assert sorted(name for one in told(row) for name in one["parties"]) == ["alice", "bob", "carol"]
        assert {one["state"] for one in told(row)} == {"done"}


async def test_a_member_hears_the_beep_at_once_and_the_recording_has_none_of_it(
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    async with announcing(exchange, tmp_path, EVERY_2) as service:
        calls, row = await held(service, phones, "8041")
        for call in calls.values():
            assert call.answered_at is not None
            times = beeps(call)
            assert times[0] - call.answered_at < 2
            assert np.diff(times) == pytest.approx(2.0, abs=LATE)
        assert len(beeps(calls["alice"])) >= 2
        assert recorded(service, exchange, row, BEEP) == {"mix": 0, "tracks": 0}


async def test_a_recorded_sound_is_heard_by_all_for_each_who_comes_and_is_in_the_mix(
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    async with announcing(exchange, tmp_path, "{sound: custom/consent, recorded: true}") as service:
        calls, row = await held(service, phones, "8042")
        times = {name: len(beeps(call, CHIME)) for name, call in calls.items()}
        assert times == {"alice": 2, "bob": 2, "carol": 1}
        assert recorded(service, exchange, row, CHIME) == {
            "mix": 2, "tracks": IN_TRACKS[type(exchange)]}
