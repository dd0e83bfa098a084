"""Announcements where FreeSWITCH has ways of its own: a tap that comes after a sound, transfers, what is not ours."""

import asyncio
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from tests.announcing import (
    BEEP,
    CHIME,
    EVERY_2,
    announcing,
    beeps,
    due,
    put_sound,
    sounded,
    speaking,
    told,
    write_chime,
)
from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, until
from tests.hearing import tones, whose_audio
from tests.pausing import until_tone
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, TRUNK, Conversation, clear, converse, said
from tests.sounds import RATE
from tests.whereabouts import SOUNDS, heard, row_of
from tests.whereabouts import connected as talking

pytestmark = pytest.mark.freeswitch

LONG = "{sound: custom/long}"
TONE = "tone_stream://%(200,800,600)"
THEIRS = 600
"""Hz: what somebody else plays."""


async def test_a_sound_that_a_resume_comes_into_is_said_again_and_the_recording_has_none_of_it(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    """FreeSWITCH serves media bugs in the order in which they came: a tap that came after the sound would hear it."""
    put_sound(freeswitch, "long", seconds=3.0)
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(freeswitch, tmp_path, LONG) as service:
        call, taken = await talking(alice, bob, "102")
        await until_tone(call, CHIME)
        identity = (await service.calls())[0]["id"]
        assert (await service.ask(identity, "pause"))["answer"] == "confirmed"
        assert speaking(freeswitch) == 2
        assert (await service.ask(identity, "resume"))["answer"] == "done"
        await heard(call, taken, seconds=6)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)

    assert tones(np.concatenate(Conversation(call, taken, row).tracks()), CHIME) == []
    assert [one["state"] for one in told(row)] == ["failed", "done"]
    for phone in (call, taken):
        assert sum(last - first > 2.5 for first, last in sounded(phone.stream.heard(), CHIME)) == 1


async def test_no_recording_that_a_resume_begins_has_anything_of_the_beep(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(freeswitch, tmp_path, "{beep: {every: 1, seconds: 0.9}}") as service:
        call, taken = await talking(alice, bob, "102")

        async def beeping() -> bool:
            return bool(told((await service.calls())[0])[-1]["state"] == "playing")

        await until_tone(call, BEEP)
        identity = (await service.calls())[0]["id"]
        for _ in range(10):
            assert (await service.ask(identity, "pause"))["answer"] == "confirmed"
            await service.ask(identity, "resume")
            await service.until(beeping, "does not beep")
            await asyncio.sleep(0.1)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)

    assert tones(np.concatenate(Conversation(call, taken, row).tracks()), BEEP) == []
    assert len(told(row)) == 11


async def test_after_a_transfer_in_the_middle_of_a_sound_each_party_has_heard_all_of_it_once(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    """Who stays hears it to its end. On a busy machine the next party may be told of so late that the tap has ended
    meanwhile; then it is said again to both."""
    put_sound(freeswitch, "long", seconds=3.0)
    trunk = await phones.trunk(TRUNK)
    bob, carol = await phones.user("bob", BOB), await phones.user("carol", SOUNDS["carol"])
    async with announcing(freeswitch, tmp_path, LONG) as service:
        call, taken = await talking(trunk, bob, "102")
        await until_tone(call, CHIME)
        await asyncio.sleep(1)
        transferring = asyncio.create_task(taken.refer("103"))
        then = await carol.next_call()
        assert await transferring < 300
        await heard(call, then, seconds=5)
        await call.hangup()
        row = await row_of(service, call, rows=1)

    _, right = Conversation(call, then, row).tracks()
    assert list(whose_audio(right[-3 * RATE:], {"bob": BOB.samples, "carol": SOUNDS["carol"].samples})) == ["carol"]
    assert told(row)[-1]["state"] == "done"
    assert "carol" in told(row)[-1]["parties"]
    assert tones(np.concatenate(Conversation(call, then, row).tracks()), CHIME) == []
    for phone in (call, then):
        assert sum(last - first > 2.5 for first, last in sounded(phone.stream.heard(), CHIME)) == 1


async def test_a_party_hears_it_though_the_other_one_sends_nothing(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob")
    async with announcing(freeswitch, tmp_path, EVERY_2) as service:
        talk = await converse(service, alice, bob, "102", seconds=4.0)
        assert [len(beeps(call)) for call in (talk.caller, talk.callee)] == [due(talk.caller, 2.0)] * 2
        assert tones(np.concatenate(talk.tracks()), BEEP) == []


async def test_the_beep_is_silent_while_the_call_is_on_hold(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(freeswitch, tmp_path, "{beep: {every: 1, seconds: 0.3}}") as service:
        call, taken = await talking(alice, bob, "102")
        await heard(call, taken, seconds=2)
        await call.hold()
        await until(lambda: speaking(freeswitch) == 0)
        await call.resume()
        resumed = call.stream.arrivals[-1].at
        await heard(call, taken, seconds=2.5)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)

    for phone in (call, taken):
        assert sum(at > resumed for at in beeps(phone)) >= 2
    assert {one["state"] for one in told(row)} == {"done"}
    assert tones(np.concatenate(Conversation(call, taken, row).tracks()), BEEP) == []


async def test_what_others_play_goes_on_and_what_nobody_knows_of_ours_is_ended(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call, taken = await talking(alice, bob, "102")
    first, second = await legs(freeswitch, 2)
    orphan = f"{{recorder_announcement={uuid4()}.a0,recorder_piece=0,loops=-1}}tone_stream://%(200,800,{BEEP})"
    left_over = f"{{recorder_announcement={uuid4()}.a3,recorder_piece=1,loops=-1}}tone_stream://%(200,800,{BEEP})"
    for leg, what in ((first, orphan), (second, left_over), (first, f"{{loops=-1}}{TONE}")):
        assert freeswitch.cli(f"uuid_displace {leg} start {what} 0 m").startswith("+OK")
    await until_tone(call, BEEP)
    await until_tone(taken, BEEP)
    async with Phonograph(freeswitch, tmp_path, policy="record: all\n") as service:
        await until(lambda: speaking(freeswitch) == 0)
        assert freeswitch.cli(f"uuid_buglist {first}").count(TONE) == 1
        await call.hangup()
        await taken.ended
        await service.closed(1)


async def test_each_party_hears_the_sound_of_its_own_language(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    """`sound_prefix` of the channel is where FreeSWITCH's dialplan looks for a sound, each rate in a folder."""
    (freeswitch.sounds / "de folder" / "custom").mkdir(parents=True)
    write_chime(freeswitch.sounds / "de folder" / "custom" / "8000" / "hello.wav")
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    call, taken = await talking(alice, bob, "102")
    for leg in await legs(freeswitch, 2):
        freeswitch.cli(f"uuid_setvar {leg} sound_prefix {freeswitch.sounds}/de folder")
    async with announcing(freeswitch, tmp_path, "{sound: custom/hello}") as service:
        await until_tone(call, CHIME)
        await until_tone(taken, CHIME)
        await heard(call, taken, seconds=1)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)
    assert [one["state"] for one in told(row)] == ["done"]


async def test_a_sound_that_is_not_there_is_named(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(freeswitch, tmp_path, "{sound: custom/no-such-sound}") as service:
        talk = await converse(service, alice, bob, "102", seconds=2.0)
        assert clear(said(talk.caller, ALICE), talk.tracks()[0])
    assert "the sound custom/no-such-sound" in told(talk.row)[0]["cause"]
