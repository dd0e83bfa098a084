"""What can happen to a call on either exchange, told by ear: before anybody records it."""

import asyncio

import pytest

from tests.phone import Phone, Phones
from tests.who_hears import SOUNDS, all_hear, connected, ended


async def people(phones: Phones, *names: str) -> list[Phone]:
    """Some phones, each with its own voice; `trunk` is the outside."""
    return [await (phones.trunk(SOUNDS[name]) if name == "trunk" else phones.user(name, SOUNDS[name]))
            for name in names]


# ---- Transfers ------------------------------------------------------------------------------------------------------


async def test_a_blind_transfer_by_refer(phones: Phones) -> None:
    trunk, bob, carol = await people(phones, "trunk", "bob", "carol")
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("103") < 300
    transferred = await carol.next_call()
    await ended([taken])
    await all_hear((call, {"carol"}), (transferred, {"trunk"}))


async def test_an_attended_transfer_by_refer(phones: Phones) -> None:
    trunk, bob, carol = await people(phones, "trunk", "bob", "carol")
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.hold()
    await all_hear((call, {"music"}))
    asking = bob.call("103")
    asked = await carol.next_call()
    await connected(asking, asked)
    assert await taken.refer("103", replaces=asking) < 300
    await ended([taken, asking])
    await all_hear((call, {"carol"}), (asked, {"trunk"}))


async def test_a_blind_transfer_by_keys(phones: Phones) -> None:
    trunk, bob, carol = await people(phones, "trunk", "bob", "carol")
    call = trunk.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.dial("##")
    await taken.dial("103")
    transferred = await carol.next_call()
    await ended([taken])
    assert call.digits == ""
    await all_hear((call, {"carol"}), (transferred, {"trunk"}))


async def test_a_call_is_parked_and_taken_back_elsewhere(phones: Phones) -> None:
    trunk, bob, carol = await people(phones, "trunk", "bob", "carol")
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("700") < 300
    await all_hear((call, {"music"}))
    fetched = carol.call("701")
    await fetched.answered
    await all_hear((call, {"carol"}), (fetched, {"trunk"}))


async def test_a_call_is_parked_by_keys(phones: Phones) -> None:
    trunk, bob, carol = await people(phones, "trunk", "bob", "carol")
    call = trunk.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.dial("*3")
    await all_hear((call, {"music"}))
    fetched = carol.call("701")
    await fetched.answered
    await all_hear((call, {"carol"}), (fetched, {"trunk"}))


# ---- Ways to a phone ------------------------------------------------------------------------------------------------


async def test_a_ringing_call_is_picked_up_elsewhere(phones: Phones) -> None:
    trunk, bob, carol = await people(phones, "trunk", "bob", "carol")
    bob.rings = None
    call = trunk.call("102")
    ringing = await bob.next_call()
    picked = carol.call("*8")
    await connected(call, picked)
    await ended([ringing])
    await all_hear((call, {"carol"}), (picked, {"trunk"}))


@pytest.mark.parametrize("number", ["300", "301"])
async def test_several_phones_ring_and_one_takes_it(phones: Phones, number: str) -> None:
    trunk, *users = await people(phones, "trunk", "alice", "bob", "carol")
    for user in users:
        user.rings = None
    call = trunk.call(number)
    alice, bob, carol = [await user.next_call() for user in users]
    bob.answer()
    await ended([alice, carol])
    await connected(call, bob)
    await all_hear((call, {"bob"}), (bob, {"trunk"}))


# ---- During a call --------------------------------------------------------------------------------------------------


async def test_who_is_on_hold_hears_music_and_is_taken_back(phones: Phones) -> None:
    alice, bob = await people(phones, "alice", "bob")
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.hold()
    await all_hear((call, {"music"}))
    await taken.resume()
    await all_hear((call, {"bob"}), (taken, {"alice"}))


async def test_direct_media_flows_from_phone_to_phone(phones: Phones) -> None:
    grace, heidi = await people(phones, "grace", "heidi")
    call = grace.call("108")
    taken = await heidi.next_call()
    await connected(call, taken)
    await all_hear((call, {"heidi"}), (taken, {"grace"}))
    assert call.stream.arrivals[-1].sender == taken.stream.address
    assert taken.stream.arrivals[-1].sender == call.stream.address


# ---- Conferences ----------------------------------------------------------------------------------------------------


async def test_in_a_conference_everybody_hears_the_others(phones: Phones) -> None:
    calls = [phone.call("8001") for phone in await people(phones, "alice", "bob", "carol")]
    await asyncio.gather(*(call.answered for call in calls))
    await all_hear(*zip(calls, ({"bob", "carol"}, {"alice", "carol"}, {"alice", "bob"}), strict=True))


async def test_a_conference_waits_for_its_leader_and_ends_with_him(phones: Phones) -> None:
    alice, bob, carol = await people(phones, "alice", "bob", "carol")
    waiting = [phone.call("8202") for phone in (bob, carol)]
    await asyncio.gather(*(call.answered for call in waiting))
    await all_hear(*((call, {"music"}) for call in waiting))
    leader = alice.call("8102")
    await leader.answered
    await all_hear((leader, {"bob", "carol"}), (waiting[0], {"alice", "carol"}), (waiting[1], {"alice", "bob"}))
    await leader.hangup()
    await ended(waiting)
