"""A real Asterisk 22 of one's own, on loopback, for tests, the demo and the bench.

`AsteriskServer` prepares a private folder from `asterisk-conf/` and `dialplan/`, picks free ports, starts the server
as a child process, and waits until it says that it is fully booted. It ends its own process and no other.
"""

import re
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from tests.servers import MUSIC, PROJECT, TRUNK_ADDRESS, USERS, Server, ServerFault, free_port, rtp_range
from tests.sounds import write

__all__ = ["AsteriskFault", "AsteriskServer", "Installation", "find_installation"]

_WANTED = "22"
_BOOT_SECONDS = 60.0


class AsteriskFault(ServerFault):
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


class AsteriskServer(Server):
    """One Asterisk in a private folder; `Server` says how it lives.

    Args:
        folder, umask: as `Server` has them.
        calls: a port of 127.0.0.1 where the application `recorder` is, for Asterisk to connect to, as `phonograph`
            and with `ari_password`; None: it connects to nobody.
        trusts: the certificate of the authority that signed that of `localhost`, to which it then connects by TLS;
            None: it connects without.
    """

    fault = AsteriskFault

    def __init__(self, folder: Path | None = None, *, umask: int = 0o077, calls: int | None = None,
                 trusts: Path | None = None) -> None:
        self.installation = find_installation()
        super().__init__("Asterisk", folder, umask=umask)
        self._calls = calls
        self._trusts = trusts
        # A Unix socket's path holds 107 bytes (unix(7)), too few for many a test's folder.
        self._run = Path(tempfile.mkdtemp(prefix="asterisk-run-"))
        self.sip_port = free_port(socket.SOCK_DGRAM)
        self.http_port = free_port(socket.SOCK_STREAM)
        self.trunk_port = free_port(socket.SOCK_DGRAM)
        self.rtp_first, self.rtp_last = rtp_range()
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
    def trunk_server(self) -> tuple[str, int]:
        """Where the trunk sends SIP to."""
        return self.sip_address

    def domain(self, user: str) -> str:
        """What stands behind the @ where a phone names its user."""
        return self.sip_address[0]

    def password(self, user: str) -> str:
        """The SIP password of one of `USERS`."""
        return self._passwords[user]

    # ---- Life -----------------------------------------------------------------------------------------------

    def cli(self, command: str, *, timeout: float = 30.0) -> str:
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

    def stop(self) -> None:
        super().stop()
        shutil.rmtree(self._run, ignore_errors=True)

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
            "rtp.conf": f"rtpstart = {self.rtp_first}\nrtpend = {self.rtp_last}\n",
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

    def _command(self) -> list[str]:
        return [*self.installation.command, "-C", str(self._conf), "-f", "-n"]

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

    def _logs(self) -> list[Path]:
        return [*super()._logs(), self.folder / "log" / "messages.log"]

    def _cleared(self) -> None:
        # What a killed server leaves behind would look like a living one.
        (self._run / "asterisk.ctl").unlink(missing_ok=True)
