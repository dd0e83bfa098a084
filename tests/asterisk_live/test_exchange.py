"""What can happen to a call on this exchange, told by ear: before anybody records it."""

import asyncio

import pytest

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.who_hears import SOUNDS, all_heard, connected, ended, heard_now

pytestmark = pytest.mark.asterisk

# ---- Transfers ------------------------------------------------------------------------------------------------------


async def test_a_blind_transfer_by_refer(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("103") == 200
    transferred = await carol.next_call()
    await ended([taken])
    assert await all_heard(call, transferred) == [{"carol"}, {"trunk"}]


async def test_a_transfer_to_nobody_fails_and_the_call_goes_on(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("999") == 404
    assert await all_heard(call, taken) == [{"bob"}, {"alice"}]


async def test_an_attended_transfer_by_refer(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.hold() == "recvonly"
    assert await heard_now(call) == {"music"}
    asked = bob.call("103")
    consulted = await carol.next_call()
    await asked.answered
    assert await heard_now(consulted) == {"bob"}
    assert await taken.refer("103", replaces=asked) == 200
    await ended([taken, asked])
    assert await all_heard(call, consulted) == [{"carol"}, {"trunk"}]


async def test_a_call_that_takes_anothers_place(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    instead = carol.call("102", replaces=taken)
    await instead.answered
    await ended([taken])
    assert await all_heard(call, instead) == [{"carol"}, {"alice"}]


async def test_a_blind_transfer_by_keys(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.dial("##103")
    transferred = await carol.next_call()
    await ended([taken])
    assert call.digits == ""
    assert await all_heard(call, transferred) == [{"carol"}, {"trunk"}]


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


async def test_a_call_is_parked_and_taken_back_elsewhere(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("700") == 200
    assert await heard_now(call) == {"music"}
    fetched = carol.call("701")
    await fetched.answered
    assert await all_heard(call, fetched) == [{"carol"}, {"alice"}]


async def test_a_call_is_parked_by_keys(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.dial("*3")
    assert await heard_now(call) == {"music"}
    fetched = bob.call("701")
    await fetched.answered
    assert await all_heard(call, fetched) == [{"bob"}, {"alice"}]


# ---- Ways to a phone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["*8", "*80"])
async def test_a_ringing_call_is_picked_up_elsewhere(phones: Phones, code: str) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    bob.rings = None
    call = alice.call("102")
    ringing = await bob.next_call()
    picked = carol.call(code)
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
async def test_a_queue_rings_all_and_one_takes_it(phones: Phones, number: str) -> None:
    trunk = await phones.trunk(SOUNDS["trunk"])
    members = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    for member in members:
        member.rings = None
    call = trunk.call(number)
    alice, bob, carol = [await member.next_call() for member in members]
    assert await heard_now(call) == {"music"}
    bob.answer()
    await ended([alice, carol])
    assert await all_heard(call, bob) == [{"bob"}, {"trunk"}]


# ---- During a call --------------------------------------------------------------------------------------------------


async def test_who_is_on_hold_hears_music_and_is_taken_back(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await call.hold() == "recvonly"
    assert await heard_now(taken) == {"music"}
    assert await call.resume() == "sendrecv"
    assert await all_heard(call, taken) == [{"bob"}, {"alice"}]


async def test_the_other_side_gets_the_keys_that_are_no_code(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    await call.dial("19*#")
    assert await heard_now(taken) == {"alice"}
    assert taken.digits == "19*#"


async def test_direct_media_flows_from_phone_to_phone(asterisk: AsteriskServer, phones: Phones) -> None:
    grace, heidi = [await phones.user(n, SOUNDS[n]) for n in ("grace", "heidi")]
    call = grace.call("108")
    taken = await heidi.next_call()
    await call.answered
    assert await all_heard(call, taken) == [{"heidi"}, {"grace"}]
    assert call.stream.arrivals[-1].sender == taken.stream.address
    assert taken.stream.arrivals[-1].sender == call.stream.address


# ---- Conferences ----------------------------------------------------------------------------------------------------


async def test_in_a_conference_everybody_hears_the_others(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    calls = [phone.call("8001") for phone in (alice, bob, carol)]
    await asyncio.gather(*(call.answered for call in calls))
    assert await all_heard(*calls) == [{"bob", "carol"}, {"alice", "carol"}, {"alice", "bob"}]


async def test_a_conference_waits_for_its_leader_and_ends_with_him(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    waiting = [phone.call("8202") for phone in (bob, carol)]
    await asyncio.gather(*(call.answered for call in waiting))
    assert await all_heard(*waiting) == [{"music"}, {"music"}]
    leader = alice.call("8102")
    await leader.answered
    assert await all_heard(leader, *waiting) == [{"bob", "carol"}, {"alice", "carol"}, {"alice", "bob"}]
    await leader.hangup()
    await ended(waiting)


async def test_a_conference_is_recorded_by_mixmonitor(asterisk: AsteriskServer, phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    calls = [phone.call("8301") for phone in (alice, bob)]
    await asyncio.gather(*(call.answered for call in calls))
    assert await all_heard(*calls) == [{"bob"}, {"alice"}]
    assert "8301" in await asyncio.to_thread(asterisk.cli, "confbridge list")
    assert list((asterisk.spool / "monitor").glob("confbridge-8301-*"))
