"""What the tests' servers have in common: a private folder, free ports, and a process that is ended and no other."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.sounds import noise

__all__ = ["MUSIC", "PORTS", "PROJECT", "RTP_PORTS", "TRUNK_ADDRESS", "USERS", "Server", "ServerFault", "free_port",
           "rtp_range", "warden"]

PROJECT = Path(__file__).resolve().parent.parent

USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
"""The users of every switch; their numbers are 101 to 108."""

MUSIC = noise(9, seconds=10)
"""What a switch plays to who is on hold."""

TRUNK_ADDRESS = "127.0.0.2"
"""Who speaks SIP from here is the trunk."""

PORTS = (20_000, 32_000)
"""Below the ephemeral ports (ip(7): from 32768), so that nobody's outgoing socket is in the way."""

RTP_PORTS = 2_000


_END_SECONDS = 15.0


class ServerFault(Exception):
    """A server is not there, or did not do what the harness needs of it."""


def free_port(kind: socket.SocketKind) -> int:
    """A port of 127.0.0.1 that nobody has bound, for UDP (SOCK_DGRAM) or TCP (SOCK_STREAM).

    Raises:
        ServerFault: none was found.
    """
    for _ in range(100):
        port = random.randrange(*PORTS)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerFault(f"no free port between {PORTS[0]} and {PORTS[1]}")


def rtp_range() -> tuple[int, int]:
    """The first and the last of a server's ports for RTP. Two servers may share some of them: both switches step over
    one that is taken."""
    first = random.randrange(12_000, PORTS[0] - RTP_PORTS, 2)
    return first, first + RTP_PORTS - 1


def warden(pid: int) -> subprocess.Popen[bytes]:
    """Ends process `pid` when this one is gone, even by SIGKILL: the pipe that it reads from is then closed."""
    return subprocess.Popen(
        ["sh", "-c", 'read -r _; kill -KILL "$0"', str(pid)], stdin=subprocess.PIPE, start_new_session=True
    )


class Server(ABC):
    """One server in a private folder. `start()`, `stop()`, `kill()` and `restart()` block: in a coroutine, call them by
    `asyncio.to_thread`.

    Ports, passwords and folders are drawn once and stay the same over `kill()` and `restart()`.

    Args:
        name: of the switch, for folders and messages.
        folder: where configuration, spool and logs go; made when missing. None: a temporary folder, removed by
            `stop()`.
        umask: of the child, for the files that it writes; 0o077 keeps recordings private.

    Attributes:
        living: the servers that were started and not ended, for who has to clean up after a test that failed.
        end_signal: what asks it to end.
    """

    living: ClassVar[set["Server"]] = set()
    fault: ClassVar[type[ServerFault]]
    end_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, name: str, folder: Path | None, *, umask: int) -> None:
        self.name = name
        self._umask = umask
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name.lower()}-")) if folder is None else folder.resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._warden: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running server.

        Raises:
            ServerFault: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise self.fault(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Writes the configuration and starts the server; returns when it is fully booted.

        Raises:
            ServerFault: it ended, or was not ready in time; the message has the end of its log.
        """
        if self.running:
            raise self.fault(f"{self.name} runs already")
        if self._process is not None:
            self._reap()
        self._prepare()
        with (self.folder / "log" / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                umask=self._umask,
                start_new_session=True,
            )
        self._warden = warden(self._process.pid)
        self.living.add(self)
        self._await_boot(self._process)

    def kill(self) -> None:
        """SIGKILL, as when power fails: nothing is flushed, no header is written."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def end(self) -> None:
        """Asks the server to end, and waits for that; its folder stays, for `start()`."""
        self._end()

    def restart(self) -> None:
        """Ends the server if it runs, and starts it again in the same folder with the same ports."""
        if self.running:
            self._end()
        self.start()

    def stop(self) -> None:
        """Ends the server and removes the temporary folders. Calling it twice does no harm."""
        if self.running:
            self._end()
        elif self._process is not None:
            self._reap()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- What each server does in its own way ----------------------------------------------------------------

    @abstractmethod
    def _prepare(self) -> None:
        """Writes all that the server reads when it starts; makes `log/`."""

    @abstractmethod
    def _command(self) -> list[str]:
        """What starts the server in the foreground."""

    @abstractmethod
    def _await_boot(self, process: subprocess.Popen[bytes]) -> None:
        """Returns when the server is ready; calls `_fail` when it is not in time."""

    def _logs(self) -> list[Path]:
        return [self.folder / "log" / "console.log"]

    def _cleared(self) -> None:  # noqa: B027 - not every switch leaves something
        """Called when the process has ended."""

    # ---- Inside ---------------------------------------------------------------------------------------------

    def _fail(self, process: subprocess.Popen[bytes], what: str) -> None:
        process.kill()
        self._reap()
        tail = "\n".join(log.read_text(errors="replace")[-2000:] for log in self._logs() if log.exists())
        raise self.fault(f"{self.name} {what}\n{tail}")

    def _end(self) -> None:
        assert self._process is not None
        self._process.send_signal(self.end_signal)
        try:
            self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def _reap(self) -> None:
        assert self._process is not None
        if self._warden is not None:
            # Before the server's id can belong to somebody else.
            self._warden.kill()
            self._warden.communicate()
            self._warden = None
        self._process.wait()
        self._process = None
        self.living.discard(self)
        self._cleared()
