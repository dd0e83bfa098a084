"""A real S3 server of one's own, on loopback, for the tests: SeaweedFS, which comes as a Python package.

`SeaweedServer` writes its configuration into a private folder, picks free ports, starts the server as a child process,
and waits until its S3 door lets in who asks. It ends its own process and no other.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers import Server, ServerFault, free_port

__all__ = ["Hook", "SeaweedFault", "SeaweedServer", "program"]

_BOOT_SECONDS = 40.0
_PROGRAM = Path(sys.executable).parent / "weed"


class SeaweedFault(ServerFault):
    """SeaweedFS is not there, or did not do what the harness needs of it."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the server posts what happens to its files, and with which bearer token."""

    url: str
    token: str


class SeaweedServer(Server):
    """One SeaweedFS in a private folder; `Server` says how it lives.

    Args:
        hook: who is told of every object.
        least_free: of its disk, as `weed` takes it; with less than that it takes nothing more.

    Attributes:
        access_key, secret_key: of whom may do everything.
        reader_key, reader_secret: of whom may only read.
    """

    fault = SeaweedFault

    def __init__(self, folder: Path | None = None, *, hook: Hook | None = None, least_free: str = "1") -> None:
        super().__init__("SeaweedFS", folder, umask=0o077)
        self._hook, self._least_free = hook, least_free
        self.access_key, self.secret_key = token_hex(8), token_hex(16)
        self.reader_key, self.reader_secret = token_hex(8), token_hex(16)
        self._sse_key = token_hex(32)
        doors = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
                 "s3.port", "s3.port.grpc", "s3.port.iceberg", "s3.port.lance", "metricsPort")
        ports: set[int] = set()
        while len(ports) < len(doors):
            ports.add(free_port(socket.SOCK_STREAM))
        self._ports = dict(zip(doors, sorted(ports), strict=True))

    @property
    def port(self) -> int:
        """Of its S3 door."""
        return self._ports["s3.port"]

    @property
    def endpoint(self) -> str:
        """Where its S3 door is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def volumes(self) -> list[Path]:
        """The files that it keeps the objects' bytes in."""
        return sorted((self.folder / "data").glob("*.dat"))

    def client(self) -> Any:
        """A client that is not the product's: plain boto3, without retries."""
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=5,
                          read_timeout=20))

    def bucket(self, name: str = "") -> str:
        """A new bucket's name."""
        made = name or f"calls-{token_hex(4)}"
        self.client().create_bucket(Bucket=made)
        return made

    def _prepare(self) -> None:
        for folder in ("data", "log", "conf"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        (self.folder / "conf" / "s3.json").write_text(json.dumps({"identities": [
            {"name": "phonograph", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
             "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}]},
            {"name": "reader", "actions": ["Read", "List"],
             "credentials": [{"accessKey": self.reader_key, "secretKey": self.reader_secret}]},
        ]}))
        # With a key of its own it encrypts what is asked to be encrypted.
        (self.folder / "conf" / "security.toml").write_text(f'[s3.sse]\nkey = "{self._sse_key}"\n')
        if self._hook is not None:
            (self.folder / "conf" / "notification.toml").write_text(
                f'[notification.webhook]\nenabled = true\nendpoint = "{self._hook.url}"\n'
                f'bearer_token = "{self._hook.token}"\ntimeout_seconds = 5\nmax_retries = 3\nbackoff_seconds = 1\n'
                'max_backoff_seconds = 2\nevent_types = ["create", "update", "rename"]\n'
                'path_prefixes = ["/buckets"]\n')

    def _command(self) -> list[str]:
        return [str(program()), "-logtostderr=true", f"-config_dir={self.folder / 'conf'}", "server",
                f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
                f"-s3.config={self.folder / 'conf' / 's3.json'}", "-s3.iam=false",
                "-s3.autoCreateBucket=false",
                *(f"-{door}={port}" for door, port in self._ports.items()), "-volume.max=500",
                f"-volume.minFreeSpace={self._least_free}", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"]

    def _cleared(self) -> None:
        # It makes them there whatever it is told, and leaves them behind.
        for port in self._ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)

    def _end(self) -> None:
        # SIGTERM it answers after half a minute; what it has taken lies in its files.
        self.kill()

    def _await_boot(self, process: subprocess.Popen[bytes]) -> None:
        client = self.client()
        until = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < until:
            if process.poll() is not None:
                self._fail(process, f"ended with status {process.returncode}")
            try:
                client.list_buckets()
            except (BotoCoreError, ClientError):
                time.sleep(0.1)  # another process has nothing to await
            else:
                return
        self._fail(process, "was not ready in time")


def program() -> Path:
    """Where `weed` is.

    Raises:
        SeaweedFault: it is not installed.
    """
    if not os.access(_PROGRAM, os.X_OK):
        raise SeaweedFault("no SeaweedFS: `make setup` installs it")
    return _PROGRAM
