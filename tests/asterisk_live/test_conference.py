"""ConfBridge conferences on the real server: the mix through a quiet member, a track for every member."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.hearing import whose_audio
from tests.meeting import (
    CAROL,
    VOICES,
    conference_of,
    meet,
    members_without_a_mix,
    running,
    samples,
)
from tests.phone import Phones
from tests.phonograph import Phonograph, settings
from tests.recorded import BOB, EVERYTHING
from tests.servers import MUSIC
from tests.sounds import RATE, Samples, tone, write

pytestmark = pytest.mark.asterisk

@pytest_asyncio.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as running:
        yield running


@pytest.fixture
def announced(asterisk: AsteriskServer) -> Iterator[str]:
    """The number of a conference with music for who is alone and a sound for whoever comes."""
    write(tone(1200), asterisk.folder / "join.wav")
    steps = ("Answer()", "Set(CONFBRIDGE(user,quiet)=no)", "Set(CONFBRIDGE(user,announce_only_user)=no)",
             "Set(CONFBRIDGE(user,music_on_hold_when_empty)=yes)",
             f"Set(CONFBRIDGE(bridge,sound_join)={asterisk.folder / 'join'})", "ConfBridge(8900)")
    for priority, step in enumerate(steps, start=1):
        asterisk.cli(f"dialplan add extension 8900,{priority},{step} into users")
    yield "8900"
    asterisk.cli("dialplan remove extension 8900@users")


def seconds_of_tone(heard: Samples, hertz: int) -> float:
    """For how long a tone was heard."""
    blocks = heard[:len(heard) // 400 * 400].reshape(-1, 400).astype(float)
    spectrum = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    place = hertz // (RATE // 400)
    return float(np.sum(spectrum[:, place] > 0.3 * spectrum.sum(axis=1))) * 400 / RATE


async def test_nobody_hears_the_quiet_member_and_who_is_alone_hears_music_again(
        service: Phonograph, phones: Phones, announced: str) -> None:
    calls = await meet(phones, announced)
    await asyncio.sleep(1)
    with_two = len(calls["alice"].stream.heard())
    second = (await phones.user("bob", BOB)).call(announced)
    await second.answered
    await running(service, 3)
    await asyncio.sleep(3)
    await second.hangup()
    alone = len(calls["alice"].stream.heard())
    await asyncio.sleep(2)
    heard = calls["alice"].stream.heard()
    await calls["alice"].hangup()
    music = {"music": MUSIC.samples, "bob": BOB.samples}
    assert list(whose_audio(heard[:with_two], music)) == ["music"]
    assert list(whose_audio(heard[with_two + 2 * RATE:alone], music)) == ["bob"]
    assert list(whose_audio(heard[alone + RATE // 2:], music)) == ["music"]
    # A second long: bob's. The quiet member's would be another one.
    assert 0.8 <= seconds_of_tone(heard[with_two:], 1200) <= 1.2
    assert (await conference_of(service, rows=3))["recordings"][0]["state"] == "ready"


@pytest.fixture
def recorded_by_itself(asterisk: AsteriskServer) -> Iterator[str]:
    """The number of a conference that ConfBridge records, into a file named after it."""
    steps = ("Answer()", "Set(CONFBRIDGE(bridge,record_conference)=yes)",
             "Set(CONFBRIDGE(bridge,record_file_timestamp)=no)",
             "Set(CONFBRIDGE(bridge,record_file)=recording-8901.wav)", "ConfBridge(8901)")
    for priority, step in enumerate(steps, start=1):
        asterisk.cli(f"dialplan add extension 8901,{priority},{step} into users")
    yield "8901"
    asterisk.cli("dialplan remove extension 8901@users")


async def test_what_confbridge_recorded_by_itself_becomes_a_recording_of_the_conference(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, recorded_by_itself: str) -> None:
    monitor = asterisk.spool / "monitor"
    switch = {**settings(asterisk, tmp_path)["switches"]["main"], "audio_path": str(monitor)}
    async with Phonograph(asterisk, tmp_path, policy="record: none\n", switches={"main": switch},
                          fileformat="{{confbridgeid}}-{{uuid}}") as service:
        calls = await meet(phones, recorded_by_itself, recorded_by_itself)
        await asyncio.sleep(3)
        for call in calls.values():
            await call.hangup()
        row = await conference_of(service, rows=3)
        (recording,) = row["recordings"]
        assert (row["outcome"], row["rule"], row["reason"]) == (
            "recorded", "system", "the switch recorded the conference by itself")
        assert recording["state"] == "ready"
        assert Path(recording["mixed"]).name.startswith("8901-")
        mixed = samples(Path(recording["mixed"]))
        assert sorted(whose_audio(mixed[-3 * RATE:], VOICES)) == ["alice", "bob"]
        assert not (monitor / "recording-8901.wav").exists()


async def test_two_conferences_right_after_each_other_have_a_file_each(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, recorded_by_itself: str) -> None:
    """The second one begins before the first one's file has moved: ConfBridge appends to it."""
    switch = {**settings(asterisk, tmp_path)["switches"]["main"], "audio_path": str(asterisk.spool / "monitor")}
    async with Phonograph(asterisk, tmp_path, policy="record: none\n", switches={"main": switch}) as service:
        first = await meet(phones, recorded_by_itself, recorded_by_itself)
        carol = await phones.user("carol", CAROL)
        await asyncio.sleep(3)
        for call in first.values():
            await call.hangup()
        second = carol.call(recorded_by_itself)
        await second.answered
        await asyncio.sleep(4)
        await second.hangup()
        rows = [row for row in await service.closed(5) if row["kind"] == "conference"]
        assert [row["reason"] for row in rows] == ["the switch recorded the conference by itself"] * 2
        assert [len(row["recordings"]) for row in rows] == [1, 1]
        (one,), (other,) = (row["recordings"] for row in rows)
        spoken = [whose_audio(samples(Path(recording["mixed"]))[-2 * RATE:], VOICES) for recording in (one, other)]
        assert [sorted(voices) for voices in spoken] == [["alice", "bob"], ["carol"]]
        in_spool = [asterisk.recordings / recording["segments"][0]["files"][0] for recording in (one, other)]
        assert sorted(whose_audio(samples(in_spool[0])[-2 * RATE:], VOICES)) == ["alice", "bob"]
        assert 3.5 < len(samples(in_spool[1])) / RATE < 5.5


async def test_a_conference_whose_name_no_dialplan_can_take_has_its_members_tracks_and_says_why_there_is_no_mix(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    for priority, step in enumerate(("Answer()", "Set(NAME=a^b)", "ConfBridge(${NAME})"), start=1):
        asterisk.cli(f'dialplan add extension 8903,{priority},"{step}" into users')
    try:
        async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
            await members_without_a_mix(service, await meet(phones, "8903", "8903"))
    finally:
        asterisk.cli("dialplan remove extension 8903@users")
