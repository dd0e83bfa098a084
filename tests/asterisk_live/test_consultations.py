"""Attended transfers by feature keys: the consultation is a call of its own, and in no other call's recording."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.call import Call
from tests.phone import Phone, Phones
from tests.phonograph import Json, Phonograph
from tests.recorded import EVERYTHING, best_of_three
from tests.whereabouts import SEAM, SOUNDS, Stretch, Whereabouts, connected, heard

pytestmark = pytest.mark.asterisk


@pytest_asyncio.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as running:
        yield running


@pytest_asyncio.fixture
async def three(phones: Phones) -> tuple[Phone, Phone, Phone]:
    """The outside, Bob and Carol."""
    return (await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"]),
            await phones.user("carol", SOUNDS["carol"]))


async def asks(who: Call, carol: Phone) -> Call:
    """A party asks Carol by keys; returns when they hear each other."""
    await who.dial("*2103")
    taken = await carol.next_call()
    await heard(who, taken, seconds=1)
    return taken


async def both(service: Phonograph, calls: int) -> tuple[Json, Json]:
    """The row of the last call and of its consultation, when there are so many calls that had one."""
    rows = await service.closed(2 * calls)
    assert len(rows) == 2 * calls
    first, second = rows[-2:]
    return first, second


def apart(found: Whereabouts, track: str, call: Call, since: float, until: float) -> bool:
    """Whether nothing of a call is on a track in that time (time.time), but for a moment at its ends."""
    def within(one: Stretch) -> float:
        return min(one.end, until) - max(one.begin, since)

    return all(within(one) <= 2 * SEAM for one in found.stretches(track, call))


@pytest.mark.parametrize(("bob_is", "consultation"), [("recorded", "recorded"), ("skipped", "not_wanted")])
@pytest.mark.parametrize("completed_by", ["hanging up", "*2"])
async def test_a_consultation_is_a_call_by_its_own_callers_policy(
        asterisk: AsteriskServer, tmp_path: Path, three: tuple[Phone, Phone, Phone], bob_is: str, consultation: str,
        completed_by: str) -> None:
    skip = "users: {bob@sales.example: {recording: {recordingProfile: skip}}}\n" if bob_is == "skipped" else ""
    trunk, bob, carol = three

    async def handed_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        then = await asks(taken, carol)
        begun, handed = then.answered_at, time.time()
        assert begun is not None
        if completed_by == "*2":
            await taken.dial("*2")
        else:
            await taken.hangup()
        await heard(call, then, seconds=2)
        await call.hangup()
        first, second = await both(running, calls)
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", consultation, first["id"])
        assert (second["caller"], second["callee"]) == ("bob@sales.example", "carol@support.example")
        found = Whereabouts.of(running, first)
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
        assert apart(found, "callee", taken, begun, handed)
        assert apart(found, "callee", then, begun, handed)
        assert found.lost("callee", then, heard_by=call) <= SEAM
        assert found.lost("caller", call, heard_by=then) <= SEAM
        if consultation == "recorded":
            own = Whereabouts.of(running, second)
            assert own.speakers("caller", call, taken, then) == ["bob"]
            assert own.speakers("callee", call, taken, then) == ["carol"]
            assert own.lost("caller", taken, heard_by=then) <= SEAM
            assert own.lost("callee", then, heard_by=taken) <= SEAM

    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING + skip) as running:
        await best_of_three(handed_on)


async def test_the_tapped_caller_asks_somebody(service: Phonograph, phones: Phones) -> None:
    """The tap moves to who waits: what the caller says meanwhile is not the first call's."""
    alice, bob, carol = [await phones.user(name, SOUNDS[name]) for name in ("alice", "bob", "carol")]

    async def handed_on(calls: int) -> None:
        call, taken = await connected(alice, bob, "5102")
        await heard(call, taken, seconds=1)
        then = await asks(call, carol)
        begun, handed = then.answered_at, time.time()
        assert begun is not None
        await call.hangup()
        await heard(taken, then, seconds=2)
        await taken.hangup()
        first, second = await both(service, calls)
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", "recorded", first["id"])
        found, own = Whereabouts.of(service, first), Whereabouts.of(service, second)
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert found.speakers("caller", call, taken, then) == ["alice", "carol"]
        assert apart(found, "caller", call, begun, handed)
        assert apart(found, "caller", then, begun, handed)
        assert found.lost("caller", then, heard_by=taken) <= SEAM
        assert found.lost("callee", taken, heard_by=then) <= SEAM
        assert (own.speakers("caller", call, taken, then), own.speakers("callee", call, taken, then)) == (
            ["alice"], ["carol"])

    await best_of_three(handed_on)


async def test_the_outside_is_asked(service: Phonograph, phones: Phones) -> None:
    """The consultation goes out over the trunk, whose leg is tapped as in any call that goes out."""
    trunk = await phones.trunk(SOUNDS["trunk"])
    alice, bob = [await phones.user(name, SOUNDS[name]) for name in ("alice", "bob")]

    async def comes_back(calls: int) -> None:
        call, taken = await connected(alice, bob, "5102")
        await heard(call, taken, seconds=1)
        await taken.dial("*20555")
        outside = await trunk.next_call()
        await heard(taken, outside, seconds=2)
        await outside.hangup()
        await heard(call, taken, seconds=1)
        await call.hangup()
        first, second = await both(service, calls)
        assert (second["caller"], second["direction"], second["outcome"]) == (
            "bob@sales.example", "outbound", "recorded")
        assert second["merged_into"] is None
        found, own = Whereabouts.of(service, first), Whereabouts.of(service, second)
        assert (found.speakers("caller", call, taken, outside), found.speakers("callee", call, taken, outside)) == (
            ["alice"], ["bob"])
        assert (own.speakers("caller", call, taken, outside), own.speakers("callee", call, taken, outside)) == (
            ["bob"], ["trunk"])

    await best_of_three(comes_back)


