"""A store on an S3 server.

A file counts as stored when all of it was read again and had the SHA-256 that was meant. No object is written over:
each upload carries ``If-None-Match: *``, which the server itself checks (RFC 9110, section 13.1.2).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import structlog

from faults import DestinationExists, Fault, NotFound, StorageRefused, StorageUnreachable
from processing.step import Checkpoint
from processing.stores import s3_faults
from processing.stores.s3_upload import SHA256_KEY, Upload

log = structlog.get_logger("stores")

_BLOCK = 1 << 20
_READS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where objects are kept, and how.

    Attributes:
        prefix: what comes before each name; empty, or it ends with ``/``.
        part_bytes: what is larger is uploaded in parts of so many bytes.
        encryption: the server's own (``AES256``, ``aws:kms``), asked for with each upload; empty: the bucket's default.
        timeout: how long the server may be silent, in seconds. least_rate: bytes a second that it has to take and give
            in the long run; together they end every wait.
    """

    name: str
    prefix: str = ""
    part_bytes: int = 16 << 20
    encryption: str = ""
    timeout: float = 30.0
    least_rate: float = 32_768.0


class S3Store:
    """A bucket of an S3 server.

    Args:
        name: the store's, as in the settings.
        client: boto3's, as :func:`processing.stores.s3_client.client` makes it. Threads may share it.
        clock: seconds of any monotonic clock.
    """

    def __init__(self, name: str, client: Any, bucket: Bucket, *, clock: Callable[[], float]) -> None:
        self.name = name
        self.bucket = bucket
        self._client = client
        self._clock = clock

    def put(self, source: Path, name: str, *, bytes: int, sha256: str, checkpoint: Checkpoint) -> None:
        """Store a file: whole or not at all, read back, never over another one. Again does no harm.

        What is there under that name and says that it should be this file, but is not, is a damaged copy of ours: it is
        replaced.

        Args:
            name: parts are separated by ``/``.
            bytes, sha256: of ``source``; the hash in hex.

        Raises:
            DestinationExists: another object has that name.
            StorageRefused: the server says no, or what was read back is not what was sent.
            StorageUnreachable: no answer in time.
        """
        until = self._until(bytes)
        found = self._look(name)
        checkpoint("looked")
        if found is not None:
            if self._is_whole(name, bytes, sha256):
                checkpoint("read back")
                return
            if found != sha256:
                raise DestinationExists(f"Another object of the store {self.name} is named {name}.", store=self.name,
                                        file=name)
            log.warning("a damaged copy is replaced", store=self.name, file=name)
            self.delete(name)
        self._upload(source, name, bytes, sha256, until, checkpoint)
        checkpoint("uploaded")
        if not self._is_whole(name, bytes, sha256):
            if self._look(name) != sha256:
                raise DestinationExists(f"Another object of the store {self.name} is named {name}.", store=self.name,
                                        file=name)
            raise StorageRefused(f"What the store {self.name} has of {name} is not what was sent.", store=self.name,
                                 file=name)
        checkpoint("read back")

    def verify(self, name: str, *, bytes: int, sha256: str) -> None:
        """Read a file and compare.

        Raises:
            StorageRefused: it is gone, or it is not that file.
            StorageUnreachable: no answer in time.
        """
        try:
            whole = self._is_whole(name, bytes, sha256)
        except NotFound as fault:
            raise StorageRefused(f"The stored file {name} is gone.", store=self.name, file=name) from fault
        if not whole:
            raise StorageRefused(f"What the store {self.name} has of {name} is not what was stored.", store=self.name,
                                 file=name)

    def open(self, name: str) -> BinaryIO:
        """A file's bytes, to be read once and closed.

        Raises:
            NotFound: it is not there.
            StorageRefused, StorageUnreachable: as above; reading may raise them too.
        """
        with s3_faults.told(self.name, name):
            body = self._client.get_object(Bucket=self.bucket.name, Key=self._key(name))["Body"]
        return cast(BinaryIO, io.BufferedReader(_Body(self.name, name, body), _BLOCK))

    def delete(self, name: str) -> None:
        """Take a file away. Gone already is fine.

        Raises:
            StorageRefused, StorageUnreachable: as above.
        """
        with s3_faults.told(self.name):
            self._client.delete_object(Bucket=self.bucket.name, Key=self._key(name))

    def refuses_to_overwrite(self, name: str) -> bool:
        """Whether the server itself keeps an object of that name from being written over; it has to be there.

        Raises:
            StorageRefused, StorageUnreachable: as above.
        """
        try:
            with s3_faults.told(self.name):
                self._client.put_object(Bucket=self.bucket.name, Key=self._key(name), Body=b"", IfNoneMatch="*")
        except Fault as fault:
            if s3_faults.found_taken(fault):
                return True
            raise
        return False

    def _key(self, name: str) -> str:
        return f"{self.bucket.prefix}{name}"

    def _until(self, count: int) -> float:
        return self._clock() + 4 * self.bucket.timeout + count / self.bucket.least_rate

    def _look(self, name: str) -> str | None:
        """The SHA-256 that an object says it has, empty if it does not; None if it is not there, or not ours to see."""
        try:
            with s3_faults.told(self.name, name):
                head = self._client.head_object(Bucket=self.bucket.name, Key=self._key(name))
        except NotFound:
            return None
        except StorageRefused as fault:
            # Who may not list a bucket is told 403 for what is not there; the upload shows what is so.
            if fault.details.get("status") == 403:
                return None
            raise
        return str(head.get("Metadata", {}).get(SHA256_KEY, ""))

    def _upload(self, source: Path, name: str, count: int, sha256: str, until: float, checkpoint: Checkpoint) -> None:
        upload = Upload(self._client, self.bucket.name, self._key(name), sha256=sha256, clock=self._clock, until=until,
                        encryption=self.bucket.encryption)
        try:
            with source.open("rb") as file, s3_faults.told(self.name):
                if count <= self.bucket.part_bytes:
                    upload.at_once(file)
                else:
                    upload.in_parts(file, count, self.bucket.part_bytes, checkpoint)
        except Fault as fault:
            # Somebody was faster. Whether that was an earlier life of ours is seen when it is read.
            if not s3_faults.found_taken(fault):
                raise

    def _is_whole(self, name: str, count: int, sha256: str) -> bool:
        """Whether what is there is what it should be: all of it is read. What breaks off is read again."""
        until = self._until(count)
        for attempt in range(_READS):
            try:
                return self._read(name, until) == (count, sha256)
            except StorageUnreachable:
                if attempt == _READS - 1 or self._clock() >= until:
                    raise
        raise AssertionError("the last attempt returned or raised")

    def _read(self, name: str, until: float) -> tuple[int, str]:
        total, found = 0, hashlib.sha256()
        with self.open(name) as file:
            while block := file.read(_BLOCK):
                total += len(block)
                found.update(block)
                if self._clock() >= until:
                    raise StorageUnreachable(f"The store {self.name} is too slow.", store=self.name, file=name)
        return total, found.hexdigest()


class _Body(io.RawIOBase):
    """The bytes of an answer; what goes wrong while they come is a fault of ours."""

    def __init__(self, store: str, name: str, body: Any) -> None:
        self._store, self._name, self._body = store, name, body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with s3_faults.told(self._store, self._name):
            block = self._body.read(len(buffer))
        buffer[:len(block)] = block
        return len(block)

    def close(self) -> None:
        self._body.close()
        super().close()
