"""Snoops whose audio is sent: what counts as up, as down, as failed, and that nothing is left on the switch."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from itertools import count

import pytest

from ari_app.leaving import Leaving
from ari_app.names import Part, Piece, ours, part_of, snoop_id
from ari_app.server_taps import ENDED, UNSENT, ServerTaps
from ari_app.taps import TapEvent
from faults import SwitchOperationFailed, SwitchUnreachable
from recorder.effects import Attach, Detach
from recorder.events import TapDown, TapFailed, TapUp
from recorder.model import Direction, Sink, Source
from recorder.ports import RtpAddress

SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
IN, OUT, MIX = Direction.IN, Direction.OUT, Direction.MIX
SOURCE = Source(leg="1.0", directions=(IN, OUT), sink=Sink.SERVER)
ATTACH = Attach(call="c", segment=SEGMENT, source=SOURCE)
DETACH = Detach(call="c", segment=SEGMENT, source=SOURCE)
TO = {IN: RtpAddress("127.0.0.1", 20000), OUT: RtpAddress("127.0.0.1", 20002)}
EVERYTHING = {f"{direction} {piece}" for direction in (IN, OUT) for piece in Piece}


def part(direction: Direction, piece: Piece) -> Part:
    return Part(SEGMENT, direction, piece)


def short(identity: str) -> str:
    """A part's id without its segment: ``in snoop``."""
    found = part_of(identity)
    assert found is not None
    return f"{found.direction} {found.piece}"


