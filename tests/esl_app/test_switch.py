"""FreeSWITCH as the recorder's switch: what it tells, and what becomes of what it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
import pytest_asyncio

from esl_app.names import tap_leg
from esl_app.outbound import Door
from esl_app.switch import EslSwitch
from esl_app.wire import Address
from link.lease import FREE, VARIABLE, Holder
from policy.types import Announcement, Beep
from recorder.effects import Announce, Answer, Attach, Detach, Effect, Hush, Mark, Release, Reply
from recorder.events import (
    DETACHED,
    Announced,
    Asked,
    CallEvent,
    LegGone,
    LegIs,
    SwitchDown,
    SwitchUp,
    TapDown,
    TapFailed,
    TapUp,
    Verb,
)
from recorder.model import Direction, Sink, Source
from recorder.playback import Heard
from recorder.ports import RtpAddress
from recorder.states import PlaybackInput
from tests.esl_app.replay_server import CORE, PASSWORD, Command, ReplayServer

SPOOL = "/var/spool/rec"
SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
FILE = f"{SPOOL}/phonograph/{SEGMENT}.wav"
LEG = "11111111-2222-3333-4444-555555555555"
SOURCE = Source(leg=LEG, directions=(Direction.IN, Direction.OUT))
ATTACH, DETACH = Attach(call="c", segment=SEGMENT, source=SOURCE), Detach(call="c", segment=SEGMENT, source=SOURCE)
STARTS, STOPS = f"bgapi uuid_record {LEG} start", f"api uuid_record {LEG} stop {FILE}"
CREATED = {"Unique-ID": LEG, "Channel-Name": "sofia/internal/a"}

Kind = TypeVar("Kind", bound=CallEvent)


def mark(variables: dict[str, str]) -> Mark:
    return Mark(call="c", leg=LEG, channel="sofia/internal/a", variables=variables)


def release(variables: dict[str, str]) -> Release:
    return Release(call="c", leg=LEG, channel="sofia/internal/a", variables=variables, inside=False)


class FreeSwitch(ReplayServer):
    """A server with a channel; what it is asked to record it is told by the test to have begun or ended."""

    def __init__(self) -> None:
        self.variables = {VARIABLE: "one/0/1"}
        """Global ones. The lease is our last life's, so nobody waits for it."""
        self.buglist = "<media-bugs>\n</media-bugs>\n"
        super().__init__({
            "global_getvar": lambda line: self.variables.get(line.split(" ")[1]) or "-ERR no reply\n",
            "global_setvar": self._set, "conference json_list": "[]", "uuid_record": "+OK Success\n",
            "uuid_setvar": "+OK\n", "uuid_displace": "+OK Success\n", "uuid_buglist": lambda _: self.buglist,
            "show channels as json": json.dumps({"row_count": 1, "rows": [{"uuid": LEG}]}),
            f"uuid_dump {LEG}": f"Event-Name: CHANNEL_DATA\nUnique-ID: {LEG}\nChannel-Name: sofia/internal/a\n\n"})

    def _set(self, line: str) -> str:
        name, _, value = line.split(" ", 1)[1].partition("=")
        self.variables[name] = value
        return "+OK"

    async def recording(self, event: str, **more: str) -> None:
        """RECORD_START or RECORD_STOP of our segment."""
        await self.fire(event, {"Unique-ID": LEG, "Record-File-Path": FILE,
                                "Recording-Variable-recorder_id": SEGMENT,
                                "Recording-Variable-RECORD_STEREO": "true", **more})

    async def until_said(self, beginning: str, times: int = 1) -> Command:
        """The so many-th command that begins so."""
        def found() -> list[Command]:
            return [command for command in self.commands if command.line.startswith(beginning)]

        await self.until(lambda: len(found()) >= times)
        return found()[times - 1]


class Story:
    """What the switch has told, in order."""

    def __init__(self, switch: EslSwitch) -> None:
        self.switch = switch
        self.events: list[CallEvent] = []
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        async for event in self.switch.events():
            self.events.append(event)
            self._changed.set()

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    async def next(self, kind: type[Kind], times: int = 1) -> Kind:
        """The so many-th event of a kind."""
        while len(self.all(kind)) < times:
            self._changed.clear()
            await self._changed.wait()
        return self.all(kind)[times - 1]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FreeSwitch]:
    async with FreeSwitch() as listening:
        yield listening


