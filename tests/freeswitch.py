"""A real FreeSWITCH of one's own, on loopback, for tests, the demo and the bench.

`FreeSwitchServer` prepares a private folder from `freeswitch-conf/` and `dialplan/`, picks free ports, starts the
server as a child process, and waits until it lets in who asks. It ends its own process and no other.

FreeSWITCH comes in none of the packages that the set-up installs: where there is none, what needs it is skipped.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from io import BufferedRWPair
from pathlib import Path
from secrets import token_hex
from xml.sax.saxutils import quoteattr

from tests.servers import MUSIC, PROJECT, TRUNK_ADDRESS, USERS, Server, ServerFault, free_port, rtp_range
from tests.sounds import write

__all__ = ["HOW_TO_GET_ONE", "FreeSwitchFault", "FreeSwitchServer", "Installation", "find_installation"]

HOW_TO_GET_ONE = ("no FreeSWITCH: install 1.10 or newer so that `freeswitch` is on PATH, or name in FREESWITCH_PREFIX "
                  "the folder that has its bin/freeswitch")

_BOOT_SECONDS = 30.0
_DOMAINS = {"alice": "sales.example", "bob": "sales.example", "carol": "support.example", "dave": "support.example",
            "erin": "office.example"}
"""Of `freeswitch-conf/directory/users.xml`; the other users' is the server's address."""


_CERTIFICATE = PROJECT / ".cache" / "freeswitch" / "dtls-srtp.pem"
"""FreeSWITCH makes a key of 4096 bits, which takes seconds, when it finds none. Nobody uses it here, so the first
server's serves them all."""


class FreeSwitchFault(ServerFault):
    """FreeSWITCH is not there, or did not do what the harness needs of it."""


@dataclass(frozen=True)
class Installation:
    """Where a FreeSWITCH is: its programs, and its modules unless it knows itself where they are."""

    binary: Path
    fs_cli: Path
    modules: Path | None


def find_installation() -> Installation:
    """The FreeSWITCH below FREESWITCH_PREFIX if that is set, else the one on PATH.

    Raises:
        FreeSwitchFault: there is none.
    """
    if prefix := os.environ.get("FREESWITCH_PREFIX"):
        found = shutil.which("freeswitch", path=str(Path(prefix) / "bin"))
    else:
        found = shutil.which("freeswitch")
    if found is None:
        raise FreeSwitchFault(HOW_TO_GET_ONE)
    binary = Path(found)
    modules = binary.resolve().parent.parent / "lib" / "freeswitch" / "mod"
    return Installation(binary, binary.with_name("fs_cli"), modules if modules.is_dir() else None)


def _message(stream: BufferedRWPair) -> tuple[dict[str, str], str]:
    """The next message of an event socket: its headers and its body."""
    headers: dict[str, str] = {}
    while (line := stream.readline().decode().strip()) or not headers:
        if not line:
            raise FreeSwitchFault("it has hung up")
        name, _, value = line.partition(": ")
        headers[name] = value
    return headers, stream.read(int(headers.get("Content-Length", 0))).decode()


