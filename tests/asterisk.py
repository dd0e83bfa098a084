"""A real Asterisk 22 of one's own, on loopback, for tests, the demo and the bench.

`AsteriskServer` prepares a private folder from `asterisk-conf/` and `dialplan/`, picks free ports, starts the server
as a child process, and waits until it says that it is fully booted. It ends its own process and no other.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import ClassVar, Self

from tests.sounds import noise, write

__all__ = ["MUSIC", "TRUNK_ADDRESS", "USERS", "AsteriskFault", "AsteriskServer", "Installation", "find_installation",
           "warden"]

PROJECT = Path(__file__).resolve().parent.parent

USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
"""The users of `asterisk-conf/pjsip.conf`; their numbers are 101 to 108."""

MUSIC = noise(9, seconds=10)
"""What the server plays to who is on hold."""

TRUNK_ADDRESS = "127.0.0.2"
"""Who speaks SIP from here is the trunk."""

_WANTED = "22"
_BOOT_SECONDS = 20.0
_PORTS = (20_000, 32_000)
"""Below the ephemeral ports (ip(7): from 32768), so that nobody's outgoing socket is in the way."""
_RTP_PORTS = 2_000


class AsteriskFault(Exception):
    """Asterisk is not there, or did not do what the harness needs of it."""


@dataclass(frozen=True)
class Installation:
    """Where an Asterisk is: the command that starts it, its modules, its data (documentation, API documents)."""

    command: tuple[str, ...]
    modules: Path
    data: Path
    version: str


def _version(command: tuple[str, ...]) -> str:
    """'22.10.1' of `Asterisk 22.10.1~dfsg...`; '' when it does not run."""
    try:
        told = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=10, check=False).stdout
    except OSError:
        return ""
    found = re.search(r"Asterisk (\d+(?:\.\d+)*)", told)
    return found[1] if found else ""


def _first_folder(candidates: list[Path], what: str) -> Path:
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise AsteriskFault(f"Asterisk's {what} are in none of: {', '.join(map(str, candidates))}")


def _installation(command: tuple[str, ...], prefix: Path, var: Path) -> Installation | None:
    version = _version(command)
    if version.split(".")[0] != _WANTED:
        return None
    libraries = [prefix / "lib", *sorted((prefix / "lib").glob("*-linux-*")), prefix / "lib64"]
    return Installation(
        command=command,
        modules=_first_folder([library / "asterisk/modules" for library in libraries], "modules"),
        data=_first_folder([prefix / "share/asterisk", var / "lib/asterisk"], "data"),
        version=version,
    )


def find_installation(cache: Path = PROJECT / ".cache" / "asterisk-root") -> Installation:
    """The Asterisk 22 on PATH, else the one that the set-up unpacked into `cache`.

    Raises:
        AsteriskFault: neither is there.
    """
    if on_path := shutil.which("asterisk"):
        binary = Path(on_path)
        if found := _installation((on_path,), binary.resolve().parent.parent, Path("/var")):
            return found
    # The unpacked one brings its own C library; its loader starts it, so the host's version does not matter.
    for loader in sorted(cache.glob("usr/lib/*/ld-linux-*.so.*")):
        binary = cache / "usr/sbin/asterisk"
        command = (str(loader), "--argv0", "asterisk", "--library-path", str(loader.parent), str(binary))
        if found := _installation(command, cache / "usr", cache / "var"):
            return found
    raise AsteriskFault(f"no Asterisk {_WANTED} on PATH or in .cache: run `make test`, which fetches one")


def _free_port(kind: socket.SocketKind, draw: Callable[[], int]) -> int:
    """A port of 127.0.0.1 that nobody has bound, for UDP (SOCK_DGRAM) or TCP (SOCK_STREAM)."""
    for _ in range(100):
        port = draw()
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AsteriskFault(f"no free port between {_PORTS[0]} and {_PORTS[1]}")


def warden(pid: int) -> subprocess.Popen[bytes]:
    """Ends process `pid` when this one is gone, even by SIGKILL: the pipe that it reads from is then closed."""
    return subprocess.Popen(
        ["sh", "-c", 'read -r _; kill -KILL "$0"', str(pid)], stdin=subprocess.PIPE, start_new_session=True
    )


