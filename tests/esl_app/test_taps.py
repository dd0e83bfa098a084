"""A tap on FreeSWITCH: what is asked, what counts as its end, and in which order whatever comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from esl_app import lines
from esl_app.lines import Word
from esl_app.taps import Taps
from faults import SwitchOperationFailed, SwitchUnreachable
from recorder.effects import Attach, Detach
from recorder.events import DETACHED, TapDown, TapFailed
from recorder.model import Direction, Source

SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
LEG, ROOM = "11111111-2222-3333-4444-555555555555", "cce2a022-511b-4296-b3ce-d4bc8994b0fd"
SPOOL = "/var/spool/rec"
FILE = f"{SPOOL}/phonograph/{SEGMENT}.wav"
BOTH = Source(leg=LEG, directions=(Direction.IN, Direction.OUT))
MEMBER = Source(leg=LEG, directions=(Direction.IN,))
MIX = Source(leg="", directions=(Direction.MIX,), bridge=ROOM)
AS_IT_IS = ("RECORD_STEREO_SWAP=false,RECORD_WRITE_ONLY=false,RECORD_APPEND=false,RECORD_ANSWER_REQ=false,"
            "RECORD_BRIDGE_REQ=false,RECORD_CHECK_BRIDGE=false,RECORD_HANGUP_ON_ERROR=false,RECORD_MIN_SEC=0,"
            "RECORD_INITIAL_TIMEOUT_MS=0,RECORD_FINAL_TIMEOUT_MS=0,enable_file_write_buffering=false,"
            "RECORD_PRE_BUFFER_FRAMES=0")


def attach(source: Source = BOTH) -> Attach:
    return Attach(call="c", segment=SEGMENT, source=source)


def detach(source: Source = BOTH, *, force: bool = False) -> Detach:
    return Detach(call="c", segment=SEGMENT, source=source, destroy=force)


def says_no(answer: str) -> SwitchOperationFailed:
    return SwitchOperationFailed("FreeSWITCH did not carry out a command.", command="uuid_record", answer=answer)


class FreeSwitch:
    """Takes the lines down in order, masks by themselves; ``before`` is called first with each of the others and may
    fail or wait."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.masked: list[tuple[str, int]] = []
        self.masks_are_refused = False
        self.told: list[TapDown | TapFailed] = []
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.stored = False
        self.rooms: dict[str, str] = {ROOM: "8000"}
        self.moved: str | None = None
        self.taps = Taps("main", f"{SPOOL}/", self, self, leg_of=lambda _: self.moved, tell=self.told.append,
                         sequence=count(1).__next__, clock=lambda: 5.0)

    def conference(self, bridge: str) -> str | None:
        return self.rooms.get(bridge)

    async def api(self, name: str, *words: Word) -> str:
        if name == "file_exists":
            return "true" if self.stored and words == (FILE,) else "false"
        return await self._do(lines.api(name, *words).decode().strip())

    async def job(self, name: str, *words: Word) -> str:
        return await self._do(lines.bgapi(name, *words, job="1").decode().partition("\n")[0])

    async def _do(self, line: str) -> str:
        if " mask " in line:
            self.masked.append((line, len(self.done)))
            if self.masks_are_refused:
                raise says_no("-ERR Cannot mask recording session!")
            return "+OK Success\n"
        if self.before is not None:
            await self.before(line)
        self.done.append(line)
        return "+OK Success\n"

    def refuses(self, *answers: Exception) -> None:
        """The next commands end with these."""
        left = list(answers)

        async def before(line: str) -> None:
            if left:
                raise left.pop(0)

        self.before = before

    def holds(self, part: str) -> asyncio.Event:
        """Commands with that in them wait for the event."""
        go = asyncio.Event()

        async def before(line: str) -> None:
            if part in line:
                await go.wait()

        self.before = before
        return go

    @property
    def causes(self) -> list[tuple[type, str]]:
        return [(type(event), event.cause) for event in self.told]


async def up() -> FreeSwitch:
    """A running tap."""
    switch = FreeSwitch()
    await switch.taps.attach(attach())
    switch.taps.started(SEGMENT)
    return switch


STOP = f"api uuid_record {LEG} stop {FILE}"
STOP_ALL = f"api uuid_record {LEG} stop all"


