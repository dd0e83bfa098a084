"""Transfers: one recording a conversation, each party on the right track, and nothing missing."""

import time
from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.hearing import whose_audio
from tests.phone import Call, CallFailed, Phone, Phones
from tests.phonograph import Phonograph
from tests.recorded import APART, best_of_three
from tests.scenarios.conftest import Exchange
from tests.scenarios.parties import nothing_between, nothing_lost, users
from tests.servers import MUSIC
from tests.sounds import RATE
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of


@pytest.mark.parametrize(("number", "way"), [("102", "refer"), ("5102", "keys")])
@pytest.mark.parametrize(("before", "after"), [(40000, 30000), (30000, 40000)])
async def test_a_blind_transfer_is_one_recording(
        service: Phonograph, phones: Phones, number: str, way: str, before: int, after: int) -> None:
    """Asterisk takes packets whose numbers are lower than those of the party before for late ones."""
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")
    bob.first_packet, carol.first_packet = before, after

    async def handed_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, number)
        await heard(call, taken, seconds=1)
        if way == "refer":
            assert await taken.refer("103") < 300
        else:
            await taken.dial("##")
            await taken.dial("103")
        then = await carol.next_call()
        await heard(call, then, seconds=2)
        await call.hangup()
        row = await row_of(service, call, rows=calls)
        found = Whereabouts.of(service, row)
        assert row["outcome"] == "recorded"
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
        assert nothing_lost(found, "callee", call, taken, then)
        assert found.lost("caller", call, heard_by=then) <= SEAM

    await best_of_three(handed_on)


async def test_the_caller_hands_over_and_who_stays_keeps_the_track(service: Phonograph, phones: Phones) -> None:
    """The tap is on the caller, who leaves: it moves to the party that stays."""
    alice, bob, carol = await users(phones, "alice", "bob", "carol")

    async def handed_on(calls: int) -> None:
        call, taken = await connected(alice, bob, "102")
        await heard(call, taken, seconds=1)
        assert await call.refer("103") < 300
        then = await carol.next_call()
        await heard(taken, then, seconds=2)
        await taken.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=calls))
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert found.speakers("caller", call, taken, then) == ["alice", "carol"]
        assert nothing_lost(found, "caller", taken, call, then)
        assert found.lost("callee", taken, heard_by=then) <= SEAM

    await best_of_three(handed_on)


@pytest.mark.parametrize(("bob_is", "consultation"), [("recorded", "recorded"), ("skipped", "not_wanted")])
async def test_an_attended_transfer_and_its_consultation(
        exchange: Exchange, everything: str, tmp_path: Path, phones: Phones, bob_is: str, consultation: str) -> None:
    """The consultation is a call of its own, by its own caller's policy; the outside never hears it, nor its track."""
    skip = "users: {bob@sales.example: {recording: {recordingProfile: skip}}}\n" if bob_is == "skipped" else ""
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")

    async def handed_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, "102")
        await taken.hold()
        asked, then = await connected(bob, carol, "103")
        await heard(asked, then, seconds=1)
        assert await taken.refer("103", replaces=asked) < 300
        await heard(call, then, seconds=2)
        await call.hangup()
        first, second = [await row_of(running, one, rows=2 * calls) for one in (call, asked)]
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", consultation, first["id"])
        found = Whereabouts.of(running, first)
        assert found.speakers("caller", call, taken, asked, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
        assert found.stretches("callee", asked) == []
        assert nothing_lost(found, "callee", call, taken, then)
        assert found.lost("caller", call, heard_by=then) <= SEAM
        if consultation == "recorded":
            own = Whereabouts.of(running, second)
            assert (own.speakers("caller", asked, then), own.speakers("callee", asked, then)) == (["bob"], ["carol"])

    async with Phonograph(exchange, tmp_path, policy=everything + skip) as running:
        await best_of_three(handed_on)


async def test_the_tapped_caller_consults_and_hands_over(service: Phonograph, phones: Phones) -> None:
    alice, bob, carol = await users(phones, "alice", "bob", "carol")

    async def handed_on(calls: int) -> None:
        call, taken = await connected(alice, bob, "102")
        await call.hold()
        asked, then = await connected(alice, carol, "103")
        await heard(asked, then, seconds=1)
        assert await call.refer("103", replaces=asked) < 300
        await heard(taken, then, seconds=2)
        await taken.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=2 * calls))
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert found.speakers("caller", call, taken, then) == ["alice", "carol"]
        assert nothing_lost(found, "caller", taken, then)
        assert found.lost("callee", taken, heard_by=then) <= SEAM

    await best_of_three(handed_on)


