"""What can happen to a call on this exchange and on no other, told by ear: before anybody records it."""

import asyncio

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.who_hears import SOUNDS, all_heard, connected, ended, heard_now

pytestmark = pytest.mark.asterisk

# ---- Transfers ------------------------------------------------------------------------------------------------------


async def test_a_transfer_to_nobody_fails_and_the_call_goes_on(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("999") == 404
    assert await all_heard(call, taken) == [{"bob"}, {"alice"}]


async def test_a_call_that_takes_anothers_place(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    instead = carol.call("102", replaces=taken)
    await instead.answered
    await ended([taken])
    assert await all_heard(call, instead) == [{"carol"}, {"alice"}]


async def test_an_attended_transfer_by_keys(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    call = alice.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await call.dial("*2103")
    consulted = await carol.next_call()
    assert await all_heard(call, consulted, taken) == [{"carol"}, {"alice"}, {"music"}]
    await call.hangup()
    assert taken.digits == ""
    # The music ends when Asterisk has taken the Local channels out of the way, some 0.2 s later.
    await taken.stream.listen(0.7)
    assert await all_heard(taken, consulted) == [{"carol"}, {"bob"}]


# ---- Ways to a phone ------------------------------------------------------------------------------------------------


async def test_a_ringing_call_is_picked_up_by_its_number(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    bob.rings = None
    call = alice.call("102")
    ringing = await bob.next_call()
    picked = carol.call("*80")
    await asyncio.gather(call.answered, picked.answered)
    await ended([ringing])
    assert await all_heard(call, picked) == [{"carol"}, {"alice"}]


@pytest.mark.parametrize(("number", "channels"), [("120", 2), ("131", 2), ("130", 4)])
async def test_local_channels_step_out_of_the_way_or_do_not(
    asterisk: AsteriskServer, phones: Phones, number: str, channels: int
) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call(number)
    taken = await bob.next_call()
    await connected(call, taken)
    assert await all_heard(call, taken) == [{"bob"}, {"alice"}]
    told = await asyncio.to_thread(asterisk.cli, "core show channels concise")
    assert len(told.splitlines()) == channels


async def test_a_phone_that_forwards(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    bob.forwards = "103"
    call = alice.call("102")
    taken = await carol.next_call()
    await call.answered
    assert await all_heard(call, taken) == [{"carol"}, {"alice"}]


@pytest.mark.parametrize("number", ["300", "301"])
async def test_who_waits_in_a_queue_hears_music(phones: Phones, number: str) -> None:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    bob.rings = None
    call = trunk.call(number)
    await bob.next_call()
    assert await heard_now(call) == {"music"}


# ---- During a call --------------------------------------------------------------------------------------------------


async def test_the_other_side_gets_the_keys_that_are_no_code(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    await call.dial("19*#")
    assert await heard_now(taken) == {"alice"}
    assert taken.digits == "19*#"


# ---- Conferences ----------------------------------------------------------------------------------------------------


async def test_a_conference_is_recorded_by_mixmonitor(asterisk: AsteriskServer, phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    calls = [phone.call("8301") for phone in (alice, bob)]
    await asyncio.gather(*(call.answered for call in calls))
    assert await all_heard(*calls) == [{"bob"}, {"alice"}]
    assert "8301" in await asyncio.to_thread(asterisk.cli, "confbridge list")
    assert list((asterisk.spool / "monitor").glob("confbridge-8301-*"))