@pytest.mark.parametrize(("source", "line"), [
    (BOTH, f"bgapi uuid_record {LEG} start {FILE} 0 {{recorder_id={SEGMENT},RECORD_STEREO=true,"
           f"RECORD_READ_ONLY=false,record_sample_rate=8000,{AS_IT_IS}}}"),
    (MEMBER, f"bgapi uuid_record {LEG} start {SPOOL}/phonograph/{SEGMENT}-in.wav 0 {{recorder_id={SEGMENT},"
             f"RECORD_STEREO=false,RECORD_READ_ONLY=true,record_sample_rate=8000,{AS_IT_IS}}}"),
    (MIX, f"bgapi conference 8000 record {FILE}")])
async def test_an_attach_is_one_command_and_its_answer_proves_nothing(source: Source, line: str) -> None:
    switch = FreeSwitch()
    await switch.taps.attach(attach(source))
    assert (switch.done, switch.told) == ([line], [])


@pytest.mark.parametrize(("source", "line"), [
    (BOTH, STOP), (MEMBER, f"api uuid_record {LEG} stop {SPOOL}/phonograph/{SEGMENT}-in.wav"),
    (MIX, f"api conference 8000 norecord {FILE}")])
async def test_a_detach_stops_our_recording_alone_and_its_answer_proves_nothing(source: Source, line: str) -> None:
    switch = FreeSwitch()
    await switch.taps.attach(attach(source))
    switch.taps.started(SEGMENT)
    await switch.taps.detach(detach(source))
    assert (switch.done[1:], switch.told) == ([line], [])
    assert switch.taps.ended(SEGMENT) == DETACHED


@pytest.mark.parametrize("name", ["a'b", "a;b", "${x}", "a\nb"])
async def test_the_mix_of_a_conference_whose_name_no_command_can_carry_cannot_be_had(name: str) -> None:
    switch = FreeSwitch()
    switch.rooms[ROOM] = name
    await switch.taps.attach(attach(MIX))
    (told,) = switch.told
    assert isinstance(told, TapFailed)
    assert (told.hopeless, told.cause) == (True, "The conference's name has characters that no command can carry.")
    await switch.taps.detach(detach(MIX))
    assert (switch.done, len(switch.told)) == ([], 1)


@pytest.mark.parametrize("refused", [False, True])
async def test_a_stereo_recording_is_masked_before_it_is_stopped(refused: bool) -> None:
    """Else FreeSWITCH may write a piece of its own memory at the end."""
    switch = await up()
    switch.masks_are_refused = refused
    await switch.taps.detach(detach())
    assert (switch.masked, switch.done[1:]) == ([(f"api uuid_record {LEG} mask {FILE}", 1)], [STOP])


@pytest.mark.parametrize("source", [MEMBER, MIX])
async def test_nothing_else_is_masked(source: Source) -> None:
    switch = FreeSwitch()
    await switch.taps.attach(attach(source))
    switch.taps.started(SEGMENT)
    await switch.taps.detach(detach(source))
    assert (switch.masked, len(switch.done)) == ([], 2)


async def test_an_end_that_nobody_asked_for_has_freeswitchs_cause() -> None:
    switch = await up()
    assert switch.taps.ended(SEGMENT) is None


async def test_by_force_everything_on_the_leg_stops() -> None:
    switch = await up()
    await switch.taps.detach(detach(force=True))
    assert switch.done[1:] == [STOP_ALL]


async def test_a_recording_that_moved_is_stopped_on_the_leg_where_it_is() -> None:
    switch = await up()
    switch.moved = "22222222-2222-3333-4444-555555555555"
    await switch.taps.detach(detach())
    assert switch.done[1:] == [STOP.replace(LEG, switch.moved)]


async def test_nothing_to_stop_is_no_proof_of_an_end() -> None:
    """A recording that moved with ``recording_follow_transfer`` cannot be stopped by its path, and goes on."""
    switch = await up()
    switch.refuses(says_no("-ERR Cannot stop record session!"))
    await switch.taps.detach(detach())
    assert switch.told == []
    await switch.taps.detach(detach(force=True))
    assert (switch.done[1:], switch.told) == ([STOP_ALL], [])


async def test_a_hangup_that_overtakes_a_detach_is_told_by_record_stop_alone() -> None:
    switch = await up()
    switch.refuses(says_no("-ERR Cannot locate session!"))
    await switch.taps.detach(detach())
    assert (switch.taps.ended(SEGMENT), switch.told) == (DETACHED, [])