class Asterisk:
    """Takes the operations down in order, and has what they make. ``before`` is called first and may fail or wait;
    what fails there is not made."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.has: set[str] = set()
        self.told: list[TapEvent] = []
        self.before: Callable[[str], Awaitable[None]] | None = None
        self._works: set[asyncio.Task[None]] = set()
        self.taps = ServerTaps("main", self, Leaving(), tell=self.told.append, sequence=count(1).__next__,
                               clock=lambda: 5.0, start=self.start)

    def start(self, work: Coroutine[None, None, None]) -> None:
        self._works.add(asyncio.create_task(work))

    async def rest(self) -> None:
        """Until what nobody waits for is done."""
        await asyncio.gather(*self._works)

    async def _do(self, operation: str) -> None:
        if self.before is not None:
            await self.before(operation)
        self.done.append(operation)

    async def _make(self, identity: str, words: str = "") -> None:
        await self._do(f"make {short(identity)}{words}")
        self.has.add(short(identity))

    async def _delete(self, identity: str) -> None:
        await self._do(f"delete {short(identity)}")
        if short(identity) not in self.has:
            raise SwitchOperationFailed("Asterisk answered 404: not found", status=404)
        self.has.remove(short(identity))

    async def snoop(self, leg: str, snoop: str, direction: Direction) -> None:
        assert direction in snoop
        await self._make(snoop)

    async def send(self, sender: str, to: RtpAddress) -> None:
        await self._make(sender, f" {to.port}")

    async def bridge(self, bridge: str) -> None:
        await self._make(bridge)

    async def enter(self, bridge: str, channel: str) -> None:
        assert short(bridge).split()[0] == short(channel).split()[0]
        await self._do(f"enter {short(channel)}")

    async def dissolve(self, bridge: str) -> None:
        await self._delete(bridge)

    async def delete(self, channel: str) -> None:
        await self._delete(channel)

    async def caught_up(self) -> None:
        if self.before is not None:
            await self.before("caught up")

    def are_ours(self) -> None:
        for direction in (IN, OUT):
            for piece in (Piece.SNOOP, Piece.SENDER):
                self.taps.entered(part(direction, piece))

    def flows(self, direction: Direction, at: float) -> None:
        """Both channels of a direction are in their bridge."""
        self.taps.entered_bridge(part(direction, Piece.SENDER), at - 0.01)
        self.taps.entered_bridge(part(direction, Piece.SNOOP), at)

    def snoop_ends(self, direction: Direction, at: float) -> list[str]:
        self.has.discard(f"{direction} snoop")
        return self.taps.ended(part(direction, Piece.SNOOP), at)


async def attaching(asterisk: Asterisk) -> asyncio.Task[None]:
    asterisk.taps.expect(ATTACH, TO)
    attach = asyncio.create_task(asterisk.taps.attach(ATTACH))
    for _ in range(5):
        await asyncio.sleep(0)
    return attach


async def up() -> Asterisk:
    """A running tap."""
    asterisk = Asterisk()
    attach = await attaching(asterisk)
    asterisk.are_ours()
    await attach
    asterisk.flows(IN, 1.0)
    asterisk.flows(OUT, 1.01)
    return asterisk


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("piece", list(Piece))
def test_the_name_of_each_part_tells_what_it_is(direction: Direction, piece: Piece) -> None:
    named = Part(SEGMENT, direction, piece)
    assert part_of(str(named)) == named
    assert ours(str(named))


@pytest.mark.parametrize("identity", [
    snoop_id(SEGMENT, IN), f"{SEGMENT}-in-member", f"{SEGMENT}-rtp", "1795264791.0", "x-in-rtp", f"{SEGMENT}-in-", ""])
def test_nothing_else_has_such_a_name(identity: str) -> None:
    assert part_of(identity) is None


async def test_everything_is_made_before_the_senders_and_then_the_snoops_enter_back_to_back() -> None:
    asterisk = await up()
    assert set(asterisk.done[:6]) == {"make in snoop", "make out snoop", "make in rtp 20000", "make out rtp 20002",
                                      "make in bridge", "make out bridge"}
    assert asterisk.done[6:] == ["enter in rtp", "enter out rtp", "enter in snoop", "enter out snoop"]


async def test_a_mix_is_one_snoop_and_one_sender() -> None:
    asterisk = Asterisk()
    effect = replace(ATTACH, source=replace(SOURCE, directions=(MIX,)))
    asterisk.taps.expect(effect, {MIX: TO[IN]})
    attach = asyncio.create_task(asterisk.taps.attach(effect))
    await asyncio.sleep(0.01)
    for piece in (Piece.SNOOP, Piece.SENDER):
        asterisk.taps.entered(part(MIX, piece))
    await attach
    asterisk.flows(MIX, 1.0)
    assert asterisk.done == ["make mix snoop", "make mix rtp 20000", "make mix bridge", "enter mix rtp",
                             "enter mix snoop"]
    assert [type(told) for told in asterisk.told] == [TapUp]
    await asterisk.taps.detach(replace(DETACH, source=effect.source))
    assert asterisk.has == set()


async def test_nothing_enters_a_bridge_before_asterisk_says_that_all_channels_are_ours() -> None:
    asterisk = Asterisk()
    attach = await attaching(asterisk)
    for direction, piece in ((IN, Piece.SNOOP), (OUT, Piece.SNOOP), (IN, Piece.SENDER)):
        asterisk.taps.entered(part(direction, piece))
    await asyncio.sleep(0.01)
    assert not any(one.startswith("enter") for one in asterisk.done)
    asterisk.are_ours()
    await attach
    assert asterisk.done[-1] == "enter out snoop"


async def test_a_tap_is_up_when_the_last_of_its_four_channels_is_in_its_bridge() -> None:
    asterisk = Asterisk()
    attach = await attaching(asterisk)
    asterisk.are_ours()
    await attach
    asterisk.flows(OUT, 1.0)
    asterisk.taps.entered_bridge(part(IN, Piece.SNOOP), 1.1)
    assert asterisk.told == []
    asterisk.taps.entered_bridge(part(IN, Piece.SENDER), 1.2)
    (told,) = asterisk.told
    assert isinstance(told, TapUp)
    assert (told.started, told.files) == (1.2, ())


async def test_a_detach_deletes_the_snoops_before_everything_else() -> None:
    asterisk = await up()
    asterisk.done.clear()
    await asterisk.taps.detach(DETACH)
    assert asterisk.done == ["delete in snoop", "delete out snoop", "delete in rtp", "delete in bridge",
                             "delete out rtp", "delete out bridge"]
    assert asterisk.has == set()


async def test_a_tap_is_down_when_asterisk_tells_that_both_snoops_have_ended() -> None:
    asterisk = await up()
    await asterisk.taps.detach(DETACH)
    assert asterisk.snoop_ends(IN, 2.0) == [str(part(OUT, Piece.SNOOP))]
    assert len(asterisk.told) == 1
    asterisk.snoop_ends(OUT, 2.01)
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert (down.started, down.ended, down.cause, down.files) == (1.01, 2.01, "detached", ())


async def test_what_a_hangup_leaves_is_deleted() -> None:
    asterisk = await up()
    asterisk.snoop_ends(IN, 2.0)
    asterisk.snoop_ends(OUT, 2.0)
    await asterisk.rest()
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert (down.cause, asterisk.has) == (ENDED, set())


async def test_what_a_detach_deletes_is_not_deleted_twice() -> None:
    asterisk = await up()
    asterisk.done.clear()

    async def ends(operation: str) -> None:
        if operation == "delete in rtp":
            asterisk.snoop_ends(IN, 2.0)
            asterisk.snoop_ends(OUT, 2.0)

    asterisk.before = ends
    await asterisk.taps.detach(DETACH)
    await asterisk.rest()
    assert len(asterisk.done) == len(set(asterisk.done)) == 6


@pytest.mark.parametrize("fails", ["make in snoop", "make out rtp 20002", "make in bridge", "enter out rtp",
                                   "enter in snoop"])
async def test_a_failure_in_the_middle_leaves_nothing(fails: str) -> None:
    asterisk = Asterisk()

    async def refuses(operation: str) -> None:
        if operation == fails:
            raise SwitchOperationFailed("Asterisk answered 422: no", status=422)

    asterisk.before = refuses
    attach = await attaching(asterisk)
    asterisk.are_ours()
    await attach
    assert asterisk.has == set()
    for direction in (IN, OUT):
        asterisk.snoop_ends(direction, 2.0)
    (told,) = asterisk.told
    assert isinstance(told, TapFailed | TapDown)
    assert told.cause == "Asterisk answered 422: no"


async def test_a_leg_that_hangs_up_while_its_tap_is_made_leaves_nothing() -> None:
    asterisk = Asterisk()

    async def hangs_up(operation: str) -> None:
        if operation == "enter in snoop":
            asterisk.snoop_ends(IN, 2.0)
            asterisk.snoop_ends(OUT, 2.0)
            raise SwitchOperationFailed("Asterisk answered 400: Channel not found", status=400)

    asterisk.before = hangs_up
    attach = await attaching(asterisk)
    asterisk.are_ours()
    await attach
    await asterisk.rest()
    assert (asterisk.has, len(asterisk.told)) == (set(), 1)


async def test_a_lost_connection_in_the_middle_of_an_attach_is_a_failed_tap() -> None:
    asterisk = Asterisk()

    async def lost(operation: str) -> None:
        raise SwitchUnreachable("The connection was lost.")

    asterisk.before = lost
    await (await attaching(asterisk))
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_detach_while_its_channels_come_up_lets_nothing_out() -> None:
    asterisk = Asterisk()
    attach = await attaching(asterisk)
    await asterisk.taps.detach(DETACH)
    await attach
    assert not any(one.startswith("enter") for one in asterisk.done)
    assert asterisk.has == set()
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_detach_while_a_sender_is_being_made_deletes_also_the_one_that_came_late() -> None:
    asterisk = Asterisk()
    made = asyncio.Event()

    async def slow(operation: str) -> None:
        if operation.startswith("make out rtp"):
            await made.wait()

    asterisk.before = slow
    attach = await attaching(asterisk)
    await asterisk.taps.detach(DETACH)
    made.set()
    await attach
    assert asterisk.has == set()
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_detach_that_comes_before_its_attach_calls_it_off() -> None:
    asterisk = Asterisk()
    await asterisk.taps.detach(DETACH)
    asterisk.done.clear()
    await (await attaching(asterisk))
    assert asterisk.done == []
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_pause_that_waits_in_front_of_the_engine_when_all_channels_are_ours_lets_nothing_out() -> None:
    asterisk = Asterisk()

    async def paused(operation: str) -> None:
        if operation == "caught up":
            await asterisk.taps.detach(DETACH)

    asterisk.before = paused
    attach = await attaching(asterisk)
    asterisk.are_ours()
    await attach
    assert not any(one.startswith("enter") for one in asterisk.done)
    assert asterisk.has == set()


async def test_a_channel_that_comes_up_when_its_tap_is_over_goes_at_once() -> None:
    asterisk = Asterisk()
    asterisk.has = {"in snoop", "in rtp", "in bridge"}
    asterisk.taps.entered(part(IN, Piece.SENDER))
    await asterisk.rest()
    assert asterisk.has == set()


async def test_a_tap_that_loses_a_sender_ends() -> None:
    asterisk = await up()
    assert asterisk.taps.ended(part(OUT, Piece.SENDER), 1.9) == [str(part(one, Piece.SNOOP)) for one in (IN, OUT)]
    for direction in (IN, OUT):
        asterisk.snoop_ends(direction, 2.0)
    await asterisk.rest()
    assert asterisk.has == set()
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert down.cause == UNSENT


async def test_a_detached_taps_senders_may_end_before_its_snoops() -> None:
    asterisk = await up()
    await asterisk.taps.detach(DETACH)
    for direction in (IN, OUT):
        assert asterisk.taps.ended(part(direction, Piece.SENDER), 1.9) == []
    assert [type(event) for event in asterisk.told] == [TapUp]
    for direction in (IN, OUT):
        asterisk.snoop_ends(direction, 2.0)
    assert [type(event) for event in asterisk.told] == [TapUp, TapDown]


async def test_a_snoop_that_leaves_its_bridge_and_then_goes_ends_its_tap_once() -> None:
    asterisk = await up()
    for at in (2.0, 2.1):
        for direction in (IN, OUT):
            asterisk.snoop_ends(direction, at)
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert (len(asterisk.told), down.ended) == (2, 2.0)


async def test_a_tap_that_a_snapshot_finds_goes_on_and_is_ended_like_any_other() -> None:
    asterisk = Asterisk()
    asterisk.has = set(EVERYTHING)
    asterisk.taps.found({SEGMENT: (IN, OUT)}, ())
    await asterisk.taps.detach(DETACH)
    for direction in (IN, OUT):
        asterisk.snoop_ends(direction, 2.0)
    assert asterisk.has == set()
    assert [type(event) for event in asterisk.told] == [TapDown]


async def test_a_tap_that_goes_on_through_a_snapshot_keeps_when_it_started() -> None:
    asterisk = await up()
    asterisk.taps.found({SEGMENT: (IN, OUT)}, ())
    for direction in (IN, OUT):
        asterisk.snoop_ends(direction, 2.0)
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert down.started == 1.01


async def test_what_a_snapshot_finds_without_its_other_half_is_deleted() -> None:
    asterisk = await up()
    asterisk.has = EVERYTHING - {"in snoop", "out snoop"}
    asterisk.taps.found({}, [part(direction, piece) for direction in (IN, OUT)
                             for piece in (Piece.SENDER, Piece.BRIDGE)])
    await asterisk.rest()
    assert asterisk.has == set()


async def test_the_end_of_a_tap_that_is_not_there_any_more_needs_no_word_of_asterisk() -> None:
    asterisk = await up()
    asterisk.has.clear()
    asterisk.taps.found({}, ())
    await asterisk.taps.detach(DETACH)
    assert [type(event) for event in asterisk.told] == [TapUp, TapFailed]
