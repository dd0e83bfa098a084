"""What the tests of the stores have in common: a file to be stored, and a store on a bucket of the real server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from processing.stores.s3 import Bucket, S3Store
from processing.stores.s3_client import Server, client
from tests.seaweed import SeaweedServer

PART = 5 << 20
"""The smallest part that S3 allows."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be stored."""

    path: Path
    bytes: int
    sha256: str

    def meant(self) -> dict[str, Any]:
        """What a store is told of it."""
        return {"bytes": self.bytes, "sha256": self.sha256}


def source(folder: Path, size: int = 10_000, seed: int = 1) -> Source:
    """A new file of noise."""
    content = Random(seed).randbytes(size)
    path = folder / f"source-{size}-{seed}.wav"
    path.write_bytes(content)
    return Source(path, size, hashlib.sha256(content).hexdigest())


def store(server: SeaweedServer | tuple[str, str, str], bucket: str, *, endpoint: str | None = None,
          key: tuple[str, str] | None = None,
          prefix: str = "", timeout: float = 20.0, least_rate: float = 32_768.0, encryption: str = "",
          clock: Callable[[], float] = time.monotonic) -> S3Store:
    """The product's store on a bucket of a server, or of one that is told by its endpoint and two keys."""
    where, *own = server if isinstance(server, tuple) else (server.endpoint, server.access_key, server.secret_key)
    access, secret = key or own
    made = client(Server(endpoint=endpoint or where, region="us-east-1", access_key=access, secret_key=secret,
                         path_style=True, timeout=timeout))
    return S3Store("archive", made, Bucket(name=bucket, prefix=prefix, part_bytes=PART, timeout=timeout,
                                           least_rate=least_rate, encryption=encryption), clock=clock)


def nothing(_: str) -> None:
    """A checkpoint at which nothing happens."""
