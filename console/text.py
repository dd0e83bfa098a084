"""Plain text for a terminal: nothing that a caller could have chosen reaches it as a control character."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import click


def safe(value: object) -> str:
    """The text with every control, format, surrogate and separator character written out (``\\x1b``, ``\\u202e``)."""
    return "".join(sign if _harmless(sign) else _escaped(sign) for sign in str(value))


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns under their heads, as wide as they must be."""
    shown = [list(heads), *([safe(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[column]) for row in shown) for column in range(len(heads))]
    return "\n".join("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
                     .rstrip() for row in shown)


def when(at: float | None) -> str:
    """A time for a person: this machine's time zone, to the second; a dash where there is none."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(at: float) -> str:
    """The time of day of a moment, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]


def seconds(value: float | None) -> str:
    """A length for a person."""
    return "-" if value is None else f"{value:.1f} s"


def part(value: str) -> str:
    """A value as one part of a URL's path."""
    return quote(value, safe="")


def say(text: str) -> None:
    """A line of ours; what is put into it went through :func:`safe`."""
    click.echo(text)


def say_json(value: Any) -> None:
    """A JSON document. Its own escapes keep control characters out of the terminal."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def _harmless(sign: str) -> bool:
    return sign == " " or unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def _escaped(sign: str) -> str:
    number = ord(sign)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _width(text: str) -> int:
    """How many columns a terminal takes for it."""
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
               for sign in text)
