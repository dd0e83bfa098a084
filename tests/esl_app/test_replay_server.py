"""The replay server: a client that is not ours hears the recorded sessions, and each misbehaviour is one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio

from esl_app import lines
from esl_app.messages import (
    ApiResponse,
    AuthRequest,
    CommandReply,
    DisconnectNotice,
    Event,
    Message,
    RudeRejection,
)
from esl_app.protocol import Parser
from tests.esl_app import captures, wire
from tests.esl_app.replay_server import CORE, PASSWORD, ReplayServer

CALL = "trunk_call_record_mask"


class Line:
    """A connection to the server, one message at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.parser = Parser()

    async def hear(self) -> Message:
        """The next message. Raises ``EOFError`` at the end of the connection."""
        while (message := self.parser.next_message()) is None:
            data = await self.reader.read(65536)
            if not data:
                raise EOFError
            self.parser.receive_data(data)
        return message

    async def say(self, data: bytes) -> Message:
        """Say something and hear the next message."""
        self.writer.write(data)
        return await self.hear()

    async def log_in(self, password: str = PASSWORD) -> Message:
        assert await self.hear() == AuthRequest()
        return await self.say(lines.auth(password))

    async def names(self, count: int) -> list[str]:
        """The names of the next events."""
        return [heard.name for heard in [await self.hear() for _ in range(count)] if isinstance(heard, Event)]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ReplayServer]:
    async with ReplayServer() as up:
        yield up


@asynccontextmanager
async def connected(server: ReplayServer) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@pytest_asyncio.fixture
async def line(server: ReplayServer) -> AsyncIterator[Line]:
    async with connected(server) as up:
        yield up


def recorded(name: str = CALL) -> list[wire.Frame]:
    return [frame for frame in wire.frames(captures.read(name)) if frame.name]


@pytest.mark.parametrize("name", captures.NAMES)
def test_the_frames_of_a_session_are_the_session(name: str) -> None:
    frames = list(wire.frames(captures.read(name)))
    assert b"".join(frame.raw for frame in frames) == captures.read(name)
    assert [frame.name for frame in frames if frame.name and frame.kind != "command/reply"] == [
        event.name for event in captures.events(name)]


def test_a_session_that_ends_within_a_message_is_refused() -> None:
    with pytest.raises(ValueError):
        list(wire.frames(captures.read(CALL)[:-1]))


@pytest.mark.parametrize("name", [name for name in captures.NAMES if name != "trunk_call_json_events"])
def test_an_event_of_ours_is_encoded_as_the_switch_encodes(name: str) -> None:
    """Decoded and encoded again, an event is what was sent, if no header is in it twice and it has no body."""
    compared = 0
    for frame in recorded(name):
        payload = frame.raw.partition(b"\n\n")[2]
        if len(frame.fields) == payload.count(b"\n") - 1:
            assert wire.event(frame.fields) == frame.raw
            compared += 1
    assert compared > 3


@pytest.mark.parametrize(("name", "pieces"), [
    (CALL, ()), (CALL, (1448, 1, 700)), ("conference_3_members_record", ()), ("fs_shutdown_with_recording", ()),
])
async def test_greenswitch_hears_every_event_in_order(server: ReplayServer, name: str, pieces: tuple[int, ...]) -> None:
    expected = recorded(name)
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.esl_app.greenswitch_client", str(server.port), PASSWORD, str(len(expected)),
        "event plain ALL", stdout=asyncio.subprocess.PIPE)
    try:
        await server.subscribed()
        assert await server.play(name, pieces=pieces) == len(expected)
        printed, _ = await client.communicate()
    finally:
        with suppress(ProcessLookupError):
            client.kill()
        await client.wait()
    heard = json.loads(printed)
    assert [event["Event-Sequence"] for event in heard["events"][:len(expected)]] == [
        frame.fields["Event-Sequence"] for frame in expected]
    assert heard["subscribed"] == "+OK event listener enabled plain"
    assert heard["status"].endswith(" is ready\n0 session(s) since startup\n")
    assert server.lines == [f"auth {PASSWORD}", "event plain ALL", "api status", "bgapi version", "exit"]