class AsteriskServer:
    """One Asterisk in a private folder. `start()`, `stop()`, `kill()` and `restart()` block: in a coroutine, call
    them by `asyncio.to_thread`.

    Ports, passwords and folders are drawn once and stay the same over `kill()` and `restart()`.

    Args:
        folder: where configuration, spool and logs go; made when missing. None: a temporary folder, removed by
            `stop()`.
        umask: of the child, for the files that it writes; 0o077 keeps recordings private.
        calls: a port of 127.0.0.1 where the application `recorder` is, for Asterisk to connect to, as `phonograph`
            and with `ari_password`; None: it connects to nobody.
        trusts: the certificate of the authority that signed that of `localhost`, to which it then connects by TLS;
            None: it connects without.

    Attributes:
        living: the servers that were started and not ended, for who has to clean up after a test that failed.
    """

    living: ClassVar[set["AsteriskServer"]] = set()

    def __init__(self, folder: Path | None = None, *, umask: int = 0o077, calls: int | None = None,
                 trusts: Path | None = None) -> None:
        self.installation = find_installation()
        self._umask = umask
        self._calls = calls
        self._trusts = trusts
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="asterisk-")) if folder is None else folder.resolve()
        # A Unix socket's path holds 107 bytes (unix(7)), too few for many a test's folder.
        self._run = Path(tempfile.mkdtemp(prefix="asterisk-run-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._warden: subprocess.Popen[bytes] | None = None

        def draw() -> int:
            return random.randrange(*_PORTS)

        self.sip_port = _free_port(socket.SOCK_DGRAM, draw)
        self.http_port = _free_port(socket.SOCK_STREAM, draw)
        self.trunk_port = _free_port(socket.SOCK_DGRAM, draw)
        # Two servers may share ports of this range: Asterisk steps over one that is taken.
        self.rtp_first = random.randrange(12_000, _PORTS[0] - _RTP_PORTS, 2)
        self.ari_user = "phonograph"
        self.ari_password = token_hex(16)
        self._passwords = {user: token_hex(8) for user in USERS}

    # ---- Where it is ----------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """As the server's binary tells it: '22.10.1'."""
        return self.installation.version

    @property
    def ari_url(self) -> str:
        """The base of ARI's paths, without a slash at its end: 'http://127.0.0.1:23456/ari'."""
        return f"http://127.0.0.1:{self.http_port}/ari"

    @property
    def sip_address(self) -> tuple[str, int]:
        """Where phones send SIP to, over UDP."""
        return ("127.0.0.1", self.sip_port)

    @property
    def trunk_address(self) -> tuple[str, int]:
        """Where the trunk has to be when it wants Asterisk's outgoing calls; calls in may come from any port of
        `TRUNK_ADDRESS`."""
        return (TRUNK_ADDRESS, self.trunk_port)

    @property
    def spool(self) -> Path:
        """Asterisk's spool; ARI's recordings are in `recording/`, MixMonitor's in `monitor/`."""
        return self.folder / "spool"

    @property
    def recordings(self) -> Path:
        """Where ARI's recordings are."""
        return self.spool / "recording"

    @property
    def sounds(self) -> Path:
        """Where a test may put sounds of its own; the installation's are not there."""
        return self._data / "sounds"

    @property
    def pid(self) -> int:
        """Of the running server.

        Raises:
            AsteriskFault: it does not run.
        """
        if self._process is None or self._process.poll() is not None:
            raise AsteriskFault("Asterisk does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def password(self, user: str) -> str:
        """The SIP password of one of `USERS`."""
        return self._passwords[user]

    # ---- Life -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Writes the configuration and starts the server; returns when it is fully booted.

        Raises:
            AsteriskFault: it ended, or was not ready in time; the message has the end of its log.
        """
        if self.running:
            raise AsteriskFault("Asterisk runs already")
        if self._process is not None:
            self._reap()
        self._prepare()
        with (self.folder / "log" / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                [*self.installation.command, "-C", str(self._conf), "-f", "-n"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                umask=self._umask,
                start_new_session=True,
            )
        self._warden = warden(self._process.pid)
        self.living.add(self)
        self._await_boot(self._process)

    def cli(self, command: str, *, timeout: float = 10.0) -> str:
        """What Asterisk's console answers to `command`.

        Raises:
            AsteriskFault: the server does not listen, or does not answer within `timeout` seconds.
        """
        try:
            told = subprocess.run(
                [*self.installation.command, "-C", str(self._conf), "-rx", command],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise AsteriskFault(f"no answer to `{command}` in {timeout:g} s") from late
        if told.returncode != 0:
            raise AsteriskFault(f"`{command}` failed: {(told.stderr or told.stdout).strip()}")
        return told.stdout

    def kill(self) -> None:
        """SIGKILL, as when power fails: nothing is flushed, no header is written."""
        os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def restart(self) -> None:
        """Ends the server if it runs, and starts it again in the same folder with the same ports."""
        if self.running:
            self._end()
        self.start()

    def stop(self) -> None:
        """Ends the server and removes the temporary folders. Calling it twice does no harm."""
        if self.running:
            self._end()
        shutil.rmtree(self._run, ignore_errors=True)
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- Inside ---------------------------------------------------------------------------------------------

    @property
    def _conf(self) -> Path:
        return self.folder / "conf" / "asterisk.conf"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _prepare(self) -> None:
        """Copies the configuration; writes what differs from machine to machine into `conf/local/`."""
        for name in ("conf/local", "spool/recording", "log", "var", "music", "data/sounds"):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in self.installation.data.iterdir():
            if not (self._data / part.name).exists():
                (self._data / part.name).symlink_to(part)
        self._run.mkdir(exist_ok=True, mode=0o700)
        for source in (*(PROJECT / "asterisk-conf").glob("*.conf"), *(PROJECT / "dialplan").glob("*.conf")):
            shutil.copyfile(source, self.folder / "conf" / source.name)
        directories = {
            "astetcdir": self.folder / "conf",
            "astmoddir": self.installation.modules,
            "astvarlibdir": self.folder / "var",
            "astdbdir": self.folder / "var",
            "astkeydir": self.folder / "var",
            "astcachedir": self.folder / "var",
            "astdatadir": self._data,
            "astagidir": self.folder / "var",
            "astspooldir": self.spool,
            "astrundir": self._run,
            "astlogdir": self.folder / "log",
        }
        lines = "".join(f"{name} => {folder}\n" for name, folder in directories.items())
        options = (PROJECT / "asterisk-conf" / "asterisk.conf").read_text()
        self._conf.write_text(f"[directories]\n{lines}\n{options}")
        passwords = "".join(f"[{user}-auth](+)\npassword = {word}\n" for user, word in self._passwords.items())
        write(MUSIC, self.folder / "music" / "hold.wav")
        local = {
            "http.conf": f"[general](+)\nbindport = {self.http_port}\n",
            "musiconhold.conf": f"[default](+)\ndirectory = {self.folder / 'music'}\n",
            "rtp.conf": f"rtpstart = {self.rtp_first}\nrtpend = {self.rtp_first + _RTP_PORTS - 1}\n",
            "ari.conf": f"[{self.ari_user}](+)\npassword = {self.ari_password}\n",
            "pjsip.conf": f"[transport-udp](+)\nbind = 127.0.0.1:{self.sip_port}\n"
            f"[trunk-out](+)\ncontact = sip:{TRUNK_ADDRESS}:{self.trunk_port}\n{passwords}",
        }
        if self._calls is not None:
            listen = PROJECT / "asterisk-conf" / "listen"
            local["ari.conf"] += (listen / "ari.conf").read_text()
            local["websocket_client.conf"] = (listen / "websocket_client.conf").read_text() + (
                f"[phonograph](+)\nuri = ws://127.0.0.1:{self._calls}\npassword = {self.ari_password}\n")
        if self._calls is not None and self._trusts is not None:
            local["websocket_client.conf"] += (listen / "encrypted.conf").read_text() + (
                f"[phonograph](+)\nuri = wss://localhost:{self._calls}\nca_list_file = {self._trusts}\n")
        for name, text in local.items():
            (self.folder / "conf" / "local" / name).write_text(text)

    def _await_boot(self, process: subprocess.Popen[bytes]) -> None:
        """Waits for the control socket, then lets the server itself say when it is ready."""
        deadline = time.monotonic() + _BOOT_SECONDS
        while not self._listens():
            if process.poll() is not None or time.monotonic() > deadline:
                self._fail(process, "did not open its control socket")
            # The socket's file has no event to wait for without a library; a hundredth of a second is its grain.
            time.sleep(0.01)
        told = self.cli("core waitfullybooted", timeout=max(0.1, deadline - time.monotonic()))
        if "fully booted" not in told:
            self._fail(process, f"is not booted: {told.strip()}")

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._run / "asterisk.ctl"))
            except OSError:
                return False
        return True

    def _fail(self, process: subprocess.Popen[bytes], what: str) -> None:
        process.kill()
        self._reap()
        logs = [self.folder / "log" / name for name in ("console.log", "messages.log")]
        tail = "\n".join(log.read_text(errors="replace")[-2000:] for log in logs if log.exists())
        raise AsteriskFault(f"Asterisk {what}\n{tail}")

    def _end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
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
        # What a killed server leaves behind would look like a living one.
        (self._run / "asterisk.ctl").unlink(missing_ok=True)
