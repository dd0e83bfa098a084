"""Members of conferences: their way in, what they ask for, where they go on to, leaving while Phonograph is dead."""

import asyncio
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import add_extension
from tests.hearing import whose_audio
from tests.meeting import CAROL, SOUNDS, channels, conference_of, holds, meet, running, seconds, spoken
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import EVERYTHING
from tests.sounds import Samples, noise

pytestmark = pytest.mark.asterisk

VOICES = {name: sound.samples for name, sound in SOUNDS.items()}
OPTIONAL = "record: audio\ndomains: {sales.example: {recording: {recordingType: audio, recordingProfile: optional}}}\n"


@pytest.fixture
def number(asterisk: AsteriskServer) -> Iterator[Callable[..., str]]:
    """Makes the number 8910 of the given steps."""

    def make(*steps: str) -> str:
        add_extension(asterisk, "8910", ("Answer()", *steps))
        return "8910"

    yield make
    asterisk.cli("dialplan remove extension 8910@users")


def mixed(recording: Json) -> Samples:
    """What the published mono file holds."""
    with wave.open(str(recording["mixed"]), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


def of(rows: list[Json], sip_call_id: str) -> list[Json]:
    """The rows of one phone's call."""
    return [row for row in rows if row["sip_call_id"] == sip_call_id and row["kind"] == "call"]


async def test_a_long_way_in_follows_the_members_own_policy_whatever_conferences_says(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, number: Callable[..., str]) -> None:
    prompt = number("Playtones(440)", "Wait(3)", "StopPlaytones()", "ConfBridge(8030,default_bridge,default_user)")
    nobodys = EVERYTHING + ("conferences: {names: []}\n"
                            "users: {bob: {recording: {recordingType: none}}}\n")
    async with Phonograph(asterisk, tmp_path, policy=nobodys) as service:
        calls = await meet(phones, prompt, prompt)
        await asyncio.sleep(4.5)
        assert await asyncio.to_thread(channels, asterisk, "Snoop/") == 0
        for call in calls.values():
            await call.hangup()
        rows = await service.closed(3)
        (alices,), (bobs,) = of(rows, calls["alice"].id), of(rows, calls["bob"].id)
        assert [(row["rule"], row["outcome"]) for row in rows if row["kind"] == "conference"] == [
            ("conferences", "not_wanted")]
        assert (bobs["rule"], bobs["recordings"]) == ("user", [])
        (recording,) = alices["recordings"]
        assert (alices["outcome"], recording["state"]) == ("recorded", "ready"), recording["reason"]
        assert 2.5 < recording["ended"] - recording["started"] < 4
        assert list(whose_audio(mixed(recording), VOICES)) == ["alice"]


async def test_under_optional_a_members_dialplan_starts_it_and_another_members_key_stops_it(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, number: Callable[..., str]) -> None:
    asking = number("Gosub(recorder-feature,s,1(start))", "ConfBridge(8031,default_bridge,default_user)")
    async with Phonograph(asterisk, tmp_path, policy=OPTIONAL) as service:
        alice, bob = [await phones.user(name, SOUNDS[name]) for name in ("alice", "bob")]
        first = alice.call("8431")
        await first.answered
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(channels, asterisk, "Snoop/") == 0
        second = bob.call(asking)
        await second.answered
        await running(service, 3)
        await asyncio.sleep(1)
        await first.dial("*74")

        async def stopped() -> bool:
            return await asyncio.to_thread(channels, asterisk, "Snoop/") == 0 and await asyncio.to_thread(
                channels, asterisk, "Local/s@recorder-member") == 0

        await service.until(stopped, "does not stop")
        for call in (first, second):
            await call.hangup()
        row = await conference_of(service, rows=3)
        (recording,) = row["recordings"]
        assert (row["outcome"], recording["state"]) == ("recorded", "ready")
        assert sorted(whose_audio(mixed(recording), VOICES)) == ["alice", "bob"]


async def test_who_leaves_and_dials_somebody_is_in_a_call_of_its_own(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, number: Callable[..., str]) -> None:
    leaving = number("Set(CONFBRIDGE(menu,9)=leave_conference)", "ConfBridge(8032,default_bridge,default_user)",
                     "Dial(PJSIP/carol,30)")
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        carol = await phones.user("carol", CAROL)
        dave = (await phones.user("dave", noise(15))).call("8032")
        await dave.answered
        calls = await meet(phones, leaving, "8032")
        await running(service, 4)
        await asyncio.sleep(1)
        await calls["alice"].dial("9")
        taken = await carol.next_call()
        answered = await taken.answered
        await asyncio.sleep(2)
        await calls["alice"].hangup()
        await asyncio.sleep(0.5)
        for call in (calls["bob"], dave):
            await call.hangup()
        rows = await service.closed(5)
        (conference,) = [row for row in rows if row["kind"] == "conference"]
        assert conference["recordings"][0]["state"] == "ready", conference["recordings"][0]["reason"]
        (own,) = [row for row in rows if row["kind"] == "call" and row["outcome"] == "recorded"]
        assert [leg["name"].split("-")[0] for leg in own["legs"]] == ["PJSIP/alice", "PJSIP/carol"]
        (recording,) = own["recordings"]
        assert recording["state"] == "ready"
        assert sorted(whose_audio(mixed(recording), VOICES)) == ["alice", "carol"]
        (member,) = [one for one in service.manifest(conference["recordings"][0])["parties"]
                     if one["user"] == "alice"]
        assert seconds(member["visits"][0]["stopTime"]) < answered


async def test_members_who_leave_and_a_conference_that_ends_while_we_are_dead(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    try:
        calls = await meet(phones, "8033", "8033", "8033")
        await running(service, 4)
        begun = time.time()
        await asyncio.sleep(2)
        await service.kill()
        await calls["carol"].hangup()
        await service.start()
        await running(service, 3)
        await asyncio.sleep(0.5)
        await service.kill()
        for name in ("alice", "bob"):
            await calls[name].hangup()
        assert await asyncio.to_thread(channels, asterisk, "Local/s@recorder-member") == 2
        await service.start()
        row = await conference_of(service, rows=4)
        assert await asyncio.to_thread(channels, asterisk, "Local/s@recorder-member") == 0
        (recording,) = row["recordings"]
        manifest = service.manifest(recording)
        assert (row["outcome"], recording["state"]) == ("recorded", "incomplete")
        assert "saw the end" in recording["reason"]
        parts = mixed(recording)
        for name, call in calls.items():
            came, went = spoken(call)
            assert holds(parts, call, SOUNDS[name], begun, went - 0.3, clear=0.3)
            (visit,) = [one["visits"][0] for one in manifest["parties"] if one["user"] == name]
            assert abs(seconds(visit["startTime"]) - came) < 0.5
            assert seconds(visit["stopTime"]) >= went - 0.1
    finally:
        await service.stop()
