"""Other ways from one party to the next: another phone takes a place, parking, pickup, forwarding, queues, hold."""

import pytest

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.hearing import whose_audio
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import APART, best_of_three
from tests.scenarios.conftest import Exchange
from tests.scenarios.parties import users
from tests.servers import MUSIC
from tests.sounds import RATE
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of

OWN_ROW = {AsteriskServer: 1, FreeSwitchServer: 0}
"""How many rows a call has of its own that takes another's place by Replaces: FreeSWITCH tells at once whose."""


@pytest.mark.parametrize("replaced", ["callee", "caller"])
async def test_a_call_that_takes_anothers_place(
        exchange: Exchange, service: Phonograph, phones: Phones, replaced: str) -> None:
    """INVITE with Replaces. Asterisk tells of no transfer."""
    alice, bob, carol = await users(phones, "alice", "bob", "carol")

    async def taken_over(calls: int) -> None:
        call, taken = await connected(alice, bob, "102")
        await heard(call, taken, seconds=1)
        goes, stays = (taken, call) if replaced == "callee" else (call, taken)
        instead = carol.call("102", replaces=goes)
        await heard(stays, instead, seconds=2)
        await stays.hangup()
        owns = OWN_ROW[type(exchange)]
        first = await row_of(service, call, rows=(1 + owns) * calls)
        own = [row for row in await service.calls() if row["sip_call_id"] == instead.id]
        assert [(row["outcome"], row["merged_into"]) for row in own] == owns * [("not_wanted", first["id"])]
        found = Whereabouts.of(service, first)
        keeps = "caller" if replaced == "callee" else "callee"
        assert found.speakers(keeps, call, taken, instead) == [stays.phone.name]
        assert found.speakers(replaced, call, taken, instead) == [goes.phone.name, "carol"]
        assert found.lost(replaced, instead, heard_by=stays) <= SEAM
        assert found.lost(keeps, stays, heard_by=instead) <= SEAM

    await best_of_three(taken_over)


@pytest.mark.parametrize("way", ["refer", "keys"])
async def test_a_parked_call_is_one_recording(service: Phonograph, phones: Phones, way: str) -> None:
    alice, bob, carol = await users(phones, "alice", "bob", "carol")

    async def parked(calls: int) -> None:
        call, taken = await connected(alice, bob, "5102")
        await heard(call, taken, seconds=1)
        if way == "refer":
            assert await taken.refer("700") < 300
        else:
            await taken.dial("*3")
        await heard(call, seconds=2.5)
        fetched = carol.call("701")
        await heard(call, fetched, seconds=2)
        await call.hangup()
        first, own = [await row_of(service, one, rows=2 * calls) for one in (call, fetched)]
        assert (first["outcome"], own["outcome"], own["merged_into"]) == ("recorded", "not_wanted", first["id"])
        found = Whereabouts.of(service, first)
        assert found.speakers("caller", call, taken, fetched) == ["alice"]
        assert found.speakers("callee", call, taken, fetched) == ["bob", "carol"]
        assert found.lost("callee", fetched, heard_by=call) <= SEAM
        assert found.lost("caller", call, heard_by=fetched) <= SEAM
        assert "music" in whose_audio(found.tracks["callee"], {"music": MUSIC.samples})

    await best_of_three(parked)


async def test_a_call_that_is_picked_up_is_the_callers(service: Phonograph, phones: Phones) -> None:
    alice, bob, carol = await users(phones, "alice", "bob", "carol")
    bob.rings = None

    async def picked_up(calls: int) -> None:
        call = alice.call("102")
        ringing = await bob.next_call()
        picked = carol.call("*8")
        await heard(call, picked, seconds=2)
        await call.hangup()
        await ringing.ended
        first, own = [await row_of(service, one, rows=2 * calls) for one in (call, picked)]
        assert (first["outcome"], own["outcome"], own["merged_into"]) == ("recorded", "not_wanted", first["id"])
        found = Whereabouts.of(service, first)
        assert found.speakers("caller", call, picked) == ["alice"]
        assert found.speakers("callee", call, picked) == ["carol"]
        assert found.lost("callee", picked, heard_by=call) <= SEAM

    await best_of_three(picked_up)


