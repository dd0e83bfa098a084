"""A strict recording server that is not ours: PJSIP 2.17, in a process of its own, on loopback.

`make pjsua2` builds it. It refuses an INVITE without `Require: siprec`, `+sip.src`, labels or metadata (400 with a
Warning); what it lets through it answers as it was told, and records each label into a WAV file of its own.

    async with RecordingServer(tmp_path) as server:
        ...                                       # the client calls server.uri
        session = await server.session()          # the first that was asked for
        assert (await session.answer()).status == 200
        pause = await session.request("INVITE", 2)
        ...
        await session.ended()
        session.tracks["1"].samples

Audio comes twice. `Track.samples` is what PJSIP has decoded, and decrypted by its own libsrtp, through its jitter
buffer: fit for whose voice is under which label, not for counting samples. `Track.packets()` are the datagrams as they
came from the socket, byte for byte with the time of their arrival, those of a pause included: fit for sequence numbers,
timestamps and gaps.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar

from tests.recording_session import Exchanged, RecordingSession, nth
from tests.servers import PROJECT, ServerFault, free_port
from tests.sip import Message

__all__ = ["Certificates", "RecordingServer", "RecordingServerFault"]

_PYTHON = PROJECT / ".cache" / "pjsua2" / "bin" / "python"
_PROGRAM = Path(__file__).with_name("recording_server_process.py")
_SECONDS = 20.0
"""How long anything that a test waits for may take."""

_Found = TypeVar("_Found")


class RecordingServerFault(ServerFault):
    """The server is not there, ended by itself, or would not do what it was told."""


class Certificates(NamedTuple):
    """Files for TLS: the server's certificate and key, and the authority whose signature a client has to show."""

    certificate: Path
    key: Path
    clients: Path | None = None


class RecordingServer:
    """The server; an async context manager. It listens on a free port of 127.0.0.1.

    Args:
        folder: for recordings, the capture of what it received, and PJSIP's log.
        transport: of SIP.
        certificates: for TLS.
        srtp: whether audio may or has to be encrypted, with keys from the SDP (RFC 4568).
        least_interval: the shortest session timer that it takes, in seconds (Min-SE, RFC 4028); at least 90.
    """

    def __init__(
        self,
        folder: Path,
        *,
        transport: Literal["udp", "tcp", "tls"] = "udp",
        certificates: Certificates | None = None,
        srtp: Literal["off", "optional", "mandatory"] = "off",
        least_interval: int = 90,
    ) -> None:
        self.folder = folder
        self.port = free_port(socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self._transport = transport
        files = certificates or Certificates(Path(), Path())
        self._settings = {
            "folder": str(folder), "transport": transport, "port": self.port, "srtp": srtp,
            "certificate": str(files.certificate) if certificates else "",
            "key": str(files.key) if certificates else "",
            "clients": str(files.clients) if files.clients else "", "least_interval": least_interval,
        }
        self.sessions: dict[str, RecordingSession] = {}
        self._ready = False
        self._refused: list[str] = []
        self._changed = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def uri(self) -> str:
        """Where it takes INVITEs."""
        return f"sip:recorder@127.0.0.1:{self.port};transport={self._transport}"

    @property
    def capture(self) -> Path:
        """What it received by UDP, SIP included; Wireshark reads it too."""
        return self.folder / "received.pcap"

    async def session(self, number: int = 1) -> RecordingSession:
        """The so manyth session that was asked for, granted or not.

        Raises:
            RecordingServerFault: it is not asked for, or the server is gone.
        """
        return await self.until(lambda: nth(list(self.sessions.values()), number), f"session {number}")

    def answer_with(self, status: int = 200, headers: Mapping[str, str] | None = None, *,
                    direction: Literal["", "inactive"] = "") -> None:
        """How the INVITEs of new sessions are answered from now on, if PJSIP lets them through: a provisional `status`
        stays without a final one. `direction`: of all its media, PJSIP's own choice by default."""
        self.command(do="answer", status=status, headers=dict(headers or {}), direction=direction)

    def command(self, **what: object) -> None:
        """One command for the process."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def until(self, find: Callable[[], _Found | None], what: str) -> _Found:
        """What `find` finds, as soon as it finds something.

        Raises:
            RecordingServerFault: it does not, or the server is gone.
        """
        try:
            async with asyncio.timeout(_SECONDS):
                while (found := find()) is None:
                    self._look()
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise RecordingServerFault(f"waited in vain for {what}") from None
        return found

    # ---- The process ----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if not os.access(_PYTHON, os.X_OK):
            raise RecordingServerFault("no PJSIP: `make pjsua2` builds it")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "errors").open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                _PYTHON, "-I", _PROGRAM, json.dumps(self._settings), stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, stderr=errors, limit=1 << 20,
                env={**os.environ, "PJSUA2_CAPTURE": str(self.capture)})
        self._reader = asyncio.create_task(self._read(self._process))
        try:
            await self.until(lambda: self._ready or None, "PJSIP")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = await self._end()
        if kind is None and status != 0:
            raise RecordingServerFault(self._epitaph(status))
        if kind is None and self._refused:
            raise RecordingServerFault(f"PJSIP would not: {self._refused[0]}")

    async def _end(self) -> int:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        status = await self._process.wait()
        await self._reader
        return status

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in _lines(process.stdout):
            self._take(json.loads(line))
            self._changed.set()
        await process.wait()
        self._changed.set()

    def _take(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "ready":
                self._ready = True
            case "message":
                self._message(event)
            case "failed":
                self._refused.append(f"{event['command']}: {event['reason']}")
            case _:
                self.sessions[event["call"]].told(event)

    def _message(self, event: Mapping[str, Any]) -> None:
        text = event["text"]
        with suppress(ValueError):  # a keep-alive
            message = Message.parse(text.encode("utf-8", errors="replace"))
            call_id = message.get("Call-ID")
            if event["incoming"] and message.start.startswith("INVITE ") and call_id not in self.sessions:
                self.sessions[call_id] = RecordingSession(self, call_id)
            if call_id in self.sessions:
                self.sessions[call_id].received(Exchanged(event["incoming"], event["peer"], text, message))

    def _look(self) -> None:
        """Raises what went wrong, if something has."""
        if self._refused:
            raise RecordingServerFault(f"PJSIP would not: {self._refused.pop(0)}")
        assert self._process is not None
        assert self._reader is not None
        if self._process.returncode is not None and self._reader.done():
            raise RecordingServerFault(self._epitaph(self._process.returncode))

    def _epitaph(self, status: int) -> str:
        errors = (self.folder / "errors").read_text(errors="replace")[-3000:]
        log = self.folder / "pjsip.log"
        last = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        return f"PJSIP ended with status {status}\n{errors}\n{last}"


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Each line until the end."""
    while line := await stream.readline():
        yield line
