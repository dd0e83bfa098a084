"""Values of SIP header fields: lists, parameters, addresses, challenges. Read tolerantly; nothing that is read raises.

``sipmessage`` reads these too, but splits a quoted value at its commas, knows no host whose last label has a digit,
and writes ``;+sip.src`` as ``;%2Bsip.src``; see docs/decisions/0015-sip-grammar.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST = 8192
"""Characters of one value that are looked at; a route of ten proxies has 600."""

MOST = 64
"""Elements of one list that are looked at."""

LARGEST_NUMBER = (1 << 31) - 1
"""RFC 3261 section 20.33 and RFC 4028 section 4 have delta-seconds, of 31 bits."""

_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
"""A quoted string; one that is not closed goes on to the end, which also keeps the time that it takes short."""

_PIECE = {separator: re.compile(rf"(?:{_STRING}|<[^<>]*>|[^{separator}\"])*", re.DOTALL) for separator in ",;"}
_URI = re.compile(r"(?P<scheme>sips?):(?:(?P<user>[^@<>\s\x00-\x20\x7f\"]*)@)?"
                  r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[;?][^<>\s\x00-\x20\x7f\"]*)?",
                  re.IGNORECASE)
_QUOTES = re.compile(_STRING, re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_NUMBER = re.compile(r"\s*([0-9]{1,10})")
_CHALLENGE = re.compile(
    rf"(?:\b([A-Za-z][\w-]{{0,31}})\s{{1,8}})?\b([\w-]{{1,32}})\s{{0,8}}=\s{{0,8}}({_STRING}|[^\s,\"]*)", re.DOTALL)


def split(value: str, separator: str = ",") -> list[str]:
    """The pieces between separators that stand in no quotes and no angle brackets, without empty ones."""
    pieces: list[str] = []
    value, at = value[:LONGEST], 0
    while at <= len(value) and len(pieces) < MOST:
        match = _PIECE[separator].match(value, at)
        assert match is not None
        if piece := match[0].strip():
            pieces.append(piece)
        at = match.end() + 1
    return pieces


def unquoted(value: str) -> str:
    """A quoted string's text; anything else as it is."""
    match = _QUOTED.fullmatch(value)
    return value if match is None else re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL)


def quoted(value: str) -> str:
    """The text as a quoted string (RFC 3261 section 25.1)."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parameters(pieces: list[str]) -> dict[str, str]:
    """Names in lower case and their values without quotes, empty where there is none. The first of a name counts."""
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        found.setdefault(name.strip().lower(), unquoted(value.strip()))
    return found


def number(value: str | None, largest: int = LARGEST_NUMBER) -> int | None:
    """The number that a value begins with, at most ``largest``; None when there is none."""
    match = _NUMBER.match(value or "")
    return None if match is None else min(int(match[1]), largest)


@dataclass(frozen=True, slots=True)
class Uri:
    """Where a ``sip:`` or ``sips:`` URI leads to.

    Attributes:
        host: without brackets.
        port: None when it names none, or one that cannot be.
        transport: of its parameters, in lower case, or empty.
        loose: ``lr`` (RFC 3261 section 19.1.1).
    """

    host: str
    port: int | None = None
    secure: bool = False
    user: str = ""
    transport: str = ""
    loose: bool = False


def uri(text: str) -> Uri | None:
    """What a URI leads to, or None when it is no SIP URI."""
    match = _URI.fullmatch(text[:LONGEST].strip())
    if match is None:
        return None
    rest = parameters(split((match["rest"] or "").partition("?")[0], ";"))
    port = number(match["port"])
    return Uri(match["host"].strip("[]").lower(), port if port and port < 65536 else None,
               match["scheme"].lower() == "sips", match["user"] or "", rest.get("transport", "").lower(), "lr" in rest)


@dataclass(frozen=True, slots=True)
class Address:
    """A name-addr or addr-spec, without its display name: a URI as it was written, and the field's parameters."""

    uri: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def address(value: str) -> Address:
    """What an element of From, To, Contact, Route or Record-Route names (RFC 3261 section 20.10)."""
    value = value[:LONGEST].strip()
    bare = _QUOTES.sub(lambda match: "\0" * len(match[0]), value)
    start, end = bare.find("<"), bare.find(">")
    if 0 <= start < end:
        return Address(value[start + 1:end].strip(), parameters(split(value[end + 1:], ";")))
    # RFC 3261 section 20: without brackets, parameters are the field's and not the URI's.
    pieces = split(value, ";")
    return Address(pieces[0] if pieces else "", parameters(pieces[1:]))


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of WWW-Authenticate or Proxy-Authenticate: its scheme in lower case, and what belongs to it."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(value: str) -> list[Challenge]:
    """The challenges of one field, of which some write several (RFC 9110 section 11.6.1)."""
    found: list[tuple[str, dict[str, str]]] = []
    for scheme, name, text in _CHALLENGE.findall(value[:LONGEST]):
        if scheme or not found:
            found.append((scheme.lower(), {}))
        found[-1][1].setdefault(name.lower(), unquoted(text))
    return [Challenge(scheme, values) for scheme, values in found[:MOST]]
