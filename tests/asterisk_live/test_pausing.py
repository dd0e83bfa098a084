"""Pauses that are asked for through Asterisk: from the dialplan, by a key, on the console. The card number that must be
in no file is a tone that the dialplan plays between pause and resume, where there is silence before and after."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import add_extension
from tests.pausing import CARD_TONE, LOUD, NOTHING, Ear, until_tone
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, TRUNK, best_of_three

pytestmark = pytest.mark.asterisk

Steps = Callable[..., None]


@pytest.fixture
def steps(asterisk: AsteriskServer) -> Iterator[Steps]:
    """Makes extension 300: answered, one second, then the given steps."""

    def add(*more: str) -> None:
        add_extension(asterisk, "300", ("Answer()", "Wait(1)", *more, "Hangup()"))

    yield add
    asterisk.cli("dialplan remove extension 300@users")


def channel_of(asterisk: AsteriskServer, user: str) -> str:
    """The name of a user's newest channel."""
    words = asterisk.cli("core show channels concise").replace("\n", "!").split("!")
    return max(word for word in words if word.startswith(f"PJSIP/{user}-"))


def variable(asterisk: AsteriskServer, user: str, name: str) -> str:
    """A variable of a user's one channel, '' when it has none."""
    shown = asterisk.cli(f"core show channel {channel_of(asterisk, user)}").splitlines()
    return next((line.partition("=")[2] for line in shown if line.startswith(f"{name}=")), "")


async def pauses(service: Phonograph, number: int = 1) -> list[Json]:
    """The pauses of the newest call, once there are so many."""
    found: list[Json] = []

    async def enough() -> bool:
        rows = await service.calls()
        found[:] = rows[-1]["pauses"] if rows else []
        return len(found) >= number

    await service.until(enough, "does not know of that pause")
    return found


async def until_recording(service: Phonograph, *, yes: bool = True) -> None:
    """Until a tap is being written in the newest call, or none is."""
    async def so() -> bool:
        rows = await service.calls()
        states = {segment["state"] for row in rows[-1:] for recording in row["recordings"]
                  for segment in recording["segments"]}
        return bool(rows) and yes is ("up" in states)

    await service.until(so, "does not record" if yes else "does not stop recording")


async def talking(phones: Phones, *, callee: str = "bob") -> tuple[Call, Call]:
    """Alice and another user in a call."""
    alice, other = await phones.user("alice", ALICE), await phones.user(callee, BOB)
    call = alice.call("102")
    taken = await other.next_call()
    await call.answered
    return call, taken


async def test_without_a_pause_the_card_is_in_the_files(
        asterisk: AsteriskServer, phones: Phones, steps: Steps, tmp_path: Path) -> None:
    steps(f"Playtones({CARD_TONE})", "Wait(1)")
    ear = Ear(asterisk.recordings, tmp_path)
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice = await phones.user("alice", ALICE)
        await alice.call("300").ended
        await service.closed(1)
    assert ear.hears("-out") > LOUD


async def test_what_the_dialplan_keeps_out_is_in_no_file_and_the_rest_is(
        asterisk: AsteriskServer, phones: Phones, steps: Steps, tmp_path: Path) -> None:
    steps("Gosub(recorder-pause,s,1(cards,card-4111))", f"Playtones({CARD_TONE})", "Wait(1)", "StopPlaytones()",
          "Gosub(recorder-resume,s,1(cards))", "Wait(1)")
    ear = Ear(asterisk.recordings, tmp_path)
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice = await phones.user("alice", ALICE)

        async def is_confirmed(calls: int) -> None:
            call = alice.call("300")
            began = await until_tone(call, CARD_TONE)
            said = await asyncio.to_thread(variable, asterisk, "alice", "RECORDER_PAUSED")
            await call.ended
            row = (await service.closed(calls))[-1]
            (pause,) = row["pauses"]
            assert (pause["owner"], pause["actor"], pause["reason"]) == ("cards", "dialplan", "card")
            assert said == "confirmed"
            assert pause["asked"] < pause["confirmed"] < began < pause["resumed"]
            assert len(row["recordings"][0]["segments"]) == 2

        await best_of_three(is_confirmed)
    assert ear.hears("-out") < NOTHING


async def test_a_pause_of_a_call_that_is_not_recorded_is_answered_at_once(
        asterisk: AsteriskServer, phones: Phones, steps: Steps, tmp_path: Path) -> None:
    steps("Gosub(recorder-pause,s,1)", f"Playtones({CARD_TONE})", "Wait(1)")
    async with Phonograph(asterisk, tmp_path, policy="record: none\n"):
        alice = await phones.user("alice", ALICE)

        async def is_confirmed(_calls: int) -> None:
            call = alice.call("300")
            await until_tone(call, CARD_TONE)
            said = await asyncio.to_thread(variable, asterisk, "alice", "RECORDER_PAUSED")
            await call.hangup()
            assert said == "confirmed"

        await best_of_three(is_confirmed)


