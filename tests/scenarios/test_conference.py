"""Conferences on every switch: the mix of all, a track for every member, who comes, goes and comes again."""

import asyncio
import random
import time
from pathlib import Path

import numpy as np

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.hearing import follow, whose_audio
from tests.meeting import (
    CAROL,
    IN_A_MIX,
    SOUNDS,
    UNREPEATED,
    VOICES,
    conference_of,
    holds,
    listening,
    meet,
    running,
    seconds,
    spoken,
    tracks,
)
from tests.phone import Call, Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, APART, BOB
from tests.scenarios.conftest import Exchange
from tests.servers import MUSIC, USERS
from tests.sounds import RATE, Samples, Sound, noise

LATE = {AsteriskServer: APART + 0.02, FreeSwitchServer: 0.6}
"""Seconds that a mix may be later than a track. Asterisk: 17 to 24 ms on a quiet machine, a packet more on a busy one.
FreeSWITCH may have half a second waiting to be mixed."""


def late(call: Call, sound: Sound, begun: float, track: Samples) -> list[float]:
    """How long after it was sent each second of a track's audio is in it, by the clock at which the track began."""
    first = call.stream.sent.sample_at(begun)
    reference = sound.cycle(first, len(track) + RATE)
    return [place.seconds for place in follow(reference, track) if place.confidence > 0.4]


async def test_the_mix_has_everybody_and_each_track_one_member(
        service: Phonograph, phones: Phones, exchange: Exchange) -> None:
    calls = {}
    for name, sound in SOUNDS.items():
        calls[name] = (await phones.user(name, sound)).call("8001")
        await calls[name].answered
    await running(service, 4)
    await asyncio.sleep(4)
    for call in calls.values():
        await call.hangup()
    row = await conference_of(service, rows=4)
    (recording,) = row["recordings"]
    assert (row["outcome"], recording["state"]) == ("recorded", "ready")

    found = tracks(service, exchange.recordings, recording)
    legs = {member["track"]: member["user"] for member in service.manifest(recording)["parties"]}
    assert sorted([*legs, "mix"]) == sorted(found)
    ((begun, mix),) = found["mix"]
    assert sorted(whose_audio(mix[RATE:4 * RATE], VOICES)) == ["alice", "bob", "carol"]
    for leg, user in legs.items():
        ((started, track),) = found[leg]
        assert list(whose_audio(track, VOICES)) == [user]
        own = np.median(late(calls[user], SOUNDS[user], started, track))
        mixed = np.median(late(calls[user], SOUNDS[user], begun, mix))
        assert abs(own - mixed) <= LATE[type(exchange)]


async def test_it_runs_while_two_are_there_and_who_comes_later_is_in_another(
        service: Phonograph, phones: Phones, exchange: Exchange) -> None:
    calls = await meet(phones, "8002")
    await asyncio.sleep(1)
    assert [row["recordings"] for row in await service.calls() if row["kind"] == "conference"] == [[]]
    bob = await phones.user("bob", BOB)
    second = bob.call("8002")
    came = await second.answered
    await running(service, 3)
    await asyncio.sleep(1)
    await second.hangup()
    row = await conference_of(service, rows=3)
    (recording,) = row["recordings"]
    assert recording["state"] == "ready"
    assert calls["alice"].ended_at is None
    assert -0.1 < recording["started"] - came < 1
    assert abs(recording["ended"] - spoken(second)[1]) < 1
    assert listening(exchange) == 0

    carol = (await phones.user("carol", CAROL)).call("8002")
    await carol.answered
    await running(service, 3)
    await asyncio.sleep(0.5)
    await carol.hangup()
    await calls["alice"].hangup()
    rows = [row for row in await service.closed(5) if row["kind"] == "conference"]
    assert [row["recordings"][0]["state"] for row in rows] == ["ready", "ready"]


