"""Transfers by FreeSWITCH's own commands, which no telephone asks for: one recording, each party on the right track."""


import pytest

from tests.freeswitch import FreeSwitchServer
from tests.hearing import whose_audio
from tests.phone import Call, Phone, Phones
from tests.phonograph import Phonograph
from tests.scenarios.parties import users
from tests.servers import MUSIC
from tests.sounds import RATE
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of

pytestmark = pytest.mark.freeswitch


async def legs(service: Phonograph) -> dict[str, str]:
    """The channels of the calls that are open, by the user on them; the outside is `trunk`."""
    return {leg["party"].split("@")[0]: leg["id"] for row in await service.calls() if row["state"] != "closed"
            for leg in (await service.get(f"/calls/{row['id']}"))["legs"] if leg["state"] != "gone"}


async def talk(service: Phonograph, trunk: Phone, bob: Phone) -> tuple[Call, Call]:
    """The outside calls bob; both have said something that is recorded."""
    call, taken = await connected(trunk, bob, "102")

    async def recorded() -> bool:
        return any(recording["started"] for row in await service.calls() for recording in row["recordings"])

    await service.until(recorded, "records nothing")
    await heard(call, taken, seconds=1)
    return call, taken


@pytest.mark.parametrize("rings", [0, 3], ids=["at-once", "after-three-seconds"])
@pytest.mark.parametrize("moved", ["trunk", "bob"])
async def test_one_of_two_is_sent_elsewhere(
        freeswitch: FreeSwitchServer, service: Phonograph, phones: Phones, moved: str, rings: float) -> None:
    """`uuid_transfer`, of the leg that called and of the one that was called (-bleg). Whoever is sent stays."""
    trunk, (bob, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "carol")
    carol.rings = rings
    call, taken = await talk(service, trunk, bob)
    found_legs = await legs(service)
    which = "" if moved == "trunk" else "-bleg "
    said = freeswitch.cli(f"uuid_transfer {found_legs['trunk']} {which}103 XML from-users")
    assert said.startswith("+OK"), said
    then = await carol.next_call()
    stays, goes = (call, taken) if moved == "trunk" else (taken, call)
    await heard(stays, then, seconds=2)
    await stays.hangup()
    row = await row_of(service, call, rows=1)
    assert row["recordings"][0]["state"] == "ready", row["recordings"]
    found = Whereabouts.of(service, row)
    keeps, other = ("caller", "callee") if moved == "trunk" else ("callee", "caller")
    assert found.speakers(keeps, call, taken, then) == [stays.phone.name]
    assert found.speakers(other, call, taken, then) == [goes.phone.name, "carol"]
    assert found.lost(other, then, heard_by=stays) <= SEAM
    assert found.lost(keeps, stays, heard_by=then) <= SEAM


async def test_both_are_sent_into_a_conference(
        freeswitch: FreeSwitchServer, service: Phonograph, phones: Phones) -> None:
    trunk, (bob,) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob")
    call, taken = await talk(service, trunk, bob)
    said = freeswitch.cli(f"uuid_transfer {(await legs(service))['trunk']} -both 8033 XML from-users")
    assert said.startswith("+OK"), said
    await heard(call, taken, seconds=3)
    await call.hangup()
    await taken.hangup()
    first, room = await service.closed(2)
    assert (first["outcome"], first["sip_call_id"], room["kind"]) == ("recorded", call.id, "conference")
    assert room["outcome"] == "recorded"
    found = Whereabouts.of(service, first)
    assert found.speakers("caller", call, taken) == ["trunk"]
    assert found.speakers("callee", call, taken) == ["bob"]


async def test_two_who_stay_of_two_calls_are_brought_together(
        freeswitch: FreeSwitchServer, service: Phonograph, phones: Phones) -> None:
    """`uuid_bridge`: the oldest call goes on with both of them."""
    trunk, (bob, alice, carol) = await phones.trunk(SOUNDS["trunk"]), await users(phones, "bob", "alice", "carol")
    call, taken = await talk(service, trunk, bob)
    second, answered = await connected(alice, carol, "103")
    await heard(second, answered, seconds=1)
    found_legs = await legs(service)
    said = freeswitch.cli(f"uuid_bridge {found_legs['trunk']} {found_legs['alice']}")
    assert said.startswith("+OK"), said
    await heard(call, second, seconds=2)
    await call.hangup()
    await second.hangup()
    first, other = [await row_of(service, one, rows=2) for one in (call, second)]
    assert (first["outcome"], other["merged_into"]) == ("recorded", first["id"])
    assert [row["recordings"][0]["state"] for row in (first, other)] == ["ready", "ready"]
    found = Whereabouts.of(service, first)
    assert found.speakers("caller", call, taken, second, answered) == ["trunk"]
    assert found.speakers("callee", call, taken, second, answered) == ["bob", "alice"]
    assert found.lost("callee", second, heard_by=call) <= SEAM
    assert found.lost("caller", call, heard_by=second) <= SEAM
    own = Whereabouts.of(service, other)
    assert (own.speakers("caller", second, answered), own.speakers("callee", second, answered)) == (
        ["alice"], ["carol"])


async def test_who_waits_in_a_queue_of_mod_callcenter_is_recorded_with_its_music(
        service: Phonograph, phones: Phones) -> None:
    """Each agent that is rung is a call of its own to FreeSWITCH; that of who answers becomes part of the caller's."""
    trunk, agents = await phones.trunk(SOUNDS["trunk"]), await users(phones, "alice", "bob", "carol")
    for agent in agents:
        agent.rings = None
    call = trunk.call("302")
    _, bob, _ = [await agent.next_call() for agent in agents]
    await heard(call, seconds=1)
    bob.answer()
    await heard(call, bob, seconds=2)
    await call.hangup()
    row = await row_of(service, call, rows=4)
    others = [one for one in await service.calls() if one["id"] != row["id"]]
    assert sorted(other["outcome"] for other in others) == ["not_wanted", "unanswered", "unanswered"]
    assert row["recordings"][0]["state"] == "ready"
    found = Whereabouts.of(service, row)
    assert found.speakers("caller", call, bob) == ["trunk"]
    assert found.speakers("callee", call, bob) == ["bob"]
    assert found.lost("callee", bob, heard_by=call) <= SEAM
    waited = round((found.stretches("callee", bob)[0].begin - found.begun) * RATE)
    assert "music" in whose_audio(found.tracks["callee"][:waited], {"music": MUSIC.samples})
