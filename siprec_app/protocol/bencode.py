"""Bencoding, as rtpengine's ng protocol has it: numbers, texts, lists and dictionaries. Bytes in, values out.

The daemon writes keys in any order, so nothing here insists on their being sorted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

__all__ = ["DEEPEST", "Value", "decode", "encode"]

Value: TypeAlias = int | str | list["Value"] | dict[str, "Value"]

DEEPEST = 16
"""Lists and dictionaries within each other. The daemon's deepest answers have eight."""
_FIGURES = 20
"""In a number, with its sign: 64 bits."""


def encode(value: object) -> bytes:
    """An int, a text, a list, or a dictionary with texts as keys.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return b"i%de" % value
    if isinstance(value, str):
        data = value.encode()
        return b"%d:%s" % (len(data), data)
    if isinstance(value, Mapping):
        return b"d" + b"".join(encode(key) + encode(one) for key, one in value.items()) + b"e"
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return b"l" + b"".join(encode(one) for one in value) + b"e"
    raise TypeError(f"cannot be bencoded: {type(value).__name__}")


def decode(data: bytes) -> Value:
    """The one value that ``data`` is. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        ValueError: it is none, or more than one, or nested deeper than :data:`DEEPEST`.
    """
    value, end = _value(data, 0, DEEPEST)
    if end != len(data):
        raise ValueError("something follows the value")
    return value


def _value(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth == 0:
        raise ValueError("nested too deep")
    kind = data[at:at + 1]
    if kind == b"i":
        return _number(data, at + 1, b"e", signed=True)
    if kind == b"l":
        return _list(data, at + 1, depth)
    if kind == b"d":
        return _dictionary(data, at + 1, depth)
    return _text(data, at)


def _list(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    found: list[Value] = []
    while data[at:at + 1] != b"e":
        one, at = _value(data, at, depth - 1)
        found.append(one)
    return found, at + 1


def _dictionary(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    found: dict[str, Value] = {}
    while data[at:at + 1] != b"e":
        key, at = _text(data, at)
        found[key], at = _value(data, at, depth - 1)
    return found, at + 1


def _text(data: bytes, at: int) -> tuple[str, int]:
    length, begin = _number(data, at, b":", signed=False)
    end = begin + length
    if end > len(data):
        raise ValueError("a text is shorter than it says")
    return data[begin:end].decode(errors="replace"), end


def _number(data: bytes, at: int, until: bytes, *, signed: bool) -> tuple[int, int]:
    end = data.find(until, at, at + _FIGURES + 1)
    figures = data[at:max(at, end)]
    if not (figures[1:] if signed and figures[:1] == b"-" else figures).isdigit():
        raise ValueError("no number where one should be")
    return int(figures), end + 1
