"""What object stores post when an object was made, in two dialects. Pure.

Amazon's event message (version 2), which MinIO and others post as well: ``Records``, each with ``s3.bucket.name`` and
an ``s3.object.key`` that is encoded as in a query string. And SeaweedFS's own: one ``event_type`` with a ``key`` that
is a path below ``/buckets``, seen with 4.48.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

_BUCKETS = "/buckets/"
_MADE = frozenset({"create", "update"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happened to an object.

    Attributes:
        bucket: empty where it is none of a user's, but the server's own.
        key: of the object, decoded.
        made: whether it was made; else it was deleted, or it is a folder.
        size: in bytes; None if it is not told.
    """

    bucket: str
    key: str
    made: bool
    size: int | None


def parse(body: bytes) -> Sequence[Told]:
    """The events of a message, at least one.

    Raises:
        ValueError: it is in neither dialect.
    """
    try:
        message = json.loads(body)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    try:
        if "event_type" in message:
            return (_seaweed(message),)
        records = [_record(one) for one in message["Records"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a part of it is missing or no such part: {error}") from error
    if not records:
        raise ValueError("it tells of nothing")
    return records


def _record(record: Mapping[str, Any]) -> Told:
    told, bucket = record["s3"]["object"], record["s3"]["bucket"]["name"]
    name = record["eventName"].removeprefix("s3:")
    if not isinstance(bucket, str) or not bucket:
        raise ValueError("the bucket has no name")
    return Told(bucket=bucket, key=unquote_plus(told["key"], errors="strict"), made=name.startswith("ObjectCreated:"),
                size=_size(told.get("size")))


def _seaweed(message: Mapping[str, Any]) -> Told:
    path, entry = message["key"], message["message"].get("new_entry")
    within = path.removeprefix(_BUCKETS) if path.startswith(_BUCKETS) else ""
    bucket, _, key = within.partition("/")
    made = message["event_type"] in _MADE and entry is not None and not entry.get("is_directory", False)
    return Told(bucket="" if bucket.startswith(".") else bucket, key=key, made=made,
                size=_size(entry.get("attributes", {}).get("file_size")) if made else None)


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
