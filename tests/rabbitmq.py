"""A RabbitMQ of one's own, from Debian's package, on free ports of 127.0.0.1.

    with RabbitServer() as server:
        connection = await aio_pika.connect_robust(server.virtual_host())

It has an `epmd` (Erlang's port mapper) of its own too, which ends with it: a RabbitMQ of this machine is not disturbed.
"""

import itertools
import json
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from tests.certificates import Authority
from tests.servers import Server, ServerFault, free_port, warden

__all__ = ["RabbitFault", "RabbitServer"]

_BOOT_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PROGRAM = "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"
_HOSTS = 32
_HELLO = b"AMQP\x00\x00\x09\x01"
_QUIET = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""Schedulers that do not spin while they wait: the tests' machine has other work."""


class RabbitFault(ServerFault):
    """RabbitMQ is not installed, or did not start."""


class RabbitServer(Server):
    """One RabbitMQ in a private folder; queues and messages outlive `restart()`.

    Args:
        authority: signs the certificate of `localhost` that it then shows on `tls_port`.
    """

    fault: ClassVar[type[ServerFault]] = RabbitFault

    def __init__(self, folder: Path | None = None, *, authority: Authority | None = None) -> None:
        super().__init__("RabbitMQ", folder, umask=0o077)
        self.port, self.tls_port, self.mapper_port, self._erlang = (free_port(socket.SOCK_STREAM) for _ in range(4))
        self._authority = authority
        self.user, self.password = "phonograph", secrets.token_hex(16)
        self._program = _program()
        self._hosts = itertools.count(1)
        self._mapper: subprocess.Popen[bytes] | None = None
        self._mapper_warden: subprocess.Popen[bytes] | None = None

    def virtual_host(self) -> str:
        """The URL of a virtual host in which nothing is yet; each call gives another one."""
        number = next(self._hosts)
        if number > _HOSTS:
            raise RabbitFault(f"all {_HOSTS} virtual hosts have been given away")
        return f"amqp://{self.user}:{self.password}@127.0.0.1:{self.port}/test{number}"

    def _prepare(self) -> None:
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text("\n".join((
            f"listeners.tcp.1 = 127.0.0.1:{self.port}", f"load_definitions = {self.folder}/definitions.json",
            f"log.file = {self.folder}/log/rabbitmq.log", "vm_memory_high_watermark.absolute = 1GB",
            "disk_free_limit.absolute = 50MB", *self._tls(), "")))
        hosts = [f"test{number}" for number in range(1, _HOSTS + 1)]
        (self.folder / "definitions.json").write_text(json.dumps({
            "users": [{"name": self.user, "password": self.password, "tags": ""}],
            "vhosts": [{"name": host} for host in hosts],
            "permissions": [{"user": self.user, "vhost": host, "configure": ".*", "write": ".*", "read": ".*"}
                            for host in hosts]}))
        if self._mapper is None:
            # Without it the node would start one that stays behind.
            self._mapper = subprocess.Popen(
                ["epmd", "-address", "127.0.0.1", "-port", str(self.mapper_port)], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            self._mapper_warden = warden(self._mapper.pid)

    def _tls(self) -> list[str]:
        if self._authority is None:
            return []
        certificate, key = self._authority.sign("localhost")
        return [f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}", f"ssl_options.certfile = {certificate}",
                f"ssl_options.keyfile = {key}", f"ssl_options.cacertfile = {self._authority.certificate}"]

    def _command(self) -> list[str]:
        surroundings = {
            "HOME": self.folder, "ERL_EPMD_PORT": self.mapper_port, "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"phonograph{self.port}@localhost", "RABBITMQ_DIST_PORT": self._erlang,
            "RABBITMQ_CONF_ENV_FILE": self.folder / "none.conf", "RABBITMQ_CONFIG_FILE": self.folder / "rabbitmq.conf",
            "RABBITMQ_MNESIA_BASE": self.folder / "mnesia", "RABBITMQ_LOG_BASE": self.folder / "log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "plugins",
            # With it the script becomes the server, instead of standing between it and our signals.
            "RABBITMQ_ALLOW_INPUT": 1,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                f"-noinput {_QUIET} -kernel inet_dist_use_interface {{127,0,0,1}}"}
        return ["env", *(f"{name}={value}" for name, value in surroundings.items()), str(self._program)]

    def _await_boot(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _BOOT_SECONDS
        while not self._speaks():
            if process.poll() is not None or time.monotonic() > deadline:
                self._fail(process, "did not start")
            time.sleep(_POLL_SECONDS)

    def _speaks(self) -> bool:
        """Whether it answers as AMQP 0-9-1 does: with a frame of a method (section 4.2.2)."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as asked:
                asked.sendall(_HELLO)
                return asked.recv(1) == b"\x01"
        except OSError:
            return False

    def stop(self) -> None:
        """As every server's; the port mapper ends too."""
        super().stop()
        if self._mapper is not None and self._mapper_warden is not None:
            self._mapper_warden.kill()
            self._mapper_warden.communicate()
            self._mapper.kill()
            self._mapper.wait()
            self._mapper = None

    def _logs(self) -> list[Path]:
        return [*super()._logs(), self.folder / "log" / "rabbitmq.log"]


def _program() -> Path:
    """Debian's command changes the user and hides the server's id; what lies below it does not."""
    found = sorted(Path("/").glob(_PROGRAM.removeprefix("/")))
    if not found:
        raise RabbitFault("There is no RabbitMQ below /usr/lib/rabbitmq: `make setup` installs it.")
    if not os.access(found[-1], os.X_OK):
        raise RabbitFault(f"{found[-1]} cannot be run.")
    return found[-1]
