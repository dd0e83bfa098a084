"""What else can happen to a call on this exchange, told by ear: before anybody records it."""

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


# ---- Ways to a phone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["120", "130", "131"])
async def test_a_number_that_is_forwarded(phones: Phones, number: str) -> None:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])
    call = trunk.call(number)
    taken = await bob.next_call()
    await connected(call, taken)
    await all_hear((call, {"bob"}), (taken, {"trunk"}))


# ---- Media that FreeSWITCH does not read ----------------------------------------------------------------------------


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


async def test_a_conference_is_recorded_by_freeswitch(freeswitch: FreeSwitchServer, phones: Phones) -> None:
    calls = [(await phones.user(n, SOUNDS[n])).call("8300") for n in ("alice", "bob")]
    for call in calls:
        await call.answered
    await all_heard(*calls)
    assert [path.name for path in freeswitch.recordings.glob("conference-*")] == ["conference-8300.wav"]
