"""One upload to S3, in one request or in parts. The server gets each one's SHA-256 and refuses what differs."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from typing import Any, BinaryIO

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from faults import StorageRefused
from processing.step import Checkpoint

log = structlog.get_logger("stores")

SHA256_KEY = "sha256"
"""Under this name each object's metadata has the SHA-256 of the whole file, in hex: S3's own checksum of what came in
parts is one of the parts' checksums."""

_MOST_PARTS = 10_000


class Upload:
    """One object on its way.

    Args:
        sha256: of all of it, in hex.
        clock, until: when the server was too slow, by any monotonic clock (seconds).
    """

    def __init__(self, client: Any, bucket: str, key: str, *, sha256: str, clock: Callable[[], float], until: float,
                 encryption: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._sha256 = sha256
        self._clock = clock
        self._until = until
        self._new: dict[str, Any] = {"Metadata": {SHA256_KEY: sha256},
                                     **({"ServerSideEncryption": encryption} if encryption else {})}

    def at_once(self, file: BinaryIO) -> None:
        """Send the whole file in one request.

        Raises:
            ClientError, BotoCoreError: the server said no, or nothing in time.
        """
        self._client.put_object(**self._where, **self._new, Body=self._body(file.read()), IfNoneMatch="*",
                                ChecksumSHA256=base64.b64encode(bytes.fromhex(self._sha256)).decode())

    def in_parts(self, file: BinaryIO, count: int, part_bytes: int, checkpoint: Checkpoint) -> None:
        """Send a file of ``count`` bytes part by part. What an earlier life left unfinished of it goes first, and what
        fails leaves nothing behind that has to be paid for.

        Raises:
            ClientError, BotoCoreError: as above.
            StorageRefused: the file has another SHA-256.
        """
        self._abort_leftovers()
        size = max(part_bytes, -(-count // _MOST_PARTS))
        begun = self._client.create_multipart_upload(**self._where, **self._new, ChecksumAlgorithm="SHA256")["UploadId"]
        checkpoint("begun")
        try:
            parts: list[dict[str, Any]] = []
            whole = hashlib.sha256()
            while block := file.read(size):
                number = len(parts) + 1
                whole.update(block)
                digest = base64.b64encode(hashlib.sha256(block).digest()).decode()
                sent = self._client.upload_part(**self._where, UploadId=begun, PartNumber=number,
                                                Body=self._body(block), ChecksumSHA256=digest)
                parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": digest})
                checkpoint(f"part {number}")
            if whole.hexdigest() != self._sha256:
                raise StorageRefused("The file that was to be stored is not what it should be.")
            self._client.complete_multipart_upload(**self._where, UploadId=begun, MultipartUpload={"Parts": parts},
                                                   IfNoneMatch="*")
        except BaseException:
            self._abort(begun)
            raise

    def _body(self, block: bytes) -> io.BytesIO:
        return _Timed(block, self._clock, self._until)

    def _abort_leftovers(self) -> None:
        """Only where we may list them; else the bucket's own rule has to end them."""
        try:
            found = self._client.list_multipart_uploads(Bucket=self._where["Bucket"], Prefix=self._where["Key"])
        except ClientError:
            return
        for one in found.get("Uploads", ()):
            if one["Key"] == self._where["Key"]:
                self._abort(one["UploadId"])

    def _abort(self, upload: str) -> None:
        try:
            self._client.abort_multipart_upload(**self._where, UploadId=upload)
        except (BotoCoreError, ClientError) as error:
            log.warning("an unfinished upload stays behind", bucket=self._where["Bucket"], why=type(error).__name__)


class _Timed(io.BytesIO):
    """Bytes that are sent until the server was too slow for too long."""

    def __init__(self, block: bytes, clock: Callable[[], float], until: float) -> None:
        super().__init__(block)
        self._clock, self._until = clock, until

    def read(self, size: int | None = -1, /) -> bytes:
        if self._clock() >= self._until:
            raise TimeoutError("the server takes too little")
        return super().read(size)