async def test_waiting_for_a_leader_and_leaving_with_the_last_is_as_without_us(
        service: Phonograph, phones: Phones, exchange: Exchange) -> None:
    bob, carol = await phones.user("bob", BOB), await phones.user("carol", CAROL)
    waiting = [bob.call("8203"), carol.call("8203")]
    for call in waiting:
        await call.answered
    await running(service, 3)
    await asyncio.sleep(2)
    for call in waiting:
        heard = call.stream.heard()
        assert list(whose_audio(heard[-RATE:], {"music": MUSIC.samples, **VOICES})) == ["music"]
    leader = (await phones.user("alice", ALICE)).call("8103")
    await leader.answered
    await running(service, 4)
    await asyncio.sleep(2)
    heard = waiting[0].stream.heard()
    assert sorted(whose_audio(heard[-RATE:], {"music": MUSIC.samples, **VOICES})) == ["alice", "carol"]
    await leader.hangup()
    async with asyncio.timeout(3):
        await asyncio.gather(*(call.ended for call in waiting))
    row = await conference_of(service, rows=4)
    assert row["recordings"][0]["state"] == "ready"
    assert listening(exchange) == 0


async def test_who_comes_again_has_a_track_for_each_time(
        service: Phonograph, phones: Phones, exchange: Exchange) -> None:
    calls = await meet(phones, "8004", "8004", "8004")
    await running(service, 4)
    await asyncio.sleep(2)
    first = calls["bob"]
    await first.hangup()
    await asyncio.sleep(1)
    second = first.phone.call("8004")
    await second.answered
    await running(service, 4)
    await asyncio.sleep(2)
    for call in (second, calls["alice"], calls["carol"]):
        await call.hangup()
    row = await conference_of(service, rows=5)
    (recording,) = row["recordings"]
    assert recording["state"] == "ready"
    manifest = service.manifest(recording)
    found = tracks(service, exchange.recordings, recording)
    bobs = [member for member in manifest["parties"] if member["user"] == "bob"]
    assert len(bobs) == 2
    for member, call in zip(bobs, (first, second), strict=True):
        ((begun, track),) = found[member["track"]]
        (visit,) = member["visits"]
        came, went = spoken(call)
        assert abs(seconds(visit["startTime"]) - came) < 0.5
        assert abs(seconds(visit["stopTime"]) - went) < 0.5
        assert holds(track, call, BOB, begun + 0.1, went - 0.2)


async def test_killed_in_a_conference_the_next_life_goes_on_with_the_same_taps(
        exchange: Exchange, phones: Phones, everything: str, tmp_path: Path) -> None:
    service = Phonograph(exchange, tmp_path, policy=everything)
    await service.start()
    try:
        calls = await meet(phones, "8005", "8005")
        await running(service, 3)
        await asyncio.sleep(1)
        await service.kill()
        ears = listening(exchange)
        assert ears > 0
        await asyncio.sleep(1)
        await service.start()
        await asyncio.sleep(1)
        assert listening(exchange) == ears
        for call in calls.values():
            await call.hangup()
        row = await conference_of(service, rows=3)
        (recording,) = row["recordings"]
        assert (recording["state"], len(recording["segments"])) == ("ready", 3)
        ((begun, mix),) = tracks(service, exchange.recordings, recording)["mix"]
        assert holds(mix, calls["bob"], BOB, begun + 0.1, spoken(calls["alice"])[1] - 0.3, clear=IN_A_MIX)
        assert listening(exchange) == 0
    finally:
        await service.stop()


