"""Calls by sipp, a load maker of its own: all of their signalling, and audio both ways, for little processor time.

The scenarios beside this file are the two sides of a call. What sipp did is read from its own log of messages, whose
times are in microseconds; its statistics know whole milliseconds only.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.load import CODEC, Talk, register
from bench.ports import free_udp_port
from bench.switches import Exchange
from tests.servers import TRUNK_ADDRESS
from tests.sounds import noise
from tests.useragent import UserAgent

__all__ = ["Sipp", "SippFailed", "talks_in"]

SCENARIOS = Path(__file__).resolve().parent
VOICE = "voice.ulaw"
"""What the caller says over and over; the scenario names it, and sipp looks for it where it runs."""

SHARED_PORT_ROOM = 2
"""sipp's echo takes the port that it is given for audio, and the one above the next for video."""

GRACE = 30.0
"""Seconds that sipp may need beyond its calls' own time."""


class SippFailed(Exception):
    """sipp is not there, or not all of its calls went as its scenario says."""


def talks_in(log: str) -> list[Talk]:
    """The calls that were answered, by the caller's log of short messages: from the first INVITE to the first 200."""
    asked: dict[str, float] = {}
    talks: dict[str, Talk] = {}
    for line in log.splitlines():
        fields = line.split("\t")
        if len(fields) != 7 or fields[5] != "CSeq:1 INVITE":
            continue
        at, way, identity, message = float(fields[2]), fields[3], fields[4], fields[6]
        if way == "S":
            asked.setdefault(identity, at)
        elif message.startswith("SIP/2.0 200") and identity in asked:
            talks.setdefault(identity, Talk(identity, at - asked[identity]))
    return list(talks.values())


class Sipp:
    """A trunk that calls one user, any number of calls at once, by sipp; an async context manager. The user says back
    what it hears.

    Args:
        folder: where sipp runs and writes its logs; made when missing.
        user: of the exchange, by name, and the number that reaches it.
    """

    def __init__(self, server: Exchange, folder: Path, user: str = "carol", number: str = "103") -> None:
        self._server = server
        self._folder = folder
        self._user = user
        self._number = number
        self._callee: Process | None = None

    async def calls(self, count: int, *, rate: float, seconds: float) -> list[Talk]:
        """Place so many calls, ``rate`` a second; each is hung up ``seconds`` after its answer.

        Raises:
            SippFailed: calls were refused, not answered, or ended otherwise.
        """
        log, errors = self._folder / "caller.log", self._folder / "caller.errors"
        for old in (log, errors):
            old.unlink(missing_ok=True)
        host, port = self._server.trunk_server
        caller = await self._run(
            "caller", TRUNK_ADDRESS, free_udp_port(TRUNK_ADDRESS), "-s", self._number, "-m", str(count),
            "-l", str(count), "-r", f"{rate:g}", "-d", str(round(1000 * seconds)), "-trace_shortmsg",
            "-shortmessage_file", log.name, f"{host}:{port}")
        try:
            async with asyncio.timeout(count / rate + seconds + GRACE):
                status = await caller.wait()
        except TimeoutError:
            raise SippFailed(f"sipp has not finished its calls after {GRACE:g} s more than they take") from None
        finally:
            await _end(caller)
        told = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
        talks = talks_in(log.read_text(errors="replace")) if log.exists() else []
        if status != 0 or len(talks) != count:
            raise SippFailed(f"{len(talks)} of {count} calls were answered, status {status}\n{told}")
        return talks

    async def _run(self, scenario: str, host: str, port: int, *more: str) -> Process:
        command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", host, "-mi", host, "-p", str(port),
                   "-nostdin", "-trace_err", "-error_file", f"{scenario}.errors", *more]
        with (self._folder / f"{scenario}.screen").open("wb") as screen:
            return await asyncio.create_subprocess_exec(
                *command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=subprocess.STDOUT)

    async def __aenter__(self) -> Self:
        if shutil.which("sipp") is None:
            raise SippFailed("there is no sipp here: `make setup` installs it (Debian: sip-tester)")
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / VOICE).write_bytes(b"".join(noise(1, seconds=10).packets(CODEC)))
        host, port = await self._registered()
        self._callee = await self._run("callee", host, port, "-rtp_echo", "-mp",
                                       str(free_udp_port(host, room=SHARED_PORT_ROOM)))
        callee = self._callee
        await _until(lambda: callee.returncode is not None or _taken(host, port), "sipp is not ready")
        if callee.returncode is not None:
            raise SippFailed("sipp did not start")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._callee is not None:
            await _end(self._callee)

    async def _registered(self) -> tuple[str, int]:
        """Where the user is registered, and nobody listens yet: sipp takes the port over."""
        host = self._server.sip_address[0]
        agent = UserAgent(self._server.sip_address, self._user, self._server.password(self._user), lambda _: None)
        await agent.open(host, 0)
        await register(agent, self._server.sip_address, seconds=3600, domain=self._server.domain(self._user))
        address = agent.address
        await agent.close()
        # The loop closes a socket in one of its next turns.
        await _until(lambda: not _taken(*address), "the user's port is not free")
        return address


async def _until(true: Callable[[], bool], failure: str) -> None:
    """Look until it is so: nobody tells.

    Raises:
        SippFailed: it is not so in time.
    """
    give_up = time.monotonic() + GRACE
    while not true():
        if time.monotonic() > give_up:
            raise SippFailed(failure)
        await asyncio.sleep(0.01)


def _taken(host: str, port: int, table: Path = Path("/proc/net/udp")) -> bool:
    """Whether an address stands in the kernel's table of UDP sockets (proc(5)), the bytes of the host in the machine's
    order."""
    number = "".join(f"{int(part):02X}" for part in reversed(host.split(".")))
    return f" {number}:{port:04X} " in table.read_text()


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    await process.wait()