class FreeSwitchServer(Server):
    """One FreeSWITCH in a private folder; `Server` says how it lives, and what `folder` and `umask` are."""

    fault = FreeSwitchFault

    def __init__(self, folder: Path | None = None, *, umask: int = 0o077) -> None:
        self.installation = find_installation()
        super().__init__("FreeSWITCH", folder, umask=umask)
        self.sip_port = free_port(socket.SOCK_DGRAM)
        self.trunk_sip_port = free_port(socket.SOCK_DGRAM)
        self.trunk_port = free_port(socket.SOCK_DGRAM)
        self.esl_port = free_port(socket.SOCK_STREAM)
        self.esl_password = token_hex(16)
        self.rtp_first, self.rtp_last = rtp_range()
        self._passwords = {user: token_hex(8) for user in USERS}

    # ---- Where it is ----------------------------------------------------------------------------------------

    @property
    def version(self) -> str:
        """As the server's binary tells it: '1.10.12'; '' when it does not."""
        told = subprocess.run([str(self.installation.binary), "-version"], capture_output=True, text=True, timeout=10,
                              check=False).stdout
        found = re.search(r"version: ([0-9.]+)", told)
        return found[1] if found else ""

    @property
    def esl_address(self) -> tuple[str, int]:
        """Where its event socket is; the password is `esl_password`."""
        return ("127.0.0.1", self.esl_port)

    @property
    def sip_address(self) -> tuple[str, int]:
        """Where the users' phones send SIP to, over UDP."""
        return ("127.0.0.1", self.sip_port)

    @property
    def trunk_server(self) -> tuple[str, int]:
        """Where the trunk sends SIP to, from any port of `TRUNK_ADDRESS`."""
        return ("127.0.0.1", self.trunk_sip_port)

    @property
    def trunk_address(self) -> tuple[str, int]:
        """Where the trunk has to be when it wants FreeSWITCH's outgoing calls."""
        return (TRUNK_ADDRESS, self.trunk_port)

    @property
    def recordings(self) -> Path:
        """`$${recordings_dir}`: where recordings go."""
        return self.folder / "recordings"

    @property
    def sounds(self) -> Path:
        """`$${sounds_dir}`: where a test may put sounds of its own; the installation's are not there."""
        return self.folder / "sounds"

    @property
    def log(self) -> Path:
        """Notices, warnings and errors."""
        return self.folder / "log" / "freeswitch.log"

    @property
    def conf(self) -> Path:
        """The configuration, a copy; `cli("reloadxml")` reads a changed dialplan or directory."""
        return self.folder / "conf"

    def domain(self, user: str) -> str:
        """What stands behind the @ where a phone names its user."""
        return _DOMAINS.get(user, self.sip_address[0])

    def password(self, user: str) -> str:
        """The SIP password of one of `USERS`."""
        return self._passwords[user]

    def variables(self) -> dict[str, object]:
        """What `freeswitch-conf/README.md` wants to be written down."""
        return {
            "sip_port": self.sip_port,
            "trunk_port": self.trunk_sip_port,
            "trunk_address": TRUNK_ADDRESS,
            "trunk_address_port": self.trunk_port,
            "rtp_first": self.rtp_first,
            "rtp_last": self.rtp_last,
            "esl_port": self.esl_port,
            "esl_password": self.esl_password,
            "esl_clients": "127.0.0.1/32",
            "hold_music": self.folder / "hold.wav",
            **{f"password_{user}": word for user, word in self._passwords.items()},
        }

    # ---- Life -----------------------------------------------------------------------------------------------

    def cli(self, command: str, *, timeout: float = 10.0) -> str:
        """What FreeSWITCH answers to an API command, over a connection of its own.

        Raises:
            FreeSwitchFault: the server does not listen, refuses, or does not answer within `timeout` seconds.
        """
        try:
            with socket.create_connection(self.esl_address, timeout) as line, line.makefile("rwb") as stream:
                _message(stream)
                stream.write(f"auth {self.esl_password}\n\n".encode())
                stream.flush()
                headers, _ = _message(stream)
                if not headers.get("Reply-Text", "").startswith("+OK"):
                    raise FreeSwitchFault(f"it does not let us in: {headers}")
                stream.write(f"api {command}\n\n".encode())
                stream.flush()
                return _message(stream)[1]
        except OSError as broken:
            raise FreeSwitchFault(f"no answer to `{command}`: {broken}") from broken

    def fs_cli(self, command: str, *, timeout: float = 10.0) -> str:
        """What `fs_cli -x` prints for a command, for what only that program does, such as aliases.

        Raises:
            FreeSwitchFault: it failed, or took more than `timeout` seconds.
        """
        where = ["-H", "127.0.0.1", "-P", str(self.esl_port), "-p", self.esl_password]
        try:
            done = subprocess.run([str(self.installation.fs_cli), *where, "-x", command], capture_output=True,
                                  text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as late:
            raise FreeSwitchFault(f"no answer to `{command}` in {timeout:g} s") from late
        if done.returncode != 0:
            raise FreeSwitchFault(f"`{command}` failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def stop(self) -> None:
        """Ends the server at once and removes the temporary folder: in order, as `restart()` does it, takes 6 s."""
        if self.running:
            self.kill()
        super().stop()

    # ---- Inside ---------------------------------------------------------------------------------------------

    def _command(self) -> list[str]:
        """-nonat: it asks no router. -nocal and -np: a test's server needs neither a calibrated clock nor a priority
        above everybody else's."""
        modules = ["-mod", str(self.installation.modules)] if self.installation.modules else []
        folders = {"conf": self.conf, "log": self.folder / "log", "run": self.folder / "run", "db": self.folder / "db",
                   "temp": self.folder / "temp", "recordings": self.recordings, "scripts": self.folder / "scripts",
                   "storage": self.folder / "storage", "cache": self.folder / "cache", "certs": self.folder / "certs",
                   "sounds": self.sounds}
        named = [word for name, folder in folders.items() for word in (f"-{name}", str(folder))]
        return [str(self.installation.binary), "-nonat", "-nf", "-nc", "-np", "-nocal", *named, *modules]

    def _prepare(self) -> None:
        """Copies the configuration; writes what differs from machine to machine into `conf/local/vars.xml`."""
        for name in ("conf/local", "log", "run", "db", "temp", "recordings", "scripts", "storage", "cache", "certs",
                     "sounds"):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copytree(PROJECT / "freeswitch-conf", self.conf, dirs_exist_ok=True)
        if _CERTIFICATE.exists():
            shutil.copyfile(_CERTIFICATE, self.folder / "certs" / _CERTIFICATE.name)
        (self.folder / "certs" / "wss.pem").touch()
        shutil.copyfile(PROJECT / "dialplan" / "recorder.xml", self.conf / "dialplan" / "recorder.xml")
        shutil.copyfile(PROJECT / "dialplan" / "recorder.lua", self.folder / "scripts" / "recorder.lua")
        write(MUSIC, self.folder / "hold.wav")
        lines = "".join(f'  <X-PRE-PROCESS cmd="set" data={quoteattr(f"{name}={value}")}/>\n'
                        for name, value in self.variables().items())
        (self.conf / "local" / "vars.xml").write_text(f"<include>\n{lines}</include>\n")

    def _await_boot(self, process: subprocess.Popen[bytes]) -> None:
        """The event socket is loaded last, and `status` says whether the core has come up as well."""
        deadline = time.monotonic() + _BOOT_SECONDS
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                self._fail(process, "did not come up")
            try:
                if "is ready" in self.cli("status", timeout=1):
                    break
            except FreeSwitchFault:
                pass
            # Nobody tells when a port is opened; a hundredth of a second is the grain.
            time.sleep(0.01)
        profiles = self.cli("sofia status")
        if profiles.count("RUNNING") < 2:
            self._fail(process, f"has not both of its profiles:\n{profiles}")
        self._keep_certificate()

    def _keep_certificate(self) -> None:
        made = self.folder / "certs" / _CERTIFICATE.name
        if made.exists() and not _CERTIFICATE.exists():
            _CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
            copy = _CERTIFICATE.with_name(f"{os.getpid()}.pem")
            shutil.copyfile(made, copy)
            copy.replace(_CERTIFICATE)

    def _logs(self) -> list[Path]:
        return [*super()._logs(), self.log]
