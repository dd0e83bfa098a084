"""Between ARI's JSON and typed values: what the generated files call. Pure.

A reader takes one JSON value and returns it typed, or raises TypeError or ValueError that names what was expected,
never the value: it may hold digits that a caller dialled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar, cast
from urllib.parse import quote

from faults import SwitchProtocolBroken

T = TypeVar("T")
Reader = Callable[[object], T]


def text(value: object) -> str:
    """A string."""
    if isinstance(value, str):
        return value
    raise TypeError("a string")


def integer(value: object) -> int:
    """A whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise TypeError("a whole number")


def number(value: object) -> float:
    """A number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TypeError("a number")


def flag(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise TypeError("true or false")


def instant(value: object) -> float:
    """Asterisk's ``2026-11-21T08:00:00.123+0000`` as seconds since the Unix epoch; without an offset it is refused."""
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        raise ValueError("a time") from None
    if moment.tzinfo is None:
        raise ValueError("a time with an offset from UTC")
    return moment.timestamp()


def mapping(value: object) -> Mapping[str, object]:
    """An object; JSON's keys are strings."""
    if isinstance(value, dict):
        return cast(Mapping[str, object], value)
    raise TypeError("an object")


def strings(value: object) -> Mapping[str, str]:
    """An object that holds strings only."""
    found = mapping(value)
    if all(isinstance(one, str) for one in found.values()):
        return cast(Mapping[str, str], found)
    raise TypeError("an object of strings")


def one(read: Callable[[Mapping[str, object]], T]) -> Reader[T]:
    """The reader of an object that `read` understands."""
    return lambda value: read(mapping(value))


def many(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """The reader of an array whose members `read` understands."""
    def members(value: object) -> tuple[T, ...]:
        if isinstance(value, list):
            return tuple(read(member) for member in value)
        raise TypeError("an array")
    return members


def nothing(value: object) -> None:
    """The answer of an operation that has none; whatever came is ignored."""


def required(data: Mapping[str, object], name: str, read: Reader[T]) -> T:
    """A field that has to be there.

    Raises:
        SwitchProtocolBroken: it is missing, or is something else.
    """
    if name not in data:
        raise SwitchProtocolBroken(f"Asterisk left out the field {name}.", field=name)
    return _read(data[name], name, read)


def optional(data: Mapping[str, object], name: str, read: Reader[T]) -> T | None:
    """A field that may be missing or null.

    Raises:
        SwitchProtocolBroken: it is something else.
    """
    value = data.get(name)
    return None if value is None else _read(value, name, read)


def part(value: str) -> str:
    """One part of a path, percent-encoded whole (RFC 3986, 2.1): a slash in it is no separator."""
    encoded = quote(value, safe="", errors="replace")
    # A part that is only dots would be taken for a step in the path (RFC 3986, 5.2.4).
    return encoded if value.strip(".") else encoded.replace(".", "%2E")


def query(values: Mapping[str, str | int | bool | Sequence[str] | None]) -> dict[str, str]:
    """A query as ARI reads it: true and false in lower case, lists joined by commas, None left out."""
    asked: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            asked[name] = "true" if value else "false"
        elif isinstance(value, str | int):
            asked[name] = str(value)
        elif value is not None:
            asked[name] = ",".join(value)
    return asked


def _read(value: object, name: str, read: Reader[T]) -> T:
    try:
        return read(value)
    except (TypeError, ValueError) as wrong:
        raise SwitchProtocolBroken(f"Asterisk's field {name} is not {wrong}.", field=name) from None
