"""Taps whose audio is sent by RTP: what arrives on which port, when it stops, and that nothing is left on Asterisk."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ari_app.client import Address, Client
from ari_app.names import Part, Piece, part_of
from ari_app.switch import AriSwitch
from recorder.effects import Attach, Detach
from recorder.events import LegIs, TapDown
from recorder.ids import segment_id
from recorder.model import Direction, LegState, Sink, Source
from recorder.ports import NOWHERE
from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan
from tests.asterisk_live.driven import Told, following
from tests.hearing import locate
from tests.pausing import CARD_TONE, until_tone
from tests.phone import Call, Phones
from tests.recorded import ALICE, APART, BOB, whole
from tests.rtp_receiver import Port, Ports, listening
from tests.sounds import PACKET, RATE, Sound, noise
from tests.stalling import Way

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]

IN, OUT, MIX = Direction.IN, Direction.OUT, Direction.MIX
PAIR, MIXED = (IN, OUT), (MIX,)
SECRET = noise(71)
AT_ONCE = 20


@dataclass(frozen=True)
class Talk:
    """A call between alice and bob, and the taps of alice's leg. ``directions``: of those that are sent."""

    switch: AriSwitch
    told: Told
    call: Call
    taken: Call
    leg: str
    directions: tuple[Direction, ...] = PAIR

    def source(self, sink: Sink = Sink.SERVER) -> Source:
        return Source(leg=self.leg, directions=self.directions if sink is Sink.SERVER else PAIR, sink=sink)

    async def tap(self, ports: Ports | None = None) -> str:
        """A new tap of it, up: to ports, or into files."""
        segment = segment_id(str(uuid.uuid4()), 0)
        source = self.source(Sink.FILE if ports is None else Sink.SERVER)
        await self.switch.attach(Attach(call="call", segment=segment, source=source),
                                 NOWHERE if ports is None else ports.to)
        await self.told.tap_up(segment)
        return segment

    async def end(self, segment: str, sink: Sink = Sink.SERVER) -> TapDown:
        """The tap has ended, as Asterisk confirms."""
        await self.switch.detach(Detach(call="call", segment=segment, source=self.source(sink)))
        return await self.told.tap_down(segment)

    async def hang_up(self) -> None:
        await self.call.hangup()
        await self.taken.ended


async def talking(phones: Phones, switch: AriSwitch, told: Told) -> Talk:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    return await calling(phones, switch, told, *(alice.call("102"), await bob.next_call()))


async def calling(phones: Phones, switch: AriSwitch, told: Told, call: Call, taken: Call) -> Talk:
    await call.answered
    return Talk(switch, told, call, taken, await told.leg("alice"))


async def left(server: AsteriskServer) -> list[str]:
    """The channels, and the bridges of ours, that Asterisk still has after a while in which they might go. A parking
    lot that an earlier test has used stays."""
    async with Client(Address(server.ari_url, server.ari_user, server.ari_password, "looks")) as client:
        for _ in range(100):
            channels, bridges = await asyncio.gather(client.operations.channels_list(),
                                                     client.operations.bridges_list())
            found = [*(channel.id for channel in channels),
                     *(bridge.id for bridge in bridges if part_of(bridge.id) is not None)]
            if not found:
                break
            await asyncio.sleep(0.05)
        return found


def unbroken(port: Port) -> bool:
    """Whether every packet is the next one of one stream, and they came as fast as time goes by, some late."""
    first, last = port.arrivals[0], port.arrivals[-1]
    behind = last.at - first.at - (len(port.arrivals) - 1) * PACKET / RATE
    return (port.odd, port.breaks) == ([], []) and abs(behind) < 0.5


