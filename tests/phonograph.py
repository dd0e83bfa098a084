"""The product as a user runs it: `phonograph run` as a process of its own beside a real switch.

    async with Phonograph(server, folder, policy="record: all") as service:
        ...
        (call,) = await service.closed(1)
"""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
import yaml

from tests import manifests
from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.servers import warden

__all__ = ["Phonograph", "PhonographFault", "settings"]

_WITHIN_SECONDS = 60.0
_POLL_SECONDS = 0.05

Json = dict[str, Any]


class PhonographFault(Exception):
    """The service ended, or did not come so far in time; the message has the end of its log."""


def settings(server: AsteriskServer | FreeSwitchServer, folder: Path, **more: object) -> Json:
    """What phonograph.yaml holds: everything below `folder`, and the one switch."""
    return {
        "policy": "policy.yaml",
        "ledger": str(folder / "ledger.sqlite"),
        "socket": str(folder / "phonograph.sock"),
        "journal_path": str(folder / "journal"),
        "work_path": str(folder / "work"),
        "destination_path": str(folder / "recordings"),
        "log_path": str(folder / "phonograph.log"),
        "switches": {"main": _switch(server)},
        **more,
    }


def _switch(server: AsteriskServer | FreeSwitchServer) -> Json:
    if isinstance(server, FreeSwitchServer):
        return {"kind": "freeswitch", "port": server.esl_port, "password": server.esl_password,
                "spool": str(server.recordings)}
    return {"url": server.ari_url.removesuffix("/ari"), "user": server.ari_user, "password": server.ari_password,
            "spool": str(server.recordings)}


class Phonograph:
    """One service. Its files are below `folder`; `kill()` and `start()` again is a crash and a new life.

    Args:
        policy: the policy file's text.
        more: keys of phonograph.yaml that differ from `settings`.

    Attributes:
        living: the services that were started and not ended, for who has to clean up after a test that failed.
    """

    living: ClassVar[set["Phonograph"]] = set()

    def __init__(self, server: AsteriskServer | FreeSwitchServer, folder: Path, *, policy: str, **more: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "phonograph.yaml"
        self.socket = Path(str(settings(server, folder, **more)["socket"]))
        self.file.write_text(yaml.safe_dump(settings(server, folder, **more), sort_keys=False))
        self.file.chmod(0o600)
        (folder / "policy.yaml").write_text(policy)
        self._process: Process | None = None
        self._warden: subprocess.Popen[bytes] | None = None

    async def start(self, *, until_up: bool = True) -> None:
        """Start it; wait until it sees its switch.

        Raises:
            PhonographFault: it ended, or took too long.
        """
        with (self.folder / "console.log").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "console.main", "run", "-c", str(self.file),
                stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        self._warden = warden(self._process.pid)
        self.living.add(self)
        if until_up:
            try:
                await self.until(self._up, "did not see its switch")
            except BaseException:
                await self.kill()
                raise

    async def stop(self) -> int:
        """Ask it to end; its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        return await self._ended(self._process)

    async def kill(self) -> None:
        """SIGKILL: nothing is written any more."""
        assert self._process is not None
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)
        await self._ended(self._process)

    @property
    def pid(self) -> int:
        """Of the running service."""
        assert self._process is not None
        return self._process.pid

    async def get(self, path: str) -> Any:
        """What its API answers; the CLI asks the same."""
        async with (aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as session,
                    session.get(f"http://phonograph{path}") as response):
            response.raise_for_status()
            return await response.json()

    async def ask(self, target: str, verb: str, owner: str = "operator", server: str = "") -> Json:
        """Start, stop, pause or resume; what its API answers, with the status as `status`."""
        async with (aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as session,
                    session.post(f"http://phonograph/calls/{target}/{verb}",
                                 params={"owner": owner, "server": server}) as response):
            return {**await response.json(), "status": response.status}

    async def cli(self, *words: str) -> tuple[int, str]:
        """The command line against this service: exit status, and what it said on both outputs."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "console.main", "-c", str(self.file), *words, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        told, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, told.decode()

    async def calls(self) -> list[Json]:
        """Every call of the ledger, oldest first."""
        found: list[Json] = (await self.get("/calls?limit=1000"))["calls"]
        return sorted(found, key=lambda call: float(call["created"]))

    async def closed(self, number: int, *, within: float = _WITHIN_SECONDS) -> list[Json]:
        """The calls, once `number` of them are closed and every recording of theirs has its final state.

        Raises:
            PhonographFault: that took longer than `within` seconds.
        """
        found: list[Json] = []

        async def enough() -> bool:
            found[:] = await self.calls()
            return len(found) >= number and all(_final(call) for call in found)

        await self.until(enough, f"has not closed {number} calls", within=within)
        return found

    async def until(self, true: Any, failure: str, *, within: float = _WITHIN_SECONDS) -> None:
        """Ask until it is so. Another process has no event to await; the grain is `_POLL_SECONDS`.

        Raises:
            PhonographFault: the service ended, or it was not so in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while not await true():
            if self._process is None or self._process.returncode is not None or loop.time() > deadline:
                raise PhonographFault(f"phonograph {failure}\n{self.logs()[-4000:]}")
            await asyncio.sleep(_POLL_SECONDS)

    def logs(self) -> str:
        """What it has logged and printed."""
        names = ("phonograph.log", "console.log")
        return "\n".join((self.folder / name).read_text(errors="replace") for name in names
                         if (self.folder / name).exists())

    def manifest(self, recording: Json) -> Json:
        """The manifest of a recording that the API told of."""
        return manifests.read(Path(recording["manifest"]))

    async def _ended(self, process: Process) -> int:
        status = await process.wait()
        if self._warden is not None:
            self._warden.kill()
            self._warden.communicate()
            self._warden = None
        self.living.discard(self)
        return status

    async def _up(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            health = await self.get("/health")
        except (aiohttp.ClientError, OSError):
            return False
        return all(switch["up"] for switch in health["switches"].values())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.stop()


def _final(call: Json) -> bool:
    return call["state"] == "closed" and all(
        recording["state"] in ("ready", "incomplete", "failed", "empty") for recording in call["recordings"])
