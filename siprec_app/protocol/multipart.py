"""Bodies of several parts (RFC 2046 section 5.1, RFC 3261 section 7.4): SDP and metadata in one SIP message.

A recording session's first INVITE has both (RFC 7866 section 9.1). What is read is looked for by its boundaries; the
lengths that a part claims are not believed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from faults import RecordingServerProtocolBroken

SDP = "application/sdp"
METADATA = "application/rs-metadata+xml"
"""RFC 9806. ``METADATA_BEFORE`` is the name that RFC 7866 has, and is read as well."""

METADATA_BEFORE = "application/rs-metadata"
METADATA_REQUEST = "application/rs-metadata-request"
"""A name under which requests for a snapshot are met."""

RECORDING_SESSION = "recording-session"
"""The Content-Disposition of metadata (RFC 7866 section 9.1)."""

LARGEST = 1 << 20
"""Bytes of a body. Metadata has about 1 KB a participant."""

MOST_PARTS = 32
LONGEST_BOUNDARY = 200
"""RFC 2046 section 5.1.1 has 70."""

DEEPEST = 4
"""How many bodies of parts are looked for one within another."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body.

    Attributes:
        content_type: in lower case, without its parameters.
        disposition: in lower case, without its parameters; empty when there is none.
    """

    content_type: str
    content: bytes
    disposition: str = ""


_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_DISPOSITION = re.compile(r"[a-z0-9-]*")
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.){1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_FIRST = re.compile(rb"(?:\A|\n)--([^\r\n]+)")
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n|\A[ \t]*\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")


def build(parts: Sequence[Part]) -> tuple[str, bytes]:
    """The value of Content-Type, and the body. Its length is the Content-Length: nothing stands around it.

    The boundary follows from the content, and is nowhere in it (RFC 2046 section 5.1.1).

    Raises:
        ValueError: there is no part, or a type or disposition that is none.
    """
    if not parts:
        raise ValueError("a body has a part at least")
    boundary = _boundary(parts)
    body = bytearray()
    for part in parts:
        if not _TYPE.fullmatch(part.content_type) or not _DISPOSITION.fullmatch(part.disposition):
            raise ValueError(f"{part.content_type!r} or {part.disposition!r} is no type or disposition")
        body += f"--{boundary}\r\nContent-Type: {part.content_type}\r\n".encode()
        if part.disposition:
            body += f"Content-Disposition: {part.disposition}\r\n".encode()
        body += b"\r\n" + part.content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return f"multipart/mixed;boundary={boundary}", bytes(body)


def _boundary(parts: Sequence[Part]) -> str:
    digest = hashlib.sha256(b"\0".join(part.content for part in parts))
    while any((boundary := f"part-{digest.hexdigest()[:24]}").encode() in part.content for part in parts):
        digest.update(b"again")
    return boundary


def parse(content_type: str, body: bytes) -> tuple[Part, ...]:
    """The parts of a body; of one that is not of parts, itself. Parts within parts are given one after another.

    Tolerated, because it is met: bare line feeds, text before and behind, an empty line in front of the first boundary,
    no boundary in Content-Type (the first line that looks like one is), no closing boundary (the last part ends
    with the body), lengths in parts that are wrong, dispositions with parameters.

    Raises:
        RecordingServerProtocolBroken: it is too long, has too many parts, or none where there should be some.
    """
    if len(body) > LARGEST:
        raise RecordingServerProtocolBroken("A body is too long.", largest=LARGEST)
    found: list[Part] = []
    _collect(content_type, "", body, found, 0)
    return tuple(found)


def _collect(content_type: str, disposition: str, body: bytes, found: list[Part], depth: int) -> None:
    kind = _word(content_type)
    if not kind.startswith("multipart/"):
        if body:
            found.append(Part(kind, body, _word(disposition)))
        return
    if depth >= DEEPEST:
        raise RecordingServerProtocolBroken("A body has parts within parts within parts.", deepest=DEEPEST)
    pieces = _pieces(content_type, body)
    if not pieces or len(found) + len(pieces) > MOST_PARTS:
        raise RecordingServerProtocolBroken("A body has no parts, or too many.", most=MOST_PARTS)
    for piece in pieces:
        fields, content = _fields(piece)
        # RFC 2046 section 5.1: a part without a type is plain text.
        _collect(fields.get("content-type") or fields.get("c") or "text/plain",
                 fields.get("content-disposition", ""), content, found, depth + 1)


def _word(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _pieces(content_type: str, body: bytes) -> list[bytes]:
    """What stands between the boundaries. The line break in front of one belongs to it (RFC 2046 section 5.1.1)."""
    match = _BOUNDARY.search(content_type)
    named = (re.sub(r"\\(.)", r"\1", match[1]) if match[1] else match[2]).encode() if match else b""
    if not named or b"--" + named not in body:
        guess = _FIRST.search(body)
        named = guess[1].rstrip(b" \t") if guess else b""
        if not 0 < len(named) <= LONGEST_BOUNDARY:
            return []
    line = re.compile(rb"(?:\A|\r?\n)--" + re.escape(named) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    pieces: list[bytes] = []
    start: int | None = None
    for boundary in line.finditer(body):
        if start is not None:
            pieces.append(body[start:boundary.start()])
        start = None if boundary[1] else boundary.end()
        if boundary[1] or len(pieces) > MOST_PARTS:
            break
    if start is not None and body[start:].strip():
        pieces.append(body[start:])
    return pieces


def _fields(piece: bytes) -> tuple[dict[str, str], bytes]:
    """Header fields by lower-case name, and the content of a part, which begins with the end of its boundary's line."""
    piece = piece.removeprefix(b"\r").removeprefix(b"\n")
    blank = _BLANK.search(piece)
    if blank is None:
        return {}, piece
    head = _FOLD.sub(" ", piece[:blank.start()].decode("utf-8", "replace"))
    fields: dict[str, str] = {}
    for line in head.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), value.strip())
    return fields, piece[blank.end():]


def first(parts: Sequence[Part], *content_types: str) -> bytes | None:
    """The content of the first part of one of these types, or None."""
    return next((part.content for part in parts if part.content_type in content_types), None)