@pytest.mark.parametrize("number", ["102", "5102"])
async def test_an_attended_transfer_that_fails(
        exchange: Exchange, service: Phonograph, phones: Phones, number: str) -> None:
    """The attempt is a row of its own, by REFER and by keys. The first recording goes on."""
    if isinstance(exchange, FreeSwitchServer) and number == "5102":
        pytest.skip("freeswitch-conf has no key for a consultation")
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")
    carol.refuses = 486

    async def goes_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, number)
        if number == "102":
            await taken.hold()
            with pytest.raises(CallFailed):
                await bob.call("103").answered
            await taken.resume()
        else:
            await taken.dial("*2103")
        await heard(call, taken, seconds=3)
        await call.hangup()
        rows = (await service.closed(2 * calls))[-2:]
        assert [row["outcome"] for row in rows] == ["recorded", "unanswered"]
        found = Whereabouts.of(service, rows[0])
        assert found.speakers("caller", call, taken) == ["trunk"]
        assert found.speakers("callee", call, taken) == ["bob"]
        assert found.lost("caller", call, heard_by=taken) <= SEAM

    await best_of_three(goes_on)


async def test_who_asks_somebody_comes_back(service: Phonograph, phones: Phones) -> None:
    """The transfer that was meant does not come about: the first call goes on, with the music of the time between."""
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")

    async def came_back(calls: int) -> None:
        call, taken = await connected(trunk, bob, "102")
        await heard(call, taken, seconds=1)
        await taken.hold()
        asked, then = await connected(bob, carol, "103")
        await heard(asked, then, seconds=1)
        await asked.hangup()
        await taken.resume()
        await heard(call, taken, seconds=2)
        await call.hangup()
        first, second = [await row_of(service, one, rows=2 * calls) for one in (call, asked)]
        assert (second["outcome"], second["merged_into"]) == ("recorded", None)
        assert first["recordings"][0]["state"] == "ready"
        found = Whereabouts.of(service, first)
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert "music" in whose_audio(found.tracks["callee"], {"music": MUSIC.samples})
        assert nothing_lost(found, "callee", call, taken)
        assert found.lost("caller", call, heard_by=taken) <= SEAM
        before, *_, after = found.stretches("callee", taken)
        assert abs((before.first / RATE - before.begin) - (after.first / RATE - after.begin)) <= APART

    await best_of_three(came_back)


@pytest.mark.parametrize("way", ["blind", "attended", "parked"])
async def test_a_transfer_while_paused_stays_paused(
        exchange: Exchange, service: Phonograph, phones: Phones, way: str) -> None:
    """Nothing of the pause is in any file, not in the switch's own either."""
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")
    call, taken = await connected(trunk, bob, "102")
    await heard(call, taken, seconds=1)
    (row,) = await service.calls()
    status, told = await service.cli("pause", row["id"])
    assert status == 0, told
    paused = time.time()
    then = await _moved(way, bob, carol, taken)
    await heard(call, then, seconds=1)
    resuming = time.time()
    status, told = await service.cli("resume", row["id"])
    assert status == 0, told
    await heard(call, then, seconds=2)
    await call.hangup()
    row = await row_of(service, call, rows=1 if way == "blind" else 2)
    found = Whereabouts.of(service, row)
    assert found.speakers("caller", call, taken, then) == ["trunk"]
    assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
    assert all(one.begin >= resuming - 0.1 for one in found.stretches("callee", then))
    assert len(found.manifest["pauses"]) == 1
    assert nothing_between(found, exchange.recordings, paused + 0.1, resuming - 0.1, call, taken, then)


async def _moved(way: str, bob: Phone, carol: Phone, taken: Call) -> Call:
    """Bob hands his call on to carol in that way; her call."""
    if way == "blind":
        assert await taken.refer("103") < 300
        return await carol.next_call()
    if way == "attended":
        await taken.hold()
        asked, then = await connected(bob, carol, "103")
        assert await taken.refer("103", replaces=asked) < 300
        return then
    assert await taken.refer("700") < 300
    fetched = carol.call("701")
    await fetched.answered
    return fetched
