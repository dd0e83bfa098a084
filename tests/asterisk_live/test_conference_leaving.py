"""Who has left a conference and goes on in the dialplan pauses its own call; the conference is recorded on."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import add
from tests.meeting import CAROL, holds, meet, running, tracks
from tests.pausing import CARD_TONE, NOTHING, Ear
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING
from tests.sounds import noise

pytestmark = pytest.mark.asterisk

NUMBERS = count(8920)


@pytest.fixture
def number(asterisk: AsteriskServer) -> Callable[..., str]:
    """Makes a number of the steps that follow a conference which a member leaves by the key 9."""
    def make(*steps: str) -> str:
        extension = str(next(NUMBERS))
        lines = ["Set(CONFBRIDGE(menu,9)=leave_conference)", "ConfBridge(8033,default_bridge,default_user)", *steps]
        add(asterisk, f"exten => {extension},1,Answer()\n" + "\n".join(f" same => n,{line}" for line in lines))
        return extension

    return make


async def three_meet(service: Phonograph, phones: Phones, number: str) -> tuple[dict[str, Call], Call]:
    """Alice, who can leave, bob and dave in a recorded conference."""
    dave = (await phones.user("dave", noise(15))).call("8033")
    await dave.answered
    calls = await meet(phones, number, "8033")
    await running(service, 4)
    await asyncio.sleep(1)
    return calls, dave


def recorded_on(service: Phonograph, spool: Path, rows: list[Json], bob: Call, begin: float, end: float) -> None:
    """That the conference had no pause, and that what bob said meanwhile is on his track, in one file."""
    (conference,) = [row for row in rows if row["kind"] == "conference"]
    (recording,) = conference["recordings"]
    assert conference["pauses"] == []
    assert recording["state"] == "ready", recording["reason"]
    (leg,) = [leg["id"] for leg in conference["legs"] if leg["name"].startswith("PJSIP/bob")]
    ((_, track),) = tracks(service, spool, recording)[leg]
    assert holds(track, bob, BOB, begin, end)


@pytest.mark.parametrize("after", [0, 3])
async def test_a_menu_after_the_conference_keeps_a_card_number_out(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, number: Callable[..., str], after: int) -> None:
    """Three seconds later the member is a call of its own, with a tap; at once it is none yet."""
    menu = number(*(["Playtones(440)", f"Wait({after})"] if after else []), "Gosub(recorder-pause,s,1(ivr,card))",
                  "ExecIf($[\"${RECORDER_PAUSED}\" = \"no\"]?Hangup(21))", f"Playtones({CARD_TONE})", "Wait(3)",
                  "StopPlaytones()", "Gosub(recorder-resume,s,1(ivr))", "Playtones(440)", "Wait(3)", "Hangup()")
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        calls, dave = await three_meet(service, phones, menu)
        ear = Ear(asterisk.recordings, tmp_path / "recordings")
        left = time.time()
        await calls["alice"].dial("9")
        await calls["alice"].ended
        over = time.time()
        for call in (calls["bob"], dave):
            await call.hangup()
        rows = await service.closed(5)
        assert over - left > after + 5, "the menu went on, though a tap may have been left"
        (own,) = [row for row in rows if row["kind"] == "call" and row["outcome"] == "recorded"]
        (pause,) = own["pauses"]
        assert (pause["owner"], own["recordings"][0]["state"]) == ("ivr", "ready"), own["recordings"][0]["reason"]
        assert ear.hears("-out") < NOTHING
        recorded_on(service, asterisk.recordings, rows, calls["bob"], left + 0.3, over - 0.3)


@pytest.mark.parametrize("way", ["key", "socket", "console"])
async def test_a_call_after_the_conference_is_paused_and_resumed(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, number: Callable[..., str], way: str) -> None:
    dials = number("Dial(PJSIP/carol,30)")
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        carol = await phones.user("carol", CAROL)
        calls, dave = await three_meet(service, phones, dials)
        alice = calls["alice"]
        await alice.dial("9")
        taken = await carol.next_call()
        await taken.answered
        channel = ""

        async def own(state: bool) -> bool:
            """Whether alice's own call is there, recorded, and paused or not."""
            nonlocal channel
            for row in await service.calls():
                names = [leg["name"] for leg in row["legs"]]
                if row["kind"] == "call" and any(name.startswith("PJSIP/carol") for name in names):
                    channel = next(name for name in names if name.startswith("PJSIP/alice"))
                    taps = [one["state"] for one in row["recordings"][-1]["segments"]] if row["recordings"] else []
                    confirmed = all(one["confirmed"] for one in row["pauses"])
                    return row["paused"] is state and confirmed and ("up" in taps) is not state
            return False

        async def ask(verb: str) -> None:
            if way == "key":
                await alice.dial({"pause": "*71", "resume": "*72"}[verb])
            elif way == "socket":
                assert (await service.ask(channel, verb))["status"] == 200
            else:
                await asyncio.to_thread(asterisk.cli, f"recorder {verb} {channel}")
            await service.until(lambda: own(verb == "pause"), f"does not {verb}")

        await service.until(lambda: own(False), "does not record the call after the conference")
        await asyncio.sleep(1)
        await ask("pause")
        paused = time.time()
        await asyncio.sleep(1.5)
        resumed = time.time()
        await ask("resume")
        await asyncio.sleep(2)
        for call in (alice, calls["bob"], dave):
            await call.hangup()
        rows = await service.closed(5)
        (row,) = [row for row in rows if row["kind"] == "call" and row["outcome"] == "recorded"]
        (recording,) = row["recordings"]
        assert recording["state"] == "ready", recording["reason"]
        assert len(row["pauses"]) == 1
        files = tracks(service, asterisk.recordings, recording)
        for call, sound in ((alice, ALICE), (taken, CAROL)):
            assert any(holds(track, call, sound, resumed + 0.5, resumed + 1.8)
                       for track in (piece for pieces in files.values() for _, piece in pieces))
            assert not any(holds(track, call, sound, paused + 0.1, resumed - 0.1)
                           for track in (piece for pieces in files.values() for _, piece in pieces))
        recorded_on(service, asterisk.recordings, rows, calls["bob"], paused, resumed)