async def test_only_what_was_subscribed_is_sent(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    await line.say(lines.subscribe(["CHANNEL_ANSWER", "RECORD_START"], ["recorder::pause"]))
    assert await server.play(CALL) == 3
    assert await line.names(3) == ["CHANNEL_ANSWER", "CHANNEL_ANSWER", "RECORD_START"]
    assert await server.play("custom_recorder_pause") == 2


async def test_what_follows_custom_is_a_subclass(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    await line.say(b"event plain CUSTOM recorder::pause CHANNEL_ANSWER\n\n")
    assert await server.play(CALL) == 0


async def test_a_subscription_to_nothing_is_refused(line: Line) -> None:
    await line.log_in()
    assert await line.say(b"event plain\n\n") == CommandReply(text="-ERR no keywords supplied")


async def test_json_events_go_to_who_asked_for_json(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    assert await line.say(b"event json ALL\n\n") == CommandReply(text="+OK event listener enabled json")
    assert await server.play("trunk_call_json_events") == 16
    assert await server.play(CALL) == 0


async def test_a_session_can_take_as_long_as_it_took(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    await line.say(lines.subscribe(["CHANNEL_CREATE", "CHANNEL_DESTROY"]))
    begun = asyncio.get_running_loop().time()
    await server.play(CALL, speed=100)
    took = recorded()[-1].at - recorded()[0].at
    assert asyncio.get_running_loop().time() - begun >= 0.99 * took / 100 > 0


async def test_a_wrong_password_ends_the_connection(line: Line) -> None:
    assert await line.log_in("wrong") == CommandReply(text="-ERR invalid")
    assert isinstance(await line.hear(), DisconnectNotice)
    with pytest.raises(EOFError):
        await line.hear()


async def test_nothing_is_answered_before_the_password(line: Line) -> None:
    assert await line.hear() == AuthRequest()
    assert await line.say(lines.api("status")) == CommandReply(text="-ERR command not found")


async def test_a_client_can_be_turned_away(server: ReplayServer) -> None:
    server.rude = True
    async with connected(server) as line:
        assert await line.hear() == RudeRejection(text="Access Denied, go away.\n")
        assert isinstance(await line.hear(), DisconnectNotice)


async def test_answers_are_the_tests(server: ReplayServer, line: Line) -> None:
    server.answers |= {"uuid_getvar": lambda command: command.upper(), "uuid_getvar 1 recorder_id": "42"}
    await line.log_in()
    assert await line.say(lines.api("uuid_getvar", "1", "recorder_id")) == ApiResponse(body="42")
    assert await line.say(lines.api("uuid_getvar", "1", "x")) == ApiResponse(body="UUID_GETVAR 1 X")
    assert await line.say(lines.api("uuid_getvars")) == ApiResponse(body="-ERR uuid_getvars Command not found!\n")
    assert await line.say(lines.api("global_getvar", "core_uuid")) == ApiResponse(body=CORE)


async def test_a_background_job_reports_by_event(line: Line) -> None:
    await line.log_in()
    await line.say(lines.subscribe(["BACKGROUND_JOB"]))
    assert await line.say(lines.bgapi("version", job="j-1")) == CommandReply(text="+OK Job-UUID: j-1", job="j-1")
    event = await line.hear()
    assert isinstance(event, Event)
    assert (event.name, event.header("Job-UUID"), event.body) == (
        "BACKGROUND_JOB", "j-1", "FreeSWITCH Version 1.11.2-release  64bit (64bit)\n")


async def test_a_command_can_stall_and_what_follows_it_waits(server: ReplayServer, line: Line) -> None:
    stalled = server.held["api uuid_exists"] = asyncio.Event()
    await line.log_in()
    line.writer.write(lines.api("uuid_exists", "1") + lines.api("version"))
    await server.said("api uuid_exists 1")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(line.hear(), 0.05)
    stalled.set()
    assert await line.hear() == ApiResponse(body="-ERR uuid_exists Command not found!\n")
    assert await line.hear() == ApiResponse(body="FreeSWITCH Version 1.11.2-release  64bit (64bit)\n")


async def test_a_job_can_stall_alone(server: ReplayServer, line: Line) -> None:
    stalled = server.held["bgapi uuid_record"] = asyncio.Event()
    server.answers["uuid_record"] = "+OK Success\n"
    await line.log_in()
    await line.say(lines.subscribe(["BACKGROUND_JOB"]))
    await line.say(lines.bgapi("uuid_record", "1", "start", "/a.wav", job="j-1"))
    assert isinstance(await line.say(lines.api("version")), ApiResponse)
    stalled.set()
    assert await line.names(1) == ["BACKGROUND_JOB"]


async def test_the_switch_can_be_silent_from_the_first(server: ReplayServer) -> None:
    stalled = server.held["auth/request"] = asyncio.Event()
    async with connected(server) as line:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.hear(), 0.05)
        stalled.set()
        assert await line.hear() == AuthRequest()


async def test_an_event_of_ours_comes_back_with_our_length_and_the_switchs(line: Line) -> None:
    await line.log_in()
    await line.say(lines.subscribe([], ["recorder::pause"]))
    sent = lines.sendevent("CUSTOM", {"Event-Subclass": "recorder::pause", "Recorder-Reason": "p: ci"}, "café")
    reply = await line.say(sent)
    assert isinstance(reply, CommandReply)
    assert reply.ok
    event = await line.hear()
    assert isinstance(event, Event)
    assert (event.subclass, event.header("Recorder-Reason"), event.body) == ("recorder::pause", "p: ci", "café")
    assert event.boot == CORE


async def test_the_end_can_be_announced(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    await server.bye("The system is being shut down.\n")
    assert await line.hear() == DisconnectNotice(linger=False, text="The system is being shut down.\n")
    with pytest.raises(EOFError):
        await line.hear()


async def test_a_message_can_end_half_said(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    await server.write(recorded()[0].raw[:-10])
    await server.close()
    with pytest.raises(EOFError):
        await line.hear()
    assert not line.parser.between_messages


async def test_a_connection_can_break(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    server.drop()
    with pytest.raises((EOFError, ConnectionError)):
        await line.hear()
    await server.until(lambda: not server.clients)


async def test_the_server_comes_back_where_it_was(server: ReplayServer, line: Line) -> None:
    await line.log_in()
    port = server.port
    await server.stop()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
    await server.start()
    async with connected(server) as again:
        assert await again.log_in() == CommandReply(text="+OK accepted")
    assert server.accepted == 2