async def test_a_transfer_before_the_answer_leaves_a_consultation_that_nobody_had(
        service: Phonograph, three: tuple[Phone, Phone, Phone]) -> None:
    trunk, bob, carol = three
    carol.rings = None

    async def handed_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        await taken.dial("*2103")
        then = await carol.next_call()
        await heard(call, seconds=1)
        await taken.hangup()
        await heard(call, seconds=0.5)
        then.answer()
        await heard(call, then, seconds=2)
        await call.hangup()
        first, second = await both(service, calls)
        assert (first["outcome"], second["merged_into"], second["recordings"]) == ("recorded", first["id"], [])
        found = Whereabouts.of(service, first)
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
        assert found.lost("callee", then, heard_by=call) <= SEAM

    await best_of_three(handed_on)


@pytest.mark.parametrize("ended_by", ["carol", "*1"])
async def test_who_asked_comes_back(service: Phonograph, three: tuple[Phone, Phone, Phone], ended_by: str) -> None:
    """The consultation has ended, and the first call goes on with those who were in it before."""
    trunk, bob, carol = three

    async def comes_back(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        then = await asks(taken, carol)
        begun, back = then.answered_at, time.time()
        assert begun is not None
        if ended_by == "carol":
            await then.hangup()
        else:
            await taken.dial("*1")
        await heard(call, taken, seconds=2)
        await call.hangup()
        first, second = await both(service, calls)
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", "recorded", None)
        assert second["ended"] < first["ended"] - 1
        found, own = Whereabouts.of(service, first), Whereabouts.of(service, second)
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert apart(found, "callee", taken, begun, back)
        assert [one.end > back + 1 for one in found.stretches("callee", taken)][-1]
        assert (own.speakers("caller", call, taken, then), own.speakers("callee", call, taken, then)) == (
            ["bob"], ["carol"])

    await best_of_three(comes_back)


async def test_who_waits_hangs_up_and_the_consultation_goes_on(
        service: Phonograph, three: tuple[Phone, Phone, Phone]) -> None:
    trunk, bob, carol = three

    async def goes_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        then = await asks(taken, carol)
        await call.hangup()
        await heard(taken, then, seconds=2)
        await then.hangup()
        first, second = await both(service, calls)
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", "recorded", None)
        assert first["ended"] < second["ended"] - 1
        found, own = Whereabouts.of(service, first), Whereabouts.of(service, second)
        assert found.speakers("callee", call, taken, then) == ["bob"]
        assert (own.speakers("caller", call, taken, then), own.speakers("callee", call, taken, then)) == (
            ["bob"], ["carol"])
        assert own.lost("callee", then, heard_by=taken) <= SEAM

    await best_of_three(goes_on)


async def test_three_talk_in_the_first_call(service: Phonograph, three: tuple[Phone, Phone, Phone]) -> None:
    """``atxferthreeway``: the consultation is over, and all three go on in one conversation."""
    trunk, bob, carol = three

    async def joined(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        then = await asks(taken, carol)
        begun, together = then.answered_at, time.time()
        assert begun is not None
        await taken.dial("*3")
        await heard(call, taken, then, seconds=2)
        await taken.hangup()
        await heard(call, then, seconds=1)
        await call.hangup()
        first, second = await both(service, calls)
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", "recorded", first["id"])
        found, own = Whereabouts.of(service, first), Whereabouts.of(service, second)
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert sorted(found.speakers("callee", call, taken, then)) == ["bob", "carol"]
        assert apart(found, "callee", taken, begun, together)
        assert apart(found, "callee", then, begun, together)
        assert max(one.end for one in own.stretches("callee", then)) < together + 1

    await best_of_three(joined)


async def test_to_and_fro_between_the_two(service: Phonograph, three: tuple[Phone, Phone, Phone]) -> None:
    """``atxferswap``: each recording has what was said in its own call, and the other one waits with music."""
    trunk, bob, carol = three

    async def swapped(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        then = await asks(taken, carol)
        await taken.dial("*4")
        back = time.time()
        await heard(call, taken, seconds=2)
        again = time.time()
        await taken.dial("*4")
        await heard(taken, then, seconds=2)
        handed = time.time()
        await taken.hangup()
        await heard(call, then, seconds=2)
        await call.hangup()
        first, second = await both(service, calls)
        assert (first["outcome"], second["outcome"], second["merged_into"]) == ("recorded", "recorded", first["id"])
        found, own = Whereabouts.of(service, first), Whereabouts.of(service, second)
        assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
        assert not apart(found, "callee", taken, back, again)
        assert apart(found, "callee", then, back, handed)
        assert (own.speakers("caller", call, taken, then), own.speakers("callee", call, taken, then)) == (
            ["bob"], ["carol"])
        assert apart(own, "caller", taken, back + 0.5, again)
        assert not apart(own, "caller", taken, again + 0.5, handed)

    await best_of_three(swapped)
