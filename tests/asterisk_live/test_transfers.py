"""Transfers on the real server: one recording a conversation, each party on the right track, and nothing missing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.asterisk_live.recorded import EVERYTHING, best_of_three
from tests.asterisk_live.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of
from tests.phone import Call, Phone, Phones
from tests.phonograph import Phonograph

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


def nothing_lost(found: Whereabouts, track: str, stayed: Call, *others: Call) -> bool:
    """Whether what the party that stayed heard of each of the others is on a track, but for the seams."""
    return all(found.lost(track, one, heard_by=stayed) <= SEAM for one in others)
