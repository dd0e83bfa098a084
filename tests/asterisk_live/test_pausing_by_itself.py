"""Pauses while Phonograph is dead, stalled or not there: the dialplan ends the taps by itself, and what it has marked
is kept out after our return."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan, add_extension
from tests.asterisk_live.test_pausing import channel_of, until_recording, variable
from tests.pausing import CARD_TONE, LOUD, NOTHING, Ear, until_tone
from tests.phone import Call, Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, EVERYTHING

pytestmark = pytest.mark.asterisk

BOUND = 5
"""Seconds within which the card step comes without an answer, on a busy machine, too. The macro waits half a second,
and ends the taps, in a second at most."""

BEFORE = 2

LEFT = '["${RECORDER_PAUSED}" = "no"]'
"""Whether a tap was left, as may be on a busy machine: then the pause is asked for once more."""


@pytest.fixture
def menu(dialplan: Dialplan) -> str:
    """An extension: `BEFORE` seconds, a pause with a card step until `card_is_over`, and five seconds more."""
    dialplan(f"exten => 300,1,Answer()\n same => n,Wait({BEFORE})\n same => n(pause),Gosub(recorder-pause,s,1(cards))\n"
             f" same => n,GotoIf(${LEFT}?pause)\n same => n,Playtones({CARD_TONE})\n"
             ' same => n,WaitForCondition(#,#["#{CARD_OVER}" = "yes"],60,0.05)\n same => n,StopPlaytones()\n'
             " same => n,Gosub(recorder-resume,s,1(cards))\n same => n,Wait(5)\n same => n,Hangup()")
    return "300"


async def card_is_over(asterisk: AsteriskServer) -> None:
    """The menu resumes."""
    name = await asyncio.to_thread(channel_of, asterisk, "alice")
    await asyncio.to_thread(asterisk.cli, f"dialplan set chanvar {name} CARD_OVER yes")


def snoops(asterisk: AsteriskServer) -> set[str]:
    """The names of the snoop channels that there are."""
    return set(re.findall(r"^Snoop/[^!]+", asterisk.cli("core show channels concise"), re.MULTILINE))


async def calling(phones: Phones, service: Phonograph, menu: str) -> Call:
    """Alice in the menu, recorded."""
    alice = await phones.user("alice", ALICE)
    call = alice.call(menu)
    await call.answered
    await until_recording(service)
    return call


async def card_step(call: Call, asterisk: AsteriskServer) -> str:
    """Waits for the card step, which must come in time; what the macro said."""
    began = await until_tone(call, CARD_TONE)
    assert call.answered_at is not None
    assert began - call.answered_at < BEFORE + BOUND
    return await asyncio.to_thread(variable, asterisk, "alice", "RECORDER_PAUSED")


async def test_killed_before_the_card_step_nothing_of_it_is_kept_and_the_next_life_waits_for_the_resume(
        asterisk: AsteriskServer, phones: Phones, menu: str, tmp_path: Path) -> None:
    ear = Ear(asterisk.recordings, tmp_path)
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call = await calling(phones, service, menu)
    await service.kill()
    assert await card_step(call, asterisk) == "ended"
    assert await asyncio.to_thread(snoops, asterisk) == set()
    await service.start()
    for _ in range(5):
        assert await asyncio.to_thread(snoops, asterisk) == set()
        await asyncio.sleep(0.1)
    await card_is_over(asterisk)
    await until_recording(service)
    await call.ended
    (row,) = await service.closed(1)
    (pause,) = row["pauses"]
    assert (pause["owner"], len(row["recordings"][0]["segments"])) == ("cards", 2)
    assert ear.hears("-out") < NOTHING
    await service.stop()


async def test_stalled_before_the_card_step_nothing_of_it_is_kept_and_recording_goes_on_after_the_resume(
        asterisk: AsteriskServer, phones: Phones, menu: str, tmp_path: Path) -> None:
    ear = Ear(asterisk.recordings, tmp_path)
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call = await calling(phones, service, menu)
        os.kill(service.pid, signal.SIGSTOP)
        try:
            assert await card_step(call, asterisk) == "ended"
            assert await asyncio.to_thread(snoops, asterisk) == set()
        finally:
            os.kill(service.pid, signal.SIGCONT)
        for _ in range(5):
            assert await asyncio.to_thread(snoops, asterisk) == set()
            await asyncio.sleep(0.1)
        await card_is_over(asterisk)
        await until_recording(service)
        await call.ended
        (row,) = await service.closed(1)
        assert len(row["recordings"][0]["segments"]) == 2
    assert ear.hears("-out") < NOTHING


async def test_killed_in_the_card_step_the_next_life_taps_nothing_before_the_resume(
        asterisk: AsteriskServer, phones: Phones, menu: str, tmp_path: Path) -> None:
    ear = Ear(asterisk.recordings, tmp_path)
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call = await calling(phones, service, menu)
    assert await card_step(call, asterisk) in ("confirmed", "ended")
    await service.kill()
    await service.start()
    assert await asyncio.to_thread(snoops, asterisk) == set()
    await card_is_over(asterisk)
    await until_recording(service)
    await call.ended
    await service.closed(1)
    assert ear.hears("-out") < NOTHING
    await service.stop()


async def test_resumed_while_dead_the_next_life_records_on(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    add_extension(asterisk, "301", ("Answer()", "Wait(1)", "Gosub(recorder-pause,s,1)", f"Playtones({CARD_TONE})",
                                    "Wait(1)", "StopPlaytones()", "Gosub(recorder-resume,s,1)", "Wait(8)"))
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call = await calling(phones, service, "301")
    await until_tone(call, CARD_TONE)
    await service.kill()
    await asyncio.sleep(1.5)
    await service.start()
    await until_recording(service)
    await call.hangup()
    await service.closed(1)
    await service.stop()
    asterisk.cli("dialplan remove extension 301@users")


async def test_a_call_that_began_and_was_paused_while_we_were_away_is_not_tapped_until_its_resume(
        asterisk: AsteriskServer, phones: Phones, menu: str, tmp_path: Path) -> None:
    ear = Ear(asterisk.recordings, tmp_path)
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    alice = await phones.user("alice", ALICE)
    call = alice.call(menu)
    assert await card_step(call, asterisk) == "ended"
    await service.start()
    assert await asyncio.to_thread(snoops, asterisk) == set()
    await card_is_over(asterisk)
    await until_recording(service)
    await call.ended
    await service.closed(1)
    assert ear.hears("-out") < NOTHING
    await service.stop()


async def test_the_dialplan_ends_taps_of_its_own_call_only_whatever_leg_they_are_on(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path) -> None:
    """The tap is on the trunk's leg and another call goes on; alice's leg is led into the macro."""
    dialplan(f"exten => 302,1,Gosub(recorder-pause,s,1)\n same => n,GotoIf(${LEFT}?1)\n"
             f" same => n,Playtones({CARD_TONE})\n same => n,Wait(5)")
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    alice, trunk = await phones.user("alice", ALICE), await phones.trunk()
    call = alice.call("0300")
    await call.answered
    await until_recording(service)
    of_alice = await asyncio.to_thread(snoops, asterisk)
    carol, dave = await phones.user("carol"), await phones.user("dave")
    other = carol.call("104")
    await dave.next_call()
    await other.answered

    async def both() -> bool:
        return len(await service.calls()) == 2

    await service.until(both, "does not know of both calls")
    await until_recording(service)
    of_carol = await asyncio.to_thread(snoops, asterisk) - of_alice
    assert (len(of_alice), len(of_carol)) == (2, 2)
    await service.kill()
    name = next(word for word in asterisk.cli("core show channels concise").replace("\n", "!").split("!")
                if word.startswith("PJSIP/trunk-"))
    await asyncio.to_thread(asterisk.cli, f"channel redirect {name} from-users,302,1")
    await until_tone(trunk.calls[-1], CARD_TONE)
    assert await asyncio.to_thread(snoops, asterisk) == of_carol
    await other.hangup()


async def test_without_a_pause_the_card_would_be_there(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    add_extension(asterisk, "303", ("Answer()", "Wait(1)", f"Playtones({CARD_TONE})", "Wait(2)"))
    ear = Ear(asterisk.recordings, tmp_path)
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    call = await calling(phones, service, "303")
    await service.kill()
    await call.ended
    assert ear.hears("-out") > LOUD
    asterisk.cli("dialplan remove extension 303@users")
