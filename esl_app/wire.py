"""One connection with FreeSWITCH's event socket: commands out, each answer to whoever asked, events to one taker.

FreeSWITCH answers in the order of the questions, and a question without an answer holds up all behind it. So the
answers are a queue, and when one does not come in time the connection is given up. What may take long goes out as a
job (``bgapi``): jobs run beside each other, and a short command overtakes them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from esl_app import lines
from esl_app.lines import Word
from esl_app.messages import (
    ApiResponse,
    AuthRequest,
    CommandReply,
    DisconnectNotice,
    Event,
    LogLine,
    Message,
    RudeRejection,
    Unknown,
)
from esl_app.protocol import Parser
from faults import SwitchFault, SwitchOperationFailed, SwitchProtocolBroken, SwitchRefused, SwitchUnreachable

__all__ = ["Address", "Wire", "failed", "open_wire"]

_PIECE = 1 << 16
_MOST_WAITING = 10_000
"""Questions whose answers are awaited at once."""
_JOB_DONE = "BACKGROUND_JOB"

_Answer = TypeVar("_Answer", CommandReply, ApiResponse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the event socket listens."""

    host: str
    port: int
    password: str


def failed(answer: str) -> bool:
    """Whether FreeSWITCH's answer to an ``api`` command says that it was not carried out."""
    return answer.startswith(("-ERR", "-USAGE", "INVALID COMMAND!"))


async def open_wire(address: Address, *, take: Callable[[Event], None], job_id: Callable[[], str],
                    within: float = 5.0) -> Wire:
    """Connect; `Wire.read` has to run before anything is asked.

    Args:
        within: seconds that the connection, and later each answer, may take.

    Raises:
        SwitchUnreachable: nobody listens there, or it took too long.
    """
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError) as error:
        raise SwitchUnreachable("FreeSWITCH's event socket cannot be reached.", host=address.host, port=address.port,
                                cause=str(error) or "no answer in time") from error
    return Wire(reader, writer, take=take, job_id=job_id, answer_within=within)