@asynccontextmanager
async def connected(server: FreeSwitch, per_second: float = 1000.0,
                    door: Door | None = None) -> AsyncIterator[tuple[EslSwitch, Story]]:
    """A switch whose first snapshot has been told."""
    async with listening(server, per_second, door) as (switch, heard):
        await heard.next(SwitchUp)
        yield switch, heard


@asynccontextmanager
async def listening(server: FreeSwitch, per_second: float = 1000.0,
                    door: Door | None = None) -> AsyncIterator[tuple[EslSwitch, Story]]:
    """A switch that connects."""
    switch = EslSwitch("main", Address(host="127.0.0.1", port=server.port, password=PASSWORD), Holder("one", "1"),
                       spool=SPOOL, operations_per_second=per_second, door=door, random=Random(1))
    heard = Story(switch)
    task = asyncio.create_task(heard.listen())
    try:
        yield switch, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_first_thing_told_is_everything_that_is_there(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        (up,) = heard.events
        assert isinstance(up, SwitchUp)
        assert (switch.name, up.switch, up.boot, [leg.id for leg in up.snapshot.legs]) == ("main", "main", CORE, [LEG])
    assert server.variables[VARIABLE] == FREE


async def test_the_half_second_of_the_first_presence_event_is_over_before_the_first_call(server: FreeSwitch) -> None:
    """The end of a job is an event as all others: FreeSWITCH tells it when that time is over."""
    server.held["bgapi version"] = asyncio.Event()
    async with listening(server) as (_, heard):
        await server.said("bgapi version")
        assert "sendevent PRESENCE_OUT" in server.lines
        for _ in range(20):
            await asyncio.sleep(0)
        assert heard.events == []
        assert "api show channels as json" not in server.lines
        server.held.pop("bgapi version").set()
        await heard.next(SwitchUp)


async def test_events_that_never_come_are_not_waited_for_long(server: FreeSwitch) -> None:
    server.held["bgapi version"] = asyncio.Event()
    async with listening(server) as (_, heard):
        await heard.next(SwitchUp)
        assert heard.all(SwitchDown) == []


async def test_what_happens_is_told_in_order(server: FreeSwitch) -> None:
    async with connected(server) as (_, heard):
        await server.fire("CHANNEL_CREATE", {**CREATED, "Unique-ID": "another"})
        await server.fire("CHANNEL_DESTROY", {**CREATED, "Unique-ID": "another"})
        assert (await heard.next(LegGone)).leg == "another"
        assert (await heard.next(LegIs)).leg.id == "another"
        assert [type(event) for event in heard.events if not isinstance(event, SwitchUp)] == [LegIs, LegGone]


async def test_digits_and_everybodys_media_are_not_subscribed(server: FreeSwitch) -> None:
    async with connected(server):
        subscription = await server.until_said("event plain ")
    words = subscription.line.split(" ")
    assert not {"DTMF", "ALL", "CHANNEL_EXECUTE", "API", "MESSAGE", "DETECTED_SPEECH"} & set(words)
    assert {"RECORD_START", "RECORD_STOP", "CHANNEL_HANGUP_COMPLETE", "recorder::pause"} <= set(words)


async def test_events_wait_while_everything_is_read_again(server: FreeSwitch) -> None:
    """Else a call that has just begun would be taken for one that is gone."""
    async with connected(server) as (switch, heard):
        server.held["api conference json_list"] = asyncio.Event()
        reading = asyncio.create_task(switch.resync())
        await server.said("api conference json_list", 2)
        before = len(heard.events)
        await server.fire("CHANNEL_CREATE", {**CREATED, "Unique-ID": "another"})
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(heard.events) == before
        server.held.pop("api conference json_list").set()
        await reading
        await heard.next(LegIs)
        assert [type(event) for event in heard.events[before:before + 2]] == [SwitchUp, LegIs]


async def test_everything_is_read_a_second_time_since_the_list_of_channels_is_late(server: FreeSwitch) -> None:
    async with connected(server) as (_, heard):
        await heard.next(SwitchUp, 2)
        assert heard.all(SwitchDown) == []


async def test_a_drop_is_told_once_and_the_snapshot_afterwards(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        await server.stop()
        await heard.next(SwitchDown)
        await switch.resync()
        await server.start()
        server.core = "another"
        while heard.all(SwitchUp)[-1].boot != "another":
            await heard.next(SwitchUp, len(heard.all(SwitchUp)) + 1)
        assert len(heard.all(SwitchDown)) == 1


async def test_a_reading_that_fails_makes_the_connection_anew(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        whole = server.answers["show channels as json"]
        server.answers["show channels as json"] = "no list"
        await switch.resync()
        server.answers["show channels as json"] = whole
        await heard.next(SwitchDown)
        await heard.next(SwitchUp, 2)
        assert server.accepted > 1


async def test_a_tap_is_up_and_down_when_freeswitch_says_so_by_itself(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        await switch.attach(ATTACH)
        assert heard.all(TapUp) == []
        await server.recording("RECORD_START")
        up = await heard.next(TapUp)
        assert (up.segment, up.started, [file.path for file in up.files]) == (
            SEGMENT, 1795232667.211020, [f"phonograph/{SEGMENT}.wav"] * 2)
        await switch.detach(DETACH)
        assert heard.all(TapDown) == []
        await server.recording("RECORD_STOP", **{"Record-Completion-Cause": "success-maxtime"})
        assert (await heard.next(TapDown)).cause == DETACHED


async def test_a_tap_for_a_recording_server_is_up_and_down_when_freeswitch_says_so_by_itself(
        server: FreeSwitch) -> None:
    server.answers |= {"originate": "+OK\n", "uuid_kill": "+OK\n",
                       "uuid_getvar": lambda line: "PCMU" if "codec" in line else "trunk"}
    source = replace(SOURCE, sink=Sink.SERVER)
    to = {direction: RtpAddress("127.0.0.1", 20_000) for direction in SOURCE.directions}
    ours = [{"Unique-ID": tap_leg(SEGMENT, direction), "Call-Direction": "outbound"} for direction in SOURCE.directions]
    async with connected(server) as (switch, heard):
        await switch.attach(replace(ATTACH, source=source), to)
        for leg in ours:
            await server.fire("CHANNEL_CREATE", leg)
            await server.fire("CHANNEL_ANSWER", leg)
            await server.fire("MEDIA_BUG_START", {"Unique-ID": LEG, "Media-Bug-Function": "eavesdrop"})
        assert (await heard.next(TapUp)).segment == SEGMENT
        await switch.detach(replace(DETACH, source=source))
        assert heard.all(TapDown) == []
        for leg in ours:
            await server.fire("CHANNEL_HANGUP_COMPLETE", leg)
        assert (await heard.next(TapDown)).cause == DETACHED
        assert heard.all(LegIs) + heard.all(LegGone) == []
    assert not any("uuid_record" in line for line in server.lines)


async def test_an_end_that_we_did_not_ask_for_has_freeswitchs_cause(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        await switch.attach(ATTACH)
        await server.recording("RECORD_START")
        await server.recording("RECORD_STOP", **{"Record-Completion-Cause": "success-silence"})
        assert (await heard.next(TapDown)).cause == "success-silence"


async def test_a_refused_tap_is_told(server: FreeSwitch) -> None:
    server.answers["uuid_record"] = "-ERR Cannot record session!\n"
    async with connected(server) as (switch, heard):
        await switch.attach(ATTACH)
        assert "-ERR Cannot record session!" in (await heard.next(TapFailed)).cause


async def test_a_tap_that_comes_up_after_it_was_given_up_can_be_ended(server: FreeSwitch) -> None:
    server.answers["uuid_record"] = "-ERR given up\n"
    async with connected(server) as (switch, heard):
        await switch.attach(ATTACH)
        await heard.next(TapFailed)
        await server.recording("RECORD_START")
        await heard.next(TapUp)
        await switch.detach(DETACH)
        await server.said(STOPS)


async def test_a_tap_that_a_snapshot_shows_ends_like_our_own_by_record_stop_alone(server: FreeSwitch) -> None:
    server.answers["uuid_record"] = "-ERR Cannot stop record session!\n"
    server.buglist = f"<function>session_record</function>\n<target>{FILE}</target>\n"
    async with connected(server) as (switch, heard):
        assert [tap.segment for tap in heard.all(SwitchUp)[0].snapshot.taps] == [SEGMENT]
        await switch.detach(DETACH)
        await server.said(STOPS)
        await server.recording("RECORD_STOP")
        assert (await heard.next(TapDown)).cause == DETACHED
        assert heard.all(TapFailed) == []


async def test_a_detach_waits_for_no_attach_and_for_no_limit(server: FreeSwitch) -> None:
    server.held[STARTS] = asyncio.Event()
    async with connected(server, per_second=0.001) as (switch, _):
        waiting = [asyncio.create_task(switch.attach(Attach(call="c", segment=f"{SEGMENT[:-1]}{number}",
                                                            source=SOURCE))) for number in range(100)]
        await server.until_said(STARTS)
        await switch.detach(Detach(call="c", segment=f"{SEGMENT[:-1]}99", source=SOURCE))
        await server.said(STOPS.replace(SEGMENT, f"{SEGMENT[:-1]}99"))
        assert sum(command.line.startswith(STARTS) for command in server.commands) == 1
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_dialplan_asks_and_is_answered_in_a_variable_of_its_channel(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        await server.fire("CUSTOM", {"Event-Subclass": "recorder::pause", "Unique-ID": LEG, "Recorder-Ticket": "7",
                                     "Event-UUID": "q1"})
        asked = await heard.next(Asked)
        assert (asked.verb, asked.target, asked.request) == (Verb.PAUSE, LEG, "q1")
        await switch.reply(Reply(request="q1", answer=Answer.CONFIRMED, message=""))
        await switch.reply(Reply(request="q1", answer=Answer.FORCED, message=""))
    assert [line for line in server.lines if "recorder_answer" in line] == [
        f"api uuid_setvar {LEG} recorder_answer 'confirmed 7'"]


async def test_a_script_is_answered_by_an_event(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        await server.fire("CUSTOM", {"Event-Subclass": "recorder::command", "Recorder-Verb": "pause",
                                     "Recorder-Call": LEG, "Recorder-Request-ID": "script-1"})
        await heard.next(Asked)
        await switch.reply(Reply(request="script-1", answer=Answer.FORCED, message="no word from the switch"))
        said = await server.until_said("sendevent CUSTOM")
    assert said.headers == {"Event-Subclass": "recorder::reply", "Recorder-Request-ID": "script-1",
                            "Recorder-Answer": "forced", "Recorder-Message": "no word from the switch"}


async def test_a_script_that_asks_for_the_table_gets_the_last_one(server: FreeSwitch) -> None:
    async with connected(server) as (switch, heard):
        await switch.show("CALL  STATE\nc     recording\n")
        await server.fire("CUSTOM", {"Event-Subclass": "recorder::command", "Recorder-Verb": "status",
                                     "Recorder-Request-ID": "script-2"})
        said = await server.until_said("sendevent CUSTOM")
        assert heard.all(Asked) == []
    assert (said.headers["Recorder-Request-ID"], said.body) == ("script-2", "CALL  STATE\nc     recording\n")


async def test_marks_are_variables_in_order_and_what_a_caller_wrote_ends_no_line(server: FreeSwitch) -> None:
    async with connected(server) as (switch, _):
        await switch.mark(mark({"RECORDER_ID": "7", "RECORDER_RULE": "sales team"}))
        await switch.mark(mark({"RECORDER_RULE": "x\n\napi shutdown"}))
        await switch.mark(mark({"RECORDER_RULE": "${system(x)}"}))
        await switch.release(release({"RECORDER_ANSWER": "yes"}))
    assert [line for line in server.lines if "uuid_setvar" in line] == [
        f"api uuid_setvar {LEG} recorder_id 7", f"api uuid_setvar {LEG} recorder_rule 'sales team'",
        f"api uuid_setvar {LEG} recorder_answer yes"]


@pytest.mark.parametrize("effect", [
    mark({"RECORDER_ID": "7"}), release({"RECORDER_ID": "7"}),
    Reply(request="unknown", answer=Answer.CONFIRMED, message=""),
    Reply(request="q1", answer=Answer.FORCED, message="")])
async def test_a_leg_that_is_gone_is_no_error(server: FreeSwitch, effect: Effect) -> None:
    server.answers["uuid_setvar"] = "-ERR No such channel!\n"
    async with connected(server) as (switch, heard):
        await server.fire("CUSTOM", {"Event-Subclass": "recorder::pause", "Unique-ID": LEG, "Event-UUID": "q1"})
        await heard.next(Asked)
        await perform(switch, effect)
        assert heard.all(SwitchDown) == []


@pytest.mark.parametrize("effect", [
    ATTACH, DETACH, mark({"RECORDER_ID": "7"}), release({"RECORDER_ID": "7"}),
    Reply(request="q1", answer=Answer.FORCED, message="")])
async def test_a_switch_that_is_not_there_is_no_error(server: FreeSwitch, effect: Effect) -> None:
    async with connected(server) as (switch, heard):
        await server.fire("CUSTOM", {"Event-Subclass": "recorder::pause", "Unique-ID": LEG, "Event-UUID": "q1"})
        await heard.next(Asked)
        await server.stop()
        await heard.next(SwitchDown)
        await perform(switch, effect)


async def test_an_announcement_is_what_the_media_bugs_events_tell(server: FreeSwitch) -> None:
    announcement = f"{SEGMENT[:-2]}.a0"
    async with connected(server) as (switch, heard):
        announcing = asyncio.create_task(switch.announce(Announce(
            call="c", announcement=announcement, leg=LEG, heard=Heard.LEG, what=Announcement(beep=Beep()),
            hearers=(LEG,))))
        said = await server.until_said(f"bgapi uuid_displace {LEG} start")
        played = {"Unique-ID": LEG, "Media-Bug-Function": "displace", "Media-Bug-Target": said.line.split(" ")[4]}
        assert heard.all(Announced) == []
        await server.fire("MEDIA_BUG_START", played)
        await heard.next(Announced)
        await announcing
        hushing = asyncio.create_task(switch.hush(Hush(call="c", announcement=announcement, leg=LEG)))
        await server.until_said(f"api uuid_displace {LEG} stop {said.line.split(' ')[4]}")
        await server.fire("MEDIA_BUG_STOP", played)
        await heard.next(Announced, 2)
        await hushing
        assert [event.news for event in heard.all(Announced)] == [PlaybackInput.PLAYS, PlaybackInput.ENDS]


async def test_a_sound_makes_way_before_a_recording_begins_on_its_leg(server: FreeSwitch) -> None:
    playing = f"{{recorder_announcement={SEGMENT[:-2]}.a0,recorder_piece=0}}/a.wav"
    server.buglist = ("<media-bugs>\n <media-bug>\n  <function>displace</function>\n"
                      f"  <target>{playing}</target>\n </media-bug>\n</media-bugs>\n")
    async with connected(server) as (switch, heard):
        assert (await heard.next(SwitchUp)).snapshot.announcements == (f"{SEGMENT[:-2]}.a0",)
        await switch.attach(ATTACH)
        lines = [command.line for command in server.commands]
        begun = next(line for line in lines if line.startswith(STARTS))
        assert lines.index(f"api uuid_displace {LEG} stop {playing}") < lines.index(begun)


async def perform(switch: EslSwitch, effect: Effect) -> None:
    """Have an effect performed."""
    performed: dict[type, Callable[..., Awaitable[None]]] = {
        Attach: switch.attach, Detach: switch.detach, Mark: switch.mark, Release: switch.release,
        Reply: switch.reply}
    await performed[type(effect)](effect)
