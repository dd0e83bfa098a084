"""Taps that go to recording servers, on a real FreeSWITCH: what arrives where, and that nothing is left behind."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from esl_app.answerer import Answerer
from esl_app.names import tap_leg
from recorder.events import DETACHED, LegGone, LegIs, SwitchDown, SwitchUp, TapDown, TapFailed
from recorder.model import Direction
from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, variable
from tests.freeswitch_live.receivers import (
    BOB,
    TRUNK,
    Driven,
    Receivers,
    Tap,
    called,
    driven,
    nothing_else,
    trunks_leg,
)
from tests.hearing import whose_audio
from tests.phone import Phones
from tests.sounds import PACKET, noise, one_zero
from tests.stalling import Way
from tests.whereabouts import connected, heard

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

CAROL = noise(33)
CALLS = 20
MIXED = (Direction.MIX,)
ALMOST_ALL = 0.9
"""A machine that is too busy loses a few packets in a hundred."""


class Mute(Answerer):
    """As if FreeSWITCH's way to us were blocked."""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        pass


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_each_party_arrives_on_its_own_port_and_there_alone_as_it_was_sent(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers, codec: str) -> None:
    call, _ = await called(phones, codec)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    asked = time.time()
    up = await tap.begin(receivers)
    assert asked - 1 < up.started < time.time()
    await receivers.more(3)
    assert (await tap.end()).cause == DETACHED
    for one, own, other in ((receivers.said, TRUNK, BOB), (receivers.told, BOB, TRUNK)):
        assert {packet.kind for packet in one.packets} == {{"PCMU": 0, "PCMA": 8}[codec]}
        assert len(one.of(own, codec)) > 100
        assert one.of(other, codec) == []
        assert len({packet.source for packet in one.packets}) == 1
        assert one.breaks() == []
        assert {len(packet.payload) for packet in one.packets} == {PACKET}
    await nothing_else(freeswitch)
    await call.hangup()