async def test_nothing_of_a_pause_is_in_any_file_of_a_conference(
        service: Phonograph, phones: Phones, exchange: Exchange) -> None:
    calls = await meet(phones, "8006", "8006", "8006", sounds=UNREPEATED)
    row = await running(service, 4)
    await asyncio.sleep(1.5)
    status, told = await service.cli("pause", row["id"])
    paused = time.time()
    assert status == 0, told
    assert listening(exchange) == 0
    await asyncio.sleep(2)
    resuming = time.time()
    await service.cli("resume", row["id"])
    await running(service, 4)
    await asyncio.sleep(1.5)
    for call in calls.values():
        await call.hangup()
    done = await conference_of(service, rows=4)
    (recording,) = done["recordings"]
    assert recording["state"] == "ready"
    (pause,) = service.manifest(recording)["pauses"]
    assert seconds(pause["startTime"]) <= paused
    files = tracks(service, exchange.recordings, recording)
    assert {len(pieces) for pieces in files.values()} == {2}
    for pieces in files.values():
        for begun, track in pieces:
            assert begun + len(track) / RATE <= paused + 0.05 or begun >= resuming
            for name, call in calls.items():
                assert not holds(track, call, UNREPEATED[name], paused + 0.1, resuming - 0.1)


async def test_a_conference_that_the_policy_does_not_list_is_not_recorded_nor_its_members(
        exchange: Exchange, phones: Phones, everything: str, tmp_path: Path) -> None:
    listed = everything + "conferences: {names: ['8008'], profiles: [recorded]}\n"
    async with Phonograph(exchange, tmp_path, policy=listed) as service:
        calls = await meet(phones, "8007", "8007")
        await asyncio.sleep(2)
        for call in calls.values():
            await call.hangup()
        rows = await service.closed(3)
        assert [(row["rule"], row["outcome"]) for row in rows if row["kind"] == "conference"] == [
            ("conferences", "not_wanted")]
        assert [one for row in rows for one in row["recordings"] if one["state"] != "empty"] == []

        calls = {name: call.phone.call("8307") for name, call in calls.items()}
        for call in calls.values():
            await call.answered
        await running(service, 3)
        for call in calls.values():
            await call.hangup()
        rows = [row for row in await service.closed(6) if row["kind"] == "conference"]
        assert [row["outcome"] for row in rows] == ["not_wanted", "recorded"]


async def test_twelve_come_and_go_and_each_is_on_a_track_while_there(
        service: Phonograph, phones: Phones, exchange: Exchange) -> None:
    """Two calls each of six users; who comes and goes when is drawn, and some come twice."""
    dice = random.Random(4)
    users = [await phones.user(name) for name in USERS[:6]]
    sounds = [noise(40 + number, level=1200) for number in range(12)]
    visits: list[tuple[Call, Sound]] = []

    async def member(number: int) -> None:
        for _ in range(dice.choice([1, 1, 2])):
            await asyncio.sleep(dice.uniform(0, 4))
            call = users[number % 6].call("8009", sound=sounds[number])
            await call.answered
            visits.append((call, sounds[number]))
            await asyncio.sleep(dice.uniform(2, 6))
            await call.hangup()

    # Two stay until the others have gone, so that it is one conference.
    stay = [user.call("8009", sound=noise(60 + number, level=1200)) for number, user in enumerate(users[:2])]
    for call in stay:
        await call.answered
    await running(service, 3)
    await asyncio.gather(*(member(number) for number in range(12)))
    for call in stay:
        await call.hangup()
    row = await conference_of(service, rows=len(visits) + 3)
    (recording,) = row["recordings"]
    assert recording["state"] == "ready", recording
    files = tracks(service, exchange.recordings, recording)
    ((_, mix),) = files.pop("mix")
    assert len(files) == len(visits) + 2
    for call, sound in visits:
        came, went = spoken(call)
        ((begun, track),) = [pieces[0] for pieces in files.values()
                             if abs(pieces[0][0] - came) < 1 and whose_audio(pieces[0][1], {"it": sound.samples})]
        assert holds(track, call, sound, begun + 0.1, went - 0.2)
        # A member that speaks is in the mix, however many speak beside it.
        assert holds(mix, call, sound, begun + 0.3, went - 0.3, clear=0.15)
    assert listening(exchange) == 0
