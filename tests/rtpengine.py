"""An rtpengine of the test's own: in userspace, at free ports of the loopback, ended by its process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from faults import RelayFailed
from siprec_app.ng_client import NgClient


class Rtpengine:
    """The daemon: ``async with Rtpengine(host, log) as daemon``.

    Args:
        host: its address, for the switch as for the servers.
        log: a file for what it says.
        forgets: seconds without a packet after which it forgets a call; None: as it does by itself.
        threads: that carry packets. ports: the first and the last; None: a thousand somewhere.
    """

    def __init__(self, host: str, log: Path, *, forgets: int | None = None, threads: int = 2,
                 ports: tuple[int, int] | None = None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            self.host, self.port, self._log = host, int(probe.getsockname()[1]), log
        first, last = ports or ((begin := random.randrange(20_000, 29_000, 2)), begin + 999)
        self._command = ["rtpengine", "--foreground", "--table=-1", "--config-file=none", f"--interface={host}",
                         f"--listen-ng={host}:{self.port}", f"--port-min={first}", f"--port-max={last}",
                         f"--num-threads={threads}", "--log-stderr", "--log-level=5"]
        if forgets is not None:
            self._command += [f"--timeout={forgets}", f"--silent-timeout={forgets}"]

    @property
    def settings(self) -> dict[str, str]:
        """What the settings of ``siprec`` say of it."""
        return {"rtpengine": f"{self.host}:{self.port}"}

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def begin(self) -> None:
        """Another one in the place of one that has ended, at the same ng port; it knows nothing of the first one."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log)
        client = NgClient(self.host, self.port, cookie=lambda: f"{random.getrandbits(64):x}")
        await client.open()
        try:
            async with asyncio.timeout(30):
                while not await _there(client):
                    assert self._process.returncode is None, self._log.read_text()
        finally:
            client.close()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.end()

    async def end(self) -> None:
        """At once, as when it crashes."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def stall(self) -> None:
        """It does nothing until :meth:`go_on`; what comes waits in the kernel."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)  # all of its threads stand

    def go_on(self) -> None:
        """After :meth:`stall`."""
        self._process.send_signal(signal.SIGCONT)


async def _there(client: NgClient) -> bool:
    try:
        return (await client.ask("ping")).get("result") == "pong"
    except RelayFailed:
        return False