async def test_an_end_that_was_not_seen_is_told_when_force_finds_nothing_more() -> None:
    switch = await up()
    switch.refuses(*[says_no("-ERR Cannot stop record session!")] * 2)
    await switch.taps.detach(detach())
    await switch.taps.detach(detach(force=True))
    (down,) = switch.told
    assert isinstance(down, TapDown)
    assert (down.cause, down.ended, [file.path for file in down.files]) == (
        "its end was not seen", None, [f"phonograph/{SEGMENT}.wav"] * 2)


async def test_a_force_that_could_not_be_asked_tells_nothing() -> None:
    switch = await up()
    switch.refuses(SwitchOperationFailed("Too many commands wait for FreeSWITCH.", waiting=10_000),
                   SwitchUnreachable("There is no connection with FreeSWITCH."))
    for _ in range(2):
        await switch.taps.detach(detach(force=True))
    assert switch.told == []


async def test_a_detach_while_attaching_stops_it_as_soon_as_it_has_begun() -> None:
    switch = FreeSwitch()
    go = switch.holds("start")
    attaching = asyncio.create_task(switch.taps.attach(attach()))
    await asyncio.sleep(0)
    await switch.taps.detach(detach())
    assert switch.done == []
    go.set()
    await attaching
    assert switch.done[1:] == [STOP]
    assert (switch.taps.ended(SEGMENT), switch.told) == (DETACHED, [])


async def test_a_detach_after_record_start_does_not_wait_for_the_attachs_own_answer() -> None:
    switch = FreeSwitch()
    go = switch.holds("start")
    attaching = asyncio.create_task(switch.taps.attach(attach()))
    await asyncio.sleep(0)
    switch.taps.started(SEGMENT)
    await switch.taps.detach(detach())
    assert switch.done == [STOP]
    assert switch.taps.ended(SEGMENT) == DETACHED
    go.set()
    await attaching
    assert (switch.done.count(STOP), switch.told) == (1, [])


async def test_by_force_an_attach_on_its_way_is_stopped_before_and_after_it_has_begun() -> None:
    switch = FreeSwitch()
    go = switch.holds("start")
    attaching = asyncio.create_task(switch.taps.attach(attach()))
    await asyncio.sleep(0)
    await switch.taps.detach(detach(force=True))
    go.set()
    await attaching
    assert switch.done[0] == STOP_ALL
    assert switch.done[-1] == STOP
    assert switch.told == []


async def test_a_detach_calls_an_attach_off_that_waits_for_its_turn() -> None:
    switch = FreeSwitch()
    switch.refuses(says_no("-ERR Cannot stop record session!"))
    await switch.taps.detach(detach())
    await switch.taps.attach(attach())
    assert (switch.done, switch.causes) == ([], [(TapFailed, "ended before it was up")])


async def test_a_detach_that_reached_nobody_calls_off_and_may_be_forced() -> None:
    switch = FreeSwitch()
    switch.refuses(SwitchUnreachable("The connection with FreeSWITCH was lost."))
    await switch.taps.detach(detach())
    await switch.taps.attach(attach())
    assert (switch.done, switch.told) == ([], [])
    await switch.taps.detach(detach(force=True))
    assert switch.done == [STOP_ALL]


@pytest.mark.parametrize(("stored", "told"), [(True, (TapDown, "its end was not seen")),
                                              (False, (TapFailed, "ended before it was up"))])
async def test_a_tap_of_an_earlier_life_was_up_if_it_left_a_file(stored: bool, told: tuple[type, str]) -> None:
    switch = FreeSwitch()
    switch.stored = stored
    switch.refuses(says_no("-ERR Cannot locate session!"))
    for _ in range(2):
        await switch.taps.detach(detach())
    assert switch.causes == [told]


async def test_a_tap_that_a_snapshot_showed_is_ended_like_any_other() -> None:
    switch = FreeSwitch()
    switch.taps.adopt(SEGMENT)
    await switch.taps.detach(detach())
    assert (switch.done, switch.told) == ([STOP], [])
    assert switch.taps.ended(SEGMENT) == DETACHED


async def test_a_detach_of_what_has_ended_asks_for_nothing() -> None:
    switch = await up()
    switch.taps.ended(SEGMENT)
    for force in (False, True):
        await switch.taps.detach(detach(force=force))
    assert (switch.done[1:], switch.told) == ([], [])


