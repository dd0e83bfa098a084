"""What may leave the process in a log, a journal or an error report, and what is masked before.

The rule, in the order in which it is applied to a text:

1. Secrets go: passwords in addresses, ``Basic`` and ``Bearer`` credentials, ``api_key=``, ``password=`` ...
2. Ids and times stay whole: UUIDs, Asterisk's unique ids (``1795230600.12``, which is also a time with a fraction),
   the counter at the end of a channel's name (``-0000001a``), ISO 8601 times, and addresses with a port.
3. Of any other number of five digits or more everything but the last three digits is masked; so it is of a number
   that is written in groups (``4111 1111 1111 1111``) when it has nine digits or more.

Values under a key that says what they are do not need their looks: a secret's value goes, a party's number is masked
whatever it looks like, an id stays. Numbers that are not text (counts, times) stay, except under a party's key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

REMOVED = "[removed]"
_KEPT = 3  # digits at the end of a number
_LONG = 5  # digits that make a number
_DEEPEST = 40

_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization|api_?key|cookie|dsn|credential", re.IGNORECASE)
PARTY_KEYS = frozenset({"number", "user", "dialled", "caller", "callee", "caller_number", "callee_number",
                        "caller_user", "callee_user", "from", "to"})
ID_KEYS = frozenset({"id", "call", "calls", "leg", "legs", "old", "new", "by", "members", "origin", "first_leg",
                     "bridge", "segment", "recording", "request", "actor_leg", "boot", "sip_call_id",
                     "merged_into", "consults", "away", "dialled_by", "transferred_by", "decided_for", "caller_leg",
                     "callee_leg",
                     "announcement", "announcements", "hearers"})

_SECRETS = (
    (re.compile(r"(?<=//)[^/\s:@]*:[^/\s@]+(?=@)"), REMOVED),
    (re.compile(r"\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{4,}", re.IGNORECASE), rf"\1 {REMOVED}"),
    (re.compile(r"\b(password|passwd|secret|token|api_key)(\"?'?\s*[=:]\s*\"?'?)[^\s,;&\"'})]+", re.IGNORECASE),
     rf"\1\2{REMOVED}"),
)

# What every text has that anything above or below could change: most texts have none of it.
_SUSPICIOUS = re.compile(r"\d\d|//|basic|bearer|pass|secret|token|api_key", re.IGNORECASE)

_HEX = "[0-9a-fA-F]"
_WHOLE = "|".join((
    rf"(?<![0-9a-fA-F]){_HEX}{{8}}-(?:{_HEX}{{4}}-){{3}}{_HEX}{{12}}(?![0-9a-fA-F])",
    r"(?<!\d)1\d{9}\.\d{1,9}(?!\d)",
    rf"(?<=[^\s/-])-00{_HEX}{{6}}(?=;[12]\b|[\s,'\"\])]|$)",
    r"(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)",
    r"(?:(?<!\d)\d{1,3}(?:\.\d{1,3}){3}|\blocalhost|\]):\d{1,5}(?!\d)",
))
_NUMBER = r"\d{5,}|(?<!\d)\d{2,}(?:[ ()/-]{1,2}\d{2,})+(?!\d)"
_FOUND = re.compile(rf"(?P<whole>{_WHOLE})|(?P<number>{_NUMBER})")
_GROUPED = 9  # digits that make a number written in groups


def text(value: str) -> str:
    """A free text with secrets removed and long numbers masked, as the rule above says."""
    if not _SUSPICIOUS.search(value):
        return value
    for pattern, instead in _SECRETS:
        value = pattern.sub(instead, value)
    return _FOUND.sub(_masked, value)


def number(value: str) -> str:
    """A party's number or user part: all digits but the last three are masked when it has five or more."""
    if sum(sign.isdigit() for sign in value) < _LONG:
        return value
    return _mask(value)


def plain(value: object, key: str = "", depth: int = 0) -> Plain:
    """The value as JSON-ready values with everything in it redacted; what is neither text nor number becomes text.

    Args:
        key: the name under which it stands: a secret's value goes, a party's is masked, an id stays.
    """
    if depth > _DEEPEST:
        return REMOVED
    if key and value is not None and _is_secret(key):
        return REMOVED
    if isinstance(value, Mapping):
        return {_name(str(name)): plain(item, str(name), depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, key, depth + 1) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return number(str(value)) if key in PARTY_KEYS and len(str(value)) >= _LONG else value
    if not isinstance(value, str):
        return text(str(value))
    if key in ID_KEYS:
        return str(value)
    return number(value) if key in PARTY_KEYS else text(value)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


@lru_cache(maxsize=1024)
def _name(key: str) -> str:
    """A key may have been made of a number."""
    return text(key)


def _masked(found: re.Match[str]) -> str:
    if found.group("whole") is not None:
        return found.group()
    digits = sum(sign.isdigit() for sign in found.group())
    return _mask(found.group()) if digits == len(found.group()) or digits >= _GROUPED else found.group()


def _mask(value: str) -> str:
    """The text with every digit but the last three as a star."""
    left = sum(sign.isdigit() for sign in value) - _KEPT
    signs = []
    for sign in value:
        signs.append("*" if sign.isdigit() and left > 0 else sign)
        left -= sign.isdigit()
    return "".join(signs)