@pytest.mark.parametrize("number", ["120", "130", "131", "302"])
async def test_forwarding_and_local_channels_make_one_recording(
        service: Phonograph, phones: Phones, number: str) -> None:
    """302: the phone itself sends the call on. 130: the Local channels stay in the call."""
    alice, bob, carol = await users(phones, "alice", "bob", "carol")
    answers = bob
    if number == "302":
        bob.forwards, answers = "103", carol

    async def forwarded(calls: int) -> None:
        call, taken = await connected(alice, answers, "102" if number == "302" else number)
        await heard(call, taken, seconds=2)
        await call.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=calls))
        assert len(found.manifest["segments"]) == 1
        assert found.speakers("caller", call, taken) == ["alice"]
        assert found.speakers("callee", call, taken) == [answers.name]
        assert max(found.lost("callee", taken, heard_by=call), found.lost("caller", call, heard_by=taken)) <= SEAM

    await best_of_three(forwarded)


@pytest.mark.parametrize("number", ["300", "301"])
async def test_a_queues_call_is_one_recording(
        exchange: Exchange, service: Phonograph, phones: Phones, number: str) -> None:
    """Its dialplan answers before the queue: the waiting, with its music, belongs to the call. Only mod_fifo (301 on
    FreeSWITCH) keeps recordings from who waits in it, and calls its agents on its own account."""
    trunk = await phones.trunk(SOUNDS["trunk"])
    members = await users(phones, "alice", "bob", "carol")
    for member in members:
        member.rings = None
    fifo = isinstance(exchange, FreeSwitchServer) and number == "301"
    rows = 4 if fifo else 1

    async def one_takes_it(calls: int) -> None:
        call = trunk.call(number)
        alice, bob, carol = [await member.next_call() for member in members]
        await heard(call, seconds=1)
        bob.answer()
        await heard(call, bob, seconds=2)
        await call.hangup()
        row, *others = (await service.closed(calls * rows))[-rows:]
        called = ["not_wanted", "unanswered", "unanswered"] if fifo else []
        assert sorted(other["outcome"] for other in others) == called
        assert row["recordings"][0]["state"] == "ready"
        found = Whereabouts.of(service, row)
        assert found.speakers("caller", call, alice, bob, carol) == ["trunk"]
        assert found.speakers("callee", call, alice, bob, carol) == ["bob"]
        assert found.lost("callee", bob, heard_by=call) <= SEAM
        waited = round((found.stretches("callee", bob)[0].begin - found.begun) * RATE)
        music = whose_audio(found.tracks["callee"][:waited], {"music": MUSIC.samples})
        if fifo:
            assert music == {}
            assert "hold" in {gap["cause"] for gap in found.manifest["gaps"]}
        else:
            assert "music" in music
        spoke = {party["user"]: (party["track"], len(party["visits"])) for party in found.manifest["parties"]}
        nobody = (None, 0)
        assert (spoke["bob"], spoke.get("alice", nobody), spoke.get("carol", nobody)) == (("callee", 1), nobody, nobody)

    await best_of_three(one_takes_it)


async def test_the_music_of_a_hold_is_on_the_track_of_who_holds(service: Phonograph, phones: Phones) -> None:
    """Bob is tapped as an outgoing call's callee would be: by the leg that hears the music."""
    trunk, (bob,) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob")

    async def held(calls: int) -> None:
        call, taken = await connected(trunk, bob, "102")
        await heard(call, taken, seconds=1)
        await taken.hold()
        await heard(call, seconds=2)
        await taken.resume()
        await heard(call, taken, seconds=2)
        await call.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=calls))
        assert "music" in whose_audio(found.tracks["callee"], {"music": MUSIC.samples})
        assert found.lost("callee", taken, heard_by=call) <= SEAM
        assert found.lost("caller", call, heard_by=taken) <= SEAM
        before, after = found.stretches("callee", taken)
        shift = [one.first / RATE - one.begin for one in (before, after)]
        assert abs(shift[0] - shift[1]) <= APART
        assert len(found.stretches("caller", call)) == 1

    await best_of_three(held)
