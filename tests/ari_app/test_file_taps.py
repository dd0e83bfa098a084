"""The pair of snoops: what counts as up, as down, as failed, in whatever order Asterisk tells it."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from ari_app.file_taps import FileTaps
from ari_app.leaving import Leaving
from ari_app.names import recording_name, snoop_id
from ari_app.taps import TapEvent
from faults import SwitchOperationFailed, SwitchUnreachable
from recorder.effects import Attach, Detach
from recorder.events import TapDown, TapFailed, TapUp
from recorder.model import Direction, Source

SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
SOURCE = Source(leg="1.0", directions=(Direction.IN, Direction.OUT))
ATTACH = Attach(call="c", segment=SEGMENT, source=SOURCE)
DETACH = Detach(call="c", segment=SEGMENT, source=SOURCE)
IN, OUT = Direction.IN, Direction.OUT


class Asterisk:
    """Takes the operations down in order; ``before`` is called first and may fail or wait."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.told: list[TapEvent] = []
        self.files: set[str] = set()
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.leaving = Leaving()
        self.taps = FileTaps("main", self, self.leaving, tell=self.told.append, sequence=count(1).__next__,
                         clock=lambda: 5.0)

    async def _do(self, operation: str) -> None:
        if self.before is not None:
            await self.before(operation)
        self.done.append(operation)

    async def snoop(self, leg: str, snoop: str, direction: Direction) -> None:
        await self._do(f"snoop {direction}")

    async def join(self, conference: str, segment: str) -> None:
        await self._do(f"join {conference}")

    async def caught_up(self) -> None:
        if self.before is not None:
            await self.before("caught up")

    async def record(self, snoop: str, name: str) -> None:
        await self._do(f"record {name[-3:].strip('-')}")

    async def delete(self, snoop: str) -> None:
        await self._do(f"delete {snoop[-3:].strip('-')}")

    async def stored(self, name: str) -> bool:
        await self._do("stored")
        return name in self.files

    async def attach(self, effect: Attach) -> None:
        self.taps.expect(effect)
        await self.taps.attach(effect)

    def enters(self) -> None:
        for direction in (IN, OUT):
            self.taps.snoop_entered(snoop_id(SEGMENT, direction))

    def starts(self, direction: Direction, at: float) -> None:
        self.taps.recording_started(recording_name(SEGMENT, direction), at)

    def ends(self, direction: Direction, at: float, cause: str = "done") -> list[str]:
        return self.taps.recording_ended(recording_name(SEGMENT, direction), at, cause)


async def up() -> Asterisk:
    """A running tap."""
    asterisk = Asterisk()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0)
    asterisk.enters()
    await attach
    asterisk.starts(IN, 1.0)
    asterisk.starts(OUT, 1.01)
    return asterisk


async def test_both_snoops_are_made_before_either_is_recorded() -> None:
    asterisk = await up()
    assert asterisk.done == ["snoop in", "snoop out", "record in", "record out"]


async def test_a_tap_is_up_only_when_both_directions_have_started() -> None:
    asterisk = Asterisk()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0)
    asterisk.enters()
    await attach
    asterisk.starts(IN, 1.0)
    assert asterisk.told == []
    asterisk.starts(OUT, 1.01)
    (told,) = asterisk.told
    assert isinstance(told, TapUp)
    assert (told.started, [file.path for file in told.files]) == (
        1.0, [f"phonograph/{SEGMENT}-in.wav", f"phonograph/{SEGMENT}-out.wav"])


async def test_an_attach_that_a_detach_overtakes_makes_nothing_and_the_detach_asks_for_nothing() -> None:
    asterisk = Asterisk()
    asterisk.taps.expect(ATTACH)
    await asterisk.taps.detach(DETACH)
    await asterisk.taps.attach(ATTACH)
    assert asterisk.done == []
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_nothing_is_recorded_before_asterisk_says_that_the_snoops_are_ours() -> None:
    asterisk = Asterisk()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0.01)
    asterisk.taps.snoop_entered(snoop_id(SEGMENT, IN))
    await asyncio.sleep(0.01)
    assert asterisk.done == ["snoop in", "snoop out"]
    asterisk.enters()
    await attach
    assert asterisk.done[2:] == ["record in", "record out"]


async def test_a_tap_is_down_only_when_both_directions_have_ended() -> None:
    asterisk = await up()
    await asterisk.taps.detach(DETACH)
    assert asterisk.ends(IN, 2.0) == [snoop_id(SEGMENT, OUT)]
    assert len(asterisk.told) == 1
    assert asterisk.ends(OUT, 2.01) == []
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert (down.ended, down.cause) == (2.01, "detached")


async def test_an_end_that_nobody_asked_for_names_asterisks_cause_and_takes_the_other_half_down() -> None:
    asterisk = await up()
    assert asterisk.ends(OUT, 2.0, "disk full") == [snoop_id(SEGMENT, IN)]
    asterisk.ends(IN, 2.1)
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert down.cause == "disk full"