async def test_a_refusal_is_a_failed_tap_with_freeswitchs_words() -> None:
    switch = FreeSwitch()
    switch.refuses(says_no("-ERR Cannot record session!"))
    await switch.taps.attach(attach())
    assert switch.causes == [
        (TapFailed, "FreeSWITCH did not carry out a command. (-ERR Cannot record session!)")]


async def test_an_attach_that_took_too_long_and_comes_up_all_the_same_can_be_ended() -> None:
    switch = FreeSwitch()
    switch.refuses(SwitchOperationFailed("A command takes too long.", command="uuid_record"))
    await switch.taps.attach(attach())
    assert switch.causes == [(TapFailed, "A command takes too long.")]
    switch.taps.started(SEGMENT)
    await switch.taps.detach(detach())
    assert switch.done == [STOP]


async def test_an_attach_that_is_up_has_not_failed_because_its_answer_is_late() -> None:
    switch = FreeSwitch()

    async def late(line: str) -> None:
        if "start" in line:
            switch.taps.started(SEGMENT)
            raise SwitchOperationFailed("A command takes too long.", command="uuid_record")

    switch.before = late
    await switch.taps.attach(attach())
    assert switch.told == []
    await switch.taps.detach(detach())
    assert switch.done == [STOP]


async def test_an_attach_that_the_limits_refuse_has_failed() -> None:
    switch = FreeSwitch()
    switch.taps.refused(attach(), "Too many operations wait for the switch.")
    assert switch.causes == [(TapFailed, "Too many operations wait for the switch.")]


async def test_a_conference_that_is_gone_has_no_mix_to_record_or_to_end() -> None:
    switch = FreeSwitch()
    switch.rooms.clear()
    await switch.taps.attach(attach(MIX))
    await switch.taps.detach(detach(MIX))
    assert (switch.done, switch.causes) == ([], [(TapFailed, "The conference is not there any more.")])


async def test_after_a_drop_nothing_is_remembered_but_what_the_snapshot_shows() -> None:
    switch = await up()
    switch.taps.forget()
    switch.stored = True
    switch.refuses(says_no("-ERR Cannot locate session!"))
    await switch.taps.detach(detach())
    assert switch.causes == [(TapDown, "its end was not seen")]


async def test_what_is_remembered_of_taps_has_a_bound() -> None:
    switch = FreeSwitch()
    for number in range(1000):
        segment = f"{SEGMENT[:-2]}.{number}"
        switch.refuses(says_no("-ERR Cannot locate session!"))
        await switch.taps.detach(Detach(call="c", segment=segment, source=MIX))
        await switch.taps.attach(Attach(call="c", segment=segment + "0", source=BOTH))
        switch.taps.ended(segment + "0")
    taps = switch.taps
    assert len(taps._taps) + len(taps._ended) + len(taps._called_off) <= 400


@pytest.mark.parametrize("name", ["8000", "sales room", "sales'room", "a\nb", "${system ls}", "x]y"])
async def test_a_conferences_name_is_one_word_or_is_not_sent(name: str) -> None:
    switch = FreeSwitch()
    switch.rooms[ROOM] = name
    await switch.taps.attach(attach(MIX))
    if switch.done:
        (line,) = switch.done
        assert line.startswith(("bgapi conference 8000 record ", "bgapi conference 'sales room' record "))
    else:
        assert [type(event) for event in switch.told] == [TapFailed]


async def test_a_tap_is_coming_from_the_request_until_record_start() -> None:
    switch = FreeSwitch()
    switch.taps.expect(SEGMENT)
    await switch.taps.attach(attach())
    assert switch.taps.coming == (SEGMENT,)  # its answer proves nothing
    switch.taps.started(SEGMENT)
    assert not switch.taps.coming


async def test_a_tap_that_failed_or_ended_or_belongs_to_another_connection_is_not_coming() -> None:
    switch = FreeSwitch()
    switch.taps.expect(SEGMENT)
    switch.refuses(says_no("-ERR Cannot record session!"))
    await switch.taps.attach(attach())
    assert not switch.taps.coming
    switch.taps.expect(SEGMENT)
    switch.taps.ended(SEGMENT)
    assert not switch.taps.coming
    switch.taps.expect(SEGMENT)
    switch.taps.forget()
    assert not switch.taps.coming
