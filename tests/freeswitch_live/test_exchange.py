"""What can happen to a call on this exchange, told by ear: before anybody records it."""

import asyncio

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.phone import CallFailed, Phones
from tests.servers import USERS
from tests.who_hears import SOUNDS, all_hear, all_heard, connected, ended

pytestmark = pytest.mark.freeswitch


# ---- Calls ----------------------------------------------------------------------------------------------------------


async def test_two_users_hear_one_another(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    await all_hear((call, {"bob"}), (taken, {"alice"}))
    assert taken.number == "101"
    await call.hangup()
    await ended([taken])


async def test_every_user_can_be_called_by_number_and_by_name(phones: Phones) -> None:
    trunk = await phones.trunk()
    for number, name in enumerate(USERS, 101):
        phone = await phones.user(name)
        for dialled in (str(number), name):
            call = trunk.call(dialled)
            taken = await phone.next_call()
            await call.answered
            await call.hangup()
            await ended([taken])


async def test_the_outside_calls_in(phones: Phones) -> None:
    trunk, carol = await phones.trunk(SOUNDS["trunk"]), await phones.user("carol", SOUNDS["carol"])
    call = trunk.call("103", caller="+4930123456")
    taken = await carol.next_call()
    await connected(call, taken)
    await all_hear((call, {"carol"}), (taken, {"trunk"}))
    assert taken.number == "+4930123456"


async def test_a_user_calls_out(phones: Phones) -> None:
    trunk, alice = await phones.trunk(SOUNDS["trunk"]), await phones.user("alice", SOUNDS["alice"])
    call = alice.call("04930123456")
    taken = await trunk.next_call()
    await connected(call, taken)
    await all_hear((call, {"trunk"}), (taken, {"alice"}))
    assert taken.number == "101"


async def test_the_outside_does_not_get_out_again(phones: Phones) -> None:
    trunk = await phones.trunk()
    with pytest.raises(CallFailed, match="404"):
        await trunk.call("04930123456").answered


async def test_who_rings_and_is_refused_or_given_up(phones: Phones) -> None:
    alice, bob = [await phones.user(n) for n in ("alice", "bob")]
    bob.rings = None
    call = alice.call("102")
    ringing = await bob.next_call()
    await call.hangup()
    await ended([ringing])
    bob.refuses = 486
    with pytest.raises(CallFailed, match="486"):
        await alice.call("102").answered


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
async def test_other_codecs_carry_the_voice(phones: Phones, codec: str) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    alice.codecs = bob.codecs = (codec,)
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert call.stream.codec == codec
    await all_hear((call, {"bob"}), (taken, {"alice"}))


# ---- Services -------------------------------------------------------------------------------------------------------


async def test_echo_and_music(phones: Phones) -> None:
    alice = await phones.user("alice", SOUNDS["alice"])
    echo, music = alice.call("201"), alice.call("202")
    await asyncio.gather(echo.answered, music.answered)
    await all_hear((echo, {"alice"}), (music, {"music"}))


async def test_the_menu_answers(phones: Phones) -> None:
    call = (await phones.trunk()).call("200")
    await call.answered
    await call.stream.listen(0.5)
    assert call.stream.heard().std() > 500


async def test_who_is_on_hold_hears_music_and_is_taken_back(phones: Phones) -> None:
    alice, bob = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob")]
    call = alice.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.hold()
    await all_hear((call, {"music"}))
    await taken.resume()
    await all_hear((call, {"bob"}), (taken, {"alice"}))


# ---- Transfers ------------------------------------------------------------------------------------------------------


async def test_a_blind_transfer_by_refer(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("103") < 300
    transferred = await carol.next_call()
    await ended([taken])
    await all_hear((call, {"carol"}), (transferred, {"trunk"}))


async def test_an_attended_transfer_by_refer(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
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
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.dial("##")
    await taken.dial("103")
    transferred = await carol.next_call()
    await ended([taken])
    await all_hear((call, {"carol"}), (transferred, {"trunk"}))
    assert call.digits == ""


async def test_a_call_is_parked_and_taken_back_elsewhere(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("102")
    taken = await bob.next_call()
    await connected(call, taken)
    assert await taken.refer("701") < 300
    await all_hear((call, {"music"}))
    back = carol.call("701")
    await back.answered
    await all_hear((call, {"carol"}), (back, {"trunk"}))


async def test_a_call_is_parked_by_keys(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    call = trunk.call("5102")
    taken = await bob.next_call()
    await connected(call, taken)
    await taken.dial("*3")
    await ended([taken])
    await all_hear((call, {"music"}))
    back = carol.call("701")
    await back.answered
    await all_hear((call, {"carol"}), (back, {"trunk"}))


async def test_a_ringing_call_is_picked_up_elsewhere(phones: Phones) -> None:
    trunk, bob, carol = [await phones.trunk(SOUNDS["trunk"])] + [
        await phones.user(n, SOUNDS[n]) for n in ("bob", "carol")
    ]
    bob.rings = None
    call = trunk.call("102")
    ringing = await bob.next_call()
    pickup = carol.call("*8")
    await connected(call, pickup)
    await all_hear((call, {"carol"}), (pickup, {"trunk"}))
    await ended([ringing])


@pytest.mark.parametrize("number", ["120", "130", "131"])
async def test_a_number_that_is_forwarded(phones: Phones, number: str) -> None:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    call = trunk.call(number)
    taken = await bob.next_call()
    await connected(call, taken)
    await all_hear((call, {"bob"}), (taken, {"trunk"}))


@pytest.mark.parametrize("number", ["300", "301"])
async def test_several_phones_ring_and_one_takes_it(phones: Phones, number: str) -> None:
    trunk = await phones.trunk(SOUNDS["trunk"])
    users = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    for user in users:
        user.rings = None
    call = trunk.call(number)
    ringing = [await user.next_call() for user in users]
    ringing[1].answer()
    await ended([ringing[0], ringing[2]])
    await connected(call, ringing[1])
    await all_hear((call, {"bob"}), (ringing[1], {"trunk"}))


# ---- Media that FreeSWITCH does not read ----------------------------------------------------------------------------


async def test_direct_media_flows_from_phone_to_phone(phones: Phones) -> None:
    trunk, grace = await phones.trunk(SOUNDS["trunk"]), await phones.user("grace", SOUNDS["grace"])
    call = trunk.call("107")
    taken = await grace.next_call()
    await connected(call, taken)
    await all_hear((call, {"grace"}), (taken, {"trunk"}))
    assert call.stream.arrivals[-1].sender == taken.stream.address
    assert taken.stream.arrivals[-1].sender == call.stream.address


async def test_media_may_pass_unread(phones: Phones) -> None:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    call = trunk.call("6102")
    taken = await bob.next_call()
    await connected(call, taken)
    await all_hear((call, {"bob"}), (taken, {"trunk"}))
    # One after the other: two BYEs that cross are answered after five seconds here.
    await call.hangup()
    await ended([taken])


# ---- Conferences ----------------------------------------------------------------------------------------------------


async def test_in_a_conference_everybody_hears_the_others(phones: Phones) -> None:
    calls = [(await phones.user(n, SOUNDS[n])).call("8000") for n in ("alice", "bob", "carol")]
    for call in calls:
        await call.answered
    await all_hear(*zip(calls, ({"bob", "carol"}, {"alice", "carol"}, {"alice", "bob"}), strict=True))


async def test_a_conference_waits_for_its_leader_and_ends_with_him(phones: Phones) -> None:
    alice, bob, carol = [await phones.user(n, SOUNDS[n]) for n in ("alice", "bob", "carol")]
    waiting = [alice.call("8201"), bob.call("8201")]
    for call in waiting:
        await call.answered
    await all_hear(*((call, {"music"}) for call in waiting))
    leader = carol.call("8101")
    await leader.answered
    await all_hear((waiting[0], {"bob", "carol"}), (waiting[1], {"alice", "carol"}))
    await leader.hangup()
    await ended(waiting)


async def test_a_conference_is_recorded_by_freeswitch(freeswitch: FreeSwitchServer, phones: Phones) -> None:
    calls = [(await phones.user(n, SOUNDS[n])).call("8300") for n in ("alice", "bob")]
    for call in calls:
        await call.answered
    await all_heard(*calls)
    assert [path.name for path in freeswitch.recordings.glob("conference-*")] == ["conference-8300.wav"]