async def test_a_tap_whose_end_was_told_needs_no_request_to_end() -> None:
    asterisk = await up()
    asterisk.ends(IN, 9.0)
    asterisk.ends(OUT, 9.0)
    asked, told = list(asterisk.done), list(asterisk.told)
    await asterisk.taps.detach(DETACH)
    assert (asterisk.done, asterisk.told) == (asked, told)


async def test_events_that_come_twice_are_told_once() -> None:
    asterisk = await up()
    asterisk.starts(IN, 1.5)
    for _ in range(2):
        asterisk.ends(IN, 2.0)
        asterisk.ends(OUT, 2.0)
    assert [type(event) for event in asterisk.told] == [TapUp, TapDown]


async def test_a_channel_that_is_gone_is_a_failed_tap_with_asterisks_reason() -> None:
    asterisk = Asterisk()

    async def gone(operation: str) -> None:
        if operation.startswith("snoop"):
            raise SwitchOperationFailed("Asterisk answered 404: Channel not found", status=404)

    asterisk.before = gone
    await asterisk.attach(ATTACH)
    (failed,) = asterisk.told
    assert isinstance(failed, TapFailed)
    assert failed.cause == "Asterisk answered 404: Channel not found"
    assert asterisk.done == ["delete in", "delete out"]


async def test_when_one_record_fails_the_other_one_is_taken_down_with_it() -> None:
    asterisk = Asterisk()

    async def refuses(operation: str) -> None:
        if operation == "record out":
            raise SwitchOperationFailed("Asterisk answered 409: exists", status=409)

    asterisk.before = refuses
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0)
    asterisk.enters()
    await attach
    assert asterisk.done[-2:] == ["delete in", "delete out"]
    asterisk.starts(IN, 1.0)
    asterisk.ends(IN, 1.1)
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert down.cause == "Asterisk answered 409: exists"


async def test_a_lost_connection_in_the_middle_of_an_attach_is_a_failed_tap() -> None:
    asterisk = Asterisk()

    async def lost(operation: str) -> None:
        raise SwitchUnreachable("The connection was lost.")

    asterisk.before = lost
    await asterisk.attach(ATTACH)
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_detach_while_the_snoops_come_up_lets_nothing_be_recorded() -> None:
    asterisk = Asterisk()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0.01)
    await asterisk.taps.detach(DETACH)
    await attach
    assert not any(operation.startswith("record") for operation in asterisk.done)
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_pause_that_waits_in_front_of_the_engine_when_the_snoops_are_ours_lets_nothing_be_recorded() -> None:
    asterisk = Asterisk()

    async def paused(operation: str) -> None:
        if operation == "caught up":
            await asterisk.taps.detach(DETACH)

    asterisk.before = paused
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0)
    asterisk.enters()
    await attach
    assert not any(operation.startswith("record") for operation in asterisk.done)
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_detach_while_snoops_are_being_made_deletes_also_the_one_that_came_late() -> None:
    asterisk = Asterisk()
    made = asyncio.Event()

    async def slow(operation: str) -> None:
        if operation == "snoop out":
            await made.wait()

    asterisk.before = slow
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0.01)
    await asterisk.taps.detach(DETACH)
    made.set()
    await attach
    assert asterisk.done.index("snoop out") < len(asterisk.done) - 1 - asterisk.done[::-1].index("delete out")
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_tap_of_an_earlier_life_is_ended_and_told_like_any_other() -> None:
    asterisk = Asterisk()
    asterisk.taps.adopt(SEGMENT, (IN, OUT))
    await asterisk.taps.detach(DETACH)
    asterisk.ends(IN, 2.0)
    asterisk.ends(OUT, 2.0)
    assert [type(event) for event in asterisk.told] == [TapDown]


async def test_a_snoop_that_is_gone_already_is_no_error() -> None:
    asterisk = await up()

    async def gone(operation: str) -> None:
        raise SwitchOperationFailed("Asterisk answered 404: Channel not found", status=404)

    asterisk.before = gone
    await asterisk.taps.detach(DETACH)
    asterisk.ends(IN, 2.0)
    asterisk.ends(OUT, 2.0)
    down = asterisk.told[-1]
    assert isinstance(down, TapDown)
    assert down.cause == "detached"


@pytest.mark.parametrize(("left", "told"), [((), "TapFailed"), ((OUT,), "TapDown"), ((IN, OUT), "TapDown")])
async def test_a_tap_of_an_earlier_life_that_left_a_file_was_up(left: tuple[Direction, ...], told: str) -> None:
    asterisk = Asterisk()
    asterisk.files = {recording_name(SEGMENT, direction) for direction in left}

    async def gone(operation: str) -> None:
        if operation.startswith("delete"):
            raise SwitchOperationFailed("Asterisk answered 404: Channel not found", status=404)

    asterisk.before = gone
    await asterisk.taps.detach(DETACH)
    (event,) = asterisk.told
    assert type(event).__name__ == told
    assert not isinstance(event, TapDown) or (event.ended, len(event.files)) == (None, 2)


