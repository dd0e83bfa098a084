"""A party whose RTP begins anew is heard by Asterisk and by no tap: it is noticed, mended and told."""

import asyncio
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.test_renewal import started
from tests.phone import Call, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING, Conversation, clear
from tests.sounds import RATE, Samples, Sound, quiet

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(150)]

UNHEARD = "it heard nothing while packets came"


async def talking(phones: Phones, service: Phonograph) -> tuple[Call, Call]:
    """A call whose first packets have the numbers from 40000 on, tapped, both heard for two seconds."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.first_packet = bob.first_packet = 40_000
    call = alice.call("102")
    taken = await bob.next_call()
    await call.answered
    await started(service, 1)
    await asyncio.sleep(2)
    return call, taken


async def over(service: Phonograph, call: Call, taken: Call) -> tuple[Conversation, Json]:
    """Hang up; what was recorded, and its manifest."""
    await call.hangup()
    await taken.ended
    (row,) = await service.closed(1)
    talk = Conversation(call, taken, row)
    return talk, service.manifest(talk.recording)


def last_seconds(call: Call, sound: Sound, seconds: float) -> Samples:
    """What a phone sent in the last seconds of its call, but for the very last of them."""
    assert call.ended_at is not None
    first = call.stream.sent.sample_at(call.ended_at - seconds)
    return sound.cycle(first, round((seconds - 0.5) * RATE))


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_party_whose_stream_begins_anew_is_heard_again_and_what_is_missing_is_told(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path, who: str) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones, service)
        (call if who == "caller" else taken).stream.begin_anew(20_000)
        await started(service, 2)
        await asyncio.sleep(3)
        talk, manifest = await over(service, call, taken)
    first, _ = talk.recording["segments"]
    assert first["cause"] == UNHEARD
    left, right = talk.tracks()
    assert clear(last_seconds(call, ALICE, 2.5), left[-4 * RATE:])
    assert clear(last_seconds(taken, BOB, 2.5), right[-4 * RATE:])
    assert talk.recording["state"] == "incomplete"
    (reason,) = manifest["reasons"]
    assert f"track {who} heard nothing" in reason
    (track,) = [track for track in manifest["tracks"] if not track["complete"]]
    assert (track["track"], [finding["id"] for finding in track["findings"]]) == (who, ["deaf"])


async def test_a_muted_telephone_is_tapped_anew_once_in_a_while_and_the_recording_is_ready(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones, service)
        taken.stream.play(quiet())
        await asyncio.sleep(20)
        talk, manifest = await over(service, call, taken)
    causes = [segment["cause"] for segment in talk.recording["segments"]]
    assert UNHEARD in causes
    assert len(causes) <= 3
    assert (talk.recording["state"], talk.recording["reason"]) == ("ready", "")
    (findings,) = [track["findings"] for track in manifest["tracks"] if track["track"] == "callee"]
    assert [finding["id"] for finding in findings] == ["silence"]


async def test_a_telephone_that_sends_no_packets_keeps_its_tap(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones, service)
        taken.stream.stop_sending()
        await asyncio.sleep(10)
        taken.stream.start_sending()
        await asyncio.sleep(6)
        talk, _ = await over(service, call, taken)
    assert len(talk.recording["segments"]) == 1
    assert (talk.recording["state"], talk.recording["reason"]) == ("ready", "")


async def test_what_asterisk_itself_drops_between_two_codecs_is_told(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    """A call between G.711 and G.722: Asterisk 22 translates, and drops the packets of a stream that begins anew."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
        alice.first_packet, bob.codecs = 40_000, ("G722",)
        call = alice.call("102")
        taken = await bob.next_call()
        await call.answered
        await started(service, 1)
        await asyncio.sleep(2)
        call.stream.begin_anew(20_000)
        await started(service, 2)
        await asyncio.sleep(3)
        talk, manifest = await over(service, call, taken)
    assert talk.recording["state"] == "incomplete"
    (findings,) = [track["findings"] for track in manifest["tracks"] if track["track"] == "caller"]
    assert [finding["id"] for finding in findings] == ["dropped"]


async def test_a_telephone_that_comes_back_from_hold_with_another_stream_is_heard_again(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones, service)
        await taken.hold()
        await asyncio.sleep(5)
        taken.stream.begin_anew(20_000)
        await taken.resume()
        await started(service, 2)
        await asyncio.sleep(3)
        talk, manifest = await over(service, call, taken)
    first, _ = talk.recording["segments"]
    assert first["cause"] == UNHEARD
    assert clear(last_seconds(taken, BOB, 2.5), talk.tracks()[1][-4 * RATE:])
    assert [[finding["id"] for finding in track["findings"]] for track in manifest["tracks"]] == [[], ["deaf"]]


async def test_a_paused_call_is_left_alone(asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        call, taken = await talking(phones, service)
        taken.stream.begin_anew(20_000)
        (row,) = await service.calls()
        await service.ask(row["id"], "pause")
        await asyncio.sleep(10)
        talk, _ = await over(service, call, taken)
    assert len(talk.recording["segments"]) == 1
