"""Somebody at FreeSWITCH's event socket in Phonograph's place: hears what is asked, and answers as the test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

from tests.freeswitch import FreeSwitchServer

__all__ = ["Answering", "answering"]

_SUBCLASSES = "recorder::pause recorder::resume recorder::start recorder::stop recorder::command"


class Answering:
    """Attributes:
        asked: the headers of each question, as they come.
        answer: the word that questions are answered with; empty: they are not.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.answer = "confirmed"
        self._reader = reader
        self._writer = writer

    async def next(self) -> dict[str, str]:
        """The next question."""
        async with asyncio.timeout(10):
            return await self.asked.get()

    async def message(self) -> str:
        """The next message's body, or its headers where it has none."""
        head = (await self._reader.readuntil(b"\n\n")).decode()
        length = next((int(line.split()[1]) for line in head.splitlines() if line.startswith("Content-Length")), 0)
        return (await self._reader.readexactly(length)).decode() if length else head

    def send(self, command: str) -> None:
        self._writer.write(f"{command}\n\n".encode())

    async def serve(self) -> None:
        """Reads questions, for ever."""
        while True:
            pairs = (line.partition(": ") for line in (await self.message()).splitlines())
            headers = {name: unquote(value) for name, _, value in pairs}
            if not headers.get("Event-Subclass", "").startswith("recorder::"):
                continue
            self.asked.put_nowait(headers)
            if not self.answer:
                continue
            if "Unique-ID" in headers:
                word = f"{self.answer} {headers['Recorder-Ticket']}"
                self.send(f"api uuid_setvar {headers['Unique-ID']} recorder_answer {word}")
            else:
                self.send(f"sendevent CUSTOM\nEvent-Subclass: recorder::reply\nRecorder-Answer: {self.answer}\n"
                          f"Recorder-Request-ID: {headers['Recorder-Request-ID']}\nRecorder-Message: as told")


@asynccontextmanager
async def answering(server: FreeSwitchServer) -> AsyncIterator[Answering]:
    """It is there inside the block."""
    reader, writer = await asyncio.open_connection(*server.esl_address)
    there = Answering(reader, writer)
    await there.message()
    for command in (f"auth {server.esl_password}", f"event plain CUSTOM {_SUBCLASSES}"):
        there.send(command)
        assert "+OK" in await there.message()
    serving = asyncio.create_task(there.serve())
    try:
        yield there
    finally:
        serving.cancel()
        writer.close()
