"""Pauses when something goes wrong, on the real server: force, a kill, a transfer, a network that stands still. And the
page's own example."""

import asyncio
import uuid
from pathlib import Path

import pytest

from recorder.effects import Answer, Attach, Detach, Reply
from recorder.events import Asked, TapFailed, Verb
from recorder.ids import segment_id
from recorder.model import Direction, Source
from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan, page
from tests.asterisk_live.driven import following
from tests.asterisk_live.test_pausing import until_recording, variable
from tests.asterisk_live.test_pausing_by_itself import snoops
from tests.listening import Kept
from tests.pausing import CARD_TONE, until_tone
from tests.phone import Call, Phones
from tests.phonograph import Phonograph, settings
from tests.random_pauses import CARD, VOICES, betrays
from tests.recorded import EVERYTHING
from tests.sounds import write
from tests.stalling import Way

pytestmark = pytest.mark.asterisk

CARD_NUMBER = "4929123456789012"


def heard(kept: Kept) -> list[str]:
    """The files with anything of the tone."""
    return sorted({name for name, track in kept.tracks() if betrays(track)})


def containing(folder: Path, text: str) -> list[Path]:
    """The files of any kind with that text."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def talking(phones: Phones, service: Phonograph) -> tuple[Call, Call, str]:
    """Alice and bob in a call that is recorded, and its id."""
    alice, bob = await phones.user("alice", VOICES[0]), await phones.user("bob", VOICES[1])
    CARD.packets("PCMU")
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await until_recording(service)
    return call, taken, (await service.calls())[-1]["id"]


async def test_the_pages_example_keeps_the_card_out_and_goes_on_recorded(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path) -> None:
    dialplan(page("pausing.md"))
    write(CARD, asterisk.sounds / "enter-card-number.wav")
    alice, bob = await phones.user("alice", VOICES[0]), await phones.user("bob", VOICES[1])
    with Kept(asterisk.recordings, tmp_path) as kept:
        async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
            call = alice.call("350")
            await until_tone(call, CARD_TONE)
            await call.dial(CARD_NUMBER, milliseconds=60, gap=40)
            await bob.next_call()
            await until_recording(service)
            await asyncio.sleep(0.5)
            await call.hangup()
            (row,) = await service.closed(1)
        assert [pause["owner"] for pause in row["pauses"]] == ["ivr"]
        assert row["recordings"][0]["state"] == "ready"
        assert heard(kept) == []
    assert containing(tmp_path, CARD_NUMBER) == []


async def test_a_dialplan_that_is_told_forced_ends_the_taps_by_itself(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path) -> None:
    """The other side is no service: it records, says `forced` to the pause, and ends nothing."""
    dialplan(f"exten => 351,1,Answer()\n same => n,Wait(2)\n same => n,Gosub(recorder-pause,s,1)\n"
             f" same => n,Playtones({CARD_TONE})\n same => n,Wait(2)\n same => n,Hangup()")
    alice = await phones.user("alice", VOICES[0])
    with Kept(asterisk.recordings) as kept:
        async with following(asterisk) as (switch, told):
            call = alice.call("351")
            segment = segment_id(str(uuid.uuid4()), 0)
            source = Source(leg=await told.leg("alice"), directions=(Direction.IN, Direction.OUT))
            await switch.attach(Attach(call="call", segment=segment, source=source))
            await told.tap_up(segment)
            asked = await told.until(lambda event: event if isinstance(event, Asked) else None)
            assert asked.verb is Verb.PAUSE
            assert len(await asyncio.to_thread(snoops, asterisk)) == 2
            await switch.reply(Reply(request=asked.request, answer=Answer.FORCED, message=""))
            await until_tone(call, CARD_TONE)
            assert await asyncio.to_thread(variable, asterisk, "alice", "RECORDER_PAUSED") == "ended"
            assert await asyncio.to_thread(snoops, asterisk) == set()
            await told.tap_down(segment)
            await call.ended
        assert heard(kept) == []


async def test_a_tap_that_was_on_its_way_through_a_stall_waits_for_the_pause_that_came_meanwhile(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan) -> None:
    """The dialplan got no answer and found no tap to end; ours comes into being only then."""
    dialplan(f"exten => 352,1,Answer()\n same => n,Wait(1)\n same => n,Gosub(recorder-pause,s,1)\n"
             f" same => n,Playtones({CARD_TONE})\n same => n,Wait(3)\n same => n,Hangup()")
    alice = await phones.user("alice", VOICES[0])
    with Kept(asterisk.recordings) as kept:
        async with following(asterisk) as (switch, told):
            told.stalls = True
            call = alice.call("352")
            segment = segment_id(str(uuid.uuid4()), 0)
            source = Source(leg=await told.leg("alice"), directions=(Direction.IN, Direction.OUT))
            await until_tone(call, CARD_TONE)
            assert await asyncio.to_thread(variable, asterisk, "alice", "RECORDER_PAUSED") == "ended"
            attach = asyncio.create_task(switch.attach(Attach(call="call", segment=segment, source=source)))
            await asyncio.sleep(1)
            assert not attach.done()
            assert len(await asyncio.to_thread(snoops, asterisk)) == 2
            await switch.detach(Detach(call="call", segment=segment, source=source))
            switch.taken(await told.until(lambda event: event if isinstance(event, Asked) else None))
            await attach
            await told.until(lambda event: event if isinstance(event, TapFailed) else None)
            await call.hangup()
        assert kept.names() == []


async def test_a_pause_overtakes_a_tap_that_waits_for_its_turn(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    """The operations of one call run one after the other; the end of a tap waits for none of them."""
    with Kept(asterisk.recordings) as kept:
        async with following(asterisk) as (switch, told):
            alice, bob = await phones.user("alice", VOICES[0]), await phones.user("bob", VOICES[1])
            call = alice.call("102")
            await bob.next_call()
            source = Source(leg=await told.leg("alice"), directions=(Direction.IN, Direction.OUT))
            first, second = (segment_id(str(uuid.uuid4()), number) for number in (0, 1))
            async with asyncio.TaskGroup() as group:
                for segment in (first, second):
                    group.create_task(switch.attach(Attach(call="call", segment=segment, source=source)))
                group.create_task(switch.detach(Detach(call="call", segment=second, source=source)))
            await told.until(lambda event: event if isinstance(event, TapFailed) else None)
            await told.tap_up(first)
            assert len(await asyncio.to_thread(snoops, asterisk)) == 2
            await call.hangup()
            await told.tap_down(first)
        assert [name for name in kept.names() if second in name] == []


async def test_killed_at_the_answer_the_next_life_keeps_the_pause(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    with Kept(asterisk.recordings, tmp_path) as kept:
        await service.start()
        call, _, identity = await talking(phones, service)
        assert (await service.ask(identity, "pause"))["answer"] in ("confirmed", "forced")
        await service.kill()
        call.stream.play(CARD)
        await service.start()
        assert (await service.calls())[-1]["paused"]
        await asyncio.sleep(1)
        call.stream.play(VOICES[0])
        assert (await service.ask(identity, "resume"))["status"] == 200
        await until_recording(service)
        await asyncio.sleep(0.5)
        await call.hangup()
        (row,) = await service.closed(1)
        assert len(row["recordings"][0]["segments"]) == 2
        await service.stop()
        assert heard(kept) == []


async def test_transferred_while_paused_the_call_stays_paused_with_the_next_party(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    with Kept(asterisk.recordings, tmp_path) as kept:
        async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
            call, taken, identity = await talking(phones, service)
            carol = await phones.user("carol", VOICES[2])
            assert (await service.ask(identity, "pause"))["answer"] in ("confirmed", "forced")
            call.stream.play(CARD)
            assert await taken.refer("103") == 200
            new = await carol.next_call()
            await new.answered
            new.stream.play(CARD)
            await until_tone(new, CARD_TONE)
            await asyncio.sleep(1)
            assert await asyncio.to_thread(snoops, asterisk) == set()
            call.stream.play(VOICES[0])
            new.stream.play(VOICES[2])
            await asyncio.sleep(0.1)
            for row in await service.calls():
                if row["paused"]:
                    await service.ask(row["id"], "resume")
            await until_recording(service)
            await asyncio.sleep(0.5)
            await call.hangup()
            await service.closed(1)
        assert heard(kept) == []


async def test_paused_while_the_network_stands_still_the_answer_is_forced_and_nothing_comes_into_the_recording(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    """Asterisk goes on writing, as nobody can tell it to stop; what it wrote of the pause is taken out afterwards,
    of its own files, too."""
    with Kept(asterisk.recordings, tmp_path) as kept:
        async with Way(asterisk.http_port) as way:
            switch = {**settings(asterisk, tmp_path)["switches"]["main"], "url": f"http://127.0.0.1:{way.port}"}
            async with Phonograph(asterisk, tmp_path, policy=EVERYTHING, switches={"main": switch}) as service:
                call, _, identity = await talking(phones, service)
                await asyncio.sleep(1)
                way.block()
                assert (await service.ask(identity, "pause"))["answer"] == "forced"
                call.stream.play(CARD)
                await asyncio.sleep(1)
                while_paused = await asyncio.to_thread(heard, kept)
                way.unblock()
                await until_recording(service, yes=False)
                async with asyncio.timeout(10):
                    while await asyncio.to_thread(snoops, asterisk):  # noqa: ASYNC110 - the console has no events
                        await asyncio.sleep(0.05)
                call.stream.play(VOICES[0])
                await service.ask(identity, "resume")
                await until_recording(service)
                await asyncio.sleep(0.5)
                await call.hangup()
                (row,) = await service.closed(1)
        (pause,) = row["pauses"]
        first, second = row["recordings"][0]["segments"]
        assert (pause["confirmed"], first["forced"], second["forced"]) == (None, True, False)
        stalled, anew = ([(file["rate"], file["erased"], file["samples"]) for file in segment["files"]]
                         for segment in service.manifest(row["recordings"][0])["segments"])
        assert all(rate < erased < samples - 0.9 * rate for rate, erased, samples in stalled), stalled
        assert [erased for _, erased, _ in anew] == [0, 0]
        assert [Path(name).name for name in while_paused] == [f"{first['id']}-in.wav"]
        assert heard(kept) == []
