"""A server that speaks FreeSWITCH's event socket from recorded sessions, and misbehaves on request. On loopback.

It proves how a client frames, orders, subscribes, times out and comes back. What a FreeSWITCH would do about a command
it does not know: the recordings are told by the test, and so are the answers to ``api``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from types import TracebackType
from typing import Self
from uuid import uuid4

from tests.esl_app import captures, wire

__all__ = ["CORE", "PASSWORD", "Client", "Command", "ReplayServer"]

PASSWORD = "ClueCon"
CORE = "33e6365f-7e55-418d-bb01-5e678c5163d3"
"""``Core-UUID`` of the recordings."""

Answer = str | Callable[[str], str]

_STATUS = ("UP 0 years, 0 days, 0 hours, 15 minutes, 1 second, 436 milliseconds, 514 microseconds\n"
           "FreeSWITCH (Version 1.11.2-release  64bit) is ready\n0 session(s) since startup\n")


@dataclass(frozen=True, slots=True)
class Command:
    """What a client said: its first line, the headers after it, and the body."""

    line: str
    headers: Mapping[str, str]
    body: str


class Client:
    """A connection as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.authenticated = False
        self.format = "plain"
        self.names: set[str] = set()
        """Events that it subscribed to."""
        self.subclasses: set[str] = set()
        self._writing = asyncio.Lock()

    def subscribe(self, words: Iterable[str]) -> bool:
        """Add to what it gets, as the switch reads the line: all that follows ``CUSTOM`` is a subclass.

        Returns:
            Whether a name was among the words.
        """
        given = list(words)
        if given and given[0] in {"plain", "json", "xml"}:
            self.format = given.pop(0)
        until = given.index("CUSTOM") + 1 if "CUSTOM" in given else len(given)
        self.names.update(given[:until])
        self.subclasses.update(given[until:])
        return bool(given)

    def wants(self, name: str, subclass: str) -> bool:
        """Whether it subscribed to an event."""
        if "ALL" in self.names:
            return True
        return name in self.names and (name != "CUSTOM" or not subclass or subclass in self.subclasses)

    async def write(self, data: bytes, pieces: Collection[int] = ()) -> None:
        """Send bytes, all at once or in pieces of these sizes, over and over."""
        async with self._writing:  # or an answer could get between the pieces of an event
            at = 0
            for size in cycle(pieces or (len(data),)):
                if at >= len(data):
                    break
                self.writer.write(data[at:at + size])
                at += size
                await self.writer.drain()
                await asyncio.sleep(0)  # lets a client in the same loop see the piece alone

    def drop(self) -> None:
        """End the connection at once, in the middle of whatever it is."""
        self.writer.transport.abort()

    async def close(self) -> None:
        """End the connection after what was written."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class ReplayServer:
    """An event socket that is up as long as the context lasts. Change its attributes at any time.

    Args:
        answers: what ``api`` and ``bgapi`` are answered, by the beginning of the command in whole words; the longest
            counts. A function gets the whole command. What has no answer is a command that the switch does not know.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.password = PASSWORD
        self.core = CORE
        self.rude = False
        """Whether clients are turned away as by an access list."""
        self.answers: dict[str, Answer] = {
            "status": _STATUS, "version": "FreeSWITCH Version 1.11.2-release  64bit (64bit)\n",
            "show channels as json": '{"row_count":0}\n', "global_getvar core_uuid": lambda _: self.core,
            **(answers or {}),
        }
        self.held: dict[str, asyncio.Event] = {}
        """Lines, by their beginning in whole words, whose answer waits for the event: ``auth``, ``api uuid_record``.
        Nothing after them on the connection is answered sooner, but for ``bgapi``, of which only the job waits.
        ``auth/request`` is the switch's own first line."""
        self.commands: list[Command] = []
        """All that was said, by whichever client, in its order."""
        self.clients: list[Client] = []
        """The connections that are open."""
        self.accepted = 0
        """The connections that there have been."""
        self.port = 0
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._sequence = 10_000_000

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen: on a free port, and after ``stop`` on the same again."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drop all clients and listen no more: what a killed switch looks like."""
        if self._server is not None:
            self._server.close()
        self.drop()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def lines(self) -> list[str]:
        """The first lines of all that was said."""
        return [command.line for command in self.commands]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so; looked at after each connection, command and end of a connection."""
        async with self._changed:
            await self._changed.wait_for(reached)

    async def subscribed(self, count: int = 1) -> None:
        """Wait until so many connections have subscribed to events."""
        await self.until(lambda: sum(bool(client.names) for client in self.clients) >= count)

    async def said(self, line: str, times: int = 1) -> None:
        """Wait until a command was said so often."""
        await self.until(lambda: self.lines.count(line) >= times)

    async def play(self, name: str, *, speed: float | None = None, pieces: Collection[int] = (),
                   first: int = 0, last: int | None = None) -> int:
        """Send the events of a recorded session to every client that subscribed to them, in the session's order.

        Args:
            name: of the session in ``tests/fixtures/esl``.
            speed: times as fast as it was recorded; None as fast as the clients read.
            pieces: sizes in bytes that the stream is cut into, over and over.
            first, last: which of the session's events, as in a slice.

        Returns:
            How many events were sent.
        """
        events = [frame for frame in wire.frames(captures.read(name)) if frame.name]
        begun, sent = asyncio.get_running_loop().time(), 0
        for frame in islice(events, first, last):
            if speed is not None:
                due = begun + (frame.at - events[first].at) / speed
                await asyncio.sleep(due - asyncio.get_running_loop().time())
            sent += await self.send(frame, pieces)
        return sent

    async def send(self, frame: wire.Frame, pieces: Collection[int] = ()) -> int:
        """Send an event to every client that subscribed to it, in the format of the event.

        Returns:
            How many those are.
        """
        wanting = [client for client in self.clients if client.wants(frame.name, frame.subclass)
                   and frame.kind == f"text/event-{client.format}"]
        for client in wanting:
            with suppress(ConnectionError):
                await client.write(frame.raw, pieces)
        return len(wanting)

    async def fire(self, name: str, headers: Mapping[str, str] | None = None, body: str = "") -> None:
        """Send an event of the test's own making, with the switch's headers, in the plain format."""
        self._sequence += 1
        given = {"Event-Name": name, "Core-UUID": self.core, "Event-Date-Timestamp": "1795232667211020",
                 "Event-Sequence": str(self._sequence), **(headers or {})}
        (frame,) = wire.frames(wire.event(given, body))
        await self.send(frame)

    async def write(self, data: bytes, pieces: Collection[int] = ()) -> None:
        """Send bytes as they are to every client: halves, nonsense."""
        for client in list(self.clients):
            await client.write(data, pieces)

    async def bye(self, text: str = "Disconnected, goodbye.\n") -> None:
        """Tell every client that the connection ends, and end it."""
        for client in list(self.clients):
            await self._goodbye(client, text)

    async def close(self) -> None:
        """End every connection without a word, after what was written."""
        for client in list(self.clients):
            await client.close()

    def drop(self) -> None:
        """End every connection at once; what was written may get lost."""
        for client in self.clients:
            client.drop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        client = Client(reader, writer)
        self.accepted += 1
        self.clients.append(client)
        try:
            # A client that goes, in the middle of a command or before its answer, is its own affair.
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._note()
                await self._converse(client)
        finally:
            self._serving.discard(task)
            self.clients.remove(client)
            writer.close()
            await self._note()

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _converse(self, client: Client) -> None:
        if self.rude:
            await client.write(wire.RUDE_REJECTION)
            await self._goodbye(client)
            return
        await self._hold("auth/request")
        await client.write(wire.auth_request())
        while not client.writer.is_closing():
            command = await _read(client.reader)
            self.commands.append(command)
            await self._note()
            await self._obey(client, command)
            await self._note()

    async def _obey(self, client: Client, command: Command) -> None:
        verb, _, rest = command.line.partition(" ")
        if verb == "bgapi":
            await self._begin_job(client, command, rest)
            return
        await self._hold(command.line)
        match verb:
            case "auth":
                await self._authenticate(client, rest)
            case "exit":
                await client.write(wire.command_reply("+OK bye"))
                await self._goodbye(client)
            case _ if not client.authenticated:
                await client.write(wire.command_reply("-ERR command not found"))
            case "api":
                await client.write(wire.api_response(self._answer(rest)))
            case "event":
                known = client.subscribe(rest.split())
                await client.write(wire.command_reply(
                    f"+OK event listener enabled {client.format}" if known else "-ERR no keywords supplied"))
            case "noevents":
                client.names.clear()
                client.subclasses.clear()
                await client.write(wire.command_reply("+OK no longer listening for events"))
            case "sendevent":
                event_uuid = str(uuid4())
                await client.write(wire.command_reply(f"+OK {event_uuid}"))
                given = {**command.headers, "Command": command.line, "Event-UUID": event_uuid}
                await self.fire(rest, given, command.body)
            case _:
                await client.write(wire.command_reply("-ERR command not found"))

    async def _authenticate(self, client: Client, password: str) -> None:
        if password == self.password:
            client.authenticated = True
            await client.write(wire.command_reply("+OK accepted"))
        else:
            await client.write(wire.command_reply("-ERR invalid"))
            await self._goodbye(client)

    async def _begin_job(self, client: Client, command: Command, api: str) -> None:
        if not client.authenticated:
            await client.write(wire.command_reply("-ERR command not found"))
            return
        job = command.headers.get("Job-UUID") or str(uuid4())
        await client.write(wire.command_reply(f"+OK Job-UUID: {job}", job))
        task = asyncio.create_task(self._job(command.line, api, job))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _job(self, line: str, api: str, job: str) -> None:
        await self._hold(line)
        await self.fire("BACKGROUND_JOB", {"Job-UUID": job, "Job-Command": api.split(" ")[0]}, self._answer(api))

    async def _hold(self, line: str) -> None:
        if held := _longest(self.held, line):
            await self.held[held].wait()

    def _answer(self, command: str) -> str:
        found = _longest(self.answers, command)
        if found is None:
            return f"-ERR {command.split(' ')[0]} Command not found!\n"
        answer = self.answers[found]
        return answer if isinstance(answer, str) else answer(command)

    async def _goodbye(self, client: Client, text: str = "Disconnected, goodbye.\n") -> None:
        await client.write(wire.disconnect_notice(text))
        await client.close()


def _longest(beginnings: Iterable[str], line: str) -> str | None:
    """The longest of the beginnings, in whole words, that a line has."""
    return max((beginning for beginning in beginnings if f"{line} ".startswith(f"{beginning} ")), key=len, default=None)


async def _read(reader: asyncio.StreamReader) -> Command:
    """The next command. Raises ``asyncio.IncompleteReadError`` at the end of the connection."""
    block = (await reader.readuntil(b"\n\n")).decode().strip("\n")
    first, *others = block.split("\n")
    headers = dict(line.split(": ", 1) for line in others)
    length = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    return Command(first, headers, (await reader.readexactly(length)).decode())
