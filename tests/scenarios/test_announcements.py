"""What the parties of real calls hear of their recording, and what the recording has of that, on every switch."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.announcing import (
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
    speaking,
    told,
)
from tests.hearing import tones
from tests.phone import Call, Phone, Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, TRUNK, Conversation, clear, converse, said
from tests.scenarios.conftest import Exchange


@pytest.fixture
def consent(exchange: Exchange) -> None:
    """A sound on the switch."""
    put_sound(exchange)


async def connected(caller: Phone, callee: Phone, number: str) -> tuple[Call, Call]:
    call = caller.call(number)
    taken = await callee.next_call()
    await call.answered
    return call, taken


async def test_both_parties_hear_the_beep_at_the_start_and_again_and_the_recording_does_not(
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(exchange, tmp_path, EVERY_2) as service:
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
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(exchange, tmp_path, ALSO_RECORDED) as service:
        talk = await converse(service, alice, bob, "102", seconds=5.0)

        assert [len(beeps(call)) for call in (talk.caller, talk.callee)] == [due(talk.caller, 2.0)] * 2
        left, right = talk.tracks()
        assert len(sounded(left, BEEP) + sounded(right, BEEP)) == due(talk.caller, 2.0)
        assert clear(said(talk.caller, ALICE), left)


async def test_a_sound_is_played_to_both_parties_once(
        exchange: Exchange, phones: Phones, tmp_path: Path, consent: None) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(exchange, tmp_path, SOUND) as service:
        talk = await converse(service, alice, bob, "102", seconds=4.0)

        assert len(beeps(talk.caller, CHIME)) == len(beeps(talk.callee, CHIME)) == 1
        left, right = talk.tracks()
        assert tones(left, CHIME) == tones(right, CHIME) == []
        (one,) = told(talk.row)
        assert (one["parties"], one["state"]) == (["alice", "bob"], "done")
        assert one["ended"] - one["started"] == pytest.approx(0.6, abs=0.4)
        assert speaking(exchange) == 0


async def test_the_recording_has_the_sound_where_the_policy_wants_that(
        exchange: Exchange, phones: Phones, tmp_path: Path, consent: None) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(exchange, tmp_path, "{sound: custom/consent, recorded: true}") as service:
        talk = await converse(service, alice, bob, "102", seconds=3.0)

        left, right = talk.tracks()
        assert len(beeps(talk.caller, CHIME)) == len(beeps(talk.callee, CHIME)) == 1
        assert len(sounded(left, CHIME) + sounded(right, CHIME)) == 1


@pytest.mark.parametrize(("announcement", "hertz"), [(EVERY_2, BEEP), (SOUND, CHIME)])
async def test_a_party_that_the_call_is_handed_to_hears_it_at_once(
        exchange: Exchange, phones: Phones, tmp_path: Path, consent: None, announcement: str,
        hertz: int) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    carol = await phones.user("carol", TRUNK)
    async with announcing(exchange, tmp_path, announcement) as service:
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


async def test_the_beep_is_silent_in_a_pause(exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(exchange, tmp_path, "{beep: {every: 1, seconds: 0.3}}") as service:
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
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    service = Phonograph(exchange, tmp_path, policy=f"record: all\nannouncement: {EVERY_2}\n")
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
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    async with announcing(exchange, tmp_path, "{sound: custom/no-such-sound}") as service:
        talk = await converse(service, alice, bob, "102", seconds=4.0)

        assert clear(said(talk.caller, ALICE), talk.tracks()[0])
        assert talk.recording["state"] == "ready"
        assert [one["state"] for one in told(talk.row)] == ["failed"] * 3
        assert all(one["cause"] for one in told(talk.row))
        assert "announcement failed" in service.logs()


async def test_a_caller_alone_with_a_menu_hears_the_beep(
        exchange: Exchange, phones: Phones, tmp_path: Path) -> None:
    alice = await phones.user("alice", ALICE)
    async with announcing(exchange, tmp_path, EVERY_2) as service:
        call = alice.call("200")
        await call.answered
        await asyncio.sleep(3.0)
        await call.hangup()
        (row,) = await service.closed(1)

    assert len(beeps(call)) == due(call, 2.0) >= 1
    assert [one["parties"] for one in told(row)] == [["alice"]]
