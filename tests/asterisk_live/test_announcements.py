"""What the parties of real calls hear of their recording, and what the recording has of that."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.announcing import (
    ALSO_RECORDED,
    BEEP,
    CHIME,
    EVERY_2,
    LATE,
    SOUND,
    announcing,
    beeps,
    due,
    put_sound,
    sounded,
    told,
    write_chime,
)
from tests.hearing import tones
from tests.pausing import until_tone
from tests.phone import Call, Phone, Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, TRUNK, Conversation, clear, converse, said
from tests.whereabouts import SOUNDS, Whereabouts, heard, row_of
from tests.whereabouts import connected as talking

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]

@pytest.fixture
def consent(asterisk: AsteriskServer) -> None:
    """A sound on the switch."""
    put_sound(asterisk)


async def connected(caller: Phone, callee: Phone, number: str) -> tuple[Call, Call]:
    call = caller.call(number)
    taken = await callee.next_call()
    await call.answered
    return call, taken


async def test_both_parties_hear_the_beep_at_the_start_and_again_and_the_recording_does_not(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(asterisk, tmp_path, EVERY_2) as service:
        talk = await converse(service, alice, bob, "102", seconds=5.0)

        for call in (talk.caller, talk.callee):
            assert call.answered_at is not None
            heard = beeps(call)
            assert heard[0] - call.answered_at < 2.0
            assert len(heard) == due(call, 2.0)
            assert np.diff(heard) == pytest.approx(2.0, abs=LATE)
            for first, last in sounded(call.stream.heard(), BEEP):
                assert last - first == pytest.approx(0.5, abs=0.2)
        left, right = talk.tracks()
        assert tones(left, BEEP) == tones(right, BEEP) == []
        # Nobody was muted or delayed by it.
        assert clear(said(talk.caller, ALICE), left)
        assert clear(said(talk.callee, BOB), right)
        (one,) = told(talk.row)
        assert (one["parties"], one["state"]) == (["alice", "bob"], "done")
        assert talk.recording["started"] <= one["started"] < one["ended"]


async def test_the_recording_has_the_beep_where_the_policy_wants_that(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(asterisk, tmp_path, ALSO_RECORDED) as service:
        talk = await converse(service, alice, bob, "102", seconds=5.0)

        assert [len(beeps(call)) for call in (talk.caller, talk.callee)] == [due(talk.caller, 2.0)] * 2
        left, right = talk.tracks()
        assert len(sounded(left, BEEP) + sounded(right, BEEP)) == due(talk.caller, 2.0)
        assert clear(said(talk.caller, ALICE), left)


async def test_a_sound_is_played_to_both_parties_once(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, consent: None) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(asterisk, tmp_path, SOUND) as service:
        talk = await converse(service, alice, bob, "102", seconds=4.0)

        assert len(beeps(talk.caller, CHIME)) == len(beeps(talk.callee, CHIME)) == 1
        left, right = talk.tracks()
        assert tones(left, CHIME) == tones(right, CHIME) == []
        (one,) = told(talk.row)
        assert (one["parties"], one["state"]) == (["alice", "bob"], "done")
        assert one["ended"] - one["started"] == pytest.approx(0.6, abs=0.4)
        assert "Snoop" not in asterisk.cli("core show channels")


async def test_the_recording_has_the_sound_where_the_policy_wants_that(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, consent: None) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(asterisk, tmp_path, "{sound: custom/consent, recorded: true}") as service:
        talk = await converse(service, alice, bob, "102", seconds=3.0)

        left, right = talk.tracks()
        assert len(beeps(talk.caller, CHIME)) == len(beeps(talk.callee, CHIME)) == 1
        assert len(sounded(left, CHIME) + sounded(right, CHIME)) == 1


@pytest.mark.parametrize(("announcement", "hertz"), [(EVERY_2, BEEP), (SOUND, CHIME)])
async def test_a_party_that_the_call_is_handed_to_hears_it_at_once(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, consent: None, announcement: str,
        hertz: int) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    carol = await phones.user("carol", TRUNK)
    async with announcing(asterisk, tmp_path, announcement) as service:
        call, taken = await connected(alice, bob, "102")
        await asyncio.sleep(2.7)
        transfer = asyncio.create_task(taken.refer("103"))
        joined = await carol.next_call()
        assert await transfer < 300
        await asyncio.sleep(2.5)
        await call.hangup()
        await joined.ended
        (row,) = await service.closed(1)

    assert joined.answered_at is not None
    assert beeps(joined, hertz)[0] - joined.answered_at < 2.0
    assert tones(np.concatenate(Conversation(call, joined, row).tracks()), hertz) == []
    assert "carol" in told(row)[-1]["parties"]
    if hertz == CHIME:
        assert [one["parties"] for one in told(row)] == [["alice", "bob"], ["carol"]]
        assert len(beeps(call, hertz)) == len(beeps(joined, hertz)) == 1


async def test_a_beep_does_not_keep_the_tap_from_hearing_the_next_party(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    """Asterisk takes packets whose numbers are lower than those of the party before for late ones, on a leg that any
    snoop has held on to: it befell some two calls of five."""
    trunk = await phones.trunk(TRUNK)
    bob, carol = await phones.user("bob", BOB), await phones.user("carol", SOUNDS["carol"])
    bob.first_packet, carol.first_packet = 40000, 30000
    async with announcing(asterisk, tmp_path, EVERY_2) as service:
        for calls in (1, 2, 3):
            call, taken = await talking(trunk, bob, "102")
            await asyncio.sleep(0.8)
            assert await taken.refer("103") == 200
            then = await carol.next_call()
            await heard(call, then, seconds=1)
            await call.hangup()
            found = Whereabouts.of(service, await row_of(service, call, rows=calls))
            assert found.speakers("callee", taken, then) == ["bob", "carol"]
            assert beeps(taken)
            assert beeps(then)


async def test_a_sound_that_a_transfer_comes_into_is_cut_short_and_said_again(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    write_chime(asterisk.sounds / "custom" / "long.wav", seconds=3.0)
    trunk = await phones.trunk(TRUNK)
    bob, carol = await phones.user("bob", BOB), await phones.user("carol", SOUNDS["carol"])
    bob.first_packet, carol.first_packet = 40000, 30000
    async with announcing(asterisk, tmp_path, "{sound: custom/long}") as service:
        call, taken = await talking(trunk, bob, "102")
        await until_tone(call, CHIME)
        await asyncio.sleep(1)  # so that there is something of Bob's to be known by
        transferring = asyncio.create_task(taken.refer("103"))
        then = await carol.next_call()
        assert await transferring == 200
        await heard(call, then, seconds=5)
        await call.hangup()
        row = await row_of(service, call, rows=1)
        assert Whereabouts.of(service, row).speakers("callee", taken, then) == ["bob", "carol"]

    assert [one["state"] for one in told(row)] == ["failed", "done"]
    assert "carol" in told(row)[-1]["parties"]
    for phone in (call, then):
        assert sum(last - first > 2.5 for first, last in tones(phone.stream.heard(), CHIME)) == 1


async def test_the_beep_is_silent_in_a_pause(asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(asterisk, tmp_path, "{beep: {every: 1, seconds: 0.3}}") as service:
        call, taken = await connected(alice, bob, "102")
        await asyncio.sleep(2.2)
        identity = (await service.calls())[0]["id"]
        assert (await service.cli("pause", identity))[0] == 0
        paused = call.stream.arrivals[-1].at
        await asyncio.sleep(2.5)
        resumed = call.stream.arrivals[-1].at
        assert (await service.cli("resume", identity))[0] == 0
        await asyncio.sleep(2.2)
        await call.hangup()
        await taken.ended
        (row,) = await service.closed(1)

    for phone in (call, taken):
        heard = beeps(phone)
        assert [at for at in heard if paused + LATE < at < resumed] == []
        assert min(sum(at < paused for at in heard), sum(at > resumed for at in heard)) >= 2
    assert [one["state"] for one in told(row)] == ["done", "done"]


async def test_our_death_changes_nothing_and_the_next_life_does_not_beep_twice(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    service = Phonograph(asterisk, tmp_path, policy=f"record: all\nannouncement: {EVERY_2}\n")
    await service.start()
    call, taken = await connected(alice, bob, "102")
    await asyncio.sleep(1.5)
    await service.kill()
    await asyncio.sleep(3)
    await service.start()
    await asyncio.sleep(3)
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    await service.stop()

    for phone in (call, taken):
        heard = beeps(phone)
        assert phone.answered_at is not None
        assert phone.ended_at is not None
        assert np.diff(heard) == pytest.approx(2.0, abs=LATE)
        assert len(heard) == due(phone, 2.0)
    assert len(told(row)) == 1
    assert row["recordings"][0]["state"] == "ready"


async def test_a_sound_that_is_not_there_is_told_and_stops_nothing(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(asterisk, tmp_path, "{sound: custom/no-such-sound}") as service:
        talk = await converse(service, alice, bob, "102", seconds=4.0)

        assert clear(said(talk.caller, ALICE), talk.tracks()[0])
        assert talk.recording["state"] == "ready"
        assert [one["state"] for one in told(talk.row)] == ["failed"] * 3
        assert all(one["cause"] for one in told(talk.row))
        assert "announcement failed" in service.logs()


async def test_a_caller_alone_with_a_menu_hears_the_beep(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    alice = await phones.user("alice", ALICE)
    async with announcing(asterisk, tmp_path, EVERY_2) as service:
        call = alice.call("200")
        await call.answered
        await asyncio.sleep(3.0)
        await call.hangup()
        (row,) = await service.closed(1)

    assert len(beeps(call)) == due(call, 2.0) >= 1
    assert [one["parties"] for one in told(row)] == [["alice"]]