async def test_each_party_is_on_the_port_of_its_direction_and_only_there(
        asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await talking(phones, switch, told)
        segment = await talk.tap(ports)
        await asyncio.sleep(3)
        await talk.end(segment)
        await talk.hang_up()
    assert ports[IN].share(ALICE) > 0.9
    assert ports[OUT].share(BOB) > 0.9
    assert ports[IN].share(BOB) == ports[OUT].share(ALICE) == 0
    assert all(unbroken(port) for port in ports.values())


async def test_a_mix_is_both_parties_on_one_port_for_as_long_as_anybody_sends(
        asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening(directions=MIXED) as ports:
        talk = replace(await talking(phones, switch, told), directions=MIXED)
        segment = await talk.tap(ports)
        await asyncio.sleep(2)
        talk.taken.stream.stop_sending()
        await asyncio.sleep(1.5)
        await talk.end(segment)
        await talk.hang_up()
        assert await left(asterisk) == []
    assert unbroken(ports[MIX])
    came = ports[MIX].heard()
    for voice in (ALICE, BOB):
        assert locate(came[RATE // 2 : RATE], voice.cycle(0, 2 * len(voice.samples))).confidence > 0.5
    assert ports[MIX].share(ALICE, first=-25) > 0.9


async def test_the_next_life_finds_a_mix(asterisk: AsteriskServer, phones: Phones) -> None:
    async with listening(directions=MIXED) as ports:
        async with following(asterisk) as (switch, told):
            talk = replace(await talking(phones, switch, told), directions=MIXED)
            segment = await talk.tap(ports)
        async with following(asterisk) as (switch, told):
            (tap,) = (await told.seen()).snapshot.taps
            assert (tap.segment, tap.source) == (segment, talk.source())
            await switch.detach(Detach(call="", segment=segment, source=talk.source()))
            await told.tap_down(segment)
            await talk.hang_up()
            assert await left(asterisk) == []


async def test_the_stream_goes_on_while_a_party_sends_nothing(asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await talking(phones, switch, told)
        segment = await talk.tap(ports)
        await asyncio.sleep(1)
        talk.taken.stream.stop_sending()
        await asyncio.sleep(1)
        talk.call.stream.stop_sending()
        await asyncio.sleep(1)
        for one in (talk.call, talk.taken):
            one.stream.start_sending()
        await asyncio.sleep(1)
        await talk.end(segment)
        await talk.hang_up()
    assert all(unbroken(port) and len(port.arrivals) > 150 for port in ports.values())
    assert ports[IN].share(ALICE, first=-25) > 0.9
    assert ports[OUT].share(BOB, first=-25) > 0.9


async def test_a_party_that_never_sends_anything_has_a_stream_of_silence(
        asterisk: AsteriskServer, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob")
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await calling(phones, switch, told, alice.call("102"), await bob.next_call())
        segment = await talk.tap(ports)
        await asyncio.sleep(2)
        await talk.end(segment)
        await talk.hang_up()
    assert ports[IN].share(ALICE) > 0.9
    assert unbroken(ports[OUT])
    assert len(ports[OUT].arrivals) > 75
    assert not ports[OUT].heard().any()


async def test_a_wideband_call_is_sent_as_g711(asterisk: AsteriskServer, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.codecs = bob.codecs = ("G722",)
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await calling(phones, switch, told, alice.call("102"), await bob.next_call())
        segment = await talk.tap(ports)
        await asyncio.sleep(2)
        await talk.end(segment)
        await talk.hang_up()
    for port, voice, other in ((ports[IN], ALICE, BOB), (ports[OUT], BOB, ALICE)):
        assert unbroken(port)
        piece = port.heard()[RATE // 2 : RATE]
        assert locate(piece, voice.cycle(0, 2 * len(voice.samples))).confidence > 0.7
        assert locate(piece, other.samples).confidence < 0.2


async def test_nothing_of_a_pause_is_sent_after_it_is_confirmed_or_after_it_is_over(
        asterisk: AsteriskServer, phones: Phones) -> None:
    SECRET.packets("PCMU")
    async with following(asterisk) as (switch, told), AsyncExitStack() as stack:
        talk = await talking(phones, switch, told)
        rounds = []
        for _ in range(5):
            ports = await stack.enter_async_context(listening())
            segment = await talk.tap(ports)
            await asyncio.sleep(0.4)
            await talk.end(segment)
            for one in (talk.call, talk.taken):
                one.stream.play(SECRET)
            await asyncio.sleep(0.4)
            rounds.append(ports)
            talk.call.stream.play(ALICE)
            talk.taken.stream.play(BOB)
            await asyncio.sleep(0.1)
        await talk.hang_up()
    assert [ports[one].share(SECRET) for ports in rounds for one in PAIR] == [0] * 10
    assert all(ports[IN].share(ALICE) > 0.9 and ports[OUT].share(BOB) > 0.9 for ports in rounds)


async def test_a_pause_is_confirmed_while_neither_party_sends_anything(
        asterisk: AsteriskServer, phones: Phones) -> None:
    """The snoops stay for as long, as Asterisk ends them at the next packet of the call."""
    alice, bob = await phones.user("alice"), await phones.user("bob")
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await calling(phones, switch, told, alice.call("102"), await bob.next_call())
        segment = await talk.tap(ports)
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            await talk.end(segment)
        count = len(ports[IN].arrivals)
        await asyncio.sleep(0.5)
        assert len(ports[IN].arrivals) - count <= 1
        await talk.hang_up()
        assert await left(asterisk) == []


async def test_a_tap_that_loses_its_bridge_ends(asterisk: AsteriskServer, phones: Phones) -> None:
    address = Address(asterisk.ari_url, asterisk.ari_user, asterisk.ari_password, "stranger")
    async with following(asterisk) as (switch, told), listening() as ports, Client(address) as stranger:
        talk = await talking(phones, switch, told)
        segment = await talk.tap(ports)
        await stranger.operations.bridges_destroy(str(Part(segment, IN, Piece.BRIDGE)))
        await told.tap_down(segment)
        await talk.hang_up()
        assert await left(asterisk) == []


async def test_both_directions_begin_within_40_ms_of_each_other(asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), AsyncExitStack() as stack:
        talk = await talking(phones, switch, told)
        apart = []
        for _ in range(5):
            ports = await stack.enter_async_context(listening())
            segment = await talk.tap(ports)
            await asyncio.sleep(0.8)
            await talk.end(segment)
            pairs = zip(said_at(ports[IN], ALICE, talk.call), said_at(ports[OUT], BOB, talk.taken), strict=False)
            apart += [abs(one - other) for one, other in pairs if not np.isnan(one - other)]
        await talk.hang_up()
    assert len(apart) > 100
    assert float(np.median(apart)) < APART


def said_at(port: Port, voice: Sound, party: Call) -> list[float]:
    """When the party sent what is in each packet (time.time); NaN where that is not one piece of what it said."""
    said = b"".join(voice.packets("PCMU"))
    moments = []
    for one in port.arrivals:
        age = (party.stream.sent.sample_at(one.at) - said.find(one.payload)) % len(said) / RATE
        moments.append(one.at - age if one.payload in said else float("nan"))
    return moments


async def test_a_hangup_leaves_nothing(asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await talking(phones, switch, told)
        segment = await talk.tap(ports)
        await talk.hang_up()
        await told.tap_down(segment)
        assert await left(asterisk) == []


async def test_a_leg_that_is_gone_is_a_failed_tap_that_leaves_nothing(asterisk: AsteriskServer) -> None:
    async with following(asterisk) as (switch, told), listening() as ports:
        segment = segment_id(str(uuid.uuid4()), 0)
        source = Source(leg="1795264791.0", directions=PAIR, sink=Sink.SERVER)
        await switch.attach(Attach(call="call", segment=segment, source=source), ports.to)
        failed = await told.tap_failed(segment)
        assert "404" in failed.cause
        assert await left(asterisk) == []


async def test_twenty_calls_at_once_are_sent_each_to_its_own_ports(asterisk: AsteriskServer, phones: Phones) -> None:
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    alice.keep = bob.keep = False
    async with following(asterisk) as (switch, told), AsyncExitStack() as stack:
        pairs = []
        for _ in range(AT_ONCE):
            call = alice.call("102")
            pairs.append((call, await bob.next_call()))
            await call.answered
        legs: set[str] = set()

        def all_up(event: object) -> bool | None:
            if isinstance(event, LegIs) and "alice" in event.leg.name and event.leg.state is LegState.UP:
                legs.add(event.leg.id)
            return True if len(legs) == AT_ONCE else None

        await told.until(all_up)
        ports = [await stack.enter_async_context(listening()) for _ in legs]
        talks = [Talk(switch, told, *pairs[0], leg) for leg in legs]
        await asyncio.gather(*(talk.tap(one) for talk, one in zip(talks, ports, strict=True)))
        await asyncio.sleep(2)
        for call, taken in pairs:
            await call.hangup()
            await taken.ended
        assert await left(asterisk) == []
    for one in ports:
        assert one[IN].share(ALICE) > 0.9
        assert one[OUT].share(BOB) > 0.9
        assert unbroken(one[IN])
        assert unbroken(one[OUT])


async def test_the_files_of_a_leg_do_not_notice_that_it_is_sent_as_well(
        asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await talking(phones, switch, told)
        written = await talk.tap()
        begun = time.time()
        sent = await talk.tap(ports)
        await asyncio.sleep(1.5)
        await talk.end(sent)
        await asyncio.sleep(1.5)
        down = await talk.end(written, Sink.FILE)
        await talk.hang_up()
        assert down.started is not None
        assert down.ended is not None
    for port, party, voice, file in zip((ports[IN], ports[OUT]), (talk.call, talk.taken), (ALICE, BOB), down.files,
                                        strict=True):
        assert port.share(voice) > 0.9
        samples = np.frombuffer((asterisk.recordings / file.path).read_bytes()[44:], "<i2").astype(np.int16)
        first = party.stream.sent.sample_at(begun + 0.2)
        assert whole(voice.cycle(first, 2 * RATE), samples)


async def test_the_next_tap_runs_beside_the_first_before_that_ends(asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening() as ports, listening() as following_ports:
        talk = await talking(phones, switch, told)
        first = await talk.tap(ports)
        await asyncio.sleep(1)
        second = await talk.tap(following_ports)
        await asyncio.sleep(1)
        await talk.end(first)
        await asyncio.sleep(1)
        await talk.end(second)
        await talk.hang_up()
    for one in (ports, following_ports):
        assert one[IN].share(ALICE) > 0.9
        assert one[OUT].share(BOB) > 0.9
        assert unbroken(one[IN])
        assert unbroken(one[OUT])


async def test_a_lost_connection_does_not_end_a_tap_and_its_end_is_confirmed_afterwards(
        asterisk: AsteriskServer, phones: Phones) -> None:
    async with Way(asterisk.http_port) as way, following(asterisk, over=way) as (switch, told), listening() as ports:
        talk = await talking(phones, switch, told)
        before = await told.seen()
        segment = await talk.tap(ports)
        way.cut()
        await asyncio.sleep(1)
        way.mend()
        again = await told.seen(after=before)
        assert [(tap.segment, tap.source) for tap in again.snapshot.taps] == [(segment, talk.source())]
        count = len(ports[IN].arrivals)
        await asyncio.sleep(0.5)
        assert len(ports[IN].arrivals) > count
        await talk.end(segment)
        await talk.hang_up()
        assert await left(asterisk) == []
    assert unbroken(ports[IN])


async def test_the_next_life_finds_a_tap_and_ends_it(asterisk: AsteriskServer, phones: Phones) -> None:
    async with listening() as ports:
        async with following(asterisk) as (switch, told):
            talk = await talking(phones, switch, told)
            segment = await talk.tap(ports)
        async with following(asterisk) as (switch, told):
            found = await told.seen()
            assert {leg.endpoint for leg in found.snapshot.legs} == {"alice", "bob"}
            assert len([one for one in found.snapshot.bridges if one.members]) == 1
            (tap,) = found.snapshot.taps
            assert (tap.segment, tap.source) == (segment, talk.source())
            assert tap.source is not None
            await switch.detach(Detach(call="", segment=segment, source=tap.source))
            await told.tap_down(segment)
            count = len(ports[IN].arrivals)
            await talk.hang_up()
            assert await left(asterisk) == []
            assert len(ports[IN].arrivals) - count <= 1


async def test_the_next_life_clears_away_what_a_hangup_left_meanwhile(asterisk: AsteriskServer, phones: Phones) -> None:
    async with listening() as ports:
        async with following(asterisk) as (switch, told):
            talk = await talking(phones, switch, told)
            await talk.tap(ports)
        await talk.hang_up()
        assert len(await left(asterisk)) == 4
        async with following(asterisk) as (switch, told):
            assert (await told.seen()).snapshot.taps == ()
            assert await left(asterisk) == []


@pytest.mark.parametrize("directions", [PAIR, MIXED])
async def test_a_dialplan_that_gets_no_answer_to_its_pause_ends_what_is_sent_as_well(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, directions: tuple[Direction, ...]) -> None:
    dialplan(f"exten => 353,1,Answer()\n same => n,Wait(2)\n same => n,Gosub(recorder-pause,s,1)\n"
             f" same => n,Playtones({CARD_TONE})\n same => n,Wait(2)\n same => n,Hangup()")
    alice = await phones.user("alice", ALICE)
    async with following(asterisk) as (switch, told), listening(directions=directions) as ports:
        told.stalls = True
        call = alice.call("353")
        await call.answered
        talk = Talk(switch, told, call, call, await told.leg("alice"), directions)
        segment = await talk.tap(ports)
        await until_tone(call, CARD_TONE)
        await told.tap_down(segment)
        assert call.ended_at is None
        port = ports[directions[0]]
        count = len(port.arrivals)
        await call.ended
        assert len(port.arrivals) == count
        assert await left(asterisk) == []