async def test_two_owners_hold_their_pauses_apart(
        asterisk: AsteriskServer, phones: Phones, steps: Steps, tmp_path: Path) -> None:
    steps("Gosub(recorder-pause,s,1(ivr))", "Gosub(recorder-pause,s,1(fraud))", "Gosub(recorder-resume,s,1(ivr))",
          f"Playtones({CARD_TONE})", "Wait(1)", "StopPlaytones()", "Gosub(recorder-resume,s,1(fraud))", "Wait(1)")
    ear = Ear(asterisk.recordings, tmp_path)
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice = await phones.user("alice", ALICE)
        call = alice.call("300")
        await until_tone(call, CARD_TONE)
        assert await asyncio.to_thread(variable, asterisk, "alice", "RECORDER_PAUSE") == "fraud"
        await call.ended
        (row,) = await service.closed(1)
        assert sorted(pause["owner"] for pause in row["pauses"]) == ["fraud", "ivr"]
        assert len(row["recordings"][0]["segments"]) == 2
    assert ear.hears("-out") < NOTHING


@pytest.mark.parametrize(("then", "segments"), [("", 2), ("stop", 1)], ids=["resume", "stop"])
async def test_a_pause_that_has_a_longest_time_ends_by_itself(
        asterisk: AsteriskServer, phones: Phones, steps: Steps, tmp_path: Path, then: str, segments: int) -> None:
    steps(f"Gosub(recorder-pause,s,1(ivr,,0.5,{then}))", "Wait(4)")
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice = await phones.user("alice", ALICE)
        await alice.call("300").ended
        (row,) = await service.closed(1)
        (pause,) = row["pauses"]
        assert 0.4 < pause["resumed"] - pause["asked"] < 3
        assert len(row["recordings"][0]["segments"]) == segments


async def test_a_user_pauses_and_resumes_with_keys_that_the_other_party_does_not_hear(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones)
        await until_recording(service)
        await taken.dial("*71")
        (pause,) = await pauses(service)
        await until_recording(service, yes=False)
        assert (pause["owner"], pause["actor"]) == ("agent", "party")
        await taken.dial("*72")
        await until_recording(service)
        assert call.digits == ""
        await call.hangup()
        (row,) = await service.closed(1)
        assert len(row["recordings"][0]["segments"]) == 2


async def test_a_user_may_stop_a_pause_that_he_began_as_the_caller(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones)
        await until_recording(service)
        await call.dial("*71")
        await until_recording(service, yes=False)
        await call.dial("*72")
        await until_recording(service)
        assert taken.digits == ""


async def test_a_user_without_the_right_is_refused_and_the_recording_goes_on(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=f"{EVERYTHING}recordingControl: deny\n") as service:
        call, _ = await talking(phones)
        await until_recording(service)
        await call.dial("*71")
        await asyncio.sleep(1)
        await call.hangup()
        (row,) = await service.closed(1)
        assert row["pauses"] == []
        assert len(row["recordings"][0]["segments"]) == 1


async def test_the_outside_has_no_keys(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        trunk, bob = await phones.trunk(TRUNK), await phones.user("bob", BOB)
        call = trunk.call("102")
        taken = await bob.next_call()
        await call.answered
        await until_recording(service)
        await call.dial("*71")
        await asyncio.sleep(0.5)
        assert taken.digits == "*71"
        await call.hangup()
        (row,) = await service.closed(1)
        assert row["pauses"] == []


async def test_the_console_pauses_shows_and_resumes(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async def status(word: str) -> str:
        shown = ""

        async def says_so() -> bool:
            nonlocal shown
            shown = await asyncio.to_thread(asterisk.cli, "recorder status")
            return word in shown

        await service.until(says_so, f"does not show {word}")
        return shown

    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, _ = await talking(phones)
        await until_recording(service)
        name = await asyncio.to_thread(channel_of, asterisk, "alice")
        assert "recording" in await status(name)
        await asyncio.to_thread(asterisk.cli, f"recorder pause {name}")
        (pause,) = await pauses(service)
        assert (pause["owner"], pause["actor"]) == ("operator", "operator")
        assert "confirmed" in await status("paused by operator")
        await asyncio.to_thread(asterisk.cli, f"recorder resume {name}")
        await until_recording(service)
        await asyncio.to_thread(asterisk.cli, "recorder pause PJSIP/nobody-00000000")
        await status("no call or leg of that name")
        await call.hangup()
        rows = await service.closed(1)
        assert len(rows) == 1
        assert len(rows[0]["recordings"][0]["segments"]) == 2
