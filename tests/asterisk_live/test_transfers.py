"""Transfers on the real server: one recording a conversation, each party on the right track, and nothing missing."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.phone import Call, CallFailed, Phone, Phones
from tests.phonograph import Phonograph
from tests.recorded import EVERYTHING, best_of_three
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]


@pytest_asyncio.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as running:
        yield running


async def users(phones: Phones, *names: str) -> list[Phone]:
    return [await phones.user(name, SOUNDS[name]) for name in names]


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
            assert await taken.refer("103") == 200
        else:
            await taken.dial("##103")
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
        assert await call.refer("103") == 200
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
        asterisk: AsteriskServer, tmp_path: Path, phones: Phones, bob_is: str, consultation: str) -> None:
    """The consultation is a call of its own, by its own caller's policy; the outside never hears it, nor its track."""
    skip = "users: {bob@sales.example: {recording: {recordingProfile: skip}}}\n" if bob_is == "skipped" else ""
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")

    async def handed_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, "102")
        assert await taken.hold() == "recvonly"
        asked, then = await connected(bob, carol, "103")
        await heard(asked, then, seconds=1)
        assert await taken.refer("103", replaces=asked) == 200
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

    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING + skip) as running:
        await best_of_three(handed_on)


async def test_the_tapped_caller_consults_and_hands_over(service: Phonograph, phones: Phones) -> None:
    alice, bob, carol = await users(phones, "alice", "bob", "carol")

    async def handed_on(calls: int) -> None:
        call, taken = await connected(alice, bob, "102")
        await call.hold()
        asked, then = await connected(alice, carol, "103")
        await heard(asked, then, seconds=1)
        assert await call.refer("103", replaces=asked) == 200
        await heard(taken, then, seconds=2)
        await taken.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=2 * calls))
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert found.speakers("caller", call, taken, then) == ["alice", "carol"]
        assert nothing_lost(found, "caller", taken, then)
        assert found.lost("callee", taken, heard_by=then) <= SEAM

    await best_of_three(handed_on)


@pytest.mark.parametrize("number", ["102", "5102"])
async def test_an_attended_transfer_that_fails(service: Phonograph, phones: Phones, number: str) -> None:
    """The attempt is a row of its own, by REFER and by keys. The first recording goes on."""
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


async def test_a_transfer_while_paused_stays_paused(service: Phonograph, phones: Phones) -> None:
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")
    call, taken = await connected(trunk, bob, "102")
    await heard(call, taken, seconds=1)
    (row,) = await service.calls()
    status, told = await service.cli("pause", row["id"])
    assert status == 0, told
    assert await taken.refer("103") == 200
    then = await carol.next_call()
    await heard(call, then, seconds=1)
    status, told = await service.cli("resume", row["id"])
    assert status == 0, told
    resumed = time.time()
    await heard(call, then, seconds=2)
    await call.hangup()
    found = Whereabouts.of(service, await row_of(service, call, rows=1))
    assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
    assert all(one.begin >= resumed - 0.3 for one in found.stretches("callee", then))
    assert len(found.manifest["pauses"]) == 1


def nothing_lost(found: Whereabouts, track: str, stayed: Call, *others: Call) -> bool:
    """Whether what the party that stayed heard of each of the others is on a track, but for the seams."""
    return all(found.lost(track, one, heard_by=stayed) <= SEAM for one in others)