async def test_after_the_confirmed_end_nothing_arrives_and_of_a_pause_not_a_packet(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    leg = await trunks_leg(freeswitch)
    first, second = Tap(*switch, leg), Tap(*switch, leg, 1)
    await first.begin(receivers)
    await receivers.more(1)
    await first.end()
    ended = time.time()
    for one in (call, taken):
        one.stream.play(CAROL)
    await heard(call, taken, seconds=1)
    assert receivers.said.since(ended) + receivers.told.since(ended) == []
    for one, sound in ((call, TRUNK), (taken, BOB)):
        one.stream.play(sound)
    await heard(call, taken, seconds=0.5)
    await second.begin(receivers)
    await receivers.more(1)
    assert receivers.said.of(CAROL) + receivers.told.of(CAROL) == []
    await second.end()
    await call.hangup()


async def test_the_parties_hear_nothing_of_it(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    """Before, in and after it each hears what the other says, sample by sample, and nothing else."""
    call, taken = await called(phones)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await heard(call, taken, seconds=2)
    await tap.end()
    await heard(call, taken, seconds=1)
    for one, other in ((call, BOB), (taken, TRUNK)):
        own = {one_zero(payload) for payload in other.packets("PCMU")}
        strange = [packet for packet in one.stream.arrivals if one_zero(packet.payload) not in own]
        # Where a packet was late on a busy machine, FreeSWITCH may have put silence.
        assert [packet for packet in strange if len(set(packet.payload)) > 1] == []
        assert one.stream.digits == ""
        assert len({packet.source for packet in one.stream.arrivals}) == 1
    await call.hangup()


@pytest.mark.parametrize("muted", ["trunk", "bob"])
async def test_of_who_talks_all_arrives_while_the_other_one_sends_nothing_and_afterwards(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers, muted: str) -> None:
    call, taken = await called(phones)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    silent, talks, own = (call, receivers.told, BOB) if muted == "trunk" else (taken, receivers.said, TRUNK)
    silent.stream.stop_sending()
    for _ in range(4):
        await receivers.more(1.5)
        silent.stream.start_sending()
        await receivers.more(0.5)
        silent.stream.stop_sending()
    await tap.end()
    assert talks.breaks() == []
    assert len(talks.of(own)) > ALMOST_ALL * len(talks.packets)
    await call.hangup()


@pytest.mark.parametrize(("number", "callee"), [("107", "grace"), ("6102", "bob")])
async def test_media_that_freeswitch_does_not_read_are_left_alone(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers, number: str,
        callee: str) -> None:
    trunk, phone = await phones.trunk(TRUNK), await phones.user(callee, BOB)
    call, taken = await connected(trunk, phone, number)
    tap = Tap(*switch, (await legs(freeswitch, 2))[1])
    await tap.attach(receivers)
    assert "does not read" in (await tap.says(TapFailed)).cause
    await heard(call, taken, seconds=0.5)
    await nothing_else(freeswitch)
    await call.hangup()
    await taken.ended


async def test_of_another_codec_mu_law_arrives(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, _ = await called(phones, "G722")
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await receivers.more(4)
    await tap.end()
    for one, own in ((receivers.said, "trunk"), (receivers.told, "bob")):
        assert {packet.kind for packet in one.packets} == {0}
        voices = whose_audio(one.samples(), {"trunk": TRUNK.samples, "bob": BOB.samples})
        assert list(voices) == [own]
        assert one.breaks() == []
    await call.hangup()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722"])
async def test_a_mix_is_both_parties_on_one_port(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, codec: str) -> None:
    call, _ = await called(phones, codec)
    async with Receivers(MIXED) as receivers:
        tap = Tap(*switch, await trunks_leg(freeswitch), directions=MIXED)
        await tap.begin(receivers)
        await receivers.more(3)
        assert (await tap.end()).cause == DETACHED
        one = receivers.by[Direction.MIX]
        assert {packet.kind for packet in one.packets} == {{"PCMA": 8}.get(codec, 0)}
        voices = whose_audio(one.samples(), {"trunk": TRUNK.samples, "bob": BOB.samples, "carol": CAROL.samples})
        assert set(voices) == {"trunk", "bob"}
        assert one.breaks() == []
    await nothing_else(freeswitch)
    await call.hangup()


async def test_the_stream_of_a_mix_goes_on_while_one_party_sends_nothing(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    call, taken = await called(phones)
    async with Receivers(MIXED) as receivers:
        tap = Tap(*switch, await trunks_leg(freeswitch), directions=MIXED)
        await tap.begin(receivers)
        for silent in (taken, call):
            silent.stream.stop_sending()
            await receivers.more(2)
            silent.stream.start_sending()
        await tap.end()
        assert receivers.by[Direction.MIX].breaks() == []
    await call.hangup()


async def test_the_parties_hear_nothing_of_a_mix(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    call, taken = await called(phones)
    async with Receivers(MIXED) as receivers:
        tap = Tap(*switch, await trunks_leg(freeswitch), directions=MIXED)
        await tap.begin(receivers)
        await heard(call, taken, seconds=2)
        await tap.end()
    for one, other in ((call, BOB), (taken, TRUNK)):
        own = {one_zero(payload) for payload in other.packets("PCMU")}
        strange = [packet for packet in one.stream.arrivals if one_zero(packet.payload) not in own]
        assert [packet for packet in strange if len(set(packet.payload)) > 1] == []
    await call.hangup()


async def test_a_mix_that_its_leg_hangs_up_leaves_nothing(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    call, taken = await called(phones)
    async with Receivers(MIXED) as receivers:
        tap = Tap(*switch, await trunks_leg(freeswitch), directions=MIXED)
        await tap.begin(receivers)
        await receivers.more(0.5)
        await call.hangup()
        await taken.ended
        assert (await tap.says(TapDown)).cause != DETACHED
    await nothing_else(freeswitch, 0)


async def test_the_hangup_of_the_call_ends_it_and_leaves_nothing(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await receivers.more(0.5)
    await call.hangup()
    await taken.ended
    down = await tap.says(TapDown)
    assert down.cause != DETACHED
    assert down.ended is not None
    await nothing_else(freeswitch, 0)


async def test_when_one_of_the_two_calls_fails_the_other_one_goes_and_the_parties_talk_on(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await asyncio.to_thread(freeswitch.cli, f"uuid_kill {tap_leg(tap.segment, Direction.IN)}")
    assert (await tap.says(TapDown)).cause == "NORMAL_CLEARING"
    await nothing_else(freeswitch)
    await heard(call, taken, seconds=0.5)
    await call.hangup()


async def test_when_nobody_answers_it_fails_and_leaves_nothing(
        freeswitch: FreeSwitchServer, phones: Phones, receivers: Receivers) -> None:
    async with driven(freeswitch, answerer=Mute()) as switch:
        call, _ = await called(phones)
        tap = Tap(*switch, await trunks_leg(freeswitch))
        await tap.attach(receivers)
        await tap.says(TapFailed)
        await nothing_else(freeswitch)
        await call.hangup()


async def test_our_legs_are_no_partys_and_the_digits_of_the_call_do_not_arrive(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    tap = Tap(*switch, leg := await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await call.dial("42")
    await tap.end()
    await call.hangup()
    await taken.ended
    _, story = switch
    async with asyncio.timeout(20):
        while leg not in {event.leg for event in story.all(LegGone)}:
            await story.next(LegGone, len(story.all(LegGone)) + 1)
    seen = {event.leg.id for event in story.all(LegIs)} | {event.leg for event in story.all(LegGone)}
    assert len(seen) == 2
    assert {packet.kind for one in receivers.by.values() for packet in one.packets} == {0}


async def test_a_later_life_finds_it_and_ends_it(
        freeswitch: FreeSwitchServer, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    leg = await trunks_leg(freeswitch)
    async with driven(freeswitch, "1") as switch:
        await Tap(*switch, leg).begin(receivers)
    async with driven(freeswitch, "2") as switch:
        tap = Tap(*switch, leg)
        _, story = switch
        assert [(fact.segment, fact.source) for fact in story.all(SwitchUp)[0].snapshot.taps] == [
            (tap.segment, tap.source)]
        assert len(story.all(SwitchUp)[0].snapshot.legs) == 2
        assert (await tap.end()).cause == DETACHED
        await nothing_else(freeswitch)
    await heard(call, taken, seconds=0.5)
    await call.hangup()


async def test_a_later_life_ends_what_is_no_whole_tap(
        freeswitch: FreeSwitchServer, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    leg = await trunks_leg(freeswitch)
    async with driven(freeswitch, "1") as switch:
        tap = Tap(*switch, leg)
        await tap.begin(receivers)
        kept = tap_leg(tap.segment, Direction.OUT)
        await asyncio.to_thread(freeswitch.cli, f"uuid_setvar {kept} recorder_tapped another")
    async with driven(freeswitch, "2") as (_, story):
        assert story.all(SwitchUp)[0].snapshot.taps == ()
        await nothing_else(freeswitch)
    await heard(call, taken, seconds=0.5)
    await call.hangup()


async def test_it_goes_on_while_the_connection_is_lost_and_can_be_ended_afterwards(
        freeswitch: FreeSwitchServer, phones: Phones, receivers: Receivers) -> None:
    call, _ = await called(phones)
    async with Way(freeswitch.esl_port) as way, driven(freeswitch, port=way.port) as switch:
        tap = Tap(*switch, await trunks_leg(freeswitch))
        await tap.begin(receivers)
        way.cut()
        _, story = switch
        await story.next(SwitchDown)
        lost = len(story.all(SwitchUp))
        await receivers.more(1)
        way.mend()
        again = await story.next(SwitchUp, lost + 1)
        assert [fact.segment for fact in again.snapshot.taps] == [tap.segment]
        await receivers.more(0.5)
        assert (await tap.end()).cause == DETACHED
        assert receivers.said.breaks() == []
    await nothing_else(freeswitch)
    await call.hangup()


async def test_it_hears_whoever_talks_with_the_tapped_leg_after_a_transfer(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    carol = await phones.user("carol", CAROL)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await receivers.more(1)
    await taken.refer("103")
    other = await carol.next_call()
    await heard(call, other, seconds=1)
    before = len(receivers.told.of(CAROL))
    await receivers.more(1)
    assert len(receivers.told.of(CAROL)) > before
    assert receivers.told.of(BOB)
    assert receivers.said.of(CAROL) + receivers.said.of(BOB) == []
    assert len({packet.source for packet in receivers.told.packets}) == 1
    assert (await tap.end()).cause == DETACHED
    await nothing_else(freeswitch)
    await call.hangup()


async def test_an_attended_transfer_leaves_the_tap_where_it_is(
        freeswitch: FreeSwitchServer, switch: Driven, phones: Phones, receivers: Receivers) -> None:
    call, taken = await called(phones)
    carol = await phones.user("carol", CAROL)
    tap = Tap(*switch, await trunks_leg(freeswitch))
    await tap.begin(receivers)
    await taken.hold()
    asking = taken.phone.call("103")
    asked = await carol.next_call()
    await heard(asking, asked, seconds=1)
    assert receivers.said.of(CAROL) + receivers.told.of(CAROL) == []
    await taken.refer("103", replaces=asking)
    await heard(call, asked, seconds=1)
    await receivers.more(0.5)
    assert receivers.told.of(CAROL)
    assert receivers.said.of(CAROL) + receivers.said.of(BOB) == []
    assert (await tap.end()).cause == DETACHED
    await nothing_else(freeswitch)
    await call.hangup()


async def test_twenty_calls_at_once(freeswitch: FreeSwitchServer, switch: Driven, phones: Phones) -> None:
    trunk, bob = await phones.trunk(TRUNK), await phones.user("bob", BOB)
    calls = [(await connected(trunk, bob, "102"))[0] for _ in range(CALLS)]
    ours = [leg for leg in await legs(freeswitch, 2 * CALLS)
            if await asyncio.to_thread(variable, freeswitch, leg, "sofia_profile_name") == "trunk"]
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(Receivers()) for _ in ours]
        taps = [Tap(*switch, leg, number) for number, leg in enumerate(ours)]
        await asyncio.gather(*(tap.begin(to) for tap, to in zip(taps, ports, strict=True)))
        await asyncio.gather(*(to.more(2) for to in ports))
        ends = await asyncio.gather(*(tap.end() for tap in taps))
        assert {down.cause for down in ends} == {DETACHED}
        for to in ports:
            assert to.said.of(TRUNK)
            assert to.told.of(BOB)
            assert to.said.of(BOB) + to.told.of(TRUNK) == []
    await nothing_else(freeswitch, 2 * CALLS)
    await asyncio.gather(*(call.hangup() for call in calls))