class Wire:
    """A connection that `open_wire` has made.

    Args:
        reader, writer: of the connection.
        take: takes each event but the ends of our own jobs; what it raises ends the connection.
        job_id: draws the id of a job.
        answer_within: seconds that an answer may take.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, take: Callable[[Event], None],
                 job_id: Callable[[], str], answer_within: float = 5.0) -> None:
        self._reader = reader
        self._writer = writer
        self._take = take
        self._job_id = job_id
        self._answer_within = answer_within
        self._asked: deque[asyncio.Future[CommandReply | ApiResponse]] = deque()
        self._jobs: dict[str, asyncio.Future[str]] = {}
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over: SwitchFault | None = None

    async def read(self) -> None:
        """Take in what comes until the connection ends; always raises.

        Raises:
            SwitchUnreachable: it ended. SwitchRefused: FreeSWITCH's access list does not let us in.
            SwitchProtocolBroken: what came is not the protocol.
        """
        parser = Parser()
        try:
            while data := await self._reader.read(_PIECE):
                parser.receive_data(data)
                for message in parser.messages():
                    self._receive(message)
            raise SwitchUnreachable("The connection with FreeSWITCH was lost.")
        except OSError as error:
            fault: SwitchFault = SwitchUnreachable("The connection with FreeSWITCH was lost.", cause=str(error))
            self._end(fault)
            raise fault from error
        except SwitchFault as given:
            self._end(given)
            raise
        finally:
            self._end(SwitchUnreachable("The connection with FreeSWITCH was lost."))
            self._writer.close()

    async def log_in(self, password: str) -> None:
        """Wait for the greeting and give the password.

        Raises:
            SwitchRefused: it is not the password. SwitchFault: the connection ended first.
        """
        async with self._in_time():
            await self._greeted
        reply = await self.command(lines.auth(password))
        if not reply.ok:
            raise SwitchRefused("FreeSWITCH refused the password of the event socket.")

    async def command(self, line: bytes) -> CommandReply:
        """Send a command that is not ``api``.

        Raises:
            SwitchUnreachable: the connection has ended or no answer came in time.
            SwitchOperationFailed: too many questions wait.
        """
        return self._of(CommandReply, await self._ask(line))

    async def api(self, name: str, *words: Word) -> str:
        """Run a command that is quickly done; what it printed, which may say that it failed: `failed`.

        Raises:
            SwitchOperationFailed: a word cannot be sent, or too many questions wait.
            SwitchUnreachable: as in `command`.
        """
        return self._of(ApiResponse, await self._ask(lines.api(name, *words))).body

    async def job(self, name: str, *words: Word) -> str:
        """Run a command that may take its time, beside everything else; what it printed, as in `api`.

        Raises:
            SwitchFault: as in `api`; also, after `answer_within` seconds, SwitchOperationFailed: the job may go on.
        """
        identity = self._job_id()
        line = lines.bgapi(name, *words, job=identity)
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._jobs[identity] = done
        try:
            reply = self._of(CommandReply, await self._ask(line))
            if not reply.ok:
                raise SwitchOperationFailed("FreeSWITCH did not begin a job.", command=name)
            async with asyncio.timeout(self._answer_within):
                return await done
        except TimeoutError:
            raise SwitchOperationFailed("A command takes too long.", command=name) from None
        finally:
            self._jobs.pop(identity, None)
            done.cancel()

    def close(self) -> None:
        """Hang up; harmless when that has happened."""
        self._end(SwitchUnreachable("The connection with FreeSWITCH was closed."))
        self._writer.close()

    async def _ask(self, line: bytes) -> CommandReply | ApiResponse:
        if self._over is not None:
            raise self._over.with_traceback(None)
        if len(self._asked) >= _MOST_WAITING:
            raise SwitchOperationFailed("Too many commands wait for FreeSWITCH.", waiting=len(self._asked))
        answer: asyncio.Future[CommandReply | ApiResponse] = asyncio.get_running_loop().create_future()
        # Who gives up leaves its place in the queue: its answer comes all the same.
        self._asked.append(answer)
        self._writer.write(line)
        async with self._in_time():
            await self._writer.drain()
            return await answer

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """An answer that does not come holds up all behind it: the connection is given up."""
        try:
            async with asyncio.timeout(self._answer_within):
                yield
        except TimeoutError:
            fault = SwitchUnreachable("FreeSWITCH does not answer in time.", seconds=self._answer_within)
            self._end(fault)
            self._writer.close()
            raise fault from None

    def _of(self, kind: type[_Answer], message: CommandReply | ApiResponse) -> _Answer:
        if not isinstance(message, kind):
            fault = SwitchProtocolBroken("FreeSWITCH answered another question than the one asked.")
            self._end(fault)
            self._writer.close()
            raise fault
        return message

    def _receive(self, message: Message) -> None:
        match message:
            case Event():
                job = self._jobs.get(message.header("Job-UUID") or "") if message.name == _JOB_DONE else None
                if job is None:
                    self._take(message)
                elif not job.done():
                    job.set_result(message.body)
            case CommandReply() | ApiResponse():
                if not self._asked:
                    raise SwitchProtocolBroken("FreeSWITCH answered what nobody asked.")
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_result(message)
            case AuthRequest():
                if not self._greeted.done():
                    self._greeted.set_result(None)
            case RudeRejection():
                raise SwitchRefused("FreeSWITCH's access list of the event socket does not let this address in.")
            case DisconnectNotice(linger=False):
                raise SwitchUnreachable("FreeSWITCH has ended the connection.")
            case LogLine() | Unknown() | DisconnectNotice():
                pass

    def _end(self, fault: SwitchFault) -> None:
        """Everybody who waits learns why nothing will come."""
        if self._over is not None:
            return
        self._over = fault
        waiting: list[asyncio.Future[Any]] = [*self._asked, *self._jobs.values(), self._greeted]
        self._asked.clear()
        for one in waiting:
            if not one.done():
                one.set_exception(fault)
                one.exception()  # seen: nobody may be waiting