@pytest.mark.parametrize("name", ["somebody-else-in", "phonograph/unknown.7-in"])
async def test_recordings_of_others_are_left_alone(name: str) -> None:
    asterisk = await up()
    asterisk.taps.recording_started(name, 9.0)
    assert asterisk.taps.recording_ended(name, 9.0, "done") == []
    assert len(asterisk.told) == 1


async def test_the_next_snoops_of_a_leg_wait_until_the_last_ones_have_let_go_of_it() -> None:
    """A recording ends before its snoop does."""
    asterisk = await up()
    await asterisk.taps.detach(DETACH)
    for direction in (IN, OUT):
        asterisk.ends(direction, 2.0)
    asterisk.done.clear()
    following = SEGMENT.replace(".0", ".1")
    attach = asyncio.create_task(asterisk.attach(Attach(call="c", segment=following, source=SOURCE)))
    asterisk.leaving.gone(snoop_id(SEGMENT, IN))
    for _ in range(5):
        await asyncio.sleep(0)
    assert asterisk.done == []
    asterisk.leaving.gone(snoop_id(SEGMENT, OUT))
    for _ in range(5):
        await asyncio.sleep(0)
    assert asterisk.done == ["snoop in", "snoop out"]
    for direction in (IN, OUT):
        asterisk.taps.snoop_entered(snoop_id(following, direction))
    await attach


async def test_a_tap_that_waits_for_the_last_snoops_and_is_not_wanted_any_more_ends_at_once() -> None:
    asterisk = await up()
    await asterisk.taps.detach(DETACH)
    for direction in (IN, OUT):
        asterisk.ends(direction, 2.0)
    asterisk.done.clear()
    asterisk.told.clear()
    following = SEGMENT.replace(".0", ".1")
    attach = asyncio.create_task(asterisk.attach(Attach(call="c", segment=following, source=SOURCE)))
    await asyncio.sleep(0)
    await asterisk.taps.detach(Detach(call="c", segment=following, source=SOURCE))
    assert [type(event) for event in asterisk.told] == [TapFailed]
    for direction in (IN, OUT):
        asterisk.leaving.gone(snoop_id(SEGMENT, direction))
    await attach
    assert (asterisk.done, len(asterisk.told)) == ([], 1)


async def _asked_to_record() -> Asterisk:
    """Asterisk has accepted both recordings, and begun none."""
    asterisk = Asterisk()
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0)
    asterisk.enters()
    await attach
    return asterisk


async def test_a_recording_that_was_accepted_and_never_begun_is_over_when_its_snoop_has_left() -> None:
    """Where the deletion of a snoop overtakes it, Asterisk tells neither its start nor its end."""
    asterisk = await _asked_to_record()
    await asterisk.taps.detach(DETACH)
    asterisk.taps.snoop_left(snoop_id(SEGMENT, IN))
    assert asterisk.told == []
    asterisk.taps.snoop_left(snoop_id(SEGMENT, OUT))
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_a_tap_of_which_one_half_was_never_begun_ends_with_the_other() -> None:
    asterisk = await _asked_to_record()
    asterisk.starts(IN, 1.0)
    await asterisk.taps.detach(DETACH)
    asterisk.taps.snoop_left(snoop_id(SEGMENT, OUT))
    assert asterisk.told == []
    asterisk.ends(IN, 2.0)
    asterisk.taps.snoop_left(snoop_id(SEGMENT, IN))
    (down,) = asterisk.told
    assert isinstance(down, TapDown)
    assert (down.started, down.ended) == (1.0, 2.0)


async def test_a_half_that_was_never_begun_takes_the_other_one_down() -> None:
    asterisk = await _asked_to_record()
    asterisk.starts(IN, 1.0)
    assert asterisk.taps.snoop_left(snoop_id(SEGMENT, OUT)) == [snoop_id(SEGMENT, IN)]


async def test_a_snoop_that_leaves_while_its_recording_is_asked_for_has_none() -> None:
    asterisk = Asterisk()

    async def leaves(operation: str) -> None:
        if operation == "record out":
            for direction in (IN, OUT):
                asterisk.taps.snoop_left(snoop_id(SEGMENT, direction))

    asterisk.before = leaves
    attach = asyncio.create_task(asterisk.attach(ATTACH))
    await asyncio.sleep(0)
    asterisk.enters()
    await attach
    assert [type(event) for event in asterisk.told] == [TapFailed]


async def test_only_asterisk_tells_the_end_of_a_recording_that_has_begun() -> None:
    asterisk = await up()
    await asterisk.taps.detach(DETACH)
    for direction in (IN, OUT):
        assert asterisk.taps.snoop_left(snoop_id(SEGMENT, direction)) == []
    assert [type(event) for event in asterisk.told] == [TapUp]
